//! What happens to servers, as it happens.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use super::args::{Common, WatchArgs};
use super::endpoint::cluster_of;
use super::failure::Failure;
use super::output::Output;
use crate::api::EventDocument;
use crate::client::{Reason, Server, endpoints};

/// How long a server that went away is left alone.
const RECONNECTS_AFTER: Duration = Duration::from_millis(500);

/// How many events may wait to be printed.
const QUEUE_MAX: usize = 1024;

/// What is heard of a server.
enum Heard {
    Event(Box<EventDocument>),
    Lost(Reason),
    Ended(SocketAddr),
}

/// Prints events until there are enough, or the program is ended.
pub async fn watch(args: &WatchArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let given = endpoints(&common.endpoints)?;
    let servers = if args.cluster.cluster {
        let all = cluster_of(given, common.timeout).await?;
        let unknown =
            |name: &String| output.note(&format!("{name}: it is not known where it listens for clients"));
        all.into_iter().filter_map(|server| server.inspect_err(unknown).ok()).collect()
    } else {
        given
    };
    let (tells, mut hears) = mpsc::channel(QUEUE_MAX);
    for server in servers {
        tokio::spawn(follow(server, common.timeout, tells.clone()));
    }
    drop(tells);
    let mut left = args.count;
    while left != Some(0) {
        match hears.recv().await {
            Some(Heard::Event(event)) => {
                output.text("raftlab-event/1", &event, &line(&event))?;
                left = left.map(|left| left - 1);
            }
            Some(Heard::Lost(reason)) => output.note(&format!("{reason}; trying again")),
            Some(Heard::Ended(server)) => output.note(&format!("{server} has ended; trying again")),
            None => break,
        }
    }
    Ok(())
}

/// Hears one server, for as long as somebody hears of it. That it is away is told once.
async fn follow(server: SocketAddr, timeout: Duration, tells: mpsc::Sender<Heard>) {
    let mut is_away = false;
    loop {
        let lost = match Server::new(server, timeout).events().await {
            Err(reason) => Some(reason),
            Ok(mut events) => loop {
                match events.next().await {
                    Ok(Some(event)) => {
                        is_away = false;
                        if tells.send(Heard::Event(Box::new(event))).await.is_err() {
                            return;
                        }
                    }
                    Ok(None) => break None,
                    Err(reason) => break Some(reason),
                }
            },
        };
        let heard = lost.map_or(Heard::Ended(server), Heard::Lost);
        if !is_away && tells.send(heard).await.is_err() || tells.is_closed() {
            return;
        }
        is_away = true;
        tokio::time::sleep(RECONNECTS_AFTER).await;
    }
}

/// `14:03:07.120406  n2  term 4  leader  n2 leads in term 4`, by the clock of UTC.
fn line(event: &EventDocument) -> String {
    let (seconds, us) = (event.unix_us / 1_000_000 % 86_400, event.unix_us % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let EventDocument { server, term, kind, text, .. } = event;
    format!("{hours:02}:{minutes:02}:{seconds:02}.{us:06}\t{server}\tterm {term}\t{kind}\t{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_by_the_clock_of_utc() {
        let event = EventDocument {
            unix_us: (14 * 3600 + 3 * 60 + 7 + 5 * 86_400) * 1_000_000 + 120_406,
            server: "n2".into(),
            term: 4,
            kind: "leader".into(),
            text: "n2 leads in term 4".into(),
        };
        assert_eq!(line(&event), "14:03:07.120406\tn2\tterm 4\tleader\tn2 leads in term 4");
    }
}
