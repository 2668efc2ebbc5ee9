//! One process of several: explores Paxos or Raft with the others, and prints what all found.
//!
//! ```text
//! distributed paxos|raft|paxos-2 DEPTH THREADS [PROCESS HOST:PORT,HOST:PORT,…]
//! ```
//!
//! Without hosts it explores alone, as what to compare with. A depth of 0 is no limit.

use std::env;

use raftlab_explorer::protocols::paxos::paxos;
use raftlab_explorer::protocols::raft::raft;
use raftlab_explorer::{Cluster, Error, Mode, System, explore};
use stateright::actor::Network;

fn main() -> Result<(), Error> {
    match env::args().nth(1).as_deref() {
        Some("paxos") => run(&paxos(3, 3, Network::new_unordered_nonduplicating([]))),
        Some("paxos-2") => run(&paxos(2, 3, Network::new_unordered_nonduplicating([]))),
        _ => run(&raft(3, Network::new_unordered_nonduplicating([]))),
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
