//! When something was wrong with the cluster: each fault as a length of time, to be drawn behind every curve.

use super::read::Run;
use super::record::FaultRecord;

/// What sort of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The process did not run.
    Down,
    /// The core's thread slept.
    Pause,
    /// Datagrams were lost, late or doubled.
    Link,
    /// Syncs took long, or did not return.
    Disk,
    /// The clock ran wrong.
    Clock,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [Kind::Down, Kind::Pause, Kind::Link, Kind::Disk, Kind::Clock];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Down => "down",
            Kind::Pause => "pause",
            Kind::Link => "link",
            Kind::Disk => "disk",
            Kind::Clock => "clock",
        }
    }

    /// What a fault does; nothing if it makes nothing go wrong, as `start`, `heal` and `member`, or makes it well
    /// again, as a link without a flaw and a clock at its true rate.
    pub fn of(fault: &FaultRecord) -> Option<Kind> {
        match fault.verb.as_str() {
            "kill" | "stop" | "crash" | "end" => Some(Kind::Down),
            "pause" => Some(Kind::Pause),
            "link" => {
                let flaws = ["partition", "isolate", "cut", "drop", "duplicate", "delay", "jitter"];
                flaws.iter().any(|flaw| fault.text.contains(flaw)).then_some(Kind::Link)
            }
            "disk" | "stall" => Some(Kind::Disk),
            "clock" => (!fault.text.ends_with(" 100%")).then_some(Kind::Clock),
            _ => None,
        }
    }
}

/// A fault, from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// Which sort.
    pub kind: Kind,
    /// At which server; at none in particular, if nothing.
    pub server: Option<String>,
    /// When it began.
    pub from_us: u64,
    /// When it ended; the run's end, if it did not.
    pub to_us: u64,
    /// For people.
    pub text: String,
    /// The fault's place in the run's list.
    pub fault: usize,
}

/// All faults that last, by their start.
pub fn bands(run: &Run) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (at, fault) in run.faults.iter().enumerate() {
        open.retain(|band| {
            let ends = ends(&bands[*band], &run.faults[bands[*band].fault], fault);
            if ends {
                bands[*band].to_us = fault.at_us;
            }
            !ends
        });
        let Some(kind) = Kind::of(fault) else { continue };
        // A clock jumps at once, and goes on as it did.
        let is_moment = kind == Kind::Clock && fault.text.contains("jump");
        let until = fault.until_us.or(is_moment.then_some(fault.at_us));
        if until.is_none() {
            open.push(bands.len());
        }
        bands.push(Band {
            kind,
            server: fault.server.clone(),
            from_us: fault.at_us,
            to_us: until.unwrap_or(run.end_us),
            text: fault.text.clone(),
            fault: at,
        });
    }
    bands.retain(|band| band.from_us < run.end_us);
    bands
}

/// Does what was done later end what a band shows? What is wrong with a link or a clock outlasts a restart: the server
/// is told again.
fn ends(band: &Band, began: &FaultRecord, by: &FaultRecord) -> bool {
    let is_same = band.server == by.server;
    match (by.verb.as_str(), band.kind) {
        // Of disks, the last word counts. Of links, each has its own.
        ("start" | "kill" | "stop" | "crash" | "end", Kind::Down) | ("disk" | "stall", Kind::Disk) => is_same,
        ("clock", Kind::Clock) => is_same && !by.text.contains("jump"),
        ("link", Kind::Link) => began.link().is_some() && began.link() == by.link(),
        ("heal", Kind::Link | Kind::Disk | Kind::Clock) => is_same || by.server.is_none(),
        _ => false,
    }
}
