//! What is to happen, in the order of its time; of what happens at one time, in the order in which it was asked for.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use raftlab_core::Time;

/// Events that have not happened yet.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Scheduled<T>>,
    count: u64,
}

#[derive(Debug)]
struct Scheduled<T> {
    at: Time,
    order: u64,
    event: T,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue { heap: BinaryHeap::new(), count: 0 }
    }
}

impl<T> Queue<T> {
    /// It is to happen then.
    pub fn push(&mut self, at: Time, event: T) {
        self.count += 1;
        self.heap.push(Scheduled { at, order: self.count, event });
    }

    /// The next one, if it happens by then.
    pub fn pop(&mut self, until: Time) -> Option<(Time, T)> {
        if self.heap.peek()?.at > until {
            return None;
        }
        self.heap.pop().map(|Scheduled { at, event, .. }| (at, event))
    }
}

impl<T> Ord for Scheduled<T> {
    /// The heap has the greatest at its top.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl<T> PartialOrd for Scheduled<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Scheduled<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Scheduled<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_as_they_were_asked_for() {
        let mut queue = Queue::default();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            queue.push(Time(at), event);
        }
        let until =
            |queue: &mut Queue<char>, at| std::iter::from_fn(|| queue.pop(Time(at))).collect::<Vec<_>>();
        assert_eq!(until(&mut queue, 4), [(Time(1), 'a'), (Time(3), 'b')]);
        assert_eq!(until(&mut queue, 4), []);
        assert_eq!(until(&mut queue, 9), [(Time(5), 'c'), (Time(5), 'd')]);
    }
}
