//! The search: level after level, by all threads, until the states, a limit, or somebody's patience end.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::ambient::lock;
use crate::candidate::{Found, Via};
use crate::error::Error;
use crate::explorer::{Explorer, Mode};
use crate::known::Known;
use crate::machine::Machine;
use crate::records::{NONE, Records};
use crate::report::{Level as Depth, Limit, Progress, Report};
use crate::room::least_places;
use crate::spill::{Files, Spill};
use crate::system::System;
use crate::visited::Visited;
use crate::worker::{Level, Worker};

/// The largest number of actors that fits in a state.
pub const ACTORS_MAX: usize = 15;
/// States that a thread takes at a time.
const UNIT: u32 = 256;
/// A level of fewer states is expanded by one thread: starting more takes longer.
const ALONE: u64 = 2048;
/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A search under way.
pub(crate) struct Search<'a, S: System, const W: usize> {
    pub explorer: &'a Explorer<'a, S>,
    pub machine: &'a Machine<'a, S>,
    pub exact: bool,
    pub visited: Visited,
    pub records: Records<W>,
    pub workers: Vec<Worker<'a, S, W>>,
    pub frontier: Vec<Range<u32>>,
    /// All states, where their cells are kept.
    pub all: Vec<Range<u32>>,
    pub depth: u32,
    pub levels: Vec<Depth>,
    pub claimed: AtomicU64,
    pub generated: AtomicU64,
    pub first_depths: Vec<Option<u32>>,
    pub found: Vec<Option<Found>>,
    pub panic: Option<(Found, String)>,
    pub reported: u32,
    /// What there is to report of the initial state.
    pub initial: u32,
    /// States and steps before the level under way.
    pub level_before: (u64, u64),
    /// When a checkpoint was written last.
    pub saved: Instant,
    /// Words in the table that are no states of this process: those that it asked other processes for, or gave to
    /// them, or that may be on disk already. Less, modulo 2^64, its states of which no word is in the table.
    pub held: AtomicU64,
    /// What does not fit into memory, if it may go to disk.
    pub files: Option<Files>,
    /// What other processes did, as of the last agreement.
    pub others: Others,
    pub limit: Option<Limit>,
    /// There were no numbers left for some states, which are lost.
    pub is_full: bool,
    /// Up to this number, what was put off was held against the disk.
    pub resolved_to: u32,
    pub peak_bytes: usize,
    /// Bytes in the tables of single threads, when they were at rest last.
    pub bytes_of_threads: usize,
    pub start: Instant,
}

/// What is known of the other processes that explore the same.
#[derive(Default)]
pub(crate) struct Others {
    pub count: u64,
    /// States and steps of all of them.
    pub did: (u64, u64),
    /// States of this process when that was true. Since then they are taken to have found as many each as this one.
    pub own: u64,
}

impl<'a, S: System, const W: usize> Search<'a, S, W> {
    pub fn new(explorer: &'a Explorer<'a, S>, machine: &'a Machine<'a, S>) -> Self {
        let exact = explorer.mode == Mode::Exact;
        let workers = (0..explorer.threads).map(|_| Worker::new(machine)).collect();
        Search {
            exact,
            visited: Visited::new(least_places(explorer.threads)),
            records: Records::new(!exact, exact && machine.group.len() > 1),
            workers,
            frontier: Vec::new(),
            all: Vec::new(),
            depth: 0,
            levels: Vec::new(),
            claimed: AtomicU64::new(0),
            generated: AtomicU64::new(0),
            first_depths: vec![None; explorer.system.kinds().len()],
            found: vec![None; machine.properties.list.len()],
            panic: None,
            reported: 0,
            initial: 0,
            level_before: (0, 0),
            saved: Instant::now(),
            held: AtomicU64::new(0),
            files: None,
            others: Others::default(),
            limit: None,
            is_full: false,
            resolved_to: 0,
            peak_bytes: 0,
            bytes_of_threads: 0,
            start: Instant::now(),
            explorer,
            machine,
        }
    }

    /// Explores, and reports.
    pub fn run(mut self) -> Result<Report<S>, Error> {
        if let Some(cluster) = &self.explorer.cluster {
            return self.run_in(cluster);
        }
        if let Some(Spill { directory, .. }) = &self.explorer.spill {
            let files = Files::create(directory).map_err(|fault| Error::spill(directory, &fault))?;
            self.files = Some(files);
        }
        let mut left = if let Some(directory) = &self.explorer.resume {
            self.load(directory)?
        } else {
            self.begin();
            Vec::new()
        };
        loop {
            if let Some(fault) = self.machine.fault() {
                return Err(fault);
            }
            left = if left.is_empty() { self.next_level() } else { left };
            if left.is_empty() || self.limit.is_some() {
                break;
            }
            left = self.expand_level(left)?;
        }
        if left.is_empty() && self.frontier.is_empty() && !self.is_full {
            // A limit that was reached when the last state was expanded has cut nothing off.
            self.limit = None;
        }
        if let Some(directory) = self.explorer.checkpoint.as_ref().filter(|_| self.limit.is_some()) {
            self.save(&directory.0, &left)?;
        }
        // What was found in a level that a limit cut short is found.
        self.resolve()?;
        self.collect();
        self.report()
    }

    /// The states of the next level, if there is a reason to go on.
    pub fn next_level(&mut self) -> Vec<Range<u32>> {
        if self.is_over() || self.frontier.is_empty() {
            return Vec::new();
        }
        if self.explorer.max_depth.is_some_and(|max| self.depth >= max) {
            self.limit = Some(Limit::Depth);
            return Vec::new();
        }
        self.depth += 1;
        self.level_before = self.counts();
        split(&std::mem::take(&mut self.frontier))
    }

    /// Puts the initial state in, and judges it.
    pub fn begin(&mut self) {
        let initial = self.machine.initial();
        let mut state = [0; W];
        state[..initial.len()].copy_from_slice(&initial);
        let notes = self.workers[0].begin(self.machine, &initial, self.explorer.system.has_boundary());
        let Some(notes) = notes else { return };
        self.generated.store(1, Ordering::Relaxed);
        let (units, pause) = (Vec::new(), AtomicBool::new(false));
        let mut worker = self.workers.remove(0);
        worker.put_first(&self.level(&units, &pause, &AtomicBool::new(false), u64::MAX), &state);
        self.workers.insert(0, worker);
        (self.initial, self.reported) = (notes, notes);
        self.next_frontier();
        self.levels.push(Depth { depth: 0, states: 1, generated: 1 });
    }

    pub fn known(&self) -> Known<'_, W> {
        let symmetric = self.machine.group.len() > 1;
        Known { visited: &self.visited, records: &self.records, exact: self.exact, symmetric }
    }

    pub fn level<'l>(
        &'l self,
        units: &'l [Range<u32>],
        pause: &'l AtomicBool,
        is_full: &'l AtomicBool,
        claims_max: u64,
    ) -> Level<'l, S, W> {
        Level {
            machine: self.machine,
            known: self.known(),
            has_boundary: self.explorer.system.has_boundary(),
            reported: self.reported,
            units,
            next_unit: AtomicUsize::new(0),
            left: Mutex::new(Vec::new()),
            pause,
            claimed: &self.claimed,
            claims_max,
            generated: &self.generated,
            is_full,
            held: &self.held,
            puts_off: self.files.as_ref().is_some_and(Files::defers),
            share: None,
        }
    }

    /// Expands what is left of a level, until it is done or a limit is reached. The table may grow in between, and
    /// checkpoints are written. Returns what is left then.
    pub fn expand_level(&mut self, mut left: Vec<Range<u32>>) -> Result<Vec<Range<u32>>, Error> {
        while !left.is_empty() {
            if self.limit.is_none() {
                self.make_room()?;
            }
            if self.limit.is_some() || self.machine.fault().is_some() {
                return Ok(left);
            }
            left = self.expand(&left);
            if self.limit == Some(Limit::Memory) && self.spills() {
                self.limit = None;
                self.spill_table()?;
            }
            if self.limit.is_none() && self.is_checkpoint_due() {
                let directory = self.explorer.checkpoint.as_ref().map(|(directory, _)| directory.clone());
                directory.map_or(Ok(()), |directory| self.save(&directory, &left))?;
                self.saved = Instant::now();
            }
        }
        self.resolve()?;
        self.end_level();
        self.spill_links(self.kept_from())?;
        if self.limit == Some(Limit::Memory) && self.spills() {
            // The end of a level frees what only the level needed.
            self.limit = self.reached();
        }
        Ok(left)
    }

    fn is_checkpoint_due(&self) -> bool {
        let is_alone = self.explorer.cluster.is_none();
        let checkpoint = self.explorer.checkpoint.as_ref().filter(|_| is_alone);
        checkpoint.is_some_and(|(_, every)| self.saved.elapsed() >= *every)
    }

    pub fn end_level(&mut self) {
        let taken = |at: usize| self.workers.iter().any(|worker| worker.tally.taken[at] > 0);
        for at in 0..self.first_depths.len() {
            if self.first_depths[at].is_none() && taken(at) {
                self.first_depths[at] = Some(self.depth);
            }
        }
        self.next_frontier();
        let (before, after) = (self.level_before, self.counts());
        let (states, generated) = (after.0 - before.0, after.1 - before.1);
        if generated > 0 {
            self.levels.push(Depth { depth: self.depth, states, generated });
        }
        self.collect();
    }

    pub fn counts(&self) -> (u64, u64) {
        let own = (self.claimed.load(Ordering::Relaxed), self.generated.load(Ordering::Relaxed));
        (own.0 + self.others.did.0, own.1 + self.others.did.1)
    }

    /// The states that were found become the ones to expand.
    pub fn next_frontier(&mut self) {
        self.frontier = self.take_confirmed();
        self.frontier.extend(self.workers.iter_mut().flat_map(|worker| worker.cursor.take()));
        self.frontier.sort_unstable_by_key(|range| range.start);
        if self.exact {
            self.all.extend(self.frontier.iter().cloned());
        } else {
            self.records.forget_below(self.kept_from());
        }
    }

    /// States below this number are not expanded any more, nor found any more.
    fn kept_from(&self) -> u32 {
        // A thread that found nothing in this level may still give numbers of an old block.
        let floors = self.workers.iter().map(|worker| worker.cursor.floor());
        let first = self.frontier.first().map(|range| range.start);
        first.map_or(0, |first| floors.fold(first, u32::min))
    }

    /// What threads found in this level is reported: of each property, the one with the lowest fingerprint.
    fn collect(&mut self) {
        let of_panics = self.workers.iter_mut().filter_map(|worker| worker.panic.take());
        self.panic = self.panic.take().into_iter().chain(of_panics).min_by(|a, b| a.0.cmp(&b.0));
        for at in 0..self.found.len() {
            let of_level = self.workers.iter_mut().filter_map(|worker| worker.found[at].take()).min();
            if self.reported >> at & 1 == 0 && of_level.is_some() {
                self.found[at] = of_level;
                self.reported |= 1 << at;
            }
        }
    }

    /// Is there a reason not to begin another level?
    pub fn is_over(&mut self) -> bool {
        let violated = self.reported & self.machine.properties.always != 0 || self.panic.is_some();
        if self.limit.is_none() && violated && !self.explorer.keeps_going {
            self.limit = Some(Limit::Violation);
        }
        self.limit.is_some()
    }

    /// Expands these ranges, until they are done or there is a reason to rest. Returns what is left of them.
    fn expand(&mut self, units: &[Range<u32>]) -> Vec<Range<u32>> {
        let (pause, is_full) = (AtomicBool::new(false), AtomicBool::new(false));
        let states: u64 = units.iter().map(|unit| u64::from(unit.end - unit.start)).sum();
        let mut workers = std::mem::take(&mut self.workers);
        let level = self.level(units, &pause, &is_full, self.claims_max());
        let mut limit = None;
        if states < ALONE {
            workers[0].run_safely(&level);
            limit = self.reached();
        } else {
            let (resting, watcher) = (AtomicUsize::new(0), std::thread::current());
            std::thread::scope(|scope| {
                for worker in &mut workers {
                    let (level, rests) = (&level, Rests { resting: &resting, watcher: &watcher });
                    scope.spawn(move || {
                        let _rests = rests;
                        worker.run_safely(level);
                    });
                }
                limit = self.watch(&pause, &resting, self.explorer.threads);
            });
        }
        let next = level.next_unit.load(Ordering::Relaxed).min(units.len());
        let mut left = std::mem::take(&mut *lock(&level.left));
        left.extend_from_slice(&units[next..]);
        self.workers = workers;
        if is_full.load(Ordering::Relaxed) {
            limit = Some(Limit::States);
            self.is_full = true;
        }
        self.limit = limit;
        split(&left)
    }

    /// Reports progress until all threads rest; tells them to, when a limit is reached.
    fn watch(&self, pause: &AtomicBool, resting: &AtomicUsize, threads: usize) -> Option<Limit> {
        let mut limit = None;
        let mut look = Duration::from_micros(200);
        while resting.load(Ordering::Acquire) < threads {
            std::thread::park_timeout(look);
            look = (look * 2).min(LOOK);
            if let Some(tell) = &self.explorer.on_progress {
                tell(&self.progress());
            }
            limit = limit.or_else(|| self.reached());
            if limit.is_some() || self.machine.fault().is_some() || self.is_checkpoint_due() {
                pause.store(true, Ordering::Relaxed);
            }
        }
        limit
    }

    /// The limit that is reached now.
    pub fn reached(&self) -> Option<Limit> {
        let explorer = self.explorer;
        let own = self.claimed.load(Ordering::Relaxed).saturating_sub(self.others.own);
        let states = self.counts().0 + own * self.others.count;
        let limits = [
            (Limit::Interrupt, explorer.interrupt.is_some_and(|flag| flag.load(Ordering::Relaxed))),
            (Limit::Time, explorer.timeout.is_some_and(|max| self.start.elapsed() >= max)),
            (Limit::States, explorer.max_states.is_some_and(|max| states >= max)),
            (Limit::Memory, explorer.max_memory.is_some_and(|max| self.bytes() >= max)),
        ];
        limits.into_iter().find_map(|(limit, is_reached)| is_reached.then_some(limit))
    }

    pub fn progress(&self) -> Progress {
        let (states, generated) = self.counts();
        let behind: u64 = self.levels.iter().map(|level| level.states).sum();
        Progress {
            states,
            generated,
            depth: self.depth,
            frontier: states - behind,
            bytes: self.bytes(),
            elapsed: self.start.elapsed(),
            locals: self.machine.locals.len(),
            envelopes: self.machine.envelopes.len(),
            cells: self.machine.cells.len(),
            ambients: self.machine.ambients.len(),
        }
    }
}

/// Ranges of at most [`UNIT`] states.
pub(crate) fn split(ranges: &[Range<u32>]) -> Vec<Range<u32>> {
    let step = UNIT as usize;
    let parts = |range: &Range<u32>| {
        let end = range.end;
        range
            .clone()
            .step_by(step)
            .map(move |start| start..end.min(start.saturating_add(UNIT)))
            .collect::<Vec<_>>()
    };
    ranges.iter().flat_map(parts).collect()
}

/// Says that a thread rests, even if it panics, and wakes the one that waits for it.
pub(crate) struct Rests<'a> {
    pub resting: &'a AtomicUsize,
    pub watcher: &'a std::thread::Thread,
}

impl Drop for Rests<'_> {
    fn drop(&mut self) {
        self.resting.fetch_add(1, Ordering::Release);
        self.watcher.unpark();
    }
}

/// The parent and the step of the initial state.
pub(crate) const FIRST: (u32, Via) = (NONE, Via(0));
