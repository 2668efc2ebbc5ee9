//! Who watches the cores of a world.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use raftlab_core::NodeId;
use raftlab_node::replica::Observer;

/// Watches the cores of a world, and decides nothing.
pub trait Watch: fmt::Debug + Send {
    /// A life of a server begins. True time in microseconds stands in `real` at every moment. Who wants to see what its
    /// core is given gives an observer.
    fn begins(&mut self, server: NodeId, life: u64, real: &Arc<AtomicU64>) -> Option<Box<dyn Observer>>;
    /// It has ended: as it should, or not.
    fn ends(&mut self, server: NodeId, life: u64, is_orderly: bool);
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn begins(&mut self, _: NodeId, _: u64, _: &Arc<AtomicU64>) -> Option<Box<dyn Observer>> {
        None
    }

    fn ends(&mut self, _: NodeId, _: u64, _: bool) {}
}
