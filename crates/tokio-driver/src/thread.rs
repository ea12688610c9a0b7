//! What belongs to the thread and not to a connection: buffers, and which connection's task is being polled.

use std::cell::Cell;
use std::ops::Range;

use adieu_core::Instant;

/// The thread keeps buffers of at most this many bytes in all: eight messages of the usual limit.
const SPARE_LEN: usize = 8 << 20;

/// And at most so many.
const SPARES: usize = 16;

/// Reads in one turn, before others get theirs.
const READS: u8 = 4;

// A thread that ends has no buffers any more; then a buffer lives for one call. `TURN` has no destructor.
thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static SPARES_KEPT: Cell<Vec<Vec<u8>>> = const { Cell::new(Vec::new()) };
    static TURN: Cell<Turn> = const { Cell::new(Turn::outside()) };
}

/// The thread's read buffer, of at least `len` bytes.
pub(crate) fn take_scratch(len: usize) -> Vec<u8> {
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    if scratch.len() < len {
        scratch.resize(len, 0);
    }
    scratch
}

/// Gives the read buffer back.
pub(crate) fn give_scratch(scratch: Vec<u8>) {
    let _ = SCRATCH.try_with(|cell| cell.set(scratch));
}

/// What a turn has read and not yet fed to the core: the thread's read buffer, on loan for as long as the turn lasts.
#[derive(Default)]
pub(crate) struct Rest {
    scratch: Vec<u8>,
    range: Range<usize>,
}

impl Rest {
    /// The first `len` bytes.
    pub(crate) const fn new(scratch: Vec<u8>, len: usize) -> Self {
        Self { scratch, range: 0..len }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.range.start == self.range.end
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.scratch[self.range.clone()]
    }

    /// Keeps the last `len` bytes only. Nothing: the buffer goes back to the thread.
    pub(crate) fn keep(&mut self, len: usize) {
        self.range.start = self.range.end - len;
        if len == 0 {
            give_scratch(std::mem::take(&mut self.scratch));
        }
    }
}

/// The largest of the thread's spare buffers.
pub(crate) fn take_spare() -> Vec<u8> {
    with_spares(Vec::pop).flatten().unwrap_or_default()
}

/// Gives a buffer to the thread, which keeps it if there is room for it.
pub(crate) fn give_spare(buffer: Vec<u8>) {
    with_spares(|spares| {
        let kept: usize = spares.iter().map(Vec::capacity).sum();
        if buffer.capacity() > 0 && spares.len() < SPARES && kept + buffer.capacity() <= SPARE_LEN {
            let place = spares.partition_point(|spare| spare.capacity() < buffer.capacity());
            spares.insert(place, buffer);
        }
    });
}

/// The spare buffers, the largest last.
fn with_spares<T>(change: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> Option<T> {
    let in_place = |cell: &Cell<Vec<Vec<u8>>>| {
        let mut spares = cell.take();
        let value = change(&mut spares);
        cell.set(spares);
        value
    };
    SPARES_KEPT.try_with(in_place).ok()
}

/// A turn: one poll of the task in which a connection and its application run, or one call from elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// Which connection's task is being polled on this thread.
    connection: usize,
    /// This turn has read to the end.
    pub(crate) fresh: bool,
    /// The reactor has nothing, and wakes when it has.
    pub(crate) registered: bool,
    /// The time at which something was done first.
    pub(crate) now: Option<Instant>,
    /// How many reads it may still do.
    pub(crate) reads: u8,
}

impl Turn {
    const fn outside() -> Self {
        Self::of(0)
    }

    const fn of(connection: usize) -> Self {
        Self { connection, fresh: false, registered: false, now: None, reads: READS }
    }

    /// The turn of the connection at this address, if its task is being polled on this thread.
    pub(crate) fn current(connection: usize) -> Option<Self> {
        Some(TURN.get()).filter(|turn| turn.connection == connection)
    }

    /// A turn for one call from elsewhere.
    pub(crate) const fn passing() -> Self {
        Self::outside()
    }

    /// Keeps what happened in the current turn.
    pub(crate) fn keep(self) {
        TURN.set(self);
    }

    /// Polls with the connection at this address as the current one.
    pub(crate) fn enter<T>(connection: usize, poll: impl FnOnce() -> T) -> T {
        struct Restore(Turn);
        impl Drop for Restore {
            fn drop(&mut self) {
                TURN.set(self.0);
            }
        }
        let _restore = Restore(TURN.replace(Self::of(connection)));
        poll()
    }
}
