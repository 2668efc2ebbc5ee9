//! Real processes over UDP on loopback, with real directories: threads of this test, each a server.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use raftlab_core::{Config, Features, NodeId, Request, Sequence, SessionId, Span, Voters};
use raftlab_node::kv::{Bytes, Command, Operation, Outcome};
use raftlab_node::node::{Ask, Reply, Settings};
use raftlab_node::peers::{Address, Peers};
use raftlab_node::process::{Options, Process, StartError};
use raftlab_node::replica::DiskIo;
use raftlab_node::timers::Timing;
use raftlab_node::wire::Limits;

/// A cluster in a directory of its own, which goes with it.
struct Cluster {
    dir: PathBuf,
    peers: Peers,
    running: Vec<Option<Process>>,
    disk_io: DiskIo,
    /// Logs are compacted after so many.
    snapshot_entries: u64,
}

fn free_address() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn options(own: u64, peers: &Peers, dir: &Path, disk_io: DiskIo, life: u64) -> Options {
    let features = Features { pre_vote: true, check_quorum: true, ..Features::default() };
    let limits = Limits::default();
    let config = Config::new(NodeId(own), Voters::new(peers.names()), 512).unwrap().with(features);
    Options {
        cluster: 0xc1,
        config: config.with_max_chunk(limits.chunk_bytes_max()).unwrap(),
        peers: peers.clone(),
        address: peers.get(NodeId(own)).unwrap(),
        data_dir: dir.join(own.to_string()),
        wal_dir: None,
        key: None,
        limits,
        settings: Settings {
            timing: Timing::new(Span(30_000), Span(300_000)).unwrap(),
            seed: own * 1000 + life,
            disk_io,
            snapshot_entries: 0,
        },
        is_synced: true,
        chaos: false,
        record: None,
        allows_other_founders: false,
    }
}

impl Cluster {
    fn start(parent: &Path, name: &str, disk_io: DiskIo, snapshot_entries: u64) -> Cluster {
        let dir = parent.join(format!("raftlab-process-{name}-{}", std::process::id()));
        let mut peers = Peers::default();
        for id in 1..=3 {
            peers.insert(NodeId(id), Address { peer: free_address(), http: None });
        }
        let mut cluster = Cluster { dir, peers, running: vec![None, None, None], disk_io, snapshot_entries };
        (1..=3).for_each(|id| cluster.start_one(id, 1));
        cluster
    }

    fn start_one(&mut self, id: u64, life: u64) {
        let mut options = options(id, &self.peers, &self.dir, self.disk_io, life);
        options.settings.snapshot_entries = self.snapshot_entries;
        self.running[usize::try_from(id).unwrap() - 1] = Some(Process::start(options).unwrap());
    }

    fn stop_one(&mut self, id: u64) {
        self.running[usize::try_from(id).unwrap() - 1].take().unwrap().stop().unwrap();
    }

    fn leader(&self) -> Option<u64> {
        let statuses = self.running.iter().flatten().map(|process| process.handle().status());
        let leaders = statuses.filter(|status| status.role == "leader");
        leaders.max_by_key(|status| status.term).map(|status| status.server.0)
    }

    /// Asks whoever leads until it is done.
    fn insist(&self, ask: &Ask) -> Reply {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if let Some(leader) = self.leader() {
                let (told, hears) = channel();
                let process = self.running[usize::try_from(leader).unwrap() - 1].as_ref().unwrap();
                let respond = move |reply| drop(told.send(reply));
                process.handle().ask(ask.clone(), respond).unwrap();
                if let Ok(reply @ (Reply::Done(..) | Reply::Value(_))) =
                    hears.recv_timeout(Duration::from_secs(1))
                {
                    return reply;
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nothing came of {ask:?}")
    }

    /// All servers that run hold the same, soon.
    fn agree(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let applied: Vec<_> =
                self.running.iter().flatten().map(|process| process.handle().status().applied).collect();
            if applied.iter().all(|index| *index == applied[0]) {
                return;
            }
            assert!(Instant::now() < end, "they never agree: {applied:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.running.drain(..).flatten() {
            let _ = process.stop();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn put(session: SessionId, sequence: u64) -> Ask {
    let request = Request { session, sequence: Sequence(sequence), unanswered: Sequence(sequence) };
    let value = Bytes::from(sequence.to_string().as_str());
    Ask::Do(Command::Do { request: Some(request), operation: Operation::Put { key: "count".into(), value } })
}

fn counts_through_restarts(parent: &Path, disk_io: DiskIo, name: &str) {
    let mut cluster = Cluster::start(parent, name, disk_io, 50);
    let Reply::Done(_, Outcome::Opened(session)) = cluster.insist(&Ask::Do(Command::Open)) else {
        panic!("no session")
    };
    for count in 1..=200 {
        let done = cluster.insist(&put(session, count));
        assert!(matches!(done, Reply::Done(_, Outcome::Done { .. })), "{done:?}");
        if count % 70 == 0 {
            let leader = cluster.leader().unwrap_or(1);
            cluster.stop_one(leader);
            cluster.insist(&Ask::Get("count".into()));
            cluster.start_one(leader, count);
        }
    }
    let Reply::Value(Some(pair)) = cluster.insist(&Ask::Get("count".into())) else { panic!("no value") };
    assert_eq!(pair.value, "200".into());
    cluster.agree();
    let statuses = cluster.running.iter().flatten().map(|process| process.handle().status());
    assert!(statuses.map(|status| status.base.0).max() > Some(0), "logs were compacted");
}

#[test]
fn three_processes_count_through_restarts() {
    counts_through_restarts(&std::env::temp_dir(), DiskIo::Parallel, "parallel");
}

#[test]
fn also_where_they_wait_for_their_disks() {
    counts_through_restarts(&std::env::temp_dir(), DiskIo::Inline, "inline");
}

#[test]
#[cfg(target_os = "linux")]
fn also_where_one_thread_does_all() {
    counts_through_restarts(Path::new("/dev/shm"), DiskIo::Parallel, "memory");
}

#[test]
fn what_is_in_the_way_of_a_start_is_said() {
    let dir = std::env::temp_dir().join(format!("raftlab-process-bad-{}", std::process::id()));
    let mut peers = Peers::default();
    peers.insert(NodeId(1), Address { peer: free_address(), http: None });
    let start = |options| Process::start(options).map(drop).unwrap_err();
    let process = Process::start(options(1, &peers, &dir, DiskIo::Parallel, 1)).unwrap();
    let taken = start(options(1, &peers, &dir, DiskIo::Parallel, 2)).to_string();
    assert!(taken.contains("belongs to another process that runs"), "{taken}");
    let elsewhere = start(options(1, &peers, &dir.join("other"), DiskIo::Parallel, 2)).to_string();
    assert!(elsewhere.starts_with("listening on 127.0.0.1:"), "{elsewhere}");
    let everywhere = Address { peer: "0.0.0.0:7001".parse().unwrap(), http: None };
    let open = Options { address: everywhere, ..options(1, &peers, &dir, DiskIo::Parallel, 2) };
    assert!(matches!(start(open), StartError::Exposed(_)));
    process.stop().unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

/// How many commands a second three servers on this machine take: `cargo test --release -p raftlab-node --test process
/// -- --ignored --nocapture`, with `TMPDIR` on the disk in question.
#[test]
#[ignore = "a measurement"]
fn how_fast_they_are() {
    for clients in [1_u64, 16, 256] {
        let cluster = Cluster::start(&std::env::temp_dir(), "speed", DiskIo::Parallel, 100_000);
        let Reply::Done(_, Outcome::Opened(session)) = cluster.insist(&Ask::Do(Command::Open)) else {
            panic!("no session")
        };
        let leader = cluster.leader().unwrap();
        let handle = cluster.running[usize::try_from(leader).unwrap() - 1].as_ref().unwrap().handle();
        let (told, hears) = channel();
        let (start, mut sent) = (Instant::now(), 0);
        let mut latencies = Vec::new();
        let ask = |sent: u64| {
            let (told, began) = (told.clone(), Instant::now());
            let respond = move |reply: Reply| drop(told.send((reply, began.elapsed())));
            handle.ask(put(session, sent), respond).unwrap();
        };
        for _ in 0..clients {
            sent += 1;
            ask(sent);
        }
        while start.elapsed() < Duration::from_secs(3) {
            let (reply, latency) = hears.recv_timeout(Duration::from_secs(5)).unwrap();
            assert!(matches!(reply, Reply::Done(..)), "{reply:?}");
            latencies.push(latency);
            sent += 1;
            ask(sent);
        }
        let seconds = start.elapsed().as_secs_f64();
        latencies.sort_unstable();
        let (p50, p99) = (latencies[latencies.len() / 2], latencies[latencies.len() * 99 / 100]);
        let count = u32::try_from(latencies.len()).unwrap();
        println!("{clients:3} clients: {:8.0} puts/s, p50 {p50:?}, p99 {p99:?}", f64::from(count) / seconds);
    }
}
