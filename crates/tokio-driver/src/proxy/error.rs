//! Why a way through a proxy ends there.

use std::error::Error;
use std::{fmt, io};

use crate::connect::ConnectError;

/// Why a proxy was of no use.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// What was given, or what the environment says, cannot be used; what is wrong with it.
    Url(&'static str),
    /// The proxy itself, or for `socks5://` the server's name, could not be reached.
    Reach(Box<ConnectError>),
    /// It wants a user and a password.
    CredentialsWanted,
    /// It does not take the user and the password.
    CredentialsRefused,
    /// HTTP: it refuses, with this status.
    Status(u16),
    /// SOCKS5: it refuses, with this reply (RFC 1928 §6).
    Reply(u8),
    /// What it says is not what its protocol has.
    Malformed,
    /// HTTP: the head of its answer is longer than 8 KiB.
    TooLong,
    /// SOCKS5: the server's name is longer than 255 bytes.
    NameTooLong,
    /// The connection to it broke, or ended before the answer was whole (`UnexpectedEof`).
    Io(io::Error),
    /// It did not answer within `Config::handshake_timeout`.
    Timeout,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(fault) => write!(f, "its URL cannot be used: {fault}"),
            Self::Reach(error) => error.fmt(f),
            Self::CredentialsWanted => f.write_str("it wants a user and a password"),
            Self::CredentialsRefused => f.write_str("it does not take the user and the password"),
            Self::Status(status) => write!(f, "it refuses with status {status}"),
            Self::Reply(reply) => write!(f, "it refuses with reply {reply} ({})", words(*reply)),
            Self::Malformed => f.write_str("its answer is malformed"),
            Self::TooLong => f.write_str("its answer is too long"),
            Self::NameTooLong => f.write_str("the server's name is longer than 255 bytes"),
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("it ended the stream before its answer was whole")
            }
            Self::Io(error) => error.fmt(f),
            Self::Timeout => f.write_str("it did not answer in time"),
        }
    }
}

/// RFC 1928 §6.
fn words(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "unassigned",
    }
}

impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // They are said above.
            Self::Io(error) => error.source(),
            Self::Reach(error) => error.source(),
            Self::Url(_)
            | Self::CredentialsWanted
            | Self::CredentialsRefused
            | Self::Status(_)
            | Self::Reply(_)
            | Self::Malformed
            | Self::TooLong
            | Self::NameTooLong
            | Self::Timeout => None,
        }
    }
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
