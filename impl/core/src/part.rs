//! Effects by their parts, for those who compare two runs: what a process did, and what the core does with the same
//! inputs.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::effects::Effects;

/// What effects are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What has to be on disk first.
    Writes,
    /// Messages that may overtake it.
    Early,
    /// All other messages.
    Late,
    /// What the state machine is given, and reads of it.
    Machine,
    /// What else its host is told: answers, reads that are refused, timers, why a chunk was ignored.
    Host,
}

/// A part of some effects, to be written down or printed. The messages that wait for the disk cannot be had from it.
pub struct Shown<'a>(&'a Effects, Part);

impl Part {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Part; 5] = [Part::Writes, Part::Early, Part::Late, Part::Machine, Part::Host];

    /// What it is, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Writes => "writes",
            Part::Early => "early messages",
            Part::Late => "late messages",
            Part::Machine => "committed entries and reads",
            Part::Host => "answer and timers",
        }
    }
}

impl Effects {
    /// One part of them.
    pub fn part(&self, part: Part) -> Shown<'_> {
        Shown(self, part)
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shown(effects, part) = self;
        match part {
            Part::Writes => effects.writes.serialize(serializer),
            Part::Early => effects.early.serialize(serializer),
            Part::Late => effects.late.serialize(serializer),
            Part::Machine => (&effects.restored, &effects.committed, &effects.reads).serialize(serializer),
            Part::Host => {
                (effects.answer, &effects.refused, &effects.restart, effects.ignored).serialize(serializer)
            }
        }
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(effects, part) = self;
        match part {
            Part::Writes => write!(f, "{:?}", effects.writes),
            Part::Early => write!(f, "{:?}", effects.early),
            Part::Late => write!(f, "{:?}", effects.late),
            Part::Machine => {
                let Effects { restored, committed, reads, .. } = effects;
                write!(f, "restored {restored:?} committed {committed:?} reads {reads:?}")
            }
            Part::Host => {
                let Effects { answer, refused, restart, ignored, .. } = effects;
                write!(f, "answer {answer:?} refused {refused:?} timers {restart:?} ignored {ignored:?}")
            }
        }
    }
}
