//! The one waker that a connection registers with its stream.
//!
//! Whoever polls the stream registers the hub, and the hub wakes those who can make progress: so it does not matter who
//! polled last, or whether that task still cares.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct Hub {
    wakers: Mutex<Wakers>,
}

#[derive(Default)]
struct Wakers {
    /// The task that polls the driver.
    driver: Option<Waker>,
    /// The task that waits for a message.
    receiver: Option<Waker>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers the driver's task; `true` if it was another one before.
    pub(crate) fn set_driver(&self, waker: &Waker) -> bool {
        replace(self.lock(), |wakers| &mut wakers.driver, waker)
    }

    pub(crate) fn set_receiver(&self, waker: &Waker) {
        replace(self.lock(), |wakers| &mut wakers.receiver, waker);
    }

    pub(crate) fn clear_driver(&self) {
        let waker = self.lock().driver.take();
        drop(waker);
    }

    pub(crate) fn clear_receiver(&self) {
        let waker = self.lock().receiver.take();
        drop(waker);
    }

    pub(crate) fn wake_driver(&self) {
        let waker = self.lock().driver.clone();
        wake(waker);
    }

    pub(crate) fn wake_receiver(&self) {
        let waker = self.lock().receiver.clone();
        wake(waker);
    }

    /// Wakes both; a receiver in another task registers anew if it still waits.
    pub(crate) fn wake_all(&self) {
        let mut wakers = self.lock();
        let driver = wakers.driver.clone();
        let same = |waker: &mut Waker| !driver.as_ref().is_some_and(|driver| driver.will_wake(waker));
        let receiver = wakers.receiver.take_if(same);
        drop(wakers);
        wake(receiver);
        wake(driver);
    }
}

/// Wakers are woken and dropped outside of the lock.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn replace(
    mut wakers: MutexGuard<'_, Wakers>,
    slot: impl FnOnce(&mut Wakers) -> &mut Option<Waker>,
    waker: &Waker,
) -> bool {
    let slot = slot(&mut wakers);
    if slot.as_ref().is_some_and(|registered| registered.will_wake(waker)) {
        return false;
    }
    let before = slot.replace(waker.clone());
    drop(wakers);
    drop(before);
    true
}

impl Wake for Hub {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}
