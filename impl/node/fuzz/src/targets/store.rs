//! What the log and snapshots may hold where the store expects commands and itself.

use std::sync::OnceLock;

use raftlab_core::{Entry, Index, LogId, Payload, Request, Sequence, SessionId, Term};
use raftlab_node::kv::{Command, Operation, Store};

use crate::{Reached, Source};

/// A command, or a snapshot.
///
/// # Panics
///
/// If reading it does, or what is written is read as something else.
pub fn run(input: &[u8], reached: &mut Reached) {
    let mut source = Source::new(input);
    let is_command = source.coin();
    let valid = if is_command { commands() } else { snapshots() };
    let mut bytes = source.one_of(valid).clone();
    if source.byte().is_multiple_of(16) {
        bytes.truncate(1);
        bytes.extend(source.rest());
    } else {
        source.mutate(&mut bytes);
    }
    if is_command { command(&bytes, reached) } else { snapshot(&bytes, reached) }
}

fn command(bytes: &[u8], reached: &mut Reached) {
    let stored = raftlab_core::Command::new(bytes);
    let id = LogId::new(Term(1), Index(1));
    let mut store = Store::default();
    let outcome = store.apply(&Entry { id, payload: Payload::Command(stored.clone()) });
    match Command::decode(&stored) {
        Ok(command) => {
            reached.note("commands");
            assert_eq!(Command::decode(&command.encode()), Ok(command));
        }
        Err(_) => reached.note("no commands"),
    }
    let again = Store::restore(&store.snapshot());
    assert_eq!(again.as_ref(), Ok(&store), "{outcome:?}");
}

fn snapshot(bytes: &[u8], reached: &mut Reached) {
    match Store::restore(bytes) {
        Ok(mut store) => {
            reached.note("snapshots");
            assert_eq!(Store::restore(&store.snapshot()).as_ref(), Ok(&store));
            let next = LogId::new(Term(1), store.applied().index.next());
            if next.index > store.applied().index {
                let command = Command::Do { request: Some(request(1)), operation: put("k", "w") };
                let _ = store.apply(&Entry { id: next, payload: Payload::Command(command.encode()) });
            }
        }
        Err(_) => reached.note("no snapshots"),
    }
}

fn put(key: &str, value: &str) -> Operation {
    Operation::Put { key: key.into(), value: value.into() }
}

fn request(sequence: u64) -> Request {
    Request { session: SessionId(Index(1)), sequence: Sequence(sequence), unanswered: Sequence(1) }
}

fn all() -> Vec<Command> {
    let address = "127.0.0.1:7004".parse().expect("it is an address");
    let address = raftlab_node::peers::Address { peer: address, http: Some(address) };
    vec![
        Command::Open,
        Command::Do { request: Some(request(1)), operation: put("k", "v") },
        Command::Do { request: None, operation: put("l", "") },
        Command::Do { request: Some(request(2)), operation: Operation::Delete { key: "l".into() } },
        Command::Do {
            request: Some(request(3)),
            operation: Operation::CompareAndSwap { key: "k".into(), expected: None, value: Some("x".into()) },
        },
        Command::Note { server: raftlab_core::NodeId(4), address },
    ]
}

fn commands() -> &'static [Vec<u8>] {
    static COMMANDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    COMMANDS.get_or_init(|| all().iter().map(|command| command.encode().0.to_vec()).collect())
}

fn snapshots() -> &'static [Vec<u8>] {
    static SNAPSHOTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SNAPSHOTS.get_or_init(|| {
        let mut store = Store::default();
        let mut snapshots = vec![store.snapshot()];
        for (index, command) in (1..).zip(all()) {
            let id = LogId::new(Term(1), Index(index));
            let _ = store.apply(&Entry { id, payload: Payload::Command(command.encode()) });
            snapshots.push(store.snapshot());
        }
        snapshots
    })
}
