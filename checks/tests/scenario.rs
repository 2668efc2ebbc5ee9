//! The text of scenarios: what is read, and what those who mistype are told.

use raftlab_checks::scenario::{Command, Scenario, VERBS};

/// What is printed for a scenario that cannot be read.
fn refused(text: &str) -> String {
    Scenario::parse("bad.scenario", text).expect_err("a scenario that is refused").to_string()
}

fn read(line: &str) -> Command {
    Command::parse_line(line).expect("a line that reads").expect("a command")
}

/// Lines as they are written out, which is how they have to be read again.
const CANONICAL: &[&str] = &[
    "up 3",
    "up 5 --election-timeout 300ms --heartbeat-interval 30ms",
    "load 8 clients reads 1:1 keys 16",
    "load 1 clients for 10s reads 9:1 keys 4 rate 200",
    "stop-load",
    "wait 1500ms",
    "kill leader",
    "stop n3",
    "start n1",
    "start all",
    "pause follower 800ms",
    "partition n1 | n2,n3",
    "partition leader,n2 | n3 one-way",
    "isolate leader",
    "link n1 n2 drop 0.1 duplicate 0.01 delay 5ms jitter 2ms",
    "link n1 leader delay 250us one-way",
    "slow-disk n1 200ms",
    "stall-disk n1",
    "skew n2 110%",
    "skew n2 99.5%",
    "jump n3 +5s",
    "jump n3 -1500ms",
    "move-log n1",
    "move-log n1 /tmp/elsewhere",
    "heal",
    "add n4",
    "remove n4",
    "remove leader",
    "grow 5",
    "move-leader n2",
    "measure log reads 10:1 clients 16 keys 64 for 1s",
    "measure lease reads 1:0 clients 1 keys 4 for 250ms",
    "restart all",
    "restart all --read-mode lease --max-clock-drift 10%",
    "expect leader within 4s",
    "expect leader n2 within 4s",
    "expect no leader within 3s",
    "expect all agree within 10s",
    "expect 5 voters within 10s",
    "expect progress within 500ms",
    "expect n1 down within 2s",
    "slow-disk n1 200ms jitter 2s",
    "rot-disk n1",
    "edit-cluster n3 n1,n2,n3,n4",
    "propose-add n4",
    "propose-add n4 as first",
    "put x 1",
    "put x 1 to leader as first",
    "get x to n1 as stale",
    "expect first done within 2s",
    "expect first failed within 2s",
    "expect first unknown within 2s",
    "expect first reads old within 2s",
    "expect first reads nothing within 2s",
    "expect x = 1 within 2s",
    "expect x = nothing on n1 within 2s",
    "expect n1 truncated within 5s",
    "expect n1 installed within 5s",
    "expect steady within 5s",
    "expect 3 leaders within 20s",
    "expect two at once within 5s",
    "violates linearizability",
    "violates safety",
    "down",
];

#[test]
fn a_command_that_is_written_is_read_again() {
    for line in CANONICAL {
        assert_eq!(read(line).to_string(), *line);
    }
}

#[test]
fn every_verb_is_read_and_none_is_taken_for_another() {
    for verb in VERBS {
        let mut lines = CANONICAL.iter().filter(|line| line.split(' ').next() == Some(verb.name)).peekable();
        assert!(lines.peek().is_some(), "no line with {}", verb.name);
        lines.for_each(|line| assert!(read(line).to_string().starts_with(verb.name), "{line}"));
    }
}

#[test]
fn a_command_crosses_a_socket_unchanged() {
    for line in CANONICAL {
        let command = read(line);
        let json = serde_json::to_string(&command).expect("data");
        assert_eq!(serde_json::from_str::<Command>(&json).expect("the same data"), command, "{json}");
    }
}

#[test]
fn people_write_spaces_flags_and_comments_as_they_like() {
    let same = [
        ("  kill   leader  # who leads", "kill leader"),
        ("partition n1|n2 n3", "partition n1 | n2,n3"),
        ("partition n1 / n2,n3 --one-way", "partition n1 | n2,n3 one-way"),
        ("link n1 n2 --drop 10% --delay 5ms", "link n1 n2 drop 0.1 delay 5ms"),
        ("load 1 client", "load 1 clients reads 1:1 keys 16"),
        ("measure log for 1s reads 1:1", "measure log reads 1:1 clients 16 keys 64 for 1s"),
        ("wait 2m", "wait 120s"),
        ("jump n1 5s", "jump n1 +5s"),
    ];
    for (written, canonical) in same {
        assert_eq!(read(written).to_string(), canonical, "{written}");
    }
    assert_eq!(Command::parse_line("   # nothing but words"), Ok(None));
    assert_eq!(Command::parse_line(""), Ok(None));
}

#[test]
fn a_scenario_has_a_name_words_about_it_and_numbered_lines() {
    let text = "# Two lines\n# about it\n\nup 3\n\nkill leader\n";
    let scenario = Scenario::parse("some/where/short.scenario", text).expect("it reads");
    assert_eq!((scenario.name.as_str(), scenario.about.as_str()), ("short", "Two lines\nabout it"));
    assert_eq!(scenario.steps.iter().map(|step| step.line).collect::<Vec<_>>(), [4, 6]);
}

/// A line, and what is said of it when it stands behind `up 3`.
const MISTAKES: &[(&str, &str)] = &[
    ("kil leader", "2:1: `kil` is not a command; did you mean `kill`, `isolate`, `violates`?"),
    ("  wiat 3s", "2:3: `wiat` is not a command; did you mean `wait`, `isolate`, `violates`?"),
    ("xyzzy", "2:1: `xyzzy` is not a command: there are up, load,"),
    ("kill", "2:5: the line ends where a server: n1, leader or follower, has to stand: `kill SERVER`"),
    ("kill leadr", "2:6: `leadr` is not a server; did you mean `leader`?"),
    (
        "kill 1",
        "2:6: `1` is no name of a server: they are called n1, n2 and on; `leader` and `follower` stand for",
    ),
    ("kill n7", "2:1: `n7` is not a server of this cluster; did you mean `n1`, `n2`, `n3`?"),
    ("kill n1 n2", "2:9: `n2` is more than belongs here: `kill SERVER`"),
    ("start leader", "2:7: `leader` is no name of a server"),
    ("wait 3", "2:6: `3` is not a length of time such as 500ms, 1.5s or 2m: `wait 3s`"),
    ("wait 3d", "2:6: `3d` is not a length of time"),
    ("wait -3s", "2:6: `-3s` is not a length of time"),
    ("wait 90h", "2:6: `90h` is not a length of time"),
    ("wait", "2:5: the line ends where a length of time, such as 500ms, has to stand: `wait 3s`"),
    ("pause n1 # long", "2:9: the line ends where a length of time"),
    (
        "partition n1 n2",
        "2:16: the line ends where `|` and the other side has to stand: `partition n1 | n2,n3",
    ),
    ("partition | n2", "2:15: no server is named"),
    ("partition n1 | n1,n2", "2:14: n1 is on both sides"),
    ("partition n1,x2 | n3", "2:14: `x2` is no name of a server"),
    ("partition n1 | n2 one-wya", "2:19: `one-wya` is no name of a server"),
    (
        "link n1 n2",
        "2:11: the line ends where something that is wrong with the link has to stand: `link n1 n2",
    ),
    ("link n1 n2 drop 0%", "2:12: nothing is wrong with such a link"),
    ("link n1 n2 drop 110%", "2:17: `110%` is not a share of all datagrams such as 10% or 0.1"),
    ("link n1 n2 dorp 10%", "2:12: `dorp` is not a word that can stand here; did you mean `drop`?"),
    ("link n1 n2 drop 10% drop 20%", "2:21: `drop` is there twice"),
    ("skew n1 110", "2:9: `110` is not a clock's speed from 0% to 10000% of the truth, such as 110%"),
    ("jump n1 soon", "2:9: `soon` is not a time such as +5s or -500ms: `jump SERVER +5s`"),
    ("load 0 clients", "2:6: `0` is not a number of clients from 1 to 1000"),
    ("load 8 for 3s", "2:8: `for` is not `clients`"),
    ("load 8 clients reads 1", "2:22: `1` is not reads to writes such as 1:1 or 9:1"),
    ("load 8 clients reads 0:0", "2:22: `0:0` is not reads to writes"),
    ("load 8 clients keyz 3", "2:16: `keyz` is not a word that can stand here; did you mean `keys`?"),
    ("measure", "2:8: the line ends where a name of what is measured has to stand: `measure NAME reads 10:1"),
    (
        "measure log for 1s",
        "2:19: the line ends where `reads` and reads to writes, such as 10:1, has to stand",
    ),
    ("measure log reads 1:1", "2:22: the line ends where `for` and a time has to stand: `measure NAME"),
    ("measure log reads 0:1 for 1s", "2:19: `0:1` is not enough to measure a read in: `measure NAME"),
    ("measure log reads 1:1 for 0s", "2:27: `0s` is not enough to measure a read in"),
    ("measure log reads 1:1 clients 0 for 1s", "2:31: `0` is not a number of clients from 1 to 1000"),
    ("measure log rate 3", "2:13: `rate` is not a word that can stand here; did you mean `reads`"),
    ("restart", "2:8: the line ends where `all` has to stand: `restart all [NODE FLAGS…]`"),
    ("restart n1", "2:9: `n1` is not `all`: `restart all"),
    (
        "restart all read-mode log",
        "2:13: `read-mode` is not a flag of `node` such as --read-mode: `restart all",
    ),
    ("add leader", "2:5: `leader` is no name of a server"),
    ("add n3", "2:1: n3 is or was in this cluster, and a name is never used again: take n4"),
    ("grow 12", "2:6: `12` is not a number of voters from 1 to 9: `grow 5`"),
    ("expect leder within 4s", "2:8: `leder` is not a thing to expect; did you mean `leader`"),
    ("expect leader", "2:14: the line ends where `within` and a time has to stand: `expect leader"),
    ("expect leader n1 in 4s", "2:18: `in` is not `within`, before a time"),
    ("expect leader n9 within 4s", "2:1: `n9` is not a server of this cluster"),
    ("expect all within 4s", "2:8: `all` is not a thing to expect; did you mean `all agree`"),
    ("expect 12 voters within 4s", "2:8: `12` is not a number of voters from 1 to 9"),
    ("up 3", "2:1: the cluster is up already: `up` stands first, and once"),
    ("down\nheal", "3:1: nothing can follow `down`, which ends the cluster"),
    ("remove n3\nkill n3", "3:1: `n3` is not a server of this cluster; did you mean `n1`, `n2`?"),
];

#[test]
fn a_mistake_is_named_by_line_and_column_with_what_would_do() {
    let wrong = MISTAKES.iter().filter_map(|(line, says)| {
        let told = refused(&format!("up 3\n{line}\n"));
        let is_right = told.starts_with(&format!("bad.scenario:{says}")) && !told.contains('\n');
        (!is_right).then(|| format!("{line}\n  says  {told}\n  not   bad.scenario:{says}\n"))
    });
    let wrong: String = wrong.collect();
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(refused(""), "bad.scenario:1:1: nothing is done here: begin with `up 3`");
    assert!(refused("wait 1s\n").starts_with("bad.scenario:1:1: there is no cluster yet"));
    assert!(refused("up 12\n").starts_with("bad.scenario:1:4: `12` is not a number of servers from 1 to 9"));
}

#[test]
fn all_lines_that_cannot_be_read_are_named_at_once() {
    let told = refused("up 3\nkil n1\nwait 1s\nhela\n");
    let lines: Vec<_> = told.lines().map(|line| line.split(" is not").next().unwrap_or(line)).collect();
    assert_eq!(lines, ["bad.scenario:2:1: `kil`", "bad.scenario:4:1: `hela`"]);
}

#[test]
fn servers_that_join_can_be_named_and_those_that_grow_have_the_next_names() {
    let reads = |text: &str| Scenario::parse("a", text).is_ok();
    assert!(reads("up 3\nadd n4\nkill n4\n"));
    assert!(reads("up 3\ngrow 5\nkill n5\n"));
    assert!(!reads("up 3\ngrow 5\nkill n6\n"));
    assert!(!reads("up 3\nadd n4\nremove n4\nadd n4\n"));
}
