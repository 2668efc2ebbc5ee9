//! `lab run all --capture DIR`: what each scenario captures in the simulator, kept as text and pictures for those who run
//! nothing. The same program gives the same bytes, so a change of behaviour is a change of these files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::cli::RunArgs;
use super::narrator::Where;
use super::{running, scenarios, verbs};
use crate::cli::Common;
use crate::console::Console;
use crate::failure::Failure;
use crate::verdict::exit;

/// Scenarios that are captured with five servers as well.
const WITH_FIVE: [&str; 5] = ["replication", "election", "truncated", "survives", "minority"];

/// Scenarios about disks: of these it is drawn as well how long syncs took, and what became of proposals.
const OF_DISKS: [&str; 7] = [
    "slow-disk",
    "slow-disk-parallel",
    "stalled-disk",
    "flapping",
    "flapping-follows",
    "flapping-fast-log",
    "flapping-long-timeout",
];

/// Runs all, and takes down what they capture. The exit code is the first that is not 0.
///
/// # Errors
///
/// If something cannot be written.
pub fn all(args: &RunArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let Some(to) = &args.capture else { return Ok(exit::OK) };
    fs::create_dir_all(to).map_err(|error| Failure::at(to, &error))?;
    let runs = verbs::directory(args.run.dir.as_deref().or(common.out.as_deref()), "capture")?;
    let (mut worst, mut rows) = (exit::OK, String::new());
    for (name, _) in scenarios::SCENARIOS {
        for servers in [None, Some(5)] {
            if servers.is_some() && !WITH_FIVE.contains(name) {
                continue;
            }
            let called = servers.map_or((*name).to_string(), |servers| format!("{name}-{servers}"));
            let mut args = args.clone();
            args.run.dir = Some(runs.join(&called));
            args.run.is_part = true;
            args.set = servers.map(|servers| format!("servers={servers}")).into_iter().collect();
            let quiet = Common { out: None, quiet: true, ..common.clone() };
            let (ended, _) = running::simulated(name, &args, &quiet, Where::Nowhere)?;
            let from = runs.join(&called);
            let verdict = format!("\nVERDICT {}\n", ended.verdict);
            let text = read(&from.join("evidence.txt"))? + &verdict;
            write(&to.join(format!("{called}.txt")), &text)?;
            let pictures = ["lanes", "fsync", "proposals"];
            let count = if OF_DISKS.contains(name) { pictures.len() } else { 1 };
            let mut links = format!("[text]({called}.txt)");
            for picture in &pictures[..count] {
                let file = format!("{called}.{picture}.svg");
                write(&to.join(&file), &read(&from.join(format!("{picture}.svg")))?)?;
                // Writing to a string never fails.
                let _ = write!(links, " · [{picture}]({file})");
            }
            let title = scenarios::find(name)?.title().to_string();
            let _ = writeln!(rows, "| `{called}` | {title} | {links} | {} |", ended.verdict);
            console.print(&format!("{called:24}  {}\n", ended.verdict));
            worst = if worst == exit::OK { ended.exit } else { worst };
        }
    }
    write(&to.join("README.md"), &index(&rows))?;
    console.print(&format!("kept    {}\n", to.display()));
    Ok(worst)
}

fn index(rows: &str) -> String {
    format!(
        "# What each scenario captured\n\n\
         In the simulator, with the seed that each was written with. A text holds the scenario above and what came of it\n\
         below: what happened, every configuration with its quorum, the terms of each server, on whose matchIndex each\n\
         commitIndex rests, what was applied, faults with counts, what clients were told, and what was judged. Pictures show\n\
         who led when. All of it is written by one command, and a test does it again and compares:\n\n\
         ```sh\ncargo run --release --bin lab -- run all --capture checks/evidence\n```\n\n\
         | scenario | | captured | came to |\n|---|---|---|---|\n{rows}"
    )
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::at(path, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::at(path, &error))
}
