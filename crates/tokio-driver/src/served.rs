//! The task of one client of a server.
//!
//! Owns: the order of handshake, handler and what is left of the connection after them. A future of our own and not an async block, which
//! would keep room for each of the three.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::accept::{Handshake, Incoming};
use crate::driver::Driver;
use crate::transport::Transport;

pin_project! {
    /// Waits for the request, runs the handler, drives the connection beside both and to its end.
    pub(crate) struct Served<S, H, F>
    where
        S: Transport,
    {
        // Dropped first: what it holds closes the connection, and the driver resets it then.
        #[pin]
        work: Work<S, H, F>,
        driver: Driver<S>,
    }
}

pin_project! {
    #[project = Projected]
    enum Work<S, H, F>
    where
        S: Transport,
    {
        Asking { handshake: Option<Handshake<S>>, handler: H },
        Handling { #[pin] handling: F },
        Done,
    }
}

impl<S: Transport, H, F> Served<S, H, F> {
    pub(crate) const fn new(handshake: Handshake<S>, driver: Driver<S>, handler: H) -> Self {
        Self { work: Work::Asking { handshake: Some(handshake), handler }, driver }
    }
}

impl<S, H, F> Future for Served<S, H, F>
where
    S: Transport,
    H: Fn(Incoming<S>) -> F,
    F: Future<Output = ()>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let mut work = this.work;
        let (over, driven) = this.driver.poll_beside(cx, |cx| {
            while work.as_mut().poll(cx).is_ready() {}
            matches!(*work, Work::Done)
        });
        // A handler may outlive its connection, with the stream in its hands.
        if over { driven } else { Poll::Pending }
    }
}

impl<S, H, F> Work<S, H, F>
where
    S: Transport,
    H: Fn(Incoming<S>) -> F,
    F: Future<Output = ()>,
{
    /// Goes on until something has to be waited for: then, and at the end, it is pending.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let next = match self.as_mut().project() {
            Projected::Asking { handshake, handler } => Handshake::poll_request(handshake, cx).map(|asked| {
                asked.map_or(Self::Done, |incoming| Self::Handling { handling: handler(incoming) })
            }),
            Projected::Handling { handling } => handling.poll(cx).map(|()| Self::Done),
            Projected::Done => Poll::Pending,
        };
        next.map(|next| self.set(next))
    }
}
