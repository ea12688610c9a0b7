//! What the transport brings.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Connection, Gather, Handshake};
use crate::handshake::{Answer, Reject};
use crate::lifecycle::Phase;
use crate::protocol::Data;
use crate::utf8;
use crate::{Cause, Chunk, Event, Instant, Kind, Message, State, TransportError, Violation};

/// From this length on a message is gathered in a buffer that was used before, if there is one.
const LARGE_LEN: u64 = 64 << 10;

impl Connection {
    /// Asks for the next event, from what waits inside or from `input`; takes from `input` up to and including what made
    /// it. Call until it returns `None`: then `input` is empty.
    ///
    /// `input` is unmasked in place, and the event may borrow from it. Asking tells that the application is done with the
    /// message before (CLOSE.md rule 6).
    pub fn handle_input<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Event<'b>> {
        if let Some(event) = self.poll_event(now) {
            return Some(event);
        }
        if self.protocol.is_deaf() {
            self.handle_ahead(now, core::mem::take(input));
            return self.poll_event(now);
        }
        if !self.config().chunks
            && let Some((kind, payload)) = self.protocol.receive_whole(now, input)
            && let Some(event) = self.whole(now, kind, payload)
        {
            self.protocol.delivered();
            return Some(event);
        }
        let event = self.advance(now, input);
        self.settle(now);
        match event {
            Some(event) => {
                self.protocol.delivered();
                Some(event)
            }
            None => self.poll_event(now),
        }
    }

    /// Looks ahead: takes all of `input`, acts on control frames at once, puts messages into the inbox. It does not ask
    /// for an event.
    pub fn handle_ahead(&mut self, now: Instant, mut input: &mut [u8]) {
        let whole = !self.config().chunks;
        while !input.is_empty() {
            if whole && let Some((kind, payload)) = self.protocol.receive_whole(now, &mut input) {
                if let Some(event) = self.whole(now, kind, payload) {
                    self.hold(now, event);
                }
            } else if let Some(event) = self.advance(now, &mut input) {
                self.hold(now, event);
            }
        }
        self.settle(now);
    }

    /// The peer's direction of the stream ended in order (TLS: with `close_notify`).
    pub fn handle_eof(&mut self, now: Instant) {
        if !self.end_refusal(now) {
            self.protocol.handle_eof(now);
        }
        self.settle(now);
    }

    /// Reading failed.
    pub fn handle_read_error(&mut self, now: Instant, error: TransportError) {
        if !self.end_refusal(now) {
            self.protocol.handle_read_error(now, error);
        }
        self.settle(now);
    }

    /// Acts on every deadline that has passed at `now`. Where input waits, read it first.
    pub fn handle_timeout(&mut self, now: Instant) {
        let late = self.deadline().is_some_and(|deadline| deadline <= now);
        if !(late && self.end_refusal(now)) {
            self.protocol.handle_timeout(now);
        }
        self.settle(now);
    }

    /// Takes the next step through `input`: a message or a part of one, if that comes next.
    #[inline]
    fn advance<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Event<'b>> {
        while !input.is_empty() {
            if self.handshake.is_some() && self.protocol.phase() == Phase::Connecting {
                self.shake(now, input);
                if self.greeting.is_some() {
                    return None;
                }
                continue;
            }
            let data = self.protocol.receive(now, input)?;
            let event = if data.start && data.end && !self.config().chunks {
                self.whole(now, data.kind, data.payload)
            } else {
                self.part(now, data)
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// A message that arrived whole: delivered, or wrong.
    #[inline]
    fn whole<'b>(&mut self, now: Instant, kind: Kind, payload: &'b [u8]) -> Option<Event<'b>> {
        match kind {
            Kind::Binary => Some(Event::Message(Message::Binary(Cow::Borrowed(payload)))),
            Kind::Text => match utf8::validate(payload) {
                Ok(text) => Some(Event::Message(Message::Text(Cow::Borrowed(text)))),
                Err(utf8::InvalidUtf8) => {
                    self.protocol.violate(now, Violation::TextUtf8);
                    None
                }
            },
        }
    }

    /// A part of a message that did not arrive at once, or that is wanted in parts.
    fn part<'b>(&mut self, now: Instant, data: Data<'b>) -> Option<Event<'b>> {
        let Data { kind, payload, start, end, frame_left } = data;
        let (parts, limit) = (self.config().chunks, self.config().max_message_len);
        if !(parts && kind == Kind::Binary) {
            let large = frame_left >= LARGE_LEN && !parts;
            let outbox = &mut self.outbox;
            let gather = self.gather.get_or_insert_with(|| {
                Box::new(Gather::new(kind, parts, if large { outbox.take_room() } else { Vec::new() }))
            });
            if let Err(valid) = gather.push(payload, frame_left, end, limit) {
                self.gather = None;
                return self.invalid_text(now, start, &payload[..if parts { valid } else { 0 }]);
            }
        }
        let gathered = if end { self.gather.take() } else { None };
        if parts {
            return Some(Event::Chunk(Chunk { kind, payload: Cow::Borrowed(payload), start, end }));
        }
        gathered.map(|gather| Event::Message(gather.finish()))
    }

    /// Text that is not UTF-8; in parts, what is valid of it comes first, so that it is the same wherever the input was cut.
    fn invalid_text<'b>(&mut self, now: Instant, start: bool, valid: &'b [u8]) -> Option<Event<'b>> {
        if !valid.is_empty() {
            self.protocol.delivered();
        }
        self.protocol.violate(now, Violation::TextUtf8);
        let chunk = Chunk { kind: Kind::Text, payload: Cow::Borrowed(valid), start, end: false };
        (!valid.is_empty()).then_some(Event::Chunk(chunk))
    }

    /// Puts a message into the inbox, or drops it.
    fn hold(&mut self, now: Instant, event: Event<'_>) {
        if self.protocol.admits() {
            let len = self.inbox.get_or_insert_default().push(event);
            self.protocol.held(now, len);
        } else {
            self.protocol.overflow();
            self.drop_event(&event);
        }
    }

    pub(super) fn drop_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(message) => self.protocol.dropped(message.len(), true),
            Event::Chunk(chunk) => self.protocol.dropped(chunk.payload.len(), chunk.end),
            _ => {}
        }
    }

    /// The opening handshake reads on.
    fn shake(&mut self, now: Instant, input: &mut &mut [u8]) {
        match self.handshake.as_deref_mut() {
            Some(Handshake::Server(server)) if server.asked.is_some() => {
                server.early.extend_from_slice(&*core::mem::take(input));
            }
            Some(Handshake::Server(server)) => match server.read(input) {
                None => {}
                Some(Ok(request)) => {
                    self.greeting = Some(Box::new(Event::Request(Box::new(request))));
                }
                Some(Err(refusal)) => self.refuse(now, &refusal),
            },
            Some(Handshake::Client(client)) => {
                let answer = client.read(input, self.protocol.config());
                self.answered(now, answer);
            }
            None => {}
        }
    }

    fn answered(&mut self, now: Instant, answer: Answer) {
        match answer {
            Answer::Partial => {}
            Answer::Open(response) => {
                self.handshake = None;
                self.greeting = Some(Box::new(Event::Open(response)));
                self.protocol.handle_opened(now);
            }
            Answer::Refused(response) => {
                self.protocol.handle_refused(now, Cause::Refused(Some(response)));
            }
            Answer::Fault(fault) => self.protocol.violate(now, Violation::Response(fault)),
        }
    }

    /// Client: the stream or the time ended inside the body of a refusal, which is then told as far as it came.
    fn end_refusal(&mut self, now: Instant) -> bool {
        let Some(Handshake::Client(client)) = self.handshake.as_deref_mut() else {
            return false;
        };
        let Some(response) = client.take_refusal() else {
            return false;
        };
        self.protocol.handle_refused(now, Cause::Refused(Some(response)));
        true
    }

    /// Server: the library itself refuses.
    fn refuse(&mut self, now: Instant, refusal: &Reject) {
        self.queue_refusal(now, refusal, false);
        self.protocol.handle_refused(now, Cause::Refused(None));
        self.protocol.take_refusal();
    }

    /// Does what the protocol asks for after it changed, and lets go of what is not needed any more.
    #[inline]
    pub(super) fn settle(&mut self, now: Instant) {
        if self.protocol.phase() != Phase::Open {
            self.settle_orders(now);
        }
    }

    fn settle_orders(&mut self, now: Instant) {
        if self.protocol.notices().orders() {
            self.queue_orders(now);
        }
        if self.state() == State::Closed {
            self.handshake = None;
            self.gather = None;
        }
        if !self.protocol.writes() {
            self.outbox.clear();
        }
    }

    fn queue_orders(&mut self, now: Instant) {
        if let Some(close) = self.protocol.take_close() {
            let mut payload = Vec::with_capacity(close.len());
            close.write(&mut payload);
            self.queue_control(now, crate::frame::Opcode::Close, payload);
        }
        if self.protocol.take_refusal() {
            let asked = match self.handshake.as_deref() {
                Some(Handshake::Server(server)) => server.asked.is_some(),
                Some(Handshake::Client(_)) | None => false,
            };
            let late = self.protocol.is_late() && !asked;
            self.queue_refusal(now, &Reject::of(if late { 408 } else { 503 }), false);
        }
    }
}
