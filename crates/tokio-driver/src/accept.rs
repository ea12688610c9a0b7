//! The server's side of the opening handshake.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use adieu_core::handshake::{Accept, Reject, Request};
use adieu_core::{Closed, Connection, Event, ServerConfig};

use crate::clock;
use crate::driver::Driver;
use crate::error::HandshakeError;
use crate::transport::Transport;
use crate::websocket::WebSocket;

/// Accepts whatever the configuration lets pass. Spawns the connection's driver.
///
/// # Errors
///
/// [`HandshakeError`]: no request came, or it was refused.
pub async fn accept<S: Transport + Send + 'static>(
    stream: S,
    config: Arc<ServerConfig>,
) -> Result<WebSocket<S>, HandshakeError> {
    incoming(stream, config).await?.accept(Accept::new()).await
}

/// Waits for the request, which the application then answers. Spawns the connection's driver.
///
/// # Errors
///
/// [`HandshakeError`]: no request came, or it was refused.
pub async fn incoming<S: Transport + Send + 'static>(
    stream: S,
    config: Arc<ServerConfig>,
) -> Result<Incoming<S>, HandshakeError> {
    let (handshake, driver) = incoming_with_driver(stream, config);
    tokio::spawn(driver);
    handshake.request().await
}

/// Like [`incoming`], with the driver for the caller to poll.
pub fn incoming_with_driver<S: Transport>(stream: S, config: Arc<ServerConfig>) -> (Handshake<S>, Driver<S>) {
    let (socket, driver) = WebSocket::begin(stream, Connection::server(config, clock::now()));
    (Handshake { socket }, driver)
}

/// A client that has connected and has not said what it wants. Dropping it gives the connection up.
pub struct Handshake<S: Transport> {
    socket: WebSocket<S>,
}

impl<S: Transport> Handshake<S> {
    /// Waits for the request.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Closed`]: no request came, or the library refused it.
    pub async fn request(mut self) -> Result<Incoming<S>, HandshakeError> {
        let request = self.socket.ask(request).await.map_err(HandshakeError::Closed)?;
        Ok(Incoming { request, socket: self.socket })
    }

    /// The same for a future of our own; what waits is taken when its request is there.
    pub(crate) fn poll_request(
        waiting: &mut Option<Self>,
        cx: &Context<'_>,
    ) -> Poll<Result<Incoming<S>, HandshakeError>> {
        let Some(handshake) = waiting else { return Poll::Pending };
        let request =
            ready!(handshake.socket.shared().poll_ask(cx, request)).map_err(HandshakeError::Closed)?;
        waiting.take().map_or(Poll::Pending, |Self { socket }| Poll::Ready(Ok(Incoming { request, socket })))
    }
}

/// A request, if that is what it is.
fn request(event: Event<'static>) -> Option<Box<Request>> {
    match event {
        Event::Request(request) => Some(request),
        _ => None,
    }
}

impl<S: Transport> fmt::Debug for Handshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

/// A client's request, which waits for an answer as long as `Config::handshake_timeout` lets it.
///
/// Dropping it refuses with 503.
pub struct Incoming<S: Transport> {
    request: Box<Request>,
    socket: WebSocket<S>,
}

impl<S: Transport> Incoming<S> {
    /// The request.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Accepts: the connection is open, and what follows goes out behind the response.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Answer`] if the answer does not fit the request, [`HandshakeError::Closed`] if the connection has
    /// ended meanwhile.
    pub async fn accept(self, answer: Accept) -> Result<WebSocket<S>, HandshakeError> {
        let accepted = self.socket.shared().with(|inner, io| {
            let accepted = inner.conn.accept(io.now, &answer);
            let closed = || inner.conn.closed().cloned().map(Box::new);
            accepted.map_err(|error| closed().map_or(HandshakeError::Answer(error), HandshakeError::Closed))
        });
        accepted.map(|()| self.socket)
    }

    /// Refuses, or answers a plain request, and waits until that is written. Answers with the verdict.
    pub async fn reject(self, answer: Reject) -> Box<Closed> {
        // It can only fail because the connection has ended: the verdict says so.
        let _ended = self.socket.shared().with(|inner, io| inner.conn.reject(io.now, &answer));
        self.socket.closed().await
    }

    /// The client's address.
    ///
    /// # Errors
    ///
    /// As for [`Transport::peer_addr`], and `NotConnected` after the transport is done with.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Takes the stream back, without an answer. What arrived behind the request's head is lost. `None`: the connection
    /// has ended meanwhile.
    pub fn into_stream(self) -> Option<S> {
        let shared = self.socket.shared();
        let stream = shared.with(|inner, io| {
            let stream = inner.wire.take();
            inner.conn.abort(io.now);
            stream
        });
        // It is done, and without a stream nothing else would tell it.
        shared.hub.wake_driver();
        stream
    }
}

impl<S: Transport> fmt::Debug for Incoming<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("request", &self.request).finish_non_exhaustive()
    }
}
