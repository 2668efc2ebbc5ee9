//! From what was found to a verdict, each step a [`Reason`] that a person can check.
//!
//! The verdict is that of the worst reason, and a run passes only if nothing is missing: files that are whole, journals
//! that were replayed, a history that was judged, faults that struck, and clients to whom something was acknowledged.

use std::collections::BTreeMap;

use super::bands::Kind;
use super::findings::Findings;
use super::followed::lasting;
use super::read::Run;
use super::record::{Role, Sample};
use super::{Judgements, Linearizability, Validation};
use crate::console::grouped;
use crate::verdict::{Verdict, exit};

/// One thing that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What.
    pub what: String,
    /// What it came to.
    pub verdict: Verdict,
    /// The exit code of a run for which this is the worst.
    pub exit: u8,
    /// In a sentence.
    pub says: String,
}

/// What a live run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveVerdict {
    /// In a word.
    pub verdict: Verdict,
    /// The exit code.
    pub exit: u8,
    /// In a sentence.
    pub says: String,
    /// Why: all that was judged.
    pub reasons: Vec<Reason>,
}

impl Reason {
    fn new(what: &str, verdict: Verdict, exit: u8, says: impl Into<String>) -> Reason {
        Reason { what: what.into(), verdict, exit, says: says.into() }
    }

    fn holds(what: &str, says: impl Into<String>) -> Reason {
        Reason::new(what, Verdict::Verified, exit::OK, says)
    }

    /// Was it judged, and does it hold?
    pub fn is_good(&self) -> bool {
        self.verdict == Verdict::Verified
    }
}

impl LiveVerdict {
    /// The line of `verdict.txt`, which ends every run.
    pub fn line(&self) -> String {
        format!("{}  {}   exit {}", self.verdict, self.says, self.exit)
    }

    fn of(reasons: Vec<Reason>, says: impl FnOnce() -> String) -> LiveVerdict {
        let verdict = reasons.iter().fold(Verdict::Verified, |worst, reason| worst.worse(reason.verdict));
        let worst: Vec<&Reason> =
            reasons.iter().filter(|own| own.verdict == verdict && !own.is_good()).collect();
        let exit = worst.first().map_or(exit::OK, |reason| reason.exit);
        let says = match &worst[..] {
            [] => says(),
            [only] => format!("{}: {}", only.what, only.says),
            [first, others @ ..] => {
                let others: Vec<&str> = others.iter().map(|own| own.what.as_str()).collect();
                format!("{}: {}; also: {}", first.what, first.says, others.join(", "))
            }
        };
        LiveVerdict { verdict, exit, says, reasons }
    }
}

/// Judges a run.
pub fn judge(run: &Run, findings: &Findings, judgements: &Judgements) -> LiveVerdict {
    let mut reasons = vec![files(run), end(run)];
    reasons.extend(replay(judgements.validation.as_ref()));
    reasons.push(history(judgements.linearizability.as_ref()));
    reasons.push(leaders(run));
    reasons.push(terms(run));
    reasons.push(commits(run));
    reasons.push(faults(findings));
    reasons.push(acknowledged(findings, judgements.linearizability.as_ref()));
    reasons.push(processes(run));
    reasons.push(panics(run));
    LiveVerdict::of(reasons, || summary(run, findings, judgements))
}

fn summary(run: &Run, findings: &Findings, judgements: &Judgements) -> String {
    let operations = judgements.linearizability.as_ref().map_or(0, |own| own.operations);
    format!(
        "{} servers for {}: journals replay, properties hold, the history of {} operations is linearizable, {} of \
         {} faults, by kind and server, struck",
        findings.servers.len(),
        lasting(run.end_us - run.start_us),
        grouped(operations),
        findings.struck.iter().filter(|own| own.is_proved()).count(),
        findings.struck.len(),
    )
}

fn files(run: &Run) -> Reason {
    let broken: Vec<&str> = run
        .files
        .iter()
        .filter(|file| file.is_necessary)
        .flat_map(|file| file.defects.iter().map(String::as_str))
        .collect();
    match &broken[..] {
        [] => Reason::holds("record", "every file that the verdict rests on is there and whole"),
        [first, others @ ..] => {
            let more = others.len() + run.files.iter().map(|file| file.more).sum::<usize>();
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            Reason::new("record", Verdict::Error, exit::DATA, format!("{first}{more}"))
        }
    }
}

fn end(run: &Run) -> Reason {
    if run.is_ended() {
        return Reason::holds("end", format!("the run ended in order after {:.1} s", run.duration()));
    }
    let says = "the run was not ended in order (`lab down`): what happened last may be missing";
    Reason::new("end", Verdict::Incomplete, exit::INCOMPLETE, says)
}

fn replay(validation: Option<&Validation>) -> Vec<Reason> {
    let Some(validation) = validation else {
        let says = "the journals were not replayed: `lab validate` does it";
        return vec![Reason::new("replay", Verdict::Incomplete, exit::INCOMPLETE, says)];
    };
    let says = validation.lines.first().map_or("no word of what was replayed", String::as_str);
    let mut reasons = vec![Reason::new("replay", validation.verdict, validation.exit, says)];
    // What nothing happened about is shown with the journals, and is for the validation's own verdict to weigh.
    let judged = validation.properties.iter().filter_map(|own| Some((own, own.holds?)));
    reasons.extend(judged.map(|(own, holds)| {
        let (verdict, exit) =
            if holds { (Verdict::Verified, exit::OK) } else { (Verdict::Violated, exit::VIOLATED) };
        Reason::new(&own.name, verdict, exit, own.says.as_str())
    }));
    reasons
}

fn history(linearizability: Option<&Linearizability>) -> Reason {
    if let Some(own) = linearizability {
        return Reason::new("linearizability", own.verdict, own.exit, own.says.as_str());
    }
    let says = "the clients' history was not judged: `lab validate` does it";
    Reason::new("linearizability", Verdict::Incomplete, exit::INCOMPLETE, says)
}

/// Each term has one leader, by what servers say of themselves and of each other.
fn leaders(run: &Run) -> Reason {
    let what = "one leader a term";
    let mut leads: BTreeMap<u64, BTreeMap<&str, String>> = BTreeMap::new();
    let mut say = |term, leader, says: String| {
        leads.entry(term).or_default().entry(leader).or_insert(says);
    };
    for record in &run.events {
        let event = &record.event;
        let at = run.seconds(record.at_us);
        if record.role() == Some(Role::Leader) {
            say(event.term, &event.server, format!("{} led at {at:.2} s", event.server));
        } else if let Some(leader) = record.leader() {
            say(event.term, leader, format!("{leader} led, said {} at {at:.2} s", event.server));
        }
    }
    for sample in run.samples.iter().filter(|sample| sample.role == Some(Role::Leader)) {
        let says = format!("{} led at {:.2} s", sample.server, run.seconds(sample.at_us));
        say(sample.term.unwrap_or(0), &sample.server, says);
    }
    if let Some((term, said)) = leads.iter().find(|(_, leaders)| leaders.len() > 1) {
        let said: Vec<&str> = said.values().map(String::as_str).collect();
        let says = format!("term {term} has {} leaders: {}", said.len(), said.join(", "));
        return Reason::new(what, Verdict::Violated, exit::VIOLATED, says);
    }
    match leads.len() {
        0 => Reason::new(what, Verdict::Vacuous, exit::VACUOUS, "no server ever led"),
        terms => Reason::holds(what, format!("{terms} terms were led, each by one server")),
    }
}

/// The term of a server never falls, through restarts too.
fn terms(run: &Run) -> Reason {
    let what = "terms never fall";
    let events = run.events.iter().map(|own| (own.event.server.as_str(), own.at_us, own.event.term));
    let samples = run.samples.iter().filter_map(|own| Some((own.server.as_str(), own.at_us, own.term?)));
    // Events and samples come by different ways, so that one may overtake the other: each is judged by itself.
    let fall = fall(events).or_else(|| fall(samples));
    if let Some((server, at_us, before, after)) = fall {
        let says =
            format!("{server} was in term {before}, and in term {after} at {:.2} s", run.seconds(at_us));
        return Reason::new(what, Verdict::Violated, exit::VIOLATED, says);
    }
    if run.events.is_empty() && run.samples.is_empty() {
        return unseen(what);
    }
    Reason::holds(
        what,
        format!("in {} events and {} samples", grouped_len(&run.events), grouped_len(&run.samples)),
    )
}

/// The first reading below one before it: whose, when, and both.
fn fall<Whose: Ord + Copy>(
    readings: impl Iterator<Item = (Whose, u64, u64)>,
) -> Option<(Whose, u64, u64, u64)> {
    let mut highest: BTreeMap<Whose, u64> = BTreeMap::new();
    for (whose, at_us, value) in readings {
        let before = highest.entry(whose).or_insert(value);
        if value < *before {
            return Some((whose, at_us, *before, value));
        }
        *before = value;
    }
    None
}

/// commitIndex never falls while a process lives; the next one starts from what its snapshot covers.
fn commits(run: &Run) -> Reason {
    let what = "commitIndex never falls";
    let mut lives: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen: BTreeMap<&str, &Sample> = BTreeMap::new();
    let readings = run.samples.iter().filter_map(|own| {
        let (server, commit) = (own.server.as_str(), own.commit?);
        let before = seen.insert(server, own);
        if before.is_some_and(|before| is_another_process(before, own) || is_ended_between(run, before, own))
        {
            *lives.entry(server).or_default() += 1;
        }
        Some(((server, lives.get(server).copied()), own.at_us, commit))
    });
    if let Some(((server, _), at_us, before, after)) = fall(readings) {
        let at = run.seconds(at_us);
        let says = format!("{server} had committed up to {before}, and up to {after} at {at:.2} s");
        return Reason::new(what, Verdict::Violated, exit::VIOLATED, says);
    }
    if !run.samples.iter().any(|own| own.commit.is_some()) {
        return unseen(what);
    }
    Reason::holds(what, "within a life, in any server's samples")
}

/// Processor time counts from the start of a process, and never falls in one.
fn is_another_process(before: &Sample, after: &Sample) -> bool {
    after.cpu_seconds.zip(before.cpu_seconds).is_some_and(|(after, before)| after < before)
}

/// Was the server made to end between two of its samples, or started anew? One that was told to stop may answer once more.
fn is_ended_between(run: &Run, before: &Sample, after: &Sample) -> bool {
    let from = run.faults.partition_point(|fault| fault.at_us < before.at_us);
    let between = run.faults[from..].iter().take_while(|fault| fault.at_us <= after.at_us);
    between
        .filter(|fault| fault.server.as_ref() == Some(&before.server))
        .any(|fault| Kind::of(fault) == Some(Kind::Down) || fault.verb == "start")
}

/// No process ended that was not made to.
fn processes(run: &Run) -> Reason {
    let what = "processes";
    if let Some(end) = run.faults.iter().find(|fault| fault.verb == "end") {
        let says = format!("{}, at {:.2} s", end.text, run.seconds(end.at_us));
        return Reason::new(what, Verdict::Error, exit::INTERNAL, says);
    }
    let mut seen: BTreeMap<&str, &Sample> = BTreeMap::new();
    for own in run.samples.iter().filter(|own| own.reachable) {
        let Some(before) = seen.insert(&own.server, own) else { continue };
        if is_another_process(before, own) && !is_ended_between(run, before, own) {
            let (server, at) = (&own.server, run.seconds(own.at_us));
            let says = format!("{server} was another process at {at:.2} s, and nobody ended the one before");
            return Reason::new(what, Verdict::Error, exit::INTERNAL, says);
        }
    }
    if run.samples.is_empty() {
        return unseen(what);
    }
    Reason::holds(what, "none ended that was not made to")
}

fn faults(findings: &Findings) -> Reason {
    let idle: Vec<&str> =
        findings.struck.iter().filter(|own| !own.is_proved()).map(|own| own.name.as_str()).collect();
    if !idle.is_empty() {
        let says = format!("declared and never seen to strike: {}", idle.join(", "));
        return Reason::new("faults", Verdict::Vacuous, exit::NEVER_FIRED, says);
    }
    match findings.struck.len() {
        0 => Reason::holds("faults", "none was declared"),
        all => Reason::holds("faults", format!("each of {all}, by kind and server, struck")),
    }
}

fn acknowledged(findings: &Findings, linearizability: Option<&Linearizability>) -> Reason {
    let what = "acknowledged";
    // What a scenario asked for one by one is in the history, and in no second of load.
    let done = findings.clients.done.max(linearizability.map_or(0, |own| own.writes));
    let writes = linearizability.map(|own| own.writes);
    if done == 0 || writes == Some(0) {
        let missing = if done == 0 { "operation" } else { "write" };
        let says = format!("no {missing} was acknowledged to any client: nothing could have been lost");
        return Reason::new(what, Verdict::Vacuous, exit::VACUOUS, says);
    }
    let writes = writes.map_or(String::new(), |writes| format!(", {} of them writes", grouped(writes)));
    Reason::holds(what, format!("{} operations were done{writes}", grouped(done)))
}

/// Of what nothing is known.
fn unseen(what: &str) -> Reason {
    Reason::new(what, Verdict::Vacuous, exit::VACUOUS, "no server was seen")
}

fn panics(run: &Run) -> Reason {
    let logs: Vec<String> = run.servers().iter().map(|server| format!("{server}.log")).collect();
    let are_logs = run.files.iter().any(|file| logs.contains(&file.name) && file.is_whole());
    match &run.panics[..] {
        [] if !are_logs => Reason::new("panics", Verdict::Vacuous, exit::VACUOUS, "no server's log is there"),
        [] => Reason::holds("panics", "no server's log tells of one"),
        [first, ..] => {
            let says = format!("{} in all; {first}", run.panics.len());
            Reason::new("panics", Verdict::Error, exit::INTERNAL, says)
        }
    }
}

fn grouped_len<T>(list: &[T]) -> String {
    grouped(list.len() as u64)
}
