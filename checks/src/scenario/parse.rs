//! From text to a scenario.

use std::path::PathBuf;
use std::time::Duration;

use super::error::{Mistake, ScenarioError};
use super::words::{Word, Words};
use super::{
    Command, Expect, Expected, Fault, Load, Member, Operate, Scenario, Step, Target, VERBS, Verb, Violation,
    Word as Told,
};
use super::{check, measure, options};
use raftlab_node::peers::server_name;

use crate::nearest::unknown;

/// The most servers that a cluster may have, and clients that it may be given.
const SERVERS_MAX: u64 = 9;
const CLIENTS_MAX: u32 = 1000;

impl Scenario {
    /// Reads a scenario; `file` is what it is called where something is wrong.
    ///
    /// # Errors
    ///
    /// All lines that cannot be read, or, if all can, those that cannot stand where they do.
    pub fn parse(file: &str, text: &str) -> Result<Scenario, ScenarioError> {
        let (mut steps, mut mistakes) = (Vec::new(), Vec::new());
        for (line, text) in (1..).zip(text.lines()) {
            match Command::parse_line(text) {
                Ok(Some(command)) => steps.push(Step { line, command }),
                Ok(None) => {}
                Err(mistake) => mistakes.push((line, mistake)),
            }
        }
        if mistakes.is_empty() {
            mistakes = check::order(&steps).chain(check::servers(&steps)).collect();
        }
        if !mistakes.is_empty() {
            return Err(ScenarioError { file: file.to_string(), mistakes });
        }
        let name = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".scenario").to_string();
        let about = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
        Ok(Scenario { name, about: about.collect::<Vec<_>>().join("\n"), steps })
    }
}

impl Command {
    /// Reads a line; nothing, if it is empty or a comment.
    ///
    /// # Errors
    ///
    /// What is wrong, and where.
    pub fn parse_line(line: &str) -> Result<Option<Command>, Mistake> {
        let mut words = Words::of(line);
        if words.is_empty() {
            return Ok(None);
        }
        let verb = words.next("a command")?;
        let known = Verb::named(verb.text).ok_or_else(|| {
            let names: Vec<_> = VERBS.iter().map(|verb| verb.name).collect();
            Mistake::new(verb.column, unknown("command", verb.text, names))
        })?;
        words.expects(known);
        let command = command(known.name, &mut words)?;
        words.end()?;
        Ok(Some(command))
    }
}

/// What stands behind the verb.
fn command(verb: &str, words: &mut Words<'_>) -> Result<Command, Mistake> {
    Ok(match verb {
        "up" => {
            let servers = words.number("a number of servers", 1, SERVERS_MAX)?;
            Command::Up { servers, flags: words.rest().map(|word| word.text.to_string()).collect() }
        }
        "load" => Command::Load(load(words)?),
        "stop-load" => Command::StopLoad,
        "wait" => Command::Wait(words.time()?),
        "put" => {
            let (key, value) = (words.word("a key")?, words.word("a value")?);
            Command::Operate(operate(words, key, Some(value))?)
        }
        "get" => {
            let key = words.word("a key")?;
            Command::Operate(operate(words, key, None)?)
        }
        "measure" => Command::Measure(measure::measure(words)?),
        "restart" => Command::Restart { flags: restart(words)? },
        "expect" => Command::Expect(expect(words)?),
        "violates" => {
            let word = words.next("what is to be broken")?;
            Command::Violates(match word.text {
                "linearizability" => Violation::Linearizability,
                "safety" => Violation::Safety,
                other => {
                    let known = ["linearizability", "safety"];
                    return Err(Mistake::new(word.column, unknown("thing to break", other, known)));
                }
            })
        }
        "down" => Command::Down,
        "add" => Command::Member(Member::Add(words.name()?)),
        "remove" => Command::Member(Member::Remove(words.target()?)),
        "grow" => Command::Member(Member::Grow(words.number("a number of voters", 1, SERVERS_MAX)?)),
        "propose-add" => {
            let server = words.name()?;
            let name = if words.take("as") { words.word("a name")? } else { server.to_string() };
            Command::Member(Member::ProposeAdd { server, name })
        }
        "move-leader" => Command::Member(Member::MoveLeader(words.target()?)),
        fault => Command::Fault(self::fault(fault, words)?),
    })
}

fn fault(verb: &str, words: &mut Words<'_>) -> Result<Fault, Mistake> {
    Ok(match verb {
        "kill" => Fault::Kill(words.target()?),
        "stop" => Fault::Stop(words.target()?),
        "start" => Fault::Start(if words.take("all") { None } else { Some(words.name()?) }),
        "pause" => Fault::Pause { server: words.target()?, lasts: words.time()? },
        "partition" => {
            // In a shell a bar has to be quoted, and a slash has not.
            let bars = ["|", "/", "one-way"];
            let from = words.targets(&bars)?;
            let bar = words.next("`|` and the other side")?;
            if !bars[..2].contains(&bar.text) {
                return Err(words.wrong(bar, "the `|` between two sides"));
            }
            let to = words.targets(&bars)?;
            let both = to.iter().find(|target| from.contains(target));
            if let Some(Target::Server(both)) = both {
                return Err(Mistake::new(bar.column, format!("{both} is on both sides")));
            }
            Fault::Partition { from, to, is_one_way: options::one_way(words)? }
        }
        "isolate" => Fault::Isolate(words.target()?),
        "link" => {
            let (from, to) = (words.target()?, words.target()?);
            let (quality, is_one_way) = options::link(words)?;
            Fault::Link { from, to, quality, is_one_way }
        }
        "slow-disk" => {
            let (server, by) = (words.target()?, words.time()?);
            let jitter = if words.take("jitter") { words.time()? } else { Duration::ZERO };
            Fault::SlowDisk { server, by, jitter }
        }
        "stall-disk" => Fault::StallDisk(words.target()?),
        "skew" => Fault::Skew { server: words.target()?, percent: words.percent()? },
        "jump" => Fault::Jump { server: words.target()?, ms: words.signed_ms()? },
        "move-log" => {
            let server = words.target()?;
            let to = words.peek().map(|_| words.next("a directory")).transpose()?;
            Fault::MoveLog { server, to: to.map(|word| PathBuf::from(word.text)) }
        }
        "rot-disk" => Fault::RotDisk(words.target()?),
        "edit-cluster" => Fault::EditCluster { server: words.name()?, founders: words.names()? },
        // Every verb has an arm here, which a test makes sure of.
        _ => Fault::Heal,
    })
}

fn load(words: &mut Words<'_>) -> Result<Load, Mistake> {
    let clients = words.number_u32("a number of clients", 1, CLIENTS_MAX)?;
    if !words.take("clients") && !words.take("client") {
        let word = words.next("`clients`")?;
        return Err(words.wrong(word, "`clients`"));
    }
    options::load(words, Load { clients, ..Load::default() })
}

/// `all`, and flags.
fn restart(words: &mut Words<'_>) -> Result<Vec<String>, Mistake> {
    let all = words.next("`all`")?;
    if all.text != "all" {
        return Err(words.wrong(all, "`all`"));
    }
    match words.peek().filter(|word| !word.text.starts_with("--")) {
        Some(word) => Err(words.wrong(word, "a flag of `node` such as --read-mode")),
        None => Ok(words.rest().map(|word| word.text.to_string()).collect()),
    }
}

fn operate(words: &mut Words<'_>, key: String, value: Option<String>) -> Result<Operate, Mistake> {
    let to = if words.take("to") { Some(words.target()?) } else { None };
    let name = if words.take("as") { words.word("a name")? } else { key.clone() };
    Ok(Operate { name, key, value, to })
}

/// What stands behind the name of an operation, a key or a server.
fn expect_of(words: &mut Words<'_>, subject: Word<'_>) -> Result<Option<Expected>, Mistake> {
    let name = subject.text.to_string();
    let outcome = |outcome| Expected::Outcome { name: name.clone(), outcome };
    let server =
        || server_name(subject.text).map_err(|error| Mistake::new(subject.column, error.to_string()));
    let value = |text: String| (text != "nothing").then_some(text);
    let verb = words.peek().map_or("", |word| word.text);
    let known = ["done", "failed", "unknown", "reads", "=", "truncated", "installed", "down"];
    if !known.contains(&verb) || !words.take(verb) {
        return Ok(None);
    }
    Ok(Some(match verb {
        "done" => outcome(Told::Done),
        "failed" => outcome(Told::Failed),
        "unknown" => outcome(Told::Unknown),
        "reads" => outcome(Told::Read(value(words.word("a value, or `nothing`,")?))),
        "=" => {
            let value = value(words.word("a value, or `nothing`,")?);
            let at = if words.take("on") { Some(words.name()?) } else { None };
            Expected::Value { key: name, value, at }
        }
        "truncated" => Expected::Truncated(server()?),
        "installed" => Expected::Installed(server()?),
        _ => Expected::Down(server()?),
    }))
}

fn expect(words: &mut Words<'_>) -> Result<Expect, Mistake> {
    let what = words.next("what is expected")?;
    let what = match what.text {
        "leader" => {
            let is_named = words.peek().is_some_and(|word| word.text != "within");
            Expected::Leader(if is_named { Some(words.name()?) } else { None })
        }
        "no" if words.take("leader") => Expected::NoLeader,
        "all" if words.take("agree") => Expected::AllAgree,
        "progress" => Expected::Progress,
        number if number.starts_with(|c: char| c.is_ascii_digit()) && words.take("voters") => {
            let voters = number.parse().ok().filter(|voters| (1..=SERVERS_MAX).contains(voters));
            Expected::Voters(voters.ok_or_else(|| words.wrong(what, "a number of voters from 1 to 9"))?)
        }
        number if number.starts_with(|c: char| c.is_ascii_digit()) && words.take("leaders") => {
            let leaders = number.parse().ok().filter(|leaders| (1..=1000).contains(leaders));
            Expected::Leaders(
                leaders.ok_or_else(|| words.wrong(what, "a number of leaderships from 1 to 1000"))?,
            )
        }
        "steady" => Expected::Steady,
        "two" if words.take("at") => {
            let once = words.next("`once`")?;
            if once.text != "once" {
                return Err(words.wrong(once, "`once`, behind `two at`"));
            }
            Expected::TwoAtOnce
        }
        other => {
            if let Some(expected) = expect_of(words, what)? {
                expected
            } else {
                let known =
                    ["leader", "no leader", "all agree", "5 voters", "progress", "steady", "two at once"];
                return Err(Mistake::new(what.column, unknown("thing to expect", other, known)));
            }
        }
    };
    let within = words.next("`within` and a time")?;
    if within.text != "within" {
        return Err(words.wrong(within, "`within`, before a time"));
    }
    Ok(Expect { what, within: words.time()? })
}
