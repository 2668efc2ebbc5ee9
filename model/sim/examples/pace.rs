//! How many seconds of a cluster a second of one core simulates: three servers, a hundred requests a second.

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Instant;

use raftlab_core::Time;
use raftlab_node::kv::Operation;
use raftlab_sim::{Honest, Wish};

fn main() {
    let mut world = support::lying(1, 3, support::spec(), Arc::new(Honest));
    support::until_led(&mut world);
    let seconds = 200;
    let (began, start) = (Instant::now(), world.now());
    let clients: Vec<_> = (0..8).map(|_| world.client(None)).collect();
    let mut done = 0;
    for tick in 0..seconds * 100 {
        let client = clients[usize::try_from(tick % 8).unwrap()];
        if !world.is_busy(client) {
            let wish = if tick % 2 == 0 {
                Wish::Get(format!("{}", tick % 16).as_str().into())
            } else {
                let (key, value) = (format!("{}", tick % 16), format!("{tick}"));
                Wish::Do(Operation::Put { key: key.as_str().into(), value: value.as_str().into() })
            };
            world.wish(client, wish);
        }
        while world.run(Time(start.0 + tick * 10_000)).is_some() {
            done += 1;
        }
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{seconds} s in {took:.3} s; {} events, {done} answers: {:.0} a second",
        world.events(),
        f64::from(u32::try_from(seconds).unwrap()) / took
    );
}
