//! A search on disk: written between two states, read by a process that goes on from there.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;

use crate::binary::{Reader, Writer};
use crate::candidate::{Found, Via};
use crate::error::Error;
use crate::report::Level as Depth;
use crate::search::Search;
use crate::system::System;
use crate::visited::Visited;

const FORMAT: &str = "raftlab-explorer checkpoint 1";
/// The file in a checkpoint's directory.
const FILE: &str = "checkpoint";

impl<S: System, const W: usize> Search<'_, S, W> {
    /// Writes all that a process needs to go on: `left` is what is not expanded of the level under way. The last
    /// checkpoint stays until this one is whole.
    pub fn save(&mut self, directory: &Path, left: &[Range<u32>]) -> Result<(), Error> {
        let fault = |fault: io::Error| Error::Checkpoint(directory.display().to_string(), fault.to_string());
        fs::create_dir_all(directory).map_err(fault)?;
        let next = directory.join("next");
        self.gather();
        self.write(&next, left).map_err(fault)?;
        fs::rename(&next, directory.join(FILE)).map_err(fault)?;
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(fault)
    }

    fn write(&self, path: &Path, left: &[Range<u32>]) -> io::Result<()> {
        let mut to = Writer::create(path)?;
        to.text(FORMAT)?;
        to.u128(self.machine.identity())?;
        to.u32(u32::from(self.exact))?;
        self.machine.save(&mut to)?;
        let worker = &self.workers[0];
        for ranges in [left, &self.frontier, &worker.cursor.given(), &self.all] {
            to.list(ranges, |to, range| to.u32(range.start).and_then(|()| to.u32(range.end)))?;
        }
        for range in self.kept(left) {
            to.list(&range.clone().collect::<Vec<_>>(), |to, &at| {
                self.records.read(at)[..=self.machine.actors].iter().try_for_each(|&word| to.u32(word))?;
                to.u64(self.records.check(at))
            })?;
        }
        let numbers = self.records.numbers();
        to.u32(numbers)?;
        (0..numbers).try_for_each(|at| {
            let (parent, via) = self.records.linked(at);
            to.u32(parent).and_then(|()| if self.exact { Ok(()) } else { to.u32(via) })
        })?;
        if !self.exact {
            to.list(&self.visited.words().collect::<Vec<_>>(), |to, &word| to.u64(word))?;
        }
        self.write_counts(&mut to)?;
        to.finish()
    }

    /// Ranges whose states are kept: all of them, or those that are still to be expanded.
    fn kept(&self, left: &[Range<u32>]) -> Vec<Range<u32>> {
        let given = self.workers[0].cursor.given();
        let old = if self.exact { self.all.clone() } else { [left, &self.frontier].concat() };
        old.into_iter().chain(given).collect()
    }

    fn write_counts(&self, to: &mut Writer) -> io::Result<()> {
        let tally = &self.workers[0].tally;
        to.u32(self.depth)?;
        [
            self.claimed.load(Ordering::Relaxed),
            self.generated.load(Ordering::Relaxed),
            tally.full,
            tally.fresh,
        ]
        .into_iter()
        .try_for_each(|count| to.u64(count))?;
        to.list(&tally.idle, |to, &count| to.u64(count))?;
        to.list(&tally.taken, |to, &count| to.u64(count))?;
        to.list(&self.first_depths, |to, &depth| to.option(depth, Writer::u32))?;
        to.list(&self.levels, |to, level| {
            to.u32(level.depth)?;
            to.u64(level.states)?;
            to.u64(level.generated)
        })?;
        to.u32(self.reported)?;
        to.u32(self.initial)?;
        for found in [&self.found, &self.workers[0].found] {
            to.list(found, |to, found| to.option(found.as_ref(), write_found))?;
        }
        let panic = self.panic.as_ref();
        to.option(panic, |to, (found, message)| write_found(to, found).and_then(|()| to.text(message)))?;
        to.u64(self.level_before.0)?;
        to.u64(self.level_before.1)
    }

    /// Reads a checkpoint into a search that has not begun. Returns what is left of the level under way.
    pub fn load(&mut self, directory: &Path) -> Result<Vec<Range<u32>>, Error> {
        let fault = |fault: io::Error| Error::Checkpoint(directory.display().to_string(), fault.to_string());
        self.read(&directory.join(FILE)).map_err(fault)
    }

    fn read(&mut self, path: &Path) -> io::Result<Vec<Range<u32>>> {
        let mut from = Reader::open(path)?;
        if from.text()? != FORMAT {
            return Err(io::Error::other("not a checkpoint, or one of another version"));
        }
        if from.u128()? != self.machine.identity() {
            return Err(io::Error::other("made of another model, or with other limits of it"));
        }
        if from.u32()? != u32::from(self.exact) {
            return Err(io::Error::other("made with another way to tell states apart"));
        }
        self.machine.restore(&mut from)?;
        let range = |from: &mut Reader| Ok(from.u32()?..from.u32()?);
        let left = from.list(range)?;
        self.frontier = from.list(range)?;
        self.workers[0].cursor.put_back(from.list(range)?);
        self.all = from.list(range)?;
        for range in self.kept(&left) {
            if from.length()? != range.len() {
                return Err(io::Error::other("a range of states has another length"));
            }
            for at in range {
                let mut state = [0; W];
                for word in &mut state[..=self.machine.actors] {
                    *word = from.u32()?;
                }
                self.records.restore(at, &state, from.u64()?);
            }
        }
        let numbers = from.u32()?;
        for at in 0..numbers {
            let parent = from.u32()?;
            let via = if self.exact { 0 } else { from.u32()? };
            self.records.relink(at, parent, via);
        }
        self.records.number_from(numbers);
        let words = if self.exact { Vec::new() } else { from.list(Reader::u64)? };
        self.read_counts(&mut from)?;
        from.finish()?;
        let states = usize::try_from(self.claimed.load(Ordering::Relaxed)).map_err(io::Error::other)?;
        let places = states.max(words.len()) * 2;
        self.visited = Visited::new(places.max(self.visited.places()));
        if self.exact {
            self.refill();
        }
        for word in words {
            self.visited.put(crate::sums::index(word), word);
        }
        Ok(left)
    }

    fn read_counts(&mut self, from: &mut Reader) -> io::Result<()> {
        self.depth = from.u32()?;
        self.claimed.store(from.u64()?, Ordering::Relaxed);
        self.generated.store(from.u64()?, Ordering::Relaxed);
        let tally = &mut self.workers[0].tally;
        (tally.full, tally.fresh) = (from.u64()?, from.u64()?);
        (tally.idle, tally.taken) = (from.list(Reader::u64)?, from.list(Reader::u64)?);
        self.first_depths = from.list(|from| from.option(Reader::u32))?;
        self.levels =
            from.list(|from| Ok(Depth { depth: from.u32()?, states: from.u64()?, generated: from.u64()? }))?;
        self.reported = from.u32()?;
        self.initial = from.u32()?;
        self.found = from.list(|from| from.option(read_found))?;
        self.workers[0].found = from.list(|from| from.option(read_found))?;
        self.panic = from.option(|from| Ok((read_found(from)?, from.text()?)))?;
        self.level_before = (from.u64()?, from.u64()?);
        Ok(())
    }

    /// Brings together what the threads counted and found since the level began.
    pub fn gather(&mut self) {
        let (first, others) = self.workers.split_at_mut(1);
        for other in others {
            first[0].absorb(other);
        }
        let of_panics = self.workers[0].panic.take();
        self.panic = self.panic.take().into_iter().chain(of_panics).min_by(|a, b| a.0.cmp(&b.0));
    }
}

fn write_found(to: &mut Writer, found: &Found) -> io::Result<()> {
    to.u64(found.print)?;
    to.u32(found.parent)?;
    to.u32(found.via.0)
}

fn read_found(from: &mut Reader) -> io::Result<Found> {
    Ok(Found { print: from.u64()?, parent: from.u32()?, via: Via(from.u32()?) })
}
