//! Progress: bytes from the stream into the core, and from the core into the stream.
//!
//! Owns: in which order and how often. Must not know: why, which the core tells in levels.

use std::task::{Poll, Waker};

use adieu_core::Transport as Level;
use adieu_core::{Closed, Event, Instant, Message, Prepared, SendError, SendRefusal, Ticket};

use crate::shared::{After, Inner, Io};
use crate::thread::{self, Rest};
use crate::transport::Transport;
use crate::wire::{Read, SLICES};

/// After so many messages that were sent within a turn, what the turn has read is not fresh any more.
const SENDS: u8 = 128;

/// What a read came to.
enum Fetched {
    Bytes(usize),
    /// The stream ended, which the core knows by now.
    End,
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// The reactor: its answer costs nothing when there is nothing, and it wakes when there is.
    Reactor,
    /// The operating system.
    System,
}

/// How a message is to be sent: in a fragment, which is the last or not, and never compressed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Form {
    pub(crate) end: Option<bool>,
    pub(crate) plain: bool,
}

impl<S: Transport> Inner<S> {
    /// Lends the thread's write buffer for as long as there is something to write.
    pub(crate) fn lend(&mut self) {
        if !self.lent {
            self.lent = true;
            let mut spare = thread::take_spare();
            self.conn.exchange_buffer(&mut spare);
            thread::give_spare(spare);
        }
    }

    fn take_back(&mut self) {
        if !self.conn.wants_output() {
            self.lent = false;
            loop {
                let mut buffer = Vec::new();
                self.conn.exchange_buffer(&mut buffer);
                if buffer.capacity() == 0 {
                    break;
                }
                thread::give_spare(buffer);
            }
        }
    }

    fn read_len(&self) -> usize {
        self.conn.config().read_len.clamp(1, 16 << 20)
    }

    /// Reads once, if reading makes sense. What a read has brought is answered before the next one may find the end.
    fn fetch(&mut self, io: &mut Io<'_>, ask: Ask, scratch: &mut [u8]) -> Fetched {
        if self.conn.owes_output() {
            self.flush(io);
        }
        if !self.conn.wants_input() || self.wire.has_ended() {
            self.paused = !self.wire.has_ended();
            return Fetched::Nothing;
        }
        if io.turn.reads == 0 {
            io.more = true;
            return Fetched::Nothing;
        }
        let read = match ask {
            Ask::Reactor => self.wire.poll_read(&mut io.cx, scratch),
            Ask::System => self.wire.look(&mut io.cx, scratch),
        };
        match read {
            Read::Bytes(len) => {
                io.turn.reads -= 1;
                io.turn.fresh = len < scratch.len();
                // A stream that holds back what it has read does not hear of it from the reactor.
                io.turn.registered = false;
                return Fetched::Bytes(len);
            }
            Read::Nothing => {
                io.turn.fresh |= ask == Ask::System;
                io.turn.registered |= ask == Ask::Reactor;
                return Fetched::Nothing;
            }
            Read::End => self.conn.handle_eof(io.now),
            Read::Error(error) => self.conn.handle_read_error(io.now, error),
        }
        io.turn.fresh = true;
        Fetched::End
    }

    /// Reads on behalf of nobody: what arrives waits in the core.
    fn fetch_ahead(&mut self, io: &mut Io<'_>, ask: Ask) {
        self.digest(io.now);
        let read_len = self.read_len();
        let mut scratch = thread::take_scratch(read_len);
        while let Fetched::Bytes(len) = self.fetch(io, ask, &mut scratch[..read_len]) {
            self.conn.handle_ahead(io.now, &mut scratch[..len]);
        }
        thread::give_scratch(scratch);
    }

    /// Reads what the reactor knows of, unless it has said in this turn that there is nothing.
    pub(crate) fn read_ahead(&mut self, io: &mut Io<'_>) {
        if !io.turn.registered {
            self.fetch_ahead(io, Ask::Reactor);
        }
    }

    /// Reads what the operating system holds, unless this turn has read to the end (CLOSE.md S2).
    pub(crate) fn look(&mut self, io: &mut Io<'_>) {
        if !io.turn.fresh {
            self.fetch_ahead(io, Ask::System);
        }
    }

    /// Feeds what this turn has read and nobody asked for.
    pub(crate) fn digest(&mut self, now: Instant) {
        if !self.rest.is_empty() {
            self.conn.handle_ahead(now, self.rest.bytes());
            self.rest.keep(0);
        }
    }

    /// Asks for the next event, for the task that `register` registers with the hub.
    pub(crate) fn next(
        &mut self,
        io: &mut Io<'_>,
        register: impl Fn(),
    ) -> Poll<Result<Event<'static>, Box<Closed>>> {
        self.receiving = false;
        loop {
            let event = match self.next_of_rest(io.now) {
                None => self.conn.poll_event(io.now),
                event => event,
            };
            match event {
                Some(Event::Closed(closed)) => return Poll::Ready(Err(closed)),
                Some(Event::Pong(pong)) => self.waiters.answered(pong),
                Some(event) => return Poll::Ready(Ok(event)),
                None => {
                    if let Some(closed) = self.conn.closed() {
                        return Poll::Ready(Err(Box::new(closed.clone())));
                    }
                    register();
                    if !self.fetch_rest(io) {
                        self.receiving = true;
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// Asks for the next event from what this turn has read.
    fn next_of_rest(&mut self, now: Instant) -> Option<Event<'static>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut input = self.rest.bytes();
        let event = self.conn.handle_input(now, &mut input).map(Event::into_owned);
        let left = if event.is_some() { input.len() } else { 0 };
        self.rest.keep(left);
        event
    }

    /// Reads once, so that messages need not go through the inbox; `false` if there is nothing.
    fn fetch_rest(&mut self, io: &mut Io<'_>) -> bool {
        let read_len = self.read_len();
        let mut scratch = thread::take_scratch(read_len);
        match self.fetch(io, Ask::Reactor, &mut scratch[..read_len]) {
            Fetched::Bytes(len) => {
                self.rest = Rest::new(scratch, len);
                return true;
            }
            Fetched::End => thread::give_scratch(scratch),
            Fetched::Nothing => {
                thread::give_scratch(scratch);
                return false;
            }
        }
        true
    }

    /// Acts on deadlines that have passed. What waits to be read counts as having come in time.
    pub(crate) fn mind_clock(&mut self, io: &mut Io<'_>, rang: bool) {
        if !rang && self.armed.is_none_or(|armed| armed > io.now) {
            return;
        }
        self.armed = None;
        if self.conn.deadline().is_some_and(|deadline| deadline <= io.now) {
            io.turn.fresh = false;
            self.look(io);
            self.conn.handle_timeout(io.now);
        }
    }

    /// When the driver's alarm is to be set anew: only if it would come too late, or has rung.
    pub(crate) fn alarm(&mut self, now: Instant) -> Option<Instant> {
        let deadline = self.conn.deadline()?;
        if self.armed.is_some_and(|armed| now < armed && armed <= deadline) {
            return None;
        }
        self.armed = Some(deadline);
        self.armed
    }

    /// Offers a message, or a fragment, to the queue.
    pub(crate) fn send<'m>(
        &mut self,
        io: &mut Io<'_>,
        message: Message<'m>,
        form: Form,
    ) -> Result<Ticket, SendError<Message<'m>>> {
        self.look_before_send(io);
        match self.offer(io.now, message, form) {
            Err(SendError { refusal: SendRefusal::Full, message }) => {
                self.flush(io);
                self.offer(io.now, message, form)
            }
            answer => answer,
        }
    }

    /// Offers a message that was prepared for many to the queue.
    pub(crate) fn send_prepared(
        &mut self,
        io: &mut Io<'_>,
        message: &Prepared,
    ) -> Result<Ticket, SendRefusal> {
        self.look_before_send(io);
        match self.conn.send_prepared(io.now, message) {
            Err(SendRefusal::Full) => {
                self.flush(io);
                self.conn.send_prepared(io.now, message)
            }
            answer => answer,
        }
    }

    fn look_before_send(&mut self, io: &mut Io<'_>) {
        io.turn.sends += 1;
        if io.turn.sends == SENDS {
            (io.turn.sends, io.turn.fresh) = (0, false);
        }
        self.look(io);
    }

    fn offer<'m>(
        &mut self,
        now: Instant,
        message: Message<'m>,
        form: Form,
    ) -> Result<Ticket, SendError<Message<'m>>> {
        match form {
            Form { end: None, plain: false } => self.conn.send(now, message),
            Form { end: None, plain: true } => self.conn.send_uncompressed(now, message),
            Form { end: Some(end), plain: false } => self.conn.send_fragment(now, message, end),
            Form { end: Some(end), plain: true } => self.conn.send_fragment_uncompressed(now, message, end),
        }
    }

    /// Writes until nothing is left or the stream takes no more.
    // R6.1-08
    fn flush(&mut self, io: &mut Io<'_>) {
        loop {
            let mut slices = [&[][..]; SLICES];
            let count = self.conn.transmit(io.now, &mut slices);
            if count == 0 {
                break;
            }
            match self.wire.poll_write(&mut io.cx, &slices[..count]) {
                Poll::Pending => return,
                Poll::Ready(Ok(len)) => {
                    self.conn.handle_written(io.now, len);
                    if !self.conn.wants_output() {
                        break;
                    }
                }
                Poll::Ready(Err(error)) => return self.conn.handle_write_error(io.now, error),
            }
        }
        if let Err(error) = self.wire.flush(&mut io.cx) {
            self.conn.handle_write_error(io.now, error);
        }
    }

    /// Everything that was sent is written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.conn.buffered() == 0 && self.wire.is_flushed()
    }

    /// Brings the stream to the level that the core asks for; answers with it when it is done with.
    fn level(&mut self, io: &mut Io<'_>) -> Option<S> {
        match self.conn.transport() {
            Level::Open => None,
            Level::ShutdownWrite => {
                self.wire.shut_down(&mut io.cx);
                None
            }
            Level::Close => {
                self.wire.shut_down(&mut io.cx);
                self.wire.take()
            }
            Level::Reset => {
                let mut stream = self.wire.take();
                if let Some(stream) = &mut stream {
                    stream.reset();
                }
                stream
            }
        }
    }

    /// Moves the wakers of calls whose wait is over to `wakers`.
    pub(crate) fn wake_waiters(&mut self, wakers: &mut Vec<Waker>) {
        if !self.waiters.is_empty() {
            let flushed = self.is_flushed();
            self.waiters.ready(&self.conn, flushed, wakers);
        }
    }

    /// Does what follows from a change, and finds out who is to be woken.
    pub(crate) fn settle(&mut self, io: &mut Io<'_>) -> After<S> {
        self.flush(io);
        let mut after = After::nothing();
        after.stream = self.level(io);
        after.driver = after.stream.is_some();
        self.take_back();
        while let Some(pong) = self.conn.poll_pong() {
            self.waiters.answered(pong);
        }
        self.wake_waiters(&mut after.wakers);
        if self.receiving && (io.more || self.conn.has_event()) {
            self.receiving = false;
            after.receiver = true;
        }
        if self.paused && self.conn.wants_input() {
            self.paused = false;
            after.driver = true;
        }
        after
    }

    /// [`settle`](Self::settle), by another than the driver: which may have to set its alarm, or go on.
    pub(crate) fn settle_for_others(&mut self, io: &mut Io<'_>) -> After<S> {
        let mut after = self.settle(io);
        let deadline = self.conn.deadline();
        let late = deadline.is_some_and(|deadline| self.armed.is_none_or(|armed| deadline < armed));
        after.driver |= late || io.more;
        after
    }
}
