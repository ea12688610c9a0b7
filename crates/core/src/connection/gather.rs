//! A message that did not arrive at once.

use alloc::string::String;
use alloc::vec::Vec;

use crate::utf8::{self, Carry};
use crate::{Kind, Message};

/// A declared length is trusted up to this, in bytes; beyond it, room grows with what arrives.
const TRUSTED_LEN: u64 = 1 << 20;

/// The message so far; text is validated as it comes, once.
#[derive(Debug)]
pub(super) enum Gather {
    Text {
        text: String,
        carry: Carry,
    },
    Binary(Vec<u8>),
    /// Parts are delivered as they come: only the border between two is kept.
    Parts(Carry),
}

impl Gather {
    /// `room`: an empty buffer to begin with.
    pub(super) fn new(kind: Kind, parts: bool, room: Vec<u8>) -> Self {
        match kind {
            Kind::Text if parts => Self::Parts(Carry::default()),
            Kind::Text => {
                Self::Text { text: String::from_utf8(room).unwrap_or_default(), carry: Carry::default() }
            }
            Kind::Binary => Self::Binary(room),
        }
    }

    /// Takes the next part; `frame_left` bytes of its frame follow it, and `end` tells that it is the last. The whole is no
    /// longer than `limit`. Text that is not UTF-8: how many bytes of the part were.
    pub(super) fn push(
        &mut self,
        part: &[u8],
        frame_left: u64,
        end: bool,
        limit: usize,
    ) -> Result<(), usize> {
        let carry = match self {
            Self::Binary(bytes) => {
                bytes.reserve_exact(room(bytes.len(), bytes.capacity(), part.len(), frame_left, limit));
                bytes.extend_from_slice(part);
                return Ok(());
            }
            Self::Text { text, carry } => {
                let (completed, whole) = next(carry, part)?;
                text.reserve_exact(room(text.len(), text.capacity(), part.len() + 3, frame_left, limit));
                text.extend(completed);
                text.push_str(whole);
                carry
            }
            Self::Parts(carry) => {
                next(carry, part)?;
                carry
            }
        };
        if end && !carry.is_empty() { Err(part.len()) } else { Ok(()) }
    }

    /// The whole message.
    pub(super) fn finish(self) -> Message<'static> {
        match self {
            Self::Text { text, .. } => text.into(),
            Self::Binary(bytes) => bytes.into(),
            Self::Parts(_) => Vec::new().into(),
        }
    }
}

/// The next part of a text; an error tells how much of it is valid.
fn next<'p>(carry: &mut Carry, part: &'p [u8]) -> Result<(Option<char>, &'p str), usize> {
    let before = *carry;
    carry.next(part).map_err(|utf8::InvalidUtf8| before.valid_len(part))
}

/// What to reserve behind `len` bytes for `part` more: nothing while there is room, then what the frame declares or as much again, but no
/// more than the limit allows.
fn room(len: usize, capacity: usize, part: usize, frame_left: u64, limit: usize) -> usize {
    if capacity - len >= part {
        return 0;
    }
    let declared = part + usize::try_from(frame_left.min(TRUSTED_LEN)).unwrap_or(0);
    declared.max(len).min(limit.saturating_sub(len)).max(part)
}
