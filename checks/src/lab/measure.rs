//! Clients that are measured: they ask in a closed loop for a while, and how they fared is one sample.
//!
//! What they do is not in the history. A window of a second holds tens of thousands of operations, on keys that nobody
//! else writes (`measure/…`); judging them would take longer than the run, and writing them down in step with the clients
//! would be measured with them. Journals are kept as ever: that they replay is judged of these operations, too.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab_node::api::Consistency;
use raftlab_node::client::{Client, Options};
use raftlab_node::load::{self as driver, ClusterTarget, Hooks, Plan};

use super::cluster::Cluster;
use super::load;
use super::load::client::{ATTEMPT, PURSUES};
use crate::failure::Failure;
use crate::measured::{Measured, Sample};
use crate::scenario::Measure;
use crate::verdict::exit;

/// What keys begin with that are measured on.
pub const PREFIX: &str = "measure/";

/// How long a value is, in bytes: what `ctl check perf` writes.
pub const VALUE_BYTES: usize = 256;

/// Before each window clients work for so large a part of it uncounted: connections open, and queues fill.
const WARM_UP_PARTS: u32 = 10;

/// What was measured so far.
#[derive(Debug, Default)]
pub struct Measuring {
    /// All samples.
    pub measured: Measured,
    /// How many windows there were.
    windows: u64,
    /// So many keys have a value: a read of nothing is shorter than one of something.
    filled: u32,
}

/// Measures for as long as it is told to.
///
/// # Errors
///
/// If other clients work, nobody leads, or no read was done.
pub async fn carry_out(cluster: &Arc<Cluster>, measure: &Measure) -> Result<(), Failure> {
    if load::is_busy(cluster) {
        return Err(Failure::data(
            "other clients work, and would slow down what is measured: `stop-load` first",
        ));
    }
    let (window, filled) = {
        let mut measuring = cluster.measuring();
        measuring.windows += 1;
        (measuring.windows, measuring.filled)
    };
    let unfilled = filled..measure.keys;
    let sample = if let Some(simulated) = &cluster.simulated {
        simulated.fill(cluster, unfilled)?;
        simulated.measure(cluster, measure, window)?
    } else {
        fill(cluster, unfilled).await?;
        live(cluster, measure, window).await?
    };
    cluster.narrator.say("clients", &sample.to_string());
    let mut measuring = cluster.measuring();
    measuring.filled = filled.max(measure.keys);
    measuring.measured.add(measure, sample);
    Ok(())
}

/// How long clients work uncounted.
pub fn warm_up(measure: &Measure) -> Duration {
    measure.lasts / WARM_UP_PARTS
}

/// A key by its number.
pub fn key(number: u64) -> String {
    format!("{PREFIX}{number:08}")
}

/// What is said of a window in which nothing was read.
pub fn nothing_read(failed: u64) -> Failure {
    let message =
        format!("no read was done in this window, and {failed} operations failed: nothing was measured");
    Failure { exit: exit::UNREACHABLE, message }
}

async fn fill(cluster: &Cluster, keys: std::ops::Range<u32>) -> Result<(), Failure> {
    let mut client = client(cluster, 0)?;
    let value = ".".repeat(VALUE_BYTES);
    for number in keys {
        let written = client.put(&key(number.into()), &value).await;
        written.map_err(|error| Failure {
            exit: exit::UNREACHABLE,
            message: format!("a key to be read could not be written: {error}"),
        })?;
    }
    Ok(())
}

async fn live(cluster: &Cluster, measure: &Measure, window: u64) -> Result<Sample, Failure> {
    let seed = cluster.workload.seed().wrapping_add(window);
    let plan = Plan {
        clients: usize::try_from(measure.clients).unwrap_or(usize::MAX),
        duration: Some(measure.lasts),
        operations: None,
        warm_up: warm_up(measure),
        keys: measure.keys.into(),
        key_prefix: PREFIX.into(),
        value_bytes: VALUE_BYTES,
        reads: measure.reads,
        seed,
    };
    let targets = (0..u64::from(measure.clients)).map(|id| client(cluster, seed.wrapping_add(id)));
    let mut targets = targets.collect::<Result<Vec<_>, _>>()?;
    let stops = StopsWithIt::default();
    let hooks = Hooks { stop: Arc::clone(&stops.0), ..Hooks::default() };
    let connect = |_| ClusterTarget {
        client: targets.pop().expect("as many as there are clients"),
        consistency: Consistency::Linearizable,
    };
    let report = driver::run(&plan, &hooks, connect).await;
    if report.gets.count() == 0 {
        return Err(nothing_read(report.failed()));
    }
    let leader = cluster.look().await;
    let fsync_p50_us = leader.of_leader().map_or(0, |leader| leader.fsync_p50_us);
    Ok(Sample {
        operations_per_second: report.gets.per_second() + report.puts.per_second(),
        read_p50_us: report.gets.percentile_ms(50.0) * 1000.0,
        read_p99_us: report.gets.percentile_ms(99.0) * 1000.0,
        fsync_p50_us: micros(fsync_p50_us),
        // Messages are counted by processes, too; what is on the way when they are asked cannot be told from the rest.
        costs: None,
        failed: report.failed(),
    })
}

fn client(cluster: &Cluster, seed: u64) -> Result<Client, Failure> {
    let options = Options { timeout: PURSUES, attempt: ATTEMPT, in_session: true, seed };
    Client::new(&cluster.endpoints(), options).map_err(|error| Failure::internal(error.to_string()))
}

/// Clients stop when nobody waits for them any more: a run that is interrupted ends without them.
#[derive(Default)]
struct StopsWithIt(Arc<AtomicBool>);

impl Drop for StopsWithIt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A time in microseconds, to be averaged.
#[expect(clippy::cast_precision_loss, reason = "times of far less than 2^53 microseconds")]
pub fn micros(us: u64) -> f64 {
    us as f64
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { operations_per_second, read_p50_us, read_p99_us, failed, .. } = self;
        let ms = |us: &f64| us / 1000.0;
        let (p50, p99) = (ms(read_p50_us), ms(read_p99_us));
        write!(f, "{operations_per_second:.0}/s · {failed} failed · read p50 {p50:.2} ms · p99 {p99:.2} ms")
    }
}
