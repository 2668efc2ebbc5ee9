//! Where everything in a picture stands, in pixels: gutter and lanes from left to right, rows from top to bottom.

use raftlab_core::NodeId;
use raftlab_model::Server;

use super::ink::{px, room, width};
use super::view::{View, crashed, disk, reasons, wrap};
use crate::story;

/// The space around it all.
pub(super) const MARGIN: i32 = 16;
/// Where a step's label starts, behind its number.
pub(super) const LABEL: i32 = 52;
/// The size of an entry's box, and the distance from one to the next.
pub(super) const SLOT: (i32, i32) = (46, 18);
pub(super) const SLOT_PITCH: i32 = 50;
/// Entries drawn of one log, the newest. Older ones are an ellipsis.
pub(super) const SLOTS_MAX: usize = 6;
/// From a lane's middle to what is written beside it.
pub(super) const BESIDE: i32 = 14;
/// From one line of text to the next.
pub(super) const LEADING: i32 = 14;

/// The widest label, in characters; longer ones are wrapped.
const LABEL_CHARS_MAX: usize = 54;
/// Rows are at least this high, and the event stands so far below a row's top.
const ROW: i32 = 30;
const EVENT: i32 = 16;

/// Where everything stands.
pub(super) struct Layout {
    pub width: i32,
    pub height: i32,
    pub title: Vec<String>,
    /// The baseline of the legend, and the middle of the lanes' heads.
    pub legend: i32,
    pub heads: i32,
    pub lanes: Vec<Lane>,
    /// What holds before the first row.
    pub start: Vec<Note>,
    pub rows: Vec<Row>,
    /// Below the last row.
    pub end: i32,
    pub why: Vec<String>,
}

/// A server's lane.
pub(super) struct Lane {
    pub id: NodeId,
    /// Its middle.
    pub x: i32,
    /// Are its notes at its left? Arrows run between lanes, and so the outer sides are the quiet ones.
    pub notes_left: bool,
}

/// A step's row.
pub(super) struct Row {
    /// The step, counted from 0.
    pub step: usize,
    pub top: i32,
    /// Where its event is.
    pub y: i32,
    pub bottom: i32,
    pub label: Vec<String>,
    pub why: Vec<String>,
    pub notes: Vec<Note>,
}

/// What is written beside a lane where its server changed.
pub(super) struct Note {
    /// The lane, from the left.
    pub lane: usize,
    /// The first baseline.
    pub y: i32,
    pub lines: Vec<String>,
    /// What the server no longer holds.
    pub dropped: Vec<String>,
    /// Is the log drawn?
    pub log: bool,
}

impl Layout {
    pub fn of(view: &View) -> Layout {
        let chars = view.rows.iter().map(|at| view.story.steps[*at].label.chars().count()).max();
        let label_chars = chars.unwrap_or(0).clamp(30, LABEL_CHARS_MAX);
        let notes: Vec<_> = view.rows.iter().map(|at| notes(view, *at)).collect();
        let (lanes, mut right) = lanes(view, LABEL + px(label_chars * 67 / 10) + MARGIN, &notes);
        right = right.max(760);
        let title = wrap(&view.options.title, room(right - 2 * MARGIN) * 11 / 15);
        let title: Vec<_> = title.into_iter().filter(|line| !line.is_empty()).collect();
        let legend = MARGIN + 8 + px(title.len()) * 20;
        let heads = legend + 34;
        let start_y = heads + 30;
        let mut bottom = start_y + 8;
        let rows = view.rows.iter().zip(notes).map(|(at, notes)| {
            let row = Row::new(view, *at, notes, bottom, &lanes, label_chars);
            bottom = row.bottom;
            row
        });
        let rows: Vec<_> = rows.collect();
        let end = bottom + 8;
        let why = view.why().map_or_else(Vec::new, |why| wrap(why, room(right - 4 * MARGIN) * 11 / 13));
        let height = end + if why.is_empty() { 8 } else { 36 + 18 * px(why.len()) };
        let start = start_notes(view, start_y - 4);
        Layout { width: right, height, title, legend, heads, lanes, start, rows, end, why }
    }

    /// Where step `at` stands, or would stand: below the last row before it.
    pub fn y_of(&self, at: usize) -> i32 {
        let after = self.rows.partition_point(|row| row.step <= at);
        match self.rows[..after].last() {
            Some(row) if row.step == at => row.y,
            Some(row) => row.bottom,
            None => self.heads + 14,
        }
    }

    /// The lane of a server that has one.
    pub fn lane(&self, id: NodeId) -> &Lane {
        self.lanes.iter().find(|lane| lane.id == id).expect("only messages between lanes are shown")
    }
}

/// The lanes, and the right edge of the picture.
fn lanes(view: &View, left: i32, notes: &[Vec<Note>]) -> (Vec<Lane>, i32) {
    let written = notes.iter().flatten().flat_map(|note| note.lines.iter().chain(&note.dropped));
    let longest = px(written.map(|line| width(line)).max().unwrap_or(0)).max(px(width("follower @0")));
    let worlds = view.rows.iter().map(|at| &view.story.steps[*at].after).chain([view.initial()]);
    let entries = worlds.flat_map(|world| view.servers(world)).map(|s| s.raft.log().entries().len()).max();
    let entries = entries.unwrap_or(0);
    let dots = if entries > SLOTS_MAX { 16 } else { 0 };
    let side = longest.max(px(entries.min(SLOTS_MAX)) * SLOT_PITCH + dots) + BESIDE + 8;
    let count = view.lanes.len();
    let quiet = count / 2;
    let mut x = left + if quiet > 0 { side } else { 20 };
    let mut lanes = Vec::new();
    for (at, id) in view.lanes.iter().enumerate() {
        lanes.push(Lane { id: *id, x, notes_left: at < quiet });
        // Between the two lanes in the middle nothing is written but the words on arrows.
        x += if at + 1 == quiet { side.clamp(150, 190) } else { side.max(150) };
    }
    let last = lanes.last().map_or(left, |lane| lane.x);
    (lanes, last + side + MARGIN)
}

impl Row {
    fn new(
        view: &View,
        at: usize,
        mut notes: Vec<Note>,
        top: i32,
        lanes: &[Lane],
        label_chars: usize,
    ) -> Row {
        let y = top + EVENT;
        let step = &view.story.steps[at];
        let label = wrap(&step.label, label_chars);
        let why: Vec<_> =
            reasons(view.story, at).iter().flat_map(|why| wrap(why, label_chars.saturating_sub(2))).collect();
        let mut bottom = (top + ROW).max(y + LEADING * px(label.len() - 1 + why.len()) + 10);
        for note in &mut notes {
            let stubs = stubs(view, at, &lanes[note.lane], lanes);
            note.y = y + 4 + if stubs == 0 { 0 } else { px(stubs) * STUB_PITCH + 6 };
            bottom = bottom.max(note.bottom() + 6);
        }
        bottom = bottom.max(y + stubs_max(view, at) * STUB_PITCH + 10);
        Row { step: at, top, y, bottom, label, why, notes }
    }
}

/// From one message that never arrives to the next.
pub(super) const STUB_PITCH: i32 = 12;

/// Messages of this step that never arrive and start on the side of the lane's notes.
fn stubs(view: &View, at: usize, lane: &Lane, lanes: &[Lane]) -> usize {
    let left = |to: NodeId| lanes.iter().any(|other| other.id == to && other.x < lane.x);
    let lost = view.flights.iter().filter(|f| f.sent == Some(at) && f.delivered.is_none());
    lost.filter(|f| f.from == lane.id && left(f.to) == lane.notes_left).count()
}

fn stubs_max(view: &View, at: usize) -> i32 {
    px(view.flights.iter().filter(|f| f.sent == Some(at) && f.delivered.is_none()).count())
}

impl Note {
    /// Where the log's boxes start.
    pub fn slots(&self) -> i32 {
        self.y + LEADING * px(self.lines.len() + self.dropped.len()) - 8
    }

    fn bottom(&self) -> i32 {
        self.slots() + if self.log { SLOT.1 } else { 0 }
    }
}

/// What changed at each lane in a step.
fn notes(view: &View, at: usize) -> Vec<Note> {
    let crashed = crashed(&view.story.steps[at]);
    let around = view.around(at).into_iter().enumerate();
    let noted = around.filter_map(|(lane, (before, after))| {
        let mut lines = Vec::new();
        let fell = crashed == Some(after.raft.id());
        if fell {
            lines.push(disk_line(after));
        } else if standing(before) != standing(after) {
            lines.push(standing(after));
        }
        if before.raft.commit() != after.raft.commit() {
            lines.push(format!("commit {}", after.raft.commit()));
        }
        let waiting = after.pending.writes().len();
        if waiting != before.pending.writes().len() && waiting > 0 {
            lines.push(format!("{waiting} not synced"));
        }
        let kept = |entry: &&raftlab_core::Entry| !after.raft.log().entries().contains(entry);
        let dropped: Vec<_> = before.raft.log().entries().iter().filter(kept).collect();
        let log = before.raft.log() != after.raft.log()
            || before.raft.commit() != after.raft.commit()
            || before.disk.log != after.disk.log
            || fell;
        let log = log && !after.raft.log().entries().is_empty();
        let dropped = match dropped[..] {
            [] => Vec::new(),
            [only] => vec![format!("dropped {only}")],
            [first, .., last] => vec![format!("dropped {} to {}", first.id, last.id)],
        };
        let written = log || !lines.is_empty() || !dropped.is_empty();
        written.then_some(Note { lane, y: 0, lines, dropped, log })
    });
    noted.collect()
}

/// What holds at the start, where a story does not start with nothing.
fn start_notes(view: &View, y: i32) -> Vec<Note> {
    let servers = view.servers(view.initial()).into_iter().enumerate();
    let note =
        |(lane, server)| Note { lane, y, lines: vec![standing(server)], dropped: Vec::new(), log: false };
    servers.map(note).collect()
}

/// `candidate @1`, `follower @1 vote=n2`.
fn standing(server: &Server) -> String {
    let raft = &server.raft;
    let role = story::role(raft.role());
    match raft.voted_for() {
        Some(vote) if vote != raft.id() => format!("{role} @{} vote={vote}", raft.term()),
        _ => format!("{role} @{}", raft.term()),
    }
}

/// What a crash left, without the log, which is drawn.
fn disk_line(server: &Server) -> String {
    let text = disk(server);
    text.split(" [").next().unwrap_or(&text).to_string()
}
