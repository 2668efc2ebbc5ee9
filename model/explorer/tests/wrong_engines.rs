//! Engines that are each wrong in one way that is easy to be wrong in. The random systems tell every one of them from a
//! right one, by its counts alone: an equality test over these systems would catch it.

mod support;

use std::cell::RefCell;

use stateright::actor::{ActorModelAction as Action, Command, Envelope, Id, LossyNetwork, Network};
use stateright::{Checker, Model};
use support::random_system::{STATES_MAX, System, TableModel, TableModelState, for_each_system};
use support::step::{Heard, Step, TableCommand};
use support::walk::{Counts, TooLarge, walk, walk_by};

const SYSTEMS: u32 = 1_000;

/// An engine that fewer systems catch was caught by luck.
const CATCHES_MIN: usize = 5;

/// How an engine is wrong.
#[derive(Clone, Copy)]
enum Wrong {
    /// It explores another model.
    Alters(fn(&mut TableModel)),
    /// It does not take steps that there are, of which this holds.
    Ignores(fn(&Step<'_>) -> bool),
    /// It takes steps that there are not, of which this holds, to the same state.
    Invents(fn(&Step<'_>) -> bool),
    /// It steps to another state.
    Amends(fn(&Step<'_>, &mut TableModelState)),
}

const ABOUT_THE_MODEL: [(&str, Wrong); 11] = [
    (
        "takes all actors for the first",
        Wrong::Alters(|model| {
            let first = model.actors[0].clone();
            model.actors.fill(first);
        }),
    ),
    (
        "knows no hole in a boundary",
        Wrong::Alters(|model| {
            if let Some(boundary) = &mut model.cfg.boundary {
                boundary.holes = None;
            }
        }),
    ),
    ("loses nothing", Wrong::Alters(|model| model.lossy_network = LossyNetwork::No)),
    ("crashes nobody", Wrong::Alters(|model| model.max_crashes = 0)),
    ("crashes one at a time", Wrong::Alters(|model| model.max_crashes = model.max_crashes.min(1))),
    ("knows no boundary", Wrong::Alters(|model| model.within_boundary = |_, _| true)),
    ("records no delivery", Wrong::Alters(|model| model.record_msg_in = |_, _, _| None)),
    ("records nothing sent", Wrong::Alters(|model| model.record_msg_out = |_, _, _| None)),
    ("starts with an empty network", Wrong::Alters(|model| retain(&mut model.init_network, |_, _| false))),
    (
        "starts without a last delivery",
        Wrong::Alters(|model| {
            if let Network::UnorderedDuplicating(_, last) = &mut model.init_network {
                *last = None;
            }
        }),
    ),
    (
        "takes a bag for a set",
        Wrong::Alters(|model| {
            if let Network::UnorderedNonDuplicating(bag) = &model.init_network {
                model.init_network = Network::new_unordered_duplicating(bag.keys().copied());
            }
        }),
    ),
];

const ABOUT_NETWORKS: [(&str, Wrong); 13] = [
    (
        "cancels two equal messages, as a sum by exclusive or would",
        Wrong::Amends(|_, next| {
            if let Network::UnorderedNonDuplicating(bag) = &mut next.network {
                bag.retain(|_, copies| *copies % 2 == 1);
            }
        }),
    ),
    (
        "forgets who sent a message",
        Wrong::Amends(|_, next| {
            if let Network::UnorderedDuplicating(set, _) = &mut next.network {
                let all: Vec<_> = set.iter().copied().collect();
                let same =
                    |one: &Envelope<u8>, other: &Envelope<u8>| (one.dst, one.msg) == (other.dst, other.msg);
                set.retain(|one| !all.iter().any(|other| same(one, other) && other.src < one.src));
            }
        }),
    ),
    (
        "loses all copies at once",
        Wrong::Amends(|step, next| {
            if let (Network::UnorderedNonDuplicating(bag), Action::Drop(lost)) =
                (&mut next.network, step.action)
            {
                bag.remove(lost);
            }
        }),
    ),
    (
        "keeps one copy of a message",
        Wrong::Amends(|_, next| {
            if let Network::UnorderedNonDuplicating(bag) = &mut next.network {
                bag.values_mut().for_each(|copies| *copies = 1);
            }
        }),
    ),
    (
        "sorts a queue",
        Wrong::Amends(|_, next| {
            if let Network::Ordered(queues) = &mut next.network {
                for queue in queues.values_mut() {
                    queue.make_contiguous().sort_unstable();
                }
            }
        }),
    ),
    (
        "forgets the last delivery",
        Wrong::Amends(|_, next| {
            if let Network::UnorderedDuplicating(_, last) = &mut next.network {
                *last = None;
            }
        }),
    ),
    (
        "takes a loss for the last delivery",
        Wrong::Amends(|step, next| {
            if let (Network::UnorderedDuplicating(_, last), Action::Drop(lost)) =
                (&mut next.network, step.action)
            {
                *last = Some(*lost);
            }
        }),
    ),
    (
        "discards what is sent to nobody",
        Wrong::Amends(|step, next| {
            retain(&mut next.network, |_, dst| usize::from(dst) < step.model.actors.len());
        }),
    ),
    (
        "discards what is sent to oneself",
        Wrong::Amends(|_, next| retain(&mut next.network, |src, dst| src != dst)),
    ),
    (
        "discards what is sent to an actor that is down",
        Wrong::Amends(|_, next| {
            let down: Vec<_> = next.crashed.clone();
            retain(&mut next.network, |_, dst| down.get(usize::from(dst)) != Some(&true));
        }),
    ),
    (
        "takes a delivery to an actor that is down for a step",
        Wrong::Invents(|step| step.envelope().is_some() && !step.delivers()),
    ),
    (
        "takes a delivery without effect for a step",
        Wrong::Invents(|step| step.delivers() && step.is_silent()),
    ),
    (
        "ignores a delivery without effect, in a queue too",
        Wrong::Ignores(|step| step.delivers() && step.is_silent()),
    ),
];

const ABOUT_TIMERS_AND_CHOICES: [(&str, Wrong); 12] = [
    ("takes a renewed timer for a step", Wrong::Invents(|step| step.fires() && step.next.is_none())),
    ("ignores a timer renewed twice", Wrong::Ignores(|step| step.fires() && step.next == Some(step.from))),
    ("ignores a timer that only fires", Wrong::Ignores(|step| step.fires() && step.is_silent())),
    (
        "keeps a timer that fires",
        Wrong::Amends(|step, next| {
            if let Action::Timeout(id, timer) = step.action {
                next.timers_set[usize::from(*id)].set(*timer);
            }
        }),
    ),
    (
        "clears a timer after the commands of its time-out",
        Wrong::Amends(|step, next| {
            if let Action::Timeout(id, timer) = step.action {
                next.timers_set[usize::from(*id)].cancel(timer);
            }
        }),
    ),
    (
        "cancels no timer",
        Wrong::Amends(|step, next| {
            for (index, command) in commands(step) {
                if let Command::CancelTimer(timer) = command
                    && step.from.timers_set[index].iter().any(|set| set == timer)
                {
                    next.timers_set[index].set(*timer);
                }
            }
        }),
    ),
    (
        "keeps timers in a crash",
        Wrong::Amends(|step, next| {
            if let Some(index) = step.crashes() {
                next.timers_set[index] = step.from.timers_set[index].clone();
            }
        }),
    ),
    (
        "keeps choices in a crash",
        Wrong::Amends(|step, next| {
            if let Some(index) = step.crashes() {
                next.random_choices[index] = step.from.random_choices[index].clone();
            }
        }),
    ),
    ("offers equal choices once", Wrong::Amends(|_, next| choices(next).for_each(Vec::dedup))),
    (
        "does not order what it offers",
        Wrong::Amends(|_, next| choices(next).for_each(|among| among.sort_unstable())),
    ),
    (
        "clears a choice after the commands of its taking",
        Wrong::Amends(|step, next| {
            if let Action::SelectRandom { actor, key, .. } = step.action {
                next.random_choices[usize::from(*actor)].remove(key);
            }
        }),
    ),
    (
        "withdraws no choice",
        Wrong::Amends(|step, next| {
            for (index, command) in commands(step) {
                if let Command::ChooseRandom(key, among) = command
                    && among.is_empty()
                    && let Some(pending) = step.from.random_choices[index].map.get(key)
                {
                    next.random_choices[index].insert(key.clone(), pending.clone());
                }
            }
        }),
    ),
];

const ABOUT_ACTORS: [(&str, Wrong); 9] = [
    ("ignores every step to the same state", Wrong::Ignores(|step| step.next == Some(step.from))),
    (
        "takes a state that was touched for one that was not",
        Wrong::Ignores(|step| {
            let same = step.next.is_some_and(|next| next.actor_states == step.from.actor_states);
            let ordered = matches!(step.from.network, Network::Ordered(_));
            step.delivers() && step.commands().is_empty() && same && !ordered
        }),
    ),
    (
        "forgets what an actor notes",
        Wrong::Amends(|_, next| {
            for state in &mut next.actor_states {
                std::sync::Arc::make_mut(state).notes.clear();
            }
        }),
    ),
    (
        "forgets the state of an actor that is down",
        Wrong::Amends(|step, next| {
            if let Some(index) = step.crashes() {
                std::sync::Arc::make_mut(&mut next.actor_states[index]).value = 0;
            }
        }),
    ),
    (
        "keeps the state of an actor that recovers",
        Wrong::Amends(|step, next| {
            if let Some(index) = step.recovers() {
                next.actor_states[index] = step.from.actor_states[index].clone();
            }
        }),
    ),
    (
        "recovers with nothing",
        Wrong::Amends(|step, next| {
            if let Some(index) = step.recovers() {
                let mut wiped = step.from.clone();
                wiped.actor_storages[index] = None;
                let recovered = step.model.next_state(&wiped, step.action.clone());
                let saved = step.from.actor_storages[index];
                *next = recovered.expect("an actor that is down recovers");
                next.actor_storages[index] = next.actor_storages[index].or(saved);
            }
        }),
    ),
    ("saves nothing", Wrong::Amends(|step, next| next.actor_storages.clone_from(&step.from.actor_storages))),
    (
        "loses in a crash what was saved",
        Wrong::Amends(|step, next| {
            if let Some(index) = step.crashes() {
                next.actor_storages[index] = None;
            }
        }),
    ),
    (
        "records what is sent before what is delivered",
        Wrong::Amends(|step, next| {
            let Action::Deliver { src, dst, msg } = *step.action else {
                return;
            };
            let cfg = &step.model.cfg;
            let mut history = step.from.history.clone();
            for (to, sent) in step.heard.iter().flat_map(Heard::sends) {
                let envelope = Envelope { src: dst, dst: to, msg: &sent };
                history = (step.model.record_msg_out)(cfg, &history, envelope).unwrap_or(history);
            }
            let envelope = Envelope { src, dst, msg: &msg };
            next.history = (step.model.record_msg_in)(cfg, &history, envelope).unwrap_or(history);
        }),
    ),
];

/// Keeps the messages of whose sender and receiver `test` holds.
fn retain(network: &mut Network<u8>, test: impl Fn(Id, Id) -> bool) {
    match network {
        Network::UnorderedDuplicating(set, _) => set.retain(|envelope| test(envelope.src, envelope.dst)),
        Network::UnorderedNonDuplicating(bag) => bag.retain(|envelope, _| test(envelope.src, envelope.dst)),
        Network::Ordered(queues) => queues.retain(|(src, dst), _| test(*src, *dst)),
    }
}

/// What which actor commands.
fn commands<'a>(step: &'a Step<'_>) -> impl Iterator<Item = (usize, &'a TableCommand)> {
    let heard = step.heard.iter();
    heard.flat_map(|heard| heard.commands.iter().map(|command| (usize::from(heard.id), command)))
}

/// All that may be chosen.
fn choices(state: &mut TableModelState) -> impl Iterator<Item = &mut Vec<u8>> {
    state.random_choices.iter_mut().flat_map(|choices| choices.map.values_mut())
}

/// What a wrong engine counts.
fn count_wrongly(system: &System, wrong: Wrong) -> Result<Counts, TooLarge> {
    let mut model = system.model();
    if let Wrong::Alters(alter) = wrong {
        alter(&mut model);
    }
    walk_by(&model, STATES_MAX, |from, action| {
        let right = model.next_state(from, action.clone());
        let step = Step::of(&model, from, &action, right.as_ref());
        match (wrong, right.clone()) {
            (Wrong::Amends(amend), Some(mut next)) => {
                amend(&step, &mut next);
                Some(next)
            }
            (Wrong::Ignores(holds), Some(_)) if holds(&step) => None,
            (Wrong::Invents(holds), None) if holds(&step) => Some(from.clone()),
            (_, right) => right,
        }
    })
}

#[test]
fn every_wrong_engine_is_caught() {
    let systems = RefCell::new(Vec::new());
    for_each_system(SYSTEMS, |system| {
        let right = walk(&system.model(), STATES_MAX).expect("the systems drawn are small");
        systems.borrow_mut().push((system.clone(), right));
        Ok(())
    });
    let systems = systems.into_inner();
    let engines =
        ABOUT_THE_MODEL.into_iter().chain(ABOUT_NETWORKS).chain(ABOUT_TIMERS_AND_CHOICES).chain(ABOUT_ACTORS);
    let mut uncaught = Vec::new();
    for (name, wrong) in engines {
        let catches = |(number, (system, right)): (usize, &(System, Counts))| {
            let same = |counts: Counts| (counts.unique, counts.generated) == (right.unique, right.generated);
            (!count_wrongly(system, wrong).is_ok_and(same)).then_some(number + 1)
        };
        let caught: Vec<_> = systems.iter().enumerate().filter_map(catches).take(CATCHES_MIN).collect();
        println!("{name}: caught by systems {caught:?}");
        if caught.len() < CATCHES_MIN {
            uncaught.push(name);
        }
    }
    assert!(uncaught.is_empty(), "caught by fewer than {CATCHES_MIN} of {SYSTEMS} systems: {uncaught:?}");
}

/// Its hash of a set omits the set's length, so that unequal states may share a fingerprint: one of them is never
/// visited.
#[test]
fn stateright_with_its_own_hash_is_caught() {
    let caught = RefCell::new(0);
    for_each_system(SYSTEMS, |system| {
        let right = system.counts(STATES_MAX).expect("the systems drawn are small");
        let checker = system.model().checker().spawn_bfs().join();
        let counts = (checker.unique_state_count(), checker.state_count());
        *caught.borrow_mut() += usize::from(counts != (right.unique, right.generated));
        Ok(())
    });
    println!("caught by {} of {SYSTEMS} systems", caught.borrow());
    assert!(*caught.borrow() >= CATCHES_MIN);
}
