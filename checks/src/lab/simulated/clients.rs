//! Clients of a scenario in a simulated world: what comes of what they ask for is taken down as that of real ones is.

use raftlab_sim::{Answered, Told, World};

use super::super::cluster::Cluster;
use super::super::load::Tally;
use super::workers::{Workers, micros, outcome};
use crate::history::{Action, Operation, Outcome};
use crate::scenario::Load;

/// How long what is under way may take when clients are to stop, in microseconds.
pub const LINGERS_US: u64 = 500_000;

/// A second, in microseconds.
const SECOND_US: u64 = 1_000_000;

/// Clients at work.
#[derive(Debug)]
pub struct Crew {
    workers: Workers,
    tally: Tally,
    /// When the second ends that is counted.
    second_at: u64,
    /// When they are to stop, if that is known.
    ends_at: Option<u64>,
    /// They begin nothing any more.
    pub is_ending: bool,
}

/// One thing that a scenario asked for.
#[derive(Debug)]
pub struct Single {
    /// What it is called.
    pub name: String,
    /// Since when.
    pub start_us: u64,
    /// What.
    pub what: Asked,
}

/// What a scenario may ask for.
#[derive(Debug)]
pub enum Asked {
    /// An operation, which belongs into the history.
    Operation {
        /// Its client's number there.
        number: u64,
        /// Under which key.
        key: String,
        /// What.
        action: Action,
    },
    /// Another configuration.
    Change,
}

impl Crew {
    /// They begin.
    pub fn begin(world: &mut World, cluster: &Cluster, load: &Load) -> Crew {
        let (now, seed) = (world.now().0, cluster.workload.seed());
        let first = cluster.workload.number(u64::from(load.clients));
        let mut workers = Workers::default();
        workers.begin(world, (first, seed), load, &[]);
        Crew {
            workers,
            tally: Tally::default(),
            second_at: now + SECOND_US,
            ends_at: load.lasts.map(|lasts| now + micros(lasts)),
            is_ending: false,
        }
    }

    /// When one of them, or the second that is counted, is to be looked at.
    pub fn next_at(&self) -> u64 {
        let begins = if self.is_ending { u64::MAX } else { self.workers.next_at() };
        begins.min(self.second_at).min(self.ends_at.unwrap_or(u64::MAX))
    }

    /// Who is due begins.
    pub fn tick(&mut self, world: &mut World, cluster: &Cluster) {
        let now = world.now().0;
        if now >= self.second_at {
            self.second_at = now + SECOND_US;
            cluster.files.load.add(&std::mem::take(&mut self.tally).second(now));
        }
        if self.ends_at.is_some_and(|at| now >= at) {
            (self.is_ending, self.ends_at) = (true, None);
        }
        if !self.is_ending {
            self.workers.tick(world);
        }
    }

    /// One of them has its answer.
    pub fn hear(&mut self, world: &mut World, cluster: &Cluster, answered: &Answered) {
        if let Some(operation) = self.workers.hear(answered) {
            self.tally.count(&operation);
            cluster.workload.record(&operation);
        }
        self.tick(world, cluster);
    }

    /// They end: nobody knows of what is under way.
    pub fn end(mut self, now: u64, cluster: &Cluster) {
        for operation in self.workers.end(now) {
            self.tally.count(&operation);
            cluster.workload.record(&operation);
        }
        let second = self.tally.second(now);
        if second.done + second.failed + second.unknown > 0 {
            cluster.files.load.add(&second);
        }
    }
}

impl Single {
    /// It has its answer, or never will.
    pub fn end(self, cluster: &Cluster, answered: Option<&Answered>) {
        let Single { name, start_us, what } = self;
        let told = answered.map(|answered| &answered.told);
        let Asked::Operation { number, key, action } = what else {
            let outcome = match told {
                Some(Told::NotDone(_)) => Outcome::Failed,
                Some(Told::Unknown(_)) | None => Outcome::Unknown,
                Some(_) => Outcome::Done,
            };
            cluster.outcomes().insert(name, outcome);
            return;
        };
        let outcome = outcome(&action, told);
        cluster.outcomes().insert(name, outcome.clone());
        let end_us = answered.map_or(cluster.now().at_us, |answered| answered.at.0);
        cluster.workload.record(&Operation::new(number, key, action, (start_us, end_us), outcome));
    }
}
