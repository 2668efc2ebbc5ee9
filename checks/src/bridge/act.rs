//! The events of the model, carried out on a real server. What cannot happen to it is declined, in a sentence.

use raftlab_core::{Body, Index, LogId, Message, NodeId, Timer, Write};
use raftlab_model::{Event, Fault, Shim, Tick, replaces};
use raftlab_node::disk::{Disk as _, Memory};
use raftlab_node::node::{self, Ask, Reply, Ticket};

use super::lies;
use super::names::{self, Translation};
use super::puppet::{Declined, Finish, Moved, Puppet, kept};

type Carried = Result<(), Declined>;

/// An event, with what the model does not say of it.
#[derive(Clone, Copy, Debug)]
pub struct Cue<'a> {
    /// What happens.
    pub event: &'a Event,
    /// The message as it was sent, if one arrives.
    pub message: Option<&'a Message>,
    /// What a proposing client proposes.
    pub value: Option<&'a raftlab_core::Command>,
    /// What clients have been told of.
    pub known: Index,
}

impl Puppet {
    /// Does what the event says, and shows itself.
    ///
    /// # Errors
    ///
    /// Why it cannot happen to this server.
    pub fn act(&mut self, cue: Cue<'_>, names: &mut Translation) -> Result<Moved, Declined> {
        let mut moved = Moved::default();
        match cue.event {
            Event::Deliver { from, .. } => {
                if let Some(message) = cue.message {
                    self.deliver(*from, message.clone(), &mut moved)?;
                }
            }
            Event::Tick(tick) => self.tick(*tick, cue, names, &mut moved)?,
            Event::Fault(fault) => self.fail(*fault, &mut moved)?,
        }
        if *cue.event != Event::Tick(Tick::Clock) && self.lie == Some(Shim::NowSampledBeforeReceive) {
            self.shown.clock.sampled = self.shown.clock.now;
        }
        self.show(names);
        if moved.stopped.is_some() {
            self.host = None;
        }
        Ok(moved)
    }

    fn tick(&mut self, tick: Tick, cue: Cue<'_>, names: &mut Translation, moved: &mut Moved) -> Carried {
        match tick {
            Tick::Election => self.campaign(moved),
            Tick::Heartbeat => self.time_out(Timer::Heartbeat, moved),
            Tick::Retry => self.time_out(Timer::Retry, moved),
            Tick::Contact => self.time_out(Timer::Contact, moved),
            Tick::Quorum => self.time_out(Timer::Quorum, moved),
            Tick::Abandon => self.time_out(Timer::Transfer, moved),
            Tick::Transfer(to) => self.ask(Ask::Transfer(to), moved),
            Tick::Change(wish) => self.ask(Ask::Change(wish.change()), moved),
            Tick::Propose => {
                let value = cue.value.ok_or_else(|| Declined("nobody proposes anything".into()))?;
                self.ask(Ask::Do(names::put(value)), moved)
            }
            Tick::Read(_) => {
                self.await_read(Ticket(self.ticket + 1), cue.known);
                self.ask(Ask::Get(names::key()), moved)
            }
            Tick::Compact => self.compact(names, moved),
            Tick::Clock => self.clock(moved),
            Tick::Sync => self.sync(moved),
            Tick::Grant => self.grant(moved),
            // Only state machines with sessions tell it from a proposal.
            Tick::Resend(_) => Err(Declined("real clients send again in a session".into())),
        }
    }

    fn deliver(&mut self, from: NodeId, mut message: Message, moved: &mut Moved) -> Carried {
        if let Some(shim) = self.lie {
            shim.read(self.raft(), &mut message);
            if shim.holds(from, self.raft(), &message) {
                self.held = Some((from, message));
                return Ok(());
            }
            if shim == Shim::TruncateAppendTorn {
                let replaces = replaces(&self.shown.disk, &message);
                self.held = replaces.then(|| (from, message.clone()));
            }
        }
        self.receive(from, message, moved)
    }

    fn receive(&mut self, from: NodeId, message: Message, moved: &mut Moved) -> Carried {
        self.event(node::Event::Receive { from, message }, moved)
    }

    /// A request that was checked before is answered now.
    fn grant(&mut self, moved: &mut Moved) -> Carried {
        let nothing =
            || Declined(format!("{} checks and grants in one step: no vote waits between", self.id));
        let (from, mut message) = self.held.take().ok_or_else(nothing)?;
        lies::grants_unchecked(self.raft(), &mut message);
        self.receive(from, message, moved)
    }

    /// The node takes an event, and the disk works; then a leader may hear what nobody said.
    fn event(&mut self, event: node::Event, moved: &mut Moved) -> Carried {
        let before = self.raft().clone();
        let heard = match &event {
            node::Event::Receive { from, message } => Some((*from, message.clone())),
            _ => None,
        };
        self.step(event, moved)?;
        self.also_hear(&before, heard.as_ref(), moved)
    }

    /// A broken leader hears what nobody said.
    fn also_hear(
        &mut self,
        before: &raftlab_core::Raft,
        heard: Option<&(NodeId, Message)>,
        moved: &mut Moved,
    ) -> Carried {
        let Some(shim) = self.lie else { return Ok(()) };
        let heard = heard.map(|(from, message)| (*from, message));
        for (from, message) in lies::also_hears(shim, before, self.raft(), heard) {
            self.step(node::Event::Receive { from, message }, moved)?;
        }
        Ok(())
    }

    fn step(&mut self, event: node::Event, moved: &mut Moved) -> Carried {
        let now = self.now();
        let output = self.up()?.node.step(now, event);
        match output {
            Ok(output) => {
                self.note(output, moved);
                self.settle(moved)
            }
            Err(error) => {
                moved.stopped = Some(format!("{} stops: {error}", self.id));
                Ok(())
            }
        }
    }

    /// A client asks. What it is told at once, other than a value, is that it asks in vain.
    fn ask(&mut self, ask: Ask, moved: &mut Moved) -> Carried {
        self.ticket += 1;
        let (id, ticket) = (self.id, Ticket(self.ticket));
        self.event(node::Event::Ask(ticket, ask), moved)?;
        let reply = moved.replies.iter().find(|(to, _)| *to == ticket).map(|(_, reply)| reply);
        Err(Declined(match reply {
            Some(Reply::NotLeader(leader)) => {
                let whom = leader.map_or(String::new(), |leader| format!(", and names {leader}"));
                format!("{id} says that it does not lead{whom}")
            }
            Some(Reply::Refused(refusal)) => format!("{id} refuses the change: {refusal}"),
            Some(Reply::NoPeer(to)) => format!("{id} has no voter {to} to hand over to"),
            _ => return Ok(()),
        }))
    }

    fn campaign(&mut self, moved: &mut Moved) -> Carried {
        let (id, clock) = (self.id, self.shown.clock);
        if !self.raft().may_campaign() {
            return Err(Declined(format!("{id} starts no election: it is not one that votes")));
        }
        if clock.now < clock.due {
            let (now, due) = (clock.now, clock.due);
            return Err(Declined(format!("{id} waits until its clock shows {due}, and it shows {now}")));
        }
        self.time_out(Timer::Election, moved)
    }

    fn time_out(&mut self, timer: Timer, moved: &mut Moved) -> Carried {
        let (id, now) = (self.id, self.now());
        if !self.raft().timers().contains(&timer) {
            return Err(Declined(format!("no timer {timer:?} runs at {id}")));
        }
        self.run_out(timer, now, moved)
    }

    fn run_out(&mut self, timer: Timer, now: raftlab_core::Time, moved: &mut Moved) -> Carried {
        let before = self.raft().clone();
        match self.up()?.node.time_out(now, timer) {
            Ok(output) => self.note(output, moved),
            Err(error) => moved.stopped = Some(format!("{} stops: {error}", self.id)),
        }
        self.settle(moved)?;
        self.also_hear(&before, None, moved)
    }

    /// The clock goes on. What was promised until now is over.
    fn clock(&mut self, moved: &mut Moved) -> Carried {
        if self.shown.clock.stopped {
            return Ok(());
        }
        self.shown.clock.now += 1;
        if self.shown.clock.now == self.shown.clock.due {
            self.shown.clock.due = 0;
            let now = self.now();
            self.run_out(Timer::Contact, now, moved)?;
        }
        Ok(())
    }

    /// The state machine's state is written down, and the log compacted.
    fn compact(&mut self, names: &mut Translation, moved: &mut Moved) -> Carried {
        let store = self.up()?.node.store().clone();
        let last = store.applied();
        if !self.raft().can_compact(last.index) {
            return Err(Declined(format!("{} cannot compact its log up to {last}", self.id)));
        }
        let state = store.snapshot().into();
        let given = self.shown.observed().entries().into_owned();
        let covered = given.len().min(usize::try_from(last.index.0).unwrap_or(usize::MAX));
        names.note(last, &state, &given[..covered]);
        self.event(node::Event::Snapshot { through: last.index, state }, moved)
    }

    /// The disk finishes all that waits.
    fn sync(&mut self, moved: &mut Moved) -> Carried {
        let late = std::mem::take(&mut self.unsynced);
        if !late.is_empty() {
            let written = self.up()?.write(&late);
            written.map_err(|error| Declined(error.to_string()))?;
            moved.written.extend(late);
        }
        self.finish(Finish::Writes, moved)?;
        self.settle(moved)
    }

    fn fail(&mut self, fault: Fault, moved: &mut Moved) -> Carried {
        let honest = self.lie.is_none();
        match fault {
            Fault::Crash { keep, .. } => self.crash(keep, moved),
            Fault::Tear => {
                let torn = self.held.take().filter(|_| !honest);
                let cut = torn.and_then(|(_, message)| match message.body {
                    Body::AppendEntries { prev, .. } => Some(prev),
                    _ => None,
                });
                self.cut_after(cut)?;
                self.crash(0, moved)
            }
            Fault::Corrupt if honest => self.damage(moved),
            Fault::Corrupt => {
                let end = self.shown.disk.log.last().index.prev();
                self.cut_after(Some(LogId::new(self.shown.disk.term, end)))?;
                self.crash(0, moved)
            }
            Fault::Wipe => {
                let disk = self.take_down(moved)?;
                self.restart(if honest { disk } else { Memory::default() }, moved)
            }
            Fault::FailWrite => self.fail_write(honest, moved),
            Fault::Pause => {
                (self.is_paused, self.shown.clock.stopped) = (true, !honest);
                Ok(())
            }
            Fault::FailApply => Err(Declined("a real state machine executes what it is given".into())),
        }
    }

    /// Its log, through no fault of the node's, ends there from now on.
    fn cut_after(&mut self, end: Option<LogId>) -> Carried {
        let Some(end) = end else { return Ok(()) };
        self.up()?.cut_after(end.index).map_err(|error| Declined(error.to_string()))
    }

    /// A write fails. An honest host stops; one that swallows the error goes on.
    fn fail_write(&mut self, honest: bool, moved: &mut Moved) -> Carried {
        if self.waiting().is_empty() {
            return Err(Declined(format!("{} writes nothing", self.id)));
        }
        if !honest {
            self.finish(Finish::SaysSo, moved)?;
            return self.settle(moved);
        }
        self.up()?.disk().fail(1, raftlab_node::disk::Fault::Error);
        self.finish(Finish::Writes, moved)
    }

    /// The power goes. What waits is one record of a real log: it survives whole or not at all.
    fn crash(&mut self, keep: usize, moved: &mut Moved) -> Carried {
        let late = std::mem::take(&mut self.unsynced);
        moved.interrupted = !late.is_empty();
        let of = late.len() + self.waiting().len();
        if 0 < keep && keep < of {
            return Err(Declined(format!(
                "no crash leaves {keep} of {of} writes of one record of a real log"
            )));
        }
        if 0 < keep {
            let writes: Vec<Write> = late.iter().filter_map(|write| kept(self.lie, write)).collect();
            let written = self.up()?.write(&writes);
            written.map_err(|error| Declined(error.to_string()))?;
            let mut unheard = Moved::default();
            self.finish(Finish::Writes, &mut unheard)?;
            moved.written.extend(writes.into_iter().chain(unheard.written));
            moved.interrupted = true;
        }
        let disk = self.take_down(moved)?;
        self.restart(disk, moved)
    }

    /// Its process ends, in the middle of a write if anything waits: what is to be appended is written then, and not
    /// synced, and nothing of it survives.
    fn take_down(&mut self, moved: &mut Moved) -> Result<Memory, Declined> {
        moved.interrupted |= !self.waiting().is_empty();
        let id = self.id;
        let mut host = self.host.take().ok_or_else(|| Declined(format!("{id} has stopped")))?;
        host.begin();
        Ok(host.crash(1, || false))
    }

    fn restart(&mut self, disk: Memory, moved: &mut Moved) -> Carried {
        self.shown.applied = Index(0);
        if let Some(due) = self.promise() {
            self.shown.clock.due = due;
        }
        self.start(disk, moved)
    }

    /// A bit turns in the last record of its log, which was synced.
    fn damage(&mut self, moved: &mut Moved) -> Carried {
        let disk = self.take_down(moved)?;
        let io = |error: std::io::Error| Declined(error.to_string());
        let name = disk.names().map_err(io)?.pop().unwrap_or_default();
        let damaged = disk.damaged(&name, |bytes| {
            if let Some(last) = bytes.iter_mut().rev().find(|byte| **byte != 0) {
                *last ^= 1 << 7;
            }
        });
        self.restart(damaged, moved)
    }
}
