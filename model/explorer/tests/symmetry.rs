//! Symmetry: of states that differ in who is who one is explored, and they are counted for all. Held against a naive
//! walk that permutes whole states with stateright's own means; and systems that are not symmetric are refused.

#[path = "support/lottery.rs"]
mod lottery;

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use lottery::lottery;
use raftlab_explorer::protocols::register::History;
use raftlab_explorer::protocols::{paxos, raft};
use raftlab_explorer::{
    Error, Limit, Mode, Msg, Permutation, Property, Reads, Report, State, Symmetric, System, explore,
};
use stateright::actor::register::{RegisterActor, RegisterActorState, RegisterMsg};
use stateright::actor::{
    Actor, ActorModel, ActorModelState, Envelope, Id, LossyNetwork, Network, RandomChoices, Timers,
};
use stateright::{Expectation, Model, Rewrite, RewritePlan};

fn bag<M: Eq + Hash>() -> Network<M> {
    Network::new_unordered_nonduplicating([])
}

fn set<M: Eq + Hash>() -> Network<M> {
    Network::new_unordered_duplicating([])
}

fn queues<M: Eq + Hash>() -> Network<M> {
    Network::new_ordered([])
}

/// Orbits of each level, and all states of each.
type Orbits = Vec<(u64, u64)>;

/// Items at their new places, each changed.
fn moved<T>(items: &[T], by: &Permutation, change: impl Fn(&T) -> T) -> Vec<T> {
    let mut moved: Vec<_> = by.places().iter().copied().zip(items.iter().map(change)).collect();
    moved.sort_by_key(|(place, _)| *place);
    moved.into_iter().map(|(_, item)| item).collect()
}

fn permuted<A, H>(state: &ActorModelState<A, H>, by: &Permutation) -> ActorModelState<A, H>
where
    A: Actor<Msg: Ord, Timer: Ord>,
    A::State: Rewrite<Id>,
    A::Msg: Rewrite<Id>,
    A::Timer: Rewrite<Id>,
    A::Random: Rewrite<Id>,
    A::Storage: Rewrite<Id>,
    H: Rewrite<Id>,
{
    let plan = RewritePlan::new(by.clone(), |id: &Id, by: &Permutation| by.of(*id));
    // stateright 0.31 leaves timers as they are when it rewrites a set of them.
    let timers = |own: &Timers<A::Timer>| {
        let mut renamed = Timers::new();
        own.iter().for_each(|timer| {
            renamed.set(timer.rewrite(&plan));
        });
        renamed
    };
    ActorModelState {
        actor_states: moved(&state.actor_states, by, |own| own.rewrite(&plan)),
        network: state.network.rewrite(&plan),
        timers_set: moved(&state.timers_set, by, timers),
        random_choices: moved(&state.random_choices, by, |own: &RandomChoices<_>| own.rewrite(&plan)),
        crashed: moved(&state.crashed, by, |own| *own),
        history: state.history.rewrite(&plan),
        actor_storages: moved(&state.actor_storages, by, |own| own.rewrite(&plan)),
    }
}

/// The naive twin: whole states, each with all that its permutations make of it.
fn orbits<A, C, H>(model: &ActorModel<A, C, H>, steps: usize) -> Orbits
where
    A: Actor<Msg: Ord, Timer: Ord, State: Eq, Random: Eq, Storage: Eq>,
    A::State: Rewrite<Id>,
    A::Msg: Rewrite<Id>,
    A::Timer: Rewrite<Id>,
    A::Random: Rewrite<Id>,
    A::Storage: Rewrite<Id>,
    H: Clone + Debug + Hash + Eq + Rewrite<Id>,
{
    let group = Permutation::all_of(0..model.actors.len(), model.actors.len());
    let mut seen = HashSet::new();
    let mut next = model.init_states();
    let mut levels = Vec::new();
    for _ in 0..=steps {
        let (mut level, mut all) = (Vec::new(), 0);
        for state in std::mem::take(&mut next) {
            if seen.contains(&state) {
                continue;
            }
            all += group.iter().filter(|by| seen.insert(permuted(&state, by))).count() as u64;
            level.push(state);
        }
        levels.push((level.len() as u64, all));
        next = level.iter().flat_map(|state| model.next_states(state)).collect();
    }
    levels
}

/// Explores in all ways, and compares with the naive walk and with an exploration without symmetry.
fn compare<A, C, H>(model: &ActorModel<A, C, H>, steps: u32)
where
    ActorModel<A, C, H>: System<Actor = A, Config = C, History = H>,
    A: Actor<Msg: Ord + Send + Sync, Timer: Ord + Send + Sync, State: Eq + Send + Sync> + Sync,
    A: Actor<Random: Eq + Send + Sync, Storage: Eq + Send + Sync>,
    A::State: Rewrite<Id>,
    A::Msg: Rewrite<Id>,
    A::Timer: Rewrite<Id>,
    A::Random: Rewrite<Id>,
    A::Storage: Rewrite<Id>,
    C: Sync,
    H: Clone + Debug + Hash + Eq + Rewrite<Id> + Send + Sync,
{
    let symmetric = Symmetric::new(model, 0..model.actors.len());
    let naive = orbits(model, steps as usize);
    let states: u64 = naive.iter().map(|level| level.0).sum();
    let full: u64 = naive.iter().map(|level| level.1).sum();
    assert!(states > 100 && 2 * full > 3 * states, "{states} orbits of {full} states try nothing");
    let unreduced = explore(&symmetric).symmetry(false).keep_going().max_depth(steps).run().expect("all");
    assert_eq!(unreduced.progress.states, full);
    let check = |report: &Report<_>, way: &str| {
        assert_eq!(report.full_states, full, "{way}");
        assert_eq!(report.progress.states, states, "{way}");
        let levels: Vec<_> = report.levels.iter().map(|level| level.states).collect();
        assert!(levels.iter().eq(naive.iter().map(|level| &level.0)), "{way}: {levels:?}");
        let ways = |report: &Report<_>| -> Vec<_> {
            let mut found: Vec<_> =
                report.discoveries.iter().map(|own| (own.property, own.path.len())).collect();
            found.sort_unstable();
            found
        };
        assert_eq!(ways(report), ways(&unreduced), "{way}");
    };
    for mode in [Mode::Exact, Mode::Fingerprints { seed: 1 }] {
        let ask = || explore(&symmetric).keep_going().mode(mode).max_depth(steps);
        for threads in 1..=3 {
            let way = format!("{mode:?}, {threads} threads");
            check(&ask().threads(threads).run().expect("an exploration"), &way);
        }
        let name = format!("raftlab-explorer-symmetry-{}-{full}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let first = ask().max_states(states / 2).checkpoint(&directory, Duration::from_secs(60)).threads(2);
        assert_eq!(first.run().expect("a part").limit, Some(Limit::States));
        check(&ask().resume(&directory).run().expect("the rest"), "in parts");
        let _ = std::fs::remove_dir_all(directory);
    }
}

#[test]
fn servers_of_raft_on_every_network() {
    compare(&raft::raft(3, bag()), 6);
    compare(&raft::raft(3, queues()), 5);
    compare(&raft::raft(3, set()), 5);
}

#[test]
fn four_servers_of_raft_on_a_network_that_loses() {
    compare(&raft::raft(4, bag()), 4);
    compare(&raft::raft(3, bag()).lossy_network(LossyNetwork::Yes).max_crashes(2), 5);
}

#[test]
fn players_that_are_named_everywhere() {
    compare(&lottery(3, false, bag()), 5);
    compare(&lottery(3, false, queues()), 5);
    compare(&lottery(2, false, set()), 7);
}

fn refusal<S: System>(system: &S) -> String {
    match explore(system).keep_going().max_depth(8).max_states(200_000).run() {
        Err(Error::NotSymmetric(fault)) => fault,
        Err(other) => panic!("another error: {other}"),
        Ok(report) => panic!("explored, with {} states", report.progress.states),
    }
}

#[test]
fn players_whose_order_matters_are_not_interchangeable() {
    let model = lottery(3, true, bag());
    assert!(refusal(&Symmetric::new(&model, 0..3)).contains("an event"));
}

#[test]
fn of_interchangeable_players_some_may_be_left_out() {
    let model = lottery(3, false, bag());
    let two = Symmetric::new(&model, 1..3);
    let report = explore(&two).max_depth(5).run().expect("an exploration");
    let all = explore(&model).max_depth(5).run().expect("an exploration");
    assert_eq!((report.symmetry, report.full_states), (2, all.progress.states));
}

/// Raft, of which something wrong is said.
struct Wrong<'a> {
    of: &'a Symmetric<'a, ActorModel<raft::Server>>,
    says: Says,
}

/// What is said.
enum Says {
    /// These are the permutations.
    Symmetries(Vec<Permutation>),
    /// They change this in states, beyond what they should.
    State(fn(was: &raft::State, is: raft::State) -> raft::State),
    /// Messages stay as they are.
    Messages,
    /// This must hold of each server.
    One(fn(Id, &raft::State) -> bool),
    /// This must hold of each message.
    Message(fn(Envelope<&raft::Message>) -> bool),
}

impl System for Wrong<'_> {
    type Actor = raft::Server;
    type Config = ();
    type History = ();

    fn model(&self) -> &ActorModel<raft::Server> {
        self.of.model()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let reads = match self.says {
            Says::One(holds) => Reads::One(Box::new(holds)),
            Says::Message(holds) => Reads::Message(Box::new(holds)),
            _ => return Vec::new(),
        };
        vec![Property { expectation: Expectation::Always, name: "wrong", reads }]
    }

    fn symmetries(&self) -> Vec<Permutation> {
        match &self.says {
            Says::Symmetries(group) => group.clone(),
            _ => self.of.symmetries(),
        }
    }

    fn permute_state(&self, id: Id, state: &raft::State, by: &Permutation) -> raft::State {
        let permuted = self.of.permute_state(id, state, by);
        match self.says {
            Says::State(change) => change(state, permuted),
            _ => permuted,
        }
    }

    fn permute_message(&self, message: &raft::Message, by: &Permutation) -> raft::Message {
        match self.says {
            Says::Messages => message.clone(),
            _ => self.of.permute_message(message, by),
        }
    }
}

fn refusal_of(says: Says) -> String {
    let model = raft::raft(3, bag());
    refusal(&Wrong { of: &Symmetric::new(&model, 0..3), says })
}

#[test]
fn a_rewriting_that_forgets_something_is_noticed() {
    let forgets: [fn(&raft::State, raft::State) -> raft::State; 4] = [
        |was, is| raft::State { voted_for: was.voted_for, ..is },
        |was, is| raft::State { votes: was.votes.clone(), ..is },
        |was, is| raft::State { sent_length: was.sent_length.clone(), ..is },
        |was, is| raft::State { leader: was.leader, ..is },
    ];
    for forgets in forgets {
        assert!(!refusal_of(Says::State(forgets)).is_empty());
    }
    assert!(!refusal_of(Says::Messages).is_empty());
}

#[test]
fn a_property_that_tells_them_apart_is_noticed() {
    let fault = refusal_of(Says::One(|id, state| id != Id::from(0) || state.term < raft::Term(1)));
    assert!(fault.contains("a property tells them apart"), "{fault}");
    let fault = refusal_of(Says::Message(|envelope| envelope.src <= envelope.dst));
    assert!(fault.contains("their messages"), "{fault}");
}

#[test]
fn what_is_not_a_group_of_permutations_of_the_actors_is_refused() {
    let new = |places: &[usize]| Permutation::new(places.to_vec()).expect("a permutation");
    let (identity, swap, other) = (new(&[0, 1, 2]), new(&[1, 0, 2]), new(&[0, 2, 1]));
    let turn = new(&[1, 2, 0]);
    for (group, reason) in [
        (vec![], "identity"),
        (vec![swap.clone(), identity.clone()], "identity"),
        (vec![new(&[0, 1])], "identity"),
        (vec![identity.clone(), new(&[1, 0])], "no permutation of 3"),
        (vec![identity.clone(), swap.clone(), swap.clone()], "twice"),
        (vec![identity.clone(), swap.clone(), other], "not among"),
        (vec![identity.clone(), turn.clone()], "not among"),
    ] {
        let fault = refusal_of(Says::Symmetries(group));
        assert!(fault.contains(reason), "{fault}");
    }
    // Those that turn all servers are a group, and servers are interchangeable by them too.
    let model = raft::raft(3, bag());
    let symmetric = Symmetric::new(&model, 0..3);
    let turns = Says::Symmetries(vec![identity, turn, new(&[2, 0, 1])]);
    let report = explore(&Wrong { of: &symmetric, says: turns }).max_depth(5).run().expect("a group");
    assert_eq!((report.symmetry, report.full_states), (3, 5_332));
    assert!(Permutation::new(vec![0, 3, 1]).is_none());
}

/// Paxos, whose servers are said to be interchangeable; clients are not.
struct Paxos(ActorModel<RegisterActor<paxos::Server>, (), History>);

impl System for Paxos {
    type Actor = RegisterActor<paxos::Server>;
    type Config = ();
    type History = History;

    fn model(&self) -> &ActorModel<Self::Actor, (), Self::History> {
        &self.0
    }

    fn symmetries(&self) -> Vec<Permutation> {
        Permutation::all_of(0..3, self.0.actors.len())
    }

    fn permute_state(&self, _: Id, state: &State<Self>, by: &Permutation) -> State<Self> {
        let plan = RewritePlan::new(by.clone(), |id: &Id, by: &Permutation| by.of(*id));
        match state {
            RegisterActorState::Server(server) => RegisterActorState::Server(server.rewrite(&plan)),
            client @ RegisterActorState::Client { .. } => client.clone(),
        }
    }

    fn permute_message(&self, message: &Msg<Self>, by: &Permutation) -> Msg<Self> {
        let plan = RewritePlan::new(by.clone(), |id: &Id, by: &Permutation| by.of(*id));
        match message {
            RegisterMsg::Internal(step) => RegisterMsg::Internal(step.rewrite(&plan)),
            other => other.clone(),
        }
    }
}

#[test]
fn servers_of_paxos_are_not_interchangeable() {
    // Its clients write to the servers by their numbers.
    let fault = refusal(&Paxos(paxos::paxos(2, 3, bag())));
    assert!(fault.contains("initial state"), "{fault}");
    // Even if every server is asked to write by the one client there is, ballots are ordered by server.
    let client = Id::from(3);
    let asked =
        (0..3).map(|server| Envelope { src: client, dst: Id::from(server), msg: RegisterMsg::Put(7, 'A') });
    let model = paxos::paxos(0, 3, Network::new_unordered_nonduplicating(asked));
    let model = model.actor(RegisterActor::Client { put_count: 0, server_count: 3 });
    let fault = refusal(&Paxos(model));
    assert!(fault.contains("initial state") || fault.contains("an event"), "{fault}");
}
