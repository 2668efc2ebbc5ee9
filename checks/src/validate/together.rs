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
        let restored = machine.restore(id, snapshot, self.ledger.digest_at(snapshot.last.index));
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
        let is_turn = discriminant(was.role()) != discriminant(is.role())
            || was.term() != is.term()
            || latest(was) != latest(is);
        // One that commits its own removal leads no more, in the same term; in a later one it commits as a follower.
        let is_leaders = is.is_leader() || was.is_leader() && was.term() == is.term();
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
        if is_turn {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use raftlab_core::{Config, Durable, Index, LogId, Membership, Term, Voters};
    use raftlab_node::journal::{Began, Outcome, Told};
    use raftlab_node::kv::Store;

    use super::super::Options;
    use super::super::report::Totals;
    use super::super::server::Server;
    use super::*;

    const N1: NodeId = NodeId(1);

    /// A run of which nothing is known but that n1 is one of three.
    fn run() -> Run {
        let mut run = Run::of(BTreeMap::new(), Totals::default(), &Options::default());
        let config = Config::new(N1, founders().voters().clone(), 1).unwrap();
        let (raft, effects) = Raft::recover(config.clone(), Durable::default());
        let outcome = Some(Outcome::of(&raft, &effects, &mut Vec::new()));
        let began = Began { real: 0, told: Told::of(&config), durable: Durable::default(), outcome };
        let (server, _) = Server::first(&config.into(), &began).unwrap();
        run.servers.insert(N1, server);
        run.machines.entry(N1).or_default();
        run
    }

    fn founders() -> Membership {
        Membership::of(Voters::new([1, 2, 3].map(NodeId)))
    }

    fn entries() -> Vec<Entry> {
        (1..=3).map(|at| Entry { id: LogId::new(Term(1), Index(at)), payload: Payload::Noop }).collect()
    }

    /// What a state machine is after all of the entries.
    fn snapshot() -> Snapshot {
        let mut store = Store::default();
        for entry in entries() {
            store.apply(&entry);
        }
        let (last, membership) = (store.applied(), founders().into());
        Snapshot { last, membership, state: store.snapshot().into() }
    }

    #[test]
    fn a_snapshot_is_the_state_machine_and_the_configuration_at_its_end() {
        let mut run = run();
        run.apply(N1, &entries());
        assert_eq!(run.judge_snapshot(N1, &snapshot(), true), Ok(()));
        let other = Membership::of(Voters::new([1, 2].map(NodeId)));
        let wrong = Snapshot { membership: other.into(), ..snapshot() };
        let why = run.judge_snapshot(N1, &wrong, true).unwrap_err();
        assert!(why.contains("the configuration in force there was {n1 n2 n3}"), "{why}");
        let early = Snapshot { last: LogId::new(Term(1), Index(2)), ..snapshot() };
        let why = run.judge_snapshot(N1, &early, true).unwrap_err();
        assert!(why.contains("its state machine stood at 3@1"), "{why}");
        let wrong = Snapshot { state: vec![1].into(), ..snapshot() };
        assert!(run.judge_snapshot(N1, &wrong, true).is_err());
    }

    #[test]
    fn a_snapshot_that_was_sent_is_one_that_was_taken() {
        let mut run = run();
        let why = run.judge_snapshot(N1, &snapshot(), false).unwrap_err();
        assert!(why.contains("and nobody took that one"), "{why}");
        run.apply(N1, &entries());
        assert_eq!(run.judge_snapshot(N1, &snapshot(), true), Ok(()));
        assert_eq!(run.judge_snapshot(N1, &snapshot(), false), Ok(()));
        let other = Snapshot { state: vec![1].into(), ..snapshot() };
        assert!(run.judge_snapshot(N1, &other, false).is_err());
    }

    /// What each of the steps breaks.
    fn breaks(steps: impl FnOnce(&mut Run)) -> Vec<&'static str> {
        let mut run = run();
        steps(&mut run);
        run.tally.news().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_state_machine_is_given_what_others_were_in_order_and_once() {
        const SAFETY: &str = "State Machine Safety";
        let other = Entry { id: LogId::new(Term(2), Index(3)), payload: Payload::Noop };
        assert_eq!(breaks(|run| run.apply(N1, &entries())), [""; 0]);
        assert_eq!(breaks(|run| run.apply(N1, &entries()[1..])), [SAFETY], "a gap");
        let twice = |run: &mut Run| {
            run.apply(N1, &entries()[..2]);
            run.apply(N1, &entries()[1..]);
        };
        assert_eq!(breaks(twice), [SAFETY], "twice");
        let restarted = |run: &mut Run, again: &[Entry]| {
            run.apply(N1, &entries());
            run.servers.entry(N1).and_modify(|server| server.applied = Index(0));
            run.apply(N1, again);
        };
        assert_eq!(breaks(|run| restarted(run, &entries())), [""; 0]);
        let changed = [&entries()[..2], &[other]].concat();
        assert_eq!(breaks(|run| restarted(run, &changed)), [SAFETY], "another one in another life");
    }

    #[test]
    fn a_state_machine_becomes_what_others_were() {
        let after = |entries: &[Entry]| {
            let entries = entries.to_vec();
            breaks(move |run| {
                run.apply(N1, &entries);
                run.restore(N1, &snapshot());
            })
        };
        assert_eq!(after(&entries()), [""; 0]);
        assert_eq!(after(&entries()[..2]), ["State Machine Safety"], "nobody was there yet");
        let broken = Snapshot { state: vec![9].into(), ..snapshot() };
        let broken = |run: &mut Run| {
            run.apply(N1, &entries());
            run.restore(N1, &broken);
        };
        assert_eq!(breaks(broken), ["snapshots are true"]);
    }
}
