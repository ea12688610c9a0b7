//! Payloads and frames made by hand: the same bytes for every library, and none of their code.

use std::slice::Chunks;

use bytes::Bytes;

/// The most that one read of the simulated transport gives, in bytes.
pub const READ_LEN: usize = 64 << 10;

const MIXED: &str = "Grüße aus Köln, привет из Москвы, 東京からこんにちは, plain words too, 🎉 {\"id\": 17} ";

/// A message to send or to expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The bytes; UTF-8 if `text`.
    pub bytes: Bytes,
    /// Text or binary.
    pub text: bool,
}

impl Payload {
    /// `len` bytes that are not UTF-8.
    pub fn binary(len: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(len as u64);
        let bytes = (0..len).map(|_| random.u8(..)).collect();
        Self { bytes, text: false }
    }

    /// `len` bytes of text in several scripts, characters of one to four bytes.
    pub fn mixed_text(len: usize) -> Self {
        let mut text = MIXED.repeat(len / MIXED.len() + 1);
        text.truncate(text.floor_char_boundary(len));
        while text.len() < len {
            text.push('.');
        }
        Self { bytes: text.into(), text: true }
    }

    /// The opcode of RFC 6455 §5.2.
    pub const fn opcode(&self) -> u8 {
        if self.text { 1 } else { 2 }
    }

    /// The text, if it is one and is UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        str::from_utf8(&self.bytes).ok().filter(|_| self.text)
    }
}

/// One frame (RFC 6455 §5.2) with FIN set; masked if there is a key.
pub fn frame(payload: &Payload, key: Option<[u8; 4]>) -> Vec<u8> {
    let len = payload.bytes.len();
    let mut frame = Vec::with_capacity(len + 14);
    let masked = if key.is_some() { 0x80 } else { 0 };
    frame.push(0x80 | payload.opcode());
    if let Ok(short @ 0..=125) = u8::try_from(len) {
        frame.push(masked | short);
    } else if let Ok(medium) = u16::try_from(len) {
        frame.push(masked | 126);
        frame.extend(medium.to_be_bytes());
    } else {
        frame.push(masked | 127);
        frame.extend((len as u64).to_be_bytes());
    }
    let key = key.inspect(|key| frame.extend(key)).unwrap_or_default();
    frame.extend(payload.bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// Takes one frame off the front of `input`: the payload unmasked, and whether it was masked. `None` if it is incomplete
/// or has anything but FIN and an opcode for text or binary.
pub fn take_frame(input: &mut &[u8]) -> Option<(Payload, bool)> {
    let (&[first, second], mut rest) = input.split_first_chunk()?;
    let len = match second & 0x7F {
        126 => {
            let (len, after) = rest.split_first_chunk()?;
            rest = after;
            usize::from(u16::from_be_bytes(*len))
        }
        127 => {
            let (len, after) = rest.split_first_chunk()?;
            rest = after;
            usize::try_from(u64::from_be_bytes(*len)).ok()?
        }
        len => usize::from(len),
    };
    let masked = second & 0x80 != 0;
    let mut key = [0; 4];
    if masked {
        let (given, after) = rest.split_first_chunk()?;
        (key, rest) = (*given, after);
    }
    let (payload, after) = rest.split_at_checked(len)?;
    let bytes = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    let text = match first {
        0x81 => true,
        0x82 => false,
        _ => return None,
    };
    *input = after;
    Some((Payload { bytes, text }, masked))
}

/// What a client sends: masked frames back to back, each with a key of its own, cut into reads without regard to where
/// frames end.
#[derive(Debug)]
pub struct Wire {
    bytes: Vec<u8>,
    payload: Payload,
    messages: usize,
}

impl Wire {
    /// The same message `messages` times.
    pub fn masked(payload: Payload, messages: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(6455);
        let mut bytes = Vec::new();
        for _ in 0..messages {
            bytes.extend(frame(&payload, Some(random.u32(1..).to_ne_bytes())));
        }
        Self { bytes, payload, messages }
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes as reads bring them.
    pub fn reads(&self) -> Chunks<'_, u8> {
        self.bytes.chunks(READ_LEN)
    }

    /// What each message holds.
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// How many messages there are.
    pub const fn messages(&self) -> usize {
        self.messages
    }
}
