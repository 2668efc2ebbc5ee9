//! A Mermaid sequence diagram, for Markdown.
//!
//! Mermaid's arrows are horizontal: a message is drawn at its delivery, and when it was sent is not seen.

use std::fmt::Write as _;

use raftlab_core::NodeId;
use raftlab_model::{Action, Event, Server, node};

use super::Options;
use super::view::{View, crashed, disk, wrap};
use crate::story::{self, Story};

/// The story as a `sequenceDiagram`.
pub fn draw(story: &Story, options: &Options) -> String {
    let view = View::new(story, options);
    let mut out = String::new();
    if !options.title.is_empty() {
        // A string of JSON is one of YAML. Mermaid takes tags out of a title, and reads no codes in it.
        let title = options.title.replace('<', "‹").replace('>', "›");
        let _ = writeln!(out, "---\ntitle: {}\n---", serde_json::Value::from(title));
    }
    out += "sequenceDiagram\n";
    for lane in &view.lanes {
        let _ = writeln!(out, "  participant {lane}");
    }
    for at in &view.rows {
        step(&mut out, &view, *at);
    }
    if let (Some(why), Some(first), Some(last)) = (view.why(), view.lanes.first(), view.lanes.last()) {
        let over = if first == last { first.to_string() } else { format!("{first},{last}") };
        note(&mut out, &over, &format!("✗ {why}"));
    }
    out
}

fn step(out: &mut String, view: &View, at: usize) {
    let step = &view.story.steps[at];
    let number = at + 1;
    match (&step.at, &step.action) {
        (Some((to, Event::Deliver { from, message })), _) if view.shows(*from, *to, message) => {
            let label = escape(&format!("{number} · @{} {}", message.term, message.body));
            let _ = writeln!(out, "  {from}->>{to}: {label}");
        }
        (Some((id, _)), _) => note(out, &id.to_string(), &format!("{number} · {}", event(view, at, *id))),
        (None, Action::Drop(lost)) => {
            let label = escape(&format!("{number} · lost @{} {}", lost.msg.term, lost.msg.body));
            let _ = writeln!(out, "  {}-x{}: {label}", node(lost.src), node(lost.dst));
        }
        (None, _) => {}
    }
    for (before, after) in view.around(at) {
        if let Some(became) = became(before, after) {
            note(out, &after.raft.id().to_string(), &became);
        }
    }
}

/// What happened at `id` that was no message.
fn event(view: &View, at: usize, id: NodeId) -> String {
    let step = &view.story.steps[at];
    if crashed(step) == Some(id) {
        format!("✗ {} ({})", step.label, disk(story::server(&step.after, id)))
    } else {
        step.label.clone()
    }
}

/// `⇨ leader @1`, where role or term changed.
fn became(before: &Server, after: &Server) -> Option<String> {
    let (was, is) = (&before.raft, &after.raft);
    let role = story::role(is.role());
    let mut parts = Vec::new();
    if (was.term(), story::role(was.role())) != (is.term(), role) {
        parts.push(format!("⇨ {role} @{}", is.term()));
    }
    if was.log() != is.log() {
        parts.push(format!("log {}", is.log()));
    }
    if was.commit() != is.commit() {
        parts.push(format!("commit {}", is.commit()));
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// Notes are wrapped by us: Mermaid lets them run over its edges.
const NOTE_CHARS: usize = 60;

fn note(out: &mut String, over: &str, text: &str) {
    let lines: Vec<_> = wrap(text, NOTE_CHARS).iter().map(|line| escape(line)).collect();
    let _ = writeln!(out, "  Note over {over}: {}", lines.join("<br/>"));
}

/// `;` ends a statement and `#` starts a character's code.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' => escaped += "#35;",
            ';' => escaped += "#59;",
            '<' => escaped += "#lt;",
            '>' => escaped += "#gt;",
            '\n' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
