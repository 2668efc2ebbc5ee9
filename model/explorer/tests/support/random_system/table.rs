//! Actors that are tables.

use std::borrow::Cow;

use stateright::actor::{Actor, Id, Out, model_timeout};

use super::{NOTES_MAX, Peer, SAVED};

/// What an actor does.
#[derive(Clone, Debug)]
pub struct Table {
    /// How it starts: with nothing saved, with 0 saved, with 1 saved.
    pub starts: [Start; 1 + SAVED as usize],
    /// What it does then: the first rule that fits, or nothing.
    pub rules: Vec<Rule>,
}

/// How an actor starts.
#[derive(Clone)]
pub struct Start {
    /// Its first value.
    pub value: u8,
    /// Its first commands.
    pub effects: Vec<Effect>,
}

/// On an event, and with this value or any: a next state and commands.
#[derive(Clone)]
pub struct Rule {
    /// The event.
    pub on: Trigger,
    /// The value that it takes, if not any.
    pub value: Option<u8>,
    /// The next state.
    pub next: Next,
    /// The commands.
    pub effects: Vec<Effect>,
}

/// What a rule fits.
#[derive(Clone, Copy)]
pub enum Trigger {
    /// A message, from somebody or anybody.
    Message {
        /// Which message.
        msg: u8,
        /// From whom, if not anybody.
        from: Option<Peer>,
    },
    /// A timer that fires.
    Timeout(u8),
    /// A random choice.
    Random(u8),
}

/// What a rule makes of an actor's state.
#[derive(Clone, Copy)]
pub enum Next {
    /// It stays, and stays borrowed.
    Keep,
    /// It stays, but `to_mut` is called: stateright takes that for a change.
    Touch,
    /// Another value, or the same one.
    Become(u8),
    /// The event is noted, and the oldest note is forgotten.
    Note,
}

/// A command, as a table holds it.
#[derive(Clone)]
pub enum Effect {
    /// Send.
    Send {
        /// To whom.
        to: Peer,
        /// What.
        msg: u8,
    },
    /// Set a timer.
    SetTimer(u8),
    /// Cancel a timer, set or not.
    CancelTimer(u8),
    /// Offer a choice, or withdraw the one of this key if there is nothing to choose.
    Choose {
        /// Under which key.
        key: u8,
        /// Among what, in this order, equal ones included.
        among: Vec<u8>,
    },
    /// Save.
    Save(u8),
}

/// The state of a [`TableActor`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableState {
    /// What rules fit.
    pub value: u8,
    /// Codes of the last events noted, oldest first.
    pub notes: Vec<u8>,
}

/// An actor that does what its table says.
#[derive(Clone, Debug)]
pub struct TableActor {
    /// The table.
    pub table: Table,
    /// The number of actors.
    pub actors: usize,
}

impl TableActor {
    /// Does what the first rule says that fits `event`.
    fn react(&self, id: Id, state: &mut Cow<'_, TableState>, event: &Event, out: &mut Out<TableActor>) {
        let fits = |rule: &&Rule| {
            event.triggers(rule.on, id, self.actors) && rule.value.is_none_or(|value| value == state.value)
        };
        let Some(rule) = self.table.rules.iter().find(fits) else {
            return;
        };
        match rule.next {
            Next::Keep => {}
            Next::Touch => {
                state.to_mut();
            }
            Next::Become(value) => state.to_mut().value = value,
            Next::Note => {
                let notes = &mut state.to_mut().notes;
                notes.push(event.code());
                if notes.len() > NOTES_MAX {
                    notes.remove(0);
                }
            }
        }
        self.issue(id, &rule.effects, out);
    }

    fn issue(&self, id: Id, effects: &[Effect], out: &mut Out<TableActor>) {
        for effect in effects {
            match effect {
                Effect::Send { to, msg } => out.send(to.id(id, self.actors), *msg),
                Effect::SetTimer(timer) => out.set_timer(*timer, model_timeout()),
                Effect::CancelTimer(timer) => out.cancel_timer(*timer),
                Effect::Choose { key, among } => out.choose_random(format!("key {key}"), among.clone()),
                Effect::Save(saved) => out.save(*saved),
            }
        }
    }
}

impl Actor for TableActor {
    type Msg = u8;
    type State = TableState;
    type Timer = u8;
    type Random = u8;
    type Storage = u8;

    fn on_start(&self, id: Id, storage: &Option<u8>, out: &mut Out<Self>) -> TableState {
        let start = &self.table.starts[storage.map_or(0, |saved| 1 + usize::from(saved))];
        self.issue(id, &start.effects, out);
        TableState { value: start.value, notes: Vec::new() }
    }

    fn on_msg(&self, id: Id, state: &mut Cow<'_, TableState>, src: Id, msg: u8, out: &mut Out<Self>) {
        self.react(id, state, &Event::Message { src, msg }, out);
    }

    fn on_timeout(&self, id: Id, state: &mut Cow<'_, TableState>, timer: &u8, out: &mut Out<Self>) {
        self.react(id, state, &Event::Timeout(*timer), out);
    }

    fn on_random(&self, id: Id, state: &mut Cow<'_, TableState>, random: &u8, out: &mut Out<Self>) {
        self.react(id, state, &Event::Random(*random), out);
    }
}

/// What happens to an actor.
enum Event {
    Message { src: Id, msg: u8 },
    Timeout(u8),
    Random(u8),
}

impl Event {
    fn triggers(&self, on: Trigger, id: Id, actors: usize) -> bool {
        match (self, on) {
            (Event::Message { src, msg }, Trigger::Message { msg: wanted, from }) => {
                *msg == wanted && from.is_none_or(|from| from.id(id, actors) == *src)
            }
            (Event::Timeout(timer), Trigger::Timeout(wanted)) => *timer == wanted,
            (Event::Random(random), Trigger::Random(wanted)) => *random == wanted,
            _ => false,
        }
    }

    fn code(&self) -> u8 {
        match self {
            Event::Message { msg, .. } => *msg,
            Event::Timeout(timer) => 10 + timer,
            Event::Random(random) => 20 + random,
        }
    }
}
