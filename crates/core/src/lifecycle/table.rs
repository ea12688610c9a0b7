//! The table. A row is what one input does in one phase; there is one for every pair.

use super::{Action::*, Input, Input::*, Phase, Phase::*, Role, Transition};

/// The phase after everything is said and written: rule 11 of CLOSE.md.
// R5.5.1-08, R5.5.1-09, R5.5.1-10, R7.1.1-03
const fn farewell(role: Role) -> Phase {
    match role {
        Role::Server => Draining,
        Role::Client => AwaitingEnd,
    }
}

/// What `input` does to a connection in `phase`: the one place where the lifecycle changes.
pub const fn step(role: Role, phase: Phase, input: Input) -> Transition {
    match phase {
        Connecting => connecting(role, input),
        Open => open(input),
        CloseNoted | FaultNoted => noted(phase, input),
        CloseQueued => close_queued(input),
        CloseSent => close_sent(role, input),
        Refusing | Answering | Failing => finishing(role, phase, input),
        Severed => severed(input),
        Draining | AwaitingEnd | Done | Cut => decided(phase, input),
    }
}

// R4.1-37, R7.2.1-01
const fn connecting(role: Role, input: Input) -> Transition {
    match input {
        Opened => (Open, Move),
        Refused | Close | Fail | Due => match role {
            Role::Server => (Refusing, QueueRefusal),
            Role::Client => (Done, Decide),
        },
        Violation | ViolationBehind | End | Reset | WriteError => (Done, Decide),
        Abort | WriteTimeout => (Cut, Decide),
        Send | SendPing => (Connecting, HandBack),
        PeerData | PeerPing | PeerClose | PeerCloseBehind => (Connecting, Discard),
        Flushed | ClosingTimeout | IdleTimeout => (Connecting, Ignore),
    }
}

// R5.5.1-05, R7.1.1-06, R7.1.2-01, R7.1.7-04, R7.1.7-07, R7.2.1-02, R10.7-02
const fn open(input: Input) -> Transition {
    match input {
        Send | SendPing => (Open, Queue),
        PeerData => (Open, Deliver),
        PeerPing => (Open, Pong),
        Close | IdleTimeout => (CloseQueued, QueueClose),
        PeerClose => (Answering, QueueEcho),
        PeerCloseBehind => (CloseNoted, Move),
        Fail | Violation => (Failing, QueueClose),
        ViolationBehind => (FaultNoted, Move),
        End | Reset => (Done, Decide),
        WriteError => (Severed, Move),
        Abort | WriteTimeout => (Cut, Decide),
        Opened | Refused | Due | Flushed | ClosingTimeout => (Open, Ignore),
    }
}

/// [`CloseNoted`] and [`FaultNoted`]: what the peer sends behind it is not parsed, and its end changes nothing.
// R5.5.1-06
const fn noted(here: Phase, input: Input) -> Transition {
    let fault = matches!(here, FaultNoted);
    match input {
        Send => (here, Queue),
        Due if !fault => (Answering, QueueEcho),
        Close if !fault => (Answering, QueueClose),
        Due | Close | Fail => (Failing, QueueClose),
        Reset | WriteError | ClosingTimeout => (Done, Decide),
        Abort | WriteTimeout => (Cut, Decide),
        SendPing => (here, HandBack),
        PeerData | PeerPing | PeerClose | PeerCloseBehind | Violation | ViolationBehind => (here, Discard),
        Opened | Refused | Flushed | End | IdleTimeout => (here, Ignore),
    }
}

// R5.5.1-04
const fn close_queued(input: Input) -> Transition {
    match input {
        Flushed => (CloseSent, Move),
        PeerData => (CloseQueued, Deliver),
        PeerPing => (CloseQueued, Pong),
        PeerClose | PeerCloseBehind => (Answering, Move),
        Violation | ViolationBehind => (Failing, Move),
        End | Reset | ClosingTimeout => (Done, Decide),
        WriteError => (Severed, Move),
        Abort | WriteTimeout => (Cut, Decide),
        Send | SendPing | Close | Fail => (CloseQueued, HandBack),
        Opened | Refused | Due | IdleTimeout => (CloseQueued, Ignore),
    }
}

// R5.5.1-04, R7.1.2-02
const fn close_sent(role: Role, input: Input) -> Transition {
    match input {
        PeerData => (CloseSent, Deliver),
        PeerPing => (CloseSent, Pong),
        PeerCloseBehind => (Answering, Move),
        PeerClose | Violation | ViolationBehind => (farewell(role), Decide),
        End | Reset | Due | ClosingTimeout => (Done, Decide),
        Abort | WriteTimeout => (Cut, Decide),
        Send | SendPing | Close | Fail => (CloseSent, HandBack),
        Opened | Refused | Flushed | WriteError | IdleTimeout => (CloseSent, Ignore),
    }
}

/// [`Refusing`], [`Answering`] and [`Failing`]: only the flush of what is queued is awaited.
// R7.1.2-02, R7.1.7-01, R7.1.7-02, R7.2.2-01
// R7.1.7-05
const fn finishing(role: Role, here: Phase, input: Input) -> Transition {
    match input {
        Flushed => (farewell(role), Decide),
        Reset | WriteError | ClosingTimeout => (Done, Decide),
        Abort | WriteTimeout => (Cut, Decide),
        Send | SendPing | Close | Fail => (here, HandBack),
        PeerData | PeerPing | PeerClose | PeerCloseBehind | Violation | ViolationBehind => (here, Discard),
        Opened | Refused | Due | End | IdleTimeout => (here, Ignore),
    }
}

const fn severed(input: Input) -> Transition {
    match input {
        PeerData => (Severed, Deliver),
        PeerPing => (Severed, Discard),
        PeerClose | PeerCloseBehind | Violation | ViolationBehind => (Done, Decide),
        End | Reset | Due | ClosingTimeout => (Done, Decide),
        Abort => (Cut, Decide),
        Send | SendPing | Close | Fail => (Severed, HandBack),
        Opened | Refused | Flushed | WriteError | WriteTimeout | IdleTimeout => (Severed, Ignore),
    }
}

/// The verdict is decided. In [`Draining`] and [`AwaitingEnd`] the transport still moves, in [`Done`] and [`Cut`] nothing does.
const fn decided(here: Phase, input: Input) -> Transition {
    let over = matches!(here, Done | Cut);
    match input {
        End | Reset | WriteError | Due if !over => (Done, Move),
        Abort if !over => (Cut, Move),
        Send | SendPing | Close | Fail => (here, HandBack),
        PeerData | PeerPing | PeerClose | PeerCloseBehind | Violation | ViolationBehind => (here, Discard),
        Opened | Refused | Due | Flushed | End | Reset | Abort => (here, Ignore),
        WriteError | WriteTimeout | ClosingTimeout | IdleTimeout => (here, Ignore),
    }
}
