//! The opening handshake by hand (RFC 6455 §1.2, §4).

use adieu_core::handshake::accept_key;

/// The key of RFC 6455 §1.3.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What belongs to it.
pub(crate) const KEY_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The lines of a request that every server must take.
pub(crate) fn request_lines() -> Vec<String> {
    [
        "GET /chat HTTP/1.1",
        "Host: server.example.com",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// That request with further lines.
pub(crate) fn request(more: &[&str]) -> Vec<u8> {
    let mut lines = request_lines();
    lines.extend(more.iter().map(|line| (*line).to_owned()));
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}

/// The 101 that belongs to a client's request, with further lines.
pub(crate) fn response_to(request: &str, more: &[&str]) -> Vec<u8> {
    let key = header_of(request, "Sec-WebSocket-Key").expect("a request with a key");
    let mut lines = vec![
        "HTTP/1.1 101 Switching Protocols".to_owned(),
        "Upgrade: websocket".to_owned(),
        "Connection: Upgrade".to_owned(),
        format!("Sec-WebSocket-Accept: {}", accept_key(key.as_bytes())),
    ];
    lines.extend(more.iter().map(|line| (*line).to_owned()));
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}

/// The value of the only header of this name in a head.
pub(crate) fn header_of<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let field = |line: &'h str| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let mut values = head.lines().skip(1).filter_map(field).map(|(_, value)| value.trim());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} appears twice");
    value
}

/// A head up to and including its blank line, and what is behind it.
pub(crate) fn split_head(wire: &[u8]) -> (String, Vec<u8>) {
    let end = wire.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head") + 4;
    let head = String::from_utf8(wire[..end].to_vec()).expect("a head in ASCII");
    assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "stray line ends in {head:?}");
    (head, wire[end..].to_vec())
}

/// An HTTP response that a server under test wrote.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) payload: Vec<u8>,
}

impl Reply {
    pub(crate) fn parse(wire: &[u8]) -> Self {
        let (head, payload) = split_head(wire);
        let status = head.strip_prefix("HTTP/1.1 ").expect("an HTTP/1.1 status line");
        let status = status[..3].parse().expect("three digits");
        Self { status, head, payload }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header_of(&self.head, name)
    }

    /// A refusal as CLOSE.md N8 wants it: a payload of the stated length, and `Connection: close`.
    pub(crate) fn check_refusal(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.head);
        assert!(!self.payload.is_empty(), "a refusal has a body");
        let len = self.header("Content-Length").expect("a stated length");
        assert_eq!(len.parse(), Ok(self.payload.len()));
        let connection = self.header("Connection").expect("a Connection header");
        assert!(connection.eq_ignore_ascii_case("close"), "{connection}");
        assert_eq!(self.header("Sec-WebSocket-Accept"), None);
    }
}
