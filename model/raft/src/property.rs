//! What must hold: each property once, by what it reads, for every engine and for real processes alike.

use std::any::Any;

use crate::calm::{Calm, LIVENESS};
use crate::judges;
use crate::machine;
use crate::membership;
use crate::server::{Broken, Observed, Server};
use crate::snapshot;

/// Whether a property holds, and if not, what was seen.
pub type Verdict = Result<(), String>;

/// Something that must always hold.
#[derive(Debug)]
pub struct Property {
    /// Its name in every table, trace and report.
    pub name: &'static str,
    /// Where it is stated: § is the paper, D the dissertation.
    pub section: &'static str,
    /// What it says.
    pub says: &'static str,
    /// How it is judged.
    pub judge: Judge,
}

/// How a property is judged, by what it reads.
#[derive(Clone, Copy, Debug)]
pub enum Judge {
    /// Each server alone.
    One(fn(Observed) -> Verdict),
    /// Each two different servers, in both orders.
    Pair(fn(Observed, Observed) -> Verdict),
    /// All servers together.
    All(fn(&[Observed]) -> Verdict),
    /// A server before and after a step of the same process.
    Step(fn(Observed, Observed) -> Verdict),
    /// The same, and across a restart of a server whose disk had synced all.
    Recovery(fn(Observed, Observed) -> Verdict),
    /// The core did not panic.
    NoPanic,
    /// What comes of a calm schedule from here on: bounded liveness.
    Calm(&'static Calm),
}

/// The name of the property that a panic of the core breaks.
pub const NO_PANIC: &str = "no panic";

/// What is judged in every world: the paper's five first (Figure 3), then the invariants from which they follow.
pub const PROPERTIES: &[Property] = &[
    Property {
        name: "Election Safety",
        section: "§5.2, Figure 3",
        says: "at most one leader is elected in a term",
        judge: Judge::Pair(judges::election_safety),
    },
    Property {
        name: "Leader Append-Only",
        section: "§5.3, Figure 3",
        says: "a leader never overwrites or deletes entries in its log, it only appends",
        judge: Judge::Step(judges::leader_append_only),
    },
    Property {
        name: "Log Matching",
        section: "§5.3, Figure 3",
        says: "two logs that hold an entry with the same index and term are equal up to it",
        judge: Judge::Pair(judges::log_matching),
    },
    Property {
        name: "Leader Completeness",
        section: "§5.4, Figure 3",
        says: "a leader holds every entry that was taken for committed in an older term",
        judge: Judge::Pair(judges::leader_completeness),
    },
    Property {
        name: "State Machine Safety",
        section: "§5.4.3, Figure 3",
        says: "no two servers, and no two lives of a server, apply different entries at one index",
        judge: Judge::All(judges::state_machine_safety),
    },
    Property {
        name: "committed on a quorum",
        section: "§5.3, §5.4",
        says: "every committed entry is on the disks of a majority",
        judge: Judge::All(judges::committed_on_a_quorum),
    },
    Property {
        name: "commit rule",
        section: "§5.4.2, Figure 2",
        says: "a leader moves commitIndex only to an entry of its own term that a majority's matchIndex covers",
        judge: Judge::Step(judges::commit_rule),
    },
    Property {
        name: "matchIndex is true",
        section: "§5.3, Figure 2",
        says: "in the leader's term, a follower's disk agrees with the leader's log up to matchIndex",
        judge: Judge::Pair(judges::match_is_true),
    },
    Property {
        name: "nextIndex above matchIndex",
        section: "§5.3, Figure 2",
        says: "a leader never sends again what it knows to be there",
        judge: Judge::One(judges::next_above_match),
    },
    Property {
        name: "matchIndex monotone",
        section: "Figure 2",
        says: "matchIndex grows during a leadership",
        judge: Judge::Step(judges::match_monotone),
    },
    Property {
        name: "commitIndex monotone",
        section: "Figure 2",
        says: "commitIndex grows while a process lives",
        judge: Judge::Step(judges::commit_monotone),
    },
    Property {
        name: "term monotone",
        section: "§5.1",
        says: "a server's term grows, across restarts too",
        judge: Judge::Recovery(judges::term_monotone),
    },
    Property {
        name: "vote set once a term",
        section: "§5.2",
        says: "a vote once cast stays for its term, across restarts too",
        judge: Judge::Recovery(judges::vote_set_once),
    },
    Property {
        name: "Linearizability of reads",
        section: "§8, D 6.3, 6.4",
        says: "a read shows every command that was acknowledged to anybody, or shown by another read, before it was asked",
        judge: Judge::One(judges::linearizable_reads),
    },
    Property {
        name: NO_PANIC,
        section: "raftlab-core",
        says: "no input and no order of inputs makes the core panic",
        judge: Judge::NoPanic,
    },
];

/// What is judged too where configurations change. Sets of servers alone prove nothing there: a server that has not
/// heard of a change still has the old configuration, whose majorities need not meet those of the latest. What must
/// not be is that both can elect.
pub const MEMBERSHIP: &[Property] = &[
    Property {
        name: "electing quorums meet",
        section: "§6, D 4.1",
        says: "no two disjoint sets of servers could each elect a leader now",
        judge: Judge::All(membership::electing_quorums_meet),
    },
    Property {
        name: "configurations overlap",
        section: "D 4.1, Figure 4.3",
        says: "in any log, each majority of a configuration meets each of the next",
        judge: Judge::One(membership::configurations_overlap),
    },
    Property {
        name: "voters lead",
        section: "D 4.2.1, 4.2.2",
        says: "a leader votes in its configuration, or did before one that is not committed yet",
        judge: Judge::One(membership::voters_lead),
    },
    Property {
        name: "one change in flight",
        section: "D 4.1",
        says: "no log holds two configurations that nobody has committed",
        judge: Judge::All(membership::one_change_in_flight),
    },
];

/// What is judged too where logs are compacted.
pub const COMPACTION: &[Property] = &[Property {
    name: "snapshots are true",
    section: "§7",
    says: "a snapshot equals the state machine at its index, and holds the configuration in force there",
    judge: Judge::All(snapshot::equals_the_state_machine),
}];

/// What is judged too where commands are sent again: only there have servers a state machine.
pub const SESSIONS: &[Property] = &[
    Property {
        name: "exactly once",
        section: "§8, D 6.3",
        says: "no state machine executes a command twice, and a command that is sent again is answered as the first time",
        judge: Judge::One(machine::exactly_once),
    },
    Property {
        name: "a state machine is its log",
        section: "§2, D 6.3",
        says: "a state machine has executed the commands of its log up to lastApplied, each where it stands first, and nothing else",
        judge: Judge::One(machine::machine_is_its_log),
    },
];

/// How many properties there are in all.
pub const COUNT: usize =
    PROPERTIES.len() + LIVENESS.len() + MEMBERSHIP.len() + COMPACTION.len() + SESSIONS.len();

impl Property {
    /// The property with this name.
    pub fn named(name: &str) -> Option<&'static Property> {
        Property::all().find(|property| property.name == name)
    }

    /// All: those of every world, then those of calm schedules, of changing configurations, of compacted logs, and of
    /// commands that are sent again.
    pub fn all() -> impl Iterator<Item = &'static Property> + Clone {
        PROPERTIES.iter().chain(LIVENESS).chain(MEMBERSHIP).chain(COMPACTION).chain(SESSIONS)
    }

    /// Its place among [`all`](Property::all).
    pub fn index(&self) -> usize {
        Property::all().position(|property| property.name == self.name).unwrap_or(COUNT)
    }

    /// Is it about what comes of calm?
    pub fn is_of_calm(&self) -> bool {
        matches!(self.judge, Judge::Calm(_))
    }

    /// Is it about a step, and therefore judged where steps are taken?
    pub fn is_of_a_step(&self) -> bool {
        matches!(self.judge, Judge::Step(_) | Judge::Recovery(_) | Judge::NoPanic)
    }

    /// Does it hold in this state? Properties of a step have been judged when the step was taken: their verdict is in
    /// the servers.
    ///
    /// # Errors
    ///
    /// What was seen that breaks it.
    pub fn holds(&self, servers: &[&Server]) -> Verdict {
        match self.judge {
            Judge::One(judge) => servers.iter().try_for_each(|server| judge(server.observed())),
            Judge::Pair(judge) => servers.iter().try_for_each(|a| {
                let others = servers.iter().filter(|b| b.raft.id() != a.raft.id());
                others.into_iter().try_for_each(|b| judge(a.observed(), b.observed()))
            }),
            Judge::Calm(calm) => calm.holds(servers),
            Judge::All(judge) => judge(&servers.iter().map(|server| server.observed()).collect::<Vec<_>>()),
            Judge::Step(_) | Judge::Recovery(_) | Judge::NoPanic => {
                let mut broken = servers.iter().filter_map(|server| server.broken.as_ref());
                broken
                    .find(|broken| broken.property == self.name)
                    .map_or(Ok(()), |broken| Err(broken.why.clone()))
            }
        }
    }

    /// Does it hold of this step of one server? `restarted` says that a restart lies between. Of what is no step nothing is
    /// asked.
    ///
    /// # Errors
    ///
    /// What was seen that breaks it.
    pub fn holds_of_step(&self, before: Observed, after: Observed, restarted: bool) -> Verdict {
        match self.judge {
            Judge::Recovery(judge) => judge(before, after),
            Judge::Step(judge) if !restarted => judge(before, after),
            _ => Ok(()),
        }
    }
}

/// The first step property that this step breaks, of all or of the one in `focus`.
pub(crate) fn broken_step(
    focus: Option<&'static Property>,
    before: &Server,
    after: &Server,
    restarted: bool,
) -> Option<Broken> {
    let judged = |property: &&'static Property| focus.is_none_or(|focus| focus.name == property.name);
    PROPERTIES.iter().filter(judged).find_map(|property| {
        let verdict = property.holds_of_step(before.observed(), after.observed(), restarted);
        verdict.err().map(|why| Broken { property: property.name, why })
    })
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_string()
}
