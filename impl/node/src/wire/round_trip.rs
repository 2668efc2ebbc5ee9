//! How long datagrams take, there and back: each says when it was sent, and when the last one that its sender heard
//! from its receiver was (as TCP's timestamps do, RFC 7323). It is for people to see, and decides nothing.

use std::time::Duration;

/// Longer than this between hearing and saying, and nothing is said: it would be no measure of the network.
const HELD_MICROS_MAX: u64 = 10_000_000;

/// The times in a datagram, in microseconds by clocks that only their owners know; 32 bits, which wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// When it was sent, by the sender's clock; odd.
    pub sent: u32,
    /// The latest such time that was heard from the receiver; 0 if none was, or long ago.
    pub echo: u32,
    /// How long ago that was heard.
    pub held: u32,
}

/// What is known of the way to one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTrip {
    /// The peer's last stamp, and when it was heard.
    heard: Option<(u32, u64)>,
    /// A moving mean.
    smoothed: Option<Duration>,
}

impl RoundTrip {
    /// What a datagram is to say that leaves now. `now` is in microseconds, by a clock of this process.
    pub fn stamps(&self, now: u64) -> Stamps {
        let fresh = self.heard.map(|(stamp, at)| (stamp, now.saturating_sub(at)));
        let fresh = fresh.filter(|(_, held)| *held <= HELD_MICROS_MAX);
        let (echo, held) = fresh.map_or((0, 0), |(stamp, held)| (stamp, low(held)));
        Stamps { sent: low(now) | 1, echo, held }
    }

    /// A datagram came. Its own way and the one of what it answers make a measurement, if it answers something.
    pub fn hear(&mut self, now: u64, stamps: Stamps) -> Option<Duration> {
        self.heard = Some((stamps.sent, now));
        if stamps.echo == 0 {
            return None;
        }
        let micros = (low(now) | 1).wrapping_sub(stamps.echo).wrapping_sub(stamps.held);
        // What is more came late, again, or from a peer that restarted.
        let measured =
            Some(Duration::from_micros(micros.into())).filter(|_| u64::from(micros) <= HELD_MICROS_MAX)?;
        let mean = self.smoothed.map_or(measured, |mean| (mean * 7 + measured) / 8);
        self.smoothed = Some(mean);
        Some(measured)
    }

    /// How long it takes, there and back, if that is known.
    pub fn mean(&self) -> Option<Duration> {
        self.smoothed
    }

    /// When the peer was heard last, on the clock of [`hear`](RoundTrip::hear).
    pub fn heard_at(&self) -> Option<u64> {
        self.heard.map(|(_, at)| at)
    }
}

/// The low half, as a stamp holds it.
fn low(micros: u64) -> u32 {
    u32::try_from(micros & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_measured_without_the_time_that_was_spent_at_its_end() {
        let (mut here, mut there) = (RoundTrip::default(), RoundTrip::default());
        // The two clocks have nothing to do with each other.
        assert_eq!(there.hear(900_100, here.stamps(1_000)), None);
        // It took 100 there, was held for 5,000, and takes 300 back.
        let back = there.stamps(905_100);
        let measured = here.hear(1_000 + 100 + 5_000 + 300, back).unwrap();
        assert!(measured.as_micros().abs_diff(400) <= 2, "{measured:?}");
        assert_eq!(here.mean(), Some(measured));
    }

    #[test]
    fn what_is_old_or_nonsense_is_no_measure() {
        let mut here = RoundTrip::default();
        here.hear(5, Stamps { sent: 77, echo: 0, held: 0 });
        assert_eq!(here.stamps(5 + HELD_MICROS_MAX + 1).echo, 0);
        assert_eq!(here.hear(9, Stamps { sent: 79, echo: 1_000_000_001, held: 3 }), None);
        assert_eq!(here.mean(), None);
    }

    #[test]
    fn stamps_wrap() {
        let (mut here, mut there) = (RoundTrip::default(), RoundTrip::default());
        let start = u64::from(u32::MAX) - 50;
        there.hear(10, here.stamps(start));
        let measured = here.hear(start + 200, there.stamps(110)).unwrap();
        assert!(measured.as_micros().abs_diff(100) <= 2, "{measured:?}");
    }
}
