//! A command of a scenario, or of a person, carried out on a cluster that is up.

use std::sync::Arc;

use super::cluster::Cluster;
use super::{faults, load, measure, members, operations, restart};
use crate::failure::Failure;
use crate::scenario::Command;

/// Carries it out, and returns when it is done.
///
/// # Errors
///
/// If it cannot be done; nothing else is stopped by that.
pub async fn carry_out(cluster: &Arc<Cluster>, command: &Command) -> Result<(), Failure> {
    if *cluster.ending.borrow() {
        return Err(Failure::data("the run ends: nothing more can be done to it"));
    }
    match command {
        Command::Fault(fault) => faults::carry_out(cluster, fault).await,
        Command::Member(member) => members::carry_out(cluster, member).await,
        Command::StopLoad => {
            load::stop(cluster).await;
            Ok(())
        }
        Command::Measure(measure) => measure::carry_out(cluster, measure).await,
        Command::Restart { flags } => restart::all(cluster, flags).await,
        Command::Operate(operate) => operations::begin(cluster, operate).await,
        Command::Up { .. }
        | Command::Load(_)
        | Command::Wait(_)
        | Command::Expect(_)
        | Command::Violates(_)
        | Command::Down => Err(Failure::data(format!("`{command}` belongs into a scenario"))),
    }
}
