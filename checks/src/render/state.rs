//! A server and a step as data, for the formats that programs read. Field names are part of those formats.

use std::collections::BTreeMap;

use raftlab_core::{Entry, NodeId, Payload, Role};
use raftlab_model::{Event, Server, World};
use serde::Serialize;

use super::view::{View, crashed};
use crate::story;

/// What a server is after a step.
#[derive(Serialize)]
pub(super) struct State {
    /// `follower`, `candidate` or `leader`.
    pub role: &'static str,
    pub term: u64,
    /// votedFor in `term`.
    pub vote: Option<String>,
    /// Who leads, as far as it knows.
    pub leader: Option<String>,
    /// A candidate's votes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<String>,
    /// A leader's matchIndex and nextIndex of each other server: `1/2`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub progress: BTreeMap<String, String>,
    pub log: Vec<Slot>,
    /// commitIndex.
    pub commit: u64,
    /// The last index given to the state machine since the process started.
    pub applied: u64,
    /// The commands that its state machine executed, each with its index, where commands are sent again: `a1 at 2`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executed: Vec<String>,
    pub disk: Disk,
    /// Records that wait for the disk, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsynced: Vec<String>,
    /// The first property that a step of it broke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// One entry of a log.
#[derive(Serialize)]
pub(super) struct Slot {
    pub index: u64,
    pub term: u64,
    /// The command, or `no-op`.
    pub value: String,
    /// Is it on this server's disk?
    pub durable: bool,
}

/// What a crash would leave.
#[derive(Serialize)]
pub(super) struct Disk {
    pub term: u64,
    pub vote: Option<String>,
    /// In the notation of the traces: `[1@1 2@1=a1]`.
    pub log: String,
}

/// One step.
#[derive(Serialize)]
pub(super) struct StepState {
    /// Counted from 1 in the whole story.
    pub step: usize,
    pub label: String,
    /// Where it happened; `None` for what happens to the network.
    pub server: Option<String>,
    /// The kind of message that arrived, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
    /// Did the server lose its memory?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub crashed: bool,
    /// What the server did, as the lines of a trace.
    pub output: Vec<String>,
    /// Why it did so.
    pub why: Vec<String>,
    /// The servers after it, by name.
    pub after: BTreeMap<String, State>,
}

impl State {
    pub fn of(server: &Server) -> State {
        let raft = &server.raft;
        let name = |id: NodeId| id.to_string();
        let votes = match raft.role() {
            Role::PreCandidate { votes } | Role::Candidate { votes } => {
                votes.iter().copied().map(name).collect()
            }
            _ => Vec::new(),
        };
        let peers = raft.peers();
        let progress = peers.filter_map(|peer| Some((name(peer), raft.progress(peer)?.to_string())));
        State {
            role: story::role(raft.role()),
            term: raft.term().0,
            vote: raft.voted_for().map(name),
            leader: raft.leader().map(name),
            votes,
            progress: progress.collect(),
            log: raft.log().entries().iter().map(|entry| Slot::of(server, entry)).collect(),
            commit: raft.commit().0,
            applied: server.applied.0,
            executed: executed(server),
            disk: Disk {
                term: server.disk.term.0,
                vote: server.disk.voted_for.map(name),
                log: server.disk.log.to_string(),
            },
            unsynced: server.pending.writes().iter().map(ToString::to_string).collect(),
            broken: server.broken.as_ref().map(|broken| format!("{}: {}", broken.property, broken.why)),
        }
    }

    /// The servers with a lane, by name.
    pub fn all(view: &View, world: &World) -> BTreeMap<String, State> {
        let servers = view.servers(world);
        servers.into_iter().map(|server| (server.raft.id().to_string(), State::of(server))).collect()
    }
}

impl Slot {
    fn of(server: &Server, entry: &Entry) -> Slot {
        Slot {
            index: entry.id.index.0,
            term: entry.id.term.0,
            value: value(&entry.payload),
            durable: server.observed().has_durable(entry),
        }
    }
}

impl StepState {
    /// Step `at` of the view's story, with the servers given.
    pub fn of(view: &View, at: usize, after: BTreeMap<String, State>) -> StepState {
        let step = &view.story.steps[at];
        let mut output = view.story.record(at);
        output.truncate(output.len() - step.why.len().min(output.len()));
        StepState {
            step: at + 1,
            label: step.label.clone(),
            server: step.at.as_ref().map(|(id, _)| id.to_string()),
            message: match &step.at {
                Some((_, Event::Deliver { message, .. })) => Some(message.body.name()),
                _ => None,
            },
            crashed: crashed(step).is_some(),
            output,
            why: step.why.clone(),
            after,
        }
    }
}

fn executed(server: &Server) -> Vec<String> {
    let executed = server.machine.iter().flat_map(|machine| &machine.executed);
    executed.map(|(command, at)| format!("{command} at {at}")).collect()
}

/// The command of an entry, or `no-op`.
pub(super) fn value(payload: &Payload) -> String {
    payload.to_string()
}
