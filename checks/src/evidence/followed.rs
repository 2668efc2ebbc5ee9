//! What followed each fault: who led then, how soon a server answered again, how soon a change was in effect.

use super::bands::Kind;
use super::findings::Findings;
use super::read::Run;
use super::record::FaultRecord;
use crate::console::grouped;

/// So long before or after a change is noted, servers tell of it.
const BEFORE_US: u64 = 5_000_000;

/// What followed the fault at a place of the run's list, in a sentence; may be empty.
pub fn followed(run: &Run, findings: &Findings, at: usize) -> String {
    let Some(fault) = run.faults.get(at) else { return String::new() };
    match fault.verb.as_str() {
        "start" => started(run, fault),
        "member" => changed(run, findings, fault),
        "heal" => healed(findings, fault),
        _ if Kind::of(fault).is_some() => hit(run, findings, at, fault),
        _ => String::new(),
    }
}

/// A length of time, for people.
pub fn length(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{:.1} ms", super::float(us) / 1e3),
        10_000..1_000_000 => format!("{:.0} ms", super::float(us) / 1e3),
        1_000_000..120_000_000 => format!("{:.2} s", super::float(us) / 1e6),
        _ => format!("{} min {} s", us / 60_000_000, us / 1_000_000 % 60),
    }
}

/// The same of a number that need not be whole.
pub fn micros(us: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(us / 1e6).unwrap_or_default();
    length(u64::try_from(whole.as_micros()).unwrap_or(u64::MAX))
}

/// How long a run took, for people.
pub fn lasting(us: u64) -> String {
    match us.saturating_add(500_000) / 1_000_000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn hit(run: &Run, findings: &Findings, at: usize, fault: &FaultRecord) -> String {
    if let Some(failover) = findings.failovers.iter().find(|failover| failover.fault == at) {
        let hit = format!("led term {}", failover.term);
        return match (&failover.next, failover.took_us()) {
            (Some(next), Some(took)) => {
                format!("{hit}; {} leads term {} after {}", next.server, next.term, length(took))
            }
            _ if Kind::of(fault) == Some(Kind::Down) => format!("{hit}; nobody led after"),
            _ => format!("{hit}, and led on"),
        };
    }
    let Some(leader) = findings.leader_at(fault.at_us) else { return "nobody led then".into() };
    let until = findings.bands.iter().find(|band| band.fault == at).map_or(run.end_us, |band| band.to_us);
    let word = if leader.span.to_us >= until { "led on" } else { "led then" };
    format!("{} {word} in term {}", leader.server, leader.term)
}

/// When it answered, and when it had all that had been committed when it was started.
fn started(run: &Run, fault: &FaultRecord) -> String {
    let after = || run.samples.iter().filter(|own| own.at_us >= fault.at_us);
    let own = || after().filter(|own| Some(&own.server) == fault.server.as_ref());
    let Some(first) = own().find(|own| own.reachable) else { return "it never answered".into() };
    let answered = format!("answers after {}", length(first.at_us - fault.at_us));
    let before = run.samples.iter().filter(|own| own.at_us <= fault.at_us);
    let committed = before.filter_map(|own| own.commit).max().unwrap_or(0);
    let (all, committed) = (committed, grouped(committed));
    let next = run.faults.iter().find(|next| {
        next.at_us > fault.at_us && next.server == fault.server && Kind::of(next) == Some(Kind::Down)
    });
    let until = next.map_or(u64::MAX, |next| next.at_us);
    match own().find(|own| own.commit.is_some_and(|commit| commit >= all) && own.at_us < until) {
        Some(there) => {
            format!("{answered}, has all up to {committed} after {}", length(there.at_us - fault.at_us))
        }
        None => format!("{answered}, never has all up to {committed}"),
    }
}

/// A change is noted when it is in effect: servers have told of it by then.
fn changed(run: &Run, findings: &Findings, fault: &FaultRecord) -> String {
    if fault.text.starts_with("move-leader") {
        let mut later = findings.reigns.iter().filter(|reign| reign.span.from_us >= fault.at_us);
        return match later.find(|reign| Some(&reign.server) == fault.server.as_ref()) {
            Some(reign) => {
                format!(
                    "{} leads term {} after {}",
                    reign.server,
                    reign.term,
                    length(reign.span.from_us - fault.at_us)
                )
            }
            None => "it never led".into(),
        };
    }
    let told = || run.events.iter().filter(|own| own.event.kind == "members");
    let before = told().rfind(|own| own.at_us <= fault.at_us && own.at_us + BEFORE_US >= fault.at_us);
    let after = || told().find(|own| own.at_us > fault.at_us && own.at_us <= fault.at_us + BEFORE_US);
    match before.or_else(after) {
        Some(own) => format!("{}, at {:.2} s", own.event.text, run.seconds(own.at_us)),
        None => "no server told of it".into(),
    }
}

fn healed(findings: &Findings, fault: &FaultRecord) -> String {
    let ended = findings.bands.iter().filter(|band| band.to_us == fault.at_us);
    let ended: Vec<String> = ended
        .map(|band| {
            let lasted = length(band.to_us - band.from_us);
            match &band.server {
                Some(server) => format!("{} of {server} after {lasted}", band.kind.name()),
                None => format!("{} after {lasted}", band.text),
            }
        })
        .collect();
    if ended.is_empty() { "nothing was wrong".into() } else { format!("ends {}", ended.join(", ")) }
}
