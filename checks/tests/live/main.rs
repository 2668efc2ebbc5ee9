//! Live clusters: what is broken in them, what is left of them, and what those are told who mistype.

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use support::{FAST, Lab, both, comes_true, fresh, lab, lines, runs};

/// How long processes may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn a_cluster_that_is_broken_and_mended_goes_down_in_order_and_leaves_a_whole_run() {
    let mut cluster = Lab::up("whole");
    let before = cluster.pids();
    assert_eq!(before.len(), 3);
    let home = cluster.dir.parent().expect("a directory above").to_path_buf();
    let load = ["load", "--clients", "4", "--rate", "300", "--for", "5s"];
    let mut clients = lab(&home, &load).stdout(Stdio::piped()).spawn().expect("lab load starts");

    // Who is told no endpoints asks the cluster that is up.
    cluster.does(&["ctl", "put", "greeting", "hello"]);
    assert_eq!(cluster.does(&["ctl", "get", "greeting"]).trim(), "hello");
    assert_eq!(cluster.does(&["chaos", "kill", "leader"]), "done: kill leader\n");
    assert_eq!(cluster.pids().len(), 2);
    cluster.does(&["chaos", "start", "all"]);
    cluster.does(&["chaos", "isolate", "leader"]);
    std::thread::sleep(Duration::from_millis(600));
    cluster.does(&["chaos", "heal"]);
    cluster.does(&["chaos", "pause", "follower", "100ms"]);
    assert!(clients.wait().expect("lab load ends").success());

    let pids = cluster.pids();
    let down = cluster.says(&["down"]);
    let code = cluster.child.wait().expect("lab up ends").code();
    assert_eq!((down.status.code(), code), (Some(0), Some(0)), "{}\n{}", both(&down), cluster.reads("rerun"));
    assert!(both(&down).contains("VERDICT VERIFIED"), "{}", both(&down));
    assert!([before, pids].concat().iter().all(|pid| !runs(*pid)), "a server outlives its run");
    assert!(!cluster.dir.join("control.sock").exists());

    for name in [
        "run.json",
        "samples.jsonl",
        "events.jsonl",
        "load.jsonl",
        "metrics.prom",
        "index.html",
        "report.json",
    ] {
        assert!(fs::metadata(cluster.dir.join(name)).is_ok_and(|file| file.len() > 0), "{name}");
    }
    let faults = cluster.lines("faults.jsonl");
    let verbs: Vec<_> = faults.iter().map(|fault| fault["verb"].as_str().expect("a verb")).collect();
    assert_eq!(verbs, ["kill", "start", "link", "heal", "pause"]);
    assert_eq!(faults[0]["incarnation"], 1);
    assert_eq!(faults[4]["until_us"].as_u64(), faults[4]["at_us"].as_u64().map(|at| at + 100_000));
    let run = fs::read_to_string(cluster.dir.join("run.json")).expect("run.json");
    let run: Value = serde_json::from_str(&run).expect("JSON");
    assert_eq!((&run["seed"], &run["schema"]), (&7.into(), &"raftlab-run/1".into()));
    assert!(run["ended_at_us"].as_u64() > run["started_at_us"].as_u64());
    let history = cluster.lines("history.jsonl");
    let operations = history.last().expect("a last line")["operations"].as_u64().expect("how many there are");
    assert!(operations > 100 && history.len() as u64 == operations + 2, "{operations}");
    let fired = fs::read_to_string(cluster.dir.join("fired.json")).expect("fired.json");
    assert!(
        fired.contains("link_cut") && fired.contains("\"pause\"") && fired.contains("\"kill\""),
        "{fired}"
    );
}

#[test]
fn servers_end_with_a_supervisor_that_is_killed() {
    let mut cluster = Lab::up("killed");
    let pids = cluster.pids();
    // Not even a server that sleeps may stay.
    cluster.does(&["chaos", "pause", "n1", "60s"]);
    cluster.child.kill().expect("kill -9");
    cluster.child.wait().expect("it ends");
    assert!(
        comes_true(GONE_WITHIN, || pids.iter().all(|pid| !runs(*pid))),
        "a server outlives its supervisor"
    );
    let down = cluster.says(&["down", "--dir", cluster.dir.to_str().expect("a path")]);
    assert_eq!(down.status.code(), Some(69), "{}", both(&down));
    assert!(both(&down).contains("its run is over"), "{}", both(&down));
}

#[test]
fn servers_join_and_leave_while_the_others_go_on() {
    let mut cluster = Lab::up("members");
    cluster.does(&["load", "--clients", "2", "--for", "500ms"]);
    cluster.does(&["add", "n4"]);
    assert_eq!(cluster.pids().len(), 4);
    let again = cluster.says(&["add", "n4"]);
    assert_eq!(again.status.code(), Some(65));
    assert!(both(&again).contains("take n5"), "{}", both(&again));
    cluster.does(&["move-leader", "n4"]);
    cluster.does(&["chaos", "move-log", "n4"]);
    assert!(cluster.dir.join("n4/log-2").is_dir());
    cluster.does(&["remove", "n1"]);
    assert_eq!(cluster.pids().len(), 3);
    let gone = cluster.says(&["chaos", "kill", "n1"]);
    assert!(both(&gone).contains("did you mean `n2`, `n3`, `n4`?"), "{}", both(&gone));
    let down = cluster.says(&["down"]);
    assert_eq!(down.status.code(), Some(0), "{}\n{}", both(&down), cluster.reads("rerun"));
}

#[test]
fn who_mistypes_is_told_what_was_meant() {
    let home = fresh("mistyped");
    let says = |args: &[&str]| {
        let output = support::says(&home, args);
        (output.status.code().expect("an exit code"), both(&output))
    };
    let told = |args: &[&str], exit: i32, what: &str| {
        let (code, text) = says(args);
        assert!(code == exit && text.contains(what), "{args:?}: exit {code}\n{text}");
    };
    told(&["chaos", "kil", "leader"], 2, "`kil` is not a verb of `lab chaos`; did you mean `kill`");
    told(&["chaos", "kill", "leadr"], 2, "`leadr` is not a server; did you mean `leader`?");
    told(&["chaos", "wait", "3s"], 2, "`wait` is not a verb of `lab chaos`");
    told(&["chaos", "kill", "leader"], 69, "nobody is up in ./runs: start a cluster with `lab up --nodes 3`");
    told(&["down", "--dir", "elsewhere"], 69, "nobody is up in elsewhere: no run of `lab up`");
    told(&["add", "four"], 2, "`four` is no name of a server");
    told(&["run", "dmeo"], 65, "`dmeo` is not a scenario; did you mean `demo`");
    told(&["up", "--nodes", "0"], 2, "0 is not in 1..=9");
    told(&["list"], 0, "A minute in the life of a cluster");
    fs::write(home.join("bad.scenario"), "up 3\nkil n1\n").expect("a file");
    told(
        &["run", "bad.scenario"],
        65,
        "error: bad.scenario:2:1: `kil` is not a command; did you mean `kill`",
    );
    told(
        &["up", "--nodes", "1", "--", "--election-timeout", "1ms"],
        2,
        "n1 did not start, exit 2: the election time-out",
    );
}

/// Runs a scenario of one server, and gives its exit code, its document, and all that it printed.
fn run(name: &str, scenario: &str) -> (Option<i32>, Value, String) {
    let home = fresh(name);
    fs::create_dir_all(&home).expect("a directory");
    fs::write(home.join("short.scenario"), scenario).expect("a file");
    let args = [&["-w", "json", "run", "short.scenario", "--dir", "run"], &FAST[..]].concat();
    let output = support::says(&home, &args);
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", both(&output)));
    (output.status.code(), document, both(&output))
}

#[test]
fn an_expectation_that_fails_ends_a_scenario_with_evidence() {
    let scenario =
        "up 1\nload 1 clients rate 100\nexpect progress within 5s\nexpect 3 voters within 200ms\nkill n1\n";
    let (code, document, text) = run("unexpected", scenario);
    assert_eq!(
        (code, &document["exit"], &document["schema"]),
        (Some(20), &20.into(), &"raftlab-lab/1".into())
    );
    let expected = &document["expectations"];
    assert_eq!((&expected[0]["holds"], &expected[1]["holds"]), (&true.into(), &false.into()));
    assert_eq!(expected[1]["text"], "expect 3 voters within 200ms");
    let evidence = expected[1]["evidence"].as_str().expect("evidence");
    assert!(evidence.contains("n1  leader in term"), "{evidence}");
    // What stands behind it is not done.
    let dir = Path::new(document["evidence"].as_str().expect("where the evidence is"));
    assert!(lines(&dir.join("faults.jsonl")).is_empty());
    assert!(text.contains("✗ NOT within"), "{text}");
}

#[test]
fn a_fault_that_never_struck_is_no_fault() {
    let scenario = "up 1\nload 1 clients for 300ms\nwait 700ms\nslow-disk n1 50ms\ndown\n";
    let (code, document, text) = run("silent", scenario);
    assert_eq!((code, &document["exit"]), (Some(21), &21.into()), "{text}");
    assert_eq!(document["faults"][0]["name"], "slow-disk n1 50ms (disk_slow)");
    assert_eq!(document["faults"][0]["fired"], 0);
}
