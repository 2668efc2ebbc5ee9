//! What a server's host may do that it should not. Hosts are honest, unless a world is told otherwise.
//!
//! The core, the node and the log stay as they are: all of this stands between them and the world, as the faults of real
//! hosts do. Who tells lies has to see what comes of them by itself: nothing here counts them.

use std::fmt;

use raftlab_core::{Message, NodeId, Raft, Write};
use raftlab_node::node::Ask;

/// The lies of every host of a world. What a method says that is not overridden is the truth.
pub trait Lies: fmt::Debug + Send + Sync {
    /// Does the disk say that it is done with these writes when they are written and not synced?
    fn skips_sync(&self, _raft: &Raft, _writes: &[Write]) -> bool {
        false
    }

    /// What of these writes reaches the disk, if not all.
    fn keeps(&self, _writes: &[Write]) -> Option<Vec<Write>> {
        None
    }

    /// Is a failed write taken for a durable one? A log that failed once takes nothing more, and nobody knows.
    fn swallows_errors(&self) -> bool {
        false
    }

    /// Does a store replace entries by two writes, of which a crash may leave the first?
    fn replaces_in_two(&self) -> bool {
        false
    }

    /// Is a log in which a bit has turned taken to end before it?
    fn cuts_what_rots(&self) -> bool {
        false
    }

    /// Does a server whose log is refused begin anew, under its old name?
    fn forgets_what_is_refused(&self) -> bool {
        false
    }

    /// Is the time taken before a server waits for its next event, and not after?
    fn takes_time_before_event(&self) -> bool {
        false
    }

    /// Does the clock of a server that is paused stand still?
    fn stops_clock_in_pause(&self) -> bool {
        false
    }

    /// What a client is taken to ask for.
    fn mishears_client(&self, _ask: &mut Ask) {}

    /// What a message is taken for.
    fn mishears(&self, _raft: &Raft, _message: &mut Message) {}

    /// Is what the message asks for checked now, and done later?
    fn does_later(&self, _raft: &Raft, _from: NodeId, _message: &Message) -> bool {
        false
    }

    /// It is done now, with no check any more.
    fn waives_check(&self, _raft: &Raft, _message: &mut Message) {}

    /// What it is taken to hear besides a message that made of the first core the second. (Who leads by its own vote alone
    /// becomes a leader without one, and has nobody to hear from.)
    fn imagines(&self, _: &Raft, _: &Raft, _heard: (NodeId, &Message)) -> Vec<(NodeId, Message)> {
        Vec::new()
    }

    /// Does it ever [imagine](Lies::imagines) anything?
    fn has_imagination(&self) -> bool {
        false
    }

    /// What is sent in place of a message.
    fn forges(&self, _raft: &Raft, _message: &mut Message) {}
}

/// A host that tells none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest;

impl Lies for Honest {}
