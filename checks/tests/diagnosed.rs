//! Short runs on processes over UDP, as they were scraped, and what they are diagnosed as. Unlike simulated ones their
//! disks are now and then slow for a moment, and a process whose core stands still answers its scrapes all the same.

use std::fs;
use std::path::{Path, PathBuf};

use raftlab_checks::diagnose::{Diagnosis, Outcome};

fn captured(run: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnose/udp").join(run)
}

/// The first cause that is named, and where.
fn first(diagnosis: &Diagnosis) -> (&str, &[String]) {
    assert_eq!(diagnosis.outcome, Outcome::Named, "{}", diagnosis.text());
    let first = diagnosis.named().next().expect("a cause is named");
    (first.cause.name, &first.argument.servers)
}

fn diagnosed(run: &str) -> Diagnosis {
    Diagnosis::of_directory(&captured(run)).expect("it can be read")
}

/// Is this cause not named, with a sign against it?
fn is_ruled_out(diagnosis: &Diagnosis, cause: &str) -> bool {
    !diagnosis.named().any(|own| own.cause.name == cause)
        && diagnosis.causes.iter().any(|own| own.cause.name == cause && !own.argument.contra.is_empty())
}

#[test]
fn a_leader_is_cut_off_though_disks_were_slow_for_a_moment() {
    let diagnosis = diagnosed("isolate");
    assert_eq!(first(&diagnosis), ("leader-cut-off", &["n1".to_string()][..]));
    for other in ["slow-shared-storage", "slow-disk", "stalled-disk", "leader-died", "leader-paused"] {
        assert!(is_ruled_out(&diagnosis, other), "{other}\n{}", diagnosis.text());
    }
}

#[test]
fn a_core_that_stands_still_is_no_stalled_disk() {
    let diagnosis = diagnosed("pause");
    assert_eq!(first(&diagnosis), ("leader-paused", &["n1".to_string()][..]));
    for other in ["stalled-disk", "leader-cut-off", "leader-died"] {
        assert!(is_ruled_out(&diagnosis, other), "{other}\n{}", diagnosis.text());
    }
}

#[test]
fn one_slow_disk_is_neither_shared_nor_stalled() {
    let diagnosis = diagnosed("slow");
    assert_eq!(first(&diagnosis), ("slow-disk", &["n1".to_string()][..]));
    for other in ["slow-shared-storage", "stalled-disk", "leader-cut-off", "leader-paused"] {
        assert!(is_ruled_out(&diagnosis, other), "{other}\n{}", diagnosis.text());
    }
}

#[test]
fn links_that_lose_much_cut_nobody_off() {
    let diagnosis = diagnosed("loss");
    assert_eq!(first(&diagnosis).0, "bad-links", "{}", diagnosis.text());
    for other in ["leader-cut-off", "server-cut-off", "majority-lost", "stalled-disk"] {
        assert!(is_ruled_out(&diagnosis, other), "{other}\n{}", diagnosis.text());
    }
}

#[test]
fn a_leader_whose_followers_died_is_not_cut_off() {
    let diagnosis = diagnosed("majority");
    assert_eq!(first(&diagnosis).0, "majority-lost", "{}", diagnosis.text());
    assert!(is_ruled_out(&diagnosis, "leader-cut-off"), "{}", diagnosis.text());
}

#[test]
fn what_was_done_on_purpose_is_not_read() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnosed");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("journals")).expect("a directory can be made");
    for name in ["samples.jsonl", "events.jsonl", "load.jsonl"] {
        fs::copy(captured("pause").join(name), dir.join(name)).expect("a file can be copied");
    }
    let said = |dir: &Path| {
        let text = Diagnosis::of_directory(dir).expect("it can be read").text();
        text.replace(&dir.display().to_string(), "DIR")
    };
    let before = said(&dir);
    for name in
        ["faults.jsonl", "fired.json", "declared.json", "scenario.json", "run.json", "journals/n1-1.journal"]
    {
        fs::write(dir.join(name), "no JSON: {").expect("a file can be written");
    }
    let mut events = fs::read_to_string(dir.join("events.jsonl")).expect("events");
    events += "{\"at_us\":1,\"unix_us\":1,\"server\":\"n2\",\"term\":1,\"kind\":\"fault\",\"text\":\"disk stalls\"}\n";
    fs::write(dir.join("events.jsonl"), events).expect("a file can be written");
    assert_eq!(said(&dir), before);
}

#[test]
fn a_cut_line_is_named_with_its_file() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnosed-cut");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory can be made");
    let samples = fs::read_to_string(captured("pause").join("samples.jsonl")).expect("samples");
    fs::write(dir.join("samples.jsonl"), &samples[..samples.len() - 20]).expect("a file can be written");
    let failure = Diagnosis::of_directory(&dir).expect_err("its last line is cut");
    let line = samples.lines().count();
    assert_eq!(failure.exit, 65);
    assert!(failure.message.contains(&format!("samples.jsonl:{line}: cut")), "{}", failure.message);
}
