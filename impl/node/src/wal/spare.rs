//! The next segment, made beforehand: a file of zeros in full length, which only has to be given its head and its name.
//!
//! To lay out a segment takes as long as hundreds of syncs, and nobody should wait for it. So it is done in slices,
//! between one batch and the next ([`Wal::prepare`](super::Wal::prepare)). A segment that a snapshot has covered is taken
//! for it: only the part that was written has to become zeros again. A segment that was covered and is half zeros may
//! keep its old name through a crash; recovery never reads what is covered.

use std::io;

use super::segment::UNFINISHED;
use super::write_zeros;
use crate::disk::{Disk, File};

/// How much is made zeros at once, in bytes: about as long as a few syncs take.
const SLICE_BYTES: u64 = 512 << 10;

/// A segment to be, under a name that the next start removes.
#[derive(Debug)]
pub struct Spare<F> {
    file: F,
    len: u64,
    /// All before this is zero, and synced.
    clean: u64,
    /// All from here on is.
    end: u64,
}

impl<F: File> Spare<F> {
    /// A new file, of which nothing is there yet.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn create<D: Disk<File = F>>(disk: &D, len: u64) -> io::Result<Spare<F>> {
        Ok(Spare { file: disk.create(&name())?, len, clean: 0, end: len })
    }

    /// A segment that nobody needs any more, `len` bytes long, of which `written` were written.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn recycle<D: Disk<File = F>>(
        disk: &D,
        segment: &str,
        len: u64,
        written: u64,
    ) -> io::Result<Spare<F>> {
        disk.rename(segment, &name())?;
        Ok(Spare { file: disk.open(&name())?, len, clean: 0, end: written })
    }

    /// Is it all zeros, and as long as that?
    pub fn is_ready(&self, len: u64) -> bool {
        self.clean == self.end && self.len == len
    }

    /// Makes some more of it zeros. Is there more to do?
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn clean_some(&mut self) -> io::Result<bool> {
        let to = self.end.min(self.clean + SLICE_BYTES);
        if self.clean < to {
            write_zeros(&mut self.file, self.clean, to)?;
            self.file.sync()?;
            self.clean = to;
        }
        Ok(self.clean < self.end)
    }

    /// It becomes the segment `segment`, which begins with these bytes.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn become_segment<D: Disk<File = F>>(
        mut self,
        disk: &D,
        segment: &str,
        bytes: &[u8],
    ) -> io::Result<F> {
        self.file.write_at(0, bytes)?;
        self.file.sync()?;
        disk.rename(&name(), segment)?;
        disk.sync()?;
        Ok(self.file)
    }
}

/// The name of what is not a segment yet.
pub fn name() -> String {
    format!("spare{UNFINISHED}")
}
