//! What an application does with a loop's connections.

use std::io;

use adieu_core::handshake::{Accept, Request, Response};
use adieu_core::{Chunk, Closed, Instant, Message, Pong};

use crate::slab::Key;
use crate::sockets::Sockets;

/// An application: what it does when something happened to one of its connections. It is never called for two at a time.
///
/// `sockets` are all connections of the loop. What is sent in a call is written when it has returned.
pub trait Handler {
    /// What other threads ask for, through a [`Handle`](crate::Handle).
    type Command: Send;

    /// Server: a client asks for a connection. It waits for [`Sockets::accept`] or [`Sockets::reject`], for as long as
    /// `Config::handshake_timeout` lets it. Accepts, if nothing else is said.
    #[allow(clippy::boxed_local, reason = "the core boxes it, and whoever keeps it keeps the box")]
    fn on_request(&mut self, sockets: &mut Sockets, key: Key, request: Box<Request>) {
        let _ = request;
        // Refused only where the connection has ended meanwhile, which is told.
        let _ended = sockets.accept(key, &Accept::new());
    }

    /// Client: the server has accepted.
    fn on_open(&mut self, sockets: &mut Sockets, key: Key, response: Box<Response>) {
        let _ = (sockets, key, response);
    }

    /// A message. It borrows the loop's buffer; the connection is not borrowed, so that an answer is
    /// `sockets.send(key, message)`.
    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>);

    /// A part of a message, where `Config::chunks` asks for parts.
    fn on_chunk(&mut self, sockets: &mut Sockets, key: Key, chunk: Chunk<'_>) {
        let _ = (sockets, key, chunk);
    }

    /// A Ping was answered.
    fn on_pong(&mut self, sockets: &mut Sockets, key: Key, pong: Pong) {
        let _ = (sockets, key, pong);
    }

    /// The queue was full and has room again; nothing that [`Sockets::broadcast`] kept is left.
    fn on_writable(&mut self, sockets: &mut Sockets, key: Key) {
        let _ = (sockets, key);
    }

    /// The peer has closed, and nothing more can be sent. The verdict follows.
    fn on_closing(&mut self, sockets: &mut Sockets, key: Key) {
        let _ = (sockets, key);
    }

    /// The end, told once: nothing more is told of this connection.
    fn on_closed(&mut self, sockets: &mut Sockets, key: Key, verdict: Box<Closed>) {
        let _ = (sockets, key, verdict);
    }

    /// Client: the server could not be reached. The verdict follows.
    fn on_unreachable(&mut self, sockets: &mut Sockets, key: Key, error: io::Error) {
        let _ = (sockets, key, error);
    }

    /// Another thread asks for something.
    fn on_command(&mut self, sockets: &mut Sockets, command: Self::Command) {
        let _ = (sockets, command);
    }

    /// When [`on_deadline`](Self::on_deadline) is to be called, in the time of [`Sockets::now`].
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The application's own deadline has passed.
    fn on_deadline(&mut self, sockets: &mut Sockets) {
        let _ = sockets;
    }
}
