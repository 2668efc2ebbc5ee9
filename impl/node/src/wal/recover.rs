//! From files to what they say: the table at the top of `wal.rs`, line by line.

use raftlab_core::{Durable, Entry, LogId, Write, is_continuation};

use super::Identity;
use super::error::{OpenError, Recovery, Torn};
use super::frame::{self, Found};
use super::inspect::Record;
use super::segment::{HEADER_BYTES, Header, UNFINISHED, segment_name, segment_number, snapshot_name};
use super::snapshot;
use crate::disk::Disk;

/// What the files say.
pub struct Recovered {
    /// What the core starts from.
    pub durable: Durable,
    /// The segment that is written to, and where.
    pub last: Option<(Header, usize)>,
    /// Where remains of a torn record have to be made zeros, if there are any.
    pub torn: Option<std::ops::Range<usize>>,
    /// What is not needed any more.
    pub leftovers: Vec<String>,
    /// For people.
    pub report: Recovery,
}

/// Reads a log, and shows each record that is good. Nothing is changed.
///
/// # Errors
///
/// Whatever is wrong with it.
pub fn recover<D: Disk>(
    disk: &D,
    identity: Identity,
    show: &mut dyn FnMut(&Record<'_>),
) -> Result<Recovered, OpenError> {
    let names = disk.names().map_err(OpenError::io("listing the directory"))?;
    let numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    let Some(first) = first_needed(disk, identity, &numbers)? else {
        return new_log(names);
    };
    let mut recovered = Recovered::begin(disk, identity, first)?;
    for number in first..=numbers.last().copied().unwrap_or(first) {
        let is_last = numbers.last() == Some(&number);
        recovered.segment(disk, identity, number, is_last, show)?;
    }
    let kept_snapshot = recovered.durable.snapshot.as_ref().map(|kept| snapshot_name(kept.last));
    recovered.leftovers = names
        .into_iter()
        .filter(|name| {
            let is_covered = segment_number(name).is_some_and(|number| number < first);
            let is_old_snapshot = name.starts_with("snapshot-") && Some(name) != kept_snapshot.as_ref();
            is_covered || is_old_snapshot || name.ends_with(UNFINISHED)
        })
        .collect();
    Ok(recovered)
}

/// A log that was never begun: only what an interrupted start leaves may be there.
fn new_log(names: Vec<String>) -> Result<Recovered, OpenError> {
    if let Some(snapshot) =
        names.iter().find(|name| name.starts_with("snapshot-") && !name.ends_with(UNFINISHED))
    {
        return Err(OpenError::Missing(format!("the log to which {snapshot} belongs")));
    }
    if let Some(foreign) = names.iter().find(|name| !name.ends_with(UNFINISHED)) {
        return Err(OpenError::NotOurs(foreign.clone()));
    }
    let report = Recovery { is_new: true, ..Recovery::default() };
    Ok(Recovered { durable: Durable::default(), last: None, torn: None, leftovers: names, report })
}

/// The last segment that needs none before it.
fn first_needed<D: Disk>(disk: &D, identity: Identity, numbers: &[u64]) -> Result<Option<u64>, OpenError> {
    for number in numbers.iter().rev() {
        if read_segment(disk, identity, *number, HEADER_BYTES as u64)?.0.is_checkpoint {
            return Ok(Some(*number));
        }
    }
    numbers.first().map_or(Ok(None), |first| Err(OpenError::Missing(segment_name(first.saturating_sub(1)))))
}

/// Whose log it is, by its newest segment; nothing if there is none.
///
/// # Errors
///
/// If the head of that is damaged, or of a newer program.
pub fn owner<D: Disk>(disk: &D) -> Result<Option<Identity>, OpenError> {
    let names = disk.names().map_err(OpenError::io("listing the directory"))?;
    let Some(file) = names.iter().rev().find(|name| segment_number(name).is_some()) else { return Ok(None) };
    let head = read(disk, file, HEADER_BYTES as u64)?;
    Header::decode(file, &head).map(|header| Some(header.identity))
}

/// All of a segment, or its head alone.
fn read_segment<D: Disk>(
    disk: &D,
    identity: Identity,
    number: u64,
    len_max: u64,
) -> Result<(Header, Vec<u8>), OpenError> {
    let file = segment_name(number);
    let bytes = read(disk, &file, len_max)?;
    let header = Header::decode(&file, &bytes)?;
    if header.identity != identity {
        return Err(OpenError::Foreign { file, found: header.identity, expected: identity });
    }
    let damaged = |what| OpenError::Damaged { file: file.clone(), offset: 0, record: 0, what };
    if header.number != number {
        return Err(damaged("it is another segment under this name"));
    }
    if header.len.min(len_max) != bytes.len() as u64 {
        return Err(damaged("it is not as long as it was made"));
    }
    Ok((header, bytes))
}

fn read<D: Disk>(disk: &D, file: &str, len_max: u64) -> Result<Vec<u8>, OpenError> {
    disk.read(file, len_max).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => OpenError::Missing(file.to_string()),
        _ => OpenError::Io { doing: format!("reading {file}"), error },
    })
}

impl Recovered {
    /// Begins with the snapshot of the first segment, if it has one.
    fn begin<D: Disk>(disk: &D, identity: Identity, first: u64) -> Result<Recovered, OpenError> {
        let (header, _) = read_segment(disk, identity, first, HEADER_BYTES as u64)?;
        let mut durable = Durable::default();
        if header.snapshot != LogId::ZERO {
            let bytes = read(disk, &snapshot_name(header.snapshot), u64::MAX)?;
            let snapshot = snapshot::decode(identity, header.snapshot, &bytes)?;
            durable.apply(&Write::Snapshot(snapshot));
        }
        let report = Recovery {
            snapshot: Some(header.snapshot).filter(|last| *last != LogId::ZERO),
            ..Recovery::default()
        };
        Ok(Recovered { durable, last: None, torn: None, leftovers: Vec::new(), report })
    }

    fn segment<D: Disk>(
        &mut self,
        disk: &D,
        identity: Identity,
        number: u64,
        is_last: bool,
        show: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), OpenError> {
        let file = segment_name(number);
        let (header, bytes) = read_segment(disk, identity, number, u64::MAX)?;
        let (seed, born) = (header.seed(), usize::try_from(header.born).unwrap_or(usize::MAX));
        let (mut at, mut record) = (HEADER_BYTES, 0);
        loop {
            record += 1;
            let damaged = |what| OpenError::Damaged { file: file.clone(), offset: at as u64, record, what };
            match frame::read(&bytes, seed, at) {
                Found::Record { payload, next } => {
                    let writes = apply(&mut self.durable, payload)
                        .ok_or_else(|| OpenError::Senseless { file: file.clone(), record })?;
                    show(&Record { file: &file, offset: at as u64, record, writes: &writes });
                    self.report.records += 1;
                    self.report.bytes += (next - at) as u64;
                    at = next;
                }
                Found::Damaged(what) => return Err(damaged(what)),
                _ if at < born => return Err(damaged("and it was synced before the segment had a name")),
                Found::End => break,
                Found::Torn if is_last => {
                    self.torn = Some(at..bytes.len());
                    self.report.torn = Some(Torn { file: file.clone(), offset: at as u64 });
                    break;
                }
                Found::Torn => return Err(damaged("and a later segment was begun")),
            }
        }
        self.report.segments += 1;
        self.last = Some((header, at));
        Ok(())
    }
}

/// Replays a record, and gives what it says; `None` if it cannot follow what is there.
fn apply(durable: &mut Durable, payload: &[u8]) -> Option<Vec<Write>> {
    let (writes, rest) = postcard::take_from_bytes::<Vec<Write>>(payload).ok()?;
    for write in writes.iter().filter(|_| rest.is_empty()) {
        let follows = match write {
            Write::Vote { .. } => true,
            Write::Log { after, entries } => {
                let prev = durable.log.term_at(*after).map(|term| LogId::new(term, *after));
                prev.is_some_and(|prev| is_continuation(prev, entries))
            }
            // A snapshot is a file, and the beginning of a segment.
            Write::Snapshot(_) => false,
        };
        follows.then_some(())?;
        durable.apply(write);
    }
    rest.is_empty().then_some(writes)
}

/// What a checkpoint has to say of `durable`, besides its snapshot.
pub fn checkpoint(durable: &Durable) -> Vec<Write> {
    let entries: Vec<Entry> = durable.log.entries().to_vec();
    let mut writes = vec![Write::Vote { term: durable.term, voted_for: durable.voted_for }];
    if !entries.is_empty() {
        writes.push(Write::Log { after: durable.log.base().index, entries });
    }
    writes
}
