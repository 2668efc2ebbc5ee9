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

    /// What a verb does; nothing if it makes nothing go wrong, as `start`, `heal` and `member`.
    pub fn of(verb: &str) -> Option<Kind> {
        match verb {
            "kill" | "stop" | "crash" => Some(Kind::Down),
            "pause" => Some(Kind::Pause),
            "link" | "partition" | "cut" => Some(Kind::Link),
            "disk" | "slow-disk" | "stall" => Some(Kind::Disk),
            "clock" | "skew" => Some(Kind::Clock),
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
            let ends = ends(&bands[*band], fault);
            if ends {
                bands[*band].to_us = fault.at_us;
            }
            !ends
        });
        let Some(kind) = Kind::of(&fault.verb) else { continue };
        if fault.until_us.is_none() {
            open.push(bands.len());
        }
        bands.push(Band {
            kind,
            server: fault.server.clone(),
            from_us: fault.at_us,
            to_us: fault.until_us.unwrap_or(run.end_us),
            text: fault.text.clone(),
            fault: at,
        });
    }
    bands.retain(|band| band.from_us < run.end_us);
    bands
}

/// Does a fault, or a cure, end what a band shows?
fn ends(band: &Band, by: &FaultRecord) -> bool {
    let is_same = band.server == by.server;
    let next = Kind::of(&by.verb);
    match (by.verb.as_str(), band.kind) {
        ("start", Kind::Down) => is_same,
        ("heal", Kind::Link | Kind::Disk | Kind::Clock) => is_same || by.server.is_none(),
        // Links and clocks are the process's; a disk stays as it is.
        ("kill" | "stop" | "crash", Kind::Link | Kind::Clock) => is_same && band.server.is_some(),
        // A disk and a clock are as they were made last. Of links, each to a peer is its own.
        (_, Kind::Disk | Kind::Clock | Kind::Down) => is_same && next == Some(band.kind),
        _ => false,
    }
}
