//! How long validation takes: for people, by `cargo test --release -p raftlab-checks --test validate -- --ignored --nocapture`.

use std::time::Instant;

use raftlab_checks::validate::validate;

use crate::world::{World, put, scratch};

/// A million steps and more, logs of some ten thousand entries, and a crash now and then.
#[test]
#[ignore = "a measurement, which asserts nothing of time"]
fn a_million_steps() {
    let dir = scratch("million");
    let mut world = World::new(&dir, 1);
    world.snapshot_entries = 10_000;
    (1..=3).for_each(|id| world.start(id));
    let began = Instant::now();
    for round in 0..30_000 {
        (0..10).for_each(|count| world.cast(put(&format!("key {}", (round * 7 + count) % 5000), count)));
        world.run(1);
        if round % 1000 == 999 {
            let id = 1 + world.below(3);
            world.crash(id);
            world.run(200);
            world.start(id);
            world.run(400);
        }
    }
    world.stop();
    let bytes: u64 =
        std::fs::read_dir(&dir).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("recorded {} MB in {:.1} s", bytes / 1_000_000, began.elapsed().as_secs_f64());
    let report = validate(&dir, &world.options());
    println!("{:?} in {:.1} s, exit {}", report.totals, report.seconds, report.exit);
    for property in report.properties.iter().filter(|property| property.judged > 0) {
        println!("{:<28} {}", property.name, property.judged);
    }
    assert_eq!(report.exit, 0, "{:#?}", report.findings);
}
