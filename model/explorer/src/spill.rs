//! Past memory: fingerprints on disk, in sorted runs, and how the search came to states that are not expanded any more.
//!
//! When the table may not grow, its fingerprints are written as a **run**, in order, and it starts empty. From then
//! on a candidate that is not in the table may be in a run, so it is taken in and **put off**: at the end of the
//! level, or before the next run is written, all that were put off are sorted and held against the runs, each of
//! which is read once, from its start to its end. What is in none is new, and is judged and counted then. So the disk
//! is read in sequence only, about once a level, and what is found is what would have been found in memory.
//!
//! What stays in memory is the table, as large as there is room for, the level under way and the next one, and the
//! parts of states. A candidate that is put off takes a number, even if it is known: there are 2^32.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::candidate::{Candidate, Via};
use crate::error::Error;
use crate::report::Limit;
use crate::search::{Search, split};
use crate::sums::{Sums, index};
use crate::system::System;
use crate::worker::{Level, Worker};

/// Bytes of a buffer between a file and its reader or writer.
const BUFFER: usize = 1 << 18;
/// So many runs are merged into one.
const RUNS_MAX: usize = 16;

/// Where an exploration puts what does not fit into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spill {
    /// A directory; each exploration makes its own in it, and takes it away when it ends.
    pub directory: PathBuf,
    /// The table never has more places than this, however much memory there is: 8 bytes each.
    pub places_max: usize,
}

impl Spill {
    /// Into this directory, when the memory that is allowed is used up.
    pub fn new(directory: impl Into<PathBuf>) -> Spill {
        Spill { directory: directory.into(), places_max: usize::MAX }
    }

    /// Also when the table would have more places than this, of 8 bytes each.
    #[must_use]
    pub fn places_max(self, places: usize) -> Spill {
        Spill { places_max: places, ..self }
    }
}

/// What an exploration put on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spilled {
    /// How often the table was written.
    pub runs: u64,
    /// Fingerprints that were written, merged ones once.
    pub fingerprints: u64,
    /// Bytes that were written.
    pub written: u64,
    /// Bytes that were read.
    pub read: u64,
}

/// The files of one exploration.
pub(crate) struct Files {
    directory: PathBuf,
    runs: Vec<Run>,
    pub counts: Spilled,
    /// States of the next level: those that were put off and are new, and those that were found before the first run.
    confirmed: Vec<Range<u32>>,
}

impl Files {
    /// A directory of this exploration alone.
    pub fn create(base: &Path) -> io::Result<Files> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(base)?;
        loop {
            let own = format!("spill-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let directory = base.join(own);
            match fs::create_dir(&directory) {
                Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {}
                made => {
                    let (runs, confirmed) = (Vec::new(), Vec::new());
                    return made.map(|()| Files { directory, runs, counts: Spilled::default(), confirmed });
                }
            }
        }
    }

    /// May something that is not in the table be in a run?
    pub fn defers(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Where how the search came to states is kept.
    pub fn links(&self) -> PathBuf {
        self.directory.join("links")
    }

    /// Writes words in the order of their [`index`].
    fn write_run(&mut self, words: impl Iterator<Item = u64>) -> io::Result<()> {
        self.counts.runs += 1;
        let path = self.directory.join(format!("run-{:06}", self.counts.runs));
        let written = write_words(&path, words.map(Ok))?;
        self.counts.fingerprints += written;
        self.counts.written += written * WORD as u64;
        self.runs.push(Run { path, words: written });
        if self.runs.len() == RUNS_MAX { self.merge() } else { Ok(()) }
    }

    /// Makes one run of all: each is a file to open, whenever something was put off.
    fn merge(&mut self) -> io::Result<()> {
        let mut runs = self.runs.iter().map(Run::open).collect::<io::Result<Vec<_>>>()?;
        let path = self.directory.join(format!("merged-{:06}", self.counts.runs));
        // The next of all is the lowest of those that are next in their runs; of equal ones, all are taken.
        let mut next = || -> io::Result<Option<u64>> {
            let lowest = runs.iter().filter_map(|run| run.next).min_by_key(|&word| index(word));
            for run in runs.iter_mut().filter(|run| run.next == lowest) {
                run.advance()?;
            }
            Ok(lowest)
        };
        let written = write_words(&path, std::iter::from_fn(|| next().transpose()))?;
        self.counts.written += written * WORD as u64;
        self.counts.read += runs.iter().map(|run| run.read).sum::<u64>();
        drop(runs);
        for run in std::mem::replace(&mut self.runs, vec![Run { path, words: written }]) {
            fs::remove_file(run.path)?;
        }
        Ok(())
    }

    /// Keeps of `put_off`, sorted by the index of their fingerprints, those that are in no run.
    fn keep_unknown(&mut self, put_off: &mut Vec<(u64, u32)>) -> io::Result<()> {
        for run in &self.runs {
            let mut run = run.open()?;
            let mut fault = Ok(());
            put_off.retain(|&(own, _)| {
                while fault.is_ok() && run.next.is_some_and(|word| index(word) < own) {
                    fault = run.advance();
                }
                run.next.map(index) != Some(own)
            });
            fault?;
            self.counts.read += run.read;
        }
        Ok(())
    }
}

/// Bytes of a fingerprint.
const WORD: usize = size_of::<u64>();

/// A run on disk.
struct Run {
    path: PathBuf,
    words: u64,
}

/// A run that is read.
struct Reading {
    from: BufReader<File>,
    next: Option<u64>,
    /// Bytes read so far.
    read: u64,
}

impl Run {
    fn open(&self) -> io::Result<Reading> {
        let file = File::open(&self.path)?;
        if file.metadata()?.len() != self.words * WORD as u64 {
            return Err(io::Error::other(format!("{} is not as it was written", self.path.display())));
        }
        let mut run = Reading { from: BufReader::with_capacity(BUFFER, file), next: None, read: 0 };
        run.advance()?;
        Ok(run)
    }
}

impl Reading {
    fn advance(&mut self) -> io::Result<()> {
        let mut bytes = [0; WORD];
        self.next = match self.from.read_exact(&mut bytes) {
            Err(fault) if fault.kind() == ErrorKind::UnexpectedEof => None,
            read => read.map(|()| Some(u64::from_le_bytes(bytes)))?,
        };
        self.read += self.next.map_or(0, |_| WORD as u64);
        Ok(())
    }
}

/// Writes words that are in the order of their index, and says how many they were.
fn write_words(path: &Path, words: impl Iterator<Item = io::Result<u64>>) -> io::Result<u64> {
    let mut to = BufWriter::with_capacity(BUFFER, File::create(path)?);
    let (mut written, mut last) = (0, None);
    for word in words {
        let word = word?;
        assert!(last.replace(index(word)).is_none_or(|last| last < index(word)), "a run is in order");
        to.write_all(&word.to_le_bytes())?;
        written += 1;
    }
    to.flush()?;
    Ok(written)
}

impl Drop for Files {
    fn drop(&mut self) {
        // What is left behind by a failure here is only files that nobody needs.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl<S: System, const W: usize> Search<'_, S, W> {
    fn spill_fault(&self, fault: &io::Error) -> Error {
        let directory = self.files.as_ref().map(|files| &*files.directory);
        Error::spill(directory.unwrap_or(Path::new("")), fault)
    }

    /// May the table spill over to disk, as it may not grow?
    pub fn spills(&self) -> bool {
        self.files.is_some()
    }

    /// Writes the table to disk, and starts with an empty one that leaves room beside it.
    pub fn spill_table(&mut self) -> Result<(), Error> {
        self.resolve()?;
        // From here on, what is given is put off; what was given before was judged when it was found.
        let given = self.given_in_level();
        self.resolved_to = self.records.numbers();
        let Some(files) = &mut self.files else { return Ok(()) };
        files.confirmed.extend(given);
        let written = files.write_run(self.visited.words_in_order(index));
        written.map_err(|fault| self.spill_fault(&fault))?;
        self.peak_bytes = self.peak_bytes.max(self.bytes());
        self.visited.clear(self.places_that_fit());
        // No word of a state is in the table now.
        self.held.store(0u64.wrapping_sub(self.claimed.load(Ordering::Relaxed)), Ordering::Relaxed);
        let is_too_much = self.explorer.max_memory.is_some_and(|max| self.bytes() >= max);
        self.limit = self.limit.or(is_too_much.then_some(Limit::Memory));
        Ok(())
    }

    /// Holds what was put off against the runs. What is new is judged and counted, and becomes part of the next level.
    pub fn resolve(&mut self) -> Result<(), Error> {
        if !self.files.as_ref().is_some_and(Files::defers) {
            return Ok(());
        }
        let given = self.given_in_level();
        let count = given.iter().map(Range::len).sum();
        let (machine, mut sums) = (self.machine, Sums::new(self.machine));
        let mut put_off: Vec<(u64, u32)> = Vec::with_capacity(count);
        for at in given.into_iter().flatten() {
            let state = self.records.read(at);
            put_off.push((index(sums.print(machine, &state[..=machine.actors]).max(1)), at));
        }
        put_off.sort_unstable();
        self.peak_bytes = self.peak_bytes.max(self.bytes());
        self.resolved_to = self.records.numbers();
        let is_double = |pair: &[(u64, u32)]| pair[0].0 == pair[1].0;
        assert!(!put_off.windows(2).any(is_double), "the table held each once since it was emptied");
        let files = self.files.as_mut().expect("there are runs");
        let held = files.keep_unknown(&mut put_off);
        held.map_err(|fault| self.spill_fault(&fault))?;
        let mut new: Vec<u32> = put_off.into_iter().map(|(_, at)| at).collect();
        new.sort_unstable();
        self.welcome_all(&new);
        let ranges = new.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1);
        self.files.as_mut().expect("there are runs").confirmed.extend(ranges);
        Ok(())
    }

    /// Judges and counts states that were put off.
    fn welcome_all(&mut self, new: &[u32]) {
        let (pause, is_full) = (AtomicBool::new(false), AtomicBool::new(false));
        let mut workers = std::mem::take(&mut self.workers);
        let level = self.level(&[], &pause, &is_full, u64::MAX);
        let share = new.len().div_ceil(workers.len()).max(1);
        std::thread::scope(|scope| {
            for (worker, part) in workers.iter_mut().zip(new.chunks(share)) {
                let level = &level;
                scope.spawn(move || welcome(worker, level, part));
            }
        });
        self.workers = workers;
        let count = new.len() as u64;
        self.claimed.fetch_add(count, Ordering::Relaxed);
        self.held.fetch_sub(count, Ordering::Relaxed);
    }

    /// Bytes that will be needed to hold what is put off against the runs.
    pub fn bytes_to_resolve(&self) -> usize {
        let numbers = self.records.numbers().saturating_sub(self.resolved_to) as usize;
        let is_needed = self.files.as_ref().is_some_and(Files::defers);
        if is_needed { numbers * size_of::<(u64, u32)>() } else { 0 }
    }

    /// The states of the next level that are known to be new.
    pub fn take_confirmed(&mut self) -> Vec<Range<u32>> {
        self.files.as_mut().map(|files| std::mem::take(&mut files.confirmed)).unwrap_or_default()
    }

    /// Of states below `at`, how the search came to them goes to disk.
    pub fn spill_links(&mut self, at: u32) -> Result<(), Error> {
        let Some(files) = self.files.as_mut().filter(|files| files.defers()) else { return Ok(()) };
        match self.records.spill_links(&files.links(), at) {
            Ok(written) => {
                files.counts.written += written;
                Ok(())
            }
            Err(fault) => Err(self.spill_fault(&fault)),
        }
    }

    fn given_in_level(&mut self) -> Vec<Range<u32>> {
        let given = self.workers.iter_mut().flat_map(|worker| worker.cursor.take()).collect::<Vec<_>>();
        split(&given)
    }
}

fn welcome<S: System, const W: usize>(worker: &mut Worker<S, W>, level: &Level<S, W>, new: &[u32]) {
    let mut sums = Sums::new(level.machine);
    for &at in new {
        let state = level.known.records.read(at);
        let (parent, via) = level.known.records.linked(at);
        let print = sums.print(level.machine, &state[..=level.machine.actors]);
        worker.welcome(level, &Candidate { print, check: 0, state, parent, via: Via(via) });
    }
}

#[cfg(test)]
mod tests {
    use super::index;
    use crate::hash::mix;
    use crate::visited::Visited;

    /// However full the table is, and however far from their places words are, over its end to its start included.
    #[test]
    fn words_come_out_of_the_table_in_order() {
        let (mut full, mut over_the_end) = (0, 0);
        for seed in 0..2_000u64 {
            let visited = Visited::new(32);
            let mut words: Vec<u64> = (0..seed % 33).map(|at| mix(seed << 8 | at).max(1)).collect();
            for &word in &words {
                visited.put(index(word), word);
            }
            words.sort_unstable_by_key(|&word| index(word));
            let in_order: Vec<u64> = visited.words_in_order(index).collect();
            assert_eq!(in_order, words, "seed {seed}");
            full += usize::from(words.len() == 32);
            // In the first of four buckets, and belonging into the last.
            over_the_end += visited.words().take(8).filter(|&word| index(word) >= 3 << 62).count();
        }
        assert!(full > 0 && over_the_end > 0, "{full} full, {over_the_end} over the end");
    }
}
