//! Did what was declared strike? A fault that did nothing proves nothing of the cluster that it did not harm.
//!
//! Faults of links, disks, clocks and pauses are counted by the server at which they strike (`fired.json`). A kill has
//! nobody left to count it: its proof is that the server did not answer after, or had used less processor time than
//! before.

use std::collections::BTreeMap;

use raftlab_node::chaos::Fault;

use super::bands::Kind;
use super::read::Run;
use super::record::FaultRecord;

/// After a kill samples go on for longer than this, or it belongs to the end of the run and is no fault.
const END_US: u64 = 500_000;
/// A server that was killed is looked for until so long after its next start.
const RESTART_US: u64 = 2_000_000;

/// A kind of fault at a place, and how often it struck there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Which fault, and at which server.
    pub name: String,
    /// How often it was asked for.
    pub declared: u64,
    /// How often it struck: datagrams, syncs, pauses, readings of a clock, deaths.
    pub fired: u64,
}

impl Struck {
    /// Did it do what it was declared for? Of deaths, each has to be seen.
    pub fn is_proved(&self) -> bool {
        if self.name.starts_with("kill") { self.fired >= self.declared } else { self.fired > 0 }
    }
}

/// What was declared, and how often each struck.
pub fn struck(run: &Run) -> Vec<Struck> {
    let mut all: BTreeMap<(String, Option<String>), Struck> = BTreeMap::new();
    for fault in &run.faults {
        let counters = counters(fault);
        let (name, fired) = if !counters.is_empty() {
            (name(fault, counters), count(run, fault, counters))
        } else if Kind::of(&fault.verb) == Some(Kind::Down) && has_later_samples(run, fault) {
            ("kill".to_string(), u64::from(has_died(run, fault)))
        } else {
            continue;
        };
        let place = fault.server.clone().unwrap_or_else(|| "all".into());
        let start = Struck { name: format!("{name} {place}"), declared: 0, fired: 0 };
        let entry = all.entry((name.clone(), fault.server.clone())).or_insert(start);
        entry.declared += 1;
        // A counter covers all faults of its kind; deaths are looked for one by one.
        entry.fired = if counters.is_empty() { entry.fired + fired } else { fired };
    }
    all.into_values().collect()
}

/// The counters of which one has to move: none, if the fault has no counter.
///
/// The text is for people, and says in a word what it is: where it names several, any of them will do.
pub fn counters(fault: &FaultRecord) -> &'static [Fault] {
    const LINK: [(&[&str], &[Fault]); 4] = [
        (&["cut", "partition", "isolat"], &[Fault::LinkCut]),
        (&["drop", "los"], &[Fault::LinkDrop]),
        (&["duplicat", "twice"], &[Fault::LinkDuplicate]),
        (&["delay", "slow", "late", "jitter"], &[Fault::LinkDelay]),
    ];
    const DISK: [(&[&str], &[Fault]); 2] =
        [(&["stall"], &[Fault::DiskStall]), (&["slow", "delay", "longer"], &[Fault::DiskSlow])];
    const CLOCK: [(&[&str], &[Fault]); 2] =
        [(&["jump"], &[Fault::ClockJump]), (&["rate", "fast", "slow", "%"], &[Fault::ClockRate])];
    let text = format!("{} {}", fault.verb, fault.text).to_lowercase();
    match Kind::of(&fault.verb) {
        Some(Kind::Pause) => &[Fault::Pause],
        Some(Kind::Link) => {
            one_of(&text, &LINK, &[Fault::LinkCut, Fault::LinkDrop, Fault::LinkDuplicate, Fault::LinkDelay])
        }
        Some(Kind::Disk) => one_of(&text, &DISK, &[Fault::DiskSlow, Fault::DiskStall]),
        Some(Kind::Clock) => one_of(&text, &CLOCK, &[Fault::ClockRate, Fault::ClockJump]),
        Some(Kind::Down) | None => &[],
    }
}

/// The counter of the only row of which a word occurs, or all.
fn one_of(
    text: &str,
    rows: &'static [(&[&str], &'static [Fault])],
    all: &'static [Fault],
) -> &'static [Fault] {
    let mut named = rows.iter().filter(|(words, _)| words.iter().any(|word| text.contains(word)));
    match (named.next(), named.next()) {
        (Some((_, only)), None) => only,
        _ => all,
    }
}

fn name(fault: &FaultRecord, counters: &[Fault]) -> String {
    match counters {
        [only] => only.name().to_string(),
        _ => Kind::of(&fault.verb).map_or("", Kind::name).to_string(),
    }
}

/// How often any of the counters moved, at the fault's server.
fn count(run: &Run, fault: &FaultRecord, counters: &[Fault]) -> u64 {
    let is_place = |server: &String| fault.server.as_ref().is_none_or(|own| own == server);
    let places = run.fired.iter().filter(|(server, _)| is_place(server));
    let counts = places.flat_map(|(_, counts)| counts);
    counts.filter(|count| counters.iter().any(|of| of.name() == count.fault)).map(|count| count.fired).sum()
}

fn has_later_samples(run: &Run, fault: &FaultRecord) -> bool {
    run.samples.last().is_some_and(|last| last.at_us > fault.at_us + END_US)
}

/// Was the server gone for a moment, or another process after?
fn has_died(run: &Run, fault: &FaultRecord) -> bool {
    let own = |sample: &&super::record::Sample| Some(&sample.server) == fault.server.as_ref();
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
