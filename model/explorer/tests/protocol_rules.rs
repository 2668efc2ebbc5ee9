//! What the protocols do, beyond how many states that makes: the link does what stateright's own does, servers of
//! Raft are interchangeable and those of Paxos are not, Raft panics where the published one does, and the last writer
//! does not always win.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use raftlab_explorer::complete::Complete;
use raftlab_explorer::protocols::lww::{self, Choice, Value, Write};
use raftlab_explorer::protocols::paxos::{self, Ballot, Step};
use raftlab_explorer::protocols::raft::{
    self, LogRequest, LogResponse, Message, Timer, VoteRequest, VoteResponse,
};
use raftlab_explorer::protocols::reliable_link::{self, End, reliable_link};
use stateright::actor::ordered_reliable_link::ActorWrapper;
use stateright::actor::register::{RegisterActor, RegisterMsg};
use stateright::actor::{
    Actor, ActorModel, ActorModelAction, ActorModelState, Id, LossyNetwork, Network, Out,
};
use stateright::util::DenseNatMap;
use stateright::{Checker, Expectation, Model, Path, Rewrite, RewritePlan};

/// The pair of [`reliable_link`], for the link that stateright brings.
#[derive(Clone)]
enum Pair {
    Sender(u64),
    Receiver,
}

impl Actor for Pair {
    type Msg = u64;
    type State = Vec<(Id, u64)>;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> Self::State {
        if let Pair::Sender(values) = self {
            (1..=*values).for_each(|value| out.send(Id::from(1), value));
        }
        Vec::new()
    }

    fn on_msg(&self, _: Id, received: &mut Cow<Self::State>, src: Id, value: u64, _: &mut Out<Self>) {
        received.to_mut().push((src, value));
    }
}

fn published_link(values: u64, in_flight_max: usize) -> ActorModel<ActorWrapper<Pair>, usize> {
    ActorModel::new(in_flight_max, ())
        .actor(ActorWrapper::with_default_timeout(Pair::Sender(values)))
        .actor(ActorWrapper::with_default_timeout(Pair::Receiver))
        .lossy_network(LossyNetwork::Yes)
        .within_boundary(|max, state| state.network.len() <= *max)
        .property(Expectation::Always, "holds", |_, _| true)
}

fn own_link(values: u64, in_flight_max: usize) -> ActorModel<End, reliable_link::Config> {
    let config = reliable_link::Config { values, in_flight_max };
    reliable_link(config, Network::new_unordered_duplicating([]))
}

macro_rules! count_within {
    ($depth:expr, $model:expr) => {{
        let checker = Complete($model).checker().target_max_depth($depth).spawn_bfs().join();
        (checker.unique_state_count(), checker.state_count(), checker.max_depth())
    }};
}

#[test]
fn the_link_does_what_the_link_of_stateright_does() {
    for (values, in_flight_max) in [(1, 2), (2, 3), (3, 3), (2, 5)] {
        let own = count_within!(30, own_link(values, in_flight_max));
        assert_eq!(own, count_within!(30, published_link(values, in_flight_max)));
    }
}

#[test]
fn the_link_restarts_as_the_link_of_stateright_does() {
    let own = count_within!(9, own_link(2, 4).max_crashes(1));
    assert_eq!(own, count_within!(9, published_link(2, 4).max_crashes(1)));
}

type Plan = RewritePlan<Id, DenseNatMap<Id, Id>>;

/// Server `i` becomes server `permutation[i]`.
fn plan(permutation: &[usize]) -> Plan {
    Plan::from_values_to_sort(permutation)
}

fn permuted(state: &ActorModelState<raft::Server>, plan: &Plan) -> ActorModelState<raft::Server> {
    ActorModelState {
        actor_states: plan.reindex(&state.actor_states),
        network: state.network.rewrite(plan),
        timers_set: plan.reindex(&state.timers_set),
        random_choices: plan.reindex(&state.random_choices),
        crashed: plan.reindex(&state.crashed),
        history: (),
        actor_storages: plan.reindex(&state.actor_storages),
    }
}

/// Does a server of Paxos that is in the ballot `current` promise when it is asked to prepare another?
fn promises(current: Ballot, asked: Ballot) -> bool {
    let model = paxos::paxos(0, 2, Network::new_unordered_nonduplicating([]));
    let RegisterActor::Server(server) = &model.actors[0] else { unreachable!("servers come first") };
    let mut out = Out::new();
    let mut state = server.on_start(Id::from(0), &None, &mut out);
    state.ballot = current;
    let prepare = RegisterMsg::Internal(Step::Prepare(asked));
    server.on_msg(Id::from(0), &mut Cow::Owned(state), Id::from(1), prepare, &mut out);
    !out.is_empty()
}

#[test]
fn permuted_servers_of_paxos_do_something_else() {
    let [first, second] = [0, 1].map(|id| Ballot { round: 1, leader: Id::from(id) });
    let swapped = plan(&[1, 0]);
    assert_eq!(first.rewrite(&swapped), second);
    assert!(promises(first, second));
    assert!(!promises(first.rewrite(&swapped), second.rewrite(&swapped)));
}

/// A path through Raft.
struct Walk {
    model: ActorModel<raft::Server>,
    state: ActorModelState<raft::Server>,
    steps: usize,
}

impl Walk {
    fn new() -> Walk {
        let model = raft::raft(3, Network::new_unordered_nonduplicating([]));
        let state = model.init_states().remove(0);
        Walk { model, state, steps: 0 }
    }

    /// Server 1 elects server 0, and acknowledges its entry.
    fn elect_and_replicate(&mut self) {
        self.take(ActorModelAction::Timeout(Id::from(0), Timer::Election));
        self.deliver(0, 1, |message| matches!(message, Message::VoteRequest(_)));
        self.deliver(1, 0, |message| matches!(message, Message::VoteResponse(_)));
        self.deliver(0, 0, |message| matches!(message, Message::Broadcast(_)));
        self.deliver(
            0,
            1,
            |message| matches!(message, Message::LogRequest(LogRequest { suffix, .. }) if suffix.len() == 1),
        );
    }

    fn actions(&self) -> Vec<ActorModelAction<Message, Timer, ()>> {
        let mut actions = Vec::new();
        self.model.actions(&self.state, &mut actions);
        actions
    }

    fn take(&mut self, action: ActorModelAction<Message, Timer, ()>) {
        assert!(self.actions().contains(&action), "{action:?} cannot happen, only {:?}", self.actions());
        self.state = self.model.next_state(&self.state, action).expect("a step changes something");
        self.steps += 1;
    }

    /// Delivers the one message from `src` to `dst` that is meant.
    fn deliver(&mut self, src: usize, dst: usize, is_meant: fn(&Message) -> bool) {
        let (src, dst) = (Id::from(src), Id::from(dst));
        let all = self.state.network.iter_deliverable();
        let mut meant = all.filter(|sent| sent.src == src && sent.dst == dst && is_meant(sent.msg));
        let msg = meant.next().expect("such a message").msg.clone();
        assert_eq!(meant.next(), None);
        drop(meant);
        self.take(ActorModelAction::Deliver { src, dst, msg });
    }
}

/// Compares what permuted servers do with what the servers do, permuted, within six steps of `start`; and
/// counts those in which something is committed.
fn compare_permuted(model: &ActorModel<raft::Server>, start: ActorModelState<raft::Server>) -> usize {
    let permutations = [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].map(|all| plan(&all));
    let mut commits = 0;
    let mut level = vec![start];
    for _ in 0..6 {
        let mut next = Vec::new();
        for state in &level {
            commits += usize::from(state.actor_states.iter().any(|server| server.commit_length > 0));
            let successors = model.next_states(state);
            for plan in &permutations {
                let of_permuted = model.next_states(&permuted(state, plan));
                assert_eq!(of_permuted.len(), successors.len());
                assert!(successors.iter().all(|state| of_permuted.contains(&permuted(state, plan))));
            }
            next.extend(successors);
        }
        // Most of them are left out where there are many.
        let stride = next.len().div_ceil(2_000);
        level = next.into_iter().step_by(stride).collect();
    }
    commits
}

#[test]
fn what_permuted_servers_of_raft_do_is_what_the_servers_do_permuted() {
    let mut walk = Walk::new();
    assert_eq!(compare_permuted(&walk.model, walk.state.clone()), 0);
    walk.elect_and_replicate();
    let commits = compare_permuted(&walk.model, walk.state.clone());
    assert!(commits > 100, "only {commits} states with a commitment");
}

#[test]
fn a_leader_of_raft_panics_on_an_acknowledgement_from_before_its_crash() {
    let leader = Id::from(0);
    let mut walk = Walk::new();
    walk.elect_and_replicate();
    // The leader forgets everything, and server 2 elects it in the same term.
    walk.take(ActorModelAction::Crash(leader));
    walk.take(ActorModelAction::Recover(leader));
    walk.take(ActorModelAction::Timeout(leader, Timer::Election));
    walk.deliver(0, 2, |message| matches!(message, Message::VoteRequest(VoteRequest { log_length: 0, .. })));
    walk.deliver(2, 0, |message| {
        matches!(message, Message::VoteResponse(VoteResponse { granted: true, .. }))
    });
    walk.deliver(1, 0, |message| matches!(message, Message::LogResponse(LogResponse { acked: 1, .. })));
    assert_eq!(walk.steps, 11);
    let replicate = ActorModelAction::Timeout(leader, Timer::Replication);
    assert!(walk.actions().contains(&replicate));
    let next = || walk.model.next_state(&walk.state, replicate);
    assert!(catch_unwind(AssertUnwindSafe(next)).is_err(), "it sends what it does not have");
}

/// Does "eventually consistent" hold in every state but the last, after these steps of two replicas?
fn falls_at_the_end(steps: &[ActorModelAction<Write, (), Choice>]) -> bool {
    let model = lww::lww(2, Network::new_unordered_nonduplicating([]));
    let start = model.init_states().remove(0);
    let path = Path::from_actions(&model, start, steps).expect("a path");
    let holds = Model::property(&model, "eventually consistent").condition;
    let mut judged: Vec<bool> = path.into_states().iter().map(|state| holds(&model, state)).collect();
    judged.pop() == Some(false) && judged.into_iter().all(|holds| holds)
}

fn choose(replica: usize, random: Choice) -> ActorModelAction<Write, (), Choice> {
    ActorModelAction::SelectRandom { actor: Id::from(replica), key: "next".to_owned(), random }
}

fn tell(msg: Write, replica: usize) -> ActorModelAction<Write, (), Choice> {
    ActorModelAction::Deliver { src: msg.writer, dst: Id::from(replica), msg }
}

#[test]
fn two_writes_of_one_replica_can_have_one_timestamp() {
    let [a, b] = [Value::A, Value::B].map(|value| Write { timestamp: 1_001, writer: Id::from(0), value });
    assert!(falls_at_the_end(&[
        choose(0, Choice::Clock(1_001)),
        choose(0, Choice::Set(Value::A)),
        choose(0, Choice::Set(Value::B)),
        tell(a, 0),
        tell(b, 0),
        tell(b, 1),
        tell(a, 1),
    ]));
}

#[test]
fn a_write_can_come_before_what_its_writer_already_knows() {
    let [a, b] = [(1, Value::A), (0, Value::B)].map(|(writer, value)| Write {
        timestamp: 1_001,
        writer: Id::from(writer),
        value,
    });
    assert!(falls_at_the_end(&[
        choose(1, Choice::Clock(1_001)),
        choose(1, Choice::Set(Value::A)),
        tell(a, 0),
        choose(0, Choice::Set(Value::B)),
        tell(a, 1),
        tell(b, 0),
        tell(b, 1),
    ]));
}
