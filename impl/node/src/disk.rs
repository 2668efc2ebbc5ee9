//! The little of a file system that the log needs, so that a process has a directory under it and a test or a simulator
//! a disk of its own, with the same code between.
//!
//! What a disk promises is what file systems promise at most: after a crash each sector of 512 bytes that was written
//! and not synced holds its old bytes or its new ones, and each name that was made, changed or removed may still be as
//! it was, until [`Disk::sync`] has returned.

mod directory;
mod memory;
mod profile;

use std::io;

pub use directory::{Directory, LOCK};
pub use memory::{Fault, Memory};
pub use profile::{PROFILE, Profile, Profiled};

/// What is written all or not at all, in bytes.
pub const SECTOR_BYTES: usize = 512;

/// A flat directory that belongs to one process.
pub trait Disk {
    /// One of its files, to be written.
    type File: File + std::fmt::Debug;

    /// The names in it, in ascending order.
    ///
    /// # Errors
    ///
    /// The system's.
    fn names(&self) -> io::Result<Vec<String>>;

    /// The bytes of a file, from its beginning, at most so many.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::NotFound`] if there is none.
    fn read(&self, name: &str, len_max: u64) -> io::Result<Vec<u8>>;

    /// A new file.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::AlreadyExists`] if there is one.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// A file that is there, to be written.
    ///
    /// # Errors
    ///
    /// The system's.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Another name for a file, in place of what had it.
    ///
    /// # Errors
    ///
    /// The system's.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// The system's.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns when all names survive a crash.
    ///
    /// # Errors
    ///
    /// The system's. What of the names survives is not known then.
    fn sync(&self) -> io::Result<()>;
}

/// A file that is written.
pub trait File {
    /// Writes all these bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::StorageFull`] if there is no room. Some of the bytes may have been written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all that was written survives a crash.
    ///
    /// # Errors
    ///
    /// The system's. What survives is not known then, and a second try says nothing about what the first one lost.
    fn sync(&mut self) -> io::Result<()>;
}
