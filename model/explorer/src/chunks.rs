//! Arrays that grow while others read them: nothing in them ever moves.

use crate::sync::{AtomicUsize, OnceLock, Ordering};

/// The first chunk has 2^FIRST places, each next twice as many, until 2^LAST.
const FIRST: u32 = 10;
const LAST: u32 = 20;
const CHUNKS: usize = (LAST - FIRST) as usize + (1 << (32 - LAST));

/// Up to 2^32 places in chunks that are allocated when they are first needed. A place holds one or several items, all
/// places as many.
pub(crate) struct Chunks<T> {
    homes: Box<[OnceLock<Box<[T]>>]>,
    stride: usize,
    bytes: AtomicUsize,
}

impl<T: Default> Chunks<T> {
    pub fn new() -> Chunks<T> {
        Chunks::with_stride(1)
    }

    /// Places of `stride` items each.
    pub fn with_stride(stride: usize) -> Chunks<T> {
        let homes = (0..CHUNKS).map(|_| OnceLock::new()).collect();
        Chunks { homes, stride, bytes: AtomicUsize::new(0) }
    }

    /// The first item of the place `at`; its chunk is made if there is none.
    pub fn make(&self, at: u32) -> &T {
        &self.make_all(at)[0]
    }

    /// The items of the place `at`; its chunk is made if there is none.
    pub fn make_all(&self, at: u32) -> &[T] {
        let (chunk, place, size) = locate(at);
        let chunk = self.homes[chunk].get_or_init(|| {
            let items = size * self.stride;
            self.bytes.fetch_add(items * size_of::<T>(), Ordering::Relaxed);
            (0..items).map(|_| T::default()).collect()
        });
        &chunk[place * self.stride..][..self.stride]
    }

    /// The items of the place `at`.
    ///
    /// # Panics
    ///
    /// If its chunk was never made, or dropped.
    #[inline]
    pub fn all(&self, at: u32) -> &[T] {
        let (chunk, place, _) = locate(at);
        &self.homes[chunk].get().expect("a place that was made")[place * self.stride..][..self.stride]
    }

    /// The item of the place `at`, where places have one.
    ///
    /// # Panics
    ///
    /// If its chunk was never made, or dropped.
    #[inline]
    pub fn get(&self, at: u32) -> &T {
        let (chunk, place, _) = locate(at);
        &self.homes[chunk].get().expect("a place that was made")[place]
    }

    /// Drops all chunks that hold only places below `at`.
    pub fn drop_below(&mut self, at: u32) {
        let (keep, _, _) = locate(at);
        for chunk in &mut self.homes[..keep] {
            if let Some(dropped) = chunk.take() {
                self.bytes.fetch_sub(dropped.len() * size_of::<T>(), Ordering::Relaxed);
            }
        }
    }

    /// Bytes allocated for places.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The chunk of place `at`, where in it the place is, and the size of that chunk. This is the most frequent question of
/// all, so it is answered without a branch.
#[inline]
fn locate(at: u32) -> (usize, usize, usize) {
    // Chunk sizes are powers of two that start at 2^FIRST, so this far on every chunk starts at a multiple of its size.
    let shifted = at as usize + (1 << FIRST);
    let log = shifted.ilog2().min(LAST);
    let chunk = (log - FIRST) as usize + (shifted >> log) - 1;
    (chunk, shifted & ((1 << log) - 1), 1 << log)
}

#[cfg(test)]
mod tests {
    use super::{CHUNKS, locate};

    #[test]
    fn every_place_has_its_own_home_and_chunks_fill_in_order() {
        let mut expected = (0, 0);
        for at in 0..5_000_000 {
            let (chunk, place, size) = locate(at);
            assert_eq!((chunk, place), expected);
            expected = if place + 1 == size { (chunk + 1, 0) } else { (chunk, place + 1) };
        }
        assert!(locate(u32::MAX).0 < CHUNKS);
    }
}
