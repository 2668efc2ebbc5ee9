//! What a model says of itself, held against what it does.
//!
//! An exploration believes three things of a model: that its actors are deterministic, that hashes see what equality
//! sees, and, under symmetry, that permuted actors do the permuted thing. Each is looked at where it is cheap: when
//! something becomes known, of which there is little, and not when it is used, which is all the time. So none of this
//! costs measurable time, and none of it proves anything: it is a sample, of what was explored. What it finds is a
//! fault, and the exploration ends with it.
//!
//! # Caveats
//!
//! - An actor whose result depends on the order of a hash map repeats itself now and then by luck.
//! - Equality is compared with a few states only, where hashes differ.
//! - Of properties, only those of one actor and of one message are held against symmetry.

use std::any::Any;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use stateright::actor::{Envelope, Id};

use crate::ambient::Effect;
use crate::error::Error;
use crate::hash::{Sort, content, mix};
use crate::inbox::Carrier;
use crate::local::{Event, KnownLocal, Local, Outcome};
use crate::machine::Machine;
use crate::symmetry::Permutation;
use crate::system::{Msg, System};

/// So many reactions are all tried under a permutation, and of later ones each [`EACH`]th.
const ALL: u32 = 10_000;
const EACH: u64 = 64;
/// With so many states that came before, a new one is compared.
const COMPARED: u32 = 16;

/// What an actor's code answers to an event, or what it panicked with.
pub(crate) type Answer<S> = Result<Outcome<S>, Box<dyn Any + Send>>;

impl<S: System> Machine<'_, S> {
    /// Does the actor answer the same again, and the permuted actor the permuted thing?
    pub fn audit(&self, number: u32, event: Event, answer: &Answer<S>) {
        let known = self.locals.get(number);
        let again = self.answer(&known.local, event, self.envelope_of(event));
        if !self.is_same(&again, answer) {
            let (action, state) = (self.action(number, event), &known.local.state);
            self.note_fault(Error::NotDeterministic(format!("{action:?}"), format!("{state:?}")));
        }
        if self.group.len() > 1 {
            let dice = self.dice(known, event);
            if self.reaction_count.load(Ordering::Relaxed) < ALL || dice.is_multiple_of(EACH) {
                self.audit_symmetry(number, event, answer, self.permutation(dice));
            }
        }
    }

    fn answer(&self, local: &Local<S>, event: Event, envelope: Option<&Envelope<Msg<S>>>) -> Answer<S> {
        catch_unwind(AssertUnwindSafe(|| local.react(self.system, event, envelope)))
    }

    /// A number that depends on contents alone: every run takes the same sample.
    #[expect(clippy::cast_possible_truncation, reason = "any 64 bits of a hash are a hash")]
    fn dice(&self, known: &KnownLocal<S>, event: Event) -> u64 {
        let of_event = match event {
            Event::Deliver(at) | Event::Drop(at) => self.envelopes.key(at) as u64,
            Event::Timeout(at) => u64::from(at),
            Event::Choose(key, at) => u64::from(key) << 32 | u64::from(at),
            Event::Crash | Event::Recover => 0,
        };
        mix(known.keys[0] as u64 ^ mix(of_event))
    }

    /// Not the identity.
    fn permutation(&self, dice: u64) -> &Permutation {
        &self.group[1 + (mix(dice) >> 8) as usize % (self.group.len() - 1)]
    }

    fn audit_symmetry(&self, number: u32, event: Event, answer: &Answer<S>, by: &Permutation) {
        let local = &self.locals.get(number).local;
        let moved = local.permuted(self.system, by);
        if moved.permuted(self.system, &by.inverse()) != *local {
            self.unlike("a state is another one when it is permuted there and back", by, local);
        }
        if self.properties.of_local(Id::from(moved.actor), &moved.state) != self.locals.get(number).notes {
            self.unlike("a property tells them apart", by, local);
        }
        if let Some(at) = event.envelope() {
            let (known, envelope) = (self.envelopes.get(at), self.permuted_envelope(self.sent(at), by));
            let Envelope { src, dst, msg } = &envelope;
            if self.properties.of_message(Envelope { src: *src, dst: *dst, msg }) != known.notes {
                self.unlike("a property tells their messages apart", by, &known.envelope);
            }
        }
        let Some(there) = self.event_of_permuted(local, &moved, event, by) else {
            return self.unlike("a timer is not set any more when it is permuted", by, local);
        };
        let envelope = self.envelope_of(event).map(|envelope| self.permuted_envelope(envelope, by));
        let answered = self.answer(&moved, there, envelope.as_ref());
        let here = match answer {
            Ok(Outcome::Step { after, sent }) => {
                let sent = sent.iter().map(|sent| self.permuted_envelope(sent, by)).collect();
                Ok(Outcome::Step { after: after.permuted(self.system, by), sent })
            }
            Ok(Outcome::Idle) => Ok(Outcome::Idle),
            Err(_) => Err(Box::new(()) as Box<dyn Any + Send>),
        };
        if !self.is_same(&here, &answered) {
            let told = (self.action(number, event), &local.state, told(&here), told(&answered));
            self.unlike("an event, what its permuted result should be, and what it is", by, &told);
        }
    }

    fn sent(&self, at: u32) -> &Envelope<Msg<S>> {
        &self.envelopes.get(at).envelope
    }

    /// What `event` is to the permuted actor. Only timers have a place that depends on names.
    fn event_of_permuted(
        &self,
        local: &Local<S>,
        moved: &Local<S>,
        event: Event,
        by: &Permutation,
    ) -> Option<Event> {
        let Event::Timeout(at) = event else { return Some(event) };
        let timer = self.system.permute_timer(&local.timers[at as usize], by);
        let place = moved.timers.binary_search(&timer).ok()?;
        u32::try_from(place).ok().map(Event::Timeout)
    }

    /// Are these the same answers? The order of messages counts where the network keeps it: among those to one actor.
    fn is_same(&self, a: &Answer<S>, b: &Answer<S>) -> bool {
        match (a, b) {
            (Ok(Outcome::Step { after: a, sent: to_a }), Ok(Outcome::Step { after: b, sent: to_b })) => {
                a == b && self.in_order(to_a) == self.in_order(to_b)
            }
            (Ok(Outcome::Idle), Ok(Outcome::Idle)) | (Err(_), Err(_)) => true,
            _ => false,
        }
    }

    fn in_order<'e>(&self, sent: &'e [Envelope<Msg<S>>]) -> Vec<&'e Envelope<Msg<S>>> {
        let mut sorted: Vec<_> = sent.iter().collect();
        if self.carrier == Carrier::Queues {
            sorted.sort_by_key(|sent| sent.dst);
        } else {
            sorted.sort_by(|a, b| (a.dst, &a.msg).cmp(&(b.dst, &b.msg)));
        }
        sorted
    }

    /// Is the initial state the same when it is permuted?
    pub fn audit_start(&self, state: &[u32]) {
        let print = |by: usize| {
            let ambient = self.ambient_prints(state[self.actors])[by].load(Ordering::Relaxed);
            let cells = state[..self.actors].iter();
            cells.fold(ambient, |sum, &cell| sum.wrapping_add(self.prints(cell)[by].load(Ordering::Relaxed)))
        };
        if let Some(by) = (1..self.group.len()).find(|&by| print(by) != print(0)) {
            self.unlike("the initial state is another one when it is permuted", &self.group[by], &"");
        }
    }

    /// Is the permuted history, of the permuted messages, the history permuted? Each message is recorded by itself, as
    /// permuted actors may send theirs in another order.
    pub fn audit_history(&self, history: &S::History, effect: &Effect) {
        if self.group.len() == 1 || self.ambients.len() > ALL {
            return;
        }
        let model = self.system.model();
        let heard = effect.heard.iter().map(|&at| (model.record_msg_in, at));
        let said = effect.said.iter().map(|&at| (model.record_msg_out, at));
        for (record, at) in heard.chain(said) {
            let by = self.permutation(u64::from(at));
            let permute = |history: &S::History| self.system.permute_history(history, by);
            let recorded = |history: &S::History, envelope: &Envelope<Msg<S>>| {
                let Envelope { src, dst, msg } = envelope;
                record(&model.cfg, history, Envelope { src: *src, dst: *dst, msg }).unwrap_or(history.clone())
            };
            let here = permute(&recorded(history, self.sent(at)));
            let there = recorded(&permute(history), &self.permuted_envelope(self.sent(at), by));
            if content(Sort::History, &here) != content(Sort::History, &there) {
                let told = (history, self.sent(at), here, there);
                self.unlike("a history, a message, what the permuted history should be and is", by, &told);
            }
        }
    }

    fn unlike(&self, what: &str, by: &Permutation, told: &dyn Debug) {
        let fault = format!("{what}, by the permutation {:?}\n  {told:?}", by.places());
        self.note_fault(Error::NotSymmetric(fault));
    }

    /// Does the hash of actors see what their equality sees, and no more? A new one (then `same` is none) is compared
    /// with some of other hashes, one that is known with what is there of its hash.
    pub fn check_hash(&self, number: u32, same: Option<&Local<S>>) {
        let known = |at: u32| &self.locals.get(at).local;
        if let Some(same) = same {
            let mine = known(number);
            if *mine.state != *same.state {
                let fault = Error::HashLoses(format!("{:?}", mine.state), format!("{:?}", same.state));
                self.note_fault(fault);
            } else if *mine != *same {
                let (mine, same) = (format!("{mine:?}"), format!("{same:?}"));
                self.note_fault(Error::PartHashLoses("timer, choice or storage", mine, same));
            }
            return;
        }
        let mine = known(number);
        let before = number.saturating_sub(1);
        let sample = (number.saturating_sub(COMPARED)..number).chain([before / 2, before / 3]);
        for at in sample.filter(|&at| at < number) {
            // Another thread may not have put that one in its place yet.
            if self.locals.try_get(at).is_some_and(|known| known.local == *mine) {
                self.note_fault(Error::HashAdds(format!("{:?}", mine.state)));
            }
        }
    }

    /// The same of a message that is known.
    pub fn check_message_hash(&self, number: u32, same: Option<&Envelope<Msg<S>>>) {
        let known = self.sent(number);
        if let Some(same) = same.filter(|&same| same != known) {
            let fault = Error::PartHashLoses("message", format!("{known:?}"), format!("{same:?}"));
            self.note_fault(fault);
        }
    }
}

impl<S: System> Debug for Local<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = (&self.timers, &self.choices, &self.storage, self.crashed);
        write!(f, "actor {}: {:?}, with timers, choices, storage, crashed {kept:?}", self.actor, self.state)
    }
}

impl Event {
    fn envelope(self) -> Option<u32> {
        match self {
            Event::Deliver(at) | Event::Drop(at) => Some(at),
            _ => None,
        }
    }
}

fn told<S: System>(answer: &Answer<S>) -> String {
    match answer {
        Ok(Outcome::Step { after, sent }) => format!("{after:?}, sending {sent:?}"),
        Ok(Outcome::Idle) => "nothing".into(),
        Err(_) => "a panic".into(),
    }
}
