//! A log for ShiViz: each event with the vector clock that orders it.
//!
//! A step is one event: it takes in at most one message and sends any number. Its clock is its server's own, advanced
//! by one, and joined with the clock of the step that sent the message. ShiViz wants each server's own count to rise
//! by one from event to event, so a step that is not shown does not count; what it passes on still does.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use raftlab_core::NodeId;
use raftlab_model::Event;

use super::Options;
use super::view::View;
use crate::story::Story;

/// How ShiViz is to read the lines below: the first line of the log.
pub const PARSER: &str = r"(?<host>\S*) (?<clock>{.*})\n(?<event>.*)";

type Clock = BTreeMap<NodeId, u64>;

/// The story as a log: the parser's line, an empty line (one execution), then two lines an event.
pub fn draw(story: &Story, options: &Options) -> String {
    let view = View::new(story, options);
    let mut out = format!("{PARSER}\n\n");
    let mut now: BTreeMap<NodeId, Clock> = BTreeMap::new();
    // Clocks of messages, under the step that sent them last: an equal message sent again is the later one.
    let mut under_way = BTreeMap::new();
    let mut shown = view.rows.iter().peekable();
    for (at, step) in story.steps[..view.range.end].iter().enumerate() {
        let is_shown = shown.next_if(|row| **row == at).is_some();
        let Some((id, event)) = &step.at else { continue };
        let clock = now.entry(*id).or_default();
        if let Event::Deliver { from, message } = event
            && let Some(sent) = under_way.get(&(*from, *id, message))
        {
            join(clock, sent);
        }
        if is_shown {
            *clock.entry(*id).or_default() += 1;
            let _ = writeln!(out, "{id} {}\n{}", written(clock), step.label);
        }
        for (to, message) in &step.done.sent {
            under_way.insert((*id, *to, message), clock.clone());
        }
    }
    out
}

fn join(clock: &mut Clock, other: &Clock) {
    for (id, count) in other {
        let own = clock.entry(*id).or_default();
        *own = (*own).max(*count);
    }
}

/// `{"n1":2,"n2":1}`.
fn written(clock: &Clock) -> String {
    let counts: Vec<_> = clock.iter().map(|(id, count)| format!("\"{id}\":{count}")).collect();
    format!("{{{}}}", counts.join(","))
}
