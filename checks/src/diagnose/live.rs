//! Live servers, scraped for a while as a monitoring system does.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use raftlab_node::client::Server;

use super::input::Input;
use crate::console::Console;
use crate::evidence::record::Sample;
use crate::failure::Failure;
use crate::lab::observe::SAMPLES_EVERY_US;
use crate::verdict::exit;

/// How long an answer may take. Longer than that, a server is taken down as silent.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Scrapes these servers for so long.
///
/// # Errors
///
/// If none of them answers: exit 69.
pub fn watch(servers: &[SocketAddr], lasts: Duration, console: &Console) -> Result<Input, Failure> {
    console.note(&format!("scraping {} servers for {lasts:?}", servers.len()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io(format!("starting a thread: {error}")))?;
    let began = Instant::now();
    let samples = runtime.block_on(async {
        let mut all = tokio::task::JoinSet::new();
        for server in servers {
            all.spawn(follow(*server, began, lasts));
        }
        all.join_all().await
    });
    let mut input = Input { samples: samples.into_iter().flatten().collect(), ..Input::default() };
    if input.samples.iter().all(|sample| !sample.reachable) {
        let names: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let message =
            format!("no server answers at {}: are these the addresses for clients?", names.join(", "));
        return Err(Failure { exit: exit::UNREACHABLE, message });
    }
    input.read.push(format!("{} scrapes of {} servers", input.samples.len(), servers.len()));
    input
        .missing
        .push("what was before: a diagnosis of live servers sees what goes on, and not what began it".into());
    input.order();
    Ok(input)
}

/// One server, again and again. Until it says its name it goes by its address.
async fn follow(address: SocketAddr, began: Instant, lasts: Duration) -> Vec<Sample> {
    let mut server = Server::new(address, TIMEOUT);
    let mut every = tokio::time::interval(Duration::from_micros(SAMPLES_EVERY_US));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut samples, mut name) = (Vec::new(), address.to_string());
    while began.elapsed() < lasts {
        every.tick().await;
        let at_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        samples.push(match (server.status().await, server.metrics().await) {
            (Ok(status), Ok(page)) => {
                name.clone_from(&status.server);
                Sample::of(at_us, status, &page)
            }
            _ => Sample::silent(at_us, name.clone()),
        });
    }
    for sample in &mut samples {
        sample.server.clone_from(&name);
    }
    samples
}
