//! A counterexample as a text that a person reads in a diff and `check replay` runs.
//!
//! Above the blank line stand its facts, one a line; below, `>` lines say what happens, and the indented lines under
//! them what the servers did. No line needs a parser of its own: what can happen next is rendered, and the one whose
//! text is equal is taken.

use std::fmt;

use raftlab_model::{Bounds, Property, RaftModel, Setup};

use crate::gallery::{self, Exhibit};
use crate::nearest;
use crate::search::{Outcome, Violation};
use crate::story::Story;

/// The version of the format. Traces of another version are refused.
pub const FORMAT: u32 = 1;

/// A trace as it stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// One sentence: what happens.
    pub title: String,
    /// The facts, by key, in order.
    pub facts: Vec<(String, String)>,
    /// What happens, and what the servers did.
    pub steps: Vec<Recorded>,
    /// What is wrong with the last state.
    pub why: String,
}

/// One step of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What happens.
    pub label: String,
    /// What the servers did.
    pub output: Vec<String>,
    /// Where it stands in its file, from 1; 0 in a trace that was not read from one.
    pub line: usize,
}

/// Why a trace is not what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct TraceError {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl TraceError {
    fn new(line: usize, reason: impl Into<String>) -> TraceError {
        TraceError { line, reason: reason.into() }
    }
}

impl Trace {
    /// The fact of this name.
    pub fn fact(&self, key: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Reads a trace.
    ///
    /// # Errors
    ///
    /// The first line that cannot stand there, and why.
    pub fn parse(text: &str) -> Result<Trace, TraceError> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let title = match lines.next() {
            Some((_, line)) if line.starts_with("# ") => line[2..].to_string(),
            _ => return Err(TraceError::new(1, "a trace starts with `# ` and a sentence")),
        };
        let facts = parse_facts(&mut lines)?;
        let mut trace = Trace { title, facts, steps: Vec::new(), why: String::new() };
        let mut last = 0;
        while let Some((line, text)) = lines.next() {
            last = line;
            if let Some(label) = text.strip_prefix("> ") {
                trace.steps.push(Recorded { label: label.to_string(), output: Vec::new(), line });
            } else if let Some(output) = text.strip_prefix("  ") {
                let step = trace.steps.last_mut();
                let step = step.ok_or_else(|| TraceError::new(line, "output without a `>` line above it"))?;
                step.output.push(output.to_string());
            } else if let Some(why) = text.strip_prefix("why ") {
                trace.why = why.trim().to_string();
            } else if let Some(end) = text.strip_prefix("end ") {
                return match lines.find(|(_, text)| !text.is_empty()) {
                    Some((line, text)) => Err(TraceError::new(line, format!("`{text}` stands after `end`"))),
                    None => trace.check_end(line, end.trim()),
                };
            } else {
                return Err(TraceError::new(
                    line,
                    format!("`{text}` is neither a `>` step, indented output, `why` nor `end`"),
                ));
            }
        }
        Err(TraceError::new(last.max(1), "the trace is cut off: it has no `end` line"))
    }

    fn check_end(self, line: usize, end: &str) -> Result<Trace, TraceError> {
        let told = format!("{} steps", self.steps.len());
        if end == told {
            Ok(self)
        } else {
            Err(TraceError::new(line, format!("`end {end}`, but there are {told}")))
        }
    }

    /// The world in which it happens, and the property that falls there.
    ///
    /// # Errors
    ///
    /// The fact that is missing or unknown.
    pub fn setup(&self) -> Result<Setup, TraceError> {
        let fact = |key: &str| {
            self.fact(key).ok_or_else(|| TraceError::new(1, format!("the fact `{key}` is missing")))
        };
        let at = |key: &str| 2 + self.facts.iter().position(|(known, _)| known == key).unwrap_or(0);
        let name = fact("rule")?.split_whitespace().next().unwrap_or_default();
        let violates = fact("violates")?.split("  ").next().unwrap_or_default();
        let property = Property::named(violates).ok_or_else(|| {
            let names = Property::all().map(|property| property.name);
            TraceError::new(at("violates"), nearest::unknown("property", violates, names))
        })?;
        let bounds: Bounds =
            fact("bounds")?.parse().map_err(|e| TraceError::new(at("bounds"), format!("{e}")))?;
        if name == WHOLE {
            return Ok(Setup { focus: Some(property), ..Setup::new(bounds) });
        }
        let exhibit = gallery::named(name).ok_or_else(|| {
            let names = gallery::all().map(|exhibit| exhibit.name).collect::<Vec<_>>();
            TraceError::new(at("rule"), nearest::unknown("rule", name, names.iter().copied()))
        })?;
        Ok(Setup::new(bounds).broken(exhibit.way, property))
    }

    /// Walks the trace through the core, comparing every line of output and the judgement at its end.
    ///
    /// # Errors
    ///
    /// The first line that does not come out as it stands.
    pub fn replay(&self) -> Result<Story, TraceError> {
        let model = RaftModel::new(self.setup()?);
        let property =
            model.setup().focus.ok_or_else(|| TraceError::new(1, "the fact `violates` is missing"))?;
        let mut story = Story::at(&model, model.initial());
        for step in &self.steps {
            if let Err(why) = property.holds(&story.last().servers()) {
                let reason = format!("`{}` is violated before this step already: {why}", property.name);
                return Err(TraceError::new(step.line, reason));
            }
            take(&model, &mut story, step)?;
        }
        let end = self.steps.last().map_or(1, |step| step.line + step.output.len() + 1);
        match property.holds(&story.last().servers()) {
            Ok(()) => Err(TraceError::new(end, format!("`{}` holds at the end", property.name))),
            Err(why) if why != self.why => Err(TraceError::new(end, format!("at the end it is: {why}"))),
            Err(_) => Ok(story),
        }
    }

    /// The counterexample of an exhibit.
    pub fn of_exhibit(exhibit: &Exhibit, violation: &Violation, finding: &Finding) -> Trace {
        let steps = violation.story.steps.len();
        let shortest = if violation.shortest { ", shortest" } else { "" };
        let first = first_broken(exhibit, &violation.story).map_or(String::new(), |(name, step)| {
            format!("  (first broken on this way: {name}, step {step})")
        });
        let mut facts = vec![
            ("format", FORMAT.to_string()),
            ("rule", format!("{}  {}: {}", exhibit.name, exhibit.section, exhibit.says)),
            ("bug", exhibit.bug.to_string()),
            ("way", exhibit.way.to_string()),
            ("violates", format!("{}{first}", exhibit.property)),
        ];
        facts.extend(exhibit.seen_in.iter().map(|(name, link)| ("seen in", format!("{name}  {link}"))));
        if !exhibit.published.is_empty() {
            facts.push(("published", exhibit.published.to_string()));
        }
        facts.push(("bounds", exhibit.bounds.to_string()));
        facts.push(("found", format!("{steps} steps{shortest} · {}", figures(finding.broken))));
        let violated = finding.whole.violation.as_ref().map(|violation| violation.property.name);
        let ended = finding.whole.limit.map_or("exhausted, no violation", |limit| limit.says());
        let whole = violated.map_or(ended.to_string(), |name| format!("violated as well: {name}"));
        facts.push(("rule on", format!("{whole} · {}", figures(finding.whole))));
        Trace {
            title: exhibit.title.to_string(),
            facts: facts.into_iter().map(|(key, value)| (key.to_string(), value)).collect(),
            steps: Trace::record(&violation.story),
            why: violation.why.clone(),
        }
    }

    /// A violation that is in no gallery, found with `rule` off, or with none ([`WHOLE`]).
    ///
    /// It was met where every property was watched; it is walked again in the world in which a replay will judge it,
    /// and replayed, before anybody is shown it.
    ///
    /// # Errors
    ///
    /// If it does not happen again there.
    pub fn of_walk(
        rule: &str,
        violation: &Violation,
        bounds: &Bounds,
        found: &str,
    ) -> Result<Trace, TraceError> {
        let property = violation.property;
        let facts = [
            ("format", FORMAT.to_string()),
            ("rule", rule.to_string()),
            ("violates", property.name.to_string()),
            ("bounds", bounds.to_string()),
            ("found", format!("{found} · {} steps", violation.story.steps.len())),
        ];
        let mut trace = Trace {
            title: format!("{} is violated: {}.", property.name, property.says),
            facts: facts.into_iter().map(|(key, value)| (key.to_string(), value)).collect(),
            steps: Vec::new(),
            why: violation.why.clone(),
        };
        let model = RaftModel::new(trace.setup()?);
        let actions = violation.story.steps.iter().map(|step| step.action.clone());
        let story = Story::of(&model, actions)
            .ok_or_else(|| TraceError::new(0, "the way there cannot be walked again"))?;
        trace.steps = Trace::record(&story);
        trace.why = property.holds(&story.last().servers()).err().unwrap_or_default();
        trace.replay()?;
        Ok(trace)
    }

    /// The steps of a story, as they are recorded.
    pub fn record(story: &Story) -> Vec<Recorded> {
        let recorded = |(at, step): (usize, &crate::story::Step)| Recorded {
            label: step.label.clone(),
            output: story.record(at),
            line: 0,
        };
        story.steps.iter().enumerate().map(recorded).collect()
    }
}

/// Takes the step whose text is `step`'s, and compares what the servers do.
fn take(model: &RaftModel, story: &mut Story, step: &Recorded) -> Result<(), TraceError> {
    let possible = model.successors(story.last());
    let labels: Vec<_> = possible.iter().map(|(action, _)| raftlab_model::label(action)).collect();
    let Some(at) = labels.iter().position(|label| *label == step.label) else {
        let nearest = nearest::nearest(&step.label, labels.iter().map(String::as_str));
        let hint = nearest
            .first()
            .map_or("nothing can".into(), |label| format!("what can, for example, is `{label}`"));
        return Err(TraceError::new(step.line, format!("`{}` cannot happen here; {hint}", step.label)));
    };
    story.push(model, possible[at].0.clone());
    let output = story.record(story.steps.len() - 1);
    let differs = output.iter().zip(&step.output).position(|(new, old)| new != old);
    let differs =
        differs.or((output.len() != step.output.len()).then(|| output.len().min(step.output.len())));
    differs.map_or(Ok(()), |at| {
        let line = step.line + 1 + at;
        let reason = match output.get(at) {
            Some(now) => format!("here the servers now print `{now}`"),
            None => "the servers do not print this line".to_string(),
        };
        Err(TraceError::new(line, reason))
    })
}

/// How a counterexample was found, and how much there is with the rule on.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// The search that found it.
    pub broken: &'a Outcome,
    /// The search of the same world with the rule on.
    pub whole: &'a Outcome,
}

/// `391 states (2,311 in full) · 0.04 s`.
fn figures(outcome: &Outcome) -> String {
    format!("{} · {:.2} s", outcome.counted(), outcome.progress.elapsed.as_secs_f64())
}

/// The first property that breaks on the way, if it is another one, and the step that breaks it.
fn first_broken(exhibit: &Exhibit, story: &Story) -> Option<(&'static str, usize)> {
    // Judging all properties needs a world in which all are watched; the steps are the same.
    let model = RaftModel::new(Setup { focus: None, ..exhibit.setup() });
    let mut watched = Story::at(&model, model.initial());
    for (at, step) in story.steps.iter().enumerate() {
        watched.push(&model, step.action.clone())?;
        // A calm schedule is run where an exhibit is about one, not along the way.
        let mut judged = model.setup().judged().filter(|property| !property.is_of_calm());
        let broken = judged.find(|property| property.holds(&watched.last().servers()).is_err());
        if let Some(property) = broken {
            return (property.name != exhibit.property).then_some((property.name, at + 1));
        }
    }
    None
}

fn parse_facts<'a>(
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<Vec<(String, String)>, TraceError> {
    let mut facts = Vec::new();
    for (line, text) in lines {
        if text.is_empty() {
            return match facts.first() {
                Some((key, format)) if key == "format" && *format == FORMAT.to_string() => Ok(facts),
                Some((key, format)) if key == "format" => Err(TraceError::new(
                    2,
                    format!("format {format} was written by another version; this one reads {FORMAT}"),
                )),
                _ => Err(TraceError::new(2, format!("the second line is `format    {FORMAT}`"))),
            };
        }
        let (key, value) = text
            .split_at_checked(KEY_WIDTH)
            // Columns are bytes here and characters where it is printed: keys are where both are the same.
            .filter(|(key, _)| key.is_ascii() && !key.trim().is_empty() && key.ends_with(' '))
            .ok_or_else(|| {
                TraceError::new(line, format!("`{text}` is not a fact: a key, then its value in column 11"))
            })?;
        facts.push((key.trim().to_string(), value.to_string()));
    }
    Err(TraceError::new(1 + facts.len(), "the trace is cut off: no step follows its facts"))
}

/// In place of a rule: none is off.
pub const WHOLE: &str = "none";

/// The column in which values start.
const KEY_WIDTH: usize = 10;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.title)?;
        for (key, value) in &self.facts {
            writeln!(f, "{key:KEY_WIDTH$}{value}")?;
        }
        writeln!(f)?;
        for step in &self.steps {
            writeln!(f, "> {}", step.label)?;
            for line in &step.output {
                writeln!(f, "  {line}")?;
            }
        }
        writeln!(f, "{:KEY_WIDTH$}{}", "why", self.why)?;
        writeln!(f, "{:KEY_WIDTH$}{} steps", "end", self.steps.len())
    }
}

impl std::str::FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Trace, TraceError> {
        Trace::parse(text)
    }
}
