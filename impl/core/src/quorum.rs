//! Majorities: any two of them share a server, and that server is where every safety argument of Raft ends (§5.4).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::types::{Index, NodeId};

/// The servers whose votes and acknowledgements count.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// Are those of whom `is_one` holds a majority?
    pub fn agree(&self, is_one: impl Fn(NodeId) -> bool) -> bool {
        self.iter().filter(|id| is_one(*id)).count() >= self.majority()
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
