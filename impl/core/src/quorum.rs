//! Majorities: any two of them share a server, and that server is where every safety argument of Raft ends (§5.4).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::types::{Index, NodeId};

/// The servers whose votes and acknowledgements count.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Voters(BTreeSet<NodeId>);

impl Voters {
    /// These servers, each counted once.
    pub fn new(ids: impl IntoIterator<Item = NodeId>) -> Voters {
        Voters(ids.into_iter().collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In ascending order.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.0.iter().copied()
    }

    /// Is `id` one of them?
    pub fn contains(&self, id: NodeId) -> bool {
        self.0.contains(&id)
    }

    /// The size of the smallest majority: more than half.
    pub fn majority(&self) -> usize {
        self.len() / 2 + 1
    }

    /// Is more than half of them among those of whom this is said? Who is not one of them does not count, whatever is
    /// said.
    pub fn are_majority(&self, is_said_of: impl Fn(NodeId) -> bool) -> bool {
        self.iter().filter(|voter| is_said_of(*voter)).count() >= self.majority()
    }

    /// The highest index that a majority holds, given what each voter holds: the majority-th largest.
    ///
    /// 0 if there is no voter.
    pub fn held(&self, matched: impl Fn(NodeId) -> Index) -> Index {
        let mut indexes: Vec<Index> = self.iter().map(matched).collect();
        indexes.sort_unstable_by(|a, b| b.cmp(a));
        indexes.get(self.majority() - 1).copied().unwrap_or_default()
    }
}
