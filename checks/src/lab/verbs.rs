//! The verbs of `lab` that start a cluster, and those that talk to one that is up.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use super::cli::{ChaosArgs, LoadArgs, RunOptions, SoakArgs, UpArgs, Which};
use super::clock::Clock;
use super::cluster::{Cluster, Settings};
use super::control::{Conversation, Ended, Reply, Request, find};
use super::narrator::{Narrator, Where};
use super::supervise::{Plan, supervise};
use super::{judgements, scenarios, status};
use crate::cli::{Common, WriteOut};
use crate::console::Console;
use crate::evidence;
use crate::failure::Failure;
use crate::rundir::{self, RunDir};
use crate::scenario::{self, Command, Group, Load, Scenario, Verb};
use crate::verdict::exit;

/// `lab up`: a cluster that stays up until it is told to end.
///
/// # Errors
///
/// If it does not come up, or something cannot be written.
pub fn up(args: &UpArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let command = format!("lab up --nodes {}{}", args.nodes, flags(&args.run));
    let (founders, flags) = (args.nodes, args.run.flags.clone());
    let beginning = Beginning { command, verb: "up".into(), founders, flags, scenario: None };
    begin(beginning, &args.run, common, console)
}

/// A cluster of processes, and a scenario that is done to it; `verb` is how it was asked for.
///
/// # Errors
///
/// If the cluster does not come up, or something cannot be written.
pub fn live(
    verb: &str,
    scenario: Scenario,
    options: &RunOptions,
    common: &Common,
    console: &Console,
) -> Result<u8, Failure> {
    begin(beginning(verb, scenario, options)?, options, common, console)
}

/// The same, with nothing said.
///
/// # Errors
///
/// As of [`live`].
pub fn quietly(
    verb: &str,
    scenario: Scenario,
    options: &RunOptions,
    common: &Common,
) -> Result<Ended, Failure> {
    Ok(go(beginning(verb, scenario, options)?, options, common, Where::Nowhere)?.0)
}

fn beginning(verb: &str, scenario: Scenario, options: &RunOptions) -> Result<Beginning, Failure> {
    let (founders, told) = scenario.founding()?;
    let command = format!("lab {verb}{}", flags(options));
    let flags = told.into_iter().chain(options.flags.iter().cloned()).collect();
    let verb = scenario.name.clone();
    Ok(Beginning { command, verb, founders, flags, scenario: Some(scenario) })
}

/// `lab soak`: a scenario that is drawn.
///
/// # Errors
///
/// If the cluster does not come up, or something cannot be written.
pub fn soak(args: &SoakArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let SoakArgs { lasts, nodes, clients, keys, rate, run } = args;
    let seed = common.seed.unwrap_or_else(draw_seed);
    let load = Load { clients: *clients, keys: *keys, rate: Some(*rate), ..Load::default() };
    let scenario = scenario::soak(seed, *lasts, *nodes, load);
    let options = format!("--nodes {nodes} --clients {clients} --keys {keys} --rate {rate}");
    let command = format!("lab soak --for {}s {options}{}", lasts.as_secs(), flags(run));
    let common = Common { seed: Some(seed), ..common.clone() };
    let (verb, flags, scenario) = ("soak".to_string(), run.flags.clone(), Some(scenario));
    begin(Beginning { command, verb, founders: *nodes, flags, scenario }, run, &common, console)
}

/// `lab list`: the scenarios that come with the program.
pub fn list(console: &Console) -> Result<u8, Failure> {
    let width = scenarios::SCENARIOS.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, _) in scenarios::SCENARIOS {
        let scenario = scenarios::find(name)?;
        console.print(&format!("{name:width$}  {}\n", scenario.title()));
    }
    Ok(exit::OK)
}

/// A cluster of processes that is to begin.
struct Beginning {
    /// The command that does it again, without its seed.
    command: String,
    /// What its directory is named after.
    verb: String,
    founders: u64,
    flags: Vec<String>,
    scenario: Option<Scenario>,
}

/// Runs it, and prints what it came to.
fn begin(
    beginning: Beginning,
    options: &RunOptions,
    common: &Common,
    console: &Console,
) -> Result<u8, Failure> {
    let is_json = common.write_out == WriteOut::Json;
    let to = Where::of(common);
    let has_document = is_json && beginning.scenario.is_some();
    let (ended, rerun) = go(beginning, options, common, to)?;
    if has_document {
        let path = ended.report.with_file_name("scenario.json");
        console.print(&fs::read_to_string(&path).map_err(|error| Failure::at(&path, &error))?);
        return Ok(ended.exit);
    }
    console.print(&format!(
        "report  {}\nVERDICT {}\nrerun   {rerun}\n",
        ended.report.display(),
        ended.verdict
    ));
    Ok(ended.exit)
}

/// Runs it: what it came to, and the command that does it again.
fn go(
    beginning: Beginning,
    options: &RunOptions,
    common: &Common,
    to: Where,
) -> Result<(Ended, String), Failure> {
    let Beginning { command, verb, founders, flags, scenario } = beginning;
    let dir = directory_of(options, common, &verb)?;
    let program =
        std::env::current_exe().map_err(|error| Failure::io(format!("this program's file: {error}")))?;
    let seed = common.seed.unwrap_or_else(draw_seed);
    let rerun = format!("{command} --seed {seed}");
    let greeting = if scenario.is_some() { told_where } else { told_what_to_try };
    let is_recorded = !options.no_record;
    let settings = Settings { program, command, seed, founders, flags, is_recorded, scenario };
    let plan = Plan { dir, settings, greeting };
    let ended = runtime()?.block_on(supervise(plan, Narrator::new(to, Clock::Machine)))?;
    Ok((ended, rerun))
}

/// `lab chaos`, and the verbs that change who belongs to the cluster.
///
/// # Errors
///
/// If the words make no sense (2), nobody is up (69), or it cannot be done.
pub fn chaos(args: &ChaosArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    if args.words == ["status"] {
        return talk(&args.which, &Request::Status, common, console);
    }
    let command = command(&args.words.join(" "), Group::Fault, "lab chaos")?;
    talk(&args.which, &Request::Do(command), common, console)
}

/// `lab add`, `lab remove`, `lab grow`, `lab move-leader`.
///
/// # Errors
///
/// As of [`chaos`].
pub fn member(
    verb: &str,
    what: &str,
    which: &Which,
    common: &Common,
    console: &Console,
) -> Result<u8, Failure> {
    let command = command(&format!("{verb} {what}"), Group::Member, "lab")?;
    talk(which, &Request::Do(command), common, console)
}

/// `lab load`.
///
/// # Errors
///
/// If nobody is up, or clients work already.
pub fn load(args: &LoadArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    talk(&args.which, &Request::Load(args.load()), common, console)
}

/// `lab down`.
///
/// # Errors
///
/// If nobody is up.
pub fn down(which: &Which, common: &Common, console: &Console) -> Result<u8, Failure> {
    talk(which, &Request::Down, common, console)
}

/// `lab report`.
///
/// # Errors
///
/// If the directory holds no run, or cannot be written.
pub fn report(dir: &Path, console: &Console) -> Result<u8, Failure> {
    let (text, exit) = evidence::report(dir, &judgements::judge(dir)?)?;
    console.print(&text);
    Ok(exit)
}

/// A line of the grammar, of which only some verbs are meant here.
fn command(line: &str, group: Group, program: &str) -> Result<Command, Failure> {
    let verb = line.split_whitespace().next().unwrap_or_default();
    let names = crate::scenario::VERBS.iter().filter(|verb| verb.group == group).map(|verb| verb.name);
    if Verb::named(verb).is_none_or(|verb| verb.group != group) {
        let names = names.chain(["status"]);
        return Err(Failure::usage(crate::nearest::unknown(&format!("verb of `{program}`"), verb, names)));
    }
    match Command::parse_line(line) {
        Ok(Some(command)) => Ok(command),
        Ok(None) => Err(Failure::usage("there is nothing to do in that")),
        Err(mistake) => Err(Failure::usage(format!("`{line}`, at {}: {}", mistake.column, mistake.message))),
    }
}

/// Asks the supervisor, and prints what it answers.
fn talk(which: &Which, request: &Request, common: &Common, console: &Console) -> Result<u8, Failure> {
    let is_json = common.write_out == WriteOut::Json;
    runtime()?.block_on(async {
        let dir = which.dir.as_deref().or(common.out.as_deref());
        let (_, connection) = find(dir).await?;
        let mut conversation = Conversation::begin(connection, request).await?;
        loop {
            let reply = conversation.next().await?;
            if is_json {
                let json =
                    serde_json::to_string(&reply).map_err(|error| Failure::internal(error.to_string()))?;
                console.print(&format!("{json}\n"));
            } else {
                console.print(&text(&reply, common.quiet));
            }
            match reply {
                Reply::Refused { exit, message } => return Err(Failure { exit, message }),
                Reply::Ended(ended) => return Ok(ended.exit),
                Reply::Done(_) | Reply::Status(_) => return Ok(exit::OK),
                Reply::Second(_) => {}
            }
        }
    })
}

/// Drawn by the system, and short enough to be typed.
pub fn draw_seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 32
}

/// A reply, for people; nothing of what is said otherwise.
fn text(reply: &Reply, is_quiet: bool) -> String {
    match reply {
        Reply::Second(second) => format!("{second}\n"),
        Reply::Status(status) => status::text(status),
        Reply::Done(_) if is_quiet => String::new(),
        Reply::Done(text) => format!("done: {text}\n"),
        Reply::Refused { .. } => String::new(),
        Reply::Ended(Ended { verdict, report, .. }) => {
            format!("report  {}\nVERDICT {verdict}\n", report.display())
        }
    }
}

/// The directory of a run that was told this.
pub fn directory_of(options: &RunOptions, common: &Common, verb: &str) -> Result<PathBuf, Failure> {
    let given = options.dir.as_deref().or(common.out.as_deref());
    match given {
        Some(given) if options.is_part => make(given, verb),
        _ => directory(given, verb),
    }
}

fn make(given: &Path, verb: &str) -> Result<PathBuf, Failure> {
    let run = RunDir::create(Some(given), verb)?;
    fs::canonicalize(run.path()).map_err(|error| Failure::at(run.path(), &error))
}

/// The directory of a run, by a name that holds wherever it is looked at from; `runs/latest` leads to it.
pub fn directory(given: Option<&Path>, verb: &str) -> Result<PathBuf, Failure> {
    if let Some(dir) = given
        && dir.join("run.json").exists()
    {
        let says = format!("{} holds a run already: take another directory", dir.display());
        return Err(Failure::data(says));
    }
    let run = RunDir::create(given, verb)?;
    let dir = fs::canonicalize(run.path()).map_err(|error| Failure::at(run.path(), &error))?;
    if given.is_some() {
        rundir::link_latest(&dir);
    }
    Ok(dir)
}

/// The flags of a run, as they are typed: each after a space.
pub fn flags(options: &RunOptions) -> String {
    let record = if options.no_record { " --no-record" } else { "" };
    let separator = if options.flags.is_empty() { "" } else { " --" };
    let flags: String = options.flags.iter().flat_map(|flag| [" ", flag]).collect();
    format!("{record}{separator}{flags}")
}

fn told_where(cluster: &Cluster) -> String {
    format!("run     {}", cluster.dir().display())
}

fn told_what_to_try(cluster: &Cluster) -> String {
    let endpoints: Vec<_> = cluster.endpoints().iter().map(ToString::to_string).collect();
    let page = endpoints.first().map_or("", String::as_str);
    format!(
        "run     {}\nlook    http://{page}/status · http://{page}/metrics\ntry     export RAFTLAB_ENDPOINTS={}\n        \
         lab ctl put greeting hello\n        lab ctl top\n        lab load --for 10s\n        lab chaos kill leader\n        \
         lab chaos start all\n        lab chaos --help\n        lab add n{}\nend     lab down, or Ctrl-C: then what was \
         recorded is judged",
        cluster.dir().display(),
        endpoints.join(","),
        cluster.next_name().0,
    )
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| Failure::io(format!("starting threads: {error}")))
}
