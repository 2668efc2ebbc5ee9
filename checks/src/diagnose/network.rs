//! Who heard whom, and how well.

use std::collections::BTreeMap;

use super::disks::delta;
use super::series::{Series, Span};
use crate::evidence::record::{Role, Sample};

/// A server that answers its scrapes, and is not in touch with the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Which.
    pub server: String,
    /// When.
    pub span: Span,
    /// Did the leader, or anybody, hear it meanwhile?
    pub is_heard: bool,
    /// Did it hear the leader, or anybody?
    pub hears: bool,
    /// For how long it was not heard, or did not hear, at most.
    pub age_ms: u64,
    /// Did it lead when it began?
    pub led: bool,
    /// By how many scrapes it was seen.
    pub scrapes: usize,
}

/// The way from one server to another, as the second saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Who sent.
    pub from: String,
    /// Who received.
    pub to: String,
    /// How long it took there and back, as a rule.
    pub median_us: u64,
    /// The same, at worst.
    pub worst_us: u64,
    /// When that was.
    pub worst_at_us: u64,
    /// The share of its datagrams that never came, in the worst stretch of time.
    pub lost: f64,
    /// When that was.
    pub lost_at_us: u64,
}

/// How long datagrams are counted before a share of them says anything, in microseconds.
const STRETCH_US: u64 = 1_500_000;

/// And how many have to be missing.
const MISSING_MIN: u64 = 5;

/// A server that is out of touch so often, and back in between, is on a link that loses much, and not cut off.
const FLICKERS: usize = 4;

/// How often a server was out of touch, if that is so often that something has to come through.
pub fn flickers(cuts: &[CutOff], server: &str) -> Option<usize> {
    let times = cuts.iter().filter(|cut| cut.server == server).count();
    (times >= FLICKERS).then_some(times)
}

/// Servers that are cut off, by what they and the leader say of each other.
pub fn cut_off(series: &[Series], election_us: u64, leader: impl Fn(u64) -> Option<String>) -> Vec<CutOff> {
    let mut found: Vec<CutOff> = Vec::new();
    for own in series {
        let mut last: Option<usize> = None;
        for sample in own.answers() {
            let leads = leader(sample.at_us);
            let Some((is_heard, hears, age_ms)) =
                out_of_touch(own, sample, series, leads.as_deref(), election_us)
            else {
                last = None;
                continue;
            };
            let from_us = sample.at_us.saturating_sub(age_ms * 1000);
            if let Some(known) = last.and_then(|at| found.get_mut(at)) {
                known.span.until_us = sample.at_us;
                known.scrapes += 1;
                known.is_heard &= is_heard;
                known.hears &= hears;
                known.age_ms = known.age_ms.max(age_ms);
            } else {
                let led = own.was(Role::Leader, Span { from_us, until_us: sample.at_us });
                let span = Span { from_us, until_us: sample.at_us };
                found.push(CutOff {
                    server: own.server.clone(),
                    span,
                    is_heard,
                    hears,
                    age_ms,
                    led,
                    scrapes: 1,
                });
                last = Some(found.len() - 1);
            }
        }
    }
    // One scrape says little: who begins to ask has not been answered yet.
    found.retain(|cut| cut.span.us() >= election_us && cut.scrapes > 1);
    found
}

/// Is it heard, does it hear, and for how long has one of the two not been so? Nothing if both are.
fn out_of_touch(
    own: &Series,
    sample: &Sample,
    series: &[Series],
    leads: Option<&str>,
    election_us: u64,
) -> Option<(bool, bool, u64)> {
    let limit_ms = election_us / 1000 * 3 / 4;
    let old = |age: Option<u64>| age.is_none_or(|age| age > limit_ms);
    let others = || sample.peers.iter().flatten();
    others().next()?;
    if let Some(leads) = leads.filter(|leads| *leads != own.server) {
        let of_leader = series.iter().find(|other| other.server == leads)?.at(sample.at_us)?;
        if !is_voter(of_leader, &own.server) {
            return None;
        }
        // Who hears another leader is in touch, if not with this one: that is no link's fault.
        let of_other =
            sample.leader.as_deref().filter(|other| *other != leads).and_then(|other| sample.peer(other));
        if of_other.is_some_and(|other| !old(other.heard_ms)) {
            return None;
        }
        let heard = of_leader.peer(&own.server).and_then(|peer| peer.heard_ms);
        let of_peer = sample.peer(leads).and_then(|peer| peer.heard_ms);
        // A leader that is new has not heard everybody yet.
        let is_out = old(heard) && heard.is_some() || old(of_peer) && of_peer.is_some();
        let age = heard.unwrap_or(0).max(of_peer.unwrap_or(0));
        return is_out.then_some((!old(heard), !old(of_peer), age));
    }
    // Nobody leads, or it says that it does: it should hear enough for a majority.
    let voters = sample.voters.as_ref()?;
    let reached = others().filter(|peer| voters.contains(&peer.server) && !old(peer.heard_ms)).count();
    let seeks = matches!(sample.role, Some(Role::Candidate | Role::PreCandidate | Role::Leader));
    let up = series.iter().filter(|other| other.server != own.server && voters.contains(&other.server));
    let reachable = up.filter(|other| other.at(sample.at_us).is_some()).count();
    let youngest = others().filter_map(|peer| peer.heard_ms).min()?;
    let is_heard = series.iter().filter(|other| other.server != own.server).any(|other| {
        let of_other = other.at(sample.at_us).and_then(|other| other.peer(&own.server)?.heard_ms);
        of_other.is_some_and(|age| age <= limit_ms)
    });
    (seeks && reached == 0 && reachable > 0).then_some((is_heard, false, youngest))
}

fn is_voter(leader: &Sample, server: &str) -> bool {
    leader.voters.as_ref().is_some_and(|voters| voters.iter().any(|voter| voter == server))
}

/// How well each server was heard by each other.
pub fn ways(series: &[Series], cuts: &[CutOff], flickers: impl Fn(&str) -> bool) -> Vec<Way> {
    let mut ways = Vec::new();
    for own in series {
        let mut trips = BTreeMap::<&str, Vec<(u64, u64)>>::new();
        for sample in own.answers() {
            for peer in sample.peers.iter().flatten() {
                if let Some(trip) = peer.round_trip_us {
                    trips.entry(&peer.server).or_default().push((trip, sample.at_us));
                }
            }
        }
        for (from, mut trips) in trips {
            let (worst_us, worst_at_us) = trips.iter().copied().max().unwrap_or_default();
            trips.sort_unstable();
            let others =
                series.iter().find(|other| other.server == from).map_or(&[][..], |other| &other.silences[..]);
            let is_cut =
                |cut: &&CutOff| (cut.server == from || cut.server == own.server) && !flickers(&cut.server);
            let away = cuts.iter().filter(is_cut).map(|cut| cut.span);
            let silences = others.iter().chain(&own.silences).map(|silence| silence.span);
            let away: Vec<Span> = away.chain(silences).collect();
            let (lost, lost_at_us) = lost(own, from, &away);
            ways.push(Way {
                from: from.to_string(),
                to: own.server.clone(),
                median_us: trips.get(trips.len() / 2).map_or(0, |(trip, _)| *trip),
                worst_us,
                worst_at_us,
                lost,
                lost_at_us,
            });
        }
    }
    ways
}

/// The share of a peer's datagrams that never came, in the worst stretch. While one of the two was away nothing came at
/// all, and that is known when it is heard again: such stretches say nothing of the link.
fn lost(own: &Series, from: &str, away: &[Span]) -> (f64, u64) {
    let missing = |sample: &Sample| sample.peer(from).map(|peer| peer.missing);
    let (mut worst, mut since): ((f64, u64), Option<&Sample>) = ((0.0, 0), None);
    for (one, next) in own.pairs() {
        let first = *since.get_or_insert(one);
        if next.at_us.saturating_sub(first.at_us) < STRETCH_US {
            continue;
        }
        let (gone, came) = (delta(missing(first), missing(next)), delta(first.received, next.received));
        if let (Some(gone), Some(came)) = (gone, came)
            && gone >= MISSING_MIN
            && !away.iter().any(|span| {
                span.meets(Span { from_us: first.at_us, until_us: next.at_us }, STRETCH_US)
                    || (first.at_us..=next.at_us + STRETCH_US).contains(&span.until_us)
            })
        {
            let share = super::float(gone) / super::float(gone + came);
            worst = if share > worst.0 { (share, next.at_us) } else { worst };
        }
        since = Some(next);
    }
    worst
}
