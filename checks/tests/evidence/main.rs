//! The report of a live run, read back: what it says is what was written into the run's directory.

mod files;
mod pictures;
mod runs;
mod scene;
mod verdicts;

use std::fs;
use std::path::Path;

use raftlab_checks::evidence::{self, Judged, Judgements, Linearizability, LiveVerdict, Validation};
use raftlab_checks::validate::Figures;
use raftlab_checks::verdict::Verdict;
use serde_json::Value;

/// What the other judges say of a run in which all went well.
fn judgements() -> Judgements {
    let property = |name: &str| Judged {
        name: name.into(),
        holds: Some(true),
        says: "in 41,207 states of 3 servers".into(),
    };
    Judgements {
        validation: Some(Validation {
            verdict: Verdict::Verified,
            exit: 0,
            lines: vec![
                "4 journals of 4 lives replayed: 81,402 inputs, every effect equal".into(),
                "n1  life 1  20,113 inputs  equal".into(),
                "n1  life 2  19,870 inputs  equal".into(),
                "n2  life 1  21,004 inputs  equal".into(),
                "n3  life 1  20,415 inputs  equal".into(),
            ],
            properties: vec![property("Election Safety"), property("Log Matching"), property("Leader Completeness"), Judged { name: "snapshot at its index".into(), holds: None, says: "no snapshot was taken".into() }],
            figures: Figures::default(),
        }),
        faults: None,
        linearizability: Some(Linearizability {
            verdict: Verdict::Verified,
            exit: 0,
            says: "18,310 operations on 64 keys are linearizable, found in 1.2 s".into(),
            operations: 18_310,
            writes: 9_120,
            picture: "c1  |--put k7=4 <ok>--|\nc2       |----get k7 -> 4----|\nc3            |--cas k7 4->5 & done--|".into(),
        }),
    }
}

/// Reports on a directory.
fn report(dir: &Path) -> LiveVerdict {
    evidence::write(dir, &judgements()).expect("a report can be written")
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// The reason of a name.
fn reason<'a>(verdict: &'a LiveVerdict, what: &str) -> &'a evidence::Reason {
    verdict.reasons.iter().find(|own| own.what == what).unwrap_or_else(|| panic!("nothing judged {what}"))
}
