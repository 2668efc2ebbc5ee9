//! From a command to the line that says it.

use std::fmt;
use std::time::Duration;

use super::{
    Command, Expect, Expected, Fault, Load, Member, Operate, Quality, Scenario, Target, Violation, Word,
};

impl fmt::Display for Scenario {
    /// The file: what it says of itself, and the commands, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.about.lines() {
            writeln!(f, "{}", format!("# {line}").trim_end())?;
        }
        writeln!(f)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{}", step.command))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Up { servers, flags } => {
                write!(f, "up {servers}")?;
                flags.iter().try_for_each(|flag| write!(f, " {flag}"))
            }
            Command::Load(load) => load.fmt(f),
            Command::StopLoad => f.write_str("stop-load"),
            Command::Wait(time) => write!(f, "wait {}", Time(*time)),
            Command::Measure(measure) => measure.fmt(f),
            Command::Restart { flags } => {
                f.write_str("restart all")?;
                flags.iter().try_for_each(|flag| write!(f, " {flag}"))
            }
            Command::Fault(fault) => fault.fmt(f),
            Command::Member(member) => member.fmt(f),
            Command::Operate(operate) => operate.fmt(f),
            Command::Expect(expect) => expect.fmt(f),
            Command::Violates(Violation::Linearizability) => f.write_str("violates linearizability"),
            Command::Violates(Violation::Safety) => f.write_str("violates safety"),
            Command::Down => f.write_str("down"),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { clients, lasts, reads, keys, rate } = self;
        write!(f, "load {clients} clients")?;
        lasts.map_or(Ok(()), |lasts| write!(f, " for {}", Time(lasts)))?;
        write!(f, " reads {}:{} keys {keys}", reads.0, reads.1)?;
        rate.map_or(Ok(()), |rate| write!(f, " rate {rate}"))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Leader => f.write_str("leader"),
            Target::Follower => f.write_str("follower"),
            Target::Server(server) => server.fmt(f),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Kill(server) => write!(f, "kill {server}"),
            Fault::Stop(server) => write!(f, "stop {server}"),
            Fault::Start(Some(server)) => write!(f, "start {server}"),
            Fault::Start(None) => f.write_str("start all"),
            Fault::Pause { server, lasts } => write!(f, "pause {server} {}", Time(*lasts)),
            Fault::Partition { from, to, is_one_way } => {
                write!(f, "partition {} | {}{}", List(from), List(to), one_way(*is_one_way))
            }
            Fault::Isolate(server) => write!(f, "isolate {server}"),
            Fault::Link { from, to, quality, is_one_way } => {
                write!(f, "link {from} {to}{quality}{}", one_way(*is_one_way))
            }
            Fault::SlowDisk { server, by, jitter } => {
                write!(f, "slow-disk {server} {}", Time(*by))?;
                if jitter.is_zero() { Ok(()) } else { write!(f, " jitter {}", Time(*jitter)) }
            }
            Fault::StallDisk(server) => write!(f, "stall-disk {server}"),
            Fault::Skew { server, percent } => write!(f, "skew {server} {percent}%"),
            Fault::Jump { server, ms } => {
                let sign = if *ms < 0 { '-' } else { '+' };
                write!(f, "jump {server} {sign}{}", Time(Duration::from_millis(ms.unsigned_abs())))
            }
            Fault::MoveLog { server, to } => {
                write!(f, "move-log {server}")?;
                to.as_ref().map_or(Ok(()), |to| write!(f, " {}", to.display()))
            }
            Fault::RotDisk(server) => write!(f, "rot-disk {server}"),
            Fault::EditCluster { server, founders } => {
                let founders: Vec<_> = founders.iter().map(|founder| Target::Server(*founder)).collect();
                write!(f, "edit-cluster {server} {}", List(&founders))
            }
            Fault::Heal => f.write_str("heal"),
        }
    }
}

impl fmt::Display for Quality {
    /// What is wrong, each behind a space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quality { drop, duplicate, delay, jitter } = *self;
        for (name, share) in [("drop", drop), ("duplicate", duplicate)] {
            if share > 0.0 {
                write!(f, " {name} {share}")?;
            }
        }
        for (name, time) in [("delay", delay), ("jitter", jitter)] {
            if !time.is_zero() {
                write!(f, " {name} {}", Time(time))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Member::Add(server) => write!(f, "add {server}"),
            Member::Remove(server) => write!(f, "remove {server}"),
            Member::Grow(voters) => write!(f, "grow {voters}"),
            Member::MoveLeader(server) => write!(f, "move-leader {server}"),
            Member::ProposeAdd { server, name } if *name == server.to_string() => {
                write!(f, "propose-add {server}")
            }
            Member::ProposeAdd { server, name } => write!(f, "propose-add {server} as {name}"),
        }
    }
}

impl fmt::Display for Operate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operate { name, key, value, to } = self;
        match value {
            Some(value) => write!(f, "put {key} {value}")?,
            None => write!(f, "get {key}")?,
        }
        to.map_or(Ok(()), |to| write!(f, " to {to}"))?;
        if name == key { Ok(()) } else { write!(f, " as {name}") }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expect {} within {}", self.what, Time(self.within))
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Leader(None) => f.write_str("leader"),
            Expected::Leader(Some(server)) => write!(f, "leader {server}"),
            Expected::NoLeader => f.write_str("no leader"),
            Expected::AllAgree => f.write_str("all agree"),
            Expected::Voters(voters) => write!(f, "{voters} voters"),
            Expected::Progress => f.write_str("progress"),
            Expected::Down(server) => write!(f, "{server} down"),
            Expected::Outcome { name, outcome } => match outcome {
                Word::Done => write!(f, "{name} done"),
                Word::Failed => write!(f, "{name} failed"),
                Word::Unknown => write!(f, "{name} unknown"),
                Word::Read(value) => write!(f, "{name} reads {}", value.as_deref().unwrap_or("nothing")),
            },
            Expected::Value { key, value, at } => {
                write!(f, "{key} = {}", value.as_deref().unwrap_or("nothing"))?;
                at.map_or(Ok(()), |at| write!(f, " on {at}"))
            }
            Expected::Truncated(server) => write!(f, "{server} truncated"),
            Expected::Installed(server) => write!(f, "{server} installed"),
            Expected::Steady => f.write_str("steady"),
            Expected::Leaders(leaders) => write!(f, "{leaders} leaders"),
            Expected::TwoAtOnce => f.write_str("two at once"),
        }
    }
}

fn one_way(is_one_way: bool) -> &'static str {
    if is_one_way { " one-way" } else { "" }
}

/// Servers, with commas between.
struct List<'a>(&'a [Target]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, target) in self.0.iter().enumerate() {
            write!(f, "{}{target}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// A length of time as the grammar reads it, in the largest unit of which it is a whole number.
pub struct Time(pub Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        if micros.is_multiple_of(1_000_000) {
            write!(f, "{}s", micros / 1_000_000)
        } else if micros.is_multiple_of(1000) {
            write!(f, "{}ms", micros / 1000)
        } else {
            write!(f, "{micros}us")
        }
    }
}
