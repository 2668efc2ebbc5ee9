//! Who belongs to the cluster.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use raftlab_core::{Change, Index, NodeId};

use super::{App, Refused, ok, read, refusal};
use crate::api::{Code, MemberRequest};
use crate::kv::{Command, Outcome};
use crate::node::{Ask, Reply};
use crate::numbers::members;
use crate::peers::{Address, server_name};
use crate::process::{Handle, Status};

/// How often it is looked whether a change shows in what is published, and how many times.
const LOOKS: (Duration, usize) = (Duration::from_millis(2), 50);

/// `GET /v1/members`
pub async fn list(State(app): State<App>) -> Response {
    ok(&members(&app.handle.status(), &app.handle.addresses()))
}

/// `POST /v1/members`
pub async fn change(State(app): State<App>, body: Bytes) -> Result<Response, Refused> {
    let at = apply(&app, read::<MemberRequest>(&body)?).await?;
    let status = shown(&app.handle, at).await;
    Ok(ok(&members(&status, &app.handle.addresses())))
}

/// Where the change stands in the log; 0 for one that does not stand there.
async fn apply(app: &App, request: MemberRequest) -> Result<Index, Refused> {
    match request {
        MemberRequest::AddLearner { server, peer, http } => {
            let server = named(&server)?;
            let clash =
                app.handle.status().peers.iter().find(|(other, at)| *other != server && at.peer == peer);
            if let Some((other, _)) = clash {
                return Err(refusal(Code::Refused, format!("{other} listens at {peer} already")));
            }
            // All who may have to send to it learn where it is before they learn that they have to.
            let note = Ask::Do(Command::Note { server, address: Address { peer, http } });
            match app.ask(note, true, None).await? {
                Reply::Done(_, Outcome::Noted) => reconfigure(app, Change::AddLearner(server)).await,
                Reply::Transferring(to) => Err(app.not_leader(Some(to))),
                other => Err(refusal(Code::Malformed, format!("no answer to a note: {other:?}"))),
            }
        }
        MemberRequest::Promote { server } => reconfigure(app, Change::Promote(named(&server)?)).await,
        MemberRequest::Demote { server } => reconfigure(app, Change::Demote(named(&server)?)).await,
        MemberRequest::Remove { server } => reconfigure(app, Change::Remove(named(&server)?)).await,
        MemberRequest::MoveLeader { to } => {
            let to = named(&to)?;
            match app.ask(Ask::Transfer(to), true, None).await? {
                Reply::Transferring(begun) if begun == to => Ok(Index(0)),
                Reply::Transferring(other) => Err(refusal(
                    Code::Refused,
                    format!("leadership moves to {other} already: wait until it has"),
                )),
                other => Err(refusal(Code::Malformed, format!("no answer to a transfer: {other:?}"))),
            }
        }
    }
}

async fn reconfigure(app: &App, change: Change) -> Result<Index, Refused> {
    match app.ask(Ask::Change(change), true, None).await? {
        Reply::Done(id, _) => Ok(id.index),
        Reply::Transferring(to) => Err(app.not_leader(Some(to))),
        other => Err(refusal(Code::Malformed, format!("no answer to a change: {other:?}"))),
    }
}

fn named(server: &str) -> Result<NodeId, Refused> {
    server_name(server).map_err(|error| refusal(Code::Malformed, error.to_string()))
}

/// What is published when the entry at `at` shows in it: soon.
async fn shown(handle: &Handle, at: Index) -> std::sync::Arc<Status> {
    let (every, times) = LOOKS;
    for _ in 0..times {
        if handle.status().applied >= at {
            break;
        }
        tokio::time::sleep(every).await;
    }
    handle.status()
}
