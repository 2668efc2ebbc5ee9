//! What a search must have seen before its silence means anything.

use std::sync::Arc;

use raftlab_core::{Index, Role, Term};

use crate::server::Server;

/// Something that must be reachable. A check that never reaches it is vacuous.
#[derive(Debug)]
pub struct Witness {
    /// What was seen, as a sentence.
    pub name: &'static str,
    /// Is it seen in this step?
    pub seen: fn(&Step) -> bool,
}

/// A step of the world: its servers before and after.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Before the step.
    pub before: &'a [Arc<Server>],
    /// After it.
    pub after: &'a [Arc<Server>],
}

/// All witnesses, from which each check names its own.
pub const WITNESSES: &[Witness] = &[
    Witness { name: "a leader was elected", seen: |step| step.now().any(|server| server.raft.is_leader()) },
    Witness { name: "an election was split", seen: |step| step.split() },
    Witness { name: "two servers led, in different terms", seen: |step| step.leaders_ever() > 1 },
    Witness { name: "two leaders at once, of different terms", seen: |step| step.leaders_now() > 1 },
    Witness {
        name: "a leader stepped down",
        seen: |step| step.any(|was, is| was.raft.is_leader() && !is.raft.is_leader()),
    },
    Witness { name: "a vote was cast for another server", seen: |step| step.now().any(voted_for_another) },
    Witness {
        name: "a no-op was committed",
        seen: |step| step.now().any(|server| server.raft.commit() > Index(0)),
    },
    Witness { name: "a command was committed", seen: |step| step.now().any(applied_a_command) },
    Witness {
        name: "two commands were committed",
        seen: |step| step.now().any(|server| commands(server) > 1),
    },
    Witness { name: "a follower learned of a commit", seen: |step| step.any(learned_a_commit) },
    Witness { name: "an entry was truncated", seen: |step| step.any(truncated) },
    Witness { name: "a leader went back with nextIndex", seen: |step| step.any(backed_off) },
    Witness {
        name: "an entry of an older term was committed",
        seen: |step| step.any(committed_an_older_term),
    },
    Witness { name: "an entry of an older term on a majority waited", seen: |step| step.older_term_waits() },
    Witness {
        name: "two entries arrived in one message",
        seen: |step| step.any(|was, is| grew(was, is) > 1),
    },
    Witness {
        name: "a leader crashed",
        seen: |step| step.any(|was, is| was.raft.is_leader() && restarted(was, is)),
    },
    Witness { name: "a server led two terms", seen: |step| step.now().any(led_twice) },
    Witness { name: "a crash lost unsynced writes", seen: |step| step.any(lost_writes) },
    Witness { name: "a committed entry survived a crash", seen: |step| step.any(survived) },
];

impl Witness {
    /// The witness of this name.
    pub fn named(name: &str) -> Option<&'static Witness> {
        WITNESSES.iter().find(|witness| witness.name == name)
    }
}

impl Step<'_> {
    fn now(&self) -> impl Iterator<Item = &Server> {
        self.after.iter().map(|server| &**server)
    }

    /// Does some server take such a step?
    fn any(&self, seen: fn(&Server, &Server) -> bool) -> bool {
        self.before.iter().zip(self.after).any(|(was, is)| !Arc::ptr_eq(was, is) && seen(was, is))
    }

    fn split(&self) -> bool {
        let candidates = self.now().filter(|server| matches!(server.raft.role(), Role::Candidate { .. }));
        let mut terms: Vec<Term> = candidates.map(|server| server.raft.term()).collect();
        let all = terms.len();
        terms.sort_unstable();
        terms.dedup();
        terms.len() < all
    }

    fn leaders_ever(&self) -> usize {
        self.now().filter(|server| !server.ghosts.led.is_empty()).count()
    }

    fn leaders_now(&self) -> usize {
        self.now().filter(|server| server.raft.is_leader()).count()
    }

    /// The situation before the last column of Figure 8: on a majority, of an older term, and not committed.
    fn older_term_waits(&self) -> bool {
        let leader =
            self.now().filter(|server| server.raft.is_leader()).max_by_key(|server| server.raft.term());
        leader.is_some_and(|leader| {
            let next = leader.raft.log().get(leader.raft.commit().next());
            next.filter(|entry| entry.id.term < leader.raft.term()).is_some_and(|entry| {
                2 * self.now().filter(|server| server.observed().has_durable(entry)).count()
                    > self.after.len()
            })
        })
    }
}

fn voted_for_another(server: &Server) -> bool {
    server.raft.voted_for().is_some_and(|vote| vote != server.raft.id())
}

fn commands(server: &Server) -> usize {
    let is_command =
        |entry: &&raftlab_core::Entry| matches!(entry.payload, raftlab_core::Payload::Command(_));
    server.ghosts.applied.iter().filter(is_command).count()
}

fn applied_a_command(server: &Server) -> bool {
    commands(server) > 0
}

fn learned_a_commit(was: &Server, is: &Server) -> bool {
    !is.raft.is_leader() && is.raft.commit() > was.raft.commit()
}

fn truncated(was: &Server, is: &Server) -> bool {
    !restarted(was, is) && !is.raft.log().entries().starts_with(was.raft.log().entries())
}

fn grew(was: &Server, is: &Server) -> u64 {
    is.raft.log().last().index.0.saturating_sub(was.raft.log().last().index.0)
}

fn backed_off(was: &Server, is: &Server) -> bool {
    let back = |peer| {
        is.raft.progress(peer).zip(was.raft.progress(peer)).is_some_and(|(new, old)| new.next < old.next)
    };
    is.raft.config().peers().any(back)
}

fn committed_an_older_term(was: &Server, is: &Server) -> bool {
    let newly = is.raft.log().between(was.raft.commit(), is.raft.commit());
    is.raft.is_leader() && newly.iter().any(|entry| entry.id.term < is.raft.term())
}

/// A restart is seen by what only it takes back: a role without a new term, or what was in memory only.
fn restarted(was: &Server, is: &Server) -> bool {
    let same_term = is.raft.term() <= was.raft.term();
    let deposed = was.raft.is_leader() && same_term && !is.raft.is_leader();
    deposed
        || is.raft.commit() < was.raft.commit()
        || is.raft.term() < was.raft.term()
        || lost_writes(was, is)
}

fn lost_writes(was: &Server, is: &Server) -> bool {
    let in_memory = (was.raft.term(), was.raft.voted_for(), was.raft.log());
    let recovered = (is.raft.term(), is.raft.voted_for(), is.raft.log());
    let on_disk = (is.disk.term, is.disk.voted_for, &is.disk.log);
    !was.is_synced()
        && is.is_synced()
        && in_memory != recovered
        && recovered == on_disk
        && is.raft.commit() == Index(0)
}

fn led_twice(server: &Server) -> bool {
    server.raft.is_leader() && server.ghosts.led.len() > 1
}

fn survived(was: &Server, is: &Server) -> bool {
    let crashed = is.raft.commit() == Index(0) && was.raft.commit() > Index(0);
    crashed && is.raft.log().last().index >= was.raft.commit()
}
