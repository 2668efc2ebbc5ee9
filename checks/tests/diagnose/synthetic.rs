//! Scrapes of a cluster that never ran, with one thing wrong.

use serde_json::{Value, json};

use raftlab_checks::diagnose::{Diagnosis, Outcome};

use super::{diagnose, fresh, lab, named};

/// How long they are watched, in milliseconds, and how often they are scraped.
const LASTS_MS: u64 = 10_000;
const EVERY_MS: u64 = 200;
const SERVERS: [&str; 3] = ["n1", "n2", "n3"];

/// A cluster that is well, n1 leading in term 1, except for what `change` does to each scrape.
fn cluster(name: &str, change: impl Fn(u64, &str, &mut Value)) -> Diagnosis {
    let mut lines = String::new();
    for ms in (0..LASTS_MS).step_by(usize::try_from(EVERY_MS).unwrap()) {
        for server in SERVERS {
            let mut sample = well(ms, server);
            change(ms, server, &mut sample);
            if sample["reachable"] == json!(false) {
                sample = json!({"at_us": ms * 1000, "server": server, "reachable": false});
            }
            lines += &sample.to_string();
            lines.push('\n');
        }
    }
    let dir = fresh(name);
    std::fs::write(dir.join("samples.jsonl"), lines).unwrap();
    diagnose(&dir)
}

fn well(ms: u64, server: &str) -> Value {
    let peers: Vec<Value> = SERVERS
        .iter()
        .filter(|peer| **peer != server)
        .map(|peer| json!({"server": peer, "heard_ms": 40, "round_trip_us": 500, "lag": 0, "missing": 0, "restarts": 0}))
        .collect();
    let leads = server == "n1";
    json!({
        "at_us": ms * 1000, "server": server, "reachable": true,
        "role": if leads { "leader" } else { "follower" }, "term": 1, "leader": "n1",
        "commit": ms / 10, "applied": ms / 10, "last": ms / 10, "base": 0, "pending": 1, "rejected": 0,
        "fsync_p50_us": 400, "fsync_p99_us": 900, "fsyncs": ms / 10, "fsync_sum_us": ms / 10 * 400,
        "quorum_age_s": if leads { json!(0.05) } else { Value::Null },
        "cpu_seconds": 0.0001 * f64::from(u32::try_from(ms).unwrap()), "config_index": 0, "voters": SERVERS,
        "uptime_ms": 60_000 + ms, "timers_ms": 60_000 + ms, "heartbeat_ms": 100, "election_ms": 1000,
        "pre_vote": true, "check_quorum": true, "handovers": 0, "received": ms / 5, "overflowed": 0, "peers": peers,
    })
}

/// n2 leads in this term.
fn n2_leads(server: &str, term: u64, sample: &mut Value) {
    sample["role"] = json!(if server == "n2" { "leader" } else { "follower" });
    sample["quorum_age_s"] = if server == "n2" { json!(0.05) } else { Value::Null };
    sample["leader"] = json!("n2");
    sample["term"] = json!(term);
}

fn each_peer(sample: &mut Value, change: impl Fn(&str, &mut Value)) {
    for peer in sample["peers"].as_array_mut().unwrap() {
        let name = peer["server"].as_str().unwrap().to_string();
        change(&name, peer);
    }
}

#[test]
fn a_cluster_that_is_well() {
    let diagnosis = cluster("well", |_, _, _| {});
    assert_eq!(diagnosis.outcome, Outcome::Healthy, "{}", diagnosis.text());
    assert!(diagnosis.notes.is_empty());
}

#[test]
fn leadership_that_moves_for_no_reason_that_was_seen() {
    let diagnosis = cluster("undecided", |ms, server, sample| {
        if ms >= 5000 {
            n2_leads(server, 2, sample);
        }
    });
    let text = diagnosis.text();
    assert_eq!((diagnosis.outcome, diagnosis.exit()), (Outcome::Undecided, 3), "{text}");
    assert!(text.contains("what would help") && text.contains("events.jsonl"), "{text}");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnose").join("undecided");
    let output = lab(&["diagnose", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn links_that_lose_much() {
    let diagnosis = cluster("lossy", |ms, server, sample| {
        if server == "n2" {
            each_peer(sample, |peer, own| own["missing"] = json!(if peer == "n1" { ms / 5 } else { 0 }));
        }
        if ms >= 6000 {
            n2_leads(server, 2, sample);
        }
    });
    assert_eq!(named(&diagnosis), ["bad-links"], "{}", diagnosis.text());
    assert_eq!(diagnosis.causes[0].argument.servers, ["n1"]);
}

#[test]
fn links_that_are_slow() {
    let diagnosis = cluster("late", |ms, server, sample| {
        each_peer(sample, |_, own| own["round_trip_us"] = json!(if ms > 3000 { 1_200_000 } else { 500 }));
        if ms >= 6000 {
            n2_leads(server, 2, sample);
        }
    });
    assert_eq!(named(&diagnosis), ["bad-links"], "{}", diagnosis.text());
}

#[test]
fn more_work_than_can_be_done() {
    let diagnosis = cluster("overload", |ms, server, sample| {
        if server == "n1" {
            sample["rejected"] = json!(ms);
        }
        if ms >= 6000 {
            n2_leads(server, 2, sample);
        }
    });
    assert_eq!(named(&diagnosis), ["overload"], "{}", diagnosis.text());
    assert_eq!(diagnosis.causes[0].argument.servers, ["n1"]);
}

#[test]
fn a_time_out_that_is_too_short() {
    let diagnosis = cluster("short", |ms, server, sample| {
        (sample["heartbeat_ms"], sample["election_ms"]) = (json!(200), json!(300));
        if ms >= 3000 {
            n2_leads(server, 2, sample);
        }
        if ms >= 6000 {
            (sample["term"], sample["leader"]) = (json!(3), json!("n1"));
            sample["role"] = json!(if server == "n1" { "leader" } else { "follower" });
        }
    });
    assert_eq!(named(&diagnosis), ["short-time-out"], "{}", diagnosis.text());
}

#[test]
fn too_few_are_left() {
    let diagnosis = cluster("lost", |ms, server, sample| {
        if ms < 3000 {
            return;
        }
        if server == "n1" {
            sample["role"] = json!("pre-candidate");
            sample["leader"] = Value::Null;
            sample["quorum_age_s"] = Value::Null;
            each_peer(sample, |_, own| own["heard_ms"] = json!(ms - 3000));
        } else {
            sample["reachable"] = json!(false);
        }
    });
    assert_eq!(named(&diagnosis).first(), Some(&"majority-lost"), "{}", diagnosis.text());
    assert_eq!(diagnosis.causes[0].argument.servers, ["n2", "n3"]);
}

#[test]
fn a_leader_that_never_answers_again() {
    let diagnosis = cluster("died", |ms, server, sample| {
        if ms >= 3000 && server == "n1" {
            sample["reachable"] = json!(false);
        } else if ms >= 4400 {
            n2_leads(server, 2, sample);
        }
    });
    assert_eq!(named(&diagnosis), ["leader-died"], "{}", diagnosis.text());
}

#[test]
fn a_leader_that_stood_still() {
    let diagnosis = cluster("paused", |ms, server, sample| {
        if (3000..6000).contains(&ms) && server == "n1" {
            sample["reachable"] = json!(false);
        } else if ms >= 4400 {
            n2_leads(server, 2, sample);
        }
    });
    assert_eq!(named(&diagnosis), ["leader-paused"], "{}", diagnosis.text());
}

/// n1 leads and falls silent for 2.6 s, and n2 after it. Both answer their scrapes, and hear others. `sync_ms` is how
/// long the sync took that returns when they go on; and `follower_ms` how long one of n3 did, which follows.
fn silent_leaders(name: &str, sync_ms: u64, follower_ms: u64) -> Diagnosis {
    cluster(name, |ms, server, sample| {
        if server == "n3" && follower_ms > 0 {
            let quick = if ms < 1800 { ms.min(400) } else { ms - 1300 } / 10;
            let slow_us = if ms < 1800 { 0 } else { follower_ms * 1000 };
            (sample["fsyncs"], sample["fsync_sum_us"]) = (json!(quick), json!(quick * 400 + slow_us));
        }
        if ms >= 3400 {
            n2_leads(server, 2, sample);
        }
        if ms >= 7400 {
            (sample["term"], sample["leader"]) = (json!(3), json!("n3"));
            sample["role"] = json!(if server == "n3" { "leader" } else { "follower" });
        }
        let Some((from, term)) = [("n1", 2000, 1), ("n2", 6000, 2)]
            .into_iter()
            .find_map(|(whose, from, term)| (whose == server).then_some((from, term)))
        else {
            return;
        };
        let stands = (from..from + 2600).contains(&ms);
        // A hundred syncs of 0.4 ms a second, meanwhile none, and then what it has missed.
        let goes_on = ms >= from + 2600;
        let quick = if goes_on { (ms - 2500) / 10 } else { ms.min(from) / 10 };
        let slow_us = if goes_on { sync_ms * 1000 } else { 0 };
        (sample["fsyncs"], sample["fsync_sum_us"]) = (json!(quick), json!(quick * 400 + slow_us));
        if stands {
            (sample["role"], sample["term"], sample["leader"]) =
                (json!("leader"), json!(term), json!(server));
            (sample["commit"], sample["last"]) = (json!(from / 10), json!(from / 10));
            sample["quorum_age_s"] = json!(0.001 * f64::from(u32::try_from(ms - from).unwrap()));
        }
    })
}

#[test]
fn a_long_sync_among_many_quick_ones_is_a_slow_disk() {
    let diagnosis = silent_leaders("follows", 2500, 0);
    assert_eq!(named(&diagnosis), ["slow-disk-of-leader"], "{}", diagnosis.text());
    assert_eq!(diagnosis.causes[0].argument.servers, ["n1", "n2"]);
}

/// A slowness that was at one who followed, too, does not go where leadership goes.
#[test]
fn disks_that_are_slow_whoever_leads_do_not_follow_the_leader() {
    let diagnosis = silent_leaders("follower-too", 2500, 1500);
    assert!(!named(&diagnosis).contains(&"slow-disk-of-leader"), "{}", diagnosis.text());
    assert!(diagnosis.text().contains("disks of n1, n2, n3 were slow, and not only of whoever led"));
}

#[test]
fn a_core_that_stood_still_without_a_long_sync_is_no_slow_disk() {
    let diagnosis = silent_leaders("frozen", 0, 0);
    assert_eq!(named(&diagnosis), ["leader-paused"], "{}", diagnosis.text());
    assert_eq!(diagnosis.causes[0].argument.servers, ["n1", "n2"]);
}

#[test]
fn a_sync_that_a_pause_fell_into_is_no_slow_disk() {
    let diagnosis = cluster("paused-in-a-sync", |ms, server, sample| {
        if (3000..6000).contains(&ms) && server == "n1" {
            sample["reachable"] = json!(false);
        } else if ms >= 4400 {
            n2_leads(server, 2, sample);
        }
        if ms >= 6000 && server == "n1" {
            let quick = (ms - 2800) / 10;
            (sample["fsyncs"], sample["fsync_sum_us"]) = (json!(quick), json!(quick * 400 + 3_000_000));
        }
    });
    assert_eq!(named(&diagnosis), ["leader-paused"], "{}", diagnosis.text());
}

/// n1 leads until it is removed, and n2 leads 1.4 s after; in the fourth second so many operations are done.
fn removed(name: &str, done: u64) -> Diagnosis {
    let _ = cluster(name, |ms, server, sample| {
        if ms < 3000 {
            return;
        }
        sample["voters"] = json!(["n2", "n3"]);
        (sample["config_index"], sample["role"]) = (json!(300), json!("follower"));
        sample["quorum_age_s"] = Value::Null;
        if ms >= 4400 {
            n2_leads(server, 2, sample);
        }
    });
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnose").join(name);
    let mut load = String::new();
    for second in 1..=10 {
        let done = if second == 4 { done } else { 100 };
        load += &json!({"at_us": second * 1_000_000, "done": done, "failed": 0, "unknown": 0}).to_string();
        load.push('\n');
    }
    std::fs::write(dir.join("load.jsonl"), load).unwrap();
    diagnose(&dir)
}

#[test]
fn a_leader_that_is_removed_keeps_clients_waiting() {
    let diagnosis = removed("removed", 0);
    assert_eq!(named(&diagnosis), ["leader-removed"], "{}", diagnosis.text());
    assert_eq!(diagnosis.causes[0].argument.servers, ["n1"]);
    let diagnosis = removed("removed-quietly", 20);
    assert_eq!(diagnosis.outcome, Outcome::Healthy, "{}", diagnosis.text());
    let says = "n1 led, and left the configuration; n2 led 1.40 s later";
    assert!(diagnosis.notes.iter().any(|note| note.starts_with(says)), "{}", diagnosis.text());
}

#[test]
fn a_follower_that_is_down() {
    let diagnosis = cluster("down", |ms, server, sample| {
        if ms >= 3000 && server == "n3" {
            sample["reachable"] = json!(false);
        }
    });
    assert_eq!(named(&diagnosis), ["server-down"], "{}", diagnosis.text());
    assert_eq!(diagnosis.causes[0].argument.servers, ["n3"]);
}

#[test]
fn a_follower_that_is_cut_off() {
    let diagnosis = cluster("cut", |ms, server, sample| {
        let age = json!(40 + ms.saturating_sub(3000));
        each_peer(sample, |peer, own| {
            if server == "n3" || peer == "n3" {
                own["heard_ms"] = age.clone();
            }
        });
        if server == "n3" && ms > 4000 {
            sample["role"] = json!("pre-candidate");
        }
    });
    assert_eq!(named(&diagnosis), ["server-cut-off"], "{}", diagnosis.text());
    assert_eq!(diagnosis.causes[0].argument.servers, ["n3"]);
}

#[test]
fn a_clock_that_runs_at_half_its_speed() {
    let diagnosis = cluster("clock", |ms, server, sample| {
        if server == "n2" {
            sample["timers_ms"] = json!(60_000 + ms / 2);
        }
    });
    assert_eq!(named(&diagnosis), ["wrong-clock"], "{}", diagnosis.text());
    assert!(diagnosis.text().contains("n2's clock ran at 50 % of time"), "{}", diagnosis.text());
}

#[test]
fn a_disk_that_is_stalled_to_the_end() {
    let diagnosis = cluster("stalled", |ms, server, sample| {
        if server == "n1" && ms >= 3000 {
            (sample["fsyncs"], sample["fsync_sum_us"]) = (json!(300), json!(300 * 400));
        }
        if ms >= 5000 {
            n2_leads(server, 2, sample);
        }
    });
    assert_eq!(named(&diagnosis), ["stalled-disk"], "{}", diagnosis.text());
}

#[test]
fn a_server_with_other_voters_at_the_same_place() {
    let diagnosis = cluster("voters", |_, server, sample| {
        if server == "n3" {
            sample["voters"] = json!(["n1", "n2", "n3", "n4", "n5"]);
        }
    });
    assert_eq!(named(&diagnosis).first(), Some(&"membership-bypassed"), "{}", diagnosis.text());
    // A configuration that is not committed may differ until its leader has lost.
    let diagnosis = cluster("uncommitted", |ms, server, sample| {
        sample["config_index"] = json!(ms / 10 + 1);
        if server == "n3" {
            sample["voters"] = json!(["n1", "n2", "n3", "n4"]);
        }
    });
    assert_eq!(diagnosis.outcome, Outcome::Healthy, "{}", diagnosis.text());
}
