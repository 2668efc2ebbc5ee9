//! The state machine of each server, replayed to see whether its snapshots are true. It is given entries when a
//! snapshot says how far: a host makes the bytes while its state machine goes on.

use std::collections::VecDeque;

use raftlab_core::{Entry, Membership, NodeId, Snapshot};
use raftlab_model::Verdict;
use raftlab_node::kv::Store;

use super::figures::Digest;
use super::ledger::Ledger;

/// A state machine that lags behind that of its server.
#[derive(Debug, Default)]
pub struct Machine {
    store: Store,
    owed: VecDeque<Entry>,
    /// Of all that its server's was given, through snapshots too.
    pub digest: Digest,
}

impl Machine {
    /// Its server's was given this entry.
    pub fn owe(&mut self, entry: &Entry) {
        self.digest = self.digest.and(entry);
        self.owed.push_back(entry.clone());
    }

    /// Its server's has become what a snapshot says; `digest` is that of the entries that the snapshot stands for.
    ///
    /// # Errors
    ///
    /// If the snapshot holds no state of it.
    pub fn restore(&mut self, id: NodeId, snapshot: &Snapshot, digest: Digest) -> Verdict {
        self.digest = digest;
        let restored = Store::restore(&snapshot.state);
        self.store = restored.map_err(|error| format!("{id} restored a snapshot {snapshot}: {error}"))?;
        self.owed.clear();
        Ok(())
    }

    /// Is this what it should be at the end of the snapshot, and the configuration that in force there? `installed`
    /// says that a leader sent it: then it was restored just now.
    ///
    /// # Errors
    ///
    /// What is otherwise.
    pub fn judge(
        &mut self,
        id: NodeId,
        snapshot: &Snapshot,
        ledger: &Ledger,
        founders: &Membership,
    ) -> Verdict {
        while self.owed.front().is_some_and(|entry| entry.id.index <= snapshot.last.index) {
            // What is not the next was judged when it was given.
            let next =
                self.owed.pop_front().filter(|entry| entry.id.index == self.store.applied().index.next());
            if let Some(entry) = next {
                self.store.apply(&entry);
            }
        }
        if self.store.applied() != snapshot.last {
            let applied = self.store.applied();
            return Err(format!("{id} has a snapshot {snapshot}, and its state machine stood at {applied}"));
        }
        if self.store.snapshot() != *snapshot.state {
            let entries = "which is not what the entries up to there make of a state machine";
            return Err(format!("{id} has a snapshot {snapshot}, {entries}"));
        }
        let in_force = ledger.membership_at(snapshot.last.index).unwrap_or(founders);
        if *snapshot.membership == *in_force {
            return Ok(());
        }
        Err(format!("{id} has a snapshot {snapshot}, and the configuration in force there was {in_force}"))
    }
}
