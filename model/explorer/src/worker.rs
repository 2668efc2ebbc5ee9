//! The hot path. A thread takes a range of states, walks the rows of their cells, and puts what comes of them into the
//! table, in batches: so that many cache lines are on their way at once.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::ambient::lock;
use crate::cell::Cell;
use crate::distributed::{Asks, Share};
use crate::error::Error;
use crate::judge::Judge;
use crate::machine::{Machine, message};
use crate::reaction::Does;
use crate::records::{Cursor, Records, State};
use crate::row::{Step, Summary};
use crate::system::System;
use crate::visited::Visited;

/// Candidates that are looked up together.
const BATCH: usize = 256;
/// States whose cells are looked up together.
const BLOCK: u32 = 16;
/// Places in a thread's memory of cells that were sent something, and of ambients that were turned.
const ADDED: usize = 1 << 15;
const TURNED: usize = 1 << 12;

/// What all threads see while they expand one level.
pub(crate) struct Level<'a, S: System, const W: usize> {
    pub machine: &'a Machine<'a, S>,
    pub visited: &'a Visited,
    pub records: &'a Records<W>,
    /// Are states compared, or only their fingerprints?
    pub exact: bool,
    pub symmetric: bool,
    pub has_boundary: bool,
    /// Properties of which something was reported in an earlier level, as bits.
    pub reported: u32,
    /// Ranges of states to expand, and the next that is nobody's.
    pub units: &'a [Range<u32>],
    pub next_unit: AtomicUsize,
    /// What threads left of their ranges when they were told to pause.
    pub left: Mutex<Vec<Range<u32>>>,
    /// Threads come to rest between two states.
    pub pause: &'a AtomicBool,
    /// States in the table, and how many it may have before it grows.
    pub claimed: &'a AtomicU64,
    pub claims_max: u64,
    pub generated: &'a AtomicU64,
    /// There are no numbers left.
    pub is_full: &'a AtomicBool,
    /// Words in the table that are no states of this process.
    pub held: &'a AtomicU64,
    /// With which processes states are shared, if they are.
    pub share: Option<&'a Share<W>>,
}

/// How a state was reached, in one number: the step's place in its row, the place of its actor, whether that actor changed.
/// The place after all actors is that of the ambient, whose steps are messages to nobody that are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Via(pub u32);

/// Something to report: where a step leads, from where, and which step. Of several, the one with the lowest fingerprint is
/// kept, so that it does not matter who was first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub print: u64,
    pub parent: u32,
    pub via: Via,
}

/// A candidate for a new state.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<const W: usize> {
    pub print: u64,
    /// Under symmetry, a second fingerprint.
    pub check: u64,
    pub state: State<W>,
    pub parent: u32,
    pub via: Via,
}

/// A state that is being expanded.
struct From<'s, const W: usize> {
    state: &'s State<W>,
    cells: &'s [&'s Cell],
    ambient_print: u64,
    print: u64,
    at: u32,
}

/// What one thread keeps from level to level.
pub(crate) struct Worker<const W: usize> {
    pub cursor: Cursor,
    batch: Vec<Candidate<W>>,
    /// Candidates of which other processes will say whether they are new.
    pub asks: Asks<W>,
    added: Vec<(u64, u32, u64)>,
    turned: Vec<(u64, u32)>,
    judge: Judge,
    sums: Sums,
    /// For each summary, how many rows that have it were walked.
    visits: Vec<u64>,
    pub tally: Tally,
    /// The best of each property, in this level.
    pub found: Vec<Option<Found>>,
    /// A step at which the model's code panicked, and what it said.
    pub panic: Option<(Found, String)>,
    /// Keeps the compiler from leaving out reads that only bring memory in.
    pub touched: u64,
}

/// What a thread counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub generated: u64,
    pub fresh: u64,
    /// Full-state equivalents of the fresh states.
    pub full: u64,
    /// Actions of each kind that stateright lists, and that are no steps.
    pub idle: Vec<u64>,
    /// Steps of each kind.
    pub taken: Vec<u64>,
}

/// Fingerprints of a state under each permutation.
#[derive(Default)]
struct Sums {
    moved: Vec<u64>,
}

impl<S: System, const W: usize> Level<'_, S, W> {
    /// The process that owns this fingerprint, if it is not this one.
    #[inline]
    fn owner_elsewhere(&self, print: u64) -> Option<(&Share<W>, usize)> {
        self.share.and_then(|share| Some((share, share.elsewhere(print)?)))
    }
}

impl Via {
    const STEP_BITS: u32 = 22;
    const PANIC: usize = (1 << Via::STEP_BITS) - 1;

    #[expect(clippy::cast_possible_truncation, reason = "checked, and a place is below 256")]
    pub fn new(place: usize, step: usize, turned: bool) -> Via {
        debug_assert!(step < 1 << Via::STEP_BITS, "more steps of one actor than there are numbers");
        Via(u32::from(turned) << 31 | (place as u32) << Via::STEP_BITS | step as u32)
    }

    /// The event at which the code of the actor at `place` panics.
    pub fn panic(place: usize) -> Via {
        Via::new(place, Via::PANIC, false)
    }

    pub fn is_panic(self) -> bool {
        self.step() == Via::PANIC
    }

    pub fn place(self) -> usize {
        (self.0 << 1 >> 1 >> Via::STEP_BITS) as usize
    }

    pub fn step(self) -> usize {
        (self.0 & ((1 << Via::STEP_BITS) - 1)) as usize
    }

    fn turned(self) -> bool {
        self.0 >> 31 == 1
    }
}

impl Tally {
    /// Nothing, of as many kinds.
    pub fn none(&self) -> Tally {
        Tally { idle: vec![0; self.idle.len()], taken: vec![0; self.taken.len()], ..Tally::default() }
    }
}

impl<const W: usize> Worker<W> {
    pub fn new<S: System>(machine: &Machine<S>) -> Self {
        let kinds = machine.system.kinds().len();
        Worker {
            cursor: Cursor::default(),
            batch: Vec::with_capacity(2 * BATCH),
            asks: Asks::default(),
            added: vec![(u64::MAX, 0, 0); ADDED],
            turned: vec![(u64::MAX, 0); TURNED],
            judge: Judge::new(machine.actors),
            sums: Sums::new(machine),
            visits: Vec::new(),
            tally: Tally { idle: vec![0; kinds], taken: vec![0; kinds], ..Tally::default() },
            found: vec![None; machine.properties.list.len()],
            panic: None,
            touched: 0,
        }
    }

    /// What there is to report of the initial state; nothing if it is beyond the model's boundary. A panic of a judgement is
    /// a fault of the machine: there is no step to show.
    pub fn begin<S: System>(
        &mut self,
        machine: &Machine<S>,
        state: &[u32],
        has_boundary: bool,
    ) -> Option<u32> {
        let within = !has_boundary || self.judge.is_within(machine, state);
        if !within {
            self.judge.panic.take().into_iter().for_each(|panic| machine.note_fault(Error::Panicked(panic)));
            return None;
        }
        let cells = &state[..machine.actors];
        let notes = cells.iter().fold(machine.ambients.get(state[machine.actors]).notes, |notes, &cell| {
            let cell = machine.cells.get(cell);
            let letters = machine.letters(cell);
            let inbox = letters.iter().map(|&at| machine.envelopes.get(at).notes);
            notes | machine.locals.get(cell.local).notes | inbox.fold(0, |notes, own| notes | own)
        });
        let judged = self.judge.judge(machine, cells, None) | self.judge.judge_state(machine, state);
        self.judge.panic.take().into_iter().for_each(|panic| machine.note_fault(Error::Panicked(panic)));
        Some(notes | judged)
    }

    /// Takes over what another thread counted, found and numbered.
    pub fn absorb(&mut self, other: &mut Worker<W>) {
        self.cursor.put_back(other.cursor.take());
        let none = other.tally.none();
        let tally = std::mem::replace(&mut other.tally, none);
        self.tally.generated += tally.generated;
        self.tally.fresh += tally.fresh;
        self.tally.full += tally.full;
        self.tally.idle.iter_mut().zip(tally.idle).for_each(|(sum, count)| *sum += count);
        self.tally.taken.iter_mut().zip(tally.taken).for_each(|(sum, count)| *sum += count);
        for (best, found) in self.found.iter_mut().zip(&mut other.found) {
            *best = best.take().into_iter().chain(found.take()).min();
        }
        let panics = self.panic.take().into_iter().chain(other.panic.take());
        self.panic = panics.min_by(|a, b| a.0.cmp(&b.0));
    }

    /// Puts the initial state into the table.
    pub fn put_first<S: System>(&mut self, level: &Level<S, W>, state: &State<W>) {
        let Some(at) = level.records.reserve(&mut self.cursor) else { return };
        let (print, mut check) = (self.sums.print(level.machine, state), 0);
        if level.symmetric {
            self.tally.full += self.sums.orbit();
            check = self.sums.check(level.machine, state);
        }
        if claim(level, print, check, state, at) {
            self.cursor.advance();
            let (parent, via) = crate::search::FIRST;
            level.records.link(at, parent, via.0);
            self.tally.fresh += 1;
            level.claimed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The same as [`Worker::run`]; a panic of the model's code that nobody else caught is a fault of the machine.
    pub fn run_safely<S: System>(&mut self, level: &Level<S, W>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run(level))) {
            level.machine.note_fault(Error::Panicked(message(&*panic)));
            level.pause.store(true, Ordering::Relaxed);
        }
    }

    /// Takes ranges and expands their states until there are none left, or all are told to pause.
    fn run<S: System>(&mut self, level: &Level<S, W>) {
        let mut cells = Vec::with_capacity(BLOCK as usize * W);
        while !level.pause.load(Ordering::Relaxed) {
            let Some(unit) = level.units.get(level.next_unit.fetch_add(1, Ordering::Relaxed)) else { break };
            let mut at = unit.start;
            while at < unit.end && !level.pause.load(Ordering::Relaxed) {
                let block = at..unit.end.min(at + BLOCK);
                at = block.end;
                self.expand_block(level, block, &mut cells);
            }
            if at < unit.end {
                lock(&level.left).push(at..unit.end);
            }
            if let Some(share) = level.share {
                self.keep_pace(level, share);
            }
        }
        self.flush(level);
        self.count_visits(level);
        if let Some(share) = level.share {
            share.hand_over(&mut self.asks);
        }
    }

    /// Expands a few states: first the cells of all of them are looked up, so that memory is on its way for all.
    fn expand_block<'m, S: System>(
        &mut self,
        level: &Level<'m, S, W>,
        block: Range<u32>,
        cells: &mut Vec<&'m Cell>,
    ) {
        let machine = level.machine;
        cells.clear();
        for at in block.clone() {
            let state = level.records.read(at);
            cells.extend(state[..machine.actors].iter().map(|&cell| machine.cells.get(cell)));
        }
        for cell in cells.iter() {
            let first = cell.row.get().and_then(|row| row.steps.first());
            self.touched ^= first.map_or(0, |step| step.delta);
        }
        for (at, cells) in block.zip(cells.chunks(machine.actors.max(1))) {
            self.expand(level, at, cells);
            if self.batch.len() >= BATCH {
                self.flush(level);
            }
        }
    }

    fn expand<S: System>(&mut self, level: &Level<S, W>, at: u32, cells: &[&Cell]) {
        let machine = level.machine;
        let state = level.records.read(at);
        let ambient = state[machine.actors];
        let ambient_print = machine.ambient_print(ambient);
        let print = cells.iter().fold(ambient_print, |sum, cell| sum.wrapping_add(cell.print));
        let from = From { state: &state, cells, ambient_print, print, at };
        let may_crash = machine.may_crash(cells);
        for (place, cell) in cells.iter().enumerate() {
            let row = machine.row_of(state[place], cell);
            if row.is_special {
                self.count_special(machine, &from, place, row.summary);
            } else {
                self.visit(row.summary);
            }
            let echoes_from = row.echoes_from as usize;
            let is_echo = echoes_from < row.steps.len() && {
                let mut echoes = machine.echoes.get(row.echoes).iter();
                echoes.all(|echo| machine.absorbs(cells[echo.to as usize], &echo.mask))
            };
            let steps = if is_echo { &row.steps[..echoes_from] } else { &row.steps[..] };
            self.tally.generated += (row.steps.len() - steps.len()) as u64;
            for (index, step) in steps.iter().enumerate() {
                let via = Via::new(place, index, step.turned());
                if step.has_more() {
                    self.take(level, &from, via, *step, may_crash);
                } else {
                    let mut next = state;
                    next[place] = step.cell;
                    let print = print.wrapping_add(step.delta);
                    self.offer(level, Candidate { print, check: 0, state: next, parent: at, via }, 0, &state);
                }
            }
        }
        if machine.lossy {
            self.lose(level, &state, print, at);
        }
    }

    #[inline]
    fn visit(&mut self, summary: u32) {
        let summary = summary as usize;
        if summary >= self.visits.len() {
            self.visits.resize(summary + 1, 0);
        }
        self.visits[summary] += 1;
    }

    /// Counts what is the same at each visit.
    fn count_visits<S: System>(&mut self, level: &Level<S, W>) {
        for (number, visits) in (0..).zip(&mut self.visits) {
            let visits = std::mem::take(visits);
            if visits > 0 {
                self.tally.count(level.machine.summaries.get(number), visits, |_| true);
            }
        }
        level.generated.fetch_add(std::mem::take(&mut self.tally.generated), Ordering::Relaxed);
    }

    /// Counts what depends on what is spent, and looks after panics.
    #[cold]
    fn count_special<S: System>(&mut self, machine: &Machine<S>, from: &From<W>, place: usize, summary: u32) {
        let summary = machine.summaries.get(summary);
        let ambient = from.state[machine.actors];
        self.tally.count(summary, 1, |cause| machine.affords(ambient, cause));
        let Some(panic) = summary.panic else { return };
        let reaction = machine.reaction(panic);
        if let Does::Panic(message) = &reaction.does
            && machine.affords(ambient, reaction.cause)
        {
            let found = Found { print: from.print, parent: from.at, via: Via::panic(place) };
            note_panic(&mut self.panic, found, message);
        }
    }

    /// Takes a step that does more than change its own cell: where it leads, and the fingerprint of that, by additions.
    #[inline]
    fn take<S: System>(
        &mut self,
        level: &Level<S, W>,
        from: &From<W>,
        via: Via,
        step: Step,
        may_crash: bool,
    ) {
        let machine = level.machine;
        let reaction = machine.reaction(step.reaction());
        if reaction.is_crash && !may_crash {
            let taken = &mut self.tally.taken[usize::from(reaction.kind)];
            *taken = taken.wrapping_sub(u64::from(reaction.effect == 0));
            return;
        }
        let mut notes = reaction.notes;
        let mut next = *from.state;
        next[via.place()] = step.cell;
        let mut print = from.print.wrapping_add(step.delta);
        if reaction.effect != 0 {
            let ambient = next[machine.actors];
            let Some(turned) = self.turn(machine, ambient, reaction.effect) else { return };
            let taken = &mut self.tally.taken[usize::from(reaction.kind)];
            *taken = taken.wrapping_add(1);
            notes |= machine.ambients.get(turned).notes;
            print = print.wrapping_add(machine.ambient_print(turned)).wrapping_sub(from.ambient_print);
            next[machine.actors] = turned;
        }
        for &(to, bundle) in &reaction.sends {
            let to = to as usize;
            let (cell, added) = self.add(machine, from.state[to], bundle);
            print = print.wrapping_add(added).wrapping_sub(from.cells[to].print);
            next[to] = cell;
        }
        let candidate = Candidate { print, check: 0, state: next, parent: from.at, via };
        self.offer(level, candidate, notes, from.state);
    }

    /// Counts a step, reports what there is to report of it, and keeps where it leads for the next look-up.
    #[inline]
    fn offer<S: System>(
        &mut self,
        level: &Level<S, W>,
        mut candidate: Candidate<W>,
        notes: u32,
        from: &State<W>,
    ) {
        self.tally.generated += 1;
        if notes & !level.reported != 0 {
            self.note(level, notes, &candidate);
        }
        if candidate.state != *from {
            if level.symmetric {
                self.sums.sum(level.machine, &candidate.state);
                candidate.print = self.sums.lowest();
                candidate.check = self.sums.check(level.machine, &candidate.state);
            }
            self.batch.push(candidate);
        }
    }

    /// What can happen to messages to nobody.
    #[cold]
    fn lose<S: System>(&mut self, level: &Level<S, W>, state: &State<W>, print: u64, parent: u32) {
        let machine = level.machine;
        let ambient = state[machine.actors];
        for (index, (_, effect, kind)) in machine.losses(ambient).into_iter().enumerate() {
            let Some(turned) = self.turn(machine, ambient, effect) else { continue };
            let taken = &mut self.tally.taken[usize::from(kind)];
            *taken = taken.wrapping_add(1);
            let mut next = *state;
            next[machine.actors] = turned;
            let moved = print.wrapping_add(machine.ambient_print(turned));
            let print = moved.wrapping_sub(machine.ambient_print(ambient));
            let via = Via::new(machine.actors, index, false);
            let notes = machine.ambients.get(turned).notes;
            self.offer(level, Candidate { print, check: 0, state: next, parent, via }, notes, state);
        }
    }

    /// Looks all candidates up: first a touch of each, so that memory is on its way for all; then one by one.
    fn flush<S: System>(&mut self, level: &Level<S, W>) {
        let mut batch = std::mem::take(&mut self.batch);
        for candidate in &batch {
            self.touched ^= level.visited.touch(index(candidate.print));
        }
        let (before, mut asked) = (self.tally.fresh, 0);
        for candidate in &batch {
            if level.has_boundary && !self.is_within(level, candidate) {
                continue;
            }
            let Some(at) = level.records.reserve(&mut self.cursor) else {
                level.is_full.store(true, Ordering::Relaxed);
                level.pause.store(true, Ordering::Relaxed);
                break;
            };
            if claim(level, candidate.print, candidate.check, &candidate.state, at) {
                if let Some((share, owner)) = level.owner_elsewhere(candidate.print) {
                    share.ask(&mut self.asks, owner, candidate);
                    asked += 1;
                    continue;
                }
                self.cursor.advance();
                level.records.link(at, candidate.parent, candidate.via.0);
                self.welcome(level, candidate);
            }
        }
        batch.clear();
        self.batch = batch;
        let fresh = self.tally.fresh - before;
        let claimed = level.claimed.fetch_add(fresh, Ordering::Relaxed) + fresh;
        let held = level.held.fetch_add(asked, Ordering::Relaxed) + asked;
        if claimed + held > level.claims_max {
            level.pause.store(true, Ordering::Relaxed);
        }
        level.generated.fetch_add(std::mem::take(&mut self.tally.generated), Ordering::Relaxed);
    }

    /// Judges a state that is new.
    pub fn welcome<S: System>(&mut self, level: &Level<S, W>, candidate: &Candidate<W>) {
        let machine = level.machine;
        self.tally.fresh += 1;
        let cells = &candidate.state[..machine.actors];
        let notes = if level.symmetric {
            self.sums.sum(machine, &candidate.state);
            self.tally.full += self.sums.orbit();
            self.judge.judge(machine, cells, None)
        } else if candidate.via.turned() {
            self.judge.judge(machine, cells, Some(candidate.via.place()))
        } else {
            0
        };
        let notes = notes | self.judge.judge_state(machine, &candidate.state[..=machine.actors]);
        self.blame(candidate);
        if notes & !level.reported != 0 {
            self.note(level, notes, candidate);
        }
    }

    /// If a judgement panicked, it was that of this candidate.
    #[inline]
    fn blame(&mut self, candidate: &Candidate<W>) {
        if let Some(message) = self.judge.panic.take() {
            note_panic(&mut self.panic, found(candidate), &message);
        }
    }

    #[cold]
    fn note<S: System>(&mut self, level: &Level<S, W>, notes: u32, candidate: &Candidate<W>) {
        // A step is taken only to a state that stateright would have kept.
        if level.has_boundary {
            let within = self.judge.is_within(level.machine, &candidate.state[..=level.machine.actors]);
            self.blame(candidate);
            if !within {
                return;
            }
        }
        let found = found(candidate);
        for (at, best) in self.found.iter_mut().enumerate() {
            if notes >> at & 1 == 1 && best.as_ref().is_none_or(|best| found < *best) {
                *best = Some(found.clone());
            }
        }
    }

    /// Is the candidate within the model's boundary? One that is not was no step either.
    #[cold]
    fn is_within<S: System>(&mut self, level: &Level<S, W>, candidate: &Candidate<W>) -> bool {
        let machine = level.machine;
        let within = self.judge.is_within(machine, &candidate.state[..=machine.actors]);
        self.blame(candidate);
        if !within {
            self.tally.generated -= 1;
            let parent = level.records.read(candidate.parent);
            let kind = machine.kind(&parent[..=machine.actors], candidate.via);
            let taken = &mut self.tally.taken[usize::from(kind)];
            *taken = taken.wrapping_sub(1);
        }
        within
    }

    /// The cell that `cell` becomes with a bundle of messages more, and what it adds to a fingerprint.
    #[inline]
    fn add<S: System>(&mut self, machine: &Machine<S>, cell: u32, bundle: u32) -> (u32, u64) {
        let key = u64::from(cell) << 32 | u64::from(bundle);
        let known = &mut self.added[spread(key) % ADDED];
        if known.0 != key {
            let cell = machine.add(cell, bundle);
            *known = (key, cell, machine.cells.get(cell).print);
        }
        (known.1, known.2)
    }

    #[inline]
    fn turn<S: System>(&mut self, machine: &Machine<S>, ambient: u32, effect: u32) -> Option<u32> {
        let key = u64::from(ambient) << 32 | u64::from(effect);
        let known = &mut self.turned[spread(key) % TURNED];
        if known.0 != key {
            *known = (key, machine.turn(ambient, effect));
        }
        Some(known.1).filter(|&next| next != crate::machine::UNKNOWN)
    }
}

/// Where in the table a fingerprint belongs. The lowest of several is not uniform, a product with an odd number makes it so.
#[inline]
pub(crate) fn index(print: u64) -> u64 {
    print.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline]
fn spread(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
}

/// The fingerprint of a state.
#[inline]
pub(crate) fn print<S: System>(machine: &Machine<S>, state: &[u32]) -> u64 {
    let ambient = machine.ambient_print(state[machine.actors]);
    state[..machine.actors].iter().fold(ambient, |sum, &cell| sum.wrapping_add(machine.cells.get(cell).print))
}

/// The fingerprint by which `state` is told apart: under symmetry, that of its orbit.
pub(crate) fn print_of<S: System>(machine: &Machine<S>, state: &[u32]) -> u64 {
    Sums::new(machine).print(machine, state)
}

/// Puts states that are all different into an empty table.
pub(crate) fn refill<S: System, const W: usize>(
    machine: &Machine<S>,
    visited: &Visited,
    records: &Records<W>,
    range: Range<u32>,
) {
    let mut sums = Sums::new(machine);
    let mut words = Vec::with_capacity(range.len());
    for at in range {
        let state = records.read(at);
        let print = sums.print(machine, &state);
        words.push((index(print), print << 32 | u64::from(at + 1)));
    }
    let touched = words.iter().fold(0, |touched, &(print, _)| touched ^ visited.touch(print));
    std::hint::black_box(touched);
    for (print, word) in words {
        visited.put(print, word);
    }
}

/// Puts the state `at` into the table. False if it is there already.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half is the number")]
pub(crate) fn claim<S: System, const W: usize>(
    level: &Level<S, W>,
    print: u64,
    check: u64,
    state: &State<W>,
    at: u32,
) -> bool {
    level.records.write(at, state, check);
    let known = if level.exact {
        // The high half of the product chooses the bucket; the low half of the fingerprint tells states in it apart, before
        // they are compared. No number is NONE, so no word is 0.
        let tag = print << 32;
        level.visited.insert(index(print), tag | u64::from(at + 1), |there| {
            let other = there as u32 - 1;
            (there ^ tag) >> 32 == 0
                && if level.symmetric {
                    level.records.check(other) == check
                } else {
                    level.records.is(other, state)
                }
        })
    } else {
        let word = print.max(1);
        level.visited.insert(index(print), word, |there| there == word)
    };
    known.is_none()
}

fn found<const W: usize>(candidate: &Candidate<W>) -> Found {
    Found { print: candidate.print, parent: candidate.parent, via: candidate.via }
}

fn note_panic(best: &mut Option<(Found, String)>, found: Found, message: &str) {
    if best.as_ref().is_none_or(|(best, _)| found < *best) {
        *best = Some((found, message.to_owned()));
    }
}

impl Tally {
    /// Counts a summary so many times; `listed` says of which causes there is something left.
    fn count(&mut self, summary: &Summary, times: u64, listed: impl Fn(Option<u8>) -> bool) {
        self.generated += times * u64::from(summary.still);
        for &(kind, count) in &summary.free {
            let taken = &mut self.taken[usize::from(kind)];
            *taken = taken.wrapping_add(times * u64::from(count));
        }
        for &(kind, cause, count) in &summary.idle {
            let count = if listed(cause) { times * u64::from(count) } else { 0 };
            self.idle[usize::from(kind)] += count;
        }
    }
}

impl Sums {
    fn new<S: System>(machine: &Machine<S>) -> Sums {
        Sums { moved: vec![0; machine.group.len()] }
    }

    /// Fingerprints of `state` under each permutation.
    #[inline]
    fn sum<S: System>(&mut self, machine: &Machine<S>, state: &[u32]) {
        let ambient = machine.ambient_prints(state[machine.actors]);
        for (sum, print) in self.moved.iter_mut().zip(ambient) {
            *sum = print.load(Ordering::Relaxed);
        }
        for &cell in &state[..machine.actors] {
            for (sum, print) in self.moved.iter_mut().zip(machine.prints(cell)) {
                *sum = sum.wrapping_add(print.load(Ordering::Relaxed));
            }
        }
    }

    /// The fingerprint by which `state` is told apart: its own, or under symmetry that of its orbit.
    fn print<S: System>(&mut self, machine: &Machine<S>, state: &[u32]) -> u64 {
        if machine.group.len() == 1 {
            return print(machine, state);
        }
        self.sum(machine, state);
        self.lowest()
    }

    /// The fingerprint of the orbit.
    fn lowest(&self) -> u64 {
        self.moved.iter().copied().min().unwrap_or(0)
    }

    /// How many different states the permutations make of this one: the group, over those that leave it as it is.
    fn orbit(&self) -> u64 {
        let lowest = self.lowest();
        (self.moved.len() / self.moved.iter().filter(|&&sum| sum == lowest).count()) as u64
    }

    /// The second fingerprint of the orbit: the lowest, of the permutations that have the lowest first one.
    fn check<S: System>(&self, machine: &Machine<S>, state: &[u32]) -> u64 {
        let (order, lowest) = (self.moved.len(), self.lowest());
        let second = |by: usize| {
            let ambient = machine.ambient_prints(state[machine.actors])[order + by].load(Ordering::Relaxed);
            let cells = state[..machine.actors].iter();
            cells.fold(ambient, |sum, &cell| {
                sum.wrapping_add(machine.prints(cell)[order + by].load(Ordering::Relaxed))
            })
        };
        (0..order).filter(|&by| self.moved[by] == lowest).map(second).min().unwrap_or(0)
    }
}
