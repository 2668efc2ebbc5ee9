//! A run in a simulated world: what the supervisor of real processes does, in virtual time.
//!
//! The world stands still, except while somebody [waits](Simulated::pass). While it goes on, clients work, servers are
//! looked at as often as real ones are, and what they say is taken down. It leaves the same files, by the same types;
//! what reads them does not know the difference.

mod clients;
mod going;
mod journals;
mod measure;
pub mod run;
pub mod workers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use raftlab_core::{Change, Config, NodeId, Span};
use raftlab_node::api::MemberRequest;
use raftlab_node::chaos::{ChaosRequest, DiskFault};
use raftlab_node::peers::server_name;
use raftlab_sim::server::StartError;
use raftlab_sim::{Founded, Physics, Spec, Told, Wish, World};

use self::clients::{Crew, Single};
use self::going::Inner;
use self::journals::Journals;
use self::workers::wish;
use super::clock::Clock;
use super::cluster::Cluster;
use super::view::View;
use crate::failure::Failure;
use crate::history::Action;
use crate::scenario::Load;
use crate::verdict::exit;

/// A world, and who works in it.
#[derive(Debug)]
pub struct Simulated(Mutex<Inner>);

/// What a world is made of.
pub struct Making {
    /// Its seed.
    pub seed: u64,
    /// What servers are told.
    pub spec: Spec,
    /// How long things take.
    pub physics: Physics,
    /// Where journals go, if they are kept.
    pub journals: Option<std::path::PathBuf>,
    /// What every configuration becomes.
    pub shape: Box<dyn Fn(Config) -> Config + Send>,
}

impl Simulated {
    /// A world without servers, and its clock.
    pub fn new(making: Making) -> (Simulated, Clock) {
        let Making { seed, spec, physics, journals, shape } = making;
        let watch: Box<dyn raftlab_sim::Watch> = match journals {
            Some(dir) => Box::new(Journals::new(dir)),
            None => Box::new(raftlab_sim::Silent),
        };
        let mut world = World::new(seed, spec, physics, watch).with_shape(shape);
        let clock = Clock::World(Arc::clone(world.clock()));
        let operator = world.client(None);
        let inner = Inner {
            world,
            crew: None,
            askers: None,
            measurers: Vec::new(),
            singles: BTreeMap::new(),
            operator,
            sample_at: 0,
            logs: BTreeMap::new(),
        };
        (Simulated(Mutex::new(inner)), clock)
    }

    /// Makes room for a server.
    pub fn add(&self, server: NodeId, told: Founded) {
        self.inner().world.add(server, told);
    }

    /// At its next start a server is told this.
    pub fn retell(&self, server: NodeId, told: Founded) {
        self.inner().world.retell(server, told);
    }

    /// Is its process up?
    pub fn is_up(&self, server: NodeId) -> bool {
        self.inner().world.server(server).is_some_and(raftlab_sim::server::Server::is_up)
    }

    /// Starts a server.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    pub fn start(&self, server: NodeId) -> Result<(), Failure> {
        let mut inner = self.inner();
        // What is wrong with its links and its clock a process is told when it is up, as a real one.
        if let Some(of) = inner.world.server(server) {
            of.links.heal();
        }
        inner.world.set_clock(server, 1_000_000);
        inner.world.start(server).map_err(|error| {
            let exit = match error {
                StartError::Stalls(_) => exit::UNREACHABLE,
                StartError::Runs(_)
                | StartError::Config(_)
                | StartError::Log(_)
                | StartError::Snapshot(_) => exit::DATA,
            };
            Failure { exit, message: format!("{server} did not start: {error}") }
        })
    }

    /// Ends a server at once. Was it up?
    pub fn kill(&self, server: NodeId) -> bool {
        self.inner().world.kill(server)
    }

    /// Ends a server as it should end. Was it up?
    pub fn stop(&self, server: NodeId) -> bool {
        self.inner().world.stop(server)
    }

    /// The number of its life, counted from 1.
    pub fn life(&self, server: NodeId) -> u64 {
        self.inner().world.server(server).map_or(0, |server| server.lives)
    }

    /// Makes something go wrong with a server, or well again.
    pub fn tell(&self, server: NodeId, request: &ChaosRequest) {
        self.inner().tell(server, request);
    }

    /// A disk is well on which nobody writes.
    pub fn heal_disk(&self, server: NodeId) {
        self.inner().world.set_disk(server, DiskFault::default());
    }

    /// A bit of the log of a server that is down turns: in which file and where.
    pub fn rot(&self, server: NodeId) -> Option<(String, usize)> {
        self.inner().world.rot(server)
    }

    /// How servers that are up stand.
    pub fn look(&self, running: impl IntoIterator<Item = NodeId>) -> View {
        let inner = self.inner();
        let now = inner.world.now();
        let document = |server: NodeId| {
            let numbers = inner.world.server(server)?.numbers(now)?;
            Some(numbers.document())
        };
        View(running.into_iter().map(|server| (server, document(server))).collect())
    }

    /// What is under a key at a server that is up.
    pub fn value(&self, server: NodeId, key: &str) -> Option<Option<String>> {
        let inner = self.inner();
        let node = inner.world.server(server)?.node()?;
        let pair = node.store().get(key.as_bytes());
        Some(pair.map(|pair| String::from_utf8_lossy(&pair.value.0).into_owned()))
    }

    /// Asks for a change of who belongs to the cluster, and waits for the answer.
    ///
    /// # Errors
    ///
    /// Why it was not done, in words.
    pub fn change(&self, cluster: &Cluster, request: &MemberRequest) -> Result<(), String> {
        let named = |server: &String| server_name(server).map_err(|error| error.to_string());
        let wish = match request {
            MemberRequest::AddLearner { server, .. } => Wish::Change(Change::AddLearner(named(server)?)),
            MemberRequest::Promote { server } => Wish::Change(Change::Promote(named(server)?)),
            MemberRequest::Demote { server } => Wish::Change(Change::Demote(named(server)?)),
            MemberRequest::Remove { server } => Wish::Change(Change::Remove(named(server)?)),
            MemberRequest::MoveLeader { to } => Wish::Transfer(named(to)?),
        };
        let mut inner = self.inner();
        let operator = inner.operator;
        inner.world.wish_for(operator, wish, Span(2_000_000));
        match inner.advance(cluster, u64::MAX, Some(operator)) {
            Some(Told::NotDone(why) | Told::Unknown(why)) => Err(why),
            _ => Ok(()),
        }
    }

    /// Lets time pass.
    pub fn pass(&self, cluster: &Cluster, time: Duration) {
        let mut inner = self.inner();
        let until = inner.world.now().0 + u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        inner.advance(cluster, until, None);
    }

    /// Lets clients work from now on.
    pub fn begin_load(&self, cluster: &Cluster, load: &Load) {
        let mut inner = self.inner();
        cluster.workload.begin();
        let crew = Crew::begin(&mut inner.world, cluster, load);
        inner.crew = Some(crew);
    }

    /// Lets clients stop: what is under way is given a while.
    pub fn stop_load(&self, cluster: &Cluster) {
        let mut inner = self.inner();
        if let Some(crew) = &mut inner.crew {
            crew.is_ending = true;
        }
        let until = inner.world.now().0 + clients::LINGERS_US;
        inner.advance(cluster, until, None);
        if let Some(crew) = inner.crew.take() {
            crew.end(inner.world.now().0, cluster);
        }
    }

    /// Do clients work?
    pub fn is_busy(&self) -> bool {
        self.inner().crew.is_some()
    }

    /// Asks for one thing. What comes of it is told to the cluster under this name.
    pub fn operate(&self, cluster: &Cluster, name: &str, key: &str, action: &Action, to: Option<NodeId>) {
        let mut inner = self.inner();
        let (client, start_us) = (inner.world.client(to), inner.world.now().0);
        let (name, key, action) = (name.to_string(), key.to_string(), action.clone());
        let number = cluster.workload.number(1);
        let wish = match wish(&key, &action) {
            // Who asks one server and no other asks it once.
            Wish::Do(operation) if to.is_some() => Wish::DoOnce(operation),
            other => other,
        };
        inner.world.wish(client, wish);
        let what = clients::Asked::Operation { number, key, action };
        inner.singles.insert(client, Single { name, start_us, what });
    }

    /// Asks for a server to join, and does not wait. What comes of it is told to the cluster under this name.
    pub fn propose_add(&self, name: &str, server: NodeId) {
        let mut inner = self.inner();
        let (client, start_us) = (inner.world.client(None), inner.world.now().0);
        inner.world.wish_for(client, Wish::Change(Change::AddLearner(server)), Span(2_000_000));
        let what = clients::Asked::Change;
        inner.singles.insert(client, Single { name: name.to_string(), start_us, what });
    }

    /// Ends what was asked for one by one and has no answer: nobody knows of it.
    pub fn give_up_singles(&self, cluster: &Cluster) {
        for single in std::mem::take(&mut self.inner().singles).into_values() {
            single.end(cluster, None);
        }
    }

    /// How often faults have struck a server, and all its numbers.
    pub fn count(&self, cluster: &Cluster, server: NodeId) {
        self.inner().count(cluster, server);
    }

    /// What servers printed, by name of the file.
    pub fn logs(&self) -> BTreeMap<String, String> {
        self.inner().logs.clone()
    }

    /// A hash of all that happened, and how many events that were.
    pub fn print(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.world.print(), inner.world.events())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
