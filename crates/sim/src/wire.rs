//! Bytes as heads and frames.

use core::fmt;

use adieu_core::frame::{Header, Opcode};
use adieu_core::mask::mask;
use adieu_core::{Close, Role};

use crate::inflate::Inflating;

/// What stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An HTTP head.
    Head(Vec<u8>),
    /// A frame, its payload unmasked, and inflated if it was compressed and can be; the header has the length on the way.
    Frame(Header, Vec<u8>),
    /// What is no frame, and everything behind it.
    Broken(String),
}

/// Reads what one side sends, piece by piece.
#[derive(Debug)]
pub struct Decoder {
    receiver: Role,
    head: bool,
    broken: bool,
    rest: Vec<u8>,
    inflating: Inflating,
    /// The message that has begun is compressed.
    compressed: bool,
}

impl Decoder {
    /// For what is sent to `receiver`; `upgraded`: without an opening handshake.
    pub fn new(receiver: Role, upgraded: bool) -> Self {
        let (rest, inflating) = (Vec::new(), Inflating::default());
        Self { receiver, head: !upgraded, broken: false, rest, inflating, compressed: false }
    }

    /// Takes more bytes; what is complete with them.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        self.rest.extend_from_slice(bytes);
        let mut taken = 0;
        let items = std::iter::from_fn(|| self.next(&mut taken)).collect();
        self.rest.drain(..taken);
        items
    }

    /// How many bytes of an item wait for the rest of it.
    pub fn rest_len(&self) -> usize {
        self.rest.len()
    }

    fn next(&mut self, taken: &mut usize) -> Option<Item> {
        let rest = &self.rest[*taken..];
        if self.broken {
            return None;
        }
        if self.head {
            let end = rest.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
            let head = rest[..end].to_vec();
            *taken += end;
            // An interim response or a refusal is not the end of HTTP.
            self.head = head.starts_with(b"HTTP/1.1 ") && !head.starts_with(b"HTTP/1.1 101 ");
            return Some(Item::Head(head));
        }
        // Whether compression was agreed on stands in the other direction's head.
        match Header::parse(rest, self.receiver, true) {
            Err(violation) => {
                self.broken = true;
                Some(Item::Broken(violation.to_string()))
            }
            Ok(header) => {
                let (header, at) = header?;
                let end = at.checked_add(usize::try_from(header.len).ok()?)?;
                let mut payload = rest.get(at..end)?.to_vec();
                header.key.into_iter().for_each(|key| mask(key, &mut payload));
                *taken += end;
                Some(Item::Frame(header, self.inflated(header, payload)))
            }
        }
    }

    fn inflated(&mut self, header: Header, payload: Vec<u8>) -> Vec<u8> {
        match header.opcode {
            Opcode::Text | Opcode::Binary => {
                self.compressed = header.rsv1;
                self.inflating.begin();
            }
            Opcode::Continuation => {}
            Opcode::Close | Opcode::Ping | Opcode::Pong => return payload,
        }
        let inflated = self.compressed.then(|| self.inflating.next(&payload, header.fin));
        inflated.flatten().unwrap_or(payload)
    }
}

/// In words: the first line of a head; a frame's opcode and payload, shortened and escaped.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(head) => {
                let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
                write!(f, "{}", short(line))
            }
            Self::Broken(violation) => write!(f, "broken: {violation}"),
            Self::Frame(header, payload) => {
                let name = match header.opcode {
                    Opcode::Continuation => "continuation",
                    Opcode::Text => "text",
                    Opcode::Binary => "binary",
                    Opcode::Close => "Close",
                    Opcode::Ping => "Ping",
                    Opcode::Pong => "Pong",
                };
                let more = if header.fin { "" } else { "…" };
                let name = if header.rsv1 { format!("compressed {name}") } else { name.to_owned() };
                match Close::parse(payload) {
                    Ok(close) if header.opcode == Opcode::Close => write!(f, "{name} {close}"),
                    _ if header.opcode == Opcode::Close => write!(f, "{name} {payload:?}"),
                    _ => write!(f, "{name} \"{}\"{more}", short(payload)),
                }
            }
        }
    }
}

/// The first bytes, escaped.
pub(crate) fn short(bytes: &[u8]) -> String {
    const SHOWN: usize = 24;
    if bytes.len() <= SHOWN + 8 {
        return bytes.escape_ascii().to_string();
    }
    format!("{}… ({} bytes)", bytes[..SHOWN].escape_ascii(), bytes.len())
}
