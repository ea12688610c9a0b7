//! What the peer sends: frames, their order, and their limits.

use super::*;
use crate::frame::MAX_HEADER_LEN;
use crate::mask::mask;

/// A part of a message: as much of a data frame as one buffer held, unmasked in place. Text is not validated yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Data<'b> {
    /// Text or binary.
    pub kind: Kind,
    /// The message is compressed (RFC 7692), and so are the bytes.
    pub compressed: bool,
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
    /// The beginning of a header, or of a control frame's payload.
    partial: Vec<u8>,
    /// A message is unfinished.
    pub(super) message: Option<Kind>,
    /// It is compressed.
    compressed: bool,
    /// Messages may be.
    pub(super) deflate: bool,
    /// The unfinished message has not been told of yet.
    fresh: bool,
    /// The frame whose payload is not complete; its length is what is left.
    frame: Option<Header>,
    fragments: u32,
    message_len: u64,
}

impl Decoder {
    pub(super) const fn mid_frame(&self) -> bool {
        !self.partial.is_empty() || self.frame.is_some()
    }

    /// Takes a header from `input`; `None`: more is needed, and everything was taken.
    fn header(&mut self, input: &mut &mut [u8], receiver: Role) -> Result<Option<Header>, Violation> {
        let before = self.partial.len();
        let rsv1 = self.deflate && self.message.is_none();
        let parsed = if before == 0 {
            Header::parse(input, receiver, rsv1)?
        } else {
            self.partial.extend_from_slice(&input[..input.len().min(MAX_HEADER_LEN - before)]);
            Header::parse(&self.partial, receiver, rsv1)?
        };
        let Some((header, len)) = parsed else {
            self.partial.truncate(before);
            self.partial.extend_from_slice(&*take(input));
            return Ok(None);
        };
        let _header = input.split_off_mut(..len - before);
        self.partial = Vec::new();
        Ok(Some(header))
    }
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
        let idle = !self.decoder.mid_frame() && self.decoder.message.is_none();
        let whole = idle && self.phase == Phase::Open && !self.config.chunks;
        if !whole || len > limits || input.len() < header_len + len || self.config.max_fragments == 0 {
            return None;
        }
        let key: [u8; 4] = if masked & 0x80 != 0 { *input[at..].first_chunk()? } else { [0; 4] };
        let payload = &mut input.split_off_mut(..header_len + len)?[header_len..];
        if masked & 0x80 != 0 {
            // R6.2-05
            mask(key, payload);
        }
        self.clock.heard = now;
        self.clock.message = now;
        Some((kind, payload))
    }

    /// Takes from `input` up to and including the next part of a message. Control frames on the way are acted on. `None`: everything
    /// was taken.
    // R5.4-06
    pub fn receive<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Data<'b>> {
        self.clock.heard = now;
        while self.would(Input::PeerData) == Action::Deliver {
            // R6.2-01
            let frame = match self.frame(input) {
                Ok(frame) => frame?,
                Err(violation) => {
                    self.handle_violation(now, violation);
                    continue;
                }
            };
            if frame.len > 0 && input.is_empty() {
                self.decoder.frame = Some(frame);
                return None;
            }
            let (payload, left) = self.payload(frame, input);
            if !frame.opcode.is_control() {
                return Some(self.data(now, frame.fin, payload, left));
            }
            self.control(now, frame.opcode, payload, left);
        }
        self.discard(now, take(input).len());
        None
    }

    /// The frame that is being received, or the next one, which may stand there.
    fn frame(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Violation> {
        if let Some(frame) = self.decoder.frame.take() {
            return Ok(Some(frame));
        }
        let header = self.decoder.header(input, self.role)?;
        if let Some(header) = header.filter(|header| !header.opcode.is_control()) {
            self.begin(header)?;
        }
        Ok(header)
    }

    /// Checks a data frame against what came before it.
    fn begin(&mut self, Header { opcode, len, rsv1, .. }: Header) -> Result<(), Violation> {
        let decoder = &mut self.decoder;
        // R6.2-03
        let kind = match (opcode, decoder.message) {
            (Opcode::Continuation, begun) => begun.ok_or(Violation::ContinuationWithoutStart)?,
            // R5.4-05
            (_, Some(_)) => return Err(Violation::MessageInsideMessage),
            (Opcode::Text, None) => Kind::Text,
            (_, None) => Kind::Binary,
        };
        if decoder.message.is_none() {
            (decoder.fresh, decoder.message_len, decoder.fragments) = (true, 0, 0);
            decoder.compressed = rsv1;
        }
        // What does not compress becomes a little longer; what comes out is the caller's to bound.
        let cap = |limit: u64| limit.saturating_add(if decoder.compressed { limit / 8 + 64 } else { 0 });
        let checks = [
            // R10.4-01, R10.4-02
            (len <= cap(self.config.max_frame_len as u64), Violation::FrameTooLong),
            // R10.4-03
            (len <= cap(self.config.max_message_len as u64) - decoder.message_len, Violation::MessageTooLong),
            (decoder.fragments < self.config.max_fragments, Violation::TooManyFragments),
        ];
        checks.into_iter().try_for_each(|(passes, fault)| if passes { Ok(()) } else { Err(fault) })?;
        decoder.message = Some(kind);
        decoder.message_len += len;
        decoder.fragments += 1;
        Ok(())
    }

    /// A part of a message.
    fn data<'b>(&mut self, now: Instant, fin: bool, payload: &'b mut [u8], frame_left: u64) -> Data<'b> {
        let decoder = &mut self.decoder;
        let (kind, start) = (decoder.message.unwrap_or(Kind::Binary), take(&mut decoder.fresh));
        let end = fin && frame_left == 0;
        // R6.2-04
        decoder.message = decoder.message.filter(|_| !end);
        self.clock.message = now;
        Data { kind, compressed: decoder.compressed, payload, start, end, frame_left }
    }

    /// Takes what is there of a frame's payload, and tells how much is left of it.
    fn payload<'b>(&mut self, mut frame: Header, input: &mut &'b mut [u8]) -> (&'b mut [u8], u64) {
        let len = usize::try_from(frame.len).map_or(input.len(), |left| left.min(input.len()));
        let payload = input.split_off_mut(..len).unwrap_or_default();
        if let Some(key) = &mut frame.key {
            // R6.2-05
            mask(*key, payload);
            key.rotate_left(len % 4);
        }
        frame.len -= len as u64;
        if frame.len > 0 {
            self.decoder.frame = Some(frame);
        }
        (payload, frame.len)
    }

    /// A part of a control frame; at its last the frame is acted on.
    // R6.2-02
    fn control(&mut self, now: Instant, opcode: Opcode, payload: &[u8], left: u64) {
        self.decoder.partial.extend_from_slice(payload);
        if left > 0 {
            return;
        }
        let payload = take(&mut self.decoder.partial);
        match opcode {
            Opcode::Ping => self.ping_received(now, payload),
            Opcode::Pong => self.pong_received(now, &payload),
            Opcode::Close => match Close::parse(&payload) {
                Ok(close) => self.close_received(now, close),
                // R10.7-01
                Err(violation) => self.handle_violation(now, violation),
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
    // R7.1.1-01
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
