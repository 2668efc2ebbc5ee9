//! Runs a target: on cases drawn from their numbers, or on those of a fuzzer.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The longest input, in bytes.
const BYTES_MAX: usize = 600;

/// How often something was reached, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached(BTreeMap<&'static str, u64>);

/// Which cases are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cases {
    /// The first one's number.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Reached {
    /// It was.
    pub fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// How often it was.
    pub fn count(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

impl Cases {
    /// So many from the first on, unless `RAFTLAB_FUZZ_CASES` and `RAFTLAB_FUZZ_FIRST` say other numbers.
    ///
    /// # Panics
    ///
    /// If one of them is no number.
    pub fn or_as_told(count: u64) -> Cases {
        let told = |name: &str, or: u64| match std::env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is to be a number, not {text:?}")),
            Err(_) => or,
        };
        Cases { first: told("RAFTLAB_FUZZ_FIRST", 0), count: told("RAFTLAB_FUZZ_CASES", count) }
    }
}

/// Runs a target on these cases, and asks of each of `expected` that so many of a thousand cases reached it. It prints
/// what was reached.
///
/// # Panics
///
/// If the target does, with the case's number; or if too few cases reached something that was expected.
pub fn run(name: &str, cases: Cases, expected: &[(&str, u64)], target: impl Fn(&[u8], &mut Reached)) {
    let (mut reached, mut bytes) = (Reached::default(), Vec::new());
    for number in cases.first..cases.first.saturating_add(cases.count) {
        fill(&mut bytes, number);
        let one = AssertUnwindSafe(|| target(&bytes, &mut reached));
        if let Err(panic) = panic::catch_unwind(one) {
            let says = panic.downcast_ref::<String>().map(String::as_str);
            let says = says.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            eprintln!("{name}: case {number} fails: {says}");
            eprintln!("RAFTLAB_FUZZ_FIRST={number} RAFTLAB_FUZZ_CASES=1 runs it again");
            panic::resume_unwind(panic);
        }
    }
    println!("{name}: {} cases", cases.count);
    for (what, count) in &reached.0 {
        println!("  {count:>12} {what}");
    }
    // Few cases show nothing about shares.
    for (what, of_thousand) in expected.iter().filter(|_| cases.count >= 1000) {
        let count = reached.count(what);
        let is_enough = count * 1000 >= cases.count * of_thousand;
        assert!(
            is_enough,
            "{name}: {count} of {} cases reached `{what}`: the target misses its aim",
            cases.count
        );
    }
}

/// The input of a case: its length and its bytes.
fn fill(bytes: &mut Vec<u8>, number: u64) {
    let mut dice = ChaCha8Rng::seed_from_u64(number);
    let length = usize::try_from(dice.next_u32()).unwrap_or(0) % BYTES_MAX;
    bytes.resize(length, 0);
    dice.fill_bytes(bytes);
}
