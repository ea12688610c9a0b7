//! Messages that wait for the application.
//!
//! Owns: their order and their bytes. Must not know: why they wait, or whether more may come.
//!
//! Small ones are packed one behind the other, each behind a tag of two bytes, so that what waits takes hardly more room than it took on
//! the wire; large ones stay where they are.

use alloc::{borrow::Cow, collections::VecDeque, string::String, vec::Vec};

use crate::{Chunk, Event, Kind, utf8};

/// What is packed is shorter than this, in bytes: the bits of a tag below it are a length.
const APART: u16 = 1 << 10;
const TEXT: u16 = 1 << 11;
const PART: u16 = 1 << 12;
const START: u16 = 1 << 13;
const END: u16 = 1 << 14;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    packed: Vec<u8>,
    /// How much of `packed` is taken.
    taken: usize,
    apart: VecDeque<Event<'static>>,
}

impl Inbox {
    /// Puts an event in: a message or a chunk; others are not for here. Answers with the room that it takes, in bytes. What is taken is
    /// given up once it is the larger part, for an application may always be behind.
    pub(super) fn push(&mut self, event: Event<'_>) -> usize {
        let (payload, _) = event.payload().unwrap_or_default();
        let room = size_of::<u16>() + payload.len();
        if self.taken > self.packed.len() / 2 {
            self.packed.drain(..self.taken);
            self.taken = 0;
        }
        let small = u16::try_from(payload.len()).ok().filter(|&len| len < APART);
        let tag = small.map_or(APART, |len| len | flags(&event));
        self.packed.extend_from_slice(&tag.to_le_bytes());
        if small.is_some() {
            self.packed.extend_from_slice(payload);
        } else {
            self.apart.push_back(event.into_owned());
        }
        room
    }

    /// Takes the next event out, and tells the room that it took.
    pub(super) fn pop(&mut self) -> Option<(Event<'static>, usize)> {
        let (tag, rest) = self.packed[self.taken..].split_first_chunk()?;
        let tag = u16::from_le_bytes(*tag);
        let packed = &rest[..usize::from(tag & (APART - 1))];
        self.taken += size_of::<u16>() + packed.len();
        let event = if tag & APART == 0 { unpack(tag, packed) } else { self.apart.pop_front()? };
        let room = size_of::<u16>() + event.payload().map_or(0, |(payload, _)| payload.len());
        Some((event, room))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.packed.len()
    }
}

fn flags(event: &Event<'_>) -> u16 {
    let flag = |bit, set| if set { bit } else { 0 };
    match event {
        Event::Message(message) => flag(TEXT, message.kind() == Kind::Text),
        Event::Chunk(Chunk { kind, start, end, .. }) => {
            PART | flag(TEXT, *kind == Kind::Text) | flag(START, *start) | flag(END, *end)
        }
        _ => 0,
    }
}

fn unpack(tag: u16, payload: &[u8]) -> Event<'static> {
    let kind = if tag & TEXT != 0 { Kind::Text } else { Kind::Binary };
    if tag & PART != 0 {
        let payload = Cow::Owned(payload.to_vec());
        return Event::Chunk(Chunk { kind, payload, start: tag & START != 0, end: tag & END != 0 });
    }
    // It was validated before it was packed.
    let text = || String::from(utf8::validate(payload).unwrap_or_default());
    Event::Message(if kind == Kind::Text { text().into() } else { payload.to_vec().into() })
}
