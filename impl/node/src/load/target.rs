//! What is put under load.

use std::borrow::Cow;
use std::future::Future;

use crate::api::Consistency;
use crate::client::{Client, Failure};

/// One client of some key-value store, with a connection of its own. It is asked for one thing at a time, and ends
/// each wait by itself.
pub trait Target: Send + 'static {
    /// Writes a value.
    fn put(&mut self, key: &str, value: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Reads a value.
    fn get(&mut self, key: &str) -> impl Future<Output = Answer<Option<String>>> + Send;
}

/// What came of it. What went wrong has a short name, by which it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// It was done.
    Done(T),
    /// It took no effect, and never will.
    NotDone(Cow<'static, str>),
    /// Nobody here knows.
    Unknown(Cow<'static, str>),
}

/// A client of this cluster, and how it reads.
#[derive(Debug)]
pub struct ClusterTarget {
    /// The client.
    pub client: Client,
    /// How much a read may lag.
    pub consistency: Consistency,
}

impl Target for ClusterTarget {
    async fn put(&mut self, key: &str, value: &str) -> Answer<()> {
        match self.client.put(key, value).await {
            Ok(_) => Answer::Done(()),
            Err(Failure::NotDone(reason)) => Answer::NotDone(reason.kind()),
            Err(Failure::Unknown(reason)) => Answer::Unknown(reason.kind()),
        }
    }

    async fn get(&mut self, key: &str) -> Answer<Option<String>> {
        match self.client.get(key, self.consistency).await {
            Ok(value) => Answer::Done(value.value),
            Err(reason) => Answer::NotDone(reason.kind()),
        }
    }
}
