//! The model's broken hosts, around the servers of a random world.

use raftlab_core::{Message, NodeId, Raft, Write};
use raftlab_model::{Shim, Way};
use raftlab_node::kv::Command;
use raftlab_node::node::Ask;
use raftlab_sim::Lies;

use crate::bridge::lies::{also_hears, grants_unchecked, syncs_later, unwalkable};

/// A host that is broken in this way.
#[derive(Clone, Copy, Debug)]
pub struct Liar(pub Shim);

/// Can there be such a host in a random world?
pub fn can_be(shim: Shim) -> bool {
    // A state machine without a session table is one that no command in a session ever reaches.
    shim == Shim::NoSessions || unwalkable(Some(Way::Shim(shim))).is_none()
}

impl Lies for Liar {
    fn skips_sync(&self, raft: &Raft, writes: &[Write]) -> bool {
        syncs_later(self.0, raft, writes)
    }

    fn keeps(&self, writes: &[Write]) -> Option<Vec<Write>> {
        match self.0 {
            Shim::VoteNotPersisted | Shim::TermNotPersisted => {
                Some(writes.iter().filter_map(|write| self.0.disk_write(write)).collect())
            }
            _ => None,
        }
    }

    fn swallows_errors(&self) -> bool {
        self.0 == Shim::WriteErrorSwallowed
    }

    fn replaces_in_two(&self) -> bool {
        self.0 == Shim::TruncateAppendTorn
    }

    fn cuts_what_rots(&self) -> bool {
        self.0 == Shim::CorruptTailTruncated
    }

    fn forgets_what_is_refused(&self) -> bool {
        self.0 == Shim::WipedServerReturns
    }

    fn takes_time_before_event(&self) -> bool {
        self.0 == Shim::NowSampledBeforeReceive
    }

    fn stops_clock_in_pause(&self) -> bool {
        self.0 == Shim::ClockStopsInPause
    }

    fn mishears_client(&self, ask: &mut Ask) {
        if let (Shim::NoSessions, Ask::Do(Command::Do { request, .. })) = (self.0, ask) {
            *request = None;
        }
    }

    fn mishears(&self, raft: &Raft, message: &mut Message) {
        self.0.read(raft, message);
    }

    fn does_later(&self, raft: &Raft, from: NodeId, message: &Message) -> bool {
        self.0.holds(from, raft, message)
    }

    fn waives_check(&self, raft: &Raft, message: &mut Message) {
        grants_unchecked(raft, message);
    }

    fn imagines(&self, before: &Raft, after: &Raft, heard: (NodeId, &Message)) -> Vec<(NodeId, Message)> {
        also_hears(self.0, before, after, Some(heard))
    }

    fn has_imagination(&self) -> bool {
        matches!(self.0, Shim::MatchSeeded | Shim::RejectionTakenForMatch)
    }

    fn forges(&self, raft: &Raft, message: &mut Message) {
        self.0.forge(raft, message);
    }
}
