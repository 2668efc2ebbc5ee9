//! Counterexamples that somebody wrote, or changed: what reads as one is printed and read again, the world in which it is
//! to happen is read from it, and some are walked there.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use raftlab_checks::trace::{Recorded, Trace};

use crate::{Reached, Source};

/// Longer ones are not walked: it takes too long.
const STEPS_MAX: usize = 12;

/// A file that is said to be a counterexample.
///
/// # Panics
///
/// If its parser does, or what was read is not read again.
pub fn run(input: &[u8], reached: &mut Reached) {
    let mut source = Source::new(input);
    let text = if source.byte().is_multiple_of(16) {
        String::from_utf8_lossy(source.rest()).into_owned()
    } else {
        let trace = source.one_of(traces());
        source.mutate_text(trace)
    };
    match Trace::parse(&text) {
        Ok(trace) => {
            reached.note("traces");
            let again = Trace::parse(&trace.to_string());
            assert_eq!(
                again.map(without_lines),
                Ok(without_lines(trace.clone())),
                "it is read as it is printed"
            );
            reached.note(if trace.setup().is_ok() { "traces of a world" } else { "traces of no world" });
            if trace.steps.len() <= STEPS_MAX && source.byte().is_multiple_of(4) {
                let happens = replays(&trace);
                reached.note(if happens { "traces that happen" } else { "traces that do not happen" });
            }
        }
        Err(error) => {
            reached.note(if error.line > 1 { "refused behind the first line" } else { "refused" });
            assert!(error.line <= text.lines().count().max(1), "{error}: there is no such line");
        }
    }
}

/// A core of which a rule was taken away may panic, as the model expects: nobody has to read of it.
fn replays(trace: &Trace) -> bool {
    static SILENCED: OnceLock<()> = OnceLock::new();
    SILENCED.get_or_init(raftlab_checks::console::silence_model_panics);
    trace.replay().is_ok()
}

/// Where a step stands is not part of what it says, and blanks at the end of `why` are none of it.
fn without_lines(trace: Trace) -> Trace {
    let steps = trace.steps.into_iter().map(|step| Recorded { line: 0, ..step }).collect();
    Trace { steps, ..trace }
}

fn traces() -> &'static [String] {
    static TRACES: OnceLock<Vec<String>> = OnceLock::new();
    TRACES.get_or_init(|| {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../counterexamples");
        let files = fs::read_dir(&directory).expect("the counterexamples can be listed");
        let mut paths: Vec<_> = files.filter_map(|file| file.ok().map(|file| file.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "trace"));
        paths.sort();
        paths.iter().map(|path| fs::read_to_string(path).expect("a trace can be read")).collect()
    })
}
