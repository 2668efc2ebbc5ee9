//! Bounded liveness. Whatever has happened until now: if from here on the network and the clocks behave, does the
//! cluster come to do its work, and go on doing it?
//!
//! Fair is not enough to say that: two servers that time out together for ever are treated fairly. So what "behave"
//! means is a *calm schedule*, the same for every state and without a choice in it:
//!
//! 1. every message is delivered at once, in the order in which messages were sent, unless its link is cut, and then
//!    it is lost;
//! 2. when none is left, the clock goes on to the earliest deadline of any timer, and that timer runs out;
//! 3. so it goes for a number of ticks; then the links may be cut otherwise, and it goes on for another number.
//!
//! Lengths in ticks stand in the relation of §5.6: heartbeats and retries 4, the least election time-out 10. What is
//! added to that is drawn anew for each server and each term, as §5.2 wants it, by arithmetic that has no chance in
//! it: of two servers now the one is first and now the other.
//!
//! Where the whole comes back to where it was a while ago, as it does with a leader that only sends heartbeats, the
//! rounds that are left to repeat are not run: what comes of them is known.
//!
//! What was under way in the state that the schedule starts from is lost: a state in which it has arrived is a state
//! of the search too, and the schedule starts there as well. So what comes of a schedule depends on the servers
//! alone.
//!
//! What holds after some hundreds of ticks of calm, from *every* state within bounds, is a strong hint at liveness,
//! and is no proof of it. It is called bounded liveness wherever it is printed.

use std::collections::VecDeque;
use std::convert::Infallible;

use raftlab_core::{Command, Effects, Input, Message, NodeId, Raft, Role, Standing, Term, Time, Timer};

use crate::membership::Electable;
use crate::property::{Judge, Property, Verdict};
use crate::server::Server;

/// A schedule, and what must have come of it.
#[derive(Debug)]
pub struct Calm {
    /// What the network is like, one time after another.
    pub phases: &'static [Phase],
    /// What is judged: the servers at the end of each phase.
    pub goal: fn(&[Vec<Raft>]) -> Verdict,
}

/// A time in which the network does not change.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// Is this link cut, from the first to the second?
    pub is_cut: fn(NodeId, NodeId) -> bool,
    /// Does this server's disk finish nothing?
    pub is_stalled: fn(NodeId) -> bool,
    /// Does a client propose a command to every leader, again and again?
    pub proposes: bool,
    /// How long, in ticks.
    pub ticks: u64,
}

/// Ticks of heartbeats and retries.
const HEARTBEAT: u64 = 4;
/// Ticks of the least election time-out.
const ELECTION: u64 = 10;
/// How many lengths of election time-outs there are.
const DRAWS: u64 = 7;
/// Ticks between two proposals; the first comes after the third tick of a phase.
const PROPOSAL: u64 = 10;
/// Kinds of timers.
const TIMERS: usize = Timer::ALL.len();
/// The deadline of a timer that does not run.
const NEVER: u64 = u64::MAX;
/// Deliveries within one tick after which it is said that messages never end.
const DELIVERIES_MAX: u32 = 10_000;

impl Calm {
    /// Runs the schedule from these servers on, and judges what came of it.
    ///
    /// # Errors
    ///
    /// What was not as it should be at the end of some phase, or that servers never fell silent.
    pub fn holds(&self, servers: &[&Server]) -> Verdict {
        let mut run = Run::of(servers);
        let mut ends = Vec::new();
        for phase in self.phases {
            run.course.push(format!("{} phase {}", run.now, ends.len() + 1));
            if let Err(why) = run.go(phase) {
                return Err(run.told(&why));
            }
            ends.push(run.rafts.clone());
        }
        (self.goal)(&ends).map_err(|why| run.told(&why))
    }
}

/// A schedule under way.
#[derive(Clone)]
struct Run {
    rafts: Vec<Raft>,
    /// What waits for each server's disk.
    pending: Vec<Effects>,
    under_way: VecDeque<(NodeId, NodeId, Message)>,
    /// Each server's, by timer: [`NEVER`] if it does not run.
    deadlines: Vec<[u64; TIMERS]>,
    now: u64,
    /// What became of whom, and when.
    course: Vec<String>,
}

impl Run {
    fn of(servers: &[&Server]) -> Run {
        let mut run = Run {
            rafts: servers.iter().map(|server| server.raft.clone()).collect(),
            pending: servers.iter().map(|server| server.pending.clone()).collect(),
            under_way: VecDeque::new(),
            deadlines: vec![[NEVER; TIMERS]; servers.len()],
            now: 0,
            course: Vec::new(),
        };
        (0..run.rafts.len()).for_each(|at| run.arm(at, &[]));
        run
    }

    fn go(&mut self, phase: &Phase) -> Verdict {
        let (end, mut proposal) = (self.now + phase.ticks, self.now + 3);
        for at in 0..self.rafts.len() {
            self.sync(at, phase);
        }
        let mut rounds = Rounds::default();
        loop {
            self.deliver_all(phase)?;
            if let Some(past) = rounds.turn(self).filter(|_| !phase.proposes) {
                self.skip(past, end);
            }
            let Some((due, at, timer)) = self.earliest().filter(|(due, ..)| *due <= end) else { break };
            while phase.proposes && proposal <= due {
                (self.now, proposal) = (proposal, proposal + PROPOSAL);
                self.propose(phase)?;
            }
            self.now = due;
            // What was proposed may have restarted it.
            if self.deadlines[at][timer as usize] == due {
                self.deadlines[at][timer as usize] = NEVER;
                self.step(self.rafts[at].id(), Input::Timeout(timer), phase);
            }
        }
        self.now = end;
        Ok(())
    }

    /// All goes on as it went since then, to where too few ticks are left of this phase to do it once more.
    fn skip(&mut self, then: &Run, end: u64) {
        let every = self.now - then.now;
        let by = end.saturating_sub(self.now) / every * every;
        self.now += by;
        self.deadlines.iter_mut().flatten().for_each(|due| *due = due.saturating_add(by));
        if by > 0 && self.course.len() > then.course.len() {
            self.course.push(format!("the same every {every} ticks, until {}", self.now));
        }
    }

    /// Is all as it was then, but for the time? No rule of those that are judged here reads the clock.
    fn is_again(&self, then: &Run) -> bool {
        let left = |run: &Run, due: u64| if due == NEVER { NEVER } else { due - run.now };
        let mut deadlines = self.deadlines.iter().flatten().zip(then.deadlines.iter().flatten());
        deadlines.all(|(due, was)| left(self, *due) == left(then, *was))
            && self.rafts == then.rafts
            && self.pending == then.pending
    }

    /// Why, and how it came to that.
    fn told(&self, why: &str) -> String {
        format!("{why}: {}", self.course.join(" · "))
    }

    /// A client proposes a command to every leader, and it is replicated as far as that goes.
    fn propose(&mut self, phase: &Phase) -> Verdict {
        let leaders: Vec<_> = self.rafts.iter().filter(|raft| raft.is_leader()).map(Raft::id).collect();
        for id in leaders {
            self.step(id, Input::Propose(Command::new(b"calm")), phase);
        }
        self.deliver_all(phase)
    }

    fn deliver_all(&mut self, phase: &Phase) -> Verdict {
        let mut left = DELIVERIES_MAX;
        while let Some((from, to, message)) = self.under_way.pop_front() {
            if (phase.is_cut)(from, to) {
                continue;
            }
            left = left.checked_sub(1).ok_or("messages answer messages for ever".to_string())?;
            self.step(to, Input::Receive { from, message }, phase);
        }
        Ok(())
    }

    fn step(&mut self, id: NodeId, input: Input, phase: &Phase) {
        let Some(at) = self.rafts.iter().position(|raft| raft.id() == id) else { return };
        let was = standing(&self.rafts[at]);
        let mut effects = self.rafts[at].step(Time(self.now), input);
        let is = standing(&self.rafts[at]);
        if was != is {
            self.course.push(format!("{} {id} {} {}", self.now, is.1, is.0));
        }
        self.arm(at, &effects.restart);
        let early = effects.early();
        self.under_way.extend(early.into_iter().map(|(to, message)| (id, to, message)));
        self.pending[at].merge(effects);
        self.sync(at, phase);
    }

    /// The disk finishes what waits for it, unless it is stalled and there is something to write.
    fn sync(&mut self, at: usize, phase: &Phase) {
        let id = self.rafts[at].id();
        if (phase.is_stalled)(id) && !self.pending[at].writes().is_empty() {
            return;
        }
        let effects = std::mem::take(&mut self.pending[at]);
        let Ok(outbox) = effects.persist(|_| Ok::<(), Infallible>(()));
        self.under_way.extend(outbox.messages.into_iter().map(|(to, message)| (id, to, message)));
        if let Some(persisted) = outbox.persisted {
            self.step(id, Input::Persisted(persisted), phase);
        }
    }

    /// Starts what is to be started afresh, and what runs now and did not; forgets what runs no more.
    fn arm(&mut self, at: usize, restart: &[Timer]) {
        let (raft, was) = (&self.rafts[at], self.deadlines[at]);
        let mut deadlines = [NEVER; TIMERS];
        for &timer in raft.timers() {
            let runs_on = was[timer as usize] != NEVER && !restart.contains(&timer);
            deadlines[timer as usize] =
                if runs_on { was[timer as usize] } else { self.now + length(raft, timer) };
        }
        self.deadlines[at] = deadlines;
    }

    /// The next that runs out: when, whose, and which.
    fn earliest(&self) -> Option<(u64, usize, Timer)> {
        let of = |(at, deadlines): (usize, &[u64; TIMERS])| {
            Timer::ALL.into_iter().map(|timer| (deadlines[timer as usize], at, timer)).min()
        };
        self.deadlines.iter().enumerate().filter_map(of).min().filter(|(due, ..)| *due != NEVER)
    }
}

/// Finds out that a run repeats itself, as Brent does (1980): held against one moment of its past, and that is a
/// later one after twice as many turns.
#[derive(Default)]
struct Rounds {
    past: Option<Run>,
    turns: u32,
}

impl Rounds {
    /// When it was as it is now, if it was.
    fn turn(&mut self, run: &Run) -> Option<&Run> {
        self.turns += 1;
        if self.past.as_ref().is_some_and(|past| run.now > past.now && run.is_again(past)) {
            return self.past.as_ref();
        }
        if self.turns.is_power_of_two() {
            self.past = Some(run.clone());
        }
        None
    }
}

/// What a server is, and in which term.
fn standing(raft: &Raft) -> (Term, &'static str) {
    let role = match raft.role() {
        Role::Follower { .. } => "follows",
        Role::PreCandidate { .. } => "asks in",
        Role::Candidate { .. } => "campaigns for",
        Role::Leader { .. } => "leads",
    };
    (raft.term(), role)
}

fn length(raft: &Raft, timer: Timer) -> u64 {
    match timer {
        Timer::Heartbeat | Timer::Retry => HEARTBEAT,
        Timer::Contact | Timer::Quorum | Timer::Transfer => ELECTION,
        // Products by up to seven names differ modulo this prime, and their order changes with the term; all are 0 in one
        // term of seven, which costs an election.
        Timer::Election => ELECTION + 2 * (1 + raft.id().0 * (raft.term().0 + 1) % DRAWS),
    }
}

/// Long enough for several elections.
const LONG: u64 = 120;

/// A time in which all is well.
const ALL_WELL: Phase = Phase { is_cut: |_, _| false, is_stalled: |_| false, proposes: false, ticks: LONG };

/// What must come of calm. A check names those that it judges.
pub const LIVENESS: &[Property] = &[
    Property {
        name: "a leader emerges",
        section: "§5.2, §5.6",
        says: "when nothing goes wrong any more, one leader is elected, and all servers commit all that it has",
        judge: Judge::Calm(&Calm { phases: &[ALL_WELL], goal: |ends| all_but_follow_one(ends, &[]) }),
    },
    Property {
        name: "a majority suffices",
        section: "§2, §5.4.2",
        says: "with n3 cut off, the others elect a leader, and commit all that it has",
        judge: Judge::Calm(&Calm {
            phases: &[Phase { is_cut: |from, to| is_one_of(from, to, NodeId(3)), ..ALL_WELL }],
            goal: |ends| all_but_follow_one(ends, &[NodeId(3)]),
        }),
    },
    Property {
        name: "a majority suffices without n1",
        section: "§2, D 4.1",
        says: "with n1 cut off, the others elect a leader if they are a majority, and commit all that it has",
        judge: Judge::Calm(&Calm {
            phases: &[Phase { is_cut: |from, to| is_one_of(from, to, NodeId(1)), ..ALL_WELL }],
            goal: |ends| all_but_follow_one(ends, &[NodeId(1)]),
        }),
    },
    Property {
        name: "the leader stays",
        section: "D 4.2.3",
        says: "when nothing goes wrong any more, whoever leads after a while leads on in the same term",
        judge: Judge::Calm(&Calm {
            phases: &[ALL_WELL, ALL_WELL],
            goal: |ends| the_leader_stays(ends, None),
        }),
    },
    Property {
        name: "who returns disturbs nobody",
        section: "D 9.6",
        says: "n3 is cut off while another server leads, and comes back: the same server leads on in the same term",
        judge: Judge::Calm(&Calm {
            phases: &[
                ALL_WELL,
                Phase { is_cut: |from, to| is_one_of(from, to, NodeId(3)), ..ALL_WELL },
                ALL_WELL,
            ],
            goal: |ends| the_leader_stays(ends, Some(NodeId(3))),
        }),
    },
    Property {
        name: "who is deaf deposes nobody",
        section: "D 4.2.3, 9.6",
        says: "n3 hears nobody while another server leads, and is heard: the same server leads on in the same term",
        judge: Judge::Calm(&Calm {
            phases: &[ALL_WELL, Phase { is_cut: |_, to| to == NodeId(3), ..ALL_WELL }],
            goal: |ends| the_leader_stays(ends, Some(NodeId(3))),
        }),
    },
    Property {
        name: "one cut link deposes nobody",
        section: "D 9.6",
        says: "n1 and n3 hear n2 and not each other: whoever led before leads on in the same term",
        judge: Judge::Calm(&Calm {
            phases: &[ALL_WELL, Phase { is_cut: |from, to| from.0 + to.0 == 4, ..ALL_WELL }],
            goal: |ends| the_leader_stays(ends, None),
        }),
    },
    Property {
        name: "a stalled disk gives up",
        section: "D 6.2, 10.2.1",
        says: "the disk of n1 stops while clients propose: another server leads, and the others commit all that it has",
        judge: Judge::Calm(&Calm {
            phases: &[
                Phase { proposes: true, ..ALL_WELL },
                Phase { is_stalled: |id| id == NodeId(1), proposes: true, ..ALL_WELL },
                Phase { is_stalled: |id| id == NodeId(1), ..ALL_WELL },
            ],
            goal: |ends| all_but_follow_one(ends, &[NodeId(1)]),
        }),
    },
    Property {
        name: "one link is no majority",
        section: "D 6.2, 9.6",
        says: "of five servers n5 has failed, and n4, which may lead, reaches n3 alone: n1, n2 and n3 elect a leader",
        judge: Judge::Calm(&Calm {
            phases: &[ALL_WELL, Phase { is_cut: one_link_left, ..ALL_WELL }],
            goal: |ends| all_but_follow_one(ends, &[NodeId(4), NodeId(5)]),
        }),
    },
];

/// Is the link one from or to `id`?
fn is_one_of(from: NodeId, to: NodeId, id: NodeId) -> bool {
    from == id || to == id
}

/// Figure 2 of Howard and Abraham, "Raft does not guarantee liveness in the face of network faults" (2020): the
/// leader is connected to one server, and that one to everybody else.
fn one_link_left(from: NodeId, to: NodeId) -> bool {
    let is_apart = |a: NodeId, b: NodeId| a == NodeId(4) && b != NodeId(3);
    is_one_of(from, to, NodeId(5)) || is_apart(from, to) || is_apart(to, from)
}

/// Who leads at the end of the first phase leads at the end of the last, in the same term, `unless` it is the one
/// that is cut off.
fn the_leader_stays(ends: &[Vec<Raft>], unless: Option<NodeId>) -> Verdict {
    let (Some(before), Some(after)) = (ends.first(), ends.last()) else { return Ok(()) };
    let Some(was) = leader(before) else { return Err("nobody led in the first place".into()) };
    if Some(was.id()) == unless {
        return Ok(());
    }
    let is = leader(after);
    if is.is_some_and(|is| (is.id(), is.term()) == (was.id(), was.term())) {
        return Ok(());
    }
    let now = is.map_or("nobody leads".to_string(), |is| format!("{} leads term {}", is.id(), is.term()));
    Err(format!("{} led term {}, and after that {now}", was.id(), was.term()))
}

/// The leader of the latest term.
fn leader(servers: &[Raft]) -> Option<&Raft> {
    servers.iter().filter(|raft| raft.is_leader()).max_by_key(|raft| raft.term())
}

/// At the end, but for the servers that are gone: one leads, those of its configuration are of its term, and all of
/// them have committed all that it has.
///
/// Where configurations change, it may be that none of them can be elected by the others: then nothing is asked of
/// them.
fn all_but_follow_one(ends: &[Vec<Raft>], gone: &[NodeId]) -> Verdict {
    let last = ends.last().into_iter().flatten();
    let servers: Vec<_> = last.filter(|raft| !gone.contains(&raft.id())).cloned().collect();
    let all: Vec<_> = servers.iter().collect();
    if !all.iter().any(|raft| Electable::of(raft, &all).is_some()) {
        return Ok(());
    }
    let Some(leader) = leader(&servers) else { return Err("nobody leads".into()) };
    let end = leader.log().last().index;
    let mut followers =
        servers.iter().filter(|raft| leader.membership().standing(raft.id()) > Standing::Outside);
    let behind = followers.find(|raft| raft.term() != leader.term() || raft.commit() != end);
    behind.map_or(Ok(()), |raft| Err(format!("{} leads with {leader:?}, and there is {raft:?}", leader.id())))
}
