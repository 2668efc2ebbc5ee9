//! What all pictures share: a title, a legend, the faults of each server as a strip, panels over one axis of time.

use std::fmt::Write as _;

use super::super::bands::{Band, Kind};
use super::super::read::Run;
use super::super::{Told, float};
use super::Plot;
use super::canvas::{Anchor, Area, Canvas, box_path, num, width};
use super::scale::{Scale, time_name, time_step};
use super::series::{self, Keep, Series};

/// The picture's width, in pixels.
pub(super) const WIDTH: f64 = 1000.0;
/// Where the axis of time begins.
pub(super) const LEFT: f64 = 74.0;
/// Where it ends: behind it stand the names of curves.
pub(super) const RIGHT: f64 = WIDTH - 66.0;
/// A row of the strip of faults.
const STRIP: f64 = 13.0;
/// More faults than this at once, at one server, are drawn above each other.
const DEPTH_MAX: usize = 3;
/// Where faults stand that are of no server alone: they are of links.
pub(super) const EVERYWHERE: &str = "links";
/// With so many faults or fewer, each has words for the pointer.
const TITLES_MAX: usize = 200;

/// Curves of more points are drawn thin, so that one does not hide the others.
const DENSE: usize = 1500;

/// A picture under construction, from top to bottom.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub canvas: Canvas,
    pub run: &'a Run,
    pub bands: &'a [Band],
    servers: Vec<&'a str>,
    plot: Plot,
    /// Where the next thing goes.
    pub y: f64,
    /// The panels so far: their tops and bottoms.
    panels: Vec<Panel>,
}

/// A part of a picture with a scale of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub top: f64,
    pub bottom: f64,
    pub scale: Scale,
}

impl Panel {
    /// The height of a value.
    pub fn y(&self, value: f64) -> f64 {
        self.bottom - self.scale.share(value) * (self.bottom - self.top)
    }
}

/// How a thing in a legend looks.
#[derive(Clone, Debug)]
pub(super) enum Swatch {
    /// A piece of a curve, by its class.
    Line(String),
    /// A box, by its class.
    Box(String),
    /// A sign, by its class.
    Sign(&'static str, &'static str),
}

impl<'a> Frame<'a> {
    /// An empty picture with its title.
    pub fn new(told: &'a Told, plot: Plot) -> Frame<'a> {
        let mut canvas = Canvas::default();
        canvas.text((12.0, 22.0), Anchor::Start, "lv-title", plot.title());
        let servers = told.findings.lanes.iter().map(|lane| lane.server.as_str()).collect();
        let bands = &told.findings.bands;
        Frame { canvas, run: told.run, bands, servers, plot, y: 34.0, panels: Vec::new() }
    }

    /// Where a moment stands.
    pub fn x(&self, at_us: u64) -> f64 {
        let at = at_us.clamp(self.run.start_us, self.run.end_us);
        LEFT + self.run.seconds(at) / self.run.duration() * (RIGHT - LEFT)
    }

    /// The number of a server, by which it has its colour.
    pub fn server(&self, name: &str) -> usize {
        self.servers.iter().position(|own| *own == name).unwrap_or(0)
    }

    /// What signs, colours and dashes mean; faults that there are included.
    pub fn legend(&mut self, entries: &[(Swatch, String)]) {
        let kinds = Kind::ALL.into_iter().filter(|kind| self.bands.iter().any(|band| band.kind == *kind));
        let faults =
            kinds.map(|kind| (Swatch::Box(format!("lv-{}", kind.name())), kind_says(kind).to_string()));
        let faults: Vec<_> = faults.collect();
        let (mut x, mut y) = (12.0, self.y + 10.0);
        self.canvas.open("lv-legend");
        for (at, (swatch, word)) in entries.iter().chain(&faults).enumerate() {
            // Servers and faults have colours of their own, which may look alike.
            let head = if at == entries.len() && at > 0 { width("faults: ", 11.0) } else { 0.0 };
            let wide = 22.0 + width(word, 11.0);
            if x + head + wide > WIDTH - 12.0 {
                (x, y) = (12.0, y + 17.0);
            }
            if head > 0.0 {
                self.canvas.text((x, y), Anchor::Start, "lv-faint", "faults:");
                x += head;
            }
            self.swatch((x, y), swatch);
            self.canvas.text((x + 22.0, y), Anchor::Start, "lv-faint", word);
            x += wide + 18.0;
        }
        self.canvas.close();
        self.y = y + 14.0;
    }

    fn swatch(&mut self, (x, y): (f64, f64), swatch: &Swatch) {
        match swatch {
            Swatch::Line(class) => self.canvas.line((x, y - 4.0), (x + 16.0, y - 4.0), class),
            Swatch::Box(class) => {
                let area = Area { x, y: y - 9.0, width: 16.0, height: 10.0 };
                self.canvas.rect(area, class, "");
            }
            Swatch::Sign(sign, class) => self.canvas.text((x + 8.0, y), Anchor::Middle, class, sign),
        }
    }

    /// A row for each server at which something was wrong.
    pub fn strip(&mut self) {
        let mut places: Vec<Option<&str>> = self.servers.iter().map(|server| Some(*server)).collect();
        places.insert(0, None);
        self.canvas.open("lv-strip");
        for place in places {
            let bands = self.bands.iter().filter(|band| band.server.as_deref() == place);
            let bands: Vec<&Band> = bands.collect();
            if !bands.is_empty() {
                self.canvas.text(
                    (LEFT - 8.0, self.y + 10.0),
                    Anchor::End,
                    "lv-faint",
                    place.unwrap_or(EVERYWHERE),
                );
                let depth = self.faults(&bands, self.y);
                self.y += depth * STRIP + 2.0;
            }
        }
        self.canvas.close();
        self.y += 6.0;
    }

    /// Draws faults of one server from `y` downward, and tells how many rows they take.
    pub fn faults(&mut self, bands: &[&Band], y: f64) -> f64 {
        let rows = pack(bands);
        // Of very many, all of a kind are one element, or a page would be full of them.
        let is_titled = self.bands.len() <= TITLES_MAX;
        let mut paths = Kind::ALL.map(|kind| (kind, String::new()));
        for (band, row) in bands.iter().zip(&rows) {
            let (from, to) = (self.x(band.from_us), self.x(band.to_us));
            let (y, width) = (y + float(*row as u64) * STRIP, (to - from).max(2.0));
            let area = Area { x: from, y, width, height: STRIP - 2.0 };
            if is_titled {
                let title = self.title(band);
                self.canvas.rect(area, &format!("lv-band lv-{}", band.kind.name()), &title);
                self.word(area, band.kind.name());
            } else if let Some((_, d)) = paths.iter_mut().find(|(kind, _)| *kind == band.kind) {
                box_path(d, area);
            }
        }
        for (kind, d) in paths {
            self.canvas.path(&format!("lv-band lv-{}", kind.name()), &d, "");
        }
        float(rows.iter().max().map_or(1, |row| row + 1) as u64)
    }

    /// A fault's word, where there is room.
    fn word(&mut self, area: Area, word: &str) {
        if width(word, 9.0) + 6.0 < area.width {
            let middle = (area.x + area.width / 2.0, area.y + 8.5);
            self.canvas.text(middle, Anchor::Middle, "lv-word", word);
        }
    }

    fn title(&self, band: &Band) -> String {
        let (from, to) = (self.run.seconds(band.from_us), self.run.seconds(band.to_us));
        let server = band.server.as_deref().unwrap_or(EVERYWHERE);
        format!("{server}, {from:.2} s to {to:.2} s: {}", band.text)
    }

    /// A panel of so many pixels: its ground, the faults behind it, and its lines.
    pub fn panel(&mut self, height: f64, scale: Scale, label: &str) -> Panel {
        if !label.is_empty() {
            self.canvas.text((LEFT, self.y + 9.0), Anchor::Start, "lv-label", label);
            self.y += 16.0;
        }
        let panel = Panel { top: self.y, bottom: self.y + height, scale };
        self.behind(panel.top, panel.bottom);
        for (value, name) in scale.ticks() {
            let y = panel.y(value);
            self.canvas.line((LEFT, y), (RIGHT, y), "lv-grid");
            self.canvas.text((LEFT - 8.0, y + 4.0), Anchor::End, "lv-faint", &name);
        }
        self.y = panel.bottom + 14.0;
        self.panels.push(panel);
        panel
    }

    /// The ground between two heights, with a tint for each fault and a faint line for each moment of the axis.
    pub fn behind(&mut self, top: f64, bottom: f64) {
        let area = Area { x: LEFT, y: top, width: RIGHT - LEFT, height: bottom - top };
        self.canvas.rect(area, "lv-panel", "");
        for kind in Kind::ALL {
            let mut d = String::new();
            for band in self.bands.iter().filter(|band| band.kind == kind) {
                let (from, to) = (self.x(band.from_us), self.x(band.to_us));
                box_path(&mut d, Area { x: from, y: top, width: (to - from).max(1.0), height: bottom - top });
            }
            self.canvas.path(&format!("lv-tint lv-{}", kind.name()), &d, "");
        }
        for (x, _) in self.moments() {
            self.canvas.line((x, top), (x, bottom), "lv-grid");
        }
    }

    /// Curves, and their names at their ends.
    pub fn curves(&mut self, panel: Panel, all: &[Series]) {
        let mut ends: Vec<(f64, &Series)> = Vec::new();
        for own in all {
            let pieces = self.pieces(panel, own);
            let dense = if own.points.len() > DENSE { " lv-dense" } else { "" };
            self.canvas.path(&format!("lv-curve {}{dense}", own.class), &series::path(&pieces), "");
            let last = pieces.last().and_then(|piece| piece.last());
            if let Some((_, y)) = last.filter(|_| !own.label.is_empty()) {
                ends.push((*y, own));
            }
        }
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted: Vec<f64> = ends.iter().map(|(y, _)| *y).collect();
        for (y, (_, own)) in apart(&wanted, panel.top, panel.bottom).into_iter().zip(&ends) {
            self.canvas.line((RIGHT + 5.0, y), (RIGHT + 13.0, y), &format!("lv-curve {}", own.class));
            self.canvas.text((RIGHT + 17.0, y + 4.0), Anchor::Start, "lv-end", &own.label);
        }
    }

    /// The same curve, and what lies below it.
    pub fn filled(&mut self, panel: Panel, own: &Series) {
        let pieces = self.pieces(panel, own);
        self.canvas.path(&format!("lv-area {}", own.class), &series::area(&pieces, panel.bottom), "");
        self.curves(panel, std::slice::from_ref(own));
    }

    fn pieces(&self, panel: Panel, own: &Series) -> Vec<Vec<(f64, f64)>> {
        let inside = own.points.iter().filter(|(at, _)| (self.run.start_us..=self.run.end_us).contains(at));
        let keep = if own.points.len() > DENSE { own.keep } else { Keep::Both };
        series::pieces(inside.map(|(at, value)| value.map(|value| (self.x(*at), panel.y(value)))), keep)
    }

    /// The moments with a line.
    fn moments(&self) -> Vec<(f64, String)> {
        let (seconds, step) = (self.run.duration(), time_step(self.run.duration()));
        let at = (0..=13_u32).map(|at| f64::from(at) * step).take_while(|at| *at <= seconds * 1.0001);
        at.map(|at| (LEFT + at / seconds * (RIGHT - LEFT), time_name(at, step))).collect()
    }

    /// The axis of time, below all that there is.
    pub fn axis(&mut self) {
        let y = self.y + 2.0;
        for (x, name) in self.moments() {
            self.canvas.line((x, self.y - 14.0), (x, self.y - 9.0), "lv-tick");
            self.canvas.text((x, y), Anchor::Middle, "lv-faint", &name);
        }
        self.y += 14.0;
    }

    /// Words where nothing could be drawn.
    pub fn nothing(&mut self, panel: Panel, says: &str) {
        let middle = (f64::midpoint(LEFT, RIGHT), f64::midpoint(panel.top, panel.bottom) + 4.0);
        self.canvas.text(middle, Anchor::Middle, "lv-none", says);
    }

    /// The whole element.
    pub fn finish(self) -> String {
        let (wide, high) = (num(WIDTH), num(self.y.ceil()));
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="lv" role="img" aria-label="{}" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">"#,
            crate::render::ink::escape(&format!("{}. {}", self.plot.title(), self.plot.says())),
        );
        let _ = writeln!(svg, r#"<rect class="lv-ground" x="0" y="0" width="{wide}" height="{high}"/>"#);
        svg + &self.canvas.svg + "</svg>\n"
    }
}

/// What a kind of fault is, for a legend.
fn kind_says(kind: Kind) -> &'static str {
    match kind {
        Kind::Down => "process down",
        Kind::Pause => "paused",
        Kind::Link => "link cut or bad",
        Kind::Disk => "disk slow or stalled",
        Kind::Clock => "clock wrong",
    }
}

/// The look of a server's curves.
pub(super) fn colour(server: usize) -> String {
    format!("lv-s{}", server % 7)
}

/// A row for each fault, such that no two in a row overlap, as long as there are rows.
fn pack(bands: &[&Band]) -> Vec<usize> {
    let mut until = [0_u64; DEPTH_MAX];
    let row = |band: &&Band| {
        let row = until.iter().position(|until| *until <= band.from_us).unwrap_or(DEPTH_MAX - 1);
        until[row] = band.to_us;
        row
    };
    bands.iter().map(row).collect()
}

/// Heights near those that are wanted, in the same order, with room for a line of text each.
fn apart(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    const LEADING: f64 = 12.0;
    let mut placed: Vec<f64> = Vec::new();
    for y in wanted {
        placed.push(placed.last().map_or(y.max(top), |before| y.max(before + LEADING)));
    }
    // Below stands the axis of time.
    let mut floor = bottom - 4.0;
    for y in placed.iter_mut().rev() {
        *y = y.min(floor);
        floor = *y - LEADING;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_the_ends_of_curves_do_not_overlap() {
        let placed = apart(&[10.0, 10.0, 11.0, 95.0, 99.0], 0.0, 100.0);
        assert!(placed.windows(2).all(|pair| pair[1] - pair[0] >= 11.99), "{placed:?}");
        assert!(placed.iter().all(|y| *y <= 96.0), "{placed:?}");
    }

    #[test]
    fn faults_that_overlap_stand_in_rows_of_their_own() {
        let band = |from_us, to_us| Band {
            kind: Kind::Link,
            server: None,
            from_us,
            to_us,
            text: String::new(),
            fault: 0,
        };
        let bands = [band(0, 10), band(5, 20), band(10, 12), band(11, 30), band(12, 14)];
        let bands: Vec<&Band> = bands.iter().collect();
        assert_eq!(pack(&bands), [0, 1, 0, 2, 0]);
    }
}
