//! What the files come to: who led for how long, how soon another leader was there, what each server used, what clients
//! saw, which configurations there were.

use super::bands::{Band, Kind, bands};
use super::fired::{Struck, struck};
use super::lanes::{Lane, Reign, Span, lanes, reigns};
use super::read::Run;
use super::record::Sample;
use super::{DeclaredFault, Judgements};

/// The election time-out of a node whose flags do not say another.
const ELECTION_TIMEOUT_US: u64 = 1_000_000;

/// All that is derived from a [`Run`].
#[derive(Debug)]
pub struct Findings {
    /// What each server was.
    pub lanes: Vec<Lane>,
    /// Who led when.
    pub reigns: Vec<Reign>,
    /// When something was wrong.
    pub bands: Vec<Band>,
    /// What was declared, and how often it struck.
    pub struck: Vec<Struck>,
    /// What became of leaders that were hit.
    pub failovers: Vec<Failover>,
    /// Each server in numbers.
    pub servers: Vec<ServerFacts>,
    /// What clients came to.
    pub clients: Clients,
    /// The configurations, by their place in the log.
    pub configurations: Vec<Configuration>,
    /// For how long some server led.
    pub led_us: u64,
    /// The longest time without a leader.
    pub leaderless: Option<Span>,
    /// What nodes wait for before they elect.
    pub election_timeout_us: u64,
}

/// A fault that hit the server that led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// The fault's place in the run's list.
    pub fault: usize,
    /// Who led.
    pub server: String,
    /// In which term.
    pub term: u64,
    /// When it was hit.
    pub at_us: u64,
    /// Who led next, and since when; nothing if nobody took its place.
    pub next: Option<Reign>,
}

impl Failover {
    /// From the fault to the next leader.
    pub fn took_us(&self) -> Option<u64> {
        self.next.as_ref().map(|next| next.span.from_us - self.at_us)
    }
}

/// A server in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerFacts {
    /// Its name.
    pub server: String,
    /// How often it was started again.
    pub restarts: usize,
    /// The terms that it led.
    pub terms_led: Vec<u64>,
    /// For how long.
    pub led_us: u64,
    /// The median of what its samples say of the median sync.
    pub fsync_p50_us: Option<u64>,
    /// The median of what they say of the slowest hundredth.
    pub fsync_p99_us: Option<u64>,
    /// The worst that they say of it.
    pub fsync_max_us: Option<u64>,
    /// Memory in its first sample.
    pub rss_first: Option<u64>,
    /// And in its last.
    pub rss_last: Option<u64>,
    /// By how much it grew in its longest life, in bytes an hour: a line through all samples.
    pub rss_slope: Option<f64>,
    /// Processor time of all lives, as far as samples tell.
    pub cpu_seconds: f64,
    /// commitIndex at its last sample.
    pub commit: Option<u64>,
    /// How often it did not answer.
    pub unanswered: usize,
}

/// What clients came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clients {
    /// Seconds with a line.
    pub seconds: usize,
    /// Operations that were done.
    pub done: u64,
    /// That were not.
    pub failed: u64,
    /// Of which nobody knows.
    pub unknown: u64,
    /// The most in a second.
    pub done_max: u64,
    /// Seconds in which none was done.
    pub idle: usize,
    /// The median of the seconds' medians, in microseconds.
    pub p50_us: Option<f64>,
    /// The median of the seconds' slowest hundredths.
    pub p99_us: Option<f64>,
    /// The slowest of them.
    pub p99_max_us: Option<f64>,
}

/// A configuration of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Its place in the log, as servers say it.
    pub since: u64,
    /// When the first server counted by it.
    pub at_us: u64,
    /// By which server.
    pub server: String,
    /// In which term.
    pub term: u64,
    /// The servers, learners behind a bar.
    pub members: String,
    /// How many servers came to count by it.
    pub followed: usize,
}

impl Findings {
    /// What a run comes to.
    pub fn of(run: &Run, judgements: &Judgements) -> Findings {
        let lanes = lanes(run);
        let (reigns, bands) = (reigns(&lanes), bands(run));
        let struck =
            judgements.faults.as_ref().map_or_else(|| struck(run), |all| all.iter().map(counted).collect());
        let election_timeout_us = election_timeout_us(run);
        let failovers = failovers(run, &reigns, &bands, election_timeout_us);
        let servers = lanes.iter().map(|lane| server_facts(run, lane, &reigns)).collect();
        let (led_us, leaderless) = led(run, &reigns);
        Findings {
            failovers,
            servers,
            clients: clients(run),
            configurations: configurations(run),
            led_us,
            leaderless,
            election_timeout_us,
            lanes,
            reigns,
            bands,
            struck,
        }
    }

    /// Who led at a moment: of several the one of the latest term.
    pub fn leader_at(&self, at_us: u64) -> Option<&Reign> {
        leader_at(&self.reigns, at_us)
    }
}

/// What whoever broke it has counted since.
fn counted(own: &DeclaredFault) -> Struck {
    Struck { name: own.name.clone(), declared: 1, fired: own.fired, needed: 1 }
}

fn leader_at(reigns: &[Reign], at_us: u64) -> Option<&Reign> {
    reigns.iter().filter(|reign| reign.span.covers(at_us)).max_by_key(|reign| reign.term)
}

/// `--election-timeout` of the nodes, in whatever unit it is given.
fn election_timeout_us(run: &Run) -> u64 {
    let flags = run.document.iter().flat_map(|document| &document.node_flags);
    let words: Vec<&str> = flags.flat_map(|flag| flag.split([' ', '='])).collect();
    let at = words.iter().position(|word| *word == "--election-timeout");
    let value = at.and_then(|at| words.get(at + 1));
    value.and_then(|value| micros(value)).unwrap_or(ELECTION_TIMEOUT_US)
}

/// `150ms`, `1s`, `1.5s`, in microseconds.
fn micros(text: &str) -> Option<u64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text[..unit].parse().ok()?;
    let seconds = match &text[unit..] {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    let length = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(length.as_micros()).ok()
}

/// Faults that hit who led, and who led then.
fn failovers(run: &Run, reigns: &[Reign], bands: &[Band], timeout_us: u64) -> Vec<Failover> {
    let known = run.servers();
    let failover = |band: &Band| {
        let led = leader_at(reigns, band.from_us)?;
        let fault = run.faults.get(band.fault)?;
        let is_named = band.server.is_none() && fault.names(&known).contains(&led.server);
        if band.server.as_ref() != Some(&led.server) && !is_named {
            return None;
        }
        // A death is felt until somebody leads; another fault, a little beyond its end.
        let until = if band.kind == Kind::Down { run.end_us } else { band.to_us + 2 * timeout_us };
        let mut next = reigns.iter().filter(|reign| reign.term > led.term);
        let next = next.find(|reign| (band.from_us..=until).contains(&reign.span.from_us));
        // Who is on the larger side of a partition leads on, and nobody follows who led until the run was ended.
        if next.is_none() && (is_named || fault.verb == "stop") {
            return None;
        }
        Some(Failover {
            fault: band.fault,
            server: led.server.clone(),
            term: led.term,
            at_us: band.from_us,
            next: next.cloned(),
        })
    };
    bands.iter().filter_map(failover).collect()
}

/// For how long anybody led, and the longest gap since the first leader.
fn led(run: &Run, reigns: &[Reign]) -> (u64, Option<Span>) {
    let (mut led, mut until, mut longest) = (0, None::<u64>, None::<Span>);
    let end = Span { from_us: run.end_us, to_us: run.end_us };
    for span in reigns.iter().map(|reign| reign.span).chain([end]) {
        let Some(before) = until else {
            led += span.to_us - span.from_us;
            until = Some(span.to_us);
            continue;
        };
        if span.from_us > before {
            let gap = Span { from_us: before, to_us: span.from_us };
            let is_longer = longest.is_none_or(|own| own.to_us - own.from_us < gap.to_us - gap.from_us);
            longest = if is_longer { Some(gap) } else { longest };
        }
        led += span.to_us.saturating_sub(span.from_us.max(before));
        until = Some(before.max(span.to_us));
    }
    (led, longest)
}

fn server_facts(run: &Run, lane: &Lane, reigns: &[Reign]) -> ServerFacts {
    let samples: Vec<&Sample> = run.samples.iter().filter(|own| own.server == lane.server).collect();
    let answers: Vec<&&Sample> = samples.iter().filter(|own| own.reachable).collect();
    let own = || reigns.iter().filter(|reign| reign.server == lane.server);
    let mut terms_led: Vec<u64> = own().map(|reign| reign.term).collect();
    terms_led.dedup();
    let lives = lane.lives();
    let longest = lives.iter().max_by_key(|life| life.to_us - life.from_us);
    let in_longest = answers.iter().filter(|own| longest.is_some_and(|life| life.covers(own.at_us)));
    let memory: Vec<(f64, f64)> =
        in_longest.filter_map(|own| Some((run.seconds(own.at_us), super::float(own.rss_bytes?)))).collect();
    let all =
        |read: fn(&Sample) -> Option<u64>| answers.iter().filter_map(|own| read(own)).collect::<Vec<_>>();
    // Before a server has synced, it says 0.
    let syncs = |read| all(read).into_iter().filter(|sync| *sync > 0).collect::<Vec<u64>>();
    ServerFacts {
        server: lane.server.clone(),
        restarts: lane.starts.len(),
        terms_led,
        led_us: own().map(|reign| reign.span.to_us - reign.span.from_us).sum(),
        fsync_p50_us: median(syncs(|own| own.fsync_p50_us)),
        fsync_p99_us: median(syncs(|own| own.fsync_p99_us)),
        fsync_max_us: all(|own| own.fsync_p99_us).into_iter().max(),
        rss_first: all(|own| own.rss_bytes).first().copied(),
        rss_last: all(|own| own.rss_bytes).last().copied(),
        rss_slope: slope(&memory).map(|bytes_a_second| bytes_a_second * 3600.0),
        cpu_seconds: used(answers.iter().filter_map(|own| own.cpu_seconds)),
        commit: answers.last().and_then(|own| own.commit),
        unanswered: samples.len() - answers.len(),
    }
}

/// What a counter that starts again with each life has counted.
fn used(readings: impl Iterator<Item = f64>) -> f64 {
    let (total, _) = readings.fold((0.0, 0.0), |(total, before), now| {
        (total + if now < before { now } else { now - before }, now)
    });
    total
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

fn median_f64(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The slope of the line through points that leaves the least squares; nothing for fewer than ten points.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 10 {
        return None;
    }
    let count = super::float(points.len() as u64);
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (x / count, y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
        (over + (point.0 - x) * (point.1 - y), under + (point.0 - x).powi(2))
    });
    (under > 0.0).then(|| over / under)
}

fn clients(run: &Run) -> Clients {
    let all = |read: fn(&super::record::LoadRecord) -> u64| run.load.iter().map(read).sum();
    let p50 = run.load.iter().filter(|own| own.done > 0).filter_map(|own| own.p50_us).collect();
    let p99: Vec<f64> = run.load.iter().filter(|own| own.done > 0).filter_map(|own| own.p99_us).collect();
    Clients {
        seconds: run.load.len(),
        done: all(|own| own.done),
        failed: all(|own| own.failed),
        unknown: all(|own| own.unknown),
        done_max: run.load.iter().map(|own| own.done).max().unwrap_or(0),
        idle: run.load.iter().filter(|own| own.done == 0).count(),
        p50_us: median_f64(p50),
        p99_max_us: p99.iter().copied().max_by(f64::total_cmp),
        p99_us: median_f64(p99),
    }
}

/// From what servers said of their members, and from the first samples, which know those of the start.
fn configurations(run: &Run) -> Vec<Configuration> {
    let mut all: Vec<Configuration> = Vec::new();
    let mut servers: Vec<Vec<&str>> = Vec::new();
    let mut add = |own: Configuration, server| {
        let same = all.iter().position(|known| known.since == own.since && known.members == own.members);
        let at = same.unwrap_or_else(|| {
            all.push(own);
            servers.push(Vec::new());
            servers.len() - 1
        });
        if !servers[at].contains(&server) {
            servers[at].push(server);
        }
    };
    // A configuration with learners has no short name in a sample, so samples tell only of those of the start.
    let first = run.samples.iter().filter(|sample| sample.config_index == Some(0));
    for sample in first {
        let Some(voters) = &sample.voters else { continue };
        let (server, term) = (&sample.server, sample.term.unwrap_or(0));
        let members = format!("{{{}}}", voters.join(" "));
        let own = Configuration {
            since: 0,
            at_us: sample.at_us,
            server: server.clone(),
            term,
            members,
            followed: 0,
        };
        add(own, server.as_str());
    }
    for record in run.events.iter().filter(|record| record.event.kind == "members") {
        let event = &record.event;
        let (members, since) = event.text.rsplit_once(" since ").unwrap_or((&event.text, "0"));
        let (at_us, server, members) = (record.at_us, event.server.clone(), members.to_string());
        let since = since.parse().unwrap_or(0);
        add(Configuration { since, at_us, server, term: event.term, members, followed: 0 }, &event.server);
    }
    for (own, servers) in all.iter_mut().zip(servers) {
        own.followed = servers.len();
    }
    all.sort_by_key(|own| (own.since, own.at_us));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_in_every_unit() {
        assert_eq!(micros("150ms"), Some(150_000));
        assert_eq!(micros("1.5s"), Some(1_500_000));
        assert_eq!(micros("2m"), Some(120_000_000));
        assert_eq!(micros("20us"), Some(20));
        assert_eq!((micros("1h"), micros("s"), micros("")), (None, None, None));
    }

    #[test]
    fn a_slope_is_that_of_a_straight_line() {
        let line: Vec<(f64, f64)> = (0..20).map(|x| (f64::from(x), 7.0 + 3.0 * f64::from(x))).collect();
        let found = slope(&line).unwrap();
        assert!((found - 3.0).abs() < 1e-9, "{found}");
        assert_eq!(slope(&line[..9]), None);
        assert_eq!(slope(&[(1.0, 2.0); 12]), None, "points above each other have no slope");
    }

    #[test]
    fn a_counter_that_starts_again_goes_on_counting() {
        assert!((used([1.0, 3.0, 0.5, 2.0].into_iter()) - 5.0).abs() < 1e-9);
    }
}
