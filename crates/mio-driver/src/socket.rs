//! A stream and its connection.
//!
//! Owns: the calls into the stream, in which order, and that none is made in a direction that is over. Must not know: a poll, other
//! sockets, and why the core asks for what it asks for.

use super::*;

/// Reads in one turn, before others get theirs.
pub const READS: usize = 4;

/// A connection over a stream that never blocks. It imposes no loop: give it a turn when the stream is [`ready`](Self::ready), and at its
/// [`deadline`](Self::deadline). While it is idle it holds no buffer.
///
/// What a poll told is remembered until the stream says `WouldBlock`: edges suffice, it need not repeat itself. A turn is
///
/// ```
/// # use adieu_mio::{Buffers, Event, Instant, READS, Ready, Socket, Transport};
/// # fn turn<S: Transport>(socket: &mut Socket<S>, ready: Ready, now: Instant, buffers: &mut Buffers) -> bool {
/// socket.ready(ready);
/// socket.begin(now, buffers);
/// for _ in 0..READS {
///     let mut input = socket.read(now, buffers);
///     let last = input.is_empty();
///     while let Some(event) = socket.next(now, &mut input) {
///         if let Event::Message(message) = event {
///             drop(socket.connection.send(now, message)); // what borrows is the buffer, not the connection
///         }
///     }
///     if last {
///         break;
///     }
/// }
/// let more = socket.settle(now, buffers); // another turn should come as soon as others had theirs
/// # more
/// # }
/// ```
///
/// Outside of a turn, [`look`](Self::look) before you change the connection, and [`settle`](Self::settle) after it.
#[derive(Debug)]
pub struct Socket<S> {
    /// The connection.
    pub connection: Connection,
    /// The stream, until it is let go of; when the connection has no event either, all is over. Whoever takes it goes on with it alone.
    pub stream: Option<S>,
    /// When the application is not asked to take messages.
    pub hold: Hold,
    reading: Way,
    writing: Way,
    /// A loop's: it waits for a turn. Here it takes no room of its own.
    pub(crate) due: bool,
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

/// What is known of a direction of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It would block; an edge will tell when not.
    Blocked,
    /// It may not block.
    Ready,
    /// Reading: it may not block, and the end is in sight.
    Ending,
    /// Nothing more is asked of it.
    Over,
}

/// What a poll tells of a stream. An error is a readiness of both directions: what it is comes out when what was there before is read
/// (CLOSE.md C6).
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
        Self { readable: event.is_readable(), writable, hung_up }
    }
}

impl<S: Transport> Socket<S> {
    /// Over a stream that is connected, or about to be: until then it would block.
    pub fn new(mut stream: S, connection: Connection) -> Self {
        stream.prepare();
        let (stream, hold, [reading, writing]) = (Some(stream), Hold::WhileFull, [Way::Ready; 2]);
        Self { connection, stream, hold, reading, writing, due: false }
    }

    /// When the next turn is due, whatever the stream is ready for. It may have moved away by then.
    pub fn deadline(&self) -> Option<Instant> {
        self.stream.as_ref().and(self.connection.deadline())
    }

    /// Remembers what a poll tells. A turn should follow.
    pub fn ready(&mut self, ready: Ready) {
        self.reading = match self.reading {
            Way::Blocked | Way::Ready if ready.hung_up => Way::Ending,
            Way::Blocked if ready.readable => Way::Ready,
            before => before,
        };
        if ready.writable && self.writing == Way::Blocked {
            self.writing = Way::Ready;
        }
    }

    /// A turn begins: is a deadline behind, does something wait to be told?
    pub fn begin(&mut self, now: Instant, buffers: &mut Buffers) {
        buffers.lend(&mut self.connection);
        let late = self.deadline().is_some_and(|deadline| deadline <= now);
        if late || self.connection.has_event() {
            // What waits in the stream has come in time, and comes before what is done about it.
            self.look(now, buffers);
        }
        if late {
            self.connection.handle_timeout(now);
        }
    }

    /// Reads what the stream holds, whatever a poll knows of it, ahead of the application: behind the peer's Close nothing can be sent
    /// (CLOSE.md S2).
    pub fn look(&mut self, now: Instant, buffers: &mut Buffers) {
        buffers.lend(&mut self.connection);
        self.ready(Ready { readable: true, ..Ready::default() });
        for _ in 0..READS {
            if self.connection.owes_output() {
                self.write(now);
            }
            let input = self.read(now, buffers);
            self.connection.handle_ahead(now, input);
        }
    }

    /// Reads once. Nothing: ask [`next`](Self::next) once more, and the turn is over. Others should have theirs after [`READS`] of them.
    pub fn read<'l>(&mut self, now: Instant, buffers: &'l mut Buffers) -> &'l mut [u8] {
        let (true, Some(stream)) = (self.wants_read(), &mut self.stream) else { return &mut [] };
        let scratch = buffers.scratch(self.connection.config().read_len.clamp(1, 16 << 20));
        let read = again(|| stream.read(scratch));
        let dry = |len| len < scratch.len() && self.reading == Way::Ready && S::SHORT_READ_IS_DRY;
        self.reading = match read {
            Ok(Some(0)) | Err(_) => Way::Over,
            Ok(len) if len.is_none_or(dry) => Way::Blocked,
            Ok(_) => self.reading,
        };
        match read {
            Ok(Some(0)) => self.connection.handle_eof(now),
            Ok(len) => return &mut scratch[..len.unwrap_or(0)],
            Err(error) => self.connection.handle_read_error(now, (&error).into()),
        }
        &mut []
    }

    /// Reading may bring something.
    fn wants_read(&self) -> bool {
        let ready = matches!(self.reading, Way::Ready | Way::Ending);
        ready && self.stream.is_some() && self.connection.wants_input()
    }

    /// The next event, from what was read and what waits: to be asked until there is none. While the application [holds](Hold), there is none.
    pub fn next<'b>(&mut self, now: Instant, input: &mut &'b mut [u8]) -> Option<Event<'b>> {
        let held = self.is_held();
        if held {
            self.connection.handle_ahead(now, std::mem::take(input));
        }
        let event = if held { None } else { self.connection.handle_input(now, input) };
        if event.is_none() {
            // What a read has brought is answered before the next one may find the end.
            self.write(now);
        }
        event
    }

    fn is_held(&self) -> bool {
        let full = || self.connection.refusal() == Some(SendRefusal::Full);
        self.hold == Hold::Always || self.hold == Hold::WhileFull && full()
    }

    /// Writes what is to be written, and brings the stream to the level that the core asks for. `true`: a turn should follow.
    pub fn settle(&mut self, now: Instant, buffers: &mut Buffers) -> bool {
        self.write(now);
        let level = self.connection.transport();
        match level {
            Level::Open => {}
            Level::ShutdownWrite | Level::Close => self.shut_down(),
            Level::Reset => self.stream.iter_mut().for_each(Transport::reset),
        }
        // What is dropped here is closed.
        drop(self.stream.take_if(|_| level >= Level::Close));
        if !self.connection.wants_output() {
            buffers.take_back(&mut self.connection);
        }
        self.wants_read() || !self.is_held() && self.connection.has_event()
    }

    fn write(&mut self, now: Instant) {
        let Err(error) = self.try_write(now) else { return };
        self.writing = Way::Over;
        self.connection.handle_write_error(now, (&error).into());
        // No edge may tell of what is still to be read.
        self.ready(Ready { readable: true, ..Ready::default() });
    }

    /// Writes until nothing is left or the stream takes no more.
    // R6.1-08
    fn try_write(&mut self, now: Instant) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.writing == Way::Ready && self.connection.wants_output() {
            let mut slices = [&[][..]; 2];
            let count = self.connection.transmit(now, &mut slices);
            match again(|| stream.write_vectored(&slices.map(IoSlice::new)[..count]))? {
                Some(_) if count == 0 => break,
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(len) => self.connection.handle_written(now, len),
                None => self.writing = Way::Blocked,
            }
        }
        if self.writing == Way::Ready && again(|| stream.flush())?.is_none() {
            self.writing = Way::Blocked;
        }
        Ok(())
    }

    /// Shuts the sending direction down, if that is not done yet. A failure shows on the reading side.
    // R7.1.1-01
    fn shut_down(&mut self) {
        let (true, Some(stream)) = (self.writing != Way::Over, &mut self.stream) else { return };
        if !matches!(again(|| stream.shut_down()), Ok(None)) {
            self.writing = Way::Over;
        }
    }
}

/// Calls into a stream until no signal comes between. `None`: it would block; so does one that is not connected yet, whatever a system calls
/// that.
fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(None),
            result => return result.map(Some),
        }
    }
}
