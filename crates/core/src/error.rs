//! Whose fault it is: the application's errors, and the peer's violations.
//!
//! A caller's fault is an `Err` that changed nothing. A peer's fault is data: a [`Violation`] in the verdict.

use core::fmt;

use crate::{CloseCode, MAX_REASON_LEN};

/// What the peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Violation {
    /// A reserved bit was set that no extension gave a meaning (RFC 6455 §5.2).
    ReservedBits,
    /// A reserved opcode (§5.2).
    Opcode(u8),
    /// A control frame with FIN clear (§5.5).
    FragmentedControl,
    /// A control frame of more than 125 bytes (§5.5).
    ControlLength,
    /// A payload length that is not in its shortest form (§5.2).
    LengthNotMinimal,
    /// A payload length with the top bit set (§5.2).
    LengthTopBit,
    /// A frame to a server that is not masked (§5.1).
    NotMasked,
    /// A frame to a client that is masked (§5.1).
    Masked,
    /// A continuation frame without a message to continue (§5.4).
    ContinuationWithoutStart,
    /// A new message inside an unfinished one (§5.4).
    MessageInsideMessage,
    /// Text that is not UTF-8 (§8.1).
    TextUtf8,
    /// A Close whose payload is one byte (§5.5.1).
    CloseLength,
    /// A Close with a code that may not travel (§7.4).
    CloseCode(u16),
    /// A Close with a reason that is not UTF-8 (§5.5.1).
    CloseReasonUtf8,
    /// A frame longer than `Config::max_frame_len`.
    FrameTooLong,
    /// A message longer than `Config::max_message_len`.
    MessageTooLong,
    /// A message of more than `Config::max_fragments` frames.
    TooManyFragments,
    /// Client: the server's handshake response is not one (§4.1).
    Response(ResponseFault),
}

/// What is wrong with a server's handshake response (RFC 6455 §4.1, the client's list of checks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseFault {
    /// Not an HTTP/1.1 response head.
    Malformed,
    /// The head is longer than `Config::max_head_len`, or has more than `Config::max_headers` fields.
    TooLarge,
    /// `Upgrade` is missing or is not `websocket`.
    Upgrade,
    /// `Connection` has no token `Upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` is missing or does not belong to the key.
    Accept,
    /// An extension that was not offered.
    Extension,
    /// A subprotocol that was not offered.
    Subprotocol,
}

impl Violation {
    /// The code that fails the connection (§7.4.1).
    pub const fn code(self) -> CloseCode {
        match self {
            Self::TextUtf8 | Self::CloseReasonUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooLong | Self::MessageTooLong | Self::TooManyFragments => CloseCode::MESSAGE_TOO_BIG,
            Self::ReservedBits
            | Self::Opcode(_)
            | Self::FragmentedControl
            | Self::ControlLength
            | Self::LengthNotMinimal
            | Self::LengthTopBit
            | Self::NotMasked
            | Self::Masked
            | Self::ContinuationWithoutStart
            | Self::MessageInsideMessage
            | Self::CloseLength
            | Self::CloseCode(_)
            | Self::Response(_) => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ReservedBits => f.write_str("a reserved bit is set"),
            Self::Opcode(opcode) => write!(f, "reserved opcode {opcode:#x}"),
            Self::FragmentedControl => f.write_str("a control frame is fragmented"),
            Self::ControlLength => f.write_str("a control frame is longer than 125 bytes"),
            Self::LengthNotMinimal => f.write_str("a payload length is not in its shortest form"),
            Self::LengthTopBit => f.write_str("a payload length has the top bit set"),
            Self::NotMasked => f.write_str("a client's frame is not masked"),
            Self::Masked => f.write_str("a server's frame is masked"),
            Self::ContinuationWithoutStart => f.write_str("a continuation without a message"),
            Self::MessageInsideMessage => f.write_str("a message inside an unfinished message"),
            Self::TextUtf8 => f.write_str("text that is not UTF-8"),
            Self::CloseLength => f.write_str("a Close payload of one byte"),
            Self::CloseCode(code) => write!(f, "a Close with code {code}"),
            Self::CloseReasonUtf8 => f.write_str("a Close reason that is not UTF-8"),
            Self::FrameTooLong => f.write_str("a frame over the limit"),
            Self::MessageTooLong => f.write_str("a message over the limit"),
            Self::TooManyFragments => f.write_str("a message of too many fragments"),
            Self::Response(fault) => write!(f, "handshake response: {fault}"),
        }
    }
}

impl fmt::Display for ResponseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not an HTTP/1.1 response",
            Self::TooLarge => "the head is too large",
            Self::Upgrade => "Upgrade is not websocket",
            Self::Connection => "Connection has no Upgrade",
            Self::Accept => "Sec-WebSocket-Accept does not belong to the key",
            Self::Extension => "an extension that was not offered",
            Self::Subprotocol => "a subprotocol that was not offered",
        })
    }
}

/// Why a `send` was refused. The message comes back in [`SendError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendRefusal {
    /// The opening handshake is not complete.
    Connecting,
    /// The send queue holds `Config::send_high` bytes or more; wait for `Event::Drained`.
    Full,
    /// A fragmented message of ours is unfinished.
    MessageUnfinished,
    /// A fragment of another kind than its message.
    WrongKind,
    /// Our Close is queued.
    Closing,
    /// The peer's Close took effect.
    PeerClosed,
    /// The connection failed; it is ending.
    Failed,
    /// The connection has ended: see `Connection::closed`.
    Ended,
}

impl fmt::Display for SendRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "the opening handshake is not complete",
            Self::Full => "the send queue is full",
            Self::MessageUnfinished => "a fragmented message is unfinished",
            Self::WrongKind => "a fragment of another kind than its message",
            Self::Closing => "this endpoint has closed",
            Self::PeerClosed => "the peer has closed",
            Self::Failed => "the connection failed",
            Self::Ended => "the connection has ended",
        })
    }
}

/// A message that was not sent, and why. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendError<M> {
    /// Why.
    pub refusal: SendRefusal,
    /// What was to be sent, as it was given.
    pub message: M,
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not sent: {}", self.refusal)
    }
}

impl<M: fmt::Debug> core::error::Error for SendError<M> {}

/// Why a Ping or a Pong was refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PingError {
    /// The connection cannot take it: the same reasons as for a message.
    Refused(SendRefusal),
    /// `MAX_PINGS` are unanswered already.
    TooMany,
    /// A payload of more than 125 bytes.
    TooLong,
}

impl fmt::Display for PingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "no ping: {refusal}"),
            Self::TooMany => f.write_str("no ping: too many are unanswered"),
            Self::TooLong => f.write_str("no ping: the payload is longer than 125 bytes"),
        }
    }
}

impl core::error::Error for PingError {}

/// Why a close was refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseError {
    /// The code may not travel in a Close frame (RFC 6455 §7.4).
    Code(u16),
    /// The reason is too long.
    Reason {
        /// Its length in bytes of UTF-8.
        len: usize,
    },
    /// A fragmented message of ours is unfinished; `close_cutting` closes all the same.
    MessageUnfinished,
    /// The connection is closing or closed already.
    Already,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "code {code} may not travel in a Close frame"),
            Self::Reason { len } => write!(f, "a reason of {len} bytes is over {MAX_REASON_LEN}"),
            Self::MessageUnfinished => f.write_str("a fragmented message is unfinished"),
            Self::Already => f.write_str("the connection is closing already"),
        }
    }
}

impl core::error::Error for CloseError {}

/// Why an answer to a handshake request was refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnswerError {
    /// No request is waiting for an answer.
    NoRequest,
    /// The request does not ask for WebSocket; only `reject` can answer it.
    NotWebSocket,
    /// The subprotocol was not offered.
    Subprotocol,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRequest => "no request is waiting for an answer",
            Self::NotWebSocket => "the request does not ask for WebSocket",
            Self::Subprotocol => "the subprotocol was not offered",
        })
    }
}

impl core::error::Error for AnswerError {}

/// Why a header cannot travel. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is not a token (RFC 9110 §5.6.2).
    Name,
    /// The value has a control character, CR and LF among them (RFC 9110 §5.5).
    Value,
    /// The name is one that the handshake writes itself.
    Reserved,
    /// A subprotocol that is not a token, or was given twice (RFC 6455 §4.1).
    Subprotocol,
    /// A request target that is not `/…` in visible ASCII, or has a fragment (RFC 6455 §3).
    Target,
    /// A host that is empty or has characters that cannot stand there.
    Host,
    /// A status that is not 200 to 599.
    Status,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a header name that is not a token",
            Self::Value => "a header value with a control character",
            Self::Reserved => "a header that the handshake writes itself",
            Self::Subprotocol => "a subprotocol that is not a token or was given twice",
            Self::Target => "a request target that cannot travel",
            Self::Host => "a host that cannot travel",
            Self::Status => "a status that is not 200 to 599",
        })
    }
}

impl core::error::Error for HeaderError {}
