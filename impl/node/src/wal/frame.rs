//! Records as bytes: each framed, checked, and bound to its place.
//!
//! | bytes | |
//! |---|---|
//! | 4 | length of the payload |
//! | 4 | crc32c of the payload |
//! | 4 | crc32c of the segment's seed, the record's offset, and the two before |
//! | 4 | zero |
//! | length | the payload: a batch of the core's writes, in postcard |
//! | 0 to 15 | zeros, up to a multiple of 16 |
//!
//! All integers are little-endian. A head begins at a multiple of 16, so it lies in one sector: after a crash it is
//! there, or it is what was there before. It is valid at its own place only: neither a copy of it elsewhere nor the
//! remains of another segment can be taken for it.

use super::segment::u32_at;
use crate::disk::SECTOR_BYTES;

/// The head of a record, in bytes, and what records are aligned to.
pub const HEAD_BYTES: usize = 16;

/// What the heads of one segment are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u32);

/// What stands at some place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A record, and where the next one stands.
    Record {
        /// Its payload.
        payload: &'a [u8],
        /// Where the next one begins.
        next: usize,
    },
    /// Zeros up to the end of the segment.
    End,
    /// Something that a crash in the middle of one write can have left.
    Torn,
    /// Something that nothing but damage can have left.
    Damaged(&'static str),
}

/// How many bytes a payload takes with its frame.
pub fn framed_len(payload: usize) -> usize {
    HEAD_BYTES + payload.next_multiple_of(HEAD_BYTES)
}

/// Frames what `frame[HEAD_BYTES..]` holds, for this place.
pub fn seal(frame: &mut Vec<u8>, seed: Seed, offset: u64) {
    let payload = &frame[HEAD_BYTES..];
    let len = u32::try_from(payload.len()).expect("a batch is smaller than 4 GiB");
    let head = head(seed, offset, len, crc32c::crc32c(payload));
    frame[..HEAD_BYTES].copy_from_slice(&head);
    frame.resize(framed_len(len as usize), 0);
}

fn head(seed: Seed, offset: u64, len: u32, payload: u32) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&len.to_le_bytes());
    head[4..8].copy_from_slice(&payload.to_le_bytes());
    let check = crc32c::crc32c_append(crc32c::crc32c_append(seed.0, &offset.to_le_bytes()), &head[..8]);
    head[8..12].copy_from_slice(&check.to_le_bytes());
    head
}

/// The length and the checksum that the head at `at` promises, if it is one.
fn head_at(segment: &[u8], seed: Seed, at: usize) -> Option<(usize, u32)> {
    let found: [u8; HEAD_BYTES] = segment.get(at..at + HEAD_BYTES)?.try_into().ok()?;
    let (len, payload) = (u32_at(&found, 0), u32_at(&found, 4));
    (len > 0 && found == head(seed, at as u64, len, payload)).then_some((len as usize, payload))
}

/// What stands at `at`, a multiple of [`HEAD_BYTES`]. `segment` is all of it; what has not been written is zero.
///
/// The next write begins when the last one is synced. So what is not whole can be the remains of a write that was
/// under way only if nothing valid stands behind it, and only if a sector of it is missing: what a crash leaves of a
/// write is each sector or not, and before it there were zeros.
pub fn read(segment: &[u8], seed: Seed, at: usize) -> Found<'_> {
    let Some(rest) = segment.get(at..).filter(|rest| !rest.is_empty()) else { return Found::End };
    let head = head_at(segment, seed, at);
    if let Some((len, crc)) = head
        && let Some(payload) = segment.get(at + HEAD_BYTES..at + HEAD_BYTES + len)
    {
        let next = at + framed_len(len);
        let padding = segment.get(at + HEAD_BYTES + len..next).unwrap_or_default();
        if crc32c::crc32c(payload) == crc && is_zero(padding) {
            return Found::Record { payload, next };
        }
    }
    if is_zero(rest) {
        return Found::End;
    }
    if (at + HEAD_BYTES..segment.len())
        .step_by(HEAD_BYTES)
        .any(|later| head_at(segment, seed, later).is_some())
    {
        return Found::Damaged("and what was written after it is there");
    }
    let missing = match head {
        Some((len, _)) if at + framed_len(len) > segment.len() => {
            return Found::Damaged("it is longer than its segment");
        }
        Some((len, _)) => lacks_a_sector(segment, at, at + framed_len(len)),
        // A head lies in one sector, with all that the sector has of its record.
        None => is_zero(&segment[at..end_of_sector(at).min(segment.len())]),
    };
    if missing { Found::Torn } else { Found::Damaged("and no sector of it is missing, as after a crash") }
}

fn end_of_sector(at: usize) -> usize {
    (at / SECTOR_BYTES + 1) * SECTOR_BYTES
}

/// Is a sector of the record from `at` to `end`, behind the one with its head, as it was before?
fn lacks_a_sector(segment: &[u8], at: usize, end: usize) -> bool {
    let behind = (end_of_sector(at)..end).step_by(SECTOR_BYTES);
    behind.into_iter().any(|start| is_zero(&segment[start..end_of_sector(start).min(end)]))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
