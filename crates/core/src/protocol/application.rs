//! What the application wants, and what waits for it.

use super::*;

impl Protocol {
    /// The opening handshake succeeded.
    pub fn handle_opened(&mut self, now: Instant) {
        self.apply(now, Input::Opened);
    }

    /// The opening handshake was refused, by either side.
    pub fn handle_refused(&mut self, now: Instant) {
        self.blame(Cause::Refused(None));
        self.apply(now, Input::Refused);
    }

    /// permessage-deflate was agreed on: messages may be compressed (RFC 7692 §6).
    pub fn handle_deflate_agreed(&mut self) {
        self.decoder.deflate = true;
    }

    /// Admits a data frame of ours to the queue: the opcode that it travels with, and its message's ticket.
    ///
    /// # Errors
    ///
    /// The [`SendRefusal`]; nothing changed.
    // R5.4-12
    #[inline]
    pub fn send(
        &mut self,
        now: Instant,
        kind: Kind,
        end: bool,
        fragment: bool,
    ) -> Result<(Opcode, Ticket), SendRefusal> {
        match self.refusal() {
            Some(SendRefusal::MessageUnfinished) if fragment && self.out.unfinished == Some(kind) => {}
            Some(SendRefusal::MessageUnfinished) if fragment => return Err(SendRefusal::WrongKind),
            Some(refusal) => return Err(refusal),
            None => {}
        }
        // R6.1-05
        let opcode = match (self.out.unfinished, kind) {
            (Some(_), _) => Opcode::Continuation,
            (None, Kind::Text) => Opcode::Text,
            (None, Kind::Binary) => Opcode::Binary,
        };
        if self.out.unfinished.is_none() {
            self.out.next_ticket += 1;
            self.out.messages += 1;
        }
        self.out.unfinished = if end { None } else { Some(kind) };
        self.clock.message = now;
        Ok((opcode, Ticket(self.out.next_ticket - 1)))
    }

    /// What a whole message would be refused with.
    #[inline]
    pub fn refusal(&self) -> Option<SendRefusal> {
        // R6.1-02
        if self.phase != Phase::Open && self.would(Input::Send) != Action::Queue {
            return Some(self.why_not());
        }
        if self.is_full() {
            return Some(SendRefusal::Full);
        }
        // R5.4-04
        self.out.unfinished.map(|_| SendRefusal::MessageUnfinished)
    }

    /// Why this phase takes no message, or no Ping.
    pub(super) fn why_not(&self) -> SendRefusal {
        let initiator = self.ending.as_ref().and_then(|ending| ending.verdict.initiator);
        match self.phase {
            Phase::Connecting | Phase::Refusing => SendRefusal::Connecting,
            Phase::CloseNoted => SendRefusal::PeerClosed,
            Phase::Answering if initiator == Some(Initiator::Peer) => SendRefusal::PeerClosed,
            Phase::CloseQueued | Phase::CloseSent | Phase::Answering => SendRefusal::Closing,
            Phase::FaultNoted | Phase::Failing | Phase::Severed => SendRefusal::Failed,
            Phase::Draining | Phase::AwaitingEnd | Phase::Done | Phase::Cut => SendRefusal::Ended,
            Phase::Open => SendRefusal::Full,
        }
    }

    /// Closes; in CONNECTING, gives up. `cutting` leaves a fragmented message of ours unfinished.
    ///
    /// # Errors
    ///
    /// [`CloseError`]; nothing changed.
    pub fn close(&mut self, now: Instant, close: Close, cutting: bool) -> Result<(), CloseError> {
        if self.out.unfinished.is_some() && !cutting && self.would(Input::Close) == Action::QueueClose {
            return Err(CloseError::MessageUnfinished);
        }
        self.end(now, Input::Close, close)
    }

    /// Fails the connection with a code of the application's choice (CLOSE.md rule 14).
    ///
    /// # Errors
    ///
    /// [`CloseError::Already`] if a Close of ours is queued or sent, or it has ended.
    pub fn fail(&mut self, now: Instant, close: Close) -> Result<(), CloseError> {
        self.end(now, Input::Fail, close)
    }

    /// Ends with our Close, if one may still be queued; in CONNECTING, without.
    pub(super) fn end(&mut self, now: Instant, input: Input, close: Close) -> Result<(), CloseError> {
        match self.would(input) {
            Action::QueueClose => self.ending().begin(close),
            Action::QueueRefusal | Action::Decide => self.blame(Cause::Abandoned),
            _ => return Err(CloseError::Already),
        }
        if input == Input::Fail {
            self.blame(Cause::Failed);
        }
        self.apply(now, input);
        Ok(())
    }

    /// Resets.
    pub fn abort(&mut self, now: Instant) {
        if self.state() != State::Closed {
            self.ending().cause = Some(Cause::Aborted);
        }
        self.apply(now, Input::Abort);
    }

    /// The application asks for the next event: it is done with the message before, and what was noted takes effect if nothing that it
    /// still wants waits before it (CLOSE.md rule 6).
    pub fn ask(&mut self, now: Instant) {
        self.handling = false;
        if self.is_noted() && (self.waiting_len == 0 || self.deaf) {
            self.apply(now, Input::Due);
        }
    }

    /// The application gave up receiving.
    pub fn stop_receiving(&mut self, now: Instant) {
        self.deaf = true;
        self.ask(now);
    }

    /// A message, or a part of one, is given to the application as it arrives; what waited is [`released`](Self::released).
    pub fn delivered(&mut self) {
        self.handling = true;
    }

    /// A message, or a part of one, was put into the inbox; `len` is what it takes there, at least 1.
    pub fn held(&mut self, now: Instant, len: usize) {
        self.waiting_len += len;
        self.pace(now);
    }

    /// It was taken out, and is given to the application.
    pub fn released(&mut self, now: Instant, len: usize) {
        self.handling = true;
        self.waiting_len = self.waiting_len.saturating_sub(len);
        self.pace(now);
    }

    /// A message may go into the inbox (CLOSE.md rules 6 and 7); else it is to be dropped, and counted with [`dropped`](Self::dropped).
    pub fn admits(&self) -> bool {
        !self.deaf && (self.state() == State::Open || self.waiting_len < self.config.inbox_len)
    }

    /// A message, or a part of one, was dropped; `len` bytes of payload. So is what follows, for there are no holes in what is
    /// delivered.
    pub fn dropped(&mut self, len: usize, end: bool) {
        self.deaf = true;
        if self.state() != State::Closed {
            let undelivered = &mut self.ending().verdict.undelivered;
            undelivered.messages += u64::from(end);
            undelivered.bytes += len as u64;
        }
    }
}
