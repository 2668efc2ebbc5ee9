//! What of a search was elsewhere than in one process's memory: on disk, or in other processes.

use raftlab_explorer::{Distribution, Spilled};
use serde::Serialize;

use crate::console::{grouped, size};

/// What went to disk.
#[derive(Debug, Serialize)]
pub struct SpilledReport {
    /// How often the table was full and was written.
    pub runs: u64,
    /// Fingerprints that were written.
    pub fingerprints: u64,
    /// Bytes that were written.
    pub written: u64,
    /// Bytes that were read.
    pub read: u64,
}

/// How one search was shared by several processes. What is said of states is said of all of them.
#[derive(Debug, Serialize)]
pub struct ProcessesReport {
    /// How many there were.
    pub count: usize,
    /// The level from which on each searched its own states; none if no level was large enough.
    pub split_depth: Option<u32>,
    /// Fingerprints that one asked another for.
    pub asked: u64,
    /// Bytes that they wrote to each other.
    pub bytes: u64,
    /// The share of the one that had most to do, over the mean, level by level.
    pub imbalance: f64,
}

impl SpilledReport {
    pub(super) fn new(spilled: &Spilled) -> SpilledReport {
        let Spilled { runs, fingerprints, written, read } = *spilled;
        SpilledReport { runs, fingerprints, written, read }
    }

    pub(super) fn line(&self) -> String {
        let (runs, prints) = (self.runs, grouped(self.fingerprints));
        let (written, read) = (size(self.written), size(self.read));
        match runs {
            0 => "        nothing spilled: all fitted into memory\n".to_string(),
            _ => format!(
                "        spilled {runs} times · {prints} fingerprints · {written} written · {read} read\n"
            ),
        }
    }
}

impl ProcessesReport {
    pub(super) fn new(shared: &Distribution) -> ProcessesReport {
        let imbalance = shared.imbalance();
        let Distribution { processes, split_depth, asks, bytes, .. } = *shared;
        ProcessesReport { count: processes, split_depth, asked: asks, bytes, imbalance }
    }

    pub(super) fn line(&self) -> String {
        let from = self.split_depth.map_or("all walked alike".to_string(), |depth| {
            format!(
                "parted at depth {depth} · {} asks · {} sent · imbalance {:.2}",
                grouped(self.asked),
                size(self.bytes),
                self.imbalance
            )
        });
        format!("        {} processes · {from}\n", self.count)
    }
}
