//! The lines of a history as JSON has them, and what they mean.

#![expect(
    clippy::option_option,
    reason = "what is not there and what is `null` are different things in a file"
)]

use serde::{Deserialize, Deserializer, Serialize};

use super::{About, Action, Operation, Outcome};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Header {
    pub schema: String,
    #[serde(flatten)]
    pub about: About,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    pub operations: u64,
}

/// An operation. The outer `None` says that a field is not there, the inner one that it is `null`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    client: u64,
    key: String,
    op: Op,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    expected: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    argument: Option<Option<String>>,
    start_us: u64,
    #[serde(deserialize_with = "Option::deserialize")]
    end_us: Option<u64>,
    outcome: Known,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    swapped: Option<bool>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    value: Option<Option<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Put,
    Get,
    Cas,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Known {
    Done,
    Failed,
    Unknown,
}

fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(field).map(Some)
}

impl Line {
    /// What it means.
    ///
    /// # Errors
    ///
    /// The field that is missing or does not belong there.
    pub fn operation(self) -> Result<Operation, String> {
        let Line { client, key, op, expected, argument, start_us, end_us, outcome, swapped, value } = self;
        let action = match (op, expected, argument) {
            (Op::Put, None, Some(Some(value))) => Action::Put(value),
            (Op::Get, None, None) => Action::Get,
            (Op::Cas, Some(expected), Some(value)) => Action::Cas { expected, value },
            (Op::Delete, None, None) => Action::Delete,
            (Op::Put, ..) => return Err("a put has an `argument`, which is text, and no `expected`".into()),
            (Op::Cas, ..) => return Err("a cas has `expected` and `argument`, each text or null".into()),
            (Op::Get | Op::Delete, ..) => {
                return Err("a get or a delete has neither `argument` nor `expected`".into());
            }
        };
        let outcome = match (outcome, op, swapped, value) {
            (Known::Failed, _, None, None) => Outcome::Failed,
            (Known::Unknown, _, None, None) => Outcome::Unknown,
            (Known::Done, Op::Put | Op::Delete, None, None) => Outcome::Done,
            (Known::Done, Op::Get, None, Some(value)) => Outcome::Read(value),
            (Known::Done, Op::Cas, Some(true), None) => Outcome::Swapped,
            (Known::Done, Op::Cas, Some(false), Some(value)) => Outcome::Unequal(value),
            (Known::Done, Op::Put | Op::Delete, ..) => {
                return Err("a put or a delete that is done has neither `value` nor `swapped`".into());
            }
            (Known::Done, Op::Get, ..) => {
                return Err("a get that is done has a `value`, text or null, and no `swapped`".into());
            }
            (Known::Done, Op::Cas, ..) => {
                return Err(
                    "a cas that is done has `swapped`; if it is false, also the `value` that was there \
                            in place of the expected one, if it is true, none"
                        .into(),
                );
            }
            (Known::Failed | Known::Unknown, ..) => {
                return Err("what is not done has neither `value` nor `swapped`".into());
            }
        };
        let operation = Operation { client, key, action, start_us, end_us, outcome };
        operation.check().map(|()| operation)
    }
}

impl From<&Operation> for Line {
    fn from(operation: &Operation) -> Line {
        let (op, expected, argument) = match operation.action.clone() {
            Action::Put(value) => (Op::Put, None, Some(Some(value))),
            Action::Get => (Op::Get, None, None),
            Action::Cas { expected, value } => (Op::Cas, Some(expected), Some(value)),
            Action::Delete => (Op::Delete, None, None),
        };
        let (outcome, swapped, value) = match operation.outcome.clone() {
            Outcome::Done => (Known::Done, None, None),
            Outcome::Read(value) => (Known::Done, None, Some(value)),
            Outcome::Swapped => (Known::Done, Some(true), None),
            Outcome::Unequal(value) => (Known::Done, Some(false), Some(value)),
            Outcome::Failed => (Known::Failed, None, None),
            Outcome::Unknown => (Known::Unknown, None, None),
        };
        let Operation { client, key, start_us, end_us, .. } = operation.clone();
        Line { client, key, op, expected, argument, start_us, end_us, outcome, swapped, value }
    }
}
