//! What the cores of a world are given, kept in memory until the run is judged.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use raftlab_core::NodeId;
use raftlab_node::journal::Record;
use raftlab_node::replica::Observer;
use raftlab_sim::Watch;

use crate::validate::Recorder;

/// The lives of all servers, while they are recorded.
#[derive(Clone, Debug, Default)]
pub struct Lives(Arc<Mutex<BTreeMap<NodeId, Vec<Recorder>>>>);

/// Gives each life a recorder.
#[derive(Debug)]
pub struct Recorders(Lives);

impl Lives {
    /// How many inputs were recorded, and entries in them.
    pub fn size(&self) -> u64 {
        let lives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lives.values().flatten().map(Recorder::size).sum()
    }

    /// What was recorded, by server, life after life.
    pub fn take(&self) -> BTreeMap<NodeId, Vec<Vec<Record>>> {
        let mut lives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *lives).into_iter();
        taken.map(|(server, lives)| (server, lives.iter().map(Recorder::take).collect())).collect()
    }
}

impl Recorders {
    /// They go there.
    pub fn new(lives: &Lives) -> Recorders {
        Recorders(lives.clone())
    }
}

impl Watch for Recorders {
    fn begins(&mut self, server: NodeId, _: u64, real: &Arc<AtomicU64>) -> Option<Box<dyn Observer>> {
        let recorder = Recorder::new(Arc::clone(real));
        let mut lives = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        lives.entry(server).or_default().push(recorder.clone());
        Some(Box::new(recorder))
    }

    fn ends(&mut self, _: NodeId, _: u64, _: bool) {}
}
