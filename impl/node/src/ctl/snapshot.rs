//! Copies of the store.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::args::Common;
use super::failure::Failure;
use super::output::Output;
use crate::kv::Store;

#[derive(Serialize)]
struct Saved {
    file: String,
    keys: u64,
    index: u64,
    bytes: u64,
}

/// Writes the store to a file, which has its name when all of it is there.
pub async fn save(file: &Path, common: &Common, output: &Output) -> Result<(), Failure> {
    let bytes = super::client(common, false)?.snapshot().await?;
    let store = Store::restore(&bytes)
        .map_err(|error| Failure::Data(format!("what the server sent is not saved: {error}")))?;
    let mut aside = file.as_os_str().to_os_string();
    aside.push(".part");
    let written = (|| {
        let mut part = File::create(&aside)?;
        part.write_all(&bytes)?;
        part.sync_all()?;
        fs::rename(&aside, file)
    })();
    written.map_err(Failure::at(file))?;
    let saved = Saved {
        file: file.display().to_string(),
        keys: store.len() as u64,
        index: store.applied().index.0,
        bytes: bytes.len() as u64,
    };
    let text = format!(
        "{} keys, all that was applied up to index {}, in {} bytes: {}",
        saved.keys, saved.index, saved.bytes, saved.file
    );
    output.text("raftlab-snapshot/1", saved, &text)
}
