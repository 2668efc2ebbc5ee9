//! The scenarios that come with the program, and those that lie in files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::failure::Failure;
use crate::nearest;
use crate::scenario::Scenario;

/// Name and text of each that comes with the program.
pub const SCENARIOS: &[(&str, &str)] = &[
    ("replication", include_str!("../../scenarios/replication.scenario")),
    ("election", include_str!("../../scenarios/election.scenario")),
    ("failover", include_str!("../../scenarios/failover.scenario")),
    ("truncated", include_str!("../../scenarios/truncated.scenario")),
    ("survives", include_str!("../../scenarios/survives.scenario")),
    ("minority", include_str!("../../scenarios/minority.scenario")),
    ("membership", include_str!("../../scenarios/membership.scenario")),
    ("slow-disk", include_str!("../../scenarios/slow-disk.scenario")),
    ("slow-disk-parallel", include_str!("../../scenarios/slow-disk-parallel.scenario")),
    ("stalled-disk", include_str!("../../scenarios/stalled-disk.scenario")),
    ("flapping", include_str!("../../scenarios/flapping.scenario")),
    ("flapping-follows", include_str!("../../scenarios/flapping-follows.scenario")),
    ("flapping-fast-log", include_str!("../../scenarios/flapping-fast-log.scenario")),
    ("flapping-long-timeout", include_str!("../../scenarios/flapping-long-timeout.scenario")),
    ("snapshot", include_str!("../../scenarios/snapshot.scenario")),
    ("rejoin", include_str!("../../scenarios/rejoin.scenario")),
    ("rejoin-quiet", include_str!("../../scenarios/rejoin-quiet.scenario")),
    ("rejoin-disruptive", include_str!("../../scenarios/rejoin-disruptive.scenario")),
    ("lease", include_str!("../../scenarios/lease.scenario")),
    ("lease-pause", include_str!("../../scenarios/lease-pause.scenario")),
    ("lease-index", include_str!("../../scenarios/lease-index.scenario")),
    ("reads", include_str!("../../scenarios/reads.scenario")),
    ("bypassed", include_str!("../../scenarios/bypassed.scenario")),
    ("added", include_str!("../../scenarios/added.scenario")),
    ("demo", include_str!("../../scenarios/demo.scenario")),
];

/// The scenario of this name, or in this file.
///
/// # Errors
///
/// If there is none, or it cannot be read.
pub fn find(name: &str) -> Result<Scenario, Failure> {
    if let Some((name, text)) = SCENARIOS.iter().find(|(known, _)| *known == name) {
        return Ok(Scenario::parse(&format!("{name}.scenario"), text)?);
    }
    match fs::read_to_string(name) {
        Ok(text) => Ok(Scenario::parse(name, &text)?),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let known = SCENARIOS.iter().map(|(name, _)| *name);
            Err(Failure::data(format!(
                "{}, and no file of that name",
                nearest::unknown("scenario", name, known)
            )))
        }
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(Failure::data(format!("{name}: it is no text in UTF-8")))
        }
        Err(error) => Err(Failure::at(Path::new(name), &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_program_can_be_read() {
        for (name, _) in SCENARIOS {
            let scenario = find(name).unwrap();
            assert_eq!(scenario.name, *name);
            assert!(!scenario.about.is_empty(), "{name} says nothing of itself");
        }
        assert!(find("dmeo").unwrap_err().message.contains("did you mean `demo`"));
    }
}
