//! Level after level, by several processes: what one process concludes of another's work, it concludes from words
//! that all have heard, and so all conclude the same.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::link::Link;
use super::round::Party;
use super::word::{Witness, Word};
use super::{Cluster, Distribution, SharedLevel};
use crate::binary::{Reader, Writer};
use crate::error::Error;
use crate::hash::{Sort, content};
use crate::report::{Level as Depth, Limit, Report};
use crate::search::{Others, Search, split};
use crate::sums::print_of;
use crate::system::System;
use crate::tally::Tally;

/// Limits by number.
const LIMITS: [Limit; 6] =
    [Limit::States, Limit::Depth, Limit::Time, Limit::Memory, Limit::Interrupt, Limit::Violation];
/// Checkpoints that each process keeps: if one is lost while the last is written, all still have the one before.
const KEPT: usize = 2;
/// The file beside a checkpoint, with what only an exploration by several has.
const FILE: &str = "together";

/// What all know of the exploration, beside what a single process would know too.
#[derive(Default)]
pub(crate) struct Together {
    /// States that are left of the level under way, in all processes.
    left: u64,
    /// States of the next level, in all processes.
    frontier: u64,
    /// States of this process before the level under way.
    own_before: u64,
    /// Of each property: the process that reports it.
    pub winners: Vec<Option<u32>>,
    /// The process that reports the panic.
    pub panic_winner: Option<u32>,
    /// Rounds, counted through all resumes: checkpoints are named by them.
    rounds: u64,
    /// Asks of this process before the last resume.
    asked_before: u64,
    /// What all processes counted.
    pub tally: Tally,
    pub distribution: Distribution,
    /// A fault was told to all, and none waits for this process.
    is_told: bool,
}

impl<S: System, const W: usize> Search<'_, S, W> {
    /// Explores together with others, and reports.
    pub fn run_in(mut self, cluster: &Cluster) -> Result<Report<S>, Error> {
        let mut party = Party::new(Link::connect(cluster)?);
        let mut together = Together::default();
        together.distribution.processes = cluster.hosts.len();
        together.winners = vec![None; self.found.len()];
        self.others.count = u64::from(party.link.processes) - 1;
        let explored = self
            .explore_together(&mut party, &mut together, cluster)
            .and_then(|()| self.witness(&mut party, &mut together));
        if explored.is_ok() || together.is_told {
            party.link.close();
        }
        self.workers[0].tally = together.tally;
        Ok(self.report_of(explored?, Some(together.distribution)))
    }

    fn explore_together(
        &mut self,
        party: &mut Party<W>,
        together: &mut Together,
        cluster: &Cluster,
    ) -> Result<(), Error> {
        let mut left = self.start_together(party, together, cluster)?;
        while self.limit.is_none() {
            if together.left == 0 {
                if !self.begins_level(together) {
                    break;
                }
                left = split(&std::mem::take(&mut self.frontier));
            }
            left = self.round(party, left)?;
            together.rounds += 1;
            let words = self.agree(party, together, &left, self.machine.fault())?;
            if together.left == 0 {
                self.end_level_together(together, &words);
            }
            if words[0].saves && self.limit.is_none() {
                self.save_together(party, together, &left)?;
            }
        }
        let was_split = together.distribution.split_depth.is_some();
        if together.left == 0 && together.frontier == 0 && !self.is_full {
            // A limit that was reached when the last state was expanded has cut nothing off.
            self.limit = None;
        } else if self.limit.is_some() && was_split && self.explorer.checkpoint.is_some() {
            self.save_together(party, together, &left)?;
        }
        Ok(())
    }

    /// Walks the first levels, or reads a checkpoint. Returns what is left of the level under way.
    fn start_together(
        &mut self,
        party: &mut Party<W>,
        together: &mut Together,
        cluster: &Cluster,
    ) -> Result<Vec<Range<u32>>, Error> {
        let resume = self.explorer.resume.as_deref();
        let (saved, fault) = match resume.map_or(Ok(Vec::new()), |base| saved(&own_directory(base, party))) {
            Ok(saved) => (saved, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let word = Word { identity: self.identity_of_all(cluster), saved, ..Word::default() };
        let words = tell(party, together, word, fault)?;
        if words.iter().any(|word| word.identity != words[0].identity) {
            together.is_told = true;
            return Err(Error::Cluster("the processes do not explore one model in one way".into()));
        }
        if let Some(base) = resume {
            let loaded = self.load_common(party, together, base, &words);
            let (left, fault) = loaded.map_or_else(|fault| (Vec::new(), Some(fault)), |left| (left, None));
            self.agree(party, together, &left, fault)?;
            return Ok(left);
        }
        let fault = self.walk_alike(cluster.split_at).err();
        self.keep_share(party, together, cluster.split_at);
        let words = self.agree(party, together, &[], fault)?;
        self.reported = words[0].reported;
        for (at, winner) in together.winners.iter_mut().enumerate() {
            *winner = ((self.reported & !self.initial) >> at & 1 == 1).then_some(0);
        }
        together.panic_winner = lowest(&words, |word| word.panic);
        Ok(Vec::new())
    }

    /// A hash of all that must be equal in all processes.
    #[expect(clippy::cast_possible_truncation, reason = "both halves are there")]
    fn identity_of_all(&self, cluster: &Cluster) -> (u64, u64) {
        let explorer = self.explorer;
        let model = (self.machine.identity(), format!("{:?}", explorer.mode), explorer.max_depth);
        let way = (explorer.keeps_going, explorer.resume.is_some(), explorer.checkpoint.is_some());
        let hash = content(Sort::Summary, &(model, way, cluster.split_at, cluster.hosts.len()));
        ((hash >> 64) as u64, hash as u64)
    }

    /// The first levels, as every process walks them, until one is large enough to be shared, or there are no more.
    fn walk_alike(&mut self, split_at: u64) -> Result<(), Error> {
        self.begin();
        while self.limit.is_none() && states(&self.frontier) < split_at {
            let left = self.next_level();
            if left.is_empty() {
                break;
            }
            let left = self.expand_level(left)?;
            if let Some(fault) = self.machine.fault() {
                return Err(fault);
            }
            // A limit has cut a level off: that there is more is all that is said of it.
            self.frontier.extend(left);
        }
        Ok(())
    }

    /// What all have walked is counted by the first process, and each keeps what it owns.
    fn keep_share(&mut self, party: &Party<W>, together: &mut Together, split_at: u64) {
        if self.limit.is_none() && states(&self.frontier) >= split_at {
            together.distribution.split_depth = Some(self.depth);
        }
        let me = party.link.process as usize;
        let owned = |&at: &u32| {
            let state = self.records.read(at);
            party.share.owner(print_of(self.machine, &state[..=self.machine.actors])) == me
        };
        self.frontier = self.frontier.iter().cloned().flatten().filter(owned).map(|at| at..at + 1).collect();
        if me != 0 {
            let counted = self.claimed.swap(0, Ordering::Relaxed);
            self.held.fetch_add(counted, Ordering::Relaxed);
            self.generated.store(0, Ordering::Relaxed);
            for worker in &mut self.workers {
                worker.tally = Tally::new(worker.tally.taken.len());
            }
            self.found.fill(None);
        }
        together.own_before = self.claimed.load(Ordering::Relaxed);
    }

    /// Is there a reason to begin another level? All processes have the same.
    fn begins_level(&mut self, together: &mut Together) -> bool {
        let violated = self.reported & self.machine.properties.always != 0 || together.panic_winner.is_some();
        let is_deep = self.explorer.max_depth.is_some_and(|max| self.depth >= max);
        if violated && !self.explorer.keeps_going {
            self.limit = Some(Limit::Violation);
        } else if together.frontier > 0 && is_deep {
            self.limit = Some(Limit::Depth);
        }
        if self.limit.is_some() || together.frontier == 0 {
            return false;
        }
        self.depth += 1;
        self.level_before = self.counts();
        together.own_before = self.claimed.load(Ordering::Relaxed);
        true
    }

    /// Tells all what this process has done, hears what the others have, and draws the conclusions.
    pub fn agree(
        &mut self,
        party: &mut Party<W>,
        together: &mut Together,
        left: &[Range<u32>],
        fault: Option<Error>,
    ) -> Result<Vec<Word>, Error> {
        self.agree_on(party, together, left, fault, Vec::new())
    }

    /// The same, with the ways to what this process found.
    pub fn agree_on(
        &mut self,
        party: &mut Party<W>,
        together: &mut Together,
        left: &[Range<u32>],
        fault: Option<Error>,
        witnesses: Vec<Witness>,
    ) -> Result<Vec<Word>, Error> {
        self.gather();
        let tally = &self.workers[0].tally;
        let own = (self.claimed.load(Ordering::Relaxed), self.generated.load(Ordering::Relaxed));
        let place = |limit| LIMITS.iter().position(|&other| other == limit);
        let word = Word {
            states: own.0,
            generated: own.1,
            full: tally.full,
            idle: tally.idle.clone(),
            taken: tally.taken.clone(),
            left: states(left),
            frontier: states(&self.frontier) + own.0 - together.own_before,
            reported: self.reported,
            found: self.workers[0]
                .found
                .iter()
                .map(|found| found.as_ref().map(|found| found.print))
                .collect(),
            panic: self.panic.as_ref().map(|(found, _)| found.print),
            limit: self.limit.and_then(place).and_then(|place| u8::try_from(place).ok()),
            saves: self.is_save_due(party),
            asks: together.asked_before + party.asked,
            bytes: party.link.written(),
            witnesses,
            ..Word::default()
        };
        let words = tell(party, together, word, fault)?;
        let sum = |of: fn(&Word) -> u64| words.iter().map(of).sum::<u64>();
        let did = (sum(|word| word.states) - own.0, sum(|word| word.generated) - own.1);
        self.others = Others { did, own: own.0, ..self.others };
        self.limit = words.iter().find_map(|word| LIMITS.get(usize::from(word.limit?)).copied());
        (together.left, together.frontier) = (sum(|word| word.left), sum(|word| word.frontier));
        together.distribution.asks = sum(|word| word.asks);
        together.distribution.bytes = sum(|word| word.bytes);
        let mut tally = Tally::new(self.workers[0].tally.taken.len());
        tally.full = sum(|word| word.full);
        for word in &words {
            tally.idle.iter_mut().zip(&word.idle).for_each(|(sum, count)| *sum += count);
            tally.taken.iter_mut().zip(&word.taken).for_each(|(sum, count)| *sum += count);
        }
        together.tally = tally;
        Ok(words)
    }

    /// What single processes do at the end of a level, with what all have said.
    fn end_level_together(&mut self, together: &mut Together, words: &[Word]) {
        for (first, &taken) in self.first_depths.iter_mut().zip(&together.tally.taken) {
            *first = first.or((taken > 0).then_some(self.depth));
        }
        self.next_frontier();
        together.own_before = self.claimed.load(Ordering::Relaxed);
        let (before, after) = (self.level_before, self.counts());
        let (states, generated) = (after.0 - before.0, after.1 - before.1);
        if generated > 0 {
            self.levels.push(Depth { depth: self.depth, states, generated });
        }
        for at in 0..self.found.len() {
            let of_level = self.workers[0].found[at].take();
            let winner = lowest(words, |word| word.found.get(at).copied().flatten());
            if self.reported >> at & 1 == 0 && winner.is_some() {
                self.found[at] = of_level;
                together.winners[at] = winner;
                self.reported |= 1 << at;
            }
        }
        together.panic_winner = lowest(words, |word| word.panic);
        let most = words.iter().map(|word| word.frontier).max().unwrap_or(0);
        let level = SharedLevel { depth: self.depth, states: together.frontier, most };
        together.distribution.levels.push(level);
    }

    /// Writes a checkpoint, as all do after this round; the one before stays.
    fn save_together(
        &mut self,
        party: &mut Party<W>,
        together: &mut Together,
        left: &[Range<u32>],
    ) -> Result<(), Error> {
        let Some((base, _)) = self.explorer.checkpoint.clone() else { return Ok(()) };
        let own = own_directory(&base, party);
        let directory = own.join(format!("{:012}", together.rounds));
        let io = |fault: io::Error| Error::Checkpoint(directory.display().to_string(), fault.to_string());
        let asked = together.asked_before + party.asked;
        let saved = fs::create_dir_all(&directory)
            .and_then(|()| together.write(&directory.join(FILE), asked))
            .map_err(io)
            .and_then(|()| self.save(&directory, left));
        self.saved = Instant::now();
        // None forgets an older one before all have this one.
        self.agree(party, together, left, saved.err())?;
        forget_old(&own).map_err(io)
    }

    /// Reads the last checkpoint that every process has.
    fn load_common(
        &mut self,
        party: &Party<W>,
        together: &mut Together,
        base: &Path,
        words: &[Word],
    ) -> Result<Vec<Range<u32>>, Error> {
        let own = own_directory(base, party);
        let common =
            words[0].saved.iter().filter(|&round| words.iter().all(|word| word.saved.contains(round)));
        let none =
            || Error::Checkpoint(own.display().to_string(), "the processes have none in common".into());
        let directory = own.join(format!("{:012}", common.max().ok_or_else(none)?));
        let io = |fault: io::Error| Error::Checkpoint(directory.display().to_string(), fault.to_string());
        let left = self.load(&directory)?;
        together.read(&directory.join(FILE)).map_err(io)?;
        if together.winners.len() != self.found.len() {
            return Err(io(io::Error::other("made of another model")));
        }
        let (words, states) = (self.visited.words().count() as u64, self.claimed.load(Ordering::Relaxed));
        self.held.store(words.saturating_sub(states), Ordering::Relaxed);
        Ok(left)
    }
}

impl Together {
    fn write(&self, path: &Path, asked: u64) -> io::Result<()> {
        let mut to = Writer::create(path)?;
        [self.rounds, self.own_before, asked].into_iter().try_for_each(|count| to.u64(count))?;
        to.list(&self.winners, |to, &winner| to.option(winner, Writer::u32))?;
        to.option(self.panic_winner, Writer::u32)?;
        to.option(self.distribution.split_depth, Writer::u32)?;
        to.list(&self.distribution.levels, |to, level| {
            to.u32(level.depth)?;
            to.u64(level.states)?;
            to.u64(level.most)
        })?;
        to.finish()
    }

    fn read(&mut self, path: &Path) -> io::Result<()> {
        let mut from = Reader::open(path)?;
        (self.rounds, self.own_before, self.asked_before) = (from.u64()?, from.u64()?, from.u64()?);
        self.winners = from.list(|from| from.option(Reader::u32))?;
        self.panic_winner = from.option(Reader::u32)?;
        self.distribution.split_depth = from.option(Reader::u32)?;
        self.distribution.levels =
            from.list(|from| Ok(SharedLevel { depth: from.u32()?, states: from.u64()?, most: from.u64()? }))?;
        from.finish()
    }
}

/// Says a word, and what is wrong, and hears what all say. If anything is wrong anywhere, that is the result.
fn tell<const W: usize>(
    party: &mut Party<W>,
    together: &mut Together,
    word: Word,
    fault: Option<Error>,
) -> Result<Vec<Word>, Error> {
    let words = party.link.agree(Word { fault: fault.as_ref().map(ToString::to_string), ..word });
    if words.is_ok() {
        together.is_told |= fault.is_some();
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    let words = words?;
    let faulty = words.iter().find_map(|word| Some((word.from, word.fault.as_ref()?)));
    match faulty {
        None => Ok(words),
        Some((process, fault)) => {
            together.is_told = true;
            Err(Error::Cluster(format!("process {process} has ended: {fault}")))
        }
    }
}

/// Which process says the lowest; the first of them.
fn lowest(words: &[Word], of: impl Fn(&Word) -> Option<u64>) -> Option<u32> {
    let said = words.iter().filter_map(|word| Some((of(word)?, word.from)));
    said.min().map(|(_, process)| process)
}

fn states(ranges: &[Range<u32>]) -> u64 {
    ranges.iter().map(|range| u64::from(range.end - range.start)).sum()
}

/// Where a process has its checkpoints: processes may be given one directory, or each its own.
fn own_directory<const W: usize>(base: &Path, party: &Party<W>) -> PathBuf {
    base.join(format!("{}-of-{}", party.link.process, party.link.processes))
}

/// The rounds of which there is a whole checkpoint.
fn saved(directory: &Path) -> Result<Vec<u64>, Error> {
    let fault = |fault: io::Error| Error::Checkpoint(directory.display().to_string(), fault.to_string());
    let mut rounds = Vec::new();
    for entry in fs::read_dir(directory).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let round = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
        rounds.extend(round.filter(|_| entry.path().join("checkpoint").exists()));
    }
    rounds.sort_unstable();
    Ok(rounds)
}

/// Forgets all checkpoints but the last ones.
fn forget_old(directory: &Path) -> io::Result<()> {
    let rounds = saved(directory).map_err(io::Error::other)?;
    let old = &rounds[..rounds.len().saturating_sub(KEPT)];
    old.iter().try_for_each(|round| fs::remove_dir_all(directory.join(format!("{round:012}"))))
}
