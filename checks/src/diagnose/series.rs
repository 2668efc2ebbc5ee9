//! What one server said, scrape after scrape, and when it said nothing.

use crate::evidence::record::{Role, Sample};

/// A span of time, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From when.
    pub from_us: u64,
    /// Until when.
    pub until_us: u64,
}

/// All scrapes of one server.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub server: String,
    /// In order of time, those without an answer too.
    pub samples: Vec<Sample>,
    /// When it did not answer.
    pub silences: Vec<Silence>,
}

/// A server did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Which.
    pub server: String,
    /// From its last answer to its next, or to the end.
    pub span: Span,
    /// What came after.
    pub then: Then,
}

/// What came after a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Another process, which began so long before it answered: the first one had ended.
    Restarted,
    /// The same process went on.
    WentOn,
    /// Nothing until the end, or nothing that tells the two apart.
    Unknown,
}

/// Scrapes that are further apart than this many of their usual distance leave a gap.
const GAP: u64 = 4;

/// And no shorter gap than this counts, in microseconds.
const GAP_US_MIN: u64 = 700_000;

impl Span {
    /// How long it is.
    pub fn us(self) -> u64 {
        self.until_us.saturating_sub(self.from_us)
    }

    /// Have the two a moment in common, if this one is so much longer at its end?
    pub fn meets(self, other: Span, slack_us: u64) -> bool {
        self.from_us <= other.until_us && other.from_us <= self.until_us.saturating_add(slack_us)
    }
}

impl Series {
    /// The scrapes of this server, out of all.
    pub fn of(server: &str, all: &[Sample]) -> Series {
        let samples: Vec<Sample> = all.iter().filter(|sample| sample.server == server).cloned().collect();
        let mut series = Series { server: server.to_string(), samples, silences: Vec::new() };
        series.silences = series.find_silences(all.last().map_or(0, |last| last.at_us));
        series
    }

    /// Those with an answer.
    pub fn answers(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.reachable)
    }

    /// Two answers of one process, one after the other.
    pub fn pairs(&self) -> impl Iterator<Item = (&Sample, &Sample)> {
        self.answers().zip(self.answers().skip(1)).filter(|(one, next)| !is_restart(one, next))
    }

    /// How it stood last at this moment, if it answered then.
    pub fn at(&self, at_us: u64) -> Option<&Sample> {
        let after = self.samples.partition_point(|sample| sample.at_us <= at_us);
        let sample = self.samples[..after].last()?;
        (sample.reachable && !self.is_silent(at_us)).then_some(sample)
    }

    /// Is the moment within a silence?
    pub fn is_silent(&self, at_us: u64) -> bool {
        self.silences.iter().any(|silence| silence.span.from_us < at_us && at_us < silence.span.until_us)
    }

    /// Was it in this role at any time of the span?
    pub fn was(&self, role: Role, span: Span) -> bool {
        let within = |sample: &&Sample| (span.from_us..=span.until_us).contains(&sample.at_us);
        self.answers().filter(within).any(|sample| sample.role == Some(role))
    }

    fn find_silences(&self, end_us: u64) -> Vec<Silence> {
        let answers: Vec<&Sample> = self.answers().collect();
        let usual = usual_distance(&self.samples);
        let silence = |from_us, until_us, then| Silence {
            server: self.server.clone(),
            span: Span { from_us, until_us },
            then,
        };
        let mut silences = Vec::new();
        for (one, next) in answers.iter().zip(answers.iter().skip(1)) {
            let span = Span { from_us: one.at_us, until_us: next.at_us };
            let is_gap = span.us() > (usual * GAP).max(GAP_US_MIN);
            let has_restarted = is_restart(one, next);
            let was_asked_in_vain = self.samples.iter().any(|sample| {
                !sample.reachable && sample.at_us > span.from_us && sample.at_us < span.until_us
            });
            if is_gap || has_restarted || was_asked_in_vain {
                silences.push(silence(span.from_us, span.until_us, then(one, next)));
            }
        }
        match (answers.last(), self.samples.last()) {
            (Some(answer), Some(last)) if answer.at_us < last.at_us => {
                silences.push(silence(answer.at_us, end_us, Then::Unknown));
            }
            (None, Some(_)) => silences.push(silence(self.samples[0].at_us, end_us, Then::Unknown)),
            _ => {}
        }
        silences
    }
}

fn then(one: &Sample, next: &Sample) -> Then {
    match (is_restart(one, next), next.uptime_ms.is_some() || next.cpu_seconds.is_some_and(|cpu| cpu > 0.0)) {
        (true, _) => Then::Restarted,
        (false, true) => Then::WentOn,
        (false, false) => Then::Unknown,
    }
}

/// Is the second answer one of another process? It has not run for as long as the two are apart.
fn is_restart(one: &Sample, next: &Sample) -> bool {
    match (one.uptime_ms, next.uptime_ms, one.cpu_seconds, next.cpu_seconds) {
        (Some(before), Some(after), ..) => after < before,
        (.., Some(before), Some(after)) => after < before,
        _ => false,
    }
}

fn usual_distance(samples: &[Sample]) -> u64 {
    let mut apart: Vec<u64> =
        samples.windows(2).map(|pair| pair[1].at_us.saturating_sub(pair[0].at_us)).collect();
    apart.sort_unstable();
    apart.get(apart.len() / 2).copied().unwrap_or(0)
}
