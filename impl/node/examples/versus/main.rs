//! One load driver for two systems: raftlab over its HTTP, etcd over its gRPC. `checks/bench/etcd.sh` starts both, in
//! turn, and runs this against each: the same closed loop, keys, values and histograms.
//!
//! Clients have a connection each, but etcd's may share some (`--connections`), since that is how its clients are used.
//! One thread drives them all: the machine's other cores are for the servers.

mod etcd;
mod table;

use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use raftlab_node::api::Consistency;
use raftlab_node::client::{Client, Options};
use raftlab_node::load::{self, Answer, ClusterTarget, Hooks, Plan, Target};
use serde_json::json;

use self::etcd::Etcd;

/// Compares raftlab with etcd.
#[derive(Debug, Parser)]
enum Command {
    /// Drive one system, and print a line of JSON
    Drive(Flags),
    /// Print how long the disk under a directory takes to sync
    Disk {
        /// The directory
        dir: PathBuf,
    },
    /// Read such lines, and print their medians side by side
    Table,
}

#[derive(Debug, clap::Args)]
struct Flags {
    /// Which
    #[arg(value_enum)]
    system: System,
    /// Where its servers listen for clients, the leader first
    #[arg(long, value_delimiter = ',')]
    endpoints: Vec<SocketAddr>,
    /// How many clients
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// How many connections they share; one each if absent (etcd alone)
    #[arg(long)]
    connections: Option<usize>,
    /// For how long, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Reads, of 100 operations
    #[arg(long, default_value_t = 0)]
    read_percent: u32,
    /// The length of a value, in bytes
    #[arg(long, default_value_t = 256)]
    value_bytes: usize,
    /// How many keys there are
    #[arg(long, default_value_t = 10_000)]
    keys: u64,
    /// By which keys are drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum System {
    Raftlab,
    Etcd,
}

impl Target for Etcd {
    async fn put(&mut self, key: &str, value: &str) -> Answer<()> {
        Etcd::put(self, key, value)
            .await
            .map_or_else(|status| Answer::Unknown(status.to_string().into()), Answer::Done)
    }

    async fn get(&mut self, key: &str) -> Answer<Option<String>> {
        match Etcd::get(self, key).await {
            // What is there is of no interest here: whether it is asked for is.
            Ok(is_there) => Answer::Done(is_there.then(String::new)),
            Err(status) => Answer::NotDone(status.to_string().into()),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Command::parse() {
        Command::Drive(flags) => drive(&flags).await,
        Command::Disk { dir } => println!("{}", syncs(&dir)?),
        Command::Table => {
            let mut lines = String::new();
            std::io::stdin().read_to_string(&mut lines)?;
            table::print(&lines)?;
        }
    }
    Ok(())
}

/// The median and the slowest hundredth of syncs of a few hundred bytes each, in microseconds.
fn syncs(dir: &Path) -> std::io::Result<String> {
    const SYNCS: u64 = 1000;
    let path = dir.join("syncs.tmp");
    let file = std::fs::File::create(&path)?;
    // As logs do, it writes over what has its room already.
    file.write_all_at(&vec![0; 1 << 20], 0)?;
    file.sync_all()?;
    let mut micros = Vec::new();
    for at in 0..SYNCS {
        let began = Instant::now();
        file.write_all_at(&[7; 512], at * 512)?;
        file.sync_data()?;
        micros.push(began.elapsed().as_micros());
    }
    std::fs::remove_file(path)?;
    micros.sort_unstable();
    Ok(format!("sync of 512 bytes: p50 {} us, p99 {} us", micros[500], micros[990]))
}

async fn drive(flags: &Flags) {
    let plan = Plan {
        clients: flags.clients,
        duration: Some(Duration::from_secs(flags.seconds)),
        warm_up: Duration::from_secs(1),
        keys: flags.keys,
        value_bytes: flags.value_bytes,
        reads: (flags.read_percent, 100_u32.saturating_sub(flags.read_percent)),
        seed: flags.seed,
        ..Plan::default()
    };
    let report = match flags.system {
        System::Raftlab => load::run(&plan, &Hooks::default(), |at| raftlab(flags, at)).await,
        System::Etcd => {
            let connections = flags.connections.unwrap_or(flags.clients).clamp(1, flags.clients);
            let mut channels = Vec::new();
            for _ in 0..connections {
                let leader = flags.endpoints.first().expect("an endpoint").to_string();
                channels.push(Etcd::connect(&leader).await.expect("etcd does not listen"));
            }
            load::run(&plan, &Hooks::default(), |at| channels[at % connections].clone()).await
        }
    };
    let (operation, latencies) =
        if flags.read_percent == 0 { ("put", &report.puts) } else { ("get", &report.gets) };
    let errors: u64 = report.not_done.values().chain(report.unknown.values()).sum();
    println!(
        "{}",
        json!({
            "system": format!("{:?}", flags.system).to_lowercase(), "operation": operation, "clients": flags.clients,
            "per_second": latencies.per_second(), "p50_ms": latencies.percentile_ms(50.0), "p99_ms": latencies.percentile_ms(99.0),
            "p999_ms": latencies.percentile_ms(99.9), "errors": errors, "error_kinds": [report.not_done, report.unknown],
        })
    );
}

/// A client in no session: etcd's have none, and nothing is sent twice here.
fn raftlab(flags: &Flags, at: usize) -> ClusterTarget {
    let options = Options { in_session: false, seed: flags.seed + at as u64, ..Options::default() };
    let client = Client::new(&flags.endpoints, options).expect("endpoints");
    ClusterTarget { client, consistency: Consistency::Linearizable }
}
