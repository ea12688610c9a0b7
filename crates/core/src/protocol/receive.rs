//! What the peer sends: frames, their order, and their limits.

use alloc::boxed::Box;

use super::Protocol;
use crate::frame::{Header, MAX_CONTROL_LEN, MAX_HEADER_LEN, Opcode, Parsed};
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
    frame: Option<Frame>,
    fragments: u32,
    message_len: u64,
    /// The payload of a control frame that did not arrive at once.
    control: Option<Box<([u8; MAX_CONTROL_LEN], u8)>>,
}

/// A frame whose payload is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    key: [u8; 4],
    left: u64,
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
            && let Parsed::Header(header, len) = Header::parse(input, receiver)?
        {
            take(input, len);
            return Ok(Some(header));
        }
        self.partial_header(input, receiver)
    }

    fn partial_header(&mut self, input: &mut &mut [u8], receiver: Role) -> Result<Option<Header>, Violation> {
        loop {
            let have = usize::from(self.partial_len);
            match Header::parse(&self.partial[..have], receiver)? {
                Parsed::Header(header, _) => {
                    self.partial_len = 0;
                    return Ok(Some(header));
                }
                Parsed::Partial(_) if input.is_empty() => return Ok(None),
                Parsed::Partial(need) => {
                    let fresh = take(input, (need - have).min(input.len()));
                    self.partial[have..have + fresh.len()].copy_from_slice(fresh);
                    self.partial_len += fresh.len() as u8;
                }
            }
        }
    }
}

fn take<'b>(input: &mut &'b mut [u8], len: usize) -> &'b mut [u8] {
    let (taken, rest) = core::mem::take(input).split_at_mut(len);
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
        let payload = &mut take(input, header_len + len)[header_len..];
        if masked & 0x80 != 0 {
            mask(key, payload);
        }
        self.clock.heard(now);
        self.clock.message_passed(now);
        Some((kind, payload))
    }

    /// Takes from `input` up to and including the next part of a message. Control frames on the way are acted on. `None`: everything
    /// was taken.
    #[inline]
    pub fn receive<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Data<'b>> {
        self.clock.heard(now);
        loop {
            if !self.phase.parses() {
                self.discard(now, take(input, input.len()).len());
                return None;
            }
            if self.decoder.frame.is_none() {
                match self.decoder.header(input, self.role) {
                    Ok(Some(header)) => {
                        if let Err(violation) = self.begin(header) {
                            self.violate(now, violation);
                            continue;
                        }
                    }
                    Ok(None) => return None,
                    Err(violation) => {
                        self.violate(now, violation);
                        continue;
                    }
                }
            }
            let frame = self.decoder.frame?;
            if frame.left > 0 && input.is_empty() {
                return None;
            }
            if frame.opcode.is_control() {
                self.control(now, frame, input);
            } else {
                return Some(self.data(now, frame, input));
            }
        }
    }

    /// Checks a header against what came before it, and begins its frame.
    #[inline]
    fn begin(&mut self, header: Header) -> Result<(), Violation> {
        let Header { fin, opcode, len, key } = header;
        let decoder = &mut self.decoder;
        if !opcode.is_control() {
            let kind = match (opcode, decoder.message) {
                (Opcode::Continuation, None) => return Err(Violation::ContinuationWithoutStart),
                (Opcode::Continuation, Some(kind)) => kind,
                (_, Some(_)) => return Err(Violation::MessageInsideMessage),
                (Opcode::Text, None) => Kind::Text,
                (_, None) => Kind::Binary,
            };
            if len > self.config.max_frame_len as u64 {
                return Err(Violation::FrameTooLong);
            }
            let (before, fragments) = match decoder.message {
                Some(_) => (decoder.message_len, decoder.fragments),
                None => (0, 0),
            };
            if len > self.config.max_message_len as u64 - before {
                return Err(Violation::MessageTooLong);
            }
            if fragments >= self.config.max_fragments {
                return Err(Violation::TooManyFragments);
            }
            decoder.fresh |= decoder.message.is_none();
            decoder.message = Some(kind);
            decoder.message_len = before + len;
            decoder.fragments = fragments + 1;
        }
        decoder.frame = Some(Frame { opcode, fin, key: key.unwrap_or_default(), left: len });
        Ok(())
    }

    /// Takes what is there of a data frame's payload.
    #[inline]
    fn data<'b>(&mut self, now: Instant, mut frame: Frame, input: &mut &'b mut [u8]) -> Data<'b> {
        let payload = self.payload(&mut frame, input);
        let end = frame.fin && frame.left == 0;
        let decoder = &mut self.decoder;
        let data = Data {
            kind: decoder.message.unwrap_or(Kind::Binary),
            payload,
            start: core::mem::take(&mut decoder.fresh),
            end,
            frame_left: frame.left,
        };
        decoder.frame = (frame.left > 0).then_some(frame);
        if end {
            decoder.message = None;
            self.clock.message_passed(now);
        }
        data
    }

    #[inline]
    fn payload<'b>(&self, frame: &mut Frame, input: &mut &'b mut [u8]) -> &'b mut [u8] {
        let len = usize::try_from(frame.left).map_or(input.len(), |left| left.min(input.len()));
        let payload = take(input, len);
        if self.role == Role::Server {
            mask(frame.key, payload);
            frame.key = rotate(frame.key, len);
        }
        frame.left -= len as u64;
        payload
    }

    fn control(&mut self, now: Instant, mut frame: Frame, input: &mut &mut [u8]) {
        let fresh = self.payload(&mut frame, input);
        if frame.left == 0 && self.decoder.control.is_none() {
            self.decoder.frame = None;
            return self.act_on(now, frame.opcode, fresh);
        }
        let held = self.decoder.control.get_or_insert_with(|| Box::new(([0; MAX_CONTROL_LEN], 0)));
        let at = usize::from(held.1);
        held.0[at..at + fresh.len()].copy_from_slice(fresh);
        held.1 += fresh.len() as u8;
        self.decoder.frame = (frame.left > 0).then_some(frame);
        if frame.left == 0
            && let Some(held) = self.decoder.control.take()
        {
            self.act_on(now, frame.opcode, &held.0[..usize::from(held.1)]);
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
        let ending = self.ending();
        ending.begin(Initiator::Peer, None);
        ending.received = Some(close);
        let effective = self.nothing_before() || self.phase.state() != State::Open;
        self.apply(now, if effective { Input::PeerClose } else { Input::PeerCloseBehind });
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
