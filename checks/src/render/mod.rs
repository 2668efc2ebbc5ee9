//! A story as text, as a picture, and in the formats of other tools.
//!
//! Every format is a pure function of a [`Story`] and [`Options`]: two runs give the same bytes. What is shown is
//! decided once, in `view.rs`, so that all formats leave out the same things.
//!
//! | file | subject |
//! |---|---|
//! | `view.rs` | which steps, lanes and messages are shown; where each message was sent |
//! | `state.rs` | a server as data, for the formats that programs read |
//! | `text.rs` | one line an event, one column a server |
//! | `svg.rs`, `layout.rs`, `ink.rs` | the picture: what is drawn, where it stands, and its strokes |
//! | `html.rs` | a page to step through |
//! | `mermaid.rs`, `shiviz.rs`, `itf.rs`, `json.rs` | for other tools |

pub mod html;
pub(crate) mod ink;
pub mod itf;
pub mod json;
mod layout;
pub mod mermaid;
pub mod shiviz;
mod state;
pub mod svg;
pub mod text;
mod view;

use std::fmt;
use std::str::FromStr;

use raftlab_core::NodeId;

use crate::nearest;
use crate::story::Story;

/// What is shown of a story, and what is written around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// One sentence above it all; may be empty.
    pub title: String,
    /// What is wrong with the last state; may be empty. It is shown only where the last state is.
    pub why: String,
    /// Only the first steps, this many.
    pub to: Option<usize>,
    /// Servers without a lane: what happens at them and what they send or receive is left out.
    pub hide: Vec<NodeId>,
    /// The kinds of message shown, by the first word of their body, such as `RequestVote`; empty shows all. A
    /// delivery of another kind keeps its step where it changes a server that is shown, and loses its arrow.
    pub only: Vec<String>,
    /// The room for text, in characters.
    pub width: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            title: String::new(),
            why: String::new(),
            to: None,
            hide: Vec::new(),
            only: Vec::new(),
            width: 120,
        }
    }
}

/// What a story can be drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Lanes of text, for a terminal.
    Text,
    /// One picture.
    Svg,
    /// One page that needs nothing else.
    Html,
    /// A sequence diagram for Markdown.
    Mermaid,
    /// A log with vector clocks.
    Shiviz,
    /// The Informal Trace Format of Apalache and its relatives.
    Itf,
    /// Plain data.
    Json,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 7] =
        [Format::Text, Format::Svg, Format::Html, Format::Mermaid, Format::Shiviz, Format::Itf, Format::Json];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Svg => "svg",
            Format::Html => "html",
            Format::Mermaid => "mermaid",
            Format::Shiviz => "shiviz",
            Format::Itf => "itf",
            Format::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`Format`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseFormatError(String);

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(name: &str) -> Result<Format, ParseFormatError> {
        let known = Format::ALL.into_iter().find(|format| format.name() == name);
        known.ok_or_else(|| {
            ParseFormatError(nearest::unknown("format", name, Format::ALL.iter().map(|f| f.name())))
        })
    }
}

/// The story in a format, complete: a file's content, ending in a newline.
pub fn render(story: &Story, options: &Options, format: Format) -> String {
    match format {
        Format::Text => text::draw(story, options),
        Format::Svg => svg::draw(story, options),
        Format::Html => html::draw(story, options),
        Format::Mermaid => mermaid::draw(story, options),
        Format::Shiviz => shiviz::draw(story, options),
        Format::Itf => itf::draw(story, options),
        Format::Json => json::draw(story, options),
    }
}
