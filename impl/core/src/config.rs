//! What a server is told at its start and never changes.

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::num::NonZeroUsize;

use crate::quorum::Voters;
#[cfg(feature = "weaken")]
use crate::rule::Rule;
use crate::types::NodeId;

/// One server's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    id: NodeId,
    voters: Voters,
    max_entries: NonZeroUsize,
    #[cfg(feature = "weaken")]
    pub(crate) without: Option<Rule>,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl Config {
    /// Server `id` in a cluster of `voters`, sending at most `max_entries` entries in a message.
    ///
    /// # Errors
    ///
    /// If `id` is not among `voters`, or `max_entries` is 0: such a server could never replicate anything.
    pub fn new(id: NodeId, voters: Voters, max_entries: usize) -> Result<Config, ConfigError> {
        if !voters.contains(id) {
            return Err(ConfigError(alloc::format!("{id} is not one of the {} voters", voters.len())));
        }
        let max_entries = NonZeroUsize::new(max_entries)
            .ok_or_else(|| ConfigError("a message must be allowed at least 1 entry".into()))?;
        Ok(Config {
            id,
            voters,
            max_entries,
            #[cfg(feature = "weaken")]
            without: None,
        })
    }

    /// This server.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The servers whose votes count, this one among them.
    pub fn voters(&self) -> &Voters {
        &self.voters
    }

    /// The most entries that one message carries.
    pub fn max_entries(&self) -> usize {
        self.max_entries.get()
    }

    /// The other servers.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.voters.iter().filter(|peer| *peer != self.id)
    }
}

/// A configuration is a constant of its server: the server's name stands for it.
impl Hash for Config {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for ConfigError {}
