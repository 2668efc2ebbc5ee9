//! What a search must have seen before its silence means anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use raftlab_core::{Entry, Index, LeaseHeld, Membership, Payload, Role, Standing, Term};

use crate::machine;
use crate::server::Server;

/// Something that must be reachable. A check that never reaches it is vacuous.
#[derive(Debug)]
pub struct Witness {
    /// What was seen, as a sentence.
    pub name: &'static str,
    /// How it is seen.
    pub seen: Seen,
}

/// How a witness is seen in a step of the world, by what it reads.
#[derive(Clone, Copy, Debug)]
pub enum Seen {
    /// In any one server, after the step.
    One(fn(&Server) -> bool),
    /// In the server that took the step, before and after.
    Step(fn(&Server, &Server) -> bool),
    /// In all servers together, after the step.
    All(fn(&[&Server]) -> bool),
}

/// All witnesses, from which each check names its own.
pub const WITNESSES: &[Witness] = &[
    Witness { name: "a leader was elected", seen: Seen::One(|server| server.raft.is_leader()) },
    Witness { name: "an election was split", seen: Seen::All(split) },
    Witness {
        name: "two servers led, in different terms",
        seen: Seen::All(|servers| servers.iter().filter(|server| !server.ghosts.led.is_empty()).count() > 1),
    },
    Witness {
        name: "two leaders at once, of different terms",
        seen: Seen::All(|servers| servers.iter().filter(|server| server.raft.is_leader()).count() > 1),
    },
    Witness {
        name: "a leader stepped down",
        seen: Seen::Step(|was, is| was.raft.is_leader() && !is.raft.is_leader()),
    },
    Witness { name: "a vote was cast for another server", seen: Seen::One(voted_for_another) },
    Witness { name: "a no-op was committed", seen: Seen::One(|server| server.raft.commit() > Index(0)) },
    Witness { name: "a command was committed", seen: Seen::One(|server| commands(server) > 0) },
    Witness { name: "two commands were committed", seen: Seen::One(|server| commands(server) > 1) },
    Witness { name: "a follower learned of a commit", seen: Seen::Step(learned_a_commit) },
    Witness { name: "an entry was truncated", seen: Seen::Step(truncated) },
    Witness { name: "a leader went back with nextIndex", seen: Seen::Step(backed_off) },
    Witness { name: "an entry of an older term was committed", seen: Seen::Step(committed_an_older_term) },
    Witness { name: "an entry of an older term on a majority waited", seen: Seen::All(older_term_waits) },
    Witness { name: "two entries arrived in one message", seen: Seen::Step(|was, is| grew(was, is) > 1) },
    Witness {
        name: "a leader crashed",
        seen: Seen::Step(|was, is| was.raft.is_leader() && restarted(was, is)),
    },
    Witness { name: "a server led two terms", seen: Seen::One(led_twice) },
    Witness { name: "a crash lost unsynced writes", seen: Seen::Step(lost_writes) },
    Witness { name: "a committed entry survived a crash", seen: Seen::Step(survived) },
    Witness {
        name: "a server asked before it campaigned",
        seen: Seen::Step(|was, is| is_pre_candidate(was) && matches!(is.raft.role(), Role::Candidate { .. })),
    },
    Witness {
        name: "a server asked in vain, and followed",
        seen: Seen::Step(|was, is| is_pre_candidate(was) && is.raft.leader().is_some()),
    },
    Witness {
        name: "a follower lost contact",
        seen: Seen::Step(|was, is| in_contact(was) && !in_contact(is) && is.raft.leader().is_some()),
    },
    Witness {
        // With pre-vote, nothing else makes a candidate of a follower in one step.
        name: "a follower campaigned without asking",
        seen: Seen::Step(|was, is| {
            matches!(was.raft.role(), Role::Follower { .. })
                && matches!(is.raft.role(), Role::Candidate { .. })
                && was.raft.config().features().pre_vote
        }),
    },
    Witness {
        name: "a learner joined",
        seen: Seen::Step(|was, is| {
            changed(was, is, |was, is| is.learners().count() > was.learners().count())
        }),
    },
    Witness {
        name: "a learner became a voter",
        seen: Seen::Step(|was, is| changed(was, is, |was, is| is.voters().len() > was.voters().len())),
    },
    Witness {
        name: "a voter left",
        seen: Seen::Step(|was, is| changed(was, is, |was, is| is.voters().len() < was.voters().len())),
    },
    Witness { name: "a log was compacted", seen: Seen::Step(compacted) },
    Witness {
        name: "a part of a snapshot arrived",
        seen: Seen::Step(|was, is| was.raft.incoming() != is.raft.incoming() && is.raft.incoming().is_some()),
    },
    Witness { name: "a snapshot was installed", seen: Seen::Step(installed) },
    Witness {
        name: "a snapshot took the place of a log that conflicts",
        seen: Seen::Step(|was, is| {
            installed(was, is) && !is.observed().entries().starts_with(&was.observed().entries())
        }),
    },
    Witness {
        name: "a restart began with a snapshot",
        seen: Seen::Step(|was, is| restarted(was, is) && is.raft.snapshot().is_some()),
    },
    Witness {
        name: "a server whose log was compacted was elected",
        seen: Seen::Step(|was, is| {
            !was.raft.is_leader() && is.raft.is_leader() && was.raft.snapshot().is_some()
        }),
    },
    Witness {
        name: "a follower with a snapshot learned of a commit",
        seen: Seen::Step(|was, is| {
            let has_one = was.raft.snapshot().is_some() && is.raft.snapshot() == was.raft.snapshot();
            has_one && learned_a_commit(was, is)
        }),
    },
    Witness {
        name: "a change was compacted",
        seen: Seen::Step(|was, is| {
            compacted(was, is) && was.raft.log().changes().count() > is.raft.log().changes().count()
        }),
    },
    Witness {
        name: "a configuration came with a snapshot",
        seen: Seen::Step(|was, is| installed(was, is) && was.raft.membership() != is.raft.membership()),
    },
    Witness {
        name: "three voters became five, and three again, under two leaders",
        seen: Seen::Step(grew_and_shrank),
    },
    Witness { name: "a change was committed", seen: Seen::One(|server| committed_changes(server) > 0) },
    Witness { name: "two changes were committed", seen: Seen::One(|server| committed_changes(server) > 1) },
    Witness {
        name: "a change was rolled back",
        seen: Seen::Step(|was, is| {
            let last = was.raft.log().changes().last().and_then(|(at, _)| was.raft.log().get(at));
            !restarted(was, is) && last.is_some_and(|change| !is.observed().entries().contains(change))
        }),
    },
    Witness {
        name: "a leader left its cluster",
        seen: Seen::Step(|was, is| {
            let stepped_down =
                was.raft.is_leader() && !is.raft.is_leader() && is.raft.commit() > was.raft.commit();
            stepped_down && is.raft.membership().standing(is.raft.id()) != Standing::Voter
        }),
    },
    Witness {
        name: "a server that joined led",
        seen: Seen::One(|server| server.raft.is_leader() && !server.raft.config().is_founder()),
    },
    Witness {
        name: "a transfer was abandoned",
        seen: Seen::Step(|was, is| hands_over(was) && is.raft.is_leader() && !hands_over(is)),
    },
    Witness {
        name: "a read was answered after a round",
        seen: Seen::Step(|was, is| {
            answered(was, is) && was.raft.reads().is_some_and(|reads| reads.open.is_some())
        }),
    },
    Witness {
        name: "two reads were answered by one round",
        seen: Seen::Step(|was, is| is.ghosts.answered > was.ghosts.answered + 1),
    },
    Witness {
        name: "a read waited for the no-op",
        seen: Seen::One(|server| {
            server.raft.reads().is_some_and(|reads| !reads.waiting.is_empty() && reads.open.is_none())
        }),
    },
    Witness {
        name: "a read waited for the next round",
        seen: Seen::One(|server| {
            server.raft.reads().is_some_and(|reads| !reads.waiting.is_empty() && reads.open.is_some())
        }),
    },
    Witness {
        name: "a read was answered through the log",
        seen: Seen::Step(|was, is| {
            answered(was, is) && was.raft.reads().is_some_and(|reads| !reads.logged.is_empty())
        }),
    },
    Witness {
        name: "a leader that had been replaced was asked to read",
        seen: Seen::All(|servers| {
            let asked = |server: &&&Server| {
                server.raft.reads().is_some_and(|reads| reads.open.is_some() || !reads.waiting.is_empty())
            };
            let newest = servers
                .iter()
                .filter(|server| server.raft.is_leader())
                .map(|server| server.raft.term())
                .max();
            servers
                .iter()
                .filter(asked)
                .any(|server| newest.is_some_and(|newest| server.raft.term() < newest))
        }),
    },
    Witness {
        name: "a read was answered without a round",
        seen: Seen::Step(|was, is| {
            answered(was, is) && was.raft.reads().is_some_and(|reads| reads.open.is_none())
        }),
    },
    Witness {
        name: "a lease expired",
        seen: Seen::Step(|was, is| {
            holds_lease(was) && !holds_lease(is) && is.raft.is_leader() && is.clock.now > was.clock.now
        }),
    },
    Witness {
        name: "a lease was given up",
        seen: Seen::Step(|was, is| {
            holds_lease(was) && !holds_lease(is) && is.raft.is_leader() && is.clock == was.clock
        }),
    },
    Witness {
        name: "a server that restarted kept its promise",
        seen: Seen::One(|server| {
            matches!(server.raft.role(), Role::Follower { leader: None, in_contact: true })
                && server.raft.commit() == Index(0)
        }),
    },
    Witness {
        name: "a command was committed twice and executed once",
        seen: Seen::One(|server| {
            server.machine.as_ref().is_some_and(|machine| {
                let was_executed = |at| machine.executed.iter().any(|(_, index)| *index == at);
                let mut answered = machine.answered.iter();
                answered.any(|(at, first)| at != first && was_executed(*first) && !was_executed(*at))
            })
        }),
    },
    Witness {
        name: "a retry was answered from the session table",
        seen: Seen::Step(|was, is| is.raft.is_leader() && !retries_answered(was, is).is_empty()),
    },
    Witness { name: "a retry went to another leader", seen: Seen::Step(took_a_retry_of_another) },
    Witness {
        name: "a table that was rebuilt after a crash answered a retry",
        seen: Seen::Step(|was, is| {
            let executed_before = |at: &Index| at.0 <= was.ghosts.applied.len() as u64;
            retries_answered(was, is).iter().any(|first| *first > was.applied && executed_before(first))
        }),
    },
    Witness {
        name: "a leader stepped down within its term",
        seen: Seen::Step(|was, is| {
            was.raft.is_leader() && is.raft.term() == was.raft.term() && !is.raft.is_leader()
        }),
    },
];

impl Witness {
    /// The witness of this name.
    pub fn named(name: &str) -> Option<&'static Witness> {
        WITNESSES.iter().find(|witness| witness.name == name)
    }

    /// Is it seen in the step of the world that made `after` of `before`? A server that took no step is the same one.
    pub fn is_seen_in(&self, before: &[Arc<Server>], after: &[Arc<Server>]) -> bool {
        match self.seen {
            Seen::One(seen) => after.iter().any(|server| seen(server)),
            Seen::Step(seen) => {
                before.iter().zip(after).any(|(was, is)| !Arc::ptr_eq(was, is) && seen(was, is))
            }
            Seen::All(seen) => seen(&after.iter().map(|server| &**server).collect::<Vec<_>>()),
        }
    }
}

/// Did a leader append another configuration, of which this is true?
fn changed(was: &Server, is: &Server, how: fn(&Membership, &Membership) -> bool) -> bool {
    is.raft.is_leader()
        && is.raft.term() == was.raft.term()
        && how(was.raft.membership(), is.raft.membership())
}

/// Did its state machine see two servers join as voters and two leave, in this step the last of them, by the will of
/// more than one leader?
fn grew_and_shrank(was: &Server, is: &Server) -> bool {
    if is.ghosts.applied.len() == was.ghosts.applied.len() {
        return false;
    }
    let changes = is.ghosts.applied.iter().filter_map(|entry| match &entry.payload {
        Payload::Membership(members) => Some((members.voters().len(), entry.id.term)),
        Payload::Noop | Payload::Command(_) => None,
    });
    let (sizes, terms): (Vec<usize>, BTreeSet<Term>) = changes.unzip();
    let founders = is.raft.config().members().voters().len();
    founders <= 3 && sizes.contains(&5) && sizes.last() == Some(&3) && terms.len() > 1
}

fn committed_changes(server: &Server) -> usize {
    let is_change = |entry: &&Entry| matches!(entry.payload, Payload::Membership(_));
    server.ghosts.applied.iter().filter(is_change).count()
}

fn answered(was: &Server, is: &Server) -> bool {
    is.ghosts.answered > was.ghosts.answered
}

/// The commands that were given to the state machine again in this step, by where each was executed.
fn retries_answered(was: &Server, is: &Server) -> Vec<Index> {
    let (Some(before), Some(after)) = (&was.machine, &is.machine) else { return Vec::new() };
    let news = after.answered.get(before.answered.len()..).unwrap_or_default();
    news.iter().filter(|(at, first)| at != first).map(|(_, first)| *first).collect()
}

/// Did a leader append again what was proposed at another server, in an older term?
fn took_a_retry_of_another(was: &Server, is: &Server) -> bool {
    let [before @ .., last] = is.raft.log().entries() else { return false };
    let Payload::Command(command) = &last.payload else { return false };
    let is_of_another = machine::proposer(command).is_some_and(|(proposer, _)| proposer != is.raft.id());
    let mut copies = before.iter().filter(|entry| entry.payload == last.payload);
    is.raft.is_leader()
        && grew(was, is) == 1
        && is_of_another
        && copies.any(|copy| copy.id.term < is.raft.term())
}

fn holds_lease(server: &Server) -> bool {
    let now = u64::from(server.clock.now);
    server.raft.reads().is_some_and(|reads| matches!(reads.lease, LeaseHeld::Until(end) if now < end.0))
}

fn hands_over(server: &Server) -> bool {
    server.raft.timers().contains(&raftlab_core::Timer::Transfer)
}

fn is_pre_candidate(server: &Server) -> bool {
    matches!(server.raft.role(), Role::PreCandidate { .. })
}

fn in_contact(server: &Server) -> bool {
    matches!(server.raft.role(), Role::Follower { in_contact: true, .. })
}

fn split(servers: &[&Server]) -> bool {
    let candidates = servers.iter().filter(|server| matches!(server.raft.role(), Role::Candidate { .. }));
    let mut terms: Vec<Term> = candidates.map(|server| server.raft.term()).collect();
    let all = terms.len();
    terms.sort_unstable();
    terms.dedup();
    terms.len() < all
}

/// The situation before the last column of Figure 8: on a majority, of an older term, and not committed.
///
/// Of two leaders of one term, which there are in broken worlds only, the one with the last name is asked: nothing
/// else in this crate looks at the order of names.
fn older_term_waits(servers: &[&Server]) -> bool {
    let leader =
        servers.iter().filter(|server| server.raft.is_leader()).max_by_key(|server| server.raft.term());
    leader.is_some_and(|leader| {
        let next = leader.raft.log().get(leader.raft.commit().next());
        next.filter(|entry| entry.id.term < leader.raft.term()).is_some_and(|entry| {
            2 * servers.iter().filter(|server| server.observed().has_durable(entry)).count() > servers.len()
        })
    })
}

fn voted_for_another(server: &Server) -> bool {
    server.raft.voted_for().is_some_and(|vote| vote != server.raft.id())
}

fn commands(server: &Server) -> usize {
    let is_command = |entry: &&Entry| matches!(entry.payload, Payload::Command(_));
    server.ghosts.applied.iter().filter(is_command).count()
}

/// Did it compact its own log? Nothing else leaves what it knows as it is.
fn compacted(was: &Server, is: &Server) -> bool {
    is.raft.log().base().index > was.raft.log().base().index && is.raft.commit() == was.raft.commit()
}

fn installed(was: &Server, is: &Server) -> bool {
    is.raft.log().base().index > was.raft.commit()
}

fn learned_a_commit(was: &Server, is: &Server) -> bool {
    !is.raft.is_leader() && is.raft.commit() > was.raft.commit()
}

fn truncated(was: &Server, is: &Server) -> bool {
    !restarted(was, is) && !is.observed().entries().starts_with(&was.observed().entries())
}

fn grew(was: &Server, is: &Server) -> u64 {
    is.raft.log().last().index.0.saturating_sub(was.raft.log().last().index.0)
}

fn backed_off(was: &Server, is: &Server) -> bool {
    let back = |peer| {
        is.raft.progress(peer).zip(was.raft.progress(peer)).is_some_and(|(new, old)| new.next < old.next)
    };
    is.raft.peers().any(back)
}

fn committed_an_older_term(was: &Server, is: &Server) -> bool {
    let newly = is.raft.log().between(was.raft.commit(), is.raft.commit());
    is.raft.is_leader() && newly.iter().any(|entry| entry.id.term < is.raft.term())
}

/// A restart is seen by what only it takes back: a role without a new term, or what was in memory only.
fn restarted(was: &Server, is: &Server) -> bool {
    let same_term = is.raft.term() <= was.raft.term();
    // With check-quorum a leader may also step down of itself, and one that has committed its own removal does.
    let stays = !was.raft.config().features().check_quorum && is.raft.commit() <= was.raft.commit();
    let deposed = was.raft.is_leader() && same_term && !is.raft.is_leader() && stays;
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
        && is.raft.commit() == is.raft.log().base().index
}

fn led_twice(server: &Server) -> bool {
    server.raft.is_leader() && server.ghosts.led.len() > 1
}

fn survived(was: &Server, is: &Server) -> bool {
    let crashed = is.raft.commit() < was.raft.commit();
    crashed && is.raft.log().last().index >= was.raft.commit()
}
