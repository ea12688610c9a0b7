//! The server's half: reads a request, judges it, writes an answer (RFC 6455 §4.2).

use alloc::{format, string::String, sync::Arc, vec::Vec};

use super::head::{fault, read_head, write_head};
use super::headers::{Headers, is_authority, is_token, is_visible};
use crate::{AnswerError, HeaderError, OriginPolicy, ServerConfig, deflate};

/// A request for a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Request {
    /// The method: GET for every request that asks for WebSocket.
    pub method: String,
    /// The request target: path and query, as they were sent.
    pub target: String,
    /// The header fields.
    pub headers: Headers,
}

impl Request {
    // R8.1-03
    fn parse(head: &[u8], max_headers: usize) -> Result<Self, u16> {
        let mut fields = alloc::vec![httparse::EMPTY_HEADER; max_headers.min(head.len())];
        let mut parsed = httparse::Request::new(&mut fields);
        parsed.parse(head).map_err(fault)?;
        let target = parsed.path.and_then(origin_form);
        // R4.2.1-03
        let (Some(method), Some(target), Some(1)) = (parsed.method, target, parsed.version) else {
            return Err(400);
        };
        Ok(Self { method: method.into(), target, headers: Headers::from_parsed(parsed.headers) })
    }

    /// The part of the target before `?`.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The part of the target after `?`.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers.list("sec-websocket-protocol").filter_map(|name| str::from_utf8(name).ok())
    }

    /// The request asks for WebSocket. One that does not arrives only under `ServerConfig::plain_http`.
    pub fn is_websocket(&self) -> bool {
        self.headers.list_has("upgrade", "websocket") && self.headers.list_has("connection", "upgrade")
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
    pub fn subprotocol(self, name: &str) -> Self {
        Self { subprotocol: Some(name.into()), ..self }
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
    pub(crate) fn write(&self, asked: &Request, extensions: &str) -> Result<Vec<u8>, AnswerError> {
        if !asked.is_websocket() {
            return Err(AnswerError::NotWebSocket);
        }
        let chosen = self.subprotocol.as_deref();
        // R4.2.2-07
        if chosen.is_some_and(|name| !asked.subprotocols().any(|offer| offer == name)) {
            return Err(AnswerError::Subprotocol);
        }
        // R4.2.2-01
        let key = asked.headers.get("sec-websocket-key").unwrap_or_default();
        let own = [
            // R4.2.2-13
            ("Upgrade", "websocket"),
            // R4.2.2-14
            ("Connection", "Upgrade"),
            // R11.3.3-01
            ("Sec-WebSocket-Accept", &super::accept_key(key)),
            // R4.2.2-08, R11.3.4-01
            ("Sec-WebSocket-Protocol", chosen.unwrap_or_default()),
            // R11.3.2-01
            ("Sec-WebSocket-Extensions", extensions),
        ];
        // R4.2.2-11, R4.2.2-12
        Ok(write_head("HTTP/1.1 101 Switching Protocols", &own, &self.headers))
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
    /// A refusal with a status of 200 to 599 and its usual words as the body; 204 and 304 have none (RFC 9110 §6.4.1).
    ///
    /// # Errors
    ///
    /// [`HeaderError::Status`] for another status.
    pub fn new(status: u16) -> Result<Self, HeaderError> {
        if (200..=599).contains(&status) { Ok(Self::of(status)) } else { Err(HeaderError::Status) }
    }

    /// The same for a status that is known to be good.
    pub(crate) fn of(status: u16) -> Self {
        let body = format!("{}\n", reason_phrase(status)).into_bytes();
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
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The response; `head_only` for a HEAD request. 405 and 426 tell what would do (RFC 9110 §15.5.6, §15.5.22, RFC 6455 §4.4).
    pub(crate) fn write(&self, head_only: bool) -> Vec<u8> {
        let bare = matches!(self.status, 204 | 304);
        let is_typed = self.headers.get("content-type").is_some();
        let (upgrade, version) = if self.status == 426 { ("websocket", "13") } else { ("", "") };
        let own = [
            ("Content-Type", if is_typed { "" } else { "text/plain; charset=utf-8" }),
            ("Allow", if self.status == 405 { "GET" } else { "" }),
            ("Upgrade", upgrade),
            // R4.2.2-05, R4.4-01
            ("Sec-WebSocket-Version", version),
            ("Content-Length", &if bare { String::new() } else { format!("{}", self.body.len()) }),
            // R7.2.2-01
            ("Connection", "close"),
        ];
        let line = format!("HTTP/1.1 {} {}", self.status, reason_phrase(self.status));
        let head = write_head(&line, &own, &self.headers);
        if head_only || bare { head } else { [head, self.body.clone()].concat() }
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
    /// The request's head, as far as it arrived.
    head: Vec<u8>,
    /// The request that waits for its answer.
    pub(crate) asked: Option<Request>,
    /// What arrived behind the head and waits for `accept`.
    pub(crate) early: Vec<u8>,
}

impl ServerHandshake {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Self { config, head: Vec::new(), asked: None, early: Vec::new() }
    }

    /// Reads on. `None`: more is needed. A request that cannot be taken is to be answered with the status.
    pub(crate) fn read(&mut self, input: &mut &mut [u8]) -> Result<Option<Request>, u16> {
        let limits = &self.config.connection;
        let Some(head) = read_head(&mut self.head, input, limits.max_head_len)? else { return Ok(None) };
        let request = Request::parse(&head, limits.max_headers)?;
        judge(&request, &self.config)?;
        self.asked = Some(request.clone());
        Ok(Some(request))
    }
}

/// The path and query of a target, which may be a whole URI (RFC 6455 §4.2.1, RFC 9112 §3.2.2).
// R4.2.1-05
fn origin_form(target: &str) -> Option<String> {
    let scheme = |scheme: &&str| target.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    let rest = match ["http://", "https://"].iter().find(|it| scheme(it)) {
        Some(scheme) => target[scheme.len()..].trim_start_matches(|it| !matches!(it, '/' | '?')),
        None => target.starts_with('/').then_some(target)?,
    };
    let slash = if rest.starts_with('/') { "" } else { "/" };
    is_visible(rest).then(|| [slash, rest].concat())
}

/// Checks a request in the order of RFC 6455 §4.2.1, with the status that refuses it.
// R4.2.1-02, R4.2.1-11, R4.2.1-12, R4.2.1-14, R4.2.2-03, R4.2.2-04, R10.2-02, R11.3.1-02, R11.3.5-02
fn judge(request: &Request, config: &ServerConfig) -> Result<(), u16> {
    let headers = &request.headers;
    let has_payload =
        headers.get("transfer-encoding").is_some() || headers.all("content-length").any(|len| len != b"0");
    // R4.2.1-07, R4.2.1-08
    if !headers.only("host").is_some_and(is_authority) || has_payload {
        return Err(400);
    }
    // R4.2.1-09, R4.2.1-10
    let asks = request.is_websocket();
    if config.plain_http && !asks && matches!(request.method.as_str(), "GET" | "HEAD") {
        return Ok(());
    }
    let checks = [
        (request.method == "GET", 405),
        (asks && headers.only("sec-websocket-version") == Some(b"13"), 426),
        (headers.only("sec-websocket-key").is_some_and(is_nonce), 400),
        // R4.2.1-15
        (headers.all("sec-websocket-protocol").all(|list| !list.is_empty()), 400),
        (headers.list("sec-websocket-protocol").all(is_token), 400),
        // R9.1-01
        (deflate::is_well_formed(&config.connection, headers), 400),
        (origin_passes(headers, &config.origin), 403),
    ];
    checks.into_iter().try_for_each(|(passes, status)| if passes { Ok(()) } else { Err(status) })
}

/// 16 bytes in base64, whatever the bits are that the last character has to spare.
fn is_nonce(key: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    key.strip_suffix(b"==").is_some_and(|key| key.len() == 22 && key.iter().all(is_base64))
}

// R10.2-01
fn origin_passes(headers: &Headers, policy: &OriginPolicy) -> bool {
    match (policy, headers.only("origin")) {
        (OriginPolicy::Any, _) => true,
        // R4.2.1-13
        (_, None) => headers.get("origin").is_none(),
        (OriginPolicy::SameOrigin, Some(origin)) => is_same_origin(origin, headers) == Some(true),
        (OriginPolicy::List(list), Some(it)) => {
            list.iter().any(|one| it.eq_ignore_ascii_case(one.as_bytes()))
        }
    }
}

/// The origin's authority is the `Host`, a default port left out of either.
fn is_same_origin(origin: &[u8], headers: &Headers) -> Option<bool> {
    let (authority, port): (_, &[u8]) = match origin.strip_prefix(b"http://") {
        Some(authority) => (authority, b":80"),
        None => (origin.strip_prefix(b"https://")?, b":443"),
    };
    let plain = |name: &[u8]| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
    Some(plain(authority) == plain(headers.get("host")?))
}
