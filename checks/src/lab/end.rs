//! The orderly end of a run: clients, servers, files; then what was recorded is judged, and the report written.

use std::sync::Arc;

use raftlab_node::chaos::FaultCount;
use serde::Serialize;
use tokio::task::JoinSet;

use super::cluster::Cluster;
use super::control::Ended;
use super::expect::Outcome;
use super::simulated::Simulated;
use super::story::Story;
use super::{judgements, lives, load, metrics, observe};
use crate::evidence::{self, LiveVerdict, Reason};
use crate::failure::Failure;
use crate::measured;
use crate::scenario::{Scenario, Violation};
use crate::verdict::{Verdict, exit};

/// Ends clients and servers; nothing runs when it returns.
///
/// # Errors
///
/// If a file could not be written. All has ended nevertheless.
pub async fn stop_all(cluster: &Arc<Cluster>) -> Result<(), Failure> {
    let history = {
        load::stop(cluster).await;
        if let Some(simulated) = &cluster.simulated {
            simulated.give_up_singles(cluster);
        }
        cluster.ending.send_replace(true);
        cluster.workload.finish()
    };
    let mut servers = JoinSet::new();
    if cluster.simulated.is_some() {
        for server in cluster.running() {
            observe::counts(cluster, server).await;
            lives::end(cluster, server).await;
        }
    }
    for server in cluster.running() {
        let cluster = Arc::clone(cluster);
        servers.spawn(async move {
            observe::counts(&cluster, server).await;
            lives::end(&cluster, server).await;
        });
    }
    servers.join_all().await;
    cluster.note_end();
    let files = write_files(cluster);
    history.and(files)
}

fn write_files(cluster: &Cluster) -> Result<(), Failure> {
    if cluster.workload.is_unused() {
        // A second in which nobody worked says so; a file without a line could be one that was lost.
        cluster.files.load.add(&load::Second { at_us: cluster.now().at_us, ..load::Second::default() });
    }
    cluster.files.replace_json("fired.json", &cluster.ledger().counts())?;
    cluster.files.replace_json(judgements::DECLARED, &cluster.ledger().declared())?;
    for (name, log) in cluster.simulated.iter().flat_map(Simulated::logs) {
        cluster.files.replace(&name, &log)?;
    }
    cluster.files.replace("transcript.txt", &cluster.narrator.text())?;
    cluster.files.replace("metrics.prom", &metrics::together(&cluster.pages()))?;
    cluster.describe()?;
    let measured = cluster.measuring().measured.document();
    if let Some(document) = measured {
        cluster.files.replace_json(measured::FILE, &document)?;
        cluster.narrator.print(&document.to_string());
    }
    cluster.files.check()
}

/// `scenario.json`: what came of a scenario's expectations and faults.
#[derive(Debug, Serialize)]
pub struct ScenarioDocument {
    schema: &'static str,
    scenario: String,
    on: &'static str,
    seed: u64,
    verdict: String,
    exit: u8,
    faults: Vec<FaultOutcome>,
    expectations: Vec<Outcome>,
    evidence: std::path::PathBuf,
}

#[derive(Debug, Serialize)]
struct FaultOutcome {
    name: String,
    fired: u64,
}

/// Judges a run that has ended, and writes its report.
///
/// # Errors
///
/// If the report cannot be written.
pub async fn judge(cluster: &Arc<Cluster>, story: &Story) -> Result<Ended, Failure> {
    let scenario = cluster.settings.scenario.as_ref();
    cluster.narrator.say("", "what was recorded is judged");
    let dir = cluster.dir().to_path_buf();
    let reported = tokio::task::spawn_blocking(move || {
        let verdict = evidence::write(&dir, &judgements::judge(&dir)?)?;
        Ok::<_, Failure>(verdict)
    });
    let judged = reported.await.map_err(|error| Failure::internal(error.to_string()))??;
    for reason in judged.reasons.iter().filter(|reason| !reason.is_good()) {
        cluster.narrator.print(&format!("  ✗ {}: {}", reason.what, reason.says));
    }
    let violations = scenario.map_or_else(Vec::new, Scenario::violations);
    let written = as_written(&violations, &judged);
    let (verdict, exit, says) = verdict(story, written);
    let line = format!("{verdict}  {says}   exit {exit}");
    if line != judged.line() {
        cluster.files.replace("verdict.txt", &format!("{line}\n"))?;
    }
    if let Some(scenario) = scenario {
        let document = document(cluster, story, &scenario.name, &verdict.to_string(), exit);
        cluster.files.replace_json("scenario.json", &document)?;
    }
    Ok(Ended { exit, verdict: line, report: cluster.dir().join("index.html") })
}

/// What a run came to that was to break something: it is as it should be if that is what broke, and nothing else did.
fn as_written(violations: &[Violation], judged: &LiveVerdict) -> (Verdict, u8, String) {
    if violations.is_empty() {
        return (judged.verdict, judged.exit, judged.says.clone());
    }
    let exit_of = |violation: &Violation| match violation {
        Violation::Linearizability => exit::NOT_LINEARIZABLE,
        Violation::Safety => exit::VIOLATED,
    };
    let is_meant = |reason: &&Reason| violations.iter().any(|violation| exit_of(violation) == reason.exit);
    if let Some(reason) = judged.reasons.iter().find(|reason| !reason.is_good() && !is_meant(reason)) {
        return (reason.verdict, reason.exit, format!("{}: {}", reason.what, reason.says));
    }
    let broken: Vec<_> = judged.reasons.iter().filter(is_meant).collect();
    let is_whole = |violation: &&Violation| broken.iter().any(|reason| reason.exit == exit_of(violation));
    if let Some(violation) = violations.iter().find(|violation| !is_whole(violation)) {
        let says = format!("this run was to break {}, and did not", violation.name());
        return (Verdict::Violated, exit::UNEXPECTED, says);
    }
    // The replay as a whole breaks where one of its properties does.
    let names: Vec<_> =
        broken.iter().map(|reason| reason.what.as_str()).filter(|what| *what != "replay").collect();
    (
        Verdict::Verified,
        exit::OK,
        format!("this run was to break something, and it was found: {}", names.join(", ")),
    )
}

/// What a run came to. What was proved wrong weighs most; then a scenario that did not go as it is written; then whatever
/// else the report has to say.
fn verdict(story: &Story, live: (Verdict, u8, String)) -> (Verdict, u8, String) {
    if live.0 == Verdict::Violated {
        return live;
    }
    if let Some(Failure { exit, message }) = &story.stopped {
        if *exit == exit::INCOMPLETE {
            return (Verdict::Incomplete, *exit, message.clone());
        }
        return (Verdict::Error, *exit, format!("the scenario could not go on: {message}"));
    }
    if let Some(Outcome { text, after_ms, .. }) = story.unexpected() {
        return (
            Verdict::Violated,
            exit::UNEXPECTED,
            format!("`{text}` did not come about in {after_ms} ms"),
        );
    }
    live
}

fn document(cluster: &Cluster, story: &Story, scenario: &str, verdict: &str, exit: u8) -> ScenarioDocument {
    let faults = cluster.ledger().declared();
    ScenarioDocument {
        schema: "raftlab-lab/1",
        scenario: scenario.to_string(),
        on: if cluster.simulated.is_some() { "sim" } else { "udp" },
        seed: cluster.settings.seed,
        verdict: verdict.to_string(),
        exit,
        faults: faults
            .into_iter()
            .map(|FaultCount { fault, fired }| FaultOutcome { name: fault, fired })
            .collect(),
        expectations: story.outcomes.clone(),
        evidence: cluster.dir().to_path_buf(),
    }
}
