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

    fn new(bits: u8) -> Option<Self> {
        use Opcode::*;
        [Continuation, Text, Binary, Close, Ping, Pong].into_iter().find(|opcode| *opcode as u8 == bits)
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The last frame of its message.
    pub fin: bool,
    /// The message is compressed (RFC 7692 §6); on the frame that begins one.
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The payload's length in bytes, below 2^63.
    pub len: u64,
    /// The masking key; a client's frame has one, a server's has none.
    pub key: Option<[u8; 4]>,
}

impl Header {
    /// Reads a header that came to `receiver`: it, and how many bytes it takes. Faults are found at their byte, wherever the input is
    /// cut; `None`: nothing is wrong so far. With `rsv1`, RSV1 may be set on a frame that begins a message (RFC 7692 §6).
    ///
    /// # Errors
    ///
    /// The [`Violation`] of the first wrong byte.
    pub fn parse(bytes: &[u8], receiver: Role, rsv1: bool) -> Result<Option<(Self, usize)>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
        // R5.2-02
        let rsv1 = rsv1 && matches!(first & 0x4F, 0x41 | 0x42);
        if first & if rsv1 { 0x30 } else { 0x70 } != 0 {
            return Err(Violation::ReservedBits);
        }
        // R5.2-03
        let opcode = Opcode::new(opcode).ok_or(Violation::Opcode(opcode))?;
        if opcode.is_control() && !fin {
            // R5.5-03
            return Err(Violation::FragmentedControl);
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let masked = receiver == Role::Server;
        if masked != (second & 0x80 != 0) {
            // R5.1-02, R5.1-04
            return Err(if masked { Violation::NotMasked } else { Violation::Masked });
        }
        // R5.5-02
        if opcode.is_control() && second & 0x7F > 125 {
            return Err(Violation::ControlLength);
        }
        let Some((len, at)) = parse_len(second & 0x7F, &bytes[2..])? else { return Ok(None) };
        if !masked {
            return Ok(Some((Self { fin, rsv1, opcode, len, key: None }, at)));
        }
        let key = bytes[at..].first_chunk();
        Ok(key.map(|key| (Self { fin, rsv1, opcode, len, key: Some(*key) }, at + 4)))
    }

    /// Appends the header, its length in the shortest form.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        // R5.2-01, R6.1-06
        let first = u8::from(self.fin) << 7 | u8::from(self.rsv1) << 6 | self.opcode as u8;
        // R5.3-01
        let masked = u8::from(self.key.is_some()) << 7;
        // R5.2-05
        let len = self.len.to_be_bytes();
        match self.len {
            0..=125 => out.extend_from_slice(&[first, masked | len[7]]),
            126..=0xFFFF => out.extend_from_slice(&[first, masked | 126, len[6], len[7]]),
            0x1_0000.. => {
                out.extend_from_slice(&[first, masked | 127]);
                out.extend_from_slice(&len);
            }
        }
        if let Some(key) = self.key {
            out.extend_from_slice(&key);
        }
    }
}

/// The payload's length, and where it ends in the header.
fn parse_len(short: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, Violation> {
    let (len, at, shortest) = match (short, rest) {
        (126, [high, low, ..]) => (u64::from(u16::from_be_bytes([*high, *low])), 4, 126),
        // R5.2-04
        (127, [top, ..]) if top & 0x80 != 0 => return Err(Violation::LengthTopBit),
        (126 | 127, rest) => match rest.first_chunk() {
            Some(len) => (u64::from_be_bytes(*len), 10, 0x1_0000),
            None => return Ok(None),
        },
        (short, _) => (u64::from(short), 2, 0),
    };
    // R5.2-06
    if len < shortest { Err(Violation::LengthNotMinimal) } else { Ok(Some((len, at))) }
}
