//! Incidents whose cause is known, and what the diagnosis makes of them.
//!
//! Scenarios run in the simulator, by several seeds each; what no scenario shows alone is written by hand
//! (`synthetic.rs`). What is missing, empty or cut is said with file and line (`files.rs`).

mod files;
mod synthetic;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use raftlab_checks::diagnose::argument::Confidence;
use raftlab_checks::diagnose::causes::CAUSES;
use raftlab_checks::diagnose::{Diagnosis, Outcome};
use raftlab_checks::lab::scenarios::SCENARIOS;

/// What a run leaves of what was done to it, and production has not.
const DONE: [&str; 9] = [
    "faults.jsonl",
    "fired.json",
    "declared.json",
    "scenario.json",
    "run.json",
    "report.json",
    "trace.jsonl",
    "index.html",
    "verdict.txt",
];

/// An empty directory of this test's own.
fn fresh(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnose").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory");
    dir
}

/// The command, to its end.
fn lab(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    // It leaves a link to its last run where it is.
    command.args(args).current_dir(env!("CARGO_TARGET_TMPDIR")).output().expect("the command starts")
}

/// A scenario's run by this seed.
fn run(scenario: &str, seed: u64, set: &[&str]) -> PathBuf {
    let dir = fresh(&format!("{scenario}-{seed}-{}", set.join("-")));
    fs::remove_dir_all(&dir).expect("it is there");
    let (seed, path) = (seed.to_string(), dir.to_str().expect("UTF-8"));
    let mut args = vec!["run", scenario, "--dir", path, "--seed", &seed, "-q"];
    args.extend(set.iter().flat_map(|set| ["--set", set]));
    lab(&args);
    assert!(dir.join("samples.jsonl").exists(), "{scenario} left no scrapes");
    dir
}

/// What is made of a directory that can be read.
fn diagnose(dir: &Path) -> Diagnosis {
    Diagnosis::of_directory(dir).unwrap_or_else(|failure| panic!("{}: {failure}", dir.display()))
}

/// The causes that are named, the first one first.
fn named(diagnosis: &Diagnosis) -> Vec<&'static str> {
    diagnosis.named().map(|own| own.cause.name).collect()
}

/// The scenario shows this cause first, and none of the others.
fn shows(scenario: &str, cause: &str, server: Option<&str>, not: &[&str]) {
    for (seed, set) in [(1, &[][..]), (2, &[]), (3, &["servers=5"])] {
        if !set.is_empty() && ["membership-bypassed", "slow-shared-storage"].contains(&cause) {
            // These name all their servers.
            continue;
        }
        let diagnosis = diagnose(&run(scenario, seed, set));
        let text = diagnosis.text();
        assert_eq!(named(&diagnosis).first(), Some(&cause), "seed {seed}:\n{text}");
        assert_eq!((diagnosis.outcome, diagnosis.exit()), (Outcome::Named, 0));
        let first = &diagnosis.causes[0];
        assert!(!first.argument.pro.is_empty() && !first.cause.next.is_empty());
        if let Some(server) = server {
            assert_eq!(first.argument.servers, [server], "seed {seed}:\n{text}");
        }
        for other in &diagnosis.causes {
            if not.contains(&other.cause.name) {
                assert_eq!(
                    other.argument.confidence(),
                    Confidence::RuledOut,
                    "{}:\n{text}",
                    other.cause.name
                );
                assert!(!other.argument.contra.is_empty(), "why not {}?\n{text}", other.cause.name);
            }
        }
        assert!(text.contains(&format!("DIAGNOSIS {cause} at ")), "{text}");
    }
}

const DISKS: [&str; 3] = ["slow-disk", "stalled-disk", "slow-shared-storage"];

#[test]
fn a_leader_that_is_cut_off() {
    let not =
        [&DISKS[..], &["leader-died", "leader-paused", "majority-lost", "rejoin-disruptive", "bad-links"]];
    shows("minority", "leader-cut-off", Some("n1"), &not.concat());
}

#[test]
fn one_slow_disk() {
    let not = [
        "stalled-disk",
        "slow-shared-storage",
        "leader-cut-off",
        "leader-died",
        "rejoin-disruptive",
        "bad-links",
    ];
    shows("slow-disk", "slow-disk", Some("n1"), &not);
}

#[test]
fn slow_disks_everywhere() {
    let not =
        ["stalled-disk", "slow-disk", "leader-died", "rejoin-disruptive", "membership-bypassed", "bad-links"];
    shows("flapping", "slow-shared-storage", None, &not);
}

#[test]
fn a_disk_that_does_not_return() {
    let not = [
        "slow-disk",
        "slow-shared-storage",
        "leader-died",
        "leader-cut-off",
        "rejoin-disruptive",
        "bad-links",
    ];
    shows("stalled-disk", "stalled-disk", Some("n1"), &not);
}

#[test]
fn a_server_that_comes_back_in_a_higher_term() {
    let not =
        [&DISKS[..], &["leader-cut-off", "leader-died", "leader-paused", "server-cut-off", "bad-links"]];
    shows("rejoin-disruptive", "rejoin-disruptive", Some("n3"), &not.concat());
}

#[test]
fn membership_past_the_log() {
    let not = [&DISKS[..], &["leader-cut-off", "leader-died", "rejoin-disruptive"]];
    shows("bypassed", "membership-bypassed", None, &not.concat());
}

#[test]
fn a_leader_that_dies() {
    let not =
        [&DISKS[..], &["leader-cut-off", "leader-paused", "majority-lost", "rejoin-disruptive", "bad-links"]];
    shows("election", "leader-died", None, &not.concat());
}

#[test]
fn a_leader_that_sleeps() {
    let not = [&DISKS[..], &["leader-died", "rejoin-disruptive", "bad-links"]];
    shows("lease-pause", "leader-paused", Some("n1"), &not.concat());
}

#[test]
fn a_slow_disk_that_follows_the_leader() {
    let not = [&DISKS[..], &["leader-paused", "leader-cut-off", "leader-died", "bad-links"]];
    shows("flapping-follows", "slow-disk-of-leader", None, &not.concat());
}

#[test]
fn a_leader_that_leaves() {
    for seed in 1..5 {
        let diagnosis = diagnose(&run("membership", seed, &[]));
        // By some seeds nobody leads for so long that clients do nothing for a second, and by others not.
        let expected = if diagnosis.harm.is_empty() { &[][..] } else { &["leader-removed"] };
        assert_eq!(named(&diagnosis), expected, "seed {seed}:\n{}", diagnosis.text());
        assert_eq!(diagnosis.exit(), 0);
        // That disks were slow before kept nobody waiting for long.
        let is_noted = |what: &str| diagnosis.notes.iter().any(|note| note.contains(what));
        assert!(is_noted("were slow from") && is_noted("are well again"), "{}", diagnosis.text());
        assert_eq!(is_noted("left the configuration"), expected.is_empty(), "{}", diagnosis.text());
    }
}

#[test]
fn nothing_is_wrong() {
    for scenario in ["replication", "rejoin-quiet", "snapshot"] {
        for seed in [1, 2] {
            let diagnosis = diagnose(&run(scenario, seed, &[]));
            let text = diagnosis.text();
            assert_eq!((diagnosis.outcome, diagnosis.exit()), (Outcome::Healthy, 0), "{scenario}:\n{text}");
            assert!(named(&diagnosis).is_empty() && diagnosis.harm.is_empty());
            assert!(text.contains("DIAGNOSIS nothing is wrong"), "{text}");
            let is_noted = diagnosis.notes.iter().any(|note| note.starts_with("n3 "));
            assert_eq!(is_noted, scenario != "replication", "what was seen of n3 in {scenario}:\n{text}");
        }
    }
}

#[test]
fn what_was_done_on_purpose_is_not_read() {
    for scenario in ["slow-disk", "bypassed", "election"] {
        let dir = run(scenario, 4, &[]);
        let (before, json) = (diagnose(&dir).text(), diagnose(&dir).json().unwrap());
        for name in DONE {
            let _ = fs::remove_file(dir.join(name));
        }
        let _ = fs::remove_dir_all(dir.join("journals"));
        assert_eq!(diagnose(&dir).text(), before);
        assert_eq!(diagnose(&dir).json().unwrap(), json);
        // Nor do servers' own counts of faults, nor what they say of them, change a word.
        let events = fs::read_to_string(dir.join("events.jsonl")).unwrap();
        let fault = events.lines().next().unwrap().replace("\"kind\":\"role\"", "\"kind\":\"fault\"");
        assert!(fault.contains("\"fault\""), "{fault}");
        fs::write(dir.join("events.jsonl"), format!("{fault}\n{events}")).unwrap();
        let text = diagnose(&dir).text();
        assert_eq!(text, before);
        assert!(!text.contains("purpose"), "{text}");
    }
}

#[test]
fn every_cause_names_a_scenario_that_there_is() {
    for cause in CAUSES {
        assert!(!cause.next.is_empty(), "{} says not what to do", cause.name);
        if let Some(scenario) = cause.scenario {
            assert!(SCENARIOS.iter().any(|(name, _)| *name == scenario), "{}: {scenario}", cause.name);
        }
    }
    let mut names: Vec<_> = CAUSES.iter().map(|cause| cause.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CAUSES.len(), "two causes have one name");
}

#[test]
fn the_command_says_the_same_as_one_document() {
    let dir = run("minority", 5, &[]);
    let path = dir.to_str().unwrap();
    let output = lab(&["diagnose", path, "-w", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], "raftlab-diagnosis/1");
    assert_eq!((&document["outcome"], &document["exit"]), (&"named".into(), &0.into()));
    let first = &document["causes"][0];
    assert_eq!((&first["cause"], &first["scenario"]), (&"leader-cut-off".into(), &"minority".into()));
    assert_eq!(first["servers"], serde_json::json!(["n1"]));
    assert!(first["for"].as_array().is_some_and(|signs| signs.len() > 1));
    let count =
        document["causes"].as_array().unwrap().len() + document["ruled_out"].as_array().unwrap().len();
    assert_eq!(count, CAUSES.len());
    let simple = lab(&["diagnose", path, "-w", "simple"]);
    assert_eq!(String::from_utf8_lossy(&simple.stdout), "leader-cut-off at n1 (almost certain)\n");
}
