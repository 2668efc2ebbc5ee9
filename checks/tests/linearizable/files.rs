//! Histories as files: what is written is read, and what is wrong is said with its line.

use raftlab_checks::history::{About, Action, History, HistoryError, Operation, Outcome, Writer};

use crate::generate::{Mix, Run};

const HEADER: &str = r#"{"schema":"raftlab-history/1","seed":7}"#;
const PUT: &str =
    r#"{"client":1,"key":"k","op":"put","argument":"a","start_us":10,"end_us":25,"outcome":"done"}"#;

fn read(lines: &[&str]) -> Result<History, HistoryError> {
    History::read(lines.join("\n").as_bytes()).map(|(_, history)| history)
}

fn says(lines: &[&str]) -> String {
    read(lines).unwrap_err().to_string()
}

/// What is wrong with an operation that is written so.
fn wrong(operation: &str) -> String {
    says(&[HEADER, operation, r#"{"operations":1}"#])
}

fn written(history: &History) -> String {
    let about = About::from([("seed".into(), 7.into())]);
    let mut writer = Writer::new(Vec::new(), &about).unwrap();
    history.operations().iter().for_each(|operation| writer.record(operation).unwrap());
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let history = Run::new(3, Mix::all(8, 4)).history(2000);
    let text = written(&history);
    let (about, again) = History::read(text.as_bytes()).unwrap();
    assert_eq!(again, history);
    assert_eq!(about, About::from([("seed".into(), 7.into())]));
    let seen = |outcome: fn(&Outcome) -> bool| history.operations().iter().any(|op| outcome(&op.outcome));
    assert!(seen(|outcome| matches!(outcome, Outcome::Unequal(None))));
    assert!(seen(|outcome| *outcome == Outcome::Swapped) && seen(|outcome| *outcome == Outcome::Failed));
    assert!(seen(|outcome| *outcome == Outcome::Unknown) && seen(|outcome| *outcome == Outcome::Read(None)));
}

#[test]
fn the_example_of_the_documentation_is_a_history() {
    let source = include_str!("../../src/history.rs");
    let lines =
        source.lines().filter_map(|line| line.strip_prefix("//! ").filter(|line| line.starts_with('{')));
    let text = lines.flat_map(|line| [line, "\n"]).collect::<String>();
    let (_, history) = History::read(text.as_bytes()).unwrap();
    assert_eq!(history.operations().len(), 5);
    assert_eq!(written(&history), text);
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let history = Run::new(5, Mix::all(2, 1)).history(20);
    let text = written(&history);
    let whole = text.trim_end().len();
    for end in 0..whole {
        let cut = History::read(&text.as_bytes()[..end]);
        assert!(cut.is_err(), "cut at byte {end}");
    }
    assert!(History::read(&text.as_bytes()[..whole]).is_ok());
}

#[test]
fn an_empty_history_is_refused() {
    assert_eq!(says(&[""]), r#"line 1: a history begins with {"schema":"raftlab-history/1"}"#);
    let empty = "there is no operation in it: a history that is empty shows nothing";
    assert_eq!(says(&[HEADER, r#"{"operations":0}"#]), empty);
    assert!(matches!(History::new(Vec::new()), Err(HistoryError::Empty)));
    let unknown = PUT.replace("done", "unknown");
    let nothing = "of its 1 operations none is done: such a history shows nothing";
    assert_eq!(says(&[HEADER, &unknown, r#"{"operations":1}"#]), nothing);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let other = says(&[r#"{"schema":"raftlab-history/2"}"#]);
    assert_eq!(other, "line 1: `raftlab-history/2` is another format: this program reads raftlab-history/1");
    let cut = "the history is cut off: its last line is to say how many operations there are";
    assert_eq!(says(&[HEADER, PUT]), format!("line 2: {cut}"));
    let missing = says(&[HEADER, PUT, r#"{"operations":2}"#]);
    assert_eq!(missing, "line 3: there are to be 2 operations above, and there are 1");
    let more = says(&[HEADER, PUT, r#"{"operations":1}"#, "", PUT]);
    assert_eq!(more, "line 5: nothing stands after the number of operations");
    let half = says(&[HEADER, &PUT[..40]]);
    assert!(half.starts_with("line 2: the line is cut off: EOF while parsing"), "{half}");
    let binary = History::read(&[HEADER.as_bytes(), b"\n\xff\xfe\n"].concat()[..]).unwrap_err();
    assert_eq!(binary.to_string(), "line 2: it is no text in UTF-8");
}

#[test]
fn an_operation_that_cannot_be_is_refused() {
    assert_eq!(wrong(&PUT.replace("25", "9")), "line 2: it ends at 9 µs, before it starts at 10 µs");
    assert_eq!(
        wrong(&PUT.replace("25", "null")),
        "line 2: what is done has an `end_us`: when its answer was there"
    );
    assert!(wrong(&PUT.replace(r#","end_us":25"#, "")).contains("missing field `end_us`"));
    assert!(wrong(&PUT.replace("done", "perhaps")).contains("unknown variant `perhaps`"));
    assert!(wrong(&PUT.replace("put", "get")).contains("neither `argument` nor `expected`"));
    assert!(wrong(&PUT.replace("put", "cas")).contains("`expected` and `argument`"));
    assert!(wrong(&PUT.replace(r#""a""#, "null")).contains("a put has an `argument`"));
    let with = |fields: &str| wrong(&PUT.replace(r#""outcome""#, &format!("{fields},\"outcome\"")));
    assert!(with(r#""value":"a""#).contains("neither `value` nor `swapped`"));
    assert!(with(r#""colour":"a""#).contains("unknown field `colour`"));
    let get = r#"{"client":1,"key":"k","op":"get","start_us":1,"end_us":2,"outcome":"done"}"#;
    assert!(wrong(get).contains("a get that is done has a `value`"));
    let cas = r#"{"client":1,"key":"k","op":"cas","expected":null,"argument":"b","start_us":1,"end_us":2,"outcome":"done","swapped":false}"#;
    assert!(wrong(cas).contains("the `value` that was there"));
    let operation = Operation {
        client: 1,
        key: "k".into(),
        action: Action::Get,
        start_us: 1,
        end_us: Some(2),
        outcome: Outcome::Swapped,
    };
    let error = History::new(vec![operation]).unwrap_err().to_string();
    assert_eq!(error, "line 1: a get cannot have the outcome Swapped");
}
