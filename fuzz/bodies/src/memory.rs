//! What an endpoint holds, as an allocator counts it.
//!
//! An allocation belongs to an endpoint from the call of that endpoint in which it is made until it is freed. So every call goes
//! through an [`Account`], which adds how the live bytes changed during the call. What the harness holds was there before and is
//! there after, and cancels out. What an endpoint hands out is copied outside of a call and dropped inside of one: no byte of it
//! stays with the harness. Within a call the most that was live at any moment counts.

use std::ops::Deref;
use std::sync::OnceLock;

use adieu_core::Connection;

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

/// A connection that is called through its account.
#[derive(Debug)]
pub(crate) struct Counted {
    connection: Connection,
    account: Account,
}

impl Counted {
    /// `make` makes the connection: what it allocates belongs to the endpoint.
    pub(crate) fn new(make: impl FnOnce() -> Connection) -> Self {
        let mut account = Account::default();
        let connection = account.charge(usize::MAX >> 1, make);
        Self { connection, account }
    }

    /// Calls the connection, which may hold `Config::max_memory` at the most.
    pub(crate) fn call<'c, T>(&'c mut self, work: impl FnOnce(&'c mut Connection) -> T) -> T {
        let limit = self.connection.config().max_memory();
        self.account.charge(limit, || work(&mut self.connection))
    }
}

impl Deref for Counted {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// The bytes that belong to one endpoint.
#[derive(Debug, Default)]
struct Account {
    held: isize,
}

impl Account {
    /// Does `work`, which is a call of the endpoint, and checks that it never held more than `limit`.
    fn charge<T>(&mut self, limit: usize, work: impl FnOnce() -> T) -> T {
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
