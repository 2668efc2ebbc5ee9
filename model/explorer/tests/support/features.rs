//! What an engine can get wrong, as predicates over transitions: each says that a feature of stateright's actor
//! models takes part in a step.

use std::collections::BTreeSet;

use stateright::Model;
use stateright::actor::{ActorModelAction as Action, Command, Envelope, Network};

use super::random_system::{History, STATES_MAX, System, TableModel, TableModelState};
use super::step::{Heard, Step};
use super::walk::walk_by;

/// The names of all features.
pub fn features() -> impl Iterator<Item = &'static str> {
    STARTS.into_iter().map(|(name, _)| name).chain(steps().map(|(name, _)| name))
}

/// The features that take part in the start or in the steps of `system`.
///
/// # Panics
///
/// If it has more than [`STATES_MAX`] states.
pub fn features_met(system: &System) -> BTreeSet<&'static str> {
    let model = system.model();
    let start = model.init_states().remove(0);
    let mut met: BTreeSet<_> =
        STARTS.iter().filter(|(_, met)| met(&model, &start)).map(|(name, _)| *name).collect();
    let mut unmet: Vec<_> = steps().collect();
    let walked = walk_by(&model, STATES_MAX, |from, action| {
        let next = model.next_state(from, action.clone());
        let step = Step::of(&model, from, &action, next.as_ref());
        met.extend(unmet.extract_if(.., |(_, met)| met(&step)).map(|(name, _)| name));
        next
    });
    walked.expect("the system is small");
    met
}

fn steps() -> impl Iterator<Item = Feature> {
    LOSS_AND_CRASHES
        .into_iter()
        .chain(TIMERS_CHOICES_STORAGE)
        .chain(MESSAGES_AND_NETWORKS)
        .chain(HISTORY_AND_BOUNDARY)
}

/// Of a step that is tried.
type Feature = (&'static str, fn(&Step<'_>) -> bool);

/// Of the initial state.
type Start = (&'static str, fn(&TableModel, &TableModelState) -> bool);

const STARTS: [Start; 6] = [
    ("the history starts with what is sent at first", |_, start| start.history != History::default()),
    ("a timer is set at first", |_, start| start.timers_set.iter().any(|timers| timers.iter().count() > 0)),
    ("a choice is offered at first", |_, start| {
        start.random_choices.iter().any(|choices| !choices.map.is_empty())
    }),
    ("something is saved at first", |_, start| start.actor_storages.iter().any(Option::is_some)),
    ("a message is delivered before the first", |_, start| {
        matches!(start.network, Network::UnorderedDuplicating(_, Some(_)))
    }),
    ("two actors start alike", |model, start| {
        let same = |one: usize, other: usize| start.actor_states[one] == start.actor_states[other];
        let count = model.actors.len();
        (0..count).any(|one| (0..one).any(|other| same(one, other)))
    }),
];

const LOSS_AND_CRASHES: [Feature; 11] = [
    ("a message is lost", |step| step.taken().is_some() && matches!(step.action, Action::Drop(_))),
    ("a message to nobody is lost", |step| {
        step.taken().is_some() && matches!(step.action, Action::Drop(lost) if step.is_nobody(lost.dst))
    }),
    ("one of two equal messages is lost", |step| {
        step.taken().is_some() && matches!(step.action, Action::Drop(lost) if step.copies(lost) > 1)
    }),
    ("the last message delivered is lost", |step| {
        step.taken().is_some() && matches!(step.action, Action::Drop(lost) if step.delivered() == Some(lost))
    }),
    ("an actor crashes", |step| step.crashes().is_some()),
    ("two actors are down at once", |step| {
        step.taken().is_some_and(|next| next.crashed.iter().filter(|down| **down).count() == 2)
    }),
    ("a crash clears timers", |step| {
        step.crashes().is_some_and(|index| step.from.timers_set[index].iter().next().is_some())
    }),
    ("a crash clears choices", |step| {
        step.crashes().is_some_and(|index| !step.from.random_choices[index].map.is_empty())
    }),
    ("an actor recovers with what it saved", |step| {
        step.recovers().is_some_and(|index| step.from.actor_storages[index].is_some())
    }),
    ("an actor recovers with nothing", |step| {
        step.recovers().is_some_and(|index| step.from.actor_storages[index].is_none())
    }),
    (
        "a message waits for an actor that is down",
        |step| matches!(step.action, Action::Deliver { dst, .. } if step.from.crashed[usize::from(*dst)]),
    ),
];

const TIMERS_CHOICES_STORAGE: [Feature; 13] = [
    ("a timer fires", |step| step.fires() && step.taken().is_some()),
    ("a timer fires and nothing else happens", |step| {
        step.fires() && step.taken().is_some() && step.is_silent()
    }),
    ("a renewed timer is ignored", |step| step.fires() && step.next.is_none()),
    ("a timer renewed twice is a step to the same state", |step| {
        step.fires() && step.taken() == Some(step.from) && !step.owned()
    }),
    ("a renewed timer whose state is touched is a step to the same state", |step| {
        step.fires() && step.taken() == Some(step.from) && step.owned() && step.commands().len() == 1
    }),
    ("a timer that is set is cancelled", |step| {
        step.commands().iter().any(
            |command| matches!(command, Command::CancelTimer(timer) if step.timers().any(|set| set == timer)),
        ) && step.taken().is_some()
    }),
    ("a choice is taken", |step| step.chooses().is_some()),
    ("one of two equal choices is taken", |step| {
        step.chooses().is_some_and(|among| among.len() == 2 && among[0] == among[1])
    }),
    ("one of two choices is taken", |step| {
        step.chooses().is_some_and(|among| among.len() == 2 && among[0] != among[1])
    }),
    ("a pending choice is withdrawn", |step| step.offers(|among, pending| among.is_empty() && pending)),
    ("a pending choice is replaced", |step| step.offers(|among, pending| !among.is_empty() && pending)),
    ("something is saved for the first time", |step| {
        step.saves(|before, after| before.is_none() && after.is_some())
    }),
    ("something else is saved", |step| step.saves(|before, after| before.is_some() && before != after)),
];

const MESSAGES_AND_NETWORKS: [Feature; 13] = [
    ("a delivery without effect is ignored", |step| {
        step.delivers() && step.is_silent() && step.next.is_none()
    }),
    ("a delivery without effect moves a queue", |step| {
        step.delivers() && step.is_silent() && step.taken().is_some()
    }),
    ("a state is touched, nothing changes, and that is a step", |step| {
        step.delivers()
            && step.owned()
            && step.commands().is_empty()
            && step.taken().is_some_and(|next| next.actor_states == step.from.actor_states)
    }),
    ("a message is sent to oneself", |step| {
        step.heard.as_ref().is_some_and(|heard| heard.sends().any(|(dst, _)| dst == heard.id))
            && step.taken().is_some()
    }),
    ("a message is sent to nobody", |step| {
        step.heard.as_ref().is_some_and(|heard| heard.sends().any(|(dst, _)| step.is_nobody(dst)))
            && step.taken().is_some()
    }),
    ("a message comes from nobody", |step| {
        matches!(step.action, Action::Deliver { src, .. } if step.is_nobody(*src)) && step.taken().is_some()
    }),
    ("a message is sent twice in one step", |step| {
        let sends: Vec<_> = step.heard.iter().flat_map(Heard::sends).collect();
        step.taken().is_some() && sends.windows(2).any(|pair| pair[0] == pair[1])
    }),
    ("a bag holds a message twice, and one is delivered", |step| {
        step.taken().is_some() && step.envelope().is_some_and(|delivered| step.copies(&delivered) > 1)
    }),
    ("a queue is longer than one", |step| {
        matches!(&step.from.network, Network::Ordered(queues) if queues.values().any(|queue| queue.len() > 1))
            && step.taken().is_some()
    }),
    ("a queue holds unequal messages, and the first is delivered", |step| {
        let Network::Ordered(queues) = &step.from.network else {
            return false;
        };
        let waits = |delivered: Envelope<u8>| {
            queues[&(delivered.src, delivered.dst)].iter().any(|msg| *msg != delivered.msg)
        };
        step.taken().is_some() && step.envelope().is_some_and(waits)
    }),
    ("a message is delivered again", |step| {
        step.taken().is_some() && step.delivered().copied() == step.envelope() && step.delivers()
    }),
    ("only the last delivery tells two states apart", |step| {
        let Some(next) = step.taken() else {
            return false;
        };
        let mut forgetful = (next.clone(), step.from.clone());
        for state in [&mut forgetful.0, &mut forgetful.1] {
            if let Network::UnorderedDuplicating(_, last) = &mut state.network {
                *last = None;
            }
        }
        next != step.from && forgetful.0 == forgetful.1
    }),
    ("an actor notes an event", |step| {
        step.taken().is_some_and(|next| {
            let notes = |state: &TableModelState| -> usize {
                state.actor_states.iter().map(|state| state.notes.len()).sum()
            };
            notes(next) > notes(step.from)
        })
    }),
];

const HISTORY_AND_BOUNDARY: [Feature; 6] = [
    ("a delivery changes the history", |step| {
        step.recorded_in().is_some_and(|history| history != step.from.history)
    }),
    ("a delivery records the history as it was", |step| {
        step.recorded_in().is_some_and(|history| history == step.from.history)
    }),
    ("a message sent changes the history", |step| step.changes_history_by_sending()),
    ("a step changes the history twice", |step| {
        step.changes_history_by_sending()
            && step.recorded_in().is_some_and(|history| history != step.from.history)
    }),
    ("the boundary cuts a long network", |step| step.cut().is_some_and(|full| full)),
    ("the boundary cuts a hole", |step| step.cut().is_some_and(|full| !full)),
];
