//! The command as a shell sees it: verdicts, exit codes, and what it says to those who mistype.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A directory of this test's own.
fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&dir).expect("a scratch directory");
    dir
}

fn check(name: &str, args: &[&str]) -> Output {
    let dir = scratch(name);
    let output = Command::new(env!("CARGO_BIN_EXE_check")).args(args).current_dir(dir).output();
    output.expect("check runs")
}

fn exit(output: &Output) -> i32 {
    output.status.code().expect("check ends by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is text")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).expect("one JSON document on stdout")
}

const SMALL: [&str; 4] = ["run", "election-5", "--servers", "3"];

#[test]
fn a_world_that_is_exhausted_is_verified() {
    let output = check("verified", &[&SMALL[..], &["-w", "json"]].concat());
    let report = json(&output);
    assert_eq!((exit(&output), &report["verdict"]), (0, &"VERIFIED".into()));
    assert_eq!(report["schema"], "raftlab-check/1");
    let world = &report["checks"][0];
    assert_eq!(
        (&world["engine"], &world["symmetry"], &world["told_apart_by"]),
        (&"explorer".into(), &6.into(), &"states".into())
    );
    assert_eq!((&world["states_full"], &world["limit"]), (&158.into(), &().into()));
    let states = world["states"].as_u64().expect("a count");
    assert!((158 / 6..80).contains(&states), "{states} states up to names");
    let sum = |field: &str| -> u64 {
        let levels = world["levels"].as_array().expect("levels").iter();
        levels.map(|level| level[field].as_u64().expect("a count")).sum()
    };
    assert_eq!((sum("states"), Some(sum("generated"))), (states, world["generated"].as_u64()));
    let holds = |property: &serde_json::Value| property["holds"] == true;
    assert!(world["properties"].as_array().expect("properties").iter().all(holds));
    assert!(
        world["actions"].as_array().expect("actions").iter().all(|action| action["taken"].as_u64() > Some(0))
    );
}

#[test]
fn a_search_that_a_limit_stopped_is_incomplete() {
    let limited = ["run", "replication", "--max-states", "500", "-w", "json"];
    let output = check("incomplete", &limited);
    let report = json(&output);
    assert_eq!((exit(&output), &report["verdict"]), (3, &"INCOMPLETE".into()));
    assert_eq!(report["checks"][1]["limit"], "states");
    let allowed = check("incomplete", &[&limited[..], &["--allow-incomplete"]].concat());
    assert_eq!((exit(&allowed), &json(&allowed)["verdict"]), (0, &"INCOMPLETE".into()));
}

#[test]
fn a_witness_that_cannot_be_reached_makes_a_check_vacuous() {
    let output = check("vacuous", &["run", "election", "--max-term", "1", "--color", "never"]);
    assert_eq!(exit(&output), 15);
    let text = stdout(&output);
    assert!(text.contains("NEVER REACHED") && text.contains("VERDICT VACUOUS"), "{text}");
}

#[test]
fn a_walk_that_breaks_something_is_violated_and_leaves_a_trace_that_replays() {
    let args = ["random", "replication", "--without", "one-vote-per-term", "--seed", "7", "-w", "json"];
    let output = check("violated", &args);
    let report = json(&output);
    assert_eq!((exit(&output), &report["verdict"]), (12, &"VIOLATED".into()));
    let again = check("violated", &args);
    assert_eq!(json(&again)["violation_steps"], report["violation_steps"], "one seed, one result");
    let trace = report["trace"].as_str().expect("a trace");
    let replayed = check("violated", &["replay", trace, "-w", "json"]);
    assert_eq!((exit(&replayed), &json(&replayed)["reproduced"]), (0, &true.into()));
}

#[test]
fn the_whole_core_survives_random_walks() {
    let output = check("walks", &["random", "crash", "--runs", "200", "--seed", "1", "-w", "json"]);
    assert_eq!((exit(&output), &json(&output)["verdict"]), (3, &"INCOMPLETE".into()));
    assert_eq!(json(&output)["walks"], 200);
}

#[test]
fn every_engine_counts_the_same() {
    let count = |args: &[&str]| {
        let output = check("engines", &[&SMALL[..], args, &["-w", "json"]].concat());
        let world = json(&output)["checks"][0].clone();
        (world["states_full"].clone(), world["depth"].clone(), world["verdict"].clone())
    };
    let by_stateright = count(&["--engine", "stateright-bfs"]);
    assert_eq!(by_stateright.0, 158);
    assert_eq!(count(&["--engine", "stateright-dfs"]).0, by_stateright.0);
    assert_eq!(count(&[]), by_stateright);
    assert_eq!(count(&["--symmetry", "off", "--exact", "--threads", "2"]), by_stateright);
    assert_eq!(count(&["--fingerprints", "--fingerprint-seed", "7"]), by_stateright);
    let simulated =
        check("engines", &[&SMALL[..], &["--engine", "stateright-simulation", "--timeout", "1s"]].concat());
    assert_eq!(exit(&simulated), 3);
}

/// A flag that an engine would ignore is refused, and both are named.
#[test]
fn what_an_engine_cannot_do_is_refused() {
    for engine in ["stateright-bfs", "stateright-dfs", "stateright-simulation"] {
        for flag in [
            &["--symmetry", "off"][..],
            &["--exact"],
            &["--fingerprints"],
            &["--max-depth", "3"],
            &["--checkpoint", "kept"],
            &["--resume", "kept"],
        ] {
            let output = check("refused", &[&SMALL[..], &["--engine", engine], flag].concat());
            let said = stderr(&output);
            assert_eq!(exit(&output), 2, "{engine} {flag:?}: {said}");
            assert!(said.contains(engine) && said.contains(flag[0]), "{said}");
        }
    }
    for flags in [
        &["--exact", "--fingerprints"][..],
        &["--fingerprint-seed", "1"],
        &["--threads", "0"],
        &["--symmetry", "1"],
    ] {
        assert_eq!(exit(&check("refused", &[&SMALL[..], flags].concat())), 2, "{flags:?}");
    }
}

/// A search goes on from where a limit stopped it, and comes to what one search comes to.
#[test]
fn a_search_is_kept_and_resumed() {
    let world = ["run", "replication", "--world", "1", "--symmetry", "off", "-w", "json"];
    let whole = json(&check("kept", &world))["checks"][0].clone();
    let _ = fs::remove_dir_all(scratch("kept").join("here"));
    let first = check("kept", &[&world[..], &["--max-states", "3000", "--checkpoint", "here"]].concat());
    assert_eq!((exit(&first), &json(&first)["checks"][0]["limit"]), (3, &"states".into()));
    let resumed = check("kept", &[&world[..], &["--resume", "here"]].concat());
    let rest = json(&resumed)["checks"][0].clone();
    assert_eq!(exit(&resumed), 0, "{}", stderr(&resumed));
    for field in ["verdict", "states", "generated", "depth", "levels", "actions", "properties"] {
        assert_eq!(rest[field], whole[field], "{field}");
    }
    let another = check("kept", &["run", "replication", "--world", "2", "--resume", "here"]);
    assert_eq!(exit(&another), 65, "{}", stderr(&another));
    assert_eq!(exit(&check("kept", &[&world[..], &["--resume", "nowhere"]].concat())), 74);
    for flag in ["--resume", "--checkpoint"] {
        let several = check("kept", &["run", "replication", flag, "here"]);
        assert_eq!(exit(&several), 2);
        assert!(stderr(&several).contains("--world"), "{}", stderr(&several));
    }
}

/// A search that does not fit into memory goes on over the disk, to what it would have come to.
#[test]
fn what_does_not_fit_is_spilled() {
    let world = ["run", "crash", "--world", "5", "--symmetry", "off", "-w", "json"];
    let whole = json(&check("spilled", &[&world[..], &["--fingerprints"]].concat()))["checks"][0].clone();
    let memory = (whole["peak_bytes"].as_u64().expect("bytes") / 8 * 7).to_string();
    let limited = check("spilled", &[&world[..], &["--fingerprints", "--max-memory", &memory]].concat());
    assert_eq!((exit(&limited), &json(&limited)["checks"][0]["limit"]), (3, &"memory".into()));
    let spilled = check("spilled", &[&world[..], &["--max-memory", &memory, "--spill", "disk"]].concat());
    let report = json(&spilled)["checks"][0].clone();
    assert_eq!(exit(&spilled), 0, "{}", stderr(&spilled));
    for field in ["verdict", "states", "generated", "depth", "levels", "actions", "properties"] {
        assert_eq!(report[field], whole[field], "{field}");
    }
    assert!(report["spilled"]["runs"].as_u64().is_some_and(|runs| runs > 0), "{report}");
    for flag in [&["--exact"][..], &["--checkpoint", "here"], &["--resume", "here"]] {
        let refused = check("spilled", &[&world[..], &["--spill", "disk"], flag].concat());
        assert_eq!(exit(&refused), 2, "{flag:?}");
        assert!(stderr(&refused).contains("--spill"), "{}", stderr(&refused));
    }
}

/// Two processes come to what one comes to, and each says so.
#[test]
fn one_search_is_shared_by_two_processes() {
    let world = ["run", "crash", "--world", "5", "-w", "json"];
    let whole = json(&check("shared", &world))["checks"][0].clone();
    let free = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let ports = [free(), free()].map(|socket| socket.local_addr().expect("an address"));
    let hosts = format!("# where each listens\n{}\n\n{} # the second\n", ports[0], ports[1]);
    fs::write(scratch("shared").join("hosts"), hosts).expect("a file");
    let start = |process: &str| {
        let args = [&world[..], &["--workers", "2", "--hosts", "hosts", "--process", process, "-o", process]];
        let mut command = Command::new(env!("CARGO_BIN_EXE_check"));
        command
            .args(args.concat())
            .current_dir(scratch("shared"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("check runs")
    };
    for process in ["0", "1"].map(start) {
        let output = process.wait_with_output().expect("check ends");
        assert_eq!(exit(&output), 0, "{}", stderr(&output));
        let report = json(&output)["checks"][0].clone();
        for field in
            ["verdict", "states", "states_full", "generated", "depth", "levels", "actions", "properties"]
        {
            assert_eq!(report[field], whole[field], "{field}");
        }
        assert_eq!(report["told_apart_by"], "fingerprints");
        let shared = &report["processes"];
        assert_eq!(shared["count"], 2);
        assert!(shared["asked"].as_u64().is_some_and(|asked| asked > 0), "{shared}");
    }
}

#[test]
fn processes_that_cannot_be_several_are_told_why() {
    let world = ["run", "crash", "--world", "2"];
    let hosts = |text: &str| fs::write(scratch("unshared").join("hosts"), text).expect("a file");
    let refused = |flags: &[&str]| {
        let output = check("unshared", &[&world[..], flags].concat());
        (exit(&output), stderr(&output))
    };
    assert_eq!(refused(&["--hosts", "hosts"]).0, 2);
    assert_eq!(refused(&["--process", "0"]).0, 2);
    assert_eq!(refused(&["--hosts", "nowhere", "--process", "0"]).0, 74);
    for (text, flags, code, says) in [
        ("127.0.0.1:7101\n", &["--process", "1"][..], 2, "0 to 0"),
        ("127.0.0.1:7101\n", &["--process", "0", "--exact"], 2, "--exact"),
        ("127.0.0.1:7101\nlocalhost\n", &["--process", "0"], 65, "hosts:2: `localhost`"),
        ("a:1\na:1\n", &["--process", "0"], 65, "twice"),
        ("# nobody\n", &["--process", "0"], 65, "no process"),
    ] {
        hosts(text);
        let (code_seen, said) = refused(&[&["--hosts", "hosts"], flags].concat());
        assert_eq!(code_seen, code, "{text:?} {flags:?}: {said}");
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[test]
fn a_depth_that_was_reached_is_a_limit() {
    let output = check("depth", &[&SMALL[..], &["--max-depth", "3", "-w", "json"]].concat());
    let world = json(&output)["checks"][0].clone();
    assert_eq!((exit(&output), &world["limit"], &world["depth"]), (3, &"depth".into(), &3.into()));
}

/// Seven servers have 5,040 renamings: too many to try at every step.
#[test]
fn many_servers_are_searched_without_symmetry() {
    let args = ["run", "election-5", "--servers", "7", "--max-states", "100", "-w", "json"];
    let output = check("many", &args);
    assert_eq!((exit(&output), &json(&output)["checks"][0]["symmetry"]), (3, &1.into()));
}

#[test]
fn those_who_want_more_are_shown_levels_and_actions() {
    let output = check("verbose", &[&SMALL[..], &["-v", "--color", "never"]].concat());
    let text = stdout(&output);
    for head in ["depth", "generated", "enabled", "first depth", "deliver"] {
        assert!(text.contains(head), "{head}: {text}");
    }
}

#[test]
fn engines_are_measured_side_by_side() {
    let output = check("bench", &["bench", "--quick", "--runs", "1", "-w", "json"]);
    assert_eq!(exit(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(report["schema"], "raftlab-bench/1");
    let rows = report["rows"].as_array().expect("rows");
    let count = |model: &str| rows.iter().filter(|row| row["model"] == model).count();
    // stateright's two, and the explorer with one and two threads, by states and by fingerprints, each in its ways.
    assert_eq!(["raft", "raft-crash", "paxos-2x3", "example-raft"].map(count), [10, 10, 10, 13]);
    assert_eq!(exit(&check("bench", &["bench", "--model", "paxos"])), 2);
}

#[test]
fn a_rule_is_answered_by_its_shortest_counterexample() {
    let output = check("weaken", &["weaken", "vote-not-persisted", "-w", "json"]);
    let rule = &json(&output)["rules"][0];
    assert_eq!((exit(&output), &rule["rule"]), (0, &"persist-vote".into()));
    assert_eq!(
        (&rule["steps"], &rule["shortest"], &rule["holds_with_rule"]),
        (&7.into(), &true.into(), &true.into())
    );
}

#[test]
fn those_who_mistype_are_told_the_nearest_names() {
    for (args, near) in [
        (&["run", "replicaton"][..], "`replication`"),
        (&["weaken", "persist-vot"], "`persist-vote`"),
        (&["list", "rulez"], "rules"),
        (&["random", "crsh"], "`crash`"),
        (&["explore", "elektion"], "`election`"),
    ] {
        let output = check("typos", args);
        assert_eq!(exit(&output), 2, "{args:?}");
        assert!(stderr(&output).contains(near), "{args:?}: {}", stderr(&output));
    }
    let unreachable = check("typos", &["weaken", "stale-ack-counted"]);
    assert_eq!(exit(&unreachable), 2);
    assert!(stderr(&unreachable).contains("five servers"), "{}", stderr(&unreachable));
}

#[test]
fn a_trivial_search_is_said_to_be_one() {
    let output = check("trivial", &["run", "election", "--max-term", "0"]);
    assert!(stderr(&output).contains("trivial: 0 terms"), "{}", stderr(&output));
    let output = check("trivial", &["run", "election", "--servers", "1"]);
    assert!(stderr(&output).contains("trivial: 1 server"), "{}", stderr(&output));
}

/// Sizes that make no world are refused by every verb that takes them.
#[test]
fn impossible_sizes_are_refused() {
    for verb in ["run", "random", "explore"] {
        for (flag, value) in [
            ("--max-entries", "0"),
            ("--servers", "0"),
            ("--servers", "10"),
            ("--founders", "4"),
            ("--network", "bagg"),
        ] {
            let output = check("sizes", &[verb, "election", flag, value]);
            assert_eq!(exit(&output), 2, "{verb} {flag} {value}: {}", stderr(&output));
        }
    }
    assert_eq!(exit(&check("sizes", &["run", "election", "--world", "9"])), 2);
}

/// The line that a run ends with does the same again.
#[test]
fn a_rerun_line_repeats_its_world() {
    let args = ["run", "crash", "--world", "1", "--engine", "stateright-dfs", "-w", "json"];
    let first = json(&check("rerun", &args));
    let world = &first["checks"][0];
    let line = world["rerun"].as_str().expect("a rerun line").to_string();
    let again: Vec<&str> = line.split(' ').skip(1).chain(["-w", "json"]).collect();
    let output = check("rerun", &again);
    let second = json(&output);
    assert_eq!((exit(&output), second["checks"].as_array().map(Vec::len)), (0, Some(1)), "{line}");
    for field in ["states", "bounds", "engine", "verdict", "rerun"] {
        assert_eq!(second["checks"][0][field], world[field], "{line}");
    }
}

/// What a walk finds is judged with every property watched, what a replay sees with one: they must agree.
#[test]
fn whatever_a_walk_finds_can_be_replayed() {
    for rule in [
        "majority-commits",
        "one-vote-per-term",
        "match-starts-at-zero",
        "stop-on-write-error",
        "persist-term",
    ] {
        let output = check("walked", &["random", "crash", "--without", rule, "--seed", "1", "-w", "json"]);
        assert_eq!(exit(&output), 12, "{rule}");
        let report = json(&output);
        let trace = report["trace"].as_str().expect("a trace");
        let replayed = check("walked", &["replay", trace]);
        assert_eq!(exit(&replayed), 0, "{rule}: {}", stderr(&replayed));
    }
}

/// Each way of spoiling a trace is refused with the line, and never by a panic.
#[test]
fn a_spoiled_trace_is_refused_with_its_line() {
    let dir = scratch("spoiled");
    let good = include_str!("../../counterexamples/persist-vote.trace");
    let spoiled = [
        ("cut", good.lines().take(20).collect::<Vec<_>>().join("\n"), "cut off"),
        ("version", good.replace("format    1", "format    9"), "another version"),
        ("label", good.replacen("> timeout n1", "> timeout n9", 1), "cannot happen here"),
        ("output", good.replacen("term 1 no vote", "term 2 no vote", 1), "now print"),
        ("rule", good.replacen("persist-vote", "persist-vole", 1), "`persist-vote`"),
        ("property", good.replacen("Election Safety", "Election Safely", 1), "`Election Safety`"),
        ("bounds", good.replacen("crashes <= 1", "crashes <= x", 1), "not a bound"),
        ("why", good.replacen("both led term 1\n", "both led term 2\n", 1), "at the end it is"),
        ("after", format!("{good}> crash n9\n"), "stands after"),
        ("count", good.replacen("end       7", "end       6", 1), "there are 7"),
        ("empty", String::new(), "starts with"),
        ("noise", "# \u{0}\u{1}\nformat    1\nxx".to_string(), "line 3"),
    ];
    for (name, text, says) in spoiled {
        let file = dir.join(format!("{name}.trace"));
        fs::write(&file, text).expect("a scratch file");
        let output = check("spoiled", &["replay", &file.display().to_string()]);
        let said = stderr(&output);
        assert_eq!(exit(&output), 65, "{name}: {said}");
        assert!(said.contains(says) && said.contains("line "), "{name}: {said}");
    }
    let binary = dir.join("binary.trace");
    fs::write(&binary, [0xff, 0xfe, 0x00]).expect("a scratch file");
    assert_eq!(exit(&check("spoiled", &["replay", &binary.display().to_string()])), 65);
}

#[test]
fn what_cannot_be_written_or_read_is_said_at_once() {
    let output = check("paths", &["run", "all", "--out", "/proc/nowhere"]);
    assert_eq!(exit(&output), 74);
    assert!(stderr(&output).contains("/proc/nowhere"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    assert_eq!(exit(&check("paths", &["replay", "no-such.trace"])), 74);
}

#[test]
fn a_port_that_is_taken_is_said_to_be() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let output = check("port", &["explore", "election", "--addr", &address]);
    assert_eq!(exit(&output), 74);
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_search_with_what_it_knows() {
    let child = Command::new(env!("CARGO_BIN_EXE_check"))
        .args(["run", "replication", "--tier", "deep", "-w", "json"])
        .current_dir(scratch("interrupt"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("check runs");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.expect("kill runs").success());
    let output = child.wait_with_output().expect("check ends");
    let report = json(&output);
    assert_eq!((exit(&output), &report["verdict"]), (3, &"INCOMPLETE".into()));
    assert!(report["checks"].as_array().expect("checks").iter().any(|world| world["limit"] == "interrupt"));
}

#[test]
fn every_format_of_a_replay_is_drawn() {
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/../counterexamples/persist-vote.trace");
    for (flag, starts) in [
        ("--svg", "<svg"),
        ("--html", "<!doctype html>"),
        ("--mermaid", "sequenceDiagram"),
        ("--itf", "{"),
        ("--json", "{"),
        ("--shiviz", "(?<"),
    ] {
        let output = check("formats", &["replay", trace, flag]);
        let text = stdout(&output).to_lowercase();
        assert_eq!(exit(&output), 0, "{flag}");
        assert!(
            text.trim_start().contains(&starts.to_lowercase()),
            "{flag}: {}",
            &text[..80.min(text.len())]
        );
    }
}

#[test]
fn lists_completions_and_the_manual_are_there() {
    for what in ["checks", "rules", "properties", "witnesses"] {
        let output = check("lists", &["list", what, "-w", "json"]);
        assert!(json(&output)["rows"].as_array().is_some_and(|rows| rows.len() > 3), "{what}");
    }
    assert!(stdout(&check("lists", &["completions", "bash"])).contains("complete"));
    assert!(stdout(&check("lists", &["man"])).contains(".TH check"));
}
