//! Calls that wait for something other than a message.

use std::task::{Context, Waker};
use std::time::Duration;

use adieu_core::{Connection, Pong, SendRefusal};

use crate::shared::Shared;
use crate::transport::Transport;

/// What a call waits for.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// Room in the send queue.
    Room,
    /// Everything is written.
    Flush,
    /// The answer to a ping.
    Pong { id: u64, round_trip: Option<Duration> },
    /// The verdict.
    Closed,
}

struct Waiter {
    slot: u64,
    wait: Wait,
    waker: Option<Waker>,
}

#[derive(Default)]
pub(crate) struct Waiters {
    list: Vec<Waiter>,
    next_slot: u64,
}

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Waits on in `slot`, or in a new one: `cx` is woken when the wait may be over.
    pub(crate) fn wait(&mut self, slot: &mut Option<u64>, wait: Wait, cx: &Context<'_>) {
        let known = slot.and_then(|slot| self.get(slot));
        if let Some(waiter) = known {
            waiter.wait = wait;
            match &mut waiter.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return;
        }
        self.list.push(Waiter { slot: self.next_slot, wait, waker: Some(cx.waker().clone()) });
        *slot = Some(self.next_slot);
        self.next_slot += 1;
    }

    /// Slots grow, and waiters stay in the order in which they came.
    fn get(&mut self, slot: u64) -> Option<&mut Waiter> {
        self.index(slot).map(|index| &mut self.list[index])
    }

    fn index(&self, slot: u64) -> Option<usize> {
        self.list.binary_search_by_key(&slot, |waiter| waiter.slot).ok()
    }

    fn remove(&mut self, slot: u64) -> Option<Waiter> {
        let waiter = self.list.remove(self.index(slot)?);
        if self.list.is_empty() {
            self.list = Vec::new();
        }
        Some(waiter)
    }

    /// A ping was answered.
    pub(crate) fn answered(&mut self, pong: Pong) {
        for waiter in &mut self.list {
            if let Wait::Pong { id, round_trip } = &mut waiter.wait
                && *id == pong.id
            {
                *round_trip = Some(pong.round_trip);
            }
        }
    }

    /// Moves the wakers of those whose wait is over to `wakers`. `flushed`: nothing is left to write. Room is told to one at a time, who
    /// has waited longest; the next hears of what that one leaves.
    pub(crate) fn ready(&mut self, conn: &Connection, flushed: bool, wakers: &mut Vec<Waker>) {
        let over = conn.closed().is_some();
        let mut room = match conn.refusal() {
            Some(SendRefusal::Full) => 0,
            None => 1,
            Some(_) => self.list.len(),
        };
        for waiter in self.list.iter_mut().filter(|waiter| waiter.waker.is_some()) {
            let ready = match waiter.wait {
                Wait::Room => {
                    let before = room;
                    room = room.saturating_sub(1);
                    before > 0
                }
                Wait::Flush => flushed || over,
                Wait::Pong { round_trip, .. } => round_trip.is_some() || over,
                Wait::Closed => over,
            };
            if ready {
                wakers.extend(waiter.waker.take());
            }
        }
    }
}

/// A call's place among the waiters; it leaves when the call is dropped.
pub(crate) struct Place<'a, S: Transport> {
    shared: &'a Shared<S>,
    slot: Option<u64>,
}

impl<'a, S: Transport> Place<'a, S> {
    pub(crate) fn new(shared: &'a Shared<S>) -> Self {
        Self { shared, slot: None }
    }

    pub(crate) fn wait(&mut self, waiters: &mut Waiters, wait: Wait, cx: &Context<'_>) {
        waiters.wait(&mut self.slot, wait, cx);
    }

    /// The answer to the ping that this call waits for.
    pub(crate) fn round_trip(&self, waiters: &mut Waiters) -> Option<Duration> {
        match waiters.get(self.slot?)?.wait {
            Wait::Pong { round_trip, .. } => round_trip,
            Wait::Room | Wait::Flush | Wait::Closed => None,
        }
    }
}

impl<S: Transport> Drop for Place<'_, S> {
    fn drop(&mut self) {
        leave(self.shared, self.slot);
    }
}

/// Leaves the waiters, and to the next one what it was woken for; the waker is dropped outside of the lock.
pub(crate) fn leave<S: Transport>(shared: &Shared<S>, slot: Option<u64>) {
    let Some(slot) = slot else { return };
    let mut inner = shared.lock();
    let waiter = inner.waiters.remove(slot);
    let mut wakers = Vec::new();
    if waiter.as_ref().is_some_and(|waiter| waiter.waker.is_none()) {
        inner.wake_waiters(&mut wakers);
    }
    drop(inner);
    drop(waiter);
    wakers.into_iter().for_each(Waker::wake);
}
