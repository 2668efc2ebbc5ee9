//! The program `ctl`: what a person asks of a cluster, with etcd's verbs.
//!
//! Data goes to stdout and all else to stderr. It ends with 0 when what was asked is done; else with one sentence and an
//! exit code that says what kind of failure that is. What nobody can know is said in these words, too: an
//! outcome that is unknown is neither a success nor a failure, and `ctl` never guesses.

mod args;
mod endpoint;
mod failure;
mod kv;
mod member;
mod output;
mod perf;
mod snapshot;
pub mod top;
mod wal;
mod watch;

use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};

pub use self::args::Cli;
use self::args::{CheckVerb, Common, EndpointVerb, SnapshotVerb, Verb, WalVerb};
use self::failure::Failure;
use self::output::Output;
use crate::client::{Client, Options, endpoints};

/// For how long one server is given to answer, at most.
const ATTEMPT_MAX: Duration = Duration::from_secs(2);

/// Runs the program with these arguments, the first being its name, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Whoever does not listen is not told.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(says) = failure.says() {
                eprintln!("error: {says}");
            }
            ExitCode::from(failure.exit())
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    let Cli { verb, common } = cli;
    let output = Output::new(common.write_out, common.quiet);
    match verb {
        Verb::Wal(WalVerb::Dump { dir }) => wal::dump(&dir, &output),
        Verb::Wal(WalVerb::Verify { dir }) => wal::verify(&dir, &output),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ctl", &mut script);
            output.bytes(&script)
        }
        Verb::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Failure::io("the page"))?;
            output.bytes(&page)
        }
        Verb::Top(args) => top::run(&args, &common, &output),
        online => block_on(talk(online, &common, &output))?,
    }
}

/// What needs servers.
async fn talk(verb: Verb, common: &Common, output: &Output) -> Result<(), Failure> {
    match verb {
        Verb::Put(args) => kv::put(&args, common, output).await,
        Verb::Get(args) => kv::get(&args, common, output).await,
        Verb::Cas(args) => kv::cas(&args, common, output).await,
        Verb::Del(args) => kv::delete(&args, common, output).await,
        Verb::Endpoint(EndpointVerb::Status(args)) => endpoint::status(&args, common, output).await,
        Verb::Endpoint(EndpointVerb::Health(args)) => endpoint::health(&args, common, output).await,
        Verb::Member(verb) => member::member(verb, common, output).await,
        Verb::MoveLeader { to } => member::move_leader(to, common, output).await,
        Verb::Snapshot(SnapshotVerb::Save { file }) => snapshot::save(&file, common, output).await,
        Verb::Check(CheckVerb::Perf(args)) => perf::perf(&args, common, output).await,
        Verb::Watch(args) => watch::watch(&args, common, output).await,
        Verb::Wal(_) | Verb::Completions { .. } | Verb::Man | Verb::Top(_) => Ok(()),
    }
}

/// One thread is enough for whoever mostly waits.
fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(Failure::io("starting"))?.block_on(future))
}

/// A client as the flags want it.
fn client(common: &Common, in_session: bool) -> Result<Client, Failure> {
    let servers = endpoints(&common.endpoints)?;
    Ok(Client::new(&servers, options(common, in_session))?)
}

fn options(common: &Common, in_session: bool) -> Options {
    let (timeout, attempt) = (common.timeout, common.timeout.min(ATTEMPT_MAX));
    Options { timeout, attempt, in_session, seed: fresh_seed() }
}

/// No two are alike.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
