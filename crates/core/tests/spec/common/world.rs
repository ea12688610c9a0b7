//! One connection and everything around it.

use std::sync::Arc;
use std::time::Duration;

use adieu_core::handshake::{Accept, ClientRequest};
use adieu_core::{
    Cause, Close, CloseError, Closed, Config, Connection, Event, Instant, Message, OriginPolicy, Role,
    SendError, SendRefusal, ServerConfig, State, Ticket, Transport, TransportError,
};

use super::{Expect, Frame, Peer, event_name, own, parse_frames, request, response_to, split_head};

pub(crate) const BOTH: [Role; 2] = [Role::Client, Role::Server];
pub(crate) const SEED: [u8; 32] = *b"thirty-two bytes of sheer chance";
/// When every test begins.
pub(crate) const START: Instant = Instant::from_nanos(1_000_000_000_000);

/// An endpoint under test, its peer, its transport and its clock.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) conn: Connection,
    pub(crate) role: Role,
    pub(crate) peer: Peer,
    pub(crate) now: Instant,
    /// What the application was told.
    pub(crate) events: Vec<Event<'static>>,
    /// What the transport took.
    pub(crate) wire: Vec<u8>,
    /// Into how many slices the transport gathers, at most 16.
    pub(crate) slices: usize,
    seen: Seen,
}

/// What may only grow, or never change.
#[derive(Debug)]
struct Seen {
    state: State,
    transport: Transport,
    verdict: Option<Closed>,
}

// Construction.
impl World {
    fn around(conn: Connection, role: Role) -> Self {
        let seen = Seen { state: conn.state(), transport: conn.transport(), verdict: None };
        let (events, wire) = (Vec::new(), Vec::new());
        Self { conn, role, peer: Peer::of(role), now: START, events, wire, slices: 4, seen }
    }

    /// OPEN over a stream that something else upgraded.
    pub(crate) fn open(role: Role, config: &Config) -> Self {
        let conn = Connection::open(role, Arc::new(config.clone()), SEED, START);
        Self::around(conn, role)
    }

    /// A server in CONNECTING.
    pub(crate) fn server(config: &ServerConfig) -> Self {
        let conn = Connection::server(Arc::new(config.clone()), START);
        Self::around(conn, Role::Server)
    }

    /// A server in CONNECTING that lets every origin pass.
    pub(crate) fn any_server(config: &Config) -> Self {
        Self::server(&ServerConfig::new(OriginPolicy::Any).with(config.clone()))
    }

    /// A client in CONNECTING.
    pub(crate) fn client(request: ClientRequest, config: &Config) -> Self {
        let conn = Connection::client(request, Arc::new(config.clone()), SEED, START);
        Self::around(conn, Role::Client)
    }

    /// A client in CONNECTING that asks for nothing special.
    pub(crate) fn any_client(config: &Config) -> Self {
        let request = ClientRequest::new("server.example.com", "/chat").expect("a plain request");
        Self::client(request, config)
    }

    /// OPEN through the whole opening handshake.
    pub(crate) fn shaken(role: Role, config: &Config) -> Self {
        let mut world = match role {
            Role::Client => Self::any_client(config),
            Role::Server => Self::any_server(config),
        };
        match role {
            Role::Client => {
                let request = world.take_request();
                world.feed(&response_to(&request, &[]));
            }
            Role::Server => {
                world.feed(&request(&[]));
                world.conn.accept(world.now, &Accept::new()).expect("a request to accept");
                world.flush();
            }
        }
        assert_eq!(world.state(), State::Open);
        world.events.clear();
        world.wire.clear();
        world
    }

    /// Both roles, each upgraded elsewhere and through the handshake.
    pub(crate) fn all(config: &Config) -> Vec<Self> {
        let each = |role| [Self::open(role, config), Self::shaken(role, config)];
        BOTH.into_iter().flat_map(each).collect()
    }

    /// Client: flushes the request and takes it off the wire.
    pub(crate) fn take_request(&mut self) -> String {
        self.flush();
        let (request, rest) = split_head(&self.wire);
        self.wire = rest;
        request
    }
}

// Transport in.
impl World {
    /// Asks for one event with these bytes at hand; what is left of them stays in `bytes`.
    pub(crate) fn lend(&mut self, bytes: &mut Vec<u8>) -> Option<String> {
        let mut copy = bytes.clone();
        let mut input = &mut copy[..];
        let event = self.conn.handle_input(self.now, &mut input).map(own);
        let left = input.len();
        bytes.drain(..bytes.len() - left);
        assert!(event.is_some() || bytes.is_empty(), "no event, and input is left");
        self.told(event)
    }

    /// Reads these bytes and asks until there is no event.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        while self.lend(&mut bytes).is_some() {}
    }

    /// Reads these bytes in pieces of `len` bytes.
    pub(crate) fn feed_by(&mut self, len: usize, bytes: &[u8]) {
        bytes.chunks(len).for_each(|piece| self.feed(piece));
    }

    /// Looks ahead: the application does not ask.
    pub(crate) fn ahead(&mut self, bytes: &[u8]) {
        self.conn.handle_ahead(self.now, &mut bytes.to_vec());
        self.check();
    }

    pub(crate) fn eof(&mut self) {
        self.conn.handle_eof(self.now);
        self.check();
    }

    pub(crate) fn read_error(&mut self, error: TransportError) {
        self.conn.handle_read_error(self.now, error);
        self.check();
    }

    pub(crate) fn reset(&mut self) {
        self.read_error(TransportError::Reset);
    }

    pub(crate) fn write_error(&mut self) {
        self.conn.handle_write_error(self.now, TransportError::Reset);
        self.check();
    }
}

// Transport out.
impl World {
    /// The bytes that are committed now, or that get committed by asking.
    pub(crate) fn committed(&mut self) -> Vec<u8> {
        let mut slices: [&[u8]; 16] = [&[]; 16];
        let count = self.conn.transmit(self.now, &mut slices[..self.slices]);
        slices[..count].concat()
    }

    /// One write of at most `limit` bytes; how many it took.
    pub(crate) fn write(&mut self, limit: usize) -> usize {
        let wanted = self.conn.wants_output();
        let mut bytes = self.committed();
        assert_eq!(wanted, !bytes.is_empty(), "wants_output() and transmit() disagree");
        bytes.truncate(limit);
        self.conn.handle_written(self.now, bytes.len());
        self.wire.extend_from_slice(&bytes);
        self.check();
        bytes.len()
    }

    /// Writes `len` bytes, which must be there, in as many writes as it takes.
    pub(crate) fn push(&mut self, len: usize) {
        let end = self.wire.len() + len;
        while self.wire.len() < end {
            assert!(self.write(end - self.wire.len()) > 0, "less to write than expected");
        }
    }

    /// Writes all there is, at most `limit` bytes at once.
    pub(crate) fn flush_by(&mut self, limit: usize) {
        while self.write(limit) > 0 {}
    }

    pub(crate) fn flush(&mut self) {
        self.flush_by(usize::MAX);
    }

    /// What was written so far, as whole frames.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        parse_frames(self.role, &self.wire).0
    }

    /// Flushes, and names all whole frames that were written so far.
    pub(crate) fn said(&mut self) -> Vec<String> {
        self.flush();
        self.frames().iter().map(Frame::name).collect()
    }

    /// The same with no more of each Close than its code.
    pub(crate) fn said_codes(&mut self) -> Vec<String> {
        let code_only = |name: String| match name.strip_prefix("close ") {
            Some(rest) => format!("close {}", &rest[..4]),
            None => name,
        };
        self.said().into_iter().map(code_only).collect()
    }
}

// Clock.
impl World {
    /// Time passes; every deadline on the way is acted on when it is due.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..10_000 {
            let Some(at) = self.conn.deadline().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    /// Acts on the deadlines that have passed. None may be left, or a driver would spin.
    pub(crate) fn tick(&mut self) {
        // Where a deadline of no time at all follows from one that has passed, the next call acts on it.
        (0..4).for_each(|_| self.conn.handle_timeout(self.now));
        let next = self.conn.deadline();
        assert!(next.is_none_or(|at| at > self.now), "a deadline stays behind: {next:?}");
        self.check();
    }

    /// In how many milliseconds the next deadline is due.
    pub(crate) fn due_ms(&self) -> Option<u128> {
        self.conn.deadline().map(|at| at.since(self.now).as_millis())
    }
}

// Application.
impl World {
    pub(crate) fn send<'m>(
        &mut self,
        message: impl Into<Message<'m>>,
    ) -> Result<Ticket, SendError<Message<'m>>> {
        let result = self.conn.send(self.now, message);
        self.check();
        result
    }

    /// Sends what must be taken; its ticket.
    pub(crate) fn queue(&mut self, text: &str) -> u64 {
        self.send(text).expect("a message that is taken").0
    }

    /// Sends this text so many times.
    pub(crate) fn queue_many(&mut self, count: usize, text: &str) {
        for _ in 0..count {
            self.queue(text);
        }
    }

    /// Queues a fragment of text that must be taken; its ticket.
    pub(crate) fn fragment(&mut self, text: &str, end: bool) -> u64 {
        self.conn.send_fragment(self.now, text, end).expect("a fragment that is taken").0
    }

    /// A `send` is refused for this reason, and gives the message back.
    pub(crate) fn refused(&mut self, refusal: SendRefusal) {
        let before = self.conn.buffered();
        let error = self.send("come back").expect_err("a send that is refused");
        assert_eq!(error.refusal, refusal);
        assert_eq!(error.message, Message::from("come back"));
        assert_eq!(self.conn.refusal(), Some(refusal));
        assert_eq!(self.conn.buffered(), before, "a refused message leaves no bytes");
    }

    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        self.try_close(code, reason).expect("a close that is taken");
    }

    pub(crate) fn try_close(&mut self, code: u16, reason: &str) -> Result<(), CloseError> {
        let close = Close::new(code, reason).expect("a code and a reason that may travel");
        let result = self.conn.close(self.now, close);
        self.check();
        result
    }

    /// Asks for one event.
    pub(crate) fn poll(&mut self) -> Option<String> {
        let (has, before) = (self.conn.has_event(), self.state());
        let event = self.conn.poll_event(self.now);
        let took_effect = before == State::Open && self.state() != State::Open;
        assert_eq!(has, event.is_some() || took_effect, "has_event() and poll_event() disagree: {event:?}");
        self.told(event)
    }

    /// Asks until there is no event, and names all that were told so far.
    pub(crate) fn heard(&mut self) -> Vec<String> {
        while self.poll().is_some() {}
        self.events.iter().map(event_name).collect()
    }

    pub(crate) fn state(&self) -> State {
        self.conn.state()
    }

    pub(crate) fn transport(&self) -> Transport {
        self.conn.transport()
    }

    /// The verdict, which must be decided.
    pub(crate) fn verdict(&self) -> Expect {
        Expect::of(self.conn.closed().expect("a verdict"))
    }

    /// The verdict's cause, or `None` before there is one.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.conn.closed().map(|closed| closed.cause.clone())
    }
}

// What holds at all times.
impl World {
    fn told(&mut self, event: Option<Event<'static>>) -> Option<String> {
        self.check();
        let event = event?;
        let told = |event: &Event<'_>| matches!(event, Event::Closed(_));
        assert!(!self.events.iter().any(told), "an event behind the last one: {event:?}");
        if let Event::Closed(closed) = &event {
            assert_eq!(Some(&**closed), self.conn.closed(), "the event tells the verdict");
        }
        let name = event_name(&event);
        self.events.push(event);
        Some(name)
    }

    pub(crate) fn check(&mut self) {
        let (state, transport) = (self.conn.state(), self.conn.transport());
        assert!(rank(state) >= rank(self.seen.state), "{:?}, then {state:?}", self.seen.state);
        assert!(transport >= self.seen.transport, "{:?}, then {transport:?}", self.seen.transport);
        assert_eq!(state == State::Closed, self.conn.closed().is_some());
        assert!(transport == Transport::Open || state == State::Closed, "{transport:?} in {state:?}");
        if let Some(verdict) = &self.seen.verdict {
            assert_eq!(Some(verdict), self.conn.closed(), "a verdict never changes");
        }
        if transport >= Transport::Close {
            assert!(!self.conn.wants_output() && !self.conn.wants_input(), "{transport:?}");
            assert_eq!(self.conn.deadline(), None, "{transport:?}");
        }
        self.seen = Seen { state, transport, verdict: self.conn.closed().cloned() };
    }
}

const fn rank(state: State) -> u8 {
    match state {
        State::Connecting => 0,
        State::Open => 1,
        State::Closing => 2,
        State::Closed => 3,
    }
}
