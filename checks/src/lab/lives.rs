//! Starting servers, ending them, and seeing those that end by themselves.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raftlab_core::NodeId;
use raftlab_node::journal;

use super::clock::Moment;
use super::cluster::{Cluster, LOOKS_EVERY, Server};
use super::files::FaultLine;
use super::process::Life;
use super::{faults, observe};
use crate::failure::Failure;
use crate::verdict::exit;

/// How long a server may take from its start to its first answer: it reads its log meanwhile.
const STARTS_WITHIN: Duration = Duration::from_secs(15);

/// The directory of journals, in that of the run.
pub const JOURNALS: &str = "journals";

/// Starts the process of a server that is down, and returns before it answers.
///
/// # Errors
///
/// If it runs, or the system refuses to start it.
pub fn begin(cluster: &Arc<Cluster>, name: NodeId) -> Result<(), Failure> {
    let server = cluster.server(name)?;
    if *cluster.ending.borrow() {
        return Err(Failure::data("the run ends: nothing starts any more"));
    }
    if cluster.running().contains(&name) {
        return Err(Failure::data(format!("{name} runs already")));
    }
    if let Some(simulated) = &cluster.simulated {
        return simulated.start(name);
    }
    let number = server.life.as_ref().map_or(0, |life| life.number()) + 1;
    let log = cluster.dir().join(format!("{name}.log"));
    let program = &cluster.settings.program;
    let life = Life::begin(program, &arguments(cluster, name, &server), &log, number);
    let life = Arc::new(life.map_err(|error| Failure::io(format!("starting {name}: {error}")))?);
    cluster.change(name, |server| server.life = Some(Arc::clone(&life)));
    tokio::spawn(see_end(Arc::clone(cluster), name, life));
    Ok(())
}

/// Waits until a server that was started answers, and tells it again what is wrong with its links and its clock.
///
/// # Errors
///
/// If it ends, or does not answer in time.
pub async fn answers(cluster: &Arc<Cluster>, name: NodeId) -> Result<(), Failure> {
    if cluster.simulated.is_some() {
        return faults::tell_again(cluster, name).await;
    }
    let deadline = Instant::now() + STARTS_WITHIN;
    let mut connection = cluster.connect(name)?;
    while connection.status().await.is_err() {
        if let Some(end) = cluster.life(name).and_then(|life| life.end()) {
            let says = format!("{name} did not start, {}: {}", how(end), last_words(cluster, name));
            return Err(Failure { exit: exit_of(end), message: says });
        }
        if Instant::now() >= deadline {
            let seconds = STARTS_WITHIN.as_secs();
            let says = format!("{name} runs, and has not answered within {seconds} s: see {name}.log");
            return Err(Failure { exit: exit::UNREACHABLE, message: says });
        }
        tokio::time::sleep(LOOKS_EVERY).await;
    }
    faults::tell_again(cluster, name).await
}

/// Starts a server that is down, and waits until it answers.
///
/// # Errors
///
/// As of [`begin`] and [`answers`].
pub async fn start(cluster: &Arc<Cluster>, name: NodeId) -> Result<(), Failure> {
    let moment = cluster.now();
    begin(cluster, name)?;
    cluster.note(moment, "start", Some(name), &format!("start {name}"));
    answers(cluster, name).await
}

/// Waits until a server leads.
///
/// # Errors
///
/// If none does in time.
pub async fn leads(cluster: &Cluster, within: Duration) -> Result<NodeId, Failure> {
    let began = cluster.now();
    loop {
        if let Some(leader) = cluster.look().await.leader() {
            return Ok(leader);
        }
        if began.until(cluster.now()) >= within {
            let (seconds, dir) = (within.as_secs(), cluster.dir().display());
            let message = format!("no leader after {seconds} s: see the logs in {dir}");
            return Err(Failure { exit: exit::UNREACHABLE, message });
        }
        cluster.sleep(LOOKS_EVERY).await;
    }
}

/// Ends a server as kill -9 does.
///
/// # Errors
///
/// If it is down.
pub async fn kill(cluster: &Arc<Cluster>, name: NodeId) -> Result<(), Failure> {
    running(cluster, name)?;
    // What it has counted goes with it.
    observe::counts(cluster, name).await;
    let text = format!("kill {name}");
    cluster.ledger().declare(&text, vec![name], "kill");
    let moment = cluster.now();
    let is_killed = match (&cluster.simulated, cluster.life(name)) {
        (Some(simulated), _) => simulated.kill(name),
        (None, Some(life)) => life.kill().await,
        (None, None) => false,
    };
    if !is_killed {
        return Err(Failure::data(format!("{name} had ended by itself")));
    }
    cluster.ledger().strike(name, "kill");
    note_cut(cluster, moment, "kill", name, &text);
    Ok(())
}

/// Ends a server as it should.
///
/// # Errors
///
/// If it is down.
pub async fn stop(cluster: &Arc<Cluster>, name: NodeId) -> Result<(), Failure> {
    running(cluster, name)?;
    observe::counts(cluster, name).await;
    let moment = cluster.now();
    if end_process(cluster, name).await {
        cluster.note(moment, "stop", Some(name), &format!("stop {name}"));
    } else {
        let says = format!("{name} did not stop in time, and was killed");
        note_cut(cluster, cluster.now(), "kill", name, &says);
    }
    Ok(())
}

/// Ends a server at the end of the run, which is no fault of its own.
pub async fn end(cluster: &Arc<Cluster>, name: NodeId) {
    if !end_process(cluster, name).await {
        note_cut(
            cluster,
            cluster.now(),
            "kill",
            name,
            &format!("{name} did not end in time, and was killed"),
        );
    }
}

/// Ends a process as it should end. Did it end in time?
async fn end_process(cluster: &Cluster, name: NodeId) -> bool {
    match (&cluster.simulated, cluster.life(name)) {
        (Some(simulated), _) => simulated.stop(name),
        (None, Some(life)) => life.stop().await,
        (None, None) => true,
    }
}

/// Does a server run?
///
/// # Errors
///
/// If it does not.
pub fn running(cluster: &Cluster, name: NodeId) -> Result<(), Failure> {
    cluster.server(name)?;
    let is_up = cluster.running().contains(&name);
    if is_up { Ok(()) } else { Err(Failure::data(format!("{name} is down: `start {name}` first"))) }
}

/// A life has ended whose journal has no end.
pub fn note_cut(cluster: &Cluster, moment: Moment, verb: &str, name: NodeId, text: &str) {
    let incarnation = last_recorded(&cluster.dir().join(JOURNALS), name);
    let counted = || cluster.simulated.as_ref().map(|simulated| simulated.life(name));
    let incarnation = incarnation.or_else(|| cluster.life(name).map(|life| life.number())).or_else(counted);
    let server = Some(name.to_string());
    let text = text.to_string();
    cluster.note_line(&FaultLine { moment, verb: verb.into(), server, text, until_us: None, incarnation });
}

/// The last life of a server that has a journal: one that did not come so far has none.
fn last_recorded(journals: &Path, name: NodeId) -> Option<u64> {
    let files = fs::read_dir(journals).ok()?.flatten();
    let lives = files.filter_map(|file| journal::named(file.file_name().to_str()?));
    lives.filter(|(server, _)| *server == name).map(|(_, life)| life).max()
}

fn arguments(cluster: &Cluster, name: NodeId, server: &Server) -> Vec<String> {
    let (told, is_founder) = &server.told;
    let state = if *is_founder { "new" } else { "existing" };
    let mut arguments = vec!["node".to_string(), "--chaos".into(), "--until-stdin-closes".into()];
    let mut flag = |flag: &str, value: &dyn std::fmt::Display| {
        arguments.extend([format!("--{flag}"), value.to_string()]);
    };
    flag("name", &name);
    flag("data-dir", &server.data_dir.display());
    flag("listen-peer", &server.peer);
    flag("listen-http", &server.http);
    flag("initial-cluster", told);
    flag("initial-cluster-state", &state);
    flag("initial-cluster-token", &cluster.token);
    if server.is_edited {
        // It refuses to start otherwise.
        arguments.push("--unsafe-initial-cluster".into());
    }
    let mut flag = |flag: &str, value: &dyn std::fmt::Display| {
        arguments.extend([format!("--{flag}"), value.to_string()]);
    };
    if let Some(dir) = &server.wal_dir {
        flag("wal-dir", &dir.display());
    }
    if cluster.settings.is_recorded {
        flag("record", &cluster.dir().join(JOURNALS).display());
    }
    arguments.extend(cluster.flags().iter().cloned());
    arguments
}

/// Says when a server ends that nobody ended. It stays down: whoever watches decides.
async fn see_end(cluster: Arc<Cluster>, name: NodeId, life: Arc<Life>) {
    let Some(end) = life.ended().await else { return };
    if !life.is_asked_to_end() {
        let says = format!("{name} ended by itself, {}: {}", how(end), last_words(&cluster, name));
        note_cut(&cluster, cluster.now(), "end", name, &says);
    }
}

/// How a process ended, for people.
fn how(end: ExitStatus) -> String {
    match (end.code(), end.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("by signal {signal}"),
        (None, None) => "in a way that the system does not tell".into(),
    }
}

fn exit_of(end: ExitStatus) -> u8 {
    end.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code > 0).unwrap_or(exit::IO)
}

/// The last line of a server's log: an error, if it ended with one.
fn last_words(cluster: &Cluster, name: NodeId) -> String {
    let log = cluster.dir().join(format!("{name}.log"));
    let text = fs::read_to_string(&log).unwrap_or_default();
    let error = text.lines().rev().find(|line| line.starts_with("error: "));
    let last = error.or_else(|| text.lines().rev().find(|line| !line.trim().is_empty()));
    last.map_or_else(
        || format!("{} is empty", log.display()),
        |line| line.trim_start_matches("error: ").to_string(),
    )
}
