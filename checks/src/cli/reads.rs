//! The flags about reads and clocks.

use clap::{Args, ValueEnum};
use raftlab_core::{Lease, ReadMode, Span};
use raftlab_model::Bounds;

use super::flag;

/// How leaders make sure of what they read, and what their clocks do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Reads")]
pub struct ReadArgs {
    /// How a leader makes sure that it reads nothing stale (dissertation 6.4)
    #[arg(long, value_enum, value_name = "HOW")]
    pub reads: Option<ReadModeArg>,
    /// Reads in all
    #[arg(long, value_name = "N")]
    pub max_reads: Option<u32>,
    /// Ticks of each server's clock; clocks run with --reads=lease only
    #[arg(long, value_name = "N")]
    pub max_ticks: Option<u32>,
    /// Ticks that two clocks may be apart at any moment
    #[arg(long, value_name = "N")]
    pub max_skew: Option<u32>,
    /// The least election time-out, in ticks: who heard the leader votes for nobody else for so long
    #[arg(long, value_name = "N")]
    pub lease_promise: Option<u64>,
    /// By how much a lease is shorter, in ticks: clocks k apart need 2k
    #[arg(long, value_name = "N")]
    pub lease_drift: Option<u64>,
}

/// How a leader makes sure that it reads nothing stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReadModeArg {
    /// It commits an entry for each read.
    Log,
    /// It hears from a majority in a round of heartbeats.
    Index,
    /// A majority has promised to elect nobody else for a while.
    Lease,
}

impl ReadArgs {
    /// `bounds`, with what was given put over it. A lease of which nothing was said bears the skew.
    pub fn over(self, bounds: &Bounds) -> Bounds {
        let mut bounds = Bounds {
            max_reads: self.max_reads.unwrap_or(bounds.max_reads),
            max_ticks: self.max_ticks.unwrap_or(bounds.max_ticks),
            max_skew: self.max_skew.unwrap_or(bounds.max_skew),
            ..bounds.clone()
        };
        let drift = 2 * u64::from(bounds.max_skew);
        let lease = bounds.lease().unwrap_or(Lease { promise: Span(drift + 1), drift: Span(drift) });
        let lease = Lease {
            promise: self.lease_promise.map_or(lease.promise, Span),
            drift: self.lease_drift.map_or(lease.drift, Span),
        };
        bounds.features.reads = match (self.reads, bounds.features.reads) {
            (Some(ReadModeArg::Log), _) => ReadMode::Log,
            (Some(ReadModeArg::Index), _) => ReadMode::Index,
            (Some(ReadModeArg::Lease), _) | (None, ReadMode::Lease(_)) => ReadMode::Lease(lease),
            (None, other) => other,
        };
        bounds
    }

    /// The flags that were given, as they are typed: each after a space.
    pub fn flags(self) -> String {
        let mode = self.reads.map(|reads| format!("{reads:?}").to_lowercase());
        let counts =
            [("max-reads", self.max_reads), ("max-ticks", self.max_ticks), ("max-skew", self.max_skew)];
        let spans = [("lease-promise", self.lease_promise), ("lease-drift", self.lease_drift)];
        let counts = counts.map(|(name, given)| flag(name, given)).concat();
        flag("reads", mode) + &counts + &spans.map(|(name, given)| flag(name, given)).concat()
    }
}
