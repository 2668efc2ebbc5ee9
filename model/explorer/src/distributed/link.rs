//! The dataflow between the processes: one timely worker in each.
//!
//! ```text
//! input ──(to the owner)──▶ owner ──(back to the asker)──▶ asker ──▶ probe
//! ```
//!
//! Time is the number of the round. An owner that was asked keeps the capability to answer until it has answered; so
//! when the probe is past a round, no process will ask anything more in it, and every answer has arrived. The owner's
//! answers are computed outside of the dataflow, between two of its steps, where the table is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use timely::communication::Allocator;
use timely::communication::Hooks;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::{
    CommsGuard, initialize_networking_from_sockets,
};
use timely::communication::allocator::zero_copy::stream::Stream as _;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::{Capability, Input, Operator, Probe};
use timely::dataflow::{InputHandle, ProbeHandle, Scope};
use timely::scheduling::Activator;
use timely::worker::Worker;

use super::Cluster;
use super::wire::{Health, Wire, connect};
use super::word::{Bytes, Load, Parcel, Word};
use crate::error::Error;

/// The container in which parcels travel together.
type Parcels = CapacityContainerBuilder<Vec<Parcel>>;

/// A question that waits for its answer.
pub(crate) struct Ask {
    pub from: u32,
    pub number: u64,
    pub prints: Bytes,
    /// As long as this is there, the round is not over.
    capability: Capability<u64>,
}

/// What has arrived, and what is to be sent when the dataflow is stepped next.
#[derive(Default)]
struct Desk {
    asks: Vec<Ask>,
    replies: Vec<(Capability<u64>, Parcel)>,
    answers: Vec<(u64, Bytes)>,
    words: BTreeMap<(u64, u32), Word>,
    /// All are to rest in the rounds below this one.
    rest_below: u64,
    activator: Option<Activator>,
}

/// This process's end of the dataflow.
pub(crate) struct Link {
    pub process: u32,
    pub processes: u32,
    /// There until it is closed.
    worker: Option<Worker>,
    input: InputHandle<u64, Parcels>,
    probe: ProbeHandle<u64>,
    desk: Rc<RefCell<Desk>>,
    health: Arc<Health>,
    /// The connections, to close them if something goes wrong.
    wires: Vec<Wire>,
    guard: Option<CommsGuard>,
    /// The number of the agreement that comes next.
    agreement: u64,
}

impl Link {
    /// Connects all processes.
    pub fn connect(cluster: &Cluster) -> Result<Link, Error> {
        let io = |fault: std::io::Error| Error::Cluster(fault.to_string());
        let (sockets, health) = connect(cluster)?;
        let copies =
            sockets.iter().flatten().map(Wire::try_clone).collect::<std::io::Result<_>>().map_err(io)?;
        let hooks = Hooks::default();
        let inner = ProcessBuilder::new_typed_vector(1, hooks.refill.clone(), None);
        let (mut builders, guard) =
            initialize_networking_from_sockets(inner, sockets, cluster.process, 1, hooks).map_err(io)?;
        let builder = builders.pop().ok_or(Error::Cluster("timely has no worker".into()))?;
        let allocator = Allocator::Tcp(builder.build());
        // It parks when there is nothing to do: the threads that expand have a better use for the time.
        let config = timely::WorkerConfig::default().idle_spin(Duration::ZERO);
        // Without a clock it would never park.
        let mut worker = Worker::new(config, allocator, Some(Instant::now()));
        let desk = Rc::new(RefCell::new(Desk::default()));
        let mut input = InputHandle::new();
        let mut probe = ProbeHandle::new();
        worker.dataflow(|scope| dataflow(scope, &mut input, &mut probe, &desk));
        let number =
            |place: usize| u32::try_from(place).map_err(|_| Error::Cluster("too many processes".into()));
        Ok(Link {
            process: number(cluster.process)?,
            processes: number(cluster.hosts.len())?,
            worker: Some(worker),
            input,
            probe,
            desk,
            health,
            wires: copies,
            guard: Some(guard),
            agreement: 0,
        })
    }

    /// Bytes written to other processes.
    pub fn written(&self) -> u64 {
        self.health.written.load(Ordering::Relaxed)
    }

    fn others(&self) -> impl Iterator<Item = u32> + use<> {
        let me = self.process;
        (0..self.processes).filter(move |&process| process != me)
    }

    fn send(&mut self, to: u32, load: Load) {
        self.input.send(Parcel { from: self.process, to, load });
    }

    /// Asks the owner of these fingerprints whether they are new.
    pub fn ask(&mut self, owner: u32, number: u64, prints: Bytes) {
        self.send(owner, Load::Ask(number, prints));
    }

    /// Tells all to end the round under way.
    pub fn call_rest(&mut self) {
        let round = self.round();
        let below = round + 1;
        self.others().for_each(|to| self.send(to, Load::Rest(round)));
        let mut desk = self.desk.borrow_mut();
        desk.rest_below = desk.rest_below.max(below);
    }

    /// Are all to end the round under way?
    pub fn is_rest_called(&self) -> bool {
        self.desk.borrow().rest_below > self.round()
    }

    /// The number of the round under way.
    pub fn round(&self) -> u64 {
        *self.input.time()
    }

    /// This process asks nothing more in this round.
    pub fn close_round(&mut self) {
        self.input.advance_to(self.round() + 1);
    }

    /// Has every process closed the rounds before this one, and is every answer there?
    pub fn is_settled(&self) -> bool {
        !self.probe.less_than(self.input.time())
    }

    /// Questions to this process.
    pub fn take_asks(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.desk.borrow_mut().asks)
    }

    /// Questions that cannot be answered yet.
    pub fn put_back(&mut self, asks: impl Iterator<Item = Ask>) {
        self.desk.borrow_mut().asks.extend(asks);
    }

    /// Answers a question.
    pub fn answer(&mut self, ask: Ask, bits: Bytes) {
        let parcel = Parcel { from: self.process, to: ask.from, load: Load::Answer(ask.number, bits) };
        let mut desk = self.desk.borrow_mut();
        desk.replies.push((ask.capability, parcel));
        if let Some(activator) = &desk.activator {
            activator.activate();
        }
    }

    /// Answers to this process: the number of the ask, and a bit for each fingerprint.
    pub fn take_answers(&mut self) -> Vec<(u64, Bytes)> {
        std::mem::take(&mut self.desk.borrow_mut().answers)
    }

    /// Lets the dataflow move on; waits so long at most for something to do.
    pub fn step(&mut self, wait: Duration) -> Result<(), Error> {
        self.input.flush();
        if let Some(process) = self.health.lost() {
            return Err(lost(process));
        }
        // A connection that breaks between the look and the step makes timely panic.
        let worker = &mut self.worker;
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            worker.as_mut().is_some_and(|worker| worker.step_or_park(Some(wait)))
        }));
        match self.health.lost() {
            Some(process) => Err(lost(process)),
            None => stepped.map(drop).map_err(|panic| Error::Cluster(crate::machine::message(&*panic))),
        }
    }

    /// Says `word` to all, and waits for what all say. The words are in the order of the processes.
    pub fn agree(&mut self, word: Word) -> Result<Vec<Word>, Error> {
        let number = self.agreement;
        self.agreement += 1;
        let word = Word { number, from: self.process, ..word };
        for to in self.others() {
            self.send(to, Load::Word(Box::new(word.clone())));
        }
        self.desk.borrow_mut().words.insert((number, self.process), word);
        loop {
            self.step(Duration::ZERO)?;
            {
                let mut desk = self.desk.borrow_mut();
                if desk.words.len() >= self.processes as usize
                    && (0..self.processes).all(|from| desk.words.contains_key(&(number, from)))
                {
                    let words = (0..self.processes).map(|from| desk.words.remove(&(number, from)));
                    return Ok(words.flatten().collect());
                }
            }
            self.step(Duration::from_millis(5))?;
        }
    }

    /// Ends the dataflow in agreement with all others.
    pub fn close(mut self) {
        let (Some(mut worker), Some(guard)) = (self.worker.take(), self.guard.take()) else { return };
        self.input = InputHandle::new();
        let health = Arc::clone(&self.health);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            while health.lost().is_none() && worker.has_dataflows() {
                worker.step_or_park(Some(Duration::from_millis(5)));
            }
            drop(worker);
        }));
        health.release();
        // What comes after the last agreement changes nothing; but a thread that is broken is not waited for.
        if ended.is_err() || health.lost().is_some() {
            std::mem::forget(guard);
        } else {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(guard)));
        }
    }
}

impl Drop for Link {
    /// Breaks all connections, if they were not closed: no other process waits for this one then.
    fn drop(&mut self) {
        let Some(guard) = self.guard.take() else { return };
        for wire in &self.wires {
            // What is shut already is as shut as it can be.
            let _ = wire.shutdown(Shutdown::Both);
        }
        let worker = self.worker.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(worker)));
        // Its threads end by themselves; those that read, with a panic that nobody needs to hear of.
        self.health.release();
        std::mem::forget(guard);
    }
}

fn lost(process: usize) -> Error {
    Error::Cluster(format!("the connection to process {process} was lost"))
}

fn dataflow(
    scope: Scope<u64>,
    input: &mut InputHandle<u64, Parcels>,
    probe: &mut ProbeHandle<u64>,
    desk: &Rc<RefCell<Desk>>,
) {
    let (of_owner, of_asker) = (Rc::clone(desk), Rc::clone(desk));
    // An input keeps what it has for another process until its time advances; an operator sends it at once.
    let sent = scope.input_from(input).unary::<Parcels, _, _, _>(Pipeline, "sender", |_, _| {
        move |input, output| {
            input.for_each(|capability, parcels| output.session(&capability).give_container(parcels));
        }
    });
    let to = |parcel: &Parcel| u64::from(parcel.to);
    let answered = sent.unary::<Parcels, _, _, _>(Exchange::new(to), "owner", |_, info| {
        of_owner.borrow_mut().activator = Some(scope.activator_for(info.address));
        move |input, output| {
            let port = output.output_index();
            let mut desk = of_owner.borrow_mut();
            input.for_each(|capability, parcels| {
                for parcel in parcels.drain(..) {
                    match parcel.load {
                        Load::Ask(number, prints) => {
                            let Some(capability) = capability.retain_least(port) else { continue };
                            desk.asks.push(Ask { from: parcel.from, number, prints, capability });
                        }
                        other => desk.arrived(other),
                    }
                }
            });
            for (capability, parcel) in std::mem::take(&mut desk.replies) {
                output.session(&capability).give(parcel);
            }
        }
    });
    let taken = answered.unary::<Parcels, _, _, _>(Exchange::new(to), "asker", |_, _| {
        move |input, _| {
            input.for_each(|_, parcels| {
                let mut desk = of_asker.borrow_mut();
                parcels.drain(..).for_each(|parcel| desk.arrived(parcel.load));
            });
        }
    });
    taken.probe_with(probe);
}

impl Desk {
    fn arrived(&mut self, load: Load) {
        match load {
            Load::Answer(number, bits) => self.answers.push((number, bits)),
            Load::Rest(round) => self.rest_below = self.rest_below.max(round + 1),
            Load::Word(word) => {
                self.words.insert((word.number, word.from), *word);
            }
            Load::Ask(..) => {}
        }
    }
}
