//! Lanes of text: one line an event and one column a server, where there is room.
//!
//! A column is printed in full where it changed, and is `·` where it did not. Where the columns do not fit, the servers
//! that changed stand under the event, one a line.

use std::fmt::Write as _;

use raftlab_core::Role;
use raftlab_model::Server;

use super::Options;
use super::view::{View, crashed, disk, event, reasons, wrap};
use crate::story::Story;

/// One event.
struct Line {
    /// Counted from 1; 0 is the start.
    step: usize,
    event: String,
    /// A cell for each lane, `None` where nothing changed.
    cells: Vec<Option<String>>,
    why: Vec<String>,
}

/// The story as text of at most [`Options::width`] columns, as far as one word or one cell fits in it.
pub fn draw(story: &Story, options: &Options) -> String {
    let view = View::new(story, options);
    let lines = lines(&view);
    let mut out = String::new();
    for line in wrap(&options.title, options.width) {
        push(&mut out, &line);
    }
    if options.title.is_empty() {
        out.clear();
    } else {
        out.push('\n');
    }
    let widths = Widths::of(&view, &lines);
    if widths.total() <= options.width {
        columns(&mut out, &view, &lines, &widths);
    } else {
        list(&mut out, &view, &lines);
    }
    if let Some(why) = view.why() {
        out.push('\n');
        for (at, line) in wrap(why, options.width.saturating_sub(8)).iter().enumerate() {
            push(&mut out, &format!("  {:4}  {line}", if at == 0 { "   ✗" } else { "" }));
        }
    }
    out
}

fn lines(view: &View) -> Vec<Line> {
    let start = view.servers(view.initial());
    let start = Line {
        step: view.range.start,
        event: "start".into(),
        cells: start.into_iter().map(|server| Some(cell(server))).collect(),
        why: Vec::new(),
    };
    let line = |at: &usize| {
        let step = &view.story.steps[*at];
        let cells = view.around(*at).into_iter().map(|(before, after)| {
            let (was, is) = (cell(before), cell(after));
            if crashed(step) == Some(after.raft.id()) {
                Some(format!("✗ {}", disk(after)))
            } else {
                (was != is).then_some(is)
            }
        });
        Line {
            step: at + 1,
            event: event(step).to_string(),
            cells: cells.collect(),
            why: reasons(view.story, *at),
        }
    };
    std::iter::once(start).chain(view.rows.iter().map(line)).collect()
}

/// `F 1 vote=n2 [1@1] commit=1`, without what is empty.
fn cell(server: &Server) -> String {
    let raft = &server.raft;
    let role = match raft.role() {
        Role::Follower { .. } => 'F',
        Role::PreCandidate { .. } => 'P',
        Role::Candidate { .. } => 'C',
        Role::Leader { .. } => 'L',
    };
    let mut text = format!("{role} {}", raft.term());
    if let Some(vote) = raft.voted_for().filter(|_| !raft.is_leader()) {
        let _ = write!(text, " vote={vote}");
    }
    if !raft.log().entries().is_empty() {
        let _ = write!(text, " {}", raft.log());
    }
    if raft.commit().0 > 0 {
        let _ = write!(text, " commit={}", raft.commit());
    }
    if !server.is_synced() {
        let _ = write!(text, " unsynced={}", server.pending.writes().len());
    }
    text
}

/// How wide each column is, in characters.
struct Widths {
    event: usize,
    lanes: Vec<usize>,
}

impl Widths {
    fn of(view: &View, lines: &[Line]) -> Widths {
        let chars = |text: &str| text.chars().count();
        let lane = |at: usize| {
            let cells = lines.iter().filter_map(|line| line.cells[at].as_deref());
            cells.map(chars).max().unwrap_or(0).max(2)
        };
        let cells: Vec<_> = (0..view.lanes.len()).map(lane).collect();
        let event = lines.iter().map(|line| chars(&line.event)).max().unwrap_or(0).max(5);
        let rest = STEP + cells.iter().map(|width| width + GAP.len()).sum::<usize>();
        // A long event may go on in the next line, if it has that much room at all.
        let event = event.min(view.options.width.saturating_sub(rest).max(EVENT_MIN));
        Widths { event, lanes: cells }
    }

    fn total(&self) -> usize {
        STEP + self.event + self.lanes.iter().map(|width| width + GAP.len()).sum::<usize>()
    }
}

/// The column of step numbers and the space behind it.
const STEP: usize = 7;
/// Events are not squeezed into less.
const EVENT_MIN: usize = 32;
/// Between columns.
const GAP: &str = "  ";

fn columns(out: &mut String, view: &View, lines: &[Line], widths: &Widths) {
    let mut head = format!(" step  {:<1$}", "event", widths.event);
    for (lane, width) in view.lanes.iter().zip(&widths.lanes) {
        let _ = write!(head, "{GAP}{:<width$}", lane.to_string());
    }
    push(out, &head);
    for line in lines {
        let event = wrap(&line.event, widths.event);
        let mut row = format!("{:>4}   {:<2$}", line.step, event[0], widths.event);
        for (cell, width) in line.cells.iter().zip(&widths.lanes) {
            let _ = write!(row, "{GAP}{:<width$}", cell.as_deref().unwrap_or("·"));
        }
        push(out, &row);
        for rest in &event[1..] {
            push(out, &format!("{:STEP$}{rest}", ""));
        }
        because(out, view, line);
    }
}

fn list(out: &mut String, view: &View, lines: &[Line]) {
    push(out, " step  event");
    for line in lines {
        push(out, &format!("{:>4}   {}", line.step, line.event));
        for (lane, cell) in view.lanes.iter().zip(&line.cells) {
            if let Some(cell) = cell {
                push(out, &format!("{:STEP$}  {lane}  {cell}", ""));
            }
        }
        because(out, view, line);
    }
}

fn because(out: &mut String, view: &View, line: &Line) {
    for reason in &line.why {
        let width = view.options.width.saturating_sub(STEP + 10);
        for (at, text) in wrap(reason, width).iter().enumerate() {
            let head = if at == 0 { "because" } else { "" };
            push(out, &format!("{:STEP$}  {head:7} {text}", ""));
        }
    }
}

/// Adds a line, without the spaces at its end.
fn push(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}
