//! One actor alone: what it is between two events, and what an event makes of it.
//!
//! This is the only place in which actors' code runs, once for each state of an actor and each event.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use stateright::actor::{
    Actor, ActorModelAction, Command, Envelope, Id, Out, RandomChoices, Timers, is_no_op, is_no_op_with_timer,
};

use crate::hash::{Sort, content};
use crate::lanes::Lanes;
use crate::symmetry::Permutation;
use crate::system::{Action, Msg, Random, State, Storage, System, Timer};

/// All that is an actor's own: its state, and what stateright keeps for it.
pub(crate) struct Local<S: System> {
    pub actor: usize,
    pub state: Arc<State<S>>,
    /// Sorted, each once.
    pub timers: Vec<Timer<S>>,
    pub choices: BTreeMap<String, Vec<Random<S>>>,
    pub storage: Option<Storage<S>>,
    pub crashed: bool,
}

/// How something came to be known: enough to make it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is there at the start.
    Start,
    /// An event at an actor in the state of this number made it.
    Reaction(u32, Event),
}

/// A [`Local`] that has a number.
pub(crate) struct KnownLocal<S: System> {
    pub local: Local<S>,
    pub origin: Origin,
    /// What came before it has a lower one, whatever it is.
    pub born: u32,
    /// Its content hash, for each permutation.
    pub keys: Box<[u128]>,
    /// What there is to report of it.
    pub notes: u32,
    /// For each message to it, by its ordinal, the number of the reaction.
    pub on_arrival: Lanes,
    /// Which messages are dead to it, and of which that is known: bits by ordinal, in words.
    pub dead: Lanes,
    pub judged: Lanes,
    /// The reactions to all else that can happen to it.
    pub on_own: OnceLock<Box<[u32]>>,
}

/// A message on its way, that has a number.
pub(crate) struct KnownEnvelope<S: System> {
    /// Its content hash, for each permutation.
    pub keys: Box<[u128]>,
    pub notes: u32,
    /// Its place among the messages to its receiver.
    pub ordinal: u32,
    pub envelope: Envelope<Msg<S>>,
    pub origin: Origin,
    pub born: u32,
    /// The reaction to its loss, which is that of nobody.
    pub on_loss: OnceLock<u32>,
}

/// What can happen to an actor, by numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// The envelope of this number arrives.
    Deliver(u32),
    /// The envelope of this number is lost. The actor does not notice.
    Drop(u32),
    /// The timer at this place fires.
    Timeout(u32),
    Crash,
    Recover,
    /// Of the key at this place, the choice at that one.
    Choose(u32, u32),
}

/// What an event makes of an actor.
pub(crate) enum Outcome<S: System> {
    /// Nothing, and stateright does not call it a step.
    Idle,
    Step {
        after: Local<S>,
        sent: Vec<Envelope<Msg<S>>>,
    },
}

impl<S: System> Clone for Local<S> {
    fn clone(&self) -> Self {
        Local {
            actor: self.actor,
            state: Arc::clone(&self.state),
            timers: self.timers.clone(),
            choices: self.choices.clone(),
            storage: self.storage.clone(),
            crashed: self.crashed,
        }
    }
}

impl<S: System> PartialEq for Local<S> {
    fn eq(&self, other: &Self) -> bool {
        self.actor == other.actor
            && self.state == other.state
            && self.timers == other.timers
            && self.choices == other.choices
            && self.storage == other.storage
            && self.crashed == other.crashed
    }
}

impl<S: System> Local<S> {
    /// The actor `actor` as [`Actor::on_start`] makes it, and what it sends.
    pub fn start(system: &S, actor: usize) -> (Local<S>, Vec<Envelope<Msg<S>>>) {
        let mut out = Out::new();
        let state = system.model().actors[actor].on_start(Id::from(actor), &None, &mut out);
        let mut local = Local {
            actor,
            state: Arc::new(state),
            timers: Vec::new(),
            choices: BTreeMap::new(),
            storage: None,
            crashed: false,
        };
        let sent = local.carry_out(out);
        (local, sent)
    }

    fn id(&self) -> Id {
        Id::from(self.actor)
    }

    /// Its content hash.
    pub fn key(&self) -> u128 {
        content(
            Sort::Local,
            &(self.actor, &self.state, &self.timers, &self.choices, &self.storage, self.crashed),
        )
    }

    /// The same with all names permuted: the content of the actor of the permuted name.
    pub fn permuted(&self, system: &S, by: &Permutation) -> Local<S> {
        let mut timers: Vec<_> = self.timers.iter().map(|timer| system.permute_timer(timer, by)).collect();
        timers.sort_unstable();
        let permute = |choice| system.permute_random(choice, by);
        let choices = self.choices.iter();
        Local {
            actor: by.place(self.actor),
            state: Arc::new(system.permute_state(self.id(), &self.state, by)),
            timers,
            choices: choices.map(|(key, all)| (key.clone(), all.iter().map(permute).collect())).collect(),
            storage: self.storage.as_ref().map(|storage| system.permute_storage(storage, by)),
            crashed: self.crashed,
        }
    }

    /// What `event` makes of it: stateright's `next_state`, for one actor.
    pub fn react(&self, system: &S, event: Event, envelope: Option<&Envelope<Msg<S>>>) -> Outcome<S> {
        let (id, actor) = (self.id(), &system.model().actors[self.actor]);
        let mut state = Cow::Borrowed(&*self.state);
        let mut out = Out::new();
        let mut after = self.clone();
        match event {
            Event::Drop(_) => {}
            Event::Deliver(_) => {
                let Some(Envelope { src, msg, .. }) = envelope.filter(|_| !self.crashed) else {
                    return Outcome::Idle;
                };
                actor.on_msg(id, &mut state, *src, msg.clone(), &mut out);
                let is_ordered =
                    matches!(system.model().init_network, stateright::actor::Network::Ordered(_));
                if is_no_op(&state, &out) && !is_ordered {
                    return Outcome::Idle;
                }
            }
            Event::Timeout(at) => {
                let timer = &self.timers[at as usize];
                actor.on_timeout(id, &mut state, timer, &mut out);
                if is_no_op_with_timer(&state, &out, timer) {
                    return Outcome::Idle;
                }
                after.timers.remove(at as usize);
            }
            Event::Crash => {
                after.timers.clear();
                after.choices.clear();
                after.crashed = true;
            }
            Event::Recover => {
                state = Cow::Owned(actor.on_start(id, &self.storage, &mut out));
                after.crashed = false;
            }
            Event::Choose(key, at) => {
                let (key, choice) = self.choice(key, at);
                actor.on_random(id, &mut state, choice, &mut out);
                after.choices.remove(key);
            }
        }
        if let Cow::Owned(state) = state {
            after.state = Arc::new(state);
        }
        let sent = after.carry_out(out);
        Outcome::Step { after, sent }
    }

    fn choice(&self, key: u32, at: u32) -> (&str, &Random<S>) {
        let (key, choices) = self.choices.iter().nth(key as usize).expect("a key of this actor");
        (key, &choices[at as usize])
    }

    /// Does what an actor's handler asked for, except that messages are returned.
    fn carry_out(&mut self, out: Out<S::Actor>) -> Vec<Envelope<Msg<S>>> {
        let mut sent = Vec::new();
        for command in out {
            match command {
                Command::Send(dst, msg) => sent.push(Envelope { src: self.id(), dst, msg }),
                Command::SetTimer(timer, _) => {
                    if let Err(place) = self.timers.binary_search(&timer) {
                        self.timers.insert(place, timer);
                    }
                }
                Command::CancelTimer(timer) => self.timers.retain(|set| *set != timer),
                Command::ChooseRandom(key, choices) if choices.is_empty() => {
                    self.choices.remove(&key);
                }
                Command::ChooseRandom(key, choices) => {
                    self.choices.insert(key, choices);
                }
                Command::Save(storage) => self.storage = Some(storage),
            }
        }
        sent
    }

    /// Its timers, as stateright has them.
    pub fn timers_set(&self) -> Timers<Timer<S>> {
        let mut timers = Timers::new();
        for timer in &self.timers {
            timers.set(timer.clone());
        }
        timers
    }

    /// Its choices, as stateright has them.
    pub fn random_choices(&self) -> RandomChoices<Random<S>> {
        let mut choices = RandomChoices::default();
        self.choices.iter().for_each(|(key, all)| choices.insert(key.clone(), all.clone()));
        choices
    }

    /// What can happen to it that is not in the network.
    pub fn events(&self, may_crash: bool) -> Vec<Event> {
        let places = |length: usize| 0..u32::try_from(length).expect("a number that fits");
        let mut events: Vec<_> = places(self.timers.len()).map(Event::Timeout).collect();
        if self.crashed {
            events.push(Event::Recover);
        } else if may_crash {
            events.push(Event::Crash);
        }
        for (key, choices) in places(self.choices.len()).zip(self.choices.values()) {
            events.extend(places(choices.len()).map(|at| Event::Choose(key, at)));
        }
        events
    }

    /// The action that stateright would list for `event`.
    pub fn action(&self, event: Event, envelope: Option<&Envelope<Msg<S>>>) -> Action<S> {
        match (event, envelope) {
            (Event::Deliver(_), Some(Envelope { src, dst, msg })) => {
                ActorModelAction::Deliver { src: *src, dst: *dst, msg: msg.clone() }
            }
            (Event::Drop(_), Some(envelope)) => ActorModelAction::Drop(envelope.clone()),
            (Event::Deliver(_) | Event::Drop(_), None) => unreachable!("an envelope's event has an envelope"),
            (Event::Timeout(at), _) => ActorModelAction::Timeout(self.id(), self.timers[at as usize].clone()),
            (Event::Crash, _) => ActorModelAction::Crash(self.id()),
            (Event::Recover, _) => ActorModelAction::Recover(self.id()),
            (Event::Choose(key, at), _) => {
                let (key, choice) = self.choice(key, at);
                let (key, random) = (key.to_owned(), choice.clone());
                ActorModelAction::SelectRandom { actor: self.id(), key, random }
            }
        }
    }
}
