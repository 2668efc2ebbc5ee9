//! The story as plain data: one document, whose fields are never renamed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Options;
use super::state::{State, StepState};
use super::view::View;
use crate::story::Story;

/// The name and version of the format.
pub const SCHEMA: &str = "raftlab-story/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// The version of the program that wrote it.
    version: &'static str,
    title: &'a str,
    /// What is wrong with the last state.
    why: Option<&'a str>,
    /// The servers shown.
    servers: Vec<String>,
    /// How many steps the story has; fewer may be shown.
    length: usize,
    initial: BTreeMap<String, State>,
    steps: Vec<StepState>,
}

/// The story as one JSON document on several lines.
///
/// # Panics
///
/// Never: what is written has no map whose keys are not text.
pub fn draw(story: &Story, options: &Options) -> String {
    let view = View::new(story, options);
    let step = |at: &usize| StepState::of(&view, *at, State::all(&view, &story.steps[*at].after));
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        title: &options.title,
        why: view.why(),
        servers: view.lanes.iter().map(ToString::to_string).collect(),
        length: story.steps.len(),
        initial: State::all(&view, view.initial()),
        steps: view.rows.iter().map(step).collect(),
    };
    serde_json::to_string_pretty(&document).expect("plain data is JSON") + "\n"
}
