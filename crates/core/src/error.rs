//! Whose fault it is: the application's errors, and the peer's violations.
//!
//! A caller's fault is an `Err` that changed nothing. A peer's fault is data: a [`Violation`] in the verdict.

use core::fmt;

use crate::words::words;
use crate::{CloseCode, Message, Ticket};

words! {
    /// What the peer did wrong.
    pub enum Violation {
        /// A reserved bit was set that no extension gave a meaning (RFC 6455 §5.2).
        ReservedBits = "a reserved bit is set",
        /// A reserved opcode (§5.2).
        Opcode(opcode: u8) = "reserved opcode {opcode:#x}",
        /// A control frame with FIN clear (§5.5).
        FragmentedControl = "a control frame is fragmented",
        /// A control frame of more than 125 bytes (§5.5).
        ControlLength = "a control frame is longer than 125 bytes",
        /// A payload length that is not in its shortest form (§5.2).
        LengthNotMinimal = "a payload length is not in its shortest form",
        /// A payload length with the top bit set (§5.2).
        LengthTopBit = "a payload length has the top bit set",
        /// A frame to a server that is not masked (§5.1).
        NotMasked = "a client's frame is not masked",
        /// A frame to a client that is masked (§5.1).
        Masked = "a server's frame is masked",
        /// A continuation frame without a message to continue (§5.4).
        ContinuationWithoutStart = "a continuation without a message",
        /// A new message inside an unfinished one (§5.4).
        MessageInsideMessage = "a message inside an unfinished message",
        /// Text that is not UTF-8 (§8.1).
        TextUtf8 = "text that is not UTF-8",
        /// A compressed message that does not inflate (RFC 7692 §7.2.2).
        Deflate = "a compressed message that does not inflate",
        /// A Close whose payload is one byte (§5.5.1).
        CloseLength = "a Close payload of one byte",
        /// A Close with a code that may not travel (§7.4).
        CloseCode(code: u16) = "a Close with code {code}",
        /// A Close with a reason that is not UTF-8 (§5.5.1).
        CloseReasonUtf8 = "a Close reason that is not UTF-8",
        /// A frame longer than `Config::max_frame_len`.
        FrameTooLong = "a frame over the limit",
        /// A message longer than `Config::max_message_len`.
        MessageTooLong = "a message over the limit",
        /// A message of more than `Config::max_fragments` frames.
        TooManyFragments = "a message of too many fragments",
        /// Client: the server's handshake response is not one (§4.1).
        Response(fault: ResponseFault) = "handshake response: {fault}",
    }

    /// What is wrong with a server's handshake response (RFC 6455 §4.1, the client's list of checks).
    pub enum ResponseFault {
        /// Not an HTTP/1.1 response head.
        Malformed = "not an HTTP/1.1 response",
        /// The head is longer than `Config::max_head_len`, or has more than `Config::max_headers` fields.
        TooLarge = "the head is too large",
        /// `Upgrade` is missing or is not `websocket`.
        Upgrade = "Upgrade is not websocket",
        /// `Connection` has no token `Upgrade`.
        Connection = "Connection has no Upgrade",
        /// `Sec-WebSocket-Accept` is missing or does not belong to the key.
        Accept = "Sec-WebSocket-Accept does not belong to the key",
        /// An extension that was not offered.
        Extension = "an extension that was not offered",
        /// An extension's parameters that the offer does not allow (RFC 7692 §7.1).
        ExtensionParameters = "parameters of an extension that the offer does not allow",
        /// A subprotocol that was not offered.
        Subprotocol = "a subprotocol that was not offered",
    }

    /// Why a `send` was refused. The message comes back in [`SendError`].
    pub enum SendRefusal {
        /// The opening handshake is not complete.
        Connecting = "the opening handshake is not complete",
        /// The send queue holds `Config::send_high` bytes or more; wait for `Event::Drained`.
        Full = "the send queue is full",
        /// A fragmented message of ours is unfinished.
        MessageUnfinished = "a fragmented message is unfinished",
        /// A fragment of another kind than its message.
        WrongKind = "a fragment of another kind than its message",
        /// Our Close is queued.
        Closing = "this endpoint has closed",
        /// The peer's Close took effect.
        PeerClosed = "the peer has closed",
        /// The connection failed; it is ending.
        Failed = "the connection failed",
        /// The connection has ended: see `Connection::closed`.
        Ended = "the connection has ended",
    }

    /// Why a Ping or a Pong was refused. Nothing changed.
    pub enum PingError {
        /// The connection cannot take it: the same reasons as for a message.
        Refused(refusal: SendRefusal) = "no ping: {refusal}",
        /// `MAX_PINGS` are unanswered already.
        TooMany = "no ping: too many are unanswered",
        /// A payload of more than 125 bytes.
        TooLong = "no ping: the payload is longer than 125 bytes",
    }

    /// Why a close was refused. Nothing changed.
    pub enum CloseError {
        /// The code may not travel in a Close frame (RFC 6455 §7.4).
        Code(code: u16) = "code {code} may not travel in a Close frame",
        /// The reason is longer than [`MAX_REASON_LEN`](crate::MAX_REASON_LEN) bytes of UTF-8.
        Reason(len: usize) = "a reason of {len} bytes is over 123",
        /// A fragmented message of ours is unfinished; `close_cutting` closes all the same.
        MessageUnfinished = "a fragmented message is unfinished",
        /// The connection is closing or closed already.
        Already = "the connection is closing already",
    }

    /// Why an answer to a handshake request was refused. Nothing changed.
    pub enum AnswerError {
        /// No request is waiting for an answer.
        NoRequest = "no request is waiting for an answer",
        /// The request does not ask for WebSocket; only `reject` can answer it.
        NotWebSocket = "the request does not ask for WebSocket",
        /// The subprotocol was not offered.
        Subprotocol = "the subprotocol was not offered",
    }

    /// Why a header cannot travel. Nothing changed.
    pub enum HeaderError {
        /// The name is not a token (RFC 9110 §5.6.2).
        Name = "a header name that is not a token",
        /// The value has a control character, CR and LF among them (RFC 9110 §5.5).
        Value = "a header value with a control character",
        /// The name is one that the handshake writes itself.
        Reserved = "a header that the handshake writes itself",
        /// A subprotocol that is not a token, or was given twice (RFC 6455 §4.1).
        Subprotocol = "a subprotocol that is not a token or was given twice",
        /// A request target that is not `/…` in visible ASCII, or has a fragment (RFC 6455 §3).
        Target = "a request target that cannot travel",
        /// A host that is empty or has characters that cannot stand there.
        Host = "a host that cannot travel",
        /// A status that is not 200 to 599.
        Status = "a status that is not 200 to 599",
    }
}

impl Violation {
    /// The code that fails the connection (§7.4.1).
    // R7.1.7-04
    pub const fn code(self) -> CloseCode {
        match self {
            Self::TextUtf8 | Self::Deflate | Self::CloseReasonUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooLong | Self::MessageTooLong | Self::TooManyFragments => CloseCode::MESSAGE_TOO_BIG,
            // R5.1-05
            _ => CloseCode::PROTOCOL_ERROR,
        }
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

/// What sending answers: the message's number, or the message back.
pub type SendResult<'m> = Result<Ticket, SendError<Message<'m>>>;
