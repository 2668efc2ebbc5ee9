//! A plain stateright model, explored: of `model.checker().spawn_bfs().join()` one line is another one.
//!
//! `cargo run --release -p raftlab-explorer --example model`

use raftlab_explorer::protocols::raft::raft;
use raftlab_explorer::{Error, explore};
use stateright::actor::Network;

fn main() -> Result<(), Error> {
    let model = raft(3, Network::new_unordered_nonduplicating([]));
    let report = explore(&model).run()?;

    let progress = &report.progress;
    println!("{} states in {:.2?}, {} a second", progress.states, progress.elapsed, progress.rate());
    for found in &report.discoveries {
        let verdict = if found.is_violation { "does not hold" } else { "is reached" };
        println!("\n{} {verdict}, by {} steps:", found.property, found.path.len());
        found.path.iter().for_each(|action| println!("  {action:?}"));
    }
    Ok(())
}
