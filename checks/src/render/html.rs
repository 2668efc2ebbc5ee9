//! One page that needs nothing else: the picture, and the steps to walk through.
//!
//! The page is small enough to be sent by mail ([`BYTES_MAX`]). Where a story is too long for it, its first steps are
//! cut, because the last ones show what went wrong, and the page says so.

use std::collections::BTreeMap;

use raftlab_core::NodeId;
use serde::Serialize;

use super::Options;
use super::ink::escape;
use super::state::{State, StepState};
use super::svg;
use super::view::View;
use crate::story::Story;

/// A page is smaller than this.
pub const BYTES_MAX: usize = 2_000_000;

/// What the page's script reads.
#[derive(Serialize)]
struct Data {
    servers: Vec<String>,
    initial: BTreeMap<String, State>,
    /// `after` holds the servers that changed: the others are as before.
    steps: Vec<StepState>,
}

/// The story as a page of less than [`BYTES_MAX`].
pub fn draw(story: &Story, options: &Options) -> String {
    draw_within(story, options, BYTES_MAX)
}

/// The story as a page of less than `bytes_max`, or with a single step if not even that fits.
pub fn draw_within(story: &Story, options: &Options, bytes_max: usize) -> String {
    let end = options.to.unwrap_or(usize::MAX).min(story.steps.len());
    let mut start = 0;
    loop {
        let page = page(&View::since(story, options, start));
        if page.len() < bytes_max || start + 1 >= end {
            return page;
        }
        // A little fewer steps than would fit if all were of one size; always at least one fewer.
        let left = end - start;
        let fit = left.saturating_mul(bytes_max) / page.len();
        start = end - (fit - fit / 20).clamp(1, left - 1);
    }
}

fn page(view: &View) -> String {
    let title = if view.options.title.is_empty() { "A Raft story" } else { &view.options.title };
    let why = view.why().map_or_else(String::new, |why| format!("<p class=\"wrong\">✗ {}</p>", escape(why)));
    // The title and the violation stand in the page's own head.
    let bare = Options { title: String::new(), ..view.options.clone() };
    let picture = svg::draw_view(&View::since(view.story, &bare, view.range.start));
    let parts = [
        ("{{title}}", escape(title)),
        ("{{why}}", why),
        ("{{cut}}", cut(view)),
        ("{{lanes}}", boxes("server", &view.lanes.iter().map(ToString::to_string).collect::<Vec<_>>())),
        ("{{kinds}}", boxes("kind", &kinds(view))),
        ("{{style}}", include_str!("page.css").to_string()),
        ("{{script}}", include_str!("page.js").to_string()),
        ("{{picture}}", picture),
        ("{{data}}", data(view)),
    ];
    fill(include_str!("page.html"), &parts)
}

/// Fills a template in one pass, so that nothing in a part is taken for a place to fill.
pub(crate) fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut page = String::new();
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        page.push_str(&rest[..at]);
        rest = &rest[at..];
        let part = parts.iter().find(|(name, _)| rest.starts_with(name));
        let (name, part) = part.expect("the template names only parts that there are");
        page.push_str(part);
        rest = &rest[name.len()..];
    }
    page.push_str(rest);
    page
}

/// What is missing, if something is.
fn cut(view: &View) -> String {
    let mut notes = Vec::new();
    let (first, last, all) = (view.range.start, view.range.end, view.story.steps.len());
    match first {
        0 => {}
        1 => notes.push("Step 1 is cut, to keep this page small.".to_string()),
        _ => notes.push(format!("Steps 1 to {first} are cut, to keep this page small.")),
    }
    if last < all {
        notes.push(format!("The story goes on after step {last}: it has {all}."));
    }
    if view.rows.len() < view.range.len() {
        let left_out = view.range.len() - view.rows.len();
        notes.push(format!("{left_out} steps are left out, as was asked for."));
    }
    if notes.is_empty() { String::new() } else { format!("<p class=\"cut\">{}</p>", notes.join(" ")) }
}

fn kinds(view: &View) -> Vec<String> {
    let mut kinds: Vec<_> =
        view.flights.iter().map(|flight| flight.message.body.name().to_string()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// A box to tick for each name.
fn boxes(what: &str, names: &[String]) -> String {
    let tick = |name: &String| {
        let name = escape(name);
        format!("<label><input type=\"checkbox\" checked data-{what}=\"{name}\"> {name}</label>")
    };
    names.iter().map(tick).collect::<Vec<_>>().join("\n")
}

/// The data as JSON that no parser of HTML can take for anything else: `<` does not occur in it.
fn data(view: &View) -> String {
    let steps = view.rows.iter().map(|at| StepState::of(view, *at, changed(view, *at)));
    let data = Data {
        servers: view.lanes.iter().map(ToString::to_string).collect(),
        initial: State::all(view, view.initial()),
        steps: steps.collect(),
    };
    let json = serde_json::to_string(&data).expect("plain data is JSON");
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The servers that step `at` changed.
fn changed(view: &View, at: usize) -> BTreeMap<String, State> {
    let name = |id: NodeId| id.to_string();
    let around = view.around(at).into_iter();
    around
        .filter(|(before, after)| before != after)
        .map(|(_, after)| (name(after.raft.id()), State::of(after)))
        .collect()
}
