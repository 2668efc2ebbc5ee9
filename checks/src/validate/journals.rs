//! The journals of a directory: which servers, which lives, and whether all of them is there. What is not whole is
//! refused before anything is replayed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use raftlab_core::{ConfigError, NodeId};
use raftlab_node::journal::{self, Kind, ReadError, Reader, Record};

use super::run::Place;

/// A life of a server: which of them, from 1.
pub type LifeId = (NodeId, u64);

/// Why journals prove nothing.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The directory cannot be read.
    #[error("{}: {error}", dir.display())]
    Directory {
        /// Which.
        dir: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is nothing to be judged.
    #[error("{} holds no journals: servers write them where they are started with --record DIR", .0.display())]
    NoJournals(PathBuf),
    /// A file is not whole.
    #[error("{0}: what it said is not known, so nothing is proved")]
    Unreadable(#[from] ReadError),
    /// A file that nobody of ours named.
    #[error("{0} is not named as a journal is, such as n1-1.journal: take it out of the directory")]
    Misnamed(String),
    /// A file that was given another name.
    #[error("{file} is the journal of {}, life {}: files were exchanged", found.0, found.1)]
    Exchanged {
        /// Its name.
        file: String,
        /// What it is.
        found: LifeId,
    },
    /// Two clusters' journals in one directory.
    #[error(
        "{file} is of cluster {found:032x}, and another journal here of {expected:032x}: validate them apart"
    )]
    OtherCluster {
        /// The second.
        file: String,
        /// Its cluster.
        found: u128,
        /// The first one's.
        expected: u128,
    },
    /// A file is gone.
    #[error("{0} is missing: {1}")]
    Missing(String, &'static str),
    /// The end of a file may be gone.
    #[error("{0} has no end record, and no kill of that life was reported: its end is missing")]
    NoEnd(String),
    /// A file says nothing, or not at first what a journal does.
    #[error("{0} does not begin with the beginning of a life")]
    NoBeginning(String),
    /// The records of a file do not fit each other.
    #[error("{file}, record of step {step}: {what}")]
    Senseless {
        /// The file.
        file: String,
        /// The last step before it.
        step: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The server was told what no server is told.
    #[error("{file} is of a server that was told what none can be told: {error}")]
    Told {
        /// The file.
        file: String,
        /// Why.
        error: ConfigError,
    },
    /// Servers were told different things.
    #[error("{0} was told other founders of the cluster than another server")]
    OtherFounders(String),
    /// What was before was not recorded.
    #[error(
        "{0} is the first journal of its server, and its disk held something already: record from the first start on"
    )]
    RecordedLate(String),
    /// Two journals contradict each other.
    #[error(
        "{server}, life {life}, step {step} took {message} from {from}, which {from} never sent by its journals"
    )]
    NeverSent {
        /// Who took it.
        server: NodeId,
        /// In which life.
        life: u64,
        /// At which step.
        step: u64,
        /// By whom it was sent, as it says.
        from: NodeId,
        /// What.
        message: String,
    },
}

/// What was recorded of one life.
#[derive(Debug)]
pub struct Life {
    number: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    File {
        path: PathBuf,
        /// Was that life killed?
        is_killed: bool,
    },
    /// Whoever recorded it has kept it all; and the name that a file of it would have.
    Memory(Vec<Record>, String),
}

/// A life that is read.
#[derive(Debug)]
enum Open {
    File(Box<Reader>, bool),
    Memory(std::vec::IntoIter<Record>, String),
}

/// Is a journal whole?
fn look_through(path: &Path, of: LifeId, killed: &BTreeSet<LifeId>) -> Result<u128, InputError> {
    let mut reader = Reader::open(path)?;
    let (file, identity) = (reader.file().to_string(), reader.identity());
    let found = (identity.server, reader.life());
    if found != of {
        return Err(InputError::Exchanged { file, found });
    }
    let is_killed = killed.contains(&of);
    let (mut first, mut last) = (None, None);
    loop {
        match reader.skip_record() {
            Ok(Some(kind)) => {
                first = first.or(Some(kind));
                last = Some(kind);
            }
            Ok(None) => break,
            // Nothing that a process does leaves it before it is in its journal whole.
            Err(ReadError::Cut { .. }) if is_killed => break,
            Err(error) => return Err(error.into()),
        }
    }
    if first.map_or(!is_killed, |first| first != Kind::Begin) {
        return Err(InputError::NoBeginning(file));
    }
    let ends = matches!(last, Some(Kind::End | Kind::Unfinished));
    if ends || is_killed { Ok(identity.cluster) } else { Err(InputError::NoEnd(file)) }
}

/// Finds the journals of a directory, and looks through each. These lives were killed: their journals have no end.
///
/// # Errors
///
/// Whatever is missing, or not whole.
pub fn find(dir: &Path, killed: &BTreeSet<LifeId>) -> Result<BTreeMap<NodeId, VecDeque<Life>>, InputError> {
    let mut found: BTreeMap<LifeId, PathBuf> = BTreeMap::new();
    let of_dir = |error| InputError::Directory { dir: dir.to_path_buf(), error };
    for entry in fs::read_dir(dir).map_err(of_dir)? {
        let path = entry.map_err(of_dir)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(journal::SUFFIX) {
            let life = journal::named(&name).ok_or(InputError::Misnamed(name))?;
            found.insert(life, path);
        }
    }
    if found.is_empty() {
        return Err(InputError::NoJournals(dir.to_path_buf()));
    }
    let missing = |(server, life), why| InputError::Missing(journal::name(server, life), why);
    if let Some(life) = killed.iter().find(|life| !found.contains_key(life)) {
        return Err(missing(*life, "it is said that this life was killed"));
    }
    let mut lives: BTreeMap<NodeId, VecDeque<Life>> = BTreeMap::new();
    let mut cluster = None;
    for ((server, number), path) in found {
        let before = lives.entry(server).or_default();
        let expected = before.len() as u64 + 1;
        if number != expected {
            return Err(missing((server, expected), "there is one of a later life"));
        }
        let found = look_through(&path, (server, number), killed)?;
        let expected = *cluster.get_or_insert(found);
        if found != expected {
            let file = journal::name(server, number);
            return Err(InputError::OtherCluster { file, found, expected });
        }
        let is_killed = killed.contains(&(server, number));
        before.push_back(Life { number, source: Source::File { path, is_killed } });
    }
    Ok(lives)
}

/// The lives of one server of which the records were kept.
///
/// # Errors
///
/// If one does not begin with its beginning.
pub fn kept(server: NodeId, lives: Vec<Vec<Record>>) -> Result<VecDeque<Life>, InputError> {
    let numbered = (1..).zip(lives).map(|(number, records)| {
        let name = journal::name(server, number);
        match records.first() {
            Some(Record::Began(_)) => Ok(Life { number, source: Source::Memory(records, name) }),
            _ => Err(InputError::NoBeginning(name)),
        }
    });
    numbered.collect()
}

/// The journals of one server, record by record, life after life.
#[derive(Debug)]
pub struct Feed {
    lives: VecDeque<Life>,
    /// The life that is read.
    open: Option<Open>,
    next: Option<Record>,
    real: u64,
    life: u64,
    steps: u64,
}

impl Feed {
    /// The first record is there to be looked at.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn new(lives: VecDeque<Life>) -> Result<Feed, InputError> {
        let mut feed = Feed { lives, open: None, next: None, real: 0, life: 0, steps: 0 };
        feed.advance()?;
        Ok(feed)
    }

    /// The record that comes next.
    pub fn peek(&self) -> Option<&Record> {
        self.next.as_ref()
    }

    /// True time of the record that comes next; of one that has none, of that before it.
    pub fn real(&self) -> u64 {
        self.real
    }

    /// Where the next record of this server is: a step counts itself.
    pub fn place(&self, id: NodeId) -> Place {
        Place { id, life: self.life, step: self.steps }
    }

    /// The name of the file that the next record stands in.
    pub fn file(&self) -> String {
        match &self.open {
            Some(Open::File(reader, _)) => reader.file().to_string(),
            Some(Open::Memory(_, name)) => name.clone(),
            None => String::new(),
        }
    }

    /// Takes the next record, and looks at the one after it.
    ///
    /// # Errors
    ///
    /// If that cannot be read, or cannot stand there.
    pub fn pop(&mut self) -> Result<Option<Record>, InputError> {
        let record = self.next.take();
        if record.is_some() {
            self.advance()?;
        }
        Ok(record)
    }

    fn advance(&mut self) -> Result<(), InputError> {
        self.next = self.read()?;
        let senseless =
            |feed: &Feed, what| InputError::Senseless { file: feed.file(), step: feed.steps, what };
        let real = match &self.next {
            Some(Record::Began(_)) if self.steps > 0 => return Err(senseless(self, "a life begins once")),
            Some(Record::Began(began)) => began.real,
            Some(Record::Step(step, _) | Record::Unfinished(step)) => {
                self.steps += 1;
                step.real
            }
            Some(Record::End { steps }) if *steps != self.steps => {
                return Err(senseless(self, "it ends after another number of steps"));
            }
            Some(Record::Batch | Record::End { .. }) | None => self.real,
        };
        if real < self.real {
            return Err(senseless(self, "true time falls"));
        }
        self.real = real;
        Ok(())
    }

    /// The next record of this life, or the first of the next one.
    fn read(&mut self) -> Result<Option<Record>, InputError> {
        loop {
            if let Some(record) = self.open.as_mut().map_or(Ok(None), Open::next)? {
                return Ok(Some(record));
            }
            let Some(life) = self.lives.pop_front() else { return Ok(None) };
            self.open = Some(match life.source {
                Source::File { path, is_killed } => Open::File(Reader::open(&path)?.into(), is_killed),
                Source::Memory(records, name) => Open::Memory(records.into_iter(), name),
            });
            (self.life, self.steps) = (life.number, 0);
        }
    }
}

impl Open {
    fn next(&mut self) -> Result<Option<Record>, InputError> {
        match self {
            Open::Memory(records, _) => Ok(records.next()),
            Open::File(reader, is_killed) => match reader.next_record() {
                Err(ReadError::Cut { .. }) if *is_killed => Ok(None),
                next => Ok(next?),
            },
        }
    }
}
