//! A disk in memory that crashes as disks do, as often as a test wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, File, SECTOR_BYTES};

/// A disk. Its clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<State>>);

/// One of its files, open.
#[derive(Debug)]
pub struct MemoryFile {
    disk: Memory,
    file: usize,
}

/// What is to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails, and nothing of it is done: the process is as if it had crashed before it.
    Error,
    /// There is no room: about half of what was to be written is, up to the end of a sector.
    Full,
}

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<Bytes>,
    names: BTreeMap<String, usize>,
    /// The names as they were at the last sync, and what was done to them since, in order.
    synced_names: BTreeMap<String, usize>,
    renamings: Vec<Renaming>,
    operations: u64,
    fault: Option<(u64, Fault)>,
    /// Syncs do nothing, and say that they did.
    skips_syncs: bool,
}

#[derive(Clone, Debug)]
enum Renaming {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Debug, Default)]
struct Bytes {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// The sectors that differ, or may.
    written: BTreeSet<usize>,
}

impl Memory {
    /// What a crash leaves: `survives` says of each sector that was written and not synced, and of each change of a
    /// name, whether it is there. Who had the disk open has a disk of the past.
    #[must_use]
    pub fn crash(&self, mut survives: impl FnMut() -> bool) -> Memory {
        let State { files, synced_names, renamings, .. } = self.state().clone();
        let files = files.into_iter().map(|file| file.crash(&mut survives)).collect();
        let mut names = synced_names;
        for renaming in renamings.iter().filter(|_| survives()) {
            renaming.apply(&mut names);
        }
        let synced_names = names.clone();
        Memory(Arc::new(Mutex::new(State { files, names, synced_names, ..State::default() })))
    }

    /// The operation that is this many behind the last one, 1 for the next, is to go wrong.
    pub fn fail(&self, operations: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.operations.saturating_add(operations), fault));
    }

    /// Does it say that a sync is done without doing it, from now on? What is written to a file meanwhile is safe when that
    /// file is synced later, and names are when the directory is.
    pub fn skip_syncs(&self, skips: bool) {
        self.state().skips_syncs = skips;
    }

    /// How many operations there were that change something.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Another disk with the same files, all of them synced, of which one was changed by `change`.
    #[must_use]
    pub fn damaged(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Memory {
        let copy = self.crash(|| true);
        {
            let mut state = copy.state();
            let file = state.names.get(name).copied();
            if let Some(file) = file.and_then(|file| state.files.get_mut(file)) {
                change(&mut file.now);
                file.synced = file.now.clone();
            }
        }
        copy
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation, and says what goes wrong in it.
    fn operation(&self) -> (MutexGuard<'_, State>, Option<Fault>) {
        let mut state = self.state();
        state.operations += 1;
        let now = state.operations;
        let fault = state.fault.filter(|(at, _)| *at == now).map(|(_, fault)| fault);
        (state, fault)
    }

    /// Changes names, unless that is to go wrong.
    fn renaming(&self, renaming: Renaming) -> io::Result<()> {
        let (mut state, fault) = self.operation();
        fault.map_or(Ok(()), |fault| Err(fault.error()))?;
        renaming.apply(&mut state.names);
        state.renamings.push(renaming);
        Ok(())
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.state().names.get(name).copied().ok_or_else(|| io::Error::from(ErrorKind::NotFound))
    }
}

impl Fault {
    fn error(self) -> io::Error {
        match self {
            Fault::Error => io::Error::other("an error was asked for"),
            Fault::Full => io::Error::from(ErrorKind::StorageFull),
        }
    }
}

impl Renaming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Renaming::Create(name, file) => _ = names.insert(name.clone(), *file),
            // What it renames may not have survived.
            Renaming::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Renaming::Remove(name) => _ = names.remove(name),
        }
    }
}

impl Bytes {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        self.now.resize(self.now.len().max(end), 0);
        self.now[offset..end].copy_from_slice(bytes);
        self.written.extend(offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }

    fn sync(&mut self) {
        for sector in std::mem::take(&mut self.written) {
            self.sync_sector(sector);
        }
    }

    fn sync_sector(&mut self, sector: usize) {
        let start = sector * SECTOR_BYTES;
        let end = self.now.len().min(start + SECTOR_BYTES);
        self.synced.resize(self.synced.len().max(end), 0);
        self.synced[start..end].copy_from_slice(&self.now[start..end]);
    }

    fn crash(mut self, survives: &mut impl FnMut() -> bool) -> Bytes {
        for sector in std::mem::take(&mut self.written).into_iter().filter(|_| survives()) {
            self.sync_sector(sector);
        }
        Bytes { now: self.synced.clone(), synced: self.synced, written: BTreeSet::new() }
    }
}

impl Disk for Memory {
    type File = MemoryFile;

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn read(&self, name: &str, len_max: u64) -> io::Result<Vec<u8>> {
        let file = self.file(name)?;
        let state = self.state();
        let bytes = &state.files[file].now;
        let len = usize::try_from(len_max).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes[..len].to_vec())
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        if self.file(name).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let file = {
            let mut state = self.state();
            state.files.push(Bytes::default());
            state.files.len() - 1
        };
        self.renaming(Renaming::Create(name.to_string(), file))?;
        Ok(MemoryFile { disk: self.clone(), file })
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        Ok(MemoryFile { disk: self.clone(), file: self.file(name)? })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.file(from)?;
        self.renaming(Renaming::Rename(from.to_string(), to.to_string()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.file(name)?;
        self.renaming(Renaming::Remove(name.to_string()))
    }

    fn sync(&self) -> io::Result<()> {
        let (mut state, fault) = self.operation();
        fault.map_or(Ok(()), |fault| Err(fault.error()))?;
        if !state.skips_syncs {
            state.synced_names = state.names.clone();
            state.renamings.clear();
        }
        Ok(())
    }
}

impl File for MemoryFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (mut state, fault) = self.disk.operation();
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let written = match fault {
            None => bytes,
            Some(Fault::Error) => &[],
            Some(Fault::Full) => {
                let end = (offset + bytes.len() / 2) / SECTOR_BYTES * SECTOR_BYTES;
                &bytes[..end.saturating_sub(offset)]
            }
        };
        state.files[self.file].write(offset, written);
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn sync(&mut self) -> io::Result<()> {
        let (mut state, fault) = self.disk.operation();
        fault.map_or(Ok(()), |fault| Err(fault.error()))?;
        if !state.skips_syncs {
            state.files[self.file].sync();
        }
        Ok(())
    }
}
