//! A connection whose every call is written down.
//!
//! Owns: what a record of a call looks like, in a run and in its replay alike. Must not know: where bytes come from.

use core::mem::take;

use adieu_core::handshake::{Accept, Reject};
use adieu_core::{
    AnswerError, Close, CloseError, Connection, Event, Instant, Kind, Message, PingError, Prepared, Role,
    SendError, SendRefusal, State, Ticket, Transport, TransportError,
};

use crate::trace::{Call, Outcome, Record, Told, Verdict, Wants, What};

/// A connection whose every call is in the trace.
pub struct Traced {
    conn: Connection,
    role: Role,
    pub(crate) now: Instant,
    /// What was read and not given to the connection.
    rest: Vec<u8>,
    /// What is committed and not written.
    committed: Vec<u8>,
    pub(crate) records: Vec<Record>,
    seen: Seen,
}

/// What was observed last.
#[derive(Clone, PartialEq)]
struct Seen {
    state: State,
    level: Transport,
    peer_close: Option<Close>,
    verdict: Option<Verdict>,
    wants: Wants,
}

impl Seen {
    fn of(conn: &Connection) -> Self {
        let (peer_close, verdict) = (conn.peer_close().cloned(), conn.closed().map(Verdict::from));
        let (input, output, deadline) = (conn.wants_input(), conn.wants_output(), conn.deadline());
        let wants = Wants { input, output, deadline };
        Self { state: conn.state(), level: conn.transport(), peer_close, verdict, wants }
    }
}

/// What a driver does.
impl Traced {
    pub(crate) fn new(conn: Connection, now: Instant) -> Self {
        let (role, seen) = (conn.role(), Seen::of(&conn));
        let first = What::Wants(seen.wants.clone());
        let (rest, committed, records) = (Vec::new(), Vec::new(), Vec::new());
        let mut traced = Self { conn, role, now, rest, committed, records, seen };
        traced.note(first);
        traced
    }

    pub(crate) fn note(&mut self, what: What) {
        self.records.push(Record { at: self.now, role: self.role, what });
    }

    /// Notes what was done, and what can be seen of it.
    fn done(&mut self, what: What) {
        self.note(what);
        self.observe();
    }

    /// Notes what is not as it was.
    fn observe(&mut self) {
        let before = std::mem::replace(&mut self.seen, Seen::of(&self.conn));
        if before == self.seen {
            return;
        }
        let Seen { state, level, peer_close, verdict, wants } = self.seen.clone();
        if let Some(close) = peer_close.filter(|close| Some(close) != before.peer_close.as_ref()) {
            self.note(What::PeerClose(close));
        }
        if state != before.state {
            self.note(What::State(state));
        }
        if let Some(verdict) = verdict.filter(|verdict| Some(verdict) != before.verdict.as_ref()) {
            self.note(What::Verdict(Box::new(verdict)));
        }
        if level != before.level {
            self.note(What::Level(level));
        }
        if wants != before.wants {
            self.note(What::Wants(wants));
        }
    }

    pub(crate) fn read(&mut self, bytes: Vec<u8>) {
        self.rest.extend_from_slice(&bytes);
        self.note(What::Read(bytes));
    }

    pub(crate) fn holds_rest(&self) -> bool {
        !self.rest.is_empty()
    }

    pub(crate) fn ask(&mut self) -> Option<Event<'static>> {
        let mut input = &mut self.rest[..];
        let event = self.conn.handle_input(self.now, &mut input).map(Event::into_owned);
        let left = input.len();
        self.rest.drain(..self.rest.len() - left);
        self.observe();
        self.note(What::Ask(event.as_ref().map(Told::from)));
        event
    }

    pub(crate) fn ahead(&mut self) {
        self.conn.handle_ahead(self.now, &mut take(&mut self.rest));
        self.done(What::Ahead);
    }

    pub(crate) fn end(&mut self) {
        self.conn.handle_eof(self.now);
        self.done(What::End);
    }

    pub(crate) fn read_error(&mut self, error: TransportError) {
        self.conn.handle_read_error(self.now, error);
        self.done(What::ReadError(error));
    }

    pub(crate) fn write_error(&mut self, error: TransportError) {
        self.conn.handle_write_error(self.now, error);
        self.done(What::WriteError(error));
    }

    pub(crate) fn timeout(&mut self) {
        self.conn.handle_timeout(self.now);
        self.done(What::Timeout);
    }

    /// What is to be written. A change of what was committed before is noted: there must be none.
    pub(crate) fn commit(&mut self) -> &[u8] {
        let mut slices = [&[][..]; 16];
        let filled = self.conn.transmit(self.now, &mut slices);
        let bytes = slices[..filled].concat();
        if bytes != self.committed {
            self.committed.clone_from(&bytes);
            self.done(What::Commit(bytes));
        }
        &self.committed
    }

    pub(crate) fn written(&mut self, len: usize) {
        self.conn.handle_written(self.now, len);
        self.committed.drain(..len.min(self.committed.len()));
        self.done(What::Written(len));
    }

    pub(crate) fn exchange_buffer(&mut self, spare: &mut Vec<u8>) {
        self.conn.exchange_buffer(spare);
    }
}

/// What an application calls: as the methods of [`Connection`] with the same names, without the time.
impl Traced {
    /// The connection, for all questions.
    pub const fn connection(&self) -> &Connection {
        &self.conn
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// With no more than a subprotocol.
    ///
    /// # Errors
    ///
    /// As [`Connection::accept`].
    pub fn accept(&mut self, subprotocol: Option<&str>) -> Result<(), AnswerError> {
        let answer = subprotocol.map_or_else(Accept::new, |name| Accept::new().subprotocol(name));
        let result = self.conn.accept(self.now, &answer);
        self.called(Call::Accept(subprotocol.map(str::to_string)), result)
    }

    /// With no more than a status, which must be one that can be.
    ///
    /// # Errors
    ///
    /// As [`Connection::reject`].
    pub fn reject(&mut self, status: u16) -> Result<(), AnswerError> {
        let answer = Reject::new(status).map_err(|_| AnswerError::NoRequest);
        let result = answer.and_then(|answer| self.conn.reject(self.now, &answer));
        self.called(Call::Reject(status), result)
    }

    /// As [`Connection::ping`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn ping(&mut self) -> Result<u64, PingError> {
        let result = self.conn.ping(self.now);
        self.called(Call::Ping, result)
    }

    /// As [`Connection::pong`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), PingError> {
        let result = self.conn.pong(self.now, payload);
        self.called(Call::Pong(payload.to_vec()), result)
    }

    /// As [`Connection::close`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn close(&mut self, close: Close) -> Result<(), CloseError> {
        let result = self.conn.close(self.now, close.clone());
        self.called(Call::Close(close), result)
    }

    /// As [`Connection::close_cutting`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn close_cutting(&mut self, close: Close) -> Result<(), CloseError> {
        let result = self.conn.close_cutting(self.now, close.clone());
        self.called(Call::CloseCutting(close), result)
    }

    /// As [`Connection::fail`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn fail(&mut self, close: Close) -> Result<(), CloseError> {
        let result = self.conn.fail(self.now, close.clone());
        self.called(Call::Fail(close), result)
    }

    /// As [`Connection::abort`].
    pub fn abort(&mut self) {
        self.conn.abort(self.now);
        self.done(What::Call(Call::Abort, Outcome::Done));
    }

    /// As [`Connection::stop_receiving`].
    pub fn stop_receiving(&mut self) {
        self.conn.stop_receiving(self.now);
        self.done(What::Call(Call::StopReceiving, Outcome::Done));
    }

    pub(crate) fn leave(&mut self) {
        self.conn.handle_dropped(self.now);
        self.done(What::Call(Call::Leave, Outcome::Done));
    }

    pub(crate) fn send<'m>(&mut self, message: Message<'m>) -> Result<Ticket, SendError<Message<'m>>> {
        let call = Call::Send(message.kind(), message.as_bytes().to_vec());
        let result = self.conn.send(self.now, message);
        self.called(call, result)
    }

    pub(crate) fn send_uncompressed<'m>(
        &mut self,
        message: Message<'m>,
    ) -> Result<Ticket, SendError<Message<'m>>> {
        let call = Call::SendUncompressed(message.kind(), message.as_bytes().to_vec());
        let result = self.conn.send_uncompressed(self.now, message);
        self.called(call, result)
    }

    pub(crate) fn send_prepared(&mut self, message: &Prepared) -> Result<Ticket, SendRefusal> {
        let call = Call::SendPrepared(message.kind(), message.payload().to_vec());
        let result = self.conn.send_prepared(self.now, message);
        self.called(call, result)
    }

    pub(crate) fn send_fragment<'m>(
        &mut self,
        part: Message<'m>,
        end: bool,
    ) -> Result<Ticket, SendError<Message<'m>>> {
        let call = Call::Fragment(part.kind(), part.as_bytes().to_vec(), end);
        let result = self.conn.send_fragment(self.now, part, end);
        self.called(call, result)
    }

    fn called<T: Number, E: ToString>(&mut self, call: Call, result: Result<T, E>) -> Result<T, E> {
        let outcome = match &result {
            Ok(answer) => answer.number().map_or(Outcome::Done, Outcome::Number),
            Err(error) => Outcome::Refused(error.to_string()),
        };
        self.done(What::Call(call, outcome));
        result
    }

    /// Makes a call that is given as data; its outcome is in the records.
    pub(crate) fn perform(&mut self, call: &Call) {
        match call {
            Call::Accept(subprotocol) => drop(self.accept(subprotocol.as_deref())),
            Call::Reject(status) => drop(self.reject(*status)),
            Call::Send(kind, payload) => drop(self.send(message(*kind, payload))),
            Call::SendUncompressed(kind, payload) => drop(self.send_uncompressed(message(*kind, payload))),
            Call::SendPrepared(kind, payload) => {
                let _refusal = self.send_prepared(&Prepared::new(&message(*kind, payload)));
            }
            Call::Fragment(kind, payload, end) => drop(self.send_fragment(message(*kind, payload), *end)),
            Call::Ping => drop(self.ping()),
            Call::Pong(payload) => drop(self.pong(payload)),
            Call::Close(close) => drop(self.close(close.clone())),
            Call::CloseCutting(close) => drop(self.close_cutting(close.clone())),
            Call::Fail(close) => drop(self.fail(close.clone())),
            Call::Abort => self.abort(),
            Call::StopReceiving => self.stop_receiving(),
            Call::Leave => self.leave(),
        }
    }
}

fn message(kind: Kind, payload: &[u8]) -> Message<'static> {
    match kind {
        Kind::Text => String::from_utf8_lossy(payload).into_owned().into(),
        Kind::Binary => payload.to_vec().into(),
    }
}

/// What a call answers.
trait Number {
    fn number(&self) -> Option<u64>;
}

impl Number for () {
    fn number(&self) -> Option<u64> {
        None
    }
}

impl Number for u64 {
    fn number(&self) -> Option<u64> {
        Some(*self)
    }
}

impl Number for Ticket {
    fn number(&self) -> Option<u64> {
        Some(self.0)
    }
}

impl core::fmt::Debug for Traced {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.conn.fmt(f)
    }
}
