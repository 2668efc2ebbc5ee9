//! Did what was declared strike? A fault that did nothing proves nothing of the cluster that it did not harm.
//!
//! Faults of links, disks, clocks and pauses are counted by the server at which they strike (`fired.json`). A kill has
//! nobody left to count it: its proof is that the server did not answer after, or had used less processor time than
//! before, or that who killed it saw it end.
//!
//! These counts are of a whole run. Whoever saw each fault begin knows more, and hands in what it counted since
//! ([`Judgements::faults`](super::Judgements::faults)).

use std::collections::BTreeMap;

use raftlab_node::chaos::Fault;

use super::bands::Kind;
use super::read::Run;
use super::record::{FaultRecord, Sample};

/// After a kill samples go on for longer than this, or it belongs to the end of the run and is no fault.
const END_US: u64 = 500_000;
/// A server that was killed is looked for until so long after its next start.
const RESTART_US: u64 = 2_000_000;

/// A kind of fault at a place, and how often it struck there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Which fault, and where.
    pub name: String,
    /// How often it was asked for.
    pub declared: u64,
    /// How often it struck: datagrams, syncs, pauses, readings of a clock, deaths.
    pub fired: u64,
    /// How often it has to strike at least.
    pub needed: u64,
}

impl Struck {
    /// Did it do what it was declared for?
    pub fn is_proved(&self) -> bool {
        self.fired >= self.needed
    }
}

/// What was declared, and how often each struck.
pub fn struck(run: &Run) -> Vec<Struck> {
    let known = run.servers();
    let mut all: BTreeMap<String, Struck> = BTreeMap::new();
    for fault in &run.faults {
        for counted in counters(fault) {
            let places = places(fault, &known);
            let name = format!("{} {}", counted.name(), label(&places, &known));
            let fired = fired(run, &places, counted.name());
            let own = all.entry(name.clone()).or_insert(Struck { name, declared: 0, fired, needed: 1 });
            own.declared += 1;
        }
        if matches!(fault.verb.as_str(), "kill" | "crash") && has_later_samples(run, fault) {
            let server = fault.server.as_deref().unwrap_or("all");
            let name = format!("kill {server}");
            let own = all.entry(name.clone()).or_insert(Struck { name, declared: 0, fired: 0, needed: 0 });
            own.declared += 1;
            own.needed += 1;
            own.fired += u64::from(has_died(run, fault));
        }
    }
    // Who killed a server and saw it end says so; samples may have missed one that was back at once.
    for own in all.values_mut() {
        if let Some(server) = own.name.strip_prefix("kill ") {
            own.fired = own.fired.max(fired(run, &[server.to_string()], "kill").min(own.declared));
        }
    }
    all.into_values().collect()
}

/// The counters each of which has to move: none, if the fault has no counter, or makes something well again.
///
/// The text is the command, as it was carried out.
pub fn counters(fault: &FaultRecord) -> Vec<Fault> {
    const LINK: [(&[&str], Fault); 4] = [
        (&["cut", "partition", "isolate"], Fault::LinkCut),
        (&["drop"], Fault::LinkDrop),
        (&["duplicate"], Fault::LinkDuplicate),
        (&["delay", "jitter"], Fault::LinkDelay),
    ];
    let has = |words: &[&str]| words.iter().any(|word| fault.text.contains(word));
    match Kind::of(fault) {
        Some(Kind::Pause) => vec![Fault::Pause],
        Some(Kind::Link) => LINK.into_iter().filter(|(words, _)| has(words)).map(|(_, own)| own).collect(),
        Some(Kind::Disk) if fault.verb == "stall" || has(&["stall"]) => vec![Fault::DiskStall],
        Some(Kind::Disk) => vec![Fault::DiskSlow],
        Some(Kind::Clock) if has(&["jump"]) => vec![Fault::ClockJump],
        Some(Kind::Clock) => vec![Fault::ClockRate],
        Some(Kind::Down) | None => Vec::new(),
    }
}

/// The servers at which a fault may strike. A link has two ends, and either may be the one that counts.
fn places(fault: &FaultRecord, known: &[String]) -> Vec<String> {
    if Kind::of(fault) != Some(Kind::Link) {
        return fault.server.clone().map_or(known.to_vec(), |server| vec![server]);
    }
    let named = fault.names(known);
    if named.len() > 1 { named } else { known.to_vec() }
}

fn label(places: &[String], known: &[String]) -> String {
    if places.len() > 1 && places.len() == known.len() { "all".into() } else { places.join(",") }
}

/// How often a fault struck at any of these servers.
fn fired(run: &Run, places: &[String], fault: &str) -> u64 {
    let counts = places.iter().filter_map(|server| run.fired.get(server)).flatten();
    counts.filter(|count| count.fault == fault).map(|count| count.fired).sum()
}

fn has_later_samples(run: &Run, fault: &FaultRecord) -> bool {
    run.samples.last().is_none_or(|last| last.at_us > fault.at_us + END_US)
}

/// Was the server gone for a moment, or another process after?
fn has_died(run: &Run, fault: &FaultRecord) -> bool {
    let own = |sample: &&Sample| Some(&sample.server) == fault.server.as_ref();
    let next = run
        .faults
        .iter()
        .find(|later| later.at_us > fault.at_us && later.verb == "start" && later.server == fault.server);
    let until = next.map_or(run.end_us, |start| start.at_us + RESTART_US);
    let before = run.samples.iter().rev().filter(own).find(|sample| sample.at_us < fault.at_us);
    let used = before.and_then(|sample| sample.cpu_seconds).unwrap_or(0.0);
    let after = run.samples.iter().filter(own);
    after
        .filter(|sample| (fault.at_us..=until).contains(&sample.at_us))
        .any(|sample| !sample.reachable || sample.cpu_seconds.is_some_and(|now| now < used))
}
