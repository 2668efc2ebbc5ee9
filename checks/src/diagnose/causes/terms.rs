//! Terms.

use super::super::argument::{Argument, DECISIVE, STRONG, WEAK};
use super::super::elections::Deposed;
use super::super::facts::Facts;
use super::super::series::Span;

/// A leader that heard its majority gave way to the term of a server that had been away.
pub fn rejoin(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    if facts.deposed.is_empty() {
        argument.contra(DECISIVE, "no leader gave way to a server that had been in a higher term before");
        return argument;
    }
    for deposed in &facts.deposed {
        one(facts, deposed, &mut argument);
    }
    argument
}

fn one(facts: &Facts, deposed: &Deposed, argument: &mut Argument) {
    let Deposed { leader, by, span, term, quorum_ms, pre_vote } = deposed;
    argument.at(by);
    let heard = quorum_ms.map_or(String::new(), |ms| format!(", and had heard a majority {ms} ms before"));
    argument.pro(
        STRONG,
        format!(
            "{} led in term {} until {}{heard}; {by} was in term {term} by then, ahead of it for {}",
            leader.server,
            leader.term,
            facts.at(span.until_us),
            super::super::seconds(span.us())
        ),
    );
    let slack_us = facts.election_us;
    let away = facts.cuts.iter().find(|cut| cut.server == *by && cut.span.meets(*span, slack_us));
    let silent =
        facts.silences().find(|silence| silence.server == *by && silence.span.meets(*span, slack_us));
    match (away, silent) {
        (Some(cut), _) => argument.pro(STRONG, format!("{by} was cut off {}", facts.span_of(cut.span))),
        (None, Some(silence)) => {
            argument.pro(STRONG, format!("{by} did not answer {}", facts.span_of(silence.span)));
        }
        (None, None) => argument.contra(STRONG, format!("{by} was not seen to be away")),
    }
    match pre_vote {
        Some(false) => {
            argument.pro(STRONG, format!("{by} does not ask before an election whether it can be won"));
        }
        Some(true) => argument.contra(STRONG, format!("{by} asks before an election whether it can be won")),
        None => {}
    }
    if *term > leader.term + 1 {
        argument.pro(WEAK, format!("{by} had stood in vain: it was {} terms ahead", term - leader.term));
    }
    let window =
        Span { from_us: span.from_us.saturating_sub(2 * facts.election_us), until_us: span.until_us };
    let disk = facts.disk(&leader.server);
    if let Some(took) = disk.and_then(|disk| disk.slow_in(window, 0)) {
        let took = super::super::millis(took);
        argument.contra(
            DECISIVE,
            format!("{}'s own disk was slow before, {took} a sync: it was not well", leader.server),
        );
    }
}
