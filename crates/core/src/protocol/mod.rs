//! Everything of a connection that is timed or ordered, as plain data.
//!
//! Owns: the lifecycle, frame decoding, control frames, deadlines, the verdict, and *counts* of what is queued, committed and
//! undelivered. Must not know: payloads of messages, buffers, entropy, and of HTTP no more than that a refusal may have a response.

mod application;
mod clock;
mod ending;
mod pings;
mod receive;

pub use pings::{MAX_PINGS, MAX_PONGS};
pub use receive::Data;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::mem::take;

use crate::frame::{Header, Opcode};
use crate::lifecycle::{Action, Input, Phase, step};
use crate::{
    Cause, Close, CloseError, Closed, Config, Initiator, Instant, Kind, Role, SendRefusal, State, Ticket,
    Timeout, Transport, TransportError, Violation,
};

use clock::Clock;
use ending::{Ending, Notices};
use pings::Pings;
use receive::Decoder;

/// A connection without its bytes.
///
/// [`Connection`](crate::Connection) is made of it; a model checker, a streaming application or a completion-based driver may drive it
/// directly. Frames to send are encoded by the caller, who tells here what was queued and what was written, and who validates what is
/// received: text that is not UTF-8 is told with [`handle_violation_inside`](Self::handle_violation_inside).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    config: Arc<Config>,
    role: Role,
    phase: Phase,
    clock: Clock,
    decoder: Decoder,
    /// The peer's direction of the stream brings nothing more.
    eof: bool,
    /// The message that the application was given last is still being handled (CLOSE.md rule 6).
    handling: bool,
    /// Nothing is delivered any more.
    pub(crate) deaf: bool,
    out: Out,
    /// The room that is taken by what waits for the application: zero where nothing does.
    pub(crate) waiting_len: usize,
    pings: Option<Box<Pings>>,
    notices: Notices,
    ending: Option<Box<Ending>>,
}

/// What we send: how far it has come, and what is queued and not yet written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Out {
    next_ticket: u64,
    next_ping: u64,
    /// Messages below this number are confirmed.
    confirmed: u64,
    /// The kind of our unfinished message.
    unfinished: Option<Kind>,
    /// A message of ours is partly written.
    mid_message: bool,
    /// Bytes that are queued: of frames and handshake, headers included.
    len: usize,
    /// Messages of which not every byte is written: what is unsent, should it end now.
    messages: u64,
    /// Their payloads; `written_len` and `begun_len` are parts of it.
    payload_len: u64,
    /// Of the first of them, what is written already.
    written_len: u64,
    /// Of our unfinished message, which is the last of them, what is queued.
    begun_len: u64,
    /// The high water mark was reached and the low one was not since.
    full: bool,
}

impl Protocol {
    /// A connection in CONNECTING.
    pub fn new(role: Role, config: Arc<Config>, now: Instant) -> Self {
        Self {
            clock: Clock::new(&config, now),
            config,
            role,
            phase: Phase::Connecting,
            decoder: Decoder::default(),
            eof: false,
            handling: false,
            deaf: false,
            out: Out::default(),
            waiting_len: 0,
            pings: None,
            notices: Notices::default(),
            ending: None,
        }
    }

    // ---- what the transport does

    /// The peer's direction ended: in order, or because reading failed.
    pub fn handle_end(&mut self, now: Instant, error: Option<TransportError>) {
        if !self.has_ended() {
            error.into_iter().for_each(|error| self.learn(error));
            self.eof = true;
            self.apply(now, if error == Some(TransportError::Reset) { Input::Reset } else { Input::End });
        }
    }

    /// Writing failed. It ends sending only.
    pub fn handle_write_error(&mut self, now: Instant, error: TransportError) {
        self.learn(error);
        self.ending().mute = true;
        self.apply(now, Input::WriteError);
    }

    /// Bytes were queued: a frame or a head, `len` bytes with its header, `payload_len` of a message among them.
    #[inline]
    pub fn handle_queued(&mut self, now: Instant, len: usize, payload_len: usize) {
        let out = &mut self.out;
        out.len += len;
        out.payload_len += payload_len as u64;
        out.begun_len = if out.unfinished.is_some() { out.begun_len + payload_len as u64 } else { 0 };
        self.out.full |= self.is_full();
        self.clock.queued(&self.config, now);
    }

    /// The last byte of a frame was taken; to be told before [`handle_written`](Self::handle_written), and not where all that is queued
    /// was taken.
    pub fn handle_frame_written(&mut self, now: Instant, Header { fin, opcode, len, .. }: Header) {
        if opcode == Opcode::Ping {
            self.ping_written(now);
        }
        if !opcode.is_control() {
            self.clock.message = now;
            self.out.mid_message = !fin;
            self.out.written_len += len;
            if fin {
                self.out.payload_len -= take(&mut self.out.written_len).min(self.out.payload_len);
                self.out.messages = self.out.messages.saturating_sub(1);
            }
        }
    }

    /// The transport took `len` of the committed bytes; they end inside a data frame (`mid_frame`), or do not.
    #[inline]
    pub fn handle_written(&mut self, now: Instant, len: usize, mid_frame: bool) {
        if len == 0 || !self.writes() {
            return;
        }
        self.out.mid_message |= mid_frame;
        self.out.len = self.out.len.saturating_sub(len);
        self.clock.wrote(&self.config, now, self.out.len > 0 || self.has_urgent());
        if self.out.full && !self.is_full() && self.out.len <= self.config.send_low {
            self.out.full = false;
            self.notices.drained = true;
        }
        if self.out.len == 0 {
            (self.out.payload_len, self.out.written_len) = (self.out.begun_len, self.out.begun_len);
            self.out.mid_message = self.out.unfinished.is_some();
            self.out.messages = u64::from(self.out.mid_message);
            self.flushed(now);
        }
    }

    /// All that was queued is written.
    fn flushed(&mut self, now: Instant) {
        while self.pings.is_some() && self.ping_written(now) {}
        if self.phase != Phase::Open && !self.notices.close {
            if let Some(Ending { verdict, .. }) = self.ending.as_deref_mut() {
                verdict.flushed = verdict.sent.is_some();
            }
            // A Ping that came before the peer's Close is answered, also behind ours.
            if self.phase != Phase::Answering || !self.has_urgent() {
                self.apply(now, Input::Flushed);
            }
        }
    }

    // ---- queries

    /// The role.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The state.
    pub const fn state(&self) -> State {
        self.phase.state()
    }

    /// The phase: the state, refined.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The configuration.
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// What the transport should be by now.
    pub const fn transport(&self) -> Transport {
        self.phase.transport()
    }

    /// The send queue is at its high water mark, which is one byte at least.
    pub(super) fn is_full(&self) -> bool {
        self.out.len >= self.config.send_high.max(1)
    }

    /// Reading makes sense.
    pub fn wants_input(&self) -> bool {
        let full = !self.deaf && self.waiting_len >= self.config.inbox_len.max(1);
        !(full && self.phase == Phase::Open || self.has_ended())
    }

    /// The peer's direction of the stream brings nothing more, not even its end.
    fn has_ended(&self) -> bool {
        self.eof || self.transport() >= Transport::Close
    }

    /// Writing makes sense: the transport takes bytes, and the verdict is not decided.
    pub fn writes(&self) -> bool {
        self.state() != State::Closed && !self.ending.as_ref().is_some_and(|ending| ending.mute)
    }

    /// Bytes that wait to be taken by the transport.
    pub const fn buffered(&self) -> usize {
        self.out.len
    }

    /// The last message that is confirmed.
    pub fn confirmed(&self) -> Option<Ticket> {
        self.out.confirmed.checked_sub(1).map(Ticket)
    }

    /// The verdict, once it is decided.
    pub fn closed(&self) -> Option<&Closed> {
        self.ending.as_ref().filter(|_| self.state() == State::Closed).map(|ending| &ending.verdict)
    }

    /// The peer's Close, noted or in effect.
    pub fn peer_close(&self) -> Option<&Close> {
        self.ending.as_ref()?.verdict.received.as_ref()
    }

    /// The opening handshake took too long.
    pub(crate) fn is_late(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.cause == Some(Cause::Timeout(Timeout::Handshake)))
    }

    /// What was just parsed is behind something: messages that the application has not asked past, or Pongs that it must not outrun.
    fn is_behind(&self) -> bool {
        if self.state() != State::Open {
            return self.has_urgent() || self.out.len > 0 && self.writes();
        }
        (self.waiting_len > 0 || self.handling) && !self.config.close_linger.is_zero()
    }

    /// What the lifecycle would do.
    const fn would(&self, input: Input) -> Action {
        step(self.role, self.phase, input).1
    }

    // ---- the lifecycle

    /// Feeds the table and does what it says.
    fn apply(&mut self, now: Instant, input: Input) {
        let before = self.phase;
        let (next, action) = step(self.role, before, input);
        self.phase = next;
        if before != next {
            self.clock.entered(&self.config, now, next);
            // A keepalive Ping that is not sent any more is not waited for.
            if self.out.len == 0 && !self.has_urgent() {
                self.clock.write = None;
            }
        }
        let fault = self.ending.as_ref().and_then(|ending| ending.fault);
        if let Some(fault) = fault.filter(|_| self.state() != State::Open) {
            self.blame(Cause::Violation(fault));
        }
        match action {
            Action::Decide => self.decide(),
            Action::QueueClose => self.order_close(input),
            Action::QueueEcho => self.order_echo(),
            Action::QueueRefusal | Action::Queue | Action::HandBack | Action::Deliver => {}
            Action::Discard | Action::Pong | Action::Move | Action::Ignore => {}
        }
        let leaves_open = before.state() == State::Open && self.state() != State::Open;
        self.notices.closing |= leaves_open && self.peer_close().is_some();
        if action == Action::Decide && self.eof {
            self.apply(now, Input::End);
        }
    }

    /// A fault of the peer's that the caller has found, such as in a handshake: it is noted, or takes effect.
    #[inline(never)]
    pub fn handle_violation(&mut self, now: Instant, violation: Violation) {
        self.ending().fault = Some(violation);
        let behind = self.is_behind();
        self.apply(now, if behind { Input::ViolationBehind } else { Input::Violation });
    }

    /// A fault that the caller has found in a message's payload: the message stays unfinished, wherever the input was cut. `told`: a part of
    /// it is given to the application all the same.
    pub fn handle_violation_inside(&mut self, now: Instant, violation: Violation, told: bool) {
        self.handling |= told;
        self.decoder.message.get_or_insert(Kind::Binary);
        self.handle_violation(now, violation);
    }

    /// Sets the cause, if none arose before.
    pub(crate) fn blame(&mut self, cause: Cause) {
        self.ending().cause.get_or_insert(cause);
    }

    /// What a driver learned of its transport: a reset outranks a truncation, and after the verdict nothing counts.
    fn learn(&mut self, error: TransportError) {
        let ending = self.ending.get_or_insert_default();
        if self.phase.state() != State::Closed && ending.lost != Some(TransportError::Reset) {
            ending.lost = Some(error);
        }
    }

    fn ending(&mut self) -> &mut Ending {
        self.ending.get_or_insert_default()
    }
}
