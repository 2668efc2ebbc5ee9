//! What a random run came to.

use raftlab_model::Way;

use super::go::{ComesBack, Outcome, go};
use super::plan::Plan;
use super::trial::Fallen;
use crate::history::{History, HistoryError};
use crate::linearizable::{self, Limits, Verdict as Order};
use crate::validate::{self, Options};
use crate::verdict::exit;

/// What was wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The property that fell.
    pub property: String,
    /// What was seen.
    pub why: String,
    /// The exit code.
    pub exit: u8,
}

/// Runs it, and judges it: nothing, if all holds.
pub fn run(plan: &Plan, without: Option<Way>) -> (Outcome, Option<Broken>) {
    let mut outcome = go(plan, without, true);
    let broken = judge(&mut outcome, without);
    (outcome, broken)
}

fn judge(outcome: &mut Outcome, without: Option<Way>) -> Option<Broken> {
    let lives = std::mem::take(&mut outcome.lives);
    let options = match without {
        Some(Way::Rule(rule)) => Options { without: Some(rule), ..Options::default() },
        Some(Way::Shim(_)) => Options { has_lying_hosts: true, ..Options::default() },
        None => Options::default(),
    };
    let report = validate::replay(lives, &options);
    if let Some(finding) = report.findings.first() {
        let property = finding.property.map_or("replay", |property| property).to_string();
        return Some(Broken { property, why: finding.to_string(), exit: report.exit });
    }
    if let Some(why) = &outcome.panicked {
        return Some(Broken { property: "no panic".into(), why: why.clone(), exit: exit::VIOLATED });
    }
    if let Some(broken) = order(outcome) {
        return Some(broken);
    }
    match &outcome.came_back {
        ComesBack::Stuck(why) => {
            Some(Broken { property: "liveness".into(), why: why.clone(), exit: exit::NOT_LIVE })
        }
        ComesBack::Falls(Fallen { property, why }) => {
            let (property, why) = ((*property).to_string(), why.clone());
            Some(Broken { property, why, exit: exit::NOT_LIVE })
        }
        ComesBack::Does | ComesBack::Cannot => None,
    }
}

/// Are clients told what can be true?
fn order(outcome: &mut Outcome) -> Option<Broken> {
    let broken = |why: String, exit| Some(Broken { property: "linearizability".into(), why, exit });
    let history = match History::new(std::mem::take(&mut outcome.operations)) {
        Ok(history) => history,
        // Nobody was told anything: whether that may be is for the liveness phase to say.
        Err(HistoryError::Empty | HistoryError::NothingDone(_)) => return None,
        Err(error) => return broken(error.to_string(), exit::INTERNAL),
    };
    match linearizable::judge(&history, Limits::default()) {
        Order::Linearizable => None,
        Order::NotLinearizable { key, evidence } => broken(
            format!("what was said of key {key:?} cannot all be true\n{evidence}"),
            exit::NOT_LINEARIZABLE,
        ),
        Order::Undecided { key, why } => Some(Broken {
            property: "linearizability, undecided".into(),
            why: format!("key {key:?}: {why}"),
            exit: exit::UNDECIDED,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::draw::draw;
    use super::*;
    use crate::history::{Action, Operation, Outcome as Told};

    fn outcome(operations: Vec<Operation>) -> Outcome {
        Outcome {
            operations_count: operations.len() as u64,
            operations,
            lives: BTreeMap::new(),
            print: 0,
            events: 0,
            passed_us: 0,
            struck: BTreeMap::new(),
            panicked: None,
            came_back: ComesBack::Does,
            tried: None,
        }
    }

    fn operation(action: Action, times: (u64, u64), told: Told) -> Operation {
        Operation::new(1, "x".into(), action, times, told)
    }

    /// Replayed cores do in order what the state machine is owed (seed 73), and a leader that commits its own removal commits
    /// it as a leader (448): without either, these runs are called bad, and they are good.
    #[test]
    fn runs_that_a_judge_may_take_for_bad_are_good() {
        for seed in [73, 448] {
            assert_eq!(run(&draw(seed, Duration::from_secs(20)), None).1, None, "seed {seed}");
        }
    }

    #[test]
    fn clients_that_are_told_what_cannot_be_true_break_a_run() {
        let put = || operation(Action::Put("1".into()), (0, 1), Told::Done);
        let read =
            |value: Option<&str>| operation(Action::Get, (2, 3), Told::Read(value.map(str::to_string)));
        assert_eq!(order(&mut outcome(vec![put(), read(Some("1"))])), None);
        let broken = order(&mut outcome(vec![put(), read(None)])).unwrap();
        assert_eq!((broken.property.as_str(), broken.exit), ("linearizability", exit::NOT_LINEARIZABLE));
        assert_eq!(order(&mut outcome(Vec::new())), None, "whether that may be is for liveness to say");
    }
}
