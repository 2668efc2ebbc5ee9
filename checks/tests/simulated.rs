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

/// The number behind a word.
fn count(line: &str, word: &str) -> u64 {
    let number = line.split(word).nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    number.replace(',', "").parse().unwrap_or(0)
}

#[test]
fn random_worlds_hold() {
    let output = lab(&["random", "--seeds", "24", "--seed", "20", "--for", "5s", "-q"]);
    let says = said(&output);
    assert_eq!(output.status.code(), Some(0), "{says}");
    assert!(says.starts_with("seed    20\n") && says.contains("24 runs, 2 of them twice"), "{says}");
    assert!(says.trim_end().ends_with("--seed 20"), "{says}");
    let struck = says.lines().find(|line| line.starts_with("struck ")).unwrap();
    for fault in [
        "clock_jump",
        "clock_rate",
        "disk_error",
        "disk_rot",
        "disk_slow",
        "disk_stall",
        "kill",
        "link_cut",
        "link_delay",
        "link_drop",
        "link_duplicate",
        "pause",
    ] {
        assert!(count(struck, &format!("{fault} ")) > 0, "{fault}: {struck}");
    }
    let then = says.lines().find(|line| line.starts_with("then ")).unwrap();
    for tried in ["returns ", "each other ", "hears nobody ", "disk stalls "] {
        assert!(count(then, tried) > 0, "{tried}: {then}");
    }
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

#[test]
fn two_runs_of_one_seed_stand_in_one_table() {
    let both = dir("compared");
    let arguments = ["compare", "rejoin", "--set", "pre-vote=off", "--vs", "pre-vote=on", "--dir"];
    let output = lab(&[&arguments[..], &[both.to_str().unwrap(), "-w", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema"], "raftlab-compare/1");
    let term = |at: usize| json["runs"][at]["values"]["last term"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(term(0) > term(1) + 2, "a server without pre-vote comes back with a high term: {json}");
    std::fs::remove_dir_all(&both).unwrap();
    let both = dir("compared-two");
    let output = lab(&["compare", "truncated", "survives", "--dir", both.to_str().unwrap()]);
    let says = said(&output);
    let row = says.lines().find(|line| line.starts_with("entries truncated")).unwrap();
    assert!(row.contains("≠ 1 at n1") && row.ends_with("none"), "{says}");
    let same = says.lines().find(|line| line.starts_with("last term")).unwrap();
    assert!(!same.contains('≠'), "{says}");
    assert!(says.contains("put \"lost\": unknown") && says.contains("put \"committed\": done"), "{says}");
    std::fs::remove_dir_all(&both).unwrap();
    for same in
        [&["compare", "rejoin"][..], &["compare", "rejoin", "--set", "servers=3", "--vs", "servers=3"]]
    {
        let output = lab(same);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("the two runs would be the same"), "{}", said(&output));
    }
}

#[test]
fn an_incident_comes_without_what_was_done() {
    let files = dir("drill");
    let output = lab(&["drill", "1", "--seed", "5", "--dir", files.to_str().unwrap()]);
    let says = said(&output);
    assert_eq!(output.status.code(), Some(0), "{says}");
    assert!(
        says.contains("lab diagnose") && !says.contains("minority") && !says.contains("leader-cut-off"),
        "{says}"
    );
    let diagnosed = lab(&["diagnose", files.to_str().unwrap()]);
    assert!(said(&diagnosed).contains("leader-cut-off"), "{}", said(&diagnosed));
    std::fs::remove_dir_all(&files).unwrap();
    assert!(said(&lab(&["drill"])).lines().count() > 4);
    let output = lab(&["drill", "99"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let output = lab(&["run", "truncated", "--capture", "nowhere"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

/// Carries out these lines behind `up 3` and a leader n1: the exit code, and what was said.
fn told(name: &str, lines: &str) -> (Option<i32>, String) {
    let (dir, file) =
        (dir(name), std::env::temp_dir().join(format!("{name}-{}.scenario", std::process::id())));
    let begins =
        "up 3\nmove-leader n1\nexpect leader n1 within 4s\nput x 1 as one\nexpect one done within 2s\n";
    std::fs::write(&file, format!("{begins}{lines}\ndown\n")).unwrap();
    let output = lab(&["run", file.to_str().unwrap(), "--dir", dir.to_str().unwrap()]);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::remove_file(&file).unwrap();
    (output.status.code(), said(&output))
}

#[test]
fn what_does_not_come_about_fails_with_how_things_stand() {
    let missed = [
        "expect one failed within 1s",
        "expect one unknown within 1s",
        "expect one reads 1 within 1s",
        "expect x = 2 within 1s",
        "expect x = nothing on n1 within 1s",
        "expect y = 1 within 1s",
        "expect n1 truncated within 1s",
        "expect n2 installed within 1s",
        "expect 2 leaders within 1s",
        "expect two at once within 1s",
        "expect leader n2 within 1s",
        "kill n1\nexpect steady within 4s",
        "kill n1\nexpect steady within 300ms",
    ];
    for (at, lines) in missed.iter().enumerate() {
        let (exit, says) = told(&format!("missed-{at}"), lines);
        let what = lines.rsplit("expect ").next().unwrap();
        assert_eq!(exit, Some(20), "{lines}: {says}");
        assert!(says.contains(&format!("`expect {what}` did not come about")), "{says}");
        assert!(says.contains("leader in term") || lines.contains("kill"), "how things stand: {says}");
        assert!(says.contains("rerun   lab run "), "{says}");
    }
    let (exit, says) = told("reads", "get x as read\nexpect read reads 1 within 1s\nexpect x = 1 within 1s");
    assert_eq!(exit, Some(0), "{says}");
}

#[test]
fn what_cannot_be_measured_or_told_is_said_and_nothing_stops_for_it() {
    let (exit, says) = told("busy", "load 2 clients\nmeasure put reads 1:1 for 100ms");
    assert_eq!(exit, Some(65), "{says}");
    assert!(says.contains("other clients work") && says.contains("`stop-load` first"), "{says}");
    let (exit, says) = told("flags", "restart all --read-mode leese");
    assert_eq!(exit, Some(2), "{says}");
    assert!(says.contains("leese") && !says.contains("stop n1"), "{says}");
    let (exit, says) = told("nobody", "stop n1\nstop n2\nstop n3\nrestart all");
    assert_eq!(exit, Some(65), "{says}");
    assert!(says.contains("no server runs: `start all` first"), "{says}");
    let lines =
        "restart all --read-mode lease\nexpect x = 1 within 2s\nmeasure a reads 3:1 clients 2 for 100ms";
    let (exit, says) = told("alone", lines);
    assert_eq!(exit, Some(0), "{says}");
    assert!(says.contains("start n3 --read-mode lease") && says.contains("3:1"), "{says}");
}

#[test]
fn what_is_to_break_and_does_not_fails_and_what_breaks_unsaid_does() {
    for violation in ["safety", "linearizability"] {
        let (exit, says) = told(violation, &format!("violates {violation}"));
        assert_eq!(exit, Some(20), "{says}");
        assert!(says.contains(&format!("this run was to break {violation}, and did not")), "{says}");
    }
    let bypassed = include_str!("../scenarios/bypassed.scenario");
    for (unsaid, exit) in [("violates safety", 12), ("violates linearizability", 23)] {
        let file = std::env::temp_dir().join(format!("unsaid-{exit}-{}.scenario", std::process::id()));
        std::fs::write(&file, bypassed.replace(&format!("{unsaid}\n"), "")).unwrap();
        let dir = dir(&format!("unsaid-{exit}"));
        let output = lab(&["run", file.to_str().unwrap(), "--dir", dir.to_str().unwrap(), "-q"]);
        assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
        std::fs::remove_dir_all(&dir).unwrap();
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_log_that_rotted_is_refused_and_the_others_go_on() {
    let (exit, says) = told("rot", "rot-disk n3");
    assert_eq!(exit, Some(65), "{says}");
    assert!(says.contains("n3 runs: `stop n3` before its log rots"), "{says}");
    let (exit, says) = told("rotted", "stop n3\nrot-disk n3\nput x 2 as two\nexpect two done within 2s");
    assert_eq!(exit, Some(0), "{says}");
    assert!(says.contains("rot-disk n3: "), "file and place are said: {says}");
}

#[test]
fn the_parts_of_all_seeds_are_all_of_them() {
    let parts = ["1/2", "2/2"].map(|part| {
        let output = lab(&["random", "--seeds", "7", "--seed", "1", "--for", "1s", "--shard", part, "-q"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let runs = said(&output)
            .lines()
            .find_map(|line| line.split_once(" runs, ").map(|(runs, _)| runs.to_string()));
        runs.unwrap().parse::<u64>().unwrap()
    });
    assert_eq!(parts, [4, 3]);
    let output = lab(&["random", "--shard", "3/2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("is no part"), "{}", said(&output));
}
