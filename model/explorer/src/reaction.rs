//! What an event does to an actor, by numbers: computed once for each state of an actor and each event.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use stateright::actor::Id;

use crate::ambient::{Effect, place};
use crate::hash::{Sort, content};
use crate::inbox::Carrier;
use crate::local::{Event, Origin, Outcome};
use crate::machine::{Machine, message};
use crate::system::System;

/// What an event does.
pub(crate) struct Reaction {
    /// What it does to the ambient; 0 is nothing.
    pub effect: u32,
    /// What there is to report of it, as bits.
    pub notes: u32,
    pub kind: u8,
    pub cause: Option<u8>,
    pub is_crash: bool,
    /// Does it change the actor, and not only messages?
    pub turned: bool,
    /// What it sends to other actors: to which place, which bundle.
    pub sends: Box<[(u32, u32)]>,
    pub event: Event,
    pub does: Does,
}

pub(crate) enum Does {
    /// Nothing, and stateright does not call it a step.
    Idle,
    /// The actor's code panics.
    Panic(String),
    /// The actor becomes this one, and sends itself these messages.
    Step { local: u32, to_self: Box<[u32]> },
    /// A message is lost; the actor does not notice.
    Loss,
}

impl<S: System> Machine<'_, S> {
    /// The reaction of this number.
    #[inline]
    pub fn reaction(&self, number: u32) -> &Reaction {
        self.reactions.get(number).get().expect("a number that was given")
    }

    fn keep(&self, reaction: Reaction) -> u32 {
        let number = self.reaction_count.fetch_add(1, Ordering::Relaxed);
        let _ = self.reactions.make(number).set(reaction);
        number
    }

    /// The reaction of an actor to a message.
    pub fn on_arrival(&self, local: u32, envelope: u32) -> u32 {
        let (lanes, ordinal) = (&self.locals.get(local).on_arrival, self.envelopes.get(envelope).ordinal);
        lanes.get(ordinal).unwrap_or_else(|| {
            let number = self.keep(self.react(local, Event::Deliver(envelope)));
            lanes.set(ordinal, number)
        })
    }

    /// The reactions of an actor to all that can happen to it without a message.
    pub fn on_own(&self, local: u32) -> &[u32] {
        let known = self.locals.get(local);
        known.on_own.get_or_init(|| {
            let events = known.local.events(self.system.model().max_crashes > 0);
            events.into_iter().map(|event| self.keep(self.react(local, event))).collect()
        })
    }

    /// The reaction to the loss of a message; the actor `local` is any that it can be sent to.
    pub fn on_loss(&self, local: u32, envelope: u32) -> u32 {
        *self.envelopes.get(envelope).on_loss.get_or_init(|| {
            let reaction = self.react(local, Event::Drop(envelope));
            self.keep(Reaction { does: Does::Loss, ..reaction })
        })
    }

    fn react(&self, number: u32, event: Event) -> Reaction {
        let known = self.locals.get(number);
        let action = self.action(number, event);
        let narrow = |number: usize| u8::try_from(number).expect("at most 256");
        let run = || known.local.react(self.system, event, self.envelope_of(event));
        let mut reaction = Reaction {
            effect: 0,
            notes: 0,
            kind: narrow(self.system.kind(&action)),
            cause: self.system.cause(&action).map(narrow),
            is_crash: event == Event::Crash,
            turned: false,
            sends: Box::default(),
            event,
            does: Does::Idle,
        };
        let answer = catch_unwind(AssertUnwindSafe(run));
        self.audit(number, event, &answer);
        match answer {
            Err(panic) => reaction.does = Does::Panic(message(&*panic)),
            Ok(Outcome::Idle) => {}
            Ok(Outcome::Step { after, sent }) => {
                let (id, before) = (Id::from(after.actor), &known.local.state);
                if *before != after.state {
                    reaction.notes = self.properties.of_step(id, before, &after.state);
                }
                let news = self.system.news(before, &after.state);
                let (actor, origin) = (after.actor, Origin::Reaction(number, event));
                let sent: Vec<u32> = sent.into_iter().map(|sent| self.envelope(sent, origin)).collect();
                let local = self.local(after, origin);
                reaction.notes |= sent.iter().fold(0, |bits, &at| bits | self.envelopes.get(at).notes);
                reaction.notes |= self.locals.get(local).notes;
                reaction.turned = local != number;
                let (sends, to_self, to_nobody) = self.sorted(actor, &sent);
                reaction.effect = self.effect(event, (reaction.cause, news), sent, to_nobody);
                reaction.sends = sends;
                reaction.does = Does::Step { local, to_self };
            }
        }
        reaction
    }

    /// What is sent, by receiver: bundles to other actors, messages to the sender itself, messages to nobody.
    #[expect(clippy::type_complexity, reason = "three lists, named where they are used")]
    fn sorted(&self, sender: usize, sent: &[u32]) -> (Box<[(u32, u32)]>, Box<[u32]>, Vec<u32>) {
        let mut to: Vec<(usize, Vec<u32>)> = Vec::new();
        let (mut to_self, mut to_nobody) = (Vec::new(), Vec::new());
        for &at in sent {
            match place(self.flow(at).1, self.actors) {
                None => to_nobody.push(at),
                Some(own) if own == sender => to_self.push(at),
                Some(other) => match to.iter_mut().find(|(place, _)| *place == other) {
                    Some((_, bundle)) => bundle.push(at),
                    None => to.push((other, vec![at])),
                },
            }
        }
        let number = |(place, bundle): (usize, Vec<u32>)| {
            let bundle = self.bundles.intern(content(Sort::Bundle, &bundle), || bundle.into()).0;
            (u32::try_from(place).expect("a place that fits"), bundle)
        };
        (to.into_iter().map(number).collect(), to_self.into(), to_nobody)
    }

    fn effect(
        &self,
        event: Event,
        (cause, news): (Option<u8>, Option<u32>),
        sent: Vec<u32>,
        to_nobody: Vec<u32>,
    ) -> u32 {
        let is_told = self.system.records_history();
        let delivered = match event {
            Event::Deliver(at) => Some(at),
            _ => None,
        };
        let remembers = self.carrier == Carrier::Set && self.system.remembers_last_message();
        self.effect_number(Effect {
            cause: cause.map(usize::from),
            news,
            heard: delivered.filter(|_| is_told),
            said: if is_told { sent } else { Vec::new() },
            last: delivered.filter(|_| remembers),
            to_nobody,
            lost: None,
        })
    }
}
