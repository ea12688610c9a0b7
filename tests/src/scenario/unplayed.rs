//! What is not played where, and why: rows without a script, scenarios that a runner cannot play, and what one cannot see.

use super::{Act, AppAct, PeerAct, Piece, Scenario};

/// Rows of `docs/CLOSE.md` of which no scenario can speak, and who does.
pub const ELSEWHERE: [(&str, &str); 3] = [
    ("B16", "the rows N1, N3 and N4 are its cases"),
    ("S7", "a future that is dropped is a driver's matter: the tokio driver's tests `cancel`"),
    ("S8", "halves in different tasks are a driver's matter: the tokio driver's tests `halves`"),
];

/// Something that a runner cannot see.
#[derive(Debug, PartialEq, Eq)]
pub struct Hidden {
    /// In words of the scripts.
    pub what: &'static str,
    /// Why not.
    pub why: &'static str,
}

/// Why this scenario cannot be played over sockets, whatever drives them, if it cannot.
pub fn why_not_over_sockets(scenario: &Scenario) -> Option<&str> {
    let why = |act: &Act| match act {
        Act::Wait(_) => Some("it needs a virtual clock"),
        Act::Peer(PeerAct::Stalls | PeerAct::Takes(_)) => Some("the system's buffers take more than it says"),
        Act::Peer(PeerAct::Truncate) => Some("without TLS there is no truncation"),
        Act::WritingFails => Some("no raw peer can make writing fail and reading not"),
        Act::Open | Act::Connecting | Act::Peer(_) | Act::App(_) => None,
    };
    scenario.not_over_sockets.as_deref().or_else(|| scenario.acts().find_map(why))
}

/// Why no program over the tokio driver can do this, whatever the bytes travel over, if none can.
pub(super) fn why_not_over_tokio(scenario: &Scenario) -> Option<&'static str> {
    let connecting = scenario.acts().any(|act| *act == Act::Connecting);
    if connecting && scenario.acts().any(|act| *act == Act::App(AppAct::Abort)) {
        return Some("there is no abort before there is a connection: what is dropped is given up");
    }
    let early = connecting && calls_too_early(scenario);
    early.then_some("there is no connection to call before it is open")
}

/// Something is asked of the connection before it is open.
fn calls_too_early(scenario: &Scenario) -> bool {
    let opens = |act: &Act| match act {
        Act::App(AppAct::Accept) => true,
        Act::Peer(PeerAct::Send(pieces, _)) => pieces.iter().any(|piece| matches!(piece, Piece::Response(_))),
        _ => false,
    };
    let calls = |act: &Act| {
        let calls =
            |act: &AppAct| matches!(act, AppAct::Send(_) | AppAct::Ping | AppAct::Pong(_) | AppAct::Fail(..));
        matches!(act, Act::App(act) if calls(act))
    };
    scenario.acts().take_while(|act| !opens(act)).any(calls)
}
