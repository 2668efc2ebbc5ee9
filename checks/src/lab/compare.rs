//! `lab compare`: two runs of one seed in one table, that differ in what is said.

use std::path::Path;
use std::sync::atomic::Ordering;

use serde::Serialize;
use serde_json::Value;

use super::cli::{CompareArgs, On, RunArgs, RunOptions};
use super::narrator::Where;
use super::{running, scenarios, supervise, verbs};
use crate::cli::{Common, WriteOut};
use crate::console::{Console, grouped};
use crate::evidence::{length, micros};
use crate::failure::Failure;
use crate::history::{History, Outcome};
use crate::verdict::exit;

/// What a program is given.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    seed: u64,
    runs: [Column<'a>; 2],
}

#[derive(Serialize)]
struct Column<'a> {
    scenario: &'a str,
    set: &'a [String],
    evidence: String,
    exit: u8,
    verdict: &'a str,
    /// What stands in the table, by the names of its rows.
    values: std::collections::BTreeMap<&'static str, String>,
}

/// One of the two.
struct Side {
    scenario: String,
    set: Vec<String>,
    dir: std::path::PathBuf,
    exit: u8,
    verdict: String,
    values: Vec<(&'static str, String)>,
}

/// Runs both, and prints the table.
///
/// # Errors
///
/// If one cannot be run.
pub fn compare(args: &CompareArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let other = args.other.as_deref().unwrap_or(&args.scenario);
    if other == args.scenario && args.set == args.vs {
        let says = "the two runs would be the same: name another scenario, or what differs, as in \
                    `lab compare rejoin --set pre-vote=off --vs pre-vote=on`";
        return Err(Failure::usage(says));
    }
    // What is mistyped is said before anything is made.
    running::scenario(&args.scenario, &args.set)?;
    running::scenario(other, &args.vs)?;
    let seed = common.seed.unwrap_or(1);
    let parent = verbs::directory(args.dir.as_deref().or(common.out.as_deref()), "compare")?;
    let side =
        |name: &str, set: &[String], dir: &str| run(name, set, &parent.join(dir), args.on, seed, common);
    let interrupted = supervise::interrupted()?;
    let one = side(&args.scenario, &args.set, "a")?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure {
            exit: exit::INCOMPLETE,
            message: "interrupted: there is nothing to compare".into(),
        });
    }
    let two = side(other, &args.vs, "b")?;
    if common.write_out == WriteOut::Json {
        let document = Document { schema: "raftlab-compare/1", seed, runs: [one.column(), two.column()] };
        let json =
            serde_json::to_string_pretty(&document).map_err(|error| Failure::internal(error.to_string()))?;
        console.print(&(json + "\n"));
    } else {
        console.print(&table(&one, &two));
        let set = |flag: &str, all: &[String]| {
            let typed: Vec<_> = all.iter().map(|set| format!(" --{flag} {set}")).collect();
            typed.concat()
        };
        let second = args.other.as_ref().map_or(String::new(), |other| format!(" {other}"));
        let on = if args.on == On::Udp { " --on udp" } else { "" };
        console.print(&format!(
            "runs    {}\nrerun   lab compare {}{second}{}{}{on} --seed {seed}\n",
            parent.display(),
            args.scenario,
            set("set", &args.set),
            set("vs", &args.vs),
        ));
    }
    Ok(if one.exit == exit::OK { two.exit } else { one.exit })
}

fn run(name: &str, set: &[String], dir: &Path, on: On, seed: u64, common: &Common) -> Result<Side, Failure> {
    let run = RunOptions { dir: Some(dir.to_path_buf()), is_part: true, ..RunOptions::default() };
    let args = RunArgs { scenario: Some(name.to_string()), on, set: set.to_vec(), run, ..RunArgs::default() };
    let common = Common { seed: Some(seed), out: None, quiet: true, ..common.clone() };
    let ended = match on {
        On::Sim => running::simulated(name, &args, &common, Where::Nowhere)?.0,
        On::Udp => running::live(name, &args, &common)?,
    };
    let path = dir.join("report.json");
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::at(&path, &error))?;
    let report = serde_json::from_str(&text).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(Side {
        scenario: scenarios::find(name)?.name,
        set: set.to_vec(),
        exit: ended.exit,
        verdict: ended.verdict,
        values: values(&report, dir),
        dir: dir.to_path_buf(),
    })
}

/// What is compared, out of a report.
fn values(report: &Value, dir: &Path) -> Vec<(&'static str, String)> {
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).map_or("–".into(), grouped);
    let ms = |pointer: &str| {
        let value = report.pointer(pointer).and_then(Value::as_f64);
        value.map_or("–".to_string(), |ms| micros(ms * 1000.0))
    };
    let us = |pointer: &str| {
        let value = report.pointer(pointer).and_then(Value::as_f64);
        value.map_or("–".to_string(), micros)
    };
    let servers = report["servers"].as_array().cloned().unwrap_or_default();
    let led: usize = servers.iter().filter_map(|server| server["terms_led"].as_array()).map(Vec::len).sum();
    let share = report.pointer("/leadership/led_seconds").and_then(Value::as_f64).unwrap_or(0.0)
        / report["seconds"].as_f64().unwrap_or(1.0)
        * 100.0;
    let seconds = report.pointer("/leadership/longest_without_seconds").and_then(Value::as_f64);
    let terms = report.pointer("/figures/servers").and_then(Value::as_object).map(|servers| {
        let last = |own: &Value| own["terms"].as_array().and_then(|terms| terms.last()?.as_u64());
        servers.values().filter_map(last).max().unwrap_or(0)
    });
    let worst = servers.iter().filter_map(|server| server["fsync_p50_us"].as_u64()).max();
    vec![
        ("leaderships", led.to_string()),
        ("last term", terms.map_or("–".into(), grouped)),
        ("somebody led", format!("{share:.1} %")),
        ("longest without a leader", seconds.map_or("–".into(), |seconds| micros(seconds * 1e6))),
        ("operations done", number("/clients/done")),
        ("failed", number("/clients/failed")),
        ("unknown", number("/clients/unknown")),
        ("longest without one done", ms("/clients/longest_without_ms")),
        ("p50", us("/clients/p50_us")),
        ("p99", us("/clients/p99_us")),
        ("slowest fsync p50", worst.map_or("–".into(), length)),
        ("entries truncated", truncated(dir)),
        ("advances of commitIndex", number("/figures/advances")),
        ("clients were told", told(dir)),
    ]
}

/// How many times uncommitted entries gave way.
fn truncated(dir: &Path) -> String {
    let text = std::fs::read_to_string(dir.join("events.jsonl")).unwrap_or_default();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = events.filter(|event| event["kind"] == "truncated");
    let of = |event: Value| {
        let (server, text) = (event["server"].as_str()?.to_string(), event["text"].as_str()?.to_string());
        Some(format!("{} at {server}", text.split(' ').next()?))
    };
    let all: Vec<_> = said.filter_map(of).collect();
    if all.is_empty() { "none".into() } else { all.join(", ") }
}

/// What clients were told, if there are few operations.
fn told(dir: &Path) -> String {
    let Ok((_, history)) = History::open(&dir.join("history.jsonl")) else { return "–".into() };
    let all = history.operations();
    if all.len() > 6 {
        return format!("{} operations", grouped(all.len() as u64));
    }
    let one = |own: &crate::history::Operation| match own.outcome {
        Outcome::Done => format!("{own}: done"),
        Outcome::Unknown => format!("{}: unknown", own.to_string().trim_end_matches(" ?")),
        _ => own.to_string(),
    };
    all.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl Side {
    fn label(&self, other: &Side) -> String {
        let set = self.set.join(" ");
        match (self.scenario == other.scenario, set.is_empty()) {
            (true, true) => "as written".into(),
            (true, false) => set,
            (false, true) => self.scenario.clone(),
            (false, false) => format!("{} {set}", self.scenario),
        }
    }

    fn column(&self) -> Column<'_> {
        Column {
            scenario: &self.scenario,
            set: &self.set,
            evidence: self.dir.display().to_string(),
            exit: self.exit,
            verdict: &self.verdict,
            values: self.values.iter().cloned().collect(),
        }
    }
}

fn table(one: &Side, two: &Side) -> String {
    let word = |side: &Side| side.verdict.split(' ').next().unwrap_or_default().to_string();
    let head = [(String::new(), one.label(two), two.label(one)), ("verdict".into(), word(one), word(two))];
    let both = one.values.iter().zip(&two.values);
    let rows = both.map(|((name, one), (_, two))| ((*name).to_string(), one.clone(), two.clone()));
    let rows: Vec<_> = head.into_iter().chain(rows).collect();
    let width = |column: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0)
    };
    let (first, second) = (width(|row| &row.0), width(|row| &row.1));
    let line = |(name, one, two): &(String, String, String)| {
        let mark = if one == two { ' ' } else { '≠' };
        format!("{name:first$}  {mark} {one:second$}   {two}\n")
    };
    rows.iter().map(line).collect()
}
