//! Clients of a simulated world that are measured, and what their reads cost the servers.
//!
//! What a read costs is counted in windows without writes: a write's rounds and syncs cannot be told from a read's. The
//! servers work without being asked, too: they send heartbeats, and renew leases. So the leader's AppendEntries and
//! syncs are counted in a window of the same length in which nobody asks, right before, and those are taken off.

use std::ops::Range;

use raftlab_core::NodeId;
use raftlab_node::kv::{Bytes, Operation};
use raftlab_sim::{Answered, ClientId, Told, Wish, World};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::super::cluster::Cluster;
use super::super::measure::{VALUE_BYTES, key, micros, nothing_read, warm_up};
use super::workers;
use super::{Inner, Simulated, clients};
use crate::failure::Failure;
use crate::measured::{Costs, Sample};
use crate::scenario::Measure;
use crate::verdict::exit;

/// Clients that ask as fast as they are answered.
#[derive(Debug)]
pub struct Askers {
    /// Each, and whether it reads now.
    all: Vec<(ClientId, bool)>,
    reads: (u32, u32),
    keys: u32,
    dice: ChaCha8Rng,
    value: String,
    is_ending: bool,
    counted: Counted,
}

/// What they were told since they were last counted.
#[derive(Debug, Default)]
struct Counted {
    /// How long each read took that was done, in microseconds.
    reads_us: Vec<u64>,
    writes: u64,
    failed: u64,
}

/// What a server has done since it was made.
#[derive(Clone, Copy, Debug)]
struct Work {
    appends: u64,
    syncs: u64,
}

impl Askers {
    fn begin(
        world: &mut World,
        clients: Vec<ClientId>,
        measure: &Measure,
        (seed, window): (u64, u64),
    ) -> Askers {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        // Clients of loads draw from the first streams, by their numbers.
        dice.set_stream(u64::MAX - window);
        let mut askers = Askers {
            all: clients.into_iter().map(|client| (client, false)).collect(),
            reads: measure.reads,
            keys: measure.keys,
            dice,
            value: ".".repeat(VALUE_BYTES),
            is_ending: false,
            counted: Counted::default(),
        };
        (0..askers.all.len()).for_each(|at| askers.ask(world, at));
        askers
    }

    /// One of them has its answer, if it is one of these, and asks for the next thing.
    pub fn hear(&mut self, world: &mut World, answered: &Answered) {
        let Some(at) = self.all.iter().position(|(client, _)| *client == answered.client) else { return };
        match answered.told {
            Told::NotDone(_) | Told::Unknown(_) => self.counted.failed += 1,
            _ if self.all[at].1 => self.counted.reads_us.push(answered.at.0 - answered.asked_at.0),
            _ => self.counted.writes += 1,
        }
        if !self.is_ending {
            self.ask(world, at);
        }
    }

    fn ask(&mut self, world: &mut World, at: usize) {
        let (reads, writes) = self.reads;
        let key = Bytes::from(key(self.draw(self.keys)).as_str());
        let is_read = self.draw(reads + writes) < u64::from(reads);
        let wish = if is_read { Wish::Get(key) } else { Wish::Do(put(key, &self.value)) };
        let (client, reads_now) = &mut self.all[at];
        *reads_now = is_read;
        world.wish(*client, wish);
    }

    /// A number below `below`; what is left of 2^64 divided by it is of no weight here.
    fn draw(&mut self, below: u32) -> u64 {
        self.dice.next_u64() % u64::from(below.max(1))
    }
}

impl Simulated {
    /// Gives these keys a value.
    ///
    /// # Errors
    ///
    /// If one could not be written.
    pub fn fill(&self, cluster: &Cluster, keys: Range<u32>) -> Result<(), Failure> {
        let mut inner = self.inner();
        let client = inner.operator;
        for number in keys {
            let key = Bytes::from(key(number.into()).as_str());
            inner.world.wish(client, Wish::Do(put(key, &".".repeat(VALUE_BYTES))));
            if let Some(Told::NotDone(why) | Told::Unknown(why)) =
                inner.advance(cluster, u64::MAX, Some(client))
            {
                let message = format!("a key to be read could not be written: {why}");
                return Err(Failure { exit: exit::UNREACHABLE, message });
            }
        }
        Ok(())
    }

    /// Measures for as long as it is told to. All windows of a run have other numbers.
    ///
    /// # Errors
    ///
    /// If nobody leads, or no read was done.
    pub fn measure(&self, cluster: &Cluster, measure: &Measure, window: u64) -> Result<Sample, Failure> {
        let view = self.look(cluster.running());
        let leads = view.leader().zip(view.of_leader());
        let (leader, followers) =
            leads.map(|(leader, says)| (leader, says.members.members.len() - 1)).ok_or_else(|| Failure {
                exit: exit::UNREACHABLE,
                message: "no server leads: `expect leader` first".into(),
            })?;
        let mut inner = self.inner();
        let is_counted = measure.reads.1 == 0;
        let lasts = workers::micros(measure.lasts);
        let idle = is_counted.then(|| inner.works_for(cluster, leader, lasts));
        let asking = inner.askers_of(measure);
        let askers = Askers::begin(&mut inner.world, asking, measure, (cluster.workload.seed(), window));
        inner.askers = Some(askers);
        inner.works_for(cluster, leader, workers::micros(warm_up(measure)));
        inner.askers.iter_mut().for_each(|askers| askers.counted = Counted::default());
        let busy = inner.works_for(cluster, leader, lasts);
        let counted = inner.end_askers(cluster);
        drop(inner);
        let after = self.look(cluster.running());
        // What another leader did is not in it.
        let costs = idle
            .filter(|_| after.leader() == Some(leader))
            .map(|idle| busy.beyond(idle, followers, &counted));
        let fsync_p50_us = after.of_leader().map_or(0, |leader| leader.fsync_p50_us);
        counted.sample(measure, micros(fsync_p50_us), costs)
    }

    /// Who starts from now on is told this.
    pub fn respec(&self, spec: raftlab_sim::Spec) {
        self.inner().world.respec(spec);
    }
}

impl Inner {
    /// Lets time pass. What a server did meanwhile.
    fn works_for(&mut self, cluster: &Cluster, server: NodeId, micros: u64) -> Work {
        let before = self.work(server);
        let until = self.world.now().0 + micros;
        self.advance(cluster, until, None);
        let after = self.work(server);
        Work { appends: after.appends - before.appends, syncs: after.syncs - before.syncs }
    }

    fn work(&self, server: NodeId) -> Work {
        let Some(server) = self.world.server(server) else { return Work { appends: 0, syncs: 0 } };
        let sent = server.traffic.sent_by_kind();
        let appends = sent.filter(|(kind, _)| *kind == "append_entries").map(|(_, count)| count).sum();
        Work { appends, syncs: server.syncs.counts().buckets.iter().sum() }
    }

    /// As many clients as are wanted: those who measured before, and more if need be.
    fn askers_of(&mut self, measure: &Measure) -> Vec<ClientId> {
        let wanted = usize::try_from(measure.clients).unwrap_or(usize::MAX);
        while self.measurers.len() < wanted {
            let client = self.world.client(None);
            self.measurers.push(client);
        }
        self.measurers[..wanted].to_vec()
    }

    /// Clients ask for nothing more, and what is under way ends. What was counted until now.
    fn end_askers(&mut self, cluster: &Cluster) -> Counted {
        let Some(askers) = &mut self.askers else { return Counted::default() };
        askers.is_ending = true;
        let counted = std::mem::take(&mut askers.counted);
        // Who is not answered gives up by itself, so that this ends.
        while self.measurers.iter().any(|client| self.world.is_busy(*client)) {
            let until = self.world.now().0 + clients::LINGERS_US / 100;
            self.advance(cluster, until, None);
        }
        self.askers = None;
        counted
    }
}

impl Work {
    /// What each read cost beyond what is done when nobody asks.
    fn beyond(self, idle: Work, followers: usize, counted: &Counted) -> Costs {
        let reads = micros(counted.reads_us.len().max(1) as u64);
        let beyond = |busy: u64, idle: u64| (micros(busy) - micros(idle)) / reads;
        Costs {
            rounds_per_read: beyond(self.appends, idle.appends) / micros(followers.max(1) as u64),
            fsyncs_per_read: beyond(self.syncs, idle.syncs),
        }
    }
}

impl Counted {
    fn sample(self, measure: &Measure, fsync_p50_us: f64, costs: Option<Costs>) -> Result<Sample, Failure> {
        let Counted { mut reads_us, writes, failed } = self;
        if reads_us.is_empty() {
            return Err(nothing_read(failed));
        }
        reads_us.sort_unstable();
        let at = |percent: usize| micros(reads_us[(reads_us.len() * percent / 100).min(reads_us.len() - 1)]);
        let done = micros(reads_us.len() as u64 + writes);
        Ok(Sample {
            operations_per_second: done / measure.lasts.as_secs_f64(),
            read_p50_us: at(50),
            read_p99_us: at(99),
            fsync_p50_us,
            costs,
            failed,
        })
    }
}

fn put(key: Bytes, value: &str) -> Operation {
    Operation::Put { key, value: value.into() }
}
