//! The definition, as plainly as it can be written down: try every order.

use raftlab_checks::history::{Action, Operation, Outcome};

/// Is there an order of these operations on one key? Takes as long as there are orders.
pub fn has_order(operations: &[Operation]) -> bool {
    let left: Vec<&Operation> = operations.iter().filter(|op| op.outcome != Outcome::Failed).collect();
    search(&left, None)
}

fn search(left: &[&Operation], value: Option<&str>) -> bool {
    if left.iter().all(|op| op.outcome == Outcome::Unknown) {
        return true;
    }
    (0..left.len()).any(|at| {
        let op = left[at];
        let comes_too_early = |other: &&Operation| other.is_done() && other.end_us < Some(op.start_us);
        if left.iter().any(comes_too_early) {
            return false;
        }
        let Some(after) = step(op, value) else { return false };
        let mut rest = left.to_vec();
        rest.remove(at);
        search(&rest, after)
    })
}

/// The value behind the operation, if it can come to what it did where `value` is.
#[expect(clippy::option_option, reason = "no way on, and no value, are two things")]
fn step<'a>(op: &'a Operation, value: Option<&'a str>) -> Option<Option<&'a str>> {
    match (&op.action, &op.outcome) {
        (_, Outcome::Failed) => None,
        (Action::Put(new), _) => Some(Some(new)),
        (Action::Delete, _) => Some(None),
        (_, Outcome::Read(read)) => (read.as_deref() == value).then_some(value),
        (Action::Get, _) => Some(value),
        (Action::Cas { expected, .. }, Outcome::Unequal(seen)) => {
            (seen.as_deref() == value && seen != expected).then_some(value)
        }
        (Action::Cas { expected, value: new }, Outcome::Swapped) => {
            (expected.as_deref() == value).then_some(new.as_deref())
        }
        // It may be executed where it does nothing.
        (Action::Cas { expected, value: new }, _) => {
            Some(if expected.as_deref() == value { new.as_deref() } else { value })
        }
    }
}
