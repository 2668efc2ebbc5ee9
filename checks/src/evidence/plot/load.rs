//! What clients saw: how much they got done, and how long they waited.

use super::super::record::LoadRecord;
use super::super::{Told, float};
use super::Plot;
use super::canvas::{Area, box_path};
use super::frame::{Frame, Panel, Swatch};
use super::scale::{Scale, Unit};
use super::series::{Keep, Series};

/// A line of load covers so much.
const SECOND_US: u64 = 1_000_000;
/// Lines further apart are not of one go.
const APART_US: u64 = 1_600_000;
/// Bars are at least so wide: seconds that share one show the most of any.
const BAR_MIN: f64 = 2.0;

pub(super) fn throughput(told: &Told) -> String {
    let mut frame = Frame::new(told, Plot::Throughput);
    frame.legend(&[
        (Swatch::Line("lv-curve lv-done".into()), "done".into()),
        (Swatch::Box("lv-failed".into()), "failed".into()),
        (Swatch::Box("lv-unknown".into()), "unknown".into()),
    ]);
    frame.strip();
    let points = told.run.load.iter().map(|own| (middle(own), Some(float(own.done)))).collect();
    let done =
        Series { class: "lv-done".into(), label: "done".into(), keep: Keep::Both, points }.broken(APART_US);
    let panel = frame.panel(150.0, Scale::linear(done.values(), Unit::Count), "done");
    if told.run.load.is_empty() {
        frame.nothing(panel, "no client did anything");
    }
    frame.filled(panel, &done);
    let both = told.run.load.iter().map(|own| float(own.failed + own.unknown));
    let panel = frame.panel(70.0, Scale::linear(both, Unit::Count), "failed and unknown, above each other");
    bars(&mut frame, panel, &told.run.load, "lv-failed", &|own| (0, own.failed));
    bars(&mut frame, panel, &told.run.load, "lv-unknown", &|own| (own.failed, own.failed + own.unknown));
    if told.run.load.iter().all(|own| own.failed + own.unknown == 0) {
        frame.nothing(panel, "none");
    }
    frame.axis();
    frame.finish()
}

pub(super) fn latency(told: &Told) -> String {
    let mut frame = Frame::new(told, Plot::Latency);
    frame.legend(&[
        (Swatch::Line("lv-curve lv-done".into()), "p50".into()),
        (Swatch::Line("lv-curve lv-slow lv-dash".into()), "p99".into()),
    ]);
    frame.strip();
    let series = |class: &str, label: &str, read: fn(&LoadRecord) -> Option<f64>| {
        let known = |own: &LoadRecord| read(own).filter(|value| own.done > 0 && *value > 0.0);
        let points = told.run.load.iter().map(|own| (middle(own), known(own))).collect();
        Series { class: class.into(), label: label.into(), keep: Keep::Highest, points }.broken(APART_US)
    };
    let both =
        [series("lv-done", "p50", |own| own.p50_us), series("lv-slow lv-dash", "p99", |own| own.p99_us)];
    let scale = Scale::log(both.iter().flat_map(Series::values), Unit::Micros);
    let panel = frame.panel(180.0, scale, "");
    if both.iter().all(|own| own.values().next().is_none()) {
        frame.nothing(panel, "nothing was done");
    }
    frame.curves(panel, &both);
    frame.axis();
    frame.finish()
}

/// The middle of the second.
fn middle(own: &LoadRecord) -> u64 {
    own.at_us.saturating_sub(SECOND_US / 2)
}

/// A bar for each second, from the first value to the second one.
fn bars(
    frame: &mut Frame,
    panel: Panel,
    load: &[LoadRecord],
    class: &str,
    read: &dyn Fn(&LoadRecord) -> (u64, u64),
) {
    let mut bars: Vec<(f64, f64, (u64, u64))> = Vec::new();
    for own in load {
        let (from, to) = read(own);
        if to == from {
            continue;
        }
        let (left, right) = (frame.x(own.at_us.saturating_sub(SECOND_US)), frame.x(own.at_us));
        match bars.last_mut() {
            Some((start, end, value)) if left - *start < BAR_MIN => {
                *end = right;
                if to - from > value.1 - value.0 {
                    *value = (from, to);
                }
            }
            _ => bars.push((left, right, (from, to))),
        }
    }
    let mut d = String::new();
    for (left, right, (from, to)) in bars {
        let (top, bottom) = (panel.y(float(to)), panel.y(float(from)));
        // A single one among thousands is seen all the same.
        let top = top.min(bottom - 1.5);
        let width = (right - left - 1.0).max(BAR_MIN - 0.5);
        box_path(&mut d, Area { x: left, y: top, width, height: bottom - top });
    }
    frame.canvas.path(class, &d, "");
}
