//! Situations that lead nowhere, so that none is gone into twice.
//!
//! What may not have taken effect is there to be used once. So a situation that leads nowhere leads nowhere either if
//! more of that has been used already: of situations that differ by that alone, the least are kept.

use std::collections::HashMap;

use smallvec::SmallVec;

/// Which of the operations that may not have taken effect have been used, a bit for each.
pub type Used = Box<[u64]>;

/// What is known to lead nowhere.
#[derive(Debug, Default)]
pub struct Memory {
    dead: HashMap<u128, SmallVec<[Used; 1]>>,
    count: usize,
}

impl Memory {
    /// How many situations are in it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Does this one lead nowhere, as far as is known?
    pub fn holds(&self, key: u128, used: &[u64]) -> bool {
        self.dead.get(&key).is_some_and(|known| known.iter().any(|less| is_within(less, used)))
    }

    /// This one leads nowhere.
    pub fn insert(&mut self, key: u128, used: Used) {
        if self.holds(key, &used) {
            return;
        }
        let known = self.dead.entry(key).or_default();
        self.count -= known.len();
        known.retain(|more| !is_within(&used, more));
        known.push(used);
        self.count += known.len();
    }
}

fn is_within(less: &[u64], more: &[u64]) -> bool {
    less.iter().zip(more).all(|(less, more)| less & !more == 0)
}
