//! Operations as bars in lanes, one or more for each client, time going to the right.
//!
//! Only the order of beginnings and ends is to scale: each stands in a column of its own, and a bar is as long as what
//! is written in it. The times are said below.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::history::Operation;

/// How much of an operation is shown in its bar, in characters.
const LABEL_CHARS_MAX: usize = 40;

/// A bar: the columns of its beginning and its end.
struct Bar {
    from: usize,
    to: usize,
    text: String,
}

/// Draws the operations.
pub fn draw(operations: &[Operation]) -> String {
    let mut picture = String::new();
    let mut lanes: BTreeMap<u64, Vec<Vec<Bar>>> = BTreeMap::new();
    for (operation, (from, to)) in operations.iter().zip(columns(operations)) {
        let bar = Bar { from, to, text: bar(operation, to - from) };
        let of_client = lanes.entry(operation.client).or_default();
        match of_client.iter_mut().find(|lane| lane.last().is_none_or(|last| last.to < bar.from)) {
            Some(lane) => lane.push(bar),
            None => of_client.push(vec![bar]),
        }
    }
    let width = lanes.keys().map(|client| client.to_string().len()).max().unwrap_or(0) + 1;
    for (client, lanes) in &lanes {
        for lane in lanes {
            let mut line = format!("  {:width$}  ", format!("c{client}"));
            let begin = line.chars().count();
            for bar in lane {
                let gap = begin + bar.from - line.chars().count();
                line.extend(std::iter::repeat_n(' ', gap));
                line.push_str(&bar.text);
            }
            picture.push_str(line.trim_end());
            picture.push('\n');
        }
    }
    for operation in operations {
        let client = format!("c{}", operation.client);
        let when = match operation.end_us.filter(|_| operation.is_done()) {
            Some(end) => format!("{} to {end} µs", operation.start_us),
            None => format!("from {} µs on", operation.start_us),
        };
        let _ = writeln!(picture, "  {client:width$}  {when}: {operation}");
    }
    picture
}

/// Where each begins and ends, in columns from 0.
fn columns(operations: &[Operation]) -> Vec<(usize, usize)> {
    // What begins when something else ends is at the same time as it.
    let mut moments: Vec<(u64, bool, usize)> = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        moments.push((operation.start_us, false, at));
        moments.push((operation.end_us.filter(|_| operation.is_done()).unwrap_or(u64::MAX), true, at));
    }
    moments.sort_unstable();
    let mut columns = vec![(0, 0); operations.len()];
    let mut next = 0;
    for (_, is_end, at) in moments {
        if is_end {
            columns[at].1 = next.max(columns[at].0 + label(&operations[at]).chars().count() + 3);
            next = columns[at].1 + 1;
        } else {
            columns[at].0 = next;
            next += 2;
        }
    }
    columns
}

/// `|-get → "a"---|`, open at its end if it has none.
fn bar(operation: &Operation, length: usize) -> String {
    let label = label(operation);
    let fill = "-".repeat(length - 2 - label.chars().count());
    let end = if operation.is_done() { '|' } else { '…' };
    format!("|-{label}{fill}{end}")
}

fn label(operation: &Operation) -> String {
    let whole = operation.to_string();
    if whole.chars().count() <= LABEL_CHARS_MAX {
        return whole;
    }
    whole.chars().take(LABEL_CHARS_MAX - 1).chain(['…']).collect()
}
