//! The lifecycle of a connection as one table.
//!
//! Owns: which phase follows which, and what has to be done on the way. Must not know: bytes, time, counts, or why the
//! connection ends.
//!
//! [`step`] is the only place where the lifecycle changes. It is total: every [`Input`] has a row in every [`Phase`], for
//! both roles. What the application sees of a phase is its [`State`]; what the driver sees is its [`Transport`] level.

mod table;

pub use table::step;

/// Which side of the connection this endpoint is (RFC 6455 §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends the opening handshake and masks its frames.
    Client,
    /// Answers the opening handshake and ends the TCP connection first.
    Server,
}

/// The four states that an application sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The opening handshake is not complete.
    Connecting,
    /// Messages go both ways.
    Open,
    /// A Close of ours is queued, the peer's Close has taken effect, or the connection has failed.
    Closing,
    /// The verdict is decided.
    Closed,
}

/// What the transport should be by now: a level that a driver compares with, so that it cannot be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Both directions are in use.
    Open,
    /// Everything is written: shut down the sending direction and keep reading.
    ShutdownWrite,
    /// Nothing more is needed: shut down and forget the transport.
    Close,
    /// Reset the transport and forget it.
    Reset,
}

/// The states, refined as far as correctness needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The opening handshake is in progress.
    Connecting,
    /// Server: an HTTP refusal is queued.
    Refusing,
    /// Messages go both ways.
    Open,
    /// The peer's Close was parsed behind messages that the application has not asked past (CLOSE.md rule 6).
    CloseNoted,
    /// A violation was parsed behind messages that the application has not asked past.
    FaultNoted,
    /// Our Close is queued, the peer has sent none.
    CloseQueued,
    /// Our Close is written, the peer has sent none.
    CloseSent,
    /// The peer's Close has taken effect; ours is queued, or a Pong behind it.
    Answering,
    /// The connection failed, our Close is queued, input is discarded.
    Failing,
    /// Writing failed; the peer's direction is read to its own end.
    Severed,
    /// Decided: the sending direction is shut down, input is discarded until it ends.
    Draining,
    /// Decided: the server's end of stream is awaited (RFC 6455 §7.1.1).
    AwaitingEnd,
    /// Decided: the transport is not needed any more.
    Done,
    /// Decided: the transport is to be reset.
    Cut,
}

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The opening handshake succeeded: a server's accept, or a client's valid 101.
    Opened,
    /// The opening handshake failed: a server's refusal, or a client's response that is not a valid 101.
    Refused,
    /// The application sends a message or a fragment.
    Send,
    /// The application sends a Ping, or a Ping falls due.
    SendPing,
    /// The application closes.
    Close,
    /// The application, or a Pong that did not come, fails the connection.
    Fail,
    /// The application aborts.
    Abort,
    /// The peer's data frame was parsed.
    PeerData,
    /// The peer's Ping was parsed.
    PeerPing,
    /// The peer's Close was parsed, behind messages that the application has not asked past, or behind Pings whose Pongs wait to be written.
    PeerCloseBehind,
    /// The peer's Close was parsed, and nothing is before it.
    PeerClose,
    /// A violation was parsed, behind messages that the application has not asked past, or behind Pings whose Pongs wait to be written.
    ViolationBehind,
    /// A violation was parsed, and nothing is before it.
    Violation,
    /// What the phase waits for is due: the handshake, an answer or an end did not come in time; or what was noted takes effect; or more was
    /// discarded after the verdict than `Config::drain_len`.
    Due,
    /// The last thing that was queued to end with (our Close, or a refusal) was handed to the transport whole.
    Flushed,
    /// The peer's direction ended, in order or by a truncation.
    End,
    /// The transport was reset.
    Reset,
    /// Writing failed.
    WriteError,
    /// Writing made no progress for too long.
    WriteTimeout,
    /// The absolute bound on closing has passed.
    ClosingTimeout,
    /// No message passed for too long.
    IdleTimeout,
}

/// What has to be done on the way to the next phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing: the input has no meaning in this phase.
    Ignore,
    /// Queue an HTTP refusal.
    QueueRefusal,
    /// Take what the application sends into the queue.
    Queue,
    /// Hand it back to the application.
    HandBack,
    /// Deliver it to the application.
    Deliver,
    /// Drop it.
    Discard,
    /// Queue a Pong.
    Pong,
    /// Queue our Close, with a code of our own.
    QueueClose,
    /// Queue our Close, with the peer's payload.
    QueueEcho,
    /// Only the phase changes.
    Move,
    /// Decide the verdict.
    Decide,
}

/// A row's answer: the phase that follows, and what to do on the way.
pub type Transition = (Phase, Action);

impl Phase {
    /// Every phase, in the order of a connection's life.
    pub const ALL: [Self; 14] = {
        use Phase::*;
        [
            Connecting, Refusing, Open, CloseNoted, FaultNoted, CloseQueued, CloseSent, Answering, Failing,
            Severed, Draining, AwaitingEnd, Done, Cut,
        ]
    };

    /// What the application sees of this phase.
    // R7.1.3-01
    pub const fn state(self) -> State {
        use Phase::*;
        match self {
            Connecting | Refusing => State::Connecting,
            Open | CloseNoted | FaultNoted => State::Open,
            CloseQueued | CloseSent | Answering | Failing | Severed => State::Closing,
            Draining | AwaitingEnd | Done | Cut => State::Closed,
        }
    }

    /// What the driver sees of this phase.
    // R7.1.1-05
    pub const fn transport(self) -> Transport {
        use Phase::*;
        match self {
            Connecting | Refusing | Open | CloseNoted | FaultNoted => Transport::Open,
            CloseQueued | CloseSent | Answering | Failing | Severed | AwaitingEnd => Transport::Open,
            // R7.1.1-04
            Draining => Transport::ShutdownWrite,
            Done => Transport::Close,
            Cut => Transport::Reset,
        }
    }
}

impl Input {
    /// Every input, in the order of its declaration.
    pub const ALL: [Self; 21] = {
        use Input::*;
        [
            Opened, Refused, Send, SendPing, Close, Fail, Abort, PeerData, PeerPing, PeerCloseBehind,
            PeerClose, ViolationBehind, Violation, Due, Flushed, End, Reset, WriteError, WriteTimeout,
            ClosingTimeout, IdleTimeout,
        ]
    };
}
