//! What time it is: for all processes of one machine the same, and for people.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The machine's monotonic clock, in microseconds.
    pub at_us: u64,
    /// Microseconds since 1970.
    pub unix_us: u64,
}

impl Moment {
    /// Now.
    pub fn now() -> Moment {
        Moment { at_us: at_us(), unix_us: unix_us() }
    }

    /// When it was so late by the wall's clock, by the monotonic one; the wall's has not been set between then and now.
    pub fn at(self, unix_us: u64) -> u64 {
        (self.at_us + unix_us).saturating_sub(self.unix_us)
    }
}

/// The machine's monotonic clock, in microseconds: that of journals, too.
pub fn at_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
    u64::try_from(micros).unwrap_or(0)
}

fn unix_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
