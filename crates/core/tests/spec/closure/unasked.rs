//! Rows of the lifecycle's table that the core never asks for, so that no driver reaches them, each with its reason. That these are all, and that
//! the core asks for every other, is shown in `rows.rs`; the scenarios' coverage and the printed page take this file in.

use adieu_core::lifecycle::{Action, Input, Phase, step};
use adieu_core::{Role, State};

/// Inputs, the phases in which the core never asks for their rows, and why.
type Unasked = (&'static [Input], fn(Role, Phase) -> bool, &'static str);

const UNASKED: &[Unasked] = &[
    (
        &[Input::Opened, Input::Refused],
        |_, phase| phase != Phase::Connecting,
        "the opening handshake ends once, and a connection tells of it in CONNECTING only",
    ),
    (
        &[Input::PeerData],
        |_, phase| phase == Phase::Connecting,
        "what arrives in CONNECTING is read as a head, or kept for later",
    ),
    (
        &[Input::PeerClose],
        |role, phase| !is_parsed(role, phase),
        "frames are parsed in OPEN, until the peer's Close and a failure",
    ),
    (
        &[Input::PeerClose, Input::Violation],
        |_, phase| phase == Phase::CloseQueued,
        "our Close waits to be written, and what is parsed is behind it",
    ),
    (
        &[Input::PeerCloseBehind, Input::ViolationBehind],
        |_, phase| !matches!(phase, Phase::Open | Phase::CloseQueued | Phase::CloseSent),
        "what is noted waits in OPEN, Pongs that must not be outrun in CLOSING; behind either nothing is parsed",
    ),
    (
        &[Input::Violation],
        |role, phase| !is_parsed(role, phase) && (role, phase) != (Role::Client, Phase::Connecting),
        "a violation is a frame's, or a server's response's",
    ),
    (
        &[Input::Due],
        |_, phase| {
            let queued =
                matches!(phase, Phase::Refusing | Phase::CloseQueued | Phase::Answering | Phase::Failing);
            queued || phase == Phase::Open
        },
        "these phases have no deadline of their own, and nothing in them is noted",
    ),
    (&[Input::Flushed], |_, phase| phase == Phase::Open, "nothing that is queued in OPEN ends it"),
    (
        &[Input::Flushed, Input::WriteTimeout],
        |role, phase| (role, phase) == (Role::Server, Phase::Connecting),
        "a server queues nothing before its answer, and that ends CONNECTING",
    ),
    (
        &[Input::Flushed, Input::WriteTimeout],
        |_, phase| phase == Phase::Severed || phase.state() == State::Closed,
        "nothing is written any more",
    ),
    (
        &[Input::Reset],
        |_, phase| matches!(phase, Phase::Done | Phase::Cut),
        "of a transport that is not needed any more only an end in order is still told",
    ),
    (
        &[Input::ClosingTimeout],
        |_, phase| matches!(phase, Phase::Connecting | Phase::Open) || phase.state() == State::Closed,
        "no end has begun, or it is decided",
    ),
    (&[Input::IdleTimeout], |_, phase| phase != Phase::Open, "idleness is watched in OPEN"),
];

/// Why the core never asks for this row, if it never does.
pub(crate) fn why_unasked(role: Role, phase: Phase, input: Input) -> Option<&'static str> {
    let of = |row: &&Unasked| row.0.contains(&input) && row.1(role, phase);
    foreign(role, phase).or_else(|| UNASKED.iter().find(of).map(|row| row.2))
}

/// Frames of the peer's are parsed: the protocol asks the table for the row of a data frame.
pub(crate) fn is_parsed(role: Role, phase: Phase) -> bool {
    step(role, phase, Input::PeerData).1 == Action::Deliver
}

/// Why `role` has no such phase.
pub(crate) fn foreign(role: Role, phase: Phase) -> Option<&'static str> {
    match (role, phase) {
        (Role::Client, Phase::Refusing) => Some("a client refuses by ending"),
        (Role::Client, Phase::Draining) => Some("a client awaits the server's end (RFC 6455 §7.1.1)"),
        (Role::Server, Phase::AwaitingEnd) => Some("a server shuts down first (RFC 6455 §7.1.1)"),
        _ => None,
    }
}
