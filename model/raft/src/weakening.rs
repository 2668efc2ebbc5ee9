//! The ways in which a world can be broken on purpose.

use std::fmt;

use raftlab_core::Rule;

use crate::shim::Shim;

/// How one rule is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A guard in the core is switched off.
    Rule(Rule),
    /// The core is whole, and its host is broken.
    Shim(Shim),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Rule(_) => "rule",
            Way::Shim(_) => "shim",
        })
    }
}
