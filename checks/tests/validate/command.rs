//! `lab validate` as a shell sees it.

use std::path::Path;
use std::process::{Command, Output};

use raftlab_core::Rule;

use crate::hand::{Hand, three};
use crate::world::{put, scratch};

fn lab(dir: &Path, args: &[&str]) -> (i32, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_lab")).arg("validate").arg(dir).args(args).output();
    let Output { status, stdout, stderr } = run.expect("lab runs");
    let text = String::from_utf8(stdout).expect("text") + &String::from_utf8(stderr).expect("text");
    (status.code().expect("it ends by itself"), text)
}

#[test]
fn a_good_run_is_verified_and_the_last_line_does_it_again() {
    let dir = scratch("command");
    let mut hand = three(&dir);
    hand.kill(3);
    hand.start(3);
    hand.stop();
    let killed = ["--killed", "n3-1"];
    let (exit, text) = lab(&dir, &killed);
    assert_eq!(exit, 0, "{text}");
    assert!(text.contains("VERDICT VERIFIED  every step is the core's"), "{text}");
    assert!(text.contains("3 servers · 4 lives"), "{text}");
    let again = format!("rerun   lab validate {} --killed n3-1\n", dir.display());
    assert!(text.ends_with(&again), "{text}");
    let (exit, text) = lab(&dir, &[&killed[..], &["-w", "json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&text).expect("one JSON document");
    assert_eq!((exit, &report["verdict"], &report["exit"]), (0, &"VERIFIED".into(), &0.into()));
    assert_eq!((&report["schema"], &report["servers"]), (&"raftlab-validate/1".into(), &3.into()));
    assert_eq!(lab(&dir, &[&killed[..], &["-w", "simple"]].concat()).1.lines().count(), 1);
    assert_eq!(lab(&dir, &[]).0, 65, "nobody said that n3 was killed");
    assert_eq!(lab(&dir, &["--killed", "n3"]).0, 2);
    let (exit, text) = lab(&dir, &["--without", "commit-own-trem"]);
    assert!(exit == 2 && text.contains("did you mean `commit-own-term`"), "{text}");
}

#[test]
fn what_is_wrong_is_said_with_the_exit_code_of_its_kind() {
    let dir = scratch("command-wrong");
    assert_eq!(lab(&dir, &[]).0, 65);
    let mut hand = Hand::new(&dir, 3, Some(Rule::MajorityCommits));
    hand.times_out(1);
    hand.talk(1, 2);
    hand.mail.clear();
    hand.ask(1, put("a", 1));
    hand.stop();
    let (exit, text) = lab(&dir, &["-w", "simple"]);
    assert!(exit == 24 && text.starts_with("DIVERGED: n1, life 1, step 4: took Persisted("), "{text}");
    let (exit, text) = lab(&dir, &["--without", "majority-commits", "-w", "json"]);
    let report: serde_json::Value = serde_json::from_str(&text).expect("one JSON document");
    assert_eq!((exit, &report["verdict"]), (12, &"VIOLATED".into()));
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["server"], &finding["life"]),
        (&"violated".into(), &1.into(), &1.into())
    );
}
