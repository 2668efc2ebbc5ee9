//! Datagrams: what is written is read, and whatever else comes is dropped with its reason.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use raftlab_core::{
    Appended, Body, Change, Command, Config, Durable, Entry, Index, Input, LogId, Membership, Message,
    NodeId, Payload, Raft, Round, Term, Time, Timer, Voters,
};
use raftlab_node::wire::{
    Arrival, Arrivals, Codec, DATAGRAM_BYTES_MAX, Dropped, Key, Limits, Received, SERVERS_MAX, Stamps,
    coalesce,
};

const CLUSTER: u128 = 0xfeed;
const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);

fn codec(own: NodeId, key: Option<[u8; 32]>) -> Codec {
    Codec::new(CLUSTER, own, 77, key.map(Key::new), Limits::default())
}

fn encoded(from: &Codec, message: &Message) -> Vec<u8> {
    let mut bytes = vec![9; 3];
    from.encode(N2, (5, STAMPS), message.clone(), &mut bytes).expect("it fits");
    bytes
}

const STAMPS: Stamps = Stamps { sent: u32::MAX, echo: 3, held: 4 };

fn decode(to: &Codec, bytes: &[u8]) -> Result<Received, Dropped> {
    to.decode(bytes, |server| server == N1)
}

fn id() -> impl Strategy<Value = LogId> {
    (any::<u64>(), any::<u64>()).prop_map(|(term, index)| LogId::new(Term(term), Index(index)))
}

fn membership() -> impl Strategy<Value = Arc<Membership>> {
    let servers = || prop::collection::btree_set(any::<u64>(), 0..5);
    (servers(), servers()).prop_map(|(voters, learners)| {
        let voters = Voters::new(voters.into_iter().map(NodeId));
        Arc::new(Membership::of(voters).with_learners(learners.into_iter().map(NodeId)))
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let payload = prop_oneof![
        Just(Payload::Noop),
        vec(any::<u8>(), 0..40).prop_map(|bytes| Payload::Command(Command::new(&bytes))),
        membership().prop_map(Payload::Membership),
    ];
    (id(), payload).prop_map(|(id, payload)| Entry { id, payload })
}

fn body() -> impl Strategy<Value = Body> {
    let round = || any::<u64>().prop_map(Round);
    let index = || any::<u64>().prop_map(Index);
    prop_oneof![
        (id(), any::<bool>()).prop_map(|(last, transfer)| Body::RequestVote { last, transfer }),
        any::<bool>().prop_map(|granted| Body::VoteReply { granted }),
        id().prop_map(|last| Body::PreVote { last }),
        (any::<u64>(), any::<bool>())
            .prop_map(|(asked, granted)| Body::PreVoteReply { asked: Term(asked), granted }),
        (id(), vec(entry(), 0..5), index(), round())
            .prop_map(|(prev, entries, commit, round)| Body::AppendEntries { prev, entries, commit, round }),
        (index(), round())
            .prop_map(|(matched, round)| Body::AppendReply { answer: Appended::Accepted { matched }, round }),
        (index(), id(), round()).prop_map(|(prev, hint, round)| Body::AppendReply {
            answer: Appended::Rejected { prev, hint },
            round
        }),
        (id(), membership(), any::<u64>(), any::<u64>(), vec(any::<u8>(), 0..60)).prop_map(
            |(last, membership, offset, length, data)| Body::InstallSnapshot {
                last,
                membership,
                offset,
                length,
                data: data.into()
            }
        ),
        (id(), any::<u64>()).prop_map(|(last, held)| Body::SnapshotReply { last, held }),
        Just(Body::TimeoutNow),
        Just(Body::NewerTerm),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    (any::<u64>(), body()).prop_map(|(term, body)| Message { term: Term(term), body })
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in message(), key in any::<Option<[u8; 32]>>()) {
        let bytes = encoded(&codec(N1, key), &message);
        let read = decode(&codec(N2, key), &bytes);
        prop_assert_eq!(read, Ok(Received { from: N1, incarnation: 77, sequence: 5, stamps: STAMPS, message }));
    }

    #[test]
    fn a_byte_that_was_changed_or_cut_is_noticed(message in message(), key in any::<Option<[u8; 32]>>(), change in 1u8..) {
        let (bytes, receiver) = (encoded(&codec(N1, key), &message), codec(N2, key));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            prop_assert!(decode(&receiver, &changed).is_err(), "byte {at}");
            prop_assert!(decode(&receiver, &bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn noise_is_dropped(noise in vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&codec(N2, None), &noise).is_err());
    }

    /// Noise behind a head that is right and under a checksum that is: what a careless program could send.
    #[test]
    fn noise_in_an_envelope_is_no_panic(noise in vec(any::<u8>(), 0..300)) {
        let mut bytes = encoded(&codec(N1, None), &Message { term: Term(1), body: Body::NewerTerm });
        bytes.truncate(68);
        bytes.extend(noise);
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        if let Ok(received) = decode(&codec(N2, None), &bytes) {
            let again = encoded(&codec(N1, None), &received.message);
            prop_assert_eq!(decode(&codec(N2, None), &again).map(|read| read.message), Ok(received.message));
        }
    }

    #[test]
    fn arrivals_are_those_of_a_twin_that_forgets_nothing(numbers in vec(1u64..400, 1..200)) {
        let (mut arrivals, mut seen, mut highest) = (Arrivals::default(), BTreeSet::new(), 0);
        for number in numbers {
            let expected = match () {
                () if seen.is_empty() => Arrival::New { skipped: 0 },
                () if number > highest => Arrival::New { skipped: number - highest - 1 },
                () if highest - number >= 128 => Arrival::Old,
                () if seen.contains(&number) => Arrival::Duplicate,
                () => Arrival::Late,
            };
            prop_assert_eq!(arrivals.note(3, number), expected);
            seen.insert(number);
            highest = highest.max(number);
        }
        prop_assert_eq!(arrivals.note(4, 1), Arrival::Restarted);
    }

    /// Two followers hear a leader of whom many things are wanted at once: one hears all, the other what is left. They
    /// come to the same.
    #[test]
    fn what_is_left_out_says_nothing_new(batches in vec(vec(0u8..8, 1..12), 1..8)) {
        let mut leader = leader();
        let mut followers = [recovered(2), recovered(2)];
        for batch in batches {
            let all: Vec<Message> = batch.iter().flat_map(|wish| sent_to_n2(&mut leader, *wish)).collect();
            let mut left = all.iter().map(|message| (N2, message.clone())).collect();
            coalesce(&mut left);
            prop_assert!(left.len() <= all.len());
            for message in all {
                heard(&mut followers[0], message);
            }
            for (_, message) in left {
                for answer in heard(&mut followers[1], message) {
                    let _ = leader.step(Time(0), Input::Receive { from: N2, message: answer });
                }
            }
            let [all, left] = &followers;
            prop_assert_eq!((all.term(), all.log(), all.commit()), (left.term(), left.log(), left.commit()));
        }
    }
}

fn recovered(own: u64) -> Raft {
    let config = Config::new(NodeId(own), Voters::new([1, 2, 3].map(NodeId)), 4).unwrap();
    Raft::recover(config, Durable::default()).0
}

fn leader() -> Raft {
    let mut leader = recovered(1);
    let persisted =
        leader.step(Time(0), Input::Timeout(Timer::Election)).persist(|_| Ok::<(), ()>(())).unwrap();
    let _ = leader.step(Time(0), Input::Persisted(persisted.persisted.unwrap()));
    let vote = Message { term: Term(1), body: Body::VoteReply { granted: true } };
    let _ = leader.step(Time(0), Input::Receive { from: N2, message: vote });
    assert!(leader.is_leader());
    leader
}

fn sent_to_n2(leader: &mut Raft, wish: u8) -> Vec<Message> {
    let input = match wish {
        0 => Input::Timeout(Timer::Heartbeat),
        1 => Input::Timeout(Timer::Retry),
        2 => Input::Reconfigure(Change::AddLearner(NodeId(4))),
        3 => Input::Read(raftlab_core::ReadId(1)),
        _ => Input::Propose(Command::new(&[wish; 9])),
    };
    let outbox = leader.step(Time(0), input).persist(|_| Ok::<(), ()>(())).unwrap();
    if let Some(persisted) = outbox.persisted {
        let _ = leader.step(Time(0), Input::Persisted(persisted));
    }
    outbox.messages.into_iter().filter(|(to, _)| *to == N2).map(|(_, message)| message).collect()
}

fn heard(follower: &mut Raft, message: Message) -> Vec<Message> {
    let effects = follower.step(Time(0), Input::Receive { from: N1, message });
    let outbox = effects.persist(|_| Ok::<(), ()>(())).unwrap();
    outbox.messages.into_iter().map(|(_, message)| message).collect()
}

#[test]
fn of_many_proposals_one_message_is_left() {
    let mut leader = leader();
    let mut messages: Vec<_> =
        (0..3).flat_map(|_| sent_to_n2(&mut leader, 7)).map(|message| (N2, message)).collect();
    assert_eq!(messages.len(), 3);
    coalesce(&mut messages);
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[test]
fn every_reason_is_met() {
    let hello = Message { term: Term(1), body: Body::NewerTerm };
    let good = encoded(&codec(N1, None), &hello);
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let sealed = |mut bytes: Vec<u8>| {
        let end = bytes.len() - 4;
        let seal = crc32c::crc32c(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&seal);
        bytes
    };
    let longer = sealed([&good[..good.len() - 4], &[0; 5]].concat());
    let mut other = Vec::new();
    codec(NodeId(3), None).encode(N2, (1, STAMPS), hello.clone(), &mut other).unwrap();
    let keyed = encoded(&codec(N1, Some([1; 32])), &hello);
    let met = [
        (good[..40].to_vec(), Dropped::Short),
        (changed(0), Dropped::NotOurs),
        (changed(4), Dropped::OtherVersion),
        (changed(8), Dropped::OtherCluster),
        (changed(32), Dropped::OtherReceiver),
        (keyed, Dropped::OtherSeal),
        (changed(40), Dropped::WrongSeal),
        (other, Dropped::UnknownSender),
        (longer, Dropped::Malformed),
    ];
    for (bytes, reason) in &met {
        assert_eq!(decode(&codec(N2, None), bytes), Err(*reason));
    }
    assert_eq!(met.map(|(_, reason)| reason).as_slice(), Dropped::ALL);
    let names: BTreeSet<_> = Dropped::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(names.len(), Dropped::ALL.len());
}

#[test]
fn another_key_is_none() {
    let bytes = encoded(&codec(N1, Some([1; 32])), &Message { term: Term(1), body: Body::NewerTerm });
    assert_eq!(decode(&codec(N2, Some([2; 32])), &bytes), Err(Dropped::WrongSeal));
}

fn append(entries: Vec<Entry>) -> Message {
    let most = LogId::new(Term(u64::MAX), Index(u64::MAX));
    let body = Body::AppendEntries { prev: most, entries, commit: most.index, round: Round(u64::MAX) };
    Message { term: most.term, body }
}

fn command(bytes: usize) -> Entry {
    let id = LogId::new(Term(u64::MAX), Index(u64::MAX));
    Entry { id, payload: Payload::Command(Command::new(&vec![7; bytes])) }
}

#[test]
fn what_limits_allow_fits_and_no_more() {
    for datagram in [1400, 9000, DATAGRAM_BYTES_MAX] {
        let limits = Limits::new(datagram).unwrap();
        let codec = Codec::new(u128::MAX, N1, u64::MAX, Some(Key::new([1; 32])), limits);
        let mut bytes = Vec::new();
        let longest = append(vec![command(limits.command_bytes_max())]);
        codec.encode(N2, (u64::MAX, STAMPS), longest, &mut bytes).expect("the longest command fits");
        let servers = (0..SERVERS_MAX as u64).map(|server| NodeId(u64::MAX - server));
        let chunk = Body::InstallSnapshot {
            last: LogId::new(Term(u64::MAX), Index(u64::MAX)),
            membership: Arc::new(Membership::of(Voters::new(servers))),
            offset: u64::MAX,
            length: u64::MAX,
            data: vec![7; limits.chunk_bytes_max()].into(),
        };
        let chunk = Message { term: Term(u64::MAX), body: chunk };
        codec.encode(N2, (u64::MAX, STAMPS), chunk, &mut bytes).expect("the longest chunk fits");
        let longer = append(vec![command(datagram)]);
        assert_eq!(codec.encode(N2, (u64::MAX, STAMPS), longer, &mut bytes), None);
    }
    assert_eq!(Limits::new(500), None);
    assert_eq!(Limits::new(DATAGRAM_BYTES_MAX + 1), None);
}

#[test]
fn of_entries_that_do_not_fit_the_first_are_sent() {
    let limits = Limits::new(1400).unwrap();
    let sender = Codec::new(CLUSTER, N1, 77, None, limits);
    let all: Vec<Entry> = (0..100).map(|bytes| command(bytes % 90)).collect();
    let mut bytes = Vec::new();
    sender.encode(N2, (5, STAMPS), append(all.clone()), &mut bytes).expect("some fit");
    let received = decode(&codec(N2, None), &bytes).unwrap().message;
    let Body::AppendEntries { entries, .. } = received.body else { panic!("something else came") };
    assert!(entries.len() > 10 && entries.len() < 100, "{}", entries.len());
    assert_eq!(entries, all[..entries.len()]);
}

#[test]
fn a_key_file_is_a_secret() {
    let path = std::env::temp_dir().join(format!("raftlab-key-{}", std::process::id()));
    let write = |text: &str, mode| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Key::read(&path)
    };
    let digits = "0f".repeat(32);
    assert_eq!(format!("{:?}", write(&digits, 0o600).unwrap()), "Key(..)");
    assert!(write(&format!("{digits}\n"), 0o400).is_ok());
    let exposed = write(&digits, 0o640).unwrap_err().to_string();
    assert!(exposed.contains("(mode 640): chmod 600 it"), "{exposed}");
    assert!(write(&digits[1..], 0o600).unwrap_err().to_string().contains("64 hexadecimal digits"));
    std::fs::remove_file(&path).unwrap();
    assert!(Key::read(&path).unwrap_err().to_string().starts_with("the key file"));
}

/// The format is a promise: a change of these bytes needs a new version.
#[test]
fn the_bytes_of_a_datagram() {
    let bytes = encoded(&codec(N1, None), &append(vec![command(2)]));
    let lines: Vec<String> = bytes
        .chunks(8)
        .map(|chunk| chunk.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
        .collect();
    let golden = [
        "7261667401000000",
        "edfe000000000000",
        "0000000000000000",
        "0100000000000000",
        "0200000000000000",
        "4d00000000000000",
        "0500000000000000",
        "ffffffff03000000",
        "04000000ffffffff",
        "ffffffffff0104ff",
        "ffffffffffffffff",
        "01ffffffffffffff",
        "ffff0101ffffffff",
        "ffffffffff01ffff",
        "ffffffffffffff01",
        "01020707ffffffff",
        "ffffffffff01ffff",
        "ffffffffffffff01",
        "b03d1415",
    ];
    assert_eq!(lines, golden, "{lines:#?}");
}
