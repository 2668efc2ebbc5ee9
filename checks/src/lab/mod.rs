//! `lab`: real processes on this machine, broken on purpose, and what their runs prove.
//!
//! | module | subject |
//! |---|---|
//! | [`supervise`] | a run from its start to its end |
//! | [`cluster`], [`lives`], [`process`] | servers as processes that cannot outlive their supervisor |
//! | [`faults`], [`links`], [`logs`], [`fired`] | what goes wrong, and whether it did |
//! | [`members`] | servers that join and leave |
//! | [`load`] | clients, and their history |
//! | [`measure`], [`restart`] | clients that are measured, and servers that are told something else for it |
//! | [`operations`] | one thing that a client asks for, and what it was told |
//! | [`observe`], [`metrics`], [`files`] | what is taken down |
//! | [`view`] | how servers stand at one moment, and who leads |
//! | [`story`], [`expect`] | scenarios, carried out |
//! | [`simulated`] | the same in a simulated world, in virtual time |
//! | [`random`] | worlds that are drawn from seeds |
//! | `drill` | incidents as metrics and logs alone |
//! | `compare` | two runs in one table |
//! | `capture` | what all scenarios capture, kept for those who run nothing |
//! | `running`, `verbs` | `lab run`, and the other verbs |
//! | `bridged` | real nodes that walk a checker's traces |
//! | [`control`] | the socket by which other commands reach the supervisor |
//! | [`end`], [`judgements`] | the orderly end, and what is judged |

pub mod act;
mod bridged;
mod capture;
pub mod cli;
pub mod clock;
pub mod cluster;
mod compare;
pub mod control;
mod drill;
pub mod end;
pub mod expect;
pub mod faults;
pub mod files;
pub mod fired;
pub mod judgements;
pub mod links;
pub mod lives;
pub mod load;
pub mod logs;
pub mod measure;
pub mod members;
pub mod metrics;
pub mod narrator;
pub mod observe;
pub mod operations;
pub mod ports;
pub mod process;
pub mod random;
pub mod restart;
mod running;
pub mod scenarios;
pub mod simulated;
pub mod status;
pub mod story;
pub mod supervise;
mod validate;
mod verbs;
pub mod view;

use clap::{CommandFactory, Parser, Subcommand};

use self::cli::{
    ChaosArgs, CompareArgs, DemoArgs, DiagnoseArgs, DrillArgs, LoadArgs, MemberArgs, Passed, RandomArgs,
    RunArgs, SoakArgs, UpArgs, Which,
};
pub use self::validate::ValidateArgs;
use crate::cli::Common;
use crate::console::Console;
use crate::diagnose::diagnose;
use crate::failure::Failure;

/// Runs the same core live, breaks what it runs on, and proves from what was recorded what happened.
#[derive(Debug, Parser)]
#[command(name = "lab", version, after_help = EXITS, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// What every verb takes.
    #[command(flatten)]
    pub common: Common,
}

const EXITS: &str = "Exit codes: 0 the run, or its validation, passed · 2 usage · 3 interrupted, a cause that the evidence does not decide, or a \
                     missing rule that nobody found out · 12 safety violated · 13 it did not come back, or did not bear what it has to · 15 vacuous · \
                     20 an expectation failed · 21 a fault never struck · 22 two runs of one seed differed · 23 history not linearizable · 24 a process diverged from \
                     the core · 25 linearizability undecided in time · 65 bad input, or journals that prove nothing · 69 nobody is \
                     up, or nobody leads · 70 a bug in this program · 74 input or output failed";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start a cluster of real processes, and keep it up until `lab down` or Ctrl-C; then judge what it recorded
    Up(UpArgs),
    /// Let clients work on the cluster that is up
    Load(LoadArgs),
    /// Break something in the cluster that is up, or mend it
    Chaos(ChaosArgs),
    /// Let a server join the cluster that is up, catch up, and vote
    Add(MemberArgs),
    /// Let a server leave the cluster that is up, and end its process
    Remove(MemberArgs),
    /// Add servers until so many vote
    Grow(MemberArgs),
    /// Let another server lead
    MoveLeader(MemberArgs),
    /// End the cluster that is up; the exit code is that of its verdict
    Down(Which),
    /// Tell a whole story unattended in a minute: deaths, cuts, slow disks, wrong clocks, a new server
    Demo(DemoArgs),
    /// Carry out a scenario on a cluster of its own, or let real nodes walk a checker's trace
    Run(RunArgs),
    /// Run one scenario two ways, or two scenarios, with one seed, and print both in one table
    Compare(CompareArgs),
    /// Let everything go wrong that can, drawn by a seed, one thing after another, under load
    Soak(SoakArgs),
    /// Draw worlds from seeds: faults under load, then a cluster that has to come back; all in virtual time
    Random(RandomArgs),
    /// List the scenarios that come with the program
    List,
    /// Replay every server's journal through the core, and judge what they did together
    Validate(ValidateArgs),
    /// Argue the cause of an incident from metrics and logs, for and against, and name the scenario that shows it
    Diagnose(DiagnoseArgs),
    /// Get an incident as metrics and logs alone, to find its cause
    Drill(DrillArgs),
    /// Judge a run's directory again, and write its report anew
    Report {
        /// The run's directory
        dir: std::path::PathBuf,
    },
    /// One server: as the program `node`
    Node(Passed),
    /// Ask a cluster, or change it: as the program `ctl`
    Ctl(Passed),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Does what the command line says.
///
/// # Errors
///
/// What went wrong before or beside a verdict.
pub fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let Cli { verb, common } = cli;
    let console = Console::new(&common);
    match verb {
        Verb::Up(args) => verbs::up(&args, &common, &console),
        Verb::Load(args) => verbs::load(&args, &common, &console),
        Verb::Chaos(args) => verbs::chaos(&args, &common, &console),
        Verb::Add(MemberArgs { what, which }) => verbs::member("add", &what, &which, &common, &console),
        Verb::Remove(MemberArgs { what, which }) => verbs::member("remove", &what, &which, &common, &console),
        Verb::Grow(MemberArgs { what, which }) => verbs::member("grow", &what, &which, &common, &console),
        Verb::MoveLeader(MemberArgs { what, which }) => {
            verbs::member("move-leader", &what, &which, &common, &console)
        }
        Verb::Down(which) => verbs::down(&which, &common, &console),
        Verb::Demo(args) => verbs::live("demo", scenarios::find("demo")?, &args.run, &common, &console),
        Verb::Run(args) => running::run(&args, &common, &console),
        Verb::Compare(args) => compare::compare(&args, &common, &console),
        Verb::Drill(args) => drill::drill(&args, &common, &console),
        Verb::Soak(args) => verbs::soak(&args, &common, &console),
        Verb::Random(args) => random::random(&args, &common, &console),
        Verb::List => verbs::list(&console),
        Verb::Validate(args) => validate::validate(&args, &common, &console),
        Verb::Diagnose(args) => diagnose(&args.what, args.lasts, &common, &console),
        Verb::Report { dir } => verbs::report(&dir, &console),
        // Whoever embeds this hands them on before anything is read, as the program `lab` does.
        Verb::Node(_) | Verb::Ctl(_) => {
            Err(Failure::usage("`node` and `ctl` come first: lab node …, lab ctl …"))
        }
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lab", &mut script);
            console.print(&String::from_utf8_lossy(&script));
            Ok(0)
        }
        Verb::Man => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            rendered.map_err(|error| Failure::io(format!("the page: {error}")))?;
            console.print(&String::from_utf8_lossy(&page));
            Ok(0)
        }
    }
}
