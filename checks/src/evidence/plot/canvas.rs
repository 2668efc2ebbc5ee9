//! Elements of SVG, written by hand so that the same run gives the same bytes.

use std::fmt::Write as _;

use crate::render::ink::escape;

/// A picture under construction.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    /// The elements so far.
    pub svg: String,
}

/// Which end of a text its place names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A rectangle: its left, its top, its width, its height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Canvas {
    /// A rectangle, with words for the pointer that rests on it if there are some.
    pub fn rect(&mut self, area: Area, class: &str, title: &str) {
        let Area { x, y, width, height } = area;
        let (x, y, width, height) = (num(x), num(y), num(width), num(height));
        let place = format!(r#"class="{class}" x="{x}" y="{y}" width="{width}" height="{height}""#);
        self.element("rect", &place, title);
    }

    /// A path.
    pub fn path(&mut self, class: &str, d: &str, title: &str) {
        if !d.is_empty() {
            self.element("path", &format!(r#"class="{class}" d="{d}""#), title);
        }
    }

    /// A line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let d = format!("M{} {}L{} {}", num(from.0), num(from.1), num(to.0), num(to.1));
        self.path(class, &d, "");
    }

    /// A text whose baseline is at `y`.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let (x, y, text) = (num(x), num(y), escape(text));
        let _ = writeln!(self.svg, r#"<text class="{class}" x="{x}" y="{y}"{anchor}>{text}</text>"#);
    }

    /// Opens a group.
    pub fn open(&mut self, class: &str) {
        let _ = writeln!(self.svg, r#"<g class="{class}">"#);
    }

    /// Closes it.
    pub fn close(&mut self) {
        self.svg.push_str("</g>\n");
    }

    fn element(&mut self, name: &str, attributes: &str, title: &str) {
        let _ = if title.is_empty() {
            writeln!(self.svg, "<{name} {attributes}/>")
        } else {
            writeln!(self.svg, "<{name} {attributes}><title>{}</title></{name}>", escape(title))
        };
    }
}

/// A number of pixels, to a tenth.
pub(super) fn num(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

/// The path of a rectangle: of many with one look a single path is made.
pub(super) fn box_path(d: &mut String, area: Area) {
    let Area { x, y, width, height } = area;
    let (x, y, width, height) = (num(x), num(y), num(width), num(height));
    let _ = write!(d, "M{x} {y}h{width}v{height}h-{width}z");
}

/// How wide a text is, in pixels, at a size of the font.
pub(super) fn width(text: &str, size: f64) -> f64 {
    super::super::float(text.chars().count() as u64) * size * 0.61
}
