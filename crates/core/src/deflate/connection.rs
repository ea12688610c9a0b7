//! What compression adds to a connection.

use alloc::{boxed::Box, vec};
use core::mem::take;

use super::inflating::Piece;
use super::waiting::{Rest, Waiting};
use super::{Codec, Parameters};
use crate::connection::Handshake;
use crate::frame::{Header, Opcode};
use crate::lifecycle::Phase;
use crate::protocol::Data;
use crate::{Connection, Event, Instant, Kind, Message, SendResult, TransportError};

/// The most that comes out at once, in bytes.
const ROOM: usize = 16 << 10;
/// The least that is made room for.
const LEAST_ROOM: usize = 256;
/// How much is expected of each byte that goes in; a guess that costs nothing if it is wrong.
const EXPECTED: usize = 8;

impl Connection {
    /// Queues a message like [`send`](Self::send), but never compresses it: for what must not be told by its compressed length
    /// (RFC 7692 §8).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_uncompressed<'m>(&mut self, now: Instant, message: impl Into<Message<'m>>) -> SendResult<'m> {
        self.uncompressed(|connection| connection.send(now, message))
    }

    /// Queues a fragment like [`send_fragment`](Self::send_fragment), of a message that is not compressed: the first fragment decides.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_fragment_uncompressed<'m>(
        &mut self,
        now: Instant,
        part: impl Into<Message<'m>>,
        end: bool,
    ) -> SendResult<'m> {
        self.uncompressed(|connection| connection.send_fragment(now, part, end))
    }

    fn uncompressed<T>(&mut self, send: impl FnOnce(&mut Self) -> T) -> T {
        self.codec().into_iter().for_each(|codec| codec.plain = true);
        let answer = send(self);
        self.codec().into_iter().for_each(|codec| codec.plain = false);
        answer
    }

    /// permessage-deflate was agreed on by something else, such as what upgraded the stream: to be told before the first frame. Without
    /// `Config::deflate` it changes nothing.
    pub fn agree(&mut self, agreed: Option<Parameters>) {
        if self.phase() != Phase::Open || self.handshake.is_some() {
            return;
        }
        if let (Some(agreed), Some(config)) = (agreed, &self.config().deflate) {
            let codec = Codec::new(self.role(), config, agreed);
            self.handshake = Some(Box::new(Handshake::Agreed(codec)));
            self.protocol.handle_deflate_agreed();
        }
    }

    /// The opening handshake succeeded.
    pub(crate) fn opened(&mut self, now: Instant, agreed: Option<Parameters>) {
        self.protocol.handle_opened(now);
        self.agree(agreed);
    }

    /// Queues a data frame compressed, if it is to be.
    #[inline]
    pub(crate) fn queues_compressed(
        &mut self,
        now: Instant,
        fin: bool,
        opcode: Opcode,
        payload: &[u8],
    ) -> bool {
        self.handshake.is_some() && !opcode.is_control() && self.queue_compressed(now, fin, opcode, payload)
    }

    #[inline(never)]
    fn queue_compressed(&mut self, now: Instant, fin: bool, opcode: Opcode, payload: &[u8]) -> bool {
        let rsv1 = opcode != Opcode::Continuation;
        let compressed = self.codec().and_then(|codec| codec.deflate(rsv1, fin, payload));
        let compresses = compressed.is_some();
        if let Some(payload) = compressed {
            self.push_frame(now, Header { fin, rsv1, opcode, len: 0, key: None }, payload.into());
        }
        compresses
    }

    /// A part of a compressed message. Where messages are wanted in parts, what does not come out of it at once waits.
    pub(crate) fn inflate(&mut self, now: Instant, data: &Data<'_>) -> Option<Event<'static>> {
        let Data { kind, end, .. } = *data;
        let mut input = &*data.payload;
        let (event, more) = self.inflate_next(now, kind, &mut input, end);
        if let Some(codec) = self.codec().filter(|_| more) {
            let rest = Rest { kind, payload: input.to_vec(), taken: 0, end };
            codec.waiting.get_or_insert_default().part = Some(rest);
        }
        event
    }

    /// Inflates to the end of `input` or to an event; answers also whether there may be more.
    fn inflate_next(
        &mut self,
        now: Instant,
        kind: Kind,
        input: &mut &[u8],
        end: bool,
    ) -> (Option<Event<'static>>, bool) {
        let (phase, limit) = (self.phase(), self.config().max_message_len);
        let mut room = vec![0; input.len().saturating_mul(EXPECTED).clamp(LEAST_ROOM, ROOM)];
        loop {
            let Some(codec) = self.codec() else { return (None, false) };
            let Piece { len, start, end, more, fault } = codec.inflating.next(input, end, &mut room, limit);
            if end {
                codec.inflating.forget(codec.peer_takes_over);
            }
            let payload = &mut room[..len];
            let data = Data { kind, compressed: false, payload, start, end, frame_left: 0 };
            let event = if len > 0 || end { self.part(now, data).map(Event::into_owned) } else { None };
            if let Some(fault) = fault.filter(|_| self.phase() == phase) {
                self.protocol.handle_violation_inside(now, fault, event.is_some());
            }
            let more = more && self.phase() == phase;
            if event.is_some() || !more {
                return (event, more);
            }
            room.resize(ROOM, 0);
        }
    }

    /// Goes on with what waits, while there is room.
    #[inline]
    pub(crate) fn catch_up(&mut self, now: Instant) {
        if self.handshake.is_some() {
            self.go_on(now);
        }
    }

    #[inline(never)]
    fn go_on(&mut self, now: Instant) {
        while !self.is_overfull()
            && let Some(mut waiting) = self.take_waiting()
        {
            if let Some(mut rest) = waiting.part.take() {
                let mut input = &rest.payload[rest.taken..];
                let (event, more) = self.inflate_next(now, rest.kind, &mut input, rest.end);
                rest.taken = rest.payload.len() - input.len();
                waiting.part = more.then_some(rest);
                event.into_iter().for_each(|event| self.hold(now, event));
            } else if waiting.taken < waiting.input.len() {
                let mut input = &mut waiting.input[waiting.taken..];
                let event = self.next(now, &mut input);
                let left = input.len();
                event.into_iter().for_each(|event| self.hold(now, event));
                waiting.taken = waiting.input.len() - left;
                waiting.part = self.take_waiting().and_then(|waiting| waiting.part);
            } else {
                return waiting.end.into_iter().for_each(|end| self.end(now, end));
            }
            if let Some(codec) = self.codec() {
                codec.waiting = Some(waiting);
            }
        }
    }

    /// More waits for the application than looking ahead may bring.
    fn is_overfull(&self) -> bool {
        let most = self.config().inbox_len.saturating_add(self.config().read_len).max(1);
        !self.protocol.deaf && self.phase() == Phase::Open && self.protocol.waiting_len >= most
    }

    fn codec(&mut self) -> Option<&mut Codec> {
        match self.handshake.as_deref_mut()? {
            Handshake::Agreed(codec) => Some(codec),
            Handshake::Server(_) | Handshake::Client(_) => None,
        }
    }

    fn take_waiting(&mut self) -> Option<Box<Waiting>> {
        self.codec()?.waiting.take()
    }

    /// The peer's direction has ended, in order or not. Behind something that waits it is told when that is parsed; a reset outranks
    /// an end before it.
    pub(crate) fn end(&mut self, now: Instant, error: Option<TransportError>) {
        match self.codec().and_then(|codec| codec.waiting.as_mut()) {
            Some(waiting) => waiting.end = Some(error.or(waiting.end.flatten())),
            None => self.then_settle(now, |protocol| protocol.handle_end(now, error)),
        }
    }

    /// Puts `input` by, if it has to wait; answers whether it has to.
    pub(crate) fn puts_by(&mut self, now: Instant, input: &mut &mut [u8]) -> bool {
        self.catch_up(now);
        let overfull = self.is_overfull();
        let Some(codec) = self.codec().filter(|_| overfull) else { return false };
        if !input.is_empty() {
            let waiting = codec.waiting.get_or_insert_default();
            waiting.input.drain(..take(&mut waiting.taken));
            waiting.input.extend_from_slice(&*take(input));
        }
        true
    }
}
