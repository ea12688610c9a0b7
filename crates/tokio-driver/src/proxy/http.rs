//! HTTP CONNECT (RFC 9110 §9.3.6), as pure functions over bytes.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::socks::Target;
use super::{Credentials, ProxyError};

/// The longest head of an answer, in bytes.
pub(super) const MAX_HEAD_LEN: usize = 8 << 10;

const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// The request for a tunnel.
pub(super) fn request(target: &Target<'_>, credentials: Option<&Credentials>) -> Vec<u8> {
    let authority = target.to_string();
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(Credentials { user, password }) = credentials {
        // RFC 7617
        let basic = BASE64_STANDARD.encode(format!("{user}:{password}"));
        request += &format!("Proxy-Authorization: Basic {basic}\r\n");
    }
    (request + "\r\n").into_bytes()
}

/// Where a head ends, of which all but the first `known` bytes are new.
pub(super) fn end(head: &[u8], known: usize) -> Option<usize> {
    let from = known.saturating_sub(BLANK_LINE.len() - 1);
    let found = head[from..].windows(BLANK_LINE.len()).position(|window| window == BLANK_LINE)?;
    Some(from + found + BLANK_LINE.len())
}

/// What the answer's head means; `known`: the proxy was told user and password.
pub(super) fn judge(head: &[u8], known: bool) -> Result<(), ProxyError> {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    match status(line) {
        Some(200..=299) => Ok(()),
        Some(407) if known => Err(ProxyError::CredentialsRefused),
        Some(407) => Err(ProxyError::CredentialsWanted),
        Some(status) => Err(ProxyError::Status(status)),
        None => Err(ProxyError::Malformed),
    }
}

/// The status in a status line: `HTTP/1.1 200 Connection established`.
fn status(line: &[u8]) -> Option<u16> {
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let (version, status) = (words.next()?, words.next()?);
    let is_status = status.len() == 3 && status.iter().all(u8::is_ascii_digit);
    (version.starts_with(b"HTTP/1.") && is_status).then(|| str::from_utf8(status).ok()?.parse().ok())?
}
