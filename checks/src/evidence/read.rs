//! Reads a run's directory: what is there, what is missing, what is cut, each said with file and line.
//!
//! Nothing is skipped in silence. A line that cannot be read is a defect of its file, and a defect of a file that the
//! verdict rests on ([`FileState::is_necessary`]) makes the verdict an error.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny};

use super::record::{EventRecord, FaultRecord, FiredDocument, LoadRecord, Record, RunDocument, Sample};
use crate::failure::Failure;
use crate::history::{History, Operation};
use crate::measured;

/// So many defects of one file are told one by one; the others are counted.
const DEFECTS_MAX: usize = 5;

/// So many operations are kept to be told; all of them are judged elsewhere.
const OPERATIONS_KEPT: usize = 24;

/// What a run's directory holds.
#[derive(Debug, Default)]
pub struct Run {
    /// What was started.
    pub document: Option<RunDocument>,
    /// What was done to the cluster, in order of time.
    pub faults: Vec<FaultRecord>,
    /// What servers said, in order of time.
    pub events: Vec<EventRecord>,
    /// How servers stood, in order of time.
    pub samples: Vec<Sample>,
    /// What clients came to, in order of time.
    pub load: Vec<LoadRecord>,
    /// What was said while it went on.
    pub transcript: String,
    /// What clients asked for first, in order of time, and how many operations there are.
    pub operations: (Vec<Operation>, usize),
    /// The longest time between two operations that were done, of whichever clients, in microseconds.
    pub longest_pause_us: Option<u64>,
    /// How often faults struck.
    pub fired: FiredDocument,
    /// What was measured, if anything was.
    pub measured: Option<measured::Document>,
    /// Lines of servers' logs that tell of a panic, with file and line.
    pub panics: Vec<String>,
    /// How each file was found.
    pub files: Vec<FileState>,
    /// Where the run begins, in microseconds of the monotonic clock.
    pub start_us: u64,
    /// Where it ends; later than it begins.
    pub end_us: u64,
}

/// How a file was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileState {
    /// Its name in the directory.
    pub name: String,
    /// Does the verdict rest on it?
    pub is_necessary: bool,
    /// How many lines could be read; of a directory, how many files it holds.
    pub lines: u64,
    /// What is wrong with it: the first few, each with file and line.
    pub defects: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

impl FileState {
    fn new(name: &str, is_necessary: bool) -> FileState {
        FileState { name: name.into(), is_necessary, ..FileState::default() }
    }

    /// Is it there and whole?
    pub fn is_whole(&self) -> bool {
        self.defects.is_empty()
    }

    fn defect(&mut self, line: Option<u64>, says: &str) {
        if self.defects.len() == DEFECTS_MAX {
            self.more += 1;
            return;
        }
        let at = line.map_or(self.name.clone(), |line| format!("{}:{line}", self.name));
        self.defects.push(format!("{at}: {says}"));
    }

    fn missing(&mut self, error: &io::Error) {
        let says = if error.kind() == io::ErrorKind::NotFound { "missing".into() } else { error.to_string() };
        self.defect(None, &says);
    }
}

/// Reads what is there.
///
/// # Errors
///
/// If `dir` is no directory: exit 65. Whatever is wrong inside of it is a defect of the [`Run`].
pub fn read(dir: &Path) -> Result<Run, Failure> {
    if !dir.is_dir() {
        return Err(Failure::data(format!(
            "{}: not a directory: give the one that a run left",
            dir.display()
        )));
    }
    let mut run = Run::default();
    run.document = whole(dir, "run.json", true, &mut run.files);
    if let Some(schema) = run.document.as_ref().map(|document| &document.schema)
        && schema != "raftlab-run/1"
        && let Some(file) = run.files.last_mut()
    {
        file.defect(None, &format!("its schema is `{schema}`, and this program reads `raftlab-run/1`"));
    }
    run.faults = lines(dir, "faults.jsonl", true, &mut run.files);
    run.events = lines(dir, "events.jsonl", true, &mut run.files);
    run.samples = lines(dir, "samples.jsonl", true, &mut run.files);
    run.load = lines(dir, "load.jsonl", true, &mut run.files);
    let _: Vec<IgnoredAny> = lines(dir, "history.jsonl", true, &mut run.files);
    // Whether it can be read at all is judged with the history itself.
    let mut history =
        History::open(&dir.join("history.jsonl")).map_or(Vec::new(), |(_, all)| all.operations().to_vec());
    history.sort_by_key(|operation| operation.start_us);
    run.operations = (history.iter().take(OPERATIONS_KEPT).cloned().collect(), history.len());
    let mut done: Vec<u64> =
        history.iter().filter(|own| own.is_done()).filter_map(|own| own.end_us).collect();
    done.sort_unstable();
    run.longest_pause_us = done.windows(2).map(|two| two[1] - two[0]).max();
    run.transcript = fs::read_to_string(dir.join("transcript.txt")).unwrap_or_default();
    // Some faults are counted where they strike; without any, there is nothing to count.
    let is_counted = run.faults.iter().any(|fault| !super::fired::counters(fault).is_empty());
    run.fired = whole(dir, "fired.json", is_counted, &mut run.files).unwrap_or_default();
    if dir.join(measured::FILE).exists() {
        run.measured = whole(dir, measured::FILE, false, &mut run.files);
    }
    for name in ["events.jsonl", "samples.jsonl", "load.jsonl", "history.jsonl"] {
        if let Some(file) =
            run.files.iter_mut().find(|file| file.name == name && file.is_whole() && file.lines == 0)
        {
            file.defect(None, "empty");
        }
    }
    journals(dir, &mut run.files);
    metrics(dir, &mut run.files);
    run.order();
    run.read_logs(dir);
    Ok(run)
}

impl Run {
    /// The servers' names, in the order of their numbers.
    pub fn servers(&self) -> Vec<String> {
        let started = self.document.iter().flat_map(|document| &document.servers).map(|own| &own.server);
        let seen = self.samples.iter().map(|sample| &sample.server);
        let heard = self.events.iter().map(|event| &event.event.server);
        let mut names: Vec<String> = started.chain(seen).chain(heard).cloned().collect();
        // `n10` comes after `n9`.
        names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        names.dedup();
        names
    }

    /// How long after the start a moment is, in seconds.
    pub fn seconds(&self, at_us: u64) -> f64 {
        super::seconds(at_us.saturating_sub(self.start_us))
    }

    /// How long it took, in seconds.
    pub fn duration(&self) -> f64 {
        self.seconds(self.end_us)
    }

    /// The wall clock at a moment, in microseconds since 1970, if the run says how its clocks go together.
    pub fn unix_us(&self, at_us: u64) -> Option<u64> {
        let document = self.document.as_ref()?;
        (document.started_unix_us + at_us).checked_sub(document.started_at_us)
    }

    /// Whether the run's supervisor ended it in order.
    pub fn is_ended(&self) -> bool {
        self.document.as_ref().is_some_and(|document| document.ended_at_us.is_some())
    }

    /// Lines of several writers stand in a file as they came; here they stand as they happened.
    fn order(&mut self) {
        self.faults.sort_by_key(|fault| fault.at_us);
        self.events.sort_by_key(|event| event.at_us);
        self.samples.sort_by_key(|sample| sample.at_us);
        self.load.sort_by_key(|load| load.at_us);
        let firsts = [
            self.faults.first().map(|first| first.at_us),
            self.events.first().map(|first| first.at_us),
            self.samples.first().map(|first| first.at_us),
            self.load.first().map(|first| first.at_us),
        ];
        let lasts = [
            self.faults.last().map(|last| last.at_us),
            self.events.last().map(|last| last.at_us),
            self.samples.last().map(|last| last.at_us),
            self.load.last().map(|last| last.at_us),
        ];
        let document = self.document.as_ref();
        let started = document.map(|document| document.started_at_us);
        let ended = document.and_then(|document| document.ended_at_us);
        let start = started.or(firsts.into_iter().flatten().min()).unwrap_or(0);
        let end = ended.or(lasts.into_iter().flatten().max()).unwrap_or(0);
        // What is drawn has a width, even of a run that was over at once.
        (self.start_us, self.end_us) = (start, end.max(start + 1000));
    }

    /// A server that panics says so in its log.
    fn read_logs(&mut self, dir: &Path) {
        for server in self.servers() {
            let name = format!("{server}.log");
            let mut state = FileState::new(&name, false);
            match File::open(dir.join(&name)) {
                Err(error) => state.missing(&error),
                Ok(file) => {
                    for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
                        state.lines += 1;
                        let line = String::from_utf8_lossy(&line);
                        if line.contains("panicked at") {
                            self.panics.push(format!("{name}:{}: {}", state.lines, line.trim()));
                        }
                    }
                }
            }
            self.files.push(state);
        }
    }
}

/// One JSON document.
fn whole<T: DeserializeOwned>(
    dir: &Path,
    name: &str,
    is_necessary: bool,
    files: &mut Vec<FileState>,
) -> Option<T> {
    let mut state = FileState::new(name, is_necessary);
    let mut read = None;
    match fs::read(dir.join(name)) {
        Err(error) => state.missing(&error),
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(document) => {
                read = Some(document);
                state.lines =
                    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
            }
            Err(_) if bytes.is_empty() => state.defect(None, "empty"),
            Err(error) if error.is_eof() => {
                state.defect(Some(error.line() as u64), "cut: the document breaks off");
            }
            Err(error) => state.defect(Some(error.line() as u64), &says(&error)),
        },
    }
    files.push(state);
    read
}

/// JSON lines. One that is cut is kept if it can be read all the same.
pub(crate) fn lines<T: Record>(
    dir: &Path,
    name: &str,
    is_necessary: bool,
    files: &mut Vec<FileState>,
) -> Vec<T> {
    let mut state = FileState::new(name, is_necessary);
    let mut records = Vec::new();
    match File::open(dir.join(name)) {
        Err(error) => state.missing(&error),
        Ok(file) => {
            if let Err(error) = read_lines(BufReader::new(file), &mut state, &mut records) {
                state.defect(None, &error.to_string());
            }
        }
    }
    files.push(state);
    records
}

fn read_lines<T: Record>(
    mut file: impl BufRead,
    state: &mut FileState,
    records: &mut Vec<T>,
) -> io::Result<()> {
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        number += 1;
        let is_ended = line.last() == Some(&b'\n');
        let record = match serde_json::from_slice::<T>(&line) {
            Ok(record) => record,
            Err(_) if !is_ended => {
                state.defect(Some(number), "cut: the line breaks off");
                continue;
            }
            Err(error) => {
                state.defect(Some(number), &says(&error));
                continue;
            }
        };
        if let Some(wrong) = record.wrong() {
            state.defect(Some(number), &wrong);
            continue;
        }
        if !is_ended {
            state.defect(Some(number), "cut: the line has no end");
        }
        state.lines += 1;
        records.push(record);
    }
}

/// The parser's sentence, without the place in the line, which nobody counts.
fn says(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(says, _)| says.to_string())
}

/// What `lab validate` replays: it judges them, and here they have to be there.
fn journals(dir: &Path, files: &mut Vec<FileState>) {
    let mut state = FileState::new("journals", true);
    match fs::read_dir(dir.join("journals")) {
        Err(error) => state.missing(&error),
        Ok(entries) => {
            let mut sizes: Vec<(String, u64)> = entries
                .filter_map(Result::ok)
                .map(|entry| {
                    (
                        entry.file_name().to_string_lossy().into_owned(),
                        entry.metadata().map_or(0, |of| of.len()),
                    )
                })
                .collect();
            sizes.sort();
            state.lines = sizes.len() as u64;
            if sizes.is_empty() {
                state.defect(None, "holds no journal");
            }
            for (name, _) in sizes.iter().filter(|(_, size)| *size == 0) {
                state.defect(None, &format!("{name} is empty"));
            }
        }
    }
    files.push(state);
}

fn metrics(dir: &Path, files: &mut Vec<FileState>) {
    let mut state = FileState::new("metrics.prom", false);
    match fs::read(dir.join("metrics.prom")) {
        Err(error) => state.missing(&error),
        Ok(text) => {
            state.lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
            if state.lines == 0 {
                state.defect(None, "empty");
            }
        }
    }
    files.push(state);
}
