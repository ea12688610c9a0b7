//! The table. A row is what one input does in one phase; there is one for every pair.

use super::{Action, Input, Phase, Role, Transition};

const fn to(next: Phase, action: Action) -> Transition {
    Transition { next, action }
}

/// The phase after everything is said and written: rule 11 of CLOSE.md.
const fn farewell(role: Role, ended: bool) -> Phase {
    match (role, ended) {
        (Role::Server, false) => Phase::Draining,
        (Role::Client, false) => Phase::AwaitingEnd,
        (Role::Server | Role::Client, true) => Phase::Done,
    }
}

/// What `input` does to a connection in `phase`: the one place where the lifecycle changes.
pub const fn step(role: Role, phase: Phase, input: Input) -> Transition {
    match phase {
        Phase::Connecting => connecting(role, input),
        Phase::Open => open(input),
        Phase::CloseNoted { .. } | Phase::FaultNoted { .. } => noted(phase, input),
        Phase::CloseQueued => close_queued(input),
        Phase::CloseSent => close_sent(role, input),
        Phase::Refusing { .. } | Phase::Answering { .. } | Phase::Failing { .. } => {
            finishing(role, phase, input)
        }
        Phase::Severed => severed(input),
        Phase::Draining | Phase::AwaitingEnd | Phase::Done | Phase::Cut => closed(phase, input),
    }
}

const fn connecting(role: Role, input: Input) -> Transition {
    use Action::{Decide, Discard, HandBack, Ignore, QueueRefusal};
    match input {
        Input::Opened => to(Phase::Open, Action::Open),
        Input::Refused | Input::Close | Input::Fail | Input::Due => match role {
            Role::Server => to(Phase::Refusing { ended: false }, QueueRefusal),
            Role::Client => to(Phase::Done, Decide),
        },
        Input::Violation | Input::ViolationBehind => to(Phase::Done, Decide),
        Input::End | Input::Reset | Input::WriteError => to(Phase::Done, Decide),
        Input::Abort | Input::WriteTimeout => to(Phase::Cut, Decide),
        Input::Send | Input::SendPing => to(Phase::Connecting, HandBack),
        Input::PeerData | Input::PeerPing => to(Phase::Connecting, Discard),
        Input::PeerClose | Input::PeerCloseBehind => to(Phase::Connecting, Discard),
        Input::Flushed | Input::ClosingTimeout | Input::IdleTimeout => to(Phase::Connecting, Ignore),
    }
}

const fn open(input: Input) -> Transition {
    use Action::{Decide, Deliver, Ignore, Note, Pong, Queue, QueueClose, QueueEcho, StopWriting};
    match input {
        Input::Send | Input::SendPing => to(Phase::Open, Queue),
        Input::PeerData => to(Phase::Open, Deliver),
        Input::PeerPing => to(Phase::Open, Pong),
        Input::Close | Input::IdleTimeout => to(Phase::CloseQueued, QueueClose),
        Input::PeerClose => to(Phase::Answering { ended: false }, QueueEcho),
        Input::PeerCloseBehind => to(Phase::CloseNoted { ended: false }, Note),
        Input::Fail | Input::Violation => to(Phase::Failing { ended: false }, QueueClose),
        Input::ViolationBehind => to(Phase::FaultNoted { ended: false }, Note),
        Input::End | Input::Reset => to(Phase::Done, Decide),
        Input::WriteError => to(Phase::Severed, StopWriting),
        Input::Abort | Input::WriteTimeout => to(Phase::Cut, Decide),
        Input::Opened | Input::Refused => to(Phase::Open, Ignore),
        Input::Due | Input::Flushed | Input::ClosingTimeout => to(Phase::Open, Ignore),
    }
}

/// [`Phase::CloseNoted`] and [`Phase::FaultNoted`]: what the peer sends behind it is not parsed.
const fn noted(here: Phase, input: Input) -> Transition {
    use Action::{Decide, Discard, Ignore, Move, Queue, QueueClose, QueueEcho};
    let ended = here.has_ended();
    let fault = matches!(here, Phase::FaultNoted { .. });
    match input {
        Input::Send => to(here, Queue),
        Input::Due if !fault => to(Phase::Answering { ended }, QueueEcho),
        Input::Close if !fault => to(Phase::Answering { ended }, QueueClose),
        Input::Due | Input::Close | Input::Fail => to(Phase::Failing { ended }, QueueClose),
        Input::End => to(here.ended(), Move),
        Input::Reset | Input::WriteError | Input::ClosingTimeout => to(Phase::Done, Decide),
        Input::Abort | Input::WriteTimeout => to(Phase::Cut, Decide),
        Input::PeerData | Input::PeerPing | Input::PeerClose | Input::PeerCloseBehind => to(here, Discard),
        Input::Violation | Input::ViolationBehind => to(here, Discard),
        Input::SendPing => to(here, Action::HandBack),
        Input::Opened | Input::Refused | Input::Flushed | Input::IdleTimeout => to(here, Ignore),
    }
}

const fn close_queued(input: Input) -> Transition {
    use Action::{AwaitClose, Decide, Deliver, HandBack, Ignore, Move, Pong, StopWriting};
    let here = Phase::CloseQueued;
    match input {
        Input::Flushed => to(Phase::CloseSent, AwaitClose),
        Input::PeerData => to(here, Deliver),
        Input::PeerPing => to(here, Pong),
        Input::PeerClose | Input::PeerCloseBehind => to(Phase::Answering { ended: false }, Move),
        Input::Violation | Input::ViolationBehind => to(Phase::Failing { ended: false }, Move),
        Input::End | Input::Reset | Input::ClosingTimeout => to(Phase::Done, Decide),
        Input::WriteError => to(Phase::Severed, StopWriting),
        Input::Abort | Input::WriteTimeout => to(Phase::Cut, Decide),
        Input::Send | Input::SendPing | Input::Close | Input::Fail => to(here, HandBack),
        Input::Opened | Input::Refused | Input::Due | Input::IdleTimeout => to(here, Ignore),
    }
}

const fn close_sent(role: Role, input: Input) -> Transition {
    use Action::{Decide, Deliver, HandBack, Ignore, Pong, StopWriting};
    let here = Phase::CloseSent;
    match input {
        Input::PeerData => to(here, Deliver),
        Input::PeerPing => to(here, Pong),
        Input::PeerClose | Input::PeerCloseBehind => to(farewell(role, false), Decide),
        Input::Violation | Input::ViolationBehind => to(farewell(role, false), Decide),
        Input::End | Input::Reset | Input::Due | Input::ClosingTimeout => to(Phase::Done, Decide),
        Input::WriteError => to(here, StopWriting),
        Input::Abort | Input::WriteTimeout => to(Phase::Cut, Decide),
        Input::Send | Input::SendPing | Input::Close | Input::Fail => to(here, HandBack),
        Input::Opened | Input::Refused | Input::Flushed | Input::IdleTimeout => to(here, Ignore),
    }
}

/// [`Phase::Refusing`], [`Phase::Answering`] and [`Phase::Failing`]: only the flush of what is queued is awaited.
const fn finishing(role: Role, here: Phase, input: Input) -> Transition {
    use Action::{Decide, Discard, HandBack, Ignore, Move};
    match input {
        Input::Flushed => to(farewell(role, here.has_ended()), Decide),
        Input::End => to(here.ended(), Move),
        Input::Reset | Input::WriteError | Input::ClosingTimeout => to(Phase::Done, Decide),
        Input::Abort | Input::WriteTimeout => to(Phase::Cut, Decide),
        Input::Send | Input::SendPing | Input::Close | Input::Fail => to(here, HandBack),
        Input::PeerData | Input::PeerPing | Input::PeerClose | Input::PeerCloseBehind => to(here, Discard),
        Input::Violation | Input::ViolationBehind => to(here, Discard),
        Input::Opened | Input::Refused | Input::Due | Input::IdleTimeout => to(here, Ignore),
    }
}

const fn severed(input: Input) -> Transition {
    use Action::{Decide, Deliver, Discard, HandBack, Ignore};
    let here = Phase::Severed;
    match input {
        Input::PeerData => to(here, Deliver),
        Input::PeerPing => to(here, Discard),
        Input::PeerClose | Input::PeerCloseBehind => to(Phase::Done, Decide),
        Input::Violation | Input::ViolationBehind => to(Phase::Done, Decide),
        Input::End | Input::Reset | Input::Due | Input::ClosingTimeout => to(Phase::Done, Decide),
        Input::Abort => to(Phase::Cut, Decide),
        Input::Send | Input::SendPing | Input::Close | Input::Fail => to(here, HandBack),
        Input::Opened | Input::Refused | Input::Flushed => to(here, Ignore),
        Input::WriteError | Input::WriteTimeout | Input::IdleTimeout => to(here, Ignore),
    }
}

/// The verdict is decided: only the transport moves.
const fn closed(here: Phase, input: Input) -> Transition {
    use Action::{Discard, HandBack, Ignore, Move};
    let over = matches!(here, Phase::Done | Phase::Cut);
    match input {
        Input::End | Input::Reset | Input::WriteError | Input::Due if !over => to(Phase::Done, Move),
        Input::Abort if !over => to(Phase::Cut, Move),
        Input::End | Input::Reset | Input::WriteError | Input::Due | Input::Abort => to(here, Ignore),
        Input::Send | Input::SendPing | Input::Close | Input::Fail => to(here, HandBack),
        Input::PeerData | Input::PeerPing | Input::PeerClose | Input::PeerCloseBehind => to(here, Discard),
        Input::Violation | Input::ViolationBehind => to(here, Discard),
        Input::Opened | Input::Refused | Input::Flushed => to(here, Ignore),
        Input::WriteTimeout | Input::ClosingTimeout | Input::IdleTimeout => to(here, Ignore),
    }
}
