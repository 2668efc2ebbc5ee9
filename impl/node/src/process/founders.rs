//! Who founded the cluster, as this server was told at its first start.
//!
//! A configuration lives in the log, and until the first change it is that of the founders, which a flag says at each
//! start. Who edits that flag between two starts changes the configuration without an entry, on some servers and not on
//! others, and two majorities may have no server in common. So what the first start was told is kept, and another word
//! is refused.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use raftlab_core::Config;

use super::StartError;

/// The file's name, beside the log's directory.
const FOUNDERS: &str = "founders";

/// Compares what this start was told with what the first was, or keeps it if this is the first.
///
/// # Errors
///
/// If they differ, or the file cannot be read or written.
pub fn check(data_dir: &Path, config: &Config, is_anything_allowed: bool) -> Result<(), StartError> {
    let told = config.members().to_string();
    let path = data_dir.join(FOUNDERS);
    let failed = |error| StartError::Directory { path: path.clone(), error };
    match fs::read_to_string(&path) {
        Ok(first) if first.trim() == told || is_anything_allowed => Ok(()),
        Ok(first) => Err(StartError::Founders { first: first.trim().to_string(), told }),
        Err(error) if error.kind() == ErrorKind::NotFound => keep(&path, &told).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

fn keep(path: &Path, told: &str) -> io::Result<()> {
    let aside = path.with_extension("tmp");
    let mut file = fs::File::create(&aside)?;
    writeln!(file, "{told}")?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
