//! The core as a stateright actor. A step is a pure function of a server and an event; the actor only carries it out.

use std::borrow::Cow;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use raftlab_core::{
    Body, Config, Durable, Effects, Entry, Index, Input, Membership, Message, NodeId, Outbox, Payload, Raft,
    ReadId, Round, Rule, Snapshot, Standing, Time, Timer, Voters, Write,
};
use stateright::actor::{Actor, Id, Out, model_timeout};

use crate::bounds::{Bounds, Disk};
use crate::event::{Event, Fault, Reconfiguration, Tick};
use crate::machine::{self, StateMachine};
use crate::property::{self, Property};
use crate::server::{Broken, Clock, Ghosts, Server};
use crate::shim::{self, Shim};
use crate::snapshot;
use crate::weakening::Way;

/// One server, as stateright sees it: the constants.
#[derive(Clone, Debug)]
pub struct ServerActor {
    config: Arc<Config>,
    bounds: Bounds,
    founders: Voters,
    way: Option<Way>,
    /// Step properties that are latched when they break: all, or the one that the search is about.
    focus: Option<&'static Property>,
}

/// What one step did, besides changing the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Messages sent, in order.
    pub sent: Vec<(NodeId, Message)>,
    /// Records that reached the disk, as it took them.
    pub written: Vec<Write>,
}

impl ServerActor {
    /// Server `id` of a world of `bounds`, broken in this `way` if any.
    pub fn new(
        id: NodeId,
        bounds: &Bounds,
        way: Option<Way>,
        focus: Option<&'static Property>,
    ) -> ServerActor {
        let without = match way {
            Some(Way::Rule(rule)) => Some(rule),
            _ => None,
        };
        let config = bounds.config(id, without).into();
        ServerActor { config, bounds: bounds.clone(), founders: bounds.voters(), way, focus }
    }

    /// What the server is told at its start.
    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// A server that starts for the first time.
    pub fn start(&self) -> Server {
        let (raft, _) = Raft::recover(Arc::clone(&self.config), Durable::default());
        Server {
            raft,
            disk: Durable::default(),
            pending: Effects::default(),
            applied: Index(0),
            machine: self.machine(),
            ghosts: Ghosts::default(),
            held: None,
            clock: Clock::default(),
            proposed: 0,
            broken: None,
        }
    }

    /// A state machine as it is at the start, where there is one.
    fn machine(&self) -> Option<StateMachine> {
        (self.bounds.max_resends > 0).then(StateMachine::new)
    }

    /// One event: what the server becomes, and what it did. A panic of the core is a broken property, with its
    /// message. A server that broke something stays as it is: else its next event, which does nothing, would take the
    /// verdict back.
    pub fn react(&self, before: &Server, event: &Event) -> (Server, Done) {
        if before.broken.is_some() {
            return (before.clone(), Done::default());
        }
        let mut step =
            Step { actor: self, server: before.clone(), done: Done::default(), are_answered: false };
        let outcome = catch_unwind(AssertUnwindSafe(|| step.take(event)));
        let Step { mut server, done, .. } = step;
        if self.bounds.max_changes > 0 {
            server.note_commit(before.raft.commit(), &self.founders);
        }
        if let Err(panic) = outcome {
            let why = property::panic_message(&*panic);
            server = Server { broken: Some(Broken { property: property::NO_PANIC, why }), ..before.clone() };
            return (server, Done::default());
        }
        let restarted = matches!(event, Event::Fault(fault) if fault.is_restart());
        server.broken = if restarted && !before.is_synced() {
            property::broken_step(self.focus, &self.synced(before), &server, restarted)
        } else {
            property::broken_step(self.focus, before, &server, restarted)
        };
        (server, done)
    }

    /// The server as its disk alone would have it: what a crash must not take back.
    fn synced(&self, server: &Server) -> Server {
        let (raft, _) = Raft::recover(Arc::clone(&self.config), server.disk.clone());
        Server { raft, ..server.clone() }
    }

    /// What may happen to the server at any time.
    pub fn armed(&self, server: &Server) -> Vec<Tick> {
        if server.broken.is_some() {
            return Vec::new();
        }
        let leads = server.raft.is_leader();
        let runs = |timer| server.raft.timers().contains(&timer);
        // Without leases all clocks stand still, and no election time-out is long.
        let Clock { now, due, stopped, .. } = server.clock;
        let is_due = now >= due;
        let has_clock = self.bounds.lease().is_some() && !stopped;
        let may_propose = leads || self.way == Some(Way::Rule(Rule::OnlyLeaderAppends));
        let armed = [
            (
                Tick::Election,
                !leads
                    && is_due
                    && server.raft.may_campaign()
                    && self.bounds.allows_election_after(server.raft.term()),
            ),
            (Tick::Heartbeat, leads && self.bounds.max_heartbeats > 0),
            (Tick::Retry, leads && self.bounds.max_retries > 0),
            (Tick::Contact, runs(Timer::Contact) && self.bounds.lease().is_none()),
            (Tick::Quorum, runs(Timer::Quorum)),
            (Tick::Abandon, runs(Timer::Transfer)),
            (Tick::Compact, self.bounds.max_compactions > 0 && server.raft.can_compact(server.applied)),
            (Tick::Propose, may_propose && self.bounds.max_proposals > 0),
            (Tick::Clock, has_clock && now < self.bounds.max_ticks),
            (Tick::Sync, !server.is_synced()),
            (Tick::Grant, self.shim() == Some(Shim::VoteCheckTornFromGrant) && server.held.is_some()),
        ];
        let armed = armed.into_iter().filter_map(|(tick, on)| on.then_some(tick));
        // The election that comes of it needs a term to start in.
        let has_term = self.bounds.allows_election_after(server.raft.term());
        let may_transfer = leads && has_term && self.bounds.max_transfers > 0 && !runs(Timer::Transfer);
        let voters = server.raft.membership().voters();
        let others = voters.iter().filter(|id| may_transfer && *id != server.raft.id());
        let transfers = others.map(Tick::Transfer);
        // What a client knows, the world says: all but one of these cannot happen in it.
        let may_read = leads && self.bounds.max_reads > 0;
        let reads =
            (0..=self.bounds.max_index().0).filter(|_| may_read).map(|known| Tick::Read(Index(known)));
        let resends = self.resends(server).into_iter().map(Tick::Resend);
        armed
            .chain(transfers)
            .chain(self.changes(server).map(Tick::Change))
            .chain(resends)
            .chain(reads)
            .collect()
    }

    /// Where in a leader's log the commands stand that a client may send again. One that stands there twice is called
    /// by the first place.
    fn resends(&self, server: &Server) -> Vec<Index> {
        if self.bounds.max_resends == 0 || !server.raft.is_leader() {
            return Vec::new();
        }
        let observed = server.observed();
        let entries = observed.entries();
        let is_first = |(at, entry): &(usize, &Entry)| {
            matches!(entry.payload, Payload::Command(_))
                && entries[..*at].iter().all(|before| before.payload != entry.payload)
        };
        entries.iter().enumerate().filter(is_first).map(|(_, entry)| entry.id.index).collect()
    }

    /// The changes of the configuration that a leader would accept now. Who was removed does not come back: a leader
    /// then starts anew with what it knows of that server, and answers to it that are dead would rise.
    fn changes<'a>(&'a self, server: &'a Server) -> impl Iterator<Item = Reconfiguration> + 'a {
        let raft = &server.raft;
        let may = self.bounds.max_changes > 0 && raft.is_leader();
        let was_removed = |id: NodeId| {
            raft.membership().standing(id) == Standing::Outside
                && (self.founders.contains(id)
                    || changes_of(server).any(|then| then.standing(id) != Standing::Outside))
        };
        let all = self.bounds.ids().filter(move |id| may && !was_removed(*id));
        let all = all.flat_map(Reconfiguration::all_of);
        // In a cluster of two, to keep one is to remove the other: one name for it is enough.
        let named_once = |wish: &Reconfiguration| {
            !matches!(wish, Reconfiguration::KeepOnly(_))
                || self.way == Some(Way::Rule(Rule::OneServerAtATime))
        };
        all.filter(named_once).filter(|wish| raft.check_change(&wish.change()).is_ok())
    }

    /// What may go wrong at the server at any time.
    pub fn faults(&self, server: &Server) -> Vec<Fault> {
        if server.broken.is_some() {
            return Vec::new();
        }
        let of = server.pending.writes().len();
        let crashes = (0..=of).map(|keep| Fault::Crash { keep, of }).filter(|_| self.bounds.max_crashes > 0);
        let added = self.shim().and_then(|shim| shim.fault(server)).filter(|_| self.bounds.max_faults > 0);
        crashes.chain(added).collect()
    }

    fn shim(&self) -> Option<Shim> {
        match self.way {
            Some(Way::Shim(shim)) => Some(shim),
            _ => None,
        }
    }
}

/// A step under way.
struct Step<'a> {
    actor: &'a ServerActor,
    server: Server,
    done: Done,
    /// Were the reads that come out of the disk's queue answered when they were put in?
    are_answered: bool,
}

impl Step<'_> {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Deliver { from, message } => self.deliver(*from, message.clone()),
            Event::Tick(Tick::Election) => self.step(Input::Timeout(Timer::Election), None),
            Event::Tick(Tick::Heartbeat) => self.step(Input::Timeout(Timer::Heartbeat), None),
            Event::Tick(Tick::Retry) => self.step(Input::Timeout(Timer::Retry), None),
            Event::Tick(Tick::Contact) => self.step(Input::Timeout(Timer::Contact), None),
            Event::Tick(Tick::Quorum) => self.step(Input::Timeout(Timer::Quorum), None),
            Event::Tick(Tick::Transfer(to)) => self.step(Input::Transfer(*to), None),
            Event::Tick(Tick::Abandon) => self.step(Input::Timeout(Timer::Transfer), None),
            Event::Tick(Tick::Change(wish)) => self.step(Input::Reconfigure(wish.change()), None),
            Event::Tick(Tick::Compact) => self.compact(),
            Event::Tick(Tick::Propose) => self.propose(),
            Event::Tick(Tick::Resend(place)) => self.resend(*place),
            Event::Tick(Tick::Read(Index(known))) => self.step(Input::Read(ReadId(*known)), None),
            Event::Tick(Tick::Clock) => self.clock(),
            Event::Tick(Tick::Sync) => self.sync(),
            Event::Tick(Tick::Grant) => self.grant(),
            Event::Fault(fault) => self.fail(*fault),
        }
        let is_event = *event != Event::Tick(Tick::Clock);
        if is_event && self.actor.shim() == Some(Shim::NowSampledBeforeReceive) {
            self.server.clock.sampled = self.server.clock.now;
        }
        // Once an event is enough: no single one both makes a leader and deposes it.
        self.server.note_leadership();
    }

    fn deliver(&mut self, from: NodeId, mut message: Message) {
        if let Some(shim) = self.actor.shim() {
            shim.read(&self.server.raft, &mut message);
            if shim.holds(from, &self.server.raft, &message) {
                self.server.held = Some((from, message));
                return;
            }
            if shim == Shim::TruncateAppendTorn {
                let replaces = shim::replaces(&self.server.disk, &message);
                self.server.held = replaces.then(|| (from, message.clone()));
            }
        }
        self.receive(from, message);
    }

    fn receive(&mut self, from: NodeId, message: Message) {
        let heard = (from, message.clone());
        self.step(Input::Receive { from, message }, Some(&heard));
    }

    /// A request that was checked before is answered now, against whatever log there is now.
    fn grant(&mut self) {
        let Some((from, mut message)) = self.server.held.take() else { return };
        if let Body::RequestVote { last, .. } = &mut message.body {
            *last = self.server.raft.log().last().max(*last);
        }
        self.receive(from, message);
    }

    fn propose(&mut self) {
        self.server.proposed += 1;
        let value = machine::value(self.server.raft.id(), self.server.proposed);
        self.step(Input::Propose(value), None);
    }

    /// The state machine's state is written down, and the log compacted. That state is the entries that it was given:
    /// they stand in the log, and in the snapshot below it.
    fn compact(&mut self) {
        let through = self.server.applied;
        let observed = self.server.observed();
        let entries = observed.entries();
        let given = entries.len().min(usize::try_from(through.0).unwrap_or(usize::MAX));
        let state = snapshot::encode(&entries[..given]).into();
        self.step(Input::Compact { through, state }, None);
    }

    /// To Raft, what is sent again is a command like any other.
    fn resend(&mut self, place: Index) {
        let entries = self.server.observed().entries().into_owned();
        let entry = entries.into_iter().find(|entry| entry.id.index == place);
        if let Some(Payload::Command(command)) = entry.map(|entry| entry.payload) {
            self.step(Input::Propose(command), None);
        }
    }

    /// The clock goes on. What was promised until now is over at once: to wait longer is to hear of requests for votes
    /// later, which the network may see to as well.
    fn clock(&mut self) {
        self.server.clock.now += 1;
        if self.server.clock.now == self.server.clock.due {
            self.server.clock.due = 0;
            self.step(Input::Timeout(Timer::Contact), None);
        }
    }

    /// The disk finishes all that waits.
    fn sync(&mut self) {
        let effects = std::mem::take(&mut self.server.pending);
        self.are_answered = self.actor.shim() == Some(Shim::AnswersBeforeApply);
        self.persist(effects);
    }

    fn fail(&mut self, fault: Fault) {
        let pending = std::mem::take(&mut self.server.pending);
        match fault {
            Fault::Crash { keep, .. } => {
                pending.writes().iter().take(keep).for_each(|write| self.write(write));
            }
            Fault::Tear if self.actor.shim() == Some(Shim::CompactedBeforeSnapshot) => {
                self.tear_snapshot(&pending);
            }
            Fault::Tear => {
                if let Some((_, Message { body: Body::AppendEntries { prev, .. }, .. })) = &self.server.held {
                    self.server.disk.log.replace_after(prev.index, &[]);
                }
            }
            Fault::Corrupt => {
                let end = self.server.disk.log.last().index.prev();
                self.server.disk.log.replace_after(end, &[]);
            }
            Fault::Wipe => self.server.disk = Durable::default(),
            Fault::FailWrite => return self.fail_write(pending),
            Fault::Pause => {
                self.server.clock.stopped = true;
                self.server.pending = pending;
                return;
            }
            Fault::FailApply => {
                self.server.machine.iter_mut().for_each(StateMachine::fail);
                self.server.pending = pending;
                return;
            }
        }
        self.restart();
    }

    /// The disk gets as far as to compact the log, and not to the snapshot.
    fn tear_snapshot(&mut self, pending: &Effects) {
        for write in pending.writes() {
            if let Write::Snapshot(snapshot) = write {
                return self.server.disk.log.compact(snapshot.last);
            }
            self.write(write);
        }
    }

    /// What a host does that survives a failed write: it believes it, or it takes it back.
    fn fail_write(&mut self, pending: Effects) {
        if self.actor.shim() == Some(Shim::RewriteAfterError) {
            self.server.raft.forget_after(self.server.disk.log.last().index);
        } else {
            let Ok(outbox) = pending.persist(|_| Ok::<(), Infallible>(()));
            self.release(outbox);
        }
    }

    fn restart(&mut self) {
        let committed = self.server.raft.commit();
        let (raft, effects) = Raft::recover(Arc::clone(&self.actor.config), self.server.disk.clone());
        self.server.raft = raft;
        self.wait_an_election_timeout();
        self.server.held = None;
        self.restart_machine(committed);
        let Ok(outbox) = effects.persist(|_| Ok::<(), Infallible>(()));
        if let Some(snapshot) = outbox.restored {
            self.restore(&snapshot);
        }
        if self.actor.shim() == Some(Shim::RestartAppliesLog) {
            self.server.raft.assume_committed();
            let all = self.server.raft.log().entries().to_vec();
            self.apply(&all);
        }
    }

    /// The state machine starts anew, and is given the log again as the core learns what of it is committed.
    fn restart_machine(&mut self, committed: Index) {
        let kept = self.server.machine.take();
        self.server.machine = match self.actor.shim() {
            Some(Shim::EffectsOutliveApplied) => kept.map(|machine| machine.effects_alone()),
            _ => self.actor.machine(),
        };
        self.server.applied = match self.actor.shim() {
            Some(Shim::CommittedTakenForApplied) => committed,
            _ => Index(0),
        };
    }

    /// The state machine becomes what the snapshot says, its session table with it.
    fn restore(&mut self, snapshot: &Snapshot) {
        self.server.restore(snapshot, self.actor.machine(), self.actor.shim());
    }

    fn apply(&mut self, entries: &[Entry]) {
        self.server.apply(entries, self.actor.shim());
    }

    /// The core takes `input`; then its effects are carried out, or wait for the disk.
    fn step(&mut self, input: Input, heard: Option<&(NodeId, Message)>) {
        let before = self.actor.shim().map(|shim| (shim, self.server.raft.clone()));
        self.settled(input);
        if let Some((shim, before)) = before {
            self.hear_forged(shim, &before, heard);
        }
    }

    /// Acknowledgements that nobody sent, for a leader that takes something else for one.
    fn hear_forged(&mut self, shim: Shim, before: &Raft, heard: Option<&(NodeId, Message)>) {
        let message = heard.map(|(_, message)| message);
        let Some(forged) = shim.also_heard(before, &self.server.raft, message) else { return };
        let from_all = !before.is_leader();
        let peers: Vec<_> = self.server.raft.peers().collect();
        for peer in peers.into_iter().filter(|peer| from_all || heard.is_some_and(|(from, _)| from == peer)) {
            let body = Body::AppendReply { answer: forged, round: Round::default() };
            let message = Message { term: self.server.raft.term(), body };
            self.settled(Input::Receive { from: peer, message });
        }
    }

    /// The core takes `input`, and its effects are carried out, at the time that the host believes it is.
    fn settled(&mut self, input: Input) {
        let Clock { now, sampled, .. } = self.server.clock;
        let is_early = self.actor.shim() == Some(Shim::NowSampledBeforeReceive);
        let effects = self.server.raft.step(Time(u64::from(if is_early { sampled } else { now })), input);
        self.settle(effects);
    }

    /// Sends what may be early; the rest is carried out now, or waits for [`Tick::Sync`].
    fn settle(&mut self, mut effects: Effects) {
        let early = effects.early();
        self.send(early);
        if effects.restart.contains(&Timer::Contact) {
            self.wait_an_election_timeout();
        }
        // Timers fire whenever they like, and what is refused a client asks another server.
        effects.restart.clear();
        effects.refused.clear();
        effects.answer = None;
        effects.ignored = None;
        let waits = !effects.writes().is_empty() || !self.server.is_synced();
        if self.actor.bounds.disk == Disk::Atomic || !waits {
            self.persist(effects);
        } else {
            self.leak(&effects);
            self.server.pending.merge(effects);
        }
    }

    /// From now on, by the server's own clock, if it has one.
    fn wait_an_election_timeout(&mut self) {
        if let Some(lease) = self.actor.bounds.lease() {
            let promise = u32::try_from(lease.promise.0).unwrap_or(u32::MAX);
            self.server.clock.due = self.server.clock.now.saturating_add(promise);
        }
    }

    /// What a host lets out that does not wait for its disk.
    fn leak(&mut self, effects: &Effects) {
        let Some(shim) = self.actor.shim() else { return };
        let Ok(outbox) = effects.clone().persist(|_| Ok::<(), Infallible>(()));
        let early = outbox.messages.into_iter().filter(|(_, message)| shim.leaves_early(message)).collect();
        self.send(early);
        if shim.applies_early() {
            self.apply(&outbox.committed);
        }
        if shim == Shim::AnswersBeforeApply {
            // Before what they must show is applied.
            outbox.reads.into_iter().for_each(|read| self.server.answer(read));
        }
        if let Some(persisted) = outbox.persisted.filter(|_| shim.confirms_early(effects.writes())) {
            self.settled(Input::Persisted(persisted));
        }
    }

    fn persist(&mut self, effects: Effects) {
        let Ok(outbox) = effects.persist(|writes| {
            for write in writes {
                self.write(write);
            }
            Ok::<(), Infallible>(())
        });
        self.release(outbox);
    }

    /// The disk is rebuilt from the writes, as recovery would.
    fn write(&mut self, write: &Write) {
        let written = match self.actor.shim() {
            Some(shim) => shim.disk_write(write),
            None => Some(write.clone()),
        };
        if let Some(write) = written {
            self.server.disk.apply(&write);
            self.done.written.push(write);
        }
    }

    fn release(&mut self, outbox: Outbox) {
        self.send(outbox.messages);
        if let Some(snapshot) = outbox.restored {
            self.restore(&snapshot);
        }
        let given = self.server.applied;
        let skips = self.actor.shim().is_some_and(Shim::skips_applied);
        let news: Vec<_> =
            outbox.committed.into_iter().filter(|entry| !skips || entry.id.index > given).collect();
        self.apply(&news);
        if !std::mem::take(&mut self.are_answered) {
            outbox.reads.into_iter().for_each(|read| self.server.answer(read));
        }
        if let Some(persisted) = outbox.persisted {
            self.settled(Input::Persisted(persisted));
        }
    }

    fn send(&mut self, messages: Vec<(NodeId, Message)>) {
        for (to, mut message) in messages {
            if let Some(shim) = self.actor.shim() {
                shim.forge(&self.server.raft, &mut message);
            }
            self.done.sent.push((to, message));
        }
    }
}

/// The configurations in its log, and in what its snapshot stands for.
fn changes_of(server: &Server) -> impl Iterator<Item = Arc<Membership>> {
    let in_log = server.raft.log().changes().map(|(_, members)| Arc::clone(members));
    let below = server.raft.snapshot().map(|snapshot| snapshot::memberships(&snapshot.state));
    below.unwrap_or_default().into_iter().chain(in_log)
}

/// The name of the choice by which faults happen.
const FAULT: &str = "fault";

/// stateright counts actors from 0, Raft's servers are named from 1.
pub fn node(id: Id) -> NodeId {
    NodeId(usize::from(id) as u64 + 1)
}

/// The actor that plays server `node`.
pub fn actor_id(node: NodeId) -> Id {
    Id::from(usize::try_from(node.0).unwrap_or(usize::MAX).wrapping_sub(1))
}

impl ServerActor {
    /// Takes the step in stateright's terms. Timers and choices are told only when they change, and the state is
    /// touched only when it does: what changes nothing stays invisible to the checker.
    fn carry_out(&self, state: &mut Cow<Server>, event: &Event, out: &mut Out<Self>) {
        let (after, done) = self.react(state, event);
        for (to, message) in done.sent {
            out.send(actor_id(to), message);
        }
        let (was, now) = (self.armed(state), self.armed(&after));
        let fired = |tick: &Tick| *event == Event::Tick(*tick);
        for tick in now.iter().filter(|tick| !was.contains(tick) || fired(tick)) {
            out.set_timer(*tick, model_timeout());
        }
        for tick in was.iter().filter(|tick| !now.contains(tick) && !fired(tick)) {
            out.cancel_timer(*tick);
        }
        let faults = self.faults(&after);
        if faults != self.faults(state) || matches!(event, Event::Fault(_)) {
            out.choose_random(FAULT, faults);
        }
        if after != **state {
            *state.to_mut() = after;
        }
    }
}

impl Actor for ServerActor {
    type Msg = Message;
    type Timer = Tick;
    type State = Server;
    type Storage = ();
    type Random = Fault;

    fn on_start(&self, _id: Id, _storage: &Option<()>, out: &mut Out<Self>) -> Server {
        let server = self.start();
        self.armed(&server).into_iter().for_each(|tick| out.set_timer(tick, model_timeout()));
        out.choose_random(FAULT, self.faults(&server));
        server
    }

    fn on_msg(&self, _id: Id, state: &mut Cow<Server>, src: Id, message: Message, out: &mut Out<Self>) {
        self.carry_out(state, &Event::Deliver { from: node(src), message }, out);
    }

    fn on_timeout(&self, _id: Id, state: &mut Cow<Server>, tick: &Tick, out: &mut Out<Self>) {
        self.carry_out(state, &Event::Tick(*tick), out);
    }

    fn on_random(&self, _id: Id, state: &mut Cow<Server>, fault: &Fault, out: &mut Out<Self>) {
        self.carry_out(state, &Event::Fault(*fault), out);
    }

    fn name(&self) -> String {
        self.config.id().to_string()
    }
}
