//! A directory's disk, as slow as a fault makes it.
//!
//! What is wrong with a disk is wrong with it whoever writes there and however often that restarts: so the fault is kept
//! in a file beside the log, and a log that is moved to another directory leaves it behind, as a log does that is moved
//! to another disk.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Directory, Disk, File};
use crate::chaos::{DiskFault, Fault, Fired};

/// The name of the file; it is none of the log's.
pub const PROFILE: &str = "disk-profile.json";

/// How long a sync that does not return takes to see that its process ends.
const LOOKS_EVERY: Duration = Duration::from_millis(20);

/// What is wrong with a disk, shared by who writes and who breaks it.
#[derive(Debug)]
pub struct Profile {
    /// Where it is kept; nowhere, if nothing may be wrong.
    path: Option<PathBuf>,
    fault: Mutex<DiskFault>,
    /// Are files synced at all?
    syncs: bool,
    changed: Condvar,
    fired: Arc<Fired>,
    is_over: Arc<AtomicBool>,
}

/// A directory on such a disk.
#[derive(Debug)]
pub struct Profiled {
    directory: Directory,
    profile: Arc<Profile>,
}

/// One of its files.
#[derive(Debug)]
pub struct ProfiledFile {
    file: fs::File,
    profile: Arc<Profile>,
}

impl Profile {
    /// The disk under the log's directory, with the fault that is kept there. Where faults are not on offer nothing is
    /// wrong with it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or does not say what is wrong.
    pub fn read(
        directory: &Path,
        is_on_offer: bool,
        fired: Arc<Fired>,
        is_over: Arc<AtomicBool>,
    ) -> io::Result<Profile> {
        let path = is_on_offer.then(|| directory.join(PROFILE));
        let fault = path.as_deref().map(kept).transpose()?.unwrap_or_default();
        Ok(Profile { path, fault: Mutex::new(fault), syncs: true, changed: Condvar::new(), fired, is_over })
    }

    /// The same, on which nothing is ever synced: fast, and a crash of the machine loses what was acknowledged.
    #[must_use]
    pub fn without_syncs(self) -> Profile {
        Profile { syncs: false, ..self }
    }

    /// From now on it is so. The file is written before it takes effect.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set(&self, fault: DiskFault) -> io::Result<()> {
        if let Some(path) = &self.path {
            if fault == DiskFault::default() {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            } else {
                // Whoever reads it meanwhile finds the old one or the new one.
                let aside = path.with_extension("tmp");
                fs::write(&aside, serde_json::to_vec(&fault).map_err(io::Error::other)?)?;
                fs::rename(&aside, path)?;
            }
        }
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.changed.notify_all();
        Ok(())
    }

    /// What is wrong.
    pub fn fault(&self) -> DiskFault {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sync takes as long as the fault says.
    fn sync(&self) -> io::Result<()> {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if *fault == DiskFault::default() {
            return Ok(());
        }
        if fault.stall {
            self.fired.strike(Fault::DiskStall);
        }
        while fault.stall {
            if self.is_over.load(Ordering::Relaxed) {
                return Err(io::Error::new(ErrorKind::TimedOut, "the disk stalled until the process ended"));
            }
            fault = self.changed.wait_timeout(fault, LOOKS_EVERY).unwrap_or_else(PoisonError::into_inner).0;
            // A server whose start waits for its disk cannot be told that it is well again: its file can.
            if let Some(Ok(kept)) = self.path.as_deref().map(kept) {
                *fault = kept;
            }
        }
        let delay = fault.delay(drawn());
        drop(fault);
        if !delay.is_zero() {
            self.fired.strike(Fault::DiskSlow);
            thread::sleep(delay);
        }
        Ok(())
    }
}

/// A share from 0 to 1, by the system: nobody repeats what a real disk does.
fn drawn() -> f64 {
    let drawn = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(drawn >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// What the file says; nothing is wrong where there is none.
fn kept(path: &Path) -> io::Result<DiskFault> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(DiskFault::default()),
        Err(error) => Err(error),
    }
}

impl Profiled {
    /// The directory on that disk.
    pub fn new(directory: Directory, profile: Arc<Profile>) -> Profiled {
        Profiled { directory, profile }
    }

    /// May a sync be waited for? Not where the directory lies in memory, and nothing may go wrong with it.
    pub fn may_wait(&self) -> bool {
        self.profile.path.is_some() || !self.directory.is_in_memory()
    }

    fn file(&self, file: fs::File) -> ProfiledFile {
        ProfiledFile { file, profile: Arc::clone(&self.profile) }
    }
}

impl Disk for Profiled {
    type File = ProfiledFile;

    fn names(&self) -> io::Result<Vec<String>> {
        self.directory.names()
    }

    fn read(&self, name: &str, len_max: u64) -> io::Result<Vec<u8>> {
        self.directory.read(name, len_max)
    }

    fn create(&self, name: &str) -> io::Result<ProfiledFile> {
        self.directory.create(name).map(|file| self.file(file))
    }

    fn open(&self, name: &str) -> io::Result<ProfiledFile> {
        self.directory.open(name).map(|file| self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.directory.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.directory.remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.profile.sync()?;
        if self.profile.syncs { self.directory.sync() } else { Ok(()) }
    }
}

impl File for ProfiledFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.profile.sync()?;
        if self.profile.syncs { self.file.sync() } else { Ok(()) }
    }
}
