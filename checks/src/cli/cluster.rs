//! The flags by which one search is shared by several processes, on one machine or on many.

use std::path::{Path, PathBuf};

use clap::Args;
use raftlab_explorer::Cluster;

use super::flag;
use crate::failure::Failure;

/// How one search is shared.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Several processes")]
pub struct ClusterArgs {
    /// Search together with other processes: a file that says where each listens, a `host:port` on each line. All are
    /// started with the same check, bounds and file. States are told apart by fingerprints then
    #[arg(long, value_name = "FILE", requires = "process", conflicts_with = "exact")]
    pub hosts: Option<PathBuf>,
    /// Which line of --hosts this process is, from 0
    #[arg(long, value_name = "I", requires = "hosts")]
    pub process: Option<usize>,
}

impl ClusterArgs {
    /// The processes, if there are to be several.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, a line is no address, or this process has no line.
    pub fn cluster(&self) -> Result<Option<Cluster>, Failure> {
        let (Some(file), Some(process)) = (&self.hosts, self.process) else { return Ok(None) };
        let hosts = hosts(file)?;
        if process >= hosts.len() {
            return Err(Failure::usage(format!(
                "--process {process}: {} names {} processes, 0 to {}",
                file.display(),
                hosts.len(),
                hosts.len().saturating_sub(1),
            )));
        }
        Ok(Some(Cluster::new(process, hosts)))
    }

    /// The flags as they are typed: each after a space.
    pub fn flags(&self) -> String {
        let hosts = self.hosts.as_ref().map(|file| file.display().to_string());
        flag("hosts", hosts) + &flag("process", self.process)
    }
}

/// The addresses in a file; empty lines and what follows a `#` are not.
fn hosts(file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::at(file, &error))?;
    let mut hosts: Vec<String> = Vec::new();
    for (at, line) in (1..).zip(text.lines()) {
        let host = line.split('#').next().unwrap_or_default().trim();
        let wrong = |why: &str| Failure::data(format!("{}:{at}: `{host}` {why}", file.display()));
        if host.is_empty() {
            continue;
        }
        let is_address = host.rsplit_once(':').is_some_and(|(name, port)| {
            !name.is_empty()
                && !name.contains(char::is_whitespace)
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !is_address {
            return Err(wrong("is not a host:port, such as 10.0.0.1:7101"));
        }
        if hosts.iter().any(|other| other == host) {
            return Err(wrong("is there twice: each process listens at an address of its own"));
        }
        hosts.push(host.to_string());
    }
    if hosts.is_empty() {
        return Err(Failure::data(format!(
            "{}: no process is named: a host:port on each line",
            file.display()
        )));
    }
    Ok(hosts)
}
