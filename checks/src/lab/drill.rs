//! `lab drill`: incidents as they reach an engineer, as metrics and logs alone. What was done to the cluster is not there.

use std::fs;
use std::path::Path;

use super::cli::{DrillArgs, On, RunArgs, RunOptions};
use super::narrator::Where;
use super::{running, scenarios, verbs};
use crate::cli::Common;
use crate::console::Console;
use crate::failure::Failure;
use crate::verdict::exit;

/// One of them. Its number says nothing of its cause.
struct Drill {
    /// What is known when it begins.
    page: &'static str,
    /// What was done.
    scenario: &'static str,
    /// The cause, as `lab diagnose` calls it.
    cause: &'static str,
}

const DRILLS: &[Drill] = &[
    Drill {
        page: "Some clients of the key-value store get no answer for seconds, others do not notice anything.",
        scenario: "minority",
        cause: "leader-cut-off",
    },
    Drill {
        page: "The leader changes every few seconds, and writes take long or fail. It began with nobody's deployment.",
        scenario: "flapping",
        cause: "slow-shared-storage",
    },
    Drill {
        page: "For over a second nobody could write, just when the network team had finished its work.",
        scenario: "rejoin-disruptive",
        cause: "rejoin-disruptive",
    },
    Drill {
        page: "Two services read different values under one key, and each swears that its write was acknowledged.",
        scenario: "bypassed",
        cause: "membership-bypassed",
    },
    Drill {
        page: "Leadership moved once, writes were slow before, and are fine since.",
        scenario: "slow-disk",
        cause: "slow-disk",
    },
    Drill {
        page: "Writes stopped for a moment. The process that led is still up, and answers its health checks.",
        scenario: "stalled-disk",
        cause: "stalled-disk",
    },
];

/// What production has of a cluster: scrapes, what servers said, how clients fared.
const KEPT: [&str; 4] = ["samples.jsonl", "events.jsonl", "load.jsonl", "metrics.prom"];

/// Lists the drills, or makes one.
///
/// # Errors
///
/// If there is none of this number, or something cannot be written.
pub fn drill(args: &DrillArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let Some(number) = args.number else {
        for (number, drill) in (1..).zip(DRILLS) {
            console.print(&format!("{number}  {}\n", drill.page));
        }
        console.print("begin   lab drill 1\n");
        return Ok(exit::OK);
    };
    let drill = number.checked_sub(1).and_then(|at| DRILLS.get(at)).ok_or_else(|| {
        Failure::usage(format!("there is no drill {number}: they are numbered from 1 to {}", DRILLS.len()))
    })?;
    let seed = common.seed.unwrap_or_else(verbs::draw_seed);
    let dir = verbs::directory(args.dir.as_deref().or(common.out.as_deref()), "drill")?;
    make(drill, seed, &dir, common)?;
    console.print(&format!("page    {}\n", drill.page));
    let files = "samples.jsonl what /status and /metrics said, every 200 ms · events.jsonl, n*.log what servers said · \
                 load.jsonl how clients fared, by the second · metrics.prom the last scrape";
    console.print(&format!("have    {}\n        {files}\n", dir.display()));
    if args.answer {
        let about = scenarios::find(drill.scenario)?.about.replace('\n', "\n        ");
        console.print(&format!(
            "cause   {}\nwas     lab run {} --seed {seed}\n        {about}\n",
            drill.cause, drill.scenario
        ));
    } else {
        console.print(&format!(
            "ask     lab diagnose {}\nanswer  lab drill {number} --seed {seed} --answer\n",
            dir.display()
        ));
    }
    Ok(exit::OK)
}

/// Runs it where nobody looks, and leaves what production would have.
fn make(drill: &Drill, seed: u64, dir: &Path, common: &Common) -> Result<(), Failure> {
    let away = dir.join(".away");
    let run = RunOptions { dir: Some(away.clone()), no_record: false, flags: Vec::new() };
    let scenario = Some(drill.scenario.to_string());
    let args = RunArgs { scenario, from: None, on: On::Sim, capture: None, jobs: None, set: Vec::new(), run };
    let common = Common { seed: Some(seed), out: None, quiet: true, ..common.clone() };
    running::simulated(drill.scenario, &args, &common, Where::Nowhere)?;
    let failed = |error| Failure::at(dir, &error);
    for entry in fs::read_dir(&away).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        if is_kept(&name) {
            fs::copy(away.join(&*name), dir.join(&*name)).map_err(failed)?;
        }
    }
    fs::remove_dir_all(&away).map_err(failed)?;
    // What every run's directory has says what it came to.
    fs::remove_file(dir.join("verdict.txt")).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(failed(error)),
    })
}

/// Has production this?
fn is_kept(file: &str) -> bool {
    KEPT.contains(&file) || Path::new(file).extension().is_some_and(|extension| extension == "log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Diagnosis;

    #[test]
    fn each_is_named_by_metrics_and_logs_alone() {
        let common = <crate::lab::Cli as clap::Parser>::parse_from(["lab", "list"]).common;
        for (drill, seed) in DRILLS.iter().zip(3..) {
            let dir = std::env::temp_dir().join(format!("raftlab-drill-{}-{seed}", std::process::id()));
            fs::create_dir_all(&dir).unwrap();
            make(drill, seed, &dir, &common).unwrap();
            let mut files: Vec<_> = fs::read_dir(&dir)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.retain(|name| !is_kept(name));
            assert_eq!(files, Vec::<String>::new(), "more than production has");
            let diagnosis = Diagnosis::of_directory(&dir).unwrap();
            fs::remove_dir_all(&dir).unwrap();
            let named: Vec<_> = diagnosis.named().map(|own| own.cause.name).collect();
            assert_eq!(named.first(), Some(&drill.cause), "{}: {}", drill.scenario, diagnosis.text());
            let argued = diagnosis.named().next().unwrap();
            assert!(!argued.argument.pro.is_empty(), "evidence for it");
            let against = diagnosis.causes.iter().filter(|own| !own.argument.contra.is_empty());
            assert!(against.count() > 2, "others were ruled out: {}", diagnosis.text());
        }
    }
}
