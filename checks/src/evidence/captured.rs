//! `evidence.txt`: the scenario above, and below it what the run captured, as text for a reviewer and for a diff.
//!
//! Of a simulated run nothing in it depends on the machine: the same seed gives the same bytes.

use std::fmt::Write as _;

use super::Told;
use super::configurations::Configuration;
use crate::console::grouped;
use crate::history::Outcome;
use crate::validate::{Commit, Figures};

/// So many advances of commitIndex are told; the others are counted.
const COMMITS_MAX: usize = 40;

/// The whole text.
pub fn draw(told: &Told) -> String {
    let mut text = head(told);
    section(&mut text, "what happened", &told.run.transcript);
    section(&mut text, "configurations", &configurations(told));
    if let Some(own) = told.judgements.validation.as_ref() {
        section(&mut text, "terms, and what was applied", &servers(&own.figures));
        section(&mut text, "what commitIndex rests on", &commits(told, &own.figures));
    }
    section(&mut text, "faults", &faults(told));
    section(&mut text, "leaders that were hit", &failovers(told));
    section(&mut text, "clients", &clients(told));
    section(&mut text, "what was judged", &reasons(told));
    text
}

fn head(told: &Told) -> String {
    let document = told.run.document.as_ref();
    let script = document.and_then(|own| own.script.clone()).unwrap_or_default();
    let seed = document.and_then(|own| own.seed).map_or(String::new(), |seed| format!(" --seed {seed}"));
    let command = document.map_or("", |own| own.command.as_str());
    format!("{script}\n>> {command}{seed}\n")
}

fn section(text: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        let _ = write!(text, "\n-- {title}\n{body}");
    }
}

fn lines(rows: impl IntoIterator<Item = String>) -> String {
    rows.into_iter().flat_map(|row| [row, "\n".into()]).collect()
}

fn configurations(told: &Told) -> String {
    let all = &told.findings.configurations;
    let row = |(at, own): (usize, &Configuration)| {
        let now = own.electorate();
        let shares = at.checked_sub(1).map_or(String::new(), |before| {
            let shared = all[before].electorate().least_in_common(&now);
            format!("; any majority of before and any of now share {shared} at least")
        });
        format!(
            "  index {:>5}  {:7.2} s  {}: {now}{shares}",
            own.since,
            told.run.seconds(own.at_us),
            own.members
        )
    };
    lines(all.iter().enumerate().map(row))
}

fn servers(figures: &Figures) -> String {
    lines(figures.servers.iter().map(|(server, own)| {
        let terms: Vec<_> = own.terms.iter().map(u64::to_string).collect();
        format!(
            "  {server}  terms {}; fell {} times; applied up to {}, digest {}",
            shortened(&terms, 24),
            own.falls,
            own.applied,
            own.digest
        )
    }))
}

/// All of them, or the first and the last.
fn shortened(all: &[String], most: usize) -> String {
    if all.len() <= most {
        return all.join(" ");
    }
    let half = most / 2;
    format!("{} … {}", all[..half].join(" "), all[all.len() - half..].join(" "))
}

fn commits(told: &Told, figures: &Figures) -> String {
    let row = |own: &Commit| {
        let matched: Vec<_> = own.matched.iter().map(|(server, index)| format!("{server} {index}")).collect();
        let mark = if own.is_founded() { '✔' } else { '✗' };
        format!(
            "  {:8.3} s  {} leads term {}: {} ⇨ {}, an entry of term {}; matchIndex {}: {} are a majority {mark}",
            told.run.seconds(own.at_us),
            own.server,
            own.term,
            own.from,
            own.to,
            own.entry_term,
            matched.join(", "),
            own.quorum
        )
    };
    let mut text = lines(figures.commits.iter().take(COMMITS_MAX).map(row));
    let _ = writeln!(
        text,
        "  {} advances in all, {} not by the rule (§5.3, §5.4.2)",
        grouped(figures.advances),
        figures.unfounded
    );
    text
}

fn faults(told: &Told) -> String {
    let struck = told.findings.struck.iter();
    lines(struck.map(|own| {
        let mark = if own.is_proved() { '✔' } else { '✗' };
        format!("  {mark} {}: struck {} times", own.name, grouped(own.fired))
    }))
}

fn failovers(told: &Told) -> String {
    lines(told.findings.failovers.iter().map(|own| {
        let verb = told.run.faults.get(own.fault).map_or("", |fault| fault.verb.as_str());
        let next = match (&own.next, own.took_us()) {
            (Some(next), Some(took)) => {
                let timeouts = super::float(took) / super::float(told.findings.election_timeout_us.max(1));
                format!("{} leads term {} after {timeouts:.2} election time-outs", next.server, next.term)
            }
            _ => "nobody took its place".into(),
        };
        format!(
            "  {:8.3} s  {verb} {}, which led term {}: {next}",
            told.run.seconds(own.at_us),
            own.server,
            own.term
        )
    }))
}

fn clients(told: &Told) -> String {
    let own = &told.findings.clients;
    let (first, count) = &told.run.operations;
    let mut text = lines(first.iter().map(|own| {
        let (at, done) =
            (told.run.seconds(own.start_us), if own.outcome == Outcome::Done { ": done" } else { "" });
        format!("  {at:8.3} s  client {}, key {}: {own}{done}", own.client, own.key)
    }));
    let more = count.saturating_sub(first.len());
    if more > 0 {
        let _ = writeln!(text, "  … and {} operations more", grouped(more as u64));
    }
    if own.done + own.failed + own.unknown > 0 {
        let _ = writeln!(
            text,
            "  under load: done {}, failed {}, unknown {}; in {} of {} seconds nothing was done",
            grouped(own.done),
            grouped(own.failed),
            grouped(own.unknown),
            own.idle,
            own.seconds
        );
    }
    if let Some(judged) = told.judgements.linearizability.as_ref() {
        let _ = writeln!(text, "  linearizability: {}", judged.says);
        text += &lines(judged.picture.lines().map(|line| format!("  {line}").trim_end().to_string()));
    }
    text
}

fn reasons(told: &Told) -> String {
    lines(told.verdict.reasons.iter().map(|own| {
        // How long the replay took is the machine's affair.
        let says = own.says.split(" replayed in ").next().unwrap_or_default();
        format!("  {} {}: {says}", super::mark(own.verdict), own.what)
    }))
}
