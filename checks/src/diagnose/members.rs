//! Configurations: by which servers each counted.

use super::leaders::Leadership;
use super::series::{Series, Span};
use crate::evidence::record::Role;

/// Two servers that count by different voters, where the log has one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// One, and by whom it counts.
    pub one: (String, Vec<String>),
    /// The other.
    pub other: (String, Vec<String>),
    /// The configuration's place in both logs; 0 for the one that a server was started with.
    pub index: u64,
    /// When it was seen first.
    pub at_us: u64,
    /// Could both gather a majority without a server in common?
    pub is_disjoint: bool,
}

/// Two servers led at once, and both committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Both {
    /// One.
    pub one: Leadership,
    /// The other, in another term.
    pub other: Leadership,
    /// Together for so long.
    pub span: Span,
    /// How far each got meanwhile.
    pub committed: (u64, u64),
}

/// Each two servers whose configurations contradict each other.
pub fn conflicts(series: &[Series]) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    for (at, one) in series.iter().enumerate() {
        for other in &series[at + 1..] {
            conflicts.extend(conflict(one, other));
        }
    }
    conflicts
}

/// A configuration that is committed is the same everywhere; one that is not may differ until its leader has lost.
fn conflict(one: &Series, other: &Series) -> Option<Conflict> {
    one.answers().find_map(|sample| {
        let beside = other.at(sample.at_us)?;
        let index = sample.config_index.filter(|index| beside.config_index == Some(*index))?;
        let is_committed = sample.commit >= Some(index) && beside.commit >= Some(index);
        let (voters, others) = (sample.voters.as_ref()?, beside.voters.as_ref()?);
        // A server that joins knows of nobody.
        let is_known = !voters.is_empty() && !others.is_empty();
        (is_committed && is_known && voters != others).then(|| Conflict {
            one: (one.server.clone(), voters.clone()),
            other: (other.server.clone(), others.clone()),
            index,
            at_us: sample.at_us,
            is_disjoint: is_disjoint(voters, others),
        })
    })
}

/// Can a majority of the one and one of the other have nobody in common?
fn is_disjoint(one: &[String], other: &[String]) -> bool {
    let all = one.len() + other.iter().filter(|server| !one.contains(server)).count();
    one.len() / 2 + other.len() / 2 + 2 <= all
}

/// Leaders that committed beside each other.
pub fn both(leaderships: &[Leadership], series: &[Series], election_us: u64) -> Vec<Both> {
    let mut found = Vec::new();
    for (at, one) in leaderships.iter().enumerate() {
        for other in leaderships[at + 1..].iter().filter(|other| other.server != one.server) {
            let span = Span {
                from_us: one.span.from_us.max(other.span.from_us),
                until_us: one.span.until_us.min(other.span.until_us),
            };
            let committed = (committed(one, span, series), committed(other, span, series));
            if span.us() > election_us && committed.0 > 0 && committed.1 > 0 {
                found.push(Both { one: one.clone(), other: other.clone(), span, committed });
            }
        }
    }
    found
}

/// How far commitIndex got while it led: what it is told as a follower afterwards, another has committed.
fn committed(leader: &Leadership, span: Span, series: &[Series]) -> u64 {
    let Some(own) = series.iter().find(|own| own.server == leader.server) else { return 0 };
    let led = own.answers().filter(|sample| {
        (span.from_us..=span.until_us).contains(&sample.at_us)
            && (sample.role, sample.term) == (Some(Role::Leader), Some(leader.term))
    });
    let commits: Vec<u64> = led.filter_map(|sample| sample.commit).collect();
    commits.last().zip(commits.first()).map_or(0, |(last, first)| last.saturating_sub(*first))
}
