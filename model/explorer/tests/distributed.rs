//! Several processes explore what one would: the same states, steps, levels and verdicts, and shortest ways of the
//! same length. Processes are real ones, connected over the loopback interface: this test program starts itself
//! again, and what it is to do is in its environment. Random systems are explored by threads that know of each other
//! only by their sockets.

mod support;

use std::borrow::Cow;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::TestCaseError;
use proptest::prop_assert_eq;
use raftlab_explorer::protocols::paxos::paxos;
use raftlab_explorer::protocols::raft::raft;
use raftlab_explorer::protocols::single_copy::single_copy;
use raftlab_explorer::{Cluster, Error, Explorer, Mode, Permutation, Report, System, explore};
use stateright::Expectation;
use stateright::actor::{Actor, ActorModel, Id, Network, Out};
use support::random_system::for_each_system;

/// The variable in which a process is told what to do.
const JOB: &str = "RAFTLAB_DISTRIBUTED_JOB";
/// A process that takes longer hangs, and is killed.
const PATIENCE: Duration = Duration::from_secs(40);

/// What one process is to do.
#[derive(Clone, Debug, Default)]
struct Job {
    model: String,
    process: usize,
    hosts: Vec<String>,
    threads: usize,
    split_at: u64,
    max_depth: Option<u32>,
    max_states: Option<u64>,
    keeps_going: bool,
    /// Checkpoints are written here, after each round.
    saves: Option<PathBuf>,
    resumes: bool,
    /// It ends without a word when it expands this level.
    dies_at: Option<u32>,
    result: PathBuf,
}

impl Job {
    fn of(model: &str) -> Job {
        Job { model: model.into(), threads: 1, split_at: 16, keeps_going: true, ..Job::default() }
    }

    fn write(&self) -> String {
        let option = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        let path = |path: Option<&PathBuf>| path.map_or(String::new(), |path| path.display().to_string());
        [
            self.model.clone(),
            self.process.to_string(),
            self.hosts.join(","),
            self.threads.to_string(),
            self.split_at.to_string(),
            option(self.max_depth.map(u64::from)),
            option(self.max_states),
            self.keeps_going.to_string(),
            path(self.saves.as_ref()),
            self.resumes.to_string(),
            option(self.dies_at.map(u64::from)),
            path(Some(&self.result)),
        ]
        .join(";")
    }

    fn read(text: &str) -> Job {
        let words: Vec<&str> = text.split(';').collect();
        Job {
            model: words[0].into(),
            process: words[1].parse().unwrap(),
            hosts: words[2].split(',').map(Into::into).collect(),
            threads: words[3].parse().unwrap(),
            split_at: words[4].parse().unwrap(),
            max_depth: words[5].parse().ok(),
            max_states: words[6].parse().ok(),
            keeps_going: words[7].parse().unwrap(),
            saves: Some(words[8]).filter(|path| !path.is_empty()).map(Into::into),
            resumes: words[9].parse().unwrap(),
            dies_at: words[10].parse().ok(),
            result: words[11].into(),
        }
    }

    /// Does it, alone if there are no hosts.
    fn run(&self) -> Result<String, Error> {
        match self.model.as_str() {
            "paxos" => self.explore(&paxos(2, 3, Network::new_unordered_nonduplicating([]))),
            "raft" => self.explore(&raft(3, Network::new_unordered_nonduplicating([]))),
            "copies" => self.explore(&single_copy(3, 2, Network::new_unordered_nonduplicating([]))),
            "gossip" => self.explore(&Gossip::new(4)),
            other => panic!("no model is called {other}"),
        }
    }

    fn explore<S: System>(&self, model: &S) -> Result<String, Error> {
        let dies_at = self.dies_at;
        let explorer = explore(model).threads(self.threads).mode(Mode::Fingerprints { seed: 7 });
        let explorer = explorer.on_progress(move |progress| {
            if dies_at.is_some_and(|depth| progress.depth >= depth) {
                std::process::abort();
            }
        });
        let explorer = if self.keeps_going { explorer.keep_going() } else { explorer };
        let explorer = self.max_depth.into_iter().fold(explorer, Explorer::max_depth);
        let explorer = self.max_states.into_iter().fold(explorer, Explorer::max_states);
        if self.hosts.is_empty() {
            return explorer.run().map(|report| outcome(&report));
        }
        let explorer =
            self.saves.iter().fold(explorer, |explorer, to| explorer.checkpoint(to, Duration::ZERO));
        let resumes = self.saves.iter().filter(|_| self.resumes);
        let explorer = resumes.fold(explorer, Explorer::resume);
        let cluster = Cluster::new(self.process, self.hosts.clone()).split_at(self.split_at);
        let report = explorer.distributed(cluster.patience(Duration::from_secs(10))).run()?;
        let distribution = report.distribution.as_ref().expect("it was distributed");
        assert_eq!(distribution.processes, self.hosts.len());
        assert!(distribution.imbalance() >= 1.0);
        Ok(outcome(&report))
    }
}

/// All that must not depend on who explores.
fn outcome<S: System>(report: &Report<S>) -> String {
    let counts = (report.progress.states, report.progress.generated, report.full_states, report.depth);
    let mut verdicts: Vec<_> =
        report.discoveries.iter().map(|own| (own.property, own.is_violation, own.path.len())).collect();
    verdicts.sort_unstable();
    format!("{counts:?}\n{verdicts:?}\n{:?}\n{:?}\n{:?}", report.limit, report.levels, report.coverage)
}

/// Actors that count up and tell each other: interchangeable, and nothing in them is a name.
struct Gossip(ActorModel<Gossiper>, usize);

#[derive(Clone)]
struct Gossiper(usize);

impl Gossip {
    fn new(actors: usize) -> Gossip {
        let model = ActorModel::new((), ())
            .actors((0..actors).map(|_| Gossiper(actors)))
            .init_network(Network::new_unordered_nonduplicating([]))
            .property(Expectation::Always, "nobody has counted to two", |_, state| {
                state.actor_states.iter().all(|count| **count < 2)
            })
            .property(Expectation::Sometimes, "somebody has counted", |_, state| {
                state.actor_states.iter().any(|count| **count > 0)
            });
        Gossip(model, actors)
    }
}

impl Actor for Gossiper {
    type Msg = u8;
    type State = u8;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> u8 {
        out.set_timer((), Duration::ZERO..Duration::ZERO);
        0
    }

    fn on_msg(&self, _: Id, count: &mut Cow<u8>, _: Id, told: u8, _: &mut Out<Self>) {
        if told > **count {
            *count.to_mut() = told;
        }
    }

    fn on_timeout(&self, id: Id, count: &mut Cow<u8>, (): &(), out: &mut Out<Self>) {
        *count.to_mut() += 1;
        for peer in (0..self.0).map(Id::from).filter(|&peer| peer != id) {
            out.send(peer, **count);
        }
    }
}

impl System for Gossip {
    type Actor = Gossiper;
    type Config = ();
    type History = ();

    fn model(&self) -> &ActorModel<Gossiper> {
        &self.0
    }

    fn has_boundary(&self) -> bool {
        false
    }

    fn symmetries(&self) -> Vec<Permutation> {
        Permutation::all_of(0..self.1, self.1)
    }
}

/// Ports below those that the system gives out by itself, each given once.
fn hosts(count: usize) -> Vec<String> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 150).unwrap() * 100;
    let mut hosts = Vec::new();
    while hosts.len() < count {
        let port = 12_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 18_000;
        let host = format!("127.0.0.1:{port}");
        if TcpListener::bind(&host).is_ok() {
            hosts.push(host);
        }
    }
    hosts
}

/// A directory that is removed when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("raftlab-distributed-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        Scratch(directory)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process, killed when the test ends before it does.
struct Process(Child);

impl Process {
    fn start(job: &Job) -> Process {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.args(["--exact", "a_process_of_several", "--nocapture"]).env(JOB, job.write());
        Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "a process hangs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The jobs of so many processes that do this together.
fn jobs(job: &Job, processes: usize, scratch: &Path) -> Vec<Job> {
    let hosts = hosts(processes);
    let result = |process: usize| scratch.join(format!("result-{process}"));
    let of = |process| Job { process, hosts: hosts.clone(), result: result(process), ..job.clone() };
    (0..processes).map(of).collect()
}

/// Starts them, and reads what each found.
fn together(jobs: &[Job]) -> Vec<String> {
    for job in jobs {
        let _ = fs::remove_file(&job.result);
    }
    let mut processes: Vec<_> = jobs.iter().map(Process::start).collect();
    for process in &mut processes {
        process.wait();
    }
    let result = |job: &Job| fs::read_to_string(&job.result).unwrap_or_else(|_| "it wrote nothing".into());
    jobs.iter().map(result).collect()
}

fn assert_alike(job: &Job, processes: usize) {
    let scratch = Scratch::new();
    let alone = job.run().unwrap();
    for (process, found) in together(&jobs(job, processes, &scratch.0)).into_iter().enumerate() {
        assert_eq!(found, alone, "process {process} of {processes}: {job:?}");
    }
}

/// Not a test of its own: what the other tests start.
#[test]
fn a_process_of_several() {
    let Ok(job) = std::env::var(JOB) else { return };
    let job = Job::read(&job);
    let found = job.run().unwrap_or_else(|fault| format!("fault: {fault}"));
    let whole = job.result.with_extension("whole");
    fs::write(&whole, found).unwrap();
    fs::rename(&whole, &job.result).unwrap();
}

#[test]
fn paxos_is_the_same_to_two_and_to_three_processes() {
    let job = Job::of("paxos");
    assert!(job.run().unwrap().starts_with("(16668, 32971, 16668, 20)"));
    assert_alike(&job, 2);
    assert_alike(&Job { threads: 2, ..job.clone() }, 3);
    assert_alike(&Job { split_at: 1_000_000, ..job }, 2);
}

#[test]
fn raft_is_the_same_to_a_depth() {
    let job = Job { max_depth: Some(7), ..Job::of("raft") };
    assert_alike(&job, 2);
    assert_alike(&Job { threads: 2, split_at: 3, ..job }, 3);
}

#[test]
fn a_violation_ends_all_at_one_depth() {
    let job = Job { keeps_going: false, ..Job::of("copies") };
    assert!(job.run().unwrap().contains("linearizable"));
    assert_alike(&job, 2);
    assert_alike(&Job { split_at: 2, ..job.clone() }, 3);
    assert_alike(&Job { keeps_going: true, ..job }, 3);
}

#[test]
fn orbits_are_the_same_to_several() {
    let job = Job { max_depth: Some(6), ..Job::of("gossip") };
    assert_alike(&job, 2);
    assert_alike(&Job { threads: 2, ..job }, 3);
}

#[test]
fn random_systems_are_the_same_to_several() {
    for_each_system(60, |system| {
        let model = system.model();
        let mode = Mode::Fingerprints { seed: 3 };
        let failed = |fault: Error| TestCaseError::fail(fault.to_string());
        let alone = explore(&model).keep_going().mode(mode).run().map_err(failed)?;
        let (processes, split_at) =
            (2 + usize::from(alone.progress.states % 2 == 0), 1 + alone.progress.states / 20);
        let hosts = hosts(processes);
        let found: Vec<Result<String, Error>> = std::thread::scope(|scope| {
            let explored: Vec<_> = (0..processes)
                .map(|process| {
                    let cluster = Cluster::new(process, hosts.clone()).split_at(split_at);
                    let model = &model;
                    scope.spawn(move || {
                        let explorer = explore(model).keep_going().threads(1).mode(mode);
                        explorer.distributed(cluster).run().map(|report| outcome(&report))
                    })
                })
                .collect();
            explored.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for found in found {
            prop_assert_eq!(found.map_err(failed)?, outcome(&alone));
        }
        Ok(())
    });
}

#[test]
fn a_limit_of_one_ends_all_and_they_go_on_from_there() {
    let scratch = Scratch::new();
    let saves = Some(scratch.0.join("saves"));
    let job = Job { saves, split_at: 100, max_states: Some(4_000), ..Job::of("paxos") };
    let mut jobs = jobs(&job, 2, &scratch.0);
    for found in together(&jobs) {
        assert!(found.contains("Some(States)"), "{found}");
    }
    let alone = Job::of("paxos").run().unwrap();
    for job in &mut jobs {
        (job.max_states, job.resumes) = (None, true);
    }
    for found in together(&jobs) {
        assert_eq!(found, alone);
    }
}

#[test]
fn a_killed_process_ends_all_and_they_go_on_from_the_last_checkpoint() {
    let scratch = Scratch::new();
    let saves = Some(scratch.0.join("saves"));
    let job = Job { saves, split_at: 100, max_depth: Some(8), ..Job::of("raft") };
    let mut jobs = jobs(&job, 3, &scratch.0);
    jobs[1].dies_at = Some(7);
    let found = together(&jobs);
    assert_eq!(found[1], "it wrote nothing");
    for found in [&found[0], &found[2]] {
        assert!(found.starts_with("fault: exploring with other processes: the connection"), "{found}");
    }
    for job in &mut jobs {
        (job.dies_at, job.resumes) = (None, true);
    }
    let alone = Job { max_depth: Some(8), ..Job::of("raft") }.run().unwrap();
    for found in together(&jobs) {
        assert_eq!(found, alone);
    }
}

#[test]
fn processes_that_explore_different_things_say_so() {
    let scratch = Scratch::new();
    let mut jobs = jobs(&Job::of("paxos"), 2, &scratch.0);
    jobs[1].max_depth = Some(3);
    for found in together(&jobs) {
        assert!(found.contains("the processes do not explore one model in one way"), "{found}");
    }
}

#[test]
fn a_process_that_never_comes_is_not_waited_for() {
    let model = single_copy(2, 1, Network::new_unordered_nonduplicating([]));
    let cluster = Cluster::new(0, hosts(2)).patience(Duration::from_millis(200));
    let fault = explore(&model).distributed(cluster).run().err().expect("the other is not there");
    assert!(matches!(fault, Error::Cluster(_)), "{fault}");
}
