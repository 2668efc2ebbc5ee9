//! What no single line shows: lines in an order that cannot be, and servers that are not there.

use std::collections::BTreeSet;

use raftlab_core::NodeId;

use super::error::Mistake;
use super::{Command, Expected, Fault, Member, Step, Target};
use crate::nearest::unknown;

/// A cluster is founded once, before anything else, and nothing is done to one that has ended.
pub fn order(steps: &[Step]) -> impl Iterator<Item = (usize, Mistake)> + '_ {
    let mistake = |step: &Step, message: &str| (step.line, Mistake::new(1, message));
    let is_up = |step: &Step| matches!(step.command, Command::Up { .. });
    let empty = steps.is_empty().then(|| (1, Mistake::new(1, "nothing is done here: begin with `up 3`")));
    let first = steps.first().filter(|step| !is_up(step));
    let first = first
        .map(|step| mistake(step, "there is no cluster yet: a scenario begins with `up`, such as `up 3`"));
    let again = steps.iter().skip(1).filter(move |step| is_up(step));
    let again =
        again.map(move |step| mistake(step, "the cluster is up already: `up` stands first, and once"));
    let down = steps.iter().position(|step| step.command == Command::Down);
    let after = down.and_then(|down| steps.get(down + 1));
    let after = after.map(|step| mistake(step, "nothing can follow `down`, which ends the cluster"));
    empty.into_iter().chain(first).chain(again).chain(after)
}

/// Servers that are named and cannot be there.
pub fn servers(steps: &[Step]) -> impl Iterator<Item = (usize, Mistake)> + '_ {
    let mut ever: BTreeSet<NodeId> = BTreeSet::new();
    let mut now: BTreeSet<NodeId> = BTreeSet::new();
    steps.iter().filter_map(move |step| {
        let mistake = match &step.command {
            Command::Up { servers, .. } => {
                now.extend((1..=*servers).map(NodeId));
                ever.extend(&now);
                None
            }
            Command::Member(Member::Add(server) | Member::ProposeAdd { server, .. })
                if !ever.insert(*server) =>
            {
                Some(format!(
                    "{server} is or was in this cluster, and a name is never used again: take n{}",
                    next(&ever).0
                ))
            }
            Command::Member(Member::Add(server) | Member::ProposeAdd { server, .. }) => {
                now.insert(*server);
                None
            }
            Command::Member(Member::Grow(voters)) => {
                while (now.len() as u64) < *voters {
                    let server = next(&ever);
                    now.insert(server);
                    ever.insert(server);
                }
                None
            }
            Command::Fault(Fault::EditCluster { server, founders }) => {
                // They are made known by that: it is what is wrong with it.
                now.extend(founders.iter().chain([server]).copied());
                ever.extend(founders.iter().chain([server]).copied());
                None
            }
            other => {
                let stranger = named(other).into_iter().find(|server| !now.contains(server));
                if let Command::Member(Member::Remove(Target::Server(server))) = other {
                    now.remove(server);
                }
                stranger.map(|stranger| {
                    let names: Vec<_> = now.iter().map(ToString::to_string).collect();
                    unknown("server of this cluster", &stranger.to_string(), names.iter().map(String::as_str))
                })
            }
        };
        mistake.map(|message| (step.line, Mistake::new(1, message)))
    })
}

/// The first name that was never used, above all that were.
pub fn next(ever: &BTreeSet<NodeId>) -> NodeId {
    NodeId(ever.last().map_or(1, |last| last.0 + 1))
}

/// The servers that a command names.
fn named(command: &Command) -> Vec<NodeId> {
    let name = |target: &Target| match target {
        Target::Server(server) => Some(*server),
        Target::Leader | Target::Follower => None,
    };
    match command {
        Command::Fault(fault) => match fault {
            Fault::Kill(server)
            | Fault::Stop(server)
            | Fault::Isolate(server)
            | Fault::StallDisk(server)
            | Fault::Pause { server, .. }
            | Fault::SlowDisk { server, .. }
            | Fault::Skew { server, .. }
            | Fault::Jump { server, .. }
            | Fault::RotDisk(server)
            | Fault::MoveLog { server, .. } => name(server).into_iter().collect(),
            Fault::Start(server) => server.iter().copied().collect(),
            Fault::Partition { from, to, .. } => from.iter().chain(to).filter_map(name).collect(),
            Fault::Link { from, to, .. } => [from, to].into_iter().filter_map(name).collect(),
            Fault::EditCluster { .. } | Fault::Heal => Vec::new(),
        },
        Command::Member(Member::Remove(server) | Member::MoveLeader(server)) => {
            name(server).into_iter().collect()
        }
        Command::Operate(operate) => operate.to.as_ref().and_then(name).into_iter().collect(),
        Command::Expect(expect) => match expect.what {
            Expected::Leader(server) | Expected::Value { at: server, .. } => server.into_iter().collect(),
            Expected::Down(server) | Expected::Truncated(server) | Expected::Installed(server) => {
                vec![server]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}
