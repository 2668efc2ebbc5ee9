//! From a file to its records.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use raftlab_core::NodeId;

use super::record::{self, FILE_HEAD_BYTES, FORMAT, HEAD_BYTES, Head, Kind, MAGIC, Record};
use crate::wal::Identity;

/// Why a journal cannot be read, or no further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system's.
    #[error("{file}: {error}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// There is nothing in it.
    #[error("{0} is empty: nothing was recorded")]
    Empty(String),
    /// Something was changed in it.
    #[error("{file} is damaged at byte {offset}, in record {record}: {what}")]
    Damaged {
        /// The file.
        file: String,
        /// Where, in bytes from its beginning.
        offset: u64,
        /// In which record, from 0; of the head, 0 too.
        record: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// It ends within something.
    #[error("{file} is cut: record {record}, which begins at byte {offset}, is not whole")]
    Cut {
        /// The file.
        file: String,
        /// Where what is not whole begins.
        offset: u64,
        /// Which record it is.
        record: u64,
    },
    /// A newer program wrote it.
    #[error("{file} has format {found}, and this program knows formats up to {known}: use a newer one")]
    Newer {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
}

/// Reads a journal, record by record.
#[derive(Debug)]
pub struct Reader {
    file: String,
    bytes: BufReader<File>,
    head: Head,
    /// How long the file is.
    len: u64,
    /// Where the next record begins, and which it is.
    at: u64,
    record: u64,
    has_ended: bool,
    payload: Vec<u8>,
}

impl Reader {
    /// Opens a journal and reads its head.
    ///
    /// # Errors
    ///
    /// If it is no journal, or the head is damaged.
    pub fn open(path: &Path) -> Result<Reader, ReadError> {
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let of = |error| ReadError::Io { file: file.clone(), error };
        let opened = File::open(path).map_err(of)?;
        let len = opened.metadata().map_err(of)?.len();
        let mut bytes = BufReader::with_capacity(1 << 20, opened);
        let head = match len {
            0 => return Err(ReadError::Empty(file)),
            _ if len < FILE_HEAD_BYTES as u64 => return Err(ReadError::Cut { file, offset: 0, record: 0 }),
            _ => {
                let mut head = [0; FILE_HEAD_BYTES];
                bytes.read_exact(&mut head).map_err(of)?;
                decode_head(&file, &head)?
            }
        };
        let at = FILE_HEAD_BYTES as u64;
        Ok(Reader { file, bytes, head, len, at, record: 0, has_ended: false, payload: Vec::new() })
    }

    /// The name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whose journal it is.
    pub fn identity(&self) -> Identity {
        self.head.identity
    }

    /// Which of its lives.
    pub fn life(&self) -> u64 {
        self.head.life
    }

    /// The next record; `None` where the file ends.
    ///
    /// # Errors
    ///
    /// If what stands there is no record.
    pub fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        let Some(len) = self.next_len()? else { return Ok(None) };
        if self.has_ended {
            return Err(self.damaged("it stands behind the end"));
        }
        let record = self.payload.get(..len).and_then(record::decode);
        let record =
            record.ok_or_else(|| self.damaged("it says nothing that a program of this version writes"))?;
        self.pass(len);
        self.has_ended = matches!(record, Record::End { .. });
        Ok(Some(record))
    }

    /// Passes over the next record, if there is one, and says which it is. Its bytes are checked, and not read.
    ///
    /// # Errors
    ///
    /// If what stands there is no record.
    pub fn skip_record(&mut self) -> Result<Option<Kind>, ReadError> {
        let Some(len) = self.next_len()? else { return Ok(None) };
        let kind = self.payload.first().and_then(|kind| Kind::ALL.into_iter().find(|of| *of as u8 == *kind));
        let kind = kind.ok_or_else(|| self.damaged("there is no such record"))?;
        self.pass(len);
        Ok(Some(kind))
    }

    /// Reads the bytes of the next record, and checks them.
    fn next_len(&mut self) -> Result<Option<usize>, ReadError> {
        let rest = self.len - self.at;
        if rest == 0 {
            return Ok(None);
        }
        if rest < HEAD_BYTES as u64 {
            return Err(self.cut());
        }
        let mut head = [0; HEAD_BYTES];
        self.read(&mut head)?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (len, check) = (word(0), word(4));
        if head != record::head(self.head.seed(), self.record, len, check) {
            return Err(self.damaged("its head does not fit its place, its file or its checksum"));
        }
        if rest - (HEAD_BYTES as u64) < u64::from(len) {
            return Err(self.cut());
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.resize(len as usize, 0);
        let read = self.read(&mut payload);
        self.payload = payload;
        read?;
        if crc32c::crc32c(&self.payload) != check {
            return Err(self.damaged("it does not fit its checksum"));
        }
        Ok(Some(len as usize))
    }

    fn pass(&mut self, len: usize) {
        self.at += (HEAD_BYTES + len) as u64;
        self.record += 1;
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), ReadError> {
        self.bytes.read_exact(into).map_err(|error| ReadError::Io { file: self.file.clone(), error })
    }

    fn cut(&self) -> ReadError {
        ReadError::Cut { file: self.file.clone(), offset: self.at, record: self.record }
    }

    fn damaged(&self, what: &'static str) -> ReadError {
        ReadError::Damaged { file: self.file.clone(), offset: self.at, record: self.record, what }
    }
}

fn decode_head(file: &str, bytes: &[u8; FILE_HEAD_BYTES]) -> Result<Head, ReadError> {
    let damaged = |what| ReadError::Damaged { file: file.to_string(), offset: 0, record: 0, what };
    if &bytes[..8] != MAGIC {
        return Err(damaged("it does not begin as a journal does"));
    }
    let found = u32::from_le_bytes(bytes[8..12].try_into().unwrap_or_default());
    if found > FORMAT {
        return Err(ReadError::Newer { file: file.to_string(), found, known: FORMAT });
    }
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
    let cluster = u128::from(word(16)) | u128::from(word(24)) << 64;
    let head = Head { identity: Identity { cluster, server: NodeId(word(32)) }, life: word(40) };
    // What it says is all that a head holds: so equal bytes are a whole head, checksum and zeros too.
    if head.encode() == *bytes { Ok(head) } else { Err(damaged("its head does not fit its checksum")) }
}
