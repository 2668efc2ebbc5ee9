//! Histories of a register that is what it should be: clients ask it, and it answers at a moment in between.

use std::collections::BTreeMap;

use raftlab_checks::history::{Action, History, Operation, Outcome};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What clients do.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    pub clients: u64,
    pub keys: u64,
    /// How many values there are to write; 0 for another one each time.
    pub values: u64,
    /// Of a hundred operations, how many are never answered.
    pub unknown_percent: u64,
    /// Are there deletes, and cas from and to nothing?
    pub has_deletes: bool,
}

impl Mix {
    /// Everything, each value written once.
    pub fn all(clients: u64, keys: u64) -> Mix {
        Mix { clients, keys, values: 0, unknown_percent: 4, has_deletes: true }
    }
}

/// A run of clients against registers, in virtual time.
pub struct Run {
    dice: ChaCha8Rng,
    mix: Mix,
    values: BTreeMap<String, Option<String>>,
    written: u64,
}

impl Run {
    pub fn new(seed: u64, mix: Mix) -> Run {
        Run { dice: ChaCha8Rng::seed_from_u64(seed), mix, values: BTreeMap::new(), written: 0 }
    }

    /// So many operations. Each client has one at a time; those without an answer take effect at any later moment, or
    /// never.
    pub fn history(mut self, operations: usize) -> History {
        // By the moment at which something takes effect, which is between its start and its end.
        let mut moments: BTreeMap<(u64, u64), Operation> = BTreeMap::new();
        let mut free: Vec<u64> = vec![0; usize::try_from(self.mix.clients).unwrap()];
        let mut done = Vec::new();
        for number in 0..operations as u64 {
            let client = number % self.mix.clients;
            let place = usize::try_from(client).unwrap();
            let start = free[place] + self.below(50);
            let takes_effect = start + self.below(100);
            let end = takes_effect + self.below(100);
            free[place] = end + 1;
            let key = format!("k{}", self.below(self.mix.keys));
            let is_unknown = self.below(100) < self.mix.unknown_percent;
            let is_failed = self.below(100) < 2;
            let outcome = match (is_failed, is_unknown) {
                (true, _) => Outcome::Failed,
                (_, true) => Outcome::Unknown,
                _ => Outcome::Done,
            };
            let operation =
                Operation { client, key, action: Action::Get, start_us: start, end_us: Some(end), outcome };
            let late = if is_unknown { self.below(20_000) } else { 0 };
            if is_unknown && self.below(2) == 0 || is_failed {
                let action = self.action(&operation.key);
                done.push(Operation { action, end_us: None, ..operation });
            } else {
                moments.insert((takes_effect + late, number), operation);
            }
        }
        for (_, operation) in moments {
            done.push(self.execute(operation));
        }
        done.sort_by_key(|operation| operation.start_us);
        History::new(done).expect("it is a history")
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.dice.next_u64() % bound
    }

    fn execute(&mut self, operation: Operation) -> Operation {
        let action = self.action(&operation.key);
        let here = self.values.entry(operation.key.clone()).or_default();
        let before = here.clone();
        let outcome = match &action {
            Action::Get => Outcome::Read(before),
            Action::Put(value) => {
                *here = Some(value.clone());
                Outcome::Done
            }
            Action::Delete => {
                *here = None;
                Outcome::Done
            }
            Action::Cas { expected, value } if *expected == before => {
                here.clone_from(value);
                Outcome::Swapped
            }
            Action::Cas { .. } => Outcome::Unequal(before),
        };
        if operation.outcome == Outcome::Unknown {
            return Operation { action, end_us: None, ..operation };
        }
        Operation { action, outcome, ..operation }
    }

    /// What a client may ask of this key. A cas mostly expects what is there.
    fn action(&mut self, key: &str) -> Action {
        let here = self.values.get(key).cloned().flatten();
        match self.below(if self.mix.has_deletes { 10 } else { 9 }) {
            0..=3 => Action::Get,
            4..=6 => Action::Put(self.value()),
            7 | 8 => {
                let expected = match self.below(4) {
                    0 => Some(self.value()),
                    _ => here,
                };
                let is_removal = self.mix.has_deletes && self.below(8) == 0;
                let value = (!is_removal).then(|| self.value());
                Action::Cas { expected, value }
            }
            _ => Action::Delete,
        }
    }

    fn value(&mut self) -> String {
        self.written += 1;
        match self.mix.values {
            0 => format!("v{}", self.written),
            values => format!("v{}", self.below(values)),
        }
    }
}
