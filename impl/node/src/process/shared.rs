//! What the threads of a process share: how the server stands, what was counted, and whether it is over. The core's
//! thread writes, others read; none of it is asked by the core.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use raftlab_core::{NodeId, Term};
use tokio::sync::broadcast;

use super::status::Status;
use super::traffic::Traffic;
use crate::api::EventDocument;
use crate::chaos::{Fired, Links};
use crate::disk::Profile;

/// How many syncs the percentiles are taken of.
const RECENT_SYNCS: usize = 1024;

/// How many events a reader may be behind before it misses some.
const EVENTS_MAX: usize = 1024;

/// The upper bounds of the buckets in which syncs are counted, in microseconds: from a write cache to a stalled disk.
pub const SYNC_BUCKETS_US: [u64; 17] = [
    50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_500, 25_000, 50_000, 100_000, 200_000, 400_000, 800_000,
    1_600_000, 3_200_000,
];

/// What all threads of a process may see.
#[derive(Debug)]
pub struct Shared {
    /// Who it is.
    pub server: NodeId,
    status: Mutex<Arc<Status>>,
    /// How many clients wait.
    pub waiting: AtomicUsize,
    /// Datagrams.
    pub traffic: Arc<Traffic>,
    /// Syncs of the disk.
    pub syncs: Arc<Syncs>,
    /// Faults, and how often they struck.
    pub fired: Arc<Fired>,
    /// The links.
    pub links: Links,
    /// The disk.
    pub profile: Arc<Profile>,
    /// Inputs that were refused since too many waited.
    pub refused: AtomicU64,
    /// Leaders that were seen, one after another.
    pub leader_changes: AtomicU64,
    /// By how much the clock by which timers run was ahead of time then.
    timers_ahead_us: AtomicI64,
    /// When the core's thread last said how the server stands.
    spoke_at_us: AtomicU64,
    events: broadcast::Sender<EventDocument>,
    started: Instant,
    is_over: Arc<AtomicBool>,
}

/// How long syncs took.
#[derive(Debug, Default)]
pub struct Syncs {
    buckets: [AtomicU64; SYNC_BUCKETS_US.len() + 1],
    sum_us: AtomicU64,
    recent: Mutex<VecDeque<u64>>,
}

/// What has been counted of syncs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncCounts {
    /// How many fell into each bucket, the last being for all that took longer.
    pub buckets: Vec<u64>,
    /// How long all took together, in microseconds.
    pub sum_us: u64,
}

impl Shared {
    /// At the start of a process.
    pub fn new(
        status: Status,
        seed: u64,
        fired: Arc<Fired>,
        profile: Arc<Profile>,
        is_over: Arc<AtomicBool>,
    ) -> Shared {
        Shared {
            server: status.server,
            status: Mutex::new(Arc::new(status)),
            waiting: AtomicUsize::new(0),
            traffic: Arc::default(),
            syncs: Arc::default(),
            fired,
            links: Links::new(seed),
            profile,
            refused: AtomicU64::new(0),
            leader_changes: AtomicU64::new(0),
            timers_ahead_us: AtomicI64::new(0),
            spoke_at_us: AtomicU64::new(0),
            events: broadcast::channel(EVENTS_MAX).0,
            started: Instant::now(),
            is_over,
        }
    }

    /// How the server stood a moment ago.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// That is how it stands now.
    pub fn publish(&self, status: Status) {
        self.spoke_at_us.store(self.micros(), Ordering::Relaxed);
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(status);
    }

    /// Timers run by a clock that shows this now.
    pub fn set_timers(&self, shown_us: u64) {
        let ahead = i128::from(shown_us) - i128::from(self.micros());
        self.timers_ahead_us.store(i64::try_from(ahead).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// What the clock shows by which timers run, if it has gone as fast as time since it was looked at.
    pub fn timers_us(&self) -> u64 {
        self.micros().saturating_add_signed(self.timers_ahead_us.load(Ordering::Relaxed))
    }

    /// How long the core's thread has said nothing.
    pub fn silent_for(&self) -> Duration {
        let spoke_at = Duration::from_micros(self.spoke_at_us.load(Ordering::Relaxed));
        self.uptime().saturating_sub(spoke_at)
    }

    /// Says that something happened to whoever listens.
    pub fn tell(&self, term: Term, kind: &str, text: String) {
        let unix_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let server = self.server.to_string();
        // Nobody need listen.
        let _ = self.events.send(EventDocument {
            unix_us: u64::try_from(unix_us).unwrap_or(u64::MAX),
            server,
            term: term.0,
            kind: kind.to_string(),
            text,
        });
    }

    /// Events from now on.
    pub fn events(&self) -> broadcast::Receiver<EventDocument> {
        self.events.subscribe()
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The same in microseconds.
    pub fn micros(&self) -> u64 {
        u64::try_from(self.uptime().as_micros()).unwrap_or(u64::MAX)
    }

    /// Has it ended, or is it about to?
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// All threads are to end.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Syncs {
    /// One returned.
    pub fn note(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = SYNC_BUCKETS_US.partition_point(|bound| *bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT_SYNCS {
            recent.pop_front();
        }
        recent.push_back(micros);
    }

    /// What was counted since the start.
    pub fn counts(&self) -> SyncCounts {
        SyncCounts {
            buckets: self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }

    /// How long the last syncs took, the median and the slowest hundredth, in microseconds; 0 before the first.
    pub fn percentiles(&self) -> (u64, u64) {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recent: Vec<u64> = recent.iter().copied().collect();
        recent.sort_unstable();
        let at = |hundredths: usize| {
            recent.get((recent.len() * hundredths / 100).min(recent.len().saturating_sub(1)))
        };
        (at(50).copied().unwrap_or(0), at(99).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_fall_into_buckets_and_percentiles() {
        let syncs = Syncs::default();
        assert_eq!(syncs.percentiles(), (0, 0));
        for micros in (1..=99).map(|_| 80).chain([5_000_000]) {
            syncs.note(Duration::from_micros(micros));
        }
        assert_eq!(syncs.percentiles(), (80, 5_000_000));
        let SyncCounts { buckets, sum_us } = syncs.counts();
        assert_eq!((buckets[1], buckets[SYNC_BUCKETS_US.len()], sum_us), (99, 1, 99 * 80 + 5_000_000));
    }
}
