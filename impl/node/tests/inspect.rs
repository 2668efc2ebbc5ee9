//! A log that is looked at, and not changed.

use std::fs;
use std::path::{Path, PathBuf};

use raftlab_core::{Command, Entry, Index, LogId, NodeId, Payload, Term, Write};
use raftlab_node::disk::{Directory, Memory};
use raftlab_node::wal::{Identity, OpenError, Wal, inspect};

const OURS: Identity = Identity { cluster: 0x5eed, server: NodeId(2) };

/// Small, so that there are several.
const SEGMENT_BYTES: u64 = 2048;

fn batches() -> Vec<Vec<Write>> {
    let entry = |index| Entry {
        id: LogId::new(Term(1), Index(index)),
        payload: Payload::Command(Command::new(&[b'x'; 300])),
    };
    let log = |index: u64| Write::Log { after: Index(index - 1), entries: vec![entry(index)] };
    let vote = Write::Vote { term: Term(1), voted_for: Some(NodeId(2)) };
    std::iter::once(vec![vote, log(1)]).chain((2..=12).map(|index| vec![log(index)])).collect()
}

fn fresh_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("raftlab-inspect-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    dir
}

fn write(dir: &Path) {
    let mut wal = Wal::open(Directory::open(dir).unwrap(), OURS, SEGMENT_BYTES).unwrap().wal;
    for batch in batches() {
        wal.write(&batch).unwrap();
    }
}

/// Names, lengths and bytes.
fn content(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn every_record_is_shown_where_it_stands_and_nothing_changes() {
    let dir = fresh_dir("whole");
    write(&dir);
    let before = content(&dir);
    let mut shown: Vec<(String, u64, u64, Vec<Write>)> = Vec::new();
    let disk = Directory::open_to_read(&dir).unwrap();
    let inspected = inspect(&disk, &mut |record| {
        shown.push((record.file.to_string(), record.offset, record.record, record.writes.to_vec()));
    });
    let inspected = inspected.unwrap().unwrap();
    assert_eq!(content(&dir), before);
    assert_eq!(inspected.identity, OURS);
    assert_eq!(inspected.durable.log.last(), LogId::new(Term(1), Index(12)));
    assert!(inspected.recovery.segments > 1);
    assert_eq!(inspected.recovery.records, shown.len() as u64);
    // The first record is what a new log says: that nothing is known.
    let written: Vec<_> = shown[1..].iter().map(|(.., writes)| writes.clone()).collect();
    assert_eq!(written, batches());
    for (file, offset, ..) in &shown {
        let bytes = fs::read(dir.join(file)).unwrap();
        assert_ne!(bytes[usize::try_from(*offset).unwrap()..][..4], [0; 4], "{file} at {offset}");
    }
    assert!(shown.windows(2).all(|two| (&two[0].0, two[0].1) < (&two[1].0, two[1].1)));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_is_torn_is_told_and_not_cut() {
    let disk = Memory::default();
    let mut wal = Wal::open(disk.clone(), OURS, 1 << 16).unwrap().wal;
    for batch in batches() {
        wal.write(&batch).unwrap();
    }
    let mut last = (String::new(), 0);
    inspect(&disk, &mut |record| last = (record.file.to_string(), record.offset)).unwrap().unwrap();
    let (file, offset) = last;
    let at = usize::try_from(offset).unwrap();
    // The sector behind the one with the record's head never came to the disk.
    let torn = disk.damaged(&file, |bytes| bytes[(at / 512 + 1) * 512..].fill(0));
    for _ in 0..2 {
        let inspected = inspect(&torn, &mut |_| {}).unwrap().unwrap();
        assert_eq!(inspected.recovery.torn.map(|torn| torn.offset), Some(offset));
        assert_eq!(inspected.durable.log.last().index, Index(11));
    }
}

#[test]
fn what_comes_before_damage_is_shown() {
    let disk = Memory::default();
    let mut wal = Wal::open(disk.clone(), OURS, 1 << 16).unwrap().wal;
    for batch in batches() {
        wal.write(&batch).unwrap();
    }
    let mut places = Vec::new();
    inspect(&disk, &mut |record| places.push((record.file.to_string(), record.offset))).unwrap().unwrap();
    let (file, offset) = &places[5];
    let damaged = disk.damaged(file, |bytes| bytes[usize::try_from(*offset).unwrap() + 20] ^= 1);
    let mut shown = 0;
    let error = inspect(&damaged, &mut |_| shown += 1).unwrap_err();
    assert_eq!(shown, 5);
    let OpenError::Damaged { offset: at, record: 6, .. } = error else { panic!("{error}") };
    assert_eq!(at, *offset);
}

#[test]
fn a_directory_that_is_missing_empty_or_in_use_is_told_apart() {
    let dir = fresh_dir("other");
    assert_eq!(Directory::open_to_read(&dir).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert!(!dir.exists(), "nothing is made");
    fs::create_dir_all(&dir).unwrap();
    assert_eq!(inspect(&Directory::open_to_read(&dir).unwrap(), &mut |_| {}).unwrap(), None);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "nothing is made");
    let server = Directory::open(&dir).unwrap();
    assert_eq!(Directory::open_to_read(&dir).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(server);
    Directory::open_to_read(&dir).unwrap();
    fs::remove_dir_all(dir).unwrap();
}
