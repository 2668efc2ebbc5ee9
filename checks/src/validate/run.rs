//! All servers of a run together: their journals step by step, in the order of true time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use raftlab_core::{Config, Durable, Index, Input, LogId, NodeId, Rule, Voters};
use raftlab_node::journal::{Began, Record, Step};
use serde::Serialize;

use super::Options;
use super::figures::Figures;
use super::journals::{self, Feed, InputError};
use super::ledger::{Ledger, Sent};
use super::machine::Machine;
use super::properties::{Tally, When};
use super::report::{Finding, Kind, Report, Totals};
use super::server::{End, Server, Stepped};
use super::together::Changed;

/// After so many steps everything is looked at.
const LOOKS_AFTER: u64 = 10_000;

/// A run that is replayed.
#[derive(Debug)]
pub struct Run {
    feeds: BTreeMap<NodeId, Feed>,
    pub(super) servers: BTreeMap<NodeId, Server>,
    pub(super) machines: BTreeMap<NodeId, Machine>,
    pub(super) ledger: Ledger,
    pub(super) sent: Sent,
    pub(super) tally: Tally,
    pub(super) totals: Totals,
    /// The numbers, if they are wanted.
    figures: Option<Figures>,
    /// The furthest that anybody knew to be committed.
    pub(super) committed: Index,
    /// The snapshots that servers took, by fingerprint.
    pub(super) taken: BTreeMap<LogId, u64>,
    findings: Vec<Finding>,
    /// The founders of the cluster.
    told: Option<Voters>,
    has_other_founders: bool,
    has_lying_hosts: bool,
    without: Option<Rule>,
    /// After how many steps everything is looked at.
    looks_at: u64,
    scratch: Vec<u8>,
}

/// Where in the journals something is: before the first step of a life, 0.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Place {
    /// Whose journal.
    #[serde(rename = "server")]
    pub id: NodeId,
    /// Of which life.
    pub life: u64,
    /// At which step.
    pub step: u64,
}

impl Place {
    fn finding(self, kind: Kind, said: String) -> Finding {
        Finding { kind, place: Some(self), property: None, said }
    }
}

/// Why a replay ends before its journals do.
#[derive(Debug)]
pub enum Stop {
    /// They prove nothing.
    Input(InputError),
    /// A process and the core parted, and what comes later means nothing.
    Diverged(Finding),
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Stop {
        Stop::Input(error)
    }
}

impl Run {
    /// Finds the journals, and looks through them.
    ///
    /// # Errors
    ///
    /// Whatever is not whole.
    pub fn open(dir: &Path, options: &Options) -> Result<Run, InputError> {
        let found = journals::find(dir, &options.killed)?;
        let lives = found.values().map(|lives| lives.len() as u64).sum();
        let totals = Totals { servers: found.len() as u64, lives, ..Totals::default() };
        let feeds = found.into_iter().map(|(id, lives)| Ok((id, Feed::new(lives)?)));
        let run = Run::of(feeds.collect::<Result<_, InputError>>()?, totals, options);
        Ok(Run { figures: Some(Figures::default()), ..run })
    }

    /// The journals that were kept in memory, if they begin as journals do.
    ///
    /// # Errors
    ///
    /// Whatever cannot stand in one.
    pub fn of_records(
        lives: BTreeMap<NodeId, Vec<Vec<Record>>>,
        options: &Options,
    ) -> Result<Run, InputError> {
        let count = lives.values().map(|lives| lives.len() as u64).sum();
        let totals = Totals { servers: lives.len() as u64, lives: count, ..Totals::default() };
        let feeds = lives.into_iter().map(|(id, lives)| Ok((id, Feed::new(journals::kept(id, lives)?)?)));
        Ok(Run::of(feeds.collect::<Result<_, InputError>>()?, totals, options))
    }

    /// Nothing was replayed yet.
    pub(super) fn of(feeds: BTreeMap<NodeId, Feed>, totals: Totals, options: &Options) -> Run {
        Run {
            feeds,
            servers: BTreeMap::new(),
            machines: BTreeMap::new(),
            ledger: Ledger::default(),
            sent: Sent::default(),
            tally: Tally::default(),
            findings: Vec::new(),
            totals,
            figures: None,
            told: None,
            has_other_founders: options.has_other_founders,
            has_lying_hosts: options.has_lying_hosts,
            without: options.without,
            committed: Index(0),
            taken: BTreeMap::new(),
            looks_at: LOOKS_AFTER,
            scratch: Vec::new(),
        }
    }

    /// Replays all of it.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn replay(&mut self) -> Result<(), Stop> {
        while let Some(id) = self.next() {
            self.take(id)?;
            while let Some(Record::Batch | Record::End { .. }) = self.feeds[&id].peek() {
                self.take(id)?;
            }
            if self.totals.steps >= self.looks_at {
                self.looks_at = self.totals.steps + LOOKS_AFTER;
                self.look_at_all(id);
            }
        }
        if let Some(id) = self.servers.keys().next() {
            self.look_at_all(*id);
        }
        let told = self.told.iter().flat_map(Voters::iter).find(|founder| !self.feeds.contains_key(founder));
        let why = "it founded the cluster, so it was one of a majority, or may have been";
        let missing = |id| InputError::Missing(raftlab_node::journal::name(id, 1), why);
        told.map_or(Ok(()), |id| Err(missing(id).into()))
    }

    /// What came to be known, and why it ended before its time, if it did.
    pub fn report(mut self, stopped: Option<Stop>, took: Duration) -> Report {
        match stopped {
            Some(Stop::Input(error)) => self.findings.push(Finding::of_input(&error)),
            Some(Stop::Diverged(finding)) => self.findings.push(finding),
            None => {}
        }
        self.totals.applied = self.ledger.end().0;
        self.totals.leaders = self.servers.values().map(|server| server.led.len() as u64).sum();
        if let Some(figures) = &mut self.figures {
            for (id, server) in &self.servers {
                let digest = self.machines.get(id).map(|machine| machine.digest).unwrap_or_default();
                figures.note_applied(*id, server.applied, digest);
            }
        }
        let figures = self.figures.take().unwrap_or_default();
        Report { figures, ..Report::new(self.findings, &self.tally, self.totals, took) }
    }

    /// The server whose next record is the earliest. Of several at one time, one that says what had happened before
    /// the others could take it: the disk is done, then what else is no message, then messages that were sent already.
    fn next(&self) -> Option<NodeId> {
        let real = self.feeds.values().filter(|feed| feed.peek().is_some()).map(Feed::real).min()?;
        let rank = |id: NodeId, feed: &Feed| match feed.peek() {
            Some(Record::Step(Step { input: Input::Persisted(_), .. }, _)) => 0,
            Some(Record::Step(Step { input: Input::Receive { from, message }, .. }, _)) => {
                2 + u8::from(!self.sent.has(*from, id, message))
            }
            _ => 1,
        };
        let now: Vec<_> =
            self.feeds.iter().filter(|(_, feed)| feed.peek().is_some() && feed.real() == real).collect();
        match now.as_slice() {
            [(id, _)] => Some(**id),
            several => several.iter().min_by_key(|(id, feed)| rank(**id, feed)).map(|(id, _)| **id),
        }
    }

    /// Everything is looked at. Where a server stands now is where it is said to have been seen.
    fn look_at_all(&mut self, id: NodeId) {
        self.judge_all();
        let at = self.feeds.get(&id).map_or(Place { id, life: 0, step: 0 }, |feed| feed.place(id));
        self.note_news(at, || "was at or before this step when all were looked at".into());
    }

    /// Tells of each property that broke.
    fn note_news(&mut self, at: Place, what: impl Fn() -> String) {
        for (property, why) in self.tally.news() {
            let said = format!("{}, and {why}", what());
            self.findings.push(Finding { property: Some(property), ..at.finding(Kind::Violated, said) });
        }
    }

    fn take(&mut self, id: NodeId) -> Result<(), Stop> {
        let Some(feed) = self.feeds.get_mut(&id) else { return Ok(()) };
        let (file, at) = (feed.file(), feed.place(id));
        match feed.pop()? {
            Some(Record::Began(began)) => self.begin(at, &file, &began),
            Some(Record::Step(taken, Some(outcome))) => self.step(at, taken, End::Outcome(&outcome)),
            Some(Record::Step(taken, None)) => self.step(at, taken, End::Unsaid),
            Some(Record::Unfinished(taken)) => self.step(at, taken, End::Panic),
            Some(Record::Batch) => {
                let batch = self.servers.get_mut(&id).map(Server::batch);
                match batch.unwrap_or(Err("no life has begun")) {
                    Ok(stepped) => self.carry_out(at, stepped),
                    Err(what) => return Err(InputError::Senseless { file, step: at.step, what }.into()),
                }
                Ok(())
            }
            Some(Record::End { .. }) | None => Ok(()),
        }
    }

    /// A life begins.
    fn begin(&mut self, at: Place, file: &str, began: &Began) -> Result<(), Stop> {
        let id = at.id;
        let config = began.told.config(id);
        let config = config.map_err(|error| InputError::Told { file: file.to_string(), error })?;
        if config.is_founder() {
            let founders = self.told.get_or_insert_with(|| began.told.founders.clone());
            if *founders != began.told.founders && !self.has_other_founders {
                return Err(InputError::OtherFounders(file.to_string()).into());
            }
        }
        let config = Arc::new(self.without.iter().fold(config, |config, rule| config.without(*rule)));
        let is_first = !self.servers.contains_key(&id);
        if is_first && began.durable != Durable::default() {
            return Err(InputError::RecordedLate(file.to_string()).into());
        }
        if !self.has_lying_hosts {
            self.check_disk(at, &began.durable);
        }
        let left = self.servers.get(&id).map(|server| server.disk.log.last().index);
        let held = began.durable.log.last().index;
        let lost_after = left.filter(|left| held < *left).map(|_| held);
        let parted = |why| Stop::Diverged(at.finding(Kind::Diverged, format!("begins, and {why}")));
        let stepped = self.recover(id, config, began).map_err(parted)?;
        self.machines.insert(id, Machine::default());
        self.carry_out(at, stepped);
        let server = &self.servers[&id];
        if !is_first {
            self.tally.step(server, None, true, &self.ledger);
        }
        if let Some(beyond) = lost_after {
            self.tally.commits(&self.servers, beyond, &self.ledger);
        }
        self.tally.changes(&self.servers, Some(id), &self.ledger);
        self.note_news(at, || "begins".into());
        self.servers.entry(id).and_modify(|server| server.before = server.raft.clone());
        self.note_figures(id, began.real);
        Ok(())
    }

    fn recover(&mut self, id: NodeId, config: Arc<Config>, began: &Began) -> Result<Stepped, String> {
        if let Some(server) = self.servers.get_mut(&id) {
            return server.again(config, began);
        }
        let (server, stepped) = Server::first(&config, began)?;
        self.servers.insert(id, server);
        Ok(stepped)
    }

    /// Does a life begin with what the one before left?
    fn check_disk(&mut self, at: Place, found: &Durable) {
        let Some(server) = self.servers.get(&at.id).filter(|server| !server.explains(found)) else { return };
        let short = |durable: &Durable| {
            let vote = durable.voted_for.map_or("no vote".to_string(), |vote| format!("vote {vote}"));
            let snapshot = durable
                .snapshot
                .as_ref()
                .map_or(String::new(), |snapshot| format!(", a snapshot {snapshot}"));
            format!("term {}, {vote}, a log up to {}{snapshot}", durable.term, durable.log.last())
        };
        let (found, left) = (short(found), short(&server.disk));
        let said = format!(
            "begins with a disk that holds {found}, which the life before does not explain: its disk had said that \
             it holds {left}"
        );
        self.findings.push(at.finding(Kind::Diverged, said));
    }

    /// A step of one server: it has to go as recorded, and nothing may come of it that breaks a property.
    fn step(&mut self, at: Place, taken: Step, recorded: End<'_>) -> Result<(), Stop> {
        let id = at.id;
        self.totals.steps += 1;
        if let Input::Receive { from, message } = &taken.input
            && !self.has_lying_hosts
            && !self.sent.has(*from, id, message)
        {
            return Err(self.never_sent(at, *from, format!("{message:?}")).into());
        }
        let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
        let stepped = server
            .step(&taken, recorded, &mut self.scratch)
            .map_err(|why| self.parted(at, &taken, recorded, &why))?;
        let changed = Changed::of(&stepped);
        self.carry_out(at, stepped);
        self.judge(id, &taken.input, &changed);
        self.note_news(at, || format!("took {:?}", taken.input));
        self.note_figures(id, taken.real);
        self.servers.entry(id).and_modify(|server| server.catch_up(taken));
        Ok(())
    }

    fn note_figures(&mut self, id: NodeId, real: u64) {
        if let (Some(figures), Some(server)) = (&mut self.figures, self.servers.get(&id)) {
            figures.note(real, server);
        }
    }

    fn never_sent(&self, at: Place, from: NodeId, message: String) -> InputError {
        if !self.feeds.contains_key(&from) {
            let file = raftlab_node::journal::name(from, 1);
            return InputError::Missing(file, "another server received messages from it");
        }
        let Place { id: server, life, step } = at;
        InputError::NeverSent { server, life, step, from, message }
    }

    /// The process and the core part. If both panic, that is what is wrong.
    fn parted(&mut self, at: Place, taken: &Step, recorded: End<'_>, why: &str) -> Stop {
        let said = format!("took {:?}, and {why}", taken.input);
        if matches!(recorded, End::Panic) && why.starts_with("the core panics") {
            self.tally.note(When::Replay, &Err(why.to_string()));
            let property = self.tally.news().first().map(|(name, _)| *name);
            return Stop::Diverged(Finding { property, ..at.finding(Kind::Violated, said) });
        }
        Stop::Diverged(at.finding(Kind::Diverged, said))
    }
}
