//! The strokes of a picture: elements of SVG, written by hand so that the same story gives the same bytes.
//!
//! Elements carry plain attributes and no ids, so that several pictures fit on one page, and classes by which a page
//! may restyle them. Coordinates are whole pixels from the top left.

use std::fmt::Write as _;

/// Text of a programmer's font at 11 pixels is this wide, in tenths of a pixel a character.
const CHAR_TENTHS: usize = 67;

/// A picture under construction.
#[derive(Default)]
pub(super) struct Ink {
    pub svg: String,
}

/// How a text looks: size in pixels, colour, and what else.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub class: &'static str,
    pub attributes: &'static str,
}

/// Which end of a text its place names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Type {
    pub const TITLE: Type = Type::new("rl-ink", r##"font-size="15" font-weight="bold" fill="#1b1f24""##);
    pub const LANE: Type = Type::new("rl-ink", r##"font-size="14" font-weight="bold" fill="#1b1f24""##);
    pub const LABEL: Type = Type::new("rl-ink", r##"font-size="11" fill="#1b1f24""##);
    pub const FAINT: Type = Type::new("rl-faint", r##"font-size="11" fill="#7a828c""##);
    pub const WHY: Type = Type::new("rl-why", r##"font-size="11" fill="#8a5a00""##);
    pub const NOTE: Type = Type::new("rl-ink rl-halo", halo!(r##"font-size="11" fill="#1b1f24""##));
    pub const LOSS: Type = Type::new("rl-loss rl-halo", halo!(r##"font-size="11" fill="#b3261e""##));
    pub const CROSS: Type =
        Type::new("rl-loss rl-halo", halo!(r##"font-size="22" font-weight="bold" fill="#b3261e""##));
    /// On a box of a term's colour, which is light everywhere.
    pub const SLOT: Type = Type::new("rl-slot", r##"font-size="10" fill="#1b1f24""##);
    pub const VIOLATION: Type = Type::new("rl-loss", r##"font-size="12" font-weight="bold" fill="#b3261e""##);

    const fn new(class: &'static str, attributes: &'static str) -> Type {
        Type { class, attributes }
    }
}

/// A rim of the ground's colour keeps a text legible on top of an arrow.
macro_rules! halo {
    ($attributes:expr) => {
        concat!($attributes, r##" stroke="#ffffff" stroke-width="3" paint-order="stroke""##)
    };
}
use halo;

impl Ink {
    /// Adds markup as it is.
    pub fn raw(&mut self, markup: &str) {
        self.svg.push_str(markup);
    }

    /// A rectangle; `attributes` are its paint.
    pub fn rect(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), attributes: &str) {
        let size = format!(r#"width="{width}" height="{height}""#);
        let _ = writeln!(self.svg, r#"<rect x="{x}" y="{y}" {size} {attributes}/>"#);
    }

    /// A rectangle with words that show when the pointer rests on it.
    pub fn titled_rect(&mut self, at: (i32, i32), size: (i32, i32), attributes: &str, title: &str) {
        self.raw("<g>");
        self.title(title);
        self.rect(at, size, attributes);
        self.raw("</g>\n");
    }

    /// A line; `attributes` are its paint.
    pub fn line(&mut self, (x1, y1): (i32, i32), (x2, y2): (i32, i32), attributes: &str) {
        let _ = writeln!(self.svg, r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {attributes}/>"#);
    }

    /// A text whose baseline is at `y`.
    pub fn text(&mut self, (x, y): (i32, i32), anchor: Anchor, look: Type, text: &str) {
        let Type { class, attributes } = look;
        let anchor = anchor.attribute();
        let text = escape(text);
        let _ =
            writeln!(self.svg, r#"<text x="{x}" y="{y}"{anchor} class="{class}" {attributes}>{text}</text>"#);
    }

    /// The words that show when the pointer rests on the group that was opened last.
    pub fn title(&mut self, text: &str) {
        let _ = write!(self.svg, "<title>{}</title>", escape(text));
    }

    /// An arrow from one point to another, with a word above it near its head.
    pub fn arrow(&mut self, from: (i32, i32), to: (i32, i32), paint: &Paint, word: &str) {
        let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        let (x, y) = (f64::from(to.0), f64::from(to.1));
        let Paint { colour, dash } = paint;
        let dash = if *dash { r#" stroke-dasharray="5 3""# } else { "" };
        let stroke = format!(r#"stroke="{colour}" stroke-width="1.5"{dash}"#);
        self.line(from, to, &stroke);
        let (bx, by) = (x - ux * 9.0, y - uy * 9.0);
        let (left, right) = ((bx - uy * 4.0, by + ux * 4.0), (bx + uy * 4.0, by - ux * 4.0));
        let _ = writeln!(
            self.svg,
            r#"<polygon points="{x:.1},{y:.1} {:.1},{:.1} {:.1},{:.1}" fill="{colour}"/>"#,
            left.0, left.1, right.0, right.1
        );
        let back = (f64::from(px(width(word))) * 0.5 + 14.0).min(length * 0.5);
        let (x, y) = (x - ux * back, y - uy * back);
        let turn = uy.atan2(ux).to_degrees();
        let turn = if ux < 0.0 { turn - 180.0 } else { turn };
        let text = escape(word);
        let class = r#"class="rl-halo" text-anchor="middle" font-size="10""#;
        let rim = r##"stroke="#ffffff" stroke-width="3" paint-order="stroke""##;
        let place = format!(r#"transform="translate({x:.1} {y:.1}) rotate({turn:.1})""#);
        let _ = writeln!(self.svg, r#"<text {class} {place} y="-4" fill="{colour}" {rim}>{text}</text>"#);
    }
}

impl Anchor {
    fn attribute(self) -> &'static str {
        match self {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        }
    }
}

/// How an arrow is drawn.
pub(super) struct Paint {
    pub colour: &'static str,
    /// Answers are dashed.
    pub dash: bool,
}

/// Text safe in markup, between tags and in attributes. What XML cannot hold at all becomes a replacement character.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// How wide a text is, in pixels.
pub(crate) fn width(text: &str) -> usize {
    (text.chars().count() * CHAR_TENTHS).div_ceil(10)
}

/// How many characters fit in so many pixels.
pub(super) fn room(pixels: i32) -> usize {
    usize::try_from(pixels).unwrap_or(0) * 10 / CHAR_TENTHS
}

/// A number of pixels.
pub(super) fn px(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX / 4)
}
