//! What a test expects of a verdict: every field, with the plain case as the default.

use adieu_core::{Cause, Close, Closed, Initiator};

/// A Close with a code and a reason that are known to be good.
pub(crate) fn close(code: u16, reason: &str) -> Close {
    Close::new(code, reason).expect("a code and a reason that may travel")
}

/// Every field of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expect {
    pub(crate) initiator: Option<Initiator>,
    pub(crate) sent: Option<Close>,
    pub(crate) received: Option<Close>,
    pub(crate) flushed: bool,
    pub(crate) clean: bool,
    pub(crate) cause: Cause,
    pub(crate) cut_in: bool,
    pub(crate) cut_out: bool,
    /// First ticket, messages, bytes.
    pub(crate) unsent: (Option<u64>, u64, u64),
    /// Messages, bytes.
    pub(crate) undelivered: (u64, u64),
    pub(crate) confirmed: Option<u64>,
}

impl Expect {
    /// Nothing but a cause: no Close either way, nothing lost.
    pub(crate) fn cause(cause: Cause) -> Self {
        Self {
            initiator: None,
            sent: None,
            received: None,
            flushed: false,
            clean: false,
            cause,
            cut_in: false,
            cut_out: false,
            unsent: (None, 0, 0),
            undelivered: (0, 0),
            confirmed: None,
        }
    }

    /// A clean end that the peer began: both Closes say the same.
    pub(crate) fn echoed(close: Close) -> Self {
        Self {
            initiator: Some(Initiator::Peer),
            sent: Some(close.clone()),
            received: Some(close),
            flushed: true,
            clean: true,
            ..Self::cause(Cause::Handshake)
        }
    }

    /// A clean end that we began.
    pub(crate) fn answered(sent: Close, received: Close) -> Self {
        Self {
            initiator: Some(Initiator::Local),
            sent: Some(sent),
            received: Some(received),
            flushed: true,
            clean: true,
            ..Self::cause(Cause::Handshake)
        }
    }

    /// We closed and no Close came back.
    pub(crate) fn unanswered(sent: Close, flushed: bool, cause: Cause) -> Self {
        Self { initiator: Some(Initiator::Local), sent: Some(sent), flushed, ..Self::cause(cause) }
    }

    /// What a verdict says. The reason of our own Close is left to the library when it fails a connection.
    pub(crate) fn of(closed: &Closed) -> Self {
        let (unsent, undelivered) = (closed.unsent, closed.undelivered);
        Self {
            initiator: closed.initiator,
            sent: closed.sent.clone(),
            received: closed.received.clone(),
            flushed: closed.flushed,
            clean: closed.clean,
            cause: closed.cause.clone(),
            cut_in: closed.cut_in,
            cut_out: closed.cut_out,
            unsent: (unsent.first.map(|ticket| ticket.0), unsent.messages, unsent.bytes),
            undelivered: (undelivered.messages, undelivered.bytes),
            confirmed: closed.confirmed.map(|ticket| ticket.0),
        }
    }
}
