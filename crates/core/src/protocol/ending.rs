//! How the connection ends: what is gathered on the way, and the verdict.

use alloc::format;

use super::*;
use crate::handshake::Response;
use crate::{CloseCode, Event, Unsent};

/// What is known of the end so far; boxed when an end begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ending {
    /// What is known of the verdict, until CLOSED; then the verdict.
    pub(super) verdict: Closed,
    /// The first cause that arose before the end itself.
    pub(super) cause: Option<Cause>,
    /// The violation that was noted or is in effect.
    pub(super) fault: Option<Violation>,
    /// The worst that was learned of the transport.
    pub(super) lost: Option<TransportError>,
    /// The transport takes no more bytes.
    pub(super) mute: bool,
    /// Input that was discarded after the verdict.
    pub(super) drained_len: usize,
}

/// Levels that somebody has to act on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Notices {
    /// Our Close is to be appended to the queue.
    pub(super) close: bool,
    /// The application is to be told: the queue has drained.
    pub(super) drained: bool,
    /// The application is to be told: the peer's Close took effect.
    pub(super) closing: bool,
    /// The application is to be told: the verdict.
    pub(super) closed: bool,
}

impl Ending {
    /// Our Close is to be queued: the first Close of all tells who began.
    pub(super) fn begin(&mut self, sent: Close) {
        self.verdict.initiator.get_or_insert(Initiator::Local);
        self.verdict.sent.get_or_insert(sent);
    }
}

impl Protocol {
    /// Our Close goes into the queue: the application's, or one that says why.
    pub(super) fn order_close(&mut self, input: Input) {
        self.notices.close = true;
        let fault = self.ending().fault;
        let (code, reason) = match (input, fault) {
            (Input::Violation | Input::Due, Some(violation)) => (violation.code(), &*format!("{violation}")),
            (Input::IdleTimeout, _) => (CloseCode::GOING_AWAY, "idle for too long"),
            // Where the application closes or fails, what it says is in the verdict already, and stays there.
            (_, _) => (CloseCode::INTERNAL_ERROR, "no pong in time"),
        };
        self.ending().begin(Close::cut(code, reason));
    }

    /// Our Close goes into the queue, with what the peer's said (RFC 6455 §5.5.1).
    pub(super) fn order_echo(&mut self) {
        self.notices.close = true;
        let verdict = &mut self.ending().verdict;
        verdict.sent.clone_from(&verdict.received);
    }

    /// Client: the server's refusal, told by whatever ends the connection; its body may still arrive.
    pub(crate) fn server_refusal(&mut self) -> Option<&mut Response> {
        let Cause::Refused(response) = self.ending.as_mut()?.cause.as_mut()? else { return None };
        response.as_deref_mut()
    }

    /// Our Close, when it is to be appended to the queue now.
    pub fn take_close(&mut self) -> Option<&Close> {
        take(&mut self.notices.close).then_some(())?;
        self.ending.as_ref()?.verdict.sent.as_ref()
    }

    /// What the application is to be told next, beside what the caller keeps for it: that comes before the end, and is counted here
    /// from [`held`](Self::held) to [`released`](Self::released).
    pub fn poll_event(&mut self) -> Option<Event<'static>> {
        if take(&mut self.notices.drained) {
            return Some(Event::Drained);
        }
        if let Some(pong) = self.take_pong() {
            return Some(Event::Pong(pong));
        }
        if self.waiting_len == 0 && take(&mut self.notices.closing) {
            return Some(Event::Closing);
        }
        (self.waiting_len == 0 && take(&mut self.notices.closed))
            .then(|| self.closed().cloned().map(Box::new).map(Event::Closed))?
    }

    /// Asking would bring an event, or brings what was noted into effect.
    pub fn has_event(&self) -> bool {
        let Notices { drained, closing, closed, .. } = self.notices;
        let answered = self.pings.as_deref().is_some_and(|pings| !pings.answered.is_empty());
        drained || closing || closed || answered || self.is_noted()
    }

    /// A Close or a violation of the peer's waits for the application to ask past the messages before it (CLOSE.md rule 6).
    pub(super) const fn is_noted(&self) -> bool {
        matches!(self.phase, Phase::CloseNoted | Phase::FaultNoted)
    }

    /// Decides the verdict, once.
    pub(super) fn decide(&mut self) {
        debug_assert!(self.state() == State::Closed, "decided in {:?}", self.phase);
        let Out { messages, payload_len, unfinished, mid_message, .. } = self.out;
        let cut_out = unfinished.is_some() || mid_message;
        self.out.len = 0;
        let (cut_in, inside_frame) = (self.decoder.message.is_some(), self.decoder.mid_frame());
        let confirmed = self.confirmed();
        let first = (messages > 0).then(|| Ticket(self.out.next_ticket - messages));
        let Ending { verdict, cause, lost, .. } = self.ending();
        // R7.1.4-02
        verdict.clean = verdict.sent.is_some() && verdict.received.is_some() && verdict.flushed;
        verdict.cause = match (cause.take(), *lost) {
            (Some(cause), _) => cause,
            (None, _) if verdict.clean => Cause::Handshake,
            (None, Some(TransportError::Truncated)) => Cause::Truncated,
            (None, Some(TransportError::Reset)) => Cause::Reset,
            (None, None) => Cause::EndOfStream { inside_frame },
        };
        (verdict.cut_in, verdict.cut_out, verdict.confirmed) = (cut_in, cut_out, confirmed);
        verdict.unsent = Unsent { first, messages, bytes: payload_len };
        self.forget_pings();
        self.notices = Notices { closing: self.notices.closing, closed: true, ..Notices::default() };
    }
}
