//! A round: all processes expand what they have of a level, until it is done or all are to rest; then until nothing
//! is on its way anywhere.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::link::{Ask, Link};
use super::share::Share;
use super::word::{Bytes, bit, pack, unpack};
use crate::ambient::lock;
use crate::candidate::Candidate;
use crate::error::Error;
use crate::report::Limit;
use crate::room::words;
use crate::search::{Rests, Search, split};
use crate::sums::index;
use crate::system::System;
use crate::visited::Visited;
use crate::worker::Level;

/// How long the dataflow waits for something to do, at most.
const WAIT: Duration = Duration::from_millis(1);
/// Between two checkpoints there is at least this much time to expand something.
const BREATH: Duration = Duration::from_millis(20);
/// How often limits are looked at, and progress is told.
const LOOK: Duration = Duration::from_millis(50);

/// This process's part in an exploration by several.
pub(crate) struct Party<const W: usize> {
    pub link: Link,
    pub share: Arc<Share<W>>,
    /// Candidates that wait for an answer, by the number of their ask.
    pending: HashMap<u64, Vec<Candidate<W>>>,
    next_ask: u64,
    /// Fingerprints that were asked for.
    pub asked: u64,
}

/// The table, as the thread that answers others sees it.
struct Table<'a> {
    visited: &'a Visited,
    claimed: &'a AtomicU64,
    held: &'a AtomicU64,
    claims_max: u64,
}

impl Table<'_> {
    fn has_room(&self) -> bool {
        words(self.claimed.load(Ordering::Relaxed), self.held.load(Ordering::Relaxed)) <= self.claims_max
    }

    /// Puts in what others ask for: a bit for each, set if it was not there.
    fn grant(&self, prints: &Bytes) -> Bytes {
        let mut bits = vec![0; (prints.0.len() / 8).div_ceil(8)];
        let touched = unpack(prints).fold(0, |touched, print| touched ^ self.visited.touch(index(print)));
        std::hint::black_box(touched);
        let mut granted = 0;
        for (at, print) in unpack(prints).enumerate() {
            let word = print.max(1);
            let is_new = self.visited.insert(index(print), word, || (), |there| there == word).is_none();
            bits[at / 8] |= u8::from(is_new) << (at % 8);
            granted += u64::from(is_new);
        }
        self.held.fetch_add(granted, Ordering::Relaxed);
        Bytes(bits)
    }
}

impl<const W: usize> Party<W> {
    pub fn new(link: Link) -> Party<W> {
        let share = Share::new(link.process as usize, link.processes as usize);
        Party { link, share: Arc::new(share), pending: HashMap::new(), next_ask: 0, asked: 0 }
    }

    /// Sends what is to be asked, lets the dataflow move on, takes answers, and gives them. False if there was
    /// nothing to do.
    fn pump(&mut self, table: &Table, wait: Duration) -> Result<bool, Error> {
        let sent = self.send_asks();
        self.link.step(if sent { Duration::ZERO } else { wait })?;
        let taken = self.take_answers()?;
        let given = self.give_answers(table);
        Ok(sent || taken || given)
    }

    fn send_asks(&mut self) -> bool {
        let outgoing = self.share.take_outgoing();
        let any = !outgoing.is_empty();
        for (owner, candidates) in outgoing {
            let prints = pack(candidates.iter().map(|candidate| candidate.print));
            self.asked += candidates.len() as u64;
            self.link.ask(u32::try_from(owner).unwrap_or(u32::MAX), self.next_ask, prints);
            self.pending.insert(self.next_ask, candidates);
            self.next_ask += 1;
        }
        any
    }

    fn take_answers(&mut self) -> Result<bool, Error> {
        let answers = self.link.take_answers();
        let any = !answers.is_empty();
        for (number, bits) in answers {
            let unasked = || Error::Cluster("an answer came to what was not asked".into());
            let mut candidates = self.pending.remove(&number).ok_or_else(unasked)?;
            let of = candidates.len();
            let mut at = 0;
            candidates.retain(|_| {
                at += 1;
                bit(&bits, at - 1)
            });
            self.share.answered(of, candidates);
        }
        Ok(any)
    }

    /// Answers while the table has room. What is left waits until it has grown.
    fn give_answers(&mut self, table: &Table) -> bool {
        let mut asks = self.link.take_asks().into_iter();
        let any = asks.len() > 0;
        while table.has_room()
            && let Some(ask) = asks.next()
        {
            let bits = table.grant(&ask.prints);
            self.link.answer(ask, bits);
        }
        self.link.put_back(asks.collect::<Vec<Ask>>().into_iter());
        any
    }
}

impl<S: System, const W: usize> Search<'_, S, W> {
    /// Expands `left` until it is done or there is a reason to rest, and then waits until all processes have come so
    /// far and nothing is on its way. Returns what is left of `left`.
    pub fn round(
        &mut self,
        party: &mut Party<W>,
        mut left: Vec<Range<u32>>,
    ) -> Result<Vec<Range<u32>>, Error> {
        while !left.is_empty() && !party.link.is_rest_called() {
            self.make_room()?;
            if self.limit.is_some() || self.machine.fault().is_some() || self.is_save_due(party) {
                party.link.call_rest();
                break;
            }
            left = self.expand_shared(party, &left)?;
        }
        self.settle(party)?;
        Ok(left)
    }

    /// Is it time for a checkpoint? The first process alone decides.
    pub fn is_save_due(&self, party: &Party<W>) -> bool {
        let checkpoint = self.explorer.checkpoint.as_ref().filter(|_| party.link.process == 0);
        checkpoint.is_some_and(|(_, every)| self.saved.elapsed() >= (*every).max(BREATH))
    }

    fn expand_shared(
        &mut self,
        party: &mut Party<W>,
        units: &[Range<u32>],
    ) -> Result<Vec<Range<u32>>, Error> {
        let (pause, is_full) = (AtomicBool::new(false), AtomicBool::new(false));
        let mut workers = std::mem::take(&mut self.workers);
        let share = &*Arc::clone(&party.share);
        let level = Level { share: Some(share), ..self.level(units, &pause, &is_full, self.claims_max()) };
        let threads = workers.len().min(units.len());
        let resting = AtomicUsize::new(0);
        let watched = std::thread::scope(|scope| {
            for worker in &mut workers[..threads] {
                let (level, rests) = (&level, Rests { resting: &resting, watcher: share.watcher() });
                scope.spawn(move || {
                    let _rests = rests;
                    worker.run_safely(level);
                });
            }
            let watched = self.watch_shared(party, &pause, || resting.load(Ordering::Acquire) < threads);
            pause.store(true, Ordering::Relaxed);
            watched
        });
        let next = level.next_unit.load(Ordering::Relaxed).min(units.len());
        let mut left = std::mem::take(&mut *lock(&level.left));
        left.extend_from_slice(&units[next..]);
        self.workers = workers;
        self.limit = watched?.or_else(|| self.reached());
        if is_full.load(Ordering::Relaxed) {
            (self.limit, self.is_full) = (Some(Limit::States), true);
        }
        Ok(split(&left))
    }

    /// Serves the dataflow until all threads rest; tells them to, when there is a reason.
    fn watch_shared(
        &self,
        party: &mut Party<W>,
        pause: &AtomicBool,
        is_expanding: impl Fn() -> bool,
    ) -> Result<Option<Limit>, Error> {
        let table = self.table();
        let (mut limit, mut look, mut next_look) = (None, Duration::from_micros(200), Instant::now());
        while is_expanding() {
            party.pump(&table, WAIT)?;
            let mut rests = party.link.is_rest_called() || !table.has_room();
            let now = Instant::now();
            if now >= next_look {
                look = (look * 2).min(LOOK);
                next_look = now + look;
                if let Some(tell) = &self.explorer.on_progress {
                    tell(&self.progress());
                }
                limit = limit.or_else(|| self.reached());
                rests |= limit.is_some() || self.machine.fault().is_some() || self.is_save_due(party);
            }
            if rests {
                pause.store(true, Ordering::Relaxed);
            }
        }
        Ok(limit)
    }

    fn table(&self) -> Table<'_> {
        let (visited, claimed, held) = (&self.visited, &self.claimed, &self.held);
        Table { visited, claimed, held, claims_max: self.claims_max() }
    }

    /// Asks nothing more, and answers until nobody does.
    fn settle(&mut self, party: &mut Party<W>) -> Result<(), Error> {
        party.send_asks();
        party.link.close_round();
        let share = Arc::clone(&party.share);
        let (pause, is_full) = (AtomicBool::new(false), AtomicBool::new(false));
        let mut worker = self.workers.swap_remove(0);
        let mut served = Ok(true);
        loop {
            if self.words() > self.claims_max() {
                // What was asked is answered, whatever limit there is: an answer that is not given is a state that is
                // lost.
                self.grow();
            }
            served = served.and_then(|_| party.pump(&self.table(), WAIT));
            let is_settled = served.is_err() || party.link.is_settled();
            let level = Level { share: Some(&share), ..self.level(&[], &pause, &is_full, self.claims_max()) };
            worker.take_in(&level, &share);
            if is_settled {
                break;
            }
        }
        self.workers.insert(0, worker);
        if is_full.load(Ordering::Relaxed) {
            (self.limit, self.is_full) = (Some(Limit::States), true);
        }
        let all_answered = party.pending.is_empty() || served.is_err();
        assert!(all_answered, "the round is over, and an answer has not come");
        served.map(drop)
    }
}
