//! One life of a server, as a process that cannot outlive this one.
//!
//! Its stdin is a pipe of which nobody but the supervisor has the other end, and it ends when that closes: the system
//! sees to it, however the supervisor ends. It is in a process group of its own, so that Ctrl-C on a terminal reaches
//! the supervisor alone, which ends it in order.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;

/// How long a server may take to end when it is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A process that runs, or has ended.
#[derive(Debug)]
pub struct Life {
    pid: Pid,
    /// Counted from 1.
    number: u64,
    /// Closed when this value goes: the process ends then.
    _stdin: ChildStdin,
    ended: watch::Receiver<Option<ExitStatus>>,
    is_asked_to_end: AtomicBool,
}

impl Life {
    /// Starts a program, whose output goes into the file `log`. In a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn begin(program: &Path, arguments: &[String], log: &Path, number: u64) -> io::Result<Life> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::other("the process was gone before it could be looked at");
        let stdin = child.stdin.take().ok_or_else(gone)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw).ok_or_else(gone)?;
        let (ends, ended) = watch::channel(None);
        tokio::spawn(await_end(child, ends));
        Ok(Life { pid, number, _stdin: stdin, ended, is_asked_to_end: AtomicBool::new(false) })
    }

    /// The system's number for it.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Which life of its server it is, counted from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// Was it meant to end?
    pub fn is_asked_to_end(&self) -> bool {
        self.is_asked_to_end.load(Ordering::Relaxed)
    }

    /// Waits until it ends; nothing if that can no longer be known.
    pub async fn ended(&self) -> Option<ExitStatus> {
        let mut ended = self.ended.clone();
        ended.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Ends it at once, and waits until it has. False if it had ended before.
    pub async fn kill(&self) -> bool {
        let was_running = self.signal(Signal::KILL);
        self.ended().await;
        was_running
    }

    /// Asks it to end, and waits until it has. False if it had to be killed.
    pub async fn stop(&self) -> bool {
        if !self.signal(Signal::TERM) {
            return true;
        }
        if tokio::time::timeout(ENDS_WITHIN, self.ended()).await.is_ok() {
            return true;
        }
        self.kill().await;
        false
    }

    /// False if it has ended.
    fn signal(&self, signal: Signal) -> bool {
        self.is_asked_to_end.store(true, Ordering::Relaxed);
        // A process that has ended keeps its number until it is waited for, which makes `end` say so.
        self.end().is_none() && kill_process(self.pid, signal).is_ok()
    }
}

async fn await_end(mut child: Child, ends: watch::Sender<Option<ExitStatus>>) {
    if let Ok(status) = child.wait().await {
        ends.send_replace(Some(status));
    }
}
