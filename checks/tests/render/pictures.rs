//! The picture and the page.

use std::collections::BTreeMap;

use raftlab_checks::render::{Format, Options, html, render, svg};
use raftlab_checks::story::Story;
use raftlab_core::NodeId;
use roxmltree::{Document, Node};
use serde_json::Value;

use super::stories::{WIDE, buffered, long, short, walk};
use super::{deliveries, json, nasty, sending};

/// Titles of the groups of this class.
fn titles(drawn: &str, class: &str) -> Vec<String> {
    let document = Document::parse(drawn).expect("a picture is well-formed XML");
    let groups = document.descendants().filter(|node| has_class(node, class));
    groups
        .map(|group| {
            let title = group.children().find(|child| child.has_tag_name("title"));
            title.and_then(|title| title.text()).expect("it has a title").to_string()
        })
        .collect()
}

fn has_class(node: &Node, class: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
}

fn number(node: &Node, name: &str) -> i32 {
    node.attribute(name).and_then(|text| text.parse().ok()).expect("a coordinate is a number")
}

#[test]
fn every_delivered_message_has_an_arrow_from_its_sending() {
    for story in [short(), long(), walk(WIDE, 300, 3)] {
        let drawn = svg::draw(&story, &nasty());
        let mut expected = Vec::new();
        for (at, from, to, message) in deliveries(&story) {
            let sent = sending(&story, at, from, to, &message) + 1;
            let term = message.term;
            let message = format!("{from}@{term} → {to} {}", message.body);
            expected.push(format!("{message}, sent at step {sent}, delivered at step {}", at + 1));
        }
        let mut arrows = titles(&drawn, "rl-delivered");
        arrows.sort();
        expected.sort();
        assert_eq!(arrows, expected);
        let sent: usize = story.steps.iter().map(|step| step.done.sent.len()).sum();
        let lost = titles(&drawn, "rl-lost");
        assert!(lost.len() <= sent && lost.iter().all(|title| title.ends_with("never delivered here")));
    }
}

#[test]
fn arrows_end_at_the_events_of_their_steps() {
    let drawn = svg::draw(&short(), &Options::default());
    let document = Document::parse(&drawn).expect("a picture is well-formed XML");
    let events: Vec<_> = document.descendants().filter(|node| has_class(node, "rl-event")).collect();
    let at = |x: i32, y: i32| {
        events.iter().any(|event| (number(event, "cx") - x).abs() <= 8 && number(event, "cy") == y)
    };
    let arrows: Vec<_> = document.descendants().filter(|node| has_class(node, "rl-delivered")).collect();
    assert_eq!(arrows.len(), 5);
    for arrow in arrows {
        let line = arrow.children().find(|child| child.has_tag_name("line")).expect("an arrow has a line");
        assert!(at(number(&line, "x1"), number(&line, "y1")), "it starts at an event");
        assert!(at(number(&line, "x2"), number(&line, "y2")), "it ends at an event");
    }
}

#[test]
fn everything_stands_within_the_picture() {
    for story in [short(), long(), walk(WIDE, 300, 5)] {
        let drawn = svg::draw(&story, &nasty());
        let document = Document::parse(&drawn).expect("a picture is well-formed XML");
        let (width, height) =
            (number(&document.root_element(), "width"), number(&document.root_element(), "height"));
        for node in document.descendants().filter(Node::is_element) {
            for (name, limit) in
                [("x", width), ("cx", width), ("x1", width), ("x2", width), ("cy", height), ("y2", height)]
            {
                if node.attribute(name).is_some() {
                    assert!((0..=limit).contains(&number(&node, name)), "{node:?}");
                }
            }
        }
    }
}

#[test]
fn logs_are_boxes_with_rims_that_say_what_is_committed() {
    let boxes = |story: &Story| {
        let drawn = svg::draw(story, &Options::default());
        let document = Document::parse(&drawn).expect("a picture is well-formed XML");
        let titles = document.descendants().filter(|node| node.has_tag_name("title"));
        let boxed = titles
            .filter(|title| title.next_sibling_element().is_some_and(|next| has_class(&next, "rl-slot")));
        let read = |title: Node| {
            let rim = title.next_sibling_element().and_then(|next| next.attribute("stroke-width"));
            (title.text().unwrap_or_default().to_string(), rim.unwrap_or_default().to_string())
        };
        boxed.map(read).collect::<Vec<_>>()
    };
    let drawn = boxes(&short());
    assert!(drawn.contains(&("1@1, on disk, committed".into(), "2.5".into())), "{drawn:?}");
    assert!(drawn.contains(&("2@1=a1, on disk".into(), "1".into())), "{drawn:?}");
}

#[test]
fn what_is_not_on_disk_is_dashed() {
    let drawn = svg::draw(&buffered(), &Options::default());
    assert!(drawn.contains("1 not synced") && drawn.contains("2@1=a1, not on disk"));
    let document = Document::parse(&drawn).expect("a picture is well-formed XML");
    let slots = document.descendants().filter(|node| node.has_tag_name("rect") && has_class(node, "rl-slot"));
    let boxed =
        slots.filter(|slot| slot.prev_sibling_element().is_some_and(|title| title.has_tag_name("title")));
    for slot in boxed {
        let title = slot.prev_sibling_element().and_then(|title| title.text()).unwrap_or_default();
        assert_eq!(slot.attribute("stroke-dasharray").is_some(), title.contains("not on disk"), "{title}");
    }
    let page = json(data(&html::draw(&buffered(), &Options::default())));
    assert_eq!(page["steps"][8]["after"]["n2"]["unsynced"], serde_json::json!(["log after 0 [1@1 2@1=a1]"]));
}

#[test]
fn crashes_violations_and_what_was_dropped_are_marked() {
    let drawn = svg::draw(&long(), &nasty());
    assert_eq!(drawn.matches(">✗<").count(), 2, "two crashes");
    assert_eq!(drawn.matches(">✗ <").count(), 1, "one violation");
    assert!(drawn.contains("dropped 1@1 to 3@1"));
    let cut = svg::draw(&long(), &Options { to: Some(5), ..nasty() });
    assert!(!cut.contains("rl-violation"), "what is wrong with the last state is not said of another");
}

/// The JSON inside of a page.
fn data(page: &str) -> &str {
    let start = r#"<script type="application/json" id="data">"#;
    let (_, rest) = page.split_once(start).expect("a page holds its data");
    rest.split_once("</script>").expect("the data ends").0
}

#[test]
fn a_page_holds_the_states_after_each_step() {
    let story = long();
    let page = html::draw(&story, &nasty());
    assert!(!data(&page).contains('<') && page.matches("</script>").count() == 2);
    let document = json(data(&page));
    let mut servers: BTreeMap<String, Value> = BTreeMap::new();
    let mut take = |states: &Value| {
        for (name, state) in states.as_object().expect("states by name") {
            servers.insert(name.clone(), state.clone());
        }
        servers.clone()
    };
    take(&document["initial"]);
    let whole = json(&render(&story, &nasty(), Format::Json));
    for (at, step) in document["steps"].as_array().expect("a list").iter().enumerate() {
        let after = whole["steps"][at]["after"].as_object().expect("states by name").clone();
        assert_eq!(take(&step["after"]), after.into_iter().collect::<BTreeMap<_, _>>(), "step {}", at + 1);
    }
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let page = html::draw(&long(), &nasty());
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="));
    assert!(page.contains("a &lt;b&gt; &amp; &quot;c&quot; &lt;/script&gt;"));
    let (start, end) = (page.find("<svg").expect("a picture"), page.find("</svg>").expect("its end"));
    Document::parse(&page[start..end + 6]).expect("the picture is well-formed");
}

#[test]
fn a_page_too_long_loses_its_first_steps_and_says_so() {
    let story = walk(WIDE, 300, 3);
    let whole = html::draw(&story, &nasty());
    assert!(whole.len() < html::BYTES_MAX && !whole.contains("are cut"), "{}", whole.len());
    let short = html::draw_within(&story, &nasty(), 150_000);
    assert!(short.len() < 150_000, "{}", short.len());
    let steps = json(data(&short))["steps"].as_array().expect("a list").clone();
    let (first, last) = (&steps[0]["step"], &steps[steps.len() - 1]["step"]);
    assert_eq!(last, 300, "the end is where it went wrong");
    let cut = first.as_u64().expect("a number") - 1;
    assert!(short.contains(&format!("Steps 1 to {cut} are cut, to keep this page small.")));
    assert!(steps.len() > 50, "most of the room is used: {}", steps.len());
}

#[test]
fn a_page_of_thousands_of_steps_stays_small() {
    let story = walk(WIDE, 1600, 9);
    assert_eq!(story.steps.len(), 1600);
    let page = html::draw(&story, &nasty());
    assert!(page.len() < html::BYTES_MAX && page.contains("are cut"), "{}", page.len());
}

#[test]
fn lanes_and_kinds_can_be_left_out() {
    let hidden = svg::draw(&long(), &Options { hide: vec![NodeId(3)], ..Options::default() });
    assert!(!hidden.contains(r#"data-server="n3""#) && !hidden.contains(r#"data-from="n3""#));
    let only = svg::draw(&long(), &Options { only: vec!["VoteReply".into()], ..Options::default() });
    let arrows = titles(&only, "rl-delivered");
    assert_eq!(arrows.len(), 3);
    assert!(arrows.iter().all(|title| title.contains("VoteReply")), "{arrows:?}");
}
