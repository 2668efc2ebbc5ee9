//! The scenarios that come with the program, and those that lie in files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::failure::Failure;
use crate::nearest;
use crate::scenario::Scenario;

/// Name and text of each that comes with the program.
pub const SCENARIOS: &[(&str, &str)] = &[("demo", include_str!("../../scenarios/demo.scenario"))];

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
            Err(Failure::data(format!("{}, and no file of that name", nearest::unknown("scenario", name, known))))
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
        assert!(find("dmeo").unwrap_err().message.contains("did you mean `demo`?"));
    }
}
