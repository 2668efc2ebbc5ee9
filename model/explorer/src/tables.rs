//! The tables of a machine, written down so that another process can make them again.
//!
//! No state of an actor is ever written: what is written is how it came to be, and the other process lets the actors'
//! own code make it again. A content hash beside each says whether the same came of it. So nothing that a user
//! defines need be serialisable, and a model that was changed in between is noticed.

use std::io;
use std::mem::discriminant;

use crate::ambient::{AmbientOrigin, Effect};
use crate::binary::{Reader, Writer};
use crate::hash::{Sort, content};
use crate::local::{Event, Origin, Outcome};
use crate::machine::Machine;
use crate::symmetry::Permutation;
use crate::system::System;

/// Something that has a number, and how it came to have it.
enum Birth {
    Local(u32, u128, Origin),
    Envelope(u32, u128, Origin),
    Ambient(u32, AmbientOrigin, Effect),
}

impl<S: System> Machine<'_, S> {
    /// A hash of all by which two models can be told apart without exploring them.
    pub fn identity(&self) -> u128 {
        let initial = self.initial();
        let keys = initial[..self.actors].iter().map(|&cell| self.cells.key(cell));
        let keys: Vec<u128> = keys.collect();
        let properties = self.properties.list.iter();
        let properties: Vec<_> = properties.map(|own| (own.name, discriminant(&own.expectation))).collect();
        let system = self.system;
        let names = (properties, system.kinds());
        // The print depends on the seed, without which fingerprints of two runs have nothing in common.
        let print = self.ambient_print(initial[self.actors]);
        let network = (self.carrier as u8, self.lossy, system.remembers_last_message());
        let extent = (system.has_boundary(), system.removes_dead(), system.records_history());
        let group: Vec<_> = self.group.iter().map(Permutation::places).collect();
        let faults = (system.model().max_crashes, system.budgets());
        content(Sort::Summary, &(keys, names, print, network, extent, group, faults))
    }

    /// Writes all tables.
    pub fn save(&self, to: &mut Writer) -> io::Result<()> {
        let mut births = self.births();
        births.sort_unstable_by_key(|(born, _)| *born);
        let counts = [self.locals.len(), self.envelopes.len(), self.ambients.len(), self.cells.len()];
        counts.into_iter().try_for_each(|count| to.u32(count))?;
        to.list(&births, |to, (_, birth)| write_birth(to, birth))?;
        (0..self.cells.len()).try_for_each(|cell| {
            let cell = self.cells.get(cell);
            to.u32(cell.local)?;
            to.list(&self.letters(cell), |to, &at| to.u32(at))
        })
    }

    fn births(&self) -> Vec<(u32, Birth)> {
        let mut births = Vec::new();
        for at in 0..self.locals.len() {
            let known = self.locals.get(at);
            births.push((known.born, Birth::Local(at, self.locals.key(at), known.origin)));
        }
        for at in 0..self.envelopes.len() {
            let known = self.envelopes.get(at);
            births.push((known.born, Birth::Envelope(at, self.envelopes.key(at), known.origin)));
        }
        for at in 0..self.ambients.len() {
            let known = self.ambients.get(at);
            let effect = match known.origin {
                AmbientOrigin::Turn(_, effect) => self.effects.get(effect).clone(),
                AmbientOrigin::Start => Effect::default(),
            };
            births.push((known.born, Birth::Ambient(at, known.origin, effect)));
        }
        births
    }

    /// Makes all tables again, in a machine that has only its initial state.
    pub fn restore(&self, from: &mut Reader) -> io::Result<()> {
        let counts = [from.u32()?, from.u32()?, from.u32()?, from.u32()?];
        for _ in 0..from.length()? {
            let birth = read_birth(from)?;
            self.again(birth).map_err(io::Error::other)?;
        }
        self.locals.number_from(counts[0]);
        self.envelopes.number_from(counts[1]);
        self.ambients.number_from(counts[2]);
        for number in 0..counts[3] {
            let local = from.u32()?;
            let inbox = from.list(Reader::u32)?;
            self.cells.number_from(number);
            if self.cell(local, &inbox) != number {
                return Err(io::Error::other("an actor with its messages has another number"));
            }
        }
        self.cells.number_from(counts[3]);
        Ok(())
    }

    /// Lets the actors make something again, under the number that it had.
    fn again(&self, birth: Birth) -> Result<(), String> {
        match birth {
            Birth::Local(at, key, origin) => {
                self.locals.number_from(at);
                let number = match origin {
                    Origin::Start => return self.is_again(self.locals.key(at) == key),
                    Origin::Reaction(local, event) => match self.outcome(local, event) {
                        Some(Outcome::Step { after, .. }) => self.local(after, origin),
                        _ => return self.is_again(false),
                    },
                };
                self.is_again(number == at && self.locals.key(at) == key)
            }
            Birth::Envelope(at, key, origin) => {
                self.envelopes.number_from(at);
                let number = match origin {
                    Origin::Start => return self.is_again(self.envelopes.key(at) == key),
                    Origin::Reaction(local, event) => {
                        let Some(Outcome::Step { sent, .. }) = self.outcome(local, event) else {
                            return self.is_again(false);
                        };
                        let same = sent.into_iter().find(|sent| content(Sort::Envelope, sent) == key);
                        self.envelope(same.ok_or("a message was not sent again")?, origin)
                    }
                };
                self.is_again(number == at)
            }
            Birth::Ambient(at, origin, effect) => {
                self.ambients.number_from(at);
                let number = match origin {
                    AmbientOrigin::Start => at,
                    AmbientOrigin::Turn(of, _) => self.make_turn(of, self.effect_number(effect)),
                };
                self.is_again(number == at)
            }
        }
    }

    fn outcome(&self, local: u32, event: Event) -> Option<Outcome<S>> {
        let known = self.locals.try_get(local)?;
        Some(known.local.react(self.system, event, self.envelope_of(event)))
    }

    #[expect(clippy::unused_self, reason = "reads as a question of the machine")]
    fn is_again(&self, is: bool) -> Result<(), String> {
        is.then_some(()).ok_or_else(|| "the actors did not do again what they did".into())
    }
}

fn write_birth(to: &mut Writer, birth: &Birth) -> io::Result<()> {
    match birth {
        Birth::Local(at, key, origin) | Birth::Envelope(at, key, origin) => {
            to.u32(u32::from(matches!(birth, Birth::Envelope(..))))?;
            to.u32(*at)?;
            to.u128(*key)?;
            write_origin(to, *origin)
        }
        Birth::Ambient(at, origin, effect) => {
            to.u32(2)?;
            to.u32(*at)?;
            let words = match *origin {
                AmbientOrigin::Start => [0; 3],
                AmbientOrigin::Turn(of, effect) => [1, of, effect],
            };
            words.into_iter().try_for_each(|word| to.u32(word))?;
            to.option(effect.cause, |to, cause| to.u64(cause as u64))?;
            to.option(effect.news, Writer::u32)?;
            to.option(effect.heard, Writer::u32)?;
            to.list(&effect.said, |to, &at| to.u32(at))?;
            to.option(effect.last, Writer::u32)?;
            to.list(&effect.to_nobody, |to, &at| to.u32(at))?;
            to.option(effect.lost, Writer::u32)
        }
    }
}

fn read_birth(from: &mut Reader) -> io::Result<Birth> {
    let (sort, at) = (from.u32()?, from.u32()?);
    match sort {
        0 => Ok(Birth::Local(at, from.u128()?, read_origin(from)?)),
        1 => Ok(Birth::Envelope(at, from.u128()?, read_origin(from)?)),
        2 => {
            let origin = match (from.u32()?, from.u32()?, from.u32()?) {
                (0, ..) => AmbientOrigin::Start,
                (_, of, effect) => AmbientOrigin::Turn(of, effect),
            };
            let cause = from.option(Reader::length)?;
            let news = from.option(Reader::u32)?;
            let (heard, said) = (from.option(Reader::u32)?, from.list(Reader::u32)?);
            let (last, to_nobody) = (from.option(Reader::u32)?, from.list(Reader::u32)?);
            let effect =
                Effect { cause, news, heard, said, last, to_nobody, lost: from.option(Reader::u32)? };
            Ok(Birth::Ambient(at, origin, effect))
        }
        _ => Err(io::Error::other("no such sort of thing")),
    }
}

fn write_origin(to: &mut Writer, origin: Origin) -> io::Result<()> {
    let words = match origin {
        Origin::Start => [0; 4],
        Origin::Reaction(local, event) => {
            let (sort, a, b) = match event {
                Event::Deliver(at) => (2, at, 0),
                Event::Drop(at) => (3, at, 0),
                Event::Timeout(at) => (4, at, 0),
                Event::Crash => (5, 0, 0),
                Event::Recover => (6, 0, 0),
                Event::Choose(key, at) => (7, key, at),
            };
            [sort, local, a, b]
        }
    };
    words.into_iter().try_for_each(|word| to.u32(word))
}

fn read_origin(from: &mut Reader) -> io::Result<Origin> {
    let [sort, local, a, b] = [from.u32()?, from.u32()?, from.u32()?, from.u32()?];
    let event = match sort {
        0 => return Ok(Origin::Start),
        2 => Event::Deliver(a),
        3 => Event::Drop(a),
        4 => Event::Timeout(a),
        5 => Event::Crash,
        6 => Event::Recover,
        7 => Event::Choose(a, b),
        _ => return Err(io::Error::other("no such origin")),
    };
    Ok(Origin::Reaction(local, event))
}
