//! How it ends.

use adieu_core::frame::Opcode;
use adieu_core::{Cause, Close, CloseError, Initiator, Role, State, Transport, Violation};

use super::{Frame, Reference, Verdict};

impl Reference {
    /// Closes.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn close(&mut self, now: u64, close: Close, cutting: bool) -> Result<(), CloseError> {
        if self.state() != State::Open {
            return Err(CloseError::Already);
        } else if self.unfinished.is_some() && !cutting {
            return Err(CloseError::MessageUnfinished);
        }
        self.queue_close(now, close);
        self.settle(now);
        Ok(())
    }

    /// Fails the connection.
    ///
    /// # Errors
    ///
    /// Why it is refused. Latitude: also while only our own Close is queued.
    pub fn fail(&mut self, now: u64, close: Close) -> Result<(), CloseError> {
        if self.state() != State::Open {
            return Err(CloseError::Already);
        }
        self.failing(now, Cause::Failed, close);
        self.settle(now);
        Ok(())
    }

    /// The application is gone (B19).
    pub fn leave(&mut self, now: u64) {
        self.stop_receiving(now);
        let close = Close::new(1001, "").expect("it may travel");
        let _ = self.close(now, close, true);
    }

    /// Resets (B18). Latitude: as a cause it outranks what arose before; what the driver has forgotten is not reset.
    pub fn abort(&mut self, now: u64) {
        self.cause = Some(Cause::Aborted);
        self.decide(now, Cause::Aborted, Transport::Reset);
        if self.transport() < Transport::Close {
            self.transport = Some(Transport::Reset);
        }
    }

    pub(super) fn close_transport(&mut self) {
        self.transport = self.transport.max(Some(Transport::Close));
    }

    pub(super) fn queue_close(&mut self, now: u64, close: Close) {
        self.leave_open();
        if self.sent.is_none() && !self.write_ended {
            let payload = close.payload();
            self.sent = Some(close);
            self.initiator.get_or_insert(Initiator::Local);
            self.keepalive = false;
            self.queue(now, Frame::control(Opcode::Close, payload, None));
        }
        self.closing_bound.get_or_insert(self.after(now, self.config.closing_timeout));
    }

    pub(super) fn failing(&mut self, now: u64, cause: Cause, close: Close) {
        self.leave_open();
        self.cause.get_or_insert(cause);
        self.failed = true;
        self.queue_close(now, close);
    }

    /// Latitude: the peer's Close is told as an event only if it is there when OPEN ends.
    fn leave_open(&mut self) {
        self.closing_due |= self.state() == State::Open && self.received.is_some();
    }

    /// A transport error: what was noted takes effect (rule 6). Latitude: no Close is queued then, for none can be sent.
    pub(super) fn break_off(&mut self, now: u64) {
        self.leave_open();
        self.write_ended = true;
        self.effect(now);
    }

    /// What was noted takes effect (rule 6).
    pub(super) fn effect(&mut self, now: u64) {
        self.linger_due = None;
        if self.in_effect || self.closed.is_some() {
            return;
        }
        self.leave_open();
        if let Some(close) = self.received.clone() {
            self.in_effect = true;
            self.queue_close(now, close);
        } else if let Some(violation) = self.fault {
            self.in_effect = true;
            let close = Close::new(code(violation), &violation.to_string()).expect("it may travel");
            self.failing(now, Cause::Violation(violation), close);
        }
    }

    /// What follows from what has just happened.
    pub(super) fn settle(&mut self, now: u64) {
        let nothing_waits = self.inbox.is_empty() && !self.handling;
        if nothing_waits || self.deaf || self.sent.is_some() || self.write_ended {
            self.effect(now);
        }
        let over = self.received.is_some() || self.failed;
        // A Ping right before the Close is answered (rule 2). Latitude: not before a violation.
        if over && self.is_flushed() && (self.failed || self.write_ended || !self.outgoing()) {
            let transport = match self.role() {
                _ if self.ended => Transport::Close,
                Role::Server => Transport::ShutdownWrite,
                Role::Client => Transport::Open,
            };
            self.decide(now, Cause::Handshake, transport);
        } else if over && self.write_ended {
            self.decide(now, Cause::Reset, Transport::Close);
        }
    }

    /// Our Close was handed to the transport whole.
    pub(super) fn is_flushed(&self) -> bool {
        let close = self.out.iter().position(|frame| frame.opcode == Opcode::Close);
        close.is_some_and(|index| self.bytes(index + 1) <= self.written_bytes)
    }

    /// Decides the verdict, once; the first cause that arose stands before `cause`.
    pub(super) fn decide(&mut self, now: u64, cause: Cause, transport: Transport) {
        if self.closed.is_some() {
            return;
        }
        self.leave_open();
        let (fault, clean) = (self.fault.map(Cause::Violation), self.is_flushed() && self.received.is_some());
        let cause = if clean { Cause::Handshake } else { cause };
        self.closed = Some(Verdict {
            initiator: self.initiator,
            sent: self.sent.clone(),
            received: self.received.clone(),
            flushed: self.is_flushed(),
            clean,
            cause: self.cause.clone().or(fault).unwrap_or(cause),
            cut_in: self.parsed(&[]).unfinished.is_some(),
            cut_out: self.cut_out(),
            unsent: self.unsent(),
            undelivered: self.undelivered,
            confirmed: self.confirmed(),
        });
        self.transport = Some(transport);
        self.drain_due = Some(self.after(now, self.config.drain_timeout));
    }
}

/// What a violation is failed with (§7.4.1).
fn code(violation: Violation) -> u16 {
    match violation {
        Violation::TextUtf8 | Violation::CloseReasonUtf8 => 1007,
        Violation::FrameTooLong | Violation::MessageTooLong | Violation::TooManyFragments => 1009,
        _ => 1002,
    }
}
