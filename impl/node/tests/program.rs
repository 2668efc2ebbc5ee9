//! The program `node`, as processes: what it refuses, what it serves, and what it survives.

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Cluster, ends, free_tcp, free_udp, fresh_dir, node, wait_for, write_secret};

/// The flags of a server that would start.
fn alone(dir: &std::path::Path) -> Command {
    let peer = free_udp();
    let mut command = node();
    command
        .args(["--name", "n1", "--listen-peer", &peer.to_string(), "--listen-http", &free_tcp().to_string()])
        .args(["--initial-cluster", &format!("n1={peer}")])
        .arg("--data-dir")
        .arg(dir.join("n1"));
    command
}

#[test]
fn what_is_wrong_with_flags_and_files_is_one_sentence_and_an_exit_code() {
    let dir = fresh_dir("refused");
    let refuses = |more: &[&str], exit: i32, says: &str| {
        let (code, stderr) = ends(alone(&dir).args(more));
        assert_eq!(code, Some(exit), "{more:?}: {stderr}");
        assert!(stderr.contains(says), "{more:?}: {stderr}");
    };
    refuses(
        &["--election-timeout", "50ms"],
        2,
        "the election time-out, 50 ms, has to be longer than the heartbeat",
    );
    refuses(&["--max-clock-drift", "110%"], 2, "clocks drift by 0 % to 100 %");
    refuses(&["--electoin-timeout", "1s"], 2, "--election-timeout");
    let key = dir.join("key");
    let key_flag = ["--cluster-key-file", key.to_str().unwrap()];
    refuses(&key_flag, 74, "No such file");
    write_secret(&key, &"5e".repeat(32), 0o644);
    refuses(&key_flag, 65, "others than its owner may read or write the key file");
    write_secret(&key, "short", 0o600);
    refuses(&key_flag, 65, "64 hexadecimal digits");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let http = taken.local_addr().unwrap().to_string();
    let peer = free_udp().to_string();
    let command = |name: &str, peer: &str, http: &str, cluster: &str| {
        let mut command = node();
        command
            .args([
                "--name",
                name,
                "--listen-peer",
                peer,
                "--listen-http",
                http,
                "--initial-cluster",
                cluster,
            ])
            .arg("--data-dir")
            .arg(dir.join("other"));
        ends(&mut command)
    };
    let cluster = format!("n1={peer}");
    let (code, stderr) = command("n1", &peer, &http, &cluster);
    assert_eq!(code, Some(74), "{stderr}");
    assert!(stderr.contains(&format!("listening on {http}: Address already in use")), "{stderr}");
    let (code, stderr) = command("n2", &peer, &http, &cluster);
    assert_eq!(code, Some(74), "the port comes first: {stderr}");
    let (code, stderr) = command("n2", &peer, &free_tcp().to_string(), &cluster);
    assert_eq!((code, stderr.contains("--name n2 is not in --initial-cluster")), (Some(2), true), "{stderr}");
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let holder = std::net::UdpSocket::bind(taken).unwrap();
    let (code, stderr) = command(
        "n1",
        &taken.to_string(),
        &free_tcp().to_string(),
        &format!("n1={}", holder.local_addr().unwrap()),
    );
    assert_eq!((code, stderr.contains("Address already in use")), (Some(74), true), "{stderr}");
    let (code, stderr) = command("n1", "0.0.0.0:7001", &free_tcp().to_string(), "n1=0.0.0.0:7001");
    assert_eq!((code, stderr.contains("give --cluster-key-file")), (Some(2), true), "{stderr}");
    let everywhere = format!("0.0.0.0:{}", free_tcp().port());
    let (code, stderr) = command("n1", &peer, &everywhere, &cluster);
    assert_eq!((code, stderr.contains("give --cluster-key-file")), (Some(2), true), "{stderr}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_directory_that_is_not_this_servers_is_refused() {
    let mut cluster = Cluster::start("foreign", &[]);
    cluster.insist("/v1/kv", r#"{"op":"put","key":"k","value":"v"}"#);
    let (code, stderr) = ends(cluster.command(0).args(["--listen-http", &free_tcp().to_string()]));
    assert_eq!(code, Some(74), "{stderr}");
    assert!(stderr.contains("belongs to another process that runs"), "{stderr}");
    assert_eq!(cluster.terminate(0), Some(0));
    assert_eq!(cluster.terminate(1), Some(0));

    let told = |cluster: &Cluster, change: &dyn Fn(&mut Command)| {
        let mut command = cluster.command(0);
        change(&mut command);
        ends(&mut command)
    };
    let (code, stderr) = told(&cluster, &|command| _ = command.args(["--initial-cluster-token", "other"]));
    assert_eq!((code, stderr.contains("give this server its own directory")), (Some(65), true), "{stderr}");
    let (code, stderr) = told(&cluster, &|command| {
        command.arg("--wal-dir").arg(cluster.data_dir(1).join("log"));
    });
    assert_eq!((code, stderr.contains("is of n2 in cluster")), (Some(65), true), "{stderr}");
    let edited = format!("n1={},n2={}", cluster.peers[0], cluster.peers[1]);
    let (code, stderr) = told(&cluster, &|command| _ = command.args(["--initial-cluster", &edited]));
    assert_eq!((code, stderr.contains("changes through its log")), (Some(65), true), "{stderr}");
    std::fs::write(cluster.dir.join("file"), "").unwrap();
    let (code, stderr) = told(&cluster, &|command| _ = command.arg("--wal-dir").arg(&cluster.dir));
    assert_eq!((code, stderr.contains("it is not ours")), (Some(65), true), "{stderr}");
}

fn value(cluster: &Cluster, key: &str) -> Value {
    cluster.insist("/v1/kv", &json!({"op": "get", "key": key}).to_string())["value"].clone()
}

#[test]
fn three_processes_serve_clients_through_kills_and_restarts() {
    let mut cluster = Cluster::start("serve", &["--snapshot-count", "40"]);
    let session = cluster.insist("/v1/kv", r#"{"op":"open"}"#)["session"].as_u64().unwrap();
    for count in 1..=120_u64 {
        let session = json!({"id": session, "sequence": count, "unanswered": count});
        let put = json!({"op": "put", "key": "count", "value": count.to_string(), "session": session});
        let done = cluster.insist("/v1/kv", &put.to_string());
        assert_eq!(done["existed"], count > 1, "executed once: {done}");
        if count % 30 == 0 {
            let leader = cluster.wait_for_leader();
            cluster.kill(leader);
            assert_eq!(value(&cluster, "count"), count.to_string());
            cluster.start_one(leader);
        }
    }
    let swap = |expected: &str, value: &str| {
        cluster.insist(
            "/v1/kv",
            &json!({"op": "cas", "key": "count", "expected": expected, "value": value}).to_string(),
        )
    };
    assert_eq!(swap("7", "8"), json!({"swapped": false, "revision": 0, "value": "120", "repeated": false}));
    assert_eq!(swap("120", "8")["swapped"], true);
    assert_eq!(cluster.insist("/v1/kv", r#"{"op":"delete","key":"count"}"#)["existed"], true);
    assert_eq!(value(&cluster, "count"), Value::Null);

    let leader = cluster.wait_for_leader();
    let follower = (leader + 1) % 3;
    let refused = wait_for("a follower that knows its leader's port", || {
        let answer = cluster.post(follower, "/v1/kv", r#"{"op":"get","key":"count"}"#)?;
        assert_eq!(answer.status, 421);
        answer.json()["leader_http"].as_str().map(str::to_string)
    });
    assert_eq!(refused, cluster.http[leader].to_string());
    assert!(cluster.status(leader).unwrap()["base"].as_u64().unwrap() > 0, "logs were compacted");
    for (body, status, code) in [
        (r#"{"op":"put"}"#, 400, "malformed"),
        (r#"{"op":"get","key":"k","consistency":"lease"}"#, 409, "no_lease"),
        (
            r#"{"op":"put","key":"k","value":"v","session":{"id":999999,"sequence":1,"unanswered":1}}"#,
            410,
            "expired",
        ),
    ] {
        let answer = cluster.post(leader, "/v1/kv", body).unwrap();
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{body}");
    }
    let long = json!({"op": "put", "key": "k", "value": "v".repeat(70_000)}).to_string();
    assert_eq!(cluster.post(leader, "/v1/kv", &long).unwrap().status, 413);
    assert_eq!(cluster.post(leader, "/v1/chaos", r#"{"fault":"heal"}"#).unwrap().status, 403);
    assert_eq!(cluster.get(leader, "/readyz").unwrap().body, "ok\n");
    assert_eq!(cluster.get(leader, "/nothing").unwrap().status, 404);
    for server in 0..3 {
        assert_eq!(cluster.terminate(server), Some(0), "{}", cluster.log(server));
    }
}

#[test]
fn a_server_joins_is_promoted_leads_and_leaves() {
    let mut cluster = Cluster::start("join", &[]);
    cluster.insist("/v1/kv", r#"{"op":"put","key":"k","value":"v"}"#);
    cluster.peers.push(free_udp());
    cluster.http.push(free_tcp());
    let mut joins = cluster.command(3);
    joins.args(["--initial-cluster-state", "existing"]);
    cluster.start_with(3, &mut joins);
    let add = json!({"op": "add-learner", "server": "n4", "peer": cluster.peers[3], "http": cluster.http[3]});
    let members = cluster.insist("/v1/members", &add.to_string());
    assert_eq!((&members["quorum"], &members["members"][3]["standing"]), (&json!(2), &json!("learner")));
    let leader = cluster.wait_for_leader();
    let again = cluster.post(leader, "/v1/members", &add.to_string()).unwrap();
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("refused")), "{}", again.body);
    let members = cluster.insist("/v1/members", r#"{"op":"promote","server":"n4"}"#);
    assert_eq!((&members["quorum"], &members["tolerates"]), (&json!(3), &json!(1)));
    assert_eq!(cluster.post(leader, "/v1/members", r#"{"op":"move-leader","to":"n9"}"#).unwrap().status, 409);
    cluster.insist("/v1/members", r#"{"op":"move-leader","to":"n4"}"#);
    wait_for("n4 to lead", || cluster.leader().filter(|leader| *leader == 3));
    assert_eq!(value(&cluster, "k"), "v");
    cluster.insist("/v1/members", r#"{"op":"remove","server":"n4"}"#);
    wait_for("another leader", || cluster.leader().filter(|leader| *leader != 3));
    let members = cluster.get(cluster.wait_for_leader(), "/v1/members").unwrap().json();
    assert_eq!(members["members"].as_array().unwrap().len(), 3);
}

/// What of a directory is the log.
fn copy_log(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (name, path) = entry.map(|entry| (entry.file_name(), entry.path())).unwrap();
        if ["log-", "snapshot-"].iter().any(|of| name.to_string_lossy().starts_with(of)) {
            std::fs::copy(path, to.join(name)).unwrap();
        }
    }
}

#[test]
fn faults_strike_are_counted_and_heal() {
    let mut cluster = Cluster::start("faults", &["--chaos"]);
    let leader = cluster.wait_for_leader();
    cluster.insist("/v1/kv", r#"{"op":"put","key":"k","value":"v"}"#);
    let fired = |cluster: &Cluster, server: usize, fault: &str| {
        let fired = cluster.get(server, "/v1/chaos").unwrap().json()["fired"].clone();
        let of = fired.as_array().unwrap().iter().find(|count| count["fault"] == fault).unwrap().clone();
        of["fired"].as_u64().unwrap()
    };
    let breaks = |cluster: &Cluster, server: usize, fault: &str| {
        let answer = cluster.post(server, "/v1/chaos", fault).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    // Cut off, the leader gives up, and a client that asks it is not told that anything is done.
    breaks(&cluster, leader, r#"{"fault":"link","cut":true}"#);
    let cut_off =
        cluster.post(leader, "/v1/kv", r#"{"op":"put","key":"k","value":"lost?","timeout_ms":100}"#).unwrap();
    assert_eq!((cut_off.status, &cut_off.json()["code"]), (504, &json!("unknown")), "{}", cut_off.body);
    let next = wait_for("another leader", || cluster.leader().filter(|next| *next != leader));
    assert!(fired(&cluster, leader, "link_cut") > 0);
    breaks(&cluster, leader, r#"{"fault":"heal"}"#);
    // The old leader's datagrams are heard again, and what it had not committed is gone.
    assert_eq!(value(&cluster, "k"), "v");

    // A disk that never returns: check-quorum looks at its own disk too.
    breaks(&cluster, next, r#"{"fault":"disk","stall":true}"#);
    let _ = cluster.post(next, "/v1/kv", r#"{"op":"put","key":"k","value":"stalled","timeout_ms":50}"#);
    wait_for("a leader whose disk moves", || cluster.leader().filter(|other| *other != next));
    assert!(fired(&cluster, next, "disk_stall") > 0);
    // The fault is the directory's: it outlives the process, and a log that moves leaves it behind.
    breaks(&cluster, next, r#"{"fault":"disk","sync_delay_ms":5}"#);
    cluster.kill(next);
    cluster.start_one(next);
    let faults = wait_for("its faults", || cluster.get(next, "/v1/chaos").map(|answer| answer.json()));
    assert_eq!(faults["active"], json!(["disk: each sync takes 5 ms longer"]));
    assert!(fired(&cluster, next, "disk_slow") > 0);
    cluster.kill(next);
    let moved = cluster.dir.join("moved");
    copy_log(&cluster.data_dir(next).join("log"), &moved);
    let mut command = cluster.command(next);
    cluster.start_with(next, command.arg("--wal-dir").arg(&moved));
    let faults = wait_for("its faults", || cluster.get(next, "/v1/chaos").map(|answer| answer.json()));
    assert_eq!(faults["active"], json!([]));

    breaks(&cluster, next, r#"{"fault":"clock","rate_percent":50,"jump_ms":20}"#);
    breaks(&cluster, next, r#"{"fault":"pause","ms":30}"#);
    breaks(&cluster, next, r#"{"fault":"link","drop":0.5,"duplicate":0.5,"delay_ms":1,"jitter_ms":2}"#);
    for fault in ["clock_rate", "clock_jump", "pause", "link_drop", "link_duplicate", "link_delay"] {
        wait_for(fault, || (fired(&cluster, next, fault) > 0).then_some(()));
    }
    let refused = cluster.post(next, "/v1/chaos", r#"{"fault":"link","peer":"n9","cut":true}"#).unwrap();
    assert_eq!((refused.status, refused.body.contains("no link to n9")), (400, true), "{}", refused.body);
    breaks(&cluster, next, r#"{"fault":"heal"}"#);
    cluster.insist("/v1/kv", r#"{"op":"put","key":"k","value":"well"}"#);
}

/// What Prometheus scrapes has the names that its users know.
#[test]
fn metrics_have_the_names_that_etcds_users_know() {
    let cluster = Cluster::start("metrics", &[]);
    cluster.insist("/v1/kv", r#"{"op":"put","key":"k","value":"v"}"#);
    let text = cluster.get(cluster.wait_for_leader(), "/metrics").unwrap().body;
    for name in [
        "raftlab_has_leader 1",
        "raftlab_is_leader 1",
        "raftlab_leader_changes_seen_total 1",
        "raftlab_proposals_committed_total",
        "raftlab_proposals_applied_total",
        "raftlab_proposals_pending",
        "raftlab_proposals_failed_total 0",
        "raftlab_wal_fsync_duration_seconds_count",
        "raftlab_peer_round_trip_time_seconds{to=\"n",
        "raftlab_snapshot_taken_total 0",
        "raftlab_quorum_ack_age_seconds",
        "raftlab_peer_match_lag{to=\"n",
        "raftlab_messages_sent_total{type=\"append_entries\"}",
        "raftlab_votes_total{kind=\"pre_vote\",result=\"granted\"}",
        "raftlab_member{server=\"n3\",standing=\"voter\"} 1",
        "raftlab_datagrams_dropped_total{reason=\"wrong_seal\"} 0",
    ] {
        assert!(text.contains(name), "{name} is missing from:\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

/// A small file system of its own, which only who may mount one can have.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(dir: &std::path::Path) -> Option<SmallDisk> {
        std::fs::create_dir_all(dir).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"]).arg(dir).output().ok()?;
        mounted.status.success().then(|| SmallDisk(dir.to_path_buf()))
    }

    fn grow(&self) {
        let grown = Command::new("mount").args(["-o", "remount,size=256m"]).arg(&self.0).status().unwrap();
        assert!(grown.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_ends_a_server_cleanly_and_it_comes_back_when_there_is_room() {
    let mut cluster = Cluster::start("full", &["--snapshot-count", "0"]);
    let leader = cluster.wait_for_leader();
    let follower = (leader + 1) % 3;
    assert_eq!(cluster.terminate(follower), Some(0));
    let Some(disk) = SmallDisk::mount(&cluster.dir.join("small")) else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let mut command = cluster.command(follower);
    command.arg("--wal-dir").arg(disk.0.join("log"));
    copy_log(&cluster.data_dir(follower).join("log"), &disk.0.join("log"));
    cluster.start_with(follower, &mut command);

    // A segment has 32 MiB, and there is no room for a second one.
    let put = json!({"op": "put", "key": "k", "value": "v".repeat(60_000)}).to_string();
    for _ in 0..600 {
        cluster.insist("/v1/kv", &put);
    }
    let exit = cluster.wait_for_end(follower);
    let said = cluster.log(follower);
    assert_eq!(exit, Some(74), "{said}");
    assert!(said.contains("error: the disk is full"), "{said}");
    disk.grow();
    cluster.start_with(follower, &mut command);
    let applied = |server: usize| cluster.status(server)?["applied"].as_u64();
    wait_for("it to catch up", || (applied(follower)? >= applied(leader)?).then_some(()));
    cluster.terminate(follower);
}
