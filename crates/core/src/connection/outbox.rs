//! Bytes on their way out.
//!
//! Owns: encoded frames in their order, what of them is committed, what is written. Must not know: why a frame is sent.
//!
//! Frames are encoded into blocks of about 64 KiB; the last frame of a block may refer to a large payload that is already in a buffer of
//! its own. The front block is what is written: a batch is what it holds when it is committed, so it ends between two frames.

use alloc::{borrow::Cow, collections::VecDeque, vec::Vec};
use core::mem::{replace, swap, take};

use super::prepared::Payload;
use crate::Role;
use crate::frame::{Header, MAX_HEADER_LEN};
use crate::mask::mask;

/// From this length on, in bytes, a block takes no more frames, and a payload of its own is referred to and not copied.
const BLOCK_LEN: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The block that is written first. When its payload is written, the buffer stays for the next large message.
    front: Block,
    /// How much of it is written.
    written: usize,
    /// How much of it is committed.
    committed: usize,
    /// What follows, if anything does.
    rest: VecDeque<Block>,
    /// The frame that is being written; none for the opening handshake.
    current: Option<Header>,
    /// How much of it is left.
    left: u64,
}

/// Frames, encoded one behind the other.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) frames: Vec<u8>,
    /// The payload of the last frame, if it is large.
    pub(super) payload: Payload,
}

impl Block {
    pub(super) fn len(&self) -> usize {
        self.frames.len() + self.payload.len()
    }

    fn has_room(&self) -> bool {
        self.frames.len() < BLOCK_LEN && self.payload.is_empty()
    }

    /// Appends a frame; there is room. Answers with its length, header included.
    #[inline]
    pub(super) fn push(&mut self, header: Header, payload: Cow<'_, [u8]>) -> usize {
        let Self { frames, payload: large } = self;
        let shares = matches!(payload, Cow::Owned(_)) && payload.len() >= BLOCK_LEN;
        let before = frames.len();
        frames.reserve(MAX_HEADER_LEN + if shares { 0 } else { payload.len() });
        header.write(frames);
        let start = frames.len();
        let placed = match payload {
            Cow::Owned(payload) if shares => large.put(payload),
            payload => {
                frames.extend_from_slice(&payload);
                &mut frames[start..]
            }
        };
        if let Some(key) = header.key {
            // R6.1-07
            mask(key, placed);
        }
        start - before + placed.len()
    }
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.front.len() == self.written && self.rest.is_empty()
    }

    /// The opening handshake, or a part of it, is not written: no frame goes before it.
    pub(super) fn begins_with_head(&self) -> bool {
        self.current.is_none() && self.left > 0
    }

    /// What was written ends inside a data frame.
    pub(super) fn is_in_data(&self) -> bool {
        self.left > 0 && self.current.is_some_and(|header| !header.opcode.is_control())
    }

    /// Queues bytes that are no frame, before any frame.
    pub(super) fn push_head(&mut self, head: &[u8]) {
        debug_assert!(self.is_empty(), "a head behind frames");
        self.front.frames.extend_from_slice(head);
        (self.current, self.left) = (None, head.len() as u64);
    }

    /// The block that takes the next frame.
    #[inline]
    pub(super) fn tail(&mut self) -> &mut Block {
        if self.rest.is_empty() && self.front.has_room() {
            return &mut self.front;
        }
        if !self.rest.back().is_some_and(Block::has_room) {
            self.rest.push_back(Block::default());
        }
        self.rest.back_mut().unwrap_or(&mut self.front)
    }

    /// Commits the next batch, `urgent` frames first. Only what was queued during the batch before is behind them in the front block.
    // R10.3-02
    pub(super) fn commit(&mut self, urgent: Block) {
        if urgent.len() > 0 {
            drop(self.front.frames.splice(..self.written, urgent.frames));
            self.written = 0;
        }
        self.committed = self.front.len();
    }

    /// How many committed bytes are not written.
    pub(super) fn committed_len(&self) -> usize {
        self.committed - self.written
    }

    /// The committed bytes that are not written; how many slices they take.
    pub(super) fn slices<'c>(&'c self, out: &mut [&'c [u8]]) -> usize {
        let Block { frames, payload } = &self.front;
        let [from, to] = [self.written, self.committed];
        let own = &frames[from.min(frames.len())..to.min(frames.len())];
        let shared = &payload[from.saturating_sub(frames.len())..to.saturating_sub(frames.len())];
        let slices = [own, shared].into_iter().filter(|slice| !slice.is_empty());
        out.iter_mut().zip(slices).map(|(place, slice)| *place = slice).count()
    }

    /// Passes over all that is queued.
    pub(super) fn pass_all(&mut self) {
        self.left = 0;
        self.next_block();
    }

    /// Passes over `len` written bytes, up to the end of the next frame in them, which it answers.
    pub(super) fn advance(&mut self, len: &mut usize) -> Option<Header> {
        while *len > 0 {
            if self.left == 0 {
                self.begin_frame();
            }
            let taken = usize::try_from(self.left).map_or(*len, |left| left.min(*len));
            *len -= taken;
            self.left -= taken as u64;
            self.written += taken;
            if self.written == self.front.len() {
                self.next_block();
            }
            if self.left == 0 && self.current.is_some() {
                return self.current;
            }
        }
        None
    }

    /// Reads the header of the frame that is written next; it was written by us.
    fn begin_frame(&mut self) {
        let bytes = &self.front.frames[self.written..];
        let masked = bytes.get(1).is_some_and(|second| second & 0x80 != 0);
        let receiver = if masked { Role::Server } else { Role::Client };
        if let Ok(Some((header, header_len))) = Header::parse(bytes, receiver, true) {
            (self.current, self.left) = (Some(header), header.len + header_len as u64);
        }
    }

    /// The front block is written: the next one takes its place, or nothing is left.
    fn next_block(&mut self) {
        self.front.frames.clear();
        self.front.payload.clear();
        (self.written, self.committed) = (0, 0);
        let Some(next) = self.rest.pop_front() else { return };
        let before = replace(&mut self.front, next);
        if self.front.payload.own().is_some_and(|own| own.capacity() == 0) {
            self.front.payload = before.payload;
        }
        if self.rest.is_empty() {
            self.rest = VecDeque::new();
        }
    }

    /// Exchanges the empty front block against `spare`; of what can be given back, the largest is.
    pub(super) fn exchange(&mut self, spare: &mut Vec<u8>) {
        if self.front.frames.is_empty() {
            spare.clear();
            swap(&mut self.front.frames, spare);
        }
        let own = self.front.payload.own().filter(|own| own.is_empty());
        if let Some(own) = own.filter(|own| own.capacity() > spare.capacity()) {
            swap(own, spare);
        }
    }

    /// A buffer for a large message, if there is one that is not in use.
    pub(super) fn take_room(&mut self) -> Vec<u8> {
        let Block { frames, payload } = &mut self.front;
        let unused = payload.own().filter(|own| own.is_empty() && own.capacity() > 0).unwrap_or(frames);
        if unused.is_empty() { take(unused) } else { Vec::new() }
    }
}
