//! How servers stand, one by one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use super::args::{ClusterArgs, Common};
use super::failure::Failure;
use super::output::Output;
use crate::api::{Member, Members, StatusDocument};
use crate::client::{Reason, Server, endpoints};

#[derive(Serialize)]
struct Servers<T> {
    servers: Vec<T>,
}

#[derive(Serialize)]
struct Stands {
    endpoint: String,
    status: Option<StatusDocument>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Health {
    endpoint: String,
    healthy: bool,
    took_ms: f64,
    error: Option<String>,
}

/// Role, term, log and disk of each.
pub async fn status(args: &ClusterArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let servers = asked(args, common).await?;
    let timeout = common.timeout;
    let ask = move |address| async move { Server::new(address, timeout).status().await };
    let mut stands = Vec::new();
    for (endpoint, answer) in each(servers, ask).await {
        let (status, error) = answer.map_or_else(|error| (None, Some(error)), |status| (Some(status), None));
        stands.push(Stands { endpoint, status, error });
    }
    let columns = [
        "endpoint",
        "server",
        "role",
        "term",
        "leader",
        "commit",
        "applied",
        "last",
        "base",
        "keys",
        "waiting",
        "fsync p50",
        "fsync p99",
        "reads",
        "version",
    ];
    let rows: Vec<_> = stands.iter().map(row).collect();
    let is_all = stands.iter().all(|stand| stand.error.is_none());
    output.rows("raftlab-status/1", Servers { servers: stands }, &columns, &rows)?;
    if is_all { Ok(()) } else { Err(Failure::Unhealthy) }
}

fn row(stands: &Stands) -> Vec<String> {
    let endpoint = stands.endpoint.clone();
    let Some(status) = &stands.status else {
        return vec![endpoint, stands.error.clone().unwrap_or_default()];
    };
    vec![
        endpoint,
        status.server.clone(),
        status.role.clone(),
        status.term.to_string(),
        status.leader.clone().unwrap_or("none".into()),
        status.commit.to_string(),
        status.applied.to_string(),
        status.last.to_string(),
        status.base.to_string(),
        status.keys.to_string(),
        status.waiting.to_string(),
        millis(status.fsync_p50_us),
        millis(status.fsync_p99_us),
        status.read_mode.clone(),
        status.version.clone(),
    ]
}

/// Can each serve clients?
pub async fn health(args: &ClusterArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let servers = asked(args, common).await?;
    let timeout = common.timeout;
    let ask = move |address| async move {
        let began = Instant::now();
        let ready = Server::new(address, timeout).ready().await?;
        Ok((ready, began.elapsed()))
    };
    let mut all = Vec::new();
    for (endpoint, answer) in each(servers, ask).await {
        let (error, took) = match answer {
            Ok((ready, took)) => (ready.err(), took),
            Err(reason) => (Some(reason), Duration::ZERO),
        };
        let (healthy, took_ms) = (error.is_none(), took.as_secs_f64() * 1000.0);
        all.push(Health { endpoint, healthy, took_ms, error });
    }
    let row = |health: &Health| {
        let says = if health.healthy { "healthy" } else { "unhealthy" };
        let error = health.error.clone().unwrap_or_default();
        vec![health.endpoint.clone(), says.into(), format!("{:.2} ms", health.took_ms), error]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    let is_all = all.iter().all(|health| health.healthy);
    output.rows(
        "raftlab-health/1",
        Servers { servers: all },
        &["endpoint", "health", "took", "error"],
        &rows,
    )?;
    if is_all { Ok(()) } else { Err(Failure::Unhealthy) }
}

/// A server that is to be asked, or the name of one of which nobody knows where it listens.
pub type Asked = Result<SocketAddr, String>;

/// The endpoints that were given, or all servers of their cluster.
async fn asked(args: &ClusterArgs, common: &Common) -> Result<Vec<Asked>, Failure> {
    let given = endpoints(&common.endpoints)?;
    if args.cluster {
        cluster_of(given, common.timeout).await
    } else {
        Ok(given.into_iter().map(Ok).collect())
    }
}

/// All servers of the cluster to which these belong. Where one of these listens is known, whatever the others know.
pub async fn cluster_of(given: Vec<SocketAddr>, timeout: Duration) -> Result<Vec<Asked>, Failure> {
    let members = members_of(&given, timeout).await?;
    let ask =
        move |address| async move { Ok((Server::new(address, timeout).status().await?.server, address)) };
    let known = each(given.into_iter().map(Ok).collect(), ask).await;
    let known: BTreeMap<String, SocketAddr> = known.into_iter().filter_map(|(_, told)| told.ok()).collect();
    let address =
        |member: Member| member.http.or_else(|| known.get(&member.server).copied()).ok_or(member.server);
    Ok(members.members.into_iter().map(address).collect())
}

/// The members, by the first of these servers that answers.
pub async fn members_of(servers: &[SocketAddr], timeout: Duration) -> Result<Members, Reason> {
    let mut last = None;
    for server in servers {
        match Server::new(*server, timeout).members().await {
            Ok(members) => return Ok(members),
            Err(reason) => last = Some(reason),
        }
    }
    let server = SocketAddr::from(([0, 0, 0, 0], 0));
    Err(last.unwrap_or(Reason::Unreachable { server, error: "no server is given".into() }))
}

/// Asks all at once, and gives the answers in the order of the servers.
async fn each<T: Send + 'static, F: Future<Output = Result<T, Reason>> + Send + 'static>(
    servers: Vec<Asked>,
    ask: impl Fn(SocketAddr) -> F,
) -> Vec<(String, Result<T, String>)> {
    let mut answers: Vec<(String, Result<T, String>)> = Vec::new();
    let mut asked = JoinSet::new();
    for (at, server) in servers.into_iter().enumerate() {
        let unknown = "it is not known where it listens for clients".to_string();
        match server {
            Ok(address) => {
                answers.push((address.to_string(), Err("its answer was not waited for".into())));
                let answer = ask(address);
                asked.spawn(async move { (at, answer.await) });
            }
            Err(name) => answers.push((name, Err(unknown))),
        }
    }
    while let Some(joined) = asked.join_next().await {
        if let Ok((at, answer)) = joined {
            answers[at].1 = answer.map_err(|reason| reason.to_string());
        }
    }
    answers
}

/// `0.85 ms`.
pub fn millis(us: u64) -> String {
    format!("{}.{:02} ms", us / 1000, us % 1000 / 10)
}
