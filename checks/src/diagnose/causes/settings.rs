//! Settings, clocks, and the amount of work.

use super::super::argument::{Argument, DECISIVE, STRONG, WEAK};
use super::super::disks::delta;
use super::super::facts::Facts;
use super::super::{float, millis, seconds};

/// More than this share of a processor is as much as one thread can do.
const BUSY: f64 = 0.9;

/// So many heartbeats have to fit into an election time-out, or one that is lost brings an election near.
const HEARTBEATS_MIN: u64 = 3;

/// Elections start although leaders, disks and links are well.
pub fn short_time_out(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let (election, heartbeat) = (facts.election_us, facts.heartbeat_us);
    let ratio = election / heartbeat.max(1);
    if ratio < HEARTBEATS_MIN {
        argument.pro(
            STRONG,
            format!(
                "an election time-out of {} holds only {ratio} heartbeats of {}",
                millis(election),
                millis(heartbeat)
            ),
        );
    } else {
        argument.contra(
            STRONG,
            format!("{ratio} heartbeats fit into an election time-out of {}", millis(election)),
        );
    }
    let trip = facts.ways.iter().map(|way| way.median_us).max().unwrap_or(0);
    if trip * 4 > election {
        argument.pro(
            STRONG,
            format!(
                "a round trip takes {} as a rule, and the time-out is {}",
                millis(trip),
                millis(election)
            ),
        );
    }
    let moved = facts.losses().count();
    if moved > 1 {
        argument.pro(STRONG, format!("leadership moved {moved} times, and nobody had asked for it"));
    } else {
        argument.contra(WEAK, format!("leadership moved {moved} times without being asked to"));
    }
    argument
}

/// The clock by which timers run does not go as fast as time.
pub fn wrong_clock(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    for wrong in &facts.wrong {
        argument.at(&wrong.server);
        let says = if wrong.is_jump {
            let way = if wrong.off_ms > 0 { "ahead" } else { "back" };
            format!(
                "{}'s clock jumped {way} by {} at {}",
                wrong.server,
                millis(wrong.off_ms.unsigned_abs() * 1000),
                facts.at(wrong.span.until_us)
            )
        } else {
            let percent = (wrong.rate * 100.0).round();
            format!("{}'s clock ran at {percent} % of time {}", wrong.server, facts.span_of(wrong.span))
        };
        argument.pro(STRONG, says);
        if wrong.span.us() > facts.election_us || wrong.is_jump {
            argument.pro(
                STRONG,
                format!("it lasted {}: longer than any scrape is late", seconds(wrong.span.us())),
            );
        }
    }
    if facts.wrong.is_empty() {
        let is_said = facts.series.iter().any(|own| own.answers().any(|sample| sample.timers_ms.is_some()));
        if is_said {
            argument
                .contra(DECISIVE, "the clocks by which timers run went as fast as that of whoever scraped");
        } else {
            argument.contra(WEAK, "servers do not say what their clocks show");
        }
    }
    argument
}

/// Requests are refused, or the processor does nothing else.
pub fn overload(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    for own in &facts.series {
        let grown = |read: fn(&crate::evidence::record::Sample) -> Option<u64>| -> u64 {
            own.pairs().filter_map(|(one, next)| delta(read(one), read(next))).sum()
        };
        let (refused, overflowed) = (grown(|sample| sample.rejected), grown(|sample| sample.overflowed));
        if refused > 0 {
            argument.at(&own.server);
            argument
                .pro(DECISIVE, format!("{} refused {refused} requests, since too many waited", own.server));
        }
        if overflowed > 0 {
            argument.at(&own.server);
            argument.pro(
                STRONG,
                format!("{} dropped {overflowed} datagrams of servers, since too many waited", own.server),
            );
        }
        if let Some(share) = processor(own).filter(|share| *share > BUSY) {
            argument.at(&own.server);
            argument.pro(
                STRONG,
                format!("{} used {:.0} % of a processor all the time", own.server, share * 100.0),
            );
        }
    }
    if argument.pro.is_empty() {
        let most =
            facts.series.iter().flat_map(|own| own.answers().filter_map(|sample| sample.pending)).max();
        let most = most.unwrap_or(0);
        argument.contra(
            STRONG,
            format!(
                "no request was refused, no datagram dropped for want of room; at most {most} clients waited"
            ),
        );
    }
    argument
}

/// The share of a processor that a server used between its first scrape and its last.
fn processor(own: &super::super::series::Series) -> Option<f64> {
    let used: f64 = own.pairs().filter_map(|(one, next)| Some(next.cpu_seconds? - one.cpu_seconds?)).sum();
    let over: u64 = own.pairs().map(|(one, next)| next.at_us.saturating_sub(one.at_us)).sum();
    (over > 0).then(|| used / (float(over) / 1e6))
}
