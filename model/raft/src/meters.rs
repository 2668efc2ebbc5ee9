//! What a search counts while it runs. The model is shared by its threads, so all counters are atomic.

use std::array;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use raftlab_core::Features;
use stateright::actor::ActorModelAction;

use crate::bounds::{Bounds, Disk, NetworkKind};
use crate::event::{Fault, Tick};
use crate::property::COUNT;
use crate::world::Action;

/// The kinds of action, for coverage and budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message arrives.
    Deliver,
    /// The head of a queue is lost.
    Lose,
    /// An election timer runs out.
    Timeout,
    /// A leader sends heartbeats.
    Heartbeat,
    /// A leader sends again.
    Retry,
    /// A follower does not hear its leader any more.
    Contact,
    /// A leader looks for its majority.
    Quorum,
    /// A leader is to hand over.
    Transfer,
    /// A leader that was to hand over leads on.
    Abandon,
    /// The configuration is to change.
    Change,
    /// A server compacts its log.
    Compact,
    /// A client proposes.
    Propose,
    /// A client sends a command again.
    Resend,
    /// A client reads.
    Read,
    /// A clock goes on.
    Clock,
    /// A disk finishes its writes.
    Sync,
    /// A held vote is granted.
    Grant,
    /// A server crashes and restarts.
    Crash,
    /// A fault that only a weakening brings.
    Fault,
}

/// The counters of one search.
#[derive(Debug)]
pub struct Meters {
    enabled: [AtomicU64; Kind::ALL.len()],
    taken: [AtomicU64; Kind::ALL.len()],
    violated: [AtomicU32; COUNT],
    seen: Vec<AtomicU32>,
    depth: AtomicU32,
    expanded: AtomicU64,
    stopped: AtomicBool,
}

/// No depth: it did not happen.
const NEVER: u32 = u32::MAX;

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 19] = [
        Kind::Deliver,
        Kind::Lose,
        Kind::Timeout,
        Kind::Heartbeat,
        Kind::Retry,
        Kind::Contact,
        Kind::Quorum,
        Kind::Transfer,
        Kind::Abandon,
        Kind::Change,
        Kind::Compact,
        Kind::Propose,
        Kind::Resend,
        Kind::Read,
        Kind::Clock,
        Kind::Sync,
        Kind::Grant,
        Kind::Crash,
        Kind::Fault,
    ];

    /// Their names in tables.
    pub const NAMES: &'static [&'static str] = &[
        "deliver",
        "lose",
        "timeout",
        "heartbeat",
        "retry",
        "lose-contact",
        "check-quorum",
        "transfer",
        "abandon-transfer",
        "change",
        "compact",
        "propose",
        "resend",
        "read",
        "tick",
        "sync",
        "grant",
        "crash",
        "fault",
    ];

    /// The kind of an action.
    pub fn of(action: &Action) -> Kind {
        match action {
            ActorModelAction::Deliver { .. } => Kind::Deliver,
            ActorModelAction::Drop(_) => Kind::Lose,
            ActorModelAction::Timeout(_, Tick::Election) => Kind::Timeout,
            ActorModelAction::Timeout(_, Tick::Heartbeat) => Kind::Heartbeat,
            ActorModelAction::Timeout(_, Tick::Retry) => Kind::Retry,
            ActorModelAction::Timeout(_, Tick::Contact) => Kind::Contact,
            ActorModelAction::Timeout(_, Tick::Quorum) => Kind::Quorum,
            ActorModelAction::Timeout(_, Tick::Transfer(_)) => Kind::Transfer,
            ActorModelAction::Timeout(_, Tick::Abandon) => Kind::Abandon,
            ActorModelAction::Timeout(_, Tick::Change(_)) => Kind::Change,
            ActorModelAction::Timeout(_, Tick::Compact) => Kind::Compact,
            ActorModelAction::Timeout(_, Tick::Propose) => Kind::Propose,
            ActorModelAction::Timeout(_, Tick::Resend(_)) => Kind::Resend,
            ActorModelAction::Timeout(_, Tick::Read(_)) => Kind::Read,
            ActorModelAction::Timeout(_, Tick::Clock) => Kind::Clock,
            ActorModelAction::Timeout(_, Tick::Sync) => Kind::Sync,
            ActorModelAction::Timeout(_, Tick::Grant) => Kind::Grant,
            ActorModelAction::SelectRandom { random: Fault::Crash { .. }, .. } => Kind::Crash,
            ActorModelAction::SelectRandom { .. }
            | ActorModelAction::Crash(_)
            | ActorModelAction::Recover(_) => Kind::Fault,
        }
    }

    /// Do these bounds allow it? A search that never takes such an action has not shown what it says.
    pub fn is_allowed_by(self, bounds: &Bounds) -> bool {
        match self {
            Kind::Deliver | Kind::Timeout => true,
            Kind::Lose => bounds.network == NetworkKind::Ordered,
            Kind::Heartbeat => bounds.max_heartbeats > 0,
            Kind::Retry => bounds.max_retries > 0,
            Kind::Contact => {
                // Where there are clocks, it is they that say when.
                let Features { pre_vote, disregard_votes, .. } = bounds.features;
                (pre_vote || disregard_votes) && bounds.lease().is_none()
            }
            Kind::Read => bounds.max_reads > 0,
            Kind::Clock => bounds.lease().is_some() && bounds.max_ticks > 0,
            Kind::Quorum => bounds.features.check_quorum,
            Kind::Transfer | Kind::Abandon => bounds.max_transfers > 0,
            Kind::Change => bounds.max_changes > 0,
            Kind::Compact => bounds.max_compactions > 0,
            Kind::Propose => bounds.max_proposals > 0,
            Kind::Resend => bounds.max_resends > 0,
            Kind::Sync => bounds.disk == Disk::Buffered,
            Kind::Crash => bounds.max_crashes > 0,
            Kind::Grant | Kind::Fault => false,
        }
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        Kind::NAMES[self as usize]
    }
}

impl Meters {
    pub(crate) fn new(witnesses: usize) -> Meters {
        Meters {
            enabled: array::from_fn(|_| AtomicU64::new(0)),
            taken: array::from_fn(|_| AtomicU64::new(0)),
            violated: array::from_fn(|_| AtomicU32::new(NEVER)),
            seen: (0..witnesses).map(|_| AtomicU32::new(NEVER)).collect(),
            depth: AtomicU32::new(0),
            expanded: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    pub(crate) fn note_expanded(&self) {
        self.expanded.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_enabled(&self, kind: Kind) {
        self.enabled[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_taken(&self, kind: Kind, depth: u32) {
        self.taken[kind as usize].fetch_add(1, Ordering::Relaxed);
        self.depth.fetch_max(depth, Ordering::Relaxed);
    }

    pub(crate) fn note_seen(&self, witness: usize, depth: u32) {
        self.seen[witness].fetch_min(depth, Ordering::Relaxed);
    }

    pub(crate) fn is_seen(&self, witness: usize) -> bool {
        self.seen[witness].load(Ordering::Relaxed) != NEVER
    }

    /// Notes a violation; is it the first of this property?
    pub(crate) fn note_violation(&self, property: usize, depth: u32) -> bool {
        self.violated[property].fetch_min(depth, Ordering::Relaxed) == NEVER
    }

    /// Ends the search as soon as it looks for more work.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Lets the model list actions again, for walking the path that was found.
    pub fn resume(&self) {
        self.stopped.store(false, Ordering::Relaxed);
    }

    /// Was it told to stop?
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// How often an action of this kind was possible, and how often one led to a state.
    pub fn coverage(&self, kind: Kind) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.enabled[kind as usize]), load(&self.taken[kind as usize]))
    }

    /// The depth at which a witness was first seen.
    pub fn seen_at(&self, witness: usize) -> Option<u32> {
        Some(self.seen[witness].load(Ordering::Relaxed)).filter(|depth| *depth != NEVER)
    }

    /// The depth at which a property was first violated.
    pub fn violated_at(&self, property: usize) -> Option<u32> {
        Some(self.violated[property].load(Ordering::Relaxed)).filter(|depth| *depth != NEVER)
    }

    /// How many states were expanded.
    pub fn expanded(&self) -> u64 {
        self.expanded.load(Ordering::Relaxed)
    }

    /// Steps to the deepest state so far.
    pub fn depth(&self) -> u32 {
        self.depth.load(Ordering::Relaxed)
    }
}
