//! `check weaken`: a rule is taken away, and the shortest way to what falls without it is found; then the same world is
//! searched with the rule on, so that the bounds are known to reach the bug and the property not to be false by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use raftlab_model::Setup;

use rayon::prelude::*;
use serde::Serialize;

use crate::cli::{Common, WeakenArgs, WriteOut};
use crate::console::{Console, grouped};
use crate::failure::Failure;
use crate::gallery::{self, Exhibit};
use crate::index;
use crate::memory;
use crate::rundir::{self, RunDir};
use crate::search::{Outcome, Plan, search};
use crate::trace::{Finding, Trace};
use crate::verdict::exit;

/// `check weaken`, in JSON.
#[derive(Debug, Serialize)]
struct WeakenReport {
    schema: &'static str,
    rules: Vec<RuleReport>,
}

/// One rule.
#[derive(Debug, Serialize)]
struct RuleReport {
    rule: &'static str,
    bug: &'static str,
    way: String,
    property: &'static str,
    violated: bool,
    steps: Option<usize>,
    shortest: bool,
    /// Distinct states until the violation.
    states: u64,
    seconds: f64,
    /// Distinct states of the same world with the rule on.
    states_with_rule: u64,
    /// Was that world exhausted without a violation?
    holds_with_rule: bool,
    trace: Option<String>,
    #[serde(skip)]
    text: Option<Trace>,
}

/// Takes one rule away, or each of all.
pub fn weaken(args: &WeakenArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let exhibits: Vec<&Exhibit> = if args.rule == "all" {
        gallery::all().filter(|exhibit| args.slow || !exhibit.slow).collect()
    } else {
        vec![super::rule(&args.rule)?]
    };
    let dir = RunDir::create(common.out.as_deref(), "weaken")?;
    if args.write {
        rundir::make_writable(&args.gallery)?;
    }
    let wholes = search_wholes(&exhibits, console)?;
    let reports: Vec<_> =
        exhibits.par_iter().map(|exhibit| one(exhibit, &wholes, args, &dir, common, console)).collect();
    let rules = reports.into_iter().collect::<Result<Vec<_>, _>>()?;
    if args.write {
        index::write(&args.gallery)?;
    }
    let failed = rules.iter().filter(|rule| !rule.violated || !rule.holds_with_rule).count();
    let single = rules.len() == 1;
    match common.write_out {
        WriteOut::Table if single => {
            if let Some(trace) = &rules[0].text {
                console.print(&format!("\n{trace}"));
            }
        }
        WriteOut::Table => {
            console.print(&format!(
                "{} rules, {} answered as the gallery says\n",
                rules.len(),
                rules.len() - failed
            ));
        }
        WriteOut::Simple => {}
        WriteOut::Json => {
            let report = WeakenReport { schema: "raftlab-weaken/1", rules };
            let json = super::json(&report)?;
            dir.write("report.json", &json)?;
            console.print(&json);
        }
    }
    dir.write("verdict.txt", if failed == 0 { "DONE\n" } else { "NOT AS THE GALLERY SAYS\n" })?;
    console.note(&format!("report  {}\nrerun   check weaken {}", dir.path().display(), args.rule));
    Ok(if failed == 0 { exit::OK } else { exit::INCOMPLETE })
}

/// Worlds with every rule on, by their bounds. Exhibits of one size share theirs.
type Wholes = BTreeMap<String, Outcome>;

fn search_wholes(exhibits: &[&Exhibit], console: &Console) -> Result<Wholes, Failure> {
    let setups: BTreeMap<_, _> =
        exhibits.iter().map(|exhibit| exhibit.whole()).map(|setup| (key(&setup), setup)).collect();
    let search = |(bounds, setup): (String, Setup)| Ok((bounds, searched("rule on", setup, console)?));
    setups.into_par_iter().map(search).collect()
}

/// What makes two whole worlds one.
fn key(setup: &Setup) -> String {
    setup.bounds.to_string()
}

fn searched(name: &str, setup: Setup, console: &Console) -> Result<Outcome, Failure> {
    let plan = Plan { threads: 1, max_memory: memory::sensible_limit(), ..Plan::default() };
    let line = console.line(name);
    Ok(search(setup, &plan, &|progress| line.update(progress))?)
}

/// One rule: the broken world, beside the whole one.
fn one(
    exhibit: &Exhibit,
    wholes: &Wholes,
    args: &WeakenArgs,
    dir: &RunDir,
    common: &Common,
    console: &Console,
) -> Result<RuleReport, Failure> {
    let whole = &wholes[&key(&exhibit.whole())];
    let broken = searched(exhibit.name, exhibit.setup(), console)?;
    let trace = broken.violation.as_ref().map(|violation| {
        Trace::of_exhibit(
            exhibit,
            violation,
            &Finding { broken: &broken.progress, whole: &whole.progress, whole_limit: whole.limit },
        )
    });
    let name = format!("{}.trace", exhibit.name);
    let mut path = None;
    if let Some(trace) = &trace {
        path = Some(dir.write(&name, &trace.to_string())?);
        if args.write {
            let kept = args.gallery.join(&name);
            fs::write(&kept, trace.to_string()).map_err(|error| Failure::at(&kept, &error))?;
            path = Some(kept);
        }
    }
    let report = RuleReport {
        rule: exhibit.name,
        bug: exhibit.bug,
        way: exhibit.way.to_string(),
        property: exhibit.property,
        violated: broken.violation.is_some(),
        steps: broken.violation.as_ref().map(|violation| violation.story.steps.len()),
        shortest: broken.violation.as_ref().is_some_and(|violation| violation.shortest),
        states: broken.progress.states,
        seconds: broken.progress.elapsed.as_secs_f64(),
        states_with_rule: whole.progress.states,
        holds_with_rule: whole.violation.is_none() && whole.limit.is_none(),
        trace: path.map(|path| path.display().to_string()),
        text: trace,
    };
    if common.write_out != WriteOut::Json {
        console.print(&report.line(&broken, console));
    }
    Ok(report)
}

impl RuleReport {
    fn line(&self, broken: &Outcome, console: &Console) -> String {
        let mut line = String::new();
        let mark =
            if self.violated && self.holds_with_rule { console.good("✔") } else { console.bad("✗") };
        let _ = write!(line, "{mark} {:28} {:26} ", self.rule, self.property);
        let _ = match self.steps {
            Some(steps) => write!(line, "{steps:3} steps  {:>10} states", grouped(self.states)),
            None => write!(line, "not violated in {} states, {}", grouped(self.states), limit(broken)),
        };
        let with_rule = if self.holds_with_rule { "holds" } else { "NOT SHOWN TO HOLD" };
        let _ = writeln!(
            line,
            "  {:6.2} s   rule on: {with_rule}, {} states",
            self.seconds,
            grouped(self.states_with_rule)
        );
        line
    }
}

fn limit(outcome: &Outcome) -> &'static str {
    outcome.limit.map_or("complete", |limit| limit.says())
}
