//! Membership.

use super::super::argument::{Argument, DECISIVE, STRONG, WEAK};
use super::super::facts::Facts;
use super::super::leaders::{Change, Why};
use super::super::{millis, seconds};

/// Servers have different voters at the same place of their logs: a configuration did not come through the log.
pub fn bypassed(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    if let Some(conflict) = facts.conflicts.first() {
        let ((one, voters), (other, others)) = (&conflict.one, &conflict.other);
        let by = if conflict.index == 0 {
            "each by what it was started with".to_string()
        } else {
            format!("both by entry {} of their logs", conflict.index)
        };
        argument.pro(
            DECISIVE,
            format!(
                "at {} {one} counts by {{{}}} and {other} by {{{}}}, {by}",
                facts.at(conflict.at_us),
                voters.join(" "),
                others.join(" ")
            ),
        );
        for conflict in &facts.conflicts {
            argument.at(&conflict.one.0);
            argument.at(&conflict.other.0);
        }
        if facts.conflicts.iter().any(|conflict| conflict.is_disjoint) {
            argument
                .pro(STRONG, "a majority of the one and a majority of the other need no server in common");
        }
    } else {
        argument.contra(
            DECISIVE,
            "all servers with a configuration at one place of the log have the same voters there",
        );
    }
    for both in &facts.both {
        argument.pro(
            DECISIVE,
            format!(
                "{} in term {} and {} in term {} led at once {}, and committed {} and {} entries",
                both.one.server,
                both.one.term,
                both.other.server,
                both.other.term,
                facts.span_of(both.span),
                both.committed.0,
                both.committed.1
            ),
        );
    }
    argument
}

/// The leader was removed from the configuration. It steps down when that is committed (dissertation 4.2.2), and tells
/// nobody to stand: the others wait for a leader that has gone until their time-outs run out, and clients with them.
pub fn leader_left(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let left = || facts.changes.iter().filter(|change| change.why == Why::Left);
    for change in left() {
        let (from, to, took) = (&change.from.server, &change.to.server, seconds(change.gap.us()));
        let idle = facts.idle_in(change.gap);
        if idle == 0 {
            continue;
        }
        argument.at(from);
        argument.pro(
            DECISIVE,
            format!(
                "{from} led in term {} until it left the configuration at {}; nobody led for {took}, and nothing was done in {idle} seconds of these",
                change.from.term,
                facts.at(change.gap.from_us)
            ),
        );
        if change.gap.us() >= facts.election_us {
            let election = millis(facts.election_us);
            argument.pro(
                STRONG,
                format!("{to} stood after an election time-out ({election}): nobody had told it to"),
            );
        }
    }
    if !argument.pro.is_empty() {
        return argument;
    }
    for Change { from, to, gap, .. } in left() {
        let took = seconds(gap.us());
        let said =
            format!("{} led {took} after {} had left, and clients hardly waited", to.server, from.server);
        argument.contra(WEAK, said);
    }
    if argument.contra.is_empty() {
        argument.contra(DECISIVE, "no server left the configuration while it led");
    }
    argument
}
