//! Every format is read back and compared with the story that it was drawn from.

mod pictures;
mod stories;

use std::collections::BTreeMap;

use raftlab_checks::gallery;
use raftlab_checks::render::{Format, Options, mermaid, render, shiviz, text};
use raftlab_checks::story::{Story, server};
use raftlab_core::NodeId;
use raftlab_model::Event;
use serde_json::Value;
use stories::{WIDE, long, short, told, walk};

/// Words that every format has to quote.
const NASTY: &str = "a <b> & \"c\" </script> 'd'; #e";

fn deliveries(story: &Story) -> Vec<(usize, NodeId, NodeId, raftlab_core::Message)> {
    let delivered = |(at, step): (usize, &raftlab_checks::story::Step)| match &step.at {
        Some((to, Event::Deliver { from, message })) => Some((at, *from, *to, message.clone())),
        _ => None,
    };
    story.steps.iter().enumerate().filter_map(delivered).collect()
}

/// The last step before `at` at which `from` sent the message.
fn sending(story: &Story, at: usize, from: NodeId, to: NodeId, message: &raftlab_core::Message) -> usize {
    let sent = |step: &raftlab_checks::story::Step| {
        step.at.as_ref().is_some_and(|(id, _)| *id == from)
            && step.done.sent.iter().any(|(peer, body)| *peer == to && body == message)
    };
    story.steps[..at].iter().rposition(sent).expect("what is delivered was sent")
}

fn nasty() -> Options {
    Options { title: NASTY.into(), why: NASTY.into(), ..Options::default() }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

#[test]
fn formats_are_known_by_name() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    let error = "shivis".parse::<Format>().unwrap_err();
    assert_eq!(error.to_string(), "`shivis` is not a format; did you mean `shiviz`, `svg`?");
}

#[test]
fn two_runs_give_the_same_bytes() {
    for format in Format::ALL {
        assert_eq!(render(&long(), &nasty(), format), render(&long(), &nasty(), format), "{format}");
    }
}

#[test]
fn a_story_without_steps_and_one_without_lanes_can_be_drawn() {
    let mut empty = short();
    empty.steps.clear();
    let blind = Options { hide: [1, 2, 3].map(NodeId).into(), ..nasty() };
    for format in Format::ALL {
        assert!(!render(&empty, &Options::default(), format).is_empty(), "{format}");
        assert!(!render(&short(), &blind, format).is_empty(), "{format}");
    }
}

#[test]
fn text_has_a_column_a_server_where_there_is_room() {
    let drawn = text::draw(&short(), &Options { width: 150, why: "it broke".into(), ..Options::default() });
    let lines: Vec<_> = drawn.lines().collect();
    assert!(lines[0].starts_with(" step  event") && lines[0].ends_with("n3"), "{drawn}");
    assert!(lines[1].starts_with("   0   start") && lines[1].matches("F 0").count() == 3, "{drawn}");
    assert!(lines[2].contains("timeout n1") && lines[2].contains("C 1 vote=n1"), "{drawn}");
    assert_eq!(lines[2].matches('·').count(), 2, "what did not change is not repeated\n{drawn}");
    assert_eq!(lines[4].trim(), "because n2 saw term 1, newer than its own 0 (§5.1)");
    assert!(drawn.contains("L 1 [1@1 2@1=a1] commit=1"), "{drawn}");
    assert!(drawn.contains("✗ disk: term 1 vote=n1 [1@1]"), "{drawn}");
    assert!(drawn.ends_with("\n     ✗  it broke\n"), "{drawn}");
}

#[test]
fn text_lists_the_servers_that_changed_where_there_is_none() {
    let drawn = text::draw(&short(), &Options { width: 80, ..Options::default() });
    assert!(drawn.contains("   1   timeout n1\n         n1  C 1 vote=n1\n   2   n1@1 → n2"), "{drawn}");
    for width in [60, 80, 100, 120, 200] {
        let drawn = text::draw(&long(), &Options { width, ..nasty() });
        let longest = drawn.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{width} < {longest:?}\n{drawn}");
    }
}

#[test]
fn mermaid_has_an_arrow_for_each_delivery() {
    let story = long();
    let drawn = mermaid::draw(&story, &nasty());
    let mut lines = drawn.lines();
    assert_eq!(lines.next(), Some("---"));
    let title = lines.next().and_then(|line| line.strip_prefix("title: ")).expect("the title comes first");
    assert_eq!(json(title), NASTY.replace('<', "‹").replace('>', "›"));
    assert_eq!((lines.next(), lines.next()), (Some("---"), Some("sequenceDiagram")));
    let body: Vec<_> = lines.collect();
    assert_eq!(body[..3], ["  participant n1", "  participant n2", "  participant n3"]);
    let arrows: Vec<_> = body.iter().filter(|line| line.contains("->>")).collect();
    let expected: Vec<_> =
        deliveries(&story).iter().map(|(at, from, to, _)| format!("  {from}->>{to}: {} ·", at + 1)).collect();
    assert_eq!(arrows.len(), expected.len());
    assert!(arrows.iter().zip(&expected).all(|(arrow, start)| arrow.starts_with(start)), "{drawn}");
    let last = body.last().expect("there are lines");
    assert!(last.starts_with("  Note over n1,n3: ✗ a #lt;b#gt;") && last.ends_with("#59; #35;e"), "{last}");
    assert!(body.iter().any(|line| line.contains("Note over n1: 9 · ✗ crash n1")), "{drawn}");
}

#[test]
fn mermaid_shows_what_was_lost() {
    let story = told(
        "3 servers · terms <= 1 · entries a message <= 1 · ordered network",
        &["timeout n1", "lose n1@1 → n2 RequestVote last=0@0", "deliver n1@1 → n3 RequestVote…"],
    );
    let drawn = mermaid::draw(&story, &Options::default());
    assert!(drawn.contains("  n1-xn2: 2 · lost @1 RequestVote last=0@0\n"), "{drawn}");
}

type Clock = BTreeMap<String, u64>;

fn events(log: &str) -> Vec<(String, Clock, String)> {
    let (head, body) = log.split_once("\n\n").expect("an empty line follows the parser");
    assert_eq!(head, shiviz::PARSER);
    let lines: Vec<_> = body.lines().collect();
    let event = |lines: &[&str]| {
        let (host, clock) = lines[0].split_once(' ').expect("host and clock");
        let clock = serde_json::from_str(clock).expect("a clock is JSON");
        (host.to_string(), clock, lines[1].to_string())
    };
    lines.chunks(2).map(event).collect()
}

#[test]
fn shiviz_clocks_follow_the_messages() {
    for story in [short(), long(), walk(WIDE, 300, 11)] {
        let events = events(&shiviz::draw(&story, &nasty()));
        assert_eq!(events.len(), story.steps.len());
        let mut last: BTreeMap<String, Clock> = BTreeMap::new();
        for (host, clock, _) in &events {
            let before = last.insert(host.clone(), clock.clone()).unwrap_or_default();
            assert_eq!(clock[host], before.get(host).unwrap_or(&0) + 1, "a server's own count rises by one");
            assert!(before.iter().all(|(id, count)| clock[id] >= *count), "no count falls");
        }
        for (at, from, to, message) in deliveries(&story) {
            let sent = &events[sending(&story, at, from, to, &message)].1;
            assert!(sent.iter().all(|(id, count)| events[at].1[id] >= *count), "step {}", at + 1);
        }
        for (at, (_, _, event)) in events.iter().enumerate() {
            assert_eq!(*event, story.steps[at].label);
        }
    }
}

#[test]
fn shiviz_counts_only_what_is_shown() {
    let options = Options { hide: vec![NodeId(2)], ..Options::default() };
    let events = events(&shiviz::draw(&long(), &options));
    assert!(events.iter().all(|(host, clock, _)| host != "n2" && !clock.contains_key("n2")));
    let (_, clock, _) = &events[events.len() - 1];
    assert!(clock["n1"] > 0 && clock["n3"] > 0, "what n2 passed on still counts: {clock:?}");
}

#[test]
fn itf_has_a_state_for_each_step() {
    let story = long();
    let document = json(&render(&story, &nasty(), Format::Itf));
    assert_eq!(document["#meta"]["format"], "ITF");
    let vars = document["vars"].as_array().expect("vars are a list");
    let states = document["states"].as_array().expect("states are a list");
    assert_eq!(states.len(), story.steps.len() + 1);
    for (at, state) in states.iter().enumerate() {
        assert_eq!(state["#meta"]["index"], at);
        let named = |var: &Value| state.get(var.as_str().expect("a name")).is_some();
        assert!(vars.iter().all(named), "every variable has a value");
        let world = story.before(at);
        for pair in state["term"]["#map"].as_array().expect("term is a map") {
            let id = world.servers().into_iter().find(|s| pair[0] == s.raft.id().to_string());
            assert_eq!(pair[1]["#bigint"], id.expect("a server").raft.term().0.to_string());
        }
        assert_eq!(state["messages"]["#set"].as_array().map(Vec::len), Some(world.messages().len()));
    }
    let last = &states[states.len() - 1];
    assert_eq!(last["votedFor"]["#map"][0], serde_json::json!(["n1", "n2"]));
    let first = serde_json::json!({"term": {"#bigint": "2"}, "value": "no-op"});
    assert_eq!(last["log"]["#map"][1][1][0], first);
}

#[test]
fn json_tells_what_the_story_holds() {
    let story = long();
    let document = json(&render(&story, &nasty(), Format::Json));
    assert_eq!((&document["schema"], &document["title"]), (&"raftlab-story/1".into(), &NASTY.into()));
    assert_eq!(document["why"], NASTY);
    let steps = document["steps"].as_array().expect("steps are a list");
    assert_eq!(steps.len(), story.steps.len());
    for (at, step) in steps.iter().enumerate() {
        assert_eq!(step["label"], story.steps[at].label);
        let mut lines: Vec<_> = step["output"].as_array().expect("a list").clone();
        let because = |why: &Value| Value::from(format!("because {}", why.as_str().expect("a sentence")));
        lines.extend(step["why"].as_array().expect("a list").iter().map(because));
        assert_eq!(lines, story.record(at).into_iter().map(Value::from).collect::<Vec<_>>());
        for id in [1, 2, 3].map(NodeId) {
            let (told, is) = (&step["after"][id.to_string()], server(&story.steps[at].after, id));
            assert_eq!(told["term"], is.raft.term().0);
            assert_eq!(told["commit"], is.raft.commit().0);
            assert_eq!(told["disk"]["log"], is.disk.log.to_string());
            assert_eq!(told["log"].as_array().map(Vec::len), Some(is.raft.log().entries().len()));
        }
    }
    assert_eq!(steps[8]["crashed"], true);
}

#[test]
fn a_violation_is_told_in_every_format_that_has_room_for_it() {
    let (story, why) = stories::broken("persist-vote", 1);
    let options = Options { why: why.clone(), ..Options::default() };
    for format in [Format::Text, Format::Svg, Format::Html, Format::Mermaid, Format::Itf, Format::Json] {
        assert!(render(&story, &options, format).contains(&why), "{format}");
    }
}

#[test]
fn a_server_alone_has_a_lane_too() {
    let (story, why) = stories::broken("single-voter-syncs-first", 1);
    let options = Options { why, ..Options::default() };
    for format in Format::ALL {
        assert!(render(&story, &options, format).contains("n1"), "{format}");
    }
}

#[test]
fn a_step_that_breaks_a_property_says_so() {
    let exhibit = gallery::all().find(|exhibit| exhibit.property == "matchIndex monotone");
    let (story, why) = stories::broken(exhibit.expect("the gallery has one").name, 1);
    let breaks = "breaks `matchIndex monotone`";
    // A page says it in its picture and in its list.
    for (format, times) in [(Format::Text, 1), (Format::Svg, 1), (Format::Html, 2), (Format::Json, 1)] {
        let drawn = render(&story, &Options { why: why.clone(), width: 500, ..Options::default() }, format);
        assert_eq!(drawn.matches(breaks).count(), times, "{format}\n{drawn}");
    }
}

#[test]
fn options_leave_out_the_same_in_every_format() {
    let options = Options { hide: vec![NodeId(3)], to: Some(9), ..nasty() };
    for format in Format::ALL {
        let drawn = render(&long(), &options, format);
        // What n2 learnt from n3 names it; its own steps and lane are gone.
        assert!(!drawn.contains("timeout n3") || format == Format::Itf, "{format} shows a hidden lane");
        assert!(!drawn.contains("leader @2"), "{format} goes past the end");
    }
    let only = Options { only: vec!["RequestVote".into()], ..Options::default() };
    let drawn = render(&long(), &only, Format::Mermaid);
    assert_eq!(drawn.matches("->>").count(), drawn.matches("RequestVote last").count());
    let steps = json(&render(&long(), &only, Format::Json))["steps"].as_array().map(Vec::len);
    assert_eq!(steps, Some(21), "a delivery of another kind stays where it changed a server");
}
