//! The command line of `lab`: scenarios, live clusters, and what they prove.

mod validate;

use clap::{Parser, Subcommand};

pub use self::validate::ValidateArgs;
use crate::cli::Common;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the same core live, and proves from what was recorded what happened.
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

const EXITS: &str = "Exit codes: 0 validation passed · 2 usage · 12 safety violated · 15 vacuous · 24 a process diverged from the core · \
                     65 bad input, or journals that prove nothing · 70 a bug in this program · 74 input or output failed";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Replay every server's journal through the core, and judge what they did together
    Validate(ValidateArgs),
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
        Verb::Validate(args) => validate::validate(&args, &common, &console),
    }
}
