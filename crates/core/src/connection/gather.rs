//! A message that did not arrive at once.

use crate::Message;
use crate::protocol::Data;
use crate::utf8::{Carry, InvalidUtf8};

/// A declared length is trusted up to this, in bytes; beyond it, room grows with what arrives.
const TRUSTED_LEN: u64 = 1 << 20;

/// The message so far; text is validated as it comes, once.
#[derive(Debug)]
pub(super) struct Gather {
    pub(super) message: Message<'static>,
    pub(super) carry: Carry,
}

impl Gather {
    /// Takes the next part, and keeps it if that is wanted. The whole is no longer than `limit`. Text that is not UTF-8: how many
    /// bytes of the part were.
    // R5.4-03, R5.6-01
    pub(super) fn push(&mut self, data: &Data<'_>, keep: bool, limit: usize) -> Result<(), usize> {
        let Data { payload: ref part, end, .. } = *data;
        match &mut self.message {
            Message::Binary(bytes) if keep => {
                let bytes = bytes.to_mut();
                bytes.reserve_exact(room(bytes.len(), bytes.capacity(), data, limit));
                bytes.extend_from_slice(part);
            }
            Message::Binary(_) => {}
            Message::Text(text) => {
                let before = self.carry;
                let next = self.carry.next(part);
                let (completed, whole) = next.map_err(|InvalidUtf8| before.valid_len(part))?;
                if keep {
                    let text = text.to_mut();
                    text.reserve_exact(room(text.len(), text.capacity(), data, limit));
                    text.extend(completed);
                    text.push_str(whole);
                }
                if end && !self.carry.is_empty() {
                    return Err(part.len());
                }
            }
        }
        Ok(())
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
