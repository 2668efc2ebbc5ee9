//! What a server shows of itself, and faults.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use raftlab_core::{NodeId, ReadMode};

use super::members::members;
use super::{App, Refused, ok, read, refusal};
use crate::api::{ChaosDocument, Code, PeerStatus, StatusDocument};
use crate::chaos::ChaosRequest;
use crate::node::{Ask, Reply};
use crate::process::{ChaosError, Peer, Status};

/// A core's thread that has said nothing for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(5);

/// `GET /status`
pub async fn status(State(app): State<App>) -> Response {
    let (shared, status) = (app.handle.shared(), app.handle.status());
    let (fsync_p50_us, fsync_p99_us) = shared.syncs.percentiles();
    ok(&StatusDocument {
        server: status.server.to_string(),
        cluster: format!("{:032x}", app.cluster),
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        uptime_ms: u64::try_from(shared.uptime().as_millis()).unwrap_or(u64::MAX),
        role: status.role.into(),
        term: status.term.0,
        leader: status.leader.map(|leader| leader.to_string()),
        commit: status.commit.0,
        applied: status.applied.0,
        last: status.last.0,
        base: status.base.0,
        members: members(&app.handle, &status),
        waiting: shared.waiting.load(Ordering::Relaxed) as u64,
        keys: status.keys as u64,
        read_mode: read_mode(app.reads).into(),
        fsync_p50_us,
        fsync_p99_us,
        peers: peers(&status, &shared.traffic.by_peer(), shared.micros()),
    })
}

fn read_mode(reads: ReadMode) -> &'static str {
    match reads {
        ReadMode::Log => "log",
        ReadMode::Index => "index",
        ReadMode::Lease(_) => "lease",
    }
}

fn peers(status: &Status, known: &BTreeMap<NodeId, Peer>, now: u64) -> Vec<PeerStatus> {
    let peer = |(server, progress): &(NodeId, raftlab_core::Progress)| {
        let way = known.get(server).map(|peer| peer.round_trip);
        let heard = way.and_then(|way| way.heard_at());
        let mean = way.and_then(|way| way.mean());
        PeerStatus {
            server: server.to_string(),
            matched: progress.matched.0,
            lag: status.last.0.saturating_sub(progress.matched.0),
            heard_ms_ago: heard.map(|at| now.saturating_sub(at) / 1000),
            round_trip_us: mean.and_then(|mean| u64::try_from(mean.as_micros()).ok()),
        }
    };
    status.progress.iter().map(peer).collect()
}

/// `GET /livez`: does the core's thread run?
pub async fn livez(State(app): State<App>) -> Response {
    let silent = app.handle.shared().silent_for();
    if app.handle.shared().is_over() {
        (StatusCode::SERVICE_UNAVAILABLE, "the server stops\n").into_response()
    } else if silent > HANGS_AFTER {
        let says = format!("the core's thread has said nothing for {} s\n", silent.as_secs());
        (StatusCode::SERVICE_UNAVAILABLE, says).into_response()
    } else {
        "ok\n".into_response()
    }
}

/// `GET /readyz`: can it serve clients, or say who does?
pub async fn readyz(State(app): State<App>) -> Response {
    let status = app.handle.status();
    let why = if app.handle.shared().is_over() {
        "the server stops\n"
    } else if status.leader.is_none() {
        "no leader is known\n"
    } else if status.applied < status.commit {
        "the state machine has not caught up\n"
    } else {
        return "ok\n".into_response();
    };
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

/// `GET /v1/snapshot`: all that was applied here, as of now, in bytes that [`Store::restore`](crate::kv::Store::restore)
/// reads.
pub async fn snapshot(State(app): State<App>) -> Result<Response, Refused> {
    let Reply::Store(store) = app.ask(Ask::Export, false, None).await? else {
        return Err(refusal(Code::Malformed, "no answer to an export"));
    };
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))];
    // It may be large, and to make its bytes is work.
    let bytes = tokio::task::spawn_blocking(move || store.snapshot()).await;
    bytes
        .map(|bytes| (kind, bytes).into_response())
        .map_err(|error| refusal(Code::Stopping, error.to_string()))
}

/// `GET /v1/chaos`
pub async fn faults(State(app): State<App>) -> Response {
    ok(&document(&app))
}

/// `POST /v1/chaos`
pub async fn break_something(State(app): State<App>, body: Bytes) -> Result<Response, Refused> {
    let request = read::<ChaosRequest>(&body)?;
    app.handle.break_something(&request).map_err(|error| {
        let code = match error {
            ChaosError::NotOffered => Code::NoChaos,
            ChaosError::Stopped => Code::Stopping,
            _ => Code::Malformed,
        };
        refusal(code, error.to_string())
    })?;
    Ok(ok(&document(&app)))
}

fn document(app: &App) -> ChaosDocument {
    ChaosDocument { active: app.handle.faults(), fired: app.handle.shared().fired.counts() }
}
