//! What the threads of a process see of the others: whose a fingerprint is, and where to put what another process must
//! answer first.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::Duration;

use crate::ambient::lock;
use crate::candidate::Candidate;
use crate::hash::mix;
use crate::system::System;
use crate::worker::{Level, Worker};

/// Candidates that are asked for together: 8 kB of fingerprints.
const TOGETHER: usize = 1024;
/// Credits: so many candidates may wait for an answer before a thread expands anything more. Timely takes whatever it
/// is given; this is what bounds the memory of a process whose peers are slower than it is.
const CREDITS: usize = 1 << 17;

/// What all threads of a process share of the exploration with others.
pub(crate) struct Share<const W: usize> {
    process: usize,
    processes: usize,
    /// To be asked for, with the owner.
    outgoing: Mutex<Vec<(usize, Vec<Candidate<W>>)>>,
    /// Found to be new everywhere.
    fresh: Mutex<Vec<Vec<Candidate<W>>>>,
    /// Candidates that wait for an answer.
    waiting: AtomicUsize,
    /// The thread that steps the dataflow.
    pump: Thread,
}

/// What a thread has to ask for and has not handed over: for each owner, a few candidates.
pub(crate) struct Asks<const W: usize>(Vec<Vec<Candidate<W>>>);

impl<const W: usize> Default for Asks<W> {
    fn default() -> Self {
        Asks(Vec::new())
    }
}

impl<const W: usize> Share<W> {
    /// The share of `process` among so many. The thread that calls this is the one that steps the dataflow.
    pub fn new(process: usize, processes: usize) -> Share<W> {
        let (outgoing, fresh) = (Mutex::default(), Mutex::default());
        let waiting = AtomicUsize::new(0);
        Share { process, processes, outgoing, fresh, waiting, pump: std::thread::current() }
    }

    /// The process that owns a fingerprint. Other bits decide than those by which the table is indexed: what one
    /// process owns is spread over all of its table.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the product's high half is below the number of processes"
    )]
    pub fn owner(&self, print: u64) -> usize {
        ((u128::from(mix(print)) * self.processes as u128) >> 64) as usize
    }

    /// The same, if it is another process.
    #[inline]
    pub fn elsewhere(&self, print: u64) -> Option<usize> {
        Some(self.owner(print)).filter(|&owner| owner != self.process)
    }

    /// Another process is to be asked for this candidate.
    #[inline]
    pub fn ask(&self, asks: &mut Asks<W>, owner: usize, candidate: &Candidate<W>) {
        if asks.0.is_empty() {
            asks.0 = (0..self.processes).map(|_| Vec::new()).collect();
        }
        let of_owner = &mut asks.0[owner];
        of_owner.push(*candidate);
        if of_owner.len() == TOGETHER {
            self.send(owner, std::mem::replace(of_owner, Vec::with_capacity(TOGETHER)));
        }
    }

    /// All that a thread has to ask for, however little it is.
    pub fn hand_over(&self, asks: &mut Asks<W>) {
        for (owner, of_owner) in asks.0.iter_mut().enumerate() {
            if !of_owner.is_empty() {
                self.send(owner, std::mem::take(of_owner));
            }
        }
    }

    fn send(&self, owner: usize, candidates: Vec<Candidate<W>>) {
        self.waiting.fetch_add(candidates.len(), Ordering::Relaxed);
        lock(&self.outgoing).push((owner, candidates));
        self.wake();
    }

    /// The thread that steps the dataflow.
    pub fn watcher(&self) -> &Thread {
        &self.pump
    }

    /// There is something to do for the thread that steps the dataflow.
    pub fn wake(&self) {
        self.pump.unpark();
    }

    /// What is to be asked for.
    pub fn take_outgoing(&self) -> Vec<(usize, Vec<Candidate<W>>)> {
        std::mem::take(&mut lock(&self.outgoing))
    }

    /// Of so many candidates an answer has come, and these are new.
    pub fn answered(&self, of: usize, fresh: Vec<Candidate<W>>) {
        if !fresh.is_empty() {
            lock(&self.fresh).push(fresh);
        }
        self.waiting.fetch_sub(of, Ordering::Relaxed);
    }

    fn take_fresh(&self) -> Option<Vec<Candidate<W>>> {
        lock(&self.fresh).pop()
    }

    fn is_out_of_credit(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > CREDITS
    }
}

impl<S: System, const W: usize> Worker<'_, S, W> {
    /// Takes in what was found to be new, and waits while too much waits for an answer.
    pub fn keep_pace(&mut self, level: &Level<S, W>, share: &Share<W>) {
        loop {
            self.take_in(level, share);
            if !share.is_out_of_credit() || level.pause.load(Ordering::Relaxed) {
                return;
            }
            share.wake();
            std::thread::park_timeout(Duration::from_micros(200));
        }
    }

    /// States that are new everywhere become states of this process. True if there were any.
    pub fn take_in(&mut self, level: &Level<S, W>, share: &Share<W>) -> bool {
        let before = self.tally.fresh;
        while let Some(fresh) = share.take_fresh() {
            let start = self.tally.fresh;
            for candidate in &fresh {
                let Some(at) = level.known.records.reserve(&mut self.cursor) else {
                    level.is_full.store(true, Ordering::Relaxed);
                    level.pause.store(true, Ordering::Relaxed);
                    break;
                };
                level.known.records.write(at, &candidate.state, candidate.check);
                level.known.records.link(at, candidate.parent, candidate.via.0);
                self.cursor.advance();
                self.welcome(level, candidate);
            }
            let taken = self.tally.fresh - start;
            level.claimed.fetch_add(taken, Ordering::Relaxed);
            level.held.fetch_sub(taken, Ordering::Relaxed);
        }
        self.tally.fresh > before
    }
}
