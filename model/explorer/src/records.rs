//! States in the order in which they were found: for each its cells, and how the search came to it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::chunks::Chunks;

/// A state: the cells of the actors, in their order, and the ambient last. What is not needed is 0.
pub(crate) type State<const W: usize> = [u32; W];

/// The parent of an initial state.
pub(crate) const NONE: u32 = u32::MAX;
/// Numbers are handed to threads in blocks of this many.
const BLOCK: u32 = 1024;

struct Record<const W: usize>([AtomicU32; W]);

impl<const W: usize> Default for Record<W> {
    fn default() -> Self {
        Record(std::array::from_fn(|_| AtomicU32::new(0)))
    }
}

/// All states that are still needed, by number.
pub(crate) struct Records<const W: usize> {
    states: Chunks<Record<W>>,
    /// Under symmetry, where states are kept, their second fingerprints.
    checks: Option<Chunks<AtomicU64>>,
    parents: Chunks<AtomicU32>,
    /// The steps by which states were reached, where states are not kept to find out.
    vias: Option<Chunks<AtomicU32>>,
    /// Of states below a number, how the search came to them is in a file.
    on_disk: Option<OnDisk>,
    blocks: AtomicU32,
}

/// From which state, and by which step, if that is kept; nothing, to the initial state.
pub(crate) type CameBy = Option<(u32, Option<u32>)>;

/// How the search came to states, in a file.
struct OnDisk {
    path: PathBuf,
    file: File,
    /// To those below this number.
    below: u32,
}

/// The numbers that a thread may give.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cursor {
    next: u32,
    end: u32,
    /// Where the numbers given since the last [`Cursor::take`] start, in this block.
    start: u32,
    /// Those of earlier blocks.
    given: Vec<Range<u32>>,
}

impl<const W: usize> Records<W> {
    pub fn new(keeps_vias: bool, keeps_checks: bool) -> Records<W> {
        Records {
            states: Chunks::new(),
            checks: keeps_checks.then(Chunks::new),
            parents: Chunks::new(),
            vias: keeps_vias.then(Chunks::new),
            on_disk: None,
            blocks: AtomicU32::new(0),
        }
    }

    /// The next number of this thread; giving it out is [`Cursor::advance`]. None if there are none left.
    #[inline]
    pub fn reserve(&self, cursor: &mut Cursor) -> Option<u32> {
        if cursor.next == cursor.end {
            self.refill(cursor)?;
        }
        Some(cursor.next)
    }

    #[cold]
    fn refill(&self, cursor: &mut Cursor) -> Option<()> {
        cursor.close();
        // The last block is never given: its last number would be NONE.
        let block = self.blocks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |block| {
            Some(block + 1).filter(|&next| next < u32::MAX / BLOCK)
        });
        cursor.start = block.ok()? * BLOCK;
        (cursor.next, cursor.end) = (cursor.start, cursor.start + BLOCK);
        self.states.make(cursor.start);
        self.parents.make(cursor.start);
        if let Some(vias) = &self.vias {
            vias.make(cursor.start);
        }
        if let Some(checks) = &self.checks {
            checks.make(cursor.start);
        }
        Some(())
    }

    #[inline]
    pub fn write(&self, at: u32, state: &State<W>, check: u64) {
        if let Some(checks) = &self.checks {
            checks.get(at).store(check, Ordering::Relaxed);
        }
        for (place, &word) in self.states.get(at).0.iter().zip(state) {
            place.store(word, Ordering::Relaxed);
        }
    }

    #[inline]
    pub fn read(&self, at: u32) -> State<W> {
        let record = self.states.get(at);
        std::array::from_fn(|place| record.0[place].load(Ordering::Relaxed))
    }

    #[inline]
    pub fn is(&self, at: u32, state: &State<W>) -> bool {
        let record = self.states.get(at);
        // All words are compared: a difference is rare, and a branch for each costs more.
        (0..W)
            .fold(0, |difference, place| difference | record.0[place].load(Ordering::Relaxed) ^ state[place])
            == 0
    }

    /// The second fingerprint of a state, where those are kept.
    #[inline]
    pub fn check(&self, at: u32) -> u64 {
        self.checks.as_ref().map_or(0, |checks| checks.get(at).load(Ordering::Relaxed))
    }

    #[inline]
    pub fn link(&self, at: u32, parent: u32, via: u32) {
        self.parents.get(at).store(parent, Ordering::Relaxed);
        if let Some(vias) = &self.vias {
            vias.get(at).store(via, Ordering::Relaxed);
        }
    }

    /// The parent of a state, which the initial one has not, and the step from there, if that is kept.
    pub fn came_by(&self, at: u32) -> Result<CameBy, (&Path, io::Error)> {
        let (parent, via) = match &self.on_disk {
            Some(disk) if at < disk.below => {
                read_link(&disk.file, at).map_err(|fault| (&*disk.path, fault))?
            }
            _ => self.linked(at),
        };
        Ok((parent != NONE).then_some((parent, self.vias.as_ref().map(|_| via))))
    }

    /// All numbers up to this one were handed out.
    pub fn numbers(&self) -> u32 {
        self.blocks.load(Ordering::Relaxed) * BLOCK
    }

    /// The parent and the step of a number that was handed out, given or not.
    pub fn linked(&self, at: u32) -> (u32, u32) {
        let via = self.vias.as_ref().map_or(0, |vias| vias.get(at).load(Ordering::Relaxed));
        (self.parents.get(at).load(Ordering::Relaxed), via)
    }

    /// Hands out numbers from here on.
    pub fn number_from(&self, numbers: u32) {
        self.blocks.store(numbers / BLOCK, Ordering::Relaxed);
    }

    /// Writes a state of another process under the number that it had.
    pub fn restore(&self, at: u32, state: &State<W>, check: u64) {
        self.states.make(at);
        if let Some(checks) = &self.checks {
            checks.make(at);
        }
        self.write(at, state, check);
    }

    /// The same for how the search came to it.
    pub fn relink(&self, at: u32, parent: u32, via: u32) {
        self.parents.make(at);
        if let Some(vias) = &self.vias {
            vias.make(at);
        }
        self.link(at, parent, via);
    }

    /// Forgets the cells of all states below `at`; how the search came to them stays.
    pub fn forget_below(&mut self, at: u32) {
        self.states.drop_below(at);
    }

    /// Of states below `at`, how the search came to them goes into the file at `path`. Returns how many bytes that are.
    pub fn spill_links(&mut self, path: &Path, at: u32) -> io::Result<u64> {
        let mut disk = match self.on_disk.take() {
            Some(disk) => disk,
            None => OnDisk {
                path: path.to_owned(),
                file: OpenOptions::new().read(true).append(true).create(true).open(path)?,
                below: 0,
            },
        };
        let numbers = disk.below..at.max(disk.below);
        let mut to = BufWriter::with_capacity(1 << 20, &disk.file);
        for at in numbers.clone() {
            // Numbers of a block that nobody had for this level may never have been given; nobody asks for them.
            let (parent, via) = self.linked(at);
            to.write_all(&parent.to_le_bytes())?;
            to.write_all(&via.to_le_bytes())?;
        }
        to.flush()?;
        drop(to);
        disk.below = numbers.end;
        self.on_disk = Some(disk);
        self.parents.drop_below(at);
        self.vias.iter_mut().for_each(|vias| vias.drop_below(at));
        Ok((numbers.len() * LINK) as u64)
    }

    pub fn bytes(&self) -> usize {
        let checks = self.checks.as_ref().map_or(0, Chunks::bytes);
        self.states.bytes() + checks + self.parents.bytes() + self.vias.as_ref().map_or(0, Chunks::bytes)
    }
}

/// Bytes of how the search came to one state.
const LINK: usize = 8;

fn read_link(mut file: &File, at: u32) -> io::Result<(u32, u32)> {
    let mut bytes = [0; LINK];
    file.seek(SeekFrom::Start(u64::from(at) * LINK as u64))?;
    file.read_exact(&mut bytes)?;
    let [p0, p1, p2, p3, v0, v1, v2, v3] = bytes;
    Ok((u32::from_le_bytes([p0, p1, p2, p3]), u32::from_le_bytes([v0, v1, v2, v3])))
}

impl Cursor {
    /// The number that was reserved is given.
    #[inline]
    pub fn advance(&mut self) {
        self.next += 1;
    }

    /// The lowest number that it may still give.
    pub fn floor(&self) -> u32 {
        if self.next < self.end { self.next } else { NONE }
    }

    fn close(&mut self) {
        if self.start < self.next {
            self.given.push(self.start..self.next);
        }
        self.start = self.next;
    }

    /// The numbers given since the last time.
    pub fn take(&mut self) -> Vec<Range<u32>> {
        self.close();
        std::mem::take(&mut self.given)
    }

    /// The numbers that this process and others gave in this level.
    pub fn put_back(&mut self, given: Vec<Range<u32>>) {
        self.given.extend(given);
    }

    /// The numbers given since the last time, which are not taken.
    pub fn given(&self) -> Vec<Range<u32>> {
        let now = self.start..self.next;
        self.given.iter().cloned().chain(std::iter::once(now).filter(|now| !now.is_empty())).collect()
    }
}
