//! Everything of a connection that is timed or ordered, as plain data.
//!
//! Owns: the lifecycle, frame decoding, control frames, deadlines, the verdict, and *counts* of what is queued, committed and
//! undelivered. Must not know: payloads of messages, buffers, HTTP, entropy.

mod clock;
mod ending;
mod pings;
mod receive;

pub use pings::{Control, MAX_PINGS};
pub use receive::Data;

pub(crate) use ending::Notices;

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::close::Close;
use crate::config::Config;
use crate::error::{CloseError, PingError, SendRefusal, Violation};
use crate::frame::Opcode;
use crate::lifecycle::{Action, Input, Phase, Role, State, Transport, step};
use crate::message::Kind;
use crate::time::Instant;
use crate::verdict::{Cause, Closed, Initiator, Ticket, TransportError};

use clock::Clock;
use ending::Ending;
use pings::Pings;
use receive::Decoder;

/// A connection without its bytes.
///
/// [`Connection`](crate::Connection) is made of it; a model checker, a streaming application or a completion-based driver may drive it
/// directly. Frames to send are encoded by the caller, who tells here what was queued and what was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    config: Arc<Config>,
    role: Role,
    phase: Phase,
    clock: Clock,
    decoder: Decoder,
    /// The kind of our unfinished message.
    sending: Option<Kind>,
    /// A data frame of ours is partly written.
    mid_frame: bool,
    /// The message that the application was given last is still being handled (CLOSE.md rule 6).
    handling: bool,
    /// The application gave up receiving.
    deaf: bool,
    queue: Queue,
    inbox: Waiting,
    next_ticket: u64,
    next_ping: u64,
    /// Messages below this number are confirmed.
    confirmed: u64,
    pings: Option<Box<Pings>>,
    notices: Notices,
    ending: Option<Box<Ending>>,
}

/// What is queued and not yet written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Queue {
    /// Bytes of frames and handshake, headers included.
    len: usize,
    /// Messages of which not every byte is written.
    messages: u64,
    /// Their payloads.
    payload_len: u64,
    /// Payload of the first of them that is written already.
    written_len: u64,
    /// The high water mark was reached and the low one was not since.
    full: bool,
}

/// What waits for the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Waiting {
    entries: u32,
    len: usize,
}

impl Protocol {
    /// A connection in CONNECTING.
    pub fn new(role: Role, config: Arc<Config>, now: Instant) -> Self {
        let clock = Clock::new(&config, now);
        Self {
            config,
            role,
            phase: Phase::Connecting,
            clock,
            decoder: Decoder::default(),
            sending: None,
            mid_frame: false,
            handling: false,
            deaf: false,
            queue: Queue::default(),
            inbox: Waiting::default(),
            next_ticket: 0,
            next_ping: 0,
            confirmed: 0,
            pings: None,
            notices: Notices::default(),
            ending: None,
        }
    }

    // ---- what the application does

    /// The opening handshake succeeded.
    pub fn handle_opened(&mut self, now: Instant) {
        self.apply(now, Input::Opened);
    }

    /// The opening handshake failed: refused by either side, or the peer's answer was wrong.
    pub fn handle_refused(&mut self, now: Instant, cause: Cause) {
        self.blame(cause);
        self.apply(now, Input::Refused);
    }

    /// Admits a data frame of ours to the queue: the opcode that it travels with, and its message's ticket.
    ///
    /// # Errors
    ///
    /// The [`SendRefusal`]; nothing changed.
    #[inline]
    pub fn send(
        &mut self,
        now: Instant,
        kind: Kind,
        end: bool,
        fragment: bool,
    ) -> Result<(Opcode, Ticket), SendRefusal> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        match (self.sending, fragment) {
            (Some(_), false) => return Err(SendRefusal::MessageUnfinished),
            (Some(begun), true) if begun != kind => return Err(SendRefusal::WrongKind),
            (Some(_) | None, _) => {}
        }
        if self.is_full() {
            return Err(SendRefusal::Full);
        }
        let opcode = match (self.sending, kind) {
            (Some(_), _) => Opcode::Continuation,
            (None, Kind::Text) => Opcode::Text,
            (None, Kind::Binary) => Opcode::Binary,
        };
        if self.sending.is_none() {
            self.next_ticket += 1;
            self.queue.messages += 1;
        }
        self.sending = if end { None } else { Some(kind) };
        self.clock.message_passed(now);
        Ok((opcode, Ticket(self.next_ticket - 1)))
    }

    /// What `send` would be refused with, the state of the queue left aside.
    #[inline]
    pub fn refusal(&self) -> Option<SendRefusal> {
        if matches!(self.phase, Phase::Open) {
            return None;
        }
        match step(self.role, self.phase, Input::Send).action {
            Action::Queue => None,
            _ => Some(self.why_not()),
        }
    }

    /// The queue is at its high water mark.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.queue.len >= self.config.send_high
    }

    fn why_not(&self) -> SendRefusal {
        match self.phase {
            Phase::Connecting | Phase::Refusing { .. } => SendRefusal::Connecting,
            Phase::Answering { .. } if self.initiator() == Some(Initiator::Peer) => SendRefusal::PeerClosed,
            Phase::CloseQueued | Phase::CloseSent | Phase::Answering { .. } => SendRefusal::Closing,
            Phase::Failing { .. } | Phase::Severed => SendRefusal::Failed,
            Phase::Draining | Phase::AwaitingEnd | Phase::Done | Phase::Cut => SendRefusal::Ended,
            Phase::Open | Phase::CloseNoted { .. } | Phase::FaultNoted { .. } => SendRefusal::Full,
        }
    }

    /// Closes; in CONNECTING, gives up. `cutting` leaves a fragmented message of ours unfinished.
    ///
    /// # Errors
    ///
    /// [`CloseError`]; nothing changed.
    pub fn close(&mut self, now: Instant, close: Close, cutting: bool) -> Result<(), CloseError> {
        match step(self.role, self.phase, Input::Close).action {
            Action::QueueClose if self.sending.is_some() && !cutting => Err(CloseError::MessageUnfinished),
            Action::QueueClose => {
                self.ending().begin(Initiator::Local, Some(close));
                self.apply(now, Input::Close);
                Ok(())
            }
            Action::QueueRefusal | Action::Decide => {
                self.blame(Cause::Abandoned);
                self.apply(now, Input::Close);
                Ok(())
            }
            _ => Err(CloseError::Already),
        }
    }

    /// Fails the connection with a code of the application's choice (CLOSE.md rule 14).
    ///
    /// # Errors
    ///
    /// [`CloseError::Already`] if it has failed or ended, or both Closes are on their way.
    pub fn fail(&mut self, now: Instant, close: Close) -> Result<(), CloseError> {
        self.fail_because(now, close, Cause::Failed)
    }

    fn fail_because(&mut self, now: Instant, close: Close, cause: Cause) -> Result<(), CloseError> {
        match step(self.role, self.phase, Input::Fail).action {
            Action::HandBack => return Err(CloseError::Already),
            Action::QueueClose => self.ending().begin(Initiator::Local, Some(close)),
            _ => {}
        }
        let connecting = self.phase.state() == State::Connecting;
        self.blame(if connecting { Cause::Abandoned } else { cause });
        self.apply(now, Input::Fail);
        Ok(())
    }

    /// Resets.
    pub fn abort(&mut self, now: Instant) {
        if self.phase.state() != State::Closed {
            self.ending().cause = Some(Cause::Aborted);
        }
        self.apply(now, Input::Abort);
    }

    /// The application asks for the next event: it is done with the message before, and what was noted takes effect if
    /// nothing else waits before it (CLOSE.md rule 6).
    #[inline]
    pub fn ask(&mut self, now: Instant) {
        self.handling = false;
        if self.inbox.entries == 0 && self.is_noted() {
            self.due(now);
        }
    }

    /// A Close or a violation was parsed and has not taken effect.
    pub(crate) const fn is_noted(&self) -> bool {
        matches!(self.phase, Phase::CloseNoted { .. } | Phase::FaultNoted { .. })
    }

    fn due(&mut self, now: Instant) {
        self.apply(now, Input::Due);
    }

    /// The application gave up receiving.
    pub fn stop_receiving(&mut self, now: Instant) {
        self.deaf = true;
        self.handling = false;
        if self.is_noted() {
            self.due(now);
        }
    }

    // ---- what waits for the application

    /// A message, or a part of one, is given to the application.
    #[inline]
    pub fn delivered(&mut self) {
        self.handling = true;
    }

    /// Something was put into the inbox; `len` is what it takes there.
    pub fn held(&mut self, now: Instant, len: usize) {
        self.inbox.entries += 1;
        self.inbox.len += len;
        self.clock.set_reading(now, self.wants_input());
    }

    /// Something was taken out of it.
    pub fn released(&mut self, now: Instant, len: usize) {
        self.inbox.entries = self.inbox.entries.saturating_sub(1);
        self.inbox.len = self.inbox.len.saturating_sub(len);
        self.clock.set_reading(now, self.wants_input());
    }

    /// A message may go into the inbox (CLOSE.md rules 6 and 7); else it is to be dropped, and counted with [`dropped`](Self::dropped).
    pub fn admits(&self) -> bool {
        !self.deaf && (self.phase.state() == State::Open || self.inbox.len < self.config.inbox_len)
    }

    /// A message, or the last part of one, was dropped; `len` bytes of payload.
    pub fn dropped(&mut self, len: usize, end: bool) {
        if self.closed().is_none() {
            let undelivered = &mut self.ending().undelivered;
            undelivered.messages += u64::from(end);
            undelivered.bytes += len as u64;
        }
    }

    // ---- what the transport does

    /// The peer's direction ended in order.
    pub fn handle_eof(&mut self, now: Instant) {
        self.apply(now, Input::End);
    }

    /// Reading failed.
    pub fn handle_read_error(&mut self, now: Instant, error: TransportError) {
        if self.phase.has_ended() {
            return;
        }
        let input = match error {
            TransportError::Reset => Input::Reset,
            TransportError::Truncated => Input::End,
        };
        if self.closed().is_none() {
            self.ending().learn(error);
        }
        self.apply(now, input);
    }

    /// Writing failed. It ends sending only.
    pub fn handle_write_error(&mut self, now: Instant, error: TransportError) {
        if self.closed().is_none() {
            let ending = self.ending();
            ending.learn(error);
            ending.mute = true;
        }
        self.apply(now, Input::WriteError);
    }

    /// Bytes were queued: a frame or a head, `len` bytes with its header, `payload_len` of a message among them.
    #[inline]
    pub fn handle_queued(&mut self, now: Instant, len: usize, payload_len: usize) {
        self.queue.len += len;
        self.queue.payload_len += payload_len as u64;
        self.clock.queued(&self.config, now);
        self.queue.full |= self.queue.len >= self.config.send_high;
    }

    /// The transport took `len` of the committed bytes. Frames that are complete with them follow in
    /// [`handle_frame_written`](Self::handle_frame_written).
    #[inline]
    pub fn handle_written(&mut self, now: Instant, len: usize) {
        self.queue.len = self.queue.len.saturating_sub(len);
        self.clock.wrote(&self.config, now, self.queue.len > 0);
        if self.queue.full && self.queue.len <= self.config.send_low {
            self.queue.full = false;
            self.notices.drained = true;
        }
    }

    /// What was written ends inside a data frame, or does not.
    #[inline]
    pub fn handle_mid_frame(&mut self, mid_frame: bool) {
        self.mid_frame = mid_frame;
    }

    /// The last byte of a frame from the queue was taken.
    #[inline]
    pub fn handle_frame_written(&mut self, now: Instant, opcode: Opcode, fin: bool, payload_len: u64) {
        match opcode {
            Opcode::Text | Opcode::Binary | Opcode::Continuation => {
                self.queue.written_len += payload_len;
                if fin {
                    let written = self.queue.written_len;
                    self.queue.payload_len = self.queue.payload_len.saturating_sub(written);
                    self.queue.messages = self.queue.messages.saturating_sub(1);
                    self.queue.written_len = 0;
                }
            }
            Opcode::Ping => self.ping_written(now),
            Opcode::Close => {
                self.ending().flushed = true;
                self.apply(now, Input::Flushed);
            }
            Opcode::Pong => {}
        }
    }

    /// The last byte of our opening handshake, or of a refusal, was taken.
    pub fn handle_head_written(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Refusing { .. }) {
            self.apply(now, Input::Flushed);
        }
    }

    // ---- queries

    /// The role.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The phase.
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

    /// Reading makes sense.
    pub fn wants_input(&self) -> bool {
        let full = !self.deaf && self.inbox.len >= self.config.inbox_len;
        let pauses = full && matches!(self.phase, Phase::Open);
        !(pauses || self.phase.has_ended())
    }

    /// Writing makes sense: the transport takes bytes, and the verdict is not decided.
    pub fn writes(&self) -> bool {
        self.phase.state() != State::Closed && !self.ending.as_ref().is_some_and(|ending| ending.mute)
    }

    /// Bytes that wait to be taken by the transport.
    pub const fn buffered(&self) -> usize {
        self.queue.len
    }

    /// The last message that is confirmed.
    pub const fn confirmed(&self) -> Option<Ticket> {
        match self.confirmed.checked_sub(1) {
            Some(number) => Some(Ticket(number)),
            None => None,
        }
    }

    /// The verdict, once it is decided.
    pub fn closed(&self) -> Option<&Closed> {
        self.ending.as_ref()?.verdict.as_ref()
    }

    /// The peer's Close, noted or in effect.
    pub fn peer_close(&self) -> Option<&Close> {
        self.ending.as_ref()?.received.as_ref()
    }

    /// The opening handshake took too long.
    pub(crate) fn is_late(&self) -> bool {
        let cause = self.ending.as_ref().and_then(|ending| ending.cause.as_ref());
        cause == Some(&Cause::Timeout(crate::verdict::Timeout::Handshake))
    }

    fn initiator(&self) -> Option<Initiator> {
        self.ending.as_ref()?.initiator
    }

    /// Nothing lies between the application and what was just parsed.
    fn nothing_before(&self) -> bool {
        self.inbox.entries == 0 && !self.handling
    }

    // ---- the lifecycle

    /// Feeds the table and does what it says.
    fn apply(&mut self, now: Instant, input: Input) -> Action {
        let before = self.phase;
        let transition = step(self.role, before, input);
        self.phase = transition.next;
        if before != self.phase {
            self.clock.entered(&self.config, now, before, self.phase);
        }
        match transition.action {
            Action::Decide => self.decide(input),
            Action::QueueClose => self.order_close(input),
            Action::QueueEcho => self.order_echo(),
            Action::QueueRefusal => self.notices.refusal = true,
            Action::StopWriting | Action::Open | Action::Note | Action::AwaitClose | Action::Move => {}
            Action::Queue | Action::HandBack | Action::Deliver | Action::Discard => {}
            Action::Pong | Action::Ignore => {}
        }
        if self.peer_close_took_effect(before) {
            self.notices.closing = true;
        }
        transition.action
    }

    fn peer_close_took_effect(&self, before: Phase) -> bool {
        before.state() == State::Open && self.phase.state() != State::Open && self.peer_close().is_some()
    }

    /// A fault of the peer's, noted or in effect.
    pub(crate) fn violate(&mut self, now: Instant, violation: Violation) {
        self.ending().fault = Some(violation);
        let effective = self.nothing_before() || self.phase.state() != State::Open;
        self.apply(now, if effective { Input::Violation } else { Input::ViolationBehind });
    }

    /// Sets the cause, if none arose before.
    pub(crate) fn blame(&mut self, cause: Cause) {
        self.ending().cause.get_or_insert(cause);
    }

    fn ending(&mut self) -> &mut Ending {
        self.ending.get_or_insert_default()
    }

    /// The error that a Ping of ours meets.
    fn ping_refusal(&self) -> Option<PingError> {
        let refused = step(self.role, self.phase, Input::SendPing).action != Action::Queue;
        refused.then(|| PingError::Refused(self.refusal().unwrap_or(SendRefusal::PeerClosed)))
    }
}
