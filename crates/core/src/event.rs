//! What the application is told.

use alloc::{borrow::Cow, boxed::Box};
use core::time::Duration;

use crate::handshake::{Request, Response};
use crate::{Closed, Kind, Message, Ticket};

/// What the application is told, in the order in which it happened; only answers to Pings and room in the queue go ahead of messages
/// that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'b> {
    /// Server: a request arrived and waits for `Connection::accept` or `Connection::reject`, for as long as the handshake's
    /// deadline lets it.
    Request(Box<Request>),
    /// Client: the server accepted; the connection is OPEN.
    Open(Box<Response>),
    /// A message.
    Message(Message<'b>),
    /// A part of a message, where `Config::chunks` asks for parts. Text is validated, but a part may end inside a character.
    Chunk(Chunk<'b>),
    /// The peer's Close took effect: see `Connection::peer_close`. `send` is refused from here on. Where we closed first it is not told: the
    /// end follows.
    Closing,
    /// A Ping of `Connection::ping` was answered.
    Pong(Pong),
    /// The send queue was at `Config::send_high` and fell to `Config::send_low`.
    Drained,
    /// The end, delivered once, after everything else.
    Closed(Box<Closed>),
}

impl Event<'_> {
    /// The same event on its own: a payload is copied only if it is borrowed.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Request(request) => Event::Request(request),
            Self::Open(response) => Event::Open(response),
            Self::Message(message) => Event::Message(message.into_owned()),
            Self::Chunk(Chunk { kind, payload, start, end }) => {
                let payload = Cow::Owned(payload.into_owned());
                Event::Chunk(Chunk { kind, payload, start, end })
            }
            Self::Closing => Event::Closing,
            Self::Pong(pong) => Event::Pong(pong),
            Self::Drained => Event::Drained,
            Self::Closed(closed) => Event::Closed(closed),
        }
    }

    /// The payload that the event brings, and whether it ends a message.
    pub(crate) fn payload(&self) -> Option<(&[u8], bool)> {
        match self {
            Self::Message(message) => Some((message.as_bytes(), true)),
            Self::Chunk(chunk) => Some((&chunk.payload, chunk.end)),
            _ => None,
        }
    }
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chunk<'b> {
    /// Text or binary.
    pub kind: Kind,
    /// The part's bytes; may be empty.
    pub payload: Cow<'b, [u8]>,
    /// The first part of its message.
    pub start: bool,
    /// The last part of its message.
    pub end: bool,
}

/// A confirmation: the peer's endpoint has received and parsed what was sent before the Ping (CLOSE.md rule 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pong {
    /// Which Ping: the number that `Connection::ping` returned.
    pub id: u64,
    /// The last message before it.
    pub confirmed: Option<Ticket>,
    /// From the Ping's flush to its Pong.
    pub round_trip: Duration,
}
