//! What the handles and the driver of one connection share: one state behind one short lock.
//!
//! The lock is never held across an await, and no waker is woken and no stream dropped under it. Whoever is polled makes progress
//! for all.

use std::sync::Arc;
use std::task::{Context, Waker};

use adieu_core::{Connection, Instant};

use crate::clock;
use crate::hub::Hub;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};
use crate::thread::{Rest, Turn};
use crate::transport::Transport;
use crate::waiters::Waiters;
use crate::wire::Wire;

pub(crate) struct Shared<S> {
    inner: Mutex<Inner<S>>,
    pub(crate) hub: Arc<Hub>,
    /// The hub, as the stream sees it.
    waker: Waker,
    /// Handles of the application.
    handles: AtomicUsize,
}

pub(crate) struct Inner<S> {
    pub(crate) wire: Wire<S>,
    pub(crate) conn: Connection,
    pub(crate) waiters: Waiters,
    pub(crate) rest: Rest,
    /// When the driver wakes itself at the latest.
    pub(crate) armed: Option<Instant>,
    /// A task waits for an event.
    pub(crate) receiving: bool,
    /// Reading stopped because nothing was wanted.
    pub(crate) paused: bool,
    /// The connection has a write buffer.
    pub(crate) lent: bool,
}

/// One call's view of the world.
pub(crate) struct Io<'a> {
    pub(crate) now: Instant,
    pub(crate) cx: Context<'a>,
    pub(crate) turn: Turn,
    /// There is more to do than this call may.
    pub(crate) more: bool,
}

/// What is left to do when the lock is released.
pub(crate) struct After<S> {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) driver: bool,
    pub(crate) receiver: bool,
    pub(crate) stream: Option<S>,
}

impl<S> After<S> {
    pub(crate) const fn nothing() -> Self {
        Self { wakers: Vec::new(), driver: false, receiver: false, stream: None }
    }

    fn run(self, hub: &Hub) {
        drop(self.stream);
        if self.receiver {
            hub.wake_receiver();
        }
        if self.driver {
            hub.wake_driver();
        }
        self.wakers.into_iter().for_each(Waker::wake);
    }
}

/// What the driver needs to know after its turn.
pub(crate) struct Next {
    /// The transport is done with.
    pub(crate) done: bool,
    /// The alarm is to be set to this.
    pub(crate) alarm: Option<Instant>,
}

impl<S: Transport> Shared<S> {
    pub(crate) fn new(stream: S, conn: Connection) -> Arc<Self> {
        let hub = Arc::<Hub>::default();
        let inner = Inner {
            wire: Wire::new(stream),
            conn,
            waiters: Waiters::default(),
            rest: Rest::default(),
            armed: None,
            receiving: false,
            paused: false,
            lent: false,
        };
        let waker = Waker::from(Arc::clone(&hub));
        Arc::new(Self { inner: Mutex::new(inner), hub, waker, handles: AtomicUsize::new(0) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where this connection is, as a name for its turns.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn io(&self, mut turn: Turn) -> Io<'_> {
        let cx = Context::from_waker(&self.waker);
        let now = *turn.now.get_or_insert_with(clock::now);
        Io { now, cx, turn, more: false }
    }

    /// Changes something, and does what follows from it: at once, or at the end of the turn if the connection's own task is being
    /// polled.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Inner<S>, &mut Io<'_>) -> T) -> T {
        self.with_rest(|inner, io| {
            inner.digest(io.now);
            change(inner, io)
        })
    }

    /// The same, for a change that comes before what this turn has read and nobody asked for.
    pub(crate) fn with_rest<T>(&self, change: impl FnOnce(&mut Inner<S>, &mut Io<'_>) -> T) -> T {
        let current = Turn::current(self.address());
        let mut io = self.io(current.unwrap_or(Turn::passing()));
        let mut inner = self.lock();
        inner.lend();
        if current.is_some() {
            let value = change(&mut inner, &mut io);
            io.turn.keep();
            return value;
        }
        inner.digest(io.now);
        let value = change(&mut inner, &mut io);
        inner.digest(io.now);
        let after = inner.settle_for_others(&mut io);
        drop(inner);
        after.run(&self.hub);
        value
    }

    /// The driver's turn: reads, minds the clock, writes. `rang`: its alarm has.
    pub(crate) fn turn(&self, rang: bool) -> Next {
        let mut turn = Turn::current(self.address()).unwrap_or(Turn::passing());
        // What was polled before may have taken its time, which is not to count against the peer.
        turn.now = None;
        let mut io = self.io(turn);
        let mut inner = self.lock();
        inner.lend();
        inner.digest(io.now);
        inner.read_ahead(&mut io);
        inner.mind_clock(&mut io, rang);
        let mut after = inner.settle(&mut io);
        after.driver |= io.more;
        let next = Next { done: inner.wire.is_gone(), alarm: inner.alarm(io.now) };
        drop(inner);
        after.run(&self.hub);
        next
    }

    /// Nobody will drive the connection any more: it ends now, and what is left of it after its end is not waited for.
    pub(crate) fn abandon(&self) {
        let mut io = self.io(Turn::passing());
        let mut inner = self.lock();
        if inner.conn.closed().is_none() {
            inner.conn.abort(io.now);
        }
        let mut after = inner.settle(&mut io);
        after.stream = after.stream.or_else(|| inner.wire.take());
        drop(inner);
        after.run(&self.hub);
    }

    pub(crate) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// There are handles besides the caller's.
    pub(crate) fn has_more_handles(&self) -> bool {
        self.handles.load(Ordering::Acquire) > 1
    }

    pub(crate) fn drop_handle(&self) {
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.with(|inner, io| inner.conn.handle_dropped(io.now));
        }
    }
}
