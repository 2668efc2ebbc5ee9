//! The explorer has the states that the register protocols have: see `support/explored.rs` for what is compared.
//! There are two of these programs, as each protocol is compiled with an engine of its own.

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
fn registers() {
    let mut explored = Explored::default();
    cases::registers(&mut explored);
    assert!(explored.cases >= 16 && explored.in_parts > 0);
}

#[test]
fn crashes() {
    cases::crashes_of_registers(&mut Explored::default());
}

#[test]
fn paxos_with_a_million_states() {
    cases::large_paxos(&mut Once(TWO));
}
