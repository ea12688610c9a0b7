//! A message that did not arrive at once.

use alloc::string::String;
use alloc::vec::Vec;

use crate::protocol::Data;
use crate::utf8::{Carry, InvalidUtf8};
use crate::{Kind, Message};

/// A declared length is trusted up to this, in bytes; beyond it, room grows with what arrives.
const TRUSTED_LEN: u64 = 1 << 20;

/// The message so far; text is validated as it comes, once.
#[derive(Debug)]
pub(super) struct Gather {
    text: String,
    binary: Vec<u8>,
    carry: Carry,
}

impl Gather {
    /// `room`: an empty buffer to begin with.
    pub(super) fn new(kind: Kind, room: Vec<u8>) -> Self {
        let (text, binary) = match kind {
            Kind::Text => (String::from_utf8(room).unwrap_or_default(), Vec::new()),
            Kind::Binary => (String::new(), room),
        };
        Self { text, binary, carry: Carry::default() }
    }

    /// Takes the next part, and keeps it if that is wanted. The whole is no longer than `limit`. Text that is not UTF-8: how many
    /// bytes of the part were.
    // R5.4-03, R5.6-01
    pub(super) fn push(&mut self, data: &Data<'_>, keep: bool, limit: usize) -> Result<(), usize> {
        let Data { kind, payload: ref part, end, .. } = *data;
        if kind == Kind::Binary {
            if keep {
                let (len, capacity) = (self.binary.len(), self.binary.capacity());
                self.binary.reserve_exact(room(len, capacity, data, limit));
                self.binary.extend_from_slice(part);
            }
            return Ok(());
        }
        let before = self.carry;
        let next = self.carry.next(part);
        let (completed, whole) = next.map_err(|InvalidUtf8| before.valid_len(part))?;
        if keep {
            let (len, capacity) = (self.text.len(), self.text.capacity());
            self.text.reserve_exact(room(len, capacity, data, limit));
            self.text.extend(completed);
            self.text.push_str(whole);
        }
        if end && !self.carry.is_empty() { Err(part.len()) } else { Ok(()) }
    }

    /// The whole message.
    pub(super) fn finish(self, kind: Kind) -> Message<'static> {
        match kind {
            Kind::Text => self.text.into(),
            Kind::Binary => self.binary.into(),
        }
    }
}

/// The most that a part adds beside itself: the character that it completes.
const CARRIED: usize = 3;

/// What to reserve behind `len` bytes for a part more: nothing while there is room, then what the frame declares or as much again, but
/// no more than the limit allows.
// R10.4-01
fn room(len: usize, capacity: usize, data: &Data<'_>, limit: usize) -> usize {
    let part = data.payload.len() + CARRIED;
    if capacity - len >= part {
        return 0;
    }
    let declared = part + usize::try_from(data.frame_left.min(TRUSTED_LEN)).unwrap_or(0);
    declared.max(len).min(limit.saturating_add(CARRIED) - len).max(part)
}
