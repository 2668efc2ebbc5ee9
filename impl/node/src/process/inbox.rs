//! Where the core's thread takes its inputs from: one bounded queue; and the socket, where it listens itself.
//!
//! A thread that listens for it lets datagrams be read while the core waits for a disk. Where it never waits for one,
//! that thread would only be one more to be woken on the way of every message. A socket that does not block takes nothing
//! to be sent either where the system has no room; and what it has no room for on arrival the system drops, uncounted. Both
//! are losses, as on any network.

use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use super::Input;
use super::transport::Listener;

/// How many inputs may wait for the core.
const QUEUE_MAX: usize = 8192;

/// How many inputs are taken before anything of them is sent or written.
const TURN_MAX: usize = 1024;

/// While so many clients wait, a turn is worth a moment more.
const GATHERS_FROM: usize = 32;

/// Something is in the queue.
const QUEUE: Token = Token(0);

/// Something has come to the socket.
const SOCKET: Token = Token(1);

/// Hands inputs to the core. Its clones hand them to the same.
#[derive(Clone, Debug)]
pub struct Inputs {
    queue: SyncSender<Input>,
    bell: Option<Arc<Bell>>,
}

/// Wakes a thread that waits for its socket and not for the queue.
#[derive(Debug)]
struct Bell {
    sleeps: AtomicBool,
    waker: Waker,
}

/// Where they arrive.
#[derive(Debug)]
pub struct Inbox {
    queue: Receiver<Input>,
    net: Option<Net>,
}

/// The socket of a thread that listens itself.
#[derive(Debug)]
struct Net {
    listener: Listener,
    poll: Poll,
    events: Events,
    bell: Arc<Bell>,
}

/// Why an input was not handed over.
#[derive(Debug)]
pub enum NotSent {
    /// Too many wait.
    Full,
    /// Nobody takes any more.
    Over,
}

/// Nobody is left who could send anything.
#[derive(Debug)]
pub struct Alone;

impl Inputs {
    /// Hands one over, if there is room.
    ///
    /// # Errors
    ///
    /// If there is none, or nobody takes any more.
    pub fn try_send(&self, input: Input) -> Result<(), NotSent> {
        self.queue.try_send(input).map_err(|error| match error {
            TrySendError::Full(_) => NotSent::Full,
            TrySendError::Disconnected(_) => NotSent::Over,
        })?;
        self.ring();
        Ok(())
    }

    /// Hands one over, when there is room.
    ///
    /// # Errors
    ///
    /// If nobody takes any more.
    pub fn send(&self, input: Input) -> Result<(), NotSent> {
        self.queue.send(input).map_err(|_| NotSent::Over)?;
        self.ring();
        Ok(())
    }

    fn ring(&self) {
        let Some(bell) = &self.bell else { return };
        // What was sent is seen by whoever finds `sleeps` as it was before; see `Net::wait`.
        fence(Ordering::SeqCst);
        if bell.sleeps.swap(false, Ordering::SeqCst) {
            // It fails only if the thread is gone, and with it whoever could be woken.
            let _ = bell.waker.wake();
        }
    }
}

impl Inbox {
    /// An empty one, behind a queue that others fill.
    pub fn new() -> (Inputs, Inbox) {
        let (sender, queue) = sync_channel(QUEUE_MAX);
        (Inputs { queue: sender, bell: None }, Inbox { queue, net: None })
    }

    /// From now on it listens itself. Only what is sent by the `Inputs` that come back is noticed at once.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn listen(self, inputs: Inputs, listener: Listener) -> std::io::Result<(Inputs, Inbox)> {
        let poll = Poll::new()?;
        listener.socket.set_nonblocking(true)?;
        poll.registry().register(&mut SourceFd(&listener.socket.as_raw_fd()), SOCKET, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), QUEUE)?;
        let bell = Arc::new(Bell { sleeps: AtomicBool::new(false), waker });
        let net = Net { listener, poll, events: Events::with_capacity(2), bell: Arc::clone(&bell) };
        Ok((Inputs { bell: Some(bell), ..inputs }, Inbox { net: Some(net), ..self }))
    }

    /// Adds what has come, and waits for so long at most if nothing has.
    ///
    /// # Errors
    ///
    /// If nothing can come any more.
    pub fn take(&mut self, wait: Duration, into: &mut Vec<Input>) -> Result<(), Alone> {
        let Inbox { queue, net } = self;
        let Some(net) = net else {
            match queue.recv_timeout(wait) {
                Ok(input) => into.extend(std::iter::once(input).chain(queue.try_iter().take(TURN_MAX))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Alone),
            }
            return Ok(());
        };
        let is_read = net.read(queue, into);
        if into.is_empty() && !wait.is_zero() {
            // A socket of which not all is read wakes nobody.
            net.wait(queue, if is_read { wait } else { Duration::ZERO }, into);
            net.read(queue, into);
        }
        if net.listener.shared.waiting.load(Ordering::Relaxed) >= GATHERS_FROM {
            // Others are about to send, or wait for a processor to do so: what they send shares this turn's messages.
            thread::yield_now();
            net.read(queue, into);
        }
        Ok(())
    }
}

impl Net {
    /// Adds what is there. Is it all that has come to the socket?
    fn read(&mut self, queue: &Receiver<Input>, into: &mut Vec<Input>) -> bool {
        into.extend(queue.try_iter().take(TURN_MAX));
        for _ in 0..TURN_MAX {
            match self.listener.next() {
                Ok(received) => into.extend(received.map(Input::Datagram)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                // The system reports that nobody listens where something was sent.
                Err(_) => {}
            }
        }
        false
    }

    /// Sleeps until something comes, for so long at most.
    fn wait(&mut self, queue: &Receiver<Input>, wait: Duration, into: &mut Vec<Input>) {
        self.bell.sleeps.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        match queue.try_recv() {
            // It was sent before its sender could see that somebody sleeps.
            Ok(input) => into.push(input),
            // A signal may cut it short: then nothing has come.
            Err(_) => _ = self.poll.poll(&mut self.events, Some(wait)),
        }
        self.bell.sleeps.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::mpsc::channel;

    use raftlab_core::{Config, Durable, NodeId, Span, Time, Voters};

    use super::*;
    use crate::chaos::Fired;
    use crate::disk::Profile;
    use crate::kv::{SESSIONS_MAX, Store};
    use crate::node::{Node, Settings};
    use crate::peers::Peers;
    use crate::process::shared::Shared;
    use crate::process::status::Status;
    use crate::replica::DiskIo;
    use crate::timers::Timing;
    use crate::wire::{Codec, Limits};

    fn listener() -> Listener {
        let config = Config::new(NodeId(1), Voters::new([NodeId(1)]), 1).unwrap();
        let timing = Timing::new(Span(30_000), Span(300_000)).unwrap();
        let settings = Settings { timing, seed: 1, disk_io: DiskIo::Parallel, snapshot_entries: 0 };
        let store = Store::new(SESSIONS_MAX, Peers::default());
        let (node, _) = Node::recover(config, Durable::default(), store, settings, Time(0)).unwrap();
        let (fired, is_over) = (Arc::new(Fired::default()), Arc::new(AtomicBool::new(false)));
        let profile =
            Profile::read(&std::env::temp_dir(), false, Arc::clone(&fired), Arc::clone(&is_over)).unwrap();
        let shared = Arc::new(Shared::new(Status::of(&node), 1, fired, profile.into(), is_over));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let codec = Arc::new(Codec::new(1, NodeId(1), 1, None, Limits::default()));
        Listener::new(socket, codec, Arc::default(), shared, None)
    }

    /// Who sleeps without an end is woken by each input: one that was lost would let this wait for an hour.
    #[test]
    fn no_wake_up_is_lost() {
        const EACH: u64 = 20_000;
        let listener = listener();
        let address = listener.socket.local_addr().unwrap();
        let (inputs, inbox) = Inbox::new();
        let (inputs, mut inbox) = inbox.listen(inputs, listener).unwrap();
        let senders = [inputs.clone(), inputs].map(|inputs| {
            thread::spawn(move || {
                for count in 0..EACH {
                    inputs.send(Input::Clock { rate_ppm: None, jump_us: 0 }).unwrap();
                    if count % 7 == 0 {
                        thread::yield_now();
                    }
                }
            })
        });
        // Datagrams that say nothing: they wake, and add nothing.
        let noise = thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            for _ in 0..EACH / 10 {
                let _ = socket.send_to(b"noise", address);
            }
        });
        let (done, told) = channel();
        thread::spawn(move || {
            let (mut taken, mut count) = (Vec::new(), 0);
            while count < 2 * EACH {
                inbox.take(Duration::from_secs(3600), &mut taken).unwrap();
                count += taken.drain(..).count() as u64;
            }
            done.send(count).unwrap();
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(120)), Ok(2 * EACH), "a wake-up was lost");
        for sender in senders {
            sender.join().unwrap();
        }
        noise.join().unwrap();
    }
}
