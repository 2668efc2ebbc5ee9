//! One client: what it asks for next, and what it takes down of what it was told.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use raftlab_node::api::Consistency;
use raftlab_node::client::{Client, Failure as NotDone, Options};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tokio::sync::watch;

use super::Shared;
use crate::failure::Failure;
use crate::history::{Action, Operation, Outcome};
use crate::lab::clock::at_us;

/// For how long a client pursues one thing, before it gives up.
const PURSUES: Duration = Duration::from_secs(3);

/// For how long it waits for one server.
const ATTEMPT: Duration = Duration::from_millis(700);

/// How long what is under way may take when clients are to stop.
const LINGERS: Duration = Duration::from_millis(500);

/// Of 100 writes so many compare and swap,
const CAS_PERCENT: u64 = 25;

/// and so many delete.
const DELETE_PERCENT: u64 = 10;

/// A client.
pub struct Worker {
    id: u64,
    seed: u64,
    client: Client,
    dice: ChaCha8Rng,
    shared: Arc<Shared>,
    /// What it last knew to be under each key.
    seen: BTreeMap<String, Option<String>>,
    /// How many values it has written.
    written: u64,
}

impl Worker {
    /// A client with this number, which no other client of the run has.
    ///
    /// # Errors
    ///
    /// If there are no servers.
    pub fn new(id: u64, seed: u64, shared: &Arc<Shared>) -> Result<Worker, Failure> {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        dice.set_stream(id);
        let options = Options { timeout: PURSUES, attempt: ATTEMPT, in_session: true, seed: dice.next_u64() };
        let client = Client::new(&shared.cluster.endpoints(), options);
        let client = client.map_err(|error| Failure::internal(error.to_string()))?;
        Ok(Worker { id, seed, client, dice, shared: Arc::clone(shared), seen: BTreeMap::new(), written: 0 })
    }

    /// Works until it is to stop.
    pub async fn work(mut self) {
        let mut goes_on = self.shared.goes_on.clone();
        let mut pace = self.pace();
        loop {
            if let Some(pace) = &mut pace {
                tokio::select! {
                    _ = pace.tick() => {}
                    _ = goes_on.wait_for(|goes_on| !goes_on) => {}
                }
            }
            if self.shared.has_ended() {
                return;
            }
            let (key, action) = self.draw();
            let start_us = at_us();
            let outcome = tokio::select! {
                outcome = ask(&mut self.client, &key, &action) => Some(outcome),
                () = lingered(&mut goes_on) => None,
            };
            let is_over = outcome.is_none();
            self.note(key, action, start_us, outcome.unwrap_or(Outcome::Unknown));
            if is_over {
                return;
            }
        }
    }

    /// When operations begin, if not as soon as they can.
    fn pace(&mut self) -> Option<tokio::time::Interval> {
        let load = &self.shared.load;
        let each = Duration::from_secs_f64(f64::from(load.clients) / f64::from(load.rate?));
        // Clients do not all begin at once.
        let share = f64::from(self.dice.next_u32()) / f64::from(u32::MAX);
        let mut pace = tokio::time::interval_at(tokio::time::Instant::now() + each.mul_f64(share), each);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Some(pace)
    }

    fn draw(&mut self) -> (String, Action) {
        let load = &self.shared.load;
        let (keys, (reads, writes)) = (u64::from(load.keys), load.reads);
        let key = format!("load/{}", self.below(keys));
        if self.below(u64::from(reads + writes)) < u64::from(reads) {
            return (key, Action::Get);
        }
        let kind = self.below(100);
        let action = if kind < CAS_PERCENT {
            let expected = self.seen.get(&key).cloned().flatten();
            // Now and then a value is swapped for none.
            let value = (self.below(8) > 0).then(|| self.next_value());
            Action::Cas { expected, value }
        } else if kind < CAS_PERCENT + DELETE_PERCENT {
            Action::Delete
        } else {
            Action::Put(self.next_value())
        };
        (key, action)
    }

    /// A number below `below`; what is left of 2^64 divided by it is of no weight here.
    fn below(&mut self, below: u64) -> u64 {
        self.dice.next_u64() % below.max(1)
    }

    /// A value that is written here and nowhere else.
    fn next_value(&mut self) -> String {
        self.written += 1;
        format!("{:x}.{}.{}", self.seed, self.id, self.written)
    }

    fn note(&mut self, key: String, action: Action, start_us: u64, outcome: Outcome) {
        let end_us = at_us();
        let known = match (&action, &outcome) {
            (Action::Put(value), Outcome::Done) => Some(Some(value.clone())),
            (Action::Delete, Outcome::Done) => Some(None),
            (Action::Cas { value, .. }, Outcome::Swapped)
            | (_, Outcome::Read(value) | Outcome::Unequal(value)) => Some(value.clone()),
            _ => None,
        };
        known.map(|known| self.seen.insert(key.clone(), known));
        let mut tally = self.shared.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let workload = &self.shared.cluster.workload;
        match outcome {
            Outcome::Failed => tally.second.failed += 1,
            Outcome::Unknown => tally.second.unknown += 1,
            _ => {
                tally.second.done += 1;
                tally.took_us.push(end_us.saturating_sub(start_us));
                workload.done.fetch_add(1, Ordering::Relaxed);
            }
        }
        drop(tally);
        // Of what nobody knows, nobody knows when it ends.
        let end_us = (outcome != Outcome::Unknown).then_some(end_us);
        workload.recorder.record(&Operation { client: self.id, key, action, start_us, end_us, outcome });
    }
}

/// Asks, and says what came of it.
async fn ask(client: &mut Client, key: &str, action: &Action) -> Outcome {
    match action {
        Action::Get => match client.get(key, Consistency::Linearizable).await {
            Ok(read) => Outcome::Read(read.value),
            // A read has no effect.
            Err(_) => Outcome::Failed,
        },
        Action::Put(value) => written(&client.put(key, value).await.map(|_| ())),
        Action::Delete => written(&client.delete(key).await.map(|_| ())),
        Action::Cas { expected, value } => {
            match client.cas(key, expected.as_deref(), value.as_deref()).await {
                Ok(swapped) if swapped.swapped => Outcome::Swapped,
                Ok(unequal) => Outcome::Unequal(unequal.value),
                Err(failure) => written(&Err(failure)),
            }
        }
    }
}

fn written(written: &Result<(), NotDone>) -> Outcome {
    match written {
        Ok(()) => Outcome::Done,
        Err(NotDone::NotDone(_)) => Outcome::Failed,
        Err(NotDone::Unknown(_)) => Outcome::Unknown,
    }
}

/// Returns a while after clients are to stop.
async fn lingered(goes_on: &mut watch::Receiver<bool>) {
    let _ = goes_on.wait_for(|goes_on| !goes_on).await;
    tokio::time::sleep(LINGERS).await;
}
