//! Terms upward, time to the right: a bar for each leader, and the latest term that any server was in.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::lanes::State;
use super::super::{Told, float};
use super::Plot;
use super::canvas::{Anchor, Area, num, width};
use super::frame::{Frame, LEFT, RIGHT, Swatch, colour};

/// The picture's room for all terms.
const HEIGHT: f64 = 240.0;
/// A term takes no more than this.
const PITCH_MAX: f64 = 26.0;

pub(super) fn draw(told: &Told) -> String {
    let mut frame = Frame::new(told, Plot::Terms);
    let led = |server: &str| told.findings.reigns.iter().any(|reign| reign.server == server);
    let servers = told.findings.lanes.iter().enumerate().filter(|(_, lane)| led(&lane.server));
    let mut entries: Vec<_> = servers
        .map(|(at, lane)| (Swatch::Box(format!("lv-reign {}", colour(at))), format!("{} leads", lane.server)))
        .collect();
    entries.push((Swatch::Line("lv-stairs".into()), "latest term".into()));
    frame.legend(&entries);
    frame.strip();
    let stairs = stairs(told);
    let (low, high) = match (stairs.first(), stairs.last()) {
        (Some(first), Some(last)) => (first.1, last.1),
        _ => (0, 1),
    };
    let terms = float(high - low + 1);
    let pitch = (HEIGHT / terms).min(PITCH_MAX);
    let (top, bottom) = (frame.y, frame.y + terms * pitch + 8.0);
    frame.behind(top, bottom);
    // The middle of a term's row.
    let row = |term: u64| bottom - 4.0 - (float(term.clamp(low, high) - low) + 0.5) * pitch;
    let every = (14.0 / pitch).ceil().max(1.0);
    for term in low..=high {
        if float(term - low) % every < 0.5 {
            frame.canvas.text((LEFT - 8.0, row(term) + 4.0), Anchor::End, "lv-faint", &term.to_string());
            frame.canvas.line((LEFT, row(term)), (RIGHT, row(term)), "lv-grid");
        }
    }
    draw_stairs(&mut frame, &stairs, &row);
    reigns(&mut frame, told, pitch, &row);
    frame.y = bottom + 14.0;
    frame.axis();
    frame.finish()
}

/// When each term was first seen, in order, from the first one on.
fn stairs(told: &Told) -> Vec<(u64, u64)> {
    let stays = told.findings.lanes.iter().flat_map(|lane| &lane.stays);
    let seen: BTreeSet<(u64, u64)> = stays
        .filter_map(|stay| match stay.state {
            State::Up { term, .. } => Some((stay.span.from_us, term)),
            State::Down | State::Unheard => None,
        })
        .collect();
    let mut stairs: Vec<(u64, u64)> = Vec::new();
    for (at, term) in seen {
        if stairs.last().is_none_or(|(_, before)| *before < term) {
            stairs.push((at, term));
        }
    }
    stairs
}

fn draw_stairs(frame: &mut Frame, stairs: &[(u64, u64)], row: &dyn Fn(u64) -> f64) {
    let mut d = String::new();
    for (at_us, term) in stairs {
        let (x, y) = (num(frame.x(*at_us)), num(row(*term)));
        let _ = if d.is_empty() { write!(d, "M{x} {y}") } else { write!(d, "H{x}V{y}") };
    }
    if !d.is_empty() {
        let _ = write!(d, "H{}", num(RIGHT));
    }
    frame.canvas.path("lv-stairs", &d, "");
}

fn reigns(frame: &mut Frame, told: &Told, pitch: f64, row: &dyn Fn(u64) -> f64) {
    let height = (pitch - 6.0).clamp(2.0, 16.0);
    for reign in &told.findings.reigns {
        let (from, to) = (frame.x(reign.span.from_us), frame.x(reign.span.to_us));
        let area = Area { x: from, y: row(reign.term) - height / 2.0, width: (to - from).max(1.5), height };
        let class = format!("lv-reign {}", colour(frame.server(&reign.server)));
        let (since, until) = (frame.run.seconds(reign.span.from_us), frame.run.seconds(reign.span.to_us));
        let title = format!("{} leads term {}, {since:.2} s to {until:.2} s", reign.server, reign.term);
        frame.canvas.rect(area, &class, &title);
        if height < 11.0 {
            continue;
        }
        let text = &reign.server;
        if width(text, 11.0) + 8.0 < area.width {
            frame.canvas.text((area.x + 5.0, row(reign.term) + 4.0), Anchor::Start, "lv-on-reign", text);
        } else if to + 4.0 + width(text, 11.0) < RIGHT {
            frame.canvas.text((to + 4.0, row(reign.term) - 7.0), Anchor::Start, "lv-faint", text);
        }
    }
}
