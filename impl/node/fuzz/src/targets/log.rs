//! What a disk may hold: noise, logs that were damaged, and logs whose checksums fit what no server ever wrote.
//!
//! Of recovery it is asked that it does not panic, and that what it opens is a log: opened again it is the same, what is
//! written to it is there, and no file that it refused was changed.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use raftlab_core::{
    Command, Durable, Entry, Index, LogId, Membership, NodeId, Payload, Snapshot, Term, Voters, Write,
};
use raftlab_node::disk::{Disk, File, Memory};
use raftlab_node::wal::{Identity, OpenError, Wal};

use crate::{Reached, Source};

const OURS: Identity = Identity { cluster: 0x5eed, server: NodeId(1) };

/// So small that a few batches fill one.
const SEGMENT_BYTES: u64 = 2048;

/// The format's numbers: the heads of a segment, a record and a snapshot.
const SEGMENT_HEAD_BYTES: usize = 128;
const RECORD_HEAD_BYTES: usize = 16;
const SNAPSHOT_HEAD_BYTES: usize = 40;

/// A directory, by the names of its files.
type Files = BTreeMap<String, Vec<u8>>;

/// A directory that a server is started on.
///
/// # Panics
///
/// If recovery does, or opens what is not a log.
pub fn run(input: &[u8], reached: &mut Reached) {
    let mut source = Source::new(input);
    let files = directory(&mut source);
    let disk = disk_of(&files);
    match Wal::open(disk.clone(), OURS, SEGMENT_BYTES) {
        Ok(mut opened) => {
            reached.note(if opened.recovery.is_new { "opened as new" } else { "opened" });
            if opened.recovery.torn.is_some() {
                reached.note("opened, and a torn record cut");
            }
            let again = opened_again(&disk);
            assert_eq!(again, opened.durable, "opened again, it is another");
            let vote = Write::Vote { term: Term(99), voted_for: None };
            let written = opened.wal.write(std::slice::from_ref(&vote));
            written.expect("this disk does not fail");
            let mut expected = opened.durable;
            expected.apply(&vote);
            assert_eq!(opened_again(&disk), expected, "what was written is there");
        }
        Err(error) => {
            reached.note(reason(&error));
            assert_eq!(files_of(&disk), files, "what is refused is left as it was: {error}");
        }
    }
}

fn reason(error: &OpenError) -> &'static str {
    match error {
        OpenError::Io { .. } => "refused by the disk",
        OpenError::NotOurs(_) => "refused as somebody else's directory",
        OpenError::Foreign { .. } => "refused as another server's log",
        OpenError::Newer { .. } => "refused as newer",
        OpenError::Damaged { .. } => "refused as damaged",
        OpenError::Missing(_) => "refused as incomplete",
        OpenError::Senseless { .. } => "refused as senseless",
    }
}

fn opened_again(disk: &Memory) -> Durable {
    let opened = Wal::open(disk.clone(), OURS, SEGMENT_BYTES);
    opened.unwrap_or_else(|error| panic!("what was opened opens again: {error}")).durable
}

fn directory(source: &mut Source) -> Files {
    if source.byte().is_multiple_of(8) {
        return noise(source);
    }
    let mut files = source.one_of(logs()).clone();
    for _ in 0..=source.below(2) {
        match source.byte() % 8 {
            0 | 1 => damage(source, &mut files),
            2 => displace(source, &mut files),
            3 | 4 => forge_record(source, &mut files),
            5 => forge_head(source, &mut files),
            6 => forge_snapshot(source, &mut files),
            _ => tear(source, &mut files),
        }
    }
    files
}

/// Files under the right names, of anything.
fn noise(source: &mut Source) -> Files {
    let names = ["log-0000000000000001", "log-0000000000000002", "log-x", "snapshot-1", "a", "log-1.tmp"];
    let mut files = Files::new();
    for _ in 0..=source.below(3) {
        let (name, count) = (*source.one_of(&names), source.below(300));
        let mut bytes = if source.coin() { b"raftlog\n\x01\0\0\0".to_vec() } else { Vec::new() };
        bytes.extend(source.bytes(count));
        files.insert(name.into(), bytes);
    }
    files
}

fn damage(source: &mut Source, files: &mut Files) {
    if let Some(bytes) = one(source, files, "") {
        let length = bytes.len();
        source.mutate(bytes);
        // Mostly as long as it was: another length is noticed first.
        if !source.byte().is_multiple_of(8) {
            bytes.resize(length, 0);
        }
    }
}

fn displace(source: &mut Source, files: &mut Files) {
    let names: Vec<String> = files.keys().cloned().collect();
    if names.is_empty() {
        return;
    }
    let (name, other) = (source.one_of(&names), source.one_of(&names));
    let taken = files.remove(name);
    match (source.byte() % 3, taken) {
        (0, Some(bytes)) => _ = files.insert(other.clone(), bytes),
        (1, Some(bytes)) => _ = files.insert("log-0000000000000009".into(), bytes),
        _ => {}
    }
}

/// A record that says something else, with checksums that fit.
fn forge_record(source: &mut Source, files: &mut Files) {
    let Some(bytes) = one(source, files, "log-") else { return };
    let records = records(bytes);
    let Some((at, len)) = records.get(source.below(records.len())).copied() else { return };
    let mut payload = bytes[at + RECORD_HEAD_BYTES..at + RECORD_HEAD_BYTES + len].to_vec();
    if source.coin() {
        source.mutate(&mut payload);
    } else {
        payload = postcard_writes(source);
    }
    let end = (at + RECORD_HEAD_BYTES + payload.len()).next_multiple_of(RECORD_HEAD_BYTES);
    // It lies in the place of the old one, or of all that follows.
    let old_end = (at + RECORD_HEAD_BYTES + len).next_multiple_of(RECORD_HEAD_BYTES);
    if end > bytes.len() || payload.is_empty() {
        return;
    }
    bytes[at..old_end.max(end)].fill(0);
    if end != old_end {
        bytes[at..].fill(0);
    }
    let head = record_head(bytes, at, &payload);
    bytes[at..at + RECORD_HEAD_BYTES].copy_from_slice(&head);
    bytes[at + RECORD_HEAD_BYTES..at + RECORD_HEAD_BYTES + payload.len()].copy_from_slice(&payload);
}

/// Writes that need not follow what is before them.
fn postcard_writes(source: &mut Source) -> Vec<u8> {
    let id = |source: &mut Source| LogId::new(Term(source.number()), Index(source.number()));
    let write = |source: &mut Source| match source.byte() % 4 {
        0 => Write::Vote { term: Term(source.number()), voted_for: source.coin().then_some(NodeId(2)) },
        1 => snapshot(source.number(), source.number()),
        _ => {
            let entries =
                (0..source.below(3)).map(|_| Entry { id: id(source), payload: Payload::Noop }).collect();
            Write::Log { after: Index(source.number()), entries }
        }
    };
    let writes: Vec<Write> = (0..source.below(3)).map(|_| write(source)).collect();
    postcard::to_stdvec(&writes).unwrap_or_default()
}

/// A head that says something else, with a checksum that fits.
fn forge_head(source: &mut Source, files: &mut Files) {
    let Some(bytes) = one(source, files, "log-") else { return };
    if bytes.len() < SEGMENT_HEAD_BYTES {
        return;
    }
    let at = 16 + source.below(SEGMENT_HEAD_BYTES - 16);
    bytes[at] = source.byte();
    let check = crc32c::crc32c(&bytes[16..SEGMENT_HEAD_BYTES]);
    bytes[12..16].copy_from_slice(&check.to_le_bytes());
}

/// A snapshot that says something else, with a checksum that fits.
fn forge_snapshot(source: &mut Source, files: &mut Files) {
    let Some(bytes) = one(source, files, "snapshot-") else { return };
    if bytes.len() < SNAPSHOT_HEAD_BYTES {
        return;
    }
    let mut said = bytes.split_off(16);
    source.mutate(&mut said);
    bytes.extend(said);
    let check = crc32c::crc32c(&bytes[16..]);
    bytes[12..16].copy_from_slice(&check.to_le_bytes());
}

/// Sectors of the last record that were not written.
fn tear(source: &mut Source, files: &mut Files) {
    let Some(bytes) = files.iter_mut().rfind(|(name, _)| name.starts_with("log-")).map(|(_, bytes)| bytes)
    else {
        return;
    };
    let Some((at, len)) = records(bytes).last().copied() else { return };
    let end = bytes.len().min(at + RECORD_HEAD_BYTES + len);
    let sectors: Vec<usize> = (at / 512..end.div_ceil(512)).collect();
    for sector in sectors.into_iter().filter(|_| source.coin()) {
        let from = at.max(sector * 512);
        let to = end.min((sector + 1) * 512);
        bytes[from..to].fill(0);
    }
}

/// One of the files whose names begin so.
fn one<'a>(source: &mut Source, files: &'a mut Files, prefix: &str) -> Option<&'a mut Vec<u8>> {
    let count = files.keys().filter(|name| name.starts_with(prefix)).count();
    let at = source.below(count);
    files.iter_mut().filter(|(name, _)| name.starts_with(prefix)).nth(at).map(|(_, bytes)| bytes)
}

/// Where records begin, and how long their payloads are.
fn records(segment: &[u8]) -> Vec<(usize, usize)> {
    let mut records = Vec::new();
    let mut at = SEGMENT_HEAD_BYTES;
    while let Some(head) = segment.get(at..at + RECORD_HEAD_BYTES) {
        let len = u32::from_le_bytes(head[..4].try_into().unwrap_or_default()) as usize;
        let end = at + RECORD_HEAD_BYTES + len;
        if len == 0 || end > segment.len() {
            break;
        }
        records.push((at, len));
        at = end.next_multiple_of(RECORD_HEAD_BYTES);
    }
    records
}

fn record_head(segment: &[u8], at: usize, payload: &[u8]) -> [u8; RECORD_HEAD_BYTES] {
    let mut head = [0; RECORD_HEAD_BYTES];
    head[..4].copy_from_slice(&u32::try_from(payload.len()).unwrap_or(0).to_le_bytes());
    head[4..8].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let seed = crc32c::crc32c(&segment[16..SEGMENT_HEAD_BYTES]);
    let check = crc32c::crc32c_append(crc32c::crc32c_append(seed, &(at as u64).to_le_bytes()), &head[..8]);
    head[8..12].copy_from_slice(&check.to_le_bytes());
    head
}

/// The directories of servers that have run for a while.
fn logs() -> &'static [Files] {
    static LOGS: OnceLock<Vec<Files>> = OnceLock::new();
    LOGS.get_or_init(|| {
        let disk = Memory::default();
        let opened = Wal::open(disk.clone(), OURS, SEGMENT_BYTES);
        let mut wal = opened.expect("an empty disk is a new log").wal;
        let mut logs = vec![files_of(&disk)];
        for batch in workload() {
            wal.write(&batch).expect("this disk does not fail");
            logs.push(files_of(&disk));
        }
        logs
    })
}

/// Votes, entries shorter and longer than sectors, a truncation, snapshots, full segments.
fn workload() -> Vec<Vec<Write>> {
    let vote = |term| Write::Vote { term: Term(term), voted_for: Some(NodeId(1)) };
    let log = |term, after, lengths: &[usize]| {
        let entry = |(index, bytes): (u64, &usize)| Entry {
            id: LogId::new(Term(term), Index(index)),
            payload: Payload::Command(Command::new(&vec![7; *bytes])),
        };
        Write::Log { after: Index(after), entries: (after + 1..).zip(lengths).map(entry).collect() }
    };
    vec![
        vec![vote(1), log(1, 0, &[0])],
        vec![log(1, 1, &[30, 700]), log(1, 3, &[5])],
        vec![log(1, 4, &[900])],
        vec![vote(2), log(2, 3, &[0, 40])],
        vec![log(2, 5, &[1000])],
        vec![snapshot(2, 4)],
        vec![log(2, 6, &[20])],
        vec![log(2, 7, &[1200])],
    ]
}

fn snapshot(term: u64, index: u64) -> Write {
    Write::Snapshot(Arc::new(Snapshot {
        last: LogId::new(Term(term), Index(index)),
        membership: Arc::new(Membership::of(Voters::new([1, 2, 3].map(NodeId)))),
        state: b"what became of it"[..].into(),
    }))
}

fn disk_of(files: &Files) -> Memory {
    let disk = Memory::default();
    for (name, bytes) in files {
        let written = disk.create(name).and_then(|mut file| {
            file.write_at(0, bytes)?;
            file.sync()
        });
        written.expect("this disk does not fail");
    }
    disk.sync().expect("this disk does not fail");
    disk
}

fn files_of(disk: &Memory) -> Files {
    let names = disk.names().expect("this disk does not fail");
    let read = |name: String| {
        let bytes = disk.read(&name, u64::MAX).expect("it is there");
        (name, bytes)
    };
    names.into_iter().map(read).collect()
}
