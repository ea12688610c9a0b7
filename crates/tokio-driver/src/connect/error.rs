//! Why there is no connection to a server.

use std::error::Error;
use std::net::SocketAddr;
use std::{fmt, io};

use adieu_core::{Closed, HeaderError};

use crate::proxy::ProxyError;

/// Why there is no connection to a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used; what is wrong with it.
    Url(&'static str),
    /// Something cannot travel in the request.
    Header(HeaderError),
    /// Resolving the name failed.
    Io(io::Error),
    /// No address could be connected to: what became of each, `TimedOut` for one that had not answered.
    Unreachable(Vec<(SocketAddr, io::Error)>),
    /// The name was not resolved within `Config::handshake_timeout`.
    Timeout,
    /// The way leads through a proxy, and ends there.
    Proxy(ProxyError),
    /// The TLS handshake failed. Inside an `InvalidData` is a [`rustls::Error`](crate::tls::rustls::Error); `TimedOut` is the deadline.
    #[cfg(feature = "tls")]
    Tls(io::Error),
    /// The opening handshake failed; the verdict tells how, a refusal with the server's response.
    Handshake(Box<Closed>),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(fault) => write!(f, "the URL cannot be used: {fault}"),
            Self::Header(error) => write!(f, "the request cannot travel: {error}"),
            Self::Io(error) => write!(f, "cannot connect: {error}"),
            Self::Unreachable(attempts) => unreachable(attempts, f),
            Self::Timeout => f.write_str("cannot connect: the name was not resolved in time"),
            Self::Proxy(error) => write!(f, "cannot connect through the proxy: {error}"),
            #[cfg(feature = "tls")]
            Self::Tls(error) => {
                f.write_str("the TLS handshake failed: ")?;
                crate::tls::explain(error, f)
            }
            Self::Handshake(closed) => write!(f, "the opening handshake failed: {closed}"),
        }
    }
}

fn unreachable(attempts: &[(SocketAddr, io::Error)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("cannot connect: ")?;
    for (at, (address, error)) in attempts.iter().enumerate() {
        let between = if at > 0 { "; " } else { "" };
        match error.kind() {
            io::ErrorKind::TimedOut => write!(f, "{between}{address} did not answer in time")?,
            _ => write!(f, "{between}{address}: {error}")?,
        }
    }
    if attempts.is_empty() { f.write_str("the name has no address") } else { Ok(()) }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // What is said of them is said above; what is behind them is the source.
            Self::Io(error) => error.source(),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.source(),
            Self::Proxy(error) => error.source(),
            Self::Header(_) | Self::Url(_) | Self::Timeout | Self::Unreachable(_) | Self::Handshake(_) => {
                None
            }
        }
    }
}

impl From<HeaderError> for ConnectError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}
