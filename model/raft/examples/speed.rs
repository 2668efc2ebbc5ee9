//! Scratch: how fast.
use raftlab_explorer::{Mode, explore};
use raftlab_model::{RaftModel, Setup};
fn main() {
    let mut args = std::env::args().skip(1);
    let bounds = args.next().unwrap();
    let threads: usize = args.next().map_or(1, |t| t.parse().unwrap());
    let mode =
        if args.next().as_deref() == Some("fp") { Mode::Fingerprints { seed: 1 } } else { Mode::Exact };
    let model = RaftModel::new(Setup::new(bounds.parse().unwrap()));
    let symmetry = std::env::args().any(|a| a == "sym");
    let start = std::time::Instant::now();
    let report = explore(&model).symmetry(symmetry).threads(threads).mode(mode).run().unwrap();
    let s = start.elapsed().as_secs_f64();
    println!(
        "{} states {} full, {} generated, depth {}, {:.2} s, {:.0} k/s, gen {:.1} M/s, {:?} peak {} MiB, {:.1} B a state",
        report.progress.states,
        report.full_states,
        report.progress.generated,
        report.depth,
        s,
        report.progress.states as f64 / s / 1e3,
        report.progress.generated as f64 / s / 1e6,
        report.limit,
        report.peak_bytes >> 20,
        report.peak_bytes as f64 / report.progress.states as f64
    );
    println!("{:?}", report.progress);
    for d in &report.discoveries {
        println!("{} {} steps", d.property, d.path.len());
    }
}
