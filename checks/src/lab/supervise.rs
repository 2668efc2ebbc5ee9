//! A run from its start to its end: the supervisor, in the foreground.
//!
//! It ends when it is told to (`lab down`), by Ctrl-C or SIGTERM, or with its scenario; then all that it started
//! has ended, and what was recorded is judged. Who is told a second time ends at once. If it is killed itself, its
//! servers see their stdin close, and end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::cluster::{Cluster, Settings};
use super::control::{self, Ask, Ended, SOCKET};
use super::end;
use super::narrator::Narrator;
use super::story::{self, Story};
use crate::failure::Failure;
use crate::verdict::exit;

/// How long the founders may take to elect the first leader.
const FOUNDED_WITHIN: Duration = Duration::from_secs(20);

/// How long those who wait for the end of a run may take to read what it came to.
const READS_WITHIN: Duration = Duration::from_secs(1);

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// What is run.
#[derive(Debug)]
pub struct Plan {
    /// Where it leaves what it leaves: a directory that is there.
    pub dir: PathBuf,
    /// The cluster, and what is done to it; if nothing, it stays up until it is told to end.
    pub settings: Settings,
    /// What is printed when it is up.
    pub greeting: fn(&Cluster) -> String,
}

/// Runs it, and judges it.
///
/// # Errors
///
/// If the cluster does not come up, or something cannot be written. Nothing runs then, either.
pub async fn supervise(plan: Plan, narrator: Narrator) -> Result<Ended, Failure> {
    let Plan { dir, settings, greeting } = plan;
    let scenario = settings.scenario.clone();
    let listener = control::listen(&dir).await?;
    let cluster = Arc::new(Cluster::new(&dir, settings, narrator, None)?);
    let (down, mut told) = mpsc::channel(1);
    let (ends, ended) = watch::channel(None);
    let serving = tokio::spawn(control::serve(listener, Ask { cluster: Arc::clone(&cluster), down, ended }));
    let mut story = Story::default();
    let work = async {
        cluster.found(FOUNDED_WITHIN).await?;
        cluster.narrator.print(&greeting(&cluster));
        match &scenario {
            Some(scenario) => story::tell(&cluster, scenario, &mut story).await,
            None => std::future::pending().await,
        }
        Ok::<_, Failure>(())
    };
    let came_to_its_end = tokio::select! {
        done = work => Some(done),
        () = asked_to_end() => None,
        _ = told.recv() => None,
    };
    tokio::spawn(end_at_once_when_asked_again());
    cluster.narrator.say("", "the run ends");
    let stopped = end::stop_all(&cluster).await;
    let result = match came_to_its_end {
        Some(Err(failure)) => Err(failure),
        Some(Ok(())) => stopped.and(Ok(())),
        None => {
            if scenario.is_some() {
                let message = "the scenario was interrupted".to_string();
                story.stopped.get_or_insert(Failure { exit: exit::INCOMPLETE, message });
            }
            stopped.and(Ok(()))
        }
    };
    let result = match result {
        Ok(()) => end::judge(&cluster, &story).await,
        Err(failure) => Err(failure),
    };
    let told = result.as_ref().map_or_else(|failure| failed(&cluster, failure), Clone::clone);
    ends.send_replace(Some(told));
    // Whoever waits for it reads it first.
    let _ = tokio::time::timeout(READS_WITHIN, serving).await;
    let _ = std::fs::remove_file(dir.join(SOCKET));
    result
}

/// What those are told who wait for the end of a run that failed.
fn failed(cluster: &Cluster, Failure { exit, message }: &Failure) -> Ended {
    Ended {
        exit: *exit,
        verdict: format!("ERROR  {message}   exit {exit}"),
        report: cluster.dir().to_path_buf(),
    }
}

/// Becomes true when Ctrl-C or SIGTERM comes: for who runs several clusters, one after another. Each that is up hears of it
/// by itself.
///
/// # Errors
///
/// The system's.
pub fn interrupted() -> Result<Arc<AtomicBool>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|error| Failure::io(format!("starting a thread: {error}")))?;
    let flag = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&flag);
    // It ends with the program.
    std::thread::spawn(move || {
        runtime.block_on(asked_to_end());
        told.store(true, Ordering::Relaxed);
    });
    Ok(flag)
}

/// Returns when Ctrl-C or SIGTERM comes.
async fn asked_to_end() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler the system ends this program, and its servers see it.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn end_at_once_when_asked_again() {
    asked_to_end().await;
    std::process::exit(INTERRUPTED);
}
