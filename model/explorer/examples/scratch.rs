//! Scratch.
use raftlab_explorer::{Mode, Property, Reads, System, explore, protocols};
use stateright::Expectation;
use stateright::actor::{ActorModel, Network};
struct Paxos(protocols::register::RegisterModel<protocols::paxos::Server>);
impl System for Paxos {
    type Actor = stateright::actor::register::RegisterActor<protocols::paxos::Server>;
    type Config = ();
    type History = protocols::register::History;
    fn model(&self) -> &ActorModel<Self::Actor, (), Self::History> {
        &self.0
    }
    fn has_boundary(&self) -> bool {
        false
    }
    fn properties(&self) -> Vec<Property<Self>> {
        use stateright::semantics::ConsistencyTester;
        vec![Property {
            expectation: Expectation::Always,
            name: "linearizable",
            reads: Reads::History(Box::new(|h: &protocols::register::History| {
                h.serialized_history().is_some()
            })),
        }]
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let threads = a[2].parse().unwrap();
    let start = std::time::Instant::now();
    let mode = if a.get(3).is_some_and(|m| m == "fp") { Mode::Fingerprints { seed: 1 } } else { Mode::Exact };
    let (p, peak, g) = match a[1].as_str() {
        "paxos" => {
            let m = Paxos(protocols::paxos::paxos(3, 3, Network::new_unordered_nonduplicating([])));
            let r = explore(&m).threads(threads).mode(mode).keep_going().run().unwrap();
            (r.progress, r.peak_bytes, r.levels.len())
        }
        "plain" => {
            let m = protocols::paxos::paxos(3, 3, Network::new_unordered_nonduplicating([]));
            let r = explore(&m).threads(threads).mode(mode).keep_going().run().unwrap();
            (r.progress, r.peak_bytes, r.levels.len())
        }
        d => {
            let m = protocols::raft::raft(3, Network::new_unordered_nonduplicating([]));
            let r = explore(&m)
                .threads(threads)
                .mode(mode)
                .keep_going()
                .max_depth(d.parse().unwrap())
                .run()
                .unwrap();
            (r.progress, r.peak_bytes, r.levels.len())
        }
    };
    let s = start.elapsed().as_secs_f64();
    println!(
        "{} {} {g} {s:.2} s {:.0} k/s {} MiB {:.1} B/state {p:?}",
        p.states,
        p.generated,
        p.states as f64 / s / 1e3,
        peak >> 20,
        peak as f64 / p.states as f64
    );
}
