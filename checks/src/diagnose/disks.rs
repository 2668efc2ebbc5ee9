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
    /// When its syncs took as long as heartbeats are apart, or longer; and how long at worst.
    pub moments: Vec<(Span, u64)>,
    /// Those of them that matter.
    pub slow: Vec<(Span, u64)>,
    /// When it had something to sync, and no sync returned.
    pub stalls: Vec<Span>,
}

/// A disk is slow that is so for as many election time-outs.
const SLOW_ELECTIONS: u64 = 2;

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
        let moments = slow(own, heartbeat_us);
        Disk {
            server: own.server.clone(),
            p50_us: medians.get(medians.len() / 2).copied().unwrap_or(0),
            p99_us: own.answers().filter_map(|sample| sample.fsync_p99_us).max().unwrap_or(0),
            slow: moments.iter().copied().filter(|slow| matters(*slow, election_us)).collect(),
            moments,
            stalls: stalls(own, election_us, leads),
        }
    }

    /// How long the slowest syncs of this span took, on the mean; nothing if none was slow.
    pub fn slow_in(&self, span: Span, slack_us: u64) -> Option<u64> {
        self.slow.iter().filter(|(slow, _)| slow.meets(span, slack_us)).map(|(_, took)| *took).max()
    }

    /// How long syncs of this span took at worst, if they took as long as heartbeats are apart at all.
    pub fn worst_in(&self, span: Span) -> u64 {
        self.moments.iter().filter(|(slow, _)| slow.meets(span, 0)).map(|(_, took)| *took).max().unwrap_or(0)
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

/// Of which disks, when, and how slow: the most that were slow at one time, by what `of` says of each.
pub fn together(disks: &[Disk], of: fn(&Disk) -> &[(Span, u64)]) -> Vec<(&Disk, Span, u64)> {
    let at = |at_us: u64| {
        let met = |disk| {
            let mut spans = of(disk).iter();
            let (span, took) = spans.find(|(span, _)| span.from_us <= at_us && at_us <= span.until_us)?;
            Some((disk, *span, *took))
        };
        disks.iter().filter_map(met).collect::<Vec<_>>()
    };
    // As many as there ever are, there are when one of them begins.
    let begins = disks.iter().flat_map(|disk| of(disk).iter().map(|(span, _)| span.from_us));
    begins.map(at).max_by_key(Vec::len).unwrap_or_default()
}

/// Every disk is slow once in a while. It matters if it goes on, or if one sync takes as long as an election time-out.
fn matters((span, took): (Span, u64), election_us: u64) -> bool {
    span.us() >= election_us * SLOW_ELECTIONS || took >= election_us
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
        // Among quick ones a slow one is lost in the mean. The slowest hundredth has it, if there were not too many; and what
        // was under way before shows by itself.
        let p99 = next.fsync_p99_us.filter(|p99| Some(*p99) > one.fsync_p99_us && *p99 <= sum);
        let longest = p99.unwrap_or(0).max(under_way(one, next, sum));
        let took = sum.checked_div(count).map(|mean| mean.max(longest));
        let Some(took) = took.filter(|took| *took >= heartbeat_us) else { continue };
        // A sync that returns now began before.
        let span = Span { from_us: one.at_us.saturating_sub(took), until_us: next.at_us };
        match slow.last_mut() {
            Some((last, slowest)) if span.from_us <= last.until_us.saturating_add(took) => {
                last.until_us = span.until_us;
                *slowest = (*slowest).max(took);
            }
            _ => slow.push((span, took)),
        }
    }
    slow
}

/// How long the sync had taken, at least, that was under way at the first of these scrapes. A log is written by one sync
/// after another: what returned in between took no longer than the two are apart, but for what the first one had taken
/// before. A process that stood still in the middle of a sync answers no scrape meanwhile: then the two are as far apart
/// as its sync seems to have taken, and that says nothing of the disk.
fn under_way(one: &Sample, next: &Sample, sum_us: u64) -> u64 {
    let apart = next.at_us.saturating_sub(one.at_us);
    // The server's own time is not blurred by how long an answer took.
    let ran = delta(one.uptime_ms, next.uptime_ms).map_or(0, |ms| ms.saturating_mul(1000));
    sum_us.saturating_sub(apart.max(ran))
}

/// A time without any sync.
#[derive(Clone, Copy)]
struct Flat<'a> {
    first: &'a Sample,
    last: &'a Sample,
    /// When there was something to do last.
    worked_us: Option<u64>,
}

fn stalls<'a>(own: &Series, election_us: u64, leads: impl Fn(u64) -> Option<&'a Sample>) -> Vec<Span> {
    let mut flats: Vec<Flat<'_>> = Vec::new();
    let mut is_flat = false;
    for (one, next) in own.pairs() {
        if one.fsyncs.is_none() || one.fsyncs != next.fsyncs {
            is_flat = false;
            continue;
        }
        if !is_flat {
            flats.push(Flat { first: one, last: next, worked_us: None });
        }
        is_flat = true;
        let has_work = has_work(own, one, next, leads(next.at_us), election_us);
        if let Some(flat) = flats.last_mut() {
            flat.last = next;
            flat.worked_us = if has_work { Some(next.at_us) } else { flat.worked_us };
        }
    }
    let stall = |flat: Flat<'_>| {
        let span = Span { from_us: flat.first.at_us, until_us: flat.last.at_us };
        // What was to be done at first only may have been done before the first scrape.
        let has_waited = flat.worked_us? >= span.from_us + span.us() / 2;
        (has_waited && span.us() >= election_us * STALL_ELECTIONS && has_hung(own, span)).then_some(span)
    };
    flats.into_iter().filter_map(stall).collect()
}

/// Did one sync take all this time? If one returned afterwards it did, or there was nothing to sync; and where others
/// take about as long, the disk is slow.
fn has_hung(own: &Series, span: Span) -> bool {
    let took = |one: &Sample, next: &Sample| {
        let (count, sum) = (delta(one.fsyncs, next.fsyncs)?, delta(one.fsync_sum_us, next.fsync_sum_us)?);
        (count > 0).then_some(sum)
    };
    let returned =
        own.pairs().find(|(one, _)| one.at_us >= span.until_us).and_then(|(one, next)| took(one, next));
    let are_alike =
        own.pairs().filter_map(|(one, next)| took(one, next)).filter(|took| *took >= span.us() / 2);
    returned.is_none_or(|took| took >= span.us() / 5 * 4) && are_alike.count() <= 1
}

/// Was there something that its disk should have done? It appended, or the leader and it hear each other, and the leader waits for it.
fn has_work(own: &Series, one: &Sample, next: &Sample, leads: Option<&Sample>, election_us: u64) -> bool {
    let appended = next.last > one.last;
    let leads_itself = next.role == Some(Role::Leader) && next.pending.is_some_and(|pending| pending > 0);
    let is_fresh = |ms: Option<u64>| ms.is_some_and(|ms| ms * 1000 < election_us);
    let hears =
        leads.and_then(|leader| next.peer(&leader.server)).is_some_and(|peer| is_fresh(peer.heard_ms));
    let is_awaited = leads
        .and_then(|leader| leader.peer(&own.server))
        .is_some_and(|peer| peer.lag.is_some_and(|lag| lag > 0) && is_fresh(peer.heard_ms) && hears);
    appended || leads_itself || is_awaited
}

/// By how much a counter of one process grew.
pub fn delta(one: Option<u64>, next: Option<u64>) -> Option<u64> {
    Some(next?.saturating_sub(one?))
}
