//! How a run stands, for `lab chaos status`.

use std::fmt::Write as _;
use std::sync::Arc;

use raftlab_node::chaos::FaultCount;

use super::cluster::Cluster;
use super::control::{RunStatus, ServerStatus};
use super::observe;

/// Asks all servers, and looks at what was counted.
pub async fn of(cluster: &Arc<Cluster>) -> RunStatus {
    let view = cluster.look().await;
    let mut servers = Vec::new();
    for name in cluster.names() {
        observe::counts(cluster, name).await;
        let Ok(server) = cluster.server(name) else { continue };
        let status = view.0.get(&name);
        let role = match status {
            None => "down".to_string(),
            Some(None) => "does not answer".to_string(),
            Some(Some(status)) => format!("{} in term {}", status.role, status.term),
        };
        let faults = match cluster.connect(name) {
            Ok(mut connection) if status.is_some() => {
                connection.chaos().await.map(|chaos| chaos.active).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        servers.push(ServerStatus {
            server: name.to_string(),
            http: server.http,
            pid: server.life.filter(|life| life.end().is_none()).map(|life| life.pid()),
            role,
            commit: status.and_then(|status| status.as_ref()).map(|status| status.commit),
            faults,
            fired: cluster.ledger().counts().remove(&name.to_string()).unwrap_or_default(),
        });
    }
    let declared = cluster.ledger().declared();
    RunStatus { dir: cluster.dir().to_path_buf(), servers, done: cluster.workload.done(), declared }
}

/// The same as text.
pub fn text(status: &RunStatus) -> String {
    let RunStatus { dir, servers, done, declared } = status;
    let mut text = format!("run  {}\n", dir.display());
    for server in servers {
        let ServerStatus { server, http, pid, role, commit, faults, fired } = server;
        let pid = pid.map_or("-".to_string(), |pid| pid.to_string());
        let commit = commit.map_or("-".to_string(), |commit| commit.to_string());
        // Writing to a string never fails.
        let _ = writeln!(text, "  {server:4} {role:24} commit {commit:8} pid {pid:8} http://{http}");
        for fault in faults {
            let _ = writeln!(text, "         {fault}");
        }
        let fired: Vec<_> =
            fired.iter().map(|FaultCount { fault, fired }| format!("{fault} {fired}")).collect();
        if !fired.is_empty() {
            let _ = writeln!(text, "         struck: {}", fired.join(", "));
        }
    }
    for FaultCount { fault, fired } in declared {
        let _ = writeln!(text, "  asked for: {fault}: struck {fired} times since");
    }
    let _ = writeln!(text, "clients have done {done} operations");
    text
}
