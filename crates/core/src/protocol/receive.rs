//! What the peer sends: frames, their order, and their limits.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::take;

use super::{Control, Protocol};
use crate::frame::{Header, MAX_HEADER_LEN, Opcode};
use crate::lifecycle::{Input, Phase};
use crate::mask::{mask, rotate};
use crate::{Close, Initiator, Instant, Kind, Role, State, Violation};

/// A part of a message: as much of a data frame as one buffer held, unmasked in place.
#[derive(Debug, PartialEq, Eq)]
pub struct Data<'b> {
    /// Text or binary.
    pub kind: Kind,
    /// The bytes; may be empty.
    pub payload: &'b mut [u8],
    /// The first part of its message.
    pub start: bool,
    /// The last part of its message.
    pub end: bool,
    /// How much of its frame is still to come, in bytes.
    pub frame_left: u64,
}

/// Where the decoder stands between two bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Decoder {
    /// The beginning of a header.
    partial: [u8; MAX_HEADER_LEN],
    partial_len: u8,
    /// A message is unfinished.
    message: Option<Kind>,
    /// The unfinished message has not been told of yet.
    fresh: bool,
    /// The frame whose payload is not complete; its length is what is left.
    frame: Option<Header>,
    fragments: u32,
    message_len: u64,
    /// A control frame that does not arrive at once, as far as it has.
    control: Option<Box<Control>>,
}

impl Decoder {
    pub(super) const fn mid_frame(&self) -> bool {
        self.partial_len > 0 || self.frame.is_some()
    }

    /// Nothing is unfinished.
    #[inline]
    const fn is_idle(&self) -> bool {
        self.partial_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// The message that was parsed last is wrong: it stays unfinished, wherever the input was cut.
    pub(super) fn cut(&mut self) {
        self.message.get_or_insert(Kind::Text);
    }

    pub(super) const fn mid_message(&self) -> bool {
        self.message.is_some()
    }

    /// Takes a header from `input`; `None`: more is needed, and everything was taken.
    #[inline]
    fn header(&mut self, input: &mut &mut [u8], receiver: Role) -> Result<Option<Header>, Violation> {
        if self.partial_len == 0
            && let Some((header, len)) = Header::parse(input, receiver)?
        {
            split(input, len);
            return Ok(Some(header));
        }
        while !input.is_empty() {
            self.partial[usize::from(self.partial_len)] = split(input, 1)[0];
            self.partial_len += 1;
            let partial = &self.partial[..usize::from(self.partial_len)];
            if let Some((header, _)) = Header::parse(partial, receiver)? {
                self.partial_len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

fn split<'b>(input: &mut &'b mut [u8], len: usize) -> &'b mut [u8] {
    let (taken, rest) = take(input).split_at_mut(len);
    *input = rest;
    taken
}

impl Protocol {
    /// The straight path: a message of one frame that is in `input` whole, in OPEN, behind nothing unfinished. `None`: take the
    /// general path, [`receive`](Self::receive).
    #[inline]
    pub fn receive_whole<'b>(
        &mut self,
        now: Instant,
        input: &mut &'b mut [u8],
    ) -> Option<(Kind, &'b mut [u8])> {
        let (kind, masked) = match (*input.first_chunk()?, self.role) {
            ([0x81, second @ 0x80..=0xFE], Role::Server) => (Kind::Text, second),
            ([0x82, second @ 0x80..=0xFE], Role::Server) => (Kind::Binary, second),
            ([0x81, second @ 0..=0x7E], Role::Client) => (Kind::Text, second),
            ([0x82, second @ 0..=0x7E], Role::Client) => (Kind::Binary, second),
            ([_, _], _) => return None,
        };
        let (len, at) = match masked & 0x7F {
            126 => match *input.get(2..4)? {
                [0, 0..=125] => return None,
                [high, low] => (usize::from(u16::from_be_bytes([high, low])), 4),
                _ => return None,
            },
            short => (usize::from(short), 2),
        };
        let header_len = if masked & 0x80 != 0 { at + 4 } else { at };
        let limits = self.config.max_message_len.min(self.config.max_frame_len);
        let idle = self.phase == Phase::Open && self.decoder.is_idle();
        if !idle || len > limits || input.len() < header_len + len || self.config.max_fragments == 0 {
            return None;
        }
        let key: [u8; 4] = if masked & 0x80 != 0 { *input[at..].first_chunk()? } else { [0; 4] };
        let payload = &mut split(input, header_len + len)[header_len..];
        if masked & 0x80 != 0 {
            mask(key, payload);
        }
        self.clock.heard = now;
        self.clock.message = now;
        Some((kind, payload))
    }

    /// Takes from `input` up to and including the next part of a message. Control frames on the way are acted on. `None`: everything
    /// was taken.
    #[inline]
    pub fn receive<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Data<'b>> {
        self.clock.heard = now;
        loop {
            if !self.phase.parses() {
                self.discard(now, split(input, input.len()).len());
                return None;
            }
            match self.frame(input) {
                Ok(None) => return None,
                Ok(Some(frame)) if frame.len > 0 && input.is_empty() => return None,
                Ok(Some(frame)) if frame.opcode.is_control() => self.control(now, frame, input),
                Ok(Some(frame)) => return Some(self.data(now, frame, input)),
                Err(violation) => self.violate(now, violation),
            }
        }
    }

    /// The frame that is being received.
    #[inline]
    fn frame(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Violation> {
        if self.decoder.frame.is_none()
            && let Some(header) = self.decoder.header(input, self.role)?
        {
            if !header.opcode.is_control() {
                self.begin(header)?;
            }
            self.decoder.frame = Some(header);
        }
        Ok(self.decoder.frame)
    }

    /// Checks a data frame against what came before it.
    #[inline]
    fn begin(&mut self, Header { opcode, len, .. }: Header) -> Result<(), Violation> {
        let decoder = &mut self.decoder;
        let kind = match (opcode, decoder.message) {
            (Opcode::Continuation, begun) => begun.ok_or(Violation::ContinuationWithoutStart)?,
            (_, Some(_)) => return Err(Violation::MessageInsideMessage),
            (Opcode::Text, None) => Kind::Text,
            (_, None) => Kind::Binary,
        };
        if decoder.message.is_none() {
            (decoder.fresh, decoder.message_len, decoder.fragments) = (true, 0, 0);
        }
        if len > self.config.max_frame_len as u64 {
            return Err(Violation::FrameTooLong);
        }
        if len > self.config.max_message_len as u64 - decoder.message_len {
            return Err(Violation::MessageTooLong);
        }
        if decoder.fragments >= self.config.max_fragments {
            return Err(Violation::TooManyFragments);
        }
        decoder.message = Some(kind);
        decoder.message_len += len;
        decoder.fragments += 1;
        Ok(())
    }

    /// Takes what is there of a data frame's payload.
    #[inline]
    fn data<'b>(&mut self, now: Instant, frame: Header, input: &mut &'b mut [u8]) -> Data<'b> {
        let (payload, frame_left) = self.payload(frame, input);
        let decoder = &mut self.decoder;
        let (kind, start) = (decoder.message.unwrap_or(Kind::Binary), take(&mut decoder.fresh));
        let end = frame.fin && frame_left == 0;
        if end {
            decoder.message = None;
            self.clock.message = now;
        }
        Data { kind, payload, start, end, frame_left }
    }

    /// Takes what is there of a frame's payload, and tells how much is left of it.
    #[inline]
    fn payload<'b>(&mut self, mut frame: Header, input: &mut &'b mut [u8]) -> (&'b mut [u8], u64) {
        let len = usize::try_from(frame.len).map_or(input.len(), |left| left.min(input.len()));
        let payload = split(input, len);
        if let Some(key) = &mut frame.key {
            mask(*key, payload);
            *key = rotate(*key, len);
        }
        frame.len -= len as u64;
        self.decoder.frame = (frame.len > 0).then_some(frame);
        (payload, frame.len)
    }

    fn control(&mut self, now: Instant, frame: Header, input: &mut &mut [u8]) {
        let (payload, left) = self.payload(frame, input);
        let opcode = frame.opcode;
        if left == 0 && self.decoder.control.is_none() {
            return self.act_on(now, opcode, payload);
        }
        let mut control =
            self.decoder.control.take().unwrap_or_else(|| Box::new(Control { opcode, payload: Vec::new() }));
        control.payload.extend_from_slice(payload);
        if left == 0 {
            self.act_on(now, opcode, &control.payload);
        } else {
            self.decoder.control = Some(control);
        }
    }

    fn act_on(&mut self, now: Instant, opcode: Opcode, payload: &[u8]) {
        match opcode {
            Opcode::Ping => self.ping_received(now, payload),
            Opcode::Pong => self.pong_received(now, payload),
            Opcode::Close => match Close::parse(payload) {
                Ok(close) => self.close_received(now, close),
                Err(violation) => self.violate(now, violation),
            },
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {}
        }
    }

    fn close_received(&mut self, now: Instant, close: Close) {
        let verdict = &mut self.ending().verdict;
        verdict.initiator.get_or_insert(Initiator::Peer);
        verdict.received = Some(close);
        let behind = self.is_behind();
        self.apply(now, if behind { Input::PeerCloseBehind } else { Input::PeerClose });
    }

    /// Input that nobody reads; after the verdict it is bounded.
    fn discard(&mut self, now: Instant, len: usize) {
        if self.phase.state() != State::Closed {
            return;
        }
        let limit = self.config.drain_len;
        let ending = self.ending();
        ending.drained_len = ending.drained_len.saturating_add(len);
        if ending.drained_len > limit {
            self.apply(now, Input::Due);
        }
    }
}
