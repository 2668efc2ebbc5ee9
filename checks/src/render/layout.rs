//! Where everything in a picture stands, in pixels: gutter and lanes from left to right, rows from top to bottom.

use raftlab_core::NodeId;
use raftlab_model::Server;

use super::ink::{px, room, width};
use super::view::{View, crashed, disk, event, reasons, wrap};
use crate::story;

/// The space around it all.
pub(super) const MARGIN: i32 = 16;
/// Where a step's label starts, behind its number.
pub(super) const LABEL: i32 = 52;
/// The size of an entry's box, and the distance from one to the next.
pub(super) const SLOT: (i32, i32) = (50, 18);
pub(super) const SLOT_PITCH: i32 = 54;
/// Entries drawn of one log, the newest. Older ones are an ellipsis.
pub(super) const SLOTS_MAX: usize = 6;
/// From a lane's middle to what is written beside it.
pub(super) const BESIDE: i32 = 14;
/// From one line of text to the next.
pub(super) const LEADING: i32 = 14;

/// The room for labels and reasons, in characters; longer ones are wrapped.
const LABEL_CHARS_MIN: usize = 48;
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
    /// Does it stand at the lane's left?
    pub left: bool,
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
        let chars = view.rows.iter().map(|at| event(&view.story.steps[*at]).chars().count()).max();
        let label_chars = chars.unwrap_or(0).clamp(LABEL_CHARS_MIN, LABEL_CHARS_MAX);
        let notes: Vec<_> = view.rows.iter().map(|at| notes(view, *at)).collect();
        let (lanes, mut right) = lanes(view, LABEL + px(label_chars * 67 / 10) + MARGIN, &notes);
        right = right.max(760);
        let title = wrap(&view.options.title, room(right - 2 * MARGIN) * 11 / 15);
        let title: Vec<_> = title.into_iter().filter(|line| !line.is_empty()).collect();
        let legend = MARGIN + 12 + px(title.len()) * 22;
        let heads = legend + 34;
        let start_y = heads + 30;
        let start = start_notes(view, start_y - 4);
        let mut bottom = start.iter().map(Note::bottom).max().unwrap_or(0).max(start_y) + 8;
        let rows = view.rows.iter().zip(notes).map(|(at, notes)| {
            let row = Row::new(view, *at, notes, bottom, &lanes, label_chars);
            bottom = row.bottom;
            row
        });
        let rows: Vec<_> = rows.collect();
        let end = bottom + 8;
        let why = view.why().map_or_else(Vec::new, |why| wrap(why, room(right - 4 * MARGIN) * 11 / 13));
        let height = end + if why.is_empty() { 8 } else { 36 + 18 * px(why.len()) };
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

    /// How many rows lie between two steps.
    pub fn rows_between(&self, earlier: usize, later: usize) -> usize {
        let before = |at: usize| self.rows.partition_point(|row| row.step < at);
        before(later) - before(earlier)
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
    let side = longest.max(px(entries.min(SLOTS_MAX)) * SLOT_PITCH + dots) + BESIDE + 14;
    let count = view.lanes.len();
    // Two lanes alone have their notes outside, and between them only the words on arrows.
    let pitch = if count == 2 { 180 } else { side.max(170) };
    let mut x = left + if count > 1 { side } else { 20 };
    let mut lanes = Vec::new();
    for id in &view.lanes {
        lanes.push(Lane { id: *id, x });
        x += pitch;
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
        let label = wrap(event(step), label_chars);
        let why: Vec<_> =
            reasons(view.story, at).iter().flat_map(|why| wrap(why, label_chars.saturating_sub(2))).collect();
        let mut bottom = (top + ROW).max(y + LEADING * px(label.len() - 1 + why.len()) + 10);
        for note in &mut notes {
            let sides = [
                Traffic::at(view, at, note.lane, lanes, true),
                Traffic::at(view, at, note.lane, lanes, false),
            ];
            note.left = is_left(note.lane, lanes.len(), &sides);
            note.y = y + 4 + sides[usize::from(!note.left)].depth();
            bottom = bottom.max(note.bottom() + 6);
        }
        let stubs = |lane| [true, false].map(|left| Traffic::at(view, at, lane, lanes, left).stubs);
        let stubs = (0..lanes.len()).flat_map(stubs).max().unwrap_or(0);
        bottom = bottom.max(y + if stubs == 0 { 0 } else { stub_depth(stubs) + 8 });
        Row { step: at, top, y, bottom, label, why, notes }
    }
}

/// How far below its event the `place`th message ends that never arrives, counted from 1 on each side of a lane: below
/// the arrows of those that do.
pub(super) fn stub_depth(place: usize) -> i32 {
    8 + 12 * px(place)
}

/// The messages at one side of a lane in one step.
struct Traffic {
    arriving: usize,
    leaving: usize,
    /// Leaving, and never to arrive.
    stubs: usize,
}

impl Traffic {
    fn at(view: &View, at: usize, lane: usize, lanes: &[Lane], left: bool) -> Traffic {
        let is_beside = |other: NodeId| {
            let other = lanes.iter().position(|lane| lane.id == other);
            other.is_some_and(|other| if left { other < lane } else { other > lane })
        };
        let id = lanes[lane].id;
        let mut traffic = Traffic { arriving: 0, leaving: 0, stubs: 0 };
        for flight in view.touching(at) {
            if flight.delivered == Some(at) && flight.to == id && is_beside(flight.from) {
                traffic.arriving += 1;
            }
            if flight.sent == Some(at) && flight.from == id && is_beside(flight.to) {
                let arrives = flight.delivered.is_some();
                *(if arrives { &mut traffic.leaving } else { &mut traffic.stubs }) += 1;
            }
        }
        traffic
    }

    /// How far a note has to stand below its event.
    fn depth(&self) -> i32 {
        match self {
            Traffic { stubs: 0, arriving: 0, .. } => 0,
            Traffic { stubs: 0, .. } => 12,
            Traffic { stubs, .. } => stub_depth(*stubs) + 14,
        }
    }
}

/// Which side of a lane is quieter, at its left and at its right. Outside of all lanes it is always quiet.
fn is_left(lane: usize, count: usize, [left, right]: &[Traffic; 2]) -> bool {
    let noise = |side: &Traffic| (side.leaving, side.stubs, side.arriving);
    match lane {
        _ if lane + 1 == count => false,
        0 => true,
        _ => noise(left) < noise(right),
    }
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
        if before.raft.commit() != after.raft.commit() && !fell {
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
        written.then_some(Note { lane, left: false, y: 0, lines, dropped, log })
    });
    noted.collect()
}

/// What holds at the start, where a story does not start with nothing.
fn start_notes(view: &View, y: i32) -> Vec<Note> {
    let servers = view.servers(view.initial()).into_iter().enumerate();
    let note = |(lane, server): (usize, &Server)| Note {
        lane,
        left: lane == 0 && view.lanes.len() > 1,
        y,
        lines: vec![standing(server)],
        dropped: Vec::new(),
        log: !server.raft.log().entries().is_empty(),
    };
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
