//! Clocks by which timers run, beside the clock of whoever scrapes.

use super::series::{Series, Span};

/// A clock that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// Whose.
    pub server: String,
    /// When.
    pub span: Span,
    /// How fast it ran beside time, on the mean.
    pub rate: f64,
    /// How far it was from where it should have been in the end, in milliseconds: the more, the further ahead.
    pub off_ms: i64,
    /// Was it at once, between two scrapes?
    pub is_jump: bool,
}

/// A clock may be read as much later than its page was asked for, in milliseconds.
const BLUR_MS: i64 = 300;

/// When this server's clock was wrong.
pub fn wrong(own: &Series) -> Vec<Wrong> {
    let mut found: Vec<Wrong> = Vec::new();
    for (one, next) in own.pairs() {
        let (Some(before), Some(after)) = (one.timers_ms, next.timers_ms) else { continue };
        let span = Span { from_us: one.at_us, until_us: next.at_us };
        // The server's own time since its start is not blurred by how long the answer took.
        let truth = match (one.uptime_ms, next.uptime_ms) {
            (Some(one), Some(next)) => next.saturating_sub(one),
            _ => span.us() / 1000,
        };
        let off_ms = signed(after) - signed(before) - signed(truth);
        let is_jump = off_ms.abs() > BLUR_MS.max(signed(truth) / 2);
        if off_ms.abs() * 50 < signed(truth) || off_ms.abs() < 5 {
            continue;
        }
        match found.last_mut() {
            Some(known) if !is_jump && !known.is_jump && known.span.until_us == span.from_us => {
                known.span.until_us = span.until_us;
                known.off_ms += off_ms;
            }
            _ => found.push(Wrong { server: own.server.clone(), span, rate: 1.0, off_ms, is_jump }),
        }
    }
    for wrong in &mut found {
        let real = super::float(wrong.span.us() / 1000).max(1.0);
        wrong.rate = 1.0 + sign(wrong.off_ms) * super::float(wrong.off_ms.unsigned_abs()) / real;
    }
    found.retain(|wrong| wrong.off_ms.abs() > BLUR_MS);
    found
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// -1 for what is below 0.
fn sign(of: i64) -> f64 {
    if of < 0 { -1.0 } else { 1.0 }
}
