//! Scenarios in simulated worlds, and worlds that are drawn: by the program that people run.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A directory of this test, empty.
fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("raftlab-simulated-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_scenario_goes_as_it_is_written() {
    let dir = dir("all");
    let output = lab(&["run", "all", "--dir", dir.to_str().unwrap()]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let names = said.lines().filter(|line| line.starts_with('✔')).count();
    assert!(names >= 20 && !said.contains('✗'), "{said}");
    let broken = std::fs::read_to_string(dir.join("bypassed/verdict.txt")).unwrap();
    assert!(broken.contains("State Machine Safety") && broken.contains("linearizability"), "{broken}");
    let stale = std::fs::read_to_string(dir.join("lease/verdict.txt")).unwrap();
    assert!(stale.contains("linearizability") && !stale.contains("Safety"), "{stale}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn scenarios_go_as_they_are_written_with_five_servers() {
    for name in ["replication", "election", "truncated", "survives", "minority"] {
        let dir = dir(name);
        let output = lab(&["run", name, "--set", "servers=5", "--dir", dir.to_str().unwrap(), "-q"]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn one_seed_is_one_run_to_the_byte() {
    let run = |name: &str| {
        let dir = dir(name);
        let output = lab(&["run", "election", "--seed", "7", "--dir", dir.to_str().unwrap(), "-q"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let read = |file: &str| std::fs::read(dir.join(file)).unwrap();
        let files = ["history.jsonl", "events.jsonl", "samples.jsonl", "trace.jsonl"].map(read);
        std::fs::remove_dir_all(&dir).unwrap();
        files
    };
    assert!(run("first") == run("second"));
}

#[test]
fn random_worlds_hold_and_a_missing_rule_is_found_out() {
    let output = lab(&["random", "--seeds", "24", "--seed", "20", "--for", "5s", "-q"]);
    let says = said(&output);
    assert_eq!(output.status.code(), Some(0), "{says}");
    assert!(says.starts_with("seed    20\n") && says.contains("24 runs, 2 of them twice"), "{says}");
    assert!(says.trim_end().ends_with("--seed 20"), "{says}");
    let output = lab(&["random", "--without", "commit-own-term", "--seeds", "20", "--for", "20s"]);
    let says = said(&output);
    assert_eq!(output.status.code(), Some(0), "{says}");
    assert!(says.contains("1 of 1 rules"), "{says}");
}

#[test]
fn what_is_mistyped_is_said() {
    let output = lab(&["random", "--without", "comit-own-term"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("did you mean `commit-own-term`"), "{}", said(&output));
    let output = lab(&["run", "election", "--set", "prevote=off"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("pre-vote"), "{}", said(&output));
    let output = lab(&["run", "elction"]);
    assert_eq!(output.status.code(), Some(65));
    assert!(said(&output).contains("did you mean `election`"), "{}", said(&output));
}
