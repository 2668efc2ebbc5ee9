//! How long things take where nothing is wrong with them.

use raftlab_core::Span;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

/// How long a thing takes: as a rule anything between two bounds, each as likely as another; and now and then longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// At least,
    pub least: Span,
    /// and as a rule at most.
    pub most: Span,
    /// One in so many takes up to ten times as long; none, if 0.
    pub slow_one_in: u32,
}

/// A world's constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Physics {
    /// A datagram, one way; a client's request or answer, too.
    pub link: Takes,
    /// A write to the log, with its sync.
    pub sync: Takes,
    /// Making the bytes of a snapshot.
    pub snapshot: Takes,
}

impl Takes {
    /// Anything from `least` to `most` microseconds.
    pub const fn micros(least: u64, most: u64) -> Takes {
        Takes { least: Span(least), most: Span(most), slow_one_in: 0 }
    }

    /// The same, with one in so many that takes longer.
    #[must_use]
    pub const fn slow_one_in(self, slow_one_in: u32) -> Takes {
        Takes { slow_one_in, ..self }
    }

    /// How long this one takes.
    pub fn draw(&self, dice: &mut ChaCha8Rng) -> Span {
        let drawn = dice.next_u64();
        let width = self.most.0.saturating_sub(self.least.0) + 1;
        // The low half chooses the place, the high half whether it is slow: the two do not depend on each other.
        let (place, luck) = (drawn & u64::from(u32::MAX), drawn >> 32);
        let took = self.least.0 + ((place * width) >> 32);
        if self.slow_one_in > 0 && luck % u64::from(self.slow_one_in) == 0 {
            return Span(took * (2 + luck / u64::from(self.slow_one_in) % 9));
        }
        Span(took)
    }
}

impl Default for Physics {
    /// Servers in one room, with disks that sync in less than a millisecond.
    fn default() -> Physics {
        Physics {
            link: Takes::micros(100, 400).slow_one_in(500),
            sync: Takes::micros(200, 700).slow_one_in(200),
            snapshot: Takes::micros(500, 2000),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn drawn(takes: Takes) -> Vec<u64> {
        let mut dice = ChaCha8Rng::seed_from_u64(3);
        let mut drawn: Vec<u64> = (0..10_000).map(|_| takes.draw(&mut dice).0).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn times_are_spread_between_their_bounds() {
        let drawn = drawn(Takes::micros(100, 400));
        assert_eq!((drawn[0], drawn[9_999]), (100, 400));
        assert!((240..260).contains(&drawn[5_000]), "{}", drawn[5_000]);
        assert_eq!(drawn_of_one_value(), vec![7; 10]);
    }

    fn drawn_of_one_value() -> Vec<u64> {
        drawn(Takes::micros(7, 7)).into_iter().take(10).collect()
    }

    #[test]
    fn one_in_so_many_is_slow() {
        let drawn = drawn(Takes::micros(100, 100).slow_one_in(50));
        let slow = drawn.iter().filter(|took| **took > 100).count();
        assert!((130..280).contains(&slow), "{slow}");
        assert!(drawn[9_999] <= 1000 && drawn[9_999] >= 800, "{}", drawn[9_999]);
    }
}
