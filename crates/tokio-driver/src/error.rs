//! Why a call did not do what it was asked to.

use std::error::Error;
use std::fmt;

use adieu_core::{AnswerError, Closed, PingError, SendRefusal};

/// Why there is no connection to a client.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The connection ended first: refused by the library, gone, or too late.
    Closed(Box<Closed>),
    /// The answer does not fit the request; the client was refused with 503.
    Answer(AnswerError),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(closed) => write!(f, "the opening handshake failed: {closed}"),
            Self::Answer(error) => write!(f, "the request was not accepted: {error}"),
        }
    }
}

impl Error for HandshakeError {}

/// Why a ping was not answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum PingFailed {
    /// It was not sent.
    Refused(PingError),
    /// The connection ended before the answer.
    Closed(Box<Closed>),
}

impl fmt::Display for PingFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Closed(closed) => write!(f, "no pong: {closed}"),
        }
    }
}

impl Error for PingFailed {}

/// Why a [`Sink`](futures_sink::Sink) took nothing. `Sender::send` gives the refused message back, a sink cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkError(
    /// Why.
    pub SendRefusal,
);

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not sent: {}", self.0)
    }
}

impl Error for SinkError {}
