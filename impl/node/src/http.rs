//! HTTP around a server: clients, metrics, health, events and faults ([`api`](crate::api) has the bodies).
//!
//! It has threads of its own and shares nothing with the core's but a bounded queue in and what is published out: it can
//! be slow, or flooded, and elections and replication go on.

mod events;
mod kv;
mod members;
mod views;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use raftlab_core::{NodeId, ReadMode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::{Code, ErrorDocument};
use crate::node::{Ask, Reply};
use crate::numbers::Numbers;
use crate::process::{Handle, NotTaken};

/// How long a client waits, unless it says how long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest that it may.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// The longest body of a request, in bytes: more than any command may have.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What handlers share.
#[derive(Clone, Debug)]
pub struct App {
    /// The server.
    pub handle: Handle,
    /// The cluster, by its number.
    pub cluster: u128,
    /// How the server reads.
    pub reads: ReadMode,
}

/// Answers on this port until `until` comes. The port was taken before, so that a failure of that is a failure to start.
///
/// # Errors
///
/// The system's.
pub async fn serve(
    listener: std::net::TcpListener,
    app: App,
    until: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // An answer is one small write, which nothing should hold back.
    let listener = TcpListener::from_std(listener)?.tap_io(|tcp| _ = tcp.set_nodelay(true));
    axum::serve(listener, router(app)).with_graceful_shutdown(until).await
}

/// Takes the port.
///
/// # Errors
///
/// The system's.
pub fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    std::net::TcpListener::bind(address)
}

fn router(app: App) -> Router {
    Router::new()
        .route("/v1/kv", post(kv::kv))
        .route("/v1/members", get(members::list).post(members::change))
        .route("/v1/snapshot", get(views::snapshot))
        .route("/v1/chaos", get(views::faults).post(views::break_something))
        .route("/status", get(views::status))
        .route("/events", get(events::events))
        .route("/livez", get(views::livez))
        .route("/readyz", get(views::readyz))
        .route("/metrics", get(views::metrics))
        .fallback(|| async {
            refusal(Code::NotFound, "there is nothing here: see /status, /metrics, /v1/kv")
        })
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(app)
}

/// A body of JSON.
fn json(status: StatusCode, document: &impl Serialize) -> Response {
    match serde_json::to_vec(document) {
        Ok(bytes) => {
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (status, kind, Body::from(bytes)).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn ok(document: &impl Serialize) -> Response {
    json(StatusCode::OK, document)
}

/// Why a request comes to nothing, to be answered with.
#[derive(Debug)]
struct Refused(Box<ErrorDocument>);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, &self.0)
    }
}

fn refusal(code: Code, says: impl Into<String>) -> Refused {
    Refused(Box::new(ErrorDocument { code, error: says.into(), leader: None, leader_http: None }))
}

/// Reads a body of JSON.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| refusal(Code::Malformed, format!("the request: {error}")))
}

impl App {
    /// How the server stands now, and what was counted.
    fn numbers(&self) -> Numbers {
        let shared = self.handle.shared();
        Numbers {
            status: self.handle.status(),
            cluster: self.cluster,
            reads: self.reads,
            pid: Some(std::process::id()),
            now_us: shared.micros(),
            started_us: 0,
            timers_us: shared.timers_us(),
            waiting: shared.waiting.load(Ordering::Relaxed) as u64,
            refused: shared.refused.load(Ordering::Relaxed),
            leader_changes: shared.leader_changes.load(Ordering::Relaxed),
            addresses: self.handle.addresses(),
            traffic: Arc::clone(&shared.traffic),
            syncs: Arc::clone(&shared.syncs),
            fired: Arc::clone(&shared.fired),
        }
    }

    /// Asks the core, and waits. `changes` is whether it may have been done where nothing was heard.
    async fn ask(&self, ask: Ask, changes: bool, timeout_ms: Option<u64>) -> Result<Reply, Refused> {
        let (told, hears) = oneshot::channel();
        let respond = move |reply| drop(told.send(reply));
        self.handle.ask(ask, respond).map_err(not_taken)?;
        let timeout = timeout_ms.map_or(TIMEOUT, Duration::from_millis).min(TIMEOUT_MAX);
        match tokio::time::timeout(timeout, hears).await {
            Ok(Ok(Reply::NotLeader(leader))) => Err(self.not_leader(leader)),
            Ok(Ok(Reply::Transferring(to))) if !changes => Err(self.not_leader(Some(to))),
            Ok(Ok(Reply::Replaced)) => Err(refusal(
                Code::Replaced,
                "another leader's entry stands in its place: it never takes effect, send it again",
            )),
            Ok(Ok(Reply::Refused(why))) => Err(refusal(Code::Refused, why.to_string())),
            Ok(Ok(Reply::NoPeer(to))) => {
                Err(refusal(Code::Refused, format!("{to} is no voter to which leadership could move")))
            }
            Ok(Ok(Reply::Unknown)) => {
                Err(refusal(Code::Unknown, "a snapshot came over it: whether it took effect is not known"))
            }
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) if changes => {
                Err(refusal(Code::Unknown, "nothing was heard in time: it may take effect, or not"))
            }
            Ok(Err(_)) => Err(refusal(Code::Stopping, "the server stops")),
            Err(_) => {
                Err(refusal(Code::TimedOut, "not answered in time: is there a leader that hears a majority?"))
            }
        }
    }

    fn not_leader(&self, leader: Option<NodeId>) -> Refused {
        let own = self.handle.shared().server;
        let says = leader.map_or_else(
            || format!("{own} does not lead, and does not know who does"),
            |leader| format!("{own} does not lead: {leader} does"),
        );
        let leader_http = leader.and_then(|leader| self.handle.address_of(leader)?.http);
        let leader = leader.map(|leader| leader.to_string());
        Refused(Box::new(ErrorDocument { code: Code::NotLeader, error: says, leader, leader_http }))
    }
}

fn not_taken(why: NotTaken) -> Refused {
    let code = match why {
        NotTaken::Busy => Code::Busy,
        NotTaken::Stopped => Code::Stopping,
        NotTaken::TooLarge { .. } => Code::TooLarge,
    };
    refusal(code, why.to_string())
}
