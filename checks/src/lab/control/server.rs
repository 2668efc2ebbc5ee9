//! The supervisor's side: one task for each who asks.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::{Ended, Reply, Request};
use crate::failure::Failure;
use crate::lab::cluster::Cluster;
use crate::lab::{act, load, status};
use crate::scenario::Load;

/// The longest request, in bytes.
const REQUEST_BYTES_MAX: u64 = 1 << 20;

/// What whoever asks may reach.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// To be told that the run is to end.
    pub down: mpsc::Sender<()>,
    /// What it came to, when it has.
    pub ended: watch::Receiver<Option<Ended>>,
}

/// Answers whoever asks, until the run has ended and all who asked have been answered.
pub async fn serve(listener: UnixListener, ask: Ask) {
    let (mut answers, mut ended) = (JoinSet::new(), ask.ended.clone());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => _ = answers.spawn(answer(connection, ask.clone())),
                // Too many open files, or the like: it passes.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            },
            () = over(&mut ended) => break,
        }
    }
    answers.join_all().await;
}

/// Returns when the run has ended.
async fn over(ended: &mut watch::Receiver<Option<Ended>>) {
    // Whoever would say so may be gone, which is as good.
    let _ = ended.wait_for(Option::is_some).await;
}

async fn answer(connection: UnixStream, ask: Ask) {
    let (read, mut write) = connection.into_split();
    let mut read = BufReader::new(read.take(REQUEST_BYTES_MAX));
    let mut line = String::new();
    if read.read_line(&mut line).await.is_err() {
        return;
    }
    let reply = match serde_json::from_str(&line) {
        Err(error) => Failure::data(format!("a request that cannot be read: {error}")).into(),
        Ok(Request::Do(command)) => match act::carry_out(&ask.cluster, &command).await {
            Ok(()) => Reply::Done(command.to_string()),
            Err(failure) => failure.into(),
        },
        Ok(Request::Load(load)) => answer_load(&ask.cluster, &load, read, &mut write).await,
        Ok(Request::Status) => Reply::Status(Box::new(status::of(&ask.cluster).await)),
        Ok(Request::Down) => {
            // It may have been told already.
            let _ = ask.down.try_send(());
            let mut ended = ask.ended;
            match ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone()) {
                Some(ended) => Reply::Ended(ended),
                None => Failure::internal("the run ended, and did not say how").into(),
            }
        }
    };
    // Whoever does not listen any more is not told.
    let _ = say(&mut write, &reply).await;
}

/// Lets clients work, tells each second, and stops them when whoever asked is gone.
async fn answer_load(
    cluster: &Arc<Cluster>,
    load: &Load,
    mut read: BufReader<tokio::io::Take<OwnedReadHalf>>,
    write: &mut OwnedWriteHalf,
) -> Reply {
    let (told, mut seconds) = mpsc::unbounded_channel();
    let work = load::run(cluster, load, told);
    tokio::pin!(work);
    let (mut rest, mut is_there) = ([0; 16], true);
    loop {
        tokio::select! {
            total = &mut work => {
                while let Ok(second) = seconds.try_recv() {
                    let _ = say(write, &Reply::Second(second)).await;
                }
                return total.map_or_else(Reply::from, |total| Reply::Done(format!("{load}: {total}")));
            }
            Some(second) = seconds.recv() => {
                let _ = say(write, &Reply::Second(second)).await;
            }
            more = read.read(&mut rest), if is_there => {
                if !more.is_ok_and(|bytes| bytes > 0) {
                    is_there = false;
                    cluster.workload.ask_to_stop();
                }
            }
        }
    }
}

async fn say(write: &mut OwnedWriteHalf, reply: &Reply) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(reply).map_err(std::io::Error::other)?;
    line.push(b'\n');
    write.write_all(&line).await
}
