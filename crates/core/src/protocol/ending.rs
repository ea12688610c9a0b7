//! How the connection ends: what is gathered on the way, and the verdict.

use alloc::boxed::Box;
use alloc::format;

use super::Protocol;
use crate::lifecycle::Input;
use crate::{Cause, Close, Closed, Initiator, State, Ticket, TransportError, Undelivered, Unsent, Violation};

/// What is known of the end so far; boxed when an end begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ending {
    pub(super) initiator: Option<Initiator>,
    pub(super) sent: Option<Close>,
    pub(super) received: Option<Close>,
    pub(super) flushed: bool,
    /// The first cause that arose before the end itself.
    pub(super) cause: Option<Cause>,
    /// The violation that was noted or is in effect.
    pub(super) fault: Option<Violation>,
    /// The worst that was learned of the transport.
    lost: Option<TransportError>,
    /// The transport takes no more bytes.
    pub(super) mute: bool,
    pub(super) undelivered: Undelivered,
    /// Input that was discarded after the verdict.
    pub(super) drained_len: usize,
    pub(super) verdict: Option<Closed>,
}

/// Levels that somebody has to act on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Notices {
    /// Our Close is to be appended to the queue.
    pub(crate) close: bool,
    /// An HTTP refusal is to be queued.
    pub(crate) refusal: bool,
    /// The application is to be told: the queue has drained.
    pub(crate) drained: bool,
    /// The application is to be told: the peer's Close took effect.
    pub(crate) closing: bool,
    /// The application is to be told: the verdict.
    pub(crate) closed: bool,
}

impl Notices {
    /// Something is to be queued.
    pub(crate) const fn orders(self) -> bool {
        self.close || self.refusal
    }

    /// Something is to be told.
    pub(crate) const fn tells(self) -> bool {
        self.drained || self.closing || self.closed
    }
}

impl Ending {
    /// A Close enters: the first one tells who began.
    pub(super) fn begin(&mut self, initiator: Initiator, sent: Option<Close>) {
        self.initiator.get_or_insert(initiator);
        if self.sent.is_none() {
            self.sent = sent;
        }
    }

    /// A reset outranks a truncation.
    pub(super) fn learn(&mut self, error: TransportError) {
        match (self.lost, error) {
            (Some(TransportError::Reset), _) => {}
            (Some(TransportError::Truncated) | None, error) => self.lost = Some(error),
        }
    }
}

impl Protocol {
    /// Our Close goes into the queue: the application's, or that of a violation.
    pub(super) fn order_close(&mut self, input: Input) {
        let fault = self.ending().fault;
        if let Some(violation) = fault {
            self.blame(Cause::Violation(violation));
            if matches!(input, Input::Violation | Input::Due) {
                let close = Close::cut(violation.code(), &format!("{violation}"));
                self.ending().begin(Initiator::Local, Some(close));
            }
        }
        self.notices.close = true;
    }

    /// Our Close goes into the queue, with what the peer's said (RFC 6455 §5.5.1).
    pub(super) fn order_echo(&mut self) {
        let ending = self.ending();
        let echo = ending.received.clone();
        ending.begin(Initiator::Peer, echo);
        self.notices.close = true;
    }

    /// Our Close, when it is to be appended to the queue now.
    pub fn take_close(&mut self) -> Option<&Close> {
        core::mem::take(&mut self.notices.close).then_some(())?;
        self.ending.as_ref()?.sent.as_ref()
    }

    /// An HTTP refusal is to be queued now.
    pub fn take_refusal(&mut self) -> bool {
        core::mem::take(&mut self.notices.refusal)
    }

    pub(crate) fn notices(&self) -> Notices {
        self.notices
    }

    /// The queue fell to its low water mark since the application was told last.
    pub fn take_drained(&mut self) -> bool {
        core::mem::take(&mut self.notices.drained)
    }

    /// The peer's Close has taken effect: told once, after what came before it.
    pub fn take_closing(&mut self) -> bool {
        self.inbox.entries == 0 && core::mem::take(&mut self.notices.closing)
    }

    /// The verdict: told once, after everything else.
    pub fn take_closed(&mut self) -> Option<Box<Closed>> {
        if self.inbox.entries > 0 || !core::mem::take(&mut self.notices.closed) {
            return None;
        }
        self.closed().cloned().map(Box::new)
    }

    /// Decides the verdict, once.
    pub(super) fn decide(&mut self, input: Input) {
        debug_assert!(self.phase.state() == State::Closed, "decided in {:?}", self.phase);
        let cut_in = self.decoder.mid_message();
        let cut_out = self.sending.is_some() || self.mid_frame || self.queue.written_len > 0;
        let inside_frame = self.decoder.mid_frame();
        let confirmed = self.confirmed();
        let unsent = Unsent {
            first: (self.queue.messages > 0).then(|| Ticket(self.next_ticket - self.queue.messages)),
            messages: self.queue.messages,
            bytes: self.queue.payload_len,
        };
        let ending = self.ending();
        let clean = ending.sent.is_some() && ending.received.is_some() && ending.flushed;
        let cause = ending.cause.take().unwrap_or_else(|| ending.cause_of(input, clean, inside_frame));
        ending.verdict = Some(Closed {
            initiator: ending.initiator,
            sent: ending.sent.clone(),
            received: ending.received.clone(),
            flushed: ending.flushed,
            clean,
            cause,
            cut_in,
            cut_out,
            unsent,
            undelivered: ending.undelivered,
            confirmed,
        });
        self.queue = super::Queue::default();
        self.forget_pings();
        self.notices = Notices { closing: self.notices.closing, closed: true, ..Notices::default() };
    }
}

impl Ending {
    /// The cause when none arose before the end itself.
    fn cause_of(&self, input: Input, clean: bool, inside_frame: bool) -> Cause {
        if let Some(violation) = self.fault {
            return Cause::Violation(violation);
        }
        if clean {
            return Cause::Handshake;
        }
        match (self.lost, input) {
            (Some(TransportError::Reset), _) => Cause::Reset,
            (Some(TransportError::Truncated), _) => Cause::Truncated,
            (None, Input::End) => Cause::EndOfStream { inside_frame },
            (None, _) => Cause::Reset,
        }
    }
}
