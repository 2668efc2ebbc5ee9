//! A random run before it begins: so it can be taken apart, and done again without some of what goes wrong in it.

use std::fmt;
use std::time::Duration;

use raftlab_core::NodeId;
use raftlab_node::chaos::{DiskFault, LinkFault};
use raftlab_sim::{Physics, Spec};

use super::trial::Trial;
use crate::scenario::{Load, Time};

/// A run, before it begins.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was drawn by, and what its world draws by.
    pub seed: u64,
    /// How many servers found the cluster.
    pub founders: u64,
    /// What they are told.
    pub spec: Spec,
    /// How long things take.
    pub physics: Physics,
    /// What clients do.
    pub loads: Vec<Load>,
    /// Each client asks one server and no other, so that each server is asked all the time.
    pub is_each_asked: bool,
    /// For how long things go wrong, in microseconds.
    pub lasts_us: u64,
    /// What goes wrong, by the time since the first leader.
    pub acts: Vec<(u64, Act)>,
    /// What the cluster has to bear when it is back.
    pub trial: Trial,
}

/// Who is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// This server.
    Server(NodeId),
    /// Whoever leads in the highest term.
    Leader,
}

/// Something that is done to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// A server's power goes.
    Kill(Who),
    /// A bit of the log of a server that is down turns.
    Rot(NodeId),
    /// All servers that are down start.
    StartAll,
    /// A server does nothing for so long.
    Pause(Who, u64),
    /// No datagram gets from these servers to those.
    Cut(Vec<NodeId>, Vec<NodeId>),
    /// A server is cut off from all others.
    Isolate(Who),
    /// A link goes bad, that way.
    Link(NodeId, NodeId, LinkFault),
    /// A disk goes bad.
    Disk(Who, DiskFault),
    /// The next write of a disk fails.
    FailWrite(Who),
    /// A clock runs at so many millionths of the truth.
    Clock(NodeId, u64),
    /// A clock jumps by so many microseconds.
    Jump(NodeId, i64),
    /// Another server joins as a learner.
    Join,
    /// The last that joined gets a vote.
    Promote,
    /// A server leaves.
    Leave(NodeId),
    /// Another server is to lead.
    Transfer(NodeId),
    /// Links, disks and clocks are well.
    Heal,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Server(server) => server.fmt(f),
            Who::Leader => f.write_str("leader"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |micros: u64| Time(Duration::from_micros(micros));
        match self {
            Act::Kill(who) => write!(f, "kill {who}"),
            Act::Rot(server) => write!(f, "rot-disk {server}"),
            Act::StartAll => f.write_str("start all"),
            Act::Pause(who, lasts) => write!(f, "pause {who} {}", time(*lasts)),
            Act::Cut(from, to) => write!(f, "partition {} | {} one-way", list(from), list(to)),
            Act::Isolate(who) => write!(f, "isolate {who}"),
            Act::Link(from, to, LinkFault { drop, duplicate, delay_ms, jitter_ms, .. }) => write!(
                f,
                "link {from} {to} drop {drop} duplicate {duplicate} delay {delay_ms}ms jitter {jitter_ms}ms one-way"
            ),
            Act::Disk(who, DiskFault { stall: true, .. }) => write!(f, "stall-disk {who}"),
            Act::Disk(who, DiskFault { sync_delay_ms, sync_jitter_ms, .. }) => {
                write!(f, "slow-disk {who} {sync_delay_ms}ms jitter {sync_jitter_ms}ms")
            }
            Act::FailWrite(who) => write!(f, "the next write of {who} fails"),
            Act::Clock(server, ppm) => write!(f, "skew {server} {}.{:04}%", ppm / 10_000, ppm % 10_000),
            Act::Jump(server, micros) => {
                let sign = if *micros < 0 { '-' } else { '+' };
                write!(f, "jump {server} {sign}{}", time(micros.unsigned_abs()))
            }
            Act::Join => f.write_str("a server joins"),
            Act::Promote => f.write_str("the last that joined gets a vote"),
            Act::Leave(server) => write!(f, "remove {server}"),
            Act::Transfer(to) => write!(f, "move-leader {to}"),
            Act::Heal => f.write_str("heal"),
        }
    }
}

fn list(servers: &[NodeId]) -> String {
    servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
