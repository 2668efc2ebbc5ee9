//! How a server stands, and what was counted of it, wherever it runs: as a page for Prometheus and as a document.

mod page;

use std::sync::Arc;

use raftlab_core::{NodeId, Progress, ReadMode, Standing};

pub use self::page::page;
use crate::api::{Member, Members, PeerStatus, StatusDocument};
use crate::chaos::Fired;
use crate::peers::Peers;
use crate::process::{Status, Syncs, Traffic};

/// What is known of a server at one moment.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// How it stands.
    pub status: Arc<Status>,
    /// The cluster's number.
    pub cluster: u128,
    /// How it reads.
    pub reads: ReadMode,
    /// Its process; none in a simulator.
    pub pid: Option<u32>,
    /// True time, in microseconds: the clock of what is known of its peers.
    pub now_us: u64,
    /// When it started, by that clock.
    pub started_us: u64,
    /// What the clock shows by which its timers run, in microseconds.
    pub timers_us: u64,
    /// How many clients wait.
    pub waiting: u64,
    /// Inputs that were refused since too many waited.
    pub refused: u64,
    /// Leaders that were seen, one after another.
    pub leader_changes: u64,
    /// Where servers listen, as far as that is known.
    pub addresses: Peers,
    /// Datagrams.
    pub traffic: Arc<Traffic>,
    /// Syncs of the disk.
    pub syncs: Arc<Syncs>,
    /// How often faults struck.
    pub fired: Arc<Fired>,
}

impl Numbers {
    /// What `/status` says.
    pub fn document(&self) -> StatusDocument {
        let status = &self.status;
        let (fsync_p50_us, fsync_p99_us) = self.syncs.percentiles();
        StatusDocument {
            server: status.server.to_string(),
            cluster: format!("{:032x}", self.cluster),
            version: env!("CARGO_PKG_VERSION").into(),
            pid: self.pid.unwrap_or(0),
            uptime_ms: self.now_us.saturating_sub(self.started_us) / 1000,
            role: status.role.into(),
            term: status.term.0,
            leader: status.leader.map(|leader| leader.to_string()),
            commit: status.commit.0,
            applied: status.applied.0,
            last: status.last.0,
            base: status.base.0,
            members: members(status, &self.addresses),
            waiting: self.waiting,
            keys: status.keys as u64,
            read_mode: read_mode(self.reads).into(),
            fsync_p50_us,
            fsync_p99_us,
            peers: self.peers(),
        }
    }

    fn peers(&self) -> Vec<PeerStatus> {
        let known = self.traffic.by_peer();
        let peer = |(server, progress): &(NodeId, Progress)| {
            let way = known.get(server).map(|peer| peer.round_trip);
            let heard = way.and_then(|way| way.heard_at());
            let mean = way.and_then(|way| way.mean());
            PeerStatus {
                server: server.to_string(),
                matched: progress.matched.0,
                lag: self.status.last.0.saturating_sub(progress.matched.0),
                heard_ms_ago: heard.map(|at| self.now_us.saturating_sub(at) / 1000),
                round_trip_us: mean.and_then(|mean| u64::try_from(mean.as_micros()).ok()),
            }
        };
        self.status.progress.iter().map(peer).collect()
    }
}

/// The configuration by which a server counts, with addresses as far as they are known.
pub fn members(status: &Status, addresses: &Peers) -> Members {
    let member = |server: NodeId| {
        let address = addresses.get(server);
        let standing = match status.membership.standing(server) {
            Standing::Voter => "voter",
            Standing::Learner | Standing::Outside => "learner",
        };
        Member {
            server: server.to_string(),
            standing: standing.into(),
            peer: address.map(|address| address.peer),
            http: address.and_then(|address| address.http),
        }
    };
    Members {
        quorum: status.membership.voters().majority(),
        tolerates: status.membership.tolerates(),
        members: status.membership.servers().map(member).collect(),
    }
}

fn read_mode(reads: ReadMode) -> &'static str {
    match reads {
        ReadMode::Log => "log",
        ReadMode::Index => "index",
        ReadMode::Lease(_) => "lease",
    }
}
