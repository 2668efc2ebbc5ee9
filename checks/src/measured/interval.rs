//! A mean, and how sure it is.

use serde::{Deserialize, Serialize};

/// Student's t: half the width of a 95 % confidence interval in standard errors, by degrees of freedom from 1 on.
const T_95: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// The same of more degrees of freedom, which is a little too wide for very many.
const T_95_MANY: f64 = 2.042;

/// The mean of some samples, and its 95 % confidence interval. It supposes that samples are independent and normal,
/// which few samples can neither show nor refute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The lower end; nothing of a single sample.
    pub low: Option<f64>,
    /// The upper end; nothing of a single sample.
    pub high: Option<f64>,
    /// How many samples.
    pub n: usize,
}

impl Interval {
    /// Of these samples; a mean of 0 if there are none. Numbers are rounded to a thousandth, past which they say nothing.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Interval {
        let samples: Vec<f64> = samples.into_iter().collect();
        let n = samples.len();
        let count = float(n.max(1));
        let mean = samples.iter().sum::<f64>() / count;
        let half = (n > 1).then(|| {
            let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
            let t = T_95.get(n - 2).copied().unwrap_or(T_95_MANY);
            t * (squares / (count - 1.0) / count).sqrt()
        });
        let end = |sign: f64| half.map(|half| rounded(mean + sign * half));
        Interval { mean: rounded(mean), low: end(-1.0), high: end(1.0), n }
    }

    /// Half its width; nothing of a single sample.
    pub fn half(&self) -> Option<f64> {
        Some((self.high? - self.low?) / 2.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "samples are few")]
fn float(count: usize) -> f64 {
    count as f64
}

/// To a thousandth, and 0 without a sign.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_as_wide_as_students_t_has_it() {
        // The mean is 3, the standard deviation √2.5, the standard error √0.5; t of 4 degrees of freedom 2.776.
        let Interval { mean, low, high, n } = Interval::of([1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((mean, low, high, n), (3.0, Some(1.037), Some(4.963), 5));
        let many = Interval::of((0..100).map(|at| f64::from(at % 2)));
        assert_eq!((many.mean, many.n), (0.5, 100));
        assert!(many.half().is_some_and(|half| (0.102..0.103).contains(&half)), "{many:?}");
    }

    #[test]
    fn one_sample_has_no_interval_and_zero_has_no_sign() {
        assert_eq!(Interval::of([7.0]), Interval { mean: 7.0, low: None, high: None, n: 1 });
        assert_eq!(Interval::of([-0.0001]).mean.to_string(), "0");
        assert_eq!(Interval::of([]).n, 0);
    }
}
