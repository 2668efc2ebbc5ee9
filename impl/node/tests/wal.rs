//! The log against everything that disks do to it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use proptest::prelude::*;
use raftlab_core::{
    Command, Durable, Entry, Index, LogId, Membership, NodeId, Payload, Snapshot, Term, Voters, Write,
};
use raftlab_node::disk::{Directory, Disk, Fault, Memory};
use raftlab_node::wal::{Identity, OpenError, Opened, Wal};

const OURS: Identity = Identity { cluster: 0x5eed, server: NodeId(1) };

/// So small that a few batches fill one.
const SEGMENT_BYTES: u64 = 4096;

type Batch = Vec<Write>;

fn open(disk: &Memory) -> Result<Opened<Memory>, OpenError> {
    Wal::open(disk.clone(), OURS, SEGMENT_BYTES)
}

fn entry(term: u64, index: u64, bytes: usize) -> Entry {
    let command: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 250 + 1).unwrap()).collect();
    let id = LogId::new(Term(term), Index(index));
    let payload = if bytes == 0 { Payload::Noop } else { Payload::Command(Command::new(&command)) };
    Entry { id, payload }
}

fn log(term: u64, after: u64, lengths: &[usize]) -> Write {
    let entries = (after + 1..).zip(lengths).map(|(index, bytes)| entry(term, index, *bytes)).collect();
    Write::Log { after: Index(after), entries }
}

fn vote(term: u64) -> Write {
    Write::Vote { term: Term(term), voted_for: Some(NodeId(1)) }
}

fn snapshot(term: u64, index: u64, bytes: usize) -> Write {
    let voters = Voters::new([1, 2, 3].map(NodeId));
    let state: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 240 + 7).unwrap()).collect();
    Write::Snapshot(Arc::new(Snapshot {
        last: LogId::new(Term(term), Index(index)),
        membership: Arc::new(Membership::of(voters)),
        state: state.into(),
    }))
}

/// Votes, entries short and longer than sectors, a truncation, two snapshots, a batch of everything, full segments.
fn workload() -> Vec<Batch> {
    vec![
        vec![vote(1)],
        vec![log(1, 0, &[0])],
        vec![log(1, 1, &[30, 700]), log(1, 3, &[5])],
        vec![log(1, 4, &[1800])],
        vec![vote(2), log(2, 3, &[0, 40])],
        vec![log(2, 5, &[1500])],
        vec![snapshot(2, 4, 900)],
        vec![log(2, 6, &[20])],
        vec![log(2, 7, &[1200, 600])],
        vec![log(2, 9, &[1500])],
        vec![log(2, 10, &[3]), snapshot(2, 11, 60), vote(3), log(3, 11, &[0])],
        vec![log(3, 12, &[5000])],
        vec![log(3, 13, &[8])],
    ]
}

/// What a disk should hold after each number of writes, of all batches in one row.
fn states(batches: &[Batch]) -> Vec<Durable> {
    let mut states = vec![Durable::default()];
    for write in batches.iter().flatten() {
        let mut next = states.last().unwrap().clone();
        next.apply(write);
        states.push(next);
    }
    states
}

/// A disk on which all of it was written.
fn written() -> (Memory, Durable) {
    let disk = Memory::default();
    let mut wal = open(&disk).unwrap().wal;
    for batch in workload() {
        wal.write(&batch).unwrap();
    }
    (disk, states(&workload()).pop().unwrap())
}

/// The files that matter: all but a segment to be.
fn needed(disk: &Memory) -> Vec<String> {
    disk.names().unwrap().into_iter().filter(|name| name != "spare.tmp").collect()
}

#[test]
fn what_was_written_is_read_and_gone_on_with() {
    let (disk, all) = written();
    let mut opened = open(&disk).unwrap();
    assert_eq!(opened.durable, all);
    assert_eq!(opened.recovery.snapshot, Some(LogId::new(Term(2), Index(11))));
    assert_eq!(opened.recovery.torn, None);
    assert!(needed(&disk).len() < 5, "what a snapshot covers is gone: {:?}", disk.names());
    opened.wal.write(&[log(3, 14, &[1])]).unwrap();
    assert_eq!(open(&disk).unwrap().durable.log.last().index, Index(15));
}

#[test]
fn a_new_log_is_new_and_then_it_is_not() {
    let disk = Memory::default();
    assert!(open(&disk).unwrap().recovery.is_new);
    let again = open(&disk).unwrap();
    assert!(!again.recovery.is_new);
    assert_eq!(again.durable, Durable::default());
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let (disk, _) = written();
    for name in needed(&disk) {
        for len in 0..disk.read(&name, u64::MAX).unwrap().len() {
            let cut = disk.damaged(&name, |bytes| bytes.truncate(len));
            let error = open(&cut).map(|opened| opened.durable).unwrap_err();
            assert!(matches!(error, OpenError::Damaged { .. }), "{name} cut at {len}: {error}");
        }
    }
}

#[test]
fn a_bit_that_is_flipped_anywhere_loses_nothing_silently() {
    let (disk, all) = written();
    let (mut refused, mut harmless) = (0, 0);
    for name in needed(&disk) {
        for at in 0..disk.read(&name, u64::MAX).unwrap().len() {
            for bit in 0..8 {
                let flipped = disk.damaged(&name, |bytes| bytes[at] ^= 1 << bit);
                match catch_unwind(AssertUnwindSafe(|| open(&flipped))).expect("no panic") {
                    Ok(opened) => {
                        assert_eq!(opened.durable, all, "{name}, byte {at}, bit {bit}");
                        harmless += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(
        refused > 8 * 5000 && harmless > 0,
        "{refused} refused, {harmless} where nothing was written yet"
    );
}

#[test]
fn a_record_that_is_overwritten_with_zeros_is_missed_if_anything_follows() {
    let disk = Memory::default();
    let mut wal = open(&disk).unwrap().wal;
    for index in 0..5 {
        wal.write(&[log(1, index, &[20])]).unwrap();
    }
    let name = disk.names().unwrap().remove(0);
    let bytes = disk.read(&name, u64::MAX).unwrap();
    let heads: Vec<usize> =
        (128..bytes.len()).step_by(16).filter(|at| bytes[at + 15..][..1] == [0] && bytes[*at] > 20).collect();
    let zeroed = disk.damaged(&name, |bytes| bytes[heads[1]..heads[2]].fill(0));
    assert!(matches!(open(&zeroed).unwrap_err(), OpenError::Damaged { .. }));
}

/// Writes the workload until something fails. How many writes were acknowledged, and whether all were.
fn write_until_it_fails(disk: &Memory) -> usize {
    let Ok(Opened { mut wal, .. }) = open(disk) else { return 0 };
    let mut acknowledged = 0;
    for batch in workload() {
        if wal.write(&batch).is_err() {
            wal.write(&batch).expect_err("a log that failed takes nothing more");
            return acknowledged;
        }
        acknowledged += batch.len();
        // Now and then there is time for the next segment; nobody was promised anything of it.
        if batch.len() == 1 && wal.prepare().is_err() {
            wal.write(&batch).expect_err("a log that failed takes nothing more");
            return acknowledged;
        }
    }
    acknowledged
}

/// How many operations the whole workload takes.
fn operations() -> u64 {
    let disk = Memory::default();
    write_until_it_fails(&disk);
    disk.operations()
}

/// The writes from the `acknowledged`-th on up to the end of their batch: each of them may have come to the disk.
fn batch_of(acknowledged: usize) -> usize {
    let mut end = 0;
    workload()
        .iter()
        .map(|batch| {
            end += batch.len();
            end
        })
        .find(|end| *end > acknowledged)
        .unwrap_or(acknowledged)
}

/// Checks what a crash left, finishes the workload on it, and reads that again.
fn survives(left: &Memory, acknowledged: usize) {
    let states = states(&workload());
    let Opened { mut wal, durable, .. } =
        open(left).unwrap_or_else(|error| panic!("{acknowledged}: {error}"));
    let may_be = acknowledged..=batch_of(acknowledged);
    let at = may_be.clone().find(|at| states[*at] == durable);
    let at = at.unwrap_or_else(|| panic!("{may_be:?} were expected, and there is {durable:?}"));
    for (write, state) in workload().into_iter().flatten().zip(&states[1..]).skip(at) {
        wal.write(&[write]).unwrap();
        assert_eq!(&Wal::open(left.crash(|| true), OURS, SEGMENT_BYTES).unwrap().durable, state);
        wal.prepare().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// The process crashes at each operation in turn, and the disk loses what it likes of what was not synced; then
    /// the next start crashes, too.
    #[test]
    fn a_crash_at_any_operation_loses_nothing_that_was_acknowledged(seed: u64) {
        let mut dice = seed | 1;
        let mut survived = || {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            dice >> 63 == 1
        };
        for operation in 1..=operations() {
            let disk = Memory::default();
            disk.fail(operation, Fault::Error);
            let acknowledged = write_until_it_fails(&disk);
            let left = disk.crash(&mut survived);
            left.fail(1 + operation % 4, Fault::Error);
            drop(open(&left));
            survives(&left.crash(&mut survived), acknowledged);
        }
    }
}

#[test]
fn a_disk_without_room_stops_the_log_and_it_opens_again_when_there_is_some() {
    for operation in 1..=operations() {
        let disk = Memory::default();
        disk.fail(operation, Fault::Full);
        let acknowledged = write_until_it_fails(&disk);
        survives(&disk.crash(|| true), acknowledged);
    }
    let disk = Memory::default();
    let mut wal = open(&disk).unwrap().wal;
    disk.fail(1, Fault::Full);
    let error = wal.write(&[vote(1)]).unwrap_err();
    assert!(
        error.is_full && error.to_string().starts_with("writing to log-0000000000000001 at byte"),
        "{error}"
    );
}

#[test]
fn the_next_segment_is_made_beforehand_of_one_that_is_covered() {
    let disk = Memory::default();
    let mut wal = open(&disk).unwrap().wal;
    let takes = |wal: &mut Wal<Memory>, writes: &[Write]| {
        let before = disk.operations();
        wal.write(writes).unwrap();
        disk.operations() - before
    };
    wal.write(&[vote(1), log(1, 0, &[100; 9])]).unwrap();
    let unprepared = takes(&mut wal, &[snapshot(1, 8, 10)]);
    while wal.prepare().unwrap() {}
    assert!(disk.names().unwrap().contains(&"spare.tmp".into()));
    let prepared = takes(&mut wal, &[snapshot(1, 9, 10)]);
    assert!(prepared < unprepared, "{prepared} operations instead of {unprepared}");
    while wal.prepare().unwrap() {}
    wal.write(&[log(1, 9, &[3000, 3000])]).unwrap();
    let all = wal.durable().clone();
    let again = open(&disk).unwrap();
    assert_eq!(again.durable, all);
    assert!(!disk.names().unwrap().contains(&"spare.tmp".into()), "a start begins without one");
}

#[test]
fn no_room_for_a_spare_segment_is_no_failure() {
    let disk = Memory::default();
    let mut wal = open(&disk).unwrap().wal;
    disk.fail(2, Fault::Full);
    assert!(!wal.prepare().unwrap());
    assert!(!disk.names().unwrap().contains(&"spare.tmp".into()), "what room there is, is for the log");
    assert!(!wal.prepare().unwrap());
    wal.write(&[vote(1)]).unwrap();
}

#[test]
fn who_it_does_not_belong_to_is_refused() {
    let (disk, _) = written();
    for theirs in [Identity { server: NodeId(2), ..OURS }, Identity { cluster: 7, ..OURS }] {
        let error = Wal::open(disk.clone(), theirs, SEGMENT_BYTES).map(|opened| opened.durable).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let (disk, all) = written();
    for name in needed(&disk) {
        let copy = disk.crash(|| true);
        copy.remove(&name).unwrap();
        match open(&copy) {
            Err(OpenError::Missing(missing)) => {
                assert!(missing.contains(&name) || name.starts_with("log"), "{missing}");
            }
            // Without its last segment a log is one that ends earlier: this is what the caveats say of an older copy.
            Ok(opened) => assert_ne!(opened.durable, all),
            Err(other) => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let disk = Memory::default();
    disk.create("photos").unwrap();
    let error = open(&disk).map(|opened| opened.durable).unwrap_err();
    assert!(error.to_string().contains("holds `photos` and no log"), "{error}");
}

#[test]
fn a_newer_format_is_refused() {
    let (disk, _) = written();
    let name = disk.names().unwrap().remove(0);
    let newer = disk.damaged(&name, |bytes| bytes[8] = 2);
    let error = open(&newer).map(|opened| opened.durable).unwrap_err();
    assert!(error.to_string().contains("has format 2, and this program knows formats up to 1"), "{error}");
}

#[test]
fn one_directory_has_one_process() {
    let path = std::env::temp_dir().join(format!("raftlab-wal-{}", std::process::id()));
    let directory = Directory::open(&path).unwrap();
    let second = Directory::open(&path).unwrap_err();
    assert!(second.to_string().contains("belongs to another process"), "{second}");
    let mut wal = Wal::open(directory, OURS, SEGMENT_BYTES).unwrap().wal;
    for batch in workload() {
        wal.write(&batch).unwrap();
    }
    drop(wal);
    let again = Wal::open(Directory::open(&path).unwrap(), OURS, SEGMENT_BYTES).unwrap();
    assert_eq!(&again.durable, states(&workload()).last().unwrap());
    std::fs::remove_dir_all(path).unwrap();
}

/// The format is a promise: a change of these bytes needs a new number.
#[test]
fn the_bytes_of_a_log() {
    let disk = Memory::default();
    let mut wal = open(&disk).unwrap().wal;
    wal.write(&[vote(1), log(1, 0, &[0, 3])]).unwrap();
    let bytes = disk.read("log-0000000000000001", u64::MAX).unwrap();
    let hex = |bytes: &[u8]| format!("{:032x}", u128::from_be_bytes(bytes.try_into().unwrap()));
    assert_eq!(bytes.len() as u64, SEGMENT_BYTES);
    let golden = [
        "726166746c6f670a0100000001305fa9",
        "ed5e0000000000000000000000000000",
        "01000000000000000100000000000000",
        "0010000000000000a000000000000000",
        "00000000000000000000000000000000",
        "01000000000000000000000000000000",
        "00000000000000000000000000000000",
        "00000000000000000000000000000000",
        "040000007fe122959252ecb000000000",
        "01000000000000000000000000000000",
        "12000000ca5b2f4a30ff364100000000",
        "02000101010100020101000102010301",
        "02030000000000000000000000000000",
    ];
    let lines: Vec<String> = bytes[..208].chunks(16).map(hex).collect();
    assert_eq!(lines, golden, "{lines:#?}");
    assert!(bytes[208..].iter().all(|byte| *byte == 0));
}

/// How fast a disk is under the log: `cargo test --release -p raftlab-node --test wal -- --ignored --nocapture`, with
/// `TMPDIR` on the disk in question.
#[test]
#[ignore = "a measurement"]
fn how_fast_it_is() {
    use std::time::Instant;
    let path = std::env::temp_dir().join(format!("raftlab-wal-speed-{}", std::process::id()));
    let open = || Wal::open(Directory::open(&path).unwrap(), OURS, raftlab_node::wal::SEGMENT_BYTES).unwrap();
    let mut wal = open().wal;
    let mut micros: Vec<u128> = (0..2000)
        .map(|index| {
            let start = Instant::now();
            wal.write(&[log(1, index, &[200])]).unwrap();
            start.elapsed().as_micros()
        })
        .collect();
    micros.sort_unstable();
    println!("write and sync: p50 {} us, p99 {} us", micros[1000], micros[1980]);
    let mut index = 2000;
    while index < 2000 + 5_000_000 {
        wal.write(&[log(1, index, &vec![200; 5000])]).unwrap();
        index += 5000;
    }
    drop(wal);
    let start = Instant::now();
    let recovery = open().recovery;
    let seconds = start.elapsed().as_secs_f64();
    println!("recovery: {} MiB in {seconds:.2} s", recovery.bytes >> 20);
    std::fs::remove_dir_all(path).unwrap();
}
