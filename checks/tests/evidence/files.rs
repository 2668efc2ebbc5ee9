//! Files that are missing or cut, and the files that a report writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use raftlab_checks::evidence::{self, BYTES_MAX, SCHEMA, TRACE_SCHEMA};
use raftlab_checks::verdict::Verdict;

use super::runs::{half_an_hour, minute, short};
use super::scene::{START_US, lines};
use super::{json, judgements, read, reason, report};

/// All that a report writes.
const WRITTEN: [&str; 12] = [
    "index.html",
    "report.json",
    "verdict.txt",
    "trace.jsonl",
    "rerun.sh",
    "lanes.svg",
    "terms.svg",
    "throughput.svg",
    "latency.svg",
    "fsync.svg",
    "proposals.svg",
    "resources.svg",
];

#[test]
fn a_missing_file_is_said_and_is_no_pass() {
    for name in [
        "run.json",
        "faults.jsonl",
        "events.jsonl",
        "samples.jsonl",
        "load.jsonl",
        "history.jsonl",
        "fired.json",
    ] {
        let dir = short().write(&format!("missing-{name}"));
        fs::remove_file(dir.join(name)).expect("it was there");
        let verdict = report(&dir);
        assert_eq!((verdict.verdict, verdict.exit), (Verdict::Error, 65), "{name}: {}", verdict.says);
        assert!(reason(&verdict, "record").says.starts_with(&format!("{name}: missing")), "{}", verdict.says);
        assert!(read(&dir, "index.html").contains(&format!("{name}: missing")), "the page says it");
        assert!(read(&dir, "verdict.txt").starts_with("ERROR  record: "));
    }
    let dir = short().write("missing-journals");
    fs::remove_dir_all(dir.join("journals")).expect("it was there");
    assert_eq!(reason(&report(&dir), "record").says, "journals: missing");
    fs::create_dir(dir.join("journals")).expect("a directory can be made");
    assert_eq!(reason(&report(&dir), "record").says, "journals: holds no journal");
    fs::write(dir.join("journals/n1-1.journal"), "").expect("a file can be written");
    assert_eq!(reason(&report(&dir), "record").says, "journals: n1-1.journal is empty");
}

#[test]
fn what_no_verdict_rests_on_may_be_missing_and_is_said() {
    let dir = short().write("missing-metrics");
    fs::remove_file(dir.join("metrics.prom")).expect("it was there");
    fs::remove_file(dir.join("n2.log")).expect("it was there");
    let verdict = report(&dir);
    assert_eq!(verdict.verdict, Verdict::Verified, "{}", verdict.says);
    let page = read(&dir, "index.html");
    assert!(page.contains("metrics.prom: missing") && page.contains("n2.log: missing"));
}

#[test]
fn a_cut_or_broken_line_is_said_with_its_file_and_number() {
    for name in ["faults.jsonl", "events.jsonl", "samples.jsonl", "load.jsonl", "history.jsonl"] {
        let dir = short().write(&format!("cut-{name}"));
        let text = read(&dir, name);
        let lines = text.lines().count();
        fs::write(dir.join(name), &text[..text.len() - 9]).expect("a file can be written");
        let says = reason(&report(&dir), "record").says.clone();
        assert_eq!(says, format!("{name}:{lines}: cut: the line breaks off"));
        // A line that is whole but for its end may be whole by chance.
        fs::write(dir.join(name), text.trim_end()).expect("a file can be written");
        let says = reason(&report(&dir), "record").says.clone();
        assert_eq!(says, format!("{name}:{lines}: cut: the line has no end"));
        let broken = text.replacen('{', "[", 1);
        fs::write(dir.join(name), broken).expect("a file can be written");
        let verdict = report(&dir);
        assert!(reason(&verdict, "record").says.starts_with(&format!("{name}:1: ")), "{}", verdict.says);
        assert_eq!(verdict.exit, 65);
    }
}

#[test]
fn lines_that_are_json_and_make_no_sense_are_said_too() {
    for (name, line, says) in [
        (
            "samples.jsonl",
            r#"{"at_us":1,"server":"n1","reachable":true}"#,
            "a server that answers has a role",
        ),
        (
            "samples.jsonl",
            r#"{"at_us":1,"server":"n1","reachable":true,"role":"king","term":1}"#,
            "unknown variant `king`",
        ),
        (
            "events.jsonl",
            r#"{"at_us":1,"unix_us":1,"server":"n1","term":1,"kind":"role","text":"x ⇨ king"}"#,
            "ends in no role",
        ),
        (
            "events.jsonl",
            r#"{"at_us":1,"server":"n1","term":1,"kind":"role","text":"⇨ leader"}"#,
            "missing field `unix_us`",
        ),
        ("load.jsonl", r#"{"at_us":1,"done":1,"failed":0}"#, "missing field `unknown`"),
    ] {
        let dir = short().write("nonsense");
        let text = read(&dir, name);
        fs::write(dir.join(name), format!("{line}\n{text}")).expect("a file can be written");
        let found = reason(&report(&dir), "record").says.clone();
        assert!(found.starts_with(&format!("{name}:1: ")) && found.contains(says), "{found}");
    }
}

#[test]
fn many_broken_lines_are_counted() {
    let dir = short().write("many-broken");
    fs::write(dir.join("load.jsonl"), "?\n".repeat(40)).expect("a file can be written");
    let verdict = report(&dir);
    let says = &reason(&verdict, "record").says;
    assert!(says.starts_with("load.jsonl:1: ") && says.ends_with("(and 39 more)"), "{says}");
}

#[test]
fn no_directory_is_bad_input() {
    let failure = evidence::write(Path::new("there/is/none"), &judgements()).unwrap_err();
    assert_eq!(failure.exit, 65);
    assert!(failure.message.starts_with("there/is/none: not a directory"), "{failure}");
}

#[test]
fn two_reports_of_one_run_are_equal_to_the_byte() {
    let dir = minute().write("twice");
    report(&dir);
    let first: Vec<Vec<u8>> = WRITTEN.iter().map(|name| fs::read(dir.join(name)).expect(name)).collect();
    for name in WRITTEN {
        fs::remove_file(dir.join(name)).expect("it was written");
    }
    report(&dir);
    for (name, first) in WRITTEN.iter().zip(first) {
        assert!(fs::read(dir.join(name)).expect(name) == first, "{name} differs");
    }
}

#[test]
fn the_timeline_is_in_true_time_and_names_causes() {
    let dir = short().write("timeline");
    report(&dir);
    let text = read(&dir, "trace.jsonl");
    let mut lines = text.lines().map(json);
    let header = lines.next().expect("a header");
    assert_eq!((header["schema"].as_str(), header["seed"].as_u64()), (Some(TRACE_SCHEMA), Some(7)));
    assert_eq!(header["servers"], serde_json::json!(["n1", "n2", "n3"]));
    let lines: Vec<_> = lines.collect();
    assert!(lines.is_sorted_by_key(|line| line["at_us"].as_u64()), "in order of time");
    assert!(lines.iter().enumerate().all(|(at, line)| line["step"] == at + 1));
    let step = |source: &str, kind: &str, server: &str, at_ms: u64| {
        let found = lines.iter().find(|line| {
            line["source"] == source
                && line["kind"] == kind
                && line["server"] == server
                && line["at_us"] == START_US + at_ms * 1000
        });
        found.unwrap_or_else(|| panic!("{source} {kind} {server} at {at_ms} ms")).clone()
    };
    let (kill, leads) = (step("fault", "kill", "n1", 2000), step("event", "role", "n2", 3200));
    assert_eq!(leads["cause"], kill["step"]);
    assert_eq!(
        (leads["before"].as_str(), leads["after"].as_str()),
        (Some("candidate @2"), Some("leader @2"))
    );
    assert_eq!(
        lines.iter().filter(|line| line["cause"].is_u64()).count(),
        1,
        "only what followed has a cause"
    );
}

#[test]
fn a_change_that_no_event_told_is_seen_in_samples() {
    let dir = short().write("untold");
    let events = read(&dir, "events.jsonl");
    let kept = lines(events.lines().filter(|line| !line.contains("\"n2\"")));
    fs::write(dir.join("events.jsonl"), kept).expect("a file can be written");
    report(&dir);
    let trace = read(&dir, "trace.jsonl");
    let seen =
        trace.lines().map(json).find(|line| line["source"] == "sample" && line["after"] == "leader @2");
    assert_eq!(seen.expect("n2 led")["at_us"], START_US + 3_200_000);
}

#[test]
fn the_json_says_what_the_run_came_to() {
    let dir = short().write("json");
    report(&dir);
    let document = json(&read(&dir, "report.json"));
    assert_eq!(document["schema"], SCHEMA);
    assert_eq!((document["verdict"].as_str(), document["exit"].as_u64()), (Some("VERIFIED"), Some(0)));
    assert_eq!((document["on"].as_str(), document["seed"].as_u64()), (Some("udp"), Some(7)));
    let faults = document["faults"].as_array().expect("a list");
    let fired: Vec<_> =
        faults.iter().map(|own| (own["name"].as_str().unwrap_or(""), own["fired"].as_u64())).collect();
    assert_eq!(fired, [("kill n1", Some(1)), ("link_cut all", Some(42))]);
    let failovers = document["failovers"].as_array().expect("a list");
    assert_eq!(failovers.len(), 1, "n3 did not lead when it was cut off");
    let failover = &failovers[0];
    assert_eq!((failover["server"].as_str(), failover["next_leader"].as_str()), (Some("n1"), Some("n2")));
    assert_eq!(
        (failover["took_ms"].as_f64(), failover["election_timeouts"].as_f64()),
        (Some(1200.0), Some(1.2))
    );
    let servers = document["servers"].as_array().expect("a list");
    assert_eq!(servers[0]["restarts"], 1);
    assert_eq!(servers[0]["terms_led"], serde_json::json!([1]));
    // n1 led from 0.445 s to 2 s, n2 from 3.2 s to the end at 7 s.
    assert_eq!(document["leadership"]["led_seconds"], 5.355);
    assert_eq!(document["leadership"]["longest_without_seconds"], 1.2);
    assert!(
        document["expectations"].as_array().is_some_and(|all| all.iter().all(|own| own["holds"] == true))
    );
    let done = document["clients"]["done"].as_u64().expect("a number");
    let lines: u64 =
        read(&dir, "load.jsonl").lines().map(|line| json(line)["done"].as_u64().expect("a number")).sum();
    assert_eq!(done, lines);
}

#[test]
fn the_minute_has_all_its_failovers() {
    let dir = minute().write("minute");
    let verdict = report(&dir);
    assert_eq!(verdict.verdict, Verdict::Verified, "{}", verdict.says);
    let document = json(&read(&dir, "report.json"));
    let failovers = document["failovers"].as_array().expect("a list");
    let told: Vec<String> = failovers
        .iter()
        .map(|own| format!("{} {} {} {}", own["fault"], own["server"], own["next_leader"], own["took_ms"]))
        .collect();
    assert_eq!(
        told,
        [
            r#""kill" "n1" "n2" 1355.0"#,
            r#""link" "n2" "n3" 2945.0"#,
            r#""disk" "n3" null null"#,
            r#""pause" "n3" "n1" 1425.0"#,
        ]
    );
    let configurations = document["configurations"].as_array().expect("a list");
    let members: Vec<_> = configurations.iter().map(|own| own["members"].as_str().unwrap_or("")).collect();
    assert_eq!(members, ["{n1 n2 n3}", "{n1 n2 n3 | n4}", "{n1 n2 n3 n4}"]);
    let page = read(&dir, "index.html");
    assert!(page.len() < BYTES_MAX, "{}", page.len());
    for says in [
        "led term 1; n2 leads term 2 after 1.35 s",
        "led term 4, and led on",
        "answers after 200 ms, has all up to",
        "{n1 n2 n3 | n4} since 131072, at 46.56 s",
        "ends partition n2 | n1,n3 after 7.00 s",
    ] {
        assert!(page.contains(says), "{says}");
    }
}

#[test]
fn the_script_runs_what_was_run() {
    let dir = short().write("script");
    report(&dir);
    let run = |argument: &str| {
        let script = Command::new("sh").arg(dir.join("rerun.sh")).arg(argument).env("LAB", "echo").output();
        let output = script.expect("sh runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(run("run"), (Some(0), "up --nodes 3 --seed 7\n".into()));
    let whole = dir.canonicalize().expect("it is there");
    assert_eq!(run("judge"), (Some(0), format!("validate {0}\nreport {0}\n", whole.display())));
    assert_eq!(run("jump").0, Some(2));
}

#[test]
fn a_command_line_of_several_lines_is_one_command() {
    let dir = short().write("script-lines");
    let text = read(&dir, "run.json").replace("lab up --nodes 3", "lab up --nodes 3\\necho evil");
    fs::write(dir.join("run.json"), text).expect("a file can be written");
    report(&dir);
    assert!(read(&dir, "rerun.sh").lines().all(|line| !line.starts_with("echo")));
}

#[test]
fn the_page_of_half_an_hour_is_whole_and_small() {
    let dir = half_an_hour().write("half-an-hour");
    let verdict = report(&dir);
    assert_eq!(verdict.verdict, Verdict::Verified, "{}", verdict.says);
    let page = read(&dir, "index.html");
    assert!(page.len() < BYTES_MAX && !page.contains("left out"), "{}", page.len());
    assert_eq!(page.matches("<svg").count(), 7);
}
