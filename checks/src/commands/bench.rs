//! `check bench`: the same models on every engine.

use serde::Serialize;

use crate::bench::{self, Row};
use crate::cli::{BenchArgs, Common, WriteOut};
use crate::console::{Console, grouped};
use crate::failure::Failure;
use crate::nearest;
use crate::report::table;
use crate::rundir::RunDir;
use crate::search::INTERRUPTED;

/// `check bench`, in JSON.
#[derive(Debug, Serialize)]
struct BenchReport {
    schema: &'static str,
    runs: u32,
    rows: Vec<Row>,
}

/// Measures, and prints a table.
pub fn bench(args: &BenchArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let mut subjects = if args.quick { bench::quick() } else { bench::large() };
    let names: Vec<_> = subjects.iter().map(|subject| subject.name).collect();
    if let Some(name) = args.model.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Failure::usage(nearest::unknown("model", name, names.iter().copied())));
    }
    subjects.retain(|own| args.model.is_empty() || args.model.iter().any(|name| name == own.name));
    let dir = RunDir::create(common.out.as_deref(), "bench")?;
    // A measurement that was interrupted is none: the first Ctrl-C ends the program.
    INTERRUPTED.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut rows = Vec::new();
    for subject in &subjects {
        console.note(&format!("bench   {}: {}", subject.name, subject.says));
        let measured = subject.measure(args.runs, &|turn| tracing::info!(turn));
        rows.extend(measured.map_err(|error| Failure::internal(error.to_string()))?);
    }
    let report = BenchReport { schema: "raftlab-bench/1", runs: args.runs, rows };
    let json = super::json(&report)?;
    dir.write("report.json", &json)?;
    dir.write("verdict.txt", "DONE\n")?;
    match common.write_out {
        WriteOut::Json => console.print(&json),
        WriteOut::Table => console.print(&table(&HEAD, report.rows.iter().map(cells))),
        WriteOut::Simple => {
            for row in &report.rows {
                console.print(&(cells(row).join("\t") + "\n"));
            }
        }
    }
    console.note(&format!("report  {}", dir.path().display()));
    Ok(0)
}

const HEAD: [&str; 12] = [
    "model",
    "engine",
    "threads",
    "symmetry",
    "told apart by",
    "states",
    "in full",
    "generated",
    "seconds",
    "in full/s",
    "× stateright",
    "B a state",
];

fn cells(row: &Row) -> Vec<String> {
    let is_plain = row.engine == bench::Engine::Explorer && row.model_is == "plain";
    let plain = if is_plain { ", plain model" } else { "" };
    vec![
        row.model.to_string(),
        format!("{}{plain}", row.engine.name()),
        row.threads.to_string(),
        row.symmetry.to_string(),
        row.told_apart_by.to_string(),
        grouped(row.states),
        grouped(row.states_full),
        grouped(row.generated),
        format!("{:.3}", row.seconds),
        grouped(rounded(row.states_full_per_second)),
        format!("{:.1}", row.times_stateright_bfs),
        row.bytes_a_state.map_or("-".to_string(), |bytes| format!("{bytes:.0}")),
    ]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, rounded to be read")]
fn rounded(rate: f64) -> u64 {
    rate.round() as u64
}
