//! One client: what it asks for next, and what it takes down of what it was told.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use raftlab_node::api::Consistency;
use raftlab_node::client::{Client, Failure as NotDone, Options};
use tokio::sync::watch;

use super::Shared;
use super::chooser::Chooser;
use crate::failure::Failure;
use crate::history::{Action, Operation, Outcome};

/// For how long a client pursues one thing, before it gives up.
pub const PURSUES: Duration = Duration::from_secs(3);

/// For how long it waits for one server.
pub const ATTEMPT: Duration = Duration::from_millis(700);

/// How long what is under way may take when clients are to stop.
const LINGERS: Duration = Duration::from_millis(500);

/// A client.
pub struct Worker {
    chooser: Chooser,
    client: Client,
    shared: Arc<Shared>,
}

impl Worker {
    /// A client with this number, which no other client of the run has.
    ///
    /// # Errors
    ///
    /// If there are no servers.
    pub fn new(id: u64, seed: u64, shared: &Arc<Shared>) -> Result<Worker, Failure> {
        let mut chooser = Chooser::new(id, seed, shared.load.clone());
        let options = Options { timeout: PURSUES, attempt: ATTEMPT, in_session: true, seed: chooser.draw() };
        let client = Client::new(&shared.cluster.endpoints(), options);
        let client = client.map_err(|error| Failure::internal(error.to_string()))?;
        Ok(Worker { chooser, client, shared: Arc::clone(shared) })
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
            let (key, action) = self.chooser.choose();
            let start_us = self.shared.cluster.now().at_us;
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
        let (each, first) = self.chooser.pace()?;
        let mut pace = tokio::time::interval_at(tokio::time::Instant::now() + first, each);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Some(pace)
    }

    fn note(&mut self, key: String, action: Action, start_us: u64, outcome: Outcome) {
        self.chooser.learn(&key, &action, &outcome);
        let times = (start_us, self.shared.cluster.now().at_us);
        let operation = Operation::new(self.chooser.id, key, action, times, outcome);
        self.shared.tally.lock().unwrap_or_else(PoisonError::into_inner).count(&operation);
        self.shared.cluster.workload.record(&operation);
    }
}

/// Asks, and says what came of it.
pub async fn ask(client: &mut Client, key: &str, action: &Action) -> Outcome {
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
