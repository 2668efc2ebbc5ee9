//! A picture: a lane for each server, time downward, an arrow for each message from its sending to its delivery.
//!
//! A lane's colour is its server's role. A log is drawn beside its lane where it changed: a box an entry, in the colour
//! of its term, with a thick rim if the server knows it committed and a dashed one if its disk has not got it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use raftlab_core::{Appended, Body, Message, NodeId, Role};
use raftlab_model::{Sent, Server};

use super::Options;
use super::ink::{Anchor, Ink, Paint, Type, px, width};
use super::layout::{
    BESIDE, LABEL, LEADING, Lane, Layout, MARGIN, Note, Row, SLOT, SLOT_PITCH, SLOTS_MAX, stub_depth,
};
use super::state::value;
use super::view::{Flight, View, clip, crashed};
use crate::story::{Story, server};

/// The story as one SVG element, with a ground of its own and nothing outside of it: to be a file, or to stand in a
/// page.
pub fn draw(story: &Story, options: &Options) -> String {
    draw_view(&View::new(story, options))
}

/// The part of a story that is shown, as one SVG element.
pub(super) fn draw_view(view: &View) -> String {
    let layout = Layout::of(view);
    let mut ink = Ink::default();
    let Layout { width, height, .. } = layout;
    let _ = writeln!(
        ink.svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="rl" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace">"#
    );
    ink.rect((0, 0), (width, height), r##"class="rl-ground" fill="#ffffff""##);
    for (at, line) in layout.title.iter().enumerate() {
        ink.text((MARGIN, MARGIN + 12 + 20 * px(at)), Anchor::Start, Type::TITLE, line);
    }
    legend(&mut ink, view, layout.legend);
    for row in &layout.rows {
        gutter(&mut ink, view, &layout, row);
    }
    for (at, lane) in layout.lanes.iter().enumerate() {
        bar(&mut ink, view, &layout, at, lane);
    }
    messages(&mut ink, view, &layout);
    for note in &layout.start {
        beside(&mut ink, &layout, note, view.servers(view.initial())[note.lane]);
    }
    for row in &layout.rows {
        for note in &row.notes {
            beside(&mut ink, &layout, note, view.servers(&view.story.steps[row.step].after)[note.lane]);
        }
        event(&mut ink, view, &layout, row);
    }
    violation(&mut ink, &layout);
    ink.raw("</svg>\n");
    ink.svg
}

/// What colours and rims mean.
fn legend(ink: &mut Ink, view: &View, y: i32) {
    let mut x = MARGIN;
    let mut entry = |ink: &mut Ink, paint: &str, word: &str| {
        ink.rect((x, y - 9), (14, 11), paint);
        ink.text((x + 19, y), Anchor::Start, Type::FAINT, word);
        x += 19 + px(width(word)) + 16;
    };
    for (role, word) in [(FOLLOWER, "follower"), (CANDIDATE, "candidate"), (LEADER, "leader")] {
        entry(ink, &format!(r#"rx="2" fill="{role}""#), word);
    }
    let worlds = view.range.clone().map(|at| &view.story.steps[at].after);
    let logs = worlds.flat_map(|world| view.servers(world));
    let mut terms: Vec<_> =
        logs.filter_map(|s| s.raft.log().entries().last()).map(|entry| entry.id.term.0).collect();
    terms.sort_unstable();
    terms.dedup();
    for term in terms.iter().take(8) {
        entry(ink, &slot_paint(*term, false, true), &format!("term {term}"));
    }
    if !terms.is_empty() {
        entry(ink, r##"class="rl-rim" fill="none" stroke="#1b1f24" stroke-width="2.5""##, "committed");
        entry(
            ink,
            r##"class="rl-rim" fill="none" stroke="#1b1f24" stroke-dasharray="3 2""##,
            "not on its disk",
        );
    }
}

/// A step's number, label and reasons, and the faint line that leads to its lane.
fn gutter(ink: &mut Ink, view: &View, layout: &Layout, row: &Row) {
    let Row { step, top, y, bottom, .. } = row;
    let number = step + 1;
    let _ = writeln!(ink.svg, r#"<g class="rl-step" data-step="{number}">"#);
    let ground = if number % 2 == 0 { "#f6f7f9" } else { "#ffffff" };
    let class = if number % 2 == 0 { "rl-row rl-even" } else { "rl-row" };
    ink.rect(
        (0, *top),
        (layout.width, bottom - top),
        &format!(r#"class="{class}" fill="{ground}" stroke="none""#),
    );
    if let Some((id, _)) = &view.story.steps[*step].at {
        let x = layout.lane(*id).x;
        let label = px(width(row.label.first().map_or("", |line| line)));
        ink.line((LABEL + label + 8, *y), (x, *y), r##"class="rl-lead" stroke="#e3e6ea""##);
    }
    ink.text((LABEL - 10, y + 4), Anchor::End, Type::FAINT, &number.to_string());
    let mut baseline = y + 4;
    for line in &row.label {
        ink.text((LABEL, baseline), Anchor::Start, Type::LABEL, line);
        baseline += LEADING;
    }
    for line in &row.why {
        ink.text((LABEL + 12, baseline), Anchor::Start, Type::WHY, line);
        baseline += LEADING;
    }
    ink.raw("</g>\n");
}

/// A lane from top to bottom, in the colours of its server's roles.
fn bar(ink: &mut Ink, view: &View, layout: &Layout, at: usize, lane: &Lane) {
    let Lane { id, x, .. } = lane;
    let _ = writeln!(ink.svg, r#"<g class="rl-lane" data-server="{id}">"#);
    ink.text((*x, layout.heads + 4), Anchor::Middle, Type::LANE, &id.to_string());
    let mut colour = role_colour(view.servers(view.initial())[at]);
    let mut from = layout.heads + 14;
    let mut segment = |ink: &mut Ink, to: i32, colour: &str| {
        ink.rect((x - 5, from), (10, to - from), &format!(r#"class="rl-bar" rx="2" fill="{colour}""#));
        from = to;
    };
    for row in &layout.rows {
        let next = role_colour(view.servers(&view.story.steps[row.step].after)[at]);
        if next != colour {
            segment(ink, row.y, colour);
            colour = next;
        }
    }
    segment(ink, layout.end, colour);
    ink.raw("</g>\n");
}

/// Messages: arrows, and stubs for those that never arrive.
fn messages(ink: &mut Ink, view: &View, layout: &Layout) {
    // Stubs come first, because the words on arrows matter more. Those that leave a lane at one step and on one side
    // stand below each other.
    let mut stubs = BTreeMap::new();
    let (arrows, lost): (Vec<_>, Vec<_>) = view.flights.iter().partition(|flight| flight.delivered.is_some());
    for flight in lost.into_iter().chain(arrows) {
        let Flight { from, to, message, .. } = *flight;
        let kind = message.body.name();
        let fate = if flight.delivered.is_some() { "rl-delivered" } else { "rl-lost" };
        let _ = writeln!(
            ink.svg,
            r#"<g class="rl-message {fate}" data-kind="{kind}" data-from="{from}" data-to="{to}">"#
        );
        let sent = Sent { from, to, message };
        let sender = flight.sent.map_or(String::new(), |at| format!(", sent at step {}", at + 1));
        let (x1, x2) = (layout.lane(from).x, layout.lane(to).x);
        let side = if x2 < x1 { -1 } else { 1 };
        let paint = paint(&message.body);
        if let Some(at) = flight.delivered {
            ink.title(&format!("{sent}{sender}, delivered at step {}", at + 1));
            let head = (x2 - 7 * side, layout.y_of(at));
            match flight.sent {
                Some(sent) if layout.rows_between(sent, at) > LATE_ROWS => {
                    let word = format!("{}, from {}", word(message), sent + 1);
                    late(ink, (x1 + 5 * side, layout.y_of(sent)), head, &paint, &word);
                }
                Some(sent) => ink.arrow((x1 + 5 * side, layout.y_of(sent)), head, &paint, &word(message)),
                None => ink.arrow((x1 + 5 * side, head.1 - 20), head, &paint, &word(message)),
            }
        } else if let Some(at) = flight.sent {
            ink.title(&format!("{sent}{sender}, never delivered here"));
            let above: &mut usize = stubs.entry((at, from, side)).or_default();
            *above += 1;
            stub(ink, (x1, layout.y_of(at)), side, *above, &paint, to);
        }
        ink.raw("</g>\n");
    }
}

/// A message that arrives long after it was sent: a faint line past all that happened since, and a plain arrow at its
/// end.
fn late(ink: &mut Ink, tail: (i32, i32), head: (i32, i32), paint: &Paint, word: &str) {
    let across = head.0 - tail.0;
    let last = (px(width(word)) + 16).min(across.abs() - 12) * across.signum();
    let bend = (head.0 - last, head.1 - 14);
    ink.line(tail, bend, &format!(r#"stroke="{}" stroke-width="1.2" stroke-opacity="0.3""#, paint.colour));
    ink.arrow(bend, head, paint, word);
}

/// The start of a message that never arrives.
fn stub(ink: &mut Ink, (x, y): (i32, i32), side: i32, place: usize, paint: &Paint, to: NodeId) {
    let end = (x + 26 * side, y + stub_depth(place));
    let colour = paint.colour;
    ink.raw(r#"<g opacity="0.6">"#);
    ink.line((x + 5 * side, y), end, &format!(r#"stroke="{colour}" stroke-width="1.2""#));
    let (anchor, text) =
        if side < 0 { (Anchor::End, format!("{to} ⇤")) } else { (Anchor::Start, format!("⇥ {to}")) };
    let look = Type {
        class: "rl-stub rl-halo",
        attributes: r##"font-size="11" fill="#57606a" stroke="#ffffff" stroke-width="3" paint-order="stroke""##,
    };
    ink.text((end.0 + 2 * side, end.1 + 4), anchor, look, &text);
    ink.raw("</g>");
}

/// What changed at a lane, beside it.
fn beside(ink: &mut Ink, layout: &Layout, note: &Note, after: &Server) {
    let lane = &layout.lanes[note.lane];
    let _ = writeln!(ink.svg, r#"<g class="rl-lane" data-server="{}">"#, lane.id);
    let (x, anchor) =
        if note.left { (lane.x - BESIDE, Anchor::End) } else { (lane.x + BESIDE, Anchor::Start) };
    let mut y = note.y;
    for line in &note.lines {
        ink.text((x, y), anchor, Type::NOTE, line);
        y += LEADING;
    }
    for line in &note.dropped {
        ink.text((x, y), anchor, Type::LOSS, line);
        y += LEADING;
    }
    if note.log {
        log(ink, (x, note.slots()), note.left, after);
    }
    ink.raw("</g>\n");
}

/// The newest entries of a log, oldest at the left.
fn log(ink: &mut Ink, (x, y): (i32, i32), ends_at_x: bool, server: &Server) {
    let entries = server.raft.log().entries();
    let shown = &entries[entries.len().saturating_sub(SLOTS_MAX)..];
    let older = shown.len() < entries.len() || server.raft.snapshot().is_some();
    let wide = px(shown.len()) * SLOT_PITCH - (SLOT_PITCH - SLOT.0);
    let mut left = if ends_at_x { x - wide } else { x + if older { 16 } else { 0 } };
    if older {
        ink.text((left - 4, y + 12), Anchor::End, Type::FAINT, "…");
    }
    for entry in shown {
        let durable = server.observed().has_durable(entry);
        let committed = entry.id.index <= server.raft.commit();
        let mut title = format!("{entry}, {}", if durable { "on disk" } else { "not on disk" });
        if committed {
            title += ", committed";
        }
        ink.titled_rect((left, y), SLOT, &slot_paint(entry.id.term.0, committed, durable), &title);
        let text = clip(&format!("{} {}", entry.id.index, value(&entry.payload)), 7);
        ink.text((left + SLOT.0 / 2, y + 13), Anchor::Middle, Type::SLOT, &text);
        left += SLOT_PITCH;
    }
}

/// The mark of what happened, on its lane.
fn event(ink: &mut Ink, view: &View, layout: &Layout, row: &Row) {
    let step = &view.story.steps[row.step];
    let Some((id, _)) = &step.at else { return };
    let (x, y) = (layout.lane(*id).x, row.y);
    let _ = write!(ink.svg, r#"<g class="rl-lane" data-server="{id}">"#);
    ink.title(&step.label);
    if crashed(step).is_some() {
        ink.text((x, y + 8), Anchor::Middle, Type::CROSS, "✗");
    } else {
        let colour = role_colour(server(&step.after, *id));
        let _ = writeln!(
            ink.svg,
            r##"<circle class="rl-event" cx="{x}" cy="{y}" r="5" fill="{colour}" stroke="#1b1f24" stroke-width="1.5"/>"##
        );
    }
    ink.raw("</g>\n");
}

/// What is wrong at the end, in a red box.
fn violation(ink: &mut Ink, layout: &Layout) {
    if layout.why.is_empty() {
        return;
    }
    let size = (layout.width - 2 * MARGIN, 18 * px(layout.why.len()) + 14);
    ink.rect(
        (MARGIN, layout.end + 6),
        size,
        r##"class="rl-violation" rx="4" fill="#fdecea" stroke="#b3261e" stroke-width="1.5""##,
    );
    for (at, line) in layout.why.iter().enumerate() {
        let mark = if at == 0 { "✗ " } else { "  " };
        let y = layout.end + 26 + 18 * px(at);
        ink.text((MARGIN + 12, y), Anchor::Start, Type::VIOLATION, mark);
        ink.text((MARGIN + 30, y), Anchor::Start, Type::VIOLATION, line);
    }
}

/// A message that arrives more rows than this after it was sent is late.
const LATE_ROWS: usize = 20;

const FOLLOWER: &str = "#c3c9d2";
const CANDIDATE: &str = "#f2b134";
const LEADER: &str = "#2f7fd1";

/// The colour of each term, light enough for dark text. Terms eight apart share one.
const TERMS: [&str; 8] =
    ["#fde2a7", "#b9e3c6", "#bcd7f5", "#f6c1c7", "#d9c9f0", "#c5ebe9", "#f3d0b0", "#d8dfa5"];

fn role_colour(server: &Server) -> &'static str {
    match server.raft.role() {
        Role::Follower { .. } => FOLLOWER,
        Role::PreCandidate { .. } | Role::Candidate { .. } => CANDIDATE,
        Role::Leader { .. } => LEADER,
    }
}

fn slot_paint(term: u64, committed: bool, durable: bool) -> String {
    let at = usize::try_from(term.saturating_sub(1) % 8).unwrap_or(0);
    let rim = if committed { "2.5" } else { "1" };
    let dash = if durable { "" } else { r#" stroke-dasharray="3 2""# };
    format!(r##"class="rl-slot" rx="2" fill="{}" stroke="#1b1f24" stroke-width="{rim}"{dash}"##, TERMS[at])
}

fn paint(body: &Body) -> Paint {
    match body {
        Body::RequestVote { .. } | Body::PreVote { .. } => Paint { colour: "#7b4fb5", dash: false },
        Body::VoteReply { .. } | Body::PreVoteReply { .. } => Paint { colour: "#7b4fb5", dash: true },
        Body::AppendEntries { .. } | Body::InstallSnapshot { .. } => Paint { colour: "#12745a", dash: false },
        Body::AppendReply { .. } | Body::SnapshotReply { .. } => Paint { colour: "#12745a", dash: true },
        Body::TimeoutNow => Paint { colour: "#b0521a", dash: false },
        Body::NewerTerm => Paint { colour: "#b0521a", dash: true },
    }
}

/// The few words on an arrow; the rest is in the label of the step at its head.
fn word(message: &Message) -> String {
    let term = message.term;
    match &message.body {
        Body::AppendEntries { entries, .. } => match &entries[..] {
            [] => format!("@{term} Append, empty"),
            [only] => format!("@{term} Append {}", clip(&only.to_string(), 14)),
            [first, .., last] => format!("@{term} Append {} to {}", first.id, last.id),
        },
        Body::AppendReply { answer: Appended::Accepted { matched }, .. } => {
            format!("@{term} accepted to {matched}")
        }
        Body::AppendReply { answer: Appended::Rejected { .. }, .. } => format!("@{term} rejected"),
        Body::VoteReply { granted } | Body::PreVoteReply { granted, .. } => {
            format!("@{term} {}", if *granted { "granted" } else { "refused" })
        }
        Body::InstallSnapshot { last, .. } => format!("@{term} Snapshot to {last}"),
        body => format!("@{term} {}", body.name()),
    }
}
