//! The program `ctl` against servers that do as they are told.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use raftlab_core::{Entry, Index, LogId, NodeId, Payload, Term, Write};
use raftlab_node::api::Code;
use raftlab_node::disk::Directory;
use raftlab_node::kv::{self, Operation};
use raftlab_node::wal::{Identity, Wal};
use serde_json::{Value, json};

use crate::stub::{Cluster, Trouble};

/// How it ended, and what it said.
#[derive(Debug)]
struct Ended {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

fn ctl(endpoints: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctl"));
    command.args(arguments).env("RAFTLAB_ENDPOINTS", endpoints).env("NO_COLOR", "1").stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// It has to succeed.
fn done(cluster: &Cluster, arguments: &[&str]) -> String {
    let ended = ctl(&cluster.endpoints(), arguments);
    assert_eq!(ended.exit, Some(0), "{arguments:?}: {ended:?}");
    ended.stdout
}

fn document(cluster: &Cluster, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(cluster, &[arguments, &["-w", "json"]].concat())).unwrap()
}

fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn fresh_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("raftlab-ctl-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn keys_are_written_read_compared_and_removed() {
    let cluster = Cluster::start(3);
    cluster.world().leader = Some(1);
    assert_eq!(done(&cluster, &["put", "a", "1"]), "OK\n");
    assert_eq!(done(&cluster, &["get", "a"]), "1\n");
    assert_eq!(done(&cluster, &["cas", "a", "-2", "--expected", "1"]), "swapped\n");
    assert_eq!(done(&cluster, &["cas", "a", "3", "--absent"]), "not swapped: there is -2\n");
    assert_eq!(done(&cluster, &["get", "a", "--consistency", "stale"]), "-2\n");
    assert_eq!(done(&cluster, &["cas", "a", "--expected=-2", "--delete"]), "swapped\n");
    assert_eq!(done(&cluster, &["del", "a"]), "0\n");
    assert_eq!(done(&cluster, &["get", "a"]), "");
    let put = document(&cluster, &["put", "a", "4"]);
    assert_eq!(put, json!({"schema": "raftlab-put/1", "revision": 5, "existed": false, "repeated": false}));
    let get = document(&cluster, &["get", "a"]);
    assert_eq!(get, json!({"schema": "raftlab-get/1", "key": "a", "value": "4", "revision": 5}));
}

#[test]
fn an_outcome_that_nobody_knows_is_said_in_one_sentence() {
    let cluster = Cluster::start(1);
    cluster.world().troubles.push_back(Trouble::BreakDone);
    let ended = ctl(&cluster.endpoints(), &["put", "a", "1", "--no-session"]);
    assert_eq!((ended.exit, ended.stdout.as_str()), (Some(75), ""));
    let says = "error: the outcome is unknown, it may have been done or may be yet: the connection to ";
    assert!(ended.stderr.starts_with(says) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    // In a session, the same trouble is settled.
    cluster.world().troubles.push_back(Trouble::BreakDone);
    assert!(document(&cluster, &["put", "a", "2"])["repeated"].as_bool().unwrap());
}

#[test]
fn what_is_in_the_way_has_its_exit_code() {
    let hurried = ["--timeout", "100ms"];
    let exits = |endpoints: &str, arguments: &[&str], exit: i32, says: &str| {
        let ended = ctl(endpoints, arguments);
        assert_eq!((ended.exit, ended.stdout.as_str()), (Some(exit), ""), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{arguments:?}: {}", ended.stderr);
    };
    exits(&nobody(), &[&["get", "a"], &hurried[..]].concat(), 69, "is not reached: ");
    exits("nonsense", &["get", "a"], 2, "`nonsense` is no endpoint");
    exits("127.0.0.1:1", &["gett", "a"], 2, "a similar subcommand exists: 'get'");
    exits("127.0.0.1:1", &["cas", "a", "1"], 2, "--expected");
    exits("127.0.0.1:1", &["member", "add", "four", "--peer", "127.0.0.1:7004"], 2, "no name of a server");
    exits("127.0.0.1:1", &["top"], 2, "with --once it prints one frame");
    let cluster = Cluster::start(2);
    cluster.world().leader = None;
    exits(&cluster.endpoints(), &[&["put", "a", "1"], &hurried[..]].concat(), 69, "does not lead");
    cluster.world().leader = Some(0);
    for (code, exit) in [(Code::TooLarge, 65), (Code::NoLease, 65), (Code::Refused, 75)] {
        cluster.world().troubles.push_back(Trouble::Say(code));
        exits(&cluster.endpoints(), &["put", "a", "1"], exit, "says: as it was told");
    }
}

#[test]
fn a_server_joins_as_a_learner_and_votes_when_it_has_caught_up() {
    let cluster = Cluster::start(3);
    cluster.world().behind = 2;
    let add = ["member", "add", "n4", "--peer", "127.0.0.1:7004", "-w", "simple"];
    let stdout = done(&cluster, &add);
    assert!(stdout.lines().any(|line| line.starts_with("n4\tvoter\t127.0.0.1:7004\t")), "{stdout}");
    let asked: Vec<_> = cluster.world().heard.iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(asked.iter().filter(|body| body.contains("add-learner")).count(), 1, "{asked:?}");
    assert_eq!(asked.iter().filter(|body| body.contains("promote")).count(), 3, "{asked:?}");

    let stdout =
        done(&cluster, &["member", "add", "n5", "--peer", "127.0.0.1:7005", "--learner", "-w", "simple"]);
    assert!(stdout.lines().any(|line| line.starts_with("n5\tlearner\t")), "{stdout}");
    assert_eq!(document(&cluster, &["member", "promote", "n5"])["quorum"], 3);
    assert_eq!(document(&cluster, &["member", "remove", "n5"])["members"].as_array().unwrap().len(), 4);
    assert!(done(&cluster, &["member", "list"]).contains("n4"));
}

#[test]
fn a_learner_that_does_not_catch_up_stays_one_and_the_refusal_is_passed_on() {
    let cluster = Cluster::start(3);
    cluster.world().behind = usize::MAX;
    let add = ["member", "add", "n4", "--peer", "127.0.0.1:7004", "--wait", "50ms"];
    let ended = ctl(&cluster.endpoints(), &add);
    assert_eq!(ended.exit, Some(75));
    assert!(
        ended.stderr.contains("n4 holds the log up to 3, and 9 entries are committed"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("`ctl member promote n4` tries again"), "{}", ended.stderr);
    // The same call goes on where the first one stopped.
    cluster.world().behind = 0;
    assert!(done(&cluster, &add).contains("voter"));
    assert_eq!(cluster.world().members.last().unwrap(), &("n4".to_string(), "voter"));
    let ended = ctl(&cluster.endpoints(), &add);
    assert_eq!(ended.exit, Some(75));
    assert!(ended.stderr.contains("n4 belongs to the cluster already"), "{}", ended.stderr);
}

#[test]
fn another_server_leads_when_it_is_asked_to() {
    let cluster = Cluster::start(3);
    assert_eq!(done(&cluster, &["move-leader", "n3"]), "n3 leads in term 4\n");
    assert_eq!(cluster.world().leader, Some(2));
    cluster.world().is_transfer_lost = true;
    let ended = ctl(&cluster.endpoints(), &["move-leader", "n1", "--timeout", "300ms"]);
    assert_eq!((ended.exit, ended.stdout.as_str()), (Some(75), ""));
    assert!(ended.stderr.contains("n1 was told to lead, and did not within 0.3 s"), "{}", ended.stderr);
}

#[test]
fn servers_tell_how_they_stand() {
    let cluster = Cluster::start(3);
    let all = document(&cluster, &["endpoint", "status"]);
    assert_eq!(all["schema"], "raftlab-status/1");
    let roles: Vec<_> =
        all["servers"].as_array().unwrap().iter().map(|of| of["status"]["role"].clone()).collect();
    assert_eq!(roles, ["leader", "follower", "follower"]);
    // One endpoint is enough to know all.
    let one = cluster.addresses()[1].to_string();
    let ended = ctl(&one, &["endpoint", "health", "--cluster", "-w", "simple"]);
    assert_eq!((ended.exit, ended.stdout.lines().count()), (Some(0), 3), "{ended:?}");
    assert!(ended.stdout.lines().all(|line| line.contains("\thealthy\t")));
    // Of a server that is not named by the others, it has to be given where it listens.
    cluster.world().are_addresses_unknown = true;
    let two = format!("{one},{}", cluster.addresses()[2]);
    let ended = ctl(&two, &["endpoint", "health", "--cluster", "-w", "simple"]);
    assert_eq!((ended.exit, ended.stdout.matches("\thealthy\t").count()), (Some(69), 2), "{ended:?}");
    assert!(ended.stdout.starts_with("n1\tunhealthy\t"), "{ended:?}");
    cluster.world().leader = None;
    let ended = ctl(&one, &["endpoint", "health"]);
    assert_eq!(ended.exit, Some(69));
    assert!(ended.stdout.contains("no leader is known"), "{}", ended.stdout);
    let ended = ctl(&format!("{one},{}", nobody()), &["endpoint", "status"]);
    assert_eq!(ended.exit, Some(69));
    assert!(ended.stdout.contains("n2") && ended.stdout.contains("is not reached"), "{}", ended.stdout);
}

#[test]
fn a_snapshot_is_saved_whole_or_not_at_all() {
    let (cluster, dir) = (Cluster::start(2), fresh_dir("snapshot"));
    cluster.world().leader = Some(1);
    let file = dir.join("saved");
    let path = file.to_str().unwrap();
    let ended = ctl(&cluster.endpoints(), &["snapshot", "save", path]);
    assert_eq!(ended.exit, Some(65), "what is no snapshot is not saved: {ended:?}");
    assert!(!file.exists());
    let bytes = kv::Store::default().snapshot();
    cluster.world().snapshot.clone_from(&bytes);
    let saved = document(&cluster, &["snapshot", "save", path]);
    assert_eq!((&saved["keys"], &saved["bytes"]), (&json!(0), &json!(bytes.len())));
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    assert_eq!(cluster.world().snapshots_by.last(), Some(&1), "the leader is asked");
    let ended = ctl(&cluster.endpoints(), &["snapshot", "save", "/nowhere/at/all"]);
    assert_eq!(ended.exit, Some(74), "{ended:?}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_log_is_verified_dumped_and_its_damage_is_found() {
    let dir = fresh_dir("wal");
    let log = dir.join("log");
    let identity = Identity { cluster: 0xc1, server: NodeId(3) };
    let put = |value: &str| {
        let operation = Operation::Put { key: "a".into(), value: value.into() };
        Payload::Command(kv::Command::Do { request: None, operation }.encode())
    };
    let entry = |index, payload| Entry { id: LogId::new(Term(2), Index(index)), payload };
    let mut wal = Wal::open(Directory::open(&log).unwrap(), identity, 1 << 16).unwrap().wal;
    wal.write(&[Write::Vote { term: Term(2), voted_for: Some(NodeId(3)) }]).unwrap();
    wal.write(&[Write::Log { after: Index(0), entries: vec![entry(1, Payload::Noop), entry(2, put("b"))] }])
        .unwrap();
    wal.write(&[Write::Log { after: Index(2), entries: vec![entry(3, put(&"long".repeat(100)))] }]).unwrap();
    let data_dir = dir.to_str().unwrap();
    let in_use = ctl("", &["wal", "verify", data_dir]);
    assert_eq!(in_use.exit, Some(75), "{in_use:?}");
    assert!(in_use.stderr.contains("belongs to another process that runs"), "{in_use:?}");
    drop(wal);

    let good = ctl("", &["wal", "verify", data_dir]);
    assert_eq!(good.exit, Some(0), "{good:?}");
    assert!(good.stdout.starts_with("good: n3 of cluster 000000000000000000000000000000c1; "), "{good:?}");
    assert!(good.stdout.ends_with("; term 2, last entry 3@2\n"), "{good:?}");
    let dump = ctl("", &["wal", "dump", log.to_str().unwrap()]);
    let lines: Vec<_> = dump.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{dump:?}");
    assert!(lines[1].ends_with("\t#2\tterm 2 vote n3"), "{}", lines[1]);
    assert!(lines[2].ends_with("\t#3\tafter 0: 1@2 no-op, 2@2 put \"a\" = \"b\""), "{}", lines[2]);
    assert!(lines[3].contains("longlong…\" (400 bytes)"), "{}", lines[3]);

    let [file, offset] = [0, 1].map(|column| lines[2].split('\t').nth(column).unwrap().to_string());
    let path = log.join(&file);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[offset.parse::<usize>().unwrap() + 20] ^= 0x40;
    std::fs::write(&path, bytes).unwrap();
    let bad = ctl("", &["wal", "verify", data_dir]);
    assert_eq!((bad.exit, bad.stdout.as_str()), (Some(65), ""));
    assert!(bad.stderr.contains(&format!("{file} is damaged at byte {offset}, in record 3: ")), "{bad:?}");
    let bad = ctl("", &["wal", "verify", data_dir, "-w", "json"]);
    let document: Value = serde_json::from_str(&bad.stdout).unwrap();
    assert_eq!((&document["good"], &document["record"]), (&json!(false), &json!(3)));
    assert_eq!(document["offset"].to_string(), offset);
    let dump = ctl("", &["wal", "dump", data_dir]);
    assert_eq!(
        (dump.exit, dump.stdout.lines().count()),
        (Some(65), 2),
        "what is before the damage: {dump:?}"
    );
    let none = ctl("", &["wal", "verify", "/nowhere/at/all"]);
    assert_eq!(none.exit, Some(74), "{none:?}");
    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::create_dir_all(&dir).unwrap();
    let empty = ctl("", &["wal", "verify", data_dir]);
    assert_eq!(empty.exit, Some(65), "{empty:?}");
    assert!(empty.stderr.contains("holds no log"), "{empty:?}");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_is_measured_is_named_as_the_servers_read() {
    let cluster = Cluster::start(1);
    cluster.world().read_mode = "lease";
    let perf = ["check", "perf", "--clients", "1,2", "--seconds", "0.2", "--warm-up", "10ms", "--keys", "20"];
    let document = document(&cluster, &perf);
    assert_eq!(document["schema"], "raftlab-perf/1");
    let rows = document["rows"].as_array().unwrap();
    let named: Vec<_> = rows
        .iter()
        .map(|row| (row["operation"].as_str().unwrap(), row["clients"].as_u64().unwrap()))
        .collect();
    assert_eq!(named, [("put", 1), ("put", 2), ("get-lease", 1), ("get-lease", 2)]);
    for row in rows {
        assert!(row["per_second"].as_f64().unwrap() > 0.0 && row["failed"] == 0, "{row}");
        assert!(row["p50_ms"].as_f64() <= row["p99_ms"].as_f64(), "{row}");
        assert!(row["p99_ms"].as_f64() <= row["p999_ms"].as_f64(), "{row}");
    }
    let cluster = Cluster::start(1);
    let reads =
        ["check", "perf", "--operation", "get", "--seconds", "0.05", "--warm-up", "0s", "--keys", "20"];
    done(&cluster, &reads);
    assert_eq!(cluster.world().store.len(), 20, "every read finds a value");
}

#[test]
fn one_frame_of_top_shows_all_servers() {
    let cluster = Cluster::start(3);
    let known = format!("{},{}", cluster.addresses()[1], nobody());
    let ended = ctl(&known, &["top", "--once", "--interval", "10ms"]);
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(
        lines[0].starts_with("3 of 4 servers · n1 leads in term 4 · 2 acknowledgements commit"),
        "{}",
        lines[0]
    );
    assert!(lines[3].starts_with("n1       leader"), "{}", lines[3]);
    assert!(lines[5].starts_with("n3       follower") && lines[5].contains("0.18 ms"), "{}", lines[5]);
    assert!(lines[6].contains("is not reached"), "{}", lines[6]);
    let ended = ctl(&nobody(), &["top", "--once", "--interval", "10ms"]);
    assert_eq!(ended.exit, Some(69), "{ended:?}");
}

#[test]
fn events_of_all_servers_are_lines() {
    let cluster = Cluster::start(2);
    let one = cluster.addresses()[0].to_string();
    let ended = ctl(&one, &["watch", "--cluster", "--count", "2"]);
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    let mut lines: Vec<_> = ended.stdout.lines().collect();
    lines.sort_unstable();
    let line = |server: &str| format!("22:13:20.000000\t{server}\tterm 4\tleader\tn1 leads in term 4");
    assert_eq!(lines, [line("n1"), line("n2")]);
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    let ended = ctl("", &["completions", "bash"]);
    assert!(ended.exit == Some(0) && ended.stdout.contains("move-leader"), "{ended:?}");
    let ended = ctl("", &["man"]);
    assert!(ended.exit == Some(0) && ended.stdout.contains(".TH ctl 1"), "{ended:?}");
}
