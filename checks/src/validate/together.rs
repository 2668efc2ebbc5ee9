//! What the servers of a run did together: what comes of a step for the others, and which properties are judged then.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::sync::Arc;

use raftlab_core::{Entry, Index, Input, NodeId, Payload, Raft, Snapshot};
use raftlab_model::{Ghosts, Verdict};

use super::properties::{When, founders};
use super::run::{Place, Run};
use super::server::Stepped;

/// What a step changed.
#[derive(Debug)]
pub struct Changed {
    /// The last entry that stayed in the log, if the log changed.
    kept: Option<Index>,
    /// The last entry that stayed on the disk, if others did not.
    lost_after: Option<Index>,
    /// Snapshots that took the place of entries.
    snapshots: Vec<Arc<Snapshot>>,
}

impl Changed {
    /// In this step.
    pub fn of(stepped: &Stepped) -> Changed {
        let (kept, lost_after) = (stepped.kept, stepped.lost_after);
        Changed { kept, lost_after, snapshots: stepped.snapshots.clone() }
    }
}

impl Run {
    /// What left a server, and what its state machine was given.
    pub(super) fn carry_out(&mut self, at: Place, stepped: Stepped) {
        for (to, message) in &stepped.sent {
            self.sent.note(at.id, *to, message);
        }
        for outbox in stepped.released {
            if let Some(snapshot) = &outbox.restored {
                self.restore(at.id, snapshot);
            }
            if !outbox.committed.is_empty() {
                self.apply(at.id, &outbox.committed);
            }
        }
    }

    /// A state machine is given entries. The first that is, of all, is what the others are compared with.
    fn apply(&mut self, id: NodeId, entries: &[Entry]) {
        let (Some(server), Some(machine)) = (self.servers.get_mut(&id), self.machines.get_mut(&id)) else {
            return;
        };
        let (mut given, known_before) = (Ghosts::default(), self.ledger.end());
        let term = server.raft.term();
        for entry in entries {
            let index = entry.id.index;
            if index != server.applied.next() || index > self.ledger.end().next() {
                given.misapplied.get_or_insert_with(|| entry.clone());
            }
            if index == self.ledger.end().next() {
                self.ledger.push(entry, term, id);
            }
            server.applied = index;
            machine.owe(entry);
        }
        server.reached = server.reached.max(server.applied);
        let (first, last) = (entries[0].id.index, server.applied);
        given.applied = entries.iter().map(|entry| self.ledger.in_form(entry)).collect();
        let known = (first.0..=last.0).filter_map(|index| self.ledger.entry(Index(index))).collect();
        let known = Ghosts { applied: known, ..Ghosts::default() };
        let other = self.ledger.first_at(first).unwrap_or(id);
        self.tally.applies(&self.servers, (id, &given), (other, &known), (first.prev(), &self.ledger));
        if self.ledger.end() > known_before {
            let led =
                self.servers.iter().filter(|(_, other)| other.raft.is_leader() && other.raft.term() > term);
            for leader in led.map(|(leader, _)| *leader).collect::<Vec<_>>() {
                self.tally.leads(&self.servers, leader, known_before, &self.ledger);
            }
        }
    }

    /// A state machine becomes what a snapshot says: that of entries which were applied somewhere.
    fn restore(&mut self, id: NodeId, snapshot: &Snapshot) {
        let (Some(server), Some(machine)) = (self.servers.get_mut(&id), self.machines.get_mut(&id)) else {
            return;
        };
        server.applied = snapshot.last.index;
        server.reached = server.reached.max(server.applied);
        if self.ledger.id_at(snapshot.last.index) != Some(snapshot.last) {
            let misapplied = Some(Entry { id: snapshot.last, payload: Payload::Noop });
            let given = Ghosts { misapplied, ..Ghosts::default() };
            let beyond = snapshot.last.index;
            self.tally.applies(&self.servers, (id, &given), (id, &given), (beyond, &self.ledger));
        }
        let restored = machine.restore(id, snapshot);
        if restored.is_err() {
            self.tally.note(When::Compacts, &restored);
        }
    }

    /// What a step is about is judged when it is taken.
    pub(super) fn judge(&mut self, id: NodeId, input: &Input, changed: &Changed) {
        let server = &self.servers[&id];
        let (was, is, before) = (&server.before, &server.raft, server.before.commit());
        let leads_anew = is.is_leader() && (!was.is_leader() || was.term() != is.term());
        let latest = |raft: &Raft| raft.log().changes().next_back().map(|(at, _)| at);
        let changes = discriminant(was.role()) != discriminant(is.role())
            || was.term() != is.term()
            || latest(was) != latest(is);
        let is_leaders = was.is_leader() || is.is_leader();
        let commits = is.commit() > before && (is_leaders || is.commit() > self.committed);
        let matches = is.is_leader() && matches!(input, Input::Receive { .. });
        self.committed = self.committed.max(is.commit());
        self.tally.note(When::Replay, &Ok(()));
        self.tally.step(server, changed.kept, false, &self.ledger);
        if is_leaders && commits {
            let founders = founders(&self.servers);
            self.servers.entry(id).and_modify(|server| server.count(before, founders.voters()));
        }
        if let Some(beyond) = commits.then_some(before).into_iter().chain(changed.lost_after).min() {
            self.tally.commits(&self.servers, beyond, &self.ledger);
        }
        if matches {
            self.tally.matches(&self.servers, id, true, &self.ledger);
        }
        if leads_anew {
            self.tally.leads(&self.servers, id, Index(0), &self.ledger);
        }
        if changes {
            self.tally.changes(&self.servers, Some(id), &self.ledger);
        }
        for snapshot in &changed.snapshots {
            self.totals.snapshots += 1;
            let verdict = self.judge_snapshot(id, snapshot, matches!(input, Input::Compact { .. }));
            self.tally.note(When::Compacts, &verdict);
        }
    }

    /// A snapshot that a server took itself is compared with its state machine; one that a leader sent has to be one of
    /// these.
    fn judge_snapshot(&mut self, id: NodeId, snapshot: &Snapshot, is_own: bool) -> Verdict {
        let mut hasher = DefaultHasher::new();
        snapshot.hash(&mut hasher);
        let print = hasher.finish();
        if !is_own {
            let is_known = self.taken.get(&snapshot.last) == Some(&print);
            let why = || format!("{id} was sent a snapshot {snapshot}, and nobody took that one");
            return if is_known { Ok(()) } else { Err(why()) };
        }
        self.taken.insert(snapshot.last, print);
        let founders = founders(&self.servers);
        let machine = self.machines.entry(id).or_default();
        machine.judge(id, snapshot, &self.ledger, &founders)
    }

    /// Everything, of all servers.
    pub(super) fn judge_all(&mut self) {
        self.tally.changes(&self.servers, None, &self.ledger);
        let leaders = self.servers.iter().filter(|(_, server)| server.raft.is_leader());
        for id in leaders.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.tally.leads(&self.servers, id, Index(0), &self.ledger);
            self.tally.matches(&self.servers, id, false, &self.ledger);
        }
    }
}
