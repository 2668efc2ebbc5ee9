//! What a load came to: rates, latencies, errors.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::target::Answer;

/// Latencies are kept to three digits.
const DIGITS: u8 = 3;

/// The longest latency that is told from longer ones, in microseconds: an hour.
const LATENCY_US_MAX: u64 = 3_600_000_000;

/// A run is followed second by second for so many at most.
const SECONDS_MAX: usize = 1 << 16;

/// What all clients together came to, after the warm-up.
#[derive(Clone, Debug)]
pub struct Report {
    /// From the end of the warm-up to the end of the last operation.
    pub elapsed: Duration,
    /// How long reads took that were done.
    pub gets: Latencies,
    /// How long writes took that were done.
    pub puts: Latencies,
    /// What was not done, by the name of the reason.
    pub not_done: BTreeMap<String, u64>,
    /// Of what nobody knows whether it was done, by the name of the reason.
    pub unknown: BTreeMap<String, u64>,
    /// How many operations were done in each second, by when they ended.
    pub by_second: Vec<u64>,
}

/// How long operations took.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// In microseconds.
    histogram: Histogram<u64>,
    elapsed: Duration,
}

/// What is counted while it runs.
pub struct Tally {
    gets: Histogram<u64>,
    puts: Histogram<u64>,
    not_done: BTreeMap<String, u64>,
    unknown: BTreeMap<String, u64>,
    by_second: Vec<u64>,
    elapsed: Duration,
}

impl Report {
    /// How many operations were done.
    pub fn done(&self) -> u64 {
        self.gets.count() + self.puts.count()
    }

    /// How many were not, or nobody knows.
    pub fn failed(&self) -> u64 {
        self.not_done.values().chain(self.unknown.values()).sum()
    }
}

impl Latencies {
    /// How many operations.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// How many in a second.
    pub fn per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { as_float(self.count()) / seconds } else { 0.0 }
    }

    /// What so many percent took at most, in milliseconds; 0 if there was no operation.
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        as_float(self.histogram.value_at_percentile(percent)) / 1000.0
    }

    /// What the longest took, in milliseconds; 0 if there was none.
    pub fn max_ms(&self) -> f64 {
        as_float(self.histogram.max()) / 1000.0
    }

    /// The histogram itself, in microseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::new()
    }
}

impl Tally {
    /// # Panics
    ///
    /// Never: a histogram may have these bounds and three digits.
    pub fn new() -> Tally {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS).expect("possible bounds");
        Tally {
            gets: histogram(),
            puts: histogram(),
            not_done: BTreeMap::new(),
            unknown: BTreeMap::new(),
            by_second: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    /// An operation that began so long after the warm-up.
    pub fn count(&mut self, is_read: bool, start: Duration, took: Duration, answer: Answer<()>) {
        let end = start + took;
        self.elapsed = self.elapsed.max(end);
        match answer {
            Answer::Done(()) => {
                let histogram = if is_read { &mut self.gets } else { &mut self.puts };
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                histogram.saturating_record(micros.max(1));
                let second = usize::try_from(end.as_secs()).unwrap_or(usize::MAX).min(SECONDS_MAX);
                if self.by_second.len() <= second {
                    self.by_second.resize(second + 1, 0);
                }
                self.by_second[second] += 1;
            }
            Answer::NotDone(kind) => *self.not_done.entry(kind.into_owned()).or_default() += 1,
            Answer::Unknown(kind) => *self.unknown.entry(kind.into_owned()).or_default() += 1,
        }
    }

    pub fn report(self) -> Report {
        let Tally { gets, puts, not_done, unknown, by_second, elapsed } = self;
        let of = |histogram| Latencies { histogram, elapsed };
        Report { elapsed, gets: of(gets), puts: of(puts), not_done, unknown, by_second }
    }
}

/// Counts here are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a rate or a mean of so many digits says no more")]
fn as_float(count: u64) -> f64 {
    count as f64
}
