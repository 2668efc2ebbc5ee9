//! The rows for people: each mean with half of its interval's width behind it.

use std::fmt;

use super::{Document, Interval, Row};
use crate::console::grouped;

/// What each column holds.
pub const HEAD: [&str; 10] = [
    "measured",
    "reads:writes",
    "clients",
    "n",
    "operations/s",
    "read p50, ms",
    "read p99, ms",
    "fsync p50, ms",
    "rounds/read",
    "fsyncs/read",
];

impl Row {
    /// Its cells, under [`HEAD`].
    pub fn cells(&self) -> [String; 10] {
        let ms = |own: Interval| with_half(own, |us| format!("{:.3}", us / 1000.0));
        let count = |own: Option<Interval>| {
            own.map_or("–".into(), |own| with_half(own, |count| format!("{count:.3}")))
        };
        [
            self.name.clone(),
            format!("{}:{}", self.reads, self.writes),
            self.clients.to_string(),
            self.operations_per_second.n.to_string(),
            with_half(self.operations_per_second, whole),
            ms(self.read_p50_us),
            ms(self.read_p99_us),
            ms(self.fsync_p50_us),
            count(self.rounds_per_read),
            count(self.fsyncs_per_read),
        ]
    }
}

impl fmt::Display for Document {
    /// Columns under their heads, and no line break behind the last row.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> =
            std::iter::once(HEAD.map(String::from)).chain(self.rows.iter().map(Row::cells)).collect();
        let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..HEAD.len()).map(wide).collect();
        for (at, row) in rows.iter().enumerate() {
            let [name, numbers @ ..] = row;
            let end = if at > 0 { "\n" } else { "" };
            write!(f, "{end}{name:width$}", width = widths[0])?;
            numbers.iter().zip(&widths[1..]).try_for_each(|(cell, width)| write!(f, "  {cell:>width$}"))?;
        }
        Ok(())
    }
}

fn with_half(own: Interval, write: impl Fn(f64) -> String) -> String {
    let mean = write(own.mean);
    own.half().map_or(mean.clone(), |half| format!("{mean} ± {}", write(half)))
}

/// A number of many digits, in groups of three.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, which is at least 0")]
fn whole(value: f64) -> String {
    grouped(value.max(0.0).round() as u64)
}
