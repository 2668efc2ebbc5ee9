//! The program `ctl` and the load driver against real processes.

#[allow(dead_code, reason = "other tests need the rest of it")]
mod support;

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use raftlab_node::api::Consistency;
use raftlab_node::client::{Client, Options};
use raftlab_node::kv::Store;
use raftlab_node::load::{ClusterTarget, Hooks, Kind, Operation, Outcome, Plan, run};
use serde_json::Value;
use support::{Cluster, free_tcp, free_udp, wait_for};

fn ctl(cluster: &Cluster, arguments: &[&str]) -> (Option<i32>, String, String) {
    let endpoints: Vec<_> = cluster.http.iter().take(3).map(ToString::to_string).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_ctl"))
        .args(arguments)
        .args(["--timeout", "20s", "--endpoints", &endpoints.join(",")])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn done(cluster: &Cluster, arguments: &[&str]) -> String {
    let (exit, stdout, stderr) = ctl(cluster, arguments);
    assert_eq!(exit, Some(0), "{arguments:?}: {stdout}{stderr}");
    stdout
}

#[test]
fn a_cluster_is_used_changed_and_looked_at_while_its_leader_dies() {
    let mut cluster = Cluster::start("ctl-live", &["--snapshot-count", "50"]);
    assert_eq!(done(&cluster, &["put", "a", "1"]), "OK\n");
    let leader = cluster.wait_for_leader();
    cluster.kill(leader);
    assert_eq!(done(&cluster, &["put", "a", "2"]), "OK\n");
    assert_eq!(done(&cluster, &["get", "a"]), "2\n");
    cluster.start_one(leader);
    wait_for("all are healthy", || {
        (ctl(&cluster, &["endpoint", "health", "--cluster"]).0 == Some(0)).then_some(())
    });

    let (peer, http) = (free_udp(), free_tcp());
    cluster.peers.push(peer);
    cluster.http.push(http);
    let mut joins = cluster.command(3);
    joins.args(["--initial-cluster-state", "existing"]);
    cluster.start_with(3, &mut joins);
    let [peer, http] = [peer, http].map(|address| address.to_string());
    let members = done(&cluster, &["member", "add", "n4", "--peer", &peer, "--http", &http, "-w", "simple"]);
    assert!(members.contains(&format!("n4\tvoter\t{peer}\t{http}\n")), "{members}");
    assert!(done(&cluster, &["move-leader", "n4"]).starts_with("n4 leads in term "));
    let frame = done(&cluster, &["top", "--once", "--interval", "100ms"]);
    assert!(frame.starts_with("4 of 4 servers · n4 leads in term "), "{frame}");

    let perf = ["check", "perf", "--clients", "4", "--seconds", "0.3", "--warm-up", "50ms", "--keys", "50"];
    let perf: Value = serde_json::from_str(&done(&cluster, &[&perf[..], &["-w", "json"]].concat())).unwrap();
    let rows: Vec<_> = perf["rows"].as_array().unwrap().iter().map(|row| row["operation"].as_str()).collect();
    assert_eq!(rows, [Some("put"), Some("get-index")]);

    let file = cluster.dir.join("saved");
    done(&cluster, &["snapshot", "save", file.to_str().unwrap()]);
    let store = Store::restore(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((store.len(), &*store.get(b"a").unwrap().value.0), (51, &b"2"[..]));
    (0..4).for_each(|at| assert_eq!(cluster.terminate(at), Some(0)));
    for at in 0..4 {
        let verified = done(&cluster, &["wal", "verify", cluster.data_dir(at).to_str().unwrap()]);
        assert!(verified.starts_with(&format!("good: n{} of cluster ", at + 1)), "{verified}");
    }
}

#[test]
fn load_goes_on_over_the_death_of_a_leader_and_loses_nothing() {
    let mut cluster = Cluster::start("load-live", &[]);
    let leader = cluster.wait_for_leader();
    let history = Arc::new(Mutex::new(Vec::new()));
    let recorder = Arc::clone(&history);
    let on_operation = move |operation: &Operation| recorder.lock().unwrap().push(operation.clone());
    let hooks = Hooks { on_operation: Some(Arc::new(on_operation)), ..Hooks::default() };
    let plan = Plan {
        clients: 8,
        duration: None,
        operations: Some(3000),
        warm_up: Duration::ZERO,
        keys: 100,
        reads: (1, 4),
        ..Plan::default()
    };
    let addresses = cluster.http.clone();
    let loading = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options { timeout: Duration::from_secs(20), ..Options::default() };
        runtime.block_on(run(&plan, &hooks, |_| ClusterTarget {
            client: Client::new(&addresses, options.clone()).unwrap(),
            consistency: Consistency::Linearizable,
        }))
    });
    wait_for("a third of it", || (history.lock().unwrap().len() > 1000).then_some(()));
    cluster.kill(leader);
    let report = loading.join().unwrap();
    assert_eq!((report.done(), report.failed()), (3000, 0), "{report:?}");
    let history = history.lock().unwrap();
    assert!(history.iter().all(|operation| operation.outcome == Outcome::Done));
    // What was written last, by operations that do not overlap, is there.
    let mut checked = 0;
    for key in 0..100 {
        let key = format!("k{key:08}");
        let mut writes: Vec<_> =
            history.iter().filter(|of| of.key == key && matches!(of.kind, Kind::Put(_))).collect();
        writes.sort_by_key(|write| write.end_us);
        let Some((last, before)) = writes.split_last() else { continue };
        if before.iter().all(|write| write.end_us < last.start_us) {
            let Kind::Put(value) = &last.kind else { unreachable!("only writes were kept") };
            let request = format!(r#"{{"op":"get","key":"{key}"}}"#);
            assert_eq!(cluster.insist("/v1/kv", &request)["value"], Value::String(value.clone()));
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}
