//! Clients in a simulated world: what they ask for is drawn as that of real ones is, and taken down alike.

use raftlab_node::kv::{Bytes, Operation as Done, Response};
use raftlab_sim::{Answered, ClientId, Told, Wish, World};

use super::super::cluster::Cluster;
use super::super::load::Tally;
use super::super::load::chooser::Chooser;
use crate::history::{Action, Operation, Outcome};
use crate::scenario::Load;

/// How long what is under way may take when clients are to stop, in microseconds.
pub const LINGERS_US: u64 = 500_000;

/// A second, in microseconds.
const SECOND_US: u64 = 1_000_000;

/// Clients at work.
#[derive(Debug)]
pub struct Crew {
    workers: Vec<Worker>,
    tally: Tally,
    /// When the second ends that is counted.
    second_at: u64,
    /// When they are to stop, if that is known.
    ends_at: Option<u64>,
    /// They begin nothing any more.
    pub is_ending: bool,
}

#[derive(Debug)]
struct Worker {
    client: ClientId,
    chooser: Chooser,
    /// How far apart its operations begin, and when the next one does.
    pace: Option<u64>,
    next_at: u64,
    asked: Option<(String, Action, u64)>,
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
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let worker = |at: u64| {
            let mut chooser = Chooser::new(first + at, seed, load.clone());
            let _ = chooser.draw();
            let pace = chooser.pace().map(|(each, first)| (micros(each), micros(first)));
            let next_at = now + pace.map_or(0, |(each, first)| each + first);
            (chooser, pace.map(|(each, _)| each), next_at)
        };
        let workers: Vec<_> = (0..u64::from(load.clients)).map(worker).collect();
        let workers = workers
            .into_iter()
            .map(|(chooser, pace, next_at)| {
                let client = world.client(None);
                Worker { client, chooser, pace, next_at, asked: None }
            })
            .collect();
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
        let idle = self.workers.iter().filter(|worker| worker.asked.is_none() && !self.is_ending);
        let begins = idle.map(|worker| worker.next_at).min().unwrap_or(u64::MAX);
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
        if self.is_ending {
            return;
        }
        for worker in self.workers.iter_mut().filter(|worker| worker.asked.is_none() && worker.next_at <= now)
        {
            let (key, action) = worker.chooser.choose();
            world.wish(worker.client, wish(&key, &action));
            worker.asked = Some((key, action, now));
            // Who waited longer than its pace does not make up for it.
            worker.next_at = worker.pace.map_or(0, |pace| now + pace);
        }
    }

    /// One of them has its answer.
    pub fn hear(&mut self, world: &mut World, cluster: &Cluster, answered: &Answered) {
        let Some(worker) = self.workers.iter_mut().find(|worker| worker.client == answered.client) else {
            return;
        };
        let Some((key, action, start_us)) = worker.asked.take() else { return };
        let outcome = outcome(&action, Some(&answered.told));
        worker.chooser.learn(&key, &action, &outcome);
        let (client, end_us) = (worker.chooser.id, Some(answered.at.0));
        let operation = Operation { client, key, action, start_us, end_us, outcome };
        self.tally.count(&operation);
        cluster.workload.record(operation);
        self.tick(world, cluster);
    }

    /// They end: nobody knows of what is under way.
    pub fn end(mut self, now: u64, cluster: &Cluster) {
        for worker in self.workers {
            let Some((key, action, start_us)) = worker.asked else { continue };
            let outcome = outcome(&action, None);
            let end_us = Some(now);
            let operation = Operation { client: worker.chooser.id, key, action, start_us, end_us, outcome };
            self.tally.count(&operation);
            cluster.workload.record(operation);
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
        let end_us = Some(answered.map_or(cluster.now().at_us, |answered| answered.at.0));
        cluster.workload.record(Operation { client: number, key, action, start_us, end_us, outcome });
    }
}

/// An action as a client pursues it.
pub fn wish(key: &str, action: &Action) -> Wish {
    let key = || Bytes::from(key);
    let bytes = |text: &Option<String>| text.as_deref().map(Bytes::from);
    match action {
        Action::Get => Wish::Get(key()),
        Action::Put(value) => Wish::Do(Done::Put { key: key(), value: value.as_str().into() }),
        Action::Delete => Wish::Do(Done::Delete { key: key() }),
        Action::Cas { expected, value } => {
            Wish::Do(Done::CompareAndSwap { key: key(), expected: bytes(expected), value: bytes(value) })
        }
    }
}

/// What a client knows when it was told this, or nothing.
pub fn outcome(action: &Action, told: Option<&Told>) -> Outcome {
    let text =
        |bytes: &Option<Bytes>| bytes.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
    match (told, action) {
        (Some(Told::Value(value)), _) => Outcome::Read(text(value)),
        // A read has no effect.
        (_, Action::Get) | (Some(Told::NotDone(_)), _) => Outcome::Failed,
        (Some(Told::Done(Response::Unequal { value })), _) => Outcome::Unequal(text(value)),
        (Some(Told::Done(Response::Done { .. })), Action::Cas { .. }) => Outcome::Swapped,
        (Some(Told::Done(Response::Done { .. }) | Told::Changed), _) => Outcome::Done,
        (Some(Told::Unknown(_)) | None, _) => Outcome::Unknown,
    }
}
