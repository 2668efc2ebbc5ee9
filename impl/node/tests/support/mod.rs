//! Real processes of the program `node`, for tests: each with its own directory and ports, all gone with the value.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The flags that name a cluster of three, and where each listens.
pub struct Cluster {
    pub dir: PathBuf,
    pub peers: Vec<SocketAddr>,
    pub http: Vec<SocketAddr>,
    pub flags: Vec<String>,
    children: Vec<Option<Child>>,
}

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub fn free_udp() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub fn free_tcp() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A directory of this test's own, empty.
pub fn fresh_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("raftlab-program-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

pub fn node() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs it to its end, which has to come soon.
pub fn ends(command: &mut Command) -> (Option<i32>, String) {
    let child = command.spawn().unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

impl Cluster {
    /// Three servers, with these flags besides.
    pub fn start(name: &str, flags: &[&str]) -> Cluster {
        let flags = flags.iter().map(ToString::to_string).collect();
        let (peers, http) = ((0..3).map(|_| free_udp()).collect(), (0..3).map(|_| free_tcp()).collect());
        let mut cluster =
            Cluster { dir: fresh_dir(name), peers, http, flags, children: vec![None, None, None] };
        (0..3).for_each(|at| cluster.start_one(at));
        cluster
    }

    pub fn initial_cluster(&self) -> String {
        let each = self.peers.iter().take(3).enumerate().map(|(at, peer)| format!("n{}={peer}", at + 1));
        each.collect::<Vec<_>>().join(",")
    }

    /// The command that starts a server.
    pub fn command(&self, at: usize) -> Command {
        let mut command = node();
        command
            .args([
                "--name",
                &format!("n{}", at + 1),
                "--heartbeat-interval",
                "30ms",
                "--election-timeout",
                "300ms",
            ])
            .args(["--listen-peer", &self.peers[at].to_string(), "--listen-http", &self.http[at].to_string()])
            .args(["--initial-cluster", &self.initial_cluster()])
            .arg("--data-dir")
            .arg(self.data_dir(at))
            .args(&self.flags);
        command
    }

    pub fn data_dir(&self, at: usize) -> PathBuf {
        self.dir.join(format!("n{}", at + 1))
    }

    pub fn start_one(&mut self, at: usize) {
        let mut command = self.command(at);
        self.start_with(at, &mut command);
    }

    pub fn start_with(&mut self, at: usize, command: &mut Command) {
        let path = self.dir.join(format!("n{}.log", at + 1));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        if self.children.len() <= at {
            self.children.resize_with(at + 1, || None);
        }
        self.children[at] = Some(command.stderr(log).spawn().unwrap());
    }

    /// As `kill -9` does.
    pub fn kill(&mut self, at: usize) {
        let mut child = self.children[at].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to end, and says with what it did.
    pub fn terminate(&mut self, at: usize) -> Option<i32> {
        let mut child = self.children[at].take().unwrap();
        let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(killed.success());
        child.wait().unwrap().code()
    }

    /// Waits until it ends by itself, and says with what.
    pub fn wait_for_end(&mut self, at: usize) -> Option<i32> {
        let mut child = self.children[at].take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it never ends");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn is_running(&self, at: usize) -> bool {
        self.children[at].is_some()
    }

    pub fn log(&self, at: usize) -> String {
        std::fs::read_to_string(self.dir.join(format!("n{}.log", at + 1))).unwrap()
    }

    pub fn get(&self, at: usize, path: &str) -> Option<Answer> {
        request(self.http[at], &format!("GET {path} HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"))
    }

    pub fn post(&self, at: usize, path: &str, body: &str) -> Option<Answer> {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: n\r\nConnection: close\r\nContent-Length: {}", body.len());
        request(self.http[at], &format!("{head}\r\n\r\n{body}"))
    }

    pub fn status(&self, at: usize) -> Option<Value> {
        self.get(at, "/status").map(|answer| answer.json())
    }

    /// Who leads, of those that run and can be reached: the one of the highest term.
    pub fn leader(&self) -> Option<usize> {
        let leads = |at: &usize| {
            let status = self.is_running(*at).then(|| self.status(*at)).flatten()?;
            (status["role"] == "leader").then(|| status["term"].as_u64())?
        };
        (0..self.children.len()).filter_map(|at| Some((leads(&at)?, at))).max().map(|(_, at)| at)
    }

    pub fn wait_for_leader(&self) -> usize {
        wait_for("a leader", || self.leader())
    }

    /// Asks whoever leads, until it is done.
    pub fn insist(&self, path: &str, body: &str) -> Value {
        wait_for(body, || {
            let answer = self.post(self.leader()?, path, body)?;
            (answer.status == 200).then(|| answer.json())
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            println!("what they said is in {}", self.dir.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// Waits until there is something.
pub fn wait_for<T>(what: &str, mut is_there: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing came of: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Nothing, if nobody listens or answers.
fn request(address: SocketAddr, text: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(7))).unwrap();
    stream.write_all(text.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_string() })
}

/// A file that only its owner can read.
pub fn write_secret(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
