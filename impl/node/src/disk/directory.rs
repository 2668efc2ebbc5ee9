//! A directory of the file system.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::profile::PROFILE;
use super::{Disk, File};

/// The name that says whose directory it is; it is none of the log's.
pub const LOCK: &str = "lock";

/// A directory, held by this process as long as the value lives.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// For the sync of names.
    handle: fs::File,
    /// The lock goes with it, however the process ends.
    _lock: Option<fs::File>,
}

impl Directory {
    /// Does it lie in memory? Then nothing in it is ever waited for.
    pub fn is_in_memory(&self) -> bool {
        /// What Linux calls `tmpfs` and `ramfs` (statfs(2)).
        const MAGICS: [u64; 2] = [0x0102_1994, 0x8584_58f6];
        // How wide that number is differs between systems.
        let is_one = |of: u64| MAGICS.contains(&of);
        rustix::fs::fstatfs(&self.handle).is_ok_and(|fs| u64::try_from(fs.f_type).is_ok_and(is_one))
    }

    /// Makes the directory if there is none, and takes hold of it.
    ///
    /// # Errors
    ///
    /// The system's; [`ErrorKind::WouldBlock`] if another process has it.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Directory> {
        let path = path.into();
        if !path.try_exists()? {
            fs::create_dir_all(&path)?;
            sync_parent(&path)?;
        }
        let lock =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path.join(LOCK))?;
        take(&lock, &path)?;
        let handle = fs::File::open(&path)?;
        Ok(Directory { path, handle, _lock: Some(lock) })
    }

    /// Takes hold of a directory that is there, to read what is in it: nothing is made or changed.
    ///
    /// # Errors
    ///
    /// The system's; [`ErrorKind::WouldBlock`] if another process has it.
    pub fn open_to_read(path: impl Into<PathBuf>) -> io::Result<Directory> {
        let path = path.into();
        let handle = fs::File::open(&path)?;
        let lock = match fs::File::open(path.join(LOCK)) {
            Ok(lock) => Some(lock),
            // Nobody ever had it.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        lock.as_ref().map_or(Ok(()), |lock| take(lock, &path))?;
        Ok(Directory { path, handle, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn take(lock: &fs::File, path: &Path) -> io::Result<()> {
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => {
            let says = format!("{} belongs to another process that runs", path.display());
            io::Error::new(ErrorKind::WouldBlock, says)
        }
        fs::TryLockError::Error(error) => error,
    })
}

/// A name lasts when the directory that holds it was synced.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

impl Disk for Directory {
    type File = fs::File;

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.path)?.collect::<io::Result<Vec<_>>>()?;
        let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name != LOCK && name != PROFILE).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn read(&self, name: &str, len_max: u64) -> io::Result<Vec<u8>> {
        let file = fs::File::open(self.path.join(name))?;
        let len = file.metadata()?.len().min(len_max);
        let mut bytes = Vec::with_capacity(usize::try_from(len).map_err(io::Error::other)?);
        file.take(len_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, name: &str) -> io::Result<fs::File> {
        OpenOptions::new().write(true).create_new(true).open(self.path.join(name))
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        OpenOptions::new().write(true).open(self.path.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

impl File for fs::File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
