//! Curves: points of time, reduced to what a picture can show.

use std::fmt::Write as _;

use super::canvas::num;

/// A curve; nothing for a value is a gap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    /// Its look.
    pub class: String,
    /// What stands at its end.
    pub label: String,
    /// What is kept of it where it is denser than pixels.
    pub keep: Keep,
    /// Moments, in microseconds, and values.
    pub points: Vec<(u64, Option<f64>)>,
}

/// A column of so many pixels shows no more than its first, its last, its highest and its lowest point,
const COLUMN: f64 = 1.5;
/// and one of so many its highest alone, where that is what matters.
const WIDE: f64 = 3.0;

/// What is kept of points that stand closer than pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// The highest: of times and sizes, the worst.
    Highest,
    /// The highest and the lowest.
    Both,
}

impl Series {
    /// Its values.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|(_, value)| *value)
    }

    /// Puts a gap between points that are further apart than so many microseconds.
    #[must_use]
    pub fn broken(mut self, apart_us: u64) -> Series {
        let mut points: Vec<(u64, Option<f64>)> = Vec::with_capacity(self.points.len());
        for point in self.points {
            if let Some((before, Some(_))) = points.last().copied()
                && point.0 > before + apart_us
            {
                points.push((before, None));
            }
            points.push(point);
        }
        self.points = points;
        self
    }
}

/// The pieces of a curve between its gaps, in pixels.
pub(super) fn pieces(points: impl Iterator<Item = Option<(f64, f64)>>, keep: Keep) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for point in points {
        match point {
            Some(point) => pieces.last_mut().unwrap_or(&mut Vec::new()).push(point),
            None => pieces.push(Vec::new()),
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    let thin = |piece: Vec<(f64, f64)>| match keep {
        Keep::Both => thin(&piece),
        Keep::Highest => highest(&piece),
    };
    pieces.into_iter().map(thin).collect()
}

/// Of the points in a column, the first, the highest, the lowest and the last, in their order.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut thinned = Vec::new();
    let mut from = 0;
    while from < points.len() {
        let column = (points[from].0 / COLUMN).floor();
        let inside =
            points[from..].iter().take_while(|point| point.0 < (column + 1.0) * COLUMN).count().max(1);
        let (of, end) = (&points[from..from + inside], from + inside);
        if inside <= 3 {
            thinned.extend(of);
        } else {
            let by = |pick: fn(f64, f64) -> bool| {
                (1..inside).fold(0, |best, at| if pick(of[at].1, of[best].1) { at } else { best })
            };
            let mut kept = [0, by(|a, b| a < b), by(|a, b| a > b), inside - 1];
            kept.sort_unstable();
            let mut last = None;
            for at in kept {
                if last != Some(at) {
                    thinned.push(of[at]);
                }
                last = Some(at);
            }
        }
        from = end;
    }
    thinned
}

/// The highest point of each column, and the ends.
fn highest(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    let inside = points.get(1..points.len().saturating_sub(1)).unwrap_or(&[]);
    for column in inside.chunk_by(|a, b| (a.0 / WIDE).floor().total_cmp(&(b.0 / WIDE).floor()).is_eq()) {
        kept.extend(column.iter().min_by(|a, b| a.1.total_cmp(&b.1)));
    }
    kept.extend(points.last().filter(|_| points.len() > 1));
    kept
}

/// The path of pieces. A point alone is a dot.
pub(super) fn path(pieces: &[Vec<(f64, f64)>]) -> String {
    let mut d = String::new();
    for piece in pieces {
        for (at, (x, y)) in piece.iter().enumerate() {
            let _ = write!(d, "{}{} {}", if at == 0 { 'M' } else { 'L' }, num(*x), num(*y));
        }
        if piece.len() == 1 {
            d.push_str("h0");
        }
    }
    d
}

/// The path of what lies between pieces and a height.
pub(super) fn area(pieces: &[Vec<(f64, f64)>], ground: f64) -> String {
    let mut d = String::new();
    for piece in pieces.iter().filter(|piece| piece.len() > 1) {
        let (first, last) = (piece[0], piece[piece.len() - 1]);
        let _ = write!(d, "M{} {}", num(first.0), num(ground));
        for (x, y) in piece {
            let _ = write!(d, "L{} {}", num(*x), num(*y));
        }
        let _ = write!(d, "L{} {}z", num(last.0), num(ground));
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_thinned_keeps_its_extremes() {
        let points: Vec<(f64, f64)> = (0..1000_i32)
            .map(|at| (f64::from(at) / 500.0, if at == 377 { 99.0 } else { f64::from(at % 7) }))
            .collect();
        let thinned = thin(&points);
        assert!(thinned.len() <= 8, "{thinned:?}");
        assert!(thinned.iter().any(|point| (point.1 - 99.0).abs() < 1e-9), "a single peak stays");
        assert_eq!(thinned.first(), points.first());
        assert_eq!(thinned.last(), points.last());
        assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn a_gap_breaks_a_curve_and_a_point_alone_is_a_dot() {
        let series = Series {
            class: String::new(),
            label: String::new(),
            keep: Keep::Both,
            points: vec![(0, Some(1.0)), (10, Some(2.0)), (100, Some(3.0))],
        };
        let broken = series.broken(50);
        let points = broken.points.iter();
        let points =
            points.map(|(at, value)| value.map(|value| (f64::from(u32::try_from(*at).unwrap()), value)));
        let drawn = pieces(points, Keep::Both);
        assert_eq!(path(&drawn), "M0 1L10 2M100 3h0");
    }

    #[test]
    fn of_dense_points_the_highest_are_kept_and_the_ends() {
        let points: Vec<(f64, f64)> =
            (0..100_i32).map(|at| (f64::from(at) / 10.0, if at == 37 { 1.0 } else { 50.0 })).collect();
        let kept = highest(&points);
        assert_eq!(kept.len(), 6, "{kept:?}");
        assert!(kept.contains(&(3.7, 1.0)), "upward is a small y");
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert_eq!(highest(&points[..1]), points[..1]);
        assert_eq!(highest(&[]), []);
    }
}
