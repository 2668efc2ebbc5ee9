//! The tables by themselves: what one insert takes. `cargo bench -p raftlab-explorer --bench tables`.
//!
//! The tables are compiled into this program once more, as they are no part of the crate's interface.

// A benchmark's group is made by a macro that documents nothing.
#![allow(missing_docs)]

#[allow(dead_code, unused_imports)]
#[path = "../src/chunks.rs"]
mod chunks;
#[allow(dead_code)]
#[path = "../src/hash.rs"]
mod hash;
#[allow(dead_code)]
#[path = "../src/interner.rs"]
mod interner;
#[allow(dead_code, unused_imports)]
#[path = "../src/sync.rs"]
mod sync;
#[allow(dead_code)]
#[path = "../src/visited.rs"]
mod visited;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use interner::Interner;
use visited::Visited;

/// Larger than any cache: 128 MB.
const PLACES: usize = 1 << 24;
const WORDS: u64 = 1 << 18;
const BATCH: usize = 256;

fn words(from: u64) -> Vec<u64> {
    (from..from + WORDS).map(|word| hash::mix(word).max(1)).collect()
}

fn insert_each(visited: &Visited, words: &[u64]) -> usize {
    words.iter().filter(|&&word| visited.insert(word, word, || (), |there| there == word).is_none()).count()
}

fn insert_in_batches(visited: &Visited, words: &[u64]) -> usize {
    let batch = |batch: &[u64]| {
        black_box(batch.iter().fold(0, |touched, &word| touched ^ visited.touch(word)));
        insert_each(visited, batch)
    };
    words.chunks(BATCH).map(batch).sum()
}

fn inserts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("visited");
    group.throughput(Throughput::Elements(WORDS)).sample_size(10).measurement_time(Duration::from_secs(2));
    for percent in [20, 50, 80] {
        // Filled up to here; what is measured adds little to it.
        let filled = PLACES as u64 * percent / 100;
        let visited = Visited::new(PLACES + PLACES / 2);
        (0..filled * 3 / 2).for_each(|word| visited.put(hash::mix(word).max(1), hash::mix(word).max(1)));
        let known = words(filled / 2);
        group.bench_with_input(BenchmarkId::new("known, one by one", percent), &known, |bencher, known| {
            bencher.iter(|| insert_each(&visited, known));
        });
        group.bench_with_input(BenchmarkId::new("known, in batches", percent), &known, |bencher, known| {
            bencher.iter(|| insert_in_batches(&visited, known));
        });
    }
    // Each time into an empty table, as one that is kept would fill up; it is filled to a quarter.
    let new = words(1);
    for (name, insert) in
        [("new, one by one", insert_each as fn(&_, &_) -> _), ("new, in batches", insert_in_batches)]
    {
        group.bench_function(name, |bencher| {
            let empty = || Visited::new(new.len() * 4);
            bencher.iter_batched_ref(empty, |visited| insert(visited, &new), BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn interning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("interner");
    let keys: Vec<u128> = (0..1 << 16).map(|at| u128::from(hash::mix(at)) << 64 | u128::from(at)).collect();
    group.throughput(Throughput::Elements(keys.len() as u64)).sample_size(20);
    let fill = |interner: &Interner<u64>| keys.iter().fold(0, |sum, &key| sum ^ interner.intern(key, || 1).0);
    group.bench_function("new", |bencher| {
        bencher.iter_batched_ref(Interner::new, |interner| fill(interner), BatchSize::LargeInput);
    });
    let known = Interner::new();
    fill(&known);
    group.bench_function("known", |bencher| bencher.iter(|| fill(&known)));
    group.finish();
}

criterion_group!(benches, inserts, interning);
criterion_main!(benches);
