//! The side of the commands: finds the run that is meant, asks, and reads what is answered.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;

use super::socket::connect;
use super::{Reply, Request};
use crate::failure::Failure;
use crate::lab::files::RunDocument;
use crate::verdict::exit;

/// A request that is being answered.
#[derive(Debug)]
pub struct Conversation {
    replies: Lines<BufReader<UnixStream>>,
}

/// What `lab ctl` is told, and where the servers are of the cluster that is up, unless that is said.
pub fn with_endpoints(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_told = |argument: &OsString| argument.to_string_lossy().starts_with("--endpoints");
    if std::env::var_os("RAFTLAB_ENDPOINTS").is_none()
        && !arguments.iter().any(is_told)
        && let Some(endpoints) = endpoints()
    {
        arguments.insert(1, format!("--endpoints={endpoints}").into());
    }
    arguments
}

fn endpoints() -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let (dir, _) = runtime.block_on(find(None)).ok()?;
    let document = fs::read_to_string(dir.join("run.json")).ok()?;
    let RunDocument { servers, .. } = serde_json::from_str(&document).ok()?;
    let http: Vec<_> = servers.iter().map(|server| server.http.to_string()).collect();
    (!http.is_empty()).then(|| http.join(","))
}

/// The directory of the run that is meant, and a connection to its supervisor: `dir` if it is given, else the newest run
/// under `runs` that is up.
///
/// # Errors
///
/// If nobody is up there: exit 69.
pub async fn find(dir: Option<&Path>) -> Result<(PathBuf, UnixStream), Failure> {
    let nobody = |message: String| Failure { exit: exit::UNREACHABLE, message };
    if let Some(dir) = dir {
        let connection = connect(dir).await;
        return connection.map(|connection| (dir.to_path_buf(), connection)).map_err(|error| {
            let why = match error.kind() {
                ErrorKind::NotFound => "no run of `lab up`".to_string(),
                ErrorKind::ConnectionRefused => "its run is over".to_string(),
                _ => error.to_string(),
            };
            nobody(format!(
                "nobody is up in {}: {why}. Start a cluster with `lab up --nodes 3`",
                dir.display()
            ))
        });
    }
    let runs = Path::new("runs");
    let mut dirs: Vec<_> =
        fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    // Their names begin with the time, and `latest` comes after all of them; but it may be of another command.
    dirs.sort();
    for dir in dirs.into_iter().rev() {
        if let Ok(connection) = connect(&dir).await {
            return Ok((dir, connection));
        }
    }
    let says =
        "nobody is up in ./runs: start a cluster with `lab up --nodes 3`, or say where it is with --dir";
    Err(nobody(says.into()))
}

impl Conversation {
    /// Asks.
    ///
    /// # Errors
    ///
    /// If the supervisor is gone.
    pub async fn begin(mut connection: UnixStream, request: &Request) -> Result<Conversation, Failure> {
        let mut line = serde_json::to_vec(request).map_err(|error| Failure::internal(error.to_string()))?;
        line.push(b'\n');
        connection.write_all(&line).await.map_err(|_| gone())?;
        Ok(Conversation { replies: BufReader::new(connection).lines() })
    }

    /// The next reply.
    ///
    /// # Errors
    ///
    /// If the supervisor is gone, or says what this program does not know.
    pub async fn next(&mut self) -> Result<Reply, Failure> {
        let line = self.replies.next_line().await.ok().flatten().ok_or_else(gone)?;
        serde_json::from_str(&line)
            .map_err(|error| Failure::data(format!("the supervisor says what cannot be read: {error}")))
    }
}

fn gone() -> Failure {
    let message = "the supervisor ended before it answered: whether it was done is not known".into();
    Failure { exit: exit::UNREACHABLE, message }
}
