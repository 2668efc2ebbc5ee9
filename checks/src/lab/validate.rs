//! `lab validate`: what the journals of a run prove.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use raftlab_core::Rule;
use raftlab_node::journal;

use super::judgements;
use super::lives::JOURNALS;
use crate::cli::{Common, WriteOut};
use crate::console::Console;
use crate::failure::Failure;
use crate::nearest;
use crate::rundir::RunDir;
use crate::validate::{self, LifeId, Options};
use crate::verdict::exit;

/// What `lab validate` takes.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The directory of a run, or the one to which all servers recorded their journals (`node --record DIR`)
    pub dir: PathBuf,
    /// A life that was killed, such as `n1-2` for the second of n1: its journal has no end
    #[arg(long, value_name = "LIFE", value_parser = life)]
    pub killed: Vec<LifeId>,
    /// Replay with this rule switched off, as in the processes that recorded
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub without: Option<Rule>,
}

/// Validates, and prints what came of it.
pub fn validate(args: &ValidateArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let dir = common.out.as_deref().map(|out| RunDir::create(Some(out), "validate")).transpose()?;
    let killed = args.killed.iter().copied().collect();
    let mut options = Options { killed, without: args.without, ..Options::default() };
    let (mut journals, mut clients) = (args.dir.clone(), None);
    if args.dir.join(JOURNALS).is_dir() {
        // The supervisor wrote down whom it killed, and its clients what they were told.
        let known = judgements::options(&args.dir)?;
        options.killed.extend(known.killed);
        options.has_other_founders |= known.has_other_founders;
        journals = args.dir.join(JOURNALS);
        clients = judgements::linearizability(&args.dir.join("history.jsonl"));
    }
    let report = validate::validate(&journals, &options);
    let json = serde_json::to_string_pretty(&report).map_err(|error| Failure::internal(error.to_string()))?;
    if let Some(dir) = dir {
        dir.write("report.json", &json)?;
        dir.write("verdict.txt", &format!("{}\n", report.verdict))?;
    }
    match common.write_out {
        WriteOut::Json => console.print(&format!("{json}\n")),
        WriteOut::Simple => console.print(&report.simple()),
        WriteOut::Table => console.print(&report.table(console, common.verbose > 0)),
    }
    if let Some(clients) = clients.as_ref().filter(|_| common.write_out != WriteOut::Json) {
        console.print(&format!("clients {}  {}\n{}", clients.verdict, clients.says, clients.picture));
    }
    if common.write_out == WriteOut::Table {
        console.print(&format!("rerun   {}\n", rerun(args)));
    }
    // What servers did comes first: where they broke, clients may well have been told wrong.
    let exits = [report.exit].into_iter().chain(clients.map(|clients| clients.exit));
    Ok(exits.into_iter().find(|exit| *exit != exit::OK).unwrap_or(exit::OK))
}

/// The command that does this again.
fn rerun(args: &ValidateArgs) -> String {
    let mut command = format!("lab validate {}", args.dir.display());
    for (server, life) in &args.killed {
        let _ = write!(command, " --killed {server}-{life}");
    }
    if let Some(rule) = args.without {
        let _ = write!(command, " --without {rule}");
    }
    command
}

fn life(text: &str) -> Result<LifeId, String> {
    let named = journal::named(&format!("{text}{}", journal::SUFFIX));
    named.ok_or_else(|| format!("`{text}` is not a life such as n1-2"))
}

fn rule(text: &str) -> Result<Rule, String> {
    let names = || Rule::ALL.iter().map(|rule| rule.name());
    Rule::named(text).ok_or_else(|| nearest::unknown("rule", text, names()))
}
