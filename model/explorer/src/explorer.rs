//! How an exploration is asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use stateright::Expectation;

use crate::distributed::Cluster;
use crate::error::Error;
use crate::machine::{Machine, message};
use crate::property::{MAX, Properties};
use crate::report::{Progress, Report};
use crate::search::{ACTORS_MAX, Search};
use crate::spill::Spill;
use crate::symmetry::Permutation;
use crate::system::System;

/// How states are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By what they are: no state is taken for another one.
    #[default]
    Exact,
    /// By a fingerprint of 64 bits. Takes less memory, and [`Report::missed_states_expected`] says at what price.
    Fingerprints {
        /// Two runs with different seeds miss different states.
        seed: u64,
    },
}

/// Is told how far it is.
type Tell<'a> = Box<dyn Fn(&Progress) + Sync + 'a>;

/// An exploration that is being asked for. Without limits, it ends when there are no more states.
pub struct Explorer<'a, S: System> {
    pub(crate) system: &'a S,
    pub(crate) threads: usize,
    pub(crate) mode: Mode,
    pub(crate) symmetry: bool,
    pub(crate) keeps_going: bool,
    pub(crate) max_states: Option<u64>,
    pub(crate) max_depth: Option<u32>,
    pub(crate) max_memory: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) interrupt: Option<&'a AtomicBool>,
    pub(crate) checkpoint: Option<(PathBuf, Duration)>,
    pub(crate) resume: Option<PathBuf>,
    pub(crate) spill: Option<Spill>,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) on_progress: Option<Tell<'a>>,
}

/// An exploration of `system`, on all cores.
pub fn explore<S: System>(system: &S) -> Explorer<'_, S> {
    Explorer {
        system,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        mode: Mode::default(),
        symmetry: true,
        keeps_going: false,
        max_states: None,
        max_depth: None,
        max_memory: None,
        timeout: None,
        interrupt: None,
        checkpoint: None,
        resume: None,
        spill: None,
        cluster: None,
        on_progress: None,
    }
}

impl<'a, S: System> Explorer<'a, S> {
    /// On so many threads. Counts and verdicts are the same on any number.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Explorer { threads: threads.max(1), ..self }
    }

    /// States are told apart in this way.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Explorer { mode, ..self }
    }

    /// Is the symmetry used that the system says it has? It is, unless this is told `false`.
    #[must_use]
    pub fn symmetry(self, symmetry: bool) -> Self {
        Explorer { symmetry, ..self }
    }

    /// Violations do not end the exploration.
    #[must_use]
    pub fn keep_going(self) -> Self {
        Explorer { keeps_going: true, ..self }
    }

    /// Ends soon after so many states.
    #[must_use]
    pub fn max_states(self, max: u64) -> Self {
        Explorer { max_states: Some(max), ..self }
    }

    /// States so many steps from the initial one are judged, and not expanded.
    #[must_use]
    pub fn max_depth(self, max: u32) -> Self {
        Explorer { max_depth: Some(max), ..self }
    }

    /// Tables take at most so many bytes.
    #[must_use]
    pub fn max_memory(self, bytes: usize) -> Self {
        Explorer { max_memory: Some(bytes), ..self }
    }

    /// Ends after this time.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Explorer { timeout: Some(timeout), ..self }
    }

    /// Ends when the flag is set.
    #[must_use]
    pub fn interrupt(self, flag: &'a AtomicBool) -> Self {
        Explorer { interrupt: Some(flag), ..self }
    }

    /// Writes a checkpoint into `directory` as often as this, and when a limit ends the exploration.
    #[must_use]
    pub fn checkpoint(self, directory: impl Into<PathBuf>, every: Duration) -> Self {
        Explorer { checkpoint: Some((directory.into(), every)), ..self }
    }

    /// Goes on from the checkpoint in `directory`. The model must be the one of which it was made.
    #[must_use]
    pub fn resume(self, directory: impl Into<PathBuf>) -> Self {
        Explorer { resume: Some(directory.into()), ..self }
    }

    /// Puts on disk what does not fit into the memory that is allowed, instead of ending. States are told apart by
    /// fingerprints then. While there is something on disk, states are counted level by level, so that a limit of
    /// states may be exceeded by a level.
    #[must_use]
    pub fn spill(self, spill: Spill) -> Self {
        Explorer { spill: Some(spill), ..self }.by_fingerprints()
    }

    fn by_fingerprints(self) -> Self {
        let mode = match self.mode {
            Mode::Exact => Mode::Fingerprints { seed: 0 },
            mode @ Mode::Fingerprints { .. } => mode,
        };
        Explorer { mode, ..self }
    }

    /// Explores together with other processes, which all run this with the same model and the same limits; each
    /// writes its own checkpoints. Each reports what all found, and what it itself holds in memory. States are told
    /// apart by fingerprints then: numbers mean nothing to another process.
    #[must_use]
    pub fn distributed(self, cluster: Cluster) -> Self {
        Explorer { cluster: Some(cluster), ..self }.by_fingerprints()
    }

    /// Tells how far it is, about twenty times a second.
    #[must_use]
    pub fn on_progress(self, tell: impl Fn(&Progress) + Sync + 'a) -> Self {
        Explorer { on_progress: Some(Box::new(tell)), ..self }
    }

    /// Explores.
    ///
    /// # Errors
    ///
    /// If the system cannot be explored as it is: see [`Error`].
    pub fn run(&self) -> Result<Report<S>, Error> {
        let properties = self.system.properties();
        if let Some(own) = properties.iter().find(|own| own.expectation == Expectation::Eventually) {
            return Err(Error::Eventually(own.name));
        }
        if properties.len() > MAX {
            return Err(Error::TooManyProperties(properties.len()));
        }
        if self.cluster.is_some() && self.mode == Mode::Exact {
            return Err(Error::Cluster("states are told apart by fingerprints there".into()));
        }
        if let Some(spill) = &self.spill {
            let refused = |why: &str| Err(Error::Spill(spill.directory.display().to_string(), why.into()));
            if self.mode == Mode::Exact {
                return refused("states are told apart by fingerprints there");
            }
            if self.cluster.is_some() || self.checkpoint.is_some() || self.resume.is_some() {
                return refused(
                    "what is on disk is neither shared with other processes nor kept in a checkpoint",
                );
            }
        }
        let actors = self.system.model().actors.len();
        if actors > ACTORS_MAX {
            return Err(Error::TooManyActors(actors));
        }
        let group =
            if self.symmetry { self.system.symmetries() } else { vec![Permutation::identity(actors)] };
        Permutation::check_group(&group, actors).map_err(Error::NotSymmetric)?;
        let seed = match self.mode {
            Mode::Exact => 0,
            Mode::Fingerprints { seed } => seed,
        };
        // Threads and handlers catch their own panics. What is left is where no step was taken yet, or none is any
        // more.
        let run = || self.search(&Machine::new(self.system, Properties::new(properties), group, seed));
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(Error::Panicked(message(&*panic))))
    }

    fn search(&self, machine: &Machine<S>) -> Result<Report<S>, Error> {
        let actors = machine.actors;
        // A state of a few words is copied, compared and stored as such; how many is known when this is compiled.
        // Each width is compiled for each system, which takes seconds, so there are few.
        match actors {
            0..=3 => Search::<S, 4>::new(self, machine).run(),
            4 | 5 => Search::<S, 6>::new(self, machine).run(),
            6 | 7 => Search::<S, 8>::new(self, machine).run(),
            _ => Search::<S, 16>::new(self, machine).run(),
        }
    }
}

const _: () = assert!(ACTORS_MAX == 15);
