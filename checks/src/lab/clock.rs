//! What time it is: for all processes of one machine the same, and for people; or what time it is in a simulated world.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The machine's monotonic clock, in microseconds.
    pub at_us: u64,
    /// Microseconds since 1970.
    pub unix_us: u64,
}

/// Whose time counts.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    Machine,
    /// A simulated world's, in microseconds: its wall clock began with it, in 1970.
    World(Arc<AtomicU64>),
}

impl Moment {
    /// Now, by the machine's clocks.
    pub fn now() -> Moment {
        Moment { at_us: at_us(), unix_us: unix_us() }
    }

    /// When it was so late by the wall's clock, by the monotonic one; the wall's has not been set between then and now.
    pub fn at(self, unix_us: u64) -> u64 {
        (self.at_us + unix_us).saturating_sub(self.unix_us)
    }

    /// For how long it has passed at another moment.
    pub fn until(self, later: Moment) -> Duration {
        Duration::from_micros(later.at_us.saturating_sub(self.at_us))
    }
}

impl Clock {
    /// Now.
    pub fn now(&self) -> Moment {
        match self {
            Clock::Machine => Moment::now(),
            Clock::World(micros) => {
                let now = micros.load(Ordering::Relaxed);
                Moment { at_us: now, unix_us: now }
            }
        }
    }
}

/// The machine's monotonic clock, in microseconds: that of journals, too.
fn at_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
    u64::try_from(micros).unwrap_or(0)
}

fn unix_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
