//! The load driver against a store in memory, and against servers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use raftlab_node::api::Consistency;
use raftlab_node::client::{Client, Options};
use raftlab_node::load::{Answer, ClusterTarget, Hooks, Kind, Operation, Outcome, Plan, Report, Target, run};

use crate::stub::Cluster;

/// A store in memory that lets others go first.
#[derive(Clone, Default)]
struct InMemory {
    store: Arc<Mutex<BTreeMap<String, String>>>,
    /// Every so many writes, one fails: by turns not done and unknown.
    fails_every: Option<u64>,
    writes: u64,
}

impl Target for InMemory {
    async fn put(&mut self, key: &str, value: &str) -> Answer<()> {
        tokio::task::yield_now().await;
        self.writes += 1;
        match self.fails_every {
            Some(every) if self.writes.is_multiple_of(2 * every) => return Answer::Unknown("silent".into()),
            Some(every) if self.writes.is_multiple_of(every) => return Answer::NotDone("busy".into()),
            _ => {}
        }
        self.store.lock().unwrap().insert(key.to_string(), value.to_string());
        Answer::Done(())
    }

    async fn get(&mut self, key: &str) -> Answer<Option<String>> {
        tokio::task::yield_now().await;
        Answer::Done(self.store.lock().unwrap().get(key).cloned())
    }
}

fn plan() -> Plan {
    Plan {
        clients: 8,
        duration: None,
        operations: Some(4000),
        warm_up: Duration::ZERO,
        keys: 10,
        value_bytes: 40,
        reads: (3, 7),
        seed: 0xf00,
        ..Plan::default()
    }
}

/// Runs it, and gives the history, too.
async fn recorded(plan: &Plan, target: &InMemory) -> (Report, Vec<Operation>) {
    let history = Arc::new(Mutex::new(Vec::new()));
    let recorder = Arc::clone(&history);
    let on_operation = move |operation: &Operation| recorder.lock().unwrap().push(operation.clone());
    let hooks = Hooks { on_operation: Some(Arc::new(on_operation)), ..Hooks::default() };
    let report = run(plan, &hooks, |_| target.clone()).await;
    let history = std::mem::take(&mut *history.lock().unwrap());
    (report, history)
}

#[tokio::test]
async fn every_operation_is_counted_and_recorded_once() {
    let (report, history) = recorded(&plan(), &InMemory::default()).await;
    assert_eq!((report.done(), report.failed(), history.len()), (4000, 0, 4000));
    assert_eq!(report.by_second.iter().sum::<u64>(), 4000);
    let reads = history.iter().filter(|operation| matches!(operation.kind, Kind::Get(_))).count() as u64;
    assert_eq!((report.gets.count(), report.puts.count()), (reads, 4000 - reads));
    assert!((1000..1400).contains(&reads), "{reads} of 4000 are not 30 %");
    assert!(report.puts.per_second() > 0.0 && report.puts.percentile_ms(50.0) > 0.0);
    assert!(report.puts.percentile_ms(50.0) <= report.puts.percentile_ms(99.9));
}

#[tokio::test]
async fn a_value_is_written_once_and_what_is_read_was_written() {
    let (_, history) = recorded(&plan(), &InMemory::default()).await;
    let written: Vec<_> = history
        .iter()
        .filter_map(|operation| match &operation.kind {
            Kind::Put(value) => Some((&operation.key, value)),
            Kind::Get(_) => None,
        })
        .collect();
    let values: BTreeSet<_> = written.iter().map(|(_, value)| *value).collect();
    assert_eq!(values.len(), written.len());
    assert!(values.iter().all(|value| value.len() == 40 && value.starts_with("f00.")));
    let keys: BTreeSet<_> = history.iter().map(|operation| operation.key.clone()).collect();
    assert_eq!(keys, (0..10).map(|number| format!("k{number:08}")).collect());
    let mut seen = 0;
    for operation in &history {
        if let Kind::Get(Some(value)) = &operation.kind {
            assert!(written.contains(&(&operation.key, value)));
            seen += 1;
        }
    }
    assert!(seen > 900, "{seen}");
}

#[tokio::test]
async fn a_client_does_one_thing_at_a_time_by_the_clock_of_all() {
    let (_, history) = recorded(&plan(), &InMemory::default()).await;
    for client in 0..8 {
        let own: Vec<_> = history.iter().filter(|operation| operation.client == client).collect();
        assert!(own.len() > 100, "client {client} did {}", own.len());
        assert!(own.iter().all(|operation| operation.start_us <= operation.end_us));
        assert!(own.windows(2).all(|two| two[0].end_us <= two[1].start_us));
    }
    let others_between = history.windows(2).filter(|two| two[1].start_us < two[0].end_us).count();
    assert!(others_between > 100, "clients do not overlap: {others_between}");
}

#[tokio::test]
async fn the_same_seed_asks_the_same_of_each_client() {
    let one = Plan { clients: 1, operations: Some(100), ..plan() };
    let asked = |history: Vec<Operation>| -> Vec<_> {
        history.into_iter().map(|operation| (operation.key, operation.kind)).collect()
    };
    let (_, first) = recorded(&one, &InMemory::default()).await;
    let (_, second) = recorded(&one, &InMemory::default()).await;
    let (_, other) = recorded(&Plan { seed: 1, ..one }, &InMemory::default()).await;
    let (first, second, other) = (asked(first), asked(second), asked(other));
    assert_eq!(first, second);
    assert_ne!(
        first.iter().map(|(key, _)| key).collect::<Vec<_>>(),
        other.iter().map(|(key, _)| key).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_fails_is_counted_by_its_kind_and_told_apart() {
    let target = InMemory { fails_every: Some(10), ..InMemory::default() };
    let (report, history) = recorded(&Plan { reads: (0, 1), ..plan() }, &target).await;
    let with = |outcome| history.iter().filter(|operation| operation.outcome == outcome).count() as u64;
    assert_eq!(report.not_done, BTreeMap::from([("busy".to_string(), with(Outcome::NotDone))]));
    assert_eq!(report.unknown, BTreeMap::from([("silent".to_string(), with(Outcome::Unknown))]));
    assert_eq!(report.done(), with(Outcome::Done));
    assert!(with(Outcome::NotDone) > 100 && with(Outcome::Unknown) > 100);
    assert_eq!(report.puts.count(), report.done(), "what failed is not among the latencies");
}

#[tokio::test]
async fn what_is_warm_up_is_recorded_and_not_counted() {
    let warm_up = Duration::from_secs(3600);
    let (report, history) = recorded(&Plan { warm_up, ..plan() }, &InMemory::default()).await;
    assert_eq!((report.done(), history.len()), (0, 4000));
}

#[tokio::test]
async fn a_run_ends_with_its_time_or_when_it_is_told_to() {
    let timed = Plan { duration: Some(Duration::from_millis(50)), operations: None, ..plan() };
    assert!(run(&timed, &Hooks::default(), |_| InMemory::default()).await.done() > 0);
    let endless = Plan { duration: Some(Duration::from_secs(10)), operations: None, ..plan() };
    let mut hooks = Hooks::default();
    let stop = Arc::clone(&hooks.stop);
    let stops = move |_: &Operation| stop.store(true, Ordering::Relaxed);
    hooks.on_operation = Some(Arc::new(stops));
    let report = run(&endless, &hooks, |_| InMemory::default()).await;
    assert_eq!(report.done(), 8, "each client ends what it has begun");
}

#[tokio::test]
async fn clients_of_a_cluster_are_a_target() {
    let cluster = Cluster::start(3);
    cluster.world().leader = Some(1);
    let addresses = cluster.addresses();
    let plan = Plan { operations: Some(200), clients: 4, ..plan() };
    let connect = |_| ClusterTarget {
        client: Client::new(&addresses, Options::default()).unwrap(),
        consistency: Consistency::Linearizable,
    };
    let report = run(&plan, &Hooks::default(), connect).await;
    assert_eq!((report.done(), report.failed()), (200, 0));
    assert_eq!(cluster.world().revision, report.puts.count());
}
