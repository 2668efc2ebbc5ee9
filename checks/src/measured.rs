//! What measurements come to: the samples of each name, ratio and number of clients, pooled, with confidence intervals.
//!
//! A sample is a window of time in which clients asked in a closed loop. Windows of one run stand far enough apart to be
//! taken as independent; operations within one do not, so that their number says nothing of how sure a mean is.

mod interval;
mod table;

use serde::{Deserialize, Serialize};

pub use self::interval::Interval;
pub use self::table::HEAD;
use crate::scenario::Measure;

/// The file in the directory of a run.
pub const FILE: &str = "reads.json";

/// The name and version of its layout.
pub const SCHEMA: &str = "raftlab-reads/1";

/// What a window came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Operations that were done in a second, reads and writes.
    pub operations_per_second: f64,
    /// How long reads took, the median, in microseconds.
    pub read_p50_us: f64,
    /// The same, of the slowest hundredth.
    pub read_p99_us: f64,
    /// How long the last syncs of the leader's disk had taken when it was over, the median.
    pub fsync_p50_us: f64,
    /// What a read cost, where that was counted.
    pub costs: Option<Costs>,
    /// Operations that were not done, or of which nobody knows.
    pub failed: u64,
}

/// What a read cost, beyond what the servers do when nobody asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Rounds of messages: AppendEntries that the leader sent, by the number of its followers.
    pub rounds_per_read: f64,
    /// Syncs of the leader's disk.
    pub fsyncs_per_read: f64,
}

/// All samples, in the order in which the first of each was taken.
#[derive(Clone, Debug, Default)]
pub struct Measured(Vec<(Subject, Vec<Sample>)>);

/// What samples are samples of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    name: String,
    reads: (u32, u32),
    clients: u32,
}

/// `reads.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: String,
    /// A row for each name, ratio and number of clients.
    pub rows: Vec<Row>,
}

/// A row of it. Intervals are over windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// So many reads
    pub reads: u32,
    /// to so many writes.
    pub writes: u32,
    /// How many clients asked at once.
    pub clients: u32,
    /// Reads and writes that were done in a second.
    pub operations_per_second: Interval,
    /// The median of how long reads took.
    pub read_p50_us: Interval,
    /// The same, of the slowest hundredth.
    pub read_p99_us: Interval,
    /// The median of how long the leader's last syncs had taken.
    pub fsync_p50_us: Interval,
    /// Rounds of messages for a read; only of simulated windows without writes.
    pub rounds_per_read: Option<Interval>,
    /// Syncs of the leader's disk for a read; likewise.
    pub fsyncs_per_read: Option<Interval>,
    /// Operations of all windows that were not done, or of which nobody knows.
    pub failed: u64,
}

impl Measured {
    /// Another window.
    pub fn add(&mut self, measure: &Measure, sample: Sample) {
        let Measure { name, reads, clients, .. } = measure;
        let subject = Subject { name: name.clone(), reads: *reads, clients: *clients };
        match self.0.iter_mut().find(|(known, _)| *known == subject) {
            Some((_, samples)) => samples.push(sample),
            None => self.0.push((subject, vec![sample])),
        }
    }

    /// What all came to; nothing, if nothing was measured.
    pub fn document(&self) -> Option<Document> {
        let rows: Vec<_> = self.0.iter().map(|(subject, samples)| row(subject, samples)).collect();
        (!rows.is_empty()).then(|| Document { schema: SCHEMA.into(), rows })
    }
}

fn row(subject: &Subject, samples: &[Sample]) -> Row {
    let Subject { name, reads: (reads, writes), clients } = subject.clone();
    let of = |value: fn(&Sample) -> f64| Interval::of(samples.iter().map(value));
    let cost = |value: fn(&Costs) -> f64| {
        let counted: Vec<_> = samples.iter().filter_map(|sample| sample.costs.as_ref().map(value)).collect();
        (!counted.is_empty()).then(|| Interval::of(counted))
    };
    Row {
        name,
        reads,
        writes,
        clients,
        operations_per_second: of(|sample| sample.operations_per_second),
        read_p50_us: of(|sample| sample.read_p50_us),
        read_p99_us: of(|sample| sample.read_p99_us),
        fsync_p50_us: of(|sample| sample.fsync_p50_us),
        rounds_per_read: cost(|costs| costs.rounds_per_read),
        fsyncs_per_read: cost(|costs| costs.fsyncs_per_read),
        failed: samples.iter().map(|sample| sample.failed).sum(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sample(per_second: f64) -> Sample {
        Sample {
            operations_per_second: per_second,
            read_p50_us: 400.0,
            read_p99_us: 900.0,
            fsync_p50_us: 250.0,
            costs: None,
            failed: 1,
        }
    }

    #[test]
    fn windows_of_one_name_ratio_and_number_of_clients_are_pooled() {
        let measure = |name: &str, reads, clients| Measure {
            name: name.into(),
            reads,
            clients,
            keys: 64,
            lasts: Duration::from_secs(1),
        };
        let mut measured = Measured::default();
        assert_eq!(measured.document(), None);
        measured.add(&measure("log", (1, 1), 8), sample(90.0));
        measured.add(&measure("index", (1, 1), 8), sample(200.0));
        measured.add(&measure("log", (1, 1), 1), sample(10.0));
        measured.add(&measure("log", (1, 1), 8), sample(110.0));
        let document = measured.document().expect("rows");
        let rows: Vec<_> = document.rows.iter().map(|row| (row.name.as_str(), row.clients)).collect();
        assert_eq!(rows, [("log", 8), ("index", 8), ("log", 1)]);
        let first = &document.rows[0];
        let Interval { mean, low, high, n } = first.operations_per_second;
        assert_eq!((mean, n, first.failed), (100.0, 2, 2));
        // Two values a standard deviation of √200 apart: 12.706 · √200 / √2.
        assert_eq!((low, high), (Some(-27.06), Some(227.06)));
        assert_eq!(first.rounds_per_read, None);
        let table = document.to_string();
        assert!(table.contains("100 ± 127") && table.lines().count() == 4, "{table}");
    }
}
