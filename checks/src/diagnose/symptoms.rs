//! What was measured, in a line each.

use serde::Serialize;

use super::facts::Facts;
use super::{millis, seconds};
use crate::evidence::record::{LoadRecord, Sample};

/// Something that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// What.
    pub what: &'static str,
    /// Numbers, servers, times.
    pub says: String,
}

/// All that was measured.
pub fn symptoms(facts: &Facts) -> Vec<Symptom> {
    let all = [
        ("leaders", leaders(facts)),
        ("no leader", leaderless(facts)),
        ("terms", terms(facts)),
        ("fsync", fsync(facts)),
        ("waiting", waiting(facts)),
        ("quorum", quorum(facts)),
        ("clients", clients(facts)),
        ("unreachable", unreachable(facts)),
        ("out of touch", out_of_touch(facts)),
        ("configuration", configuration(facts)),
    ];
    all.into_iter().map(|(what, says)| Symptom { what, says }).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it is called with what was just collected")]
fn listed(all: Vec<String>, none: &str) -> String {
    if all.is_empty() { none.to_string() } else { all.join("; ") }
}

fn leaders(facts: &Facts) -> String {
    let led = facts.leaderships.iter();
    let led =
        led.map(|own| format!("{} in term {} {}", own.server, own.term, facts.span_of(own.span))).collect();
    let (unasked, all) = (facts.losses().count(), facts.changes.len());
    format!("{} · {all} changes, {unasked} of them unasked", listed(led, "none"))
}

fn leaderless(facts: &Facts) -> String {
    let total: u64 = facts.leaderless.iter().map(|gap| gap.us()).sum();
    match facts.leaderless.iter().max_by_key(|gap| gap.us()) {
        None => "never, after the first one".to_string(),
        Some(longest) => format!("{} in all, longest {}", seconds(total), facts.span_of(*longest)),
    }
}

fn terms(facts: &Facts) -> String {
    let of = |own: &super::series::Series| {
        let terms: Vec<u64> = own.answers().filter_map(|sample| sample.term).collect();
        Some(format!("{} {} to {}", own.server, terms.first()?, terms.last()?))
    };
    listed(facts.series.iter().filter_map(of).collect(), "unknown")
}

fn fsync(facts: &Facts) -> String {
    let of = |disk: &super::disks::Disk| {
        let worst = disk.worst_us().max(disk.p99_us);
        format!(
            "{} p50 {} p99 {} worst {}",
            disk.server,
            millis(disk.p50_us),
            millis(disk.p99_us),
            millis(worst)
        )
    };
    let said = if facts.is_timing_said { "" } else { " (as a rule: servers do not say)" };
    format!(
        "{} · heartbeats {} apart, election time-out {}{said}",
        listed(facts.disks.iter().map(of).collect(), "unknown"),
        millis(facts.heartbeat_us),
        millis(facts.election_us)
    )
}

fn waiting(facts: &Facts) -> String {
    let of = |own: &super::series::Series| {
        let most = own.answers().max_by_key(|sample| sample.pending)?;
        let refused: u64 =
            own.pairs().filter_map(|(one, next)| super::disks::delta(one.rejected, next.rejected)).sum();
        Some(format!(
            "{} at most {} at {}, {refused} refused",
            own.server,
            most.pending?,
            facts.at(most.at_us)
        ))
    };
    listed(facts.series.iter().filter_map(of).collect(), "unknown")
}

fn quorum(facts: &Facts) -> String {
    let age = |sample: &Sample| sample.quorum_age_s.map(super::micros);
    let of = |own: &super::series::Series| {
        let oldest = own.answers().max_by_key(|sample| age(sample))?;
        Some(format!("{} at most {} at {}", own.server, seconds(age(oldest)?), facts.at(oldest.at_us)))
    };
    format!(
        "age of the last word of a majority: {}",
        listed(facts.series.iter().filter_map(of).collect(), "unknown")
    )
}

fn clients(facts: &Facts) -> String {
    if facts.load.is_empty() {
        return "unknown: no seconds of clients' work were read".to_string();
    }
    let sum = |read: fn(&LoadRecord) -> u64| facts.load.iter().map(read).sum::<u64>();
    let idle = facts.load.iter().filter(|load| load.done == 0).count();
    format!(
        "{} done, {} failed, {} unknown; {idle} of {} seconds without any",
        sum(|load| load.done),
        sum(|load| load.failed),
        sum(|load| load.unknown),
        facts.load.len()
    )
}

fn unreachable(facts: &Facts) -> String {
    let all = facts.silences().map(|own| {
        let then = match own.then {
            super::series::Then::Restarted => "then another process",
            super::series::Then::WentOn => "then the same process",
            super::series::Then::Unknown => "and not since",
        };
        format!("{} {}, {then}", own.server, facts.span_of(own.span))
    });
    listed(all.collect(), "none")
}

fn out_of_touch(facts: &Facts) -> String {
    let of = |own: &super::series::Series| {
        let cuts = facts.cuts.iter().filter(|cut| cut.server == own.server);
        let longest = cuts.clone().max_by_key(|cut| cut.span.us())?;
        Some(format!("{} {} times, longest {}", own.server, cuts.count(), facts.span_of(longest.span)))
    };
    listed(facts.series.iter().filter_map(of).collect(), "none")
}

fn configuration(facts: &Facts) -> String {
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for own in &facts.series {
        let Some(last) = own.answers().last() else { continue };
        let voters = last.voters.as_deref().unwrap_or_default().join(" ");
        let says =
            format!("{{{voters}}} since {}", last.config_index.map_or("?".into(), |at| at.to_string()));
        match all.iter_mut().find(|(known, _)| *known == says) {
            Some((_, servers)) => servers.push(&own.server),
            None => all.push((says, vec![&own.server])),
        }
    }
    listed(
        all.into_iter().map(|(says, servers)| format!("{says} at {}", servers.join(" "))).collect(),
        "unknown",
    )
}
