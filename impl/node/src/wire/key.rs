//! The cluster's key: who has it belongs to the cluster, and what it tags was not changed on the way.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::TAG_BYTES;

/// 32 secret bytes that all servers of a cluster share.
#[derive(Clone)]
pub struct Key([u8; blake3::KEY_LEN]);

/// Why a key is refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system's.
    #[error("the key file {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is no secret.
    #[error("others than its owner may read or write the key file {} (mode {mode:03o}): chmod 600 it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error("the key file {} is to hold 64 hexadecimal digits, as `openssl rand -hex 32` prints them", .0.display())]
    Malformed(PathBuf),
}

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: [u8; blake3::KEY_LEN]) -> Key {
        Key(bytes)
    }

    /// Reads the key in a file, which nobody but its owner may be able to read.
    ///
    /// # Errors
    ///
    /// If others may, or it is no key.
    pub fn read(path: &Path) -> Result<Key, KeyError> {
        let io = |error| KeyError::Io { path: path.to_path_buf(), error };
        let mode = fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_path_buf(), mode });
        }
        let text = fs::read(path).map_err(io)?;
        let text = std::str::from_utf8(&text).map(str::trim).unwrap_or_default();
        let key = blake3::Hash::from_hex(text).map_err(|_| KeyError::Malformed(path.to_path_buf()))?;
        Ok(Key(*key.as_bytes()))
    }

    /// What goes under `bytes`: half of the hash, 128 bits that nobody guesses.
    pub(super) fn tag(&self, bytes: &[u8]) -> [u8; TAG_BYTES] {
        let hash = *blake3::keyed_hash(&self.0, bytes).as_bytes();
        std::array::from_fn(|at| hash[at])
    }

    /// Is that what goes under `bytes`? How long it takes to find out does not say where a wrong one goes wrong.
    pub(super) fn is_tag(&self, bytes: &[u8], tag: &[u8]) -> bool {
        let differs =
            self.tag(bytes).iter().zip(tag).fold(0, |differs, (own, other)| differs | (own ^ other));
        differs == 0 && tag.len() == TAG_BYTES
    }
}

/// It never prints itself.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}
