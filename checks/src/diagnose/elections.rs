//! Terms: who raised them while somebody led.

use super::leaders::Leadership;
use super::series::{Series, Span};
use crate::evidence::record::{EventRecord, Role};

/// A server was in a higher term than a leader that was well, and the leader gave way to that term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposed {
    /// The leader.
    pub leader: Leadership,
    /// Who had the higher term.
    pub by: String,
    /// From when it had one, and until the leader gave way.
    pub span: Span,
    /// The term that it came with.
    pub term: u64,
    /// How long ago the leader had heard a majority when it was scraped last, in milliseconds.
    pub quorum_ms: Option<u64>,
    /// Does that server ask before an election whether it can be won, as far as that is known?
    pub pre_vote: Option<bool>,
}

/// Leaders that gave way to a server that had been in a higher term before.
pub fn deposed(
    leaderships: &[Leadership],
    series: &[Series],
    events: &[EventRecord],
    election_us: u64,
) -> Vec<Deposed> {
    // Who gives way to one that leads already is late, and not deposed.
    let is_followed = |leader: &&Leadership| {
        leaderships.iter().any(|next| next.term > leader.term && next.span.from_us <= leader.span.until_us)
    };
    let leaders = leaderships.iter().filter(|leader| !is_followed(leader));
    leaders.filter_map(|leader| rival(leader, series, events, election_us)).collect()
}

fn rival(
    leader: &Leadership,
    series: &[Series],
    events: &[EventRecord],
    election_us: u64,
) -> Option<Deposed> {
    let own = series.iter().find(|own| own.server == leader.server)?;
    let end_us = leader.span.until_us;
    // It lives on, in a higher term, and had a majority until then.
    let after = own.answers().find(|sample| sample.at_us >= end_us)?;
    let before =
        own.answers().filter(|sample| sample.at_us < end_us && sample.role == Some(Role::Leader)).last()?;
    if after.term? <= leader.term || own.is_silent(end_us) {
        return None;
    }
    let quorum_us = before.quorum_age_s.map(super::micros);
    if quorum_us.is_some_and(|age| age > election_us / 2) {
        return None;
    }
    let mut rivals = series.iter().filter(|other| other.server != leader.server).filter_map(|other| {
        let since = raised_since(other, leader, events)?;
        let term = term_at(other, end_us, events);
        Some((since, term, other))
    });
    let (since_us, term, by) = rivals.by_ref().min_by_key(|(since, ..)| *since)?;
    Some(Deposed {
        leader: leader.clone(),
        by: by.server.clone(),
        span: Span { from_us: since_us, until_us: end_us },
        term,
        quorum_ms: quorum_us.map(|us| us / 1000),
        pre_vote: by.answers().last().and_then(|sample| sample.pre_vote),
    })
}

/// When a server was first in a higher term than this leader, long enough before its end to be its reason.
fn raised_since(other: &Series, leader: &Leadership, events: &[EventRecord]) -> Option<u64> {
    let within = |at_us: u64| leader.span.from_us < at_us && at_us < leader.span.until_us;
    let of_samples = other
        .answers()
        .filter(|sample| within(sample.at_us) && sample.term > Some(leader.term))
        .map(|sample| sample.at_us);
    let of_events = events.iter().filter(|event| {
        event.event.server == other.server
            && within(event.at_us)
            && event.event.term > leader.term
            && event.role() == Some(Role::Candidate)
    });
    of_samples.chain(of_events.map(|event| event.at_us)).min()
}

fn term_at(other: &Series, at_us: u64, events: &[EventRecord]) -> u64 {
    let of_sample =
        other.answers().filter(|sample| sample.at_us <= at_us).filter_map(|sample| sample.term).max();
    let of_event = events
        .iter()
        .filter(|event| event.event.server == other.server && event.at_us <= at_us)
        .map(|event| event.event.term)
        .max();
    of_sample.max(of_event).unwrap_or(0)
}
