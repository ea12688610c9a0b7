//! Frame headers (RFC 6455 §5.2).
//!
//! Owns: how a header is read and written, and what may not stand in one. Must not know: messages, limits, connections.

use alloc::vec::Vec;

use crate::{Role, Violation};

/// The longest header: 2 bytes, 8 of length, 4 of key.
pub const MAX_HEADER_LEN: usize = 14;

/// The longest payload of a control frame (§5.5).
pub const MAX_CONTROL_LEN: usize = 125;

/// What a frame is (§11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// Goes on with the message before it.
    Continuation = 0x0,
    /// Begins a text message.
    Text = 0x1,
    /// Begins a binary message.
    Binary = 0x2,
    /// The last frame of its sender.
    Close = 0x8,
    /// Asks for a Pong.
    Ping = 0x9,
    /// Answers a Ping, or says that its sender lives.
    Pong = 0xA,
}

impl Opcode {
    /// Close, Ping or Pong.
    pub const fn is_control(self) -> bool {
        (self as u8) & 0x8 != 0
    }

    const fn new(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The last frame of its message.
    pub fin: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The payload's length in bytes, below 2^63.
    pub len: u64,
    /// The masking key; a client's frame has one, a server's has none.
    pub key: Option<[u8; 4]>,
}

/// What the bytes at the beginning of a frame amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A header of so many bytes.
    Header(Header, usize),
    /// Nothing wrong so far; the header has at least so many bytes.
    Partial(usize),
}

impl Header {
    /// Reads a header that came to `receiver`. Faults are found at their byte, wherever the input is cut.
    ///
    /// # Errors
    ///
    /// The [`Violation`] of the first wrong byte.
    #[inline]
    pub fn parse(bytes: &[u8], receiver: Role) -> Result<Parsed, Violation> {
        let Some(&first) = bytes.first() else {
            return Ok(Parsed::Partial(2));
        };
        let opcode = parse_first(first)?;
        let Some(&second) = bytes.get(1) else {
            return Ok(Parsed::Partial(2));
        };
        let masked = parse_second(opcode, second, receiver)?;
        let (len, at) = match second & 0x7F {
            126 => match bytes.get(2..4) {
                Some(len) => (u64::from(u16::from_be_bytes([len[0], len[1]])), 4),
                None => return Ok(Parsed::Partial(4)),
            },
            127 => match bytes.get(2..10).and_then(|len| len.first_chunk()) {
                Some(len) => (u64::from_be_bytes(*len), 10),
                None => return long_prefix(bytes),
            },
            short => (u64::from(short), 2),
        };
        if at > 2 {
            check_len(len, at)?;
        }
        let fin = first & 0x80 != 0;
        if !masked {
            return Ok(Parsed::Header(Self { fin, opcode, len, key: None }, at));
        }
        match bytes.get(at..at + 4).and_then(|key| key.first_chunk()) {
            Some(key) => Ok(Parsed::Header(Self { fin, opcode, len, key: Some(*key) }, at + 4)),
            None => Ok(Parsed::Partial(at + 4)),
        }
    }

    /// Appends the header, its length in the shortest form.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        let first = u8::from(self.fin) << 7 | self.opcode as u8;
        let masked = u8::from(self.key.is_some()) << 7;
        match self.len {
            0..=125 => out.extend_from_slice(&[first, masked | self.len as u8]),
            126..=0xFFFF => {
                let [high, low] = (self.len as u16).to_be_bytes();
                out.extend_from_slice(&[first, masked | 126, high, low]);
            }
            0x1_0000.. => {
                out.extend_from_slice(&[first, masked | 127]);
                out.extend_from_slice(&self.len.to_be_bytes());
            }
        }
        if let Some(key) = self.key {
            out.extend_from_slice(&key);
        }
    }
}

#[inline]
fn parse_first(first: u8) -> Result<Opcode, Violation> {
    if first & 0x70 != 0 {
        return Err(Violation::ReservedBits);
    }
    let opcode = Opcode::new(first & 0x0F).ok_or(Violation::Opcode(first & 0x0F))?;
    if opcode.is_control() && first & 0x80 == 0 {
        return Err(Violation::FragmentedControl);
    }
    Ok(opcode)
}

/// Whether the frame is masked.
#[inline]
fn parse_second(opcode: Opcode, second: u8, receiver: Role) -> Result<bool, Violation> {
    let masked = second & 0x80 != 0;
    match receiver {
        Role::Server if !masked => return Err(Violation::NotMasked),
        Role::Client if masked => return Err(Violation::Masked),
        Role::Server | Role::Client => {}
    }
    if opcode.is_control() && second & 0x7F > 125 {
        return Err(Violation::ControlLength);
    }
    Ok(masked)
}

/// Checks a length that took `at - 2` bytes.
fn check_len(len: u64, at: usize) -> Result<(), Violation> {
    if len >> 63 != 0 {
        return Err(Violation::LengthTopBit);
    }
    let shortest = if at == 4 { 126 } else { 0x1_0000 };
    if len < shortest {
        return Err(Violation::LengthNotMinimal);
    }
    Ok(())
}

/// A 64-bit length of which not all bytes are there.
fn long_prefix(bytes: &[u8]) -> Result<Parsed, Violation> {
    match bytes.get(2) {
        Some(&top) if top & 0x80 != 0 => Err(Violation::LengthTopBit),
        Some(_) | None => Ok(Parsed::Partial(10)),
    }
}
