//! How many states each protocol has, exactly; where the number was published, the published one. Whoever counts
//! anything else is wrong: `protocols.rs` holds stateright to them, `protocols_equal.rs` the explorer.

// Each test program compiles all of this and uses a part of it.
#![allow(dead_code)]

use std::fmt::Debug;
use std::hash::Hash;

use raftlab_explorer::protocols::abd::abd;
use raftlab_explorer::protocols::lww::lww;
use raftlab_explorer::protocols::paxos::paxos;
use raftlab_explorer::protocols::ping_pong::{self, ping_pong};
use raftlab_explorer::protocols::pinger::pinger;
use raftlab_explorer::protocols::raft::raft;
use raftlab_explorer::protocols::reliable_link::{self, reliable_link};
use raftlab_explorer::protocols::single_copy::single_copy;
use raftlab_explorer::protocols::write_once::write_once;
use stateright::actor::{Actor, ActorModel, LossyNetwork, Network};

/// Distinct states, generated states, depth; the initial state is generated once and has depth 1.
pub type Count = (usize, usize, usize);

/// A space, and how large it is.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The longest paths that are counted, in states; all of them if none.
    pub within: Option<usize>,
    /// How large that is.
    pub count: Count,
}

/// What is done with each model.
pub trait Visitor {
    /// Counts.
    fn visit<A, C, H>(&mut self, case: Case, model: ActorModel<A, C, H>)
    where
        A: Actor<
                Msg: Ord + Send + Sync,
                Timer: Ord + Send + Sync,
                State: Send + Sync,
                Storage: Send + Sync,
                Random: Send + Sync,
            > + Send
            + Sync
            + 'static,
        C: Send + Sync + 'static,
        H: Clone + Debug + Hash + PartialEq + Send + Sync + 'static;
}

/// An unordered network that does not duplicate.
pub fn bag<M: Eq + Hash>() -> Network<M> {
    Network::new_unordered_nonduplicating([])
}

/// One that does.
pub fn set<M: Eq + Hash>() -> Network<M> {
    Network::new_unordered_duplicating([])
}

/// An ordered one.
pub fn queues<M: Eq + Hash>() -> Network<M> {
    Network::new_ordered([])
}

/// A rally that is not counted.
pub fn rally(max: u32) -> ping_pong::Config {
    ping_pong::Config { max, counts_messages: false }
}

/// The whole space.
fn whole(count: Count) -> Case {
    Case { within: None, count }
}

/// The space of paths with so many states; that of the count's own depth.
fn within(count: Count) -> Case {
    Case { within: Some(count.2), count }
}

/// Small registers.
pub fn registers(visitor: &mut impl Visitor) {
    visitor.visit(whole((16_668, 32_971, 21)), paxos(2, 3, bag()));
    visitor.visit(whole((265, 482, 14)), paxos(1, 3, bag()));
    visitor.visit(whole((111, 137, 14)), paxos(2, 2, bag()));
    visitor.visit(whole((1_169, 2_742, 19)), paxos(1, 4, bag()));
    visitor.visit(whole((34_521, 112_970, 25)), paxos(2, 3, queues()));
    visitor.visit(within((966, 1_932, 8)), paxos(2, 3, set()));
    visitor.visit(whole((544, 875, 25)), abd(2, 2, bag()));
    visitor.visit(whole((1_449, 3_728, 17)), abd(1, 3, bag()));
    visitor.visit(within((28_419, 73_483, 14)), abd(2, 3, bag()));
    visitor.visit(whole((1_166, 2_459, 25)), abd(2, 2, queues()).lossy_network(LossyNetwork::Yes));
    visitor.visit(whole((93, 121, 9)), single_copy(2, 1, bag()));
    visitor.visit(whole((62, 81, 9)), single_copy(2, 2, bag()));
    visitor.visit(whole((2_519, 4_085, 13)), single_copy(3, 2, bag()));
    visitor.visit(whole((71, 97, 9)), write_once(2, 1, bag()));
    visitor.visit(whole((36, 49, 9)), write_once(2, 2, bag()));
    visitor.visit(whole((963, 1_673, 13)), write_once(3, 2, bag()));
}

/// Timers, a boundary, storage, random choices.
pub fn others(visitor: &mut impl Visitor) {
    visitor.visit(within((854, 2_327, 6)), pinger(3, bag()));
    visitor.visit(within((453, 1_307, 9)), pinger(2, set()));
    let lossy = |max| ping_pong(rally(max), set()).lossy_network(LossyNetwork::Yes);
    visitor.visit(whole((14, 21, 6)), lossy(1));
    visitor.visit(whole((4_094, 21_505, 22)), lossy(5));
    visitor.visit(whole((11, 11, 11)), ping_pong(rally(5), set()));
    visitor.visit(whole((11, 11, 11)), ping_pong(rally(5), bag()));
    let counted = ping_pong(ping_pong::Config { max: 3, counts_messages: true }, set());
    visitor.visit(whole((254, 833, 14)), counted.lossy_network(LossyNetwork::Yes));
    let link = |values| reliable_link(reliable_link::Config { values, in_flight_max: 3 }, set());
    visitor.visit(whole((14, 33, 6)), link(1));
    visitor.visit(whole((356, 1_446, 11)), link(2));
    visitor.visit(whole((4_412, 19_285, 20)), link(3));
    visitor.visit(within((30_991, 68_295, 6)), lww(2, bag()));
    visitor.visit(within((17_364, 37_504, 5)), lww(3, bag()));
}

/// Registers with a crash.
pub fn crashes_of_registers(visitor: &mut impl Visitor) {
    visitor.visit(within((4_509, 9_980, 11)), paxos(1, 3, bag()).max_crashes(1));
    visitor.visit(within((874, 1_743, 8)), abd(2, 2, queues()).max_crashes(1));
    visitor.visit(within((2_578, 4_971, 9)), single_copy(2, 2, bag()).max_crashes(1));
    visitor.visit(within((1_806, 3_493, 9)), write_once(2, 2, bag()).max_crashes(1));
}

/// The others with a crash.
pub fn crashes_of_others(visitor: &mut impl Visitor) {
    let link = reliable_link::Config { values: 2, in_flight_max: 4 };
    visitor.visit(within((651, 1_474, 5)), pinger(3, bag()).max_crashes(1));
    visitor.visit(within((72, 125, 9)), ping_pong(rally(2), set()).max_crashes(1));
    visitor.visit(within((5_596, 17_045, 9)), reliable_link(link, set()).max_crashes(1));
    visitor.visit(within((6_373, 12_115, 5)), lww(2, bag()).max_crashes(1));
}

/// Raft, with a complete hash.
pub fn rafts(visitor: &mut impl Visitor) {
    visitor.visit(within((5_332, 14_470, 6)), raft(3, bag()));
    visitor.visit(within((73_408, 211_510, 8)), raft(3, bag()));
    visitor.visit(within((277_096, 815_296, 9)), raft(3, bag()));
    visitor.visit(within((35_743, 104_077, 7)), raft(3, set()));
    visitor.visit(within((58_288, 174_040, 8)), raft(3, queues()));
    visitor.visit(within((194_374, 481_949, 12)), raft(2, bag()).max_crashes(1));
    visitor.visit(within((67_849, 233_433, 6)), raft(4, bag()).lossy_network(LossyNetwork::Yes));
}

/// Of Paxos, what takes stateright half a minute and a gigabyte.
pub fn large_paxos(visitor: &mut impl Visitor) {
    visitor.visit(whole((1_194_428, 2_420_477, 28)), paxos(3, 3, bag()));
}

/// Of Raft, what takes stateright a quarter of a minute and two gigabytes.
pub fn large_raft(visitor: &mut impl Visitor) {
    visitor.visit(within((1_062_112, 3_184_717, 10)), raft(3, bag()));
}

/// One step more.
pub fn larger_raft(visitor: &mut impl Visitor) {
    visitor.visit(within((4_134_934, 12_636_751, 11)), raft(3, bag()));
}

/// And another.
pub fn largest_raft(visitor: &mut impl Visitor) {
    visitor.visit(within((16_322_366, 50_912_728, 12)), raft(3, bag()));
}
