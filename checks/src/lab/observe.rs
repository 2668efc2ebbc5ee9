//! What servers say of themselves, taken down: how they stand several times a second, and what happens to them.

use std::sync::Arc;
use std::time::Duration;

use raftlab_core::NodeId;
use raftlab_node::api::{EventDocument, StatusDocument};
use serde::Serialize;

use super::cluster::Cluster;
use super::files::{EventLine, FaultLine};
use super::metrics;
use super::narrator::Narrator;

/// How often a server is asked how it stands.
const SAMPLES_EVERY: Duration = Duration::from_micros(SAMPLES_EVERY_US);

/// The same, in microseconds.
pub const SAMPLES_EVERY_US: u64 = 200_000;

/// How long it is waited before a server that does not tell events is asked again.
const ASKS_AGAIN: Duration = Duration::from_millis(30);

/// A line of `samples.jsonl`.
#[derive(Debug, Serialize)]
struct Sample {
    at_us: u64,
    server: String,
    reachable: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    said: Option<Said>,
}

/// What a server that answers says.
#[derive(Debug, Serialize)]
struct Said {
    role: String,
    term: u64,
    leader: Option<String>,
    commit: u64,
    applied: u64,
    last: u64,
    base: u64,
    pending: u64,
    rejected: u64,
    fsync_p50_us: u64,
    fsync_p99_us: u64,
    quorum_age_s: Option<f64>,
    max_lag: u64,
    cpu_seconds: f64,
    rss_bytes: u64,
    config_index: u64,
    voters: Vec<String>,
}

impl Said {
    fn of(status: StatusDocument, page: &str) -> Said {
        let value = |name: &str| metrics::value(page, name).unwrap_or(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count that is at least 0"
        )]
        let count = |name: &str| value(name).max(0.0) as u64;
        let voters = status.members.members.into_iter().filter(|member| member.standing == "voter");
        Said {
            role: status.role,
            term: status.term,
            leader: status.leader,
            commit: status.commit,
            applied: status.applied,
            last: status.last,
            base: status.base,
            pending: status.waiting,
            rejected: count("raftlab_requests_refused_total"),
            fsync_p50_us: status.fsync_p50_us,
            fsync_p99_us: status.fsync_p99_us,
            quorum_age_s: metrics::value(page, "raftlab_quorum_ack_age_seconds").filter(|age| *age >= 0.0),
            max_lag: status.peers.iter().map(|peer| peer.lag).max().unwrap_or(0),
            cpu_seconds: value("raftlab_process_cpu_seconds"),
            rss_bytes: count("raftlab_process_resident_memory_bytes"),
            config_index: count("raftlab_config_index"),
            voters: voters.map(|member| member.server).collect(),
        }
    }
}

/// Takes down what a server says, until the run ends.
pub fn follow(cluster: &Arc<Cluster>, server: NodeId) {
    if cluster.simulated.is_some() {
        // What is simulated is looked at as time passes.
        return;
    }
    tokio::spawn(until_the_end(Arc::clone(cluster), sample(Arc::clone(cluster), server)));
    tokio::spawn(until_the_end(Arc::clone(cluster), hear(Arc::clone(cluster), server)));
}

async fn until_the_end(cluster: Arc<Cluster>, work: impl Future<Output = ()>) {
    let mut ending = cluster.ending.subscribe();
    tokio::select! {
        _ = ending.wait_for(|is_ending| *is_ending) => {}
        () = work => {}
    }
}

/// Asks how a server stands, again and again.
async fn sample(cluster: Arc<Cluster>, server: NodeId) {
    let mut every = tokio::time::interval(SAMPLES_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let Ok(mut connection) = cluster.connect(server) else { return };
    loop {
        every.tick().await;
        // One that was removed is of no interest.
        if cluster.server(server).is_err() {
            return;
        }
        let life = cluster.life(server).filter(|life| life.end().is_none());
        let said = match life {
            None => None,
            Some(life) => match (connection.status().await, connection.metrics().await) {
                (Ok(status), Ok(page)) => {
                    cluster.ledger().hear(server, life.number(), &metrics::fired(&page));
                    Some((status, page))
                }
                _ => None,
            },
        };
        note_sample(&cluster, server, cluster.now().at_us, said);
    }
}

/// Takes down how a server stands, if it answers.
pub fn note_sample(cluster: &Cluster, server: NodeId, at_us: u64, said: Option<(StatusDocument, String)>) {
    let said = said.map(|(status, page)| {
        let said = Said::of(status, &page);
        cluster.pages().insert(server.to_string(), page);
        said
    });
    let reachable = said.is_some();
    cluster.files.samples.add(&Sample { at_us, server: server.to_string(), reachable, said });
}

/// Takes down the events of a server, through all its lives.
async fn hear(cluster: Arc<Cluster>, server: NodeId) {
    loop {
        let Ok(connection) = cluster.connect(server) else { return };
        if let Ok(mut events) = connection.events().await {
            while let Ok(Some(event)) = events.next().await {
                let at_us = cluster.now().at(event.unix_us);
                say(&cluster.narrator, &event);
                cluster.files.events.add(&EventLine { at_us, event });
            }
        }
        tokio::time::sleep(ASKS_AGAIN).await;
    }
}

/// Tells an event, unless it was told already: faults by who asked for them, and members by the first who heard of them.
pub fn say(narrator: &Narrator, event: &EventDocument) {
    let EventDocument { server, term, kind, text, .. } = event;
    match kind.as_str() {
        "fault" | "leader" => {}
        "members" if narrator.last().iter().any(|line| line.ends_with(text.as_str())) => {}
        "role" => narrator.say(server, &format!("{text} in term {term}")),
        _ => narrator.say(server, text),
    }
}

/// Asks a server now how often faults have struck it, and for all its numbers. One that does not answer is passed over.
pub async fn counts(cluster: &Cluster, server: NodeId) {
    if let Some(simulated) = &cluster.simulated {
        return simulated.count(cluster, server);
    }
    let (Some(life), Ok(mut connection)) = (cluster.life(server), cluster.connect(server)) else { return };
    if let Ok(page) = connection.metrics().await {
        cluster.ledger().hear(server, life.number(), &metrics::fired(&page));
        cluster.pages().insert(server.to_string(), page);
    }
}

/// A simulated server has ended by itself.
pub fn note_end(cluster: &Cluster, server: NodeId, life: u64, text: &str) {
    cluster.note_line(&FaultLine {
        moment: cluster.now(),
        verb: "end".into(),
        server: Some(server.to_string()),
        text: format!("{server} ended by itself: {text}"),
        until_us: None,
        incarnation: Some(life),
    });
}
