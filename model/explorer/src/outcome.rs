//! What a search reports at its end.

use crate::distributed::Distribution;
use crate::error::Error;
use crate::path::Ways;
use crate::report::{Coverage, Discovery, PANIC, Report};
use crate::search::Search;
use crate::system::System;
use crate::worker::Worker;

impl<S: System, const W: usize> Search<'_, S, W> {
    pub fn report(self) -> Result<Report<S>, Error> {
        let mut discoveries = Vec::new();
        for (at, own) in self.machine.properties.list.iter().enumerate() {
            let path = match &self.found[at] {
                Some(found) => self.machine.path(&self.ways(), found, Some(at))?,
                None if self.initial >> at & 1 == 1 => Vec::new(),
                None => continue,
            };
            let is_violation = self.machine.properties.always >> at & 1 == 1;
            discoveries.push(Discovery { property: own.name, is_violation, path, message: None });
        }
        if let Some((found, message)) = &self.panic {
            let path = self.machine.path(&self.ways(), found, None)?;
            let message = Some(message.clone());
            discoveries.push(Discovery { property: PANIC, is_violation: true, path, message });
        }
        Ok(self.report_of(discoveries, None))
    }

    /// How it came to its states.
    pub fn ways(&self) -> Ways<'_, W> {
        Ways { records: &self.records, exact: self.exact, depth: self.depth }
    }

    /// What there is to report, with these discoveries.
    pub fn report_of(
        mut self,
        mut discoveries: Vec<Discovery<S>>,
        distribution: Option<Distribution>,
    ) -> Report<S> {
        self.peak_bytes = self.peak_bytes.max(self.bytes());
        let progress = self.progress();
        discoveries.sort_by_key(|discovery| !discovery.is_violation);
        let group = self.machine.group.len();
        let full: u64 = self.workers.iter().map(|worker| worker.tally.full).sum();
        let full_states = if group > 1 { full } else { progress.states };
        Report {
            missed_states_expected: missed(progress.states, group, self.exact),
            depth: self
                .levels
                .iter()
                .filter(|level| level.states > 0)
                .map(|level| level.depth)
                .max()
                .unwrap_or(0),
            full_states,
            symmetry: group,
            limit: self.limit,
            discoveries,
            coverage: self.coverage(),
            levels: self.levels,
            peak_bytes: self.peak_bytes,
            spilled: self.files.as_ref().map(|files| files.counts),
            progress,
            distribution,
        }
    }

    fn coverage(&self) -> Vec<Coverage> {
        let kinds = self.explorer.system.kinds().iter().enumerate();
        let sum = |of: &dyn Fn(&Worker<'_, S, W>) -> u64| self.workers.iter().map(of).sum::<u64>();
        let of = |(at, &kind): (usize, &&'static str)| {
            let taken = sum(&|worker| worker.tally.taken[at]);
            let idle = sum(&|worker| worker.tally.idle[at]);
            Coverage { kind, enabled: taken + idle, taken, first_depth: self.first_depths[at] }
        };
        kinds.map(of).collect()
    }
}

/// States that are expected to be lost among so many fingerprints: the pairs of states, over 2 to the number of bits.
/// The lowest of several fingerprints is not uniform, and collides more often. States that are compared are not lost;
/// orbits are told apart by 128 bits then.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn missed(states: u64, group: usize, exact: bool) -> f64 {
    let (states, group) = (states as f64, group as f64);
    let bits = match (exact, group > 1.0) {
        (true, false) => return 0.0,
        (true, true) => 128,
        (false, _) => 64,
    };
    states * states / 2.0 / 2f64.powi(bits) * group * group / (2.0 * group - 1.0)
}
