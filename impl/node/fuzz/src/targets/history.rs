//! Histories of clients that somebody wrote, or changed: what reads as one is written and read again, and judged.

use std::time::Duration;

use raftlab_checks::history::{About, History, Writer};
use raftlab_checks::linearizable::{Limits, Verdict, judge};

use crate::{Reached, Source};

const VALID: &str = r#"{"schema":"raftlab-history/1","seed":7}
{"client":1,"key":"k","op":"put","argument":"a","start_us":10,"end_us":25,"outcome":"done"}
{"client":2,"key":"k","op":"get","start_us":12,"end_us":20,"outcome":"done","value":"a"}
{"client":2,"key":"k","op":"cas","expected":"a","argument":null,"start_us":31,"end_us":40,"outcome":"done","swapped":true}
{"client":1,"key":"k","op":"cas","expected":"a","argument":"b","start_us":41,"end_us":52,"outcome":"done","swapped":false,"value":null}
{"client":3,"key":"l","op":"put","argument":"b","start_us":60,"end_us":61,"outcome":"failed"}
{"client":1,"key":"k","op":"delete","start_us":60,"end_us":null,"outcome":"unknown"}
{"operations":6}
"#;

/// A file that is said to be a history.
///
/// # Panics
///
/// If its parser or its judge does, or what was read is not read again.
pub fn run(input: &[u8], reached: &mut Reached) {
    let mut source = Source::new(input);
    let text = match source.byte() % 16 {
        0 => source.rest().to_vec(),
        1..=7 => replaced(&mut source).into_bytes(),
        _ => {
            let mut bytes = VALID.as_bytes().to_vec();
            source.mutate(&mut bytes);
            bytes
        }
    };
    match History::read(&text[..]) {
        Ok((about, history)) => {
            reached.note("histories");
            let again = History::read(&written(&about, &history)[..]);
            assert_eq!(again.expect("what is written is read").1, history);
            let limits = Limits { time_max: Duration::from_secs(60), states_max: 10_000 };
            reached.note(match judge(&history, limits) {
                Verdict::Linearizable => "linearizable",
                Verdict::NotLinearizable { .. } => "not linearizable",
                Verdict::Undecided { .. } => "undecided",
            });
        }
        Err(error) => {
            let is_first = error.to_string().starts_with("line 1:");
            reached.note(if is_first { "refused" } else { "refused behind the first line" });
        }
    }
}

/// Values and numbers in the place of others, lines in another order: much of that is a history.
fn replaced(source: &mut Source) -> String {
    let mut text = VALID.to_string();
    for _ in 0..=source.below(4) {
        let (from, to) = (source.below(70), source.below(70));
        text = match source.byte() % 4 {
            0 => text.replace(&format!(":{from},"), &format!(":{to},")),
            1 => text.replacen("\"a\"", "\"b\"", 1 + from % 3),
            2 => text.replacen("done", "unknown", from % 2),
            _ => text.replacen("\"a\"", "null", from % 2),
        };
    }
    text
}

fn written(about: &About, history: &History) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), about).expect("memory can be written");
    for operation in history.operations() {
        writer.record(operation).expect("memory can be written");
    }
    writer.finish().expect("memory can be written")
}
