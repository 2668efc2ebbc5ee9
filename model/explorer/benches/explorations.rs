//! Whole explorations. `cargo bench -p raftlab-explorer --bench explorations`.
//!
//! "raft, few states a row" is a depth at which a row is walked only a few times: there most of the time goes into
//! actors' code and into building rows. At the larger depth it is the walk and the table.

// A benchmark's group is made by a macro that documents nothing.
#![allow(missing_docs)]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raftlab_explorer::protocols::{paxos::paxos, raft::raft};
use raftlab_explorer::{Mode, Symmetric, System, explore};
use stateright::actor::Network;

fn explored<S: System>(system: &S, mode: Mode, steps: Option<u32>) -> u64 {
    let explorer = explore(system).keep_going().mode(mode);
    let explorer = match steps {
        None => explorer,
        Some(steps) => explorer.max_depth(steps),
    };
    explorer.run().expect("an exploration").progress.states
}

fn explorations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("explorations");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let paxos = paxos(2, 3, Network::new_unordered_nonduplicating([]));
    let raft = raft(3, Network::new_unordered_nonduplicating([]));
    let prints = Mode::Fingerprints { seed: 1 };
    group.throughput(Throughput::Elements(16_668));
    group.bench_function("paxos, 2 clients, 3 servers", |bencher| {
        bencher.iter(|| assert_eq!(explored(&paxos, Mode::Exact, None), 16_668));
    });
    group.throughput(Throughput::Elements(5_332));
    group.bench_function("raft, few states a row", |bencher| {
        bencher.iter(|| assert_eq!(explored(&raft, Mode::Exact, Some(5)), 5_332));
    });
    group.throughput(Throughput::Elements(277_096));
    for (name, mode) in [("raft, exact", Mode::Exact), ("raft, fingerprints", prints)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(explored(&raft, mode, Some(8)), 277_096));
        });
    }
    let symmetric = Symmetric::new(&raft, 0..3);
    group.bench_function("raft, symmetric", |bencher| {
        bencher.iter(|| explored(&symmetric, Mode::Exact, Some(8)));
    });
    group.finish();
}

criterion_group!(benches, explorations);
criterion_main!(benches);
