//! Messages that wait for the application.
//!
//! Owns: their order and their bytes. Must not know: why they wait, or whether more may come.
//!
//! Small ones are packed one behind the other (a tag, a length of 1 to 10 bytes, the payload), so that what waits takes hardly more room than
//! it took on the wire; large ones stay where they are.

use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::utf8;
use crate::{Chunk, Event, Kind, Message};

/// A payload that is on its own already stays there from this length on, in bytes.
const APART_LEN: usize = 1 << 10;

/// A tag and a length, in bytes.
const MAX_TAG_LEN: usize = 11;

const TEXT: u8 = 1;
const PART: u8 = 2;
const START: u8 = 4;
const END: u8 = 8;
const APART: u8 = 16;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    packed: Vec<u8>,
    /// How much of `packed` is taken.
    taken: usize,
    apart: VecDeque<Apart>,
}

#[derive(Debug)]
enum Apart {
    Text(String),
    Binary(Vec<u8>),
}

impl Inbox {
    /// Puts an event in: a message or a chunk; others are not for here. Answers with the room that it takes, in bytes.
    pub(super) fn push(&mut self, event: Event<'_>) -> usize {
        match event {
            Event::Message(message) => self.push_message(message),
            Event::Chunk(Chunk { kind, payload, start, end }) => {
                let tag = text(kind) | PART | if start { START } else { 0 } | if end { END } else { 0 };
                self.pack(tag, &payload)
            }
            _ => 0,
        }
    }

    fn push_message(&mut self, message: Message<'_>) -> usize {
        match message {
            Message::Text(text) if text.len() >= APART_LEN => {
                let len = text.len();
                self.apart.push_back(Apart::Text(text.into_owned()));
                self.pack(TEXT | APART, &[]) + len
            }
            Message::Binary(bytes) if bytes.len() >= APART_LEN => {
                let len = bytes.len();
                self.apart.push_back(Apart::Binary(bytes.into_owned()));
                self.pack(APART, &[]) + len
            }
            small => self.pack(text(small.kind()), small.as_bytes()),
        }
    }

    fn pack(&mut self, tag: u8, payload: &[u8]) -> usize {
        let before = self.packed.len();
        self.packed.reserve(payload.len() + MAX_TAG_LEN);
        self.packed.push(tag);
        let mut len = payload.len();
        while len >= 0x80 {
            self.packed.push(len as u8 | 0x80);
            len >>= 7;
        }
        self.packed.push(len as u8);
        self.packed.extend_from_slice(payload);
        self.packed.len() - before
    }

    /// Takes the next event out, and tells the room that it took.
    pub(super) fn pop(&mut self) -> Option<(Event<'static>, usize)> {
        let before = self.taken;
        let tag = self.byte()?;
        let mut len = 0;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            len |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let payload = &self.packed[self.taken..self.taken + len];
        self.taken += len;
        let packed_len = self.taken - before;
        if tag & APART != 0 {
            let message = self.apart.pop_front()?.into_message();
            let len = packed_len + message.len();
            return Some((Event::Message(message), len));
        }
        Some((unpack(tag, payload), packed_len))
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.packed.get(self.taken).copied();
        self.taken += usize::from(byte.is_some());
        byte
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.packed.len()
    }
}

impl Apart {
    fn into_message(self) -> Message<'static> {
        match self {
            Self::Text(text) => Message::Text(Cow::Owned(text)),
            Self::Binary(bytes) => Message::Binary(Cow::Owned(bytes)),
        }
    }
}

const fn text(kind: Kind) -> u8 {
    match kind {
        Kind::Text => TEXT,
        Kind::Binary => 0,
    }
}

fn unpack(tag: u8, payload: &[u8]) -> Event<'static> {
    let kind = if tag & TEXT != 0 { Kind::Text } else { Kind::Binary };
    if tag & PART != 0 {
        let payload = Cow::Owned(payload.to_vec());
        return Event::Chunk(Chunk { kind, payload, start: tag & START != 0, end: tag & END != 0 });
    }
    match kind {
        // It was validated before it was packed.
        Kind::Text => Event::Message(String::from(utf8::validate(payload).unwrap_or_default()).into()),
        Kind::Binary => Event::Message(payload.to_vec().into()),
    }
}
