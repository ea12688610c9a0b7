//! The server's half: reads a request, judges it, writes an answer (RFC 6455 §4.2).

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::head::{Head, HeadFault, HeadReader};
use super::headers::{Headers, is_token};
use crate::{AnswerError, HeaderError, OriginPolicy, ServerConfig};

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
    fn parse(head: &[u8], max_headers: usize) -> Result<Self, HeadFault> {
        let mut fields = alloc::vec![httparse::EMPTY_HEADER; max_headers];
        let mut parsed = httparse::Request::new(&mut fields);
        parsed.parse(head)?;
        let (Some(method), Some(target), Some(1)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(HeadFault::Malformed);
        };
        let (method, target) = (method.to_string(), origin_form(target).ok_or(HeadFault::Malformed)?);
        Ok(Self { method, target, headers: Headers::from_parsed(parsed.headers), key: None })
    }

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
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        Ok(Self { headers: self.headers.with(name, value)?, ..self })
    }

    /// The 101 response to `asked`, if it may have that.
    pub(crate) fn write(&self, asked: &Request) -> Result<Vec<u8>, AnswerError> {
        let key = asked.key.as_ref().ok_or(AnswerError::NotWebSocket)?;
        let mut head = Head::new(&["HTTP/1.1 101 Switching Protocols"]);
        head.field("Upgrade", "websocket");
        head.field("Connection", "Upgrade");
        head.field("Sec-WebSocket-Accept", super::accept_key(key));
        if let Some(name) = &self.subprotocol {
            if !asked.subprotocols().any(|offer| offer == name) {
                return Err(AnswerError::Subprotocol);
            }
            head.field("Sec-WebSocket-Protocol", name);
        }
        Ok(head.end(&self.headers))
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

    /// The same for a status that is known to be good.
    pub(crate) fn of(status: u16) -> Self {
        let body = [reason_phrase(status).as_bytes(), b"\n"].concat();
        Self { status, headers: Headers::default(), body }
    }

    /// With a further field.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if it cannot travel, or the handshake writes it itself.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        Ok(Self { headers: self.headers.with(name, value)?, ..self })
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The response; `head_only` for a HEAD request. 405 and 426 tell what would do (RFC 9110 §15.5.6, §15.5.22, RFC 6455 §4.4).
    pub(crate) fn write(&self, head_only: bool) -> Vec<u8> {
        let status = self.status.to_string();
        let mut head = Head::new(&["HTTP/1.1 ", &status, " ", reason_phrase(self.status)]);
        if self.headers.get("content-type").is_none() {
            head.field("Content-Type", "text/plain; charset=utf-8");
        }
        match self.status {
            405 => head.field("Allow", "GET"),
            426 => {
                head.field("Upgrade", "websocket");
                head.field("Sec-WebSocket-Version", "13");
            }
            _ => {}
        }
        head.field("Content-Length", self.body.len().to_string());
        head.field("Connection", "close");
        let mut response = head.end(&self.headers);
        if !head_only {
            response.extend_from_slice(&self.body);
        }
        response
    }
}

impl From<HeadFault> for Reject {
    fn from(fault: HeadFault) -> Self {
        Self::of(match fault {
            HeadFault::TooLarge => 431,
            HeadFault::Malformed => 400,
        })
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
    config: Arc<ServerConfig>,
    head: HeadReader,
    /// The request that waits for its answer.
    pub(crate) asked: Option<Request>,
    /// What arrived behind the head and waits for `accept`.
    pub(crate) early: Vec<u8>,
}

impl ServerHandshake {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Self { config, head: HeadReader::default(), asked: None, early: Vec::new() }
    }

    /// Reads on. `None`: more is needed.
    pub(crate) fn read(&mut self, input: &mut &mut [u8]) -> Result<Option<Request>, Reject> {
        let limits = &self.config.connection;
        let Some(head) = self.head.read(input, limits.max_head_len)? else { return Ok(None) };
        let mut request = Request::parse(&head, limits.max_headers)?;
        request.key = judge(&request, &self.config)?;
        self.asked = Some(request.clone());
        Ok(Some(request))
    }
}

/// The path and query of a target, which may be a whole URI (RFC 6455 §4.2.1, RFC 9112 §3.2.2).
fn origin_form(target: &str) -> Option<String> {
    if target.starts_with('/') {
        return Some(target.to_string());
    }
    let rest = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"))?;
    let path = &rest[rest.find(['/', '?']).unwrap_or(rest.len())..];
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
    let Some(origin) = headers.only("origin") else {
        return headers.get("origin").is_none() || *policy == OriginPolicy::Any;
    };
    match policy {
        OriginPolicy::Any => true,
        OriginPolicy::SameOrigin => is_same_origin(origin, headers).unwrap_or(false),
        OriginPolicy::List(list) => list.iter().any(|one| origin.eq_ignore_ascii_case(one.as_bytes())),
    }
}

/// The origin's authority is the `Host`, a default port left out of either.
fn is_same_origin(origin: &[u8], headers: &Headers) -> Option<bool> {
    let host = headers.get("host")?;
    let schemes: [(&[u8], &[u8]); 2] = [(b"http://", b":80"), (b"https://", b":443")];
    let mut split = schemes.iter().filter_map(|(scheme, port)| Some((origin.strip_prefix(*scheme)?, *port)));
    let (authority, port) = split.next()?;
    let plain = |name: &[u8]| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
    Some(plain(authority) == plain(host))
}
