//! One server, as its journals have it: its core is given what the process took, and has to do what the process did.
//! Around it stands what a process has (`replica.rs`): a disk, what that works on, and what waits for it.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use raftlab_core::{
    Config, Durable, Effects, Index, Input, Message, NodeId, Outbox, Part, Raft, Snapshot, Term, Voters,
    Write,
};
use raftlab_model::{Counted, Ghosts, Observed, Past, panic_message};
use raftlab_node::journal::{Began, Outcome, Step};

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Its core, after its last step.
    pub raft: Raft,
    /// The same core, one step behind: what it was before.
    pub before: Raft,
    /// What its disk has said that it holds.
    pub disk: Durable,
    /// What the disk works on.
    in_flight: Option<Effects>,
    /// What waits for the disk.
    waiting: Option<Effects>,
    /// The last entry that its state machine was given in this life.
    pub applied: Index,
    /// The furthest that its state machine was given in any life.
    pub reached: Index,
    /// Every term that it led, in order.
    pub led: Vec<Term>,
    /// The furthest that it ever knew to be committed.
    pub known: Index,
    /// What it committed as a leader under other configurations than that of the new cluster.
    pub counted: Vec<Counted>,
}

/// Where the process and the core part: in words.
pub type Parted = String;

/// What is recorded of the end of a step.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// This came of it.
    Outcome(&'a Outcome),
    /// What came of it is not said: whoever recorded it ran this very core.
    Unsaid,
    /// The process panicked.
    Panic,
}

/// What came of a step that went as recorded.
#[derive(Debug, Default)]
pub struct Stepped {
    /// What was sent.
    pub sent: Vec<(NodeId, Message)>,
    /// What the state machine was given, in order.
    pub released: Vec<Outbox>,
    /// The last entry of the log that stayed, if the log changed.
    pub kept: Option<Index>,
    /// The last entry that the disk kept, if others were taken from it.
    pub lost_after: Option<Index>,
    /// Snapshots that took the place of entries.
    pub snapshots: Vec<Arc<Snapshot>>,
}

impl Server {
    /// The first life of a server.
    ///
    /// # Errors
    ///
    /// If its core came to something else.
    pub fn first(config: &Arc<Config>, began: &Began) -> Result<(Server, Stepped), Parted> {
        let (raft, effects) = recovered(config, began)?;
        let mut server = Server {
            before: raft.clone(),
            raft,
            disk: began.durable.clone(),
            in_flight: None,
            waiting: None,
            applied: Index(0),
            reached: Index(0),
            led: Vec::new(),
            known: Index(0),
            counted: Vec::new(),
        };
        let stepped = server.take(effects);
        Ok((server, stepped))
    }

    /// Its next life. What it was before becomes what its disk alone would have it.
    ///
    /// # Errors
    ///
    /// If its core came to something else.
    pub fn again(&mut self, config: Arc<Config>, began: &Began) -> Result<Stepped, Parted> {
        let (raft, effects) = recovered(&config, began)?;
        (self.before, _) = Raft::recover(config, self.disk.clone());
        (self.raft, self.disk) = (raft, began.durable.clone());
        (self.in_flight, self.waiting, self.applied) = (None, None, Index(0));
        Ok(self.take(effects))
    }

    /// Can its disk hold this after a crash? What it had said that it holds, and of the batch that it worked on a
    /// beginning: what stands between two snapshots is one record, and there whole or not at all (`wal.rs`).
    pub fn explains(&self, found: &Durable) -> bool {
        if self.disk == *found {
            return true;
        }
        let mut disk = self.disk.clone();
        let mut rest = self.in_flight.as_ref().map_or(&[][..], Effects::writes);
        while !rest.is_empty() {
            let run = rest.iter().take_while(|write| !matches!(write, Write::Snapshot(_))).count().max(1);
            rest[..run].iter().for_each(|write| disk.apply(write));
            if disk == *found {
                return true;
            }
            rest = &rest[run..];
        }
        false
    }

    /// All that waits is given to the disk. What has nothing to be written is released at once.
    ///
    /// # Errors
    ///
    /// If the disk had something already, or nothing waits.
    pub fn batch(&mut self) -> Result<Stepped, &'static str> {
        let batch = self.waiting.take().ok_or("nothing waited for the disk")?;
        if self.in_flight.is_some() {
            return Err("the disk was given a batch while it worked on one");
        }
        let mut stepped = Stepped::default();
        if batch.writes().is_empty() {
            stepped.release(batch);
        } else {
            self.in_flight = Some(batch);
        }
        Ok(stepped)
    }

    /// One step.
    ///
    /// # Errors
    ///
    /// If the core does something else than was recorded; a panic is told so, if one was recorded.
    pub fn step(&mut self, step: &Step, recorded: End<'_>, scratch: &mut Vec<u8>) -> Result<Stepped, Parted> {
        let mut finished = Stepped::default();
        if let Input::Persisted(persisted) = step.input {
            let batch = self.in_flight.take().ok_or("the disk finished what it was not given")?;
            for write in batch.writes() {
                finished.note_loss(write, &self.disk);
                self.disk.apply(write);
            }
            if finished.release(batch).persisted != Some(persisted) {
                return Err("the disk finished something else than it was given".into());
            }
        }
        let core = AssertUnwindSafe(|| self.raft.step(step.now, step.input.clone()));
        let effects =
            catch_unwind(core).map_err(|panic| format!("the core panics: {}", panic_message(&*panic)))?;
        match recorded {
            End::Panic => return Err("the process panicked, and the core does not".into()),
            End::Outcome(recorded) => compare(recorded, &self.raft, &effects, scratch)?,
            End::Unsaid => {}
        }
        let later = self.take(effects);
        finished.extend(later);
        Ok(finished)
    }

    /// The core of before takes the step too.
    pub fn catch_up(&mut self, step: Step) {
        drop(self.before.step(step.now, step.input));
    }

    /// Passes on what may happen now, and keeps the rest, as a replica does.
    fn take(&mut self, mut effects: Effects) -> Stepped {
        let mut stepped = Stepped { sent: effects.early(), ..Stepped::default() };
        for write in effects.writes() {
            match write {
                Write::Log { after, .. } => {
                    stepped.kept = Some(stepped.kept.map_or(*after, |kept| kept.min(*after)));
                }
                Write::Snapshot(snapshot) => stepped.snapshots.push(Arc::clone(snapshot)),
                Write::Vote { .. } => {}
            }
        }
        let waits_its_turn = effects.is_for_state_machine() && self.owes_state_machine();
        match &mut self.waiting {
            _ if !effects.waits_for_disk() && !waits_its_turn => _ = stepped.release(effects),
            Some(waiting) => waiting.merge(effects),
            None => self.waiting = Some(effects),
        }
        if self.raft.is_leader() && self.led.last() != Some(&self.raft.term()) {
            self.led.push(self.raft.term());
        }
        self.known = self.known.max(self.raft.commit());
        stepped
    }

    /// Does something for the state machine wait for the disk? What comes later may not overtake it.
    fn owes_state_machine(&self) -> bool {
        let owed = self.in_flight.iter().chain(&self.waiting);
        owed.into_iter().any(Effects::is_for_state_machine)
    }

    /// For the properties: what stands behind `beyond`, which is no less than the base of its log.
    pub fn observed<'a>(&'a self, ghosts: &'a Ghosts, beyond: Index, past: &'a dyn Past) -> Observed<'a> {
        let (raft, disk, applied) = (&self.raft, &self.disk, self.applied);
        Observed { raft, disk, ghosts, applied, machine: None, beyond, past: Some(past) }
    }

    /// What it remembers, but for entries.
    pub fn ghosts(&self) -> Ghosts {
        let (led, counted) = (self.led.clone(), self.counted.clone());
        Ghosts { led, known: self.known, counted, ..Ghosts::default() }
    }

    /// As leader it has committed what stands behind `before`, by the configuration that it has.
    pub fn count(&mut self, before: Index, founders: &Voters) {
        let (to, used) = (self.raft.commit(), self.raft.membership());
        match self.counted.last_mut().filter(|last| last.members == *used) {
            Some(last) => last.to = to,
            None if used.voters() == founders => {}
            None => self.counted.push(Counted { from: before.next(), to, members: used.clone() }),
        }
    }
}

impl Stepped {
    /// The disk is done with it.
    fn release(&mut self, effects: Effects) -> &Outbox {
        let Ok(mut outbox) = effects.persist(|_| Ok::<(), Infallible>(()));
        self.sent.append(&mut outbox.messages);
        self.released.push(outbox);
        &self.released[self.released.len() - 1]
    }

    /// Notes which entries a write takes from the disk.
    fn note_loss(&mut self, write: &Write, disk: &Durable) {
        let left = match write {
            Write::Log { after, .. } => *after,
            Write::Snapshot(snapshot) if disk.log.contains(snapshot.last) => return,
            Write::Snapshot(snapshot) => snapshot.last.index,
            Write::Vote { .. } => return,
        };
        if left < disk.log.last().index {
            self.lost_after = Some(self.lost_after.map_or(left, |lost| lost.min(left)));
        }
    }

    fn extend(&mut self, later: Stepped) {
        let Stepped { sent, released, kept, snapshots, lost_after: _ } = later;
        self.sent.extend(sent);
        self.released.extend(released);
        self.kept = kept.or(self.kept);
        self.snapshots.extend(snapshots);
    }
}

/// What its disk makes of a server, if that is what was recorded.
fn recovered(config: &Arc<Config>, began: &Began) -> Result<(Raft, Effects), Parted> {
    let (raft, effects) = Raft::recover(Arc::clone(config), began.durable.clone());
    let recorded = began.outcome.as_ref();
    recorded.map_or(Ok(()), |recorded| compare(recorded, &raft, &effects, &mut Vec::new()))?;
    Ok((raft, effects))
}

/// Did the core come to what was recorded?
fn compare(recorded: &Outcome, raft: &Raft, effects: &Effects, scratch: &mut Vec<u8>) -> Result<(), Parted> {
    let found = Outcome::of(raft, effects, scratch);
    if found == *recorded { Ok(()) } else { Err(difference(&found, recorded, raft, effects)) }
}

/// Names all in which two outcomes differ, and what the core gives there.
fn difference(found: &Outcome, recorded: &Outcome, raft: &Raft, effects: &Effects) -> Parted {
    let parts = Part::ALL.into_iter().zip(found.parts.iter().zip(&recorded.parts));
    let mut differing: Vec<String> = Vec::new();
    for (part, _) in parts.filter(|(_, (is, was))| is != was) {
        differing.push(format!("the {} differ: the core gives {:?}", part.name(), effects.part(part)));
    }
    let state = |outcome: &Outcome| (outcome.term, outcome.commit, outcome.last);
    if state(found) != state(recorded) {
        let said = |(term, commit, last)| format!("term {term}, commitIndex {commit}, a log up to {last}");
        let (has, had) = (said(state(found)), said(state(recorded)));
        differing.push(format!("the states differ: the process had {had}, and the core has {has}"));
    }
    format!("{}; the core is then {raft}", differing.join("; "))
}
