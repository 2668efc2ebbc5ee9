//! A server's own clock: true time, or what a fault makes of it.
//!
//! True time comes in as an argument, from the machine's monotonic clock or from a simulator. The server sees what its
//! clock shows, in everything that it does: its timers run by it, and its leases.

use raftlab_core::{Span, Time};

/// A million: the rate of a true clock.
const TRUE_RATE_PPM: u64 = 1_000_000;

/// The fastest that a clock may be made to run: a hundred times as fast as time.
const RATE_PPM_MAX: u64 = 100 * TRUE_RATE_PPM;

/// A monotonic clock that may run fast, slow or not at all, and may jump. It never shows less than it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// True time at the last fault.
    since: Time,
    /// What it showed then.
    shown: Time,
    /// How far it goes in a million microseconds.
    rate_ppm: u64,
    /// How far it has to go before it shows anything new: it was to jump back.
    owes: Span,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { since: Time(0), shown: Time(0), rate_ppm: TRUE_RATE_PPM, owes: Span(0) }
    }
}

impl Clock {
    /// What it shows at this true time.
    pub fn now(&self, real: Time) -> Time {
        self.shown.after(Span(self.gone(real).0.saturating_sub(self.owes.0)))
    }

    /// How much true time passes until it shows `due`; `None` if it never will.
    pub fn until(&self, due: Time, real: Time) -> Option<Span> {
        let left = due.0.saturating_sub(self.now(real).0);
        if left == 0 {
            return Some(Span(0));
        }
        let owed = self.owes.0.saturating_sub(self.gone(real).0);
        let way = u128::from(left.saturating_add(owed)) * u128::from(TRUE_RATE_PPM);
        let span = way.checked_add(u128::from(self.rate_ppm).checked_sub(1)?)? / u128::from(self.rate_ppm);
        Some(Span(u64::try_from(span).unwrap_or(u64::MAX)))
    }

    /// From now on it runs at this rate: a million is true, 0 stands still, and nothing is faster than a hundred
    /// million.
    pub fn run_at(&mut self, rate_ppm: u64, real: Time) {
        self.settle(real);
        self.rate_ppm = rate_ppm.min(RATE_PPM_MAX);
    }

    /// It jumps by so many microseconds. Monotonic clocks do not go back: one that is to stands still for as long.
    pub fn jump(&mut self, micros: i64, real: Time) {
        self.settle(real);
        let by = micros.unsigned_abs();
        if micros < 0 {
            self.owes.0 = self.owes.0.saturating_add(by);
        } else {
            self.shown = self.shown.after(Span(by.saturating_sub(self.owes.0)));
            self.owes.0 = self.owes.0.saturating_sub(by);
        }
    }

    /// How far it runs, in a million.
    pub fn rate_ppm(&self) -> u64 {
        self.rate_ppm
    }

    /// How far it has gone since the last fault.
    fn gone(&self, real: Time) -> Span {
        let passed = u128::from(real.0.saturating_sub(self.since.0));
        let gone = passed * u128::from(self.rate_ppm) / u128::from(TRUE_RATE_PPM);
        Span(u64::try_from(gone).unwrap_or(u64::MAX))
    }

    fn settle(&mut self, real: Time) {
        let gone = self.gone(real);
        self.shown = self.now(real);
        self.owes.0 = self.owes.0.saturating_sub(gone.0);
        self.since = real;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_true_clock_shows_time() {
        let clock = Clock::default();
        assert_eq!(clock.now(Time(1_234)), Time(1_234));
        assert_eq!(clock.until(Time(2_000), Time(500)), Some(Span(1_500)));
        assert_eq!(clock.until(Time(400), Time(500)), Some(Span(0)));
    }

    #[test]
    fn it_runs_slow_and_stands_still_from_then_on() {
        let mut clock = Clock::default();
        clock.run_at(500_000, Time(1_000));
        assert_eq!(clock.now(Time(3_000)), Time(2_000));
        clock.run_at(0, Time(3_000));
        assert_eq!(clock.now(Time(1_000_000)), Time(2_000));
        assert_eq!(clock.until(Time(2_001), Time(3_000)), None);
        clock.run_at(2_000_000, Time(1_000_000));
        assert_eq!(clock.now(Time(1_000_010)), Time(2_020));
    }

    #[test]
    fn what_jumps_back_stands_still_for_as_long() {
        let mut clock = Clock::default();
        clock.jump(-300, Time(1_000));
        assert_eq!(clock.now(Time(1_300)), Time(1_000));
        assert_eq!(clock.now(Time(1_400)), Time(1_100));
        clock.jump(500, Time(1_100));
        assert_eq!(clock.now(Time(1_100)), Time(1_300), "200 were owed still");
    }

    proptest! {
        #[test]
        fn it_never_falls_and_says_truly_when_it_will_show_something(
            faults in prop::collection::vec((0u64..3_000_000, -5_000i64..5_000, 0u64..10_000), 0..8),
            ahead in 0u64..20_000,
        ) {
            let (mut clock, mut real, mut shown) = (Clock::default(), Time(0), Time(0));
            for (rate, jump, passes) in faults {
                real = real.after(Span(passes));
                clock.run_at(rate, real);
                clock.jump(jump, real);
                prop_assert!(clock.now(real) >= shown);
                shown = clock.now(real);
            }
            let due = shown.after(Span(ahead));
            let Some(span) = clock.until(due, real) else {
                prop_assert_eq!(clock.rate_ppm(), 0);
                return Ok(());
            };
            prop_assert!(clock.now(real.after(span)) >= due);
            prop_assert!(span.0 == 0 || clock.now(Time(real.0 + span.0 - 1)) < due);
        }
    }
}
