//! Faults of models and of checkpoints: each is noticed, and named, and nothing is explored over it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use raftlab_explorer::{
    ACTORS_MAX, Action, Error, Explorer, Limit, Mode, PANIC, Property, Reads, Report, System, explore,
};
use stateright::Expectation;
use stateright::actor::{
    Actor, ActorModel, ActorModelAction, ActorModelState, Envelope, Id, Network, Out, model_timeout,
};

/// What is wrong with a [`Counter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// The hash of a state does not cover `lost`.
    HashLoses,
    /// It covers `added`, which equality does not.
    HashAdds,
    /// The hash of a message is always the same.
    MessageHashLoses,
    /// It counts how often it was called, whatever search it is called in.
    Counts,
    /// It does nothing every other time.
    Alternates,
    /// It answers in the order of a hash map.
    HashMapOrder,
    PanicsOnStart,
    PanicsOnMessage,
    PanicsOnTimeout,
    /// It panics when it is started again.
    PanicsOnRecovery,
}

/// Counts ticks, and tells the next actor of each.
struct Counter {
    fault: Fault,
    called: AtomicU32,
    max: u8,
}

#[derive(Clone, Debug)]
struct State {
    fault: Fault,
    count: u8,
    lost: u8,
    added: u32,
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        (self.count, self.lost) == (other.count, other.lost)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.count.hash(hasher);
        if self.fault != Fault::HashLoses {
            self.lost.hash(hasher);
        }
        self.added.hash(hasher);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    /// Does its hash cover nothing? Of one run all messages have the same.
    is_lost: bool,
    count: u8,
}

impl Hash for Message {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        if !self.is_lost {
            self.count.hash(hasher);
        }
    }
}

impl Actor for Counter {
    type Msg = Message;
    type State = State;
    type Timer = ();
    type Random = ();
    type Storage = u8;

    fn on_start(&self, id: Id, stored: &Option<u8>, out: &mut Out<Self>) -> State {
        assert!(self.fault != Fault::PanicsOnStart, "cannot start");
        assert!(self.fault != Fault::PanicsOnRecovery || stored.is_none(), "cannot start again");
        out.set_timer((), model_timeout());
        out.save(u8::try_from(usize::from(id)).expect("two actors"));
        State { fault: self.fault, count: 0, lost: 0, added: 0 }
    }

    fn on_msg(&self, _: Id, state: &mut Cow<State>, _: Id, message: Message, _: &mut Out<Self>) {
        assert!(self.fault != Fault::PanicsOnMessage || message.count < 2, "a second message");
        let state = state.to_mut();
        state.lost = state.lost.max(message.count);
        if self.fault == Fault::HashAdds {
            state.added += 1;
        }
    }

    fn on_timeout(&self, id: Id, state: &mut Cow<State>, (): &(), out: &mut Out<Self>) {
        let called = self.called.fetch_add(1, Ordering::Relaxed);
        if self.fault == Fault::Alternates && called.is_multiple_of(2) || state.count == self.max {
            out.set_timer((), model_timeout());
            return;
        }
        assert!(self.fault != Fault::PanicsOnTimeout || state.count < 2, "a third tick");
        let state = state.to_mut();
        state.count += 1;
        out.set_timer((), model_timeout());
        let message = |count| Message { is_lost: self.fault == Fault::MessageHashLoses, count };
        let next = Id::from((usize::from(id) + 1) % 2);
        match self.fault {
            Fault::Counts => out.send(next, message((called % 200) as u8)),
            Fault::HashMapOrder => {
                let shuffled: HashMap<u8, ()> = (0..16).map(|count| (count, ())).collect();
                let first = shuffled.into_keys().next().expect("sixteen");
                out.send(next, message(first));
            }
            _ => out.send(next, message(state.count)),
        }
    }
}

fn model(fault: Fault) -> ActorModel<Counter> {
    bounded(fault, 3)
}

fn bounded(fault: Fault, max: u8) -> ActorModel<Counter> {
    let actor = || Counter { fault, called: AtomicU32::new(0), max };
    ActorModel::new((), ())
        .actor(actor())
        .actor(actor())
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, "counts are small", |_, state| {
            state.actor_states.iter().all(|state| state.count < 100)
        })
}

fn run<S: System>(explorer: &Explorer<S>) -> Result<Report<S>, Error> {
    explorer.run()
}

fn fault_of(fault: Fault) -> Error {
    let model = model(fault);
    let of = |mode, threads| match run(&explore(&model).mode(mode).threads(threads).max_depth(12)) {
        Ok(report) => panic!("{fault:?} was not noticed in {} states", report.progress.states),
        Err(error) => error,
    };
    of(Mode::Fingerprints { seed: 1 }, 2);
    of(Mode::Exact, 1)
}

#[test]
fn without_a_fault_there_is_none() {
    let model = model(Fault::Nothing);
    let report = run(&explore(&model)).expect("no fault");
    assert!(report.is_complete() && report.discoveries.is_empty());
}

#[test]
fn a_hash_that_loses_what_equality_sees() {
    assert!(matches!(fault_of(Fault::HashLoses), Error::HashLoses(..)));
    let fault = fault_of(Fault::MessageHashLoses);
    assert!(matches!(fault, Error::PartHashLoses("message", ..)), "{fault}");
}

#[test]
fn a_hash_that_sees_what_equality_does_not() {
    assert!(matches!(fault_of(Fault::HashAdds), Error::HashAdds(_)));
}

#[test]
fn actors_that_do_not_do_the_same_again() {
    for fault in [Fault::Counts, Fault::Alternates, Fault::HashMapOrder] {
        let error = fault_of(fault);
        assert!(matches!(error, Error::NotDeterministic(..)), "{fault:?}: {error}");
    }
}

#[test]
fn what_must_become_true_is_refused() {
    let model = model(Fault::Nothing).property(Expectation::Eventually, "it ends", |_, _| false);
    assert_eq!(run(&explore(&model)).err(), Some(Error::Eventually("it ends")));
}

#[test]
fn too_much_of_something() {
    let many = (0..33).fold(model(Fault::Nothing), |model, at| {
        model.property(Expectation::Always, format!("property {at}").leak(), |_, _| true)
    });
    assert_eq!(run(&explore(&many)).err(), Some(Error::TooManyProperties(34)));
    let actor = |_| Counter { fault: Fault::Nothing, called: AtomicU32::new(0), max: 0 };
    let crowd = |actors| ActorModel::new((), ()).actors((0..actors).map(actor));
    assert_eq!(run(&explore(&crowd(ACTORS_MAX + 1))).err(), Some(Error::TooManyActors(16)));
    assert!(run(&explore(&crowd(ACTORS_MAX))).is_ok());
}

/// The steps to the panic and what it said, as each way of exploring finds it.
fn panic_of<S: System>(system: &S) -> (usize, String) {
    let mut found = Vec::new();
    for (mode, threads) in [(Mode::Exact, 1), (Mode::Fingerprints { seed: 4 }, 2)] {
        let report = run(&explore(system).mode(mode).threads(threads)).expect("a report");
        assert_eq!(report.limit, Some(Limit::Violation));
        let panic = report.discovery(PANIC).expect("a panic");
        assert!(panic.is_violation);
        found.push((panic.path.len(), panic.message.clone().expect("a message")));
    }
    assert_eq!(found[0], found[1]);
    found.remove(0)
}

#[test]
fn a_handler_that_panics_is_a_counterexample() {
    assert_eq!(panic_of(&model(Fault::PanicsOnTimeout)), (3, "a third tick".into()));
    assert_eq!(panic_of(&model(Fault::PanicsOnMessage)), (3, "a second message".into()));
    let crashing = model(Fault::PanicsOnRecovery).max_crashes(1);
    assert_eq!(panic_of(&crashing), (2, "cannot start again".into()));
}

#[test]
fn a_start_that_panics_is_an_error_as_there_is_no_step_to_show() {
    let error = run(&explore(&model(Fault::PanicsOnStart))).err();
    assert_eq!(error, Some(Error::Panicked("cannot start".into())));
}

#[test]
fn a_judgement_of_a_state_that_panics_is_a_counterexample() {
    let late = model(Fault::Nothing).property(Expectation::Always, "panics", |_, state| {
        assert!(state.actor_states[1].count < 2, "cannot judge");
        true
    });
    assert_eq!(panic_of(&late), (2, "a property panicked: cannot judge".into()));
    let outside = model(Fault::Nothing).within_boundary(|(), state: &ActorModelState<Counter>| {
        assert!(state.actor_states[1].count < 3, "no boundary");
        true
    });
    assert_eq!(panic_of(&outside), (3, "the boundary panicked: no boundary".into()));
    let first = model(Fault::Nothing).property(Expectation::Always, "panics", |_, _| panic!("never"));
    let error = run(&explore(&first)).err();
    assert_eq!(error, Some(Error::Panicked("a property panicked: never".into())));
}

/// The same model, with a judgement of parts that panics, or a rule of the system's own.
struct Parts {
    model: ActorModel<Counter>,
    panics: &'static str,
}

impl System for Parts {
    type Actor = Counter;
    type Config = ();
    type History = ();

    fn model(&self) -> &ActorModel<Counter> {
        &self.model
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let reads: Reads<Self> = match self.panics {
            "one" => Reads::One(Box::new(|_, state: &State| {
                assert!(state.count < 2, "one");
                true
            })),
            "pair" => Reads::Pair(Box::new(|(_, a): (Id, &State), (_, b): (Id, &State)| {
                assert!(a.count + b.count < 2, "pair");
                true
            })),
            "all" => Reads::All(Box::new(|all: &[&State]| {
                assert!(all[0].count < 2, "all");
                true
            })),
            "step" => Reads::Step(Box::new(|_, _: &State, after: &State| {
                assert!(after.count < 2, "step");
                true
            })),
            "message" => Reads::Message(Box::new(|envelope: Envelope<&Message>| {
                assert!(envelope.msg.count < 2, "message");
                true
            })),
            _ => Reads::One(Box::new(|_, _| true)),
        };
        vec![Property { expectation: Expectation::Always, name: "panics", reads }]
    }

    fn removes_dead(&self) -> bool {
        self.panics == "is_dead"
    }

    fn is_dead(&self, _: Id, _: &State, _: Id, message: &Message) -> bool {
        assert!(message.count < 2, "is_dead");
        false
    }

    fn cause(&self, action: &Action<Self>) -> Option<usize> {
        assert!(self.panics != "cause" || !matches!(action, ActorModelAction::Deliver { .. }), "cause");
        None
    }
}

#[test]
fn a_judgement_of_a_part_that_panics_is_a_counterexample_or_an_error() {
    let parts = |panics| Parts { model: model(Fault::Nothing), panics };
    for panics in ["pair", "all"] {
        assert_eq!(panic_of(&parts(panics)), (2, format!("a property panicked: {panics}")));
    }
    for panics in ["one", "step", "message", "is_dead", "cause"] {
        for threads in [1, 2] {
            let error = run(&explore(&parts(panics)).threads(threads)).err();
            assert_eq!(error, Some(Error::Panicked(panics.into())));
        }
    }
}

/// A directory that is gone when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "raftlab-explorer-faults-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a directory");
        Scratch(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("checkpoint")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const LATER: Duration = Duration::from_secs(1_000);

fn resumed<'a, S: System>(system: &'a S, mode: Mode, scratch: &Scratch) -> Explorer<'a, S> {
    explore(system).threads(1).mode(mode).resume(&scratch.0)
}

fn reason(result: Result<Report<impl System>, Error>) -> String {
    match result {
        Err(Error::Checkpoint(_, reason)) => reason,
        Err(other) => panic!("another error: {other}"),
        Ok(report) => panic!("resumed, with {} states", report.progress.states),
    }
}

#[test]
fn a_checkpoint_that_is_damaged_anywhere_is_refused() {
    let model = bounded(Fault::Nothing, 2);
    for mode in [Mode::Exact, Mode::Fingerprints { seed: 1 }] {
        let scratch = Scratch::new();
        let explorer = explore(&model).threads(1).mode(mode).max_states(5).checkpoint(&scratch.0, LATER);
        assert_eq!(run(&explorer).expect("a part").limit, Some(Limit::States));
        let whole = fs::read(scratch.file()).expect("a checkpoint");
        let refused = |bytes: &[u8]| {
            fs::write(scratch.file(), bytes).expect("a file");
            reason(run(&resumed(&model, mode, &scratch)))
        };
        for at in (0..whole.len()).step_by(whole.len().div_ceil(4_000)) {
            for flip in [1, 0x80] {
                let mut damaged = whole.clone();
                damaged[at] ^= flip;
                assert!(refused(&damaged).contains("damaged"), "byte {at}");
            }
        }
        for length in [0, 1, 7, 8, 9, 40, whole.len() / 2, whole.len() - 1] {
            assert!(refused(&whole[..length]).contains("damaged"), "{length} bytes");
        }
        assert!(refused(&[&whole[..], &[0]].concat()).contains("damaged"));
        fs::write(scratch.file(), &whole).expect("a file");
        let rest = run(&resumed(&model, mode, &scratch)).expect("the rest");
        let all = run(&explore(&model).mode(mode)).expect("all");
        assert_eq!((rest.progress.states, &rest.levels), (all.progress.states, &all.levels));
    }
}

#[test]
fn a_checkpoint_of_another_model_is_refused() {
    let (scratch, prints) = (Scratch::new(), Mode::Fingerprints { seed: 1 });
    let original = model(Fault::Nothing);
    let explorer = explore(&original).mode(prints).max_states(5).checkpoint(&scratch.0, LATER);
    run(&explorer).expect("a part");
    let others = [
        model(Fault::Nothing).max_crashes(1),
        model(Fault::Nothing).lossy_network(stateright::actor::LossyNetwork::Yes),
        model(Fault::Nothing).init_network(Network::new_ordered([])),
        model(Fault::Nothing).init_network(Network::new_unordered_duplicating([])),
        model(Fault::Nothing).property(Expectation::Always, "another", |_, _| true),
    ];
    for other in &others {
        assert!(reason(run(&resumed(other, prints, &scratch))).contains("another model"));
    }
    // A seed changes every fingerprint, and states are not what fingerprints are.
    let seed = Mode::Fingerprints { seed: 2 };
    assert!(reason(run(&resumed(&original, seed, &scratch))).contains("another"));
    assert!(reason(run(&resumed(&original, Mode::Exact, &scratch))).contains("another"));
    // One that behaves differently is noticed when it does not do again what it did.
    let other = bounded(Fault::Nothing, 1);
    let states = run(&explore(&original)).expect("all").progress.states;
    let deep = explore(&original).mode(prints).max_states(states * 2 / 3).checkpoint(&scratch.0, LATER);
    assert_eq!(run(&deep).expect("a part").limit, Some(Limit::States));
    assert!(reason(run(&resumed(&other, prints, &scratch))).contains("again"));
    assert!(run(&resumed(&original, prints, &scratch)).is_ok());
}

#[test]
fn a_checkpoint_that_cannot_be_written_or_read_is_an_error() {
    let (scratch, model) = (Scratch::new(), model(Fault::Nothing));
    let file = scratch.0.join("a file");
    fs::write(&file, "not a directory").expect("a file");
    for directory in [file.clone(), file.join("below")] {
        let written = run(&explore(&model).max_states(5).checkpoint(&directory, LATER));
        assert!(matches!(written, Err(Error::Checkpoint(..))));
        assert!(!reason(run(&explore(&model).resume(&directory))).is_empty());
    }
    assert!(!reason(run(&explore(&model).resume(scratch.0.join("nothing there")))).is_empty());
}
