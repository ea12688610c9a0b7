//! The future that keeps a connection going.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::clock::{self, Sleep, sleep_until};
use crate::shared::Shared;
use crate::thread::Turn;
use crate::transport::Transport;

/// Keeps a connection going: reads ahead, answers pings, minds the deadlines, finishes the closing handshake.
///
/// It completes when the transport is done with, which may be after the verdict. Somebody has to poll it: `connect` and
/// `accept` spawn it, the forms `..._with_driver` hand it to the caller, and [`serve`](crate::serve) polls it beside the
/// handler. Dropping it before the verdict resets the connection; after the verdict, it parts with the transport.
#[must_use = "a connection makes no progress unless its driver is polled"]
pub struct Driver<S: Transport> {
    shared: Arc<Shared<S>>,
    alarm: Option<Pin<Box<Sleep>>>,
    done: bool,
}

impl<S: Transport> Driver<S> {
    pub(crate) const fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared, alarm: None, done: false }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared<S>> {
        &self.shared
    }

    /// Polls the connection beside `work` in one task: the fast way for a task that is all about one connection.
    ///
    /// What `work` sends within one poll goes out in one write, and a message comes to it without a hop between
    /// tasks. When `work` is complete, the driver usually is not: await it, or spawn it.
    pub async fn beside<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|cx| self.poll_beside(cx, |cx| work.as_mut().poll(cx)).0).await
    }

    /// Polls `work`, then the connection, in one turn.
    pub(crate) fn poll_beside<T>(
        &mut self,
        cx: &mut Context<'_>,
        work: impl FnOnce(&mut Context<'_>) -> T,
    ) -> (T, Poll<()>) {
        let moved = self.shared.hub.set_driver(cx.waker());
        Turn::enter(self.shared.address(), || (work(cx), self.turn(cx, moved)))
    }

    /// A turn; `moved`: another task polls than before.
    fn turn(&mut self, cx: &mut Context<'_>, moved: bool) -> Poll<()> {
        if self.done {
            return Poll::Ready(());
        }
        let rang = self.alarm.as_ref().is_some_and(|alarm| alarm.is_elapsed());
        let next = self.shared.turn(rang);
        if next.done {
            self.done = true;
            self.alarm = None;
            self.shared.hub.clear_driver();
            return Poll::Ready(());
        }
        if let Some(at) = next.alarm.map(clock::on_tokio) {
            match &mut self.alarm {
                Some(alarm) => alarm.as_mut().reset(at),
                none => *none = Some(Box::pin(sleep_until(at))),
            }
        }
        if (moved || next.alarm.is_some())
            && let Some(alarm) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<S: Transport> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let moved = self.shared.hub.set_driver(cx.waker());
        self.turn(cx, moved)
    }
}

impl<S: Transport> Drop for Driver<S> {
    fn drop(&mut self) {
        if !self.done {
            self.shared.abandon();
            self.shared.hub.clear_driver();
        }
    }
}

impl<S: Transport> fmt::Debug for Driver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("done", &self.done).finish_non_exhaustive()
    }
}
