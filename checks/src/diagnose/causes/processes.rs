//! Processes.

use super::super::argument::{Argument, DECISIVE, STRONG, WEAK};
use super::super::facts::Facts;
use super::super::leaders::Change;
use super::super::seconds;
use super::super::series::{Silence, Then};

/// A leader stopped answering, and another process answers in its place, or none.
pub fn died(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    for change in facts.losses() {
        let Some(silence) = silence(facts, change) else { continue };
        let leader = &change.from.server;
        let said = format!(
            "{leader} led in term {} and did not answer {}",
            change.from.term,
            facts.span_of(silence.span)
        );
        match silence.then {
            Then::Restarted => {
                argument.pro(DECISIVE, format!("{said}; what answers then is another process"));
            }
            Then::Unknown => argument.pro(DECISIVE, format!("{said}, and never since")),
            Then::WentOn => {
                argument.contra(
                    DECISIVE,
                    format!("{leader} did not answer for a while, and the same process went on"),
                );
                continue;
            }
        }
        argument.at(leader);
        argument.pro(
            STRONG,
            format!(
                "{} was elected in term {}, {} after",
                change.to.server,
                change.to.term,
                seconds(change.to.span.from_us.saturating_sub(silence.span.from_us))
            ),
        );
        if let Some(end) = facts.ends.iter().find(|end| end.server == *leader) {
            argument.pro(if end.is_asked { WEAK } else { STRONG }, format!("{}: {}", end.at, end.says));
        }
    }
    if argument.pro.is_empty() && argument.contra.is_empty() {
        argument.contra(DECISIVE, "every leader answered whoever scraped it until another led");
    }
    argument
}

/// A leader stopped answering, and the same process went on later.
pub fn paused(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    for change in facts.losses() {
        let Some(silence) = silence(facts, change) else { continue };
        let leader = &change.from.server;
        if silence.then != Then::WentOn {
            argument.contra(DECISIVE, format!("{leader} did not go on: its process ended"));
            continue;
        }
        argument.at(leader);
        argument.pro(
            DECISIVE,
            format!(
                "{leader} led in term {} and did nothing {}; then the same process went on",
                change.from.term,
                facts.span_of(silence.span)
            ),
        );
        argument.pro(
            STRONG,
            format!("{} was elected at {} meanwhile", change.to.server, facts.at(change.to.span.from_us)),
        );
    }
    if argument.pro.is_empty() && argument.contra.is_empty() {
        argument.contra(DECISIVE, "every leader answered whoever scraped it until another led");
    }
    argument
}

/// A voter does not answer to the end, and did not lead when that began.
pub fn server_down(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let voters = facts.voters();
    let has_lost = |server: &str| facts.losses().any(|change| change.from.server == server);
    let is_led = !facts.leaderless.iter().any(|gap| facts.lasts(*gap));
    let lasting = facts
        .silences()
        .filter(|_| is_led)
        .filter(|own| facts.lasts(own.span) && own.span.us() > facts.election_us);
    for silence in lasting.filter(|own| voters.contains(&own.server) && !has_lost(&own.server)) {
        argument.at(&silence.server);
        argument.pro(
            DECISIVE,
            format!("{} does not answer since {}", silence.server, facts.at(silence.span.from_us)),
        );
    }
    if argument.pro.is_empty() {
        argument.contra(STRONG, "every other voter answers at the end");
    }
    argument
}

/// The silence in which this leader lost leadership.
fn silence<'a>(facts: &'a Facts, change: &Change) -> Option<&'a Silence> {
    let window = facts.before(change);
    facts.silences().find(|silence| silence.server == change.from.server && silence.span.meets(window, 0))
}
