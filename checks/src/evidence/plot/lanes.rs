//! Each server a lane: what it was, in which term, when it ended and started, and what was wrong with it.

use super::super::Told;
use super::super::lanes::{Lane, State, Stay};
use super::super::record::Role;
use super::Plot;
use super::canvas::{Anchor, Area, width};
use super::frame::{EVERYWHERE, Frame, LEFT, RIGHT, Swatch};

/// The height of a lane's bar.
const BAR: f64 = 18.0;

pub(super) fn draw(told: &Told) -> String {
    let mut frame = Frame::new(told, Plot::Lanes);
    let role = |class: &str, word: &str| (Swatch::Box(format!("lv-role {class}")), word.to_string());
    let mut entries = vec![
        role("lv-leader", "leader"),
        role("lv-candidate", "candidate, pre-candidate"),
        role("lv-follower", "follower"),
        (Swatch::Sign("✗", "lv-cross"), "ends".into()),
    ];
    if told.findings.lanes.iter().any(|lane| !is_dense(lane) && !lane.starts.is_empty()) {
        entries.push((Swatch::Sign("▲", "lv-start"), "starts".into()));
    }
    frame.legend(&entries);
    for lane in &told.findings.lanes {
        let top = frame.y;
        terms(&mut frame, lane, top);
        bars(&mut frame, lane, top + 14.0);
        let bands = told.findings.bands.iter().filter(|band| band.server.as_ref() == Some(&lane.server));
        let bands: Vec<_> = bands.collect();
        let rows = if bands.is_empty() { 0.0 } else { frame.faults(&bands, top + 14.0 + BAR + 4.0) };
        frame.y = top + 14.0 + BAR + 4.0 + rows * 13.0 + 12.0;
    }
    let everywhere: Vec<_> = told.findings.bands.iter().filter(|band| band.server.is_none()).collect();
    if !everywhere.is_empty() {
        frame.canvas.text((LEFT - 8.0, frame.y + 10.0), Anchor::End, "lv-faint", EVERYWHERE);
        let rows = frame.faults(&everywhere, frame.y);
        frame.y += rows * 13.0 + 8.0;
    }
    frame.y += 6.0;
    frame.axis();
    frame.finish()
}

/// A number wherever a term begins, as long as the one before leaves room.
fn terms(frame: &mut Frame, lane: &Lane, top: f64) {
    let (mut before, mut free) = (None, LEFT - 1.0);
    for stay in &lane.stays {
        let State::Up { term, .. } = stay.state else { continue };
        if before == Some(term) {
            continue;
        }
        before = Some(term);
        let (x, text) = (frame.x(stay.span.from_us), term.to_string());
        let end = x + width(&text, 10.0) + 6.0;
        if x >= free && end < RIGHT + 12.0 {
            frame.canvas.line((x, top + 3.0), (x, top + 14.0), "lv-tick");
            frame.canvas.text((x + 3.0, top + 10.0), Anchor::Start, "lv-term", &text);
            free = end;
        }
    }
}

fn bars(frame: &mut Frame, lane: &Lane, y: f64) {
    frame.canvas.open("lv-lane");
    frame.canvas.text((LEFT - 10.0, y + 13.0), Anchor::End, "lv-server", &lane.server);
    frame.canvas.line((LEFT, y + BAR / 2.0), (RIGHT, y + BAR / 2.0), "lv-base");
    for stay in &lane.stays {
        bar(frame, lane, stay, y);
    }
    for silence in &lane.silences {
        let (from, to) = (frame.x(silence.from_us), frame.x(silence.to_us));
        let area = Area { x: from, y: y + BAR - 3.0, width: (to - from).max(1.0), height: 3.0 };
        frame.canvas.rect(area, "lv-silent", "it does not answer");
    }
    signs(frame, lane, y);
    frame.canvas.close();
}

/// Ends and starts. Where there are many, ends only, and small: the faults below the lane show for how long.
fn signs(frame: &mut Frame, lane: &Lane, y: f64) {
    let is_dense = is_dense(lane);
    for at in lane.starts.iter().filter(|_| !is_dense) {
        // Of a server that is started at once, both signs are seen.
        let ends = lane.ends.iter().filter(|end| *end <= at).map(|end| frame.x(*end));
        let x = ends.fold(frame.x(*at), |x, end| if x < end + 14.0 { end + 14.0 } else { x });
        if x < RIGHT + 8.0 {
            frame.canvas.text((x, y + BAR - 4.0), Anchor::Middle, "lv-start", "▲");
        }
    }
    let class = if is_dense { "lv-cross lv-small" } else { "lv-cross" };
    for at in &lane.ends {
        frame.canvas.text((frame.x(*at), y + BAR - 3.0), Anchor::Middle, class, "✗");
    }
}

fn is_dense(lane: &Lane) -> bool {
    lane.ends.len() > 8
}

fn bar(frame: &mut Frame, lane: &Lane, stay: &Stay, y: f64) {
    let State::Up { role, term } = stay.state else { return };
    let (from, to) = (frame.x(stay.span.from_us), frame.x(stay.span.to_us));
    let area = Area { x: from, y, width: (to - from).max(1.0), height: BAR };
    let class = match role {
        Role::Leader => "lv-role lv-leader",
        Role::Candidate | Role::PreCandidate => "lv-role lv-candidate",
        Role::Follower => "lv-role lv-follower",
    };
    let (since, until) = (frame.run.seconds(stay.span.from_us), frame.run.seconds(stay.span.to_us));
    let title = format!("{}: {} in term {term}, {since:.2} s to {until:.2} s", lane.server, role.name());
    frame.canvas.rect(area, class, &title);
    if role != Role::Leader {
        return;
    }
    // What colour says is said in words where there is room, and in a letter where there is little.
    let words = [format!("leader of {term}"), "leader".to_string(), "L".to_string()];
    let room = area.width - 8.0;
    if let Some(word) = words.iter().find(|word| width(word, 11.0) <= room) {
        frame.canvas.text((area.x + 5.0, y + 13.0), Anchor::Start, "lv-on-leader", word);
    }
}
