//! Clients at work, in the supervisor: all of a run are in one history, by one clock, whoever asked for them.
//!
//! Each client asks for one thing at a time, in a session. Values are written once only, each names its client and
//! counts, so that a read says which write it saw. What was sent is in the history, whatever became of it.

pub mod chooser;
pub mod client;
mod recorder;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::client::Worker;
use self::recorder::Recorder;
use super::cluster::Cluster;
use super::simulated::Simulated;
use crate::failure::Failure;
use crate::history::{Operation, Outcome};
use crate::scenario::Load;

/// A second of load, as `load.jsonl` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// When it was over, by the monotonic clock in microseconds.
    pub at_us: u64,
    /// Operations that were done,
    pub done: u64,
    /// that failed: they took no effect, and never will,
    pub failed: u64,
    /// and of which nobody knows.
    pub unknown: u64,
    /// How long those that were done took, the median, in microseconds; 0 if none was.
    pub p50_us: u64,
    /// The same, of the slowest hundredth.
    pub p99_us: u64,
}

/// What clients of a run did and do.
#[derive(Debug)]
pub struct Workload {
    recorder: Recorder,
    /// Set to false to let clients stop.
    goes_on: watch::Sender<bool>,
    is_busy: AtomicBool,
    /// Did clients ever work, so that there are seconds to tell of?
    has_worked: AtomicBool,
    clients: AtomicU64,
    done: AtomicU64,
    seed: u64,
}

/// What was counted since somebody looked.
#[derive(Debug, Default)]
pub struct Tally {
    second: Second,
    took_us: Vec<u64>,
}

/// What the clients of one load share.
#[derive(Debug)]
pub struct Shared {
    cluster: Arc<Cluster>,
    load: Load,
    tally: Mutex<Tally>,
    goes_on: watch::Receiver<bool>,
}

impl Workload {
    /// No clients yet. What they will do goes into `history.jsonl` there.
    ///
    /// # Errors
    ///
    /// If that cannot be made.
    pub fn new(dir: &Path, seed: u64) -> Result<Workload, Failure> {
        Ok(Workload {
            recorder: Recorder::create(dir, seed)?,
            goes_on: watch::Sender::new(true),
            is_busy: AtomicBool::new(false),
            has_worked: AtomicBool::new(false),
            clients: AtomicU64::new(0),
            done: AtomicU64::new(0),
            seed,
        })
    }

    /// How many operations were done so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Did nobody ever work for a second?
    pub fn is_unused(&self) -> bool {
        !self.has_worked.load(Ordering::Relaxed)
    }

    /// Somebody does.
    pub fn begin(&self) {
        self.has_worked.store(true, Ordering::Relaxed);
    }

    /// By what clients draw.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Numbers for so many clients more: the first of them.
    pub fn number(&self, clients: u64) -> u64 {
        self.clients.fetch_add(clients, Ordering::Relaxed)
    }

    /// Takes down what came of an operation.
    pub fn record(&self, operation: &Operation) {
        self.done.fetch_add(u64::from(operation.is_done()), Ordering::Relaxed);
        self.recorder.record(operation);
    }

    /// Do clients work?
    pub fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Acquire)
    }

    /// Lets clients stop, soon.
    pub fn ask_to_stop(&self) {
        self.goes_on.send_replace(false);
    }

    /// Lets clients stop, and waits until they have.
    pub async fn stop(&self) {
        self.ask_to_stop();
        while self.is_busy() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the history: nobody works any more.
    ///
    /// # Errors
    ///
    /// If it could not be written.
    pub fn finish(&self) -> Result<(), Failure> {
        self.recorder.finish()
    }
}

/// Do clients work?
pub fn is_busy(cluster: &Cluster) -> bool {
    cluster.simulated.as_ref().map_or_else(|| cluster.workload.is_busy(), Simulated::is_busy)
}

/// Lets clients stop, and waits until they have.
pub async fn stop(cluster: &Cluster) {
    match &cluster.simulated {
        Some(simulated) => simulated.stop_load(cluster),
        None => cluster.workload.stop().await,
    }
}

/// Lets clients work until their time is over or they are stopped. Each second is told to `seconds`.
///
/// # Errors
///
/// If others work already, or the run ends.
pub async fn run(
    cluster: &Arc<Cluster>,
    load: &Load,
    seconds: mpsc::UnboundedSender<Second>,
) -> Result<Second, Failure> {
    let workload = &cluster.workload;
    if *cluster.ending.borrow() {
        return Err(Failure::data("the run ends: nobody works any more"));
    }
    if workload.is_busy.swap(true, Ordering::AcqRel) {
        return Err(Failure::data("clients work already: let them stop first, or wait"));
    }
    let total = work(cluster, load, seconds).await;
    workload.is_busy.store(false, Ordering::Release);
    total
}

async fn work(
    cluster: &Arc<Cluster>,
    load: &Load,
    seconds: mpsc::UnboundedSender<Second>,
) -> Result<Second, Failure> {
    let workload = &cluster.workload;
    workload.goes_on.send_replace(true);
    workload.begin();
    let shared = Arc::new(Shared {
        cluster: Arc::clone(cluster),
        load: load.clone(),
        tally: Mutex::default(),
        goes_on: workload.goes_on.subscribe(),
    });
    let first = workload.number(u64::from(load.clients));
    let mut clients = JoinSet::new();
    for client in 0..u64::from(load.clients) {
        clients.spawn(Worker::new(first + client, workload.seed, &shared)?.work());
    }
    let mut total = Second::default();
    let mut every = tokio::time::interval(Duration::from_secs(1));
    every.tick().await;
    let over = async {
        match load.lasts {
            Some(lasts) => tokio::time::sleep(lasts).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(over);
    let mut is_over = false;
    loop {
        tokio::select! {
            _ = every.tick() => shared.tell_second(&mut total, &seconds),
            () = &mut over, if !is_over => {
                is_over = true;
                workload.goes_on.send_replace(false);
            }
            ended = clients.join_next() => if ended.is_none() { break },
        }
    }
    shared.tell_second(&mut total, &seconds);
    Ok(total)
}

impl Shared {
    /// Writes down what was done since it was last asked, and forgets it.
    fn tell_second(&self, total: &mut Second, seconds: &mpsc::UnboundedSender<Second>) {
        let second = std::mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner));
        let second = second.second(self.cluster.now().at_us);
        if second.done + second.failed + second.unknown == 0 && self.has_ended() {
            return;
        }
        total.done += second.done;
        total.failed += second.failed;
        total.unknown += second.unknown;
        self.cluster.files.load.add(&second);
        // Nobody need listen.
        let _ = seconds.send(second);
    }

    fn has_ended(&self) -> bool {
        !*self.goes_on.borrow()
    }
}

impl Tally {
    /// An operation has ended.
    pub fn count(&mut self, operation: &Operation) {
        match operation.outcome {
            Outcome::Failed => self.second.failed += 1,
            Outcome::Unknown => self.second.unknown += 1,
            _ => {
                self.second.done += 1;
                self.took_us.push(operation.end_us.unwrap_or(0).saturating_sub(operation.start_us));
            }
        }
    }

    /// What came of this second, which ends now.
    pub fn second(mut self, at_us: u64) -> Second {
        self.took_us.sort_unstable();
        let at = |percent: usize| {
            let last = self.took_us.len().saturating_sub(1);
            self.took_us.get((self.took_us.len() * percent / 100).min(last)).copied().unwrap_or(0)
        };
        Second { at_us, p50_us: at(50), p99_us: at(99), ..self.second }
    }
}

impl std::fmt::Display for Second {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Second { done, failed, unknown, p50_us, p99_us, .. } = self;
        let ms = |us: &u64| std::time::Duration::from_micros(*us).as_secs_f64() * 1000.0;
        write!(f, "{done} done · {failed} failed · {unknown} unknown")?;
        if *done > 0 && *p50_us > 0 {
            write!(f, " · p50 {:.1} ms · p99 {:.1} ms", ms(p50_us), ms(p99_us))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_tells_the_median_and_the_slowest_hundredth() {
        let took_us = (1..=100).rev().collect();
        let second = Tally { took_us, ..Tally::default() }.second(0);
        assert_eq!((second.p50_us, second.p99_us), (51, 100));
        assert_eq!(Tally::default().second(0).p99_us, 0);
    }
}
