//! Faults on demand: what production does to a server, done to one on loopback that was started with `--chaos`.
//!
//! Each fault counts how often it struck, so that a run in which it did nothing can be told from one that it did not
//! harm. Links are broken where datagrams leave and where they come in, disks where a sync returns
//! ([`Profile`](crate::disk::Profile)), clocks where the core's thread reads its own, and a pause is that thread asleep.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use raftlab_core::NodeId;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

/// A fault that is asked for. It stays until it is healed, and replaces the one that was there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "lowercase", deny_unknown_fields)]
pub enum ChaosRequest {
    /// The link to a peer, or all of them, goes bad.
    Link {
        /// The peer; all if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peer: Option<String>,
        /// Which way.
        #[serde(default)]
        direction: Direction,
        /// How it is from now on.
        #[serde(flatten)]
        link: LinkFault,
    },
    /// The disk under the log's directory goes bad.
    Disk {
        /// How it is from now on.
        #[serde(flatten)]
        disk: DiskFault,
    },
    /// The core's thread sleeps, while its clock goes on.
    Pause {
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// The server's clock goes wrong.
    Clock {
        /// How fast it runs, in percent of the truth; as it did, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rate_percent: Option<f64>,
        /// By how much it jumps, in milliseconds. Monotonic clocks do not go back: one that is to stands still as long.
        #[serde(default)]
        jump_ms: i64,
    },
    /// All is well again: links, disk, and the clock's rate.
    Heal,
}

/// Which way of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From here to there.
    Out,
    /// From there to here.
    In,
    /// Both ways.
    #[default]
    Both,
}

/// What a link does to datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkFault {
    /// None comes through.
    pub cut: bool,
    /// So many are lost, of 1.
    pub drop: f64,
    /// So many come twice, of 1.
    pub duplicate: f64,
    /// Each is under way for so long, in milliseconds,
    pub delay_ms: f64,
    /// and up to so much longer: so some overtake others.
    pub jitter_ms: f64,
}

/// What a disk does to syncs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskFault {
    /// Each takes so much longer, in milliseconds,
    pub sync_delay_ms: f64,
    /// and up to so much longer than that: what is shared is slow now and then.
    pub sync_jitter_ms: f64,
    /// None returns.
    pub stall: bool,
}

macro_rules! faults {
    ($($fault:ident $name:literal)*) => {
        /// A kind of fault, to be counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "their names say it")]
        pub enum Fault { $($fault,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Fault] = &[$(Fault::$fault),*];

            /// Its name in metrics and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Fault::$fault => $name,)* }
            }
        }
    };
}

faults! {
    LinkCut "link_cut"
    LinkDrop "link_drop"
    LinkDuplicate "link_duplicate"
    LinkDelay "link_delay"
    DiskSlow "disk_slow"
    DiskStall "disk_stall"
    Pause "pause"
    ClockRate "clock_rate"
    ClockJump "clock_jump"
}

/// How often a fault has struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// Its name.
    pub fault: String,
    /// How often.
    pub fired: u64,
}

/// Counts faults, for all threads of a process.
#[derive(Debug, Default)]
pub struct Fired([AtomicU64; Fault::ALL.len()]);

impl Fired {
    /// It struck.
    pub fn strike(&self, fault: Fault) {
        self.0[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has.
    pub fn count(&self, fault: Fault) -> u64 {
        self.0[fault as usize].load(Ordering::Relaxed)
    }

    /// All of them, by name.
    pub fn counts(&self) -> Vec<FaultCount> {
        let count = |fault: &Fault| FaultCount { fault: fault.name().into(), fired: self.count(*fault) };
        Fault::ALL.iter().map(count).collect()
    }
}

/// The links of one server, as they are now.
#[derive(Debug)]
pub struct Links {
    /// Nothing is looked up while nothing is wrong.
    is_any: AtomicBool,
    faults: RwLock<BTreeMap<(NodeId, bool), LinkFault>>,
    dice: Mutex<ChaCha8Rng>,
}

/// What becomes of one datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes its way.
    Passes,
    /// It is lost.
    Lost,
    /// It arrives after each of these, at least one.
    Arrives(Vec<Duration>),
}

impl LinkFault {
    /// Is every number one that a link can have?
    pub fn is_possible(self) -> bool {
        let LinkFault { drop, duplicate, delay_ms, jitter_ms, .. } = self;
        let is_share = |of: f64| (0.0..=1.0).contains(&of);
        is_share(drop) && is_share(duplicate) && delay_ms >= 0.0 && jitter_ms >= 0.0
    }
}

impl Links {
    /// Links that are well. What they will lose is drawn by this seed.
    pub fn new(seed: u64) -> Links {
        let dice = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
        Links { is_any: AtomicBool::new(false), faults: RwLock::default(), dice }
    }

    /// From now on the link to `peer` is so.
    pub fn set(&self, peer: NodeId, direction: Direction, fault: LinkFault) {
        let mut faults = self.faults.write().unwrap_or_else(PoisonError::into_inner);
        if direction != Direction::In {
            faults.insert((peer, true), fault);
        }
        if direction != Direction::Out {
            faults.insert((peer, false), fault);
        }
        faults.retain(|_, fault| *fault != LinkFault::default());
        self.is_any.store(!faults.is_empty(), Ordering::Relaxed);
    }

    /// All are well.
    pub fn heal(&self) {
        self.faults.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.is_any.store(false, Ordering::Relaxed);
    }

    /// What becomes of a datagram that goes out to `peer`, or comes from it.
    pub fn fate(&self, peer: NodeId, goes_out: bool, fired: &Fired) -> Fate {
        if !self.is_any.load(Ordering::Relaxed) {
            return Fate::Passes;
        }
        let faults = self.faults.read().unwrap_or_else(PoisonError::into_inner);
        let Some(link) = faults.get(&(peer, goes_out)).copied() else { return Fate::Passes };
        drop(faults);
        if link.cut {
            fired.strike(Fault::LinkCut);
            return Fate::Lost;
        }
        if self.chance(link.drop) {
            fired.strike(Fault::LinkDrop);
            return Fate::Lost;
        }
        let copies = 1 + usize::from(self.chance(link.duplicate));
        let delays: Vec<_> = (0..copies).map(|_| self.delay(link)).collect();
        if copies > 1 {
            fired.strike(Fault::LinkDuplicate);
        }
        if delays.iter().any(|delay| !delay.is_zero()) {
            fired.strike(Fault::LinkDelay);
        } else if copies == 1 {
            return Fate::Passes;
        }
        Fate::Arrives(delays)
    }

    /// What is wrong, for people.
    pub fn describe(&self) -> Vec<String> {
        let faults = self.faults.read().unwrap_or_else(PoisonError::into_inner);
        let line = |(&(peer, goes_out), fault): (&(NodeId, bool), &LinkFault)| {
            let way = if goes_out { "to" } else { "from" };
            if fault.cut {
                return format!("link {way} {peer}: cut");
            }
            let LinkFault { drop, duplicate, delay_ms, jitter_ms, .. } = fault;
            format!(
                "link {way} {peer}: drop {drop}, duplicate {duplicate}, delay {delay_ms} ms + {jitter_ms} ms"
            )
        };
        faults.iter().map(line).collect()
    }

    /// A number from 0 up to 1, that one excluded.
    fn draw(&self) -> f64 {
        f64::from(self.dice.lock().unwrap_or_else(PoisonError::into_inner).next_u32())
            / (f64::from(u32::MAX) + 1.0)
    }

    fn chance(&self, of: f64) -> bool {
        of > 0.0 && self.draw() < of
    }

    fn delay(&self, link: LinkFault) -> Duration {
        let jitter = if link.jitter_ms > 0.0 { self.draw() * link.jitter_ms } else { 0.0 };
        millis(link.delay_ms + jitter)
    }
}

impl DiskFault {
    /// How much longer a sync takes; `share` is drawn from 0 to 1.
    pub fn delay(self, share: f64) -> Duration {
        millis(self.sync_delay_ms + share * self.sync_jitter_ms)
    }
}

/// So many milliseconds; none for what is no length of time.
pub fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeId = NodeId(2);

    #[test]
    fn a_cut_is_one_way_and_counted() {
        let (links, fired) = (Links::new(1), Fired::default());
        links.set(PEER, Direction::Out, LinkFault { cut: true, ..LinkFault::default() });
        assert_eq!(links.fate(PEER, true, &fired), Fate::Lost);
        assert_eq!(links.fate(PEER, false, &fired), Fate::Passes);
        assert_eq!(links.fate(NodeId(3), true, &fired), Fate::Passes);
        assert_eq!(fired.count(Fault::LinkCut), 1);
        links.heal();
        assert_eq!(links.fate(PEER, true, &fired), Fate::Passes);
    }

    #[test]
    fn as_many_are_lost_as_was_asked_for() {
        let (links, fired) = (Links::new(1), Fired::default());
        links.set(PEER, Direction::Both, LinkFault { drop: 0.25, duplicate: 0.5, ..LinkFault::default() });
        let fates: Vec<_> = (0..4000).map(|_| links.fate(PEER, true, &fired)).collect();
        let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count() as u64;
        assert!((850..1150).contains(&lost), "{lost}");
        assert_eq!(fired.count(Fault::LinkDrop), lost);
        let twice =
            fates.iter().filter(|fate| matches!(fate, Fate::Arrives(times) if times.len() == 2)).count();
        assert!((1300..1700).contains(&twice), "{twice}");
    }

    #[test]
    fn a_request_is_read_as_it_is_written() {
        let text = r#"{"fault":"link","peer":"n2","direction":"out","cut":true}"#;
        let request: ChaosRequest = serde_json::from_str(text).unwrap();
        let ChaosRequest::Link { direction: Direction::Out, link: LinkFault { cut: true, .. }, .. } = request
        else {
            panic!("{request:?}")
        };
        assert!(serde_json::from_str::<ChaosRequest>(r#"{"fault":"quake"}"#).is_err());
    }
}
