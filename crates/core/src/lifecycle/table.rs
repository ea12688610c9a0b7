//! The table. A row is what one input does in one phase; there is one for every pair.

use super::{Action, Action::*, Input, Input::*, Phase, Phase::*, Role, Transition};

const fn to(next: Phase, action: Action) -> Transition {
    Transition { next, action }
}

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
        Opened => to(Open, Move),
        Refused | Close | Fail | Due => match role {
            Role::Server => to(Refusing, QueueRefusal),
            Role::Client => to(Done, Decide),
        },
        Violation | ViolationBehind | End | Reset | WriteError => to(Done, Decide),
        Abort | WriteTimeout => to(Cut, Decide),
        Send | SendPing => to(Connecting, HandBack),
        PeerData | PeerPing | PeerClose | PeerCloseBehind => to(Connecting, Discard),
        Flushed | ClosingTimeout | IdleTimeout => to(Connecting, Ignore),
    }
}

// R5.5.1-05, R7.1.1-06, R7.1.2-01, R7.1.7-04, R7.1.7-07, R7.2.1-02, R10.7-02
const fn open(input: Input) -> Transition {
    match input {
        Send | SendPing => to(Open, Queue),
        PeerData => to(Open, Deliver),
        PeerPing => to(Open, Pong),
        Close | IdleTimeout => to(CloseQueued, QueueClose),
        PeerClose => to(Answering, QueueEcho),
        PeerCloseBehind => to(CloseNoted, Move),
        Fail | Violation => to(Failing, QueueClose),
        ViolationBehind => to(FaultNoted, Move),
        End | Reset => to(Done, Decide),
        WriteError => to(Severed, Move),
        Abort | WriteTimeout => to(Cut, Decide),
        Opened | Refused | Due | Flushed | ClosingTimeout => to(Open, Ignore),
    }
}

/// [`CloseNoted`] and [`FaultNoted`]: what the peer sends behind it is not parsed, and its end changes nothing.
// R5.5.1-06
const fn noted(here: Phase, input: Input) -> Transition {
    let fault = matches!(here, FaultNoted);
    match input {
        Send => to(here, Queue),
        Due if !fault => to(Answering, QueueEcho),
        Close if !fault => to(Answering, QueueClose),
        Due | Close | Fail => to(Failing, QueueClose),
        Reset | WriteError | ClosingTimeout => to(Done, Decide),
        Abort | WriteTimeout => to(Cut, Decide),
        SendPing => to(here, HandBack),
        PeerData | PeerPing | PeerClose | PeerCloseBehind | Violation | ViolationBehind => to(here, Discard),
        Opened | Refused | Flushed | End | IdleTimeout => to(here, Ignore),
    }
}

// R5.5.1-04
const fn close_queued(input: Input) -> Transition {
    match input {
        Flushed => to(CloseSent, Move),
        PeerData => to(CloseQueued, Deliver),
        PeerPing => to(CloseQueued, Pong),
        PeerClose | PeerCloseBehind => to(Answering, Move),
        Violation | ViolationBehind => to(Failing, Move),
        End | Reset | ClosingTimeout => to(Done, Decide),
        WriteError => to(Severed, Move),
        Abort | WriteTimeout => to(Cut, Decide),
        Send | SendPing | Close | Fail => to(CloseQueued, HandBack),
        Opened | Refused | Due | IdleTimeout => to(CloseQueued, Ignore),
    }
}

// R5.5.1-04, R7.1.2-02
const fn close_sent(role: Role, input: Input) -> Transition {
    match input {
        PeerData => to(CloseSent, Deliver),
        PeerPing => to(CloseSent, Pong),
        PeerCloseBehind => to(Answering, Move),
        PeerClose | Violation | ViolationBehind => to(farewell(role), Decide),
        End | Reset | Due | ClosingTimeout => to(Done, Decide),
        Abort | WriteTimeout => to(Cut, Decide),
        Send | SendPing | Close | Fail => to(CloseSent, HandBack),
        Opened | Refused | Flushed | WriteError | IdleTimeout => to(CloseSent, Ignore),
    }
}

/// [`Refusing`], [`Answering`] and [`Failing`]: only the flush of what is queued is awaited.
// R7.1.2-02, R7.1.7-01, R7.1.7-02, R7.2.2-01
// R7.1.7-05
const fn finishing(role: Role, here: Phase, input: Input) -> Transition {
    match input {
        Flushed => to(farewell(role), Decide),
        Reset | WriteError | ClosingTimeout => to(Done, Decide),
        Abort | WriteTimeout => to(Cut, Decide),
        Send | SendPing | Close | Fail => to(here, HandBack),
        PeerData | PeerPing | PeerClose | PeerCloseBehind | Violation | ViolationBehind => to(here, Discard),
        Opened | Refused | Due | End | IdleTimeout => to(here, Ignore),
    }
}

const fn severed(input: Input) -> Transition {
    match input {
        PeerData => to(Severed, Deliver),
        PeerPing => to(Severed, Discard),
        PeerClose | PeerCloseBehind | Violation | ViolationBehind => to(Done, Decide),
        End | Reset | Due | ClosingTimeout => to(Done, Decide),
        Abort => to(Cut, Decide),
        Send | SendPing | Close | Fail => to(Severed, HandBack),
        Opened | Refused | Flushed | WriteError | WriteTimeout | IdleTimeout => to(Severed, Ignore),
    }
}

/// The verdict is decided. In [`Draining`] and [`AwaitingEnd`] the transport still moves, in [`Done`] and [`Cut`] nothing does.
const fn decided(here: Phase, input: Input) -> Transition {
    let over = matches!(here, Done | Cut);
    match input {
        End | Reset | WriteError | Due if !over => to(Done, Move),
        Abort if !over => to(Cut, Move),
        Send | SendPing | Close | Fail => to(here, HandBack),
        PeerData | PeerPing | PeerClose | PeerCloseBehind | Violation | ViolationBehind => to(here, Discard),
        Opened | Refused | Due | Flushed | End | Reset | Abort => to(here, Ignore),
        WriteError | WriteTimeout | ClosingTimeout | IdleTimeout => to(here, Ignore),
    }
}
