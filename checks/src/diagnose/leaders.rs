//! Who led when, and how leadership moved.

use super::input::Input;
use super::series::{Series, Span};
use crate::evidence::record::Role;

/// Who is told to take over stands at once: it is seen within this of the old leader's end, in microseconds.
const HANDOVER_US: u64 = 500_000;

/// A server led in a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Which.
    pub server: String,
    /// In which term.
    pub term: u64,
    /// From when, and until it was something else, silent, or everything was over.
    pub span: Span,
    /// How far commitIndex got meanwhile, by its own word.
    pub committed: u64,
}

/// One leader, and the next, which leads in a higher term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who led.
    pub from: Leadership,
    /// Who leads then.
    pub to: Leadership,
    /// From the end of the one to the beginning of the other; empty if they overlap.
    pub gap: Span,
    /// Was it meant to be?
    pub why: Why,
}

/// Why leadership moved, as far as somebody had asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody had.
    Lost,
    /// The next one was told to take over, and stood at once.
    HandedOver,
    /// The old one left the configuration: nobody is told, and the next one stands when it has missed a leader.
    Left,
}

impl Change {
    /// Had somebody asked for it?
    pub fn is_planned(&self) -> bool {
        self.why != Why::Lost
    }
}

/// All leaderships, in order of their beginning.
pub fn leaderships(input: &Input, series: &[Series], end_us: u64) -> Vec<Leadership> {
    let mut begun: Vec<(u64, String, u64)> = Vec::new();
    let heard = input.events.iter().filter(|event| event.role() == Some(Role::Leader));
    begun.extend(heard.map(|event| (event.at_us, event.event.server.clone(), event.event.term)));
    for own in series {
        let leads = own.answers().filter(|sample| sample.role == Some(Role::Leader));
        begun.extend(leads.map(|sample| (sample.at_us, own.server.clone(), sample.term.unwrap_or(0))));
    }
    begun.sort();
    let mut leaderships: Vec<Leadership> = Vec::new();
    for (from_us, server, term) in begun {
        if leaderships.iter().any(|known| (&known.server, known.term) == (&server, term)) {
            continue;
        }
        let until_us = series
            .iter()
            .find(|own| own.server == server)
            .map_or(end_us, |own| led_until(input, own, term, from_us, end_us));
        let span = Span { from_us, until_us: until_us.max(from_us) };
        let committed = series.iter().find(|own| own.server == server).map_or(0, |own| committed(own, term));
        leaderships.push(Leadership { server, term, span, committed });
    }
    leaderships
}

/// The changes from each leader to the one of the next higher term.
pub fn changes(leaderships: &[Leadership], series: &[Series]) -> Vec<Change> {
    let mut by_term: Vec<&Leadership> = leaderships.iter().collect();
    by_term.sort_by_key(|leadership| leadership.term);
    let pairs = by_term.windows(2).map(|pair| {
        let (from, to) = (pair[0].clone(), pair[1].clone());
        let gap = Span { from_us: from.span.until_us.min(to.span.from_us), until_us: to.span.from_us };
        let why = why(&from, &to, series);
        Change { from, to, gap, why }
    });
    pairs.collect()
}

/// When there was no leader after the first one.
pub fn leaderless(leaderships: &[Leadership], end_us: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    let Some(first) = leaderships.first() else { return spans };
    let mut led_until = first.span.until_us;
    for next in &leaderships[1..] {
        if next.span.from_us > led_until {
            spans.push(Span { from_us: led_until, until_us: next.span.from_us });
        }
        led_until = led_until.max(next.span.until_us);
    }
    if led_until < end_us {
        spans.push(Span { from_us: led_until, until_us: end_us });
    }
    spans
}

fn led_until(input: &Input, own: &Series, term: u64, from_us: u64, end_us: u64) -> u64 {
    let is_else =
        |role: Option<Role>, in_term: u64| in_term > term || role.is_some_and(|role| role != Role::Leader);
    let of_event = input.events.iter().find(|event| {
        event.event.server == own.server
            && event.at_us > from_us
            && event.event.kind == "role"
            && is_else(event.role(), event.event.term)
    });
    let of_sample =
        own.answers().find(|sample| sample.at_us > from_us && is_else(sample.role, sample.term.unwrap_or(0)));
    let leads_on = |at_us: u64| {
        let after = own.answers().find(|sample| sample.at_us >= at_us);
        after.is_some_and(|sample| sample.role == Some(Role::Leader) && sample.term == Some(term))
    };
    let of_silence = own
        .silences
        .iter()
        .find(|silence| silence.span.until_us > from_us && !leads_on(silence.span.until_us));
    let ends = [
        of_event.map(|event| event.at_us),
        of_sample.map(|sample| sample.at_us),
        of_silence.map(|silence| silence.span.from_us.max(from_us)),
        Some(end_us),
    ];
    ends.into_iter().flatten().min().unwrap_or(end_us)
}

fn committed(own: &Series, term: u64) -> u64 {
    let led =
        || own.answers().filter(|sample| sample.role == Some(Role::Leader) && sample.term == Some(term));
    let first = led().next().and_then(|sample| sample.commit).unwrap_or(0);
    led().last().and_then(|sample| sample.commit).unwrap_or(0).saturating_sub(first)
}

fn why(from: &Leadership, to: &Leadership, series: &[Series]) -> Why {
    let next = series.iter().find(|own| own.server == to.server && from.server != to.server);
    let Some(next) = next else { return Why::Lost };
    let told = |at_us: u64| next.at(at_us).and_then(|sample| sample.handovers).unwrap_or(0);
    let after = next.answers().find(|sample| sample.at_us >= to.span.from_us);
    let before_us = from.span.until_us.min(to.span.from_us).saturating_sub(HANDOVER_US);
    let was_told = after.and_then(|sample| sample.handovers).unwrap_or(0) > told(before_us);
    let has_left = after
        .and_then(|sample| sample.voters.as_ref())
        .is_some_and(|voters| !voters.is_empty() && !voters.contains(&from.server));
    match (was_told, has_left) {
        (true, _) => Why::HandedOver,
        (false, true) => Why::Left,
        (false, false) => Why::Lost,
    }
}
