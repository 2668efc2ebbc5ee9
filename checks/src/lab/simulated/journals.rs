//! The journals of a simulated world's servers: the files that real ones leave, by the world's time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raftlab_core::NodeId;
use raftlab_node::journal::Journal;
use raftlab_node::replica::Observer;
use raftlab_node::wal::Identity;
use raftlab_sim::Watch;
use raftlab_sim::server::CLUSTER;

/// Those that are open.
#[derive(Debug)]
pub struct Journals {
    dir: PathBuf,
    open: BTreeMap<NodeId, Journal>,
}

impl Journals {
    /// None is open. They go there.
    pub fn new(dir: PathBuf) -> Journals {
        Journals { dir, open: BTreeMap::new() }
    }
}

impl Watch for Journals {
    fn begins(&mut self, server: NodeId, _: u64, real: &Arc<AtomicU64>) -> Option<Box<dyn Observer>> {
        let real = Arc::clone(real);
        let identity = Identity { cluster: CLUSTER, server };
        // One that cannot be made is missed by whoever replays them.
        let created = Journal::create_by(&self.dir, identity, move || real.load(Ordering::Relaxed));
        let (journal, recorder) = created.ok()?;
        self.open.insert(server, journal);
        Some(Box::new(recorder))
    }

    fn ends(&mut self, server: NodeId, _: u64, is_orderly: bool) {
        let Some(journal) = self.open.remove(&server) else { return };
        if is_orderly {
            // One that cannot be written has no end, and proves nothing.
            let _ = journal.close();
        }
    }
}
