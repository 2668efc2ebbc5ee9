//! The numbers behind what a replay says: which terms each server was in, on whose matchIndex each commitIndex rests, and
//! what each state machine was given.

use std::collections::BTreeMap;
use std::hash::Hasher;

use raftlab_core::{Entry, Index, NodeId, Raft, Term};
use serde::Serialize;
use siphasher::sip::SipHasher13;

use super::server::Server;

/// Of so many advances of commitIndex the numbers are kept; of all it is counted whether they are right.
const KEPT_MAX: usize = 400;

/// What servers came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// By server.
    pub servers: BTreeMap<String, ServerFigures>,
    /// How often a leader's commitIndex advanced,
    pub advances: u64,
    /// and how often not by §5.3 and §5.4.2: an older entry, or less than a majority.
    pub unfounded: u64,
    /// The first advances, in order of time.
    pub commits: Vec<Commit>,
}

/// One server through all its lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServerFigures {
    /// Every term that it was in, in order.
    pub terms: Vec<u64>,
    /// How often a term followed that was lower.
    pub falls: u64,
    /// The last entry that its state machine was given.
    pub applied: u64,
    /// A digest of all entries up to there, in order.
    pub digest: String,
}

/// A leader's commitIndex advances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// When, in microseconds of the run's clock.
    pub at_us: u64,
    /// Which leader's.
    pub server: String,
    /// In which term.
    pub term: u64,
    /// From which index,
    pub from: u64,
    /// to which.
    pub to: u64,
    /// The term of the entry there.
    pub entry_term: u64,
    /// How far each voter is known to hold the log: matchIndex, and of the leader what its own disk holds.
    pub matched: BTreeMap<String, u64>,
    /// So many voters are a majority.
    pub quorum: u64,
}

impl Commit {
    /// Does a majority hold the entry, and is it of the leader's term?
    pub fn is_founded(&self) -> bool {
        let holders = self.matched.values().filter(|matched| **matched >= self.to).count() as u64;
        holders >= self.quorum && self.entry_term == self.term
    }
}

/// A digest that grows with every entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// Of what it is of, and then this entry.
    #[must_use]
    pub fn and(self, entry: &Entry) -> Digest {
        // Of the bytes that stand on disks, by a hash that is the same everywhere: digests stand in captured runs.
        let mut hasher = SipHasher13::new();
        hasher.write(&self.0.to_le_bytes());
        hasher.write(&postcard::to_allocvec(entry).unwrap_or_default());
        Digest(hasher.finish())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Figures {
    /// After a step, or at the beginning of a life.
    pub fn note(&mut self, real: u64, server: &Server) {
        let (id, raft) = (server.raft.id(), &server.raft);
        let own = self.servers.entry(id.to_string()).or_default();
        let term = raft.term().0;
        if own.terms.last() != Some(&term) {
            own.falls += u64::from(own.terms.last().is_some_and(|last| *last > term));
            own.terms.push(term);
        }
        let before = server.before.commit();
        if raft.is_leader() && raft.commit() > before {
            self.advance(real, id, (before, raft.commit()), server);
        }
    }

    fn advance(&mut self, at_us: u64, id: NodeId, (from, to): (Index, Index), server: &Server) {
        let raft = &server.raft;
        let voters = raft.membership().voters();
        let held = |voter: NodeId| {
            if voter == id { server.disk.log.last().index } else { matched(raft, voter) }
        };
        let commit = Commit {
            at_us,
            server: id.to_string(),
            term: raft.term().0,
            from: from.0,
            to: to.0,
            entry_term: raft.log().term_at(to).unwrap_or(Term(0)).0,
            matched: voters.iter().map(|voter| (voter.to_string(), held(voter).0)).collect(),
            quorum: voters.majority() as u64,
        };
        self.advances += 1;
        self.unfounded += u64::from(!commit.is_founded());
        if self.commits.len() < KEPT_MAX {
            self.commits.push(commit);
        }
    }

    /// What a state machine was given, at the end.
    pub fn note_applied(&mut self, server: NodeId, applied: Index, digest: Digest) {
        let own = self.servers.entry(server.to_string()).or_default();
        (own.applied, own.digest) = (applied.0, digest.to_string());
    }
}

fn matched(raft: &Raft, peer: NodeId) -> Index {
    raft.progress(peer).map_or(Index(0), |progress| progress.matched)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(entry_term: u64, matched: [u64; 3]) -> Commit {
        let matched = ["n1", "n2", "n3"].map(String::from).into_iter().zip(matched).collect();
        let server = "n1".to_string();
        Commit { at_us: 0, server, term: 2, from: 3, to: 5, entry_term, matched, quorum: 2 }
    }

    #[test]
    fn what_no_majority_holds_and_what_is_older_is_not_founded() {
        assert!(commit(2, [5, 5, 0]).is_founded() && commit(2, [4, 9, 5]).is_founded());
        assert!(!commit(2, [5, 4, 4]).is_founded(), "on one disk");
        assert!(!commit(1, [5, 5, 5]).is_founded(), "of an older term: Figure 8");
    }
}
