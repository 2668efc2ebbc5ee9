//! The key-value store.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response as HttpResponse;
use raftlab_core::{Index, ReadMode, Request, Sequence, SessionId};
use tracing::{Instrument, debug_span};

use super::{App, Refused, ok, read, refusal};
use crate::api::{Code, Consistency, KvRequest, KvResponse, SessionRequest};
use crate::kv::{Command, Operation, Outcome, Response};
use crate::node::{Ask, Reply};

/// `POST /v1/kv`
pub async fn kv(State(app): State<App>, body: Bytes) -> Result<HttpResponse, Refused> {
    let request = read::<KvRequest>(&body)?;
    let status = app.handle.status();
    let span = debug_span!("request", op = name(&request), term = status.term.0, index = status.commit.0);
    answer(&app, request).instrument(span).await
}

fn name(request: &KvRequest) -> &'static str {
    match request {
        KvRequest::Open { .. } => "open",
        KvRequest::Put { .. } => "put",
        KvRequest::Get { .. } => "get",
        KvRequest::Cas { .. } => "cas",
        KvRequest::Delete { .. } => "delete",
    }
}

async fn answer(app: &App, request: KvRequest) -> Result<HttpResponse, Refused> {
    let (command, timeout_ms, is_swap) = match request {
        KvRequest::Get { key, consistency, timeout_ms } => {
            return get(app, &key, consistency, timeout_ms).await;
        }
        KvRequest::Open { timeout_ms } => (Command::Open, timeout_ms, false),
        KvRequest::Put { key, value, session, timeout_ms } => {
            let operation = Operation::Put { key: bytes(&key), value: bytes(&value) };
            (Command::Do { request: in_session(session), operation }, timeout_ms, false)
        }
        KvRequest::Delete { key, session, timeout_ms } => {
            let operation = Operation::Delete { key: bytes(&key) };
            (Command::Do { request: in_session(session), operation }, timeout_ms, false)
        }
        KvRequest::Cas { key, expected, value, session, timeout_ms } => {
            let (expected, value) = (expected.as_deref().map(bytes), value.as_deref().map(bytes));
            let operation = Operation::CompareAndSwap { key: bytes(&key), expected, value };
            (Command::Do { request: in_session(session), operation }, timeout_ms, true)
        }
    };
    match app.ask(Ask::Do(command), true, timeout_ms).await? {
        Reply::Done(_, outcome) => told(outcome, is_swap),
        Reply::Transferring(to) => Err(app.not_leader(Some(to))),
        other => Err(refusal(Code::Malformed, format!("no answer to a command: {other:?}"))),
    }
}

/// What a client is told of a command that was applied.
fn told(outcome: Outcome, is_swap: bool) -> Result<HttpResponse, Refused> {
    match outcome {
        Outcome::Opened(SessionId(Index(session))) => Ok(ok(&KvResponse::Opened { session })),
        Outcome::Done { response: Response::Done { revision, .. }, is_repeated } if is_swap => {
            Ok(ok(&KvResponse::Swapped {
                swapped: true,
                revision: revision.0,
                value: None,
                repeated: is_repeated,
            }))
        }
        Outcome::Done { response: Response::Done { revision, existed }, is_repeated } => {
            Ok(ok(&KvResponse::Written { revision: revision.0, existed, repeated: is_repeated }))
        }
        Outcome::Done { response: Response::Unequal { value }, is_repeated } => {
            let value = value.as_ref().map(text);
            Ok(ok(&KvResponse::Swapped { swapped: false, revision: 0, value, repeated: is_repeated }))
        }
        Outcome::Discarded => Err(refusal(
            Code::Discarded,
            "it was done before, and `unanswered` said that its response had been heard",
        )),
        Outcome::Expired => Err(refusal(
            Code::Expired,
            "the session is gone: it was not done now, and whether it was before is not known",
        )),
        Outcome::Nothing | Outcome::Noted | Outcome::Invalid => {
            Err(refusal(Code::Malformed, "the state machine could not read the command"))
        }
    }
}

async fn get(
    app: &App,
    key: &str,
    consistency: Consistency,
    timeout_ms: Option<u64>,
) -> Result<HttpResponse, Refused> {
    let has_lease = matches!(app.reads, ReadMode::Lease(_));
    let ask = match consistency {
        Consistency::Stale => Ask::GetStale(bytes(key)),
        Consistency::Lease if !has_lease => {
            let says =
                "servers do not read by leases here: start them with --read-mode lease, or read linearizable";
            return Err(refusal(Code::NoLease, says));
        }
        Consistency::Lease | Consistency::Linearizable => Ask::Get(bytes(key)),
    };
    match app.ask(ask, false, timeout_ms).await? {
        Reply::Value(Some(pair)) => {
            Ok(ok(&KvResponse::Value { value: Some(text(&pair.value)), revision: pair.revision.0 }))
        }
        Reply::Value(None) => Ok(ok(&KvResponse::Value { value: None, revision: 0 })),
        other => Err(refusal(Code::Malformed, format!("no answer to a read: {other:?}"))),
    }
}

fn in_session(session: Option<SessionRequest>) -> Option<Request> {
    session.map(|SessionRequest { id, sequence, unanswered }| Request {
        session: SessionId(Index(id)),
        sequence: Sequence(sequence),
        unanswered: Sequence(unanswered),
    })
}

fn bytes(text: &str) -> crate::kv::Bytes {
    text.into()
}

/// All that comes in here is text.
fn text(bytes: &crate::kv::Bytes) -> String {
    String::from_utf8_lossy(&bytes.0).into_owned()
}
