//! One endpoint, what it told its application, and what must hold after every call.

use std::time::Duration;

use adieu_core::handshake::{Accept, Reject};
use adieu_core::{Chunk, Closed, Connection, Event, Instant, Kind, Message, State, Ticket, Transport};
use adieu_core::{TransportError, Unsent};

use crate::memory::Counted;
use crate::wire::Wire;

/// More deadlines than one connection can have one after the other.
const MAX_DEADLINES: usize = 64;

pub(crate) struct Endpoint {
    connection: Counted,
    pub(crate) messages: Vec<Message<'static>>,
    /// Everything but messages.
    pub(crate) notices: Vec<Event<'static>>,
    /// All that was written.
    pub(crate) written: Vec<u8>,
    /// Every message is sent back while it is in hand, and every request accepted.
    pub(crate) answers: bool,
    /// The lengths of the messages that were taken for sending.
    sent: Vec<u64>,
    /// The length so far of the one whose last fragment is to come.
    unfinished: Option<u64>,
    wire: Wire,
    /// Since when the application can know that an end has begun.
    ending: Option<Instant>,
    verdict: Option<Closed>,
    told: bool,
    /// The application gave up what waited behind the verdict, which no longer counts it: a verdict never changes.
    pub(crate) uncounted: bool,
    /// The parts so far of a message that comes in parts.
    pub(crate) parts: Option<(Kind, Vec<u8>)>,
}

impl Endpoint {
    /// `make` makes the connection: what it allocates belongs to the endpoint.
    pub(crate) fn new(make: impl FnOnce() -> Connection) -> Self {
        let connection = Counted::new(make);
        let wire = Wire::new(connection.role(), connection.state() == State::Connecting);
        Self {
            connection,
            messages: Vec::new(),
            notices: Vec::new(),
            written: Vec::new(),
            answers: false,
            sent: Vec::new(),
            unfinished: None,
            wire,
            ending: None,
            verdict: None,
            told: false,
            uncounted: false,
            parts: None,
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Calls the connection, and checks what holds after every call.
    pub(crate) fn call<T>(&mut self, now: Instant, work: impl FnOnce(&mut Connection) -> T) -> T {
        let done = self.connection.call(work);
        self.check(now);
        done
    }

    /// Feeds bytes, and asks for all events that they make.
    pub(crate) fn read(&mut self, now: Instant, bytes: &[u8]) {
        let mut buffer = bytes.to_vec();
        let mut input = buffer.as_mut_slice();
        while let Some(event) = self.connection.call(|connection| connection.handle_input(now, &mut input)) {
            self.hear(now, event);
        }
        assert!(input.is_empty(), "input is consumed to its end");
        self.check(now);
    }

    /// Feeds bytes ahead of what the application asks for.
    pub(crate) fn read_ahead(&mut self, now: Instant, bytes: &[u8]) {
        let mut buffer = bytes.to_vec();
        self.call(now, |connection| connection.handle_ahead(now, &mut buffer));
    }

    /// Asks for all events that need no input.
    pub(crate) fn ask(&mut self, now: Instant) {
        while let Some(event) = self.connection.call(|connection| connection.poll_event(now)) {
            self.hear(now, event);
        }
        assert!(!self.connection.has_event(), "nothing is left when nothing is told");
        self.check(now);
    }

    /// Keeps a copy of what is told, and gives the original back in a call: its bytes were the endpoint's.
    fn hear(&mut self, now: Instant, event: Event<'_>) {
        assert!(!self.told, "nothing is told after the end: {event:?}");
        self.check(now);
        match &event {
            Event::Message(message) => self.receive(now, message),
            Event::Chunk(chunk) => self.gather(now, chunk),
            Event::Request(request) if self.answers => self.answer(now, request.is_websocket()),
            Event::Closed(closed) => {
                self.told = true;
                assert_eq!(Some(&**closed), self.connection.closed(), "the event carries the verdict");
            }
            _ => {}
        }
        if !matches!(event, Event::Message(_) | Event::Chunk(_)) {
            self.notices.push(event.clone().into_owned());
        }
        self.connection.call(|_| drop(event));
    }

    fn receive(&mut self, now: Instant, message: &Message<'_>) {
        self.messages.push(message.clone().into_owned());
        if self.answers {
            let _refused = self.send(now, message.borrowed());
        }
    }

    /// Puts the parts of a message together.
    fn gather(&mut self, now: Instant, Chunk { kind, payload, start, end, .. }: &Chunk<'_>) {
        assert!(self.connection.config().chunks, "parts are told to who asked for parts");
        assert_eq!(*start, self.parts.is_none(), "the first part begins a message");
        let (begun, bytes) = self.parts.get_or_insert((*kind, Vec::new()));
        assert_eq!(begun, kind, "the parts of a message are of one kind");
        bytes.extend_from_slice(payload);
        if !end {
            return;
        }
        let message = match self.parts.take() {
            Some((Kind::Text, text)) => String::from_utf8(text).expect("a text is UTF-8").into(),
            Some((_, bytes)) => Message::from(bytes),
            None => return,
        };
        self.receive(now, &message);
    }

    fn answer(&mut self, now: Instant, websocket: bool) {
        let (yes, no) = (Accept::new(), Reject::new(404).expect("a status"));
        let answered = self.connection.call(|connection| match websocket {
            true => connection.accept(now, &yes),
            false => connection.reject(now, &no),
        });
        answered.expect("a request that was told can be answered");
    }

    /// Sends a message; false where it is refused.
    pub(crate) fn send(&mut self, now: Instant, message: Message<'_>) -> bool {
        let len = message.len() as u64;
        let sent = self.connection.call(|connection| connection.send(now, message));
        if let Ok(ticket) = &sent {
            assert_eq!(*ticket, Ticket(self.sent.len() as u64), "tickets grow by one");
            self.sent.push(len);
        }
        sent.is_ok()
    }

    /// Sends a fragment; false where it is refused.
    pub(crate) fn send_fragment(&mut self, now: Instant, fragment: Message<'_>, end: bool) -> bool {
        let len = self.unfinished.unwrap_or(0) + fragment.len() as u64;
        let sent = self.connection.call(|connection| connection.send_fragment(now, fragment, end));
        if let Ok(ticket) = &sent {
            assert_eq!(*ticket, Ticket(self.sent.len() as u64), "all fragments have their message's ticket");
            self.unfinished = (!end).then_some(len);
            self.sent.extend(end.then_some(len));
        }
        sent.is_ok()
    }

    /// Takes at most `max` bytes of what is to be written, and checks them.
    pub(crate) fn write(&mut self, now: Instant, max: usize) -> Vec<u8> {
        let mut slices: [&[u8]; 4] = [&[]; 4];
        let count = self.connection.call(|connection| connection.transmit(now, &mut slices));
        let mut taken = slices[..count].concat();
        taken.truncate(max);
        self.connection.call(|connection| connection.handle_written(now, taken.len()));
        self.wire.read(&taken);
        self.written.extend_from_slice(&taken);
        self.check(now);
        taken
    }

    /// Writes all there is.
    pub(crate) fn flush(&mut self, now: Instant) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let some = self.write(now, usize::MAX);
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    /// What holds after every call.
    fn check(&mut self, now: Instant) {
        let closed = self.connection.closed();
        assert_eq!(closed.is_some(), self.connection.state() == State::Closed, "CLOSED is the verdict");
        if self.ending.is_none()
            && (self.connection.state() == State::Closing || self.connection.peer_close().is_some())
        {
            self.ending = Some(now);
        }
        if let Some(verdict) = &self.verdict {
            assert_eq!(closed, Some(verdict), "a verdict never changes");
        } else if let Some(closed) = closed {
            let took = now.since(self.ending.unwrap_or(now));
            assert!(took <= self.connection.config().max_close_time(), "an end took {took:?}: {closed}");
            judge(closed);
            self.verdict = Some(closed.clone());
        }
        if self.connection.state() != State::Open {
            assert!(self.connection.refusal().is_some(), "messages are sent in OPEN only");
        }
    }

    /// Lets time pass until `end`: a driver reports each deadline when it comes.
    pub(crate) fn pass(&mut self, end: Instant) {
        for _ in 0..MAX_DEADLINES {
            let Some(deadline) = self.connection.deadline().filter(|deadline| *deadline <= end) else {
                break;
            };
            self.call(deadline, |connection| connection.handle_timeout(deadline));
            let after = self.connection.deadline();
            assert!(after.is_none_or(|after| after > deadline), "a deadline that has passed was acted on");
        }
    }

    pub(crate) fn end_of_stream(&mut self, now: Instant) {
        self.call(now, |connection| connection.handle_eof(now));
    }

    pub(crate) fn read_error(&mut self, now: Instant, error: TransportError) {
        self.call(now, |connection| connection.handle_read_error(now, error));
    }

    /// The application gives up receiving, or leaves.
    pub(crate) fn give_up(&mut self, now: Instant, leaves: bool) {
        self.uncounted |= self.verdict.is_some() && self.connection.has_event();
        self.call(now, |connection| match leaves {
            true => connection.handle_dropped(now),
            false => connection.stop_receiving(now),
        });
    }

    /// The application leaves, and the peer neither reads nor sends from here on: the end comes in time all the same.
    pub(crate) fn stall(&mut self, start: Instant) -> Instant {
        let mut now = start;
        self.give_up(now, true);
        for _ in 0..MAX_DEADLINES {
            if self.verdict.is_some() {
                break;
            }
            now = self.connection.deadline().expect("an end that has begun is waited for");
            self.call(now, |connection| connection.handle_timeout(now));
        }
        assert!(self.verdict.is_some(), "it has ended: {:?}", self.connection);
        assert!(now.since(start) <= self.connection.config().max_close_time(), "and in time");
        now
    }

    /// Writes, and lets deadlines pass, until the connection needs nothing more; then the laws of what is left.
    pub(crate) fn run_out(&mut self, mut now: Instant) {
        for _ in 0..MAX_DEADLINES {
            self.flush(now);
            self.ask(now);
            let Some(deadline) = self.connection.deadline() else { break };
            assert!(deadline > now, "a deadline that has passed was acted on");
            now = deadline;
            self.call(now, |connection| connection.handle_timeout(now));
        }
        self.ask(now);
        assert!(self.verdict.is_some(), "it has ended: {:?}", self.connection);
        assert!(self.told, "and the end was told");
        let transport = self.connection.transport();
        assert!(matches!(transport, Transport::Close | Transport::Reset), "the transport is let go");
        assert_eq!(self.connection.deadline(), None, "nothing is waited for");
        self.judge_unsent();
    }

    /// What was written whole and what the verdict calls unsent are together what was sent.
    fn judge_unsent(&self) {
        let closed = self.connection.closed().expect("it has ended");
        let all: Vec<u64> = self.sent.iter().copied().chain(self.unfinished).collect();
        let whole = self.wire.messages();
        let unsent = &all[usize::try_from(whole).expect("they were written")..];
        let Unsent { first, messages, bytes, .. } = closed.unsent;
        assert_eq!(messages, unsent.len() as u64, "unsent is what was not written whole: {closed}");
        assert_eq!(first, (messages > 0).then_some(Ticket(whole)), "the first of what is unsent: {closed}");
        assert_eq!(bytes, unsent.iter().sum::<u64>(), "the bytes of what is unsent: {closed}");
        let confirmed = closed.confirmed.map_or(0, |ticket| ticket.0 + 1);
        assert!(confirmed <= whole, "what was not written is not confirmed: {closed}");
    }
}

fn judge(closed: &Closed) {
    let exchanged = closed.sent.is_some() && closed.received.is_some() && closed.flushed;
    assert!(!closed.clean || exchanged, "clean means both Closes, and ours flushed: {closed}");
    assert!(!closed.flushed || closed.sent.is_some(), "what was not sent is not flushed: {closed}");
}

/// A time on the fuzzer's clock.
pub(crate) fn at(millis: u64) -> Instant {
    Instant::EPOCH + Duration::from_millis(millis)
}
