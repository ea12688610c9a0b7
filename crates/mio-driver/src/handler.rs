//! What an application does with a loop's connections.

use super::*;

/// An application: what it does when something happened to one of its connections. It is never called for two at a time.
///
/// `sockets` are all connections of the loop. What is sent in a call is written when it has returned.
#[allow(clippy::boxed_local, reason = "the core boxes them, and whoever keeps one keeps the box")]
pub trait Handler {
    /// What other threads ask for, through a [`Handle`](crate::Handle).
    type Command: Send;

    /// Server: a client asks for a connection. It waits for `accept` or `reject`, for as long as `Config::handshake_timeout` lets it.
    /// Accepts, if nothing else is said.
    fn on_request(&mut self, sockets: &mut Sockets, key: Key, _request: Box<Request>) {
        let Some((socket, now)) = sockets.reach(key) else { return };
        if socket.connection.accept(now, &Accept::new()).is_err() {
            // It does not ask for WebSocket.
            let _answered = Reject::new(426).map(|answer| socket.connection.reject(now, &answer));
        }
    }

    /// Client: the server has accepted.
    fn on_open(&mut self, _sockets: &mut Sockets, _key: Key, _response: Box<Response>) {}

    /// A message. It borrows the loop's buffer; the connection is not borrowed, so that an answer is
    /// `sockets.send(key, message)`.
    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>);

    /// A part of a message, where `Config::chunks` asks for parts.
    fn on_chunk(&mut self, _sockets: &mut Sockets, _key: Key, _chunk: Chunk<'_>) {}

    /// A Ping was answered.
    fn on_pong(&mut self, _sockets: &mut Sockets, _key: Key, _pong: Pong) {}

    /// The queue was full and has room again: for what a [`Backlog`] has kept, for example.
    fn on_writable(&mut self, _sockets: &mut Sockets, _key: Key) {}

    /// The peer has closed, and nothing more can be sent. The verdict follows.
    fn on_closing(&mut self, _sockets: &mut Sockets, _key: Key) {}

    /// The end, told once: nothing more is told of this connection.
    fn on_closed(&mut self, _sockets: &mut Sockets, _key: Key, _verdict: Box<Closed>) {}

    /// Another thread asks for something.
    fn on_command(&mut self, _sockets: &mut Sockets, _command: Self::Command) {}

    /// When [`on_deadline`](Self::on_deadline) is to be called, in the time of [`Sockets::now`].
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The application's own deadline has passed.
    fn on_deadline(&mut self, _sockets: &mut Sockets) {}
}
