//! The raw peer: builds what it sends, and names what it receives. It forgives nothing, and uses none of the library's
//! decoders.

use adieu_core::Role;
use adieu_core::handshake::accept_key;

use super::Piece;
use super::text::quote;
use super::trace::close_words;

/// The peer of an endpoint under test.
#[derive(Debug)]
pub struct Peer {
    /// The peer's own role.
    role: Role,
    /// The opening handshake of the other side is still to come.
    head: bool,
    /// Bytes that are not a whole frame or head yet.
    rest: Vec<u8>,
    /// Behind a refusal nothing is parsed.
    refused: Option<usize>,
    ping: Vec<u8>,
    key: String,
    order: Order,
}

/// What RFC 6455 §5.4, §5.5 and CLOSE.md's rule 1 say of every sequence of frames.
#[derive(Debug, Default)]
struct Order {
    in_message: bool,
    closed: bool,
}

impl Peer {
    /// The peer of an endpoint in `role`; `head`: the opening handshake is to come.
    pub fn of(role: Role, head: bool) -> Self {
        let own = if role == Role::Client { Role::Server } else { Role::Client };
        let (rest, ping, key) = (Vec::new(), Vec::new(), "dGhlIHNhbXBsZSBub25jZQ==".to_owned());
        Self { role: own, head, rest, refused: None, ping, key, order: Order::default() }
    }

    /// The bytes of a segment.
    pub fn segment(&self, pieces: &[Piece]) -> Vec<u8> {
        pieces.iter().flat_map(|piece| piece.bytes(self.role, &self.ping, &self.key)).collect()
    }

    /// Receives these bytes, and names everything that is whole now.
    ///
    /// # Panics
    ///
    /// On what no endpoint may write.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut names = Vec::new();
        loop {
            let name = if self.refused.is_some() {
                self.refusal_body()
            } else if self.head {
                self.take_head()
            } else {
                self.take_frame()
            };
            match name {
                Some(name) => names.push(name),
                None => return names,
            }
        }
    }

    fn take_head(&mut self) -> Option<String> {
        let end = self.rest.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head: Vec<u8> = self.rest.drain(..end).collect();
        let head = String::from_utf8(head).expect("a head in ASCII");
        let mut lines = head.lines();
        let first = lines.next().expect("a first line").to_owned();
        if self.role == Role::Server {
            self.head = false;
            return Some(self.request(&first, &head));
        }
        let status: u16 = first.strip_prefix("HTTP/1.1 ").expect("HTTP/1.1")[..3].parse().expect("a status");
        if status == 101 {
            self.head = false;
            assert_eq!(field(&head, "Sec-WebSocket-Accept"), Some(accept_key(self.key.as_bytes()).as_str()));
            assert!(field(&head, "Upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")));
            assert!(field(&head, "Connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
            return Some("http 101".to_owned());
        }
        // CLOSE.md N8: each refusal has a body and `Connection: close`.
        assert!(
            field(&head, "Connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
            "{head}"
        );
        let len = field(&head, "Content-Length").expect("a stated length").parse().expect("a number");
        assert!(len > 0, "a refusal has a body");
        self.refused = Some(len);
        let version = field(&head, "Sec-WebSocket-Version");
        Some(version.map_or_else(|| format!("http {status}"), |v| format!("http {status} version {v}")))
    }

    fn request(&mut self, first: &str, head: &str) -> String {
        assert!(first.starts_with("GET /") && first.ends_with(" HTTP/1.1"), "{first}");
        for (name, value) in
            [("Upgrade", "websocket"), ("Connection", "upgrade"), ("Sec-WebSocket-Version", "13")]
        {
            assert!(field(head, name).is_some_and(|seen| seen.eq_ignore_ascii_case(value)), "{head}");
        }
        assert!(field(head, "Host").is_some(), "{head}");
        field(head, "Sec-WebSocket-Key").expect("a key").clone_into(&mut self.key);
        "request".to_owned()
    }

    /// Takes the body of a refusal; more than it says is a fault.
    fn refusal_body(&mut self) -> Option<String> {
        let left = self.refused.as_mut()?;
        assert!(self.rest.len() <= *left, "bytes behind a refusal: {:?}", self.rest);
        *left -= self.rest.len();
        self.rest.clear();
        None
    }

    fn take_frame(&mut self) -> Option<String> {
        let (fin, opcode, payload, len) = parse_frame(self.role, &self.rest)?;
        self.rest.drain(..len);
        self.order.check(fin, opcode, payload.len());
        if opcode == 9 {
            self.ping.clone_from(&payload);
        }
        Some(frame_name(fin, opcode, &payload))
    }

    /// The stream ended: what is left was cut, which can be seen only where the peer looks at it.
    pub fn is_between_frames(&self) -> bool {
        self.rest.is_empty() && self.refused.is_none_or(|left| left == 0)
    }
}

impl Order {
    fn check(&mut self, fin: bool, opcode: u8, len: usize) {
        assert!(!self.closed || opcode == 10, "opcode {opcode} behind a Close");
        if opcode >= 8 {
            assert!(fin && len <= 125, "a bad control frame: opcode {opcode}, {len} bytes, fin {fin}");
        } else {
            assert_eq!(opcode == 0, self.in_message, "fragments out of order: opcode {opcode}");
            self.in_message = !fin;
        }
        self.closed |= opcode == 8;
    }
}

/// The value of the only header field of this name.
fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let field = |line: &'h str| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let mut values = head.lines().skip(1).filter_map(field).map(|(_, value)| value.trim());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} appears twice");
    value
}

/// FIN, opcode, payload and length of the frame that lies whole at the front, to a receiver in `role`.
fn parse_frame(role: Role, wire: &[u8]) -> Option<(bool, u8, Vec<u8>, usize)> {
    let (&[first, second], rest) = wire.split_first_chunk()?;
    assert_eq!(first & 0x70, 0, "a reserved bit");
    assert_eq!(second & 0x80 != 0, role == Role::Server, "masking is for clients and only for them");
    let (len, rest) = match second & 0x7F {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = u16::from_be_bytes(*len);
            assert!(len > 125, "a length that is not minimal");
            (u64::from(len), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = u64::from_be_bytes(*len);
            assert!(len > 65_535 && len >> 63 == 0, "a bad 64-bit length");
            (len, rest)
        }
        len => (u64::from(len), rest),
    };
    let (key, rest) = if role == Role::Server { rest.split_first_chunk::<4>()? } else { (&[0; 4], rest) };
    let (payload, behind) = rest.split_at_checked(usize::try_from(len).expect("a sane length"))?;
    let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    Some((first & 0x80 != 0, first & 0x0F, payload, wire.len() - behind.len()))
}

/// `text "hi"`, `text begin "he"`, `more "l"`, `last "lo"`, `close 1000 "bye"`, `ping "p"`.
pub(super) fn frame_name(fin: bool, opcode: u8, payload: &[u8]) -> String {
    let kind = match (opcode, fin) {
        (0, false) => "more",
        (0, true) => "last",
        (1, false) => "text begin",
        (1, true) => "text",
        (2, false) => "binary begin",
        (2, true) => "binary",
        (8, _) => return close_frame_name(payload),
        (9, _) => "ping",
        (10, _) => "pong",
        (opcode, _) => panic!("opcode {opcode}"),
    };
    format!("{kind} {}", quote(payload))
}

fn close_frame_name(payload: &[u8]) -> String {
    match payload {
        [] => "close empty".to_owned(),
        [_] => panic!("a Close of one byte"),
        [high, low, reason @ ..] => {
            let reason = str::from_utf8(reason).expect("a reason in UTF-8");
            format!("close {}", close_words(u16::from_be_bytes([*high, *low]), reason))
        }
    }
}
