//! What is judged of a run that is over, from its files alone: its journals through the core, and what its clients were
//! told.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use raftlab_node::chaos::FaultCount;
use raftlab_node::peers::server_name;

use super::files::FaultLine;
use super::lives::JOURNALS;
use crate::evidence::{DeclaredFault, Judged, Judgements, Linearizability, Validation};
use crate::failure::Failure;
use crate::history::{Action, History, HistoryError};
use crate::linearizable::{self, Limits, Verdict as Order};
use crate::validate::{self, Options, Report};
use crate::verdict::{Verdict, exit};

/// The file that says what was asked for, and how often each struck from then on.
pub const DECLARED: &str = "declared.json";

/// Judges what a run left in its directory. What is not there is not judged, and its report says so.
///
/// # Errors
///
/// If the list of faults cannot be read: who was killed is not known then.
pub fn judge(dir: &Path) -> Result<Judgements, Failure> {
    let journals = dir.join(JOURNALS);
    let options = options(dir)?;
    let validation = journals.is_dir().then(|| validation(&validate::validate(&journals, &options)));
    let linearizability = linearizability(&dir.join("history.jsonl"));
    Ok(Judgements { validation, linearizability, faults: declared(dir)? })
}

/// What was asked for, and how often it struck, as the supervisor left it; nothing of a run without an orderly end.
fn declared(dir: &Path) -> Result<Option<Vec<DeclaredFault>>, Failure> {
    let path = dir.join(DECLARED);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::at(&path, &error)),
    };
    let counts: Vec<FaultCount> =
        serde_json::from_str(&text).map_err(|error| Failure::data(format!("{}: {error}", path.display())))?;
    let fault = |FaultCount { fault, fired }| DeclaredFault { name: fault, fired };
    Ok(Some(counts.into_iter().map(fault).collect()))
}

/// What is known of a run besides its journals: the lives that have no end, since they were killed or ended by themselves,
/// and whether servers were told of other founders.
///
/// # Errors
///
/// If the list of faults is not there, or cannot be read.
pub fn options(dir: &Path) -> Result<Options, Failure> {
    let path = dir.join("faults.jsonl");
    let text = fs::read_to_string(&path).map_err(|error| Failure::at(&path, &error))?;
    let mut options = Options::default();
    for (at, line) in (1..).zip(text.lines()) {
        let wrong =
            |error: &dyn std::fmt::Display| Failure::data(format!("{}:{at}: {error}", path.display()));
        let line: FaultLine = serde_json::from_str(line).map_err(|error| wrong(&error))?;
        options.has_other_founders |= line.verb == "edit";
        if let (Some(server), Some(life)) = (line.server, line.incarnation) {
            options.killed.insert((server_name(&server).map_err(|error| wrong(&error))?, life));
        }
    }
    Ok(options)
}

fn validation(report: &Report) -> Validation {
    let totals = report.totals;
    let summary = format!(
        "{}: {} servers, {} lives, {} steps replayed in {:.1} s",
        report.says(),
        totals.servers,
        totals.lives,
        totals.steps,
        report.seconds
    );
    let findings = report.findings.iter().map(ToString::to_string);
    let judged = report.properties.iter().map(|property| {
        let says = match (property.holds, property.not_judged) {
            (Some(true), _) => format!("judged {} times", property.judged),
            (Some(false), _) => "broken".into(),
            (None, Some(why)) => why.into(),
            (None, None) => "nothing happened that it is about".into(),
        };
        Judged { name: property.name.into(), holds: property.holds, says }
    });
    Validation {
        verdict: report.verdict,
        exit: report.exit,
        lines: std::iter::once(summary).chain(findings).collect(),
        properties: judged.collect(),
        figures: report.figures.clone(),
    }
}

/// What clients were told, if that is there.
pub fn linearizability(path: &Path) -> Option<Linearizability> {
    if !path.exists() {
        return None;
    }
    let none = |verdict, exit, says: String| {
        Some(Linearizability { verdict, exit, says, operations: 0, writes: 0, picture: String::new() })
    };
    let history = match History::open(path) {
        Ok((_, history)) => history,
        Err(error @ (HistoryError::Empty | HistoryError::NothingDone(_))) => {
            return none(Verdict::Vacuous, exit::VACUOUS, error.to_string());
        }
        Err(error) => {
            let failure = Failure::from(error);
            return none(Verdict::Error, failure.exit, failure.message);
        }
    };
    let operations = history.operations();
    let is_write = |action: &Action| *action != Action::Get;
    let writes = operations.iter().filter(|operation| operation.is_done() && is_write(&operation.action));
    let judged = linearizable::judge(&history, Limits::default());
    let (verdict, picture) = match &judged {
        Order::Linearizable => (Verdict::Verified, String::new()),
        Order::NotLinearizable { evidence, .. } => (Verdict::Violated, evidence.to_string()),
        Order::Undecided { .. } => (Verdict::Incomplete, String::new()),
    };
    let says = match &judged {
        Order::Linearizable => "every client was told what is true".to_string(),
        Order::NotLinearizable { key, .. } => format!("what was said of key {key:?} cannot all be true"),
        Order::Undecided { key, why } => format!("undecided, key {key:?}: {why}"),
    };
    let (operations, writes) = (operations.len() as u64, writes.count() as u64);
    debug_assert_eq!(judged.exit() == exit::OK, verdict == Verdict::Verified);
    Some(Linearizability { verdict, exit: judged.exit(), says, operations, writes, picture })
}
