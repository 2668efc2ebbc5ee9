//! Disks.

use super::super::argument::{Argument, DECISIVE, STRONG, WEAK};
use super::super::disks::{Disk, together};
use super::super::facts::Facts;
use super::super::leaders::Change;
use super::super::millis;
use super::super::series::Span;
use crate::evidence::record::LoadRecord;

/// A leader lost leadership while its syncs took longer than heartbeats are apart.
pub fn slow(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let slow = slow_servers(facts);
    if let Some(why) = follows_leaders(facts) {
        argument.contra(DECISIVE, format!("not one disk alone: {why}"));
        return argument;
    }
    if slow.len() >= facts.majority().max(2) {
        argument.contra(DECISIVE, format!("not one disk alone: {} were slow", slow.join(", ")));
        return argument;
    }
    for change in facts.losses() {
        let server = &change.from.server;
        let Some((disk, took)) = slow_before(facts, change) else { continue };
        argument.at(server);
        let (says, lost) = (millis(took), facts.at(change.gap.from_us));
        if took >= facts.election_us {
            argument.pro(
                DECISIVE,
                format!(
                    "{server}'s syncs took {says}, longer than an election time-out of {}, when it lost leadership at {lost}",
                    millis(facts.election_us)
                ),
            );
        } else {
            argument.pro(
                STRONG,
                format!(
                    "{server}'s syncs took {says}, heartbeats are {} apart, when it lost leadership at {lost}",
                    millis(facts.heartbeat_us)
                ),
            );
        }
        if disk.stalled_in(facts.before(change), 0) {
            argument.contra(
                DECISIVE,
                format!("no sync of {server} returned at all: its disk did not get slow, it stalled"),
            );
        }
    }
    if argument.pro.is_empty() {
        slow_in_office(facts, &mut argument);
    }
    match slow.as_slice() {
        [] => argument.contra(DECISIVE, no_slow_sync(facts)),
        [one] if !argument.pro.is_empty() => {
            argument.pro(WEAK, format!("only {one}'s disk was slow: {}", others(facts, one)));
        }
        [one] => {
            argument
                .contra(STRONG, format!("{one}'s disk was slow, and no leadership was lost while it was"));
        }
        several => argument.contra(WEAK, format!("not one disk alone: {} were slow", several.join(", "))),
    }
    argument
}

/// Without a loss of leadership a leader's slow disk makes clients wait, where it is waited for.
fn slow_in_office(facts: &Facts, argument: &mut Argument) {
    for leader in &facts.leaderships {
        let Some(disk) = facts.disk(&leader.server) else { continue };
        for (span, took) in disk.slow.iter().filter(|(span, _)| span.meets(leader.span, 0)) {
            let seconds = waited_seconds(facts, &[(*span, *took)]);
            if seconds > 1 {
                argument.at(&leader.server);
                argument.pro(
                    DECISIVE,
                    format!(
                        "{}'s syncs took {} {} while it led, and clients waited in {seconds} seconds of these",
                        leader.server,
                        millis(*took),
                        facts.span_of(*span)
                    ),
                );
                return;
            }
        }
    }
}

/// In how many seconds that meet one of these spans nothing was done, or half of what was done took longer than
/// heartbeats are apart.
fn waited_seconds(facts: &Facts, spans: &[(Span, u64)]) -> usize {
    let limit = super::super::float(facts.heartbeat_us);
    let has_waited = |load: &&LoadRecord| {
        let second = Span { from_us: load.at_us.saturating_sub(1_000_000), until_us: load.at_us };
        spans.iter().any(|(span, _)| second.meets(*span, 0))
            && (load.done == 0 || load.p50_us.is_some_and(|p50| p50 >= limit))
    };
    facts.load.iter().filter(has_waited).count()
}

/// A majority of disks is slow, and whoever leads loses it again.
pub fn flapping(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let slow = slow_servers(facts);
    if slow.is_empty() {
        argument.contra(DECISIVE, no_slow_sync(facts));
        return argument;
    }
    if slow.len() < facts.majority().max(2) {
        argument.contra(
            DECISIVE,
            format!("only {}'s disk was slow: {}", slow.join(", "), others(facts, &slow[0])),
        );
        return argument;
    }
    if let Some(why) = follows_leaders(facts) {
        argument.contra(DECISIVE, format!("never a majority at one time: {why}"));
        return argument;
    }
    for server in &slow {
        argument.at(server);
    }
    let worst: Vec<String> = slow
        .iter()
        .filter_map(|server| Some(format!("{server} {}", millis(facts.disk(server)?.worst_us()))))
        .collect();
    argument.pro(
        STRONG,
        format!(
            "syncs took, at worst: {}; heartbeats are {} apart",
            worst.join(", "),
            millis(facts.heartbeat_us)
        ),
    );
    let lost = facts.losses().filter(|change| slow_before(facts, change).is_some()).count();
    if lost > 1 {
        argument.pro(
            DECISIVE,
            format!("{lost} leaders, one after another, lost leadership while their disks were slow"),
        );
    } else if lost == 1 {
        argument.pro(STRONG, "a leader lost leadership while its disk was slow");
    }
    let waited =
        waited_seconds(facts, &facts.disks.iter().flat_map(|disk| disk.slow.clone()).collect::<Vec<_>>());
    if waited > 0 {
        argument.pro(STRONG, format!("clients waited, or nothing was done, in {waited} seconds of these"));
    }
    let gap =
        facts.leaderless.iter().filter(|gap| gap.us() > 3 * facts.election_us).max_by_key(|gap| gap.us());
    if let Some(gap) = gap {
        argument.pro(
            STRONG,
            format!("nobody led {}: no election ended before the next began", facts.span_of(*gap)),
        );
    }
    let terms: Vec<u64> =
        facts.series.iter().flat_map(|own| own.answers().filter_map(|sample| sample.term)).collect();
    let risen = terms.iter().max().zip(terms.iter().min()).map_or(0, |(max, min)| max - min);
    let led = facts.leaderships.len() as u64;
    if risen > led {
        argument.pro(STRONG, format!("the term rose by {risen}, and only {led} of these terms had a leader"));
    }
    argument
}

/// The slowness goes where leadership goes: each leader lost it by its own disk, while the others' were well.
pub fn follows(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let Some(why) = follows_leaders(facts) else {
        argument.contra(DECISIVE, follows_nobody(facts));
        return argument;
    };
    // Two may be bad by chance, one after the other.
    argument.pro(if hung(facts).len() > 2 { DECISIVE } else { STRONG }, why);
    for Hung { change, disk, took_us, .. } in hung(facts) {
        argument.at(&disk.server);
        argument.pro(
            WEAK,
            format!(
                "a sync of {} took {} or longer when it lost leadership at {}, {} as a rule",
                disk.server,
                millis(took_us),
                facts.at(change.gap.from_us),
                millis(disk.p50_us)
            ),
        );
    }
    let meanwhile = hung(facts).iter().filter(|own| own.change.to.span.from_us <= own.span.until_us).count();
    if meanwhile > 0 {
        argument.pro(
            STRONG,
            format!("{meanwhile} times another won an election meanwhile; votes are synced before they are given, so the disks of a majority were well"),
        );
    }
    argument
}

fn follows_nobody(facts: &Facts) -> String {
    let mut hung: Vec<&str> = hung(facts).iter().map(|own| own.disk.server.as_str()).collect();
    hung.dedup();
    match (slow_servers(facts).as_slice(), hung.as_slice()) {
        ([], _) => no_slow_sync(facts),
        (_, []) => format!(
            "no leader lost leadership by a sync that took as long as an election time-out ({})",
            millis(facts.election_us)
        ),
        (_, [one]) => format!("it was {one}'s disk, and did not go to the next leader's"),
        (slow, _) => format!("disks of {} were slow, and not only of whoever led", slow.join(", ")),
    }
}

/// A leader lost leadership while a sync of its disk took so long that the others stood for election.
struct Hung<'a> {
    change: &'a Change,
    disk: &'a Disk,
    span: Span,
    took_us: u64,
}

fn hung(facts: &Facts) -> Vec<Hung<'_>> {
    let hung = |change| {
        let (disk, span, took_us) = slow_span_before(facts, change)?;
        let is_long = took_us >= facts.election_us && !disk.stalled_in(facts.before(change), 0);
        is_long.then_some(Hung { change, disk, span, took_us })
    };
    facts.losses().filter_map(hung).collect()
}

/// So much quicker than the slow disk are those that are well.
const WELL: u64 = 4;

/// How the slowness went from leader to leader, if it did: it was at several servers, one after another, and cost each
/// of them its leadership. Storage that is shared is slow for those who follow as well, for they sync what a leader does,
/// and their votes.
fn follows_leaders(facts: &Facts) -> Option<String> {
    let hung = hung(facts);
    let is_well = |own: &Hung<'_>, other: &Disk| other.worst_in(own.span) <= own.took_us / WELL;
    let is_alone = |own: &Hung<'_>| {
        facts.disks.iter().all(|other| other.server == own.disk.server || is_well(own, other))
    };
    // Who follows has a slow disk, too: then the slowness does not go where leadership goes.
    let is_of_leader = |disk: &Disk, (span, took): &(Span, u64)| {
        let mut own = facts.leaderships.iter().filter(|leadership| leadership.server == disk.server);
        *took < facts.election_us || own.any(|leadership| leadership.span.meets(*span, 0))
    };
    let are_of_leaders = facts.disks.iter().all(|disk| disk.slow.iter().all(|slow| is_of_leader(disk, slow)));
    let servers: Vec<&str> = hung.iter().map(|own| own.disk.server.as_str()).collect();
    let are_several = servers.iter().any(|server| *server != servers[0]);
    (are_several && are_of_leaders && hung.iter().all(is_alone) && !are_slow_together(facts)).then(|| {
        format!(
            "{} led one after another, and lost leadership while their own disk was slow and no other was",
            servers.join(", ")
        )
    })
}

/// Were the disks of a majority slow at one time?
fn are_slow_together(facts: &Facts) -> bool {
    together(&facts.disks, |disk| &disk.slow).len() >= facts.majority().max(2)
}

/// No sync of a leader returned for long, though it had something to write.
pub fn stalled(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let slow = slow_servers(facts);
    // Where most disks are slow, one that returns nothing for long is one of them.
    let are_all_slow = slow.len() >= facts.majority().max(2);
    if are_all_slow {
        argument.contra(DECISIVE, format!("syncs of {} return, and each of them is slow", slow.join(", ")));
    }
    for disk in facts.disks.iter().filter(|_| !are_all_slow) {
        for stall in &disk.stalls {
            let took = super::super::seconds(stall.us());
            let loss = facts.losses().find(|change| {
                change.from.server == disk.server && stall.meets(facts.before(change), facts.election_us)
            });
            argument.at(&disk.server);
            argument.pro(
                STRONG,
                format!(
                    "no sync of {} returned for {took}, {}, though it had to write",
                    disk.server,
                    facts.span_of(*stall)
                ),
            );
            if let Some(change) = loss {
                let gone = facts.at(change.gap.from_us);
                argument.pro(DECISIVE, format!("{} gave up leadership at {gone} meanwhile", disk.server));
            } else if facts.lasts(*stall) {
                argument.pro(STRONG, format!("{}'s disk is stalled to the end", disk.server));
            }
            let before = disk.p50_us;
            if before < facts.heartbeat_us / 2 {
                argument.pro(WEAK, format!("as a rule its syncs take {}", millis(before)));
            }
        }
    }
    if argument.pro.is_empty() && !are_all_slow {
        argument.contra(DECISIVE, "whenever a server had something to write, a sync returned before long");
    }
    argument
}

/// How long syncs took when this leader lost leadership, if they were slow.
fn slow_before<'a>(facts: &'a Facts, change: &Change) -> Option<(&'a Disk, u64)> {
    slow_span_before(facts, change).map(|(disk, _, took)| (disk, took))
}

/// The same, and when that was.
fn slow_span_before<'a>(facts: &'a Facts, change: &Change) -> Option<(&'a Disk, Span, u64)> {
    let disk = facts.disk(&change.from.server)?;
    let window = facts.before(change);
    let met = disk.slow.iter().filter(|(span, _)| span.meets(window, 0));
    met.max_by_key(|(_, took)| *took).map(|(span, took)| (disk, *span, *took))
}

fn slow_servers(facts: &Facts) -> Vec<String> {
    facts.disks.iter().filter(|disk| !disk.slow.is_empty()).map(|disk| disk.server.clone()).collect()
}

fn no_slow_sync(facts: &Facts) -> String {
    let p99 = facts.disks.iter().map(|disk| disk.p99_us).max().unwrap_or(0);
    format!(
        "no server's syncs took as long as heartbeats are apart ({}): the slowest hundredth took {}",
        millis(facts.heartbeat_us),
        millis(p99)
    )
}

/// What the other disks took, as a rule.
fn others(facts: &Facts, but: &str) -> String {
    let others = facts.disks.iter().filter(|disk| disk.server != but);
    let said: Vec<String> =
        others.map(|disk| format!("{} took {} as a rule", disk.server, millis(disk.p50_us))).collect();
    said.join(", ")
}
