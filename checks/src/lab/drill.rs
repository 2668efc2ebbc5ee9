//! `lab drill`: incidents as they reach an engineer, as metrics and logs alone. What was done to the cluster is not there.

use std::fs;
use std::path::{Path, PathBuf};

use super::cli::{DrillArgs, RunArgs, RunOptions};
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
    Drill {
        page: "Whoever leads loses its place after a few seconds, and is fine as soon as it follows.",
        scenario: "flapping-follows",
        cause: "slow-disk-of-leader",
    },
];

/// How many worlds are drawn until something goes wrong in one.
const TRIES: usize = 5;

/// Words by which a line tells of faults that were asked for.
const TELLING: [&str; 2] = ["raftlab_faults_fired", "\"kind\":\"fault\""];

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
    let dir = verbs::directory(args.dir.as_deref().or(common.out.as_deref()), "drill")?;
    let seed = begin(drill, &dir, common)?;
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

/// Makes one, by the seed that is given or by one that is drawn: which.
fn begin(drill: &Drill, dir: &Path, common: &Common) -> Result<u64, Failure> {
    for _ in 0..TRIES {
        let seed = common.seed.unwrap_or_else(verbs::draw_seed);
        if make(drill, seed, dir, common)? {
            return Ok(seed);
        }
        if common.seed.is_some() {
            let says = format!("with seed {seed} nothing goes wrong in this drill: take another, or none");
            return Err(Failure::data(says));
        }
    }
    Err(Failure::internal(format!("in {TRIES} worlds that were drawn nothing went wrong")))
}

/// Runs it where nobody looks, and leaves what production would have. Did it go as it is written?
fn make(drill: &Drill, seed: u64, dir: &Path, common: &Common) -> Result<bool, Failure> {
    let away = Away(dir.join(".away"));
    let run = RunOptions { dir: Some(away.0.clone()), is_part: true, ..RunOptions::default() };
    let args = RunArgs { scenario: Some(drill.scenario.to_string()), run, ..RunArgs::default() };
    let common = Common { seed: Some(seed), out: None, quiet: true, ..common.clone() };
    if running::simulated(drill.scenario, &args, &common, Where::Nowhere)?.0.exit != exit::OK {
        return Ok(false);
    }
    let failed = |error| Failure::at(dir, &error);
    for entry in fs::read_dir(&away.0).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        if is_kept(&name) {
            let text = fs::read_to_string(away.0.join(&*name)).map_err(failed)?;
            // What was asked for servers count as well, and production has no such thing.
            let lines = text.lines().filter(|line| !TELLING.iter().any(|word| line.contains(word)));
            let lines: String = lines.flat_map(|line| [line, "\n"]).collect();
            fs::write(dir.join(&*name), lines).map_err(failed)?;
        }
    }
    // What every run's directory has says what it came to.
    let _ = fs::remove_file(dir.join("verdict.txt"));
    Ok(true)
}

/// A directory that is gone when nobody needs it, whatever happens.
struct Away(PathBuf);

impl Drop for Away {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
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
            assert!(make(drill, seed, &dir, &common).unwrap(), "{}", drill.scenario);
            let mut files: Vec<_> = fs::read_dir(&dir)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.retain(|name| !is_kept(name));
            assert_eq!(files, Vec::<String>::new(), "more than production has");
            for entry in fs::read_dir(&dir).unwrap() {
                let text = fs::read_to_string(entry.unwrap().path()).unwrap();
                for word in ["faults_fired", "disk_slow", "disk_stall", "link_cut", drill.scenario] {
                    assert!(!text.contains(word), "{}: {word}", drill.scenario);
                }
            }
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
