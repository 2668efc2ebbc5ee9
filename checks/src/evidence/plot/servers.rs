//! Curves of every server, from its samples: its disk, what waits at it, what it uses.

use super::super::record::Sample;
use super::super::{Told, float};
use super::Plot;
use super::frame::{Frame, Swatch, colour};
use super::scale::{Scale, Unit};
use super::series::{Keep, Series};

/// Samples further apart are not joined: one between them was missed.
const APART_US: u64 = 900_000;
/// Rates are taken over so much.
const WINDOW_US: u64 = 1_000_000;

pub(super) fn fsync(told: &Told) -> String {
    let mut frame = Frame::new(told, Plot::Fsync);
    let mut entries = servers(told);
    entries.push((Swatch::Line("lv-curve lv-any".into()), "p50".into()));
    entries.push((Swatch::Line("lv-curve lv-any lv-dash".into()), "p99".into()));
    frame.legend(&entries);
    frame.strip();
    // Before a server has synced, it says 0.
    let known = |value: Option<u64>| value.filter(|us| *us > 0).map(float);
    let mut all = gauges(told, "", true, &|own| known(own.fsync_p50_us));
    all.extend(gauges(told, " lv-dash lv-thin", false, &|own| known(own.fsync_p99_us)));
    let panel = frame.panel(200.0, Scale::log(all.iter().flat_map(Series::values), Unit::Micros), "");
    if all.iter().all(|own| own.values().next().is_none()) {
        frame.nothing(panel, "no sync was measured");
    }
    frame.curves(panel, &all);
    frame.axis();
    frame.finish()
}

pub(super) fn proposals(told: &Told) -> String {
    let mut frame = Frame::new(told, Plot::Proposals);
    frame.legend(&servers(told));
    frame.strip();
    panel(&mut frame, 110.0, "waiting", Unit::Count, &gauges(told, "", true, &|own| own.pending.map(float)));
    let refused = rates(told, &|own| own.rejected.map(float));
    panel(&mut frame, 70.0, "refused a second", Unit::Count, &refused);
    frame.axis();
    frame.finish()
}

pub(super) fn resources(told: &Told) -> String {
    let mut frame = Frame::new(told, Plot::Resources);
    frame.legend(&servers(told));
    frame.strip();
    let memory = gauges(told, "", true, &|own| own.rss_bytes.map(|bytes| float(bytes) / 1024.0 / 1024.0));
    panel(&mut frame, 120.0, "memory", Unit::Mebibytes, &memory);
    let mut used = rates(told, &|own| own.cpu_seconds);
    for (_, value) in used.iter_mut().flat_map(|own| &mut own.points) {
        *value = value.map(|share| share * 100.0);
    }
    panel(&mut frame, 90.0, "processor", Unit::Percent, &used);
    frame.axis();
    frame.finish()
}

fn panel(frame: &mut Frame, height: f64, label: &str, unit: Unit, all: &[Series]) {
    let panel = frame.panel(height, Scale::linear(all.iter().flat_map(Series::values), unit), label);
    if all.iter().all(|own| own.values().next().is_none()) {
        frame.nothing(panel, "nothing is known");
    } else if all.iter().flat_map(Series::values).all(|value| value <= 0.0) {
        frame.nothing(panel, "none");
    }
    frame.curves(panel, all);
}

fn servers(told: &Told) -> Vec<(Swatch, String)> {
    let lanes = told.findings.lanes.iter().enumerate();
    lanes.map(|(at, lane)| (Swatch::Line(format!("lv-curve {}", colour(at))), lane.server.clone())).collect()
}

/// A value of each sample, a curve a server.
fn gauges(told: &Told, class: &str, is_named: bool, read: &dyn Fn(&Sample) -> Option<f64>) -> Vec<Series> {
    let lanes = told.findings.lanes.iter().enumerate();
    lanes
        .map(|(at, lane)| {
            let own = told.run.samples.iter().filter(|own| own.server == lane.server);
            let points = own.map(|own| (own.at_us, read(own))).collect();
            let label = if is_named { lane.server.clone() } else { String::new() };
            Series { class: format!("{}{class}", colour(at)), label, keep: Keep::Highest, points }
                .broken(APART_US)
        })
        .collect()
}

/// How fast a counter grows, in a second. It starts again with each life of its server.
fn rates(told: &Told, read: &dyn Fn(&Sample) -> Option<f64>) -> Vec<Series> {
    let mut all = gauges(told, "", true, read);
    for own in &mut all {
        own.points = rate(&own.points);
    }
    all
}

fn rate(counts: &[(u64, Option<f64>)]) -> Vec<(u64, Option<f64>)> {
    let mut rates = Vec::with_capacity(counts.len());
    let mut from = 0;
    for (at, (at_us, value)) in counts.iter().enumerate() {
        let Some(now) = *value else {
            rates.push((*at_us, None));
            from = at + 1;
            continue;
        };
        let starts_again = at > from && counts[at - 1].1.is_some_and(|before| now < before);
        if starts_again {
            from = at;
            rates.push((*at_us, None));
        }
        while from + 1 < at && counts[from + 1].0 + WINDOW_US <= *at_us {
            from += 1;
        }
        let (since, before) = counts[from];
        let seconds = super::super::seconds(at_us - since);
        if let Some(before) = before.filter(|_| seconds > 0.0) {
            rates.push((*at_us, Some((now - before) / seconds)));
        }
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_over_a_second_and_starts_again_with_a_life() {
        let second = 1_000_000;
        let counts: Vec<(u64, Option<f64>)> = [0.0, 10.0, 30.0, 5.0, 9.0]
            .into_iter()
            .enumerate()
            .map(|(at, count)| (at as u64 * second, Some(count)))
            .collect();
        let expected =
            vec![(second, Some(10.0)), (2 * second, Some(20.0)), (3 * second, None), (4 * second, Some(4.0))];
        assert_eq!(rate(&counts), expected);
    }

    #[test]
    fn a_missing_sample_is_a_gap() {
        let counts = [
            (0, Some(1.0)),
            (100_000, Some(2.0)),
            (200_000, None),
            (300_000, Some(7.0)),
            (400_000, Some(8.0)),
        ];
        let rates = rate(&counts);
        assert_eq!(rates[1], (200_000, None));
        let (at, last) = rates[2];
        assert!(at == 400_000 && last.is_some_and(|rate| (rate - 10.0).abs() < 1e-9), "{rates:?}");
    }
}
