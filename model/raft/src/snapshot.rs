//! The state machine of the model, as bytes: all entries that it was given, each in as many bytes. So a snapshot is
//! what it should be if and only if these are the entries of the log that it stands in for, and whoever judges a log
//! can look below its base.

use std::borrow::Cow;
use std::sync::Arc;

use raftlab_core::{Command, Entry, Index, Log, LogId, Membership, NodeId, Payload, Snapshot, Term, Voters};

use crate::machine::renamed_value;
use crate::property::Verdict;
use crate::server::Observed;

/// Bytes of one entry: its term, what it is, and four of what it carries. Its index is its place.
pub const ENTRY_BYTES: usize = 6;

const NOOP: u8 = 0;
const COMMAND: u8 = 1;
const MEMBERSHIP: u8 = 2;

/// What has become of a state machine that was given `entries`, from index 1.
pub fn encode(entries: &[Entry]) -> Vec<u8> {
    let encoded = |entry: &Entry| {
        let (kind, carried) = match &entry.payload {
            Payload::Noop => (NOOP, [0; 4]),
            Payload::Command(command) => (COMMAND, first(&command.0)),
            Payload::Membership(members) => {
                let [a, b] = bits(members.voters().iter()).to_be_bytes();
                let [c, d] = bits(members.learners()).to_be_bytes();
                (MEMBERSHIP, [a, b, c, d])
            }
        };
        let term = u8::try_from(entry.id.term.0).unwrap_or(u8::MAX);
        [&[term, kind][..], &carried].concat()
    };
    entries.iter().flat_map(encoded).collect()
}

/// The entries that a state machine was given.
pub fn decode(state: &[u8]) -> Vec<Entry> {
    let decoded = |(at, bytes): (usize, &[u8])| {
        let &[term, kind, a, b, c, d] = bytes else { return None };
        let payload = match kind {
            NOOP => Payload::Noop,
            COMMAND => Payload::Command(command([a, b, c, d])),
            _ => {
                let voters = Voters::new(servers(u16::from_be_bytes([a, b])));
                let learners = servers(u16::from_be_bytes([c, d]));
                Payload::Membership(Membership::of(voters).with_learners(learners).into())
            }
        };
        Some(Entry { id: LogId::new(Term(term.into()), Index(at as u64 + 1)), payload })
    };
    state.chunks(ENTRY_BYTES).enumerate().filter_map(decoded).collect()
}

/// The configurations among them.
pub fn memberships(state: &[u8]) -> Vec<Arc<Membership>> {
    let changes = decode(state).into_iter().filter_map(|entry| match entry.payload {
        Payload::Membership(members) => Some(members),
        Payload::Noop | Payload::Command(_) => None,
    });
    changes.collect()
}

/// The same bytes of a state machine under other names, or a chunk of them that holds whole entries.
pub(crate) fn renamed(state: &[u8], node: impl Fn(NodeId) -> NodeId) -> Vec<u8> {
    let mut entries = decode(state);
    for entry in &mut entries {
        entry.payload = match &entry.payload {
            Payload::Noop => Payload::Noop,
            Payload::Command(command) => Payload::Command(renamed_value(command, &node)),
            Payload::Membership(members) => {
                let voters = Voters::new(members.voters().iter().map(&node));
                Payload::Membership(
                    Membership::of(voters).with_learners(members.learners().map(&node)).into(),
                )
            }
        };
    }
    encode(&entries)
}

/// The values of proposals are a letter and a number.
fn command(bytes: [u8; 4]) -> Command {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Command::new(&bytes[..end])
}

fn first(bytes: &[u8]) -> [u8; 4] {
    assert!(bytes.len() <= 4, "{bytes:?} is no value of this model");
    let mut four = [0; 4];
    four[..bytes.len()].copy_from_slice(bytes);
    four
}

fn bits(servers: impl Iterator<Item = NodeId>) -> u16 {
    servers.fold(0, |bits, id| bits | 1 << id.0)
}

fn servers(bits: u16) -> impl Iterator<Item = NodeId> {
    (0..16).filter(move |at| bits >> at & 1 == 1).map(NodeId)
}

/// The entries of a log, and those that its snapshot stands for.
pub fn whole<'a>(snapshot: Option<&Snapshot>, log: &'a Log) -> Cow<'a, [Entry]> {
    match snapshot {
        None => Cow::Borrowed(log.entries()),
        Some(snapshot) => {
            let mut entries = decode(&snapshot.state);
            entries.extend_from_slice(log.entries());
            Cow::Owned(entries)
        }
    }
}

/// Each snapshot, in memory or on disk, is what became of a state machine that was given the entries up to its last
/// one, with the configuration in force there.
pub fn equals_the_state_machine(servers: &[Observed]) -> Verdict {
    let given = servers.iter().map(|server| &server.ghosts.applied).max_by_key(|applied| applied.len());
    let given = given.map_or(&[][..], Vec::as_slice);
    let founders = Membership::of(crate::judges::founders(servers).clone());
    for server in servers {
        for snapshot in [server.raft.snapshot(), server.disk.snapshot.as_ref()].into_iter().flatten() {
            let end = usize::try_from(snapshot.last.index.0).unwrap_or(usize::MAX);
            let covered = given.get(..end).unwrap_or_default();
            let is_state = encode(covered) == *snapshot.state
                && covered.last().is_some_and(|last| last.id == snapshot.last);
            let changes = memberships(&snapshot.state);
            let in_force = changes.last().map_or(&founders, |members| &**members);
            if !is_state || *snapshot.membership != *in_force {
                return Err(format!(
                    "{} has a snapshot {snapshot} of {:?}, and the state machine was given {given:?}",
                    server.id(),
                    decode(&snapshot.state)
                ));
            }
        }
    }
    Ok(())
}
