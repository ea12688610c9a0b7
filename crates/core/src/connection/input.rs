//! What the transport brings.

use super::*;
use crate::protocol::Data;
use crate::utf8::{self, Carry};
use crate::{Cause, Chunk, Close, Kind, Message, State, Violation, deflate};

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
        if self.protocol.deaf {
            self.handle_ahead(now, core::mem::take(input));
        }
        while self.greeting.is_none() && !input.is_empty() {
            if let Some(event) = self.next(now, input) {
                self.protocol.delivered();
                self.settle(now);
                return Some(event);
            }
        }
        self.poll_event(now)
    }

    /// Looks ahead: takes all of `input`, acts on control frames at once, puts messages into the inbox. It does not ask
    /// for an event.
    pub fn handle_ahead(&mut self, now: Instant, mut input: &mut [u8]) {
        while !self.puts_by(now, &mut input) && !input.is_empty() {
            if let Some(event) = self.next(now, &mut input) {
                self.hold(now, event);
            }
        }
        self.settle(now);
    }

    /// Takes the next step through `input`, to the end of it or to an event.
    #[inline(always)]
    pub(crate) fn next<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Event<'b>> {
        match self.protocol.receive_whole(now, input) {
            Some((kind, payload)) => self.whole(now, kind, payload),
            None => self.advance(now, input),
        }
    }

    #[inline(never)]
    fn advance<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Event<'b>> {
        if self.handshake.is_some() && self.phase() == Phase::Connecting {
            self.shake(now, input);
            return None;
        }
        self.protocol.receive(now, input).and_then(|data| self.part(now, data))
    }

    /// The peer's direction of the stream ended in order (TLS: with `close_notify`).
    pub fn handle_eof(&mut self, now: Instant) {
        self.end(now, None);
    }

    /// Reading failed.
    pub fn handle_read_error(&mut self, now: Instant, error: TransportError) {
        self.end(now, Some(error));
    }

    /// Acts on every deadline that has passed at `now`. Where input waits, read it first.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.then_settle(now, |protocol| protocol.handle_timeout(now));
    }

    /// A message that arrived whole: delivered, or wrong.
    // R5.6-01
    #[inline]
    fn whole<'b>(&mut self, now: Instant, kind: Kind, payload: &'b [u8]) -> Option<Event<'b>> {
        if kind == Kind::Binary {
            return Some(Event::Message(payload.into()));
        }
        let text = utf8::validate(payload);
        if text.is_err() {
            // R8.1-01
            self.protocol.handle_violation_inside(now, Violation::TextUtf8, false);
        }
        text.ok().map(|text| Event::Message(text.into()))
    }

    /// A part of a message that did not arrive at once, or that is wanted in parts.
    // R5.4-01
    pub(crate) fn part<'b>(&mut self, now: Instant, data: Data<'b>) -> Option<Event<'b>> {
        let (chunks, limit) = (self.config().chunks, self.config().max_message_len);
        if data.compressed {
            return self.inflate(now, &data);
        }
        // R5.4-07
        if data.start && data.end && !chunks {
            return self.whole(now, data.kind, data.payload);
        }
        let gather = self.gather.get_or_insert_with(|| {
            let large = data.frame_left >= LARGE_LEN && !chunks;
            let room = if large { self.outbox.take_room() } else { Vec::new() };
            Box::new(Gather { message: Message::begin(data.kind, room), carry: Carry::default() })
        });
        let pushed = gather.push(&data, !chunks, limit);
        let gathered = if data.end || pushed.is_err() { self.gather.take() } else { None };
        let Data { kind, payload, start, end, .. } = data;
        // Of a text that turns out wrong, what is valid comes first, so that the parts are the same wherever the input was cut.
        let (len, end) = pushed.map_or_else(|valid| (valid, false), |()| (payload.len(), end));
        let told = chunks && (pushed.is_ok() || len > 0);
        if pushed.is_err() {
            self.protocol.handle_violation_inside(now, Violation::TextUtf8, told);
        }
        if told {
            return Some(Event::Chunk(Chunk { kind, payload: Cow::Borrowed(&payload[..len]), start, end }));
        }
        gathered.filter(|_| end).map(|gather| Event::Message(gather.message))
    }

    /// Puts a message into the inbox, or drops it.
    pub(crate) fn hold(&mut self, now: Instant, event: Event<'_>) {
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
    // R4.2.1-01
    fn shake(&mut self, now: Instant, input: &mut &mut [u8]) {
        match self.handshake.as_deref_mut() {
            Some(Handshake::Server(server)) if server.asked.is_some() => {
                server.early.extend_from_slice(&*core::mem::take(input));
            }
            Some(Handshake::Server(server)) => match server.read(input) {
                Ok(None) => {}
                Ok(Some(request)) => self.greeting = Some(Box::new(Event::Request(Box::new(request)))),
                Err(status) => self.refuse(now, &Reject::of(status), false),
            },
            Some(Handshake::Client(_)) if self.protocol.server_refusal().is_some() => {}
            Some(Handshake::Client(client)) => match client.read(input, self.protocol.config()) {
                Ok(None) => {}
                Ok(Some(response)) if response.status == 101 => {
                    self.handshake = None;
                    self.opened(now, deflate::agreed(self.config(), &response.headers).unwrap_or_default());
                    self.greeting = Some(Box::new(Event::Open(Box::new(response))));
                }
                Ok(Some(response)) => self.protocol.blame(Cause::Refused(Some(Box::new(response)))),
                Err(fault) => self.protocol.handle_violation(now, Violation::Response(fault)),
            },
            Some(Handshake::Agreed(_)) | None => {}
        }
        let limit = self.config().max_head_len;
        if self.protocol.server_refusal().is_some_and(|response| response.read_body(input, limit)) {
            self.protocol.handle_refused(now);
        }
    }

    /// Server: refuses with a response.
    pub(super) fn refuse(&mut self, now: Instant, refusal: &Reject, head_only: bool) {
        self.queue_head(now, &refusal.write(head_only));
        self.protocol.handle_refused(now);
        self.handshake = None;
    }

    /// Changes the protocol, and does what it asks for then.
    pub(crate) fn then_settle<T>(&mut self, now: Instant, change: impl FnOnce(&mut Protocol) -> T) -> T {
        let answer = change(&mut self.protocol);
        self.settle(now);
        answer
    }

    /// Goes on with what waits, does what the protocol asks for after it changed, and lets go of what is not needed any more. Not before
    /// what was parsed is held or delivered: what waits is behind it.
    #[inline]
    pub(super) fn settle(&mut self, now: Instant) {
        self.catch_up(now);
        if self.phase() != Phase::Open {
            self.settle_end(now);
        }
    }

    fn settle_end(&mut self, now: Instant) {
        if let Some(payload) = self.protocol.take_close().map(Close::payload) {
            // R5.5.1-07
            self.queue_frame(now, true, Opcode::Close, payload.into());
        }
        // Who refuses in so many words has queued them, and let go of the handshake.
        if self.phase() == Phase::Refusing && self.handshake.is_some() {
            let late = self.protocol.is_late() && self.asked().is_none();
            self.queue_head(now, &Reject::of(if late { 408 } else { 503 }).write(false));
            self.handshake = None;
        }
        if self.state() == State::Closed {
            self.handshake = None;
            self.gather = None;
        }
        if !self.protocol.writes() {
            self.outbox = Outbox::default();
        }
    }
}
