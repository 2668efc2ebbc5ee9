//! The network.

use super::super::argument::{Argument, DECISIVE, STRONG, WEAK};
use super::super::facts::Facts;
use super::super::network::{CutOff, Way, flickers};
use super::super::series::{Span, Then};
use super::super::{millis, seconds};

/// A link that loses this share of its datagrams is bad, whatever happens.
const LOST: f64 = 0.05;
/// One that loses this share explains elections by itself.
const LOST_MUCH: f64 = 0.25;

/// The server that led was out of touch with the others, and answered whoever scrapes it.
pub fn leader_cut_off(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    for change in facts.losses() {
        let (leader, window) = (&change.from.server, facts.before(change));
        if change.to.server == *leader {
            continue;
        }
        let is_own = |cut: &&CutOff| cut.server == *leader && cut.span.meets(window, facts.election_us);
        let Some(cut) = facts.cuts.iter().find(is_own) else { continue };
        argument.at(leader);
        let age = quorum_age(facts, leader, cut.span);
        let excuse = age.and_then(|age| led_on(facts, leader, age)).or_else(|| excuse(facts, leader, window));
        argument.pro(
            if excuse.is_some() { WEAK } else { DECISIVE },
            format!(
                "{leader} led in term {} and was out of touch {}: {}",
                change.from.term,
                facts.span_of(cut.span),
                way(cut)
            ),
        );
        argument.pro(
            STRONG,
            format!(
                "{} was elected in term {} at {} meanwhile",
                change.to.server,
                change.to.term,
                facts.at(change.to.span.from_us)
            ),
        );
        if let Some(age) = age {
            argument.pro(WEAK, format!("{leader} had not heard a majority for {} at worst", seconds(age)));
        }
        if let Some(why) = excuse {
            argument.contra(DECISIVE, why);
        }
    }
    if argument.pro.is_empty() {
        followers(facts, &mut argument);
    }
    argument
}

/// Why a leader may have been out of touch that the network did not cut off.
fn excuse(facts: &Facts, leader: &str, window: Span) -> Option<String> {
    let disk = facts.disk(leader);
    if let Some(took) = disk.and_then(|disk| disk.slow_in(window, 0)) {
        return Some(format!("its own disk kept {leader} from speaking, {} a sync", millis(took)));
    }
    if disk.is_some_and(|disk| disk.stalled_in(window, 0)) {
        return Some(format!("its own disk kept {leader}: no sync returned"));
    }
    if facts.silences().any(|silence| silence.server == leader && silence.span.meets(window, 0)) {
        return Some(format!("{leader} did not answer whoever scraped it either"));
    }
    let times = flickers(&facts.cuts, leader)?;
    Some(came_through(leader, times))
}

fn came_through(server: &str, times: usize) -> String {
    format!("{server} was out of touch {times} times, and back in between: something came through")
}

/// A leader that was never without its majority led on, whoever else was elected.
fn led_on(facts: &Facts, leader: &str, age_us: u64) -> Option<String> {
    let says =
        || format!("{leader} was never without a majority, as it counts, for longer than {}", millis(age_us));
    (age_us < facts.election_us).then(says)
}

/// Why no leader was cut off.
fn followers(facts: &Facts, argument: &mut Argument) {
    argument.contra(
        DECISIVE,
        match facts.cuts.first() {
            None => "every server that answered was in touch with the leader".to_string(),
            Some(cut) => format!("{} was out of touch, and did not lose leadership by it", cut.server),
        },
    );
}

/// A server is out of touch to the end, and leadership did not move for it.
pub fn server_cut_off(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let has_lost = |server: &str| facts.losses().any(|change| change.from.server == server);
    for cut in facts
        .cuts
        .iter()
        .filter(|cut| facts.lasts(cut.span) && !is_slow(facts, cut) && !has_lost(&cut.server))
    {
        if let Some(times) = flickers(&facts.cuts, &cut.server) {
            argument.contra(DECISIVE, came_through(&cut.server, times));
            continue;
        }
        argument.at(&cut.server);
        argument.pro(
            DECISIVE,
            format!("{} is out of touch since {}: {}", cut.server, facts.at(cut.span.from_us), way(cut)),
        );
    }
    if argument.pro.is_empty() && argument.contra.is_empty() {
        argument.contra(STRONG, "no server is out of touch at the end");
    }
    argument
}

fn is_slow(facts: &Facts, cut: &CutOff) -> bool {
    let explains = |took: u64| took / 1000 >= cut.age_ms / 2;
    let disk = facts.disk(&cut.server);
    disk.is_some_and(|disk| disk.slow_in(cut.span, 0).is_some_and(explains) || disk.stalled_in(cut.span, 0))
}

fn way(cut: &CutOff) -> String {
    match (cut.is_heard, cut.hears) {
        (false, false) => "it heard nobody, and nobody heard it".into(),
        (true, false) => "it was heard, and heard nobody".into(),
        (false, true) => "it heard others, and nobody heard it".into(),
        (true, true) => format!("nothing came through for {}", millis(cut.age_ms * 1000)),
    }
}

fn quorum_age(facts: &Facts, server: &str, span: Span) -> Option<u64> {
    let own = facts.series.iter().find(|own| own.server == server)?;
    let within = own.answers().filter(|sample| (span.from_us..=span.until_us).contains(&sample.at_us));
    within.filter_map(|sample| sample.quorum_age_s).map(super::super::micros).max()
}

/// For longer than an election takes, fewer voters than a majority were up and in touch, and nobody led.
pub fn majority_lost(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let voters = facts.voters();
    let majority = voters.len() / 2 + 1;
    for gap in facts.leaderless.iter().filter(|gap| gap.us() > facts.election_us) {
        let middle = gap.from_us + gap.us() / 2;
        let silent: Vec<&String> = voters.iter().filter(|voter| is_away(facts, voter, middle)).collect();
        if voters.len() - silent.len() >= majority {
            continue;
        }
        let names: Vec<&str> = silent.iter().map(|server| server.as_str()).collect();
        for server in &names {
            argument.at(server);
        }
        argument.pro(
            DECISIVE,
            format!(
                "nobody led {}; at {} {} of {} voters were gone or alone ({}), and {majority} are needed",
                facts.span_of(*gap),
                facts.at(middle),
                names.len(),
                voters.len(),
                names.join(", ")
            ),
        );
        if facts.lasts(*gap) {
            argument.pro(STRONG, "it lasts to the end");
        }
    }
    if argument.pro.is_empty() {
        argument.contra(
            DECISIVE,
            format!("whenever nobody led, {majority} of {} voters were up and in touch", voters.len()),
        );
    }
    argument
}

fn is_away(facts: &Facts, server: &str, at_us: u64) -> bool {
    let is_silent =
        facts.series.iter().find(|own| own.server == server).is_none_or(|own| own.at(at_us).is_none());
    let covers = |cut: &CutOff| cut.span.from_us <= at_us && at_us <= cut.span.until_us;
    let is_alone = |cut: &CutOff| cut.server == server && covers(cut) && !is_slow(facts, cut);
    is_silent || flickers(&facts.cuts, server).is_none() && facts.cuts.iter().any(is_alone)
}

/// Datagrams are lost or late while nobody is cut off.
pub fn bad_links(facts: &Facts) -> Argument {
    let mut argument = Argument::default();
    let worst = facts.ways.iter().max_by(|a, b| a.lost.total_cmp(&b.lost));
    let slowest = facts.ways.iter().max_by_key(|way| way.worst_us);
    if let Some(Way { from, to, lost, lost_at_us, .. }) = worst.filter(|way| way.lost >= LOST) {
        let weight = if *lost >= LOST_MUCH { DECISIVE } else { STRONG };
        let (percent, at) = ((lost * 100.0).round(), facts.at(*lost_at_us));
        argument.at(from);
        argument.pro(weight, format!("{to} missed {percent} % of what {from} sent it, around {at}"));
    }
    // A server that was paused or waited for its disk answers late, whatever the link.
    let is_own = |way: &&Way| {
        let moment =
            Span { from_us: way.worst_at_us.saturating_sub(facts.election_us), until_us: way.worst_at_us };
        ![&way.from, &way.to].into_iter().any(|server| {
            facts
                .disk(server)
                .is_some_and(|disk| disk.slow_in(moment, 0).is_some() || disk.stalled_in(moment, 0))
                || facts.silences().any(|silence| {
                    silence.server == *server
                        && silence.then != Then::Restarted
                        && silence.span.meets(moment, 0)
                })
        })
    };
    if let Some(way) = slowest.filter(|way| way.worst_us >= facts.election_us / 4).filter(is_own) {
        argument.at(&way.from);
        argument.pro(
            if way.worst_us >= facts.election_us { DECISIVE } else { STRONG },
            format!(
                "from {} to {} and back took {} at {}, {} as a rule",
                way.to,
                way.from,
                millis(way.worst_us),
                facts.at(way.worst_at_us),
                millis(way.median_us)
            ),
        );
    }
    if argument.pro.is_empty() {
        let (lost, trip) = (worst.map_or(0.0, |way| way.lost * 100.0), slowest.map_or(0, |way| way.worst_us));
        argument.contra(
            STRONG,
            format!("at most {:.0} % of datagrams were lost on a link that was up, and a round trip took {} at worst", lost, millis(trip)),
        );
    } else if facts.losses().next().is_some() {
        argument.pro(STRONG, "leadership moved meanwhile, and nobody had asked for it");
    }
    argument
}
