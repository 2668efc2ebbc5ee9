//! The tables that threads fill together, under every order in which two threads can touch them, and with every value
//! that the memory model lets a load return.
//!
//! The tables are compiled into this program once more, on loom's atomics and locks instead of the standard library's.

#[allow(dead_code)]
#[path = "../src/chunks.rs"]
mod chunks;
#[allow(dead_code)]
#[path = "../src/hash.rs"]
mod hash;
#[allow(dead_code)]
#[path = "../src/interner.rs"]
mod interner;
#[allow(dead_code)]
#[path = "../src/visited.rs"]
mod visited;

/// In the place of the crate's own `sync`.
mod sync {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

    /// Loom has none. A thread sees what is in it if, and only if, it sees the flag that was raised after it was put
    /// in.
    #[derive(Debug)]
    pub(crate) struct OnceLock<T> {
        item: std::sync::OnceLock<T>,
        is_set: loom::sync::atomic::AtomicBool,
        making: Mutex<()>,
    }

    impl<T> Default for OnceLock<T> {
        fn default() -> Self {
            OnceLock::new()
        }
    }

    impl<T> OnceLock<T> {
        pub(crate) fn new() -> OnceLock<T> {
            let is_set = loom::sync::atomic::AtomicBool::new(false);
            OnceLock { item: std::sync::OnceLock::new(), is_set, making: Mutex::new(()) }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            if self.is_set.load(Ordering::Acquire) { self.item.get() } else { None }
        }

        pub(crate) fn set(&self, item: T) -> Result<(), T> {
            self.item.set(item)?;
            self.is_set.store(true, Ordering::Release);
            Ok(())
        }

        pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
            if self.get().is_none() {
                let _one = self.making.lock().expect("nobody panicked");
                if self.get().is_none() {
                    let _ = self.set(make());
                }
            }
            self.get().expect("set")
        }

        pub(crate) fn take(&mut self) -> Option<T> {
            self.is_set.store(false, Ordering::Release);
            self.item.take()
        }
    }
}

use std::sync::Arc;

use interner::Interner;
use loom::thread;
use sync::{AtomicU32, Ordering};
use visited::Visited;

fn put(visited: &Visited, word: u64) -> bool {
    visited.insert(word, word, || (), |there| there == word).is_none()
}

/// Two threads put words in; how many of the puts were first, in all, and what is in the table then.
fn filled(a: &'static [u64], b: &'static [u64], places: usize) -> (usize, Vec<u64>) {
    let visited = Arc::new(Visited::new(places));
    let other = Arc::clone(&visited);
    let thread = thread::spawn(move || b.iter().filter(|&&word| put(&other, word)).count());
    let first = a.iter().filter(|&&word| put(&visited, word)).count();
    let first = first + thread.join().expect("a thread");
    let mut words: Vec<_> = visited.words().collect();
    words.sort_unstable();
    (first, words)
}

#[test]
fn of_two_threads_with_one_word_one_is_first() {
    loom::model(|| assert_eq!(filled(&[7], &[7], 8), (1, vec![7])));
}

#[test]
fn different_words_are_all_there() {
    loom::model(|| assert_eq!(filled(&[7, 8], &[9, 8], 8), (3, vec![7, 8, 9])));
}

#[test]
fn words_that_overflow_a_bucket_are_all_there() {
    // The first bucket has one place left, for three words.
    loom::model(|| {
        let visited = Arc::new(Visited::new(16));
        (1..8).for_each(|word| assert!(put(&visited, word)));
        let other = Arc::clone(&visited);
        let thread = thread::spawn(move || [20, 21].into_iter().filter(|&word| put(&other, word)).count());
        let first = [21, 22].into_iter().filter(|&word| put(&visited, word)).count();
        assert_eq!(first + thread.join().expect("a thread"), 3);
        let mut words: Vec<_> = visited.words().collect();
        words.sort_unstable();
        assert_eq!(words, [1, 2, 3, 4, 5, 6, 7, 20, 21, 22]);
    });
}

#[test]
fn who_meets_a_word_sees_what_was_written_before_it() {
    loom::model(|| {
        let shared = Arc::new((Visited::new(8), AtomicU32::new(0)));
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            other.0.insert(7, 7, || other.1.store(5, Ordering::Relaxed), |there| there == 7);
        });
        // As when states are compared: the word is met, and then the state that it names is read.
        let met = shared.0.insert(
            7,
            7,
            || (),
            |there| {
                assert_eq!(shared.1.load(Ordering::Relaxed), 5);
                there == 7
            },
        );
        assert!(met.is_none_or(|word| word == 7));
        thread.join().expect("a thread");
    });
}

fn key(content: u32) -> u128 {
    u128::from(content) << 64 | u128::from(content)
}

#[test]
fn one_content_has_one_number_and_is_made_once() {
    loom::model(|| {
        let interner = Arc::new(Interner::<u32>::new());
        let other = Arc::clone(&interner);
        let thread = thread::spawn(move || other.intern(key(3), || 3));
        let (number, is_new) = interner.intern(key(3), || 3);
        // A number that was given can be looked up at once.
        assert_eq!(*interner.get(number), 3);
        let (of_other, is_new_to_other) = thread.join().expect("a thread");
        assert_eq!(number, of_other);
        assert!(is_new != is_new_to_other);
        assert_eq!(interner.len(), 1);
    });
}

#[test]
fn different_contents_have_different_numbers() {
    loom::model(|| {
        let interner = Arc::new(Interner::<u32>::new());
        let other = Arc::clone(&interner);
        let thread = thread::spawn(move || {
            let (number, _) = other.intern(key(4), || 4);
            assert_eq!(*other.get(number), 4);
            number
        });
        let (number, _) = interner.intern(key(3), || 3);
        assert_eq!(*interner.get(number), 3);
        assert_ne!(number, thread.join().expect("a thread"));
        assert_eq!(interner.len(), 2);
    });
}

#[test]
fn a_content_that_another_thread_made_is_whole() {
    loom::model(|| {
        let shared = Arc::new((Interner::<u32>::new(), AtomicU32::new(u32::MAX)));
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let (number, _) = other.0.intern(key(3), || 3);
            // As a number is handed on: in a cell, in a step, in a state.
            other.1.store(number, Ordering::Release);
        });
        let number = shared.1.load(Ordering::Acquire);
        if number != u32::MAX {
            assert_eq!(*shared.0.get(number), 3);
        }
        thread.join().expect("a thread");
    });
}
