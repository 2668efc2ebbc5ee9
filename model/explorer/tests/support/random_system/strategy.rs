//! How systems are drawn. The weights are tuned so that spaces are small and every feature is met (see
//! `tests/random_systems.rs`, which counts both).

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestCaseResult, TestError, TestRng, TestRunner};

use super::{
    Boundary, CHOICES, Cfg, Effect, KEYS, MESSAGES, NetworkKind, Next, PROPERTIES, Peer, Recorder, Recording,
    Rule, SAVED, STATES_MAX, STATES_WORTHWHILE, Sent, Start, System, TIMERS, Table, Trigger, VALUES,
};

/// Checks the same `cases` systems in every run.
///
/// # Panics
///
/// If a check fails, with the smallest system that fails it.
pub fn for_each_system(cases: u32, check: impl Fn(&System) -> TestCaseResult) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    match TestRunner::new_with_rng(config, rng).run(&systems(), |system| check(&system)) {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("no systems were drawn: {reason}"),
        Err(TestError::Fail(reason, system)) => panic!("{reason}\n{system:#?}"),
    }
}

/// Systems of at most [`STATES_MAX`] states, and nine of ten of more than [`STATES_WORTHWHILE`].
pub fn systems() -> impl Strategy<Value = System> {
    let small =
        || any_systems().prop_filter("a space too large to compare", |system| system.is_small(STATES_MAX));
    prop_oneof![9 => Worthwhile(small()), 1 => small()]
}

/// Draws no system that hardly moves. Unlike `prop_filter` it lets one shrink as far as it can.
#[derive(Debug)]
struct Worthwhile<S>(S);

impl<S: Strategy<Value = System>> Strategy for Worthwhile<S> {
    type Tree = S::Tree;
    type Value = System;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        loop {
            let tree = self.0.new_tree(runner)?;
            if !tree.current().is_small(STATES_WORTHWHILE) {
                return Ok(tree);
            }
        }
    }
}

/// Systems of any size.
fn any_systems() -> impl Strategy<Value = System> {
    let names: Vec<_> = PROPERTIES[1..].iter().map(|(_, name, _)| *name).collect();
    let properties = subsequence(names, 0..PROPERTIES.len());
    let network = prop_oneof![Just(NetworkKind::Set), Just(NetworkKind::Bag), Just(NetworkKind::Ordered)];
    let shape = (network, any::<bool>(), 0..=2_usize);
    (vec(table(), 1..=3), shape, vec(sent(), 0..=2), option::weighted(0.2, sent()), cfg(), properties)
        .prop_map(|(tables, (network, lossy, max_crashes), sent, delivered, cfg, properties)| System {
            tables,
            network,
            sent,
            delivered,
            lossy,
            max_crashes,
            cfg,
            properties,
        })
}

fn cfg() -> impl Strategy<Value = Cfg> {
    let boundary = (2..=5_usize, option::weighted(0.25, 8..=40_u64))
        .prop_map(|(network_max, holes)| Boundary { network_max, holes });
    let recorder = || option::weighted(0.5, recorder());
    (option::weighted(0.9, boundary), recorder(), recorder())
        .prop_map(|(boundary, record_in, record_out)| Cfg { boundary, record_in, record_out })
}

fn recorder() -> impl Strategy<Value = Recorder> {
    let how = prop_oneof![
        3 => Just(Recording::Append),
        2 => Just(Recording::Replace),
        2 => Just(Recording::Count),
        1 => Just(Recording::Again),
    ];
    (option::weighted(0.4, 0..MESSAGES), how).prop_map(|(only, how)| Recorder { only, how })
}

fn sent() -> impl Strategy<Value = Sent> {
    (peer(), peer(), 0..MESSAGES).prop_map(|(src, dst, msg)| Sent { src, dst, msg })
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        // 0 to 5: as many for each of one, two or three actors.
        9 => (0..6_u8).prop_map(Peer::After),
        1 => Just(Peer::Nobody),
    ]
}

fn table() -> impl Strategy<Value = Table> {
    ([start(), start(), start()], vec(rule(), 0..=12)).prop_map(|(starts, rules)| Table { starts, rules })
}

fn start() -> impl Strategy<Value = Start> {
    (0..VALUES, vec(effect(), 0..=3)).prop_map(|(value, effects)| Start { value, effects })
}

fn rule() -> impl Strategy<Value = Rule> {
    let message =
        (0..MESSAGES, option::weighted(0.2, peer())).prop_map(|(msg, from)| Trigger::Message { msg, from });
    let on = prop_oneof![
        4 => message,
        1 => (0..CHOICES).prop_map(Trigger::Random),
        1 => (0..TIMERS).prop_map(Trigger::Timeout),
    ];
    let reacting = (on, option::weighted(0.4, 0..VALUES), reaction())
        .prop_map(|(on, value, (next, effects))| Rule { on, value, next, effects });
    prop_oneof![7 => reacting, 1 => renewal()]
}

fn reaction() -> impl Strategy<Value = (Next, Vec<Effect>)> {
    let next = || {
        prop_oneof![
            2 => Just(Next::Keep),
            1 => Just(Next::Touch),
            4 => (0..VALUES).prop_map(Next::Become),
            2 => Just(Next::Note),
        ]
    };
    let twice = (next(), peer(), 0..MESSAGES)
        .prop_map(|(next, to, msg)| (next, vec![Effect::Send { to, msg }, Effect::Send { to, msg }]));
    prop_oneof![
        10 => (next(), vec(effect(), 0..=2)),
        1 => twice,
        1 => Just((Next::Touch, Vec::new())),
    ]
}

/// A timer that is set again when it fires. Stateright ignores that if it is all that happens, and set once.
fn renewal() -> impl Strategy<Value = Rule> {
    let next = prop_oneof![3 => Just(Next::Keep), 1 => Just(Next::Touch)];
    (0..TIMERS, option::weighted(0.5, 0..VALUES), next, 1..=2_usize).prop_map(
        |(timer, value, next, times)| Rule {
            on: Trigger::Timeout(timer),
            value,
            next,
            effects: vec![Effect::SetTimer(timer); times],
        },
    )
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        4 => (peer(), 0..MESSAGES).prop_map(|(to, msg)| Effect::Send { to, msg }),
        3 => (0..TIMERS).prop_map(Effect::SetTimer),
        1 => (0..TIMERS).prop_map(Effect::CancelTimer),
        3 => (0..KEYS, vec(0..CHOICES, 0..=2)).prop_map(|(key, among)| Effect::Choose { key, among }),
        2 => (0..SAVED).prop_map(Effect::Save),
    ]
}
