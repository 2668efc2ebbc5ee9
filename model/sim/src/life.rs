//! One life of a server's process: what it is handed waits, its core takes it, and the disk works.

use std::collections::{BTreeMap, VecDeque};
use std::mem::Discriminant;
use std::sync::Arc;
use std::time::Duration;

use raftlab_core::{Body, Index, Message, NodeId, Raft, Role, Span, Term, Time};
use raftlab_node::chaos::{DiskFault, Fault, Fired};
use raftlab_node::disk::Memory;
use raftlab_node::kv::Store;
use raftlab_node::node::{Ask, Event, Node, Output, Reply, Ticket};
use raftlab_node::process::{Status, Syncs};
use raftlab_node::wire::coalesce;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use crate::client::ClientId;
use crate::host::Host;
use crate::lies::Lies;
use crate::physics::Physics;
use crate::server::EndError;

/// How many inputs may wait for a core, as in a real process.
const INBOX_MAX: usize = 8192;

/// What ends with the process.
#[derive(Debug)]
pub struct Life {
    host: Host,
    /// When it began.
    pub began: Time,
    inbox: VecDeque<Input>,
    tickets: BTreeMap<Ticket, (ClientId, u64)>,
    ticket: u64,
    /// It does nothing until then.
    pub paused_until: Option<Time>,
    writing: Option<Writing>,
    /// When the world will look at its timers.
    pub wake_at: Option<Time>,
    seen: Seen,
    status: Status,
    lies: Arc<dyn Lies>,
    /// What its clock showed after its last turn.
    sampled: Time,
    /// A store that writes again what is there, and in two writes, does so until this time, behind this entry.
    replaces: Option<(Time, Index)>,
}

/// What a core may be handed.
#[derive(Debug)]
pub enum Input {
    /// Something for the node.
    Event(Event),
    /// A message that asks for what was checked before.
    Checked(NodeId, Message),
    /// A client's attempt.
    Ask(ClientId, u64, Ask),
}

/// How the disk stands with what it was given.
#[derive(Clone, Copy, Debug)]
struct Writing {
    since: Time,
    is_done: bool,
    stalls: bool,
}

/// What the disk under a process is like now.
#[derive(Debug)]
pub struct DiskNow<'a> {
    /// What is wrong with it.
    pub fault: DiskFault,
    /// How often that has struck.
    pub fired: &'a Fired,
    /// How long syncs took.
    pub syncs: &'a Syncs,
    /// How long they take.
    pub physics: &'a Physics,
}

/// What a status depends on that is worth an event.
type Seen = (Term, Discriminant<Role>, Option<NodeId>, Index, [u64; 2]);

/// What has come of a turn.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// To other servers.
    pub messages: Vec<(NodeId, Message)>,
    /// To clients: who, at which attempt, and what.
    pub replies: Vec<(ClientId, u64, Reply)>,
    /// Messages that ask for what was checked, and is to be done after so long.
    pub checked: Vec<(Span, NodeId, Message)>,
    /// A store of which a snapshot is to be made.
    pub snapshot: Option<Store>,
    /// The disk was given something, and will be done after so long.
    pub disk: Option<Span>,
    /// What changed, for people.
    pub news: Vec<(Term, &'static str, String)>,
    /// It ended by itself.
    pub ended: Option<EndError>,
}

impl Life {
    /// It begins, and this comes of it.
    pub fn begin(
        host: Host,
        first: Output,
        (now, local): (Time, Time),
        lies: Arc<dyn Lies>,
    ) -> (Life, Outgoing) {
        let (seen, status) = (seen(&host.node), Status::of(&host.node));
        let mut life = Life {
            host: host.with_lies(Arc::clone(&lies)),
            began: now,
            inbox: VecDeque::new(),
            tickets: BTreeMap::new(),
            ticket: 0,
            paused_until: None,
            writing: None,
            wake_at: None,
            seen,
            status,
            lies,
            sampled: local,
            replaces: None,
        };
        let mut out = Outgoing::default();
        life.carry_out(first, &mut out);
        (life, out)
    }

    /// Core, state machine and timers.
    pub fn node(&self) -> &Node {
        &self.host.node
    }

    /// How many clients wait.
    pub fn waiting(&self) -> usize {
        self.tickets.len() + self.inbox.len()
    }

    /// Hands it something, if there is room; it is given back otherwise.
    ///
    /// # Errors
    ///
    /// What there is no room for.
    pub fn hand(&mut self, input: Input) -> Result<(), Input> {
        if self.inbox.len() >= INBOX_MAX {
            return Err(input);
        }
        self.inbox.push_back(input);
        Ok(())
    }

    /// The disk returns from the write that it has.
    pub fn disk_returns(&mut self) {
        if let Some(writing) = &mut self.writing {
            writing.is_done = true;
        }
    }

    /// Does the disk stall with something, and not any more from now on?
    pub fn ends_stall(&mut self) -> bool {
        self.writing.as_mut().is_some_and(|writing| std::mem::take(&mut writing.stalls))
    }

    /// Takes what waits, lets timers run out, and gives the disk what waits for it. `now` is true time, and `local` what
    /// its clock shows.
    pub fn turn(&mut self, now: Time, local: Time, disk: &DiskNow<'_>, dice: &mut ChaCha8Rng) -> Outgoing {
        let mut out = Outgoing::default();
        if self.paused_until.is_some() {
            return out;
        }
        let sampled = std::mem::replace(&mut self.sampled, local);
        let taken = if self.lies.takes_time_before_event() { sampled } else { local };
        if let Err(error) = self.take_all((now, taken), disk, dice, &mut out) {
            out.ended = Some(error);
            return out;
        }
        coalesce(&mut out.messages);
        self.tell_changes(&mut out);
        out
    }

    fn take_all(
        &mut self,
        (now, local): (Time, Time),
        disk: &DiskNow<'_>,
        dice: &mut ChaCha8Rng,
        out: &mut Outgoing,
    ) -> Result<(), EndError> {
        if let Some(Writing { since, .. }) = self.writing.take_if(|writing| writing.is_done) {
            disk.syncs.note(Duration::from_micros(now.0 - since.0));
            self.finish(local, out)?;
            self.host.prepare()?;
        }
        while self.takes_input() {
            let Some(input) = self.inbox.pop_front() else { break };
            if let Some(event) = self.hears(input, now, || disk.works(dice), out) {
                self.step(local, event, out)?;
            }
        }
        if self.takes_input() {
            let output = self.host.node.wake(local)?;
            self.carry_out(output, out);
        }
        while self.writing.is_none()
            && let Some(writes) = self.host.begin()
        {
            if writes.is_empty() {
                // What needs no disk goes on at once.
                self.finish(local, out)?;
                continue;
            }
            if self.lies.skips_sync(self.host.node.replica().raft(), self.host.writing()) {
                let output = self.host.finish_unsynced(local)?;
                self.carry_out(output, out);
                continue;
            }
            out.disk = disk.takes(dice);
            self.writing = Some(Writing { since: now, is_done: false, stalls: out.disk.is_none() });
        }
        Ok(())
    }

    /// What its core is to be given of an input now, if anything.
    fn hears(
        &mut self,
        input: Input,
        now: Time,
        mut disk_takes: impl FnMut() -> Span,
        out: &mut Outgoing,
    ) -> Option<Event> {
        let raft = self.host.node.replica().raft();
        match input {
            Input::Event(Event::Receive { from, mut message }) => {
                self.lies.mishears(raft, &mut message);
                if self.lies.does_later(raft, from, &message) {
                    out.checked.push((disk_takes(), from, message));
                    return None;
                }
                if self.lies.replaces_in_two() {
                    self.replaces = replaced(raft, &message).map(|behind| (now.after(disk_takes()), behind));
                }
                Some(Event::Receive { from, message })
            }
            Input::Event(event) => Some(event),
            Input::Checked(from, mut message) => {
                self.lies.waives_check(raft, &mut message);
                Some(Event::Receive { from, message })
            }
            Input::Ask(client, attempt, mut ask) => {
                self.lies.mishears_client(&mut ask);
                self.ticket += 1;
                self.tickets.insert(Ticket(self.ticket), (client, attempt));
                Some(Event::Ask(Ticket(self.ticket), ask))
            }
        }
    }

    /// Its core takes an event, and then perhaps what nobody said.
    fn step(&mut self, local: Time, event: Event, out: &mut Outgoing) -> Result<(), EndError> {
        let heard = match &event {
            Event::Receive { from, message } if self.lies.has_imagination() => {
                Some((self.host.node.replica().raft().clone(), *from, message.clone()))
            }
            _ => None,
        };
        let output = self.host.node.step(local, event)?;
        self.carry_out(output, out);
        let Some((before, from, message)) = heard else { return Ok(()) };
        for (from, message) in self.lies.imagines(&before, self.host.node.replica().raft(), (from, &message))
        {
            let output = self.host.node.step(local, Event::Receive { from, message })?;
            self.carry_out(output, out);
        }
        Ok(())
    }

    fn finish(&mut self, local: Time, out: &mut Outgoing) -> Result<(), EndError> {
        let output = self.host.finish(local)?;
        self.carry_out(output, out);
        Ok(())
    }

    fn carry_out(&mut self, output: Output, out: &mut Outgoing) {
        let raft = self.host.node.replica().raft();
        out.messages.extend(output.messages.into_iter().map(|(to, mut message)| {
            self.lies.forges(raft, &mut message);
            (to, message)
        }));
        for (ticket, reply) in output.replies {
            if let Some((client, attempt)) = self.tickets.remove(&ticket) {
                out.replies.push((client, attempt, reply));
            }
        }
        out.snapshot = output.snapshot.or(out.snapshot.take());
    }

    fn tell_changes(&mut self, out: &mut Outgoing) {
        let seen = seen(&self.host.node);
        if seen == self.seen {
            return;
        }
        let status = Status::of(&self.host.node);
        let changes = self.status.changes(&status).into_iter();
        out.news.extend(changes.map(|(kind, text)| (status.term, kind, text)));
        (self.seen, self.status) = (seen, status);
    }

    fn takes_input(&self) -> bool {
        self.host.node.replica().takes_input()
    }

    /// What its clock has to show for it to have something to do by itself.
    pub fn next_wake(&self) -> Option<Time> {
        if self.takes_input() { self.host.node.next_wake() } else { None }
    }

    /// The power goes: what is on the disk, and who waited. In the middle of a write so many operations are done.
    pub fn crash(
        mut self,
        now: Time,
        operations: u64,
        survives: impl FnMut() -> bool,
    ) -> (Memory, Vec<(ClientId, u64)>) {
        if self.lies.replaces_in_two() {
            let again = self.replaces.filter(|(until, _)| now <= *until && self.writing.is_none());
            if let Some(kept) = self.host.replaces().or(again.map(|(_, behind)| behind)) {
                self.host.tear(kept);
            }
        }
        let (host, clients) = self.part();
        (host.crash(operations, survives), clients)
    }

    /// It ends as it should: what the disk was given is written.
    pub fn stop(self) -> (Memory, Vec<(ClientId, u64)>) {
        let (host, clients) = self.part();
        (host.stop(), clients)
    }

    fn part(self) -> (Host, Vec<(ClientId, u64)>) {
        let asked = self.inbox.into_iter().filter_map(|input| match input {
            Input::Ask(client, attempt, _) => Some((client, attempt)),
            Input::Event(_) | Input::Checked(..) => None,
        });
        (self.host, self.tickets.into_values().chain(asked).collect())
    }
}

impl DiskNow<'_> {
    /// How long it takes for a write that it is given now; for ever, if it stalls.
    fn takes(&self, dice: &mut ChaCha8Rng) -> Option<Span> {
        if self.fault == DiskFault::default() {
            return Some(self.physics.sync.draw(dice));
        }
        if self.fault.stall {
            self.fired.strike(Fault::DiskStall);
            return None;
        }
        self.fired.strike(Fault::DiskSlow);
        Some(self.works(dice))
    }

    /// How long it works on one, stalls aside.
    fn works(&self, dice: &mut ChaCha8Rng) -> Span {
        let took = self.physics.sync.draw(dice);
        let slow = self.fault.delay(f64::from(dice.next_u32()) / f64::from(u32::MAX));
        Span(took.0.saturating_add(u64::try_from(slow.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Behind which entry a store that deletes all from there on, and then appends what it is given, replaces entries.
fn replaced(raft: &Raft, message: &Message) -> Option<Index> {
    match &message.body {
        Body::AppendEntries { prev, entries, .. } if !entries.is_empty() => {
            let replaces = raft.log().contains(*prev) && prev.index < raft.log().last().index;
            replaces.then_some(prev.index)
        }
        _ => None,
    }
}

fn seen(node: &Node) -> Seen {
    let (raft, counters) = (node.replica().raft(), node.counters());
    let change = raft.log().change_at_or_below(raft.log().last().index).map_or(Index(0), |(at, _)| at);
    let role = std::mem::discriminant(raft.role());
    let counted = [counters.snapshots_installed, counters.truncated];
    (raft.term(), role, raft.leader(), change, counted)
}
