//! The server's half: reads a request, judges it, writes an answer (RFC 6455 §4.2).

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::head::{HeadFault, HeadReader};
use super::headers::{Header, Headers, is_token, write_field};
use crate::{HeaderError, OriginPolicy, ServerConfig};

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
        self.headers.add(name, value.as_ref())?;
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

    /// The same for a status that is known to be good. 426 tells what to upgrade to (RFC 9110 §15.5.22, RFC 6455 §4.4).
    pub(crate) fn of(status: u16) -> Self {
        let body = [reason_phrase(status).as_bytes(), b"\n"].concat();
        let plain = Self { status, headers: Headers::default(), body };
        match status {
            405 => plain.with("Allow", "GET"),
            426 => plain.with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13"),
            _ => plain,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.extend(Header::new(name, value).ok());
        self
    }

    /// With a further field.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if it cannot travel, or the handshake writes it itself.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        self.headers.add(name, value.as_ref())?;
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
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Refused",
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

    fn judge(&self, head: &[u8]) -> Result<Request, Reject> {
        let mut request = parse(head, self.config.connection.max_headers)?;
        request.key = judge(&request, &self.config)?;
        Ok(request)
    }

    /// Reads on. `None`: more is needed.
    pub(crate) fn read(&mut self, input: &mut &mut [u8]) -> Option<Result<Request, Reject>> {
        let limits = &self.config.connection;
        let judged = match self.head.read(input, limits.max_head_len) {
            Ok(None) => return None,
            Ok(Some(head)) => self.judge(&head),

            Err(HeadFault::TooLong) => Err(Reject::of(431)),
            Err(HeadFault::BareLineFeed) => Err(Reject::of(400)),
        };
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

fn parse(head: &[u8], max_headers: usize) -> Result<Request, Reject> {
    let mut fields = alloc::vec![httparse::EMPTY_HEADER; max_headers];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Reject::of(431)),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Reject::of(400)),
    }
    let (Some(method), Some(target), Some(1)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Reject::of(400));
    };
    let (method, target) = (method.to_string(), origin_form(target).ok_or_else(|| Reject::of(400))?);
    Ok(Request { method, target, headers: Headers::from_parsed(parsed.headers), key: None })
}

/// The path and query of a target, which may be a whole URI (RFC 6455 §4.2.1, RFC 9112 §3.2.2).
fn origin_form(target: &str) -> Option<String> {
    let authority = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let path = match authority {
        Some(rest) => &rest[rest.find(['/', '?']).unwrap_or(rest.len())..],
        None if target.starts_with('/') => target,
        None => return None,
    };
    Some(if path.starts_with('/') { path.to_string() } else { ["/", path].concat() })
}

/// Checks a request in the order of RFC 6455 §4.2.1: its key, or `None` if it does not ask for WebSocket and need not.
fn judge(request: &Request, config: &ServerConfig) -> Result<Option<Vec<u8>>, Reject> {
    let headers = &request.headers;
    let has_payload =
        headers.get("transfer-encoding").is_some() || headers.all("content-length").any(|len| len != b"0");
    if headers.only("host").is_none() || has_payload {
        return Err(Reject::of(400));
    }
    let asks = headers.list_has("upgrade", "websocket") && headers.list_has("connection", "upgrade");
    if config.plain_http && !asks && matches!(request.method.as_str(), "GET" | "HEAD") {
        return Ok(None);
    }
    if request.method != "GET" {
        return Err(Reject::of(405));
    }
    if !asks {
        return Err(Reject::of(426));
    }
    let mut versions = headers.all("sec-websocket-version");
    if !matches!((versions.next(), versions.next()), (Some(b"13"), None)) {
        return Err(Reject::of(426));
    }
    let key = headers.only("sec-websocket-key").unwrap_or_default();
    let key_is_nonce = STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    let mut offered = headers.list("sec-websocket-protocol");
    if !key_is_nonce || !offered.all(is_token) {
        return Err(Reject::of(400));
    }
    if !origin_passes(headers, &config.origin) {
        return Err(Reject::of(403));
    }
    Ok(Some(key.to_vec()))
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
