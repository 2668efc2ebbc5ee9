//! Snapshots as files: written aside, synced, named.
//!
//! | bytes | |
//! |---|---|
//! | 8 | `raftsnap` |
//! | 4 | format |
//! | 4 | crc32c of all that follows |
//! | 16 | cluster |
//! | 8 | server |
//! | rest | the core's snapshot, in postcard |

use std::sync::Arc;

use raftlab_core::{LogId, Snapshot};

use super::error::{Identity, OpenError};
use super::segment::{FORMAT, identity_at, snapshot_name, u32_at};

const MAGIC: &[u8; 8] = b"raftsnap";

/// What is before the snapshot, in bytes.
const HEADER_BYTES: usize = 40;

/// As the bytes of its file.
pub fn encode(identity: Identity, snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[16..32].copy_from_slice(&identity.cluster.to_le_bytes());
    bytes[32..40].copy_from_slice(&identity.server.0.to_le_bytes());
    let mut bytes = postcard::to_extend(snapshot, bytes).expect("a snapshot has an encoding");
    let check = crc32c::crc32c(&bytes[16..]);
    bytes[12..16].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// Reads the snapshot that ends at `last` from the bytes of its file.
///
/// # Errors
///
/// If it is damaged, of somebody else, or of a newer program.
pub fn decode(identity: Identity, last: LogId, bytes: &[u8]) -> Result<Arc<Snapshot>, OpenError> {
    let file = snapshot_name(last);
    let damaged = |what| OpenError::Damaged { file: file.clone(), offset: 0, record: 0, what };
    let (head, state) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(|| damaged("it is cut off"))?;
    if &head[..8] != MAGIC {
        return Err(damaged("it does not begin as a snapshot does"));
    }
    let (found, check) = (u32_at(head, 8), u32_at(head, 12));
    if found > FORMAT {
        return Err(OpenError::Newer { file, found, known: FORMAT });
    }
    if found != FORMAT || crc32c::crc32c(&bytes[16..]) != check {
        return Err(damaged("it does not fit its checksum"));
    }
    let owner = identity_at(head, 16);
    if owner != identity {
        return Err(OpenError::Foreign { file, found: owner, expected: identity });
    }
    match postcard::take_from_bytes::<Snapshot>(state) {
        Ok((snapshot, [])) if snapshot.last == last => Ok(Arc::new(snapshot)),
        _ => Err(OpenError::Senseless { file, record: 0 }),
    }
}
