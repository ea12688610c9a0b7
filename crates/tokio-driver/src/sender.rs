//! The half of a connection that can be in many places.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use adieu_core::{
    Close, CloseError, Closed, Message, PingError, Prepared, SendError, SendRefusal, State, Ticket,
};

use crate::error::PingFailed;
use crate::progress::Form;
use crate::shared::Shared;
use crate::transport::Transport;
use crate::waiters::{Place, Wait};

/// Sends, pings and closes. Clones share the connection and may live in different tasks.
///
/// Every future is cancel-safe: what it has not done yet is not done, and what it has done (such as queueing a message) it tells by
/// completing in the same poll.
///
/// When the [`WebSocket`](crate::WebSocket) is dropped, the connection stops receiving; when the last handle is dropped, it
/// closes with 1001.
pub struct Sender<S: Transport> {
    shared: Arc<Shared<S>>,
}

/// Names a connection, and no other one for as long as there is a handle of it: the key of a registry of [`Sender`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(usize);

impl<S: Transport> Sender<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>) -> Self {
        shared.add_handle();
        Self { shared }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared<S>> {
        &self.shared
    }

    /// Which connection this is a handle of.
    pub fn id(&self) -> ConnectionId {
        ConnectionId(Arc::as_ptr(&self.shared).addr())
    }

    /// Queues a message, and writes it as far as the transport takes it. Waits while the queue is full.
    ///
    /// What the peer has sent up to now is looked at first: once its Close has taken effect nothing is sent. A message that the application
    /// was given, and may be answering, puts that off until it asks for the next, for `Config::close_linger` at the most;
    /// [`stop_receiving`](Self::stop_receiving) is for who only sends.
    ///
    /// # Errors
    ///
    /// Every [`SendRefusal`] but `Full`, at once, with the message. Where it is `Ended`, [`verdict`](Self::verdict) tells how.
    pub fn send<'m>(
        &self,
        message: impl Into<Message<'m>>,
    ) -> impl Future<Output = Result<Ticket, SendError<Message<'m>>>> {
        self.send_part(message.into(), Form::default())
    }

    /// Queues a fragment of a message like [`send`](Self::send): the first begins the message, the one with `end` finishes it.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_fragment<'m>(
        &self,
        fragment: impl Into<Message<'m>>,
        end: bool,
    ) -> impl Future<Output = Result<Ticket, SendError<Message<'m>>>> {
        self.send_part(fragment.into(), Form { end: Some(end), plain: false })
    }

    /// Queues a message like [`send`](Self::send), but never compresses it: for secrets beside which others can place text of their choice
    /// (RFC 7692 §8).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_uncompressed<'m>(
        &self,
        message: impl Into<Message<'m>>,
    ) -> impl Future<Output = Result<Ticket, SendError<Message<'m>>>> {
        self.send_part(message.into(), Form { end: None, plain: true })
    }

    /// Queues a fragment like [`send_fragment`](Self::send_fragment), of a message that is not compressed: the first fragment decides.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_fragment_uncompressed<'m>(
        &self,
        fragment: impl Into<Message<'m>>,
        end: bool,
    ) -> impl Future<Output = Result<Ticket, SendError<Message<'m>>>> {
        self.send_part(fragment.into(), Form { end: Some(end), plain: true })
    }

    fn send_part<'m>(
        &self,
        message: Message<'m>,
        form: Form,
    ) -> impl Future<Output = Result<Ticket, SendError<Message<'m>>>> {
        let mut place = Place::new(&self.shared);
        let mut waiting = Some(message);
        poll_fn(move |cx| {
            self.shared.with_rest(|inner, io| {
                let Some(message) = waiting.take() else {
                    return Poll::Pending;
                };
                match inner.send(io, message, form) {
                    Err(SendError { refusal: SendRefusal::Full, message }) => {
                        waiting = Some(message);
                        place.wait(&mut inner.waiters, Wait::Room, cx);
                        Poll::Pending
                    }
                    answer => Poll::Ready(answer),
                }
            })
        })
    }

    /// Queues a message like [`send`](Self::send), but never waits.
    ///
    /// # Errors
    ///
    /// Every [`SendRefusal`], with the message.
    pub fn try_send<'m>(&self, message: impl Into<Message<'m>>) -> Result<Ticket, SendError<Message<'m>>> {
        self.shared.with_rest(|inner, io| inner.send(io, message.into(), Form::default()))
    }

    /// Queues a message that was prepared for many like [`send`](Self::send): it was encoded once, and is shared where it is large.
    ///
    /// # Errors
    ///
    /// Every [`SendRefusal`] but `Full`, at once.
    pub fn send_prepared(&self, message: &Prepared) -> impl Future<Output = Result<Ticket, SendRefusal>> {
        let mut place = Place::new(&self.shared);
        poll_fn(move |cx| {
            self.shared.with_rest(|inner, io| match inner.send_prepared(io, message) {
                Err(SendRefusal::Full) => {
                    place.wait(&mut inner.waiters, Wait::Room, cx);
                    Poll::Pending
                }
                answer => Poll::Ready(answer),
            })
        })
    }

    /// Queues a message that was prepared for many, but never waits. For a slow receiver, see [`Backlog`](crate::Backlog).
    ///
    /// # Errors
    ///
    /// Every [`SendRefusal`].
    pub fn try_send_prepared(&self, message: &Prepared) -> Result<Ticket, SendRefusal> {
        self.shared.with_rest(|inner, io| inner.send_prepared(io, message))
    }

    /// Waits until the send queue has room, or takes nothing any more: then is the time to [`resume`](crate::Backlog::resume) a backlog.
    pub fn room(&self) -> impl Future<Output = ()> {
        let mut place = Place::new(&self.shared);
        poll_fn(move |cx| {
            self.shared.with_rest(|inner, _| {
                if inner.conn.refusal() != Some(SendRefusal::Full) {
                    return Poll::Ready(());
                }
                place.wait(&mut inner.waiters, Wait::Room, cx);
                Poll::Pending
            })
        })
    }

    /// Pings the peer, behind everything queued before, and waits for its answer: the time from the Ping's flush to its
    /// Pong. The answer confirms that the peer's endpoint has what was sent before ([`confirmed`](Self::confirmed)).
    ///
    /// # Errors
    ///
    /// [`PingFailed`] if it cannot be sent, or the connection ends first.
    pub fn ping(&self) -> impl Future<Output = Result<Duration, PingFailed>> {
        let mut place = Place::new(&self.shared);
        let mut sent = None;
        poll_fn(move |cx| {
            self.shared.with(|inner, io| {
                if let Some(round_trip) = place.round_trip(&mut inner.waiters) {
                    return Poll::Ready(Ok(round_trip));
                }
                if sent.is_none() {
                    inner.look(io);
                    match inner.conn.ping(io.now) {
                        Ok(id) => sent = Some(Wait::Pong { id, round_trip: None }),
                        Err(error) => return Poll::Ready(Err(PingFailed::Refused(error))),
                    }
                }
                if let Some(closed) = inner.conn.closed() {
                    return Poll::Ready(Err(PingFailed::Closed(Box::new(closed.clone()))));
                }
                if let Some(wait) = sent {
                    place.wait(&mut inner.waiters, wait, cx);
                }
                Poll::Pending
            })
        })
    }

    /// Queues an unsolicited Pong (RFC 6455 §5.5.3) of at most 125 bytes. The latest wins.
    ///
    /// # Errors
    ///
    /// [`PingError`]; nothing changed.
    pub fn pong(&self, payload: &[u8]) -> Result<(), PingError> {
        self.shared.with(|inner, io| inner.conn.pong(io.now, payload))
    }

    /// Closes behind everything that is queued, and waits for the verdict.
    ///
    /// The Close is queued at the first poll; dropping the future later does not take it back. Messages of the peer that come
    /// before its own Close can still be received.
    ///
    /// # Errors
    ///
    /// [`CloseError`], at once: a code or reason that cannot travel, or the connection is closing already.
    pub async fn close(&self, code: u16, reason: &str) -> Result<Box<Closed>, CloseError> {
        self.start_close(Close::new(code, reason)?)?;
        Ok(self.closed().await)
    }

    /// Closes like [`close`](Self::close), but does not wait.
    ///
    /// # Errors
    ///
    /// [`CloseError`]; nothing changed.
    pub fn start_close(&self, close: Close) -> Result<(), CloseError> {
        self.shared.with(|inner, io| inner.conn.close(io.now, close))
    }

    /// Closes like [`start_close`](Self::start_close), even in the middle of a fragmented message of ours, which stays unfinished.
    ///
    /// # Errors
    ///
    /// [`CloseError::Already`].
    pub fn start_close_cutting(&self, close: Close) -> Result<(), CloseError> {
        self.shared.with(|inner, io| inner.conn.close_cutting(io.now, close))
    }

    /// Fails the connection with a code of the application's choice: what is queued still goes out, nothing more is received.
    ///
    /// # Errors
    ///
    /// [`CloseError::Already`] if a Close of ours is queued or sent, or it has ended.
    pub fn fail(&self, close: Close) -> Result<(), CloseError> {
        self.shared.with(|inner, io| inner.conn.fail(io.now, close))
    }

    /// Resets the connection.
    pub fn abort(&self) {
        self.shared.with(|inner, io| inner.conn.abort(io.now));
    }

    /// Gives up receiving: what waits and what comes is dropped, and counted in the verdict.
    pub fn stop_receiving(&self) {
        self.shared.with(|inner, io| inner.conn.stop_receiving(io.now));
    }

    /// Waits for the verdict, which is decided when both Closes are exchanged and ours is written, even before TCP is over.
    /// Messages that came before it can still be received.
    pub fn closed(&self) -> impl Future<Output = Box<Closed>> {
        let mut place = Place::new(&self.shared);
        poll_fn(move |cx| {
            let mut inner = self.shared.lock();
            if let Some(closed) = inner.conn.closed() {
                return Poll::Ready(Box::new(closed.clone()));
            }
            place.wait(&mut inner.waiters, Wait::Closed, cx);
            Poll::Pending
        })
    }

    /// The verdict, once it is decided.
    pub fn verdict(&self) -> Option<Box<Closed>> {
        self.shared.lock().conn.closed().cloned().map(Box::new)
    }

    /// The peer's Close, as soon as it was parsed; messages may still be received before it takes effect.
    pub fn peer_close(&self) -> Option<Close> {
        self.shared.with(|inner, _io| inner.conn.peer_close().cloned())
    }

    /// The state.
    pub fn state(&self) -> State {
        self.shared.lock().conn.state()
    }

    /// Bytes that wait to be taken by the transport.
    pub fn buffered(&self) -> usize {
        self.shared.lock().conn.buffered()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// As for [`Transport::peer_addr`], and `NotConnected` after the transport is done with.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let inner = self.shared.lock();
        inner.wire.stream().map_or(Err(io::ErrorKind::NotConnected.into()), S::peer_addr)
    }

    /// The last message that the peer's endpoint certainly received and parsed; a [`ping`](Self::ping) finds out.
    pub fn confirmed(&self) -> Option<Ticket> {
        self.shared.lock().conn.confirmed()
    }
}

impl<S: Transport> Clone for Sender<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl<S: Transport> Drop for Sender<S> {
    fn drop(&mut self) {
        self.shared.drop_handle();
    }
}

impl<S: Transport> fmt::Debug for Sender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("state", &self.state()).finish_non_exhaustive()
    }
}
