//! What comes in compressed.

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::Violation;

/// What a sender leaves out behind each message (RFC 7692 §7.2.1), and a byte that only a payload which does not end as it must
/// lets zlib take.
const TAIL: [u8; 5] = [0x00, 0x00, 0xFF, 0xFF, 0x00];
const TAIL_LEN: u64 = 4;

/// The peer's compression; its memory is taken with its first compressed message.
#[derive(Default)]
pub(super) struct Inflating {
    /// Its window is of 15 bits whatever was agreed: this zlib takes the memory all the same, and what was written for less can be read.
    zlib: Option<Inflate>,
    /// What has come out of the message, in bytes.
    len: usize,
    /// A piece of the message was given out.
    told: bool,
    /// Some of the message went in since its beginning, or since a final block.
    fed: bool,
}

/// What comes out at once.
#[derive(Debug)]
pub(super) struct Piece {
    /// How much, in bytes.
    pub(super) len: usize,
    /// The first piece of its message.
    pub(super) start: bool,
    /// The last piece of its message.
    pub(super) end: bool,
    /// There may be more in what was given.
    pub(super) more: bool,
    /// What is wrong behind it.
    pub(super) fault: Option<Violation>,
}

impl Inflating {
    /// Takes from `input`, which follows on what was taken before, until that or `room` is used up. With `end` the message ends behind
    /// it. No more than `limit` bytes come out of a message.
    pub(super) fn next(&mut self, input: &mut &[u8], end: bool, room: &mut [u8], limit: usize) -> Piece {
        let most = (limit - self.len).saturating_add(1).min(room.len());
        let room = &mut room[..most];
        let mut len = 0;
        let mut step = Ok(true);
        while step == Ok(true) {
            step = self.step(input, room, &mut len);
        }
        let mut fault = step.err();
        if self.len + len > limit {
            (len, fault) = (limit - self.len, Some(Violation::MessageTooLong));
        }
        let more = fault.is_none() && len == most;
        if end && !more && fault.is_none() {
            fault = self.finish(&mut room[len..]).err();
        }
        self.len += len;
        let (start, end) = (!self.told, end && !more && fault.is_none());
        self.told |= len > 0 || end;
        Piece { len, start, end, more, fault }
    }

    /// One turn of zlib; answers whether another makes sense. A final block ends a stream, which may be told with the next message
    /// only; what is behind it is another stream (§7.2.3.5).
    fn step(&mut self, input: &mut &[u8], room: &mut [u8], len: &mut usize) -> Result<bool, Violation> {
        let zlib = self.zlib.get_or_insert_with(|| Inflate::new(false, 15));
        let (taken, made) = (zlib.total_in(), zlib.total_out());
        let status = zlib.decompress(input, &mut room[*len..], InflateFlush::NoFlush);
        let (taken, made) = ((zlib.total_in() - taken) as usize, (zlib.total_out() - made) as usize);
        *len += made;
        *input = &input[taken..];
        self.fed |= taken > 0;
        let ended = status.map_err(|_| Violation::Deflate)? == Status::StreamEnd;
        if ended {
            zlib.reset(false);
            self.fed = false;
        }
        Ok(!input.is_empty() && *len < room.len() && (ended || taken + made > 0))
    }

    /// The end of a message: its last block is one that the tail makes whole. A message of nothing at all is taken for an empty one.
    fn finish(&mut self, room: &mut [u8]) -> Result<(), Violation> {
        if let Some(zlib) = self.zlib.as_mut().filter(|_| self.fed) {
            let expected = (zlib.total_in() + TAIL_LEN, zlib.total_out());
            let status = zlib.decompress(&TAIL, room, InflateFlush::Block);
            if status.is_err() || (zlib.total_in(), zlib.total_out()) != expected {
                return Err(Violation::Deflate);
            }
        }
        Ok(())
    }

    /// The message is over; without `takeover`, so is what is remembered of it.
    pub(super) fn forget(&mut self, takeover: bool) {
        let zlib = self.zlib.take().filter(|_| takeover);
        *self = Self { zlib, ..Self::default() };
    }
}
