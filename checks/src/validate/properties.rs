//! Which of the model's properties are judged of a run of real processes, and when. Each is written once, in
//! `raftlab_model`; what is decided here is what its judge is shown.
//!
//! A world of the model is looked at as a whole after each step. A run has millions of steps and logs of thousands of
//! entries, so a judge is called when something has happened that it could mind, and is shown the window of the logs in
//! which that happened. What was true before a step, and is not touched by it, stays true.

use std::collections::BTreeMap;

use raftlab_core::{Index, Membership, NodeId};
use raftlab_model::{Ghosts, Judge, NO_PANIC, Observed, Property, Verdict};

use super::ledger::Ledger;
use super::server::Server;

/// When a property is judged of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At each step, of the entries that it changed.
    Step,
    /// When a server comes to lead, of its whole log; and when an entry of an older term is applied while it does.
    Leads,
    /// When a state machine is given entries or a snapshot, of these.
    Applies,
    /// When a leader commits entries, or anybody more than ever before, of these; and when a disk drops entries.
    Commits,
    /// When a matchIndex changes, of what it covers anew.
    Matches,
    /// When a server's role, term or configuration changes or it restarts; now and then; and at the end.
    Changes,
    /// When a snapshot takes the place of entries; by replaying the state machine that real processes have.
    Compacts,
    /// When the core takes an input.
    Replay,
    /// Never, and why.
    Never(&'static str),
}

const CLIENTS: &str = "the history of the clients is judged, by itself";
const CALM: &str = "it is about what comes of calm, and the world of a run is not calm";
const MODEL_MACHINE: &str =
    "it reads the state machine of the model; that of processes is replayed for `snapshots are true`";

/// All properties of the model.
const LIVE: &[(&str, When)] = &[
    ("Election Safety", When::Leads),
    ("Leader Append-Only", When::Step),
    ("Log Matching", When::Changes),
    ("Leader Completeness", When::Leads),
    ("State Machine Safety", When::Applies),
    ("committed on a quorum", When::Commits),
    ("commit rule", When::Step),
    ("matchIndex is true", When::Matches),
    ("nextIndex above matchIndex", When::Step),
    ("matchIndex monotone", When::Step),
    ("commitIndex monotone", When::Step),
    ("term monotone", When::Step),
    ("vote set once a term", When::Step),
    ("Linearizability of reads", When::Never(CLIENTS)),
    (NO_PANIC, When::Replay),
    ("electing quorums meet", When::Changes),
    ("configurations overlap", When::Changes),
    ("voters lead", When::Changes),
    ("one change in flight", When::Changes),
    ("snapshots are true", When::Compacts),
    ("exactly once", When::Never(MODEL_MACHINE)),
    ("a state machine is its log", When::Never(MODEL_MACHINE)),
];

/// When a property is judged.
pub fn when(property: &Property) -> When {
    let found = LIVE.iter().find(|(name, _)| *name == property.name);
    match found {
        Some((_, when)) => *when,
        // A property that is not in the list is not judged, and a test says so.
        None if property.is_of_calm() => When::Never(CALM),
        None => When::Never("nobody has said when"),
    }
}

/// What became of a property.
#[derive(Debug)]
pub struct Judged {
    /// The property.
    pub property: &'static Property,
    /// When it is judged.
    pub when: When,
    /// How often it was.
    pub times: u64,
    /// Did it break? Then it was not judged any more.
    pub is_broken: bool,
}

/// All properties, and what became of them.
#[derive(Debug)]
pub struct Tally {
    all: Vec<Judged>,
    /// What broke since somebody asked.
    news: Vec<(&'static str, String)>,
}

/// Logs are compared up to so many entries before the end when something changes; now and then, and at the end, all of
/// them.
const COMPARED_MAX: u64 = 1000;

impl Default for Tally {
    fn default() -> Tally {
        let judged = |property| Judged { property, when: when(property), times: 0, is_broken: false };
        Tally { all: Property::all().map(judged).collect(), news: Vec::new() }
    }
}

impl Tally {
    /// Each property.
    pub fn all(&self) -> &[Judged] {
        &self.all
    }

    /// What broke since this was asked last: each property, and what was seen. Each breaks once.
    pub fn news(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.news)
    }

    /// Judges the properties of this moment: `judge` is asked about each.
    fn ask(&mut self, when: When, mut judge: impl FnMut(&'static Property) -> Verdict) {
        for judged in self.all.iter_mut().filter(|judged| judged.when == when && !judged.is_broken) {
            judged.times += 1;
            if let Err(why) = judge(judged.property) {
                judged.is_broken = true;
                self.news.push((judged.property.name, why));
            }
        }
    }

    /// Notes what something else has judged.
    pub fn note(&mut self, when: When, verdict: &Verdict) {
        self.ask(when, |_| verdict.clone());
    }

    /// A step of one server, or its restart. `kept` is the last entry that stayed in its log, if that changed.
    pub fn step(&mut self, server: &Server, kept: Option<Index>, restarted: bool, ledger: &Ledger) {
        let ghosts = Ghosts::default();
        let (was, is) = (server.before.log(), server.raft.log());
        let changed = kept.unwrap_or(Index(u64::MAX)).min(was.last().index);
        let beyond = changed.max(was.base().index).max(is.base().index);
        let after = server.observed(&ghosts, beyond, ledger);
        let before = Observed { raft: &server.before, ..after };
        self.ask(When::Step, |property| match property.judge {
            Judge::One(judge) => judge(after),
            _ => property.holds_of_step(before, after, restarted),
        });
    }

    /// This server leads: a term that it did not lead before, or one in which something was applied that an older term
    /// committed, behind `beyond`.
    pub fn leads(&mut self, servers: &BTreeMap<NodeId, Server>, id: NodeId, beyond: Index, ledger: &Ledger) {
        let leader = &servers[&id];
        let beyond = beyond.max(leader.raft.log().base().index).max(ledger.forgotten());
        let own = leader.ghosts();
        // Who was given most stands for all: that they were given the same is another property.
        let most = servers.iter().filter(|(other, _)| **other != id).max_by_key(|(_, other)| other.reached);
        self.ask(When::Leads, |property| {
            let Judge::Pair(judge) = property.judge else { return Ok(()) };
            let others = servers.iter().filter(|(other, _)| **other != id);
            others.into_iter().try_for_each(|(other, server)| {
                let mut ghosts = server.ghosts();
                if most.is_some_and(|(most, _)| most == other) {
                    (ghosts.applied, ghosts.committed_in) = ledger.window(beyond, server.reached);
                }
                judge(leader.observed(&own, beyond, ledger), server.observed(&ghosts, beyond, ledger))
            })
        });
    }

    /// A state machine was given entries, and other servers' the same; all from behind `beyond` on.
    pub fn applies(
        &mut self,
        servers: &BTreeMap<NodeId, Server>,
        (id, given): (NodeId, &Ghosts),
        (other, known): (NodeId, &Ghosts),
        (beyond, ledger): (Index, &Ledger),
    ) {
        let observed = |id, ghosts| servers[&id].observed(ghosts, beyond, ledger);
        let both = [observed(id, given), observed(other, known)];
        self.ask(When::Applies, |property| match property.judge {
            Judge::All(judge) => judge(&both),
            _ => Ok(()),
        });
    }

    /// Somebody has committed what stands behind `beyond`, or a disk has lost it.
    pub fn commits(&mut self, servers: &BTreeMap<NodeId, Server>, beyond: Index, ledger: &Ledger) {
        let ghosts: Vec<Ghosts> = servers.values().map(Server::ghosts).collect();
        let both = servers.values().zip(&ghosts);
        let all: Vec<_> = both.map(|(server, ghosts)| server.observed(ghosts, beyond, ledger)).collect();
        self.ask(When::Commits, |property| match property.judge {
            Judge::All(judge) => judge(&all),
            _ => Ok(()),
        });
    }

    /// What a leader takes for matched: all of it, or only what it did not before its last step.
    pub fn matches(
        &mut self,
        servers: &BTreeMap<NodeId, Server>,
        id: NodeId,
        is_anew: bool,
        ledger: &Ledger,
    ) {
        let (leader, none) = (&servers[&id], Ghosts::default());
        for peer in leader.raft.peers() {
            let matched = |raft: &raftlab_core::Raft| raft.progress(peer).map(|progress| progress.matched);
            let (was, is) = (matched(&leader.before).filter(|_| is_anew), matched(&leader.raft));
            let Some(follower) = servers.get(&peer).filter(|_| is.is_some() && is != was) else { continue };
            let beyond = was.unwrap_or_default().max(leader.raft.log().base().index);
            self.ask(When::Matches, |property| match property.judge {
                Judge::Pair(judge) => {
                    judge(leader.observed(&none, beyond, ledger), follower.observed(&none, beyond, ledger))
                }
                _ => Ok(()),
            });
        }
    }

    /// Something has changed that configurations, elections and logs depend on: at this server, or, if none is named,
    /// anywhere; then whole logs are looked at.
    pub fn changes(&mut self, servers: &BTreeMap<NodeId, Server>, id: Option<NodeId>, ledger: &Ledger) {
        let ghosts: BTreeMap<NodeId, Ghosts> =
            servers.iter().map(|(of, server)| (*of, server.ghosts())).collect();
        let observed = |of: NodeId, beyond| servers[&of].observed(&ghosts[&of], beyond, ledger);
        let base = |of: NodeId| servers[&of].raft.log().base().index;
        let last = |of: NodeId| servers[&of].raft.log().last().index;
        let all: Vec<_> = servers.keys().map(|of| observed(*of, base(*of))).collect();
        let changed = || servers.keys().copied().filter(|of| id.is_none_or(|id| id == *of));
        self.ask(When::Changes, |property| match property.judge {
            Judge::One(judge) => changed().try_for_each(|of| judge(observed(of, base(of)))),
            Judge::All(judge) => judge(&all),
            Judge::Pair(judge) => changed().try_for_each(|a| {
                let others = servers.keys().copied().filter(|b| *b != a);
                others.into_iter().try_for_each(|b| {
                    let recent = last(a).min(last(b)).0.saturating_sub(COMPARED_MAX);
                    let from = Index(if id.is_some() { recent } else { 0 });
                    let beyond = base(a).max(base(b)).max(from);
                    judge(observed(a, beyond), observed(b, beyond))
                })
            }),
            _ => Ok(()),
        });
    }
}

/// The configuration of the new cluster, as its servers were told.
pub fn founders(servers: &BTreeMap<NodeId, Server>) -> Membership {
    let told = servers.values().map(|server| server.raft.config().members());
    told.max_by_key(|members| members.voters().len()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use raftlab_core::{
        Command, Config, Durable, Entry, Input, LogId, Payload, Raft, Snapshot, Term, Time, Timer, Voters,
        Write,
    };
    use raftlab_model::Past;
    use raftlab_node::journal::{Began, Outcome, Told};

    use super::*;

    #[test]
    fn of_each_property_it_is_said_when_it_is_judged() {
        for property in Property::all().filter(|property| !property.is_of_calm()) {
            assert!(LIVE.iter().any(|(name, _)| *name == property.name), "{}", property.name);
        }
        for (name, _) in LIVE {
            assert!(Property::named(name).is_some_and(|property| !property.is_of_calm()), "{name}");
        }
    }

    /// n1, which is a cluster by itself.
    fn alone() -> Server {
        let config = Config::new(NodeId(1), Voters::new([NodeId(1)]), 1).unwrap();
        let (raft, effects) = Raft::recover(config.clone(), Durable::default());
        let outcome = Some(Outcome::of(&raft, &effects, &mut Vec::new()));
        let began = Began { real: 0, told: Told::of(&config), durable: Durable::default(), outcome };
        Server::first(&config.into(), &began).unwrap().0
    }

    /// No rule that can be switched off makes a leader do that, so it is done to one.
    #[test]
    fn a_leader_whose_log_shrinks_is_seen_by_the_entries_that_it_lost() {
        let mut server = alone();
        let mut token = None;
        for input in [Input::Timeout(Timer::Election), Input::Propose(Command::new(b"a"))] {
            let effects = server.raft.step(Time(0), input);
            token = token.or(effects.persist(|_| Ok::<(), ()>(())).unwrap().persisted);
            drop(server.raft.step(Time(0), Input::Persisted(token.unwrap())));
        }
        assert_eq!((server.raft.is_leader(), server.raft.log().last().index), (true, Index(2)));
        server.before = server.raft.clone();
        let (mut tally, ledger) = (Tally::default(), Ledger::default());
        tally.step(&server, None, false, &ledger);
        assert_eq!(tally.news(), []);
        server.raft.forget_after(Index(1));
        tally.step(&server, Some(Index(1)), false, &ledger);
        let news = tally.news();
        assert_eq!(news.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["Leader Append-Only"]);
        assert!(news[0].1.contains("its log went from [1@1 2@1=a] to [1@1]"), "{}", news[0].1);
    }

    #[derive(Debug)]
    struct Remembers(bool);

    impl Past for Remembers {
        fn holds(&self, _: &Entry) -> bool {
            self.0
        }
    }

    /// What a snapshot stands for is durable, as far as it is what was applied.
    #[test]
    fn below_a_snapshot_it_is_asked_what_was_applied() {
        let mut server = alone();
        let last = LogId::new(Term(1), Index(3));
        let membership = server.raft.config().members().clone().into();
        let snapshot = Snapshot { last, membership, state: vec![0; 64].into() };
        server.disk.apply(&Write::Snapshot(snapshot.into()));
        let entry = Entry { id: LogId::new(Term(1), Index(2)), payload: Payload::Noop };
        let none = Ghosts::default();
        for holds in [true, false] {
            let past = Remembers(holds);
            assert_eq!(server.observed(&none, Index(3), &past).has_durable(&entry), holds);
        }
        let behind = Entry { id: LogId::new(Term(1), Index(4)), payload: Payload::Noop };
        assert!(!server.observed(&none, Index(3), &Remembers(true)).has_durable(&behind));
    }

    #[test]
    fn judges_fit_the_moments_at_which_they_are_asked() {
        for Judged { property, when, .. } in Tally::default().all() {
            let fits = match when {
                When::Step => matches!(property.judge, Judge::One(_) | Judge::Step(_) | Judge::Recovery(_)),
                When::Leads | When::Matches => matches!(property.judge, Judge::Pair(_)),
                When::Applies | When::Commits | When::Compacts => matches!(property.judge, Judge::All(_)),
                When::Changes => matches!(property.judge, Judge::One(_) | Judge::Pair(_) | Judge::All(_)),
                When::Replay => matches!(property.judge, Judge::NoPanic),
                When::Never(_) => true,
            };
            assert!(fits, "{} would never be asked", property.name);
        }
    }
}
