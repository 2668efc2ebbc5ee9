//! What can happen to a server of the model, and the one line by which each event is known everywhere.

use std::fmt;

use raftlab_core::{Change, Index, Membership, Message, NodeId, Voters};

/// What makes a server take a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A message arrives.
    Deliver {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// Something armed at the server goes off.
    Tick(Tick),
    /// Something bad happens to it.
    Fault(Fault),
}

/// What a server's environment may do to it at any time while it is armed: the timers of the actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tick {
    /// The election timer runs out.
    Election,
    /// The heartbeat timer runs out.
    Heartbeat,
    /// The retry timer runs out.
    Retry,
    /// The least election time-out has passed since the leader was heard.
    Contact,
    /// A leader looks whether it still hears a majority.
    Quorum,
    /// Somebody wants the leader to hand over to this server.
    Transfer(NodeId),
    /// A leader that wanted to hand over still leads.
    Abandon,
    /// Somebody wants the leader to change the configuration.
    Change(Reconfiguration),
    /// The server takes a snapshot of its state machine, and compacts its log.
    Compact,
    /// A client proposes a command.
    Propose,
    /// A client that did not hear what became of its command, which stands here in the leader's log, sends it again.
    ///
    /// It would send it to a leader whose log lacks it too, and that needs no event of its own: of two copies that
    /// both come to be committed the later one stands in a log that holds the earlier one, so the leader that
    /// appended it held that one.
    Resend(Index),
    /// A client that was told of a command at this index, and of none after it, wants to read.
    Read(Index),
    /// The server's clock goes on by one.
    Clock,
    /// The disk has synced what was written.
    Sync,
    /// A vote whose request was checked before is granted now; only with a weakening.
    Grant,
}

/// A wish for another configuration: a [`Change`] in the form of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reconfiguration {
    /// This server is to join.
    AddLearner(NodeId),
    /// This learner is to vote.
    Promote(NodeId),
    /// This voter is to become a learner.
    Demote(NodeId),
    /// This server is to leave.
    Remove(NodeId),
    /// This server is to stay, and nobody else: a step for a cluster of two, and too far for a larger one.
    KeepOnly(NodeId),
}

/// What may go wrong at a server: the choices of the actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It crashes and restarts. Of the writes that wait for the disk, the first `keep` of `of` survive.
    Crash {
        /// How many survive.
        keep: usize,
        /// How many there were.
        of: usize,
    },
    /// It crashes in the middle of what the disk should take as one: between dropping entries and writing others in
    /// their place, or between compacting the log and writing the snapshot; only with a weakening.
    Tear,
    /// It crashes, and its disk loses the last synced entry; only with a weakening.
    Corrupt,
    /// It crashes, and returns under its name with an empty disk; only with a weakening.
    Wipe,
    /// A write fails; only with a weakening.
    FailWrite,
    /// The state machine cannot execute the next command that it is given; only with a weakening.
    FailApply,
    /// It is paused, and its clock stands still from then on; only with a weakening.
    Pause,
}

/// An event and the server at which it happens, as every trace, log and Explorer line prints it.
pub struct Label<'a>(pub NodeId, pub &'a Event);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label(at, event) = self;
        match event {
            Event::Deliver { from, message } => {
                write!(f, "deliver {}", Sent { from: *from, to: *at, message })
            }
            Event::Tick(Tick::Transfer(to)) => write!(f, "transfer {at} to {to}"),
            Event::Tick(Tick::Change(wish)) => write!(f, "change {at}: {}", wish.change()),
            Event::Tick(Tick::Resend(place)) => write!(f, "resend {at}: the command at {place}"),
            Event::Tick(Tick::Read(Index(0))) => write!(f, "read {at}"),
            Event::Tick(Tick::Read(known)) => write!(f, "read {at} knowing {known}"),
            Event::Tick(tick) => write!(f, "{} {at}", tick.name()),
            Event::Fault(Fault::Crash { keep, of }) if *of > 0 => {
                write!(f, "crash {at} keeping {keep} of {of} writes")
            }
            Event::Fault(fault) => write!(f, "{} {at}", fault.name()),
        }
    }
}

/// A message under way: `n2@1 → n1 RequestVote last=0@0`.
pub struct Sent<'a> {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// The message.
    pub message: &'a Message,
}

impl fmt::Display for Sent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} → {} {}", self.from, self.message.term, self.to, self.message.body)
    }
}

impl Tick {
    /// The verb of the label.
    pub fn name(self) -> &'static str {
        match self {
            Tick::Election => "timeout",
            Tick::Heartbeat => "heartbeat",
            Tick::Retry => "retry",
            Tick::Contact => "lose-contact",
            Tick::Quorum => "check-quorum",
            Tick::Transfer(_) => "transfer",
            Tick::Abandon => "abandon-transfer",
            Tick::Change(_) => "change",
            Tick::Compact => "compact",
            Tick::Propose => "propose",
            Tick::Resend(_) => "resend",
            Tick::Read(_) => "read",
            Tick::Clock => "tick",
            Tick::Sync => "sync",
            Tick::Grant => "grant",
        }
    }
}

impl Reconfiguration {
    /// All that name this server.
    pub fn all_of(id: NodeId) -> [Reconfiguration; 5] {
        [
            Reconfiguration::AddLearner(id),
            Reconfiguration::Promote(id),
            Reconfiguration::Demote(id),
            Reconfiguration::Remove(id),
            Reconfiguration::KeepOnly(id),
        ]
    }

    /// What the core is told.
    pub fn change(self) -> Change {
        match self {
            Reconfiguration::AddLearner(id) => Change::AddLearner(id),
            Reconfiguration::Promote(id) => Change::Promote(id),
            Reconfiguration::Demote(id) => Change::Demote(id),
            Reconfiguration::Remove(id) => Change::Remove(id),
            Reconfiguration::KeepOnly(id) => Change::To(Membership::of(Voters::new([id]))),
        }
    }

    /// The same of the server that `node` makes of the one that is named.
    #[must_use]
    pub(crate) fn renamed(self, node: impl Fn(NodeId) -> NodeId) -> Reconfiguration {
        match self {
            Reconfiguration::AddLearner(id) => Reconfiguration::AddLearner(node(id)),
            Reconfiguration::Promote(id) => Reconfiguration::Promote(node(id)),
            Reconfiguration::Demote(id) => Reconfiguration::Demote(node(id)),
            Reconfiguration::Remove(id) => Reconfiguration::Remove(node(id)),
            Reconfiguration::KeepOnly(id) => Reconfiguration::KeepOnly(node(id)),
        }
    }
}

impl Fault {
    /// Does the server lose its memory?
    pub fn is_restart(self) -> bool {
        match self {
            Fault::Crash { .. } | Fault::Tear | Fault::Corrupt | Fault::Wipe => true,
            Fault::FailWrite | Fault::FailApply | Fault::Pause => false,
        }
    }

    /// The verb of the label.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Crash { .. } => "crash",
            Fault::Tear => "tear",
            Fault::Corrupt => "corrupt",
            Fault::Wipe => "wipe",
            Fault::FailWrite => "fail-write",
            Fault::FailApply => "fail-apply",
            Fault::Pause => "pause",
        }
    }
}
