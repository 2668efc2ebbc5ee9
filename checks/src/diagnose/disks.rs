//! How long syncs took, and whether any returned.

use super::series::{Series, Span};
use crate::evidence::record::{Role, Sample};

/// The disk of one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// Whose.
    pub server: String,
    /// The median of all that was scraped, in microseconds.
    pub p50_us: u64,
    /// The slowest hundredth, at worst.
    pub p99_us: u64,
    /// When its syncs took as long as heartbeats are apart, or longer; and how long, on the mean.
    pub slow: Vec<(Span, u64)>,
    /// When it had something to sync, and no sync returned.
    pub stalls: Vec<Span>,
}

/// No sync returns for so many election time-outs: that is no slow disk.
const STALL_ELECTIONS: u64 = 3;

impl Disk {
    /// The disk of the server of this series. `leads` gives the scrape of whoever led at a moment.
    pub fn of<'a>(
        own: &Series,
        heartbeat_us: u64,
        election_us: u64,
        leads: impl Fn(u64) -> Option<&'a Sample>,
    ) -> Disk {
        let mut medians: Vec<u64> = own.answers().filter_map(|sample| sample.fsync_p50_us).collect();
        medians.sort_unstable();
        Disk {
            server: own.server.clone(),
            p50_us: medians.get(medians.len() / 2).copied().unwrap_or(0),
            p99_us: own.answers().filter_map(|sample| sample.fsync_p99_us).max().unwrap_or(0),
            slow: slow(own, heartbeat_us),
            stalls: stalls(own, election_us, leads),
        }
    }

    /// How long the slowest syncs of this span took, on the mean; nothing if none was slow.
    pub fn slow_in(&self, span: Span, slack_us: u64) -> Option<u64> {
        self.slow.iter().filter(|(slow, _)| slow.meets(span, slack_us)).map(|(_, took)| *took).max()
    }

    /// Was it stalled within this span?
    pub fn stalled_in(&self, span: Span, slack_us: u64) -> bool {
        self.stalls.iter().any(|stall| stall.meets(span, slack_us))
    }

    /// The slowest of all.
    pub fn worst_us(&self) -> u64 {
        self.slow.iter().map(|(_, took)| *took).max().unwrap_or(0)
    }
}

/// Between two scrapes so many syncs returned, and took so long together.
fn slow(own: &Series, heartbeat_us: u64) -> Vec<(Span, u64)> {
    let mut slow: Vec<(Span, u64)> = Vec::new();
    for (one, next) in own.pairs() {
        let (Some(count), Some(sum)) =
            (delta(one.fsyncs, next.fsyncs), delta(one.fsync_sum_us, next.fsync_sum_us))
        else {
            continue;
        };
        let Some(mean) = sum.checked_div(count).filter(|mean| *mean >= heartbeat_us) else { continue };
        // A sync that returns now began before.
        let span = Span { from_us: one.at_us.saturating_sub(mean), until_us: next.at_us };
        match slow.last_mut() {
            Some((last, took)) if span.from_us <= last.until_us.saturating_add(mean) => {
                last.until_us = span.until_us;
                *took = (*took).max(mean);
            }
            _ => slow.push((span, mean)),
        }
    }
    slow
}

fn stalls<'a>(own: &Series, election_us: u64, leads: impl Fn(u64) -> Option<&'a Sample>) -> Vec<Span> {
    let mut stalls = Vec::new();
    let mut flat: Option<(&Sample, &Sample, bool)> = None;
    let mut close = |flat: Option<(&Sample, &Sample, bool)>| {
        if let Some((first, last, true)) = flat {
            let span = Span { from_us: first.at_us, until_us: last.at_us };
            if span.us() >= election_us * STALL_ELECTIONS {
                stalls.push(span);
            }
        }
    };
    for (one, next) in own.pairs() {
        if one.fsyncs.is_none() || one.fsyncs != next.fsyncs {
            close(flat.take());
            continue;
        }
        let has_work = has_work(own, one, next, leads(next.at_us), election_us);
        let (first, had_work) = flat.map_or((one, false), |(first, _, had_work)| (first, had_work));
        flat = Some((first, next, had_work || has_work));
    }
    close(flat);
    stalls
}

/// Was there something that its disk should have done? It appended, or its leader hears it and waits for it.
fn has_work(own: &Series, one: &Sample, next: &Sample, leads: Option<&Sample>, election_us: u64) -> bool {
    let appended = next.last > one.last;
    let leads_itself = next.role == Some(Role::Leader) && next.pending.is_some_and(|pending| pending > 0);
    let is_awaited = leads.and_then(|leader| leader.peer(&own.server)).is_some_and(|peer| {
        peer.lag.is_some_and(|lag| lag > 0) && peer.heard_ms.is_some_and(|ms| ms * 1000 < election_us)
    });
    appended || leads_itself || is_awaited
}

/// By how much a counter of one process grew.
pub fn delta(one: Option<u64>, next: Option<u64>) -> Option<u64> {
    Some(next?.saturating_sub(one?))
}
