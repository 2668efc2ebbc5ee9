//! The flags that say how a search is run, and what of it an engine can honour.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use raftlab_explorer::Mode;

use super::{ClusterArgs, bytes, duration, flag};
use crate::failure::Failure;
use crate::memory;
use crate::search::{Engine, Plan};

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// How a search is run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Search")]
pub struct SearchArgs {
    /// The engine
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// Threads of one search: all cores if absent, one with stateright's engines, whose counterexamples are not known
    /// to be shortest with more
    #[arg(long, visible_alias = "workers", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// States so many steps from the initial one are judged, and not left
    #[arg(long, value_name = "N")]
    pub max_depth: Option<u32>,
    /// Distinct states at most
    #[arg(long, value_name = "N")]
    pub max_states: Option<u64>,
    /// Keep the search in this directory, every five minutes and when a limit ends it
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Go on from the search that is kept in this directory
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
    /// Put on disk, in this directory, what does not fit into --max-memory. States are told apart by fingerprints then
    #[arg(long, value_name = "DIR", conflicts_with_all = ["exact", "hosts", "checkpoint", "resume"])]
    pub spill: Option<PathBuf>,
    /// Exit 0 instead of 3 when the search is incomplete and nothing is violated
    #[arg(long)]
    pub allow_incomplete: bool,
    /// With which processes it is shared.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// What every search takes.
    #[command(flatten)]
    pub common: EngineArgs,
}

/// What every search takes, on whatever it is run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Search")]
pub struct EngineArgs {
    /// Is of states that differ by the names of servers only one searched? On if absent; never with more than six
    /// servers
    #[arg(long, value_enum, value_name = "WHEN")]
    pub symmetry: Option<Switch>,
    /// Compare states: none is taken for another one. So it is if nothing is said
    #[arg(long, conflicts_with = "fingerprints")]
    pub exact: bool,
    /// Tell states apart by a fingerprint of 64 bits: less memory, and the odds are printed
    #[arg(long)]
    pub fingerprints: bool,
    /// Another fingerprint: two runs with different ones miss different states
    #[arg(long, value_name = "N", requires = "fingerprints")]
    pub fingerprint_seed: Option<u64>,
    /// Time at most, such as 90s or 10m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Memory at most, such as 8GiB; three quarters of what is free if absent
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub max_memory: Option<u64>,
}

impl SearchArgs {
    /// The search that is asked for; `seed` is of what it does at random.
    ///
    /// # Errors
    ///
    /// A flag that the engine cannot honour: a search that ignored one would be taken for one that did not.
    pub fn plan(&self, seed: u64) -> Result<Plan, Failure> {
        if let Some(flag) = self.foreign() {
            return Err(Failure::usage(format!(
                "--engine {} cannot honour {flag}, which only the explorer can: leave one of them out",
                self.engine.name()
            )));
        }
        let cluster = self.cluster.cluster()?;
        let fingerprints = cluster.is_some() || self.spill.is_some() || self.common.fingerprints;
        // Processes that are asked for alike take alike, and those on one machine share its memory.
        let share = cluster.as_ref().map_or(1, |cluster| cluster.hosts.len() as u64);
        let common = EngineArgs {
            fingerprints,
            max_memory: self
                .common
                .max_memory
                .or_else(|| memory::sensible_limit().map(|bytes| bytes / share)),
            ..self.common.clone()
        };
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let by_default = || if self.engine == Engine::Explorer { cores() } else { 1 };
        Ok(Plan {
            engine: self.engine,
            threads: self.threads.map_or_else(by_default, usize::from),
            max_depth: self.max_depth,
            max_states: self.max_states,
            checkpoint: self.checkpoint.clone(),
            resume: self.resume.clone(),
            spill: self.spill.clone(),
            cluster,
            seed,
            ..common.plan()
        })
    }

    /// The first flag that is the explorer's, where another engine is to search.
    fn foreign(&self) -> Option<&'static str> {
        let given = [
            ("--symmetry", self.common.symmetry.is_some()),
            ("--exact", self.common.exact),
            ("--fingerprints", self.common.fingerprints),
            ("--max-depth", self.max_depth.is_some()),
            ("--checkpoint", self.checkpoint.is_some()),
            ("--resume", self.resume.is_some()),
            ("--spill", self.spill.is_some()),
            ("--hosts", self.cluster.hosts.is_some()),
        ];
        let is_foreign = self.engine != Engine::Explorer;
        given.iter().find(|(_, is_given)| *is_given && is_foreign).map(|(flag, _)| *flag)
    }

    /// The flags that change what a search may find, as they are typed: each after a space.
    pub fn flags(&self) -> String {
        let engine = Some(self.engine.name()).filter(|_| self.engine != Engine::default());
        let directory = |given: &Option<PathBuf>| given.as_ref().map(|dir| dir.display().to_string());
        let allow = if self.allow_incomplete { " --allow-incomplete" } else { "" };
        [
            flag("engine", engine),
            flag("threads", self.threads),
            self.common.flags(),
            flag("max-depth", self.max_depth),
            flag("max-states", self.max_states),
            flag("checkpoint", directory(&self.checkpoint)),
            flag("resume", directory(&self.resume)),
            flag("spill", directory(&self.spill)),
            self.cluster.flags(),
        ]
        .concat()
            + allow
    }
}

impl EngineArgs {
    /// The explorer on one thread, as it is asked for.
    pub fn plan(&self) -> Plan {
        let prints = Mode::Fingerprints { seed: self.fingerprint_seed.unwrap_or(0) };
        Plan {
            symmetry: self.symmetry != Some(Switch::Off),
            mode: if self.fingerprints { prints } else { Mode::Exact },
            timeout: self.timeout,
            max_memory: self.max_memory.or_else(memory::sensible_limit),
            ..Plan::default()
        }
    }

    /// The flags that change what a search may find, as they are typed: each after a space.
    pub fn flags(&self) -> String {
        let symmetry = self.symmetry.map(|symmetry| if symmetry == Switch::On { "on" } else { "off" });
        let prints = if self.fingerprints { " --fingerprints" } else { "" };
        let told = if self.exact { " --exact" } else { prints };
        [
            flag("symmetry", symmetry),
            told.to_string(),
            flag("fingerprint-seed", self.fingerprint_seed),
            flag("timeout", self.timeout.map(|time| format!("{}s", time.as_secs()))),
            flag("max-memory", self.max_memory),
        ]
        .concat()
    }
}
