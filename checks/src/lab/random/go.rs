//! One random run: things go wrong while clients work, then all is healed and the cluster has to come back.

use std::collections::BTreeMap;
use std::sync::Arc;

use raftlab_core::{Config, Index, Membership, NodeId, Span, Time};
use raftlab_model::{Way, panic_message};
use raftlab_node::chaos::FaultCount;
use raftlab_node::journal::Record;
use raftlab_node::kv::Operation as Done;
use raftlab_sim::{ClientId, Founded, Silent, Told, Watch, Wish, World};

use super::super::simulated::workers::Workers;
use super::lies::Liar;
use super::memory::{Lives, Recorders};
use super::plan::Plan;
use super::trial::{Fallen, Trial};
use crate::console::quietly;
use crate::history::Operation;

/// How long the cluster may take, when all is well, to serve a client and agree.
pub(super) const LIVE_WITHIN_US: u64 = 20_000_000;

/// How long the first election may take.
const FOUNDED_WITHIN_US: u64 = 30_000_000;

/// How often it is looked whether the cluster is back.
pub(super) const LOOKS_EVERY_US: u64 = 50_000;

/// So many inputs of cores, and entries in them, no run comes near in which servers do not repeat themselves.
const INPUTS_MAX: u64 = 5_000_000;

/// What a run left.
#[derive(Debug)]
pub struct Outcome {
    /// What clients asked for, and were told.
    pub operations: Vec<Operation>,
    /// How many those are.
    pub operations_count: u64,
    /// What the cores were given.
    pub lives: BTreeMap<NodeId, Vec<Vec<Record>>>,
    /// A hash of all that happened.
    pub print: u64,
    /// How many events there were.
    pub events: u64,
    /// How much time passed in it, in microseconds.
    pub passed_us: u64,
    /// How often each fault struck.
    pub struck: BTreeMap<String, u64>,
    /// A core panicked: what it said.
    pub panicked: Option<String>,
    /// How it came back, or why it did not.
    pub came_back: ComesBack,
    /// What was tried when it was back.
    pub tried: Option<Trial>,
}

/// What became of a cluster when all was healed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComesBack {
    /// A client was served, and all agree.
    Does,
    /// It did not: why.
    Stuck(String),
    /// It did, and did not bear what it has to.
    Falls(Fallen),
    /// It could not: the logs of a majority are whole no more, or it never came so far.
    Cannot,
}

/// Does what was drawn. What is taken away is switched off in every core, or
/// broken by every host. What cores are given is recorded if that is wanted.
pub fn go(plan: &Plan, without: Option<Way>, is_recorded: bool) -> Outcome {
    let lives = Lives::default();
    let watch: Box<dyn Watch> = if is_recorded { Box::new(Recorders::new(&lives)) } else { Box::new(Silent) };
    let mut run = Run::new(plan, without, watch, lives.clone());
    let went = quietly(|| run.go());
    let panicked = went.as_ref().err().map(|panic| panic_message(&**panic));
    let came_back = went.unwrap_or(ComesBack::Cannot);
    let mut faults = BTreeMap::new();
    for server in run.world.servers() {
        *faults.entry("disk_error".into()).or_default() += server.ends;
        for FaultCount { fault, fired } in server.fired.counts() {
            *faults.entry(fault).or_default() += fired;
        }
    }
    *faults.entry("kill".into()).or_default() += run.kills;
    *faults.entry("disk_rot".into()).or_default() += run.rots;
    let (print, events, passed_us) = (run.world.print(), run.world.events(), run.world.now().0);
    let tried = run.tried;
    let operations = run.into_operations();
    let operations_count = operations.len() as u64;
    Outcome {
        operations,
        operations_count,
        lives: lives.take(),
        print,
        events,
        passed_us,
        struck: faults,
        panicked,
        came_back,
        tried,
    }
}

/// A run that goes on.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    lives: Lives,
    pub(super) world: World,
    workers: Workers,
    operations: Vec<Operation>,
    /// Who changes the configuration.
    pub(super) operator: ClientId,
    /// The last server that joined.
    pub(super) joined: u64,
    pub(super) kills: u64,
    pub(super) rots: u64,
    /// Servers whose logs are refused: they do not come back.
    pub(super) lost: Vec<NodeId>,
    tried: Option<Trial>,
    /// Clients begin nothing any more.
    pub(super) are_clients_done: bool,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, without: Option<Way>, watch: Box<dyn Watch>, lives: Lives) -> Run<'a> {
        let mut world = World::new(plan.seed, plan.spec, plan.physics, watch);
        world = match without {
            Some(Way::Rule(rule)) => world.with_shape(Box::new(move |config: Config| config.without(rule))),
            Some(Way::Shim(shim)) => world.with_lies(Arc::new(Liar(shim))),
            None => world,
        };
        let founders: Vec<_> = (1..=plan.founders).map(NodeId).collect();
        for server in &founders {
            world.add(*server, Founded::By(founders.clone()));
        }
        let operator = world.client(None);
        let asked = if plan.is_each_asked { founders.as_slice() } else { &[] };
        let mut workers = Workers::default();
        for load in &plan.loads {
            workers.begin(&mut world, (0, plan.seed), load, asked);
        }
        Run {
            plan,
            lives,
            world,
            workers,
            operations: Vec::new(),
            operator,
            joined: plan.founders,
            kills: 0,
            rots: 0,
            lost: Vec::new(),
            tried: None,
            are_clients_done: false,
        }
    }

    fn go(&mut self) -> ComesBack {
        self.start_all();
        if let Err(why) = self.await_leader() {
            return ComesBack::Stuck(why);
        }
        let start = self.world.now().0;
        for (at, act) in &self.plan.acts {
            self.pass(start + at);
            self.act(act);
        }
        self.pass(start + self.plan.lasts_us);
        if self.is_flooded() { self.flooded() } else { self.come_back() }
    }

    /// All is well from now on: a client has to be served, and all that are left have to agree.
    fn come_back(&mut self) -> ComesBack {
        self.world.heal();
        self.start_all();
        if !self.could_come_back() {
            return ComesBack::Cannot;
        }
        let began = self.world.now().0;
        let (deadline, mut has_outsiders) = (began + LIVE_WITHIN_US, true);
        let client = self.world.client(None);
        let put = || Wish::Do(Done::Put { key: "last".into(), value: "word".into() });
        self.world.wish_for(client, put(), Span(LIVE_WITHIN_US));
        let mut served = None;
        while self.world.now().0 < deadline {
            let until = self.world.now().0 + LOOKS_EVERY_US;
            if has_outsiders && until > began + LIVE_WITHIN_US / 2 {
                // A change that waited for a paused leader may have come only now.
                if !self.could_come_back() {
                    return ComesBack::Cannot;
                }
                has_outsiders = false;
                self.stop_outsiders();
            }
            let told = self.pass_for(until, client);
            if self.is_flooded() {
                return self.flooded();
            }
            if let Some(Told::Done(_)) = told {
                served = self.newest_commit();
            }
            if served.is_some_and(|commit| self.agree(commit)) {
                let (tried, came_out) = self.undergo(self.plan.trial);
                self.tried = tried;
                return came_out.map_or_else(ComesBack::Falls, |()| ComesBack::Does);
            }
            if served.is_none() && !self.world.is_busy(client) {
                self.world.wish_for(client, put(), Span(LIVE_WITHIN_US));
            }
        }
        let seconds = LIVE_WITHIN_US / 1_000_000;
        let what = if served.is_some() { "the servers do not agree" } else { "no client is served" };
        ComesBack::Stuck(format!("{what}, {seconds} s after all was healed: {}", self.stand()))
    }

    /// Do servers do nothing but answer each other?
    fn is_flooded(&self) -> bool {
        self.lives.size() > INPUTS_MAX
    }

    fn flooded(&self) -> ComesBack {
        ComesBack::Stuck(format!("servers do nothing but answer each other: {}", self.stand()))
    }

    /// The configuration of the newest log, of those that are up.
    pub(super) fn newest(&self) -> Option<Membership> {
        let rafts = self.world.servers().filter_map(|server| Some(server.node()?.replica().raft()));
        rafts.max_by_key(|raft| raft.log().last()).map(|raft| raft.membership().clone())
    }

    /// Are those whose logs are whole a majority?
    fn could_come_back(&self) -> bool {
        let up = |voter: NodeId| self.world.server(voter).is_some_and(raftlab_sim::server::Server::is_up);
        self.newest().is_some_and(|members| members.voters().are_majority(up))
    }

    /// Who has left and does not know it may go on asking for votes: nobody would let it run for ever.
    pub(super) fn stop_outsiders(&mut self) {
        let Some(members) = self.newest() else { return };
        let outside = |server: &NodeId| members.servers().all(|member| member != *server);
        let outsiders: Vec<_> = self.world.servers().map(|server| server.id).filter(outside).collect();
        for server in outsiders {
            self.world.stop(server);
        }
    }

    /// The furthest commitIndex.
    fn newest_commit(&self) -> Option<Index> {
        let nodes = self.world.servers().filter_map(raftlab_sim::server::Server::node);
        nodes.map(|node| node.replica().raft().commit()).max()
    }

    /// Every member that is not lost follows one leader, and has applied all up to this entry.
    fn agree(&self, commit: Index) -> bool {
        let Some(leader) = self.leader().and_then(|leader| self.world.status(leader)) else { return false };
        let servers = leader.membership.servers().filter(|server| !self.lost.contains(server));
        let follows = |server: NodeId| {
            let Some(status) = self.world.status(server) else { return false };
            status.term == leader.term && status.leader == leader.leader && status.applied >= commit
        };
        servers.into_iter().all(follows)
    }

    pub(super) fn stand(&self) -> String {
        let servers = self.world.servers().map(|server| match self.world.status(server.id) {
            Some(status) => format!(
                "{} {} in term {}, commit {}, last {}, voters {}",
                server.id, status.role, status.term, status.commit, status.last, status.membership
            ),
            None => format!("{} down", server.id),
        });
        servers.collect::<Vec<_>>().join("; ")
    }

    /// Who leads in the highest term.
    pub(super) fn leader(&self) -> Option<NodeId> {
        let statuses = self.world.servers().filter_map(|server| {
            let raft = server.node()?.replica().raft();
            raft.is_leader().then_some((raft.term(), server.id))
        });
        statuses.max().map(|(_, id)| id)
    }

    fn await_leader(&mut self) -> Result<(), String> {
        while self.leader().is_none() {
            if self.is_flooded() || self.world.now().0 >= FOUNDED_WITHIN_US {
                return Err(format!("no first leader: {}", self.stand()));
            }
            self.pass(self.world.now().0 + LOOKS_EVERY_US);
        }
        Ok(())
    }

    pub(super) fn pass(&mut self, until: u64) {
        self.pass_for(until, ClientId(0));
    }

    /// Time passes, and clients work. What this one is told is given back.
    pub(super) fn pass_for(&mut self, until: u64, awaited: ClientId) -> Option<Told> {
        let mut told = None;
        loop {
            let begins = if self.are_clients_done { until } else { self.workers.next_at() };
            let stop = until.min(begins).max(self.world.now().0);
            if let Some(answered) = self.world.run(Time(stop)) {
                if answered.client == awaited {
                    told = Some(answered.told);
                } else {
                    self.operations.extend(self.workers.hear(&answered));
                }
                if self.is_flooded() {
                    return told;
                }
                continue;
            }
            if self.world.now().0 >= until || self.is_flooded() {
                return told;
            }
            if !self.are_clients_done {
                self.workers.tick(&mut self.world);
            }
        }
    }

    fn into_operations(mut self) -> Vec<Operation> {
        self.operations.extend(self.workers.end(self.world.now().0));
        self.operations
    }
}
