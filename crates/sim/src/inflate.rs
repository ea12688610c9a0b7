//! Compressed messages as they were before (RFC 7692).
//!
//! Owns: one direction's zlib. Must not know: frames, and what was agreed on, which a reader need not know.

use zlib_rs::{Inflate, InflateFlush, Status};

/// What a sender leaves out behind each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// What comes out at once, in bytes.
const ROOM: usize = 16 << 10;

/// The most that is made of one frame, in bytes.
const MAX_INFLATED_LEN: usize = 16 << 20;

/// Inflates what one side sends. It remembers what is before: for a sender who does not refer to that, it makes no difference.
#[derive(Default)]
pub(crate) struct Inflating {
    zlib: Option<Inflate>,
    /// Some of the message went in since its beginning, or since a final block.
    fed: bool,
    /// There was something that does not inflate.
    broken: bool,
}

impl Inflating {
    /// A message begins.
    pub(crate) const fn begin(&mut self) {
        self.fed = false;
    }

    /// A frame's payload, which ends its message or does not. `None` if it does not inflate, or something before did not.
    pub(crate) fn next(&mut self, payload: &[u8], end: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        // A message of nothing at all, or one that ends with a final block, has no tail.
        let inflates =
            !self.broken && self.feed(payload, &mut out) && (!end || !self.fed || self.feed(&TAIL, &mut out));
        self.broken = !inflates;
        inflates.then_some(out)
    }

    /// Answers whether all of `input` could be taken.
    fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> bool {
        let mut room = vec![0; ROOM];
        loop {
            let zlib = self.zlib.get_or_insert_with(|| Inflate::new(false, 15));
            let before = (zlib.total_in(), zlib.total_out());
            let Ok(status) = zlib.decompress(input, &mut room, InflateFlush::NoFlush) else { return false };
            let taken = (zlib.total_in() - before.0) as usize;
            let made = (zlib.total_out() - before.1) as usize;
            input = &input[taken..];
            out.extend_from_slice(&room[..made]);
            self.fed |= taken > 0;
            if status == Status::StreamEnd {
                zlib.reset(false);
                self.fed = false;
            }
            if out.len() > MAX_INFLATED_LEN {
                return false;
            }
            if taken + made == 0 {
                return input.is_empty();
            }
        }
    }
}

/// What a window holds are messages: they are not shown.
impl core::fmt::Debug for Inflating {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inflating").finish_non_exhaustive()
    }
}
