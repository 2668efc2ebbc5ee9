//! What is diagnosed: scraped metrics, what servers said, how clients fared. No more than production has: what was done
//! to a cluster on purpose is never read, nor are the servers' own counts of faults.

use std::fs;
use std::path::Path;

use raftlab_node::client::endpoints;

use crate::evidence::read::{self, FileState};
use crate::evidence::record::{EventRecord, LoadRecord, Sample};
use crate::failure::Failure;
use crate::lab::metrics;

/// All that there is to argue from, each in order of time.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// How servers stood.
    pub samples: Vec<Sample>,
    /// What they said.
    pub events: Vec<EventRecord>,
    /// What clients came to.
    pub load: Vec<LoadRecord>,
    /// Lines of logs that tell how a process ended.
    pub ends: Vec<End>,
    /// What there was to read, and what was not there, for people.
    pub read: Vec<String>,
    /// What would help, and was not there.
    pub missing: Vec<String>,
}

/// How a process ended, by its own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Whose.
    pub server: String,
    /// File and line.
    pub at: String,
    /// What it says.
    pub says: String,
    /// Was it asked to?
    pub is_asked: bool,
}

/// Where something to diagnose lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Live servers.
    Servers(Vec<std::net::SocketAddr>),
    /// A run's directory, or another with the same files.
    Directory(std::path::PathBuf),
    /// Texts of metrics.
    Pages(Vec<std::path::PathBuf>),
}

impl Source {
    /// What these words name.
    ///
    /// # Errors
    ///
    /// If they name nothing that is there (65), or things of several kinds (2).
    pub fn of(words: &[String]) -> Result<Source, Failure> {
        let paths: Vec<_> = words.iter().map(std::path::PathBuf::from).collect();
        match paths.as_slice() {
            [one] if one.is_dir() => return Ok(Source::Directory(one.clone())),
            paths if paths.iter().all(|path| path.is_file()) => return Ok(Source::Pages(paths.to_vec())),
            paths if paths.iter().any(|path| path.exists()) => {
                return Err(Failure::usage(
                    "give one directory, or texts of metrics, or servers as host:port, and not several of these",
                ));
            }
            _ => {}
        }
        let servers: Vec<String> = words
            .iter()
            .map(|word| word.trim_start_matches("http://").trim_end_matches('/').to_string())
            .collect();
        match endpoints(&servers.join(",")) {
            Ok(servers) => Ok(Source::Servers(servers)),
            Err(error) => Err(Failure::data(format!(
                "{}: no directory, no text of metrics, and no server: {error}",
                words.join(" ")
            ))),
        }
    }
}

/// Reads a directory: `samples.jsonl` has to be there, or `metrics.prom` in its place.
///
/// # Errors
///
/// Whatever is missing, empty or cut, with file and line: exit 65.
pub fn directory(dir: &Path) -> Result<Input, Failure> {
    let mut files = Vec::new();
    let mut input = Input::default();
    if dir.join("samples.jsonl").exists() || !dir.join("metrics.prom").exists() {
        input.samples = read::lines(dir, "samples.jsonl", true, &mut files);
        if input.samples.is_empty() && files.iter().all(FileState::is_whole) {
            return Err(Failure::data(format!(
                "{}: empty: no server was scraped",
                dir.join("samples.jsonl").display()
            )));
        }
    } else {
        input.samples = together(&dir.join("metrics.prom"))?;
        input.missing.push("samples.jsonl: scrape /metrics every second or so, and keep what it says".into());
    }
    for (name, why) in [
        ("events.jsonl", "what servers said at /events: moments to the millisecond"),
        ("load.jsonl", "what clients came to, second by second"),
    ] {
        if !dir.join(name).exists() {
            input.missing.push(format!("{name}: {why}"));
        } else if name == "events.jsonl" {
            input.events = read::lines(dir, name, false, &mut files);
        } else {
            input.load = read::lines(dir, name, false, &mut files);
        }
    }
    let defects: Vec<&str> = files.iter().flat_map(|file| &file.defects).map(String::as_str).collect();
    if let Some(first) = defects.first() {
        let more =
            if defects.len() > 1 { format!(", and {} more", defects.len() - 1) } else { String::new() };
        return Err(Failure::data(format!("{}/{first}{more}", dir.display())));
    }
    // Faults that were asked for are nothing that production says.
    input.events.retain(|event| event.event.kind != "fault");
    input.read.push(format!(
        "{} scrapes, {} events, {} seconds of clients' work in {}",
        input.samples.len(),
        input.events.len(),
        input.load.len(),
        dir.display()
    ));
    logs(dir, &mut input);
    input.order();
    Ok(input)
}

/// Reads texts of metrics, each of one server, or of several with a label `server`.
///
/// # Errors
///
/// If one is not that: exit 65.
pub fn pages(paths: &[std::path::PathBuf]) -> Result<Input, Failure> {
    let mut input = Input::default();
    for path in paths {
        input.samples.extend(together(path)?);
        input.read.push(format!("one scrape in {}", path.display()));
    }
    input.missing.push(
        "a second scrape: one moment shows no course of events (lab diagnose host:port --for 5s)".into(),
    );
    input.order();
    Ok(input)
}

impl Input {
    /// Lines of several writers stand as they came; here they stand as they happened.
    pub fn order(&mut self) {
        self.samples.sort_by_key(|sample| sample.at_us);
        self.events.sort_by_key(|event| event.at_us);
        self.load.sort_by_key(|load| load.at_us);
    }
}

/// The pages of several servers in one file, or of one.
fn together(path: &Path) -> Result<Vec<Sample>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Failure::data(format!("{}: no text in UTF-8", path.display())),
        _ => Failure::at(path, &error),
    })?;
    if text.trim().is_empty() {
        return Err(Failure::data(format!("{}: empty", path.display())));
    }
    if !text.trim_end().ends_with("# EOF") {
        let lines = text.lines().count();
        return Err(Failure::data(format!("{}:{lines}: cut: its last line is not `# EOF`", path.display())));
    }
    let pages = metrics::apart(&text);
    let samples: Vec<Sample> = pages
        .into_iter()
        .map(|(server, page)| {
            let server = server.or_else(|| own_name(&page)).unwrap_or_else(|| stem(path));
            Sample::of_page(0, server, &page)
        })
        .collect();
    match samples.iter().find(|sample| sample.role.is_none() || sample.term.is_none()) {
        Some(sample) => Err(Failure::data(format!(
            "{}: {} says neither raftlab_role nor raftlab_term: are these the metrics of a raftlab server?",
            path.display(),
            sample.server
        ))),
        None => Ok(samples),
    }
}

/// A server does not say its name in its metrics; it is the member that is none of its peers.
fn own_name(page: &str) -> Option<String> {
    let mut members = metrics::values(page, "raftlab_member").filter_map(|(labels, _)| labels.get("server"));
    let is_peer = |name: &&str| {
        metrics::values(page, "raftlab_peer_datagrams_missing_total")
            .any(|(labels, _)| labels.get("to") == Some(name))
    };
    let mut own = members.by_ref().filter(|name| !is_peer(name));
    let name = own.next()?;
    own.next().is_none().then(|| name.to_string())
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "server".into(), |stem| stem.to_string_lossy().into_owned())
}

/// What logs tell of ends: a panic, an error, or that it was asked for.
fn logs(dir: &Path, input: &mut Input) {
    let mut servers: Vec<String> = input.samples.iter().map(|sample| sample.server.clone()).collect();
    servers.sort();
    servers.dedup();
    let mut found = 0;
    for server in servers {
        let path = dir.join(format!("{server}.log"));
        let Ok(bytes) = fs::read(&path) else { continue };
        found += 1;
        for (at, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let is_asked = line.contains("asked to end");
            if is_asked || line.contains("panicked at") {
                let (at, says) = (format!("{server}.log:{}", at + 1), line.trim().to_string());
                input.ends.push(End { server: server.clone(), at, says, is_asked });
            }
        }
    }
    if found == 0 {
        input
            .missing
            .push("servers' logs: they tell a panic or an orderly end from a death without a word".into());
    }
}
