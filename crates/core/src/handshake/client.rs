//! The client's half: writes a request, reads the response and checks it (RFC 6455 §4.1).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::head::{HeadFault, HeadReader};
use super::headers::{Header, Headers, is_token, write_field};
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
        Ok(Self {
            host: host.to_string(),
            target: target.to_string(),
            origin: None,
            subprotocols: Vec::new(),
            headers: Headers::default(),
        })
    }

    /// With an `Origin`.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Value`] if it cannot travel.
    pub fn origin(mut self, origin: &str) -> Result<Self, HeaderError> {
        self.origin = Some(Header::new("Origin", origin)?);
        Ok(self)
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
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        self.headers.add(name, value.as_ref())?;
        Ok(self)
    }

    fn write(&self, key: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(["GET ", &self.target, " HTTP/1.1\r\n"].concat().as_bytes());
        write_field(out, "Host", self.host.as_bytes());
        write_field(out, "Upgrade", b"websocket");
        write_field(out, "Connection", b"Upgrade");
        write_field(out, "Sec-WebSocket-Key", key.as_bytes());
        write_field(out, "Sec-WebSocket-Version", b"13");
        if let Some(origin) = &self.origin {
            write_field(out, "Origin", origin.value());
        }
        if !self.subprotocols.is_empty() {
            write_field(out, "Sec-WebSocket-Protocol", self.subprotocols.join(", ").as_bytes());
        }
        self.headers.write(out);
        out.extend_from_slice(b"\r\n");
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

/// What the bytes so far amount to.
#[derive(Debug)]
pub(crate) enum Answer {
    Partial,
    Open(Box<Response>),
    Refused(Box<Response>),
    Fault(ResponseFault),
}

/// The client's handshake while it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// Appends the request; `nonce` is 16 random bytes.
    pub(crate) fn begin(request: ClientRequest, nonce: [u8; 16], out: &mut Vec<u8>) -> Self {
        let key = STANDARD.encode(nonce);
        request.write(&key, out);
        Self {
            accept: super::accept_key(key.as_bytes()),
            offered: request.subprotocols,
            head: HeadReader::default(),
            interim_len: 0,
            refused: None,
        }
    }

    /// The refusal as far as it arrived, when the stream or the time ends inside its body.
    pub(crate) fn take_refusal(&mut self) -> Option<Box<Response>> {
        self.refused.take().map(|(response, _)| response)
    }

    /// Reads on.
    pub(crate) fn read(&mut self, input: &mut &mut [u8], config: &Config) -> Answer {
        while self.refused.is_none() {
            let limit = config.max_head_len.saturating_sub(self.interim_len);
            let head = match self.head.read(input, limit) {
                Ok(None) => return Answer::Partial,
                Ok(Some(head)) => head,
                Err(HeadFault::TooLong) => return Answer::Fault(ResponseFault::TooLarge),
                Err(HeadFault::BareLineFeed) => return Answer::Fault(ResponseFault::Malformed),
            };
            match parse(&head, config.max_headers) {
                Ok(response) if response.status == 101 => return self.check(response),
                Ok(response) if response.status < 200 => self.interim_len += head.len(),
                Ok(response) => {
                    let len = body_len(&response.headers).min(config.max_head_len);
                    self.refused = Some((Box::new(response), len));
                }
                Err(fault) => return Answer::Fault(fault),
            }
        }
        self.read_body(input)
    }

    fn read_body(&mut self, input: &mut &mut [u8]) -> Answer {
        let Some((mut response, len)) = self.refused.take() else {
            return Answer::Partial;
        };
        let taken = input.len().min(len - response.body.len());
        let (body, rest) = core::mem::take(input).split_at_mut(taken);
        *input = rest;
        response.body.extend_from_slice(body);
        if response.body.len() == len {
            return Answer::Refused(response);
        }
        self.refused = Some((response, len));
        Answer::Partial
    }

    /// Checks a 101 (RFC 6455 §4.1).
    fn check(&self, response: Response) -> Answer {
        let headers = &response.headers;
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
            drop(chosen);
            return Answer::Open(Box::new(response));
        };
        Answer::Fault(fault)
    }
}

fn parse(head: &[u8], max_headers: usize) -> Result<Response, ResponseFault> {
    let mut fields = alloc::vec![httparse::EMPTY_HEADER; max_headers];
    let mut parsed = httparse::Response::new(&mut fields);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(ResponseFault::TooLarge),
        Ok(httparse::Status::Partial) | Err(_) => return Err(ResponseFault::Malformed),
    }
    let (Some(status), Some(1)) = (parsed.code, parsed.version) else {
        return Err(ResponseFault::Malformed);
    };
    Ok(Response { status, headers: Headers::from_parsed(parsed.headers), body: Vec::new() })
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
