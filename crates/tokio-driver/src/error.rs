//! Why a call did not do what it was asked to.

use std::error::Error;
use std::{fmt, io};

use adieu_core::{AnswerError, Closed, HeaderError, PingError, SendRefusal};

/// Why there is no connection to a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used; what is wrong with it.
    Url(&'static str),
    /// Something cannot travel in the request.
    Header(HeaderError),
    /// Resolving the name or connecting failed; of several addresses, the last one's error.
    Io(io::Error),
    /// No address answered within `Config::handshake_timeout`.
    Timeout,
    /// The opening handshake failed; the verdict tells how, a refusal with the server's response.
    Handshake(Box<Closed>),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(fault) => write!(f, "the URL cannot be used: {fault}"),
            Self::Header(error) => write!(f, "the request cannot travel: {error}"),
            Self::Io(error) => write!(f, "cannot connect: {error}"),
            Self::Timeout => f.write_str("cannot connect: no answer in time"),
            Self::Handshake(closed) => write!(f, "the opening handshake failed: {closed}"),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Header(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Url(_) | Self::Timeout | Self::Handshake(_) => None,
        }
    }
}

impl From<HeaderError> for ConnectError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

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
