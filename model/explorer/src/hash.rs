//! Content hashes: equal contents have equal hashes in every thread, process and run.

use std::hash::Hash;

use siphasher::sip128::{Hasher128, SipHasher13};

/// Tells hashes of different sorts of things apart.
#[derive(Clone, Copy)]
pub(crate) enum Sort {
    Local = 1,
    Envelope,
    Queue,
    History,
    Spent,
    Last,
    Nobody,
    Effect,
    Bundle,
    Summary,
}

/// The content hash of `value`, 128 bits. Hashes of the parts of a whole are added: the order of parts does not
/// matter, and a change of one part is a difference.
pub(crate) fn content<T: Hash + ?Sized>(sort: Sort, value: &T) -> u128 {
    let mut hasher = SipHasher13::new_with_keys(sort as u64, 0x7261_6674_6c61_6200);
    value.hash(&mut hasher);
    hasher.finish128().as_u128()
}

/// 64 bits of a 128-bit sum, all of which depend on all of it and on `seed`.
#[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
pub(crate) fn fold(sum: u128, seed: u64) -> u64 {
    mix((sum as u64) ^ mix((sum >> 64) as u64 ^ seed))
}

/// A bijection of 64 bits in which every bit of the result depends on every bit of `x` (the finaliser of `SplitMix64`).
pub(crate) fn mix(mut x: u64) -> u64 {
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
