//! A server as a process: one thread owns the core, one the disk, one listens. Where the log lies in memory, one
//! does all three.
//!
//! The core's thread takes whatever waits, steps it all, then sends and writes once for all of it: that is where
//! batches come from. Nothing can block it: what others hand to it goes through one bounded queue, and who finds that
//! full is told so (a client) or loses a message (the network, which may). The disk's thread does what it is given in
//! order. With inline disk input and output there is none, and the core waits. Where the log lies in memory nothing is
//! waited for: then the core's thread writes and listens itself, since who is woken on the way of a message costs more.
//!
//! When the disk fails, or a snapshot comes that is none, all of it ends, and [`Process::join`] says why: what was
//! acknowledged is on the disk, and the next start begins there.

mod core_thread;
mod disk_thread;
mod error;
mod founders;
mod inbox;
mod probe;
mod shared;
mod status;
mod traffic;
mod transport;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use raftlab_core::{Config, NodeId, Term, Time};

use self::core_thread::{Core, Disk};
pub use self::error::{ChaosError, EndError, NotTaken, StartError};
use self::inbox::{Inbox, Inputs, NotSent};
pub use self::shared::{SYNC_BUCKETS_US, Shared, SyncCounts, Syncs};
pub use self::status::Status;
pub use self::traffic::{Kind, Peer, Traffic};
use self::transport::{Known, Listener, Transport};
use crate::chaos::{ChaosRequest, DiskFault, Fired};
use crate::clock::Clock;
use crate::disk::{Directory, Profile, Profiled};
use crate::journal::Journal;
use crate::kv::{SESSIONS_MAX, Store};
use crate::node::{Ask, Event, Node, Output, Reply, Settings};
use crate::peers::{Address, Peers, server_name};
use crate::replica::{DiskIo, Observer, Written};
use crate::wal::{Identity, Opened, Recovery, SEGMENT_BYTES, Wal, WriteError};
use crate::wire::{Codec, Key, Limits, Received};

/// How many clients may wait for the cluster.
const WAITING_MAX: usize = 16_384;

/// How long a thread may take to see that it is to end.
const LISTENS_FOR: Duration = Duration::from_millis(100);

/// What a process is told.
#[derive(Debug)]
pub struct Options {
    /// The cluster, by the number drawn when it was founded.
    pub cluster: u128,
    /// The core's configuration: who it is, and who founded the cluster.
    pub config: Config,
    /// Where the others listen, as far as flags say.
    pub peers: Peers,
    /// Where this server listens, for servers and for clients.
    pub address: Address,
    /// Where it keeps what it is to remember.
    pub data_dir: PathBuf,
    /// Where its log is, if not in the directory `log` there.
    pub wal_dir: Option<PathBuf>,
    /// The cluster's key, if it has one.
    pub key: Option<Key>,
    /// What fits into datagrams.
    pub limits: Limits,
    /// Timers, disk and snapshots.
    pub settings: Settings,
    /// Are writes synced? If not, a crash of the machine loses what was acknowledged.
    pub is_synced: bool,
    /// May faults be asked for?
    pub chaos: bool,
    /// Where the inputs of the core are kept, if they are.
    pub record: Option<PathBuf>,
    /// May the founders be others than at the first start? Two majorities may have no server in common then.
    pub allows_other_founders: bool,
}

/// A server that runs.
#[derive(Debug)]
pub struct Process {
    handle: Handle,
    recovery: Recovery,
    core: JoinHandle<Result<(), EndError>>,
    others: Vec<JoinHandle<()>>,
}

/// How others reach it. Its clones reach the same.
#[derive(Clone, Debug)]
pub struct Handle {
    inputs: Inputs,
    shared: Arc<Shared>,
    known: Known,
    chaos: bool,
    command_bytes_max: usize,
}

/// What is done with a reply.
type Respond = Box<dyn FnOnce(Reply) + Send>;

/// What the core's thread is handed.
enum Input {
    Datagram(Received),
    Ask(Ask, Respond),
    Written(Result<Written, WriteError>),
    Snapshot(Event),
    Pause(Duration),
    Clock { rate_ppm: Option<u64>, jump_us: i64 },
    Stop,
}

impl Input {
    fn kind(&self) -> &'static str {
        match self {
            Input::Datagram(received) => Kind::of(&received.message.body).name(),
            Input::Ask(..) => "ask",
            Input::Written(_) => "written",
            Input::Snapshot(_) => "snapshot",
            Input::Pause(_) | Input::Clock { .. } => "fault",
            Input::Stop => "stop",
        }
    }
}

impl Process {
    /// Reads the log, takes the port, and begins.
    ///
    /// # Errors
    ///
    /// Whatever is in the way.
    pub fn start(options: Options) -> Result<Process, StartError> {
        let (own, listen) = (options.config.id(), options.address.peer);
        let all = [Some(listen), options.address.http];
        if let Some(exposed) = all.into_iter().flatten().find(|address| !address.ip().is_loopback()) {
            if options.key.is_none() {
                return Err(StartError::Exposed(exposed));
            }
            if options.chaos {
                return Err(StartError::ChaosExposed(exposed));
            }
        }
        let (fired, is_over) = (Arc::new(Fired::default()), Arc::new(AtomicBool::new(false)));
        let (disk, profile) = open_disk(&options, &fired, &is_over)?;
        let identity = Identity { cluster: options.cluster, server: own };
        let Opened { wal, durable, recovery } = Wal::open(disk, identity, SEGMENT_BYTES)?;
        founders::check(&options.data_dir, &options.config, options.allows_other_founders)?;
        let sockets = Sockets::open(listen).map_err(|error| StartError::Listen { address: listen, error })?;
        let store = Store::new(SESSIONS_MAX, Peers::default());
        let seed = options.settings.seed;
        let (journal, observer) = open_journal(options.record.as_deref(), identity)?;
        let (config, settings) = (options.config.clone(), options.settings);
        let (node, first) = Node::recover_observed(config, durable, store, settings, Time(0), observer)?;
        let shared = Arc::new(Shared::new(Status::of(&node), seed, fired, profile, is_over));
        let run = Process::run(options, recovery, sockets, shared, (wal, node, first, journal));
        run.map_err(|error| StartError::Listen { address: listen, error })
    }

    /// Starts the threads.
    fn run(
        options: Options,
        recovery: Recovery,
        sockets: Sockets,
        shared: Arc<Shared>,
        (wal, node, first, journal): (disk_thread::Log, Node, Output, Option<Journal>),
    ) -> io::Result<Process> {
        let Options { cluster, peers, key, limits, settings, address, chaos, config, .. } = options;
        let codec = Arc::new(Codec::new(cluster, config.id(), settings.seed, key, limits));
        let (inputs, inbox) = Inbox::new();
        let mut others = Vec::new();
        let late = chaos.then(|| {
            let (late, held) = channel();
            let (socket, core, shared) = (sockets.delays, inputs.clone(), Arc::clone(&shared));
            others.push(thread::spawn(move || transport::hold_back(&held, &socket, &core, &shared)));
            late
        });
        let transport =
            Transport::new(sockets.sends, Arc::clone(&codec), peers, Arc::clone(&shared), late.clone());
        let known = transport.known();
        let listener = Listener::new(sockets.listens, codec, Arc::clone(&known), Arc::clone(&shared), late);
        // What is not waited for needs no other thread: handing it over would take longer than it takes.
        // Faults hold messages back and slow disks down, for which there are threads.
        let is_alone = !chaos && !wal.disk().may_wait();
        let disk = if is_alone || settings.disk_io == DiskIo::Inline {
            Disk::OwnThread(Box::new(wal))
        } else {
            let (batches, given) = sync_channel(1);
            let (done, shared) = (inputs.clone(), Arc::clone(&shared));
            others.push(thread::spawn(move || disk_thread::write_batches(wal, &given, &done, &shared)));
            Disk::Thread(batches)
        };
        let (inputs, inbox) = if is_alone {
            inbox.listen(inputs, listener)?
        } else {
            others.push(listening(listener, inputs.clone()));
            (inputs, inbox)
        };
        let core = Core {
            node,
            disk,
            transport,
            journal,
            replies: Vec::new(),
            inputs: inputs.clone(),
            shared: Arc::clone(&shared),
            address,
            clock: Clock::default(),
            messages: Vec::new(),
            clients: BTreeMap::new(),
            ticket: 0,
            known: Peers::default(),
            noted_in: Term::default(),
            published: None,
        };
        let ends = Arc::clone(&shared);
        let core = thread::spawn(move || {
            let ended = core.run(first, inbox);
            ends.end();
            ended
        });
        let command_bytes_max = limits.command_bytes_max();
        let handle = Handle { inputs, shared, known, chaos, command_bytes_max };
        Ok(Process { handle, recovery, core, others })
    }

    /// How to reach it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What its log held.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Has it ended?
    pub fn is_over(&self) -> bool {
        self.handle.shared.is_over()
    }

    /// Ends it, and waits until it has.
    ///
    /// # Errors
    ///
    /// Why it had ended before.
    pub fn stop(self) -> Result<(), EndError> {
        self.handle.stop();
        self.join()
    }

    /// Waits until it ends.
    ///
    /// # Errors
    ///
    /// Why it did.
    pub fn join(self) -> Result<(), EndError> {
        let Process { handle, core, others, .. } = self;
        let ended = core.join().unwrap_or(Err(EndError::Panic));
        handle.shared.end();
        drop(handle);
        let panicked = others.into_iter().any(|thread| thread.join().is_err());
        ended.and(if panicked { Err(EndError::Panic) } else { Ok(()) })
    }
}

/// One port, for the three threads that use it.
struct Sockets {
    listens: UdpSocket,
    sends: UdpSocket,
    delays: UdpSocket,
}

impl Sockets {
    fn open(address: SocketAddr) -> io::Result<Sockets> {
        let listens = UdpSocket::bind(address)?;
        // A burst that the core has not seen yet waits here. The system may give less.
        let _ = socket2::SockRef::from(&listens).set_recv_buffer_size(4 << 20);
        let _ = socket2::SockRef::from(&listens).set_send_buffer_size(4 << 20);
        listens.set_read_timeout(Some(LISTENS_FOR))?;
        Ok(Sockets { sends: listens.try_clone()?, delays: listens.try_clone()?, listens })
    }
}

fn open_disk(
    options: &Options,
    fired: &Arc<Fired>,
    is_over: &Arc<AtomicBool>,
) -> Result<(Profiled, Arc<Profile>), StartError> {
    let path = options.wal_dir.clone().unwrap_or_else(|| options.data_dir.join("log"));
    let failed = |error| StartError::Directory { path: path.clone(), error };
    std::fs::create_dir_all(&options.data_dir).map_err(failed)?;
    let directory = Directory::open(path.clone()).map_err(failed)?;
    let profile =
        Profile::read(&path, options.chaos, Arc::clone(fired), Arc::clone(is_over)).map_err(failed)?;
    let profile = Arc::new(if options.is_synced { profile } else { profile.without_syncs() });
    let disk = Profiled::new(directory, Arc::clone(&profile));
    let is_readable = !profile.fault().stall;
    probe::warn_of_slow_disk(&disk, options.settings.timing, is_readable);
    Ok((disk, profile))
}

/// The journal, and who writes it.
type Watched = (Option<Journal>, Option<Box<dyn Observer>>);

fn open_journal(dir: Option<&Path>, identity: Identity) -> Result<Watched, StartError> {
    let Some(dir) = dir else { return Ok((None, None)) };
    let failed = |error| StartError::Directory { path: dir.to_path_buf(), error };
    let (journal, recorder) = Journal::create(dir, identity).map_err(failed)?;
    tracing::info!(life = journal.life(), "what the core is given is recorded in {}", dir.display());
    Ok((Some(journal), Some(Box::new(recorder))))
}

fn listening(mut listener: Listener, core: Inputs) -> JoinHandle<()> {
    thread::spawn(move || listener.listen(&core))
}

impl Handle {
    /// Asks for something; `respond` is called with the reply, on the core's thread: it must not wait. Whoever does not
    /// want to wait any longer just drops what it sends to.
    ///
    /// # Errors
    ///
    /// If it was not taken: nothing was done.
    pub fn ask(&self, ask: Ask, respond: impl FnOnce(Reply) + Send + 'static) -> Result<(), NotTaken> {
        if let Ask::Do(command) = &ask
            && command.bytes_max() > self.command_bytes_max
        {
            return Err(NotTaken::TooLarge { bytes_max: self.command_bytes_max });
        }
        let waiting = &self.shared.waiting;
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            waiting.fetch_sub(1, Ordering::Relaxed);
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return Err(NotTaken::Busy);
        }
        self.inputs.try_send(Input::Ask(ask, Box::new(respond))).map_err(|error| {
            waiting.fetch_sub(1, Ordering::Relaxed);
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            match error {
                NotSent::Full => NotTaken::Busy,
                NotSent::Over => NotTaken::Stopped,
            }
        })
    }

    /// Ends the process, soon.
    pub fn stop(&self) {
        // It may have ended, and nobody be there to be told.
        let _ = self.inputs.send(Input::Stop);
    }

    /// What its threads share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// How it stands.
    pub fn status(&self) -> Arc<Status> {
        self.shared.status()
    }

    /// Where a server listens, as far as this one knows.
    pub fn address_of(&self, server: NodeId) -> Option<Address> {
        self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(server)
    }

    /// Where servers listen, as far as this one knows.
    pub fn addresses(&self) -> Peers {
        self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Makes something go wrong, or well again.
    ///
    /// # Errors
    ///
    /// If faults are not on offer, the peer is nobody known, or the disk's fault cannot be kept.
    pub fn break_something(&self, request: &ChaosRequest) -> Result<(), ChaosError> {
        if !self.chaos {
            return Err(ChaosError::NotOffered);
        }
        tracing::warn!(?request, "a fault was asked for");
        self.shared.tell(self.status().term, "fault", format!("{request:?}"));
        match request {
            ChaosRequest::Link { link, .. } if !link.is_possible() => return Err(ChaosError::Link),
            ChaosRequest::Link { peer, direction, link } => {
                for peer in self.peers_named(peer.as_deref())? {
                    self.shared.links.set(peer, *direction, *link);
                }
            }
            ChaosRequest::Disk { disk } => self.shared.profile.set(*disk)?,
            ChaosRequest::Pause { ms } => self.hand(Input::Pause(Duration::from_millis(*ms)))?,
            ChaosRequest::Clock { rate_percent, jump_ms } => {
                let rate_ppm = rate_percent.map(rate_ppm).transpose()?;
                self.hand(Input::Clock { rate_ppm, jump_us: jump_ms.saturating_mul(1000) })?;
            }
            ChaosRequest::Heal => {
                self.shared.links.heal();
                self.shared.profile.set(DiskFault::default())?;
                self.hand(Input::Clock { rate_ppm: Some(1_000_000), jump_us: 0 })?;
            }
        }
        Ok(())
    }

    fn hand(&self, input: Input) -> Result<(), ChaosError> {
        self.inputs.send(input).map_err(|_| ChaosError::Stopped)
    }

    fn peers_named(&self, peer: Option<&str>) -> Result<Vec<NodeId>, ChaosError> {
        let known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let own = self.shared.server;
        let Some(name) = peer else { return Ok(known.names().filter(|name| *name != own).collect()) };
        let server = server_name(name)?;
        let is_peer = server != own && known.get(server).is_some();
        if is_peer { Ok(vec![server]) } else { Err(ChaosError::NoPeer(server)) }
    }

    /// What is wrong by request, a line each.
    pub fn faults(&self) -> Vec<String> {
        let DiskFault { sync_delay_ms, sync_jitter_ms, stall } = self.shared.profile.fault();
        let mut faults = self.shared.links.describe();
        if stall {
            faults.push("disk: stalled".into());
        } else if sync_delay_ms + sync_jitter_ms > 0.0 {
            let more = if sync_jitter_ms > 0.0 {
                format!(", and up to {sync_jitter_ms} ms more")
            } else {
                String::new()
            };
            faults.push(format!("disk: each sync takes {sync_delay_ms} ms longer{more}"));
        }
        faults
    }
}

/// A rate in percent of the truth, in millionths.
fn rate_ppm(percent: f64) -> Result<u64, ChaosError> {
    let is_rate = (0.0..=10_000.0).contains(&percent);
    let ppm = Duration::try_from_secs_f64(percent / 100.0).ok().filter(|_| is_rate);
    ppm.and_then(|ppm| u64::try_from(ppm.as_micros()).ok()).ok_or(ChaosError::Rate(percent))
}
