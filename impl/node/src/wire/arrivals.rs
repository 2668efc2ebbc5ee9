//! What the network did to the datagrams of one peer, by their numbers. It is for people to see, and decides nothing.

/// What one datagram's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next one, after so many that have not come yet.
    New {
        /// How many were passed over.
        skipped: u64,
    },
    /// One that was passed over before.
    Late,
    /// One that has come before.
    Duplicate,
    /// One that is too old to tell whether it has come before.
    Old,
    /// The first of another life of the peer.
    Restarted,
}

/// The numbers that have come from one peer, the last 128 of them one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    incarnation: Option<u64>,
    highest: u64,
    /// Bit `i` is the number `highest - i`.
    seen: u128,
}

impl Arrivals {
    /// A datagram came. One of an earlier life looks like the first of a new one: numbers say no more.
    pub fn note(&mut self, incarnation: u64, sequence: u64) -> Arrival {
        if self.incarnation != Some(incarnation) {
            let is_first = self.incarnation.is_none();
            *self = Arrivals { incarnation: Some(incarnation), highest: sequence, seen: 1 };
            return if is_first { Arrival::New { skipped: 0 } } else { Arrival::Restarted };
        }
        if sequence > self.highest {
            let ahead = sequence - self.highest;
            self.seen =
                u32::try_from(ahead).ok().and_then(|ahead| self.seen.checked_shl(ahead)).unwrap_or(0) | 1;
            self.highest = sequence;
            return Arrival::New { skipped: ahead - 1 };
        }
        let behind = self.highest - sequence;
        if behind >= u64::from(u128::BITS) {
            return Arrival::Old;
        }
        let bit = 1 << behind;
        let is_there = self.seen & bit != 0;
        self.seen |= bit;
        if is_there { Arrival::Duplicate } else { Arrival::Late }
    }
}
