//! Broken worlds make the core panic, thousands of times. The model catches each panic and calls it a broken property:
//! printed as well, they would bury what a failed test has to say.

use std::panic;
use std::sync::Once;

/// From now on panics of the core are not printed; all others are, as ever.
pub fn silence_the_core() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !panic.location().is_some_and(|at| at.file().contains("impl/core")) {
                print(panic);
            }
        }));
    });
}
