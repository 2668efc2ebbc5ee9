//! What all servers of a world share without a message between them: how much of each bounded cause is spent, how far
//! their clocks are, and what clients have been told. No server reads it. It decides, where actions are listed, what
//! may happen next:
//!
//! - A cause happens as often as its bound says.
//! - A clock goes on only if it is then no further ahead of any other than the skew allows: so clocks drift as they
//!   like, and are never further apart.
//! - A read comes from a client that knows what is known *now*: the last command that any state machine was given. So
//!   a read carries what it must show from the moment at which it is invoked, its server alone can tell whether it
//!   does, and no history has to be kept. That is linearizability of reads, for this log: writes are ordered by their
//!   index, which State Machine Safety says is one order; a read shows all up to some index, and must not lie before
//!   any operation that had ended. What another read has shown some state machine had been given, so reads do not go
//!   backwards either.
//!
//! Every engine asks the same functions. To the explorer they are its budgets, which under symmetry are renamed with
//! the servers.

use raftlab_core::Index;
use stateright::actor::ActorModelAction;

use crate::bounds::Bounds;
use crate::event::{Fault, Tick};
use crate::meters::Kind;
use crate::server::Server;
use crate::world::Action;

/// How often something may happen in all.
type Limit = fn(&Bounds) -> u32;

/// The causes that are merely counted, each at its place in the ledger, and how often each may happen.
const COUNTED: [(Kind, Limit); 11] = [
    (Kind::Timeout, |bounds| bounds.max_timeouts.unwrap_or(0)),
    (Kind::Propose, |bounds| bounds.max_proposals),
    (Kind::Heartbeat, |bounds| bounds.max_heartbeats),
    (Kind::Retry, |bounds| bounds.max_retries),
    (Kind::Crash, |bounds| bounds.max_crashes),
    (Kind::Fault, |bounds| bounds.max_faults),
    (Kind::Transfer, |bounds| bounds.max_transfers),
    (Kind::Read, |bounds| bounds.max_reads),
    (Kind::Change, |bounds| bounds.max_changes),
    (Kind::Compact, |bounds| bounds.max_compactions),
    (Kind::Resend, |bounds| bounds.max_resends),
];
const FAULTS: usize = 5;
const READS: usize = 7;
/// Where the last command stands that a client may have been told of.
const TOLD: usize = COUNTED.len();
/// Where the clocks stand, `n1`'s first. As a cause, the clock of a server goes on.
const CLOCKS: usize = TOLD + 1;
/// Servers at most.
const SERVERS_MAX: usize = 9;
/// As a cause, a server is paused, and its clock with it.
const PAUSES: usize = CLOCKS + SERVERS_MAX;
/// As a cause, a read comes from a client that knows of a command at this index, counted from here.
const READS_KNOWING: usize = PAUSES + SERVERS_MAX;
/// A clock that stands still.
const STOPPED: u32 = u32::MAX;

/// The limit of each entry.
pub(crate) fn limits(bounds: &Bounds) -> Vec<u32> {
    let mut limits: Vec<u32> = COUNTED.iter().map(|(_, limit)| limit(bounds)).collect();
    limits.push(0);
    limits.resize(CLOCKS + bounds.servers, bounds.max_ticks);
    limits
}

/// What an action spends from. Time-outs that nothing limits are not counted: the count would only tell equal states
/// apart.
pub(crate) fn cause(bounds: &Bounds, action: &Action) -> Option<usize> {
    let place = |id| usize::from(id);
    match action {
        ActorModelAction::Timeout(_, Tick::Election) if bounds.max_timeouts.is_none() => None,
        ActorModelAction::Timeout(id, Tick::Clock) => Some(CLOCKS + place(*id)),
        ActorModelAction::Timeout(_, Tick::Read(known)) => {
            Some(READS_KNOWING + usize::try_from(known.0).unwrap_or(usize::MAX / 2))
        }
        ActorModelAction::SelectRandom { actor, random: Fault::Pause, .. } => Some(PAUSES + place(*actor)),
        _ => COUNTED.iter().position(|(kind, _)| *kind == Kind::of(action)),
    }
}

/// Spends one for `cause`, if that may be.
pub(crate) fn spend(limits: &[u32], skew: u32, cause: usize, spent: &mut [u32]) -> bool {
    match cause {
        READS_KNOWING.. => spent[TOLD] as usize == cause - READS_KNOWING && count(limits, READS, spent),
        PAUSES.. => {
            let may = count(limits, FAULTS, spent);
            if may {
                spent[CLOCKS + cause - PAUSES] = STOPPED;
            }
            may
        }
        CLOCKS.. => is_near(spent, cause, skew) && count(limits, cause, spent),
        _ => count(limits, cause, spent),
    }
}

fn count(limits: &[u32], at: usize, spent: &mut [u32]) -> bool {
    let may = spent[at] < limits[at];
    spent[at] += u32::from(may);
    may
}

/// May the clock at `own` go on, without being further ahead of another than `skew`? One that stands still counts for
/// none.
fn is_near(spent: &[u32], own: usize, skew: u32) -> bool {
    let mut others =
        spent.iter().enumerate().skip(CLOCKS).filter(|(at, clock)| *at != own && **clock != STOPPED);
    others.all(|(_, other)| spent[own] < other.saturating_add(skew))
}

/// What a step makes known to clients: a command that no state machine of its server had been given. In a world
/// without proposals a leader's no-op stands for what a client would propose in its place, as in Figure 8; that is
/// more than has to hold, and the world is ten times smaller.
pub(crate) fn news(bounds: &Bounds, before: &Server, after: &Server) -> Option<u32> {
    let told = |server: &Server| match bounds.max_proposals {
        0 => Index(server.ghosts.applied.len() as u64),
        _ => server.last_command(),
    };
    let Index(last) = told(after);
    let is_news = bounds.max_reads > 0 && last > told(before).0;
    is_news.then(|| u32::try_from(last).unwrap_or(u32::MAX))
}

/// Writes it down.
pub(crate) fn note(news: u32, spent: &mut [u32]) {
    spent[TOLD] = spent[TOLD].max(news);
}

/// The ledger under new names: each clock in the place of its server's new name, which `place` says.
pub(crate) fn permuted(spent: &[u32], place: impl Fn(usize) -> usize) -> Vec<u32> {
    let mut permuted = spent.to_vec();
    for (at, clock) in spent[CLOCKS..].iter().enumerate() {
        permuted[CLOCKS + place(at)] = *clock;
    }
    permuted
}
