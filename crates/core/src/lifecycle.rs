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
///
/// `ended` tells that the peer's direction of the stream has ended; phases in which that decides everything at once do not
/// carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The opening handshake is in progress.
    Connecting,
    /// Server: an HTTP refusal is queued.
    Refusing {
        /// The peer's direction has ended.
        ended: bool,
    },
    /// Messages go both ways.
    Open,
    /// The peer's Close was parsed behind messages that the application has not asked past (CLOSE.md rule 6).
    CloseNoted {
        /// The peer's direction has ended.
        ended: bool,
    },
    /// A violation was parsed behind messages that the application has not asked past.
    FaultNoted {
        /// The peer's direction has ended.
        ended: bool,
    },
    /// Our Close is queued, the peer has sent none.
    CloseQueued,
    /// Our Close is written, the peer has sent none.
    CloseSent,
    /// The peer's Close has taken effect, ours is queued.
    Answering {
        /// The peer's direction has ended.
        ended: bool,
    },
    /// The connection failed, our Close is queued, input is discarded.
    Failing {
        /// The peer's direction has ended.
        ended: bool,
    },
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
    /// The peer's Close was parsed, behind messages that the application has not asked past.
    PeerCloseBehind,
    /// The peer's Close was parsed, and nothing is before it.
    PeerClose,
    /// A violation was parsed, behind messages that the application has not asked past.
    ViolationBehind,
    /// A violation was parsed, and nothing is before it.
    Violation,
    /// What the phase waits for is due: the handshake, an answer or an end did not come in time; or what was noted takes effect.
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
    /// The connection is open: announce it.
    Open,
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
    /// Remember what was parsed until it takes effect.
    Note,
    /// Queue our Close, with a code of our own.
    QueueClose,
    /// Queue our Close, with the peer's payload.
    QueueEcho,
    /// Our Close is on its way: await the peer's.
    AwaitClose,
    /// Stop writing; what is queued stays unsent.
    StopWriting,
    /// Only the phase changes.
    Move,
    /// Decide the verdict.
    Decide,
}

/// A row's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transition {
    /// The phase that follows.
    pub next: Phase,
    /// What to do on the way.
    pub action: Action,
}

impl Phase {
    /// Every phase, in the order of a connection's life.
    pub const ALL: [Self; 19] = [
        Self::Connecting,
        Self::Refusing { ended: false },
        Self::Refusing { ended: true },
        Self::Open,
        Self::CloseNoted { ended: false },
        Self::CloseNoted { ended: true },
        Self::FaultNoted { ended: false },
        Self::FaultNoted { ended: true },
        Self::CloseQueued,
        Self::CloseSent,
        Self::Answering { ended: false },
        Self::Answering { ended: true },
        Self::Failing { ended: false },
        Self::Failing { ended: true },
        Self::Severed,
        Self::Draining,
        Self::AwaitingEnd,
        Self::Done,
        Self::Cut,
    ];

    /// What the application sees of this phase.
    pub const fn state(self) -> State {
        match self {
            Self::Connecting | Self::Refusing { .. } => State::Connecting,
            Self::Open | Self::CloseNoted { .. } | Self::FaultNoted { .. } => State::Open,
            Self::CloseQueued | Self::CloseSent => State::Closing,
            Self::Answering { .. } | Self::Failing { .. } | Self::Severed => State::Closing,
            Self::Draining | Self::AwaitingEnd | Self::Done | Self::Cut => State::Closed,
        }
    }

    /// What the driver sees of this phase.
    pub const fn transport(self) -> Transport {
        match self {
            Self::Connecting | Self::Refusing { .. } | Self::Open => Transport::Open,
            Self::CloseNoted { .. } | Self::FaultNoted { .. } => Transport::Open,
            Self::CloseQueued | Self::CloseSent | Self::Answering { .. } => Transport::Open,
            Self::Failing { .. } | Self::Severed | Self::AwaitingEnd => Transport::Open,
            Self::Draining => Transport::ShutdownWrite,
            Self::Done => Transport::Close,
            Self::Cut => Transport::Reset,
        }
    }

    /// Frames of the peer's are parsed (what arrives in other phases is discarded, or belongs to the handshake).
    pub const fn parses(self) -> bool {
        matches!(self, Self::Open | Self::CloseQueued | Self::CloseSent | Self::Severed)
    }

    /// The peer's direction of the stream brings nothing more, not even its end.
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Refusing { ended } | Self::Answering { ended } | Self::Failing { ended } => ended,
            Self::CloseNoted { ended } | Self::FaultNoted { ended } => ended,
            Self::Done | Self::Cut => true,
            Self::Connecting | Self::Open | Self::CloseQueued | Self::CloseSent => false,
            Self::Severed | Self::Draining | Self::AwaitingEnd => false,
        }
    }

    /// The same phase after the end of the peer's direction, where that does not decide everything.
    pub(crate) const fn ended(self) -> Self {
        match self {
            Self::Refusing { .. } => Self::Refusing { ended: true },
            Self::CloseNoted { .. } => Self::CloseNoted { ended: true },
            Self::FaultNoted { .. } => Self::FaultNoted { ended: true },
            Self::Answering { .. } => Self::Answering { ended: true },
            Self::Failing { .. } => Self::Failing { ended: true },
            Self::Connecting | Self::Open | Self::CloseQueued | Self::CloseSent | Self::Severed => self,
            Self::Draining | Self::AwaitingEnd | Self::Done | Self::Cut => self,
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
