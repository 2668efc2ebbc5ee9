//! What goes into the protocol and what comes out. The order of disk and network is a type here, not advice.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::durable::{Persisted, Write};
use crate::log::Entry;
use crate::membership::{Change, Refusal};
use crate::message::Message;
use crate::snapshot::{Ignored, Snapshot};
use crate::types::{Command, Index, LogId, NodeId, ReadId};

/// Everything that can happen to a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Input {
    /// A message arrived: once, late, again, out of order, or from nobody known.
    Receive {
        /// Who sent it, by the transport's word.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// A timer ran out.
    Timeout(Timer),
    /// A client of this server wants a command replicated.
    Propose(Command),
    /// A client wants to read (dissertation 6.4).
    Read(ReadId),
    /// Somebody wants this leader to hand over to another server (dissertation 3.10).
    Transfer(NodeId),
    /// Somebody wants this leader to change who belongs to the cluster (dissertation 4.1).
    Reconfigure(Change),
    /// The state machine was given all entries up to `through`, and its host has written down what has become of it:
    /// the log need no longer hold them (§7). How many have to come together first is the host's policy.
    Compact {
        /// The last entry that the state has in it: above the log's base, and committed.
        through: Index,
        /// The state, as [`Outbox::restored`] is to bring it back, here or at another server.
        #[serde(with = "crate::bytes")]
        state: Arc<[u8]>,
    },
    /// The disk finished writes; the value comes from [`Outbox::persisted`].
    Persisted(Persisted),
}

/// The timers of a server. Delays are the host's: it draws them, the checker fires a timer whenever it is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timer {
    /// A follower or candidate heard from no leader for long (§5.2). Randomised anew at each start.
    Election,
    /// A leader has to be heard (§5.2). Much shorter than the election time-out (§5.6).
    Heartbeat,
    /// A leader sends again what followers have not acknowledged (§5.3, "retries indefinitely").
    Retry,
    /// A follower has not heard from its leader for the *least* time after which an election may start. From then on
    /// it would give its vote to another one (dissertation 4.2.3, 9.6). Never drawn longer than [`Timer::Election`];
    /// with leases, never shorter than was promised (6.4.1), after a restart too.
    Contact,
    /// A leader looks whether it still hears from a majority (dissertation 6.2). About an election time-out.
    Quorum,
    /// A leader that wanted to hand over still leads: it goes on (dissertation 3.10). About an election time-out.
    Transfer,
}

impl Timer {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Timer; 6] =
        [Timer::Election, Timer::Heartbeat, Timer::Retry, Timer::Contact, Timer::Quorum, Timer::Transfer];
}

/// What one step wants done.
///
/// Messages come out in two ways only: [`early`](Effects::early), for the few that may overtake the disk, and through
/// [`persist`](Effects::persist). Write-ahead is therefore a type, not a comment.
#[must_use = "dropping effects loses writes, votes and entries"]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effects {
    pub(crate) writes: Vec<Write>,
    pub(crate) early: Vec<(NodeId, Message)>,
    /// A set: what waits for the same write has no order, and a duplicate of it says nothing new.
    pub(crate) late: BTreeSet<(NodeId, Message)>,
    /// The state machine's new state; what is in `committed` comes after it.
    pub(crate) restored: Option<Arc<Snapshot>>,
    pub(crate) committed: Vec<Entry>,
    pub(crate) reads: Vec<Readable>,
    /// Reads that this server will not answer, because it does not lead any more: they are for the next leader.
    /// Nothing was done, so they may go there at once.
    pub refused: Vec<ReadId>,
    /// Timers to start, or to start afresh. [`Raft::timers`](crate::Raft::timers) says which ones run at all.
    pub restart: Vec<Timer>,
    /// Why a chunk of a snapshot was not taken in, if one was not.
    pub ignored: Option<Ignored>,
    /// The answer to a proposal, a read, a snapshot, or the wish for a transfer or a change.
    pub answer: Option<Answer>,
}

/// A read that may be answered, from a state machine that was given all entries up to `index`: that one, or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Readable {
    /// The read.
    pub id: ReadId,
    /// readIndex: where the log was committed to when the read came, at least.
    pub index: Index,
}

/// What a proposal, a read, a snapshot, a transfer or a change came to, as far as this server can say at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Answer {
    /// Appended here. It is done when exactly this position *in this term* comes out committed, and void when
    /// another term's entry does.
    Proposed(LogId),
    /// The read was taken. It will come out [readable](Outbox::reads) or [refused](Effects::refused), perhaps at
    /// once, perhaps never: a leader that hears nobody does not know what to answer.
    Reading,
    /// Not the leader. Nothing was done.
    NotLeader {
        /// Who is, as far as known.
        leader: Option<NodeId>,
    },
    /// This leader hands over, and takes no proposals meanwhile. Of a transfer that was asked for: it has begun, or
    /// another one had. Of a proposal: nothing was done; the next leader will take it, or this one if the transfer
    /// fails.
    Transferring {
        /// To whom.
        to: NodeId,
    },
    /// There is no such voter to hand over to, or it is the one that leads. Nothing was done.
    NoPeer(NodeId),
    /// The configuration cannot be changed so now. Nothing was done.
    Refused(Refusal),
    /// The snapshot stands in for the log up to here.
    Compacted(LogId),
    /// It is not one of what is between the two, or a server that joined does not know the configuration there
    /// ([`Raft::can_compact`](crate::Raft::can_compact)). Nothing was done.
    NotCompacted {
        /// What a snapshot covers already.
        base: Index,
        /// What is committed.
        commit: Index,
    },
}

/// What may be done once the writes are on disk.
#[must_use = "messages, committed entries and the disk's answer are for the host to pass on"]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Outbox {
    /// To be sent. The network may lose, repeat and reorder them.
    pub messages: Vec<(NodeId, Message)>,
    /// The state machine's new state, in place of the one that it has: before anything else.
    pub restored: Option<Arc<Snapshot>>,
    /// To be applied to the state machine, in order, each once since the start of this process.
    pub committed: Vec<Entry>,
    /// To be answered, once the state machine was given all entries up to each one's index. What of them was
    /// committed in this step is in `committed`.
    pub reads: Vec<Readable>,
    /// To be handed back as [`Input::Persisted`]; `None` if nothing was written.
    pub persisted: Option<Persisted>,
}

impl Effects {
    /// Takes the messages that may leave while the disk still works: a leader's AppendEntries (dissertation 10.2.1),
    /// and its wish that another server lead. Their term is durable already: the leader wrote it before it asked for
    /// votes.
    pub fn early(&mut self) -> Vec<(NodeId, Message)> {
        core::mem::take(&mut self.early)
    }

    /// Does anything of it have to wait for the disk: a write, or what may be said only when this write or an earlier
    /// one is there?
    pub fn waits_for_disk(&self) -> bool {
        !self.writes.is_empty() || !self.late.is_empty()
    }

    /// Does the state machine get anything of it, or is it read for it? Such effects have an order among themselves.
    pub fn is_for_state_machine(&self) -> bool {
        self.restored.is_some() || !self.committed.is_empty() || !self.reads.is_empty()
    }

    /// What has to be on disk first.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Writes, then releases everything else. `disk` returns when its writes survive a crash; it is not called when
    /// there are none.
    ///
    /// # Errors
    ///
    /// The disk's. Nothing is released then, and the server must stop: what its disk holds is no longer known.
    pub fn persist<E>(self, disk: impl FnOnce(&[Write]) -> Result<(), E>) -> Result<Outbox, E> {
        if !self.writes.is_empty() {
            disk(&self.writes)?;
        }
        let mut messages = self.early;
        messages.extend(self.late);
        let persisted = Persisted::of(&self.writes);
        let Effects { restored, committed, reads, .. } = self;
        Ok(Outbox { messages, restored, committed, reads, persisted })
    }

    /// Adds the effects of a later step, so that both share one write to the disk (group commit).
    /// Take the [`answer`](Effects::answer) of each step first: of two, the later one is kept.
    pub fn merge(&mut self, later: Effects) {
        self.writes.extend(later.writes);
        self.early.extend(later.early);
        self.late.extend(later.late);
        if let Some(snapshot) = later.restored {
            self.restore(snapshot);
        }
        self.committed.extend(later.committed);
        self.reads.extend(later.reads);
        self.refused.extend(later.refused);
        self.restart.extend(later.restart);
        self.answer = later.answer.or(self.answer);
        self.ignored = later.ignored.or(self.ignored);
    }

    /// The state machine is to become what the snapshot says: what was to be applied before is in it.
    pub(crate) fn restore(&mut self, snapshot: Arc<Snapshot>) {
        self.committed.clear();
        self.restored = Some(snapshot);
    }
}
