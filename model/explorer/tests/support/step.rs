//! A transition that is tried, and what the actor answers in it: two states alone do not show which commands lie
//! between.

use std::borrow::Cow;

use stateright::Model;
use stateright::actor::{Actor, ActorModelAction as Action, Command, Envelope, Id, Network, Out};

use super::random_system::{History, TableActor, TableModel, TableModelState};

/// An action of a [`TableModel`].
pub type TableAction = Action<u8, u8, u8>;

/// A command of a [`TableActor`].
pub type TableCommand = Command<u8, u8, u8, u8>;

/// A transition that is tried.
pub struct Step<'a> {
    /// Of this model.
    pub model: &'a TableModel,
    /// In this state.
    pub from: &'a TableModelState,
    /// By this action.
    pub action: &'a TableAction,
    /// What stateright makes of it.
    pub next: Option<&'a TableModelState>,
    /// What the actor answers, if it is up and asked.
    pub heard: Option<Heard>,
    inside: bool,
}

/// An actor's answer.
#[derive(Debug)]
pub struct Heard {
    /// Who answers.
    pub id: Id,
    /// Was the state taken by `to_mut`?
    pub owned: bool,
    /// What it asks for.
    pub commands: Vec<TableCommand>,
}

impl<'a> Step<'a> {
    /// The transition from `from` to `next`.
    pub fn of(
        model: &'a TableModel,
        from: &'a TableModelState,
        action: &'a TableAction,
        next: Option<&'a TableModelState>,
    ) -> Step<'a> {
        let heard = Heard::of(model, from, action);
        let inside = next.is_some_and(|next| Model::within_boundary(model, next));
        Step { model, from, action, next, heard, inside }
    }

    /// Where it leads, if that is within the boundary: only then is it a step at all.
    pub fn taken(&self) -> Option<&'a TableModelState> {
        self.next.filter(|_| self.inside)
    }

    /// Does it lead out of the boundary? Then: was it the number of messages?
    pub fn cut(&self) -> Option<bool> {
        let next = self.next.filter(|_| !self.inside)?;
        self.model.cfg.boundary.as_ref().map(|boundary| next.network.len() > boundary.network_max)
    }

    /// Is this the id of no actor?
    pub fn is_nobody(&self, id: Id) -> bool {
        usize::from(id) >= self.model.actors.len()
    }

    /// How many of this message a bag holds.
    pub fn copies(&self, envelope: &Envelope<u8>) -> usize {
        match &self.from.network {
            Network::UnorderedNonDuplicating(bag) => bag.get(envelope).copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// What a set holds for its last delivery.
    pub fn delivered(&self) -> Option<&Envelope<u8>> {
        match &self.from.network {
            Network::UnorderedDuplicating(_, last) => last.as_ref(),
            _ => None,
        }
    }

    /// The actor that crashes.
    pub fn crashes(&self) -> Option<usize> {
        match self.action {
            Action::Crash(id) => self.taken().map(|_| usize::from(*id)),
            _ => None,
        }
    }

    /// The actor that recovers.
    pub fn recovers(&self) -> Option<usize> {
        match self.action {
            Action::Recover(id) => self.taken().map(|_| usize::from(*id)),
            _ => None,
        }
    }

    /// Does a timer fire?
    pub fn fires(&self) -> bool {
        matches!(self.action, Action::Timeout(..))
    }

    /// Is this a message to an actor that is up?
    pub fn delivers(&self) -> bool {
        self.envelope().is_some() && self.heard.is_some()
    }

    /// What is delivered, or would be.
    pub fn envelope(&self) -> Option<Envelope<u8>> {
        match *self.action {
            Action::Deliver { src, dst, msg } => Some(Envelope { src, dst, msg }),
            _ => None,
        }
    }

    /// What the choice taken is one of.
    pub fn chooses(&self) -> Option<&[u8]> {
        match self.action {
            Action::SelectRandom { actor, key, .. } => {
                self.taken().map(|_| &*self.from.random_choices[usize::from(*actor)].map[key])
            }
            _ => None,
        }
    }

    /// What the actor asks for.
    pub fn commands(&self) -> &[TableCommand] {
        self.heard.as_ref().map_or(&[], |heard| &heard.commands)
    }

    /// Did it take its state by `to_mut`?
    pub fn owned(&self) -> bool {
        self.heard.as_ref().is_some_and(|heard| heard.owned)
    }

    /// Does it answer with nothing at all?
    pub fn is_silent(&self) -> bool {
        self.heard.as_ref().is_some_and(|heard| !heard.owned && heard.commands.is_empty())
    }

    /// Its timers that are set, besides the one that fires.
    pub fn timers(&self) -> impl Iterator<Item = &u8> {
        let fired = |set: &&u8| matches!(self.action, Action::Timeout(_, timer) if timer == *set);
        let timers = self.heard.iter().flat_map(|heard| self.from.timers_set[usize::from(heard.id)].iter());
        timers.filter(move |set| !fired(set))
    }

    /// Is there an offer of which `test` holds, given what is offered and whether the key is pending?
    pub fn offers(&self, test: fn(&[u8], bool) -> bool) -> bool {
        let Some((heard, _)) = self.heard.as_ref().zip(self.taken()) else {
            return false;
        };
        let pending = &self.from.random_choices[usize::from(heard.id)].map;
        let chosen =
            |key: &String| matches!(self.action, Action::SelectRandom { key: taken, .. } if taken == key);
        heard.commands.iter().any(|command| match command {
            Command::ChooseRandom(key, among) => test(among, pending.contains_key(key) && !chosen(key)),
            _ => false,
        })
    }

    /// Is there an actor of whose storage, before and after, `test` holds?
    pub fn saves(&self, test: fn(Option<u8>, Option<u8>) -> bool) -> bool {
        self.taken().is_some_and(|next| {
            self.from
                .actor_storages
                .iter()
                .zip(&next.actor_storages)
                .any(|(before, after)| test(*before, *after))
        })
    }

    /// What the delivery records, if it does.
    pub fn recorded_in(&self) -> Option<History> {
        let envelope = self.envelope().filter(|_| self.taken().is_some())?;
        let envelope = Envelope { src: envelope.src, dst: envelope.dst, msg: &envelope.msg };
        (self.model.record_msg_in)(&self.model.cfg, &self.from.history, envelope)
    }

    /// Is the history, after the delivery, changed by what is sent?
    pub fn changes_history_by_sending(&self) -> bool {
        let delivered = self.recorded_in().unwrap_or_else(|| self.from.history.clone());
        self.taken().is_some_and(|next| next.history != delivered)
    }
}

impl Heard {
    fn of(model: &TableModel, state: &TableModelState, action: &TableAction) -> Option<Heard> {
        let (Action::Deliver { dst: id, .. }
        | Action::Timeout(id, _)
        | Action::Recover(id)
        | Action::SelectRandom { actor: id, .. }) = *action
        else {
            return None;
        };
        let index = usize::from(id);
        let actor = &model.actors[index];
        let mut now = Cow::Borrowed(&*state.actor_states[index]);
        let mut out: Out<TableActor> = Out::new();
        match action {
            Action::Deliver { src, msg, .. } if !state.crashed[index] => {
                actor.on_msg(id, &mut now, *src, *msg, &mut out);
            }
            Action::Timeout(_, timer) => actor.on_timeout(id, &mut now, timer, &mut out),
            Action::SelectRandom { random, .. } => actor.on_random(id, &mut now, random, &mut out),
            Action::Recover(_) => {
                now = Cow::Owned(actor.on_start(id, &state.actor_storages[index], &mut out));
            }
            _ => return None,
        }
        Some(Heard { id, owned: matches!(now, Cow::Owned(_)), commands: out.into_iter().collect() })
    }

    /// Whom it sends what.
    pub fn sends(&self) -> impl Iterator<Item = (Id, u8)> {
        self.commands.iter().filter_map(|command| match command {
            Command::Send(dst, msg) => Some((*dst, *msg)),
            _ => None,
        })
    }
}
