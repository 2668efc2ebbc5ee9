//! Sockets between processes. A process that dies closes its sockets; whoever reads from one of them says so here,
//! and its process ends with an error instead of waiting for ever.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use timely::communication::allocator::zero_copy::stream::Stream;

use super::Cluster;
use crate::error::Error;

/// The first bytes on a connection. Whoever says something else is not one of us.
const GREETING: [u8; 8] = *b"raftlab2";
/// Between two attempts to reach a process that is not there yet.
const AGAIN: Duration = Duration::from_millis(50);
/// A host that has vanished without a word is noticed after `IDLE` and `PROBES` times `BETWEEN`.
const IDLE: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_secs(5);
const PROBES: u32 = 4;
/// A message of timely that ends a stream is this many zeros.
const FAREWELL: usize = 48;

/// What all connections of a process say of themselves.
pub(crate) struct Health {
    /// One more than the place of a process that was lost; 0 if none was.
    lost: AtomicUsize,
    /// Bytes written to all connections.
    pub written: AtomicU64,
    /// Who is told when a process is lost.
    waiter: Thread,
    /// Nobody waits for this process's threads any more.
    released: AtomicBool,
}

impl Health {
    /// The process that was lost, if one was.
    pub fn lost(&self) -> Option<usize> {
        self.lost.load(Ordering::Acquire).checked_sub(1)
    }

    /// Lets threads end that have nothing to read any more.
    pub fn release(&self) {
        self.released.store(true, Ordering::Release);
    }

    /// Ends a thread of timely whose process at the other end is lost. Timely would panic, poison what its worker
    /// reads, and say so on the terminal. Here the loss is reported by who waits for it; then the thread ends without
    /// a word.
    fn end(&self, process: usize) -> ! {
        self.lose(process);
        while !self.released.load(Ordering::Acquire) {
            std::thread::park_timeout(AGAIN);
        }
        std::panic::resume_unwind(Box::new("a process was lost"))
    }

    fn lose(&self, process: usize) {
        let _ = self.lost.compare_exchange(0, process + 1, Ordering::AcqRel, Ordering::Relaxed);
        self.waiter.unpark();
    }
}

/// A connection to another process.
pub(crate) struct Wire {
    stream: TcpStream,
    /// The process at its other end.
    process: usize,
    health: Arc<Health>,
    /// Zeros that were read last: a stream that ends after a farewell was not cut.
    zeros: usize,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            Ok(0) if self.zeros >= FAREWELL => Ok(0),
            Ok(read) if read > 0 => {
                let zeros = buffer[..read].iter().rev().take_while(|&&byte| byte == 0).count();
                self.zeros = if zeros == read { (self.zeros + zeros).min(FAREWELL) } else { zeros };
                Ok(read)
            }
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => Err(fault),
            _ => self.health.end(self.process),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.write(bytes) {
            Ok(written) => {
                self.health.written.fetch_add(written as u64, Ordering::Relaxed);
                Ok(written)
            }
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => Err(fault),
            // Nobody will read this; the thread that writes ends as it would have, and the loss is reported.
            Err(_) => {
                self.health.lose(self.process);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Stream for Wire {
    fn try_clone(&self) -> io::Result<Wire> {
        let health = Arc::clone(&self.health);
        Ok(Wire { stream: self.stream.try_clone()?, process: self.process, health, zeros: 0 })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.stream.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        // One that is shut already is as shut as it can be.
        let _ = self.stream.shutdown(how);
        Ok(())
    }
}

/// Connections to all other processes, each at its place, and what they say of themselves.
pub(crate) fn connect(cluster: &Cluster) -> Result<(Vec<Option<Wire>>, Arc<Health>), Error> {
    let (me, count) = (cluster.process, cluster.hosts.len());
    if me >= count {
        return Err(Error::Cluster(format!("this is to be process {me}, and there are only {count}")));
    }
    let waiter = std::thread::current();
    let health = Arc::new(Health {
        lost: AtomicUsize::new(0),
        written: AtomicU64::new(0),
        waiter,
        released: AtomicBool::new(false),
    });
    let deadline = Instant::now() + cluster.patience;
    let fault = |doing: &str| {
        let (doing, host) = (doing.to_owned(), cluster.hosts[me].clone());
        move |fault: io::Error| Error::Cluster(format!("process {me} at {host}, {doing}: {fault}"))
    };
    let listener = TcpListener::bind(&cluster.hosts[me]).map_err(fault("listening"))?;
    let mut streams: Vec<Option<TcpStream>> = (0..count).map(|_| None).collect();
    for (process, host) in cluster.hosts.iter().enumerate().take(me) {
        let stream = reach(host, me, count, deadline);
        streams[process] =
            Some(stream.map_err(fault(&format!("connecting to process {process} at {host}")))?);
    }
    await_others(&listener, &mut streams[me + 1..], me + 1, deadline).map_err(fault("waiting for others"))?;
    let mut wires = Vec::new();
    for (process, stream) in streams.into_iter().enumerate() {
        let wire = |stream| Wire { stream, process, health: Arc::clone(&health), zeros: 0 };
        if let Some(stream) = &stream {
            prepare(stream).map_err(fault("preparing a connection"))?;
        }
        wires.push(stream.map(wire));
    }
    Ok((wires, health))
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(None)?;
    let alive = TcpKeepalive::new().with_time(IDLE).with_interval(BETWEEN).with_retries(PROBES);
    SockRef::from(stream).set_tcp_keepalive(&alive)
}

/// A connection to a process that comes before this one, which says who it is.
fn reach(host: &str, me: usize, count: usize, deadline: Instant) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect(host) {
            Ok(mut stream) => {
                stream.write_all(&GREETING)?;
                [count, me]
                    .into_iter()
                    .try_for_each(|word| stream.write_all(&(word as u64).to_le_bytes()))?;
                return Ok(stream);
            }
            Err(fault) if Instant::now() >= deadline => return Err(fault),
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
}

/// Connections from the processes that come after this one, the first of which is `first`.
fn await_others(
    listener: &TcpListener,
    streams: &mut [Option<TcpStream>],
    first: usize,
    deadline: Instant,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    while streams.iter().any(Option::is_none) {
        match listener.accept() {
            Ok((mut stream, _)) => {
                // One that does not greet as we do is a stranger, and is let go.
                if let Ok(process) = greeted(&mut stream, first + streams.len(), deadline)
                    && let Some(place) = process.checked_sub(first).and_then(|at| streams.get_mut(at))
                    && place.is_none()
                {
                    *place = Some(stream);
                }
            }
            Err(fault) if fault.kind() != io::ErrorKind::WouldBlock => return Err(fault),
            Err(_) if Instant::now() >= deadline => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) => std::thread::sleep(AGAIN / 10),
        }
    }
    Ok(())
}

/// Which process it is that connects.
fn greeted(stream: &mut TcpStream, count: usize, deadline: Instant) -> io::Result<usize> {
    stream.set_nonblocking(false)?;
    let patience = deadline.saturating_duration_since(Instant::now()).max(AGAIN);
    stream.set_read_timeout(Some(patience.min(Duration::from_secs(2))))?;
    let mut said = [[0; 8]; 3];
    said.iter_mut().try_for_each(|word| stream.read_exact(word))?;
    let is_ours = said[0] == GREETING && u64::from_le_bytes(said[1]) == count as u64;
    let process = usize::try_from(u64::from_le_bytes(said[2])).map_err(io::Error::other)?;
    is_ours.then_some(process).ok_or_else(|| io::Error::other("a stranger"))
}
