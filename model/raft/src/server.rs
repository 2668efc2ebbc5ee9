//! One server of the model: the core, the disk rebuilt from its writes, and the ghosts that watch it.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use raftlab_core::{
    Durable, Effects, Entry, Index, Membership, Message, NodeId, Payload, Raft, Readable, Role, Snapshot,
    Term, Voters,
};

use crate::machine::StateMachine;
use crate::shim::Shim;
use crate::snapshot;

/// The state of one actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// What the process holds in memory.
    pub raft: Raft,
    /// What its disk holds: the replay of the writes that were synced, never a copy of the core's own state.
    pub disk: Durable,
    /// Effects that wait for the disk; empty on an atomic disk.
    pub pending: Effects,
    /// The last index given to the state machine since the process started.
    pub applied: Index,
    /// What it was given to; nothing where no command is sent again.
    pub machine: Option<StateMachine>,
    /// What watches, and never decides.
    pub ghosts: Ghosts,
    /// A request that a weakening tears apart: a vote between check and grant, or a replacement of entries that the
    /// disk still works on.
    pub held: Option<(NodeId, Message)>,
    /// Its clock; at 0 for ever where there are no leases.
    pub clock: Clock,
    /// Proposals made here, ever: they make the values distinct.
    pub proposed: u32,
    /// The first property that a step of this server broke. It takes no further step.
    pub broken: Option<Broken>,
}

/// A clock, in ticks, and what its host knows by it. It goes on through crashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clock {
    /// What it shows.
    pub now: u32,
    /// When the least election time-out is over, 0 if it is: one that began when a leader was heard last, or at the
    /// last restart. An election timer that runs longer, or was restarted since, may run out here too: to fire early
    /// loses nothing.
    pub due: u32,
    /// What it showed when the host read it for its last event; only with a weakening.
    pub sampled: u32,
    /// It stands still; only with a weakening.
    pub stopped: bool,
}

/// A read that was answered with less than its client was told of before it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StaleRead {
    /// The command that the client had been told of, or could have been.
    pub known: Index,
    /// The last entry that the state machine had been given.
    pub shown: Index,
}

/// History variables: they survive crashes, are read by properties, and never enter the core.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ghosts {
    /// Every term that this server ever led, in order.
    pub led: Vec<Term>,
    /// Every entry that its state machine was ever given, by index, from 1.
    pub applied: Vec<Entry>,
    /// For each of them, the term of the server when it was first given: the entry was committed in that term or
    /// before.
    pub committed_in: Vec<Term>,
    /// The furthest that it ever knew to be committed. Noted only where configurations change: elsewhere nobody asks.
    pub known: Index,
    /// What it committed as a leader under other configurations than that of the new cluster.
    pub counted: Vec<Counted>,
    /// An entry that it was given twice, out of order, or where it had been given another one.
    pub misapplied: Option<Entry>,
    /// Reads that it answered.
    pub answered: u32,
    /// The first of them that was stale.
    pub stale: Option<StaleRead>,
}

/// Entries that a leader committed, and the configuration by which it counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Counted {
    /// The first.
    pub from: Index,
    /// The last.
    pub to: Index,
    /// Whose acknowledgements counted.
    pub members: Membership,
}

/// A step property that broke, and why.
///
/// Why is told to people, and is no part of the state: it names servers, and quotes what was before the step. A
/// server that broke something does nothing more, so two that differ by these words alone have one future and one
/// verdict.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The property's name.
    pub property: &'static str,
    /// What was seen.
    pub why: String,
}

/// What properties read of a server: they serve every engine, and real processes, alike.
///
/// A world of the model is small, and its snapshots say what they stand for: everything is looked at each time. A
/// process has logs of thousands of entries and snapshots that only its state machine reads. Of those only a *window*
/// is looked at, what stands behind an index, and somebody else has kept in mind what was applied before it.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Its memory.
    pub raft: &'a Raft,
    /// Its disk.
    pub disk: &'a Durable,
    /// Its history. What was applied and when it was committed is said from behind the window's beginning on.
    pub ghosts: &'a Ghosts,
    /// lastApplied.
    pub applied: Index,
    /// Its state machine, if it has one.
    pub machine: Option<&'a StateMachine>,
    /// Where the window begins: entries up to here are not looked at. 0 if all are, and else no less than the base of
    /// the log. Servers that are judged together have one window.
    pub beyond: Index,
    /// What is known of entries below the base of a log; nothing, if its snapshot says so itself.
    pub past: Option<&'a dyn Past>,
}

/// Who knows which entries were applied.
pub trait Past: fmt::Debug {
    /// Is this the entry that was applied at its index?
    fn holds(&self, entry: &Entry) -> bool;
}

impl PartialEq for Broken {
    fn eq(&self, other: &Broken) -> bool {
        self.property == other.property
    }
}

impl Eq for Broken {}

impl Hash for Broken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.property.hash(state);
    }
}

impl Server {
    /// For the properties.
    pub fn observed(&self) -> Observed<'_> {
        let Server { raft, disk, ghosts, applied, machine, .. } = self;
        let (machine, beyond, past) = (machine.as_ref(), Index(0), None);
        Observed { raft, disk, ghosts, applied: *applied, machine, beyond, past }
    }

    /// Are there writes that a crash may lose?
    pub fn is_synced(&self) -> bool {
        self.pending == Effects::default()
    }

    /// Gives entries to the state machine, and notes what a state machine must never see: an entry twice in one life, a
    /// gap, or at an index another entry than in an earlier life.
    pub fn apply(&mut self, committed: &[Entry], host: Option<Shim>) {
        for entry in committed {
            let slot = usize::try_from(entry.id.index.0).unwrap_or(usize::MAX);
            let known = self.ghosts.applied.get(slot.wrapping_sub(1));
            if entry.id.index != self.applied.next() || known.is_some_and(|known| known != entry) {
                self.ghosts.misapplied = Some(entry.clone());
            } else if known.is_none() {
                self.ghosts.applied.push(entry.clone());
                self.ghosts.committed_in.push(self.raft.term());
            }
            self.applied = entry.id.index;
            if let Some(machine) = &mut self.machine {
                machine.apply(entry, host);
            }
        }
    }

    /// The state machine becomes what a snapshot says.
    pub fn restore(&mut self, snapshot: &Snapshot, machine: Option<StateMachine>, host: Option<Shim>) {
        let given = snapshot::decode(&snapshot.state);
        self.machine = machine.map(|machine| machine.restored(&given, host));
        let known = self.ghosts.applied.len().min(given.len());
        if let Some(at) = (0..known).find(|at| self.ghosts.applied[*at] != given[*at]) {
            self.ghosts.misapplied = Some(given[at].clone());
        }
        for entry in given.into_iter().skip(known) {
            self.ghosts.applied.push(entry);
            self.ghosts.committed_in.push(self.raft.term());
        }
        self.applied = snapshot.last.index;
    }

    /// Notes, where configurations change, how far it knows to be committed, and by which of them it counted as a
    /// leader, if it committed something since its commitIndex was `before`.
    pub fn note_commit(&mut self, before: Index, founders: &Voters) {
        let (to, used) = (self.raft.commit(), self.raft.membership());
        self.ghosts.known = self.ghosts.known.max(to);
        if to <= before || self.ghosts.led.last() != Some(&self.raft.term()) {
            return;
        }
        match self.ghosts.counted.last_mut().filter(|last| last.members == *used) {
            Some(last) => last.to = to,
            None if used.voters() == founders => {}
            None => self.ghosts.counted.push(Counted { from: before.next(), to, members: used.clone() }),
        }
    }

    /// Answers a read from the state machine.
    pub fn answer(&mut self, read: Readable) {
        // The model names a read by what its client knows.
        let (known, shown) = (Index(read.id.0), self.applied);
        self.ghosts.answered += 1;
        if shown < known {
            self.ghosts.stale.get_or_insert(StaleRead { known, shown });
        }
    }

    /// The last command that its state machine was ever given: whoever proposed it may have been told.
    pub fn last_command(&self) -> Index {
        let is_command = |entry: &&Entry| matches!(entry.payload, Payload::Command(_));
        self.ghosts.applied.iter().rev().find(is_command).map_or(Index(0), |entry| entry.id.index)
    }

    /// Notes the term that is led, if one is.
    pub fn note_leadership(&mut self) {
        if self.raft.is_leader() && self.ghosts.led.last() != Some(&self.raft.term()) {
            self.ghosts.led.push(self.raft.term());
        }
    }
}

impl Observed<'_> {
    /// Its name.
    pub fn id(&self) -> NodeId {
        self.raft.id()
    }

    /// Every entry of the window that it takes for committed, and the term in which it did first: what its state machine was
    /// ever given, and what it knows beyond. What it had learned and not yet given to its state machine is lost in a
    /// crash, here too.
    pub fn committed(&self) -> impl Iterator<Item = (&Entry, Term)> {
        let given = self.ghosts.applied.iter().zip(self.ghosts.committed_in.iter().copied());
        let last_given = Index(self.beyond.0 + self.ghosts.applied.len() as u64);
        let beyond = self.raft.log().between(last_given, self.raft.commit());
        given.chain(beyond.iter().map(|entry| (entry, self.raft.term())))
    }

    /// The configurations other than that of the new cluster by which it committed the entry at `index`, as a leader.
    pub fn counted(&self, index: Index) -> impl Iterator<Item = &Membership> {
        let covers = move |counted: &&Counted| (counted.from..=counted.to).contains(&index);
        self.ghosts.counted.iter().filter(covers).map(|counted| &counted.members)
    }

    /// Its log behind the beginning of the window, with the entries that a snapshot stands for.
    pub fn entries(&self) -> Cow<'_, [Entry]> {
        if self.beyond > Index(0) {
            return Cow::Borrowed(self.raft.log().after(self.beyond, usize::MAX));
        }
        snapshot::whole(self.raft.snapshot().map(AsRef::as_ref), self.raft.log())
    }

    /// Does its disk hold this entry, or a snapshot of what it did?
    pub fn has_durable(&self, entry: &Entry) -> bool {
        if entry.id.index > self.disk.log.base().index {
            return self.disk.log.get(entry.id.index) == Some(entry);
        }
        if let Some(past) = self.past {
            return past.holds(entry);
        }
        let whole = snapshot::whole(self.disk.snapshot.as_deref(), &self.disk.log);
        whole.iter().find(|held| held.id.index == entry.id.index) == Some(entry)
    }
}

impl fmt::Display for Server {
    /// `F 1 vote=n2 [1@1]`: one column of a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.raft.role() {
            Role::Follower { .. } => 'F',
            Role::PreCandidate { .. } => 'P',
            Role::Candidate { .. } => 'C',
            Role::Leader { .. } => 'L',
        };
        write!(f, "{role} {}", self.raft.term())?;
        if let Some(vote) = self.raft.voted_for().filter(|_| !self.raft.is_leader()) {
            write!(f, " vote={vote}")?;
        }
        write!(f, " {} commit={}", self.raft.log(), self.raft.commit())?;
        if !self.is_synced() {
            write!(f, " unsynced={}", self.pending.writes().len())?;
        }
        if self.clock != Clock::default() {
            write!(f, " clock={}", self.clock.now)?;
        }
        Ok(())
    }
}
