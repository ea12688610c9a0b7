//! A connection, as its application holds it.

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use adieu_core::deflate::Parameters;
use adieu_core::handshake::Response;
use adieu_core::{Chunk, CloseError, Closed, Config, Connection, Event, Message, Role, SendError, Ticket};
use futures_core::Stream;

use crate::clock;
use crate::driver::Driver;
use crate::sender::Sender;
use crate::shared::Shared;
use crate::sink::SinkState;
use crate::transport::Transport;
use crate::waiters::leave;

/// A connection: receives, and is a [`Sender`] too.
///
/// As a [`Stream`] it gives messages and ends with the verdict, which [`Sender::verdict`] then tells; as a
/// [`Sink`](futures_sink::Sink) it sends, and closing the sink closes with 1000.
pub struct WebSocket<S: Transport> {
    pub(crate) sender: Sender<S>,
    response: Option<Box<Response>>,
    pub(crate) sink: SinkState,
}

impl<S: Transport> WebSocket<S> {
    pub(crate) fn begin(stream: S, conn: Connection) -> (Self, Driver<S>) {
        let shared = Shared::new(stream, conn);
        let driver = Driver::new(Arc::clone(&shared));
        (Self { sender: Sender::new(shared), response: None, sink: SinkState::default() }, driver)
    }

    /// The next message.
    ///
    /// Asking tells that the application is done with the message before: if the peer's Close is next, it takes effect now.
    /// Dropping the future loses nothing. Where `Config::chunks` asks for parts, each part is a binary message here;
    /// [`recv_chunk`](Self::recv_chunk) tells more.
    ///
    /// # Errors
    ///
    /// The verdict, after everything that was received before it; again and again from then on.
    pub fn recv(&mut self) -> impl Future<Output = Result<Message<'static>, Box<Closed>>> {
        self.ask(message)
    }

    /// The next part of a message, where `Config::chunks` asks for parts; elsewhere the next message as a single part.
    ///
    /// # Errors
    ///
    /// The verdict, as for [`recv`](Self::recv).
    pub fn recv_chunk(&mut self) -> impl Future<Output = Result<Chunk<'static>, Box<Closed>>> {
        self.ask(chunk)
    }

    /// Asks for events until `pick` picks one.
    pub(crate) fn ask<T>(
        &mut self,
        pick: impl Fn(Event<'static>) -> Option<T>,
    ) -> impl Future<Output = Result<T, Box<Closed>>> {
        let mut asking = Asking { shared: self.sender.shared(), pending: false };
        poll_fn(move |cx| asking.poll(cx, &pick))
    }

    /// [`Sender::send`], also where `SinkExt` is in scope.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send<'m>(
        &self,
        message: impl Into<Message<'m>>,
    ) -> impl Future<Output = Result<Ticket, SendError<Message<'m>>>> {
        self.sender.send(message)
    }

    /// [`Sender::close`], also where `SinkExt` is in scope.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn close(&self, code: u16, reason: &str) -> impl Future<Output = Result<Box<Closed>, CloseError>> {
        self.sender.close(code, reason)
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared<S>> {
        self.sender.shared()
    }

    /// Another handle for sending.
    pub fn sender(&self) -> Sender<S> {
        self.sender.clone()
    }

    /// Client: the server's response, with its header fields and the subprotocol that it chose.
    pub fn response(&self) -> Option<&Response> {
        self.response.as_deref()
    }

    pub(crate) fn set_response(&mut self, response: Box<Response>) {
        self.response = Some(response);
    }
}

/// A message, if that is what it is.
fn message(event: Event<'static>) -> Option<Message<'static>> {
    match event {
        Event::Message(message) => Some(message),
        Event::Chunk(chunk) => Some(Message::Binary(chunk.payload)),
        _ => None,
    }
}

/// A part of a message, if that is what it is.
fn chunk(event: Event<'static>) -> Option<Chunk<'static>> {
    let message = match event {
        Event::Chunk(chunk) => return Some(chunk),
        Event::Message(message) => message,
        _ => return None,
    };
    let kind = message.kind();
    let payload = match message {
        Message::Text(text) => text.into_owned().into_bytes().into(),
        Message::Binary(bytes) => bytes,
    };
    Some(Chunk { kind, payload, start: true, end: true })
}

impl<S: Transport> Shared<S> {
    pub(crate) fn poll_ask<T>(
        &self,
        cx: &Context<'_>,
        pick: impl Fn(Event<'static>) -> Option<T>,
    ) -> Poll<Result<T, Box<Closed>>> {
        let register = || self.hub.set_receiver(cx.waker());
        self.with_rest(|inner, io| {
            loop {
                if let Some(picked) = pick(ready!(inner.next(io, register))?) {
                    return Poll::Ready(Ok(picked));
                }
            }
        })
    }
}

/// A task that asks for an event, until it gets one or gives up.
struct Asking<'a, S: Transport> {
    shared: &'a Shared<S>,
    pending: bool,
}

impl<S: Transport> Asking<'_, S> {
    fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        pick: impl Fn(Event<'static>) -> Option<T>,
    ) -> Poll<Result<T, Box<Closed>>> {
        let picked = self.shared.poll_ask(cx, pick);
        self.pending = picked.is_pending();
        picked
    }
}

impl<S: Transport> Drop for Asking<'_, S> {
    fn drop(&mut self) {
        if self.pending {
            self.shared.lock().receiving = false;
            self.shared.hub.clear_receiver();
        }
    }
}

/// A connection over a stream that something else upgraded. `leftover` is what arrived behind the upgrade.
///
/// A client's masking keys are seeded by the operating system; should that fail, the connection is aborted at once.
pub fn open<S: Transport>(
    role: Role,
    stream: S,
    config: Arc<Config>,
    leftover: &mut [u8],
) -> (WebSocket<S>, Driver<S>) {
    open_agreed(role, stream, config, None, leftover)
}

/// The same, where permessage-deflate was agreed on too: a server finds out with [`deflate::choose`](adieu_core::deflate::choose), whose answer is
/// displayed as it stands in the response's `Sec-WebSocket-Extensions`.
pub fn open_agreed<S: Transport>(
    role: Role,
    stream: S,
    config: Arc<Config>,
    agreed: Option<Parameters>,
    leftover: &mut [u8],
) -> (WebSocket<S>, Driver<S>) {
    let now = clock::now();
    let mut seed = [0; 32];
    // R5.3-03
    let seeded = getrandom::fill(&mut seed);
    let mut conn = Connection::open(role, config, seed, now);
    conn.agree(agreed);
    if seeded.is_err() {
        conn.abort(now);
    }
    conn.handle_ahead(now, leftover);
    WebSocket::begin(stream, conn)
}

impl<S: Transport> Deref for WebSocket<S> {
    type Target = Sender<S>;

    fn deref(&self) -> &Sender<S> {
        &self.sender
    }
}

impl<S: Transport> Drop for WebSocket<S> {
    fn drop(&mut self) {
        let shared = self.sender.shared();
        shared.hub.clear_receiver();
        leave(shared, self.sink.slot);
        if shared.has_more_handles() {
            shared.with(|inner, io| inner.conn.stop_receiving(io.now));
        }
    }
}

impl<S: Transport> Stream for WebSocket<S> {
    type Item = Message<'static>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.sender.shared().poll_ask(cx, message).map(Result::ok)
    }
}

impl<S: Transport> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("state", &self.state()).finish_non_exhaustive()
    }
}
