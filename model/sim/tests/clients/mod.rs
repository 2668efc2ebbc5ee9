//! What clients of a world are told, for tests.

use raftlab_core::Time;
use raftlab_sim::{ClientId, Told, Wish, World};

use crate::support::SECOND;

/// What a client is told in the end of what it asks for.
pub fn await_answer(world: &mut World, client: ClientId, wish: Wish) -> Told {
    world.wish(client, wish);
    let until = Time(world.now().0 + 10 * SECOND);
    world.run(until).expect("every wish comes to its end").told
}

/// Lets time pass in which nobody is told anything.
pub fn pass(world: &mut World, micros: u64) {
    let until = Time(world.now().0 + micros);
    assert_eq!(world.run(until), None);
}
