//! Input that is missing, empty or cut.

use std::fs;
use std::path::Path;

use super::{fresh, lab};

const LINE: &str =
    "{\"at_us\":1,\"server\":\"n1\",\"reachable\":true,\"role\":\"leader\",\"term\":1,\"commit\":0}";

/// What the command says on stderr, and its exit code.
fn says(path: &Path) -> (Option<i32>, String) {
    let output = lab(&["diagnose", path.to_str().unwrap(), "--for", "1s"]);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn scrapes_have_to_be_there() {
    let dir = fresh("files");
    let samples = dir.join("samples.jsonl");
    let cases = [
        (None, "samples.jsonl: missing"),
        (Some(String::new()), "samples.jsonl: empty"),
        (Some(format!("{LINE}\n{}", &LINE[..40])), "samples.jsonl:2: cut"),
        (Some(format!("{LINE}\nnonsense\n{LINE}\n")), "samples.jsonl:2: "),
        (
            Some(format!("{LINE}\n{{\"at_us\":2,\"server\":\"n1\",\"reachable\":true}}\n")),
            "samples.jsonl:2: a server that",
        ),
    ];
    for (text, expected) in cases {
        let _ = fs::remove_file(&samples);
        if let Some(text) = &text {
            fs::write(&samples, text).unwrap();
        }
        let (exit, said) = says(&dir);
        assert_eq!(exit, Some(65), "{text:?}: {said}");
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn what_is_there_beside_has_to_be_whole() {
    let dir = fresh("beside");
    fs::write(dir.join("samples.jsonl"), format!("{LINE}\n")).unwrap();
    assert_ne!(says(&dir).0, Some(65), "events and load may be missing");
    for (name, text, expected) in [
        ("events.jsonl", "{\"at_us\":1}\n", "events.jsonl:1: "),
        ("load.jsonl", "{\"at_us\":1,\"done\":1,\"failed\":0,\"unknown\":0}\n{\"at", "load.jsonl:2: cut"),
    ] {
        fs::write(dir.join(name), text).unwrap();
        let (exit, said) = says(&dir);
        assert_eq!(exit, Some(65), "{said}");
        assert!(said.contains(expected), "{said}");
        fs::remove_file(dir.join(name)).unwrap();
    }
}

#[test]
fn a_page_of_metrics_alone_is_read_too() {
    let dir = fresh("page");
    let page = dir.join("n1.prom");
    for (text, expected) in
        [("", "n1.prom: empty"), ("raftlab_term 1\n", "n1.prom:1: cut"), ("up 1\n# EOF\n", "raftlab_role")]
    {
        fs::write(&page, text).unwrap();
        let (exit, said) = says(&page);
        assert_eq!(exit, Some(65), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn what_is_nothing_at_all_is_said() {
    let (exit, said) = says(Path::new("no/such/thing"));
    assert_eq!(exit, Some(65), "{said}");
    assert!(said.contains("no/such/thing"), "{said}");
    let (exit, said) = says(Path::new("127.0.0.1:1"));
    assert_eq!(exit, Some(69), "{said}");
    assert!(said.contains("127.0.0.1:1"), "{said}");
}
