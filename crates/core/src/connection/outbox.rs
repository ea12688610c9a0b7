//! Bytes on their way out.
//!
//! Owns: encoded frames in their order, what of them is committed, what is written. Must not know: why a frame is sent.
//!
//! Frames are encoded into blocks of about 64 KiB, or, when a large payload is already in a buffer of its own, refer to that. A batch
//! is committed whole: first what is urgent, then the front block and the payloads that follow it; it ends between two
//! frames. Nothing is moved within a block, so work is linear.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};

use crate::Role;
use crate::frame::{Header, MAX_HEADER_LEN, Opcode, Parsed};
use crate::mask::mask;

/// A block is not begun anew below this length, in bytes.
const BLOCK_LEN: usize = 64 << 10;

/// A payload of its own is referred to, and not copied, from this length on.
const SHARE_LEN: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The block that is written first.
    front: Vec<u8>,
    /// How much of it is written.
    written: usize,
    /// How much of it is committed.
    committed: usize,
    /// What follows.
    rest: Option<Box<Rest>>,
    /// Control frames ahead of the front block.
    urgent: Option<Box<Bytes>>,
    /// A large buffer that was written, for the next large message.
    spare: Vec<u8>,
    /// Something other than whole messages of one frame was queued since the queue was empty.
    mixed: bool,
    /// The frame that is being written, and how much of it is left.
    left: u64,
    payload_len: u64,
    fin: bool,
    /// Its opcode; none for the opening handshake.
    opcode: Option<Opcode>,
}

#[derive(Debug, Default)]
struct Rest {
    blocks: VecDeque<Block>,
    /// How many payloads at the front of it are committed.
    committed: usize,
}

#[derive(Debug)]
enum Block {
    Frames(Vec<u8>),
    /// A large payload, and how much of it is written.
    Payload(Vec<u8>, usize),
}

/// What a written run of bytes was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Current {
    /// The opening handshake.
    Head,
    Frame {
        opcode: Opcode,
        fin: bool,
        payload_len: u64,
    },
}

/// What [`Outbox::advance`] passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Urgent,
    Whole(Current),
    /// The bytes end inside something.
    Part {
        data: bool,
    },
    Nothing,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.front.len() == self.written && self.rest.is_none() && self.urgent.is_none()
    }

    /// The opening handshake, or a part of it, is not written: no frame goes before it.
    pub(super) fn begins_with_head(&self) -> bool {
        self.opcode.is_none() && self.left > 0
    }

    /// Queues bytes that are no frame, before any frame.
    pub(super) fn push_head(&mut self, head: &[u8]) {
        debug_assert!(self.is_empty(), "a head behind frames");
        self.front.extend_from_slice(head);
        self.left = head.len() as u64;
        self.mixed = true;
        self.opcode = None;
    }

    /// Queues a frame; answers with its length, header included.
    #[inline]
    pub(super) fn push_frame(
        &mut self,
        fin: bool,
        opcode: Opcode,
        key: Option<[u8; 4]>,
        payload: Cow<'_, [u8]>,
    ) -> usize {
        let header = Header { fin, opcode, len: payload.len() as u64, key };
        let len = payload.len();
        self.mixed |= !fin || !matches!(opcode, Opcode::Text | Opcode::Binary);
        let block = self.tail();
        let start = block.len();
        block.reserve(MAX_HEADER_LEN + if len < SHARE_LEN { len } else { 0 });
        header.write(block);
        let header_len = block.len() - start;
        match payload {
            Cow::Owned(payload) if len >= SHARE_LEN => self.push_payload(payload, key),
            payload => append_masked(block, &payload, key),
        }
        header_len + len
    }

    fn push_payload(&mut self, mut payload: Vec<u8>, key: Option<[u8; 4]>) {
        if let Some(key) = key {
            mask(key, &mut payload);
        }
        let rest = self.rest.get_or_insert_default();
        rest.blocks.push_back(Block::Payload(payload, 0));
    }

    /// The block that takes the next frame.
    #[inline]
    fn tail(&mut self) -> &mut Vec<u8> {
        if self.rest.is_none() && self.front.len() < BLOCK_LEN {
            return &mut self.front;
        }
        self.later_tail()
    }

    fn later_tail(&mut self) -> &mut Vec<u8> {
        let blocks = &mut self.rest.get_or_insert_default().blocks;
        let has_room = matches!(blocks.back(), Some(Block::Frames(last)) if last.len() < BLOCK_LEN);
        if !has_room {
            blocks.push_back(Block::Frames(Vec::new()));
        }
        match blocks.back_mut() {
            Some(Block::Frames(last)) => last,
            Some(Block::Payload(..)) | None => &mut self.front,
        }
    }

    /// Nothing that was handed out is unwritten.
    pub(super) fn batch_is_done(&self) -> bool {
        self.urgent.is_none()
            && self.written == self.committed
            && self.rest.as_ref().is_none_or(|rest| rest.committed == 0)
    }

    /// Commits the next batch, `urgent` first.
    pub(super) fn commit(&mut self, urgent: Vec<u8>) {
        if !urgent.is_empty() {
            self.urgent = Some(Box::new(Bytes::from(urgent)));
        }
        self.committed = self.front.len();
        if let Some(rest) = &mut self.rest {
            let is_payload = |block: &&Block| matches!(block, Block::Payload(..));
            rest.committed = rest.blocks.iter().take_while(is_payload).count();
        }
    }

    /// How many committed bytes are not written.
    pub(super) fn committed_len(&self) -> usize {
        let payloads = self.rest.as_ref().map_or(0, |rest| {
            let committed = rest.blocks.iter().take(rest.committed);
            committed
                .map(|block| match block {
                    Block::Payload(payload, written) => payload.len() - written,
                    Block::Frames(_) => 0,
                })
                .sum()
        });
        self.urgent.as_ref().map_or(0, |urgent| urgent.len()) + self.committed - self.written + payloads
    }

    /// The committed bytes that are not written; how many slices they take.
    pub(super) fn slices<'c>(&'c self, out: &mut [&'c [u8]]) -> usize {
        let rest = self.rest.iter().flat_map(|rest| rest.blocks.iter().take(rest.committed));
        let payloads = rest.filter_map(|block| match block {
            Block::Payload(payload, written) => Some(&payload[*written..]),
            Block::Frames(_) => None,
        });
        let urgent = self.urgent.iter().map(|urgent| &urgent[..]);
        let front = core::iter::once(&self.front[self.written..self.committed]);
        let slices = urgent.chain(front).chain(payloads).filter(|slice| !slice.is_empty());
        let mut filled = 0;
        for (place, slice) in out.iter_mut().zip(slices) {
            *place = slice;
            filled += 1;
        }
        filled
    }

    /// The straight path of [`advance`](Self::advance): all that is queued was written, and it was nothing but whole messages
    /// of one frame each. `false`: it was something else, and nothing changed.
    #[inline]
    pub(super) fn pass_all(&mut self) -> bool {
        if self.mixed || self.urgent.is_some() || self.rest.is_some() {
            return false;
        }
        self.front.clear();
        (self.written, self.committed, self.left) = (0, 0, 0);
        true
    }

    /// Passes over written bytes, up to the end of the next thing in them.
    #[inline]
    pub(super) fn advance(&mut self, len: &mut usize) -> Passed {
        if *len == 0 {
            let data = self.opcode.is_some_and(|opcode| !opcode.is_control());
            return if self.left > 0 { Passed::Part { data } } else { Passed::Nothing };
        }
        if let Some(urgent) = &mut self.urgent {
            let taken = urgent.len().min(*len);
            urgent.advance(taken);
            *len -= taken;
            if urgent.is_empty() {
                self.urgent = None;
                return Passed::Urgent;
            }
            return Passed::Nothing;
        }
        if self.left == 0 {
            self.begin_frame();
        }
        let taken = usize::try_from(self.left).map_or(*len, |left| left.min(*len));
        *len -= taken;
        self.left -= taken as u64;
        self.pass(taken);
        if self.left == 0 { Passed::Whole(self.current()) } else { self.advance(&mut 0) }
    }

    #[inline]
    fn current(&self) -> Current {
        match self.opcode {
            None => Current::Head,
            Some(opcode) => Current::Frame { opcode, fin: self.fin, payload_len: self.payload_len },
        }
    }

    /// Reads the header of the frame that is written next; it was written by us.
    #[inline]
    fn begin_frame(&mut self) {
        let bytes = &self.front[self.written..];
        let receiver = match bytes.get(1) {
            Some(second) if second & 0x80 != 0 => Role::Server,
            Some(_) | None => Role::Client,
        };
        if let Ok(Parsed::Header(header, header_len)) = Header::parse(bytes, receiver) {
            let Header { fin, opcode, len, .. } = header;
            (self.opcode, self.fin, self.payload_len) = (Some(opcode), fin, len);
            self.left = len + header_len as u64;
        }
    }

    /// Drops `len` written bytes from the front block and the payloads behind it.
    #[inline]
    fn pass(&mut self, mut len: usize) {
        let here = len.min(self.committed - self.written);
        self.written += here;
        len -= here;
        if len > 0
            && let Some(rest) = &mut self.rest
        {
            let spare = &mut self.spare;
            rest.pass(len, |payload| *spare = payload);
        }
        if self.written == self.front.len() {
            self.next_block();
        }
    }

    /// The front block is written: it is emptied, or the next one takes its place.
    fn next_block(&mut self) {
        let Some(rest) = &mut self.rest else {
            self.front.clear();
            (self.written, self.committed) = (0, 0);
            self.mixed = false;
            return;
        };
        if matches!(rest.blocks.front(), Some(Block::Payload(..))) {
            return;
        }
        self.front.clear();
        (self.written, self.committed) = (0, 0);
        if let Some(Block::Frames(next)) = rest.blocks.pop_front() {
            self.front = next;
        }
        if rest.blocks.is_empty() {
            self.rest = None;
        }
    }

    /// Exchanges the empty front block against `spare`; of what can be given back, the largest is.
    pub(super) fn exchange(&mut self, spare: &mut Vec<u8>) {
        if self.front.is_empty() {
            spare.clear();
            core::mem::swap(&mut self.front, spare);
        }
        if self.spare.capacity() > spare.capacity() {
            core::mem::swap(&mut self.spare, spare);
            spare.clear();
        }
    }

    /// A buffer for a large message, if there is one that is not in use.
    pub(super) fn take_room(&mut self) -> Vec<u8> {
        let mut room = core::mem::take(&mut self.spare);
        if room.capacity() == 0 && self.front.is_empty() {
            room = core::mem::take(&mut self.front);
        }
        room.clear();
        room
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Rest {
    /// Drops `len` written bytes; the buffers that are empty then go to `done`.
    fn pass(&mut self, mut len: usize, mut done: impl FnMut(Vec<u8>)) {
        while self.committed > 0
            && let Some(Block::Payload(payload, written)) = self.blocks.front_mut()
        {
            let here = len.min(payload.len() - *written);
            *written += here;
            len -= here;
            if *written < payload.len() {
                return;
            }
            done(core::mem::take(payload));
            self.blocks.pop_front();
            self.committed -= 1;
        }
    }
}

#[inline]
fn append_masked(out: &mut Vec<u8>, payload: &[u8], key: Option<[u8; 4]>) {
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask(key, &mut out[start..]);
    }
}
