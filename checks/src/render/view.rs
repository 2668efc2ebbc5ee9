//! What is shown of a story, decided once for all formats, and where each message was sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use raftlab_core::{Message, NodeId};
use raftlab_model::{Action, Event, Server, World, node};

use super::Options;
use crate::story::{Step, Story};

/// The part of a story that is shown.
pub(super) struct View<'a> {
    pub story: &'a Story,
    pub options: &'a Options,
    /// The steps that are looked at, counted from 0.
    pub range: Range<usize>,
    /// The servers shown, from left to right.
    pub lanes: Vec<NodeId>,
    /// The steps shown. One that is left out changes nothing in a lane.
    pub rows: Vec<usize>,
    /// The messages shown, by the step at which they were sent.
    pub flights: Vec<Flight<'a>>,
    /// The flights that start or end at a step, by their place in `flights`.
    by_step: BTreeMap<usize, Vec<usize>>,
}

/// A message from its sending to its delivery. A network that duplicates makes several flights of one sending.
pub(super) struct Flight<'a> {
    pub from: NodeId,
    pub to: NodeId,
    pub message: &'a Message,
    /// The step at which it was sent, counted from 0; `None` if no step of the story sent it.
    pub sent: Option<usize>,
    /// The step at which it arrived; `None` if it does not, within the part that is looked at.
    pub delivered: Option<usize>,
}

impl<'a> View<'a> {
    /// All that `options` show.
    pub fn new(story: &'a Story, options: &'a Options) -> View<'a> {
        View::since(story, options, 0)
    }

    /// The same, without the first `start` steps.
    pub fn since(story: &'a Story, options: &'a Options, start: usize) -> View<'a> {
        let end = options.to.unwrap_or(usize::MAX).min(story.steps.len());
        let range = start.min(end)..end;
        let servers = story.initial.servers().into_iter().map(|server| server.raft.id());
        let lanes = servers.filter(|id| !options.hide.contains(id)).collect();
        let (rows, flights, by_step) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut view = View { story, options, range, lanes, rows, flights, by_step };
        view.rows = view.range.clone().filter(|at| view.shows_step(*at)).collect();
        view.flights = view.flights();
        for (place, flight) in view.flights.iter().enumerate() {
            for at in flight.sent.into_iter().chain(flight.delivered) {
                view.by_step.entry(at).or_default().push(place);
            }
        }
        view
    }

    /// The world before the first step that is looked at.
    pub fn initial(&self) -> &'a World {
        self.story.before(self.range.start)
    }

    /// The flights that start or end at a step.
    pub fn touching(&self, at: usize) -> impl Iterator<Item = &Flight<'a>> {
        self.by_step.get(&at).into_iter().flatten().map(|place| &self.flights[*place])
    }

    /// What is wrong at the end, if the end is shown.
    pub fn why(&self) -> Option<&'a str> {
        let whole = self.range.end == self.story.steps.len() && !self.options.why.is_empty();
        whole.then_some(&*self.options.why)
    }

    /// The servers with a lane, in `world`.
    pub fn servers<'w>(&self, world: &'w World) -> Vec<&'w Server> {
        let mut servers = world.servers();
        servers.retain(|server| self.lanes.contains(&server.raft.id()));
        servers
    }

    /// The servers with a lane, before and after a step.
    pub fn around(&self, at: usize) -> Vec<(&'a Server, &'a Server)> {
        let (before, after) = (self.story.before(at), &self.story.steps[at].after);
        self.servers(before).into_iter().zip(self.servers(after)).collect()
    }

    /// Is a message between these servers shown?
    pub fn shows(&self, from: NodeId, to: NodeId, message: &Message) -> bool {
        self.lanes.contains(&from) && self.lanes.contains(&to) && self.shows_kind(message)
    }

    /// Are messages of this kind shown?
    pub fn shows_kind(&self, message: &Message) -> bool {
        let only = &self.options.only;
        only.is_empty() || only.iter().any(|shown| shown == message.body.name())
    }

    fn shows_step(&self, at: usize) -> bool {
        let step = &self.story.steps[at];
        match (&step.at, &step.action) {
            (Some((id, Event::Deliver { message, .. })), _) => {
                let changed = || self.around(at).iter().any(|(before, after)| !looks_alike(before, after));
                self.lanes.contains(id) && (self.shows_kind(message) || changed())
            }
            (Some((id, _)), _) => self.lanes.contains(id),
            (None, Action::Drop(lost)) => self.shows(node(lost.src), node(lost.dst), &lost.msg),
            (None, _) => true,
        }
    }

    /// A delivered message was sent by the most recent earlier step of its sender that sent an equal one.
    fn flights(&self) -> Vec<Flight<'a>> {
        let mut latest = BTreeMap::new();
        let mut flights: Vec<Flight> = Vec::new();
        for (at, step) in self.story.steps[..self.range.end].iter().enumerate() {
            let Some((id, event)) = &step.at else { continue };
            if let Event::Deliver { from, message } = event {
                let open = latest.get(&(*from, *id, message)).copied();
                deliver(&mut flights, open, Flight::arrived(*from, *id, message, at));
            }
            for (to, message) in &step.done.sent {
                latest.insert((*id, *to, message), flights.len());
                flights.push(Flight { from: *id, to: *to, message, sent: Some(at), delivered: None });
            }
        }
        let seen = |at: Option<usize>| at.is_some_and(|at| at >= self.range.start);
        flights.retain(|f| self.shows(f.from, f.to, f.message) && (seen(f.sent) || seen(f.delivered)));
        flights
    }
}

impl<'a> Flight<'a> {
    fn arrived(from: NodeId, to: NodeId, message: &'a Message, at: usize) -> Flight<'a> {
        Flight { from, to, message, sent: None, delivered: Some(at) }
    }
}

/// Notes the arrival of the message whose last sending is `flights[open]`.
fn deliver<'a>(flights: &mut Vec<Flight<'a>>, open: Option<usize>, arrived: Flight<'a>) {
    match open.map(|open| &mut flights[open]) {
        Some(flight) if flight.delivered.is_none() => flight.delivered = arrived.delivered,
        Some(flight) => {
            let sent = flight.sent;
            flights.push(Flight { sent, ..arrived });
        }
        None => flights.push(arrived),
    }
}

/// Is nothing different that any format draws in a lane?
fn looks_alike(before: &Server, after: &Server) -> bool {
    before.to_string() == after.to_string() && before.disk == after.disk && before.broken == after.broken
}

/// The step as one line under others: a delivery needs no verb.
pub(super) fn event(step: &Step) -> &str {
    step.label.strip_prefix("deliver ").unwrap_or(&step.label)
}

/// The server that loses its memory at this step, if one does.
pub(super) fn crashed(step: &Step) -> Option<NodeId> {
    match step.at {
        Some((id, Event::Fault(fault))) if fault.is_restart() => Some(id),
        _ => None,
    }
}

/// Why a step went as it did, and what it broke: sentences.
pub(super) fn reasons(story: &Story, at: usize) -> Vec<String> {
    let step = &story.steps[at];
    let mut reasons = step.why.clone();
    for (before, after) in story.before(at).servers().into_iter().zip(step.after.servers()) {
        if let Some(broken) = after.broken.as_ref().filter(|_| before.broken.is_none()) {
            reasons.push(format!("{} breaks `{}`: {}", after.raft.id(), broken.property, broken.why));
        }
    }
    reasons
}

/// What a crash left: `disk: term 1 vote=n2 [1@1]`.
pub(super) fn disk(server: &Server) -> String {
    let disk = &server.disk;
    let mut text = format!("disk: term {}", disk.term);
    if let Some(vote) = disk.voted_for {
        let _ = write!(text, " vote={vote}");
    }
    if !disk.log.entries().is_empty() {
        let _ = write!(text, " {}", disk.log);
    }
    text
}

/// `text` in lines of at most `width` characters, broken at spaces where there are some.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + word.len() > width {
            lines.push(String::new());
            used = 0;
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.last_mut().expect("there is a line").extend(word);
            lines.push(String::new());
            word = rest;
        }
        let line = lines.last_mut().expect("there is a line");
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        used += word.len();
        line.extend(word);
    }
    lines
}

/// At most `width` characters of `text`, the last an ellipsis if there were more.
pub(super) fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_string();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}
