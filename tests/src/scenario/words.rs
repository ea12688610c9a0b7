//! What a call is made of, and what a refused one is called.

use adieu_core::{Close, CloseError, PingError, SendRefusal};

/// `ended`, or nothing if it was not refused.
pub(super) fn send_refusal(result: Result<(), SendRefusal>) -> Option<String> {
    let name = match result.err()? {
        SendRefusal::Connecting => "connecting",
        SendRefusal::Full => "full",
        SendRefusal::MessageUnfinished => "message-unfinished",
        SendRefusal::WrongKind => "wrong-kind",
        SendRefusal::Closing => "closing",
        SendRefusal::PeerClosed => "peer-closed",
        SendRefusal::Failed => "failed",
        SendRefusal::Ended => "ended",
        other => return Some(format!("{other:?}")),
    };
    Some(name.to_owned())
}

pub(super) fn ping_refusal(result: Result<(), PingError>) -> Option<String> {
    match result.err()? {
        PingError::Refused(refusal) => send_refusal(Err(refusal)),
        PingError::TooMany => Some("too-many".to_owned()),
        PingError::TooLong => Some("too-long".to_owned()),
        other => Some(format!("{other:?}")),
    }
}

pub(super) fn close_refusal(result: Result<(), CloseError>) -> Option<String> {
    Some(match result.err()? {
        CloseError::Code(code) => format!("close-code-{code}"),
        CloseError::Reason(len) => format!("close-reason-{len}"),
        CloseError::MessageUnfinished => "message-unfinished".to_owned(),
        CloseError::Already => "already".to_owned(),
        other => format!("{other:?}"),
    })
}

pub(super) fn new_close(code: Option<u16>, reason: &str) -> Result<Close, CloseError> {
    code.map_or(Ok(Close::EMPTY), |code| Close::new(code, reason))
}
