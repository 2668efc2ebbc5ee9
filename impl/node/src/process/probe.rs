//! A look at the disk before the server starts: one that syncs slowly makes leaders late.

use std::time::{Duration, Instant};

use tracing::{debug, warn};

use crate::disk::{Disk, File};
use crate::timers::Timing;

/// How many syncs are tried,
const SYNCS: usize = 32;

/// unless they take so long together.
const TAKES_MAX: Duration = Duration::from_millis(500);

/// A name that recovery takes for something unfinished, and removes.
const NAME: &str = "probe.tmp";

/// Warns if ten syncs of the slowest kind take longer than an election time-out, or heartbeats are so far apart that one
/// that is lost brings an election near.
pub fn warn_of_slow_disk(disk: &impl Disk, timing: Timing, is_readable: bool) {
    let (heartbeat, election) =
        (Duration::from_micros(timing.heartbeat().0), Duration::from_micros(timing.election().0));
    if timing.is_tight() {
        warn!(
            ?heartbeat,
            ?election,
            "one lost heartbeat brings an election near: heartbeats should be ten times as frequent"
        );
    }
    if !is_readable {
        warn!("the disk is stalled by a fault that was asked for");
        return;
    }
    // A disk on which nothing can be written fails where its log is opened, with better words.
    let Ok(slowest) = slowest_sync(disk) else { return };
    debug!(?slowest, "the disk syncs");
    if slowest * 10 > election {
        warn!(
            ?slowest,
            ?election,
            "the disk is slow: ten of its syncs may take longer than an election time-out. Put the log on a faster one \
             (--wal-dir), or make the time-out longer (--election-timeout)"
        );
    }
}

fn slowest_sync(disk: &impl Disk) -> std::io::Result<Duration> {
    // What an earlier start may have left.
    let _ = disk.remove(NAME);
    let mut file = disk.create(NAME)?;
    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    for at in 0..SYNCS as u64 {
        let start = Instant::now();
        file.write_at(at * 512, &[0; 512])?;
        file.sync()?;
        slowest = slowest.max(start.elapsed());
        if began.elapsed() > TAKES_MAX {
            break;
        }
    }
    disk.remove(NAME)?;
    Ok(slowest)
}
