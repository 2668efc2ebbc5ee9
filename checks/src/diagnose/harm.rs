//! What was felt, and what was seen and did no harm. Without harm nothing is wrong, and no cause is named.

use super::disks;
use super::facts::Facts;
use super::leaders::{Change, Leadership, Why};
use super::network::CutOff;
use super::series::Span;
use super::{float, millis, seconds};
use crate::evidence::record::LoadRecord;

/// So many seconds of clients' work have to be slow before that is harm: one may have met a pause of the machine.
const SLOW_SECONDS_MIN: usize = 2;

/// A clock that is wrong by less does no harm where clocks may drift by a tenth.
const DRIFT: f64 = 0.1;

/// What users and operators felt.
pub fn harm(facts: &Facts) -> Vec<String> {
    let mut harm = Vec::new();
    harm.extend(facts.losses().map(|change| {
        format!(
            "{} lost leadership in term {} at {}, and {} led in term {} after {}",
            change.from.server,
            change.from.term,
            facts.at(change.gap.from_us),
            change.to.server,
            change.to.term,
            seconds(change.gap.us())
        )
    }));
    if facts.leaderships.is_empty() {
        harm.push("nobody led at any time".to_string());
    }
    harm.extend(
        facts
            .leaderless
            .iter()
            .filter(|gap| facts.lasts(**gap) && gap.us() > facts.election_us)
            .map(|gap| format!("nobody leads since {}", facts.at(gap.from_us))),
    );
    harm.extend(clients(facts));
    // One that joins, or has left, owes no answer.
    let voters = facts.voters();
    let silent = facts.silences().filter(|own| facts.lasts(own.span) && own.span.us() > facts.election_us);
    let silent = silent.filter(|own| voters.contains(&own.server));
    harm.extend(
        silent.map(|own| format!("{} does not answer since {}", own.server, facts.at(own.span.from_us))),
    );
    let cut = facts.cuts.iter().filter(|cut| facts.lasts(cut.span));
    harm.extend(
        cut.map(|cut| format!("{} is out of touch since {}", cut.server, facts.at(cut.span.from_us))),
    );
    let stalled = facts.disks.iter().flat_map(|disk| disk.stalls.iter().map(move |stall| (disk, stall)));
    harm.extend(stalled.filter(|(_, stall)| facts.lasts(**stall)).map(|(disk, stall)| {
        format!("no sync of {} returns since {}", disk.server, facts.at(stall.from_us))
    }));
    if !facts.conflicts.is_empty() {
        harm.push("servers count by different voters at one place of the log".to_string());
    }
    if !facts.both.is_empty() {
        harm.push("two leaders committed beside each other".to_string());
    }
    let wrong = facts.wrong.iter().filter(|wrong| wrong.is_jump || (wrong.rate - 1.0).abs() > DRIFT);
    harm.extend(
        wrong.map(|wrong| format!("{}'s clock is wrong by more than leases allow for", wrong.server)),
    );
    harm
}

fn clients(facts: &Facts) -> Vec<String> {
    let mut harm = Vec::new();
    let sum = |read: fn(&LoadRecord) -> u64| facts.load.iter().map(read).sum::<u64>();
    let (failed, unknown) = (sum(|load| load.failed), sum(|load| load.unknown));
    if failed + unknown > 0 {
        harm.push(format!("clients: {failed} operations failed, and of {unknown} nobody knows"));
    }
    let idle = facts.load.iter().filter(|load| load.done == 0).count();
    if idle > 0 {
        harm.push(format!("clients: nothing was done in {idle} of {} seconds", facts.load.len()));
    }
    let limit = float(facts.heartbeat_us);
    let slow =
        facts.load.iter().filter(|load| load.done > 0 && load.p50_us.is_some_and(|p50| p50 >= limit)).count();
    if slow >= SLOW_SECONDS_MIN {
        harm.push(format!(
            "clients: in {slow} of {} seconds half of the operations took longer than {}",
            facts.load.len(),
            millis(facts.heartbeat_us)
        ));
    }
    harm
}

/// What was seen, and is over.
pub fn notes(facts: &Facts) -> Vec<String> {
    let mut notes = Vec::new();
    let led = |server: &str, at_us: u64| {
        let own = |own: &&Leadership| own.span.from_us <= at_us && at_us <= own.span.until_us;
        facts.leaderships.iter().filter(own).any(|own| own.server == server)
    };
    for own in &facts.series {
        let is_over = |cut: &&CutOff| !led(&cut.server, cut.span.from_us) && !facts.lasts(cut.span);
        let cuts = facts.cuts.iter().filter(|cut| cut.server == own.server).filter(is_over);
        if let Some(longest) = cuts.clone().max_by_key(|cut| cut.span.us()) {
            let (times, span) = (cuts.count(), facts.span_of(longest.span));
            let times = match times {
                0 | 1 => String::new(),
                2 => ", and once more".into(),
                _ => format!(", and {} times more", times - 1),
            };
            notes.push(format!("{} was out of touch {span}{times}, and is back", own.server));
        }
    }
    for silence in
        facts.silences().filter(|own| !led(&own.server, own.span.from_us) && !facts.lasts(own.span))
    {
        notes.push(format!(
            "{} did not answer {}, and does again",
            silence.server,
            facts.span_of(silence.span)
        ));
    }
    notes.extend(slow_disks(facts));
    notes.extend(facts.changes.iter().filter_map(|change| planned(facts, change)));
    notes
}

/// The disks of a majority were slow at one time, and for so short that it cost nobody leadership.
fn slow_disks(facts: &Facts) -> Option<String> {
    let slow = disks::together(&facts.disks, |disk| &disk.moments);
    let cost_nobody = |span: &Span| !facts.losses().any(|change| span.meets(facts.before(change), 0));
    let is_short =
        slow.iter().all(|(disk, span, _)| disk.slow.is_empty() && !facts.lasts(*span) && cost_nobody(span));
    let (servers, worst): (Vec<&str>, Vec<u64>) =
        slow.iter().map(|(disk, _, took)| (disk.server.as_str(), *took)).unzip();
    let span = Span {
        from_us: slow.iter().map(|(_, span, _)| span.from_us).min()?,
        until_us: slow.iter().map(|(_, span, _)| span.until_us).max()?,
    };
    (is_short && servers.len() >= facts.majority().max(2)).then(|| {
        format!(
            "the disks of {} were slow {}, {} a sync at worst, and are well again",
            servers.join(", "),
            facts.span_of(span),
            millis(worst.into_iter().max().unwrap_or(0))
        )
    })
}

/// A change of leader that somebody had asked for, and that kept no client waiting for long.
fn planned(facts: &Facts, change: &Change) -> Option<String> {
    let (from, to, at) = (&change.from.server, &change.to.server, facts.at(change.to.span.from_us));
    match change.why {
        Why::HandedOver => Some(format!("leadership was handed over from {from} to {to} at {at}")),
        Why::Left if facts.idle_in(change.gap) == 0 => Some(format!(
            "{from} led, and left the configuration; {to} led {} later, at {at}",
            seconds(change.gap.us())
        )),
        Why::Left | Why::Lost => None,
    }
}
