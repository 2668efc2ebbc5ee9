//! The servers of a run, and what is known of them: the part of the supervisor that all others share.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use raftlab_core::NodeId;
use raftlab_node::client::Server as Connection;
use raftlab_node::peers::{Address, Peers};
use raftlab_sim::Founded;
use tokio::sync::watch;

use super::clock::Moment;
use super::files::{FaultLine, RunDocument, RunFiles, SCHEMA, ServerDocument};
use super::fired::Ledger;
use super::links::Links;
use super::load::Workload;
use super::measure::Measuring;
use super::narrator::Narrator;
use super::ports::Ports;
use super::process::Life;
use super::simulated::Simulated;
use super::view::View;
use super::{lives, observe};
use crate::failure::Failure;
use crate::history::Outcome;
use crate::nearest::unknown;
use crate::scenario::Scenario;

/// How long a server is given to answer what the supervisor asks it.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// How often a cluster is looked at by who waits for something.
pub const LOOKS_EVERY: Duration = Duration::from_millis(20);

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that is a server when its first argument is `node`.
    pub program: PathBuf,
    /// The command that does the run again.
    pub command: String,
    /// By which clients draw.
    pub seed: u64,
    /// How many servers found the cluster.
    pub founders: u64,
    /// What every server is told besides at its first start.
    pub flags: Vec<String>,
    /// Are journals kept?
    pub is_recorded: bool,
    /// What is done to it; nothing, if that is not known beforehand.
    pub scenario: Option<Scenario>,
}

/// A cluster, and all that is known of it.
#[derive(Debug)]
pub struct Cluster {
    /// What it was told.
    pub settings: Settings,
    /// The world in which its servers are simulated; nothing, if they are processes.
    pub simulated: Option<Simulated>,
    /// Where it writes what happens.
    pub files: RunFiles,
    /// Whom it tells.
    pub narrator: Narrator,
    /// Clients at work.
    pub workload: Workload,
    /// Set when the run ends.
    pub ending: watch::Sender<bool>,
    /// Held by who breaks or mends something: one after another.
    pub turn: tokio::sync::Mutex<()>,
    pub(super) token: String,
    servers: Mutex<BTreeMap<NodeId, Server>>,
    ports: Mutex<Ports>,
    ledger: Mutex<Ledger>,
    links: Mutex<Links>,
    clocks: Mutex<BTreeMap<NodeId, f64>>,
    pages: Mutex<BTreeMap<String, String>>,
    outcomes: Mutex<BTreeMap<String, Outcome>>,
    flags: Mutex<Vec<String>>,
    measuring: Mutex<Measuring>,
    began: Moment,
    ended: Mutex<Option<Moment>>,
}

/// A server that there is, or was.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub peer: SocketAddr,
    /// Where it listens for clients.
    pub http: SocketAddr,
    /// Where it keeps what it is to remember.
    pub data_dir: PathBuf,
    /// Where its log is, if not there.
    pub wal_dir: Option<PathBuf>,
    /// The servers that it is told of, and whether it founds the cluster with them.
    pub told: (String, bool),
    /// The process, if it was ever started.
    pub life: Option<Arc<Life>>,
    /// Was it told anew who founded the cluster?
    pub is_edited: bool,
    /// Has it left the cluster?
    pub is_removed: bool,
}

impl Cluster {
    /// A cluster that is not started, in a directory that is there.
    ///
    /// # Errors
    ///
    /// If there are no ports, or the directory cannot be written.
    pub fn new(
        dir: &Path,
        settings: Settings,
        narrator: Narrator,
        simulated: Option<Simulated>,
    ) -> Result<Cluster, Failure> {
        let mut ports = if simulated.is_some() { Ports::made_up() } else { Ports::default() };
        let founders: Vec<_> = (1..=settings.founders).map(NodeId).collect();
        let mut servers = BTreeMap::new();
        let mut peers = Peers::default();
        for name in &founders {
            let server = Server::new(dir, *name, &mut ports)?;
            peers.insert(*name, Address { peer: server.peer, http: Some(server.http) });
            servers.insert(*name, server);
        }
        for server in servers.values_mut() {
            server.told = (peers.to_string(), true);
        }
        if let Some(simulated) = &simulated {
            for name in &founders {
                simulated.add(*name, Founded::By(founders.clone()));
            }
        }
        let began = narrator.now();
        Ok(Cluster {
            files: RunFiles::create(dir)?,
            narrator,
            workload: Workload::new(dir, settings.seed)?,
            ending: watch::Sender::new(false),
            turn: tokio::sync::Mutex::default(),
            simulated,
            token: format!("lab-{:x}-{:x}", began.unix_us, std::process::id()),
            servers: Mutex::new(servers),
            ports: Mutex::new(ports),
            ledger: Mutex::default(),
            links: Mutex::default(),
            clocks: Mutex::default(),
            pages: Mutex::default(),
            outcomes: Mutex::default(),
            flags: Mutex::new(settings.flags.clone()),
            measuring: Mutex::default(),
            began,
            ended: Mutex::default(),
            settings,
        })
    }

    /// Starts the founders, and waits until one leads.
    ///
    /// # Errors
    ///
    /// If one does not start, or none leads in time.
    pub async fn found(self: &Arc<Self>, within: Duration) -> Result<NodeId, Failure> {
        self.describe()?;
        let founders: Vec<_> = self.names().iter().map(ToString::to_string).collect();
        self.narrator.say_members("all", &format!("{{{}}}", founders.join(" ")));
        for server in self.names() {
            lives::begin(self, server)?;
            observe::follow(self, server);
        }
        for server in self.names() {
            lives::answers(self, server).await?;
        }
        lives::leads(self, within).await
    }

    /// Makes room for a server that is to join, under a name that was never used.
    ///
    /// # Errors
    ///
    /// If it was.
    pub fn prepare(self: &Arc<Self>, name: NodeId) -> Result<(), Failure> {
        let next = self.next_name();
        let mut servers = self.servers();
        if servers.contains_key(&name) {
            let says =
                format!("{name} is or was in this cluster, and a name is never used again: take {next}");
            return Err(Failure::data(says));
        }
        let mut server = Server::new(self.dir(), name, &mut lock(&self.ports))?;
        let mut peers = Peers::default();
        for (name, Server { peer, http, .. }) in servers.iter().filter(|(_, server)| !server.is_removed) {
            peers.insert(*name, Address { peer: *peer, http: Some(*http) });
        }
        server.told = (peers.to_string(), false);
        servers.insert(name, server);
        drop(servers);
        if let Some(simulated) = &self.simulated {
            simulated.add(name, Founded::Joins);
        }
        self.describe()
    }

    /// At its next start a server is told that these founded the cluster; one that is not known is made known.
    ///
    /// # Errors
    ///
    /// If there are no ports.
    pub fn edit(self: &Arc<Self>, name: NodeId, founders: &[NodeId]) -> Result<(), Failure> {
        let mut servers = self.servers();
        for server in founders.iter().chain([&name]) {
            if !servers.contains_key(server) {
                let new = Server::new(self.dir(), *server, &mut lock(&self.ports))?;
                servers.insert(*server, new);
                if let Some(simulated) = &self.simulated {
                    simulated.add(*server, Founded::Joins);
                }
            }
        }
        let mut peers = Peers::default();
        for (server, Server { peer, http, .. }) in
            servers.iter().filter(|(server, _)| founders.contains(server))
        {
            peers.insert(*server, Address { peer: *peer, http: Some(*http) });
        }
        if let Some(server) = servers.get_mut(&name) {
            server.told = (peers.to_string(), true);
            server.is_edited = true;
        }
        drop(servers);
        if let Some(simulated) = &self.simulated {
            simulated.retell(name, Founded::By(founders.to_vec()));
        } else {
            observe::follow(self, name);
        }
        self.describe()
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn describe(&self) -> Result<(), Failure> {
        let server = |(name, server): (&NodeId, &Server)| ServerDocument {
            server: name.to_string(),
            peer: server.peer,
            http: server.http,
            data_dir: server.data_dir.clone(),
        };
        let document = RunDocument {
            schema: SCHEMA.into(),
            on: if self.simulated.is_some() { "sim" } else { "udp" }.into(),
            scenario: self.settings.scenario.as_ref().map(|scenario| scenario.name.clone()),
            script: self.settings.scenario.as_ref().map(ToString::to_string),
            command: self.settings.command.clone(),
            seed: self.settings.seed,
            started_at_us: self.began.at_us,
            started_unix_us: self.began.unix_us,
            ended_at_us: lock(&self.ended).map(|ended| ended.at_us),
            node_flags: self.settings.flags.clone(),
            servers: self.servers().iter().map(server).collect(),
        };
        self.files.replace_json("run.json", &document)
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        self.narrator.now()
    }

    /// Waits.
    pub async fn sleep(&self, time: Duration) {
        match &self.simulated {
            Some(simulated) => simulated.pass(self, time),
            None => tokio::time::sleep(time).await,
        }
    }

    /// The run's directory.
    pub fn dir(&self) -> &Path {
        self.files.dir()
    }

    /// The last server has ended.
    pub fn note_end(&self) {
        *lock(&self.ended) = Some(self.now());
    }

    /// Notes that something was done to the cluster, when, and says so.
    pub fn note(&self, moment: Moment, verb: &str, server: Option<NodeId>, text: &str) {
        self.note_line(&FaultLine {
            moment,
            verb: verb.into(),
            server: server.map(|server| server.to_string()),
            text: text.into(),
            until_us: None,
            incarnation: None,
        });
    }

    /// The same, with all there is to say.
    pub fn note_line(&self, line: &FaultLine) {
        self.files.faults.add(line);
        let mark = if ["start", "heal", "member"].contains(&line.verb.as_str()) { '+' } else { '✗' };
        self.narrator.say(line.server.as_deref().unwrap_or("all"), &format!("{mark} {}", line.text));
    }

    /// The servers that belong to the cluster, or are to join it.
    pub fn names(&self) -> BTreeSet<NodeId> {
        let servers = self.servers();
        servers.iter().filter(|(_, server)| !server.is_removed).map(|(name, _)| *name).collect()
    }

    /// The first name that was never used, above all that were.
    pub fn next_name(&self) -> NodeId {
        NodeId(self.servers().keys().last().map_or(1, |last| last.0 + 1))
    }

    /// The servers whose processes run.
    pub fn running(&self) -> BTreeSet<NodeId> {
        self.names()
            .into_iter()
            .filter(|server| match &self.simulated {
                Some(simulated) => simulated.is_up(*server),
                None => self.life(*server).is_some_and(|life| life.end().is_none()),
            })
            .collect()
    }

    /// What is known of a server.
    ///
    /// # Errors
    ///
    /// If there is none of this name; the nearest is said.
    pub fn server(&self, name: NodeId) -> Result<Server, Failure> {
        let known = self.servers().get(&name).filter(|server| !server.is_removed).cloned();
        // They are not looked at under the lock, which the names take as well.
        known.ok_or_else(|| {
            let names: Vec<_> = self.names().iter().map(ToString::to_string).collect();
            let names = names.iter().map(String::as_str);
            Failure::data(unknown("server of this cluster", &name.to_string(), names))
        })
    }

    /// Changes what is known of a server.
    pub fn change(&self, name: NodeId, change: impl FnOnce(&mut Server)) {
        if let Some(server) = self.servers().get_mut(&name) {
            change(server);
        }
    }

    /// The process of a server, running or not.
    pub fn life(&self, name: NodeId) -> Option<Arc<Life>> {
        self.servers().get(&name).and_then(|server| server.life.clone())
    }

    /// A connection to a server.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    pub fn connect(&self, name: NodeId) -> Result<Connection, Failure> {
        Ok(Connection::new(self.server(name)?.http, ANSWERS_WITHIN))
    }

    /// Where clients may ask.
    pub fn endpoints(&self) -> Vec<SocketAddr> {
        let servers = self.servers();
        servers.values().filter(|server| !server.is_removed).map(|server| server.http).collect()
    }

    /// How all servers that run stand now.
    pub async fn look(&self) -> View {
        if let Some(simulated) = &self.simulated {
            return simulated.look(self.running());
        }
        let ask = |server: NodeId| {
            let connection = self.connect(server);
            tokio::spawn(async move { connection.ok()?.status().await.ok() })
        };
        let asked: Vec<_> = self.running().into_iter().map(|server| (server, ask(server))).collect();
        let mut view = View::default();
        for (server, status) in asked {
            view.0.insert(server, status.await.ok().flatten());
        }
        view
    }

    /// How often faults struck.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// The links that are bad.
    pub fn links(&self) -> MutexGuard<'_, Links> {
        lock(&self.links)
    }

    /// The clocks that are wrong, in percent of the truth.
    pub fn clocks(&self) -> MutexGuard<'_, BTreeMap<NodeId, f64>> {
        lock(&self.clocks)
    }

    /// What each server last said at `/metrics`.
    pub fn pages(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        lock(&self.pages)
    }

    /// What came of operations that a scenario asked for, by their names.
    pub fn outcomes(&self) -> MutexGuard<'_, BTreeMap<String, Outcome>> {
        lock(&self.outcomes)
    }

    /// What every server is told besides, at its next start.
    pub fn flags(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.flags)
    }

    /// What was measured.
    pub fn measuring(&self) -> MutexGuard<'_, Measuring> {
        lock(&self.measuring)
    }

    fn servers(&self) -> MutexGuard<'_, BTreeMap<NodeId, Server>> {
        lock(&self.servers)
    }
}

impl Server {
    fn new(dir: &Path, name: NodeId, ports: &mut Ports) -> Result<Server, Failure> {
        Ok(Server {
            peer: ports.take()?,
            http: ports.take()?,
            data_dir: dir.join(name.to_string()),
            wal_dir: None,
            told: (String::new(), true),
            life: None,
            is_edited: false,
            is_removed: false,
        })
    }

    /// Where its log is.
    pub fn log_dir(&self) -> PathBuf {
        self.wal_dir.clone().unwrap_or_else(|| self.data_dir.join("log"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
