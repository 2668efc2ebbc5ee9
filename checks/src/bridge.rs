//! The bridge between the checker and the servers that run: a counterexample of the model, walked by real nodes.
//!
//! A real node is what a process drives ([`Node`](raftlab_node::node::Node)): the core, the key-value store, the
//! write-ahead log on a disk, and recovery from it. The trace decides what happens next: which message arrives, which
//! timer runs out, when a disk is done, who crashes, and what of a disk survives. A message arrives only if a real node
//! has sent it.
//!
//! Each trace is walked twice: broken as it says, and whole. Broken, the nodes have to go where the model went, step by
//! step, and the property that fell there has to fall. Whole, nothing may; the walk ends where the nodes do not do what
//! the trace needs, and that is where the rule held.
//!
//! Properties are judged by the model's own judges, of the real cores, of what the real disks would hold after a crash,
//! and of what real clients were told. The two sides differ in the bytes of commands and snapshots, and in nothing else
//! (`names.rs`).
//!
//! | file | subject |
//! |---|---|
//! | `names.rs` | what real nodes say, in the words of the model |
//! | `puppet.rs`, `act.rs` | one real server, and how the model's events happen to it |
//! | `lies.rs` | broken hosts around a real node, and those that cannot be |
//! | `walk.rs` | one walk, and what breaks on it |
//! | `tell.rs` | both walks side by side, for people |
//!
//! # What is absent
//!
//! Threads, sockets and time: no timer runs out but by the trace's word, except that a promise made to a leader ends
//! when the server's clock says so.

mod act;
pub(crate) mod lies;
mod names;
mod puppet;
mod tell;
mod walk;

use raftlab_model::{Property, Setup, Way};
use serde::Serialize;

pub use self::lies::Unwalkable;
pub use self::walk::{Broken, End, Walk, Walked};
use crate::failure::Failure;
use crate::trace::{Trace, TraceError};
use crate::verdict::exit;

/// What real nodes made of a trace.
#[derive(Debug, Serialize)]
pub struct Bridged {
    /// The rule that the trace takes away.
    pub rule: String,
    /// How: `rule` or `shim`.
    pub way: String,
    /// The property that falls.
    pub property: String,
    /// Both walks, or why there are none.
    #[serde(flatten)]
    pub came: Came,
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// It was walked.
    Walked(Walks),
    /// It cannot be.
    Unwalkable(Unwalkable),
}

/// Both walks.
#[derive(Debug, Serialize)]
pub struct Walks {
    /// With the rule off.
    pub off: Walk,
    /// With the rule on.
    pub on: Walk,
    /// Where the rule held, if anything differs on the way.
    pub held: Option<End>,
}

/// Lets real nodes walk a trace, after the model has.
///
/// # Errors
///
/// If the trace is not what it says.
pub fn bridge(trace: &Trace) -> Result<Bridged, TraceError> {
    let story = trace.replay()?;
    let setup = trace.setup()?;
    let word = |key: &str, stop: &str| {
        trace.fact(key).and_then(|fact| fact.split(stop).next()).unwrap_or_default().to_string()
    };
    let bridged = |came| Bridged {
        rule: word("rule", " "),
        way: setup.way.map_or("none".to_string(), |way| way.to_string()),
        property: word("violates", "  "),
        came,
    };
    if let Some(why) = lies::unwalkable(setup.way) {
        return Ok(bridged(Came::Unwalkable(why)));
    }
    let judged = judged(&setup);
    let walked = |way: Option<Way>| {
        let walked = walk::walk(&story, &setup, way, &judged);
        walked.map_err(|error| TraceError { line: 1, reason: error.to_string() })
    };
    let (off, on) = (walked(setup.way)?, walked(None)?);
    let held = held(&off, &on);
    Ok(bridged(Came::Walked(Walks { off, on, held })))
}

/// All that is judged in such a world, and what the trace is about.
fn judged(setup: &Setup) -> Vec<&'static Property> {
    let liveness = setup.focus.filter(|property| property.is_of_calm()).into_iter().collect();
    let whole = Setup { liveness, ..Setup::new(setup.bounds.clone()) };
    let mut judged: Vec<_> = whole.judged().collect();
    judged.extend(setup.focus.filter(|focus| whole.judged().all(|property| property.name != focus.name)));
    judged
}

/// Where two walks first part: what the whole nodes did there, and why.
fn held(off: &Walk, on: &Walk) -> Option<End> {
    let first = (0..off.steps.len().max(on.steps.len())).find(|at| {
        let did = |walk: &Walk| walk.steps.get(*at).map(|step| step.did.clone());
        did(off) != did(on)
    })?;
    let Some(step) = on.steps.get(first) else {
        return on.end.as_ref().map(|end| End { step: end.step, why: end.why.clone() });
    };
    let other = off.steps.get(first);
    let lacks = |known: &[String], line: &String| !known.contains(line);
    let because = step.because.iter().find(|line| other.is_none_or(|off| lacks(&off.because, line)));
    let did = || step.did.iter().find(|line| other.is_none_or(|off| lacks(&off.did, line)));
    let not = || other.and_then(|off| off.did.iter().find(|line| lacks(&step.did, line)));
    let why = because.or_else(did).cloned().or_else(|| not().map(|line| format!("not here: {line}")));
    // What differs then is how often it did the same.
    Some(End { step: first + 1, why: why.unwrap_or_else(|| step.did.join("; ")) })
}

impl Walk {
    /// Where this property broke, if it did.
    pub fn breaks(&self, property: &str) -> Option<&Broken> {
        self.broken.iter().find(|broken| broken.property == property)
    }
}

impl Bridged {
    /// What is wrong with it, and the exit code; nothing, if the same property fell, and none with the rule on.
    pub fn failure(&self) -> Option<Failure> {
        let failure = |exit, message| Some(Failure { exit, message });
        let Came::Walked(Walks { off, on, .. }) = &self.came else { return None };
        if let Some(End { step, why }) = &off.end {
            let message = format!(
                "step {step}, with the rule off: {why}: the real nodes do not go where the model went"
            );
            return failure(exit::DIVERGED, message);
        }
        if off.breaks(&self.property).is_none() {
            let message = format!("with the rule off, `{}` holds at the end of the real walk", self.property);
            return failure(exit::DIVERGED, message);
        }
        let Broken { property, step, why } = on.broken.first()?;
        failure(exit::VIOLATED, format!("step {step}, with the rule on: `{property}` is violated: {why}"))
    }
}
