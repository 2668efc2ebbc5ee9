//! What a client asks for next, drawn by its seed, and what it learns of what it was told. The same for clients of real
//! servers and of simulated ones.

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::history::{Action, Outcome};
use crate::scenario::Load;

/// Of 100 writes so many compare and swap,
const CAS_PERCENT: u64 = 25;

/// and so many delete.
const DELETE_PERCENT: u64 = 10;

/// Draws what one client does.
#[derive(Debug)]
pub struct Chooser {
    /// The client's number, which no other client of the run has.
    pub id: u64,
    seed: u64,
    dice: ChaCha8Rng,
    load: Load,
    /// What it last knew to be under each key.
    seen: BTreeMap<String, Option<String>>,
    /// How many values it has written.
    written: u64,
}

impl Chooser {
    /// That of the client with this number.
    pub fn new(id: u64, seed: u64, load: Load) -> Chooser {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        dice.set_stream(id);
        Chooser { id, seed, dice, load, seen: BTreeMap::new(), written: 0 }
    }

    /// A number for whatever else is drawn.
    pub fn draw(&mut self) -> u64 {
        self.dice.next_u64()
    }

    /// How far apart its operations begin, and when the first does, from now: not all clients begin at once. Nothing, if
    /// it begins each as soon as it can.
    pub fn pace(&mut self) -> Option<(Duration, Duration)> {
        let each = Duration::from_secs_f64(f64::from(self.load.clients) / f64::from(self.load.rate?));
        let share = f64::from(self.dice.next_u32()) / f64::from(u32::MAX);
        Some((each, each.mul_f64(share)))
    }

    /// What it asks for next.
    pub fn choose(&mut self) -> (String, Action) {
        let (keys, (reads, writes)) = (u64::from(self.load.keys), self.load.reads);
        let key = format!("load/{}", self.below(keys));
        if self.below(u64::from(reads + writes)) < u64::from(reads) {
            return (key, Action::Get);
        }
        let kind = self.below(100);
        let action = if kind < CAS_PERCENT {
            let expected = self.seen.get(&key).cloned().flatten();
            // Now and then a value is swapped for none.
            let value = (self.below(8) > 0).then(|| self.next_value());
            Action::Cas { expected, value }
        } else if kind < CAS_PERCENT + DELETE_PERCENT {
            Action::Delete
        } else {
            Action::Put(self.next_value())
        };
        (key, action)
    }

    /// What came of it.
    pub fn learn(&mut self, key: &str, action: &Action, outcome: &Outcome) {
        let known = match (action, outcome) {
            (Action::Put(value), Outcome::Done) => Some(value.clone()),
            (Action::Delete, Outcome::Done) => None,
            (Action::Cas { value, .. }, Outcome::Swapped)
            | (_, Outcome::Read(value) | Outcome::Unequal(value)) => value.clone(),
            _ => return,
        };
        self.seen.insert(key.to_string(), known);
    }

    /// A number below `below`; what is left of 2^64 divided by it is of no weight here.
    fn below(&mut self, below: u64) -> u64 {
        self.dice.next_u64() % below.max(1)
    }

    /// A value that is written here and nowhere else.
    fn next_value(&mut self) -> String {
        self.written += 1;
        format!("{:x}.{}.{}", self.seed, self.id, self.written)
    }
}
