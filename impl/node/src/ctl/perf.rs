//! Throughput and latency.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::args::{Common, OperationArg, PerfArgs};
use super::failure::Failure;
use super::output::Output;
use crate::api::Consistency;
use crate::client::{self, Client, Options, Server, endpoints};
use crate::load::{ClusterTarget, Hooks, Latencies, Plan, Report, run};

/// How many clients write the keys that are to be read.
const FILLERS: u64 = 16;

#[derive(Serialize)]
struct Perf {
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    operation: String,
    clients: u16,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
    failed: u64,
}

/// Measures row by row, and prints them together.
pub async fn perf(args: &PerfArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let servers = endpoints(&common.endpoints)?;
    let options = super::options(common, !args.session.no_session);
    let seed = args.seed.unwrap_or_else(|| super::fresh_seed() >> 32);
    output.note(&format!("seed {seed}"));
    let reads = read_mode(&servers, common.timeout).await?;
    if args.operation.contains(&OperationArg::Get) {
        fill(args, &servers, &options).await?;
    }
    let mut rows = Vec::new();
    for operation in &args.operation {
        for clients in &args.clients {
            // Values of one row are none of another's.
            let row_seed = seed.wrapping_add(rows.len() as u64);
            let plan = plan(args, *operation, *clients, row_seed);
            let report = measure(&plan, &servers, &options).await;
            let name = match operation {
                OperationArg::Put => "put".to_string(),
                OperationArg::Get => format!("get-{reads}"),
            };
            rows.push(row(name, *clients, *operation, &report, output)?);
        }
    }
    let columns = ["operation", "clients", "per second", "p50", "p99", "p99.9", "longest", "failed"];
    let printed: Vec<_> = rows.iter().map(printed).collect();
    output.rows("raftlab-perf/1", Perf { rows }, &columns, &printed)
}

fn plan(args: &PerfArgs, operation: OperationArg, clients: u16, seed: u64) -> Plan {
    Plan {
        clients: usize::from(clients),
        duration: Some(args.seconds),
        operations: None,
        warm_up: args.warm_up,
        keys: args.keys,
        value_bytes: args.value_bytes,
        reads: if operation == OperationArg::Get { (1, 0) } else { (0, 1) },
        seed,
        ..Plan::default()
    }
}

async fn measure(plan: &Plan, servers: &[SocketAddr], options: &Options) -> Report {
    // No servers are given to a client only if there are none, which was refused.
    let connect = |id: usize| {
        let options = Options { seed: options.seed.wrapping_add(id as u64), ..options.clone() };
        let client = Client::new(servers, options).expect("there are servers");
        ClusterTarget { client, consistency: Consistency::Linearizable }
    };
    run(plan, &Hooks::default(), connect).await
}

/// How the servers read, by the first that answers.
async fn read_mode(servers: &[SocketAddr], timeout: Duration) -> Result<String, Failure> {
    let mut failure = None;
    for server in servers {
        match Server::new(*server, timeout).status().await {
            Ok(status) => return Ok(status.read_mode),
            Err(reason) => failure = Some(reason.into()),
        }
    }
    Err(failure.unwrap_or_else(|| client::EndpointError::Empty.into()))
}

/// Every key has a value, so that every read finds one.
async fn fill(args: &PerfArgs, servers: &[SocketAddr], options: &Options) -> Result<(), Failure> {
    let (keys, value, prefix) = (args.keys, ".".repeat(args.value_bytes), Plan::default().key_prefix);
    let mut fillers = tokio::task::JoinSet::new();
    for first in 0..FILLERS.min(keys) {
        let mut client = Client::new(servers, options.clone())?;
        let (value, prefix) = (value.clone(), prefix.clone());
        fillers.spawn(async move {
            for number in (first..keys).step_by(usize::try_from(FILLERS).unwrap_or(1)) {
                client.put(&format!("{prefix}{number:08}"), &value).await?;
            }
            Ok::<_, client::Failure>(())
        });
    }
    while let Some(filled) = fillers.join_next().await {
        match filled {
            Ok(filled) => filled?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
    Ok(())
}

/// A row in which nothing was done says nothing.
fn row(
    operation: String,
    clients: u16,
    which: OperationArg,
    report: &Report,
    output: &Output,
) -> Result<Row, Failure> {
    let latencies: &Latencies = if which == OperationArg::Get { &report.gets } else { &report.puts };
    let kinds = report.not_done.iter().chain(&report.unknown);
    let kinds: Vec<_> = kinds.map(|(kind, count)| format!("{kind} {count}")).collect();
    if !kinds.is_empty() {
        output.note(&format!("{operation} with {clients} clients, what failed: {}", kinds.join(", ")));
    }
    if latencies.count() == 0 {
        let why = if kinds.is_empty() { "all of them still waited".into() } else { kinds.join(", ") };
        return Err(Failure::Later(format!("nothing was done by {clients} clients in {operation}: {why}")));
    }
    Ok(Row {
        operation,
        clients,
        per_second: rounded(latencies.per_second(), 10.0),
        p50_ms: latencies.percentile_ms(50.0),
        p99_ms: latencies.percentile_ms(99.0),
        p999_ms: latencies.percentile_ms(99.9),
        max_ms: latencies.max_ms(),
        failed: report.failed(),
    })
}

fn rounded(number: f64, to: f64) -> f64 {
    (number * to).round() / to
}

fn printed(row: &Row) -> Vec<String> {
    let ms = |ms: f64| format!("{ms:.2} ms");
    vec![
        row.operation.clone(),
        row.clients.to_string(),
        format!("{:.0}", row.per_second),
        ms(row.p50_ms),
        ms(row.p99_ms),
        ms(row.p999_ms),
        ms(row.max_ms),
        row.failed.to_string(),
    ]
}
