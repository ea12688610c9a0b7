//! Proxies on the way to a server: HTTP CONNECT (RFC 9110 §9.3.6) and SOCKS5 (RFC 1928, RFC 1929).
//!
//! Owns: which proxy, and the talk with it. Must not know: what goes through it afterwards.

mod environment;
mod error;
mod http;
mod socks;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;

use ::http::uri::Authority;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connect::url::port;

pub(crate) use environment::from_environment;
pub use error::ProxyError;
pub(crate) use socks::Target;
use socks::{Socks, Step};

/// A proxy, and what it is told of the user. It is shown without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: Kind,
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    credentials: Option<Credentials>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    /// The server's name is resolved here.
    Socks5,
    /// The server's name is resolved by the proxy.
    Socks5h,
}

#[derive(Clone, PartialEq, Eq)]
struct Credentials {
    user: String,
    password: String,
}

/// User and password are at most so long for SOCKS5 (RFC 1929 §2), and here for both.
const MAX_CREDENTIAL_LEN: usize = 255;

impl Proxy {
    /// From a URL: `http://`, `socks5://` (names are resolved here) or `socks5h://` (names are resolved by the proxy), perhaps with
    /// `user:password@`, percent-encoded; the ports are 80 and 1080 unless one is given. No scheme means `http://`.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Url`].
    pub fn new(url: &str) -> Result<Self, ProxyError> {
        parse(url).map_err(ProxyError::Url)
    }

    /// The name is for the proxy to resolve.
    pub(crate) fn resolves(&self) -> bool {
        self.kind != Kind::Socks5
    }

    /// Asks for a tunnel; what follows in `stream` is the server's.
    pub(crate) async fn ask(&self, stream: &mut TcpStream, target: &Target<'_>) -> Result<(), ProxyError> {
        let credentials = self.credentials.as_ref();
        match self.kind {
            Kind::Http => {
                stream.write_all(&http::request(target, credentials)).await.map_err(ProxyError::from)?;
                let head = read_head(stream).await?;
                http::judge(&head, credentials.is_some())
            }
            Kind::Socks5 | Kind::Socks5h => {
                let (mut socks, mut step) = Socks::begin(target, credentials)?;
                loop {
                    let len = match step {
                        Step::Send(bytes, len) => {
                            stream.write_all(&bytes).await?;
                            len
                        }
                        Step::Receive(len) => len,
                        Step::Done => return Ok(()),
                    };
                    let mut answer = vec![0; len];
                    stream.read_exact(&mut answer).await?;
                    step = socks.handle(&answer)?;
                }
            }
        }
    }
}

/// Reads a head up to its blank line, and not a byte of what follows it.
async fn read_head(stream: &mut TcpStream) -> Result<Vec<u8>, ProxyError> {
    let mut head = Vec::new();
    while head.len() < http::MAX_HEAD_LEN {
        let mut seen = [0; 1024];
        let len = stream.peek(&mut seen).await?;
        let before = head.len();
        head.extend_from_slice(&seen[..len]);
        let end = http::end(&head, before);
        head.truncate(end.unwrap_or(head.len()));
        let taken = head.len() - before;
        stream.read_exact(&mut seen[..taken]).await?;
        if end.is_some() {
            return Ok(head);
        }
        if len == 0 {
            return Err(ProxyError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
    }
    Err(ProxyError::TooLong)
}

fn parse(url: &str) -> Result<Proxy, &'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (kind, default) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (Kind::Http, 80),
        "socks5" => (Kind::Socks5, 1080),
        "socks5h" => (Kind::Socks5h, 1080),
        "https" => return Err("a proxy that is itself reached by TLS is not supported"),
        _ => return Err("its scheme is not http, socks5 or socks5h"),
    };
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, authority) = match rest.rsplit_once('@') {
        Some((user, authority)) => (Some(user), authority),
        None => (None, rest),
    };
    let authority: Authority = authority.parse().map_err(|_| "it is malformed")?;
    let host = authority.host();
    let port = port(&authority, default)?;
    if host.is_empty() {
        return Err("it has no host");
    }
    let credentials = user.map(credentials).transpose()?;
    Ok(Proxy { kind, host: host.trim_matches(['[', ']']).to_owned(), port, credentials })
}

fn credentials(text: &str) -> Result<Credentials, &'static str> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |text| decode(text).ok_or("its user or password is not percent-encoded UTF-8");
    let credentials = Credentials { user: decode(user)?, password: decode(password)? };
    if credentials.user.contains(':') {
        return Err("its user has a colon");
    }
    if credentials.user.len().max(credentials.password.len()) > MAX_CREDENTIAL_LEN {
        return Err("its user or password is longer than 255 bytes");
    }
    Ok(credentials)
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || u8::try_from(char::from(rest.next()?).to_digit(16)?).ok();
        decoded.push(if byte == b'%' { digit()? << 4 | digit()? } else { byte });
    }
    String::from_utf8(decoded).ok()
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Socks5 => "socks5",
            Kind::Socks5h => "socks5h",
        };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}
