//! A run that breaks something, made as small as it gets: fewer things go wrong in it, and it ends sooner.

use raftlab_model::Way;

use super::judge::{Broken, run};
use super::plan::Plan;

/// How many runs are tried at most.
const TRIES: usize = 300;

/// A smaller run in which the same property falls, and what it shows.
pub fn shrink(plan: Plan, broken: Broken, without: Option<Way>) -> (Plan, Broken) {
    let mut shrinking = Shrinking { plan, broken, without, tries: 0 };
    shrinking.end_sooner();
    shrinking.leave_out();
    shrinking.end_sooner();
    (shrinking.plan, shrinking.broken)
}

struct Shrinking {
    plan: Plan,
    broken: Broken,
    without: Option<Way>,
    tries: usize,
}

impl Shrinking {
    /// Takes it in place of the one that there is, if the same property falls in it.
    fn takes(&mut self, smaller: Plan) -> bool {
        if self.tries >= TRIES {
            return false;
        }
        self.tries += 1;
        match run(&smaller, self.without).1 {
            Some(broken) if broken.property == self.broken.property => {
                (self.plan, self.broken) = (smaller, broken);
                true
            }
            _ => false,
        }
    }

    /// Half of the time is enough, or three quarters, or all but the last tenth.
    fn end_sooner(&mut self) {
        for (numerator, denominator) in [(1, 2), (3, 4), (9, 10)] {
            loop {
                let lasts_us = self.plan.lasts_us * numerator / denominator;
                let acts = self.plan.acts.iter().filter(|(at, _)| *at < lasts_us).cloned().collect();
                if lasts_us < 100_000 || !self.takes(Plan { lasts_us, acts, ..self.plan.clone() }) {
                    break;
                }
            }
        }
    }

    /// Leaves out what is not needed: first many at once, then one by one.
    fn leave_out(&mut self) {
        let mut size = self.plan.acts.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at < self.plan.acts.len() {
                let end = (at + size).min(self.plan.acts.len());
                let mut acts = self.plan.acts.clone();
                acts.drain(at..end);
                if !self.takes(Plan { acts, ..self.plan.clone() }) {
                    at = end;
                }
            }
            size /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::draw::draw;
    use raftlab_core::Rule;

    use super::*;

    #[test]
    fn what_is_left_is_smaller_and_breaks_the_same() {
        let rule = Some(Way::Rule(Rule::CommitOwnTerm));
        let broken = |seed| {
            Some((draw(seed, Duration::from_secs(20)), run(&draw(seed, Duration::from_secs(20)), rule).1?))
        };
        let (plan, broken) = (1..50).find_map(broken).expect("the rule is found out");
        let (size, property) = (plan.acts.len(), broken.property.clone());
        let (smaller, still) = shrink(plan, broken, rule);
        assert!(smaller.acts.len() < size.max(1), "{} of {size} are left", smaller.acts.len());
        assert_eq!(still.property, property);
        assert_eq!(run(&smaller, rule).1, Some(still), "and it is the same each time");
        assert_eq!(run(&smaller, None).1, None, "the rule is what it takes");
    }
}
