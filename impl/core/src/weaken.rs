//! How a rule is switched off, for those who want to see what falls. Only with the feature `weaken`, which nothing
//! that runs in production enables.

use crate::config::Config;
use crate::raft::Raft;
use crate::rule::Rule;
use crate::types::Index;

impl Config {
    /// The same configuration, with `rule` off.
    #[must_use]
    pub fn without(mut self, rule: Rule) -> Config {
        self.without = Some(rule);
        self
    }
}

impl Raft {
    /// Is `rule` on?
    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.config.without != Some(rule)
    }

    /// Forgets the entries after `last` in memory only, as a server does that rolls back after a failed write.
    pub fn forget_after(&mut self, last: Index) {
        self.log.replace_after(last, &[]);
    }

    /// Takes the whole log for committed, as a server does that applies what it finds on its disk.
    pub fn assume_committed(&mut self) {
        self.commit = self.log.last().index;
    }
}
