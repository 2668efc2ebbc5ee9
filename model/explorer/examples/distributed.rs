//! One process of several: explores Paxos or Raft with the others, and prints what all found.
//!
//! ```text
//! distributed paxos|raft DEPTH THREADS [PROCESS HOST:PORT,HOST:PORT,…]
//! ```
//!
//! Without hosts it explores alone, as what to compare with. A depth of 0 is no limit. Nothing is judged: what is
//! measured is the search.

use std::env;

use raftlab_explorer::protocols::paxos::paxos;
use raftlab_explorer::protocols::raft::raft;
use raftlab_explorer::{Cluster, Error, Mode, Property, System, explore};
use stateright::actor::{ActorModel, Network};

fn main() -> Result<(), Error> {
    match env::args().nth(1).as_deref() {
        Some("paxos") => run(&Bare(paxos(3, 3, Network::new_unordered_nonduplicating([])))),
        _ => run(&Bare(raft(3, Network::new_unordered_nonduplicating([])))),
    }
}

/// A model without its properties, and without a boundary.
struct Bare<M>(M);

impl<M: System> System for Bare<M> {
    type Actor = M::Actor;
    type Config = M::Config;
    type History = M::History;

    fn model(&self) -> &ActorModel<M::Actor, M::Config, M::History> {
        self.0.model()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Vec::new()
    }

    fn has_boundary(&self) -> bool {
        false
    }
}

fn run<S: System>(model: &S) -> Result<(), Error> {
    let number = |at: usize| env::args().nth(at).and_then(|word| word.parse().ok()).unwrap_or(0);
    let explorer = explore(model).keep_going().threads(number(3)).mode(Mode::Fingerprints { seed: 0 });
    let explorer = match number(2) {
        0 => explorer,
        depth => explorer.max_depth(u32::try_from(depth).unwrap_or(u32::MAX)),
    };
    let explorer = match env::args().nth(5) {
        Some(hosts) => {
            let hosts = hosts.split(',').map(Into::into).collect();
            explorer.distributed(Cluster::new(number(4), hosts))
        }
        None => explorer,
    };
    let report = explorer.run()?;
    let progress = &report.progress;
    println!(
        "{} states, {} steps, depth {}, {:?}, {} states/s",
        progress.states,
        progress.generated,
        report.depth,
        progress.elapsed,
        progress.rate()
    );
    if let Some(distribution) = &report.distribution {
        println!(
            "{} processes, parted at depth {:?}, imbalance {:.3}, {} asks, {} bytes",
            distribution.processes,
            distribution.split_depth,
            distribution.imbalance(),
            distribution.asks,
            distribution.bytes
        );
    }
    Ok(())
}
