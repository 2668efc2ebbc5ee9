//! A system that says more than a model can: what its properties read, how often something may happen, and which of its
//! actors are interchangeable. Each makes the exploration smaller or faster, and none changes what is true.
//!
//! `cargo run --release -p raftlab-explorer --example system`

use raftlab_explorer::protocols::raft::{Role, Server, State, raft};
use raftlab_explorer::{Action, Error, Mode, Property, Reads, Symmetric, System, explore};
use stateright::Expectation;
use stateright::actor::{ActorModel, ActorModelAction, Id, Network};

/// Raft in which timers fire a few times in all.
struct Bounded {
    model: ActorModel<Server>,
    timeouts: u32,
}

impl System for Bounded {
    type Actor = Server;
    type Config = ();
    type History = ();

    fn model(&self) -> &ActorModel<Server> {
        &self.model
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // Of two servers: judged once for each two states of servers, not once for each state of the system.
        let one_leader = |(_, a): (Id, &State), (_, b): (Id, &State)| {
            a.term != b.term || a.role != Role::Leader || b.role != Role::Leader
        };
        // Of one server: judged once for each.
        let elected = |_: Id, server: &State| server.role == Role::Leader;
        vec![
            Property {
                expectation: Expectation::Always,
                name: "one leader a term",
                reads: Reads::Pair(Box::new(one_leader)),
            },
            Property {
                expectation: Expectation::Sometimes,
                name: "a leader",
                reads: Reads::One(Box::new(elected)),
            },
        ]
    }

    fn has_boundary(&self) -> bool {
        false
    }

    fn budgets(&self) -> Vec<u32> {
        vec![self.timeouts]
    }

    fn cause(&self, action: &Action<Self>) -> Option<usize> {
        matches!(action, ActorModelAction::Timeout(..)).then_some(0)
    }
}

fn main() -> Result<(), Error> {
    let model = raft(3, Network::new_unordered_nonduplicating([])).max_crashes(0);
    let bounded = Bounded { model, timeouts: 2 };
    let symmetric = Symmetric::new(&bounded, 0..3);
    let report = explore(&symmetric).mode(Mode::Exact).max_states(5_000_000).run()?;

    println!("{} states stand for {}", report.progress.states, report.full_states);
    println!("ended by {:?}", report.limit);
    for level in &report.levels {
        println!("{:3} steps: {:8} states", level.depth, level.states);
    }
    for kind in report.coverage.iter().filter(|kind| kind.taken > 0) {
        println!("{:>8}: taken {} times, first to depth {:?}", kind.kind, kind.taken, kind.first_depth);
    }
    for found in &report.discoveries {
        println!("{}: {} steps", found.property, found.path.len());
    }
    Ok(())
}
