//! Points at which a call can be dropped.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::yield_now;

/// What comes after the call that was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The same call again, in the same poll.
    Again,
    /// Every call has a waker of its own, which dies with it. The others run before the same call comes again.
    Elsewhere,
    /// The handle is used for other things first.
    Differently,
}

impl Manner {
    pub(crate) const ALL: [Self; 3] = [Self::Again, Self::Elsewhere, Self::Differently];
}

/// Counts the polls that are pending, over a whole run, and drops the calls whose polls are the ones.
#[derive(Clone)]
pub(crate) struct Steps {
    manner: Manner,
    /// The pending polls at which the call is dropped, counted from 1; 0 for none.
    at: [usize; 2],
    pending: Rc<Cell<usize>>,
}

impl Steps {
    pub(crate) fn new(manner: Manner, at: [usize; 2]) -> Self {
        Self { manner, at, pending: Rc::default() }
    }

    /// How many polls were pending.
    pub(crate) fn pending(&self) -> usize {
        self.pending.get()
    }

    /// Makes a call and awaits it. It is made anew after it was dropped, and is told then whether to use its handle for other
    /// things first.
    pub(crate) async fn step<T>(&self, mut call: impl AsyncFnMut(bool) -> T) -> T {
        let mut differently = false;
        loop {
            if let Some(output) = self.attempt(call(differently)).await {
                return output;
            }
            differently = self.manner == Manner::Differently;
            if self.manner == Manner::Elsewhere {
                yield_now().await;
            }
        }
    }

    /// `None`: it was dropped.
    pub(crate) async fn attempt<F: Future>(&self, work: F) -> Option<F::Output> {
        let forward = Arc::<Forward>::default();
        let waker = Waker::from(Arc::clone(&forward));
        let mut work = pin!(work);
        let output = poll_fn(|cx| {
            let polled = if self.manner == Manner::Elsewhere {
                forward.lead_to(Some(cx.waker().clone()));
                work.as_mut().poll(&mut Context::from_waker(&waker))
            } else {
                work.as_mut().poll(cx)
            };
            match polled {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if self.is_one_of_them() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        forward.lead_to(None);
        output
    }

    fn is_one_of_them(&self) -> bool {
        self.pending.set(self.pending.get() + 1);
        self.at.contains(&self.pending.get())
    }
}

/// A waker that leads to another one, or nowhere.
#[derive(Default)]
struct Forward(Mutex<Option<Waker>>);

impl Forward {
    fn lead_to(&self, waker: Option<Waker>) {
        *self.0.lock().expect("no panic") = waker;
    }
}

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        let waker = self.0.lock().expect("no panic").clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
