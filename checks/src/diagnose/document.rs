//! A diagnosis as one JSON document.

use serde::Serialize;

use super::argument::{Argued, Confidence, Sign};
use super::symptoms::Symptom;
use super::{Diagnosis, Outcome, float, text};
use crate::failure::Failure;

/// The name and version of the document.
pub const SCHEMA: &str = "raftlab-diagnosis/1";

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    outcome: &'static str,
    exit: u8,
    conclusion: String,
    seconds: f64,
    read: &'a [String],
    symptoms: &'a [Symptom],
    harm: &'a [String],
    notes: &'a [String],
    causes: Vec<CauseDocument<'a>>,
    ruled_out: Vec<RuledOut<'a>>,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CauseDocument<'a> {
    cause: &'a str,
    title: &'a str,
    servers: &'a [String],
    confidence: Confidence,
    score: i32,
    #[serde(rename = "for")]
    pro: &'a [Sign],
    against: &'a [Sign],
    next: &'a [&'a str],
    scenario: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct RuledOut<'a> {
    cause: &'a str,
    score: i32,
    why: String,
}

/// Writes it.
pub fn draw(diagnosis: &Diagnosis) -> Result<String, Failure> {
    let is_wrong = diagnosis.outcome != Outcome::Healthy;
    let is_open = |own: &&Argued| is_wrong && own.argument.confidence() > Confidence::RuledOut;
    let missing = if diagnosis.outcome == Outcome::Undecided {
        text::helps(diagnosis)
    } else {
        diagnosis.missing.clone()
    };
    let document = Document {
        schema: SCHEMA,
        outcome: match diagnosis.outcome {
            Outcome::Healthy => "healthy",
            Outcome::Named => "named",
            Outcome::Undecided => "undecided",
        },
        exit: diagnosis.exit(),
        conclusion: text::conclusion(diagnosis),
        seconds: float(diagnosis.watched_us) / 1e6,
        read: &diagnosis.read,
        symptoms: &diagnosis.symptoms,
        harm: &diagnosis.harm,
        notes: &diagnosis.notes,
        causes: diagnosis.causes.iter().filter(is_open).map(cause).collect(),
        ruled_out: diagnosis.causes.iter().filter(|own| !is_open(own)).map(ruled_out).collect(),
        missing,
    };
    let json =
        serde_json::to_string_pretty(&document).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(json + "\n")
}

fn cause(own: &Argued) -> CauseDocument<'_> {
    let Argued { cause, argument } = own;
    CauseDocument {
        cause: cause.name,
        title: cause.title,
        servers: &argument.servers,
        confidence: argument.confidence(),
        score: argument.score(),
        pro: &argument.pro,
        against: &argument.contra,
        next: cause.next,
        scenario: cause.scenario,
    }
}

fn ruled_out(own: &Argued) -> RuledOut<'_> {
    RuledOut { cause: own.cause.name, score: own.argument.score(), why: text::why_not(own) }
}
