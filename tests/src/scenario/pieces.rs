//! What the peer sends, right or wrong (RFC 6455 §5.2, §1.2).

use adieu_core::Role;
use adieu_core::handshake::accept_key;

/// The key of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// How a payload length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// In the shortest form.
    Shortest,
    /// In 16 bits.
    Bits16,
    /// In 64 bits.
    Bits64,
    /// In 64 bits, this value whatever the payload.
    Says(u64),
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameSpec {
    /// FIN.
    pub fin: bool,
    /// RSV1 to RSV3 as three bits, RSV1 the highest.
    pub rsv: u8,
    /// The opcode.
    pub opcode: u8,
    /// Masked; `None`: as the peer's role demands.
    pub mask: Option<bool>,
    /// How the length is written.
    pub length: Length,
    /// The payload, before masking.
    pub payload: Vec<u8>,
}

impl FrameSpec {
    /// A frame in which nothing is wrong.
    pub const fn new(opcode: u8, fin: bool, payload: Vec<u8>) -> Self {
        Self { fin, rsv: 0, opcode, mask: None, length: Length::Shortest, payload }
    }

    fn bytes(&self, peer: Role) -> Vec<u8> {
        let mut out = vec![u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode];
        let masked = self.mask.unwrap_or(peer == Role::Client);
        let bit = u8::from(masked) << 7;
        let len = self.payload.len() as u64;
        match (self.length, len) {
            (Length::Shortest, 0..=125) => out.push(bit | len as u8),
            (Length::Shortest, 126..=65_535) | (Length::Bits16, _) => {
                out.push(bit | 126);
                out.extend((len as u16).to_be_bytes());
            }
            (Length::Shortest | Length::Bits64, _) => {
                out.push(bit | 127);
                out.extend(len.to_be_bytes());
            }
            (Length::Says(len), _) => {
                out.push(bit | 127);
                out.extend(len.to_be_bytes());
            }
        }
        let key = if masked { [0x37, 0xFA, 0x21, 0x3D] } else { [0; 4] };
        out.extend(key.iter().filter(|_| masked));
        out.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }
}

/// A head of the opening handshake: the usual one, and what is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Another first line.
    pub first_line: Option<String>,
    /// Header fields that are left out, by name.
    pub without: Vec<String>,
    /// Further lines.
    pub with: Vec<String>,
}

impl Head {
    fn bytes(&self, mut lines: Vec<String>) -> Vec<u8> {
        if let Some(line) = &self.first_line {
            lines[0].clone_from(line);
        }
        let named = |line: &String, name: &String| {
            line.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name))
        };
        lines.retain(|line| !self.without.iter().any(|name| named(line, name)));
        lines.extend(self.with.iter().cloned());
        (lines.join("\r\n") + "\r\n\r\n").into_bytes()
    }
}

/// One of the things that a segment is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A frame.
    Frame(FrameSpec),
    /// A Pong with the payload of the last Ping that the peer received.
    Answer,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A client's opening handshake.
    Request(Head),
    /// A server's answer to the request that it received.
    Response(Head),
    /// So many bytes of it.
    First(usize, Box<Self>),
    /// It without so many bytes at its end.
    AllBut(usize, Box<Self>),
}

impl Piece {
    /// The bytes, from a peer in this role that has received this Ping and this key.
    pub(super) fn bytes(&self, peer: Role, ping: &[u8], key: &str) -> Vec<u8> {
        let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Frame(frame) => frame.bytes(peer),
            Self::Answer => FrameSpec::new(10, true, ping.to_vec()).bytes(peer),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Request(head) => head.bytes(own(&[
                "GET /chat HTTP/1.1",
                "Host: server.example.com",
                "Upgrade: websocket",
                "Connection: Upgrade",
                &format!("Sec-WebSocket-Key: {KEY}"),
                "Sec-WebSocket-Version: 13",
            ])),
            Self::Response(head) => head.bytes(own(&[
                "HTTP/1.1 101 Switching Protocols",
                "Upgrade: websocket",
                "Connection: Upgrade",
                &format!("Sec-WebSocket-Accept: {}", accept_key(key.as_bytes())),
            ])),
            Self::First(len, piece) => {
                let mut bytes = piece.bytes(peer, ping, key);
                assert!(*len < bytes.len(), "the first {len} of {} bytes", bytes.len());
                bytes.truncate(*len);
                bytes
            }
            Self::AllBut(len, piece) => {
                let mut bytes = piece.bytes(peer, ping, key);
                bytes.truncate(bytes.len() - len);
                bytes
            }
        }
    }
}
