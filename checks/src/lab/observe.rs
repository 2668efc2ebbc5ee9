//! What servers say of themselves, taken down: how they stand several times a second, and what happens to them.

use std::sync::Arc;
use std::time::Duration;

use raftlab_core::NodeId;
use raftlab_node::api::{EventDocument, StatusDocument};

use super::cluster::Cluster;
use super::files::{EventLine, FaultLine};
use super::metrics;
use super::narrator::Narrator;
use crate::sample::Sample;

/// How often a server is asked how it stands.
const SAMPLES_EVERY: Duration = Duration::from_micros(SAMPLES_EVERY_US);

/// The same, in microseconds.
pub const SAMPLES_EVERY_US: u64 = 200_000;

/// How long it is waited before a server that does not tell events is asked again.
const ASKS_AGAIN: Duration = Duration::from_millis(30);

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
    let name = server.to_string();
    let sample = match said {
        None => Sample::silent(at_us, name),
        Some((status, page)) => {
            let sample = Sample::of(at_us, status, &page);
            cluster.pages().insert(name, page);
            sample
        }
    };
    cluster.files.samples.add(&sample);
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
        "members" => narrator.say_members(server, text),
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
