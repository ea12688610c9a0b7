//! One endpoint, what it told its application, and what must hold after every call.

use std::time::Duration;

use adieu_core::handshake::{Accept, Reject};
use adieu_core::{Closed, Connection, Event, Instant, Message, State, Transport};

use crate::wire::Wire;

/// More deadlines than one connection can have one after the other.
const MAX_DEADLINES: usize = 64;

pub(crate) struct Endpoint {
    pub(crate) connection: Connection,
    pub(crate) messages: Vec<Message<'static>>,
    /// Everything but messages.
    pub(crate) notices: Vec<Event<'static>>,
    /// All that was written.
    pub(crate) written: Vec<u8>,
    /// Every message is sent back while it is in hand, and every request accepted.
    pub(crate) answers: bool,
    wire: Wire,
    verdict: Option<Closed>,
    told: bool,
}

impl Endpoint {
    pub(crate) fn new(connection: Connection) -> Self {
        let head = connection.state() == State::Connecting;
        let wire = Wire::new(connection.role(), head);
        let (messages, notices, written) = (Vec::new(), Vec::new(), Vec::new());
        Self { connection, messages, notices, written, answers: false, wire, verdict: None, told: false }
    }

    /// Feeds bytes, and asks for all events that they make.
    pub(crate) fn read(&mut self, now: Instant, bytes: &[u8]) {
        let mut buffer = bytes.to_vec();
        let mut input = buffer.as_mut_slice();
        while let Some(event) = self.connection.handle_input(now, &mut input) {
            self.hear(now, event);
        }
        assert!(input.is_empty(), "input is consumed to its end");
        self.check();
    }

    /// Feeds bytes ahead of what the application asks for.
    pub(crate) fn read_ahead(&mut self, now: Instant, bytes: &[u8]) {
        self.connection.handle_ahead(now, &mut bytes.to_vec());
        self.check();
    }

    /// Asks for all events that need no input.
    pub(crate) fn ask(&mut self, now: Instant) {
        while let Some(event) = self.connection.poll_event(now) {
            self.hear(now, event);
        }
        assert!(!self.connection.has_event(), "nothing is left when nothing is told");
        self.check();
    }

    fn hear(&mut self, now: Instant, event: Event<'_>) {
        assert!(!self.told, "nothing is told after the end: {event:?}");
        match event {
            Event::Message(message) => {
                if self.answers {
                    let _ = self.connection.send(now, message.borrowed());
                }
                self.messages.push(message.into_owned());
                return;
            }
            Event::Request(ref request) if self.answers => {
                let answered = if request.is_websocket() {
                    self.connection.accept(now, &Accept::new())
                } else {
                    self.connection.reject(now, &Reject::new(404).expect("a status"))
                };
                answered.expect("a request that was told can be answered");
            }
            Event::Closed(ref closed) => {
                self.told = true;
                assert_eq!(Some(&**closed), self.connection.closed(), "the event carries the verdict");
            }
            _ => {}
        }
        self.notices.push(event.into_owned());
    }

    /// Takes at most `max` bytes of what is to be written, and checks them.
    pub(crate) fn write(&mut self, now: Instant, max: usize) -> Vec<u8> {
        let mut slices: [&[u8]; 4] = [&[]; 4];
        let count = self.connection.transmit(now, &mut slices);
        let mut taken = slices[..count].concat();
        taken.truncate(max);
        self.connection.handle_written(now, taken.len());
        self.wire.read(&taken);
        self.written.extend_from_slice(&taken);
        self.check();
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
    pub(crate) fn check(&mut self) {
        let closed = self.connection.closed();
        assert_eq!(closed.is_some(), self.connection.state() == State::Closed, "CLOSED is the verdict");
        if let Some(verdict) = &self.verdict {
            assert_eq!(closed, Some(verdict), "a verdict never changes");
        } else if let Some(closed) = closed {
            judge(closed);
            self.verdict = Some(closed.clone());
        }
        if self.connection.state() != State::Open {
            assert!(self.connection.refusal().is_some(), "messages are sent in OPEN only");
        }
    }

    /// The application leaves, and the peer neither reads nor sends from here on: the end comes in time all the same.
    pub(crate) fn stall(&mut self, start: Instant) -> Instant {
        let mut now = start;
        self.connection.handle_dropped(now);
        self.check();
        for _ in 0..MAX_DEADLINES {
            if self.verdict.is_some() {
                break;
            }
            now = self.connection.deadline().expect("an end that has begun is waited for");
            self.connection.handle_timeout(now);
            self.check();
        }
        assert!(self.verdict.is_some(), "it has ended: {:?}", self.connection);
        assert!(now.since(start) <= self.connection.config().max_close_time(), "and in time");
        now
    }

    /// Writes, and lets deadlines pass, until the connection needs nothing more; answers with the time.
    pub(crate) fn run_out(&mut self, mut now: Instant) -> Instant {
        for _ in 0..MAX_DEADLINES {
            self.flush(now);
            self.ask(now);
            let Some(deadline) = self.connection.deadline() else { break };
            assert!(deadline > now, "a deadline that has passed was acted on");
            now = deadline;
            self.connection.handle_timeout(now);
            self.check();
        }
        self.ask(now);
        assert!(self.verdict.is_some(), "it has ended: {:?}", self.connection);
        assert!(self.told, "and the end was told");
        let transport = self.connection.transport();
        assert!(matches!(transport, Transport::Close | Transport::Reset), "the transport is let go");
        assert_eq!(self.connection.deadline(), None, "nothing is waited for");
        now
    }
}

fn judge(closed: &Closed) {
    let exchanged = closed.sent.is_some() && closed.received.is_some() && closed.flushed;
    assert!(!closed.clean || exchanged, "clean means both Closes, and ours flushed: {closed}");
    assert!(!closed.flushed || closed.sent.is_some(), "what was not sent is not flushed: {closed}");
    assert_eq!(
        closed.unsent.messages > 0,
        closed.unsent.first.is_some(),
        "the first of what is unsent: {closed}"
    );
}

/// A time on the fuzzer's clock.
pub(crate) fn at(millis: u64) -> Instant {
    Instant::EPOCH + Duration::from_millis(millis)
}
