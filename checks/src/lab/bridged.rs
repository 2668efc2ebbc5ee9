//! `lab run --from`: real nodes walk a checker's traces, one or all.

use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::bridge::{Bridged, Came, bridge};
use crate::cli::{Common, WriteOut};
use crate::commands;
use crate::console::Console;
use crate::failure::Failure;
use crate::index;
use crate::trace::Trace;
use crate::verdict::exit;

/// Where the traces are, for `--from all`.
pub const GALLERY: &str = "counterexamples";

/// In JSON.
#[derive(Debug, Serialize)]
struct BridgeReport<'a> {
    schema: &'static str,
    exit: u8,
    traces: &'a [Bridged],
}

/// Walks the traces of `from`: a file, all of a directory, or all of the gallery.
///
/// # Errors
///
/// If one cannot be read, or is not what it says.
pub fn run(from: &str, common: &Common, console: &Console) -> Result<u8, Failure> {
    let paths = match Path::new(if from == "all" { GALLERY } else { from }) {
        dir if dir.is_dir() => index::traces(dir)?,
        file => vec![file.to_path_buf()],
    };
    let traces = paths.iter().map(walked).collect::<Result<Vec<_>, _>>()?;
    if traces.is_empty() {
        return Err(Failure::data(format!("{from} holds no traces: their names end in .trace")));
    }
    let exit = exit_of(&traces);
    match (common.write_out, &traces[..]) {
        (WriteOut::Json, traces) => {
            let report = BridgeReport { schema: "raftlab-bridge/1", exit, traces };
            console.print(&commands::json(&report)?);
        }
        (WriteOut::Table, [trace]) => console.print(&trace.to_string()),
        (WriteOut::Table, traces) => console.print(&table(traces)),
        (WriteOut::Simple, traces) => traces.iter().for_each(|trace| console.print(&trace.line())),
    }
    for failure in traces.iter().filter_map(|trace| Some((trace, trace.failure()?))) {
        let (trace, Failure { message, .. }) = failure;
        console.note(&format!("{}: {message}", trace.rule));
    }
    if common.write_out != WriteOut::Json {
        console.print(&format!("{}rerun   lab run --from {from}\n", verdict(&traces)));
    }
    Ok(exit)
}

fn walked(path: &PathBuf) -> Result<Bridged, Failure> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Failure::data(format!("{}: not a text", path.display())),
        _ => Failure::at(path, &error),
    })?;
    let trace = text.parse::<Trace>();
    trace
        .and_then(|trace| bridge(&trace))
        .map_err(|error| Failure::data(format!("{}: {error}", path.display())))
}

/// The first that is not 0. Where nothing was walked, nothing was shown.
fn exit_of(traces: &[Bridged]) -> u8 {
    let nothing = traces.iter().all(|trace| matches!(trace.came, Came::Unwalkable(_)));
    let failed = traces.iter().find_map(Bridged::failure);
    failed.map_or(if nothing { exit::VACUOUS } else { exit::OK }, |failure| failure.exit)
}

fn verdict(traces: &[Bridged]) -> String {
    let walked = traces.iter().filter(|trace| matches!(trace.came, Came::Walked(_)));
    let (walked, failed) = (walked.count(), traces.iter().filter_map(Bridged::failure).count());
    let (agree, all) = (walked - failed, traces.len());
    format!(
        "VERDICT of {all} traces {walked} were walked by real nodes: on {agree} the same property fell, and none \
         with the rule on\n"
    )
}

fn table(traces: &[Bridged]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "rule", "way", "rule off", "rule on"]);
    for trace in traces {
        let [off, on] = trace.cells();
        table.add_row([trace.mark().to_string(), trace.rule.clone(), trace.way.clone(), off, on]);
    }
    format!("{table}\n\n")
}
