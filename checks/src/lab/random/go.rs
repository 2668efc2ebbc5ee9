//! One random run: things go wrong while clients work, then all is healed and the cluster has to come back.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe, catch_unwind};

use raftlab_core::{Change, Config, Index, Membership, NodeId, Rule, Span, Time};
use raftlab_model::panic_message;
use raftlab_node::chaos::{DiskFault, FaultCount, LinkFault};
use raftlab_node::journal::Record;
use raftlab_node::kv::Operation as Done;
use raftlab_sim::{ClientId, Founded, Silent, Told, Watch, Wish, World};

use super::super::load::chooser::Chooser;
use super::super::simulated::clients::{outcome, wish};
use super::draw::{Act, Plan, Who};
use super::memory::{Lives, Recorders};
use crate::history::{Action, Operation};
use crate::scenario::Load;

/// How many clients work.
const CLIENTS: u32 = 8;

/// How many operations a second they begin together.
const RATE: u32 = 100;

/// How long the cluster may take, when all is well, to serve a client and agree.
const LIVE_WITHIN_US: u64 = 20_000_000;

/// How long the first election may take.
const FOUNDED_WITHIN_US: u64 = 30_000_000;

/// How often it is looked whether the cluster is back.
const LOOKS_EVERY_US: u64 = 50_000;

/// What a run left.
#[derive(Debug, Default)]
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
    /// The cluster did not come back: why.
    pub stuck: Option<String>,
}

/// Does what was drawn. With a rule, every core has it switched off. What cores are given is recorded if that is wanted.
pub fn go(plan: &Plan, without: Option<Rule>, is_recorded: bool) -> Outcome {
    let lives = Lives::default();
    let watch: Box<dyn Watch> = if is_recorded { Box::new(Recorders::new(&lives)) } else { Box::new(Silent) };
    let mut run = Run::new(plan, without, watch);
    let went = quietly(|| run.go());
    let panicked = went.as_ref().err().map(|panic| panic_message(&**panic));
    let stuck = went.ok().and_then(Result::err);
    let mut faults = BTreeMap::new();
    for server in run.world.servers() {
        for FaultCount { fault, fired } in server.fired.counts() {
            *faults.entry(fault).or_default() += fired;
        }
    }
    *faults.entry("kill".into()).or_default() += run.kills;
    *faults.entry("disk_rot".into()).or_default() += run.rots;
    let (print, events, passed_us) = (run.world.print(), run.world.events(), run.world.now().0);
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
        stuck,
    }
}

thread_local! {
    /// What panics on this thread is caught, and told by whoever caught it.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Lets panics of random runs go without a word: they are caught.
pub fn silence_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !IS_QUIET.get() {
            before(info);
        }
    }));
}

fn quietly<T>(what: impl FnOnce() -> T) -> Result<T, Box<dyn std::any::Any + Send>> {
    IS_QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(what));
    IS_QUIET.set(false);
    done
}

struct Run<'a> {
    plan: &'a Plan,
    world: World,
    workers: Vec<Worker>,
    operations: Vec<Operation>,
    operator: ClientId,
    joined: u64,
    kills: u64,
    rots: u64,
    /// Servers whose logs are refused: they do not come back.
    lost: Vec<NodeId>,
}

struct Worker {
    client: ClientId,
    chooser: Chooser,
    next_at: u64,
    asked: Option<(String, Action, u64)>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, without: Option<Rule>, watch: Box<dyn Watch>) -> Run<'a> {
        let mut world = World::new(plan.seed, plan.spec, plan.physics, watch);
        if let Some(rule) = without {
            world = world.with_shape(Box::new(move |config: Config| config.without(rule)));
        }
        let founders: Vec<_> = (1..=plan.founders).map(NodeId).collect();
        for server in &founders {
            world.add(*server, Founded::By(founders.clone()));
        }
        let operator = world.client(None);
        let load = Load { clients: CLIENTS, keys: 12, rate: Some(RATE), ..Load::default() };
        let workers = (0..u64::from(CLIENTS)).map(|id| Worker {
            client: world.client(None),
            chooser: Chooser::new(id, plan.seed, load.clone()),
            next_at: 0,
            asked: None,
        });
        let workers = workers.collect();
        Run {
            plan,
            world,
            workers,
            operations: Vec::new(),
            operator,
            joined: plan.founders,
            kills: 0,
            rots: 0,
            lost: Vec::new(),
        }
    }

    fn go(&mut self) -> Result<(), String> {
        self.start_all();
        self.until(FOUNDED_WITHIN_US, "no first leader", Run::leads)?;
        let start = self.world.now().0;
        for (at, act) in &self.plan.acts {
            self.pass(start + at);
            self.act(act);
        }
        self.pass(start + self.plan.lasts_us);
        self.come_back()
    }

    /// All is well from now on: a client has to be served, and all that are left have to agree.
    fn come_back(&mut self) -> Result<(), String> {
        self.world.heal();
        self.start_all();
        if !self.could_come_back() {
            return Ok(());
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
                has_outsiders = false;
                self.stop_outsiders();
            }
            if let Some(Told::Done(_)) = self.pass_for(until, client) {
                served = self.newest_commit();
            }
            if served.is_some_and(|commit| self.agree(commit)) {
                return Ok(());
            }
            if served.is_none() && !self.world.is_busy(client) {
                self.world.wish_for(client, put(), Span(LIVE_WITHIN_US));
            }
        }
        let seconds = LIVE_WITHIN_US / 1_000_000;
        let what = if served.is_some() { "the servers do not agree" } else { "no client is served" };
        Err(format!("{what}, {seconds} s after all was healed: {}", self.stand()))
    }

    /// The configuration of the newest log, of those that are up.
    fn newest(&self) -> Option<Membership> {
        let rafts = self.world.servers().filter_map(|server| Some(server.node()?.replica().raft()));
        rafts.max_by_key(|raft| raft.log().last()).map(|raft| raft.membership().clone())
    }

    /// Are those whose logs are whole a majority?
    fn could_come_back(&self) -> bool {
        let up = |voter: NodeId| self.world.server(voter).is_some_and(raftlab_sim::server::Server::is_up);
        self.newest().is_some_and(|members| members.voters().are_majority(up))
    }

    /// Who has left and does not know it may go on asking for votes: nobody would let it run for ever.
    fn stop_outsiders(&mut self) {
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

    fn stand(&self) -> String {
        let servers = self.world.servers().map(|server| match self.world.status(server.id) {
            Some(status) => format!(
                "{} {} in term {}, commit {}, last {}, voters {}",
                server.id, status.role, status.term, status.commit, status.last, status.membership
            ),
            None => format!("{} down", server.id),
        });
        servers.collect::<Vec<_>>().join("; ")
    }

    fn leads(&mut self) -> bool {
        self.leader().is_some()
    }

    /// Who leads in the highest term.
    fn leader(&self) -> Option<NodeId> {
        let statuses = self.world.servers().filter_map(|server| {
            let raft = server.node()?.replica().raft();
            raft.is_leader().then_some((raft.term(), server.id))
        });
        statuses.max().map(|(_, id)| id)
    }

    fn until(&mut self, within_us: u64, what: &str, holds: impl Fn(&mut Self) -> bool) -> Result<(), String> {
        let deadline = self.world.now().0 + within_us;
        while !holds(self) {
            if self.world.now().0 >= deadline {
                return Err(format!("{what}: {}", self.stand()));
            }
            self.pass(self.world.now().0 + LOOKS_EVERY_US);
        }
        Ok(())
    }

    fn pass(&mut self, until: u64) {
        self.pass_for(until, ClientId(0));
    }

    /// Time passes, and clients work. What this one is told is given back.
    fn pass_for(&mut self, until: u64, awaited: ClientId) -> Option<Told> {
        let mut told = None;
        loop {
            let idle = self.workers.iter().filter(|worker| worker.asked.is_none());
            let next = idle.map(|worker| worker.next_at).min().unwrap_or(u64::MAX);
            let stop = until.min(next).max(self.world.now().0);
            if let Some(answered) = self.world.run(Time(stop)) {
                if answered.client == awaited {
                    told = Some(answered.told);
                } else {
                    self.hear(answered.client, &answered.told, answered.at.0);
                }
                continue;
            }
            if self.world.now().0 >= until {
                return told;
            }
            self.begin();
        }
    }

    /// Who is due asks for something.
    fn begin(&mut self) {
        let (now, world) = (self.world.now().0, &mut self.world);
        let pace = u64::from(CLIENTS) * 1_000_000 / u64::from(RATE);
        for worker in self.workers.iter_mut().filter(|worker| worker.asked.is_none() && worker.next_at <= now)
        {
            let (key, action) = worker.chooser.choose();
            world.wish(worker.client, wish(&key, &action));
            worker.asked = Some((key, action, now));
            worker.next_at = now + pace / 2 + worker.chooser.draw() % pace;
        }
    }

    fn hear(&mut self, client: ClientId, told: &Told, at: u64) {
        let Some(worker) = self.workers.iter_mut().find(|worker| worker.client == client) else { return };
        let Some((key, action, start_us)) = worker.asked.take() else { return };
        let outcome = outcome(&action, Some(told));
        worker.chooser.learn(&key, &action, &outcome);
        let end_us = (outcome != crate::history::Outcome::Unknown).then_some(at);
        self.operations.push(Operation { client: worker.chooser.id, key, action, start_us, end_us, outcome });
    }

    fn into_operations(mut self) -> Vec<Operation> {
        for worker in &mut self.workers {
            let Some((key, action, start_us)) = worker.asked.take() else { continue };
            let outcome = outcome(&action, None);
            let end_us = (outcome != crate::history::Outcome::Unknown).then_some(self.world.now().0);
            self.operations.push(Operation {
                client: worker.chooser.id,
                key,
                action,
                start_us,
                end_us,
                outcome,
            });
        }
        self.operations
    }

    fn start_all(&mut self) {
        let down: Vec<_> =
            self.world.servers().filter(|server| !server.is_up()).map(|server| server.id).collect();
        for server in down {
            // A log that rotted is refused, as it should be; a disk that stalls lets its server start later.
            let refused = self.world.start(server).err();
            let is_lost = matches!(refused, Some(raftlab_sim::server::StartError::Log(_)));
            if is_lost && !self.lost.contains(&server) {
                self.lost.push(server);
            }
        }
    }

    fn who(&self, who: Who) -> Option<NodeId> {
        match who {
            Who::Server(server) => Some(server),
            Who::Leader => self.leader(),
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Kill(who) => {
                if let Some(server) = self.who(*who) {
                    self.kills += u64::from(self.world.kill(server));
                }
            }
            Act::Rot(server) => self.rots += u64::from(self.world.rot(*server).is_some()),
            Act::StartAll => self.start_all(),
            Act::Pause(who, lasts) => {
                if let Some(server) = self.who(*who) {
                    self.world.pause(server, Span(*lasts));
                }
            }
            Act::Cut(from, to) => self.cut(from, to),
            Act::Isolate(who) => {
                if let Some(server) = self.who(*who) {
                    let others = self.world.servers().map(|other| other.id).filter(|other| *other != server);
                    let others: Vec<_> = others.collect();
                    self.cut(&[server], &others);
                    self.cut(&others, &[server]);
                }
            }
            Act::Link(from, to, fault) => self.world.set_link(*from, *to, *fault),
            Act::Disk(who, fault) => {
                if let Some(server) = self.who(*who) {
                    self.world.set_disk(server, *fault);
                }
            }
            Act::Clock(server, ppm) => self.world.set_clock(*server, *ppm),
            Act::Jump(server, micros) => self.world.jump(*server, *micros),
            Act::Join => self.join(),
            Act::Promote => {
                let last = NodeId(self.joined);
                self.change(Wish::Change(Change::Promote(last)));
            }
            Act::Leave(server) => self.change(Wish::Change(Change::Remove(*server))),
            Act::Transfer(to) => self.change(Wish::Transfer(*to)),
            Act::Heal => self.world.heal(),
        }
    }

    fn cut(&mut self, from: &[NodeId], to: &[NodeId]) {
        let cut = LinkFault { cut: true, ..LinkFault::default() };
        for from in from {
            for to in to {
                self.world.set_link(*from, *to, cut);
            }
        }
    }

    /// Another server starts, and is to learn.
    fn join(&mut self) {
        self.joined += 1;
        let server = NodeId(self.joined);
        self.world.add(server, Founded::Joins);
        let _ = self.world.start(server);
        self.world.set_disk(server, DiskFault::default());
        self.change(Wish::Change(Change::AddLearner(server)));
    }

    /// Nobody waits for what comes of it.
    fn change(&mut self, wish: Wish) {
        self.world.wish_for(self.operator, wish, Span(1_000_000));
    }
}
