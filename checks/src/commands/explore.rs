//! `check explore`: stateright's web Explorer on our model, with one-line labels and our lanes as its pictures.

use std::fmt::Write as _;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};

use raftlab_model::{Pictures, Property, RaftModel, Setup};
use stateright::Model;

use crate::catalogue::Tier;
use crate::cli::ExploreArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::render::{Options, svg};
use crate::story::Story;
use crate::trace::Trace;

/// Serves until the process ends.
pub fn explore(args: &ExploreArgs, console: &Console) -> Result<u8, Failure> {
    let (setup, trace) = setup(args)?;
    if let Some(why) = setup.bounds.trivial() {
        console.note(&format!("warning: this world is trivial: {why}"));
    }
    let model = RaftModel::new(setup).with_pictures(PICTURES);
    let path = trace.map(|trace| page(&model, &trace)).transpose()?.unwrap_or_default();
    check_address(&args.addr)?;
    leave_foreign_pages()?;
    console.print(&format!("{}\n", model.setup().bounds));
    console.print(&format!("open    http://{}/#/steps{path}\n", args.addr));
    console.note("Ctrl-C ends it");
    // The Explorer never returns, and asks nobody: the next Ctrl-C is to end the program.
    crate::search::INTERRUPTED.store(true, std::sync::atomic::Ordering::Relaxed);
    model.checker().serve(args.addr.as_str());
    Ok(0)
}

/// The check's first quick world, or the one in which a rule's absence shows, or the trace's; at the size that was
/// asked for. Where a rule is off, only the property that falls is judged: another one that broke before would end
/// the server.
fn setup(args: &ExploreArgs) -> Result<(Setup, Option<Trace>), Failure> {
    let check = super::check(&args.check)?;
    let mut setup = Setup::new(check.scopes(Tier::Quick)[0].bounds());
    let mut trace = None;
    if let Some(file) = &args.at {
        let text = std::fs::read_to_string(file).map_err(|error| Failure::at(file, &error))?;
        let read = Trace::parse(&text).and_then(|trace| Ok((trace.setup()?, trace)));
        let (of_trace, read) = read.map_err(|error| Failure::data(format!("{}: {error}", file.display())))?;
        setup = of_trace;
        trace = Some(read);
    }
    if let Some(rule) = &args.without {
        setup = super::rule(rule)?.setup();
    }
    let bounds = args.bounds.over(&setup.bounds)?;
    Ok((Setup { bounds, first_only: false, only_changes: true, ..setup }, trace))
}

/// The address of a trace's last state: the place of each step among those that are possible.
fn page(model: &RaftModel, trace: &Trace) -> Result<String, Failure> {
    let mut world = model.initial();
    let mut path = "/0".to_string();
    for step in &trace.steps {
        let mut possible = Vec::new();
        model.actions(&world, &mut possible);
        let at = possible.iter().position(|action| model.format_action(action) == step.label);
        let next = at.and_then(|at| Some((at, model.next_state(&world, possible[at].clone())?)));
        let Some((at, next)) = next else {
            return Err(Failure::data(format!("line {}: `{}` cannot happen here", step.line, step.label)));
        };
        let _ = write!(path, "/{at}");
        world = next;
    }
    Ok(path)
}

/// stateright panics where an address cannot be had: so it is tried before.
fn check_address(address: &str) -> Result<(), Failure> {
    if address.to_socket_addrs().is_err() {
        return Err(Failure::usage(format!("--addr {address}: not an address such as 127.0.0.1:3000")));
    }
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::io(format!(
            "--addr {address}: {error}; another port may be free: --addr 127.0.0.1:3001"
        ))),
    }
}

/// The Explorer serves the files of a directory `ui` in place of its own page, if there is one where it is started.
fn leave_foreign_pages() -> Result<(), Failure> {
    if !Path::new("ui").exists() {
        return Ok(());
    }
    let elsewhere: PathBuf = std::env::temp_dir().join(format!("raftlab-explore-{}", std::process::id()));
    std::fs::create_dir_all(&elsewhere).map_err(|error| Failure::at(&elsewhere, &error))?;
    std::env::set_current_dir(&elsewhere).map_err(|error| Failure::at(&elsewhere, &error))
}

/// How the Explorer shows paths and steps: as our lanes, and as a trace records them.
const PICTURES: Pictures = Pictures {
    path: |model, actions| {
        let story = Story::of(model, actions)?;
        let mut judged = Property::all().filter(|property| !property.is_of_calm());
        let broken = judged.find_map(|property| {
            let why = property.holds(&story.last().servers()).err()?;
            Some(format!("{}: {why}", property.name))
        });
        Some(svg::draw(&story, &Options { why: broken.unwrap_or_default(), ..Options::default() }))
    },
    step: |model, world, action| {
        let mut story = Story::at(model, world.clone());
        story.push(model, action)?;
        Some(story.record(0).join("\n"))
    },
};
