//! Keys and values.

use serde::Serialize;

use super::args::{CasArgs, Common, DelArgs, GetArgs, PutArgs};
use super::failure::Failure;
use super::output::Output;
use crate::client::{Swapped, Value, Written};

/// What a write prints.
#[derive(Serialize)]
struct WrittenDocument {
    revision: u64,
    existed: bool,
    repeated: bool,
}

/// What a read prints.
#[derive(Serialize)]
struct ValueDocument<'a> {
    key: &'a str,
    value: Option<String>,
    revision: u64,
}

/// What a comparison prints.
#[derive(Serialize)]
struct SwappedDocument {
    swapped: bool,
    revision: u64,
    value: Option<String>,
    repeated: bool,
}

/// Writes a value.
pub async fn put(args: &PutArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let mut client = super::client(common, !args.session.no_session)?;
    let Written { revision, existed, repeated } = client.put(&args.key, &args.value).await?;
    output.text("raftlab-put/1", WrittenDocument { revision, existed, repeated }, "OK")
}

/// Reads a value.
pub async fn get(args: &GetArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let mut client = super::client(common, false)?;
    let Value { value, revision } = client.get(&args.key, args.consistency.into()).await?;
    let (key, text) = (args.key.as_str(), value.clone());
    match text {
        _ if output.is_json() => output.json("raftlab-get/1", ValueDocument { key, value, revision }),
        Some(text) => output.bytes(format!("{text}\n").as_bytes()),
        None => {
            output.note(&format!("there is nothing under `{key}`"));
            Ok(())
        }
    }
}

/// Writes or removes a value if another one is there.
pub async fn cas(args: &CasArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let mut client = super::client(common, !args.session.no_session)?;
    let swapped = client.cas(&args.key, args.expected.as_deref(), args.value.as_deref()).await?;
    let Swapped { swapped, revision, value, repeated } = swapped;
    let text = match &value {
        _ if swapped => "swapped".to_string(),
        Some(value) => format!("not swapped: there is {value}"),
        None => "not swapped: there is nothing".to_string(),
    };
    output.text("raftlab-cas/1", SwappedDocument { swapped, revision, value, repeated }, &text)
}

/// Removes a value.
pub async fn delete(args: &DelArgs, common: &Common, output: &Output) -> Result<(), Failure> {
    let mut client = super::client(common, !args.session.no_session)?;
    let Written { revision, existed, repeated } = client.delete(&args.key).await?;
    // As many keys as were removed, as etcd has it.
    let text = u8::from(existed).to_string();
    output.text("raftlab-del/1", WrittenDocument { revision, existed, repeated }, &text)
}
