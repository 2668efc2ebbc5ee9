//! Fingerprints of states: sums over their parts; and of orbits, the lowest under all permutations.

use std::sync::atomic::Ordering;

use crate::machine::Machine;
use crate::system::System;

/// Fingerprints of a state under each permutation.
#[derive(Default)]
pub(crate) struct Sums {
    moved: Vec<u64>,
}

impl Sums {
    pub fn new<S: System>(machine: &Machine<S>) -> Sums {
        Sums { moved: vec![0; machine.group.len()] }
    }

    /// Takes the fingerprints of `state`, for what is asked next.
    #[inline]
    pub fn sum<S: System>(&mut self, machine: &Machine<S>, state: &[u32]) {
        let ambient = machine.ambient_prints(state[machine.actors]);
        for (sum, print) in self.moved.iter_mut().zip(ambient) {
            *sum = print.load(Ordering::Relaxed);
        }
        for &cell in &state[..machine.actors] {
            for (sum, print) in self.moved.iter_mut().zip(machine.prints(cell)) {
                *sum = sum.wrapping_add(print.load(Ordering::Relaxed));
            }
        }
    }

    /// The fingerprint by which `state` is told apart: its own, or under symmetry that of its orbit.
    pub fn print<S: System>(&mut self, machine: &Machine<S>, state: &[u32]) -> u64 {
        if machine.group.len() == 1 {
            return print(machine, state);
        }
        self.sum(machine, state);
        self.lowest()
    }

    /// The fingerprint of the orbit.
    pub fn lowest(&self) -> u64 {
        self.moved.iter().copied().min().unwrap_or(0)
    }

    /// How many different states the permutations make of this one: the group, over those that leave it as it is.
    pub fn orbit(&self) -> u64 {
        let lowest = self.lowest();
        (self.moved.len() / self.moved.iter().filter(|&&sum| sum == lowest).count()) as u64
    }

    /// The second fingerprint of the orbit: the lowest, of the permutations that have the lowest first one.
    pub fn check<S: System>(&self, machine: &Machine<S>, state: &[u32]) -> u64 {
        let (order, lowest) = (self.moved.len(), self.lowest());
        let second = |by: usize| {
            let ambient = machine.ambient_prints(state[machine.actors])[order + by].load(Ordering::Relaxed);
            let cells = state[..machine.actors].iter();
            cells.fold(ambient, |sum, &cell| {
                sum.wrapping_add(machine.prints(cell)[order + by].load(Ordering::Relaxed))
            })
        };
        (0..order).filter(|&by| self.moved[by] == lowest).map(second).min().unwrap_or(0)
    }
}

/// The fingerprint of a state.
#[inline]
pub(crate) fn print<S: System>(machine: &Machine<S>, state: &[u32]) -> u64 {
    let ambient = machine.ambient_print(state[machine.actors]);
    state[..machine.actors].iter().fold(ambient, |sum, &cell| sum.wrapping_add(machine.cells.get(cell).print))
}

/// The fingerprint by which `state` is told apart: under symmetry, that of its orbit.
pub(crate) fn print_of<S: System>(machine: &Machine<S>, state: &[u32]) -> u64 {
    Sums::new(machine).print(machine, state)
}

/// Where in the table a fingerprint belongs. The lowest of several is not uniform, a product with an odd number makes
/// it so.
#[inline]
pub(crate) fn index(print: u64) -> u64 {
    print.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
