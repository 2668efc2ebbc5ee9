//! The Informal Trace Format of Apalache, Quint and their relatives.
//!
//! The format is that of <https://apalache-mc.org/docs/adr/015adr-trace.html>: integers are big integers, maps and
//! sets are tagged, sequences are arrays and records are objects. Variables are functions of a server's name, as in
//! raft.tla; only `messages` is one set, of records with the field names of raft.tla. Every state is kept, whatever
//! messages are left out, so that each follows from the last.

use raftlab_core::Entry;
use raftlab_model::{Server, World, node};
use serde_json::{Value, json};

use super::Options;
use super::state::value;
use super::view::View;
use crate::story::{self, Story};

/// The story as one JSON document.
pub fn draw(story: &Story, options: &Options) -> String {
    let view = View::new(story, options);
    let mut states = vec![state(&view, view.initial(), 0, "start")];
    for at in view.range.clone() {
        let step = &story.steps[at];
        states.push(state(&view, &step.after, at + 1, &step.label));
    }
    let document = json!({
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
            "source": "raftlab",
            "description": options.title,
            "status": if view.why().is_some() { "violation" } else { "ok" },
            "why": view.why(),
        },
        "params": [],
        "vars": ["term", "role", "votedFor", "log", "commit", "messages"],
        "states": states,
    });
    format!("{document:#}\n")
}

fn state(view: &View, world: &World, index: usize, label: &str) -> Value {
    let servers = view.servers(world);
    let map = |value: &dyn Fn(&Server) -> Value| {
        let pairs: Vec<_> = servers.iter().map(|s| json!([s.raft.id().to_string(), value(s)])).collect();
        json!({ "#map": pairs })
    };
    json!({
        "#meta": { "index": index, "label": label },
        "term": map(&|server| int(server.raft.term().0)),
        "role": map(&|server| json!(story::role(server.raft.role()))),
        "votedFor": map(&|server| {
            json!(server.raft.voted_for().map_or_else(|| NOBODY.to_string(), |vote| vote.to_string()))
        }),
        "log": map(&|server| server.observed().entries().iter().map(entry).collect()),
        "commit": map(&|server| int(server.raft.commit().0)),
        "messages": messages(view, world),
    })
}

/// `votedFor` of a server that has not voted.
const NOBODY: &str = "Nil";

fn entry(entry: &Entry) -> Value {
    json!({ "term": int(entry.id.term.0), "value": value(&entry.payload) })
}

/// What can still arrive. A set has no order and no duplicates; the sorted list keeps the file the same in every run.
fn messages(view: &View, world: &World) -> Value {
    let mut shown = world.messages();
    shown.retain(|envelope| view.shows(node(envelope.src), node(envelope.dst), envelope.msg));
    shown.dedup();
    let record = |envelope: &stateright::actor::Envelope<&raftlab_core::Message>| {
        json!({
            "msource": node(envelope.src).to_string(),
            "mdest": node(envelope.dst).to_string(),
            "mterm": int(envelope.msg.term.0),
            "mtype": envelope.msg.body.name(),
            "mbody": envelope.msg.body.to_string(),
        })
    };
    json!({ "#set": shown.iter().map(record).collect::<Vec<_>>() })
}

fn int(number: u64) -> Value {
    json!({ "#bigint": number.to_string() })
}
