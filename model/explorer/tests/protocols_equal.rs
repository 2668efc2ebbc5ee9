//! The explorer has the states that Raft and the small protocols have: see `support/explored.rs` for what is
//! compared. There are two of these programs, as each protocol is compiled with an engine of its own.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/explored.rs"]
mod explored;
#[path = "support/survey.rs"]
mod survey;

use explored::{Explored, Once, Way};
use raftlab_explorer::Mode;

const TWO: Way = Way { mode: Mode::Exact, threads: 2 };

#[test]
fn timers_boundaries_storage_and_choices() {
    cases::others(&mut Explored::default());
}

#[test]
fn crashes() {
    cases::crashes_of_others(&mut Explored::default());
}

#[test]
fn rafts() {
    cases::rafts(&mut Explored::default());
}

#[test]
fn raft_with_a_million_states() {
    cases::large_raft(&mut Once(TWO));
}

#[test]
#[ignore = "four million states"]
fn raft_one_step_deeper() {
    cases::larger_raft(&mut Once(TWO));
    cases::larger_raft(&mut Once(Way { mode: Mode::Fingerprints { seed: 1 }, threads: 2 }));
}

#[test]
#[ignore = "sixteen million states, a gigabyte"]
fn raft_two_steps_deeper() {
    cases::largest_raft(&mut Once(TWO));
}
