//! Journals that were damaged, or whose checksums fit what no server ever recorded: what reads them says what is wrong,
//! and what replays them comes to a verdict.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use raftlab_checks::validate::{Options, validate};
use raftlab_checks::verdict::Verdict;
use raftlab_core::{Config, Durable, Features, Input, Message, NodeId, ReadId, Time, Timer, Voters};
use raftlab_node::journal::{Journal, Reader};
use raftlab_node::kv::{Command, Operation};
use raftlab_node::replica::{DiskIo, Replica, Turn};
use raftlab_node::wal::Identity;

use crate::{Reached, Source};

const HEAD_BYTES: usize = 72;
const RECORD_HEAD_BYTES: usize = 12;

/// Journals by the names of their files.
type Files = BTreeMap<String, Vec<u8>>;

/// The journals of a run.
///
/// # Panics
///
/// If their reader does, or validation.
pub fn run(input: &[u8], reached: &mut Reached) {
    let mut source = Source::new(input);
    let mut files = recorded().clone();
    let is_forged = !source.byte().is_multiple_of(4);
    let at = source.below(files.len());
    if let Some(bytes) = files.values_mut().nth(at) {
        if is_forged { forge(&mut source, bytes) } else { source.mutate(bytes) }
    }
    let directory = Directory::of(&files);
    for name in files.keys() {
        read(&directory.0.join(name), reached);
    }
    let report = validate(&directory.0, &Options::default());
    reached.note(match report.verdict {
        Verdict::Verified => "runs that are verified",
        Verdict::Violated => "runs that are violated",
        Verdict::Vacuous => "runs that are vacuous",
        Verdict::Incomplete | Verdict::Error => "runs that are in error",
    });
}

/// Reads all that can be read.
fn read(path: &Path, reached: &mut Reached) {
    let Ok(mut reader) = Reader::open(path) else { return reached.note("no journals") };
    loop {
        match reader.next_record() {
            Ok(Some(_)) => reached.note("records"),
            Ok(None) => return reached.note("journals"),
            Err(_) => return reached.note("journals with something wrong"),
        }
    }
}

/// Changes what records say, and seals them anew.
fn forge(source: &mut Source, bytes: &mut Vec<u8>) {
    let mut head = bytes[..HEAD_BYTES].to_vec();
    let mut records = payloads(bytes);
    match source.byte() % 8 {
        0 => {
            let at = 16 + source.below(HEAD_BYTES - 16);
            head[at] = source.byte();
        }
        1 => records.truncate(source.below(records.len())),
        2 => {
            let (one, other) = (source.below(records.len()), source.below(records.len()));
            records.swap(one, other);
        }
        3 => _ = records.remove(source.below(records.len())),
        kind => {
            // The first says how a life began: it is changed as often as all the others.
            let at = if kind == 4 { 0 } else { source.below(records.len()) };
            source.mutate(&mut records[at]);
        }
    }
    let check = crc32c::crc32c(&head[16..]);
    head[12..16].copy_from_slice(&check.to_le_bytes());
    let seed = crc32c::crc32c(&head);
    *bytes = head;
    for (number, payload) in (0_u64..).zip(records) {
        let mut frame = u32::try_from(payload.len()).unwrap_or(0).to_le_bytes().to_vec();
        frame.extend(crc32c::crc32c(&payload).to_le_bytes());
        let check = crc32c::crc32c_append(crc32c::crc32c_append(seed, &number.to_le_bytes()), &frame);
        frame.extend(check.to_le_bytes());
        bytes.extend(frame);
        bytes.extend(payload);
    }
}

/// What the records of a journal say.
fn payloads(journal: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut payloads) = (&journal[HEAD_BYTES..], Vec::new());
    while let Some((head, behind)) = rest.split_at_checked(RECORD_HEAD_BYTES) {
        let len = u32::from_le_bytes(head[..4].try_into().unwrap_or_default()) as usize;
        payloads.push(behind[..len].to_vec());
        rest = &behind[len..];
    }
    payloads
}

/// A directory that goes when nobody needs it any more.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("raftlab-fuzz-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory for journals can be made");
        Directory(path)
    }

    fn of(files: &Files) -> Directory {
        let directory = Directory::new();
        for (name, bytes) in files {
            fs::write(directory.0.join(name), bytes).expect("a journal can be written");
        }
        directory
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The journals of three servers that elect a leader and commit some commands.
fn recorded() -> &'static Files {
    static RECORDED: OnceLock<Files> = OnceLock::new();
    RECORDED.get_or_init(|| {
        let directory = Directory::new();
        record(&directory.0);
        let report = validate(&directory.0, &Options::default());
        assert_eq!(report.verdict, Verdict::Verified, "what servers recorded is in order: {report:?}");
        let files = fs::read_dir(&directory.0).expect("it was made");
        let read = |file: std::io::Result<fs::DirEntry>| {
            let path = file.expect("it can be listed").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, fs::read(path).expect("a journal can be read"))
        };
        files.map(read).collect()
    })
}

/// Servers whose messages arrive at once, and whose disks are quick.
struct Cluster {
    servers: Vec<Replica>,
    on_the_way: Vec<(NodeId, NodeId, Message)>,
    now: Time,
}

fn record(directory: &Path) {
    let (mut servers, mut journals) = (Vec::new(), Vec::new());
    let clock = std::sync::Arc::new(AtomicU64::new(1));
    for id in [1, 2, 3].map(NodeId) {
        let clock = std::sync::Arc::clone(&clock);
        let identity = Identity { cluster: 9, server: id };
        let (journal, recorder) =
            Journal::create_by(directory, identity, move || clock.fetch_add(1, Ordering::Relaxed))
                .expect("a journal can be begun");
        let config = Config::new(id, Voters::new([1, 2, 3].map(NodeId)), 8).expect("it is one of them");
        let config = config.with(Features { check_quorum: true, ..Features::default() });
        let (server, _) =
            Replica::recover_observed(config, Durable::default(), DiskIo::Parallel, Some(Box::new(recorder)));
        servers.push(server);
        journals.push(journal);
    }
    let mut cluster = Cluster { servers, on_the_way: Vec::new(), now: Time(0) };
    let put = |value: &str| {
        let operation = Operation::Put { key: "k".into(), value: value.into() };
        Input::Propose(Command::Do { request: None, operation }.encode())
    };
    let inputs = [
        (0, Input::Timeout(Timer::Election)),
        (0, put("a")),
        (0, Input::Read(ReadId(1))),
        (0, Input::Timeout(Timer::Heartbeat)),
        (1, Input::Timeout(Timer::Election)),
        (1, put("b")),
        (1, Input::Timeout(Timer::Retry)),
    ];
    for (server, input) in inputs {
        cluster.step(server, input);
    }
    drop(cluster);
    for journal in journals {
        journal.close().expect("a journal can be ended");
    }
}

impl Cluster {
    /// One input, and all that comes of it.
    fn step(&mut self, server: usize, input: Input) {
        self.take(server, input);
        while !self.on_the_way.is_empty() {
            let (from, to, message) = self.on_the_way.remove(0);
            let to = usize::try_from(to.0 - 1).unwrap_or(0);
            self.take(to, Input::Receive { from, message });
        }
    }

    fn take(&mut self, server: usize, input: Input) {
        self.now = Time(self.now.0 + 1000);
        let turn = self.servers[server].step(self.now, input);
        self.send(server, turn);
        while let Some(batch) = self.servers[server].batch() {
            let written = batch.write(|_| Ok::<(), ()>(())).expect("this disk does not fail");
            let turn = self.servers[server].finish(self.now, written);
            self.send(server, turn);
        }
    }

    fn send(&mut self, server: usize, turn: Turn) {
        let from = NodeId(server as u64 + 1);
        self.on_the_way.extend(turn.messages.into_iter().map(|(to, message)| (from, to, message)));
    }
}
