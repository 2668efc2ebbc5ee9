//! A cluster of real processes, driven through the command as a person drives it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Servers that elect quickly: nobody waits long for them.
pub const FAST: [&str; 5] = ["--", "--heartbeat-interval", "40ms", "--election-timeout", "400ms"];

/// How long a command may take: none waits so long that is not stuck.
const ENDS_WITHIN: Duration = Duration::from_secs(100);

/// A supervisor in the foreground of nothing.
pub struct Lab {
    pub child: Child,
    pub dir: PathBuf,
    out: BufReader<ChildStdout>,
}

/// A directory of this test's own that is not there.
pub fn fresh(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{name}"));
    let _ = fs::remove_dir_all(&dir);
    dir
}

/// The command, run from a directory of its own.
pub fn lab(dir: &Path, args: &[&str]) -> Command {
    fs::create_dir_all(dir).expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(args).current_dir(dir).stdin(Stdio::null());
    command
}

/// Runs the command to its end, which has to come.
pub fn says(dir: &Path, args: &[&str]) -> Output {
    let child =
        lab(dir, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    let pid = child.id();
    let (told, hears) = channel();
    std::thread::spawn(move || told.send(child.wait_with_output()));
    let output = hears.recv_timeout(ENDS_WITHIN);
    output.unwrap_or_else(|_| panic!("{args:?}, process {pid}, does not end")).expect("its output")
}

impl Lab {
    /// Three servers, when they are up.
    pub fn up(name: &str) -> Lab {
        let home = fresh(name);
        let dir = home.join("run");
        let given = dir.to_str().expect("a path in UTF-8");
        let args = [&["up", "--nodes", "3", "--seed", "7", "--dir", given], &FAST[..]].concat();
        let mut child = lab(&home, &args).stdout(Stdio::piped()).spawn().expect("lab up starts");
        let out = BufReader::new(child.stdout.take().expect("its stdout"));
        let mut lab = Lab { child, dir, out };
        lab.reads("lab down, or Ctrl-C");
        lab
    }

    /// Reads what it prints until a line says this.
    pub fn reads(&mut self, what: &str) -> String {
        let mut text = String::new();
        while !text.contains(what) {
            assert!(
                self.out.read_line(&mut text).expect("text") > 0,
                "it ended before it said {what:?}:\n{text}"
            );
        }
        text
    }

    /// Another command, about this cluster.
    pub fn says(&self, args: &[&str]) -> Output {
        says(self.dir.parent().expect("a directory above"), args)
    }

    /// The same, which has to succeed.
    pub fn does(&self, args: &[&str]) -> String {
        let output = self.says(args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// How it stands.
    pub fn status(&self) -> Value {
        let status: Value =
            serde_json::from_str(&self.does(&["-w", "json", "chaos", "status"])).expect("JSON");
        status["status"].clone()
    }

    /// The processes of all servers that run.
    pub fn pids(&self) -> Vec<u64> {
        let servers = self.status()["servers"].as_array().expect("servers").clone();
        servers.iter().filter_map(|server| server["pid"].as_u64()).collect()
    }

    /// The lines of a file of the run.
    pub fn lines(&self, name: &str) -> Vec<Value> {
        lines(&self.dir.join(name))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Does a process run? One that has ended, and for which nobody has waited yet, does not.
pub fn runs(pid: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Waits until it is so; false if it never is.
pub fn comes_true(within: Duration, is_so: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + within;
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// All that a command printed.
pub fn both(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
