//! SOCKS5 (RFC 1928) with user and password (RFC 1929), as a machine over bytes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::{Credentials, ProxyError};

const VERSION: u8 = 5;
const NO_CREDENTIALS: u8 = 0;
const CREDENTIALS: u8 = 2;
/// The version of the talk about user and password.
const CREDENTIALS_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Where a tunnel leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'t> {
    Name(&'t str, u16),
    Address(SocketAddr),
}

impl<'t> Target<'t> {
    /// To a name, or to the address that it is.
    pub(crate) fn new(host: &'t str, port: u16) -> Self {
        host.parse::<IpAddr>().map_or(Self::Name(host, port), |ip| Self::Address((ip, port).into()))
    }

    /// As SOCKS5 has it.
    fn encode(&self) -> Result<Vec<u8>, ProxyError> {
        let (kind, host, port) = match self {
            Self::Name(name, port) => {
                let len = u8::try_from(name.len()).map_err(|_| ProxyError::NameTooLong)?;
                (NAME, [&[len], name.as_bytes()].concat(), *port)
            }
            Self::Address(SocketAddr::V4(it)) => (IPV4, it.ip().octets().to_vec(), it.port()),
            Self::Address(SocketAddr::V6(it)) => (IPV6, it.ip().octets().to_vec(), it.port()),
        };
        Ok([&[kind], &*host, &port.to_be_bytes()].concat())
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send this; so many bytes come back.
    Send(Vec<u8>, usize),
    /// Receive so many bytes.
    Receive(usize),
    /// The tunnel is open.
    Done,
}

/// What the next answer is about.
enum Stage {
    Method,
    Credentials,
    Reply,
    BoundName,
    Bound,
}

/// A client's talk with the proxy.
pub(super) struct Socks {
    stage: Stage,
    connect: Vec<u8>,
    credentials: Option<Vec<u8>>,
}

impl Socks {
    /// The talk, and its first step.
    pub(super) fn begin(
        target: &Target<'_>,
        credentials: Option<&Credentials>,
    ) -> Result<(Self, Step), ProxyError> {
        let connect = [&[VERSION, CONNECT, 0], &*target.encode()?].concat();
        let credentials = credentials.map(encode).transpose()?;
        let methods: &[u8] = match credentials {
            Some(_) => &[VERSION, 2, NO_CREDENTIALS, CREDENTIALS],
            None => &[VERSION, 1, NO_CREDENTIALS],
        };
        Ok((Self { stage: Stage::Method, connect, credentials }, Step::Send(methods.to_vec(), 2)))
    }

    /// Takes the bytes that the step before asked for.
    pub(super) fn handle(&mut self, answer: &[u8]) -> Result<Step, ProxyError> {
        match (&self.stage, answer) {
            (Stage::Method, [VERSION, NO_CREDENTIALS]) => Ok(self.connect()),
            (Stage::Method, [VERSION, CREDENTIALS]) => {
                let credentials = self.credentials.take().ok_or(ProxyError::Malformed)?;
                self.stage = Stage::Credentials;
                Ok(Step::Send(credentials, 2))
            }
            (Stage::Method, [VERSION, 0xFF]) if self.credentials.is_some() => {
                Err(ProxyError::CredentialsRefused)
            }
            (Stage::Method, [VERSION, 0xFF]) => Err(ProxyError::CredentialsWanted),
            (Stage::Credentials, [CREDENTIALS_VERSION, 0]) => Ok(self.connect()),
            (Stage::Credentials, [CREDENTIALS_VERSION, _]) => Err(ProxyError::CredentialsRefused),
            (Stage::Reply, [VERSION, 0, _, IPV4]) => Ok(self.bound(4)),
            (Stage::Reply, [VERSION, 0, _, IPV6]) => Ok(self.bound(16)),
            (Stage::Reply, [VERSION, 0, _, NAME]) => {
                self.stage = Stage::BoundName;
                Ok(Step::Receive(1))
            }
            (Stage::Reply, [VERSION, reply @ 1..=255, _, _]) => Err(ProxyError::Reply(*reply)),
            (Stage::BoundName, [len]) => Ok(self.bound(usize::from(*len))),
            (Stage::Bound, _) => Ok(Step::Done),
            (Stage::Method | Stage::Credentials | Stage::Reply | Stage::BoundName, _) => {
                Err(ProxyError::Malformed)
            }
        }
    }

    fn connect(&mut self) -> Step {
        self.stage = Stage::Reply;
        Step::Send(std::mem::take(&mut self.connect), 4)
    }

    /// The address that the proxy connects from, which nobody asks for, and its port.
    fn bound(&mut self, len: usize) -> Step {
        self.stage = Stage::Bound;
        Step::Receive(len + 2)
    }
}

/// User and password, as RFC 1929 has them.
fn encode(credentials: &Credentials) -> Result<Vec<u8>, ProxyError> {
    let mut encoded = vec![CREDENTIALS_VERSION];
    for part in [&credentials.user, &credentials.password] {
        encoded.push(u8::try_from(part.len()).map_err(|_| ProxyError::Url("its password is too long"))?);
        encoded.extend_from_slice(part.as_bytes());
    }
    Ok(encoded)
}
