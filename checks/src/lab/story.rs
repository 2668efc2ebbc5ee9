//! A scenario, carried out step by step on a cluster that is up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::cluster::Cluster;
use super::expect::{self, Outcome};
use super::{act, load};
use crate::failure::Failure;
use crate::scenario::{Command, Load, Scenario};

/// How far a scenario came.
#[derive(Debug, Default)]
pub struct Story {
    /// What was expected, and what came of it, in order; the last one may have failed.
    pub outcomes: Vec<Outcome>,
    /// Why it did not come to its end, if it did not: the step, and what was in the way.
    pub stopped: Option<Failure>,
}

impl Story {
    /// The expectation that failed.
    pub fn unexpected(&self) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| !outcome.holds)
    }
}

/// Does what the steps say, behind the `up` that has been done. The first thing that fails ends it: what comes after
/// would be done to another cluster than it was written for.
pub async fn tell(cluster: &Arc<Cluster>, scenario: &Scenario, story: &mut Story) {
    for step in scenario.steps.iter().skip(1) {
        cluster.narrator.say("", &format!("» {}", step.command));
        let done = match &step.command {
            Command::Up { .. } | Command::Violates(_) => Ok(()),
            Command::Down => return,
            Command::Wait(time) => {
                cluster.sleep(*time).await;
                Ok(())
            }
            Command::Load(load) => begin_load(cluster, load).await,
            Command::Expect(expected) => {
                let outcome = expect::await_outcome(cluster, expected).await;
                let holds = outcome.holds;
                say(cluster, &outcome);
                story.outcomes.push(outcome);
                if !holds {
                    return;
                }
                Ok(())
            }
            other => act::carry_out(cluster, other).await,
        };
        if let Err(Failure { exit, message }) = done {
            let message = format!("{}:{}: `{}`: {message}", scenario.name, step.line, step.command);
            story.stopped = Some(Failure { exit, message });
            return;
        }
    }
}

fn say(cluster: &Cluster, outcome: &Outcome) {
    let Outcome { holds, after_ms, evidence, .. } = outcome;
    if *holds {
        cluster.narrator.say("", &format!("✔ after {after_ms} ms"));
    } else {
        cluster.narrator.say("", &format!("✗ NOT within {after_ms} ms"));
        cluster.narrator.print(evidence.as_deref().unwrap_or_default());
    }
}

/// Lets clients work while the scenario goes on. Every fifth second is told.
async fn begin_load(cluster: &Arc<Cluster>, load: &Load) -> Result<(), Failure> {
    if load::is_busy(cluster) {
        return Err(Failure::data("clients work already: `stop-load` first"));
    }
    if let Some(simulated) = &cluster.simulated {
        simulated.begin_load(cluster, load);
        return Ok(());
    }
    let (told, mut seconds) = mpsc::unbounded_channel();
    let (workers, load) = (Arc::clone(cluster), load.clone());
    tokio::spawn(async move {
        if let Err(failure) = load::run(&workers, &load, told).await {
            workers.narrator.say("clients", &failure.message);
        }
    });
    let narrators = Arc::clone(cluster);
    tokio::spawn(async move {
        let mut count = 0_u64;
        while let Some(second) = seconds.recv().await {
            count += 1;
            if count % 5 == 1 {
                narrators.narrator.say("clients", &second.to_string());
            }
        }
    });
    // They are at work when the next step begins.
    while !cluster.workload.is_busy() {
        cluster.sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
