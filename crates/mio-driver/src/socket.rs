//! A stream and its connection.
//!
//! Owns: the calls into the stream, in which order, and that none is made in a direction that is over. Must not know: a poll, other
//! sockets, and why the core asks for what it asks for.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::mem::take;

use adieu_core::Transport as Level;
use adieu_core::{Connection, Event, Instant, Message, SendRefusal, SendResult, TransportError};
use mio::Interest;

use crate::buffers::Buffers;
use crate::transport::Transport;

/// The most slices in one write.
const SLICES: usize = 16;

/// Reads in one turn, before others get theirs.
pub(crate) const READS: usize = 4;

/// A connection over a stream that never blocks. It imposes no loop: tell it with [`ready`](Self::ready) what the stream is ready for, and
/// again at its [`deadline`](Self::deadline). While it is idle it holds no buffer.
///
/// What was told is remembered until the stream says `WouldBlock`, so edges suffice: a poll need not repeat itself.
pub struct Socket<S> {
    connection: Connection,
    stream: Option<S>,
    reading: Reading,
    writing: Writing,
    /// Something was written that the stream may hold back.
    unflushed: bool,
    hold: Hold,
}

/// When the application is not asked to take messages. What arrives meanwhile waits in the core, which stops reading when it has enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It takes whatever comes.
    Never,
    /// While its queue to that peer is full: so an answer to each message is never refused for want of room. The default.
    WhileFull,
    /// It takes nothing.
    Always,
}

/// What is known of the peer's direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Nothing is there; an edge will tell.
    Dry,
    /// Something may be there.
    Ready,
    /// Something may be there, and behind it the end is.
    Ending,
    Over,
}

/// What is known of our direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// The stream is not connected yet.
    Connecting,
    /// The stream took no more; an edge will tell.
    Full,
    Ready,
    /// Shut down, or broken.
    Over,
}

/// What a poll tells of a stream. An error or a hang-up is a readiness of both directions: what it is comes out when what was there
/// before is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Something can be read.
    pub readable: bool,
    /// Something can be written.
    pub writable: bool,
    /// The peer's direction has ended, behind what can be read.
    pub hung_up: bool,
}

impl From<&mio::event::Event> for Ready {
    fn from(event: &mio::event::Event) -> Self {
        let hung_up = event.is_read_closed() || event.is_error();
        let writable = event.is_writable() || event.is_write_closed() || event.is_error();
        Self { readable: event.is_readable() || hung_up, writable, hung_up }
    }
}

impl<S: Transport> Socket<S> {
    /// Over a stream that is connected.
    pub fn new(mut stream: S, connection: Connection) -> Self {
        stream.prepare();
        let (reading, writing) = (Reading::Ready, Writing::Ready);
        Self { connection, stream: Some(stream), reading, writing, unflushed: false, hold: Hold::WhileFull }
    }

    /// Over a stream that is about to be connected: it is asked whether it is, at each turn until then.
    pub fn connecting(stream: S, connection: Connection) -> Self {
        Self { writing: Writing::Connecting, ..Self::new(stream, connection) }
    }

    /// A turn: reads, hands `app` what that brings, writes. `true`: there is more to do, and the next turn should come as soon as others
    /// had theirs. `app` may use the connection as it likes.
    pub fn ready(
        &mut self,
        now: Instant,
        ready: Ready,
        buffers: &mut Buffers,
        mut app: impl FnMut(&mut Connection, Event<'_>),
    ) -> bool {
        self.note(ready);
        // What failed is in the verdict.
        let _refused = self.begin(now, buffers);
        for _ in 0..READS {
            let mut input = self.read(now, buffers);
            let last = input.is_empty();
            while let Some(event) = self.next(now, &mut input) {
                app(&mut self.connection, event);
            }
            if last {
                break;
            }
        }
        self.settle(now, buffers)
    }

    /// Queues a message outside of a turn, behind a look at what the stream holds: after the peer's Close it is refused (CLOSE.md S2).
    /// [`settle`](Self::settle) writes it.
    ///
    /// # Errors
    ///
    /// [`SendError`](adieu_core::SendError), with the message.
    pub fn send<'m>(
        &mut self,
        now: Instant,
        buffers: &mut Buffers,
        message: impl Into<Message<'m>>,
    ) -> SendResult<'m> {
        self.look(now, buffers);
        buffers.lend(&mut self.connection);
        self.connection.send(now, message)
    }

    /// When the next turn is due, whatever the stream is ready for. It may have moved away by then.
    pub fn deadline(&self) -> Option<Instant> {
        self.stream.as_ref().and(self.connection.deadline())
    }

    /// What a poll that repeats itself should be asked for; nothing if nothing can be done, or the stream is gone.
    pub fn interest(&self) -> Option<Interest> {
        let input = self.connection.wants_input() && self.reading != Reading::Over;
        let output = self.writing == Writing::Connecting
            || self.writing != Writing::Over && (self.connection.wants_output() || self.unflushed);
        let stream = self.stream.as_ref();
        let readable = stream.and(input.then_some(Interest::READABLE));
        let writable = stream.and(output.then_some(Interest::WRITABLE));
        readable.map_or(writable, |readable| Some(writable.map_or(readable, |writable| readable | writable)))
    }

    /// The connection.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, to be changed: [`settle`](Self::settle) does what follows.
    pub const fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// The stream, until it is let go of.
    pub const fn stream(&self) -> Option<&S> {
        self.stream.as_ref()
    }

    /// The same, for a registry.
    pub const fn stream_mut(&mut self) -> Option<&mut S> {
        self.stream.as_mut()
    }

    /// Parts with the stream: nothing is read or written any more.
    pub const fn take_stream(&mut self) -> Option<S> {
        self.stream.take()
    }

    /// When the application is not asked to take messages, from now on. A turn should follow.
    pub const fn hold(&mut self, hold: Hold) {
        self.hold = hold;
    }

    fn is_held(&self) -> bool {
        match self.hold {
            Hold::Never => false,
            Hold::WhileFull => self.connection.refusal() == Some(SendRefusal::Full),
            Hold::Always => true,
        }
    }

    /// The stream is let go of, and the application was told everything.
    pub fn is_done(&self) -> bool {
        self.stream.is_none() && !self.connection.has_event()
    }

    /// Remembers what a poll tells.
    pub(crate) fn note(&mut self, ready: Ready) {
        if self.reading != Reading::Over {
            self.reading = match self.reading {
                Reading::Ending => Reading::Ending,
                _ if ready.hung_up => Reading::Ending,
                _ if ready.readable => Reading::Ready,
                before => before,
            };
        }
        if ready.writable && self.writing == Writing::Full {
            self.writing = Writing::Ready;
        }
    }

    /// What comes before the first read of a turn: is the stream connected, is a deadline behind, what waits to be told?
    ///
    /// # Errors
    ///
    /// The stream's, if it could not be connected; the connection knows.
    pub(crate) fn begin(&mut self, now: Instant, buffers: &mut Buffers) -> io::Result<()> {
        let connected = self.connect(now);
        buffers.lend(&mut self.connection);
        let late = self.deadline().is_some_and(|deadline| deadline <= now);
        if late || self.connection.has_event() {
            // What waits in the stream has come in time, and comes before what is done about it.
            self.look(now, buffers);
        }
        if late {
            self.connection.handle_timeout(now);
        }
        connected
    }

    fn connect(&mut self, now: Instant) -> io::Result<()> {
        let (Writing::Connecting, Some(stream)) = (self.writing, &mut self.stream) else { return Ok(()) };
        match stream.is_connected() {
            Ok(true) => (self.reading, self.writing) = (Reading::Ready, Writing::Ready),
            Ok(false) => {}
            Err(error) => {
                (self.reading, self.writing) = (Reading::Over, Writing::Over);
                self.connection.handle_read_error(now, TransportError::from(&error));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Reads what the stream holds, whatever a poll knows of it, ahead of the application.
    pub(crate) fn look(&mut self, now: Instant, buffers: &mut Buffers) {
        if self.reading == Reading::Dry {
            self.reading = Reading::Ready;
        }
        for _ in 0..READS {
            let input = self.read(now, buffers);
            if input.is_empty() {
                break;
            }
            self.connection.handle_ahead(now, input);
        }
    }

    /// Reads once; nothing, if nothing is there or wanted.
    pub(crate) fn read<'l>(&mut self, now: Instant, buffers: &'l mut Buffers) -> &'l mut [u8] {
        let wanted = matches!(self.reading, Reading::Ready | Reading::Ending) && self.wants_input();
        let (true, Some(stream)) = (wanted, &mut self.stream) else { return &mut [] };
        let scratch = buffers.scratch(self.connection.config().read_len.max(1));
        match again(|| stream.read(scratch)) {
            Ok(len) if len > 0 => {
                if len < scratch.len() && self.reading == Reading::Ready && stream.short_read_is_dry() {
                    self.reading = Reading::Dry;
                }
                return &mut scratch[..len];
            }
            Ok(_) => {
                self.reading = Reading::Over;
                self.connection.handle_eof(now);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.reading = Reading::Dry,
            Err(error) => {
                self.reading = Reading::Over;
                self.connection.handle_read_error(now, TransportError::from(&error));
            }
        }
        &mut []
    }

    fn wants_input(&self) -> bool {
        self.writing != Writing::Connecting && self.connection.wants_input()
    }

    /// Asks for the next event in the application's name; while that holds, looks ahead.
    pub(crate) fn next<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Event<'b>> {
        if self.is_held() {
            self.connection.handle_ahead(now, take(input));
            return None;
        }
        self.connection.handle_input(now, input)
    }

    /// Writes what is to be written, and brings the stream to the level that the core asks for. To be called when the connection was
    /// changed outside of a turn. `true`: a turn should follow.
    pub fn settle(&mut self, now: Instant, buffers: &mut Buffers) -> bool {
        if let Err(error) = self.write(now) {
            self.writing = Writing::Over;
            self.unflushed = false;
            self.connection.handle_write_error(now, error);
            // No edge may tell of what is still to be read.
            self.note(Ready { readable: true, ..Ready::default() });
        }
        match self.connection.transport() {
            Level::Open => {}
            Level::ShutdownWrite => self.shut_down(),
            Level::Close => {
                self.shut_down();
                self.stream = None;
            }
            Level::Reset => {
                if let Some(mut stream) = self.stream.take() {
                    stream.reset();
                }
            }
        }
        if !self.connection.wants_output() {
            buffers.take_back(&mut self.connection);
        }
        let readable = self.stream.is_some() && matches!(self.reading, Reading::Ready | Reading::Ending);
        readable && self.wants_input() || !self.is_held() && self.connection.has_event()
    }

    /// Writes until nothing is left or the stream takes no more.
    // R6.1-08
    fn write(&mut self, now: Instant) -> Result<(), TransportError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.writing == Writing::Ready && self.connection.wants_output() {
            let mut slices = [&[][..]; SLICES];
            let count = self.connection.transmit(now, &mut slices);
            let written = match slices[..count] {
                [] => break,
                [only] => again(|| stream.write(only)),
                _ => {
                    let slices = slices.map(IoSlice::new);
                    again(|| stream.write_vectored(&slices[..count]))
                }
            };
            match written {
                Ok(0) => return Err(TransportError::Reset),
                Ok(len) => {
                    self.unflushed = true;
                    self.connection.handle_written(now, len);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writing = Writing::Full,
                Err(error) => return Err(TransportError::from(&error)),
            }
        }
        if self.unflushed {
            match again(|| stream.flush()) {
                Ok(()) => self.unflushed = false,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(TransportError::from(&error)),
            }
        }
        Ok(())
    }

    /// Shuts the sending direction down, if that is not done yet. A failure shows on the reading side.
    // R7.1.1-01
    fn shut_down(&mut self) {
        let (Writing::Full | Writing::Ready, Some(stream)) = (self.writing, &mut self.stream) else { return };
        match again(|| stream.shut_down()) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(()) | Err(_) => self.writing = Writing::Over,
        }
    }
}

/// Calls into a stream until no signal comes between.
fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<S> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, reading, writing, .. } = self;
        let state = connection.state();
        f.debug_struct("Socket").field("state", &state).field("reading", reading).field("writing", writing).finish()
    }
}
