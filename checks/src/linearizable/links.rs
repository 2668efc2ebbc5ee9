//! A list of numbers from which one can be taken, and put back in its place, at once: Knuth's dancing links.

/// The list. What is taken last is put back first.
#[derive(Clone, Debug)]
pub struct Links {
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Links {
    /// A list of these numbers, each below `count` and there once, in this order.
    ///
    /// # Panics
    ///
    /// If there are more than 4,294,967,294 of them, which no memory would hold.
    pub fn new(count: usize, order: impl IntoIterator<Item = usize>) -> Links {
        let head = u32::try_from(count).expect("a key has fewer operations than that");
        let (mut next, mut previous) = (vec![head; count + 1], vec![head; count + 1]);
        let mut last = head;
        for at in order {
            let at = u32::try_from(at).expect("it is below the count");
            next[last as usize] = at;
            previous[at as usize] = last;
            last = at;
        }
        next[last as usize] = head;
        previous[head as usize] = last;
        Links { next, previous }
    }

    /// The first.
    pub fn first(&self) -> Option<usize> {
        self.after(self.next.len() - 1)
    }

    /// The one behind this one.
    pub fn after(&self, at: usize) -> Option<usize> {
        let next = self.next[at] as usize;
        (next + 1 < self.next.len()).then_some(next)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.first(), |at| self.after(*at))
    }

    /// Takes one out.
    pub fn take(&mut self, at: usize) {
        let (next, previous) = (self.next[at], self.previous[at]);
        self.next[previous as usize] = next;
        self.previous[next as usize] = previous;
    }

    /// Puts back the one that was taken last of those that are out.
    pub fn put_back(&mut self, at: usize) {
        let (next, previous) = (self.next[at], self.previous[at]);
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.next[previous as usize] = at;
        self.previous[next as usize] = at;
    }
}
