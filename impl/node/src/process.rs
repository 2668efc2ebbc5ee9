//! A server as a process: one thread owns the core, one the disk, one listens.
//!
//! The core's thread takes whatever waits, steps it all, then sends and writes once for all of it: that is where
//! batches come from. Nothing can block it: what others hand to it goes through one bounded queue, and who finds that
//! full is told so (a client) or loses a message (the network, which may). The disk's thread does what it is given in
//! order. With inline disk input and output there is none, and the core waits.
//!
//! When the disk fails, or a snapshot comes that is none, all of it ends, and [`Process::join`] says why: what was
//! acknowledged is on the disk, and the next start begins there.

mod core_thread;
mod status;
mod transport;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use raftlab_core::{Config, Time};

use self::core_thread::{Core, Disk};
pub use self::status::Status;
use self::transport::Transport;
use crate::disk::Directory;
use crate::kv::{RestoreError, SESSIONS_MAX, Store};
use crate::node::{Ask, Node, Reply, Settings};
use crate::peers::Peers;
use crate::replica::{Batch, DiskIo, Written};
use crate::wal::{Identity, OpenError, Opened, Recovery, SEGMENT_BYTES, Wal, WriteError};
use crate::wire::{Codec, Key, Limits, Received};

/// How many inputs may wait for the core.
const QUEUE_MAX: usize = 8192;

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
    /// Where this server listens.
    pub listen: SocketAddr,
    /// Where it keeps what it is to remember.
    pub data_dir: PathBuf,
    /// The cluster's key, if it has one.
    pub key: Option<Key>,
    /// What fits into datagrams.
    pub limits: Limits,
    /// Timers, disk and snapshots.
    pub settings: Settings,
}

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Everybody who reaches the port could say anything.
    #[error(
        "a cluster without a key listens on loopback only, and {0} is elsewhere: give --cluster-key-file"
    )]
    Exposed(SocketAddr),
    /// The port is taken, or not ours.
    #[error("listening on {address}: {error}")]
    Listen {
        /// Where it was to be.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The directory is taken, or cannot be made.
    #[error("the directory {}: {error}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// What is in it.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The snapshot in it.
    #[error(transparent)]
    Snapshot(#[from] RestoreError),
}

/// Why a process ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] WriteError),
    /// A leader sent a snapshot that is none.
    #[error(transparent)]
    Snapshot(#[from] RestoreError),
    /// A thread panicked: a bug.
    #[error("a thread of the server panicked")]
    Panic,
}

/// Why a client's wish was not taken. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Too many wait already.
    #[error("the server has more to do than it can take: try again later")]
    Busy,
    /// The process has ended.
    #[error("the server has stopped")]
    Stopped,
}

/// A server that runs.
#[derive(Debug)]
pub struct Process {
    handle: Handle,
    recovery: Recovery,
    core: JoinHandle<Result<(), EndError>>,
    others: Vec<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

/// How others reach it. Its clones reach the same.
#[derive(Clone, Debug)]
pub struct Handle {
    inputs: SyncSender<Input>,
    status: Arc<Mutex<Status>>,
}

/// What is done with a reply.
type Respond = Box<dyn FnOnce(Reply) + Send>;

/// What the core's thread is handed.
enum Input {
    Datagram(Received),
    Ask(Ask, Respond),
    Written(Result<Written, WriteError>),
    Snapshot(crate::node::Event),
    Stop,
}

impl Process {
    /// Reads the log, takes the port, and begins.
    ///
    /// # Errors
    ///
    /// Whatever is in the way.
    pub fn start(options: Options) -> Result<Process, StartError> {
        let Options { cluster, config, peers, listen, data_dir, key, limits, settings } = options;
        let (own, disk_io) = (config.id(), settings.disk_io);
        if key.is_none() && !listen.ip().is_loopback() {
            return Err(StartError::Exposed(listen));
        }
        let directory = Directory::open(data_dir.join("log"))
            .map_err(|error| StartError::Directory { path: data_dir.clone(), error })?;
        let identity = Identity { cluster, server: own };
        let Opened { wal, durable, recovery } = Wal::open(directory, identity, SEGMENT_BYTES)?;
        let socket = listening(listen).map_err(|error| StartError::Listen { address: listen, error })?;
        let heard = socket.try_clone().map_err(|error| StartError::Listen { address: listen, error })?;
        let codec = Arc::new(Codec::new(cluster, own, settings.seed, key, limits));
        let store = Store::new(SESSIONS_MAX, Peers::default());
        let (node, first) = Node::recover(config, durable, store, settings, Time(0))?;

        let (inputs, queue) = sync_channel(QUEUE_MAX);
        let is_over = Arc::new(AtomicBool::new(false));
        let transport = Transport::new(socket, Arc::clone(&codec), peers);
        let known = transport.known();
        let mut others = Vec::new();
        let disk = match disk_io {
            DiskIo::Inline => Disk::Inline(Box::new(wal)),
            DiskIo::Parallel => {
                let (batches, given) = sync_channel(1);
                let done = inputs.clone();
                others.push(thread::spawn(move || write_batches(wal, &given, &done)));
                Disk::Parallel(batches)
            }
        };
        let status = Arc::new(Mutex::new(Status::of(&node)));
        let core = Core::new(node, disk, transport, inputs.clone(), Arc::clone(&status));
        let (ends, listens_to, to_core) = (Arc::clone(&is_over), Arc::clone(&is_over), inputs.clone());
        others.push(thread::spawn(move || transport::listen(&heard, &codec, &known, &to_core, &listens_to)));
        let core = thread::spawn(move || {
            let ended = core.run(first, &queue);
            ends.store(true, Ordering::Relaxed);
            ended
        });
        Ok(Process { handle: Handle { inputs, status }, recovery, core, others, is_over })
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
        self.is_over.load(Ordering::Relaxed)
    }

    /// Ends it, and waits until it has.
    ///
    /// # Errors
    ///
    /// Why it had ended before.
    pub fn stop(self) -> Result<(), EndError> {
        // It may have ended, and nobody be there to be told.
        let _ = self.handle.inputs.send(Input::Stop);
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
        drop(handle);
        let panicked = others.into_iter().any(|thread| thread.join().is_err());
        ended.and(if panicked { Err(EndError::Panic) } else { Ok(()) })
    }
}

impl Handle {
    /// Asks for something; `respond` is called with the reply, on the core's thread: it must not wait. Whoever does not
    /// want to wait any longer just drops what it sends to.
    ///
    /// # Errors
    ///
    /// If it was not taken: nothing was done.
    pub fn ask(&self, ask: Ask, respond: impl FnOnce(Reply) + Send + 'static) -> Result<(), NotTaken> {
        if self.status().waiting >= WAITING_MAX {
            return Err(NotTaken::Busy);
        }
        self.inputs.try_send(Input::Ask(ask, Box::new(respond))).map_err(|error| match error {
            TrySendError::Full(_) => NotTaken::Busy,
            TrySendError::Disconnected(_) => NotTaken::Stopped,
        })
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn listening(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    // A burst that the core has not seen yet waits here. The system may give less.
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
    let _ = socket2::SockRef::from(&socket).set_send_buffer_size(4 << 20);
    socket.set_read_timeout(Some(LISTENS_FOR))?;
    Ok(socket)
}

fn write_batches(mut wal: Wal<Directory>, batches: &Receiver<Batch>, done: &SyncSender<Input>) {
    for batch in batches {
        let written = batch.write(|writes| wal.write(writes));
        let has_failed = written.is_err();
        if done.send(Input::Written(written)).is_err() || has_failed {
            return;
        }
    }
}
