//! A clock that stands still until [`ring`] lets it go on, in place of tokio's.
//!
//! All threads of a schedule are run by one thread of the system, which is the one that this belongs to.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use adieu_core::Instant;

/// When a schedule begins.
const BEGIN: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Clock {
    passed: Duration,
    /// The one alarm that is set, and whom it wakes.
    alarm: Option<(Instant, Waker)>,
    /// Who waits for an alarm to be set.
    watcher: Option<Waker>,
}

std::thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::default();
}

/// A schedule begins.
pub(crate) fn begin() {
    CLOCK.take();
}

pub(crate) fn now() -> Instant {
    Instant::EPOCH + BEGIN + CLOCK.with_borrow(|clock| clock.passed)
}

pub(crate) fn on_tokio(point: Instant) -> Instant {
    point
}

/// Waits until an alarm is set that rings within `time` from now; then it does.
pub(crate) async fn ring(time: Duration) {
    poll_fn(|cx| {
        let latest = now() + time;
        let waker = CLOCK.with_borrow_mut(|clock| {
            clock.watcher = Some(cx.waker().clone());
            let (at, waker) = clock.alarm.take_if(|(at, _)| *at <= latest)?;
            clock.passed = at.since(Instant::EPOCH + BEGIN);
            Some(waker)
        });
        waker.map_or(Poll::Pending, |waker| {
            waker.wake();
            Poll::Ready(())
        })
    })
    .await;
}

/// An alarm.
pub(crate) struct Sleep {
    at: Instant,
}

pub(crate) fn sleep_until(at: Instant) -> Sleep {
    Sleep { at }
}

impl Sleep {
    pub(crate) fn is_elapsed(&self) -> bool {
        now() >= self.at
    }

    pub(crate) fn reset(self: Pin<&mut Self>, at: Instant) {
        self.get_mut().at = at;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_elapsed() {
            return Poll::Ready(());
        }
        let watcher = CLOCK.with_borrow_mut(|clock| {
            clock.alarm = Some((self.at, cx.waker().clone()));
            clock.watcher.take()
        });
        if let Some(watcher) = watcher {
            watcher.wake();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        CLOCK.with_borrow_mut(|clock| clock.alarm = None);
    }
}
