//! A process that answers its scrapes, and whose core does nothing: it hears a leader of a newer term, again and again,
//! and takes no notice. Whatever stops the core and not the rest looks like that; a machine that stops as a whole answers
//! nobody, which is an ordinary [`Silence`].

use super::series::{Series, Silence, Span, Then};
use crate::evidence::record::{Role, Sample};

/// When the core of this server stood still, as far as that was seen.
pub fn frozen(own: &Series, all: &[Series], election_us: u64) -> Vec<Silence> {
    let mut found: Vec<Silence> = Vec::new();
    let mut last_us = None;
    for sample in own.answers() {
        if !is_deaf(sample, all, election_us) {
            last_us = None;
            continue;
        }
        match found.last_mut() {
            Some(known) if last_us.is_some() => known.span.until_us = sample.at_us,
            _ => found.push(Silence {
                server: own.server.clone(),
                span: Span { from_us: stood_since(own, sample), until_us: sample.at_us },
                then: Then::WentOn,
            }),
        }
        last_us = Some(sample.at_us);
    }
    found.retain(|known| known.span.us() > election_us);
    // It goes on between this scrape and the next.
    for known in &mut found {
        let next = own.answers().find(|sample| sample.at_us > known.span.until_us);
        known.span.until_us = next.map_or(known.span.until_us, |next| next.at_us);
    }
    found
}

/// Does a leader of a newer term speak to it, and it has not followed?
fn is_deaf(sample: &Sample, all: &[Series], election_us: u64) -> bool {
    all.iter().filter(|other| other.server != sample.server).any(|other| {
        let leads = other
            .at(sample.at_us)
            .filter(|other| other.role == Some(Role::Leader) && other.term > sample.term);
        let heard = sample.peer(&other.server).and_then(|peer| peer.heard_ms);
        leads.is_some() && heard.is_some_and(|ms| ms * 1000 < election_us / 2)
    })
}

/// Since when nothing has changed in its log, on its disk, and in what it is.
fn stood_since(own: &Series, sample: &Sample) -> u64 {
    let stands = |sample: &Sample| (sample.role, sample.term, sample.last, sample.commit, sample.fsyncs);
    let before = own.answers().filter(|other| other.at_us <= sample.at_us);
    let moved = before.filter(|other| stands(other) != stands(sample)).last().map(|other| other.at_us);
    let same =
        |other: &&Sample| stands(other) == stands(sample) && moved.is_none_or(|moved| other.at_us > moved);
    own.answers().find(same).map_or(sample.at_us, |first| first.at_us)
}
