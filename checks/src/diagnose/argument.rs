//! What speaks for a cause and against it, how much each weighs, and what comes of that.

use serde::Serialize;

use super::causes::Cause;
use super::facts::Facts;

/// The cause itself was seen, or it was seen that it cannot be.
pub const DECISIVE: i32 = 8;
/// It hardly comes without the cause, or hardly with it.
pub const STRONG: i32 = 4;
/// It goes with the cause, and with others.
pub const WEAK: i32 = 1;

/// From here on a cause is named.
pub const NAMED: i32 = 8;
/// From here on it is worth a look.
const POSSIBLE: i32 = 4;
/// From here on there is little doubt.
const CERTAIN: i32 = 12;

/// Something that was seen, and how much it weighs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sign {
    /// [`DECISIVE`], [`STRONG`] or [`WEAK`].
    pub weight: i32,
    /// What was seen: numbers, server, time.
    pub says: String,
}

/// What speaks for a cause, and against it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Argument {
    /// Where it is.
    pub servers: Vec<String>,
    /// For it.
    pub pro: Vec<Sign>,
    /// Against it.
    pub contra: Vec<Sign>,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// What was seen speaks against it, or nothing for it.
    RuledOut,
    /// Something speaks for it, and not enough to name it.
    Possible,
    /// Enough to name it.
    Likely,
    /// More than one thing that would be enough.
    AlmostCertain,
}

/// A cause, argued.
#[derive(Debug)]
pub struct Argued {
    /// Which.
    pub cause: &'static Cause,
    /// How.
    pub argument: Argument,
}

impl Argument {
    /// Something speaks for it.
    pub fn pro(&mut self, weight: i32, says: impl Into<String>) {
        self.pro.push(Sign { weight, says: says.into() });
    }

    /// Something speaks against it.
    pub fn contra(&mut self, weight: i32, says: impl Into<String>) {
        self.contra.push(Sign { weight, says: says.into() });
    }

    /// It is there.
    pub fn at(&mut self, server: &str) {
        if !self.servers.iter().any(|known| known == server) {
            self.servers.push(server.to_string());
        }
    }

    /// What speaks for it less what speaks against it.
    pub fn score(&self) -> i32 {
        let sum = |signs: &[Sign]| -> i32 { signs.iter().map(|sign| sign.weight).sum() };
        sum(&self.pro) - sum(&self.contra)
    }

    /// The same in a word.
    pub fn confidence(&self) -> Confidence {
        match self.score() {
            CERTAIN.. => Confidence::AlmostCertain,
            NAMED.. => Confidence::Likely,
            POSSIBLE.. => Confidence::Possible,
            _ => Confidence::RuledOut,
        }
    }
}

impl Confidence {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Confidence::RuledOut => "ruled out",
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::AlmostCertain => "almost certain",
        }
    }
}

/// All causes, those first for which most speaks. Causes for which equally much speaks stand in the order of their list.
pub fn argue(facts: &Facts, causes: &'static [Cause]) -> Vec<Argued> {
    let mut argued: Vec<Argued> =
        causes.iter().map(|cause| Argued { cause, argument: (cause.argue)(facts) }).collect();
    argued.sort_by_key(|own| std::cmp::Reverse(own.argument.score()));
    argued
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_against_a_cause_takes_away_from_it() {
        let mut argument = Argument::default();
        assert_eq!(argument.confidence(), Confidence::RuledOut);
        argument.pro(STRONG, "a");
        assert_eq!(argument.confidence(), Confidence::Possible);
        argument.pro(STRONG, "b");
        assert_eq!((argument.score(), argument.confidence()), (NAMED, Confidence::Likely));
        argument.pro(STRONG, "c");
        assert_eq!(argument.confidence(), Confidence::AlmostCertain);
        argument.contra(WEAK, "d");
        assert_eq!((argument.score(), argument.confidence()), (11, Confidence::Likely));
        argument.contra(DECISIVE, "e");
        assert_eq!(argument.confidence(), Confidence::RuledOut);
    }
}
