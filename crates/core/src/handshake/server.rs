//! The server's half: reads a request, judges it, writes an answer (RFC 6455 §4.2).

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::head::{Head, HeadReader};
use super::headers::{Header, Headers, is_token, refuse_reserved, write_field};
use crate::config::{OriginPolicy, ServerConfig};
use crate::error::HeaderError;

/// A request for a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    method: String,
    target: String,
    headers: Headers,
    /// `None` for a request that does not ask for WebSocket.
    key: Option<Vec<u8>>,
}

impl Request {
    /// The method: GET for every request that asks for WebSocket.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The request target: path and query, as they were sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The part of the target before `?`.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The part of the target after `?`.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The header fields.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The `Origin`: present when a browser asks.
    pub fn origin(&self) -> Option<&[u8]> {
        self.headers.get("origin")
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers.list("sec-websocket-protocol").filter_map(|name| str::from_utf8(name).ok())
    }

    /// The extensions that the client offers, as they were sent.
    pub fn extensions(&self) -> impl Iterator<Item = &[u8]> {
        self.headers.list("sec-websocket-extensions")
    }

    /// The request asks for WebSocket. One that does not arrives only under `ServerConfig::plain_http`.
    pub const fn is_websocket(&self) -> bool {
        self.key.is_some()
    }
}

/// A server's consent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Accept {
    subprotocol: Option<String>,
    headers: Headers,
}

impl Accept {
    /// Without a subprotocol or further fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a subprotocol, one of those that were offered (checked when the answer is given).
    #[must_use]
    pub fn subprotocol(mut self, name: &str) -> Self {
        self.subprotocol = Some(name.to_string());
        self
    }

    /// With a further field.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if it cannot travel, or the handshake writes it itself.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        self.headers.push(refuse_reserved(Header::new(name, value)?)?);
        Ok(self)
    }

    pub(crate) fn chosen(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Appends the 101 response.
    pub(crate) fn write(&self, key: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        write_field(out, "Upgrade", b"websocket");
        write_field(out, "Connection", b"Upgrade");
        write_field(out, "Sec-WebSocket-Accept", super::accept_key(key).as_bytes());
        if let Some(name) = &self.subprotocol {
            write_field(out, "Sec-WebSocket-Protocol", name.as_bytes());
        }
        self.headers.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// A server's refusal: an HTTP response after which the connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reject {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl Reject {
    /// A refusal with a status of 200 to 599 and its usual words as the body.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Status`] for another status.
    pub fn new(status: u16) -> Result<Self, HeaderError> {
        if !(200..=599).contains(&status) {
            return Err(HeaderError::Status);
        }
        Ok(Self::of(status))
    }

    fn of(status: u16) -> Self {
        let body = [reason_phrase(status).as_bytes(), b"\n"].concat();
        Self { status, headers: Headers::default(), body }
    }

    /// With a further field.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if it cannot travel, or the handshake writes it itself.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        self.headers.push(refuse_reserved(Header::new(name, value)?)?);
        Ok(self)
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Appends the response; `head_only` for a HEAD request.
    pub(crate) fn write(&self, head_only: bool, out: &mut Vec<u8>) {
        let status = self.status.to_string();
        let line = ["HTTP/1.1 ", &status, " ", reason_phrase(self.status), "\r\n"].concat();
        out.extend_from_slice(line.as_bytes());
        if self.headers.get("content-type").is_none() {
            write_field(out, "Content-Type", b"text/plain; charset=utf-8");
        }
        self.headers.write(out);
        write_field(out, "Content-Length", self.body.len().to_string().as_bytes());
        write_field(out, "Connection", b"close");
        out.extend_from_slice(b"\r\n");
        if !head_only {
            out.extend_from_slice(&self.body);
        }
    }
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Refused",
    }
}

/// Why the library itself refuses a request (CLOSE.md N1, N2, N8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    Malformed,
    Method,
    NotWebSocket,
    Version,
    Origin,
    TooLarge,
    /// The request did not come in time.
    Late,
    /// The application did not answer in time, or closed.
    Unavailable,
}

impl Refusal {
    pub(crate) fn response(self) -> Reject {
        let (status, field) = match self {
            Self::Malformed => (400, None),
            Self::Method => (405, Some(("Allow", "GET"))),
            Self::NotWebSocket => (426, Some(("Upgrade", "websocket"))),
            Self::Version => (426, Some(("Sec-WebSocket-Version", "13"))),
            Self::Origin => (403, None),
            Self::TooLarge => (431, None),
            Self::Late => (408, None),
            Self::Unavailable => (503, None),
        };
        let mut response = Reject::of(status);
        if let Some(header) = field.and_then(|(name, value)| Header::new(name, value).ok()) {
            response.headers.push(header);
        }
        response
    }
}

/// The server's handshake while it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ServerHandshake {
    pub(crate) config: Arc<ServerConfig>,
    head: HeadReader,
    /// What the answer needs to know of the request, once it is complete.
    pub(crate) asked: Option<Asked>,
    /// What arrived behind the head and waits for `accept`.
    pub(crate) early: Vec<u8>,
}

/// A request that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) head_only: bool,
}

impl ServerHandshake {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Self { config, head: HeadReader::default(), asked: None, early: Vec::new() }
    }

    /// Reads on. `None`: more is needed.
    pub(crate) fn read(&mut self, input: &mut &mut [u8]) -> Option<Result<Request, Refusal>> {
        let head = match self.head.read(input, self.config.connection.max_head_len) {
            Head::Partial => return None,
            Head::TooLong => return Some(Err(Refusal::TooLarge)),
            Head::BareLineFeed => return Some(Err(Refusal::Malformed)),
            Head::Complete(head) => head,
        };
        let judged =
            parse(&head, self.config.connection.max_headers).and_then(|request| judge(request, &self.config));
        if let Ok(request) = &judged {
            self.asked = Some(Asked {
                key: request.key.clone(),
                subprotocols: request.subprotocols().map(ToString::to_string).collect(),
                head_only: request.method == "HEAD",
            });
        }
        Some(judged)
    }
}

fn parse(head: &[u8], max_headers: usize) -> Result<Request, Refusal> {
    let mut fields = alloc::vec![httparse::EMPTY_HEADER; max_headers];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Refusal::Malformed),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLarge),
        Err(_) => return Err(Refusal::Malformed),
    }
    let (Some(method), Some(target), Some(1)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Refusal::Malformed);
    };
    Ok(Request {
        method: method.to_string(),
        target: target.to_string(),
        headers: Headers::from_parsed(parsed.headers),
        key: None,
    })
}

/// Checks a request in the order of RFC 6455 §4.2.1.
fn judge(mut request: Request, config: &ServerConfig) -> Result<Request, Refusal> {
    let headers = &request.headers;
    let has_payload =
        headers.get("transfer-encoding").is_some() || headers.all("content-length").any(|len| len != b"0");
    if headers.only("host").is_none() || has_payload || !request.target.starts_with('/') {
        return Err(Refusal::Malformed);
    }
    let asks = headers.list_has("upgrade", "websocket");
    if config.plain_http && !asks && matches!(request.method.as_str(), "GET" | "HEAD") {
        return Ok(request);
    }
    if request.method != "GET" {
        return Err(Refusal::Method);
    }
    if !asks {
        return Err(Refusal::NotWebSocket);
    }
    if !headers.list_has("connection", "upgrade") {
        return Err(Refusal::Malformed);
    }
    match headers.only("sec-websocket-version") {
        Some(b"13") => {}
        Some(_) => return Err(Refusal::Version),
        None if headers.get("sec-websocket-version").is_none() => return Err(Refusal::Version),
        None => return Err(Refusal::Malformed),
    }
    let key = headers.only("sec-websocket-key").ok_or(Refusal::Malformed)?;
    if STANDARD.decode(key).map(|nonce| nonce.len()) != Ok(16) {
        return Err(Refusal::Malformed);
    }
    let offered = headers.list("sec-websocket-protocol");
    if !offered.into_iter().all(is_token) {
        return Err(Refusal::Malformed);
    }
    if !origin_passes(headers, &config.origin) {
        return Err(Refusal::Origin);
    }
    request.key = Some(key.to_vec());
    Ok(request)
}

fn origin_passes(headers: &Headers, policy: &OriginPolicy) -> bool {
    let mut origins = headers.all("origin");
    let Some(origin) = origins.next() else {
        return true;
    };
    let only = origins.next().is_none();
    match policy {
        OriginPolicy::Any => true,
        OriginPolicy::SameOrigin => only && same_origin(origin, headers.get("host").unwrap_or_default()),
        OriginPolicy::List(list) => {
            only && list.iter().any(|allowed| origin.eq_ignore_ascii_case(allowed.as_bytes()))
        }
    }
}

/// The origin's authority is the `Host`, a default port left out of either.
fn same_origin(origin: &[u8], host: &[u8]) -> bool {
    let (authority, port) = if let Some(rest) = origin.strip_prefix(b"http://") {
        (rest, b":80".as_slice())
    } else if let Some(rest) = origin.strip_prefix(b"https://") {
        (rest, b":443".as_slice())
    } else {
        return false;
    };
    let plain = |name| <[u8]>::strip_suffix(name, port).unwrap_or(name).to_ascii_lowercase();
    plain(authority) == plain(host)
}
