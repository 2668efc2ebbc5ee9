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
use crate::rundir::{self, RunDir};
use crate::search::{Outcome, Plan, search};
use crate::trace::{Finding, Trace, WHOLE};
use crate::verdict::Verdict;

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
    /// VERIFIED if the rule is answered: it falls without, and holds with.
    verdict: Verdict,
    violated: bool,
    steps: Option<usize>,
    shortest: bool,
    /// Distinct states until the violation; of symmetric ones, one.
    states: u64,
    /// The number of states that they stand for.
    states_full: u64,
    seconds: f64,
    /// Distinct states of the same world with the rule on.
    states_with_rule: u64,
    /// The number of states that those stand for.
    states_with_rule_full: u64,
    /// Was that world exhausted without a violation?
    holds_with_rule: bool,
    trace: Option<String>,
    #[serde(skip)]
    text: Option<Trace>,
}

/// Takes one rule away, or each of all.
pub fn weaken(args: &WeakenArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let exhibits: Vec<&Exhibit> =
        if args.rule == "all" { gallery::all().collect() } else { vec![super::rule(&args.rule)?] };
    let dir = RunDir::create(common.out.as_deref(), "weaken")?;
    if args.write {
        rundir::make_writable(&args.gallery)?;
    }
    // As many rules at a time as there are threads, each searched by one: they share the memory.
    let plan = args.engine.plan();
    let share = |bytes| bytes / rayon::current_num_threads().max(1) as u64;
    let plan = Plan { max_memory: plan.max_memory.map(share), ..plan };
    let wholes = search_wholes(&exhibits, &plan, console)?;
    let bench = Bench { plan, wholes, args, dir: &dir, common, console };
    let rules = exhibits.par_iter().map(|exhibit| bench.one(exhibit)).collect::<Vec<_>>();
    let rules = rules.into_iter().collect::<Result<Vec<_>, _>>()?;
    let verdict = rules.iter().fold(Verdict::Verified, |worst, rule| worst.worse(rule.verdict));
    if args.write && verdict == Verdict::Verified {
        index::write(&args.gallery)?;
    } else if args.write {
        console.note("the index of the gallery is left as it was: not every rule was answered");
    }
    let report = WeakenReport { schema: "raftlab-weaken/1", rules };
    let json = super::json(&report)?;
    dir.write("report.json", &json)?;
    dir.write("verdict.txt", &format!("{verdict}\n"))?;
    match (common.write_out, &report.rules[..]) {
        (WriteOut::Json, _) => console.print(&json),
        (WriteOut::Table, [RuleReport { text: Some(trace), .. }]) => console.print(&format!("\n{trace}")),
        (WriteOut::Table, rules) if rules.len() > 1 => {
            let answered = rules.iter().filter(|rule| rule.verdict == Verdict::Verified).count();
            console.print(&format!("{} rules, {answered} answered\n", rules.len()));
        }
        _ => {}
    }
    let flags = args.engine.flags();
    console.note(&format!("report  {}\nrerun   check weaken {}{flags}", dir.path().display(), args.rule));
    Ok(verdict.exit())
}

/// Worlds with every rule on, by their bounds. Exhibits of one size share theirs.
type Wholes = BTreeMap<String, Outcome>;

fn search_wholes(exhibits: &[&Exhibit], plan: &Plan, console: &Console) -> Result<Wholes, Failure> {
    let setups: BTreeMap<_, _> =
        exhibits.iter().map(|exhibit| exhibit.whole()).map(|setup| (key(&setup), setup)).collect();
    let search = |(bounds, setup): (String, Setup)| Ok((bounds, searched("rule on", setup, plan, console)?));
    setups.into_par_iter().map(search).collect()
}

/// What makes two whole worlds one.
fn key(setup: &Setup) -> String {
    let liveness = setup.liveness.iter().map(|property| property.name);
    [&*setup.bounds.to_string()].into_iter().chain(liveness).collect::<Vec<_>>().join(" · ")
}

fn searched(name: &str, setup: Setup, plan: &Plan, console: &Console) -> Result<Outcome, Failure> {
    let line = console.line(name);
    Ok(search(name, setup, plan, &|progress| line.update(progress))?)
}

/// What every rule is tried with.
struct Bench<'a> {
    plan: Plan,
    wholes: Wholes,
    args: &'a WeakenArgs,
    dir: &'a RunDir,
    common: &'a Common,
    console: &'a Console,
}

impl Bench<'_> {
    /// One rule: the broken world, beside the whole one.
    fn one(&self, exhibit: &Exhibit) -> Result<RuleReport, Failure> {
        let whole = &self.wholes[&key(&exhibit.whole())];
        let broken = searched(exhibit.name, exhibit.setup(), &self.plan, self.console)?;
        if let Some(violation) = &whole.violation {
            let bounds = exhibit.whole().bounds;
            let trace = Trace::of_walk(WHOLE, violation, &bounds, &format!("check weaken {}", exhibit.name))?;
            let path = self.dir.write(&format!("{}-rule-on.trace", exhibit.name), &trace.to_string())?;
            self.console.note(&format!(
                "with every rule on, {} is violated: {}",
                violation.property.name,
                path.display()
            ));
        }
        let trace = broken
            .violation
            .as_ref()
            .map(|violation| Trace::of_exhibit(exhibit, violation, &Finding { broken: &broken, whole }));
        let verdict = verdict(&broken, whole);
        let path = trace.as_ref().map(|trace| self.keep(exhibit, trace, verdict)).transpose()?;
        let report = RuleReport::new(exhibit, verdict, &broken, whole, path, trace);
        if self.common.write_out != WriteOut::Json {
            self.console.print(&report.line(&broken, self.console));
        }
        Ok(report)
    }

    /// Writes the trace: into the run's directory, and into the gallery if that was asked for and all is as it should
    /// be.
    fn keep(&self, exhibit: &Exhibit, trace: &Trace, verdict: Verdict) -> Result<String, Failure> {
        let name = format!("{}.trace", exhibit.name);
        let mut path = self.dir.write(&name, &trace.to_string())?;
        if self.args.write && verdict == Verdict::Verified {
            path = self.args.gallery.join(&name);
            fs::write(&path, trace.to_string()).map_err(|error| Failure::at(&path, &error))?;
        }
        Ok(path.display().to_string())
    }
}

/// A rule is answered when the property falls without it, and the same world is exhausted with it and nothing fell.
fn verdict(broken: &Outcome, whole: &Outcome) -> Verdict {
    if whole.violation.is_some() {
        Verdict::Violated
    } else if whole.limit.is_some() || broken.violation.is_none() && broken.limit.is_some() {
        Verdict::Incomplete
    } else if broken.violation.is_none() {
        Verdict::Vacuous
    } else {
        Verdict::Verified
    }
}

impl RuleReport {
    fn new(
        exhibit: &Exhibit,
        verdict: Verdict,
        broken: &Outcome,
        whole: &Outcome,
        trace: Option<String>,
        text: Option<Trace>,
    ) -> RuleReport {
        let violation = broken.violation.as_ref();
        RuleReport {
            rule: exhibit.name,
            bug: exhibit.bug,
            way: exhibit.way.to_string(),
            property: exhibit.property,
            verdict,
            violated: violation.is_some(),
            steps: violation.map(|violation| violation.story.steps.len()),
            shortest: violation.is_some_and(|violation| violation.shortest),
            states: broken.progress.states,
            states_full: broken.states_full,
            seconds: broken.progress.elapsed.as_secs_f64(),
            states_with_rule: whole.progress.states,
            states_with_rule_full: whole.states_full,
            holds_with_rule: whole.violation.is_none() && whole.limit.is_none(),
            trace,
            text,
        }
    }
}

impl RuleReport {
    fn line(&self, broken: &Outcome, console: &Console) -> String {
        let mut line = String::new();
        let mark = if self.verdict == Verdict::Verified { console.good("✔") } else { console.bad("✗") };
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
