//! `check replay`: a recorded counterexample is walked through the core, compared line by line, and drawn.

use std::fs;

use raftlab_core::NodeId;
use raftlab_model::{Action, RaftModel};
use serde::Serialize;

use crate::cli::{Common, FormatArgs, ReplayArgs, WriteOut};
use crate::console::Console;
use crate::failure::Failure;
use crate::render::{self, Format, Options};
use crate::story::Story;
use crate::trace::{Trace, TraceError};
use crate::verdict::exit;
use crate::walk::Dice;

/// `check replay`, in JSON.
#[derive(Debug, Serialize)]
struct ReplayReport {
    schema: &'static str,
    rule: String,
    property: String,
    reproduced: bool,
    steps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Replays a trace and draws it.
pub fn replay(args: &ReplayArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let text = fs::read(&args.file).map_err(|error| Failure::at(&args.file, &error))?;
    let at = |error: &TraceError| format!("{}: {error}", args.file.display());
    let text =
        String::from_utf8(text).map_err(|_| Failure::data(format!("{}: not a text", args.file.display())))?;
    let in_json = common.write_out == WriteOut::Json && args.format.format().is_none();
    let trace = match Trace::parse(&text) {
        Err(error) if in_json => {
            console.print(&super::json(&ReplayReport::unread(&error))?);
            return Ok(exit::DATA);
        }
        parsed => parsed.map_err(|error| Failure::data(at(&error)))?,
    };
    if args.to.is_some_and(|to| to > trace.steps.len()) {
        let (to, steps) = (args.to.unwrap_or_default(), trace.steps.len());
        return Err(Failure::usage(format!("--to {to}: the trace has {steps} steps")));
    }
    let outcome = trace.replay();
    if in_json {
        console.print(&super::json(&report(&trace, outcome.as_ref().err()))?);
        return Ok(if outcome.is_ok() { exit::OK } else { exit::DATA });
    }
    let mut story = outcome.map_err(|error| Failure::data(at(&error)))?;
    let steps = story.steps.len();
    let mut why = trace.why.clone();
    if let Some(more) = args.go_on {
        why = String::new();
        go_on(&trace, &mut story, more, super::seed(common), console)?;
    }
    let options = options(args, &trace, why)?;
    let format = args.format.format().unwrap_or(Format::Text);
    console.print(&render::render(&story, &options, format));
    if format == Format::Text && common.write_out == WriteOut::Table {
        let verdict = console.good("reproduced");
        console.note(&format!("{verdict}: {steps} steps, every line as recorded; {}", trace.why));
    }
    Ok(exit::OK)
}

impl ReplayReport {
    /// Of a file that is no trace.
    fn unread(error: &TraceError) -> ReplayReport {
        ReplayReport {
            schema: "raftlab-replay/1",
            rule: String::new(),
            property: String::new(),
            reproduced: false,
            steps: 0,
            error: Some(error.to_string()),
        }
    }
}

fn report(trace: &Trace, error: Option<&TraceError>) -> ReplayReport {
    let word = |key: &str, stop: &str| {
        trace.fact(key).and_then(|fact| fact.split(stop).next()).unwrap_or_default().to_string()
    };
    ReplayReport {
        schema: "raftlab-replay/1",
        rule: word("rule", " "),
        property: word("violates", "  "),
        reproduced: error.is_none(),
        steps: trace.steps.len(),
        error: error.map(ToString::to_string),
    }
}

fn options(args: &ReplayArgs, trace: &Trace, why: String) -> Result<Options, Failure> {
    let hide = args.hide.iter().map(|name| server_named(name)).collect::<Result<_, _>>()?;
    let kinds = ["RequestVote", "VoteReply", "AppendEntries", "AppendReply", "NewerTerm"];
    if let Some(kind) = args.only.iter().find(|kind| !kinds.contains(&kind.as_str())) {
        return Err(Failure::usage(crate::nearest::unknown("kind of message", kind, kinds)));
    }
    Ok(Options {
        title: trace.title.clone(),
        why,
        to: args.to,
        hide,
        only: args.only.clone(),
        ..Options::default()
    })
}

fn server_named(name: &str) -> Result<NodeId, Failure> {
    let number = name.strip_prefix('n').and_then(|number| number.parse().ok());
    number.map(NodeId).ok_or_else(|| Failure::usage(format!("`{name}` is not a server such as n1")))
}

/// Goes on from the end of the trace at random, in the same world.
fn go_on(trace: &Trace, story: &mut Story, more: usize, seed: u64, console: &Console) -> Result<(), Failure> {
    let setup = trace.setup().map_err(|error| Failure::data(error.to_string()))?;
    let model = RaftModel::new(setup);
    let mut dice = Dice::new(seed, 0);
    console.note(&format!("goes on at random with --seed {seed}"));
    for _ in 0..more {
        let mut next: Vec<Action> =
            model.successors(story.last()).into_iter().map(|(action, _)| action).collect();
        if next.is_empty() {
            console.note("nothing more can happen within these bounds");
            break;
        }
        let action = next.swap_remove(dice.below(next.len()));
        story.push(&model, action);
    }
    Ok(())
}

impl FormatArgs {
    /// The picture that was asked for.
    fn format(&self) -> Option<Format> {
        let flags = [
            (self.svg, Format::Svg),
            (self.html, Format::Html),
            (self.mermaid, Format::Mermaid),
            (self.shiviz, Format::Shiviz),
            (self.itf, Format::Itf),
            (self.json, Format::Json),
        ];
        flags.into_iter().find_map(|(given, format)| given.then_some(format))
    }
}
