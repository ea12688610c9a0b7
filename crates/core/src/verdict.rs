//! How a connection ended: decided once, never changed (CLOSE.md §1).

use alloc::boxed::Box;
use core::fmt;

use crate::handshake::Response;
use crate::words::words;
use crate::{Close, Violation};

/// The number of a message of ours: grows by one with each message, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Closed {
    /// Whose Close entered this endpoint first.
    pub initiator: Option<Initiator>,
    /// The Close that we queued.
    pub sent: Option<Close>,
    /// The Close that the peer sent.
    pub received: Option<Close>,
    /// Our Close was handed to the transport whole.
    pub flushed: bool,
    /// Both Closes were exchanged, and ours was flushed.
    pub clean: bool,
    /// What ended the connection.
    pub cause: Cause,
    /// A message of the peer's was left unfinished.
    pub cut_in: bool,
    /// A message of ours was left unfinished.
    pub cut_out: bool,
    /// What of ours was never handed to the transport whole.
    pub unsent: Unsent,
    /// What of the peer's arrived and was dropped.
    pub undelivered: Undelivered,
    /// The last message of ours that the peer's endpoint certainly received and parsed (CLOSE.md rule 13).
    pub confirmed: Option<Ticket>,
}

impl Closed {
    /// The code as RFC 6455 §7.1.5 defines it: the received one, 1005 for an empty Close, 1006 for none.
    // R7.1.5-01
    pub fn shown_code(&self) -> u16 {
        self.received.as_ref().map_or(1006, Close::shown_code)
    }
}

/// One line for people: what ended it, who closed, with what; reasons are escaped.
impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.clean { "clean" } else { "not clean" }, self.cause)?;
        if let Some(initiator) = self.initiator {
            write!(f, "; {initiator}")?;
        }
        if let Some(sent) = &self.sent {
            let flushed = if self.flushed { "" } else { " (not flushed)" };
            write!(f, "; sent {sent}{flushed}")?;
        }
        if let Some(received) = &self.received {
            write!(f, "; received {received}")?;
        }
        let (unsent, dropped) = (self.unsent.messages, self.undelivered.messages);
        let counts = [(unsent, "of ours unsent"), (dropped, "of the peer's dropped")];
        let mut counts = counts.into_iter().filter(|&(count, _)| count > 0);
        let plural = |count| if count == 1 { "" } else { "s" };
        counts.try_for_each(|(count, what)| write!(f, "; {count} message{} {what}", plural(count)))
    }
}

impl core::error::Error for Closed {}

/// Messages of ours that the transport did not take whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Unsent {
    /// The first of them.
    pub first: Option<Ticket>,
    /// How many.
    pub messages: u64,
    /// Their payloads, in bytes, as they would have travelled: those that were compressed, compressed.
    pub bytes: u64,
}

/// Messages of the peer's that arrived and were dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Undelivered {
    /// How many.
    pub messages: u64,
    /// Their payloads, in bytes.
    pub bytes: u64,
}

/// What ended a connection: the first cause that arose; an abort before the verdict outranks it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The closing handshake was complete.
    #[default]
    Handshake,
    /// The opening handshake was refused: by us (no response is kept), or by the server (its response).
    Refused(Option<Box<Response>>),
    /// The peer broke the protocol.
    Violation(Violation),
    /// The application failed the connection.
    Failed,
    /// The stream ended.
    EndOfStream {
        /// Inside a frame, and not between two.
        inside_frame: bool,
    },
    /// The transport was reset, or failed for another reason.
    Reset,
    /// A TLS stream ended without `close_notify`.
    Truncated,
    /// A deadline passed.
    Timeout(Timeout),
    /// The application aborted.
    Aborted,
    /// This endpoint gave up in CONNECTING.
    Abandoned,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake => f.write_str("closing handshake complete"),
            Self::Refused(None) => f.write_str("the request was refused"),
            Self::Refused(Some(response)) => write!(f, "refused with HTTP {}", response.status),
            Self::Violation(violation) => write!(f, "protocol violation: {violation}"),
            Self::Failed => f.write_str("failed by the application"),
            Self::EndOfStream { inside_frame: false } => f.write_str("end of stream"),
            Self::EndOfStream { inside_frame: true } => f.write_str("end of stream inside a frame"),
            Self::Reset => f.write_str("connection reset"),
            Self::Truncated => f.write_str("TLS stream truncated"),
            Self::Timeout(timeout) => write!(f, "{timeout} timeout"),
            Self::Aborted => f.write_str("aborted"),
            Self::Abandoned => f.write_str("abandoned before it was open"),
        }
    }
}

words! {
    /// Whose Close entered this endpoint first.
    pub enum Initiator {
        /// Ours was queued before the peer's was parsed.
        Local = "we closed first",
        /// The peer's was parsed before ours was queued.
        Peer = "the peer closed first",
    }

    /// Which deadline passed.
    pub enum Timeout {
        /// The opening handshake, from accept or connect.
        Handshake = "handshake",
        /// Progress in writing.
        Write = "write",
        /// The peer's answer to our Close.
        Close = "close",
        /// The absolute bound on closing.
        Closing = "closing",
        /// The answer to a Ping.
        Pong = "pong",
        /// A message in either direction.
        Idle = "idle",
    }
}

/// What a driver learned from its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportError {
    /// The transport was reset, or broke in a way that leaves nothing to hope for.
    Reset,
    /// TLS: the stream ended without `close_notify`.
    Truncated,
}

#[cfg(feature = "std")]
impl From<&std::io::Error> for TransportError {
    /// An unexpected end is a truncation (rustls says so); all else is as final as a reset.
    fn from(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Reset }
    }
}
