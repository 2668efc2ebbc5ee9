//! Membership.

use super::super::argument::{Argument, DECISIVE, STRONG};
use super::super::facts::Facts;

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
