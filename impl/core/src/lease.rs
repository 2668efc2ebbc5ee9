//! Leases: reads without messages, for the price of an assumption on clocks (dissertation 6.4.1).
//!
//! It takes two. A server that hears its leader promises to elect nobody else for a while, by its own clock: it
//! starts no election and grants no vote, whatever term it comes to and however often it restarts. A leader to whom a
//! majority answered counts from when it *sent* what was answered, which is earlier than any of the promises began,
//! and stops earlier than any of them ends, by as much as clocks may differ ([`Lease`]).
//!
//! Two things end a lease sooner. A leader that steps down loses it with its role. A leader that hands over (3.10)
//! has its successor elected by servers that do not wait: it gives its lease up before it says so, and takes none
//! again in its term, since what it said may arrive at any time.
//!
//! A pause does no harm as long as the clock goes on: whoever wakes up sees that the lease is over. What does is a
//! clock that stands still in a pause, and a `now` that was read before it.

use core::fmt;

use crate::effects::{Effects, Timer};
use crate::raft::{Raft, Role};
use crate::rule::Rule;
use crate::types::{Span, Term, Time};

/// How long a leader may answer reads by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseHeld {
    /// No round gave it one yet.
    #[default]
    Never,
    /// Until then by its own clock, that moment excluded. It never moves backwards.
    Until(Time),
    /// It has handed over, and takes none any more: in the order of these, nothing comes after it.
    GivenUp,
}

/// As leader.
impl Raft {
    /// The heartbeat timer ran out: with leases, each heartbeat is a round, so that the lease is renewed.
    pub(crate) fn heartbeat(&mut self, effects: &mut Effects) {
        let is_idle = self.reads().is_some_and(|reads| reads.open.is_none());
        if self.config.lease().is_some() && is_idle {
            effects.restart.push(Timer::Heartbeat);
            self.begin_round(effects);
        } else {
            self.broadcast_heartbeat(effects);
        }
    }

    /// May it answer by itself now?
    pub(crate) fn holds_lease(&self, now: Time) -> bool {
        self.reads().is_some_and(|reads| matches!(reads.lease, LeaseHeld::Until(end) if now < end))
    }

    /// A majority promised to wait, at `from` or later.
    pub(crate) fn extend_lease(&mut self, from: Time) {
        let Some(lease) = self.config.lease() else { return };
        let drift = if self.keeps(Rule::LeaseWithinDrift) { lease.drift } else { Span(0) };
        let end = from.after(Span(lease.promise.0.saturating_sub(drift.0)));
        if let Some(reads) = self.reads_mut() {
            reads.lease = reads.lease.max(LeaseHeld::Until(end));
        }
    }

    /// Another server is told to be elected without anybody waiting.
    pub(crate) fn end_lease(&mut self) {
        let ends = self.config.lease().is_some() && self.keeps(Rule::TransferEndsLease);
        if let Some(reads) = self.reads_mut().filter(|_| ends) {
            reads.lease = LeaseHeld::GivenUp;
        }
    }
}

/// As follower.
impl Raft {
    /// Is it bound by a promise, whoever leads and in whatever term?
    pub(crate) fn is_bound(&self) -> bool {
        let is_promised = matches!(self.role, Role::Follower { in_contact: true, .. });
        is_promised && self.config.lease().is_some() && self.keeps(Rule::PromiseOutlivesTerm)
    }

    /// After a restart it may have promised something just before. One whose disk holds nothing was never in a term
    /// in which it could have.
    pub(crate) fn stay_bound(&mut self) {
        let is_new = self.term == Term::default();
        if self.config.lease().is_some() && !is_new && self.keeps(Rule::PromiseOutlivesRestart) {
            self.role = Role::Follower { leader: None, in_contact: true };
        }
    }
}

impl fmt::Display for LeaseHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeaseHeld::Never => Ok(()),
            LeaseHeld::Until(end) => write!(f, " lease<{}", end.0),
            LeaseHeld::GivenUp => write!(f, " lease given up"),
        }
    }
}
