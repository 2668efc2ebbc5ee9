//! `report.json`: the report for programs. Fields are never renamed once published.

use serde::Serialize;

use super::configurations::Configuration;
use super::findings::{Failover, ServerFacts};
use super::read::FileState;
use super::{Told, rerun};
use crate::measured;
use crate::validate::Figures;
use crate::verdict::Verdict;

/// The name and version of the layout.
pub const SCHEMA: &str = "raftlab-lab/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// The version of the program that wrote it.
    version: &'static str,
    /// A cluster that is broken by hand follows none.
    scenario: Option<&'a str>,
    on: &'a str,
    seed: Option<u64>,
    verdict: Verdict,
    exit: u8,
    says: &'a str,
    faults: Vec<FaultLine<'a>>,
    expectations: Vec<Expectation<'a>>,
    evidence: String,
    command: Option<&'a str>,
    seconds: f64,
    is_ended: bool,
    servers: Vec<ServerLine<'a>>,
    failovers: Vec<FailoverLine<'a>>,
    leadership: Leadership,
    clients: Clients,
    configurations: Vec<ConfigurationLine<'a>>,
    /// What was measured; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<&'a [measured::Row]>,
    validation: Option<Validation<'a>>,
    /// Each server's terms, on what each commitIndex rests, digests of what was applied.
    figures: Option<&'a Figures>,
    linearizability: Option<Linearizability<'a>>,
    files: Vec<FileLine<'a>>,
    rerun: Vec<String>,
}

#[derive(Serialize)]
struct FaultLine<'a> {
    name: &'a str,
    declared: u64,
    fired: u64,
}

#[derive(Serialize)]
struct Expectation<'a> {
    text: &'a str,
    holds: bool,
    verdict: Verdict,
    says: &'a str,
}

#[derive(Serialize)]
struct ServerLine<'a> {
    server: &'a str,
    restarts: usize,
    terms_led: &'a [u64],
    led_seconds: f64,
    fsync_p50_us: Option<u64>,
    fsync_p99_us: Option<u64>,
    fsync_max_us: Option<u64>,
    rss_first_bytes: Option<u64>,
    rss_last_bytes: Option<u64>,
    rss_slope_bytes_per_hour: Option<f64>,
    cpu_seconds: f64,
    commit: Option<u64>,
    unanswered: usize,
}

#[derive(Serialize)]
struct FailoverLine<'a> {
    fault: &'a str,
    server: &'a str,
    term: u64,
    at_seconds: f64,
    next_leader: Option<&'a str>,
    next_term: Option<u64>,
    took_ms: Option<f64>,
    election_timeouts: Option<f64>,
}

#[derive(Serialize)]
struct Leadership {
    led_seconds: f64,
    longest_without_seconds: f64,
    election_timeout_ms: f64,
}

#[derive(Serialize)]
struct Clients {
    seconds: usize,
    done: u64,
    failed: u64,
    unknown: u64,
    done_per_second_max: u64,
    seconds_without: usize,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
    p99_max_us: Option<f64>,
    /// The longest time between two operations that were done.
    longest_without_ms: Option<f64>,
}

#[derive(Serialize)]
struct ConfigurationLine<'a> {
    since: u64,
    at_seconds: f64,
    first_at: &'a str,
    term: u64,
    members: &'a str,
    servers: usize,
    quorum: usize,
    tolerates: usize,
    /// Any majority of the configuration before and any of this one share so many servers at least.
    shares_with_previous: Option<usize>,
}

#[derive(Serialize)]
struct Validation<'a> {
    verdict: Verdict,
    exit: u8,
    lines: &'a [String],
}

#[derive(Serialize)]
struct Linearizability<'a> {
    verdict: Verdict,
    exit: u8,
    says: &'a str,
    operations: u64,
    writes: u64,
}

#[derive(Serialize)]
struct FileLine<'a> {
    name: &'a str,
    necessary: bool,
    lines: u64,
    defects: &'a [String],
    more_defects: usize,
}

/// The document, on several lines.
///
/// # Panics
///
/// Never: what is written has no map whose keys are not text.
pub fn draw(told: &Told) -> String {
    let (run, findings, verdict) = (told.run, told.findings, told.verdict);
    let faults = findings.struck.iter();
    let configurations =
        findings.configurations.iter().enumerate().map(|(at, own)| configuration(told, at, own));
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        scenario: run.document.as_ref().and_then(|own| own.scenario.as_deref()),
        on: run.document.as_ref().map_or("", |document| document.on.as_str()),
        seed: run.document.as_ref().and_then(|document| document.seed),
        verdict: verdict.verdict,
        exit: verdict.exit,
        says: &verdict.says,
        faults: faults
            .map(|own| FaultLine { name: &own.name, declared: own.declared, fired: own.fired })
            .collect(),
        expectations: expectations(told),
        evidence: told.dir.display().to_string(),
        command: run.document.as_ref().map(|document| document.command.as_str()),
        seconds: run.duration(),
        is_ended: run.is_ended(),
        servers: findings.servers.iter().map(server).collect(),
        failovers: findings.failovers.iter().map(|own| failover(told, own)).collect(),
        leadership: leadership(told),
        clients: clients(told),
        configurations: configurations.collect(),
        reads: run.measured.as_ref().map(|own| &own.rows[..]),
        validation: told.judgements.validation.as_ref().map(|own| Validation {
            verdict: own.verdict,
            exit: own.exit,
            lines: &own.lines,
        }),
        figures: told.judgements.validation.as_ref().map(|own| &own.figures),
        linearizability: told.judgements.linearizability.as_ref().map(|own| Linearizability {
            verdict: own.verdict,
            exit: own.exit,
            says: &own.says,
            operations: own.operations,
            writes: own.writes,
        }),
        files: run.files.iter().map(file).collect(),
        rerun: rerun::commands(told),
    };
    serde_json::to_string_pretty(&document).expect("plain data is JSON") + "\n"
}

fn expectations<'a>(told: &'a Told) -> Vec<Expectation<'a>> {
    let reasons = told.verdict.reasons.iter();
    let one = |own: &'a super::Reason| Expectation {
        text: &own.what,
        holds: own.is_good(),
        verdict: own.verdict,
        says: &own.says,
    };
    reasons.map(one).collect()
}

fn server(own: &ServerFacts) -> ServerLine<'_> {
    ServerLine {
        server: &own.server,
        restarts: own.restarts,
        terms_led: &own.terms_led,
        led_seconds: super::seconds(own.led_us),
        fsync_p50_us: own.fsync_p50_us,
        fsync_p99_us: own.fsync_p99_us,
        fsync_max_us: own.fsync_max_us,
        rss_first_bytes: own.rss_first,
        rss_last_bytes: own.rss_last,
        rss_slope_bytes_per_hour: own.rss_slope.map(f64::round),
        cpu_seconds: rounded(own.cpu_seconds),
        commit: own.commit,
        unanswered: own.unanswered,
    }
}

fn failover<'a>(told: &'a Told, own: &'a Failover) -> FailoverLine<'a> {
    let took = own.took_us().map(super::float);
    FailoverLine {
        fault: told.run.faults.get(own.fault).map_or("", |fault| fault.verb.as_str()),
        server: &own.server,
        term: own.term,
        at_seconds: told.run.seconds(own.at_us),
        next_leader: own.next.as_ref().map(|next| next.server.as_str()),
        next_term: own.next.as_ref().map(|next| next.term),
        took_ms: took.map(|us| us / 1e3),
        election_timeouts: took
            .map(|us| rounded(us / super::float(told.findings.election_timeout_us.max(1)))),
    }
}

fn leadership(told: &Told) -> Leadership {
    let longest = told.findings.leaderless.map_or(0, |gap| gap.to_us - gap.from_us);
    Leadership {
        led_seconds: super::seconds(told.findings.led_us),
        longest_without_seconds: super::seconds(longest),
        election_timeout_ms: super::float(told.findings.election_timeout_us) / 1e3,
    }
}

fn clients(told: &Told) -> Clients {
    let own = &told.findings.clients;
    Clients {
        seconds: own.seconds,
        done: own.done,
        failed: own.failed,
        unknown: own.unknown,
        done_per_second_max: own.done_max,
        seconds_without: own.idle,
        p50_us: own.p50_us,
        p99_us: own.p99_us,
        p99_max_us: own.p99_max_us,
        longest_without_ms: told.run.longest_pause_us.map(|us| super::float(us) / 1e3),
    }
}

fn configuration<'a>(told: &'a Told, at: usize, own: &'a Configuration) -> ConfigurationLine<'a> {
    let electorate = own.electorate();
    let before = at.checked_sub(1).and_then(|before| told.findings.configurations.get(before));
    ConfigurationLine {
        since: own.since,
        at_seconds: told.run.seconds(own.at_us),
        first_at: &own.server,
        term: own.term,
        members: &own.members,
        servers: own.followed,
        quorum: electorate.quorum(),
        tolerates: electorate.tolerates(),
        shares_with_previous: before.map(|before| before.electorate().least_in_common(&electorate)),
    }
}

fn file(own: &FileState) -> FileLine<'_> {
    FileLine {
        name: &own.name,
        necessary: own.is_necessary,
        lines: own.lines,
        defects: &own.defects,
        more_defects: own.more,
    }
}

/// To a thousandth: sums of binary fractions have long tails.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
