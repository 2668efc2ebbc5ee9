//! The pictures and the page, parsed back.

use std::fs;

use roxmltree::{Document, Node};

use super::runs::{minute, short};
use super::scene::us;
use super::{read, report};

const PICTURES: [&str; 7] = ["lanes", "terms", "throughput", "latency", "fsync", "proposals", "resources"];
/// The axis of time.
const LEFT: f64 = 74.0;
const RIGHT: f64 = 934.0;

fn has_class(node: &Node, class: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
}

fn number(node: &Node, name: &str) -> f64 {
    node.attribute(name).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} of {node:?}"))
}

fn title<'a>(node: &'a Node) -> &'a str {
    node.children().find(|child| child.has_tag_name("title")).and_then(|title| title.text()).unwrap_or("")
}

/// The x at which a moment of a run stands, as a picture writes it.
fn x(seconds: f64, of: f64) -> f64 {
    ((LEFT + seconds / of * (RIGHT - LEFT)) * 10.0).round() / 10.0
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.11
}

/// The corners of a path that is made of rectangles and lines: its absolute points.
fn points(d: &str) -> Vec<(f64, f64)> {
    let starts = d.split(['M', 'L']).skip(1);
    starts
        .map(|point| {
            let mut numbers = point.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
            let mut next = || numbers.next().and_then(|text| text.parse().ok()).expect("a coordinate");
            (next(), next())
        })
        .collect()
}

#[test]
fn everything_stands_within_its_picture() {
    for dir in [minute().write("within-minute"), short().write("within-short")] {
        report(&dir);
        for name in PICTURES {
            let drawn = read(&dir, &format!("{name}.svg"));
            let document = Document::parse(&drawn).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (width, height) =
                (number(&document.root_element(), "width"), number(&document.root_element(), "height"));
            for node in document.descendants().filter(Node::is_element) {
                if node.has_tag_name("rect") {
                    let (x, y) = (number(&node, "x"), number(&node, "y"));
                    let (right, bottom) = (x + number(&node, "width"), y + number(&node, "height"));
                    assert!(
                        x >= 0.0 && y >= 0.0 && right <= width + 0.1 && bottom <= height + 0.1,
                        "{name}: {node:?}"
                    );
                }
                if node.has_tag_name("text") {
                    let text = node.text().unwrap_or("");
                    let size = if has_class(&node, "lv-title") { 14.0 } else { 11.0 };
                    #[expect(clippy::cast_precision_loss, reason = "a few characters")]
                    let wide = text.chars().count() as f64 * size * 0.61;
                    let x = number(&node, "x");
                    let (left, right) = match node.attribute("text-anchor") {
                        None => (x, x + wide),
                        Some("middle") => (x - wide / 2.0, x + wide / 2.0),
                        Some(_) => (x - wide, x),
                    };
                    assert!(left >= 0.0 && right <= width, "{name}: `{text}` from {left} to {right}");
                    assert!(number(&node, "y") <= height, "{name}: `{text}`");
                }
                for (x, y) in node.attribute("d").map(points).unwrap_or_default() {
                    assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{name}: {node:?}");
                }
            }
        }
    }
}

#[test]
fn lanes_show_roles_terms_and_ends() {
    let dir = short().write("lanes");
    report(&dir);
    let drawn = read(&dir, "lanes.svg");
    let document = Document::parse(&drawn).expect("it is XML");
    let bars: Vec<_> = document
        .descendants()
        .filter(|node| has_class(node, "lv-leader") && !title(node).is_empty())
        .collect();
    let told: Vec<_> = bars.iter().map(title).collect();
    assert_eq!(told, ["n1: leader in term 1, 0.45 s to 2.00 s", "n2: leader in term 2, 3.20 s to 7.00 s"]);
    for (bar, (from, to)) in bars.iter().zip([(0.445, 2.0), (3.2, 7.0)]) {
        assert!(near(number(bar, "x"), x(from, 7.0)), "{bar:?}");
        assert!(near(number(bar, "x") + number(bar, "width"), x(to, 7.0)), "{bar:?}");
    }
    let texts = |class: &str| {
        let found = document.descendants().filter(|node| node.has_tag_name("text") && has_class(node, class));
        found
            .filter(|node| !node.ancestors().any(|of| has_class(&of, "lv-legend")))
            .map(|node| (number(&node, "x"), node.text().unwrap_or("").to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(texts("lv-cross"), [(x(2.0, 7.0), "✗".to_string())]);
    assert_eq!(texts("lv-start"), [(x(4.0, 7.0), "▲".to_string())]);
    let terms: Vec<String> = texts("lv-term").into_iter().map(|(_, text)| text).collect();
    assert_eq!(terms, ["0", "1", "2", "0", "1", "2", "0", "1", "2"], "each server went from 0 to 2");
}

#[test]
fn lanes_are_not_confused_by_what_comes_late() {
    let mut scene = short();
    // Said before it was killed, heard after.
    scene.event(2050, "n1", 1, "role", "leader in term 1 ⇨ follower");
    let dir = scene.write("late");
    let sample = |at_ms, server: &str, rest: &str| {
        format!("{{\"at_us\":{},\"server\":\"{server}\",{rest}}}\n", us(at_ms))
    };
    let samples = read(&dir, "samples.jsonl")
        // How n2 stood just before it became leader, stamped just after;
        + &sample(3210, "n2", r#""reachable":true,"role":"candidate","term":2,"commit":1"#)
        // one answer that did not come; and n3, which does not answer for a while.
        + &sample(5300, "n2", r#""reachable":false"#)
        + &sample(6300, "n3", r#""reachable":false"#)
        + &sample(6350, "n3", r#""reachable":false"#);
    fs::write(dir.join("samples.jsonl"), samples).expect("a file can be written");
    report(&dir);
    let drawn = read(&dir, "lanes.svg");
    let document = Document::parse(&drawn).expect("it is XML");
    let bars = document.descendants().filter(|node| has_class(node, "lv-role") && !title(node).is_empty());
    let told: Vec<String> = bars.map(|bar| title(&bar).to_string()).collect();
    let of = |server: &str| told.iter().filter(|told| told.starts_with(server)).collect::<Vec<_>>();
    assert_eq!(
        of("n1")[2..],
        [
            "n1: leader in term 1, 0.45 s to 2.00 s",
            "n1: follower in term 1, 4.20 s to 4.60 s",
            "n1: follower in term 2, 4.60 s to 7.00 s",
        ]
    );
    assert_eq!(
        of("n2")[2..],
        ["n2: candidate in term 2, 3.15 s to 3.20 s", "n2: leader in term 2, 3.20 s to 7.00 s",]
    );
    let silent: Vec<_> = document.descendants().filter(|node| has_class(node, "lv-silent")).collect();
    assert_eq!(silent.len(), 1, "one sample that is missed is no silence, two are");
    assert!(near(number(&silent[0], "x"), x(6.3, 7.0)));
}

#[test]
fn every_picture_shows_every_fault_where_it_was() {
    let dir = short().write("bands");
    report(&dir);
    for name in PICTURES {
        let drawn = read(&dir, &format!("{name}.svg"));
        let document = Document::parse(&drawn).expect("it is XML");
        let bands: Vec<_> = document.descendants().filter(|node| has_class(node, "lv-band")).collect();
        let told: Vec<_> = bands.iter().map(title).collect();
        assert_eq!(told, ["n1, 2.00 s to 4.00 s: kill n1", "n3, 5.00 s to 6.00 s: isolate n3"], "{name}");
        for (band, (from, to)) in bands.iter().zip([(2.0, 4.0), (5.0, 6.0)]) {
            assert!(near(number(band, "x"), x(from, 7.0)), "{name}: {band:?}");
            assert!(near(number(band, "x") + number(band, "width"), x(to, 7.0)), "{name}: {band:?}");
        }
        let legend = document.descendants().find(|node| has_class(node, "lv-legend")).expect("a legend");
        let words: Vec<_> = legend.descendants().filter_map(|node| node.text()).collect();
        for word in ["process down", "link cut or bad"] {
            assert!(words.contains(&word), "{name}: {words:?}");
        }
        assert!(!words.contains(&"clock wrong"), "{name}: of faults that there were not, nothing is said");
        if name != "lanes" {
            let tints: Vec<_> = document.descendants().filter(|node| has_class(node, "lv-tint")).collect();
            assert!(tints.len() >= 2 && tints.len() % 2 == 0, "{name}: each panel has each kind behind it");
        }
    }
}

#[test]
fn the_curve_of_what_was_done_is_the_load() {
    let dir = short().write("curve");
    report(&dir);
    let drawn = read(&dir, "throughput.svg");
    let document = Document::parse(&drawn).expect("it is XML");
    let curve = document
        .descendants()
        .filter(|node| has_class(node, "lv-curve") && has_class(node, "lv-done"))
        .max_by_key(|node| node.attribute("d").map_or(0, str::len))
        .expect("a curve");
    let drawn = points(curve.attribute("d").unwrap_or(""));
    let done: Vec<f64> = read(&dir, "load.jsonl")
        .lines()
        .map(|line| super::json(line)["done"].as_f64().expect("a number"))
        .collect();
    assert_eq!(drawn.len(), done.len());
    // Heights are an affine picture of values, upside down: the ratio is one.
    let (low, high) =
        (done.iter().copied().fold(f64::INFINITY, f64::min), done.iter().copied().fold(0.0, f64::max));
    let height =
        |value: f64| drawn[done.iter().position(|own| (*own - value).abs() < 0.5).expect("it is there")].1;
    let scale = (height(low) - height(high)) / (high - low);
    for (value, (at, point)) in done.iter().zip(drawn.iter().enumerate()) {
        assert!((point.1 - (height(low) - (value - low) * scale)).abs() < 0.2, "second {at}: {point:?}");
        #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
        let second = at as f64 + 0.5;
        assert!(near(point.0, x(second, 7.0)), "second {at}: {point:?}");
    }
}

#[test]
fn a_server_that_is_down_has_no_curve() {
    let dir = short().write("gap");
    report(&dir);
    let drawn = read(&dir, "fsync.svg");
    let document = Document::parse(&drawn).expect("it is XML");
    let curves = document
        .descendants()
        .filter(|node| has_class(node, "lv-s0") && node.attribute("d").is_some_and(|d| d.len() > 60));
    for curve in curves {
        let within = points(curve.attribute("d").unwrap_or(""));
        assert!(within.iter().all(|(at, _)| *at < x(2.0, 7.0) || *at > x(4.0, 7.0)), "{within:?}");
        assert!(
            curve.attribute("d").is_some_and(|d| d.matches('M').count() == 2),
            "it breaks off, and starts again"
        );
    }
}

#[test]
fn pictures_of_nothing_say_so() {
    let dir = short().write("nothing");
    for name in ["faults.jsonl", "events.jsonl", "samples.jsonl", "load.jsonl", "run.json"] {
        fs::write(dir.join(name), "").expect("a file can be written");
    }
    report(&dir);
    for (name, says) in [
        ("throughput", "no client did anything"),
        ("latency", "nothing was done"),
        ("fsync", "no sync was measured"),
        ("proposals", "nothing is known"),
    ] {
        let drawn = read(&dir, &format!("{name}.svg"));
        Document::parse(&drawn).expect("it is XML");
        assert!(drawn.contains(says) && !drawn.contains("NaN") && !drawn.contains("inf"), "{name}");
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_no_script() {
    let dir = short().write("page");
    report(&dir);
    let page = read(&dir, "index.html");
    let bare = page.replace("http://www.w3.org/2000/svg", "");
    for foreign in ["http:", "https:", "src=", "<script", "@import", "url(", "<link"] {
        assert!(!bare.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<svg").count(), PICTURES.len());
    assert!(page.contains("prefers-color-scheme: dark"));
    // A page that is well-formed as XML, but for its first lines, has no tag left open.
    let start = page.find("<body>").expect("a body");
    let end = page.find("</html>").expect("an end");
    let body = page[start..end].replace("tabindex=\"0\"", "");
    let document = Document::parse(&body).unwrap_or_else(|error| panic!("{error}"));
    let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    for link in document.descendants().filter_map(|node| node.attribute("href")) {
        assert!(ids.contains(&link.trim_start_matches('#')), "{link} leads nowhere");
    }
    for table in document.descendants().filter(|node| node.has_tag_name("table")) {
        assert!(table.children().any(|child| child.has_tag_name("caption")), "a table says what it is");
        let columns = table.descendants().filter(|node| node.attribute("scope") == Some("col")).count();
        for row in table.descendants().filter(|node| node.has_tag_name("tr")).skip(1) {
            let cells = row.children().filter(Node::is_element).count();
            let spans = row.descendants().any(|node| node.has_attribute("colspan"));
            assert!(cells == columns || spans, "{cells} cells under {columns} heads");
        }
    }
}

#[test]
fn words_of_others_are_escaped() {
    let mut scene = short();
    scene.fault(6500, "member", Some("n<3>"), "</script><b> & \"x\"");
    let dir = scene.write("escaped");
    report(&dir);
    let page = read(&dir, "index.html");
    assert!(page.contains("&lt;/script&gt;&lt;b&gt; &amp; &quot;x&quot;") && !page.contains("</script>"));
    assert!(page.contains("n&lt;3&gt;") && page.contains("put k7=4 &lt;ok&gt;"));
}

#[test]
fn the_verdict_comes_before_all_else() {
    let dir = short().write("first");
    report(&dir);
    let page = read(&dir, "index.html");
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("VERIFIED</strong>") < at("What was judged"));
    assert!(at("What was judged") < at("<svg"));
    assert!(at("<svg") < at("What was done to the cluster"));
    for said in [
        "Election Safety",
        "every effect equal",
        "n1  life 2",
        "lab validate ",
        "lab up --nodes 3 --seed 7",
        "42",
    ] {
        assert!(page.contains(said), "{said}");
    }
}
