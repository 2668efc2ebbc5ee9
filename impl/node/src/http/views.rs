//! What a server shows of itself, and faults.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{App, Refused, ok, read, refusal};
use crate::api::{ChaosDocument, Code};
use crate::chaos::ChaosRequest;
use crate::node::{Ask, Reply};
use crate::numbers;
use crate::process::ChaosError;

/// A core's thread that has said nothing for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(5);

/// `GET /status`
pub async fn status(State(app): State<App>) -> Response {
    ok(&app.numbers().document())
}

/// `GET /metrics`
pub async fn metrics(State(app): State<App>) -> Response {
    match numbers::page(app.numbers()) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
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
