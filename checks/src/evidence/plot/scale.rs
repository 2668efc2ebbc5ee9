//! From a value to a height, and the values that are worth a line.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things.
    Count,
    /// Microseconds.
    Micros,
    /// Mebibytes.
    Mebibytes,
    /// Hundredths.
    Percent,
}

/// From values to shares of a panel's height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// From nothing to `max`, a line every `step`.
    Linear {
        /// The top.
        max: f64,
        /// Between two lines.
        step: f64,
        /// Of what.
        unit: Unit,
    },
    /// From ten to the power of `low` to ten to the power of `high`.
    Log {
        /// The exponent at the bottom.
        low: i32,
        /// The exponent at the top.
        high: i32,
        /// Of what.
        unit: Unit,
    },
}

impl Scale {
    /// For values from nothing up to the greatest of these.
    pub fn linear(values: impl Iterator<Item = f64>, unit: Unit) -> Scale {
        let greatest = values.fold(0.0, f64::max);
        let step = nice(greatest / 4.0, unit);
        let max = (greatest / step).ceil().max(1.0) * step;
        Scale::Linear { max, step, unit }
    }

    /// For values above nothing, decades of equal height. Two at least, or a curve that hardly moves fills it all.
    pub fn log(values: impl Iterator<Item = f64>, unit: Unit) -> Scale {
        let (low, high) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        if high <= 0.0 {
            return Scale::Log { low: 2, high: 4, unit };
        }
        let (low, high) = (exponent(low.log10().floor()), exponent(high.log10().ceil()));
        Scale::Log { low, high: high.max(low + 2), unit }
    }

    /// How high a value stands: 0 at the bottom, 1 at the top.
    pub fn share(self, value: f64) -> f64 {
        let share = match self {
            Scale::Linear { max, .. } => value / max,
            Scale::Log { low, high, .. } => {
                (value.max(f64::MIN_POSITIVE).log10() - f64::from(low)) / f64::from(high - low)
            }
        };
        share.clamp(0.0, 1.0)
    }

    /// The values with a line, and their names.
    pub fn ticks(self) -> Vec<(f64, String)> {
        match self {
            Scale::Linear { max, step, unit } => {
                let steps = (0..=20).map(|at| f64::from(at) * step).take_while(|value| *value <= max * 1.001);
                steps.map(|value| (value, name(value, unit))).collect()
            }
            Scale::Log { low, high, unit } => {
                (low..=high).map(|at| 10_f64.powi(at)).map(|value| (value, name(value, unit))).collect()
            }
        }
    }
}

/// A whole exponent.
#[expect(clippy::cast_possible_truncation, reason = "a logarithm of a finite number is small")]
fn exponent(value: f64) -> i32 {
    value.clamp(-9.0, 18.0) as i32
}

/// One, two or five times a power of ten, at least `least`. Of things there is no part.
fn nice(least: f64, unit: Unit) -> f64 {
    let least = if unit == Unit::Count { least.max(1.0) } else { least.max(0.01) };
    let power = 10_f64.powi(exponent(least.log10().floor()));
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= least * 0.999).unwrap_or(power * 10.0)
}

/// A value, for people.
pub(super) fn name(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count if value >= 1e6 => format!("{}M", short(value / 1e6)),
        Unit::Count if value >= 1e4 => format!("{}k", short(value / 1e3)),
        Unit::Count => short(value),
        Unit::Micros if value >= 1e6 => format!("{} s", short(value / 1e6)),
        Unit::Micros if value >= 1e3 => format!("{} ms", short(value / 1e3)),
        Unit::Micros => format!("{} µs", short(value)),
        Unit::Mebibytes => format!("{} MiB", short(value)),
        Unit::Percent => format!("{} %", short(value)),
    }
}

/// At most two digits behind the point, and no noughts at their end.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Seconds between two lines of an axis of time: such that there are at most twelve.
pub(super) fn time_step(seconds: f64) -> f64 {
    const STEPS: [f64; 17] = [
        0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
        10800.0,
    ];
    STEPS.into_iter().find(|step| seconds / step <= 12.0).unwrap_or(seconds / 12.0)
}

/// A moment on that axis.
pub(super) fn time_name(seconds: f64, step: f64) -> String {
    if step < 1.0 {
        return format!("{} s", short(seconds));
    }
    if step < 30.0 {
        return format!("{seconds:.0} s");
    }
    let minutes = (seconds / 60.0).floor();
    format!("{minutes:.0}:{:02.0}", seconds - minutes * 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_scale_ends_above_the_greatest_value_at_a_round_number() {
        for (greatest, max, lines) in
            [(0.0, 1.0, 2), (3.0, 3.0, 4), (7.0, 8.0, 5), (4321.0, 6000.0, 4), (1e6, 1e6, 3)]
        {
            let scale = Scale::linear([greatest].into_iter(), Unit::Count);
            let Scale::Linear { max: top, .. } = scale else { panic!("{scale:?}") };
            assert!((top - max).abs() < 1e-9, "{greatest}: {scale:?}");
            assert_eq!(scale.ticks().len(), lines, "{greatest}: {:?}", scale.ticks());
        }
    }

    #[test]
    fn decades_have_equal_heights() {
        let scale = Scale::log([0.0, 120.0, 45_000.0].into_iter(), Unit::Micros);
        let names: Vec<String> = scale.ticks().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["100 µs", "1 ms", "10 ms", "100 ms"]);
        assert!((scale.share(1000.0) - 1.0 / 3.0).abs() < 1e-9);
        assert!((scale.share(0.0)).abs() < 1e-9, "nothing stands at the bottom");
    }

    #[test]
    fn values_are_named_in_units_that_people_read() {
        assert_eq!(name(12_500.0, Unit::Count), "12.5k");
        assert_eq!(name(2500.0, Unit::Count), "2500");
        assert_eq!(name(1500.0, Unit::Micros), "1.5 ms");
        assert_eq!(time_name(90.0, 30.0), "1:30");
        assert_eq!(time_name(90.0, 15.0), "90 s");
    }

    #[test]
    fn an_axis_of_time_has_few_lines_however_long_it_is() {
        for seconds in [0.002, 0.5, 3.0, 60.0, 61.0, 1800.0, 86_400.0, 1e7] {
            assert!(seconds / time_step(seconds) <= 12.001, "{seconds}");
        }
    }
}
