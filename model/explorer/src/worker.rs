//! The hot path. A thread takes a range of states, walks the rows of their cells, and puts what comes of them into the
//! table, in batches: so that many cache lines are on their way at once.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::ambient::lock;
use crate::candidate::{Candidate, Found, Via};
use crate::distributed::{Asks, Share};
use crate::error::Error;
use crate::hot::{AtHand, Hot};
use crate::judge::Judge;
use crate::known::Known;
use crate::machine::{Machine, message};
use crate::reaction::Does;
use crate::records::{Cursor, State};
use crate::room::words;
use crate::row::Step;
use crate::sums::{Sums, index};
use crate::system::System;
use crate::tally::Tally;

/// Candidates that are looked up together.
const BATCH: usize = 256;
/// States whose cells are looked up together.
const BLOCK: u32 = 16;

/// What all threads see while they expand one level.
pub(crate) struct Level<'a, S: System, const W: usize> {
    pub machine: &'a Machine<'a, S>,
    pub known: Known<'a, W>,
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
    /// States, and how many words the table may have before it grows.
    pub claimed: &'a AtomicU64,
    pub claims_max: u64,
    pub generated: &'a AtomicU64,
    /// There are no numbers left.
    pub is_full: &'a AtomicBool,
    /// Words in the table that are no states of this process, less its states of which no word is there.
    pub held: &'a AtomicU64,
    /// May a state that is not in the table be on disk? Then it is judged and counted later.
    pub puts_off: bool,
    /// With which processes states are shared, if they are.
    pub share: Option<&'a Share<W>>,
}

/// A state that is being expanded.
struct From<'s, const W: usize> {
    state: &'s State<W>,
    cells: &'s [Hot<'s>],
    ambient_print: u64,
    print: u64,
    at: u32,
}

/// What one thread keeps from level to level.
pub(crate) struct Worker<'m, S: System, const W: usize> {
    pub cursor: Cursor,
    batch: Vec<Candidate<W>>,
    /// Candidates of which other processes will say whether they are new.
    pub asks: Asks<W>,
    at_hand: AtHand<'m, S>,
    judge: Judge<S>,
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

impl<S: System, const W: usize> Level<'_, S, W> {
    /// The process that owns this fingerprint, if it is not this one.
    #[inline]
    fn owner_elsewhere(&self, print: u64) -> Option<(&Share<W>, usize)> {
        self.share.and_then(|share| Some((share, share.elsewhere(print)?)))
    }
}

impl<'m, S: System, const W: usize> Worker<'m, S, W> {
    pub fn new(machine: &'m Machine<'m, S>) -> Self {
        let kinds = machine.system.kinds().len();
        Worker {
            cursor: Cursor::default(),
            batch: Vec::with_capacity(2 * BATCH),
            asks: Asks::default(),
            at_hand: AtHand::new(machine),
            judge: Judge::new(machine.actors),
            sums: Sums::new(machine),
            visits: Vec::new(),
            tally: Tally::new(kinds),
            found: vec![None; machine.properties.list.len()],
            panic: None,
            touched: 0,
        }
    }

    /// What there is to report of the initial state; nothing if it is beyond the model's boundary. A panic of a
    /// judgement is a fault of the machine: there is no step to show.
    pub fn begin(&mut self, machine: &Machine<S>, state: &[u32], has_boundary: bool) -> Option<u32> {
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

    /// Bytes in the tables of this thread alone.
    pub fn bytes(&self) -> usize {
        self.at_hand.bytes()
    }

    /// Takes over what another thread counted, found and numbered.
    pub fn absorb(&mut self, other: &mut Worker<'m, S, W>) {
        self.cursor.put_back(other.cursor.take());
        self.tally.absorb(&mut other.tally);
        for (best, found) in self.found.iter_mut().zip(&mut other.found) {
            *best = best.take().into_iter().chain(found.take()).min();
        }
        let panics = self.panic.take().into_iter().chain(other.panic.take());
        self.panic = panics.min_by(|a, b| a.0.cmp(&b.0));
    }

    /// Puts the initial state into the table.
    pub fn put_first(&mut self, level: &Level<S, W>, state: &State<W>) {
        let Some(at) = level.known.records.reserve(&mut self.cursor) else { return };
        let (print, mut check) = (self.sums.print(level.machine, state), 0);
        if level.known.symmetric {
            self.tally.full += self.sums.orbit();
            check = self.sums.check(level.machine, state);
        }
        if level.known.claim(print, check, state, at) {
            self.cursor.advance();
            let (parent, via) = crate::search::FIRST;
            level.known.records.link(at, parent, via.0);
            self.tally.fresh += 1;
            level.claimed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The same as [`Worker::run`]; a panic of the model's code that nobody else caught is a fault of the machine.
    pub fn run_safely(&mut self, level: &Level<S, W>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run(level))) {
            level.machine.note_fault(Error::Panicked(message(&*panic)));
            level.pause.store(true, Ordering::Relaxed);
        }
    }

    /// Takes ranges and expands their states until there are none left, or all are told to pause.
    fn run(&mut self, level: &Level<S, W>) {
        let mut cells = Vec::with_capacity(BLOCK as usize * W);
        self.at_hand.make_room();
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
    fn expand_block(&mut self, level: &Level<S, W>, block: Range<u32>, cells: &mut Vec<Hot<'m>>) {
        let (actors, end) = (level.machine.actors, block.end);
        let mut states = [[0; W]; BLOCK as usize];
        cells.clear();
        for (state, at) in states.iter_mut().zip(block.clone()) {
            *state = level.known.records.read(at);
            cells.extend(state[..actors].iter().map(|&cell| self.at_hand.cell(cell)));
        }
        for cell in cells.iter() {
            self.touched ^= cell.steps.first().map_or(0, |step| step.delta);
        }
        for ((at, state), cells) in block.zip(&states).zip(cells.chunks(actors.max(1))) {
            self.expand(level, at, state, cells);
            if self.batch.len() >= BATCH {
                self.flush(level);
                // The table may have no room for what the rest leads to.
                if level.pause.load(Ordering::Relaxed) {
                    lock(&level.left).push(at + 1..end);
                    return;
                }
            }
        }
    }

    fn expand(&mut self, level: &Level<S, W>, at: u32, state: &State<W>, cells: &[Hot]) {
        let machine = level.machine;
        let ambient_print = machine.ambient_print(state[machine.actors]);
        let print = cells.iter().fold(ambient_print, |sum, cell| sum.wrapping_add(cell.print));
        let from = From { state, cells, ambient_print, print, at };
        let may_crash = machine.max_crashes > 0
            && cells.iter().filter(|cell| cell.is_crashed()).count() < machine.max_crashes;
        for (place, cell) in cells.iter().enumerate() {
            if cell.is_special() {
                self.count_special(machine, &from, place, cell.summary());
            } else {
                self.visit(cell.summary());
            }
            let mut steps = cell.steps;
            if cell.has_echoes() && machine.absorbs_echoes(state, cell.echoes) {
                self.tally.generated += (steps.len() - cell.echoes_from as usize) as u64;
                steps = &steps[..cell.echoes_from as usize];
            }
            for (index, step) in steps.iter().enumerate() {
                let via = Via::new(place, index, step.turned());
                if step.has_more() {
                    self.take(level, &from, via, *step, may_crash);
                } else {
                    let mut next = *state;
                    next[place] = step.cell;
                    let print = print.wrapping_add(step.delta);
                    self.offer(level, Candidate { print, check: 0, state: next, parent: at, via }, 0, state);
                }
            }
        }
        if machine.lossy {
            self.lose(level, state, print, at);
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
    fn count_visits(&mut self, level: &Level<S, W>) {
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
    fn count_special(&mut self, machine: &Machine<S>, from: &From<W>, place: usize, summary: u32) {
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
    fn take(&mut self, level: &Level<S, W>, from: &From<W>, via: Via, step: Step, may_crash: bool) {
        let machine = level.machine;
        let reaction = machine.reaction(step.reaction());
        if reaction.is_crash && !may_crash {
            if reaction.effect == 0 {
                self.tally.took_not(reaction.kind);
            }
            return;
        }
        let mut notes = reaction.notes;
        let mut next = *from.state;
        next[via.place()] = step.cell;
        let mut print = from.print.wrapping_add(step.delta);
        if reaction.effect != 0 {
            let ambient = next[machine.actors];
            let Some(turned) = self.at_hand.turn(ambient, reaction.effect) else { return };
            self.tally.took(reaction.kind);
            notes |= turned.notes;
            print = print.wrapping_add(turned.print).wrapping_sub(from.ambient_print);
            next[machine.actors] = turned.ambient;
        }
        for &(to, bundle) in &reaction.sends {
            let to = to as usize;
            let (cell, added) = self.at_hand.add(from.state[to], bundle);
            print = print.wrapping_add(added).wrapping_sub(from.cells[to].print);
            next[to] = cell;
        }
        let candidate = Candidate { print, check: 0, state: next, parent: from.at, via };
        self.offer(level, candidate, notes, from.state);
    }

    /// Counts a step, reports what there is to report of it, and keeps where it leads for the next look-up.
    #[inline]
    fn offer(&mut self, level: &Level<S, W>, mut candidate: Candidate<W>, notes: u32, from: &State<W>) {
        self.tally.generated += 1;
        if notes & !level.reported != 0 {
            self.note(level, notes, &candidate);
        }
        if candidate.state != *from {
            if level.known.symmetric {
                self.sums.sum(level.machine, &candidate.state);
                candidate.print = self.sums.lowest();
                candidate.check = self.sums.check(level.machine, &candidate.state);
            }
            self.batch.push(candidate);
        }
    }

    /// What can happen to messages to nobody.
    #[cold]
    fn lose(&mut self, level: &Level<S, W>, state: &State<W>, print: u64, parent: u32) {
        let machine = level.machine;
        let ambient = state[machine.actors];
        for (index, (_, effect, kind)) in machine.losses(ambient).into_iter().enumerate() {
            let Some(turned) = self.at_hand.turn(ambient, effect) else { continue };
            self.tally.took(kind);
            let mut next = *state;
            next[machine.actors] = turned.ambient;
            let moved = print.wrapping_add(turned.print);
            let print = moved.wrapping_sub(machine.ambient_print(ambient));
            let via = Via::new(machine.actors, index, false);
            self.offer(level, Candidate { print, check: 0, state: next, parent, via }, turned.notes, state);
        }
    }

    /// Looks all candidates up: first a touch of each, so that memory is on its way for all; then one by one.
    fn flush(&mut self, level: &Level<S, W>) {
        let mut batch = std::mem::take(&mut self.batch);
        for candidate in &batch {
            self.touched ^= level.known.visited.touch(index(candidate.print));
        }
        let (before, mut asked) = (self.tally.fresh, 0);
        for candidate in &batch {
            if level.has_boundary && !self.is_within(level, candidate) {
                continue;
            }
            let Some(at) = level.known.records.reserve(&mut self.cursor) else {
                level.is_full.store(true, Ordering::Relaxed);
                level.pause.store(true, Ordering::Relaxed);
                break;
            };
            if level.known.claim(candidate.print, candidate.check, &candidate.state, at) {
                if let Some((share, owner)) = level.owner_elsewhere(candidate.print) {
                    share.ask(&mut self.asks, owner, candidate);
                    asked += 1;
                    continue;
                }
                self.cursor.advance();
                level.known.records.link(at, candidate.parent, candidate.via.0);
                if level.puts_off {
                    asked += 1;
                } else {
                    self.welcome(level, candidate);
                }
            }
        }
        batch.clear();
        self.batch = batch;
        let fresh = self.tally.fresh - before;
        let claimed = level.claimed.fetch_add(fresh, Ordering::Relaxed) + fresh;
        let held = level.held.fetch_add(asked, Ordering::Relaxed).wrapping_add(asked);
        if words(claimed, held) > level.claims_max {
            level.pause.store(true, Ordering::Relaxed);
        }
        level.generated.fetch_add(std::mem::take(&mut self.tally.generated), Ordering::Relaxed);
    }

    /// Judges a state that is new.
    pub fn welcome(&mut self, level: &Level<S, W>, candidate: &Candidate<W>) {
        let machine = level.machine;
        self.tally.fresh += 1;
        let cells = &candidate.state[..machine.actors];
        let notes = if level.known.symmetric {
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
            note_panic(&mut self.panic, candidate.found(), &message);
        }
    }

    #[cold]
    fn note(&mut self, level: &Level<S, W>, notes: u32, candidate: &Candidate<W>) {
        // A step is taken only to a state that stateright would have kept.
        if level.has_boundary {
            let within = self.judge.is_within(level.machine, &candidate.state[..=level.machine.actors]);
            self.blame(candidate);
            if !within {
                return;
            }
        }
        let found = candidate.found();
        for (at, best) in self.found.iter_mut().enumerate() {
            if notes >> at & 1 == 1 && best.as_ref().is_none_or(|best| found < *best) {
                *best = Some(found.clone());
            }
        }
    }

    /// Is the candidate within the model's boundary? One that is not was no step either.
    #[cold]
    fn is_within(&mut self, level: &Level<S, W>, candidate: &Candidate<W>) -> bool {
        let machine = level.machine;
        // What is in the table was within it.
        if level.known.holds(candidate.print, candidate.check, &candidate.state) {
            return true;
        }
        let within = self.judge.is_within(machine, &candidate.state[..=machine.actors]);
        self.blame(candidate);
        if !within {
            self.tally.generated -= 1;
            let parent = level.known.records.read(candidate.parent);
            let kind = machine.kind(&parent[..=machine.actors], candidate.via);
            self.tally.took_not(kind);
        }
        within
    }
}

fn note_panic(best: &mut Option<(Found, String)>, found: Found, message: &str) {
    if best.as_ref().is_none_or(|(best, _)| found < *best) {
        *best = Some((found, message.to_owned()));
    }
}
