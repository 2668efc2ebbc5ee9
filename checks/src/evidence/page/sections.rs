//! What stands on the page, a section for each question: who ran, what was done to them, what clients saw, what others
//! judged, what the verdict rests on.

use super::super::bands::Kind;
use super::super::findings::ServerFacts;
use super::super::followed::{followed, lasting, length, micros};
use super::super::record::FaultRecord;
use super::super::{Told, float, mark, rerun};
use super::Limits;
use super::table::{Table, block, mebibytes};
use crate::console::grouped;
use crate::measured;
use crate::render::ink::escape;

/// A part of the page with a heading.
pub(super) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub body: String,
}

impl Section {
    /// All of them, in order.
    pub fn all(told: &Told, limits: Limits) -> Vec<Section> {
        let section = |id, title, body| Section { id, title, body };
        let measured = told.run.measured.as_ref();
        let mut sections = vec![
            section("servers", "Servers", servers(told, limits)),
            section("failovers", "Leaders that were hit", failovers(told, limits)),
            section("faults", "Faults", faults(told, limits)),
            section("clients", "Clients", clients(told)),
            section("configurations", "Configurations", configurations(told, limits)),
            section("figures", "Terms, commitIndex and what was applied", figures(told, limits)),
            section("replay", "Journals, replayed", replay(told, limits)),
            section("history", "The clients' history, judged", history(told, limits)),
            section("files", "Files", files(told, limits)),
            section("rerun", "Again", again(told)),
        ];
        let behind_clients = sections.iter().position(|own| own.id == "clients").map_or(0, |at| at + 1);
        let measured =
            measured.map(|own| section("measured", "What was measured", self::measured(own, limits)));
        sections.splice(behind_clients..behind_clients, measured);
        sections
    }
}

/// When, how long, by which command.
pub(super) fn facts(told: &Told) -> String {
    let run = told.run;
    let unix_us = run.unix_us(run.start_us).and_then(|us| i64::try_from(us).ok());
    let started = unix_us.and_then(|us| jiff::Timestamp::from_microsecond(us).ok());
    let started =
        started.map_or("unknown".to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let document = run.document.as_ref();
    let seed =
        document.and_then(|document| document.seed).map_or("unknown".to_string(), |seed| seed.to_string());
    let command = document.map_or("unknown", |document| &document.command);
    let flags = document.map(|document| document.node_flags.join(" ")).filter(|flags| !flags.is_empty());
    let rows = [
        ("started", started),
        ("took", lasting(run.end_us - run.start_us)),
        ("command", command.to_string()),
        ("nodes", flags.unwrap_or_else(|| "with their defaults".into())),
        ("seed", seed),
        ("report by", format!("raftlab {}", env!("CARGO_PKG_VERSION"))),
    ];
    let row =
        |(name, value): (&str, String)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    rows.map(row).join("\n")
}

/// All that was judged.
pub(super) fn reasons(told: &Told, limits: Limits) -> String {
    let rows = told.verdict.reasons.iter().map(|reason| {
        let word = if reason.is_good() { "holds".to_string() } else { reason.verdict.to_string() };
        vec![reason.what.clone(), format!("{} {word}", mark(reason.verdict)), reason.says.clone()]
    });
    let table = Table {
        caption: "What was judged",
        head: &["property", "verdict", "why"],
        rows: rows.collect(),
        source: "report.json",
    };
    table.draw(limits.rows)
}

fn servers(told: &Told, limits: Limits) -> String {
    let us = |value: Option<u64>| value.map_or("–".into(), length);
    let row = |own: &ServerFacts| {
        let terms: Vec<String> = own.terms_led.iter().map(u64::to_string).collect();
        let terms = if terms.len() > 8 { format!("{} terms", terms.len()) } else { terms.join(", ") };
        let slope = own.rss_slope.map_or("–".into(), |bytes| growth(bytes, told.run.duration()));
        vec![
            own.server.clone(),
            own.restarts.to_string(),
            if terms.is_empty() { "–".into() } else { terms },
            if own.led_us > 0 { length(own.led_us) } else { "–".into() },
            us(own.fsync_p50_us),
            us(own.fsync_p99_us),
            us(own.fsync_max_us.filter(|us| *us > 0)),
            mebibytes(own.rss_first),
            mebibytes(own.rss_last),
            slope,
            format!("{:.1} s", own.cpu_seconds),
            own.commit.map_or("–".into(), grouped),
            own.unanswered.to_string(),
        ]
    };
    let table = Table {
        caption: "Each server, over the whole run",
        head: &[
            "server",
            "restarts",
            "terms led",
            "led for",
            "fsync p50",
            "p99",
            "worst p99",
            "memory at start",
            "at end",
            "growth",
            "processor",
            "committed",
            "no answer",
        ],
        rows: told.findings.servers.iter().map(row).collect(),
        source: "report.json",
    };
    let growth = "Growth is that of a line through the samples of the server's longest life.";
    format!(
        "{}<p>{growth} “No answer” counts samples, taken while it was down too.</p>\n",
        table.draw(limits.rows)
    )
}

/// Bytes an hour, for people: what a run of a minute shows is nothing to be told by the hour.
fn growth(bytes_an_hour: f64, seconds: f64) -> String {
    let mebibytes = bytes_an_hour / 1024.0 / 1024.0;
    if seconds < 600.0 {
        format!("{:+.1} MiB/min", mebibytes / 60.0)
    } else {
        format!("{mebibytes:+.1} MiB/h")
    }
}

fn failovers(told: &Told, limits: Limits) -> String {
    let timeout = told.findings.election_timeout_us;
    let rows = told.findings.failovers.iter().map(|own| {
        let fault = told.run.faults.get(own.fault);
        let took = own.took_us();
        let times = took.map(|us| float(us) / float(timeout.max(1)));
        vec![
            format!("{:.2} s", told.run.seconds(own.at_us)),
            format!("{} {}", fault.map_or("", |fault| fault.verb.as_str()), own.server),
            own.term.to_string(),
            own.next.as_ref().map_or(nobody(fault).to_string(), |next| next.server.clone()),
            own.next.as_ref().map_or("–".into(), |next| next.term.to_string()),
            took.map_or("–".into(), length),
            times.map_or("–".into(), |times| format!("{times:.2} ×")),
        ]
    });
    let table = Table {
        caption: "Faults that hit the server that led",
        head: &["at", "fault", "led term", "next leader", "leads term", "after", "election time-outs"],
        rows: rows.collect(),
        source: "report.json",
    };
    let share = float(told.findings.led_us) / float((told.run.end_us - told.run.start_us).max(1)) * 100.0;
    let longest = told.findings.leaderless.map_or("never since the first".to_string(), |gap| {
        format!("at most {}, from {:.2} s on", length(gap.to_us - gap.from_us), told.run.seconds(gap.from_us))
    });
    format!(
        "{}<p>Some server led for {share:.1} % of the time. Without a leader: {longest}. The election time-out is {}.</p>\n",
        table.draw(limits.rows),
        length(timeout)
    )
}

/// Of a leader that nobody replaced.
fn nobody(fault: Option<&FaultRecord>) -> &'static str {
    match fault.and_then(Kind::of) {
        Some(Kind::Down) => "nobody",
        _ => "nobody: it led on",
    }
}

fn faults(told: &Told, limits: Limits) -> String {
    let struck = told.findings.struck.iter().map(|own| {
        let word = if own.is_proved() { "✔ struck" } else { "✗ never seen to strike" };
        vec![own.name.clone(), own.declared.to_string(), grouped(own.fired), word.into()]
    });
    let struck = Table {
        caption: "What was declared, and how often it struck",
        head: &["fault", "declared", "struck", "verdict"],
        rows: struck.collect(),
        source: "report.json",
    };
    let log = told.run.faults.iter().enumerate().map(|(at, fault)| {
        vec![
            format!("{:.2} s", told.run.seconds(fault.at_us)),
            fault.verb.clone(),
            fault.server.clone().unwrap_or_else(|| if fault.verb == "link" { "links" } else { "all" }.into()),
            fault.text.clone(),
            followed(told.run, told.findings, at),
        ]
    });
    let log = Table {
        caption: "What was done to the cluster, and what followed",
        head: &["at", "what", "server", "how", "what followed"],
        rows: log.collect(),
        source: "faults.jsonl",
    };
    let note = "A kill is proved by a server that does not answer, or that has used less processor time than before. \
                Other faults are counted where they strike: by datagram, sync, pause or reading of the clock; \
                those of a link at either of its ends.";
    format!("{}<p>{note}</p>\n{}", struck.draw(limits.rows), log.draw(limits.rows))
}

fn clients(told: &Told) -> String {
    let own = &told.findings.clients;
    let all = own.done + own.failed + own.unknown;
    let share = |count: u64| {
        if all == 0 { "–".into() } else { format!("{:.2} %", float(count) / float(all) * 100.0) }
    };
    let row = |name: &str, count: u64, says: &str| {
        vec![name.into(), grouped(count), share(count), says.to_string()]
    };
    let table = Table {
        caption: "What became of operations",
        head: &["outcome", "operations", "share", "what it means"],
        rows: vec![
            row("done", own.done, "acknowledged: it took effect, once"),
            row("failed", own.failed, "refused for certain: it had no effect"),
            row("unknown", own.unknown, "no answer in time: it may have taken effect, or may yet"),
        ],
        source: "load.jsonl",
    };
    let us = |value: Option<f64>| value.map_or("–".to_string(), micros);
    let mean = grouped(own.done / (own.seconds as u64).max(1));
    let writes = told.judgements.linearizability.as_ref().map_or(String::new(), |judged| {
        format!(" Of the operations in the history, {} are acknowledged writes.", grouped(judged.writes))
    });
    format!(
        "{}<p>{mean} done a second, {} in the best one, none in {} of {} seconds. p50 {}, p99 {} (medians of all seconds), \
         p99 of the slowest second {}.{writes}</p>\n",
        table.draw(usize::MAX),
        grouped(own.done_max),
        own.idle,
        own.seconds,
        us(own.p50_us),
        us(own.p99_us),
        us(own.p99_max_us),
    )
}

fn measured(own: &measured::Document, limits: Limits) -> String {
    let table = Table {
        caption: "Clients that asked as fast as they were answered",
        head: &measured::HEAD,
        rows: own.rows.iter().map(|row| row.cells().to_vec()).collect(),
        source: measured::FILE,
    };
    let note = "Means over n windows of time, and half of their 95 % confidence intervals by Student’s t. Rounds of \
                messages and syncs for a read are counted in simulated windows without writes, beyond those of a window \
                in which nobody asks.";
    format!("{}<p>{note}</p>\n", table.draw(limits.rows))
}

fn configurations(told: &Told, limits: Limits) -> String {
    let all = &told.findings.configurations;
    let rows = all.iter().enumerate().map(|(at, own)| {
        let now = own.electorate();
        let before = at.checked_sub(1).map(|before| all[before].electorate());
        vec![
            grouped(own.since),
            own.members.clone(),
            format!("{} of {}", now.quorum(), now.len()),
            now.tolerates().to_string(),
            before.map_or("–".into(), |before| before.least_in_common(&now).to_string()),
            format!("{:.2} s", told.run.seconds(own.at_us)),
            own.server.clone(),
            own.term.to_string(),
            own.followed.to_string(),
        ]
    });
    let table = Table {
        caption: "By which servers a majority is counted",
        head: &[
            "since index",
            "servers, learners behind the bar",
            "quorum",
            "tolerates",
            "quorums share",
            "first seen",
            "at",
            "in term",
            "seen at servers",
        ],
        rows: rows.collect(),
        source: "events.jsonl",
    };
    let note = "“Quorums share”: any majority of the configuration before and any of this one have so many servers in \
                common at least (dissertation 4.1).";
    format!("{}<p>{note}</p>\n", table.draw(limits.rows))
}

/// On what each commitIndex rests, and what each state machine was given.
fn figures(told: &Told, limits: Limits) -> String {
    let Some(own) = told.judgements.validation.as_ref().map(|own| &own.figures) else { return String::new() };
    let servers = own.servers.iter().map(|(server, own)| {
        let terms: Vec<String> = own.terms.iter().map(u64::to_string).collect();
        vec![server.clone(), terms.join(" "), own.falls.to_string(), grouped(own.applied), own.digest.clone()]
    });
    let servers = Table {
        caption: "The terms of each server, and what its state machine was given",
        head: &["server", "terms, in order", "falls", "applied up to", "digest of all entries up to there"],
        rows: servers.collect(),
        source: "report.json",
    };
    let commits = own.commits.iter().map(|own| {
        let matched: Vec<_> = own.matched.iter().map(|(server, index)| format!("{server} {index}")).collect();
        vec![
            format!("{:.3} s", told.run.seconds(own.at_us)),
            own.server.clone(),
            own.term.to_string(),
            format!("{} to {}", own.from, own.to),
            own.entry_term.to_string(),
            matched.join(", "),
            own.quorum.to_string(),
            if own.is_founded() { "✔" } else { "✗" }.into(),
        ]
    });
    let commits = Table {
        caption: "On what each advance of commitIndex rests",
        head: &[
            "at",
            "leader",
            "term",
            "commitIndex",
            "term of the entry",
            "matchIndex of the voters",
            "quorum",
            "rule",
        ],
        rows: commits.collect(),
        source: "report.json",
    };
    let note = format!(
        "{} advances, {} of them not by the rule: a majority holds the entry, and it is of the leader's term (§5.3, \
         §5.4.2). Of the leader itself what counts is what its own disk holds.",
        grouped(own.advances),
        own.unfounded
    );
    format!("{}<p>{note}</p>\n{}", servers.draw(limits.rows), commits.draw(limits.rows.min(200)))
}

fn replay(told: &Told, limits: Limits) -> String {
    let Some(own) = &told.judgements.validation else {
        return "<p>The journals were not replayed: <code>lab validate</code> does it.</p>\n".into();
    };
    let rows = own.properties.iter().map(|property| {
        let state = match property.holds {
            Some(true) => "✔ holds",
            Some(false) => "✗ BROKEN",
            None => "· not judged",
        };
        vec![property.name.clone(), state.into(), property.says.clone()]
    });
    let table = Table {
        caption: "Properties of the model, judged of what servers did together",
        head: &["property", "verdict", "where"],
        rows: rows.collect(),
        source: "`lab validate`",
    };
    block(&own.lines.join("\n"), "`lab validate`", limits.text) + &table.draw(limits.rows)
}

fn history(told: &Told, limits: Limits) -> String {
    let Some(own) = &told.judgements.linearizability else {
        return "<p>The history was not judged: <code>lab validate</code> does it.</p>\n".into();
    };
    let says = format!("<p>{}</p>\n", escape(&own.says));
    if own.picture.is_empty() { says } else { says + &block(&own.picture, "`lab validate`", limits.text) }
}

fn files(told: &Told, limits: Limits) -> String {
    let rows = told.run.files.iter().map(|file| {
        let more = if file.more > 0 { format!(" (and {} more)", file.more) } else { String::new() };
        let state = if file.is_whole() { "whole".into() } else { file.defects.join("; ") + &more };
        vec![
            file.name.clone(),
            grouped(file.lines),
            if file.is_necessary { "yes".into() } else { "no".to_string() },
            state,
        ]
    });
    let table = Table {
        caption: "What the report was made from",
        head: &["file", "lines", "verdict rests on it", "state"],
        rows: rows.collect(),
        source: "report.json",
    };
    table.draw(limits.rows)
}

fn again(told: &Told) -> String {
    let commands = rerun::commands(told).join("\n");
    let says = "The first line starts such a run again; processes and disks of a machine never do twice quite the same. \
                The others judge and draw again what this one left: they give the same, to the byte.";
    format!("<p>{says}</p>\n<pre tabindex=\"0\">{}</pre>\n", escape_lines(&commands))
}

fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}
