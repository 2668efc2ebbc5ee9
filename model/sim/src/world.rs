//! What happens next: servers, the links between them, clients, and time. What is done to them is in `faults.rs`, and
//! how messages get from one to another in `datagrams.rs`.

mod datagrams;
mod faults;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raftlab_core::{Config, Index, Message, NodeId, Span, Time};
use raftlab_node::node::{Ask, Event};
use raftlab_node::process::Status;
use raftlab_node::wire::Received;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::client::{Answered, ClientId, Clients, Next, PURSUES, Wish, Word};
use crate::lies::{Honest, Lies};
use crate::life::{Input, Life, Outgoing};
use crate::physics::Physics;
use crate::queue::Queue;
use crate::server::{Founded, Note, Server, Spec, StartError};
use crate::watch::Watch;

/// What may be changed of a core's configuration before it starts: a rule that is switched off.
pub type Shape = Box<dyn Fn(Config) -> Config + Send>;

/// A world. It holds servers, up or down, and clients, and does nothing before it is [run](World::run).
pub struct World {
    spec: Spec,
    physics: Physics,
    shape: Shape,
    lies: Arc<dyn Lies>,
    now: Time,
    real: Arc<AtomicU64>,
    queue: Queue<Happens>,
    dice: ChaCha8Rng,
    servers: BTreeMap<NodeId, Server>,
    clients: Clients,
    notes: Vec<Note>,
    watch: Box<dyn Watch>,
    print: DefaultHasher,
    events: u64,
}

/// Something that will happen.
#[derive(Debug)]
enum Happens {
    /// A datagram arrives.
    Arrives { to: NodeId, received: Box<Received> },
    /// It passes a bad link at the receiver, and arrives there.
    ArrivesLate { to: NodeId, received: Box<Received> },
    /// A timer may have run out, or a pause be over.
    Wakes { server: NodeId, life: u64 },
    /// The disk is done.
    DiskReturns { server: NodeId, life: u64 },
    /// The bytes of a snapshot are there.
    SnapshotMade { server: NodeId, life: u64, through: Index, state: Arc<[u8]> },
    /// What a message asks for was checked, and is to be done.
    Does { server: NodeId, life: u64, from: NodeId, message: Box<Message> },
    /// A client's request arrives.
    Asked { server: NodeId, client: ClientId, attempt: u64, ask: Ask },
    /// An answer arrives at a client.
    Heard { client: ClientId, attempt: u64, word: Word },
    /// A client's pause is over.
    GoesOn { client: ClientId, attempt: u64 },
}

impl World {
    /// A world without servers.
    pub fn new(seed: u64, spec: Spec, physics: Physics, watch: Box<dyn Watch>) -> World {
        World {
            spec,
            physics,
            shape: Box::new(|config| config),
            lies: Arc::new(Honest),
            now: Time(0),
            real: Arc::default(),
            queue: Queue::default(),
            dice: ChaCha8Rng::seed_from_u64(seed),
            servers: BTreeMap::new(),
            clients: Clients::default(),
            notes: Vec::new(),
            watch,
            print: DefaultHasher::new(),
            events: 0,
        }
    }

    /// Every configuration becomes what this makes of it.
    #[must_use]
    pub fn with_shape(self, shape: Shape) -> World {
        World { shape, ..self }
    }

    /// The hosts of servers that are added from now on tell these.
    #[must_use]
    pub fn with_lies(self, lies: Arc<dyn Lies>) -> World {
        World { lies, ..self }
    }

    /// True time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The same, for whoever is told of it while time passes: in microseconds.
    pub fn clock(&self) -> &Arc<AtomicU64> {
        &self.real
    }

    /// How long things take here.
    pub fn physics(&self) -> &Physics {
        &self.physics
    }

    /// What servers are told.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Servers that start from now on are told this.
    pub fn respec(&mut self, spec: Spec) {
        self.spec = spec;
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// A hash of all that has happened, and of what each server holds: equal for two worlds of one seed that were asked
    /// for the same, and for no others but by chance.
    pub fn print(&self) -> u64 {
        let mut print = self.print.clone();
        for (id, server) in &self.servers {
            (id, server.lives, server.is_up()).hash(&mut print);
            if let Some(node) = server.node() {
                let raft = node.replica().raft();
                (raft.term(), raft.commit(), raft.log()).hash(&mut print);
                node.store().snapshot().hash(&mut print);
            }
        }
        print.finish()
    }

    /// What happened to servers since this was asked last.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Makes room for a server, which is down. Clients know of it.
    pub fn add(&mut self, id: NodeId, told: Founded) {
        let server = Server::new(id, told, self.dice.next_u64(), Arc::clone(&self.lies));
        self.servers.insert(id, server);
        self.clients.servers.push(id);
    }

    /// Clients know of it no more, and it is gone.
    pub fn remove(&mut self, id: NodeId) {
        self.stop(id);
        self.servers.remove(&id);
        self.clients.servers.retain(|known| *known != id);
    }

    /// All servers.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.values()
    }

    /// A server.
    pub fn server(&self, id: NodeId) -> Option<&Server> {
        self.servers.get(&id)
    }

    /// How a server stands, if it would answer.
    pub fn status(&self, id: NodeId) -> Option<Status> {
        self.servers.get(&id).filter(|server| server.answers())?.node().map(Status::of)
    }

    /// At its next start a server is told something else.
    pub fn retell(&mut self, id: NodeId, told: Founded) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.told = told;
        }
    }

    /// Starts a server that is down.
    ///
    /// # Errors
    ///
    /// Why it does not start. It is down then.
    pub fn start(&mut self, id: NodeId) -> Result<(), StartError> {
        let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
        if server.is_up() {
            return Err(StartError::Runs(id));
        }
        let config = (self.shape)(self.spec.config(id, &server.told)?);
        let life = server.lives + 1;
        let (watch, real) = (&mut self.watch, &self.real);
        let observer = || watch.begins(id, life, real);
        let started = server.start(config, &self.spec, self.now, &mut self.dice, observer);
        let out = started.inspect_err(|error| {
            if matches!(error, StartError::Snapshot(_)) {
                self.watch.ends(id, life, false);
            }
        })?;
        self.carry_out(id, out);
        self.turn(id);
        Ok(())
    }

    /// Another client. With a server given, it asks that one and no other.
    pub fn client(&mut self, only: Option<NodeId>) -> ClientId {
        self.clients.add(only)
    }

    /// Does it wait for something?
    pub fn is_busy(&self, client: ClientId) -> bool {
        self.clients.is_busy(client)
    }

    /// A client begins to pursue a wish, for as long as clients do.
    pub fn wish(&mut self, client: ClientId, wish: Wish) {
        self.wish_for(client, wish, PURSUES);
    }

    /// A client begins to pursue a wish, for so long.
    pub fn wish_for(&mut self, client: ClientId, wish: Wish, lasts: Span) {
        let next = self.clients.wish(client, wish, self.now, lasts);
        // It has just begun.
        let _ = self.go(client, next);
    }

    /// Lets time pass until then, or until a client has its answer.
    pub fn run(&mut self, until: Time) -> Option<Answered> {
        while let Some((at, happens)) = self.queue.pop(until) {
            self.set_now(at);
            self.events += 1;
            if let Some(answered) = self.happen(happens) {
                return Some(answered);
            }
        }
        self.set_now(until);
        None
    }

    fn set_now(&mut self, now: Time) {
        self.now = now;
        self.real.store(now.0, Ordering::Relaxed);
    }

    fn happen(&mut self, happens: Happens) -> Option<Answered> {
        match happens {
            Happens::Arrives { to, received } => self.arrive(to, &received),
            Happens::ArrivesLate { to, received } => self.deliver(to, *received),
            Happens::Wakes { server, life } => {
                let now = self.now;
                let running = self.life_of(server, life)?;
                if running.wake_at.is_some_and(|at| at <= now) {
                    running.wake_at = None;
                }
                if running.paused_until.is_some_and(|until| until <= now) {
                    running.paused_until = None;
                    self.servers.entry(server).and_modify(|server| server.go_on(now));
                }
                self.turn(server);
            }
            Happens::DiskReturns { server, life } => {
                self.life_of(server, life)?.disk_returns();
                self.turn(server);
            }
            Happens::SnapshotMade { server, life, through, state } => {
                self.life_of(server, life)?;
                self.hand(server, Input::Event(Event::Snapshot { through, state }));
            }
            Happens::Does { server, life, from, message } => {
                self.life_of(server, life)?;
                self.hand(server, Input::Checked(from, *message));
            }
            Happens::Asked { server, client, attempt, ask } => {
                let up = self.servers.get(&server).is_some_and(Server::is_up);
                if !up {
                    self.answer(client, attempt, Word::Unreachable);
                } else if !self.hand(server, Input::Ask(client, attempt, ask)) {
                    self.answer(client, attempt, Word::Busy);
                }
            }
            Happens::Heard { client, attempt, word } => {
                let next = self.clients.hear(client, attempt, &word, self.now, &mut self.dice);
                return self.go(client, next);
            }
            Happens::GoesOn { client, attempt } => {
                let next = self.clients.go_on(client, attempt, self.now);
                return self.go(client, next);
            }
        }
        None
    }

    fn life_of(&mut self, server: NodeId, life: u64) -> Option<&mut Life> {
        self.servers.get_mut(&server).filter(|server| server.lives == life)?.life.as_mut()
    }

    /// What a client does next is done.
    fn go(&mut self, client: ClientId, next: Next) -> Option<Answered> {
        match next {
            Next::Ask { server, attempt, ask, patience } => {
                let took = self.physics.link.draw(&mut self.dice);
                self.queue.push(self.now.after(took), Happens::Asked { server, client, attempt, ask });
                self.queue.push(patience, Happens::Heard { client, attempt, word: Word::Silent });
            }
            Next::Pause { attempt, until } => self.queue.push(until, Happens::GoesOn { client, attempt }),
            Next::Done(answered) => {
                (answered.client, answered.at).hash(&mut self.print);
                return Some(answered);
            }
            Next::Nothing => {}
        }
        None
    }

    fn answer(&mut self, client: ClientId, attempt: u64, word: Word) {
        let took = self.physics.link.draw(&mut self.dice);
        self.queue.push(self.now.after(took), Happens::Heard { client, attempt, word });
    }

    fn hand(&mut self, server: NodeId, input: Input) -> bool {
        let is_taken = self.servers.get_mut(&server).is_some_and(|server| server.hand(input));
        if is_taken {
            self.turn(server);
        }
        is_taken
    }

    fn turn(&mut self, id: NodeId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let out = server.turn(self.now, &self.physics, &mut self.dice);
        if let Some(node) = server.node() {
            let raft = node.replica().raft();
            (self.now, id, raft.term(), raft.commit(), raft.log().last()).hash(&mut self.print);
        }
        self.carry_out(id, out);
        self.look_again(id);
    }

    /// The world looks at a server's timers when the next of them runs out.
    fn look_again(&mut self, id: NodeId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let Some(due) = server.next_wake(self.now) else { return };
        let life = server.lives;
        if let Some(running) = &mut server.life
            && running.wake_at.is_none_or(|at| due < at)
        {
            running.wake_at = Some(due);
            self.queue.push(due, Happens::Wakes { server: id, life });
        }
    }

    fn carry_out(&mut self, id: NodeId, out: Outgoing) {
        let Outgoing { messages, replies, checked, snapshot, disk, news, ended } = out;
        let Some(life) = self.servers.get(&id).map(|server| server.lives) else { return };
        for (to, message) in messages {
            self.send(id, to, &message);
        }
        for (client, attempt, reply) in replies {
            self.answer(client, attempt, Word::Reply(reply));
        }
        for (took, from, message) in checked {
            let does = Happens::Does { server: id, life, from, message: message.into() };
            self.queue.push(self.now.after(took), does);
        }
        if let Some(store) = snapshot {
            let took = self.physics.snapshot.draw(&mut self.dice);
            let (through, state) = (store.applied().index, store.snapshot().into());
            let made = Happens::SnapshotMade { server: id, life, through, state };
            self.queue.push(self.now.after(took), made);
            self.note(id, "snapshot", format!("a snapshot up to {through} was made"));
        }
        if let Some(took) = disk {
            self.queue.push(self.now.after(took), Happens::DiskReturns { server: id, life });
        }
        for (term, kind, text) in news {
            self.notes.push(Note { at: self.now, server: id, term, kind, text });
        }
        if let Some(error) = ended {
            self.note(id, "ended", error.to_string());
            self.servers.entry(id).and_modify(|server| server.ends += 1);
            self.kill(id);
        }
    }

    fn note(&mut self, server: NodeId, kind: &'static str, text: String) {
        let node = self.servers.get(&server).and_then(Server::node);
        let term = node.map(|node| node.replica().raft().term()).unwrap_or_default();
        self.notes.push(Note { at: self.now, server, term, kind, text });
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up = self.servers.values().filter(|server| server.is_up()).count();
        write!(f, "a world at {} us: {up} of {} servers up", self.now.0, self.servers.len())
    }
}
