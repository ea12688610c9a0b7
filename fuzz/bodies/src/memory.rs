//! What an endpoint holds, as an allocator counts it.
//!
//! An allocation belongs to an endpoint from the call of that endpoint in which it is made until it is freed. So every call goes
//! through an [`Account`], which adds how the live bytes changed during the call. What the harness holds was there before and is
//! there after, and cancels out. What an endpoint hands out is copied outside of a call and dropped inside of one: no byte of it
//! stays with the harness. Within a call the most that was live at any moment counts.

use std::sync::OnceLock;

/// How to ask the allocator of the process. Without one nothing is counted, and nothing is checked.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// The bytes that are allocated.
    pub live: fn() -> usize,
    /// Begins to look for the most that are live.
    pub begin: fn(),
    /// The most that were live since.
    pub peak: fn() -> usize,
}

static COUNTERS: OnceLock<Counters> = OnceLock::new();

/// Counts from here on. The first counters stay. There must be one thread that allocates.
pub fn count_with(counters: Counters) {
    let _first_stays = COUNTERS.set(counters);
}

/// The bytes that belong to one endpoint.
#[derive(Default)]
pub(crate) struct Account {
    held: isize,
}

impl Account {
    /// Does `work`, which is a call of the endpoint, and checks that it never held more than `limit`.
    pub(crate) fn charge<T>(&mut self, limit: usize, work: impl FnOnce() -> T) -> T {
        let Some(counters) = COUNTERS.get() else { return work() };
        (counters.begin)();
        let before = (counters.live)().cast_signed();
        let done = work();
        let most = self.held + (counters.peak)().cast_signed() - before;
        self.held += (counters.live)().cast_signed() - before;
        assert!(most <= limit.cast_signed(), "{most} bytes were held, max_memory says {limit}");
        done
    }
}
