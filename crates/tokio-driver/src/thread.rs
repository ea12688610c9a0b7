//! What belongs to the thread and not to a connection: buffers, and which connection's task is being polled.

use std::cell::Cell;
use std::ops::Range;

use adieu_core::Instant;

use crate::sync::thread_local;

/// A buffer that grew beyond this is not kept: four messages of the usual limit.
const SPARE_LEN: usize = 4 << 20;

/// As many buffers are kept: one to write to, and some for large messages that are under way at the same time.
const SPARES_KEPT: usize = 4;

/// Reads in one turn, before others get theirs.
const READS: u8 = 4;

// A thread that ends has no buffers any more; then a buffer lives for one call. `TURN` has no destructor.
thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static SPARES: Cell<Vec<Vec<u8>>> = const { Cell::new(Vec::new()) };
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

/// The largest of the thread's write buffers that nobody has.
pub(crate) fn take_spare() -> Vec<u8> {
    SPARES
        .try_with(|cell| {
            let mut spares = cell.take();
            let spare = spares.pop();
            cell.set(spares);
            spare
        })
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Gives a write buffer to the thread.
pub(crate) fn give_spare(buffer: Vec<u8>) {
    if !(1..=SPARE_LEN).contains(&buffer.capacity()) {
        return;
    }
    let _ = SPARES.try_with(|cell| {
        let mut spares = cell.take();
        let place = spares.partition_point(|spare| spare.capacity() < buffer.capacity());
        spares.insert(place, buffer);
        if spares.len() > SPARES_KEPT {
            spares.remove(0);
        }
        cell.set(spares);
    });
}

/// A turn: one poll of the task in which a connection and its application run, or one call from elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// Which connection's task is being polled on this thread.
    connection: usize,
    /// This turn has read to the end.
    pub(crate) fresh: bool,
    /// How many messages were sent since.
    pub(crate) sends: u8,
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
        Self { connection, fresh: false, sends: 0, registered: false, now: None, reads: READS }
    }

    /// The turn of the connection at this address, if its task is being polled on this thread.
    pub(crate) fn current(connection: usize) -> Option<Self> {
        Some(TURN.with(Cell::get)).filter(|turn| turn.connection == connection)
    }

    /// A turn for one call from elsewhere.
    pub(crate) const fn passing() -> Self {
        Self::outside()
    }

    /// Keeps what happened in the current turn.
    pub(crate) fn keep(self) {
        TURN.with(|turn| turn.set(self));
    }

    /// Polls with the connection at this address as the current one.
    pub(crate) fn enter<T>(connection: usize, poll: impl FnOnce() -> T) -> T {
        struct Restore(Turn);
        impl Drop for Restore {
            fn drop(&mut self) {
                TURN.with(|turn| turn.set(self.0));
            }
        }
        let _restore = Restore(TURN.with(|turn| turn.replace(Self::of(connection))));
        poll()
    }
}
