//! When each timer of a server runs out. The core names its timers and says which of them run; how long they run is
//! the host's, and this is the host's whole policy.
//!
//! | timer | runs for |
//! |---|---|
//! | `Election` | between one and two election time-outs, drawn anew at each start (§5.2) |
//! | `Contact`, `Quorum`, `Transfer` | an election time-out |
//! | `Heartbeat`, `Retry` | a heartbeat interval |

use raftlab_core::{Span, Time, Timer};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// How long timers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    heartbeat: Span,
    election: Span,
}

/// Why a timing is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// Something would run out at once, again and again.
    #[error("a heartbeat interval of 0 is none")]
    Zero,
    /// Followers would start elections while their leader lives.
    #[error(
        "the election time-out, {} ms, has to be longer than the heartbeat interval, {} ms: make it ten times as long",
        election.0 / 1000, heartbeat.0 / 1000
    )]
    ElectionTooShort {
        /// What was asked for.
        election: Span,
        /// What it has to exceed.
        heartbeat: Span,
    },
}

impl Timing {
    /// Heartbeats this far apart, and elections after a leader was not heard for `election`.
    ///
    /// # Errors
    ///
    /// If a leader could not hold its followers with that.
    pub fn new(heartbeat: Span, election: Span) -> Result<Timing, TimingError> {
        if heartbeat == Span(0) {
            return Err(TimingError::Zero);
        }
        if election <= heartbeat {
            return Err(TimingError::ElectionTooShort { election, heartbeat });
        }
        Ok(Timing { heartbeat, election })
    }

    /// The time between two heartbeats.
    pub fn heartbeat(self) -> Span {
        self.heartbeat
    }

    /// The least election time-out.
    pub fn election(self) -> Span {
        self.election
    }

    /// Does one lost heartbeat bring an election near? That is worth a warning, and no error: it is safe.
    pub fn is_tight(self) -> bool {
        self.heartbeat.0 > self.election.0 / 2
    }
}

/// The timers of one server.
#[derive(Debug)]
pub struct Timers {
    timing: Timing,
    due: [Option<Time>; Timer::ALL.len()],
    dice: ChaCha8Rng,
}

impl Timers {
    /// None runs yet. Servers of one cluster need different seeds, or their elections go on splitting.
    pub fn new(timing: Timing, seed: u64) -> Timers {
        Timers { timing, due: [None; Timer::ALL.len()], dice: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// How long they run.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Starts a timer afresh.
    pub fn restart(&mut self, timer: Timer, now: Time) {
        let span = match timer {
            Timer::Election => self.election_timeout(),
            Timer::Contact | Timer::Quorum | Timer::Transfer => self.timing.election,
            Timer::Heartbeat | Timer::Retry => self.timing.heartbeat,
        };
        self.due[timer as usize] = Some(now.after(span));
    }

    /// A timer that has run out, of those that run in the server's present role; it does not run on. Others that ran
    /// out are forgotten: their role is over.
    pub fn pop(&mut self, now: Time, running: &[Timer]) -> Option<Timer> {
        let ran_out = |due: &Option<Time>| due.is_some_and(|due| due <= now);
        Timer::ALL.into_iter().find(|timer| {
            let due = &mut self.due[*timer as usize];
            ran_out(due) && due.take().is_some() && running.contains(timer)
        })
    }

    /// A timer has run out by somebody else's word.
    pub fn forget(&mut self, timer: Timer) {
        self.due[timer as usize] = None;
    }

    /// When the next of those that run does run out.
    pub fn next(&self, running: &[Timer]) -> Option<Time> {
        running.iter().filter_map(|timer| self.due[*timer as usize]).min()
    }

    /// Between one and two election time-outs (§5.2): any of them as likely as another.
    fn election_timeout(&mut self) -> Span {
        let election = self.timing.election.0;
        let drawn = (u128::from(self.dice.next_u64()) * u128::from(election)) >> 64;
        Span(election.saturating_add(u64::try_from(drawn).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1000;

    fn timing() -> Timing {
        Timing::new(Span(10 * MS), Span(100 * MS)).unwrap()
    }

    #[test]
    fn an_election_timeout_is_drawn_between_one_and_two() {
        let mut timers = Timers::new(timing(), 7);
        let mut drawn: Vec<u64> = (0..1000).map(|_| timers.election_timeout().0).collect();
        drawn.sort_unstable();
        assert!(drawn[0] >= 100 * MS && drawn[999] < 200 * MS, "{} {}", drawn[0], drawn[999]);
        assert!(drawn[100] < 120 * MS && drawn[900] > 180 * MS, "spread out: {} {}", drawn[100], drawn[900]);
    }

    #[test]
    fn what_ran_out_comes_once_and_only_in_its_role() {
        let mut timers = Timers::new(timing(), 7);
        timers.restart(Timer::Heartbeat, Time(0));
        timers.restart(Timer::Contact, Time(0));
        let leads = [Timer::Heartbeat, Timer::Retry];
        assert_eq!(timers.pop(Time(10 * MS - 1), &leads), None);
        assert_eq!(timers.next(&leads), Some(Time(10 * MS)));
        assert_eq!(timers.pop(Time(10 * MS), &leads), Some(Timer::Heartbeat));
        assert_eq!(timers.pop(Time(10 * MS), &leads), None);
        assert_eq!(timers.pop(Time(100 * MS), &leads), None, "a leader has no such timer");
        assert_eq!(timers.pop(Time(100 * MS), &[Timer::Contact]), None, "and it is forgotten");
    }

    #[test]
    fn a_timing_that_cannot_hold_a_cluster_is_refused() {
        let refused = Timing::new(Span(100 * MS), Span(100 * MS)).unwrap_err();
        assert!(refused.to_string().contains("longer than the heartbeat interval, 100 ms"), "{refused}");
        assert_eq!(Timing::new(Span(0), Span(1)), Err(TimingError::Zero));
        assert!(Timing::new(Span(60), Span(100)).unwrap().is_tight());
        assert!(!timing().is_tight());
    }
}
