//! All that the causes are argued from, derived once from what was read.

use super::clocks::{self, Wrong};
use super::disks::Disk;
use super::elections::{self, Deposed};
use super::frozen;
use super::input::{End, Input};
use super::leaders::{self, Change, Leadership};
use super::members::{self, Both, Conflict};
use super::network::{self, CutOff, Way};
use super::series::{Series, Silence, Span};
use crate::evidence::record::{LoadRecord, Sample};

/// What servers are told that were told nothing else, in microseconds.
const HEARTBEAT_US: u64 = 100_000;
/// The same, of the election time-out.
const ELECTION_US: u64 = 1_000_000;

/// What is known of a cluster over some time.
#[derive(Debug)]
pub struct Facts {
    /// From the first scrape to the last.
    pub span: Span,
    /// The servers.
    pub series: Vec<Series>,
    /// The time between two heartbeats.
    pub heartbeat_us: u64,
    /// The least election time-out.
    pub election_us: u64,
    /// Did servers say these two, or are they what servers are told as a rule?
    pub is_timing_said: bool,
    /// Who led when.
    pub leaderships: Vec<Leadership>,
    /// How leadership moved.
    pub changes: Vec<Change>,
    /// When nobody led, after the first leader.
    pub leaderless: Vec<Span>,
    /// Disks.
    pub disks: Vec<Disk>,
    /// Servers that were out of touch.
    pub cuts: Vec<CutOff>,
    /// Links.
    pub ways: Vec<Way>,
    /// Leaders that gave way to a higher term.
    pub deposed: Vec<Deposed>,
    /// Configurations that contradict each other.
    pub conflicts: Vec<Conflict>,
    /// Leaders that committed beside each other.
    pub both: Vec<Both>,
    /// Clocks that were wrong.
    pub wrong: Vec<Wrong>,
    /// How processes ended, by their logs.
    pub ends: Vec<End>,
    /// What clients came to.
    pub load: Vec<LoadRecord>,
}

impl Facts {
    /// What this comes to.
    pub fn of(input: &Input) -> Facts {
        let (start_us, end_us) = (
            input.samples.first().map_or(0, |first| first.at_us),
            input.samples.last().map_or(0, |last| last.at_us),
        );
        let span = Span { from_us: start_us, until_us: end_us };
        let mut series: Vec<Series> =
            servers(input).iter().map(|server| Series::of(server, &input.samples)).collect();
        let said = |read: fn(&Sample) -> Option<u64>| input.samples.iter().filter_map(read).max();
        let heartbeat = said(|sample| sample.heartbeat_ms).filter(|ms| *ms > 0);
        let election = said(|sample| sample.election_ms).filter(|ms| *ms > 0);
        let heartbeat_us = heartbeat.map_or(HEARTBEAT_US, |ms| ms * 1000);
        let election_us = election.map_or(ELECTION_US, |ms| ms * 1000);
        let stood: Vec<_> = series.iter().map(|own| frozen::frozen(own, &series, election_us)).collect();
        for (own, mut stood) in series.iter_mut().zip(stood) {
            // A core that waits for its disk stands still as well, and says so by its syncs.
            let disk = Disk::of(own, heartbeat_us, election_us, |_| None);
            stood.retain(|silence| {
                disk.slow_in(silence.span, 0).is_none() && !disk.stalled_in(silence.span, 0)
            });
            own.silences.append(&mut stood);
        }
        let leaderships = leaders::leaderships(input, &series, end_us);
        let changes = leaders::changes(&leaderships, &series);
        let leads = |at_us: u64| leader_at(&leaderships, at_us);
        let said_leader = |at_us: u64| {
            let leader = leads(at_us)?;
            series.iter().find(|own| own.server == leader.server)?.at(at_us)
        };
        let disks: Vec<Disk> =
            series.iter().map(|own| Disk::of(own, heartbeat_us, election_us, said_leader)).collect();
        let cuts = network::cut_off(&series, election_us, |at_us| leads(at_us).map(|own| own.server.clone()));
        // A server whose own disk is slow is out of touch again and again, whatever its links.
        let is_slow = |server: &str| disks.iter().any(|disk| disk.server == server && !disk.slow.is_empty());
        let flickers = |server: &str| network::flickers(&cuts, server).is_some() && !is_slow(server);
        let ways = network::ways(&series, &cuts, flickers);
        let mut deposed = elections::deposed(&leaderships, &series, &input.events, election_us);
        // Who hands over gives way on purpose.
        deposed.retain(|own| !changes.iter().any(|change| change.is_planned() && change.from == own.leader));
        Facts {
            span,
            heartbeat_us,
            election_us,
            is_timing_said: heartbeat.is_some() && election.is_some(),
            leaderless: {
                let mut gaps = leaders::leaderless(&leaderships, end_us);
                // Between two leaders there is always a moment.
                gaps.retain(|gap| gap.us() >= heartbeat_us);
                gaps
            },
            disks,
            ways,
            deposed,
            cuts,
            conflicts: members::conflicts(&series),
            both: members::both(&leaderships, &series, election_us),
            wrong: series.iter().flat_map(clocks::wrong).collect(),
            ends: input.ends.clone(),
            load: input.load.clone(),
            changes,
            leaderships,
            series,
        }
    }

    /// Changes of leader that nobody asked for.
    pub fn losses(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| !change.is_planned())
    }

    /// When a change was in the making: as long before it as it takes to miss a leader, until the next one leads.
    pub fn before(&self, change: &Change) -> Span {
        let from_us = change.gap.from_us.saturating_sub(2 * self.election_us);
        Span { from_us, until_us: change.gap.until_us }
    }

    /// Seconds of clients' work in which nothing was done, and for most of which this went on.
    pub fn idle_in(&self, span: Span) -> usize {
        let is_most = |load: &&LoadRecord| {
            let from_us = load.at_us.saturating_sub(1_000_000).max(span.from_us);
            load.at_us.min(span.until_us).saturating_sub(from_us) > 500_000
        };
        self.load.iter().filter(|load| load.done == 0).filter(is_most).count()
    }

    /// When servers did not answer.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.series.iter().flat_map(|own| &own.silences)
    }

    /// The disk of a server.
    pub fn disk(&self, server: &str) -> Option<&Disk> {
        self.disks.iter().find(|disk| disk.server == server)
    }

    /// The voters, by the last word of whoever led last.
    pub fn voters(&self) -> Vec<String> {
        let last = self.leaderships.last().and_then(|leader| {
            let own = self.series.iter().find(|own| own.server == leader.server)?;
            own.answers().last()?.voters.clone()
        });
        let all = || self.series.iter().map(|own| own.server.clone()).collect();
        last.filter(|voters| !voters.is_empty()).unwrap_or_else(all)
    }

    /// How many of them a majority is.
    pub fn majority(&self) -> usize {
        self.voters().len() / 2 + 1
    }

    /// A moment, in seconds after the first scrape.
    pub fn at(&self, at_us: u64) -> String {
        super::seconds(at_us.saturating_sub(self.span.from_us))
    }

    /// A span, in the same way.
    pub fn span_of(&self, span: Span) -> String {
        format!("from {} to {}", self.at(span.from_us), self.at(span.until_us))
    }

    /// Does something that lasted so long last to the end?
    pub fn lasts(&self, span: Span) -> bool {
        span.until_us + self.election_us / 2 >= self.span.until_us
    }
}

/// Who led at a moment: of several the one of the latest term.
fn leader_at(leaderships: &[Leadership], at_us: u64) -> Option<&Leadership> {
    let leads = |own: &&Leadership| (own.span.from_us..=own.span.until_us).contains(&at_us);
    leaderships.iter().filter(leads).max_by_key(|own| own.term)
}

/// The servers' names, in the order of their numbers.
fn servers(input: &Input) -> Vec<String> {
    let mut names: Vec<String> = input.samples.iter().map(|sample| sample.server.clone()).collect();
    names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    names.dedup();
    names
}
