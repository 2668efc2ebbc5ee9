//! One thing that a scenario lets a client ask for, while it goes on; and what that client was told.

use std::sync::Arc;

use raftlab_core::NodeId;
use raftlab_node::api::{Consistency, MemberRequest};
use raftlab_node::client::{Client, Failure as Unchanged, Options};

use super::cluster::{Cluster, Server};
use super::faults;
use super::load::client::{ATTEMPT, PURSUES, ask};
use crate::failure::Failure;
use crate::history::{Action, Operation, Outcome};
use crate::scenario::{Operate, Word};

/// A client of its own begins to ask.
///
/// # Errors
///
/// If nobody is the server that it is to ask.
pub async fn begin(cluster: &Arc<Cluster>, operate: &Operate) -> Result<(), Failure> {
    let Operate { name, key, value, to } = operate;
    let to = match to {
        Some(target) => Some(faults::one(cluster, *target).await?),
        None => None,
    };
    let action = value.clone().map_or(Action::Get, Action::Put);
    cluster.outcomes().remove(name);
    if let Some(simulated) = &cluster.simulated {
        simulated.operate(cluster, name, key, &action, to);
        return Ok(());
    }
    // Who asks one server and no other does not repeat what may have been done.
    let mut client = client(cluster, to, to.is_none())?;
    let (cluster, name, key) = (Arc::clone(cluster), name.clone(), key.clone());
    let number = cluster.workload.number(1);
    tokio::spawn(async move {
        let start_us = cluster.now().at_us;
        let outcome = ask(&mut client, &key, &action).await;
        cluster.outcomes().insert(name, outcome.clone());
        let times = (start_us, cluster.now().at_us);
        cluster.workload.record(&Operation::new(number, key, action, times, outcome));
    });
    Ok(())
}

/// Asks for a server to join that is not started, and does not wait.
///
/// # Errors
///
/// If its name was used, or there are no ports.
pub fn propose_add(cluster: &Arc<Cluster>, server: NodeId, name: &str) -> Result<(), Failure> {
    cluster.prepare(server)?;
    cluster.outcomes().remove(name);
    if let Some(simulated) = &cluster.simulated {
        simulated.propose_add(name, server);
        return Ok(());
    }
    let Server { peer, http, .. } = cluster.server(server)?;
    let request = MemberRequest::AddLearner { server: server.to_string(), peer, http: Some(http) };
    // To open a session takes a commit, and meanwhile another change could come first.
    let (mut client, cluster, name) = (client(cluster, None, false)?, Arc::clone(cluster), name.to_string());
    tokio::spawn(async move {
        let outcome = match client.change(&request).await {
            Ok(_) => Outcome::Done,
            Err(Unchanged::NotDone(_)) => Outcome::Failed,
            Err(Unchanged::Unknown(_)) => Outcome::Unknown,
        };
        cluster.outcomes().insert(name, outcome);
    });
    Ok(())
}

/// Was this client told that?
pub fn was_told(cluster: &Cluster, name: &str, word: &Word) -> bool {
    match (cluster.outcomes().get(name), word) {
        (Some(Outcome::Done | Outcome::Swapped), Word::Done)
        | (Some(Outcome::Failed), Word::Failed)
        | (Some(Outcome::Unknown), Word::Unknown) => true,
        (Some(Outcome::Read(read)), Word::Read(expected)) => read == expected,
        _ => false,
    }
}

/// What is under a key by a server's own state machine; nothing, if it does not answer.
pub async fn value_at(cluster: &Cluster, server: NodeId, key: &str) -> Option<Option<String>> {
    if let Some(simulated) = &cluster.simulated {
        return simulated.value(server, key);
    }
    let mut client = client(cluster, Some(server), false).ok()?;
    client.get(key, Consistency::Stale).await.ok().map(|read| read.value)
}

/// A client of whoever leads, or of this server.
fn client(cluster: &Cluster, to: Option<NodeId>, in_session: bool) -> Result<Client, Failure> {
    let endpoints = match to {
        Some(server) => vec![cluster.server(server)?.http],
        None => cluster.endpoints(),
    };
    let options = Options { timeout: PURSUES, attempt: ATTEMPT, in_session, ..Options::default() };
    Client::new(&endpoints, options).map_err(|error| Failure::internal(error.to_string()))
}
