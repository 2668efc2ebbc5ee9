//! `trace.jsonl`: one line for all that happened, in true time: faults, what servers said, changes that only samples
//! show.
//!
//! The first line is a header: version, configuration, seed. Each line after it has its step; one that follows from an
//! earlier line names that line's step as its cause.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Told;
use super::lanes::{Lane, State};

/// The name and version of the format.
pub const SCHEMA: &str = "raftlab-trace/1";

#[derive(Serialize)]
struct Header<'a> {
    schema: &'static str,
    /// The version of the program that wrote it.
    version: &'static str,
    /// What runs: `udp`, real processes.
    on: &'static str,
    command: Option<&'a str>,
    seed: Option<u64>,
    node_flags: &'a [String],
    servers: Vec<String>,
    started_at_us: u64,
    started_unix_us: Option<u64>,
    ended_at_us: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    step: usize,
    at_us: u64,
    /// Since the run's start.
    seconds: f64,
    server: Option<&'a str>,
    /// Who says it: `fault`, `event` or `sample`.
    source: &'static str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<u64>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<usize>,
}

/// The whole file.
///
/// # Panics
///
/// Never: what is written has no map whose keys are not text.
pub fn draw(told: &Told) -> String {
    let document = told.run.document.as_ref();
    let header = Header {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        on: "udp",
        command: document.map(|document| document.command.as_str()),
        seed: document.and_then(|document| document.seed),
        node_flags: document.map_or(&[], |document| &document.node_flags),
        servers: told.findings.lanes.iter().map(|lane| lane.server.clone()).collect(),
        started_at_us: told.run.start_us,
        started_unix_us: told.run.unix_us(told.run.start_us),
        ended_at_us: told.run.end_us,
    };
    let mut text = serde_json::to_string(&header).expect("plain data is JSON") + "\n";
    for line in lines(told) {
        text += &serde_json::to_string(&line).expect("plain data is JSON");
        text.push('\n');
    }
    text
}

fn lines<'a>(told: &'a Told) -> Vec<Line<'a>> {
    let run = told.run;
    let mut changes = changes(&told.findings.lanes);
    let line = |at_us, server, source, kind, text| Line {
        step: 0,
        at_us,
        seconds: run.seconds(at_us),
        server,
        source,
        kind,
        term: None,
        text,
        before: None,
        after: None,
        cause: None,
    };
    let mut lines: Vec<(Option<usize>, Line)> = Vec::new();
    for (at, fault) in run.faults.iter().enumerate() {
        let server = fault.server.as_deref();
        lines.push((Some(at), line(fault.at_us, server, "fault", &fault.verb, &fault.text)));
    }
    for record in &run.events {
        let event = &record.event;
        let mut line = line(record.at_us, Some(&event.server), "event", &event.kind, &event.text);
        line.term = Some(event.term);
        if event.kind == "role"
            && let Some((before, after)) = changes.remove(&(event.server.as_str(), record.at_us))
        {
            (line.before, line.after) = (Some(says(before)), Some(says(after)));
        }
        lines.push((None, line));
    }
    for ((server, at_us), (before, after)) in changes {
        let mut line = line(at_us, Some(server), "sample", "role", "seen in a sample, and told by no event");
        if let State::Up { term, .. } = after {
            line.term = Some(term);
        }
        (line.before, line.after) = (Some(says(before)), Some(says(after)));
        lines.push((None, line));
    }
    // The sort is stable: of one moment, faults come first and what samples show comes last.
    lines.sort_by_key(|(_, line)| line.at_us);
    number(told, &mut lines);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Numbers lines, and joins each leader that took over to the fault that it followed.
fn number(told: &Told, lines: &mut [(Option<usize>, Line)]) {
    let mut steps = BTreeMap::new();
    for (at, (fault, line)) in lines.iter_mut().enumerate() {
        line.step = at + 1;
        if let Some(fault) = fault {
            steps.insert(*fault, line.step);
        }
    }
    for failover in &told.findings.failovers {
        let Some(next) = &failover.next else { continue };
        let is_next = |line: &Line| {
            line.kind == "role" && line.server == Some(&next.server) && line.at_us == next.span.from_us
        };
        for (_, line) in lines.iter_mut().filter(|(_, line)| is_next(line)) {
            line.cause = steps.get(&failover.fault).copied();
        }
    }
}

/// By server and moment, what it was and what it became: changes of those that run.
fn changes(lanes: &[Lane]) -> BTreeMap<(&str, u64), (State, State)> {
    let mut changes = BTreeMap::new();
    for lane in lanes {
        let firsts = lane.stays.first().map(|first| (State::Unheard, first));
        let pairs = lane.stays.windows(2).map(|pair| (pair[0].state, &pair[1]));
        for (before, stay) in firsts.into_iter().chain(pairs) {
            if matches!(stay.state, State::Up { .. }) {
                changes.insert((lane.server.as_str(), stay.span.from_us), (before, stay.state));
            }
        }
    }
    changes
}

/// A state in the notation of the project's other traces.
fn says(state: State) -> String {
    match state {
        State::Unheard => "unheard".into(),
        State::Down => "down".into(),
        State::Up { role, term } => format!("{} @{term}", role.name()),
    }
}
