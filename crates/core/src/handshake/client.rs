//! The client's half: writes a request, reads the response and checks it (RFC 6455 §4.1).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::mem::take;

use super::head::{Head, HeadFault, HeadReader};
use super::headers::{Header, Headers, is_token};
use crate::{Config, HeaderError, ResponseFault};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientRequest {
    host: String,
    target: String,
    origin: Option<Header>,
    subprotocols: Vec<String>,
    headers: Headers,
}

impl ClientRequest {
    /// A request for `target` (path and query, such as `/chat?room=1`) at `host` (with its port unless that is the default).
    ///
    /// # Errors
    ///
    /// [`HeaderError::Host`] or [`HeaderError::Target`] if they cannot travel.
    pub fn new(host: &str, target: &str) -> Result<Self, HeaderError> {
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !visible(host) || host.contains(['/', '?', '#', '@']) {
            return Err(HeaderError::Host);
        }
        if !target.starts_with('/') || !visible(target) || target.contains('#') {
            return Err(HeaderError::Target);
        }
        let (host, target) = (host.to_string(), target.to_string());
        Ok(Self { host, target, origin: None, subprotocols: Vec::new(), headers: Headers::default() })
    }

    /// With an `Origin`.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Value`] if it cannot travel.
    pub fn origin(self, origin: &str) -> Result<Self, HeaderError> {
        Ok(Self { origin: Some(Header::new("Origin", origin)?), ..self })
    }

    /// With a further subprotocol, after those given before in the order of preference.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Subprotocol`] if it is not a token or was given before.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, HeaderError> {
        if !is_token(name.as_bytes()) || self.subprotocols.iter().any(|given| given == name) {
            return Err(HeaderError::Subprotocol);
        }
        self.subprotocols.push(name.to_string());
        Ok(self)
    }

    /// With a further field.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if it cannot travel, or the handshake writes it itself.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        Ok(Self { headers: self.headers.with(name, value)?, ..self })
    }

    fn write(&self, key: &str) -> Vec<u8> {
        let mut head = Head::new(&["GET ", &self.target, " HTTP/1.1"]);
        head.field("Host", &self.host);
        head.field("Upgrade", "websocket");
        head.field("Connection", "Upgrade");
        head.field("Sec-WebSocket-Key", key);
        head.field("Sec-WebSocket-Version", "13");
        if let Some(origin) = &self.origin {
            head.field("Origin", origin.value());
        }
        if !self.subprotocols.is_empty() {
            head.field("Sec-WebSocket-Protocol", self.subprotocols.join(", "));
        }
        head.end(&self.headers)
    }
}

/// A server's response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Response {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl Response {
    fn parse(head: &[u8], max_headers: usize) -> Result<Self, HeadFault> {
        let mut fields = alloc::vec![httparse::EMPTY_HEADER; max_headers];
        let mut parsed = httparse::Response::new(&mut fields);
        parsed.parse(head)?;
        let (Some(status), Some(1)) = (parsed.code, parsed.version) else { return Err(HeadFault::Malformed) };
        Ok(Self { status, headers: Headers::from_parsed(parsed.headers), body: Vec::new() })
    }

    /// The status: 101 when the connection opened.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The header fields.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The subprotocol that the server chose, one of those offered.
    pub fn subprotocol(&self) -> Option<&str> {
        self.headers.get("sec-websocket-protocol").and_then(|name| str::from_utf8(name).ok())
    }

    /// The body of a refusal, as far as it arrived and at most `Config::max_head_len` bytes of it.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// The client's handshake while it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ClientHandshake {
    accept: String,
    offered: Vec<String>,
    head: HeadReader,
    /// Bytes of interim responses.
    interim_len: usize,
    /// A refusal whose body is being read, and how long that is.
    refused: Option<(Box<Response>, usize)>,
}

impl ClientHandshake {
    /// The handshake, and the request to send; `nonce` is 16 random bytes.
    pub(crate) fn begin(request: ClientRequest, nonce: [u8; 16]) -> (Self, Vec<u8>) {
        let key = STANDARD.encode(nonce);
        let (head, accept) = (request.write(&key), super::accept_key(key.as_bytes()));
        (Self { accept, offered: request.subprotocols, ..Self::default() }, head)
    }

    /// The refusal as far as it arrived, when the stream or the time ends inside its body.
    pub(crate) fn take_refusal(&mut self) -> Option<Box<Response>> {
        self.refused.take().map(|(response, _)| response)
    }

    /// Reads on. `None`: more is needed. A response that is not 101 is a refusal.
    pub(crate) fn read(
        &mut self,
        input: &mut &mut [u8],
        config: &Config,
    ) -> Result<Option<Box<Response>>, ResponseFault> {
        while self.refused.is_none() {
            let limit = config.max_head_len.saturating_sub(self.interim_len);
            let Some(head) = self.head.read(input, limit)? else { return Ok(None) };
            let response = Box::new(Response::parse(&head, config.max_headers)?);
            match response.status {
                101 => return self.check(&response.headers).map(|()| Some(response)),
                100..=199 => self.interim_len += head.len(),
                _ => {
                    let len = body_len(&response.headers).min(config.max_head_len);
                    self.refused = Some((response, len));
                }
            }
        }
        Ok(self.read_body(input))
    }

    fn read_body(&mut self, input: &mut &mut [u8]) -> Option<Box<Response>> {
        let (response, len) = self.refused.as_mut()?;
        let taken = input.len().min(*len - response.body.len());
        let (body, rest) = take(input).split_at_mut(taken);
        *input = rest;
        response.body.extend_from_slice(body);
        if response.body.len() < *len { None } else { self.take_refusal() }
    }

    /// Checks a 101 (RFC 6455 §4.1).
    fn check(&self, headers: &Headers) -> Result<(), ResponseFault> {
        let upgrade = headers.only("upgrade").unwrap_or_default();
        let offered = |name: &[u8]| self.offered.iter().any(|offer| offer.as_bytes() == name);
        let mut chosen = headers.all("sec-websocket-protocol");
        let fault = if !upgrade.eq_ignore_ascii_case(b"websocket") {
            ResponseFault::Upgrade
        } else if !headers.list_has("connection", "upgrade") {
            ResponseFault::Connection
        } else if headers.only("sec-websocket-accept") != Some(self.accept.as_bytes()) {
            ResponseFault::Accept
        } else if headers.list("sec-websocket-extensions").next().is_some() {
            ResponseFault::Extension
        } else if chosen.next().is_some_and(|name| !offered(name)) || chosen.next().is_some() {
            ResponseFault::Subprotocol
        } else {
            return Ok(());
        };
        Err(fault)
    }
}

impl From<HeadFault> for ResponseFault {
    fn from(fault: HeadFault) -> Self {
        match fault {
            HeadFault::TooLarge => Self::TooLarge,
            HeadFault::Malformed => Self::Malformed,
        }
    }
}

/// How much body follows: a stated length; nothing that we would have to decode; else everything up to the end.
fn body_len(headers: &Headers) -> usize {
    if headers.get("transfer-encoding").is_some() {
        return 0;
    }
    let Some(stated) = headers.get("content-length") else {
        return usize::MAX;
    };
    str::from_utf8(stated).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}
