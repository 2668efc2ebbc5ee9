//! The report of a live run: what happened, what was judged, and what it came to.
//!
//! ```text
//! write(directory, judgements)  ─ read ─► Run ─► Findings ─► LiveVerdict ─► report.json, verdict.txt, evidence.txt, trace.jsonl,
//!                                                                          *.svg, index.html, rerun.sh
//! ```
//!
//! The report is a pure function of the files of a run and of what other judges said of them: two reports of one
//! directory are equal to the byte. A file that is missing or cut is said, and makes the verdict no pass.
//!
//! | file | subject |
//! |---|---|
//! | `record.rs`, `read.rs` | the lines that a run leaves; what is wrong with them |
//! | `lanes.rs`, `bands.rs` | what each server was, and when something was wrong |
//! | `fired.rs`, `findings.rs` | what was derived: faults that struck, failovers, memory, clients |
//! | `followed.rs`, `configurations.rs` | what followed each fault; by which servers a majority was counted |
//! | `judge.rs` | reasons and the verdict |
//! | `plot.rs` | the pictures |
//! | `page.rs`, `document.rs`, `timeline.rs`, `rerun.rs` | the page, `report.json`, `trace.jsonl`, `rerun.sh` |
//! | `captured.rs` | `evidence.txt`: the scenario, and what it captured, for a reviewer |
//!
//! What it does not do: it replays no journal and searches no history. `lab validate` does, and hands in what it found
//! as [`Judgements`].

mod bands;
mod captured;
mod configurations;
mod document;
mod findings;
mod fired;
mod followed;
mod judge;
mod lanes;
mod page;
mod plot;
pub(crate) mod read;
pub(crate) mod record;
mod rerun;
mod timeline;

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::failure::Failure;
use crate::validate::Figures;
use crate::verdict::Verdict;

pub use self::document::SCHEMA;
pub use self::followed::{length, micros};
pub use self::judge::{LiveVerdict, Reason};
pub use self::page::BYTES_MAX;
pub use self::timeline::SCHEMA as TRACE_SCHEMA;

/// What others found of a run. What nobody judged is said, and makes the verdict no pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgements {
    /// Of the journals.
    pub validation: Option<Validation>,
    /// Of the clients' history.
    pub linearizability: Option<Linearizability>,
    /// Of the faults, by whoever saw each begin; without it, the counts of the whole run have to do.
    pub faults: Option<Vec<DeclaredFault>>,
}

/// A fault that was asked for, and how often it has struck since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredFault {
    /// What was asked for, and by what it is counted.
    pub name: String,
    /// How often it has struck from then on.
    pub fired: u64,
}

/// What came of replaying the journals through the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// In a word.
    pub verdict: Verdict,
    /// The exit code: 24 if a process diverged, 65 if a journal is cut.
    pub exit: u8,
    /// What was replayed and found, for people; the first line is the summary.
    pub lines: Vec<String>,
    /// The properties that were judged across servers.
    pub properties: Vec<Judged>,
    /// The numbers behind them.
    pub figures: Figures,
}

/// A property that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// Does it hold? Nothing, if it was not judged.
    pub holds: Option<bool>,
    /// How often it was judged, how it broke, or why it was not judged.
    pub says: String,
}

/// What came of judging the clients' history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linearizability {
    /// In a word.
    pub verdict: Verdict,
    /// The exit code: 23 if it is not linearizable, 25 if time ran out.
    pub exit: u8,
    /// In a sentence.
    pub says: String,
    /// Operations that were judged.
    pub operations: u64,
    /// Acknowledged writes among them.
    pub writes: u64,
    /// The evidence, drawn in text; may be empty.
    pub picture: String,
}

/// Reads the directory of a run, judges it, and writes the report into it.
///
/// # Errors
///
/// If `dir` is no directory (exit 65), or cannot be written (74). What is wrong with the run's own files is no error
/// of this function: it is part of the verdict.
pub fn write(dir: &Path, judgements: &Judgements) -> Result<LiveVerdict, Failure> {
    let run = read::read(dir)?;
    let findings = findings::Findings::of(&run, judgements);
    let verdict = judge::judge(&run, &findings, judgements);
    let told = Told { dir, run: &run, findings: &findings, judgements, verdict: &verdict };
    let put = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| Failure::at(&path, &error))
    };
    // Until the last file is there, a report has no verdict, not even an older one.
    put("verdict.txt", "UNFINISHED\n")?;
    put("trace.jsonl", &timeline::draw(&told))?;
    for plot in plot::Plot::ALL {
        put(&format!("{}.svg", plot.name()), &plot::file(&told, plot))?;
    }
    put("evidence.txt", &captured::draw(&told))?;
    put("report.json", &document::draw(&told))?;
    put("rerun.sh", &rerun::draw(&told))?;
    put("index.html", &page::draw(&told))?;
    make_executable(&dir.join("rerun.sh"))?;
    put("verdict.txt", &format!("{}\n", verdict.line()))?;
    Ok(verdict)
}

/// `lab report DIR`: writes the report, and gives what is printed and the exit code.
///
/// # Errors
///
/// As [`write()`].
pub fn report(dir: &Path, judgements: &Judgements) -> Result<(String, u8), Failure> {
    let verdict = write(dir, judgements)?;
    let reasons: Vec<String> = verdict.reasons.iter().map(reason_line).collect();
    let page = dir.join("index.html");
    let text = format!(
        "{}\nreport  {}\nVERDICT {}\nrerun   lab report {}\n",
        reasons.join("\n"),
        page.display(),
        verdict.line(),
        dir.display()
    );
    Ok((text, verdict.exit))
}

fn reason_line(reason: &Reason) -> String {
    let mark = mark(reason.verdict);
    let word = if reason.is_good() { String::new() } else { format!("{}  ", reason.verdict) };
    format!("  {mark} {:28} {word}{}", reason.what, reason.says)
}

/// All that the files of a report are written from.
struct Told<'a> {
    dir: &'a Path,
    run: &'a read::Run,
    findings: &'a findings::Findings,
    judgements: &'a Judgements,
    verdict: &'a LiveVerdict,
}

/// A verdict in one sign.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "✔",
        Verdict::Incomplete | Verdict::Vacuous => "?",
        Verdict::Violated | Verdict::Error => "✗",
    }
}

fn seconds(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64()
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "what is counted here stays far below 2^53, and is drawn")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(|error| Failure::at(path, &error))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<(), Failure> {
    Ok(())
}
