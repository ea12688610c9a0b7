//! What the transport brings.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Connection, Gather, Handshake};
use crate::frame::Opcode;
use crate::handshake::Reject;
use crate::lifecycle::Phase;
use crate::protocol::{Data, Protocol};
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
        while self.greeting.is_none() && !input.is_empty() {
            if let Some((kind, payload)) = self.receive_whole(now, input) {
                if let Some(event) = self.whole(now, kind, payload) {
                    self.protocol.delivered();
                    return Some(event);
                }
            } else if let Some(event) = self.advance(now, input) {
                self.settle(now);
                self.protocol.delivered();
                return Some(event);
            }
        }
        self.poll_event(now)
    }

    /// Looks ahead: takes all of `input`, acts on control frames at once, puts messages into the inbox. It does not ask
    /// for an event.
    pub fn handle_ahead(&mut self, now: Instant, mut input: &mut [u8]) {
        while !input.is_empty() {
            let event = match self.receive_whole(now, &mut input) {
                Some((kind, payload)) => self.whole(now, kind, payload),
                None => self.advance(now, &mut input),
            };
            if let Some(event) = event {
                self.hold(now, event);
            }
        }
        self.settle(now);
    }

    /// The straight path, where messages are not wanted in parts.
    #[inline]
    fn receive_whole<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<(Kind, &'b mut [u8])> {
        if self.config().chunks { None } else { self.protocol.receive_whole(now, input) }
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

    /// Takes the next step through `input`, to the end of it or to an event.
    #[inline(never)]
    fn advance<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Event<'b>> {
        if self.handshake.is_some() && self.phase() == Phase::Connecting {
            self.shake(now, input);
            return None;
        }
        let data = self.protocol.receive(now, input)?;
        if data.start && data.end && !self.config().chunks {
            self.whole(now, data.kind, data.payload)
        } else {
            self.part(now, data)
        }
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
            self.drop_event(&event);
        }
    }

    pub(super) fn drop_event(&mut self, event: &Event<'_>) {
        if let Some((payload, end)) = event.payload() {
            self.protocol.dropped(payload.len(), end);
        }
    }

    /// The opening handshake reads on.
    fn shake(&mut self, now: Instant, input: &mut &mut [u8]) {
        match self.handshake.as_deref_mut() {
            Some(Handshake::Server(server)) if server.asked.is_some() => {
                server.early.extend_from_slice(&*core::mem::take(input));
            }
            Some(Handshake::Server(server)) => match server.read(input) {
                Ok(None) => {}
                Ok(Some(request)) => self.greeting = Some(Box::new(Event::Request(Box::new(request)))),
                Err(refusal) => self.refuse(now, &refusal, false),
            },
            Some(Handshake::Client(client)) => match client.read(input, self.protocol.config()) {
                Ok(None) => {}
                Ok(Some(response)) if response.status() == 101 => {
                    self.handshake = None;
                    self.greeting = Some(Box::new(Event::Open(response)));
                    self.protocol.handle_opened(now);
                }
                Ok(Some(response)) => self.protocol.handle_refused(now, Cause::Refused(Some(response))),
                Err(fault) => self.protocol.violate(now, Violation::Response(fault)),
            },
            None => {}
        }
    }

    /// Client: the stream or the time ended inside the body of a refusal, which is then told as far as it came.
    fn end_refusal(&mut self, now: Instant) -> bool {
        let response = match self.handshake.as_deref_mut() {
            Some(Handshake::Client(client)) => client.take_refusal(),
            Some(Handshake::Server(_)) | None => None,
        };
        let ends = response.is_some();
        if ends {
            self.protocol.handle_refused(now, Cause::Refused(response));
        }
        ends
    }

    /// Server: refuses with a response.
    pub(super) fn refuse(&mut self, now: Instant, refusal: &Reject, head_only: bool) {
        self.queue_head(now, &refusal.write(head_only));
        self.protocol.handle_refused(now, Cause::Refused(None));
        self.handshake = None;
    }

    /// Changes the protocol, and does what it asks for then.
    pub(super) fn then_settle<T>(&mut self, now: Instant, change: impl FnOnce(&mut Protocol) -> T) -> T {
        let answer = change(&mut self.protocol);
        self.settle(now);
        answer
    }

    /// Does what the protocol asks for after it changed, and lets go of what is not needed any more.
    #[inline]
    pub(super) fn settle(&mut self, now: Instant) {
        if self.phase() != Phase::Open {
            self.settle_end(now);
        }
    }

    fn settle_end(&mut self, now: Instant) {
        if let Some(close) = self.protocol.take_close() {
            let mut payload = Vec::with_capacity(close.len());
            close.write(&mut payload);
            self.queue_frame(now, true, Opcode::Close, Cow::Owned(payload));
        }
        if self.protocol.take_refusal() {
            let late = self.protocol.is_late() && self.asked().is_none();
            self.queue_head(now, &Reject::of(if late { 408 } else { 503 }).write(false));
            self.handshake = None;
        }
        if self.state() == State::Closed {
            self.handshake = None;
            self.gather = None;
        }
        if !self.protocol.writes() {
            self.outbox.clear();
        }
    }
}
