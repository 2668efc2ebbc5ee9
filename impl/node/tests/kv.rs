//! The store against a twin that keeps everything, and its bytes against damage.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use proptest::collection::vec;
use proptest::prelude::*;
use raftlab_core::{Entry, Index, LogId, NodeId, Payload, Request, Sequence, SessionId, Term};
use raftlab_node::kv::{Bytes, Command, Operation, Outcome, Response, RestoreError, Store};
use raftlab_node::peers::{Address, Peers};

const SESSIONS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn store() -> Store {
    Store::new(SESSIONS, Peers::default())
}

fn entry(index: u64, payload: Payload) -> Entry {
    Entry { id: LogId::new(Term(1), Index(index)), payload }
}

fn apply(store: &mut Store, command: &Command) -> Outcome {
    let next = store.applied().index.next().0;
    store.apply(&entry(next, Payload::Command(command.encode())))
}

fn request(session: u64, sequence: u64) -> Request {
    Request { session: SessionId(Index(session)), sequence: Sequence(sequence), unanswered: Sequence(0) }
}

fn put(key: &str, value: &str) -> Operation {
    Operation::Put { key: key.into(), value: value.into() }
}

fn swap(key: &str, expected: Option<&str>, value: Option<&str>) -> Operation {
    let (expected, value) = (expected.map(Bytes::from), value.map(Bytes::from));
    Operation::CompareAndSwap { key: key.into(), expected, value }
}

fn done(revision: u64, existed: bool) -> Outcome {
    let response = Response::Done { revision: Index(revision), existed };
    Outcome::Done { response, is_repeated: false }
}

#[test]
fn values_are_put_swapped_and_deleted() {
    let mut store = store();
    assert_eq!(store.apply(&entry(1, Payload::Noop)), Outcome::Nothing);
    assert_eq!(apply(&mut store, &Command::Open), Outcome::Opened(SessionId(Index(2))));
    let mut sequence = 0;
    let mut run = |operation| {
        sequence += 1;
        apply(&mut store, &Command::Do { request: Some(request(2, sequence)), operation })
    };
    assert_eq!(run(put("k", "a")), done(3, false));
    assert_eq!(run(put("k", "b")), done(4, true));
    let unequal = |value: Option<&str>| Outcome::Done {
        response: Response::Unequal { value: value.map(Bytes::from) },
        is_repeated: false,
    };
    assert_eq!(run(swap("k", Some("a"), Some("c"))), unequal(Some("b")));
    assert_eq!(run(swap("k", Some("b"), Some("c"))), done(6, true));
    assert_eq!(run(swap("k", Some("c"), None)), done(7, true));
    assert_eq!(run(swap("k", Some("c"), Some("d"))), unequal(None));
    assert_eq!(run(swap("k", None, Some("e"))), done(9, false));
    assert_eq!(run(Operation::Delete { key: "k".into() }), done(10, true));
    assert_eq!(run(Operation::Delete { key: "k".into() }), done(11, false));
    assert!(store.is_empty());
}

#[test]
fn a_retry_is_answered_as_the_first_time_and_a_lost_session_is_said_to_be_lost() {
    let mut store = store();
    apply(&mut store, &Command::Open);
    let command = Command::Do { request: Some(request(1, 1)), operation: swap("k", None, Some("v")) };
    assert_eq!(apply(&mut store, &command), done(2, false));
    let Outcome::Done { response, is_repeated: true } = apply(&mut store, &command) else {
        panic!("a retry")
    };
    assert_eq!(response, Response::Done { revision: Index(2), existed: false });
    let later = Request { unanswered: Sequence(2), ..request(1, 2) };
    apply(&mut store, &Command::Do { request: Some(later), operation: put("x", "y") });
    assert_eq!(apply(&mut store, &command), Outcome::Discarded);
    apply(&mut store, &Command::Open);
    apply(&mut store, &Command::Open);
    assert!(!store.is_open(SessionId(Index(1))));
    assert_eq!(apply(&mut store, &command), Outcome::Expired);
    assert_eq!(store.get(b"k").unwrap().revision, Index(2), "executed once");
}

#[test]
fn what_is_no_command_does_nothing_anywhere() {
    let mut store = store();
    for bytes in [&b""[..], b"\x00", b"\x01", b"\x01\x09", b"\x01\x00\x00", b"\x02\x00"] {
        let next = store.applied().index.next().0;
        let command = raftlab_core::Command::new(bytes);
        assert_eq!(store.apply(&entry(next, Payload::Command(command))), Outcome::Invalid, "{bytes:?}");
    }
    let bytes = store.snapshot();
    assert_eq!(Store::restore(&bytes).unwrap(), store);
}

#[test]
fn a_clone_stays_as_it_was() {
    let mut store = store();
    apply(&mut store, &Command::Open);
    apply(&mut store, &Command::Do { request: Some(request(1, 1)), operation: put("k", "a") });
    let (clone, bytes) = (store.clone(), store.snapshot());
    apply(&mut store, &Command::Do { request: Some(request(1, 2)), operation: put("k", "b") });
    assert_eq!(clone.snapshot(), bytes);
    assert_ne!(store.snapshot(), bytes);
}

#[test]
#[should_panic(expected = "in order, each once")]
fn an_entry_that_is_not_the_next_is_a_bug() {
    store().apply(&entry(2, Payload::Noop));
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = || (0u8..6).prop_map(|key| Bytes::from(&[key][..]));
    let value = || (0u8..3).prop_map(|value| Bytes::from(&[value; 3][..]));
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Operation::Put { key, value }),
        key().prop_map(|key| Operation::Delete { key }),
        (key(), prop::option::of(value()), prop::option::of(value()))
            .prop_map(|(key, expected, value)| Operation::CompareAndSwap { key, expected, value }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let address = Address { peer: "127.0.0.1:7001".parse().unwrap(), http: None };
    let request = (1u64..8, 1u64..6, 0u64..6).prop_map(|(session, sequence, unanswered)| Request {
        session: SessionId(Index(session)),
        sequence: Sequence(sequence),
        unanswered: Sequence(unanswered),
    });
    prop_oneof![
        1 => Just(Command::Open),
        1 => (1u64..4).prop_map(move |server| Command::Note { server: NodeId(server), address }),
        8 => (prop::option::of(request), operation()).prop_map(|(request, operation)| Command::Do { request, operation }),
    ]
}

/// What a store should hold, by the plainest means.
fn execute(twin: &mut BTreeMap<Bytes, Bytes>, operation: &Operation) {
    match operation {
        Operation::Put { key, value } => _ = twin.insert(key.clone(), value.clone()),
        Operation::Delete { key } => _ = twin.remove(key),
        Operation::CompareAndSwap { key, expected, value } if twin.get(key) == expected.as_ref() => {
            twin.remove(key);
            twin.extend(value.clone().map(|value| (key.clone(), value)));
        }
        Operation::CompareAndSwap { .. } => {}
    }
}

proptest! {
    #[test]
    fn it_holds_what_its_twin_holds_and_so_does_its_snapshot(commands in vec(command(), 1..120), cut in 0usize..120) {
        let (mut store, mut again, mut twin) = (store(), None, BTreeMap::new());
        for (at, command) in commands.iter().enumerate() {
            if at == cut {
                again = Some(Store::restore(&store.snapshot()).unwrap());
            }
            let outcome = apply(&mut store, command);
            if let Some(again) = &mut again {
                prop_assert_eq!(&apply(again, command), &outcome);
            }
            if let (Command::Do { operation, .. }, Outcome::Done { is_repeated: false, .. }) = (command, &outcome) {
                execute(&mut twin, operation);
            }
        }
        prop_assert_eq!(store.len(), twin.len());
        for (key, value) in &twin {
            prop_assert_eq!(&store.get(&key.0).unwrap().value, value);
        }
        if let Some(again) = again {
            prop_assert_eq!(again.snapshot(), store.snapshot());
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_another_store(commands in vec(command(), 1..20), at: prop::sample::Index, bit in 0u8..8) {
        let mut store = store();
        for command in &commands {
            apply(&mut store, command);
        }
        let bytes = store.snapshot();
        let at = at.index(bytes.len());
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        prop_assert_ne!(Store::restore(&flipped), Ok(store));
        prop_assert!(Store::restore(&bytes[..at]).is_err());
        prop_assert_eq!(Store::restore(&[&bytes[..], &[0]].concat()), Err(RestoreError::Malformed));
    }
}

#[test]
fn another_format_is_named() {
    let mut bytes = store().snapshot();
    bytes[0] = 9;
    let error = Store::restore(&bytes).unwrap_err();
    assert!(error.to_string().starts_with("the snapshot has format 9"), "{error}");
}

/// The format is a promise: a change of these bytes needs a new number.
#[test]
fn the_bytes_of_a_snapshot() {
    let mut store = store();
    apply(&mut store, &Command::Open);
    let address = Address { peer: "127.0.0.1:7001".parse().unwrap(), http: None };
    apply(&mut store, &Command::Note { server: NodeId(4), address });
    apply(&mut store, &Command::Do { request: Some(request(1, 1)), operation: put("key", "value") });
    assert_eq!(
        store.snapshot().escape_ascii().to_string(),
        r"\x01\x01\x03\x02\x01\x01\x03\x00\x01\x01\x00\x03\x00\x01\x04\x00\x7f\x00\x00\x01\xd96\x00\x01\x03key\x05value\x03"
    );
}
