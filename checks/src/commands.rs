//! The verbs of `check`. Each returns the exit code of its verdict.

mod bench;
mod explore;
mod list;
mod random;
mod replay;
mod run;
mod weaken;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use clap::CommandFactory;

use crate::catalogue::{self, CHECKS, Check};
use crate::cli::{Cli, Common, Verb};
use crate::console::Console;
use crate::failure::Failure;
use crate::gallery::{self, Exhibit};
use crate::nearest;

/// Does what the command line says.
///
/// # Errors
///
/// What went wrong before or beside a verdict.
pub fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let Cli { verb, common } = cli;
    let console = Console::new(&common);
    match verb {
        None => run::suite(&common, &console),
        Some(Verb::Run(args)) => run::run(&args, &common, &console),
        Some(Verb::List { what }) => list::list(what, &common, &console),
        Some(Verb::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "check", &mut std::io::stdout());
            Ok(0)
        }
        Some(Verb::Man) => man(),
        Some(Verb::Weaken(args)) => weaken::weaken(&args, &common, &console),
        Some(Verb::Random(args)) => random::random(&args, &common, &console),
        Some(Verb::Replay(args)) => replay::replay(&args, &common, &console),
        Some(Verb::Explore(args)) => explore::explore(&args, &console),
        Some(Verb::Bench(args)) => bench::bench(&args, &common, &console),
    }
}

fn man() -> Result<u8, Failure> {
    let page = clap_mangen::Man::new(Cli::command());
    page.render(&mut std::io::stdout()).map_err(|error| Failure::io(error.to_string()))?;
    Ok(0)
}

/// The check of this name.
fn check(name: &str) -> Result<&'static Check, Failure> {
    catalogue::named(name)
        .ok_or_else(|| Failure::usage(nearest::unknown("check", name, CHECKS.iter().map(|check| check.name))))
}

/// The exhibit of this rule.
fn rule(name: &str) -> Result<&'static Exhibit, Failure> {
    gallery::named(name).ok_or_else(|| {
        let names: Vec<_> = gallery::all().flat_map(|exhibit| [exhibit.name, exhibit.bug]).collect();
        let unreachable = gallery::UNREACHABLE.iter().find(|row| row.bug == name);
        Failure::usage(match unreachable {
            Some(row) => format!("`{name}` cannot be shown here: {}", row.reason),
            None => nearest::unknown("rule", name, names.iter().copied()),
        })
    })
}

/// The seed that was given, or a fresh one.
fn seed(common: &Common) -> u64 {
    common.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 32)
}

/// JSON as it is printed.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(text + "\n")
}
