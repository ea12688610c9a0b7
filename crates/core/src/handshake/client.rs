//! The client's half: writes a request, reads the response and checks it (RFC 6455 §4.1).

use alloc::{format, string::String, vec::Vec};
use base64::prelude::{BASE64_STANDARD, Engine};

use super::head::{fault, read_head, write_head};
use super::headers::{Header, Headers, is_authority, is_token, is_visible};
use crate::{Config, HeaderError, ResponseFault, deflate};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientRequest {
    host: String,
    target: String,
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
        // R4.1-02
        if !is_authority(host.as_bytes()) {
            return Err(HeaderError::Host);
        }
        // R3-01
        if !target.starts_with('/') || !is_visible(target) {
            return Err(HeaderError::Target);
        }
        let (host, target) = (host.into(), target.into());
        Ok(Self { host, target, subprotocols: Vec::new(), headers: Headers::default() })
    }

    /// With an `Origin`.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Value`] if it cannot travel.
    pub fn origin(mut self, origin: &str) -> Result<Self, HeaderError> {
        self.headers.0.retain(|field| field.name != "Origin");
        self.headers.0.push(Header::new("Origin", origin)?);
        Ok(self)
    }

    /// With a further subprotocol, after those given before in the order of preference.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Subprotocol`] if it is not a token or was given before.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, HeaderError> {
        // R4.1-34, R4.1-35
        if !is_token(name.as_bytes()) || self.subprotocols.iter().any(|given| given == name) {
            return Err(HeaderError::Subprotocol);
        }
        self.subprotocols.push(name.into());
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

    // R4.1-20, R4.1-21, R4.1-22, R4.1-23, R4.1-24, R4.1-25, R4.1-26, R4.1-27, R4.1-28, R4.1-32, R4.1-33
    // R11.3.1-01, R11.3.5-01
    fn write(&self, key: &str, extensions: &str) -> Vec<u8> {
        let own = [
            ("Host", &*self.host),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Protocol", &self.subprotocols.join(", ")),
            ("Sec-WebSocket-Extensions", extensions),
        ];
        write_head(&format!("GET {} HTTP/1.1", self.target), &own, &self.headers)
    }
}

/// A server's response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Response {
    /// The status: 101 when the connection opened.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body of a refusal, as far as it arrived and at most `Config::max_head_len` bytes of it.
    pub body: Vec<u8>,
}

impl Response {
    fn parse(head: &[u8], max_headers: usize) -> Result<Self, u16> {
        let mut fields = alloc::vec![httparse::EMPTY_HEADER; max_headers.min(head.len())];
        let mut parsed = httparse::Response::new(&mut fields);
        parsed.parse(head).map_err(fault)?;
        // R4.1-40, R4.1-46
        let status = parsed.code.filter(|&code| code != 101 || parsed.version != Some(0)).ok_or(400_u16)?;
        Ok(Self { status, headers: Headers::from_parsed(parsed.headers), body: Vec::new() })
    }

    /// The subprotocol that the server chose, one of those offered.
    pub fn subprotocol(&self) -> Option<&str> {
        self.headers.get("sec-websocket-protocol").and_then(|name| str::from_utf8(name).ok())
    }

    /// Takes what `input` has of the body, of which no more than `max_len` bytes are wanted. Answers whether that is all.
    pub(crate) fn read_body(&mut self, input: &mut &mut [u8], max_len: usize) -> bool {
        let left = self.body_len().min(max_len) - self.body.len();
        let taken = left.min(input.len());
        self.body.extend_from_slice(input.split_off_mut(..taken).unwrap_or_default());
        taken == left
    }

    /// How much body follows: none to a status that has none; a stated length; nothing that we would have to decode; else everything up
    /// to the end (RFC 9112 §6.3).
    fn body_len(&self) -> usize {
        match (self.status, self.headers.get("transfer-encoding"), self.headers.get("content-length")) {
            (204 | 304, ..) | (_, Some(_), _) => 0,
            (_, None, None) => usize::MAX,
            (_, None, Some(len)) => str::from_utf8(len).ok().and_then(|len| len.parse().ok()).unwrap_or(0),
        }
    }
}

/// The client's handshake while it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ClientHandshake {
    accept: String,
    offered: Vec<String>,
    /// The response's head, as far as it arrived.
    head: Vec<u8>,
    /// Bytes of interim responses.
    interim_len: usize,
}

impl ClientHandshake {
    /// The handshake, and the request to send; `nonce` is 16 random bytes.
    // R4.1-29
    pub(crate) fn begin(request: ClientRequest, nonce: [u8; 16], extensions: &str) -> (Self, Vec<u8>) {
        let key = BASE64_STANDARD.encode(nonce);
        let (head, accept) = (request.write(&key, extensions), super::accept_key(key.as_bytes()));
        (Self { accept, offered: request.subprotocols, ..Self::default() }, head)
    }

    /// Reads on. `None`: more is needed. A response that is not 101 is a refusal, whose body follows.
    pub(crate) fn read(
        &mut self,
        input: &mut &mut [u8],
        config: &Config,
    ) -> Result<Option<Response>, ResponseFault> {
        let fault = |status| if status == 431 { ResponseFault::TooLarge } else { ResponseFault::Malformed };
        loop {
            let limit = config.max_head_len.saturating_sub(self.interim_len);
            let Some(head) = read_head(&mut self.head, input, limit).map_err(fault)? else { return Ok(None) };
            let response = Response::parse(&head, config.max_headers).map_err(fault)?;
            match response.status {
                // R4.1-38
                101 => return self.check(&response.headers, config).map(|()| Some(response)),
                100..=199 => self.interim_len += head.len(),
                // R4.1-39
                _ => return Ok(Some(response)),
            }
        }
    }

    /// Checks a 101 (RFC 6455 §4.1).
    fn check(&self, headers: &Headers, config: &Config) -> Result<(), ResponseFault> {
        let upgrade = headers.only("upgrade").unwrap_or_default();
        let offered = |name: &[u8]| self.offered.iter().any(|offer| offer.as_bytes() == name);
        let mut chosen = headers.all("sec-websocket-protocol");
        let checks = [
            // R4.1-41
            (upgrade.eq_ignore_ascii_case(b"websocket"), ResponseFault::Upgrade),
            // R4.1-42
            (headers.list_has("connection", "upgrade"), ResponseFault::Connection),
            // R4.1-43, R11.3.3-02
            (headers.only("sec-websocket-accept") == Some(self.accept.as_bytes()), ResponseFault::Accept),
            // R4.1-45, R11.3.4-02
            (chosen.next().is_none_or(offered) && chosen.next().is_none(), ResponseFault::Subprotocol),
        ];
        checks.into_iter().try_for_each(|(passes, fault)| if passes { Ok(()) } else { Err(fault) })?;
        // R4.1-44, R9.1-02, R9.1-03
        deflate::agreed(config, headers).map(drop)
    }
}
