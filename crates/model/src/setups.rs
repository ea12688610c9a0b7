//! The configurations, each a corner.

use crate::{Budget, Cut, Fault, Setup, Sight, Times};

const NONE: Budget = Budget {
    sends: 0,
    fragments: 0,
    pings: 0,
    pongs: 0,
    closes: 0,
    cuttings: 0,
    fails: 0,
    aborts: 0,
    stops: 0,
    cuts: 0,
    faults: 0,
    naps: 0,
    jumps: None,
};

/// The client's timeouts, and the server's.
const TIMES: [Times; 2] = [
    Times { write: 13, close: 7, drain: 5, closing: 29, linger: 3, pong: 11, interval: None, idle: None },
    Times { write: 17, close: 8, drain: 4, closing: 37, linger: 2, pong: 10, interval: None, idle: None },
];

/// Everything off.
const PLAIN: Setup = Setup {
    name: "",
    about: "",
    budget: NONE,
    small: NONE,
    slow: false,
    times: TIMES,
    codes: 1,
    cut: Cut::Header,
    batch: 8,
    late: false,
    send_high: 1 << 10,
    inbox_len: 1 << 10,
    drain_len: 1 << 10,
    faults: &[],
    sights: &[],
};

/// Closing is bounded more tightly than all else.
const HURRIED: [Times; 2] = [
    Times { write: 5, close: 11, drain: 4, closing: 7, linger: 3, pong: 13, interval: None, idle: None },
    Times { write: 4, close: 9, drain: 3, closing: 8, linger: 10, pong: 12, interval: None, idle: None },
];

/// Keepalive, and an end of idleness.
const WATCHFUL: [Times; 2] =
    [Times { interval: Some(9), ..TIMES[0] }, Times { interval: None, idle: Some(16), ..TIMES[1] }];

/// Every configuration, at the size of the long run.
pub fn setups() -> Vec<Setup> {
    [CLOSING, TALKING, BREAKING].concat()
}

/// The same configurations, at a size for every change.
pub fn quick() -> Vec<Setup> {
    setups().into_iter().map(|setup| Setup { budget: setup.small, ..setup }).collect()
}

/// Who closes, when, with what in the way.
const CLOSING: &[Setup] = &[
    Setup {
        name: "crossing",
        about: "both endpoints close, with one of two codes, behind a message or not",
        budget: Budget { sends: 1, closes: 2, naps: 1, ..NONE },
        small: Budget { sends: 1, closes: 2, jumps: Some(3), ..NONE },
        codes: 2,
        sights: &[
            Sight::BothClean,
            Sight::Crossing,
            Sight::CloseNoted,
            Sight::CloseTimeout,
            Sight::WriteTimeout,
            Sight::Unsent,
            Sight::Spilt,
            Sight::OneClean,
        ],
        ..PLAIN
    },
    Setup {
        name: "slow",
        about: "applications ask and drivers comply when they like; the inbox holds one message",
        budget: Budget { sends: 1, closes: 1, naps: 1, ..NONE },
        small: Budget { sends: 1, closes: 1, jumps: Some(3), ..NONE },
        slow: true,
        inbox_len: 3,
        sights: &[
            Sight::BothClean,
            Sight::CloseNoted,
            Sight::Paused,
            Sight::ReadAfterVerdict,
            Sight::DataWhileClosing,
        ],
        ..PLAIN
    },
    Setup {
        name: "hurried",
        about: "the bound on closing is the shortest of all; a trickle of progress keeps the write deadline away",
        budget: Budget { sends: 2, closes: 1, cuts: 1, ..NONE },
        small: Budget { sends: 1, closes: 1, cuts: 1, naps: 1, jumps: Some(3), ..NONE },
        times: HURRIED,
        sights: &[Sight::BothClean, Sight::ClosingTimeout, Sight::Unsent, Sight::CutOut],
        ..PLAIN
    },
    Setup {
        name: "cutting",
        about: "a fragmented message is finished, refused a Close, or left unfinished",
        budget: Budget { fragments: 1, closes: 1, cuttings: 1, cuts: 1, ..NONE },
        small: Budget { fragments: 1, closes: 1, cuttings: 1, jumps: Some(3), ..NONE },
        cut: Cut::Payload,
        sights: &[Sight::BothClean, Sight::CleanCut, Sight::CutIn, Sight::CutOut, Sight::Unsent],
        ..PLAIN
    },
    Setup {
        name: "full",
        about: "the send queue holds two messages; a Close is never refused for that",
        budget: Budget { sends: 3, closes: 1, ..NONE },
        small: Budget { sends: 2, closes: 1, jumps: Some(3), ..NONE },
        send_high: 6,
        batch: 1,
        sights: &[Sight::BothClean, Sight::Full, Sight::Unsent, Sight::CloseNoted, Sight::NotedBySender],
        ..PLAIN
    },
    Setup {
        name: "deaf",
        about: "an application gives up receiving, with messages waiting and coming",
        budget: Budget { sends: 2, closes: 1, stops: 1, ..NONE },
        small: Budget { sends: 1, closes: 1, stops: 1, jumps: Some(3), ..NONE },
        inbox_len: 3,
        sights: &[Sight::BothClean, Sight::Undelivered, Sight::CloseNoted],
        ..PLAIN
    },
];

/// What is said meanwhile.
const TALKING: &[Setup] = &[
    Setup {
        name: "pings",
        about: "Pings confirm messages",
        budget: Budget { sends: 1, pings: 1, closes: 1, jumps: Some(4), ..NONE },
        small: Budget { sends: 1, pings: 1, closes: 1, jumps: Some(2), ..NONE },
        sights: &[Sight::BothClean, Sight::Confirmed, Sight::PongTimeout, Sight::PingWhileClosing],
        ..PLAIN
    },
    Setup {
        name: "forged",
        about: "the peer sends a Pong to a Ping that it may not have read",
        budget: Budget { sends: 1, pings: 1, closes: 1, faults: 1, jumps: Some(2), ..NONE },
        small: Budget { sends: 1, pings: 1, closes: 1, faults: 1, jumps: Some(1), ..NONE },
        faults: &[Fault::Pong],
        batch: 1,
        sights: &[Sight::BothClean, Sight::Confirmed, Sight::Deceived],
        ..PLAIN
    },
    Setup {
        name: "pongs",
        about: "Pings and Pongs about the Closes of both endpoints",
        budget: Budget { pings: 1, pongs: 1, closes: 1, ..NONE },
        small: Budget { pings: 1, pongs: 1, closes: 1, jumps: Some(2), ..NONE },
        batch: 1,
        sights: &[Sight::BothClean, Sight::PingWhileClosing, Sight::PongBeforeEcho, Sight::PongTimeout],
        ..PLAIN
    },
    Setup {
        name: "keepalive",
        about: "keepalive Pings, silence, idleness",
        budget: Budget { closes: 1, jumps: Some(6), ..NONE },
        small: Budget { closes: 1, jumps: Some(4), ..NONE },
        times: WATCHFUL,
        sights: &[
            Sight::BothClean,
            Sight::PongTimeout,
            Sight::IdleTimeout,
            Sight::CleanIdle,
            Sight::WriteTimeout,
        ],
        ..PLAIN
    },
    Setup {
        name: "completion",
        about: "the transport tells later what it took",
        budget: Budget { sends: 1, pings: 1, closes: 1, jumps: Some(3), ..NONE },
        small: Budget { sends: 1, pings: 1, closes: 1, jumps: Some(1), ..NONE },
        late: true,
        sights: &[Sight::BothClean, Sight::Confirmed, Sight::Unsent, Sight::WriteTimeout],
        ..PLAIN
    },
    Setup {
        name: "pieces",
        about: "reads and writes end inside frames, payloads and Closes",
        budget: Budget { sends: 1, closes: 1, cuts: 2, faults: 1, jumps: Some(4), ..NONE },
        small: Budget { sends: 1, closes: 1, cuts: 1, faults: 1, jumps: Some(2), ..NONE },
        faults: &[Fault::End],
        cut: Cut::Payload,
        sights: &[Sight::BothClean, Sight::EndBetween, Sight::EndInside, Sight::CutIn],
        ..PLAIN
    },
];

/// What goes wrong.
const BREAKING: &[Setup] = &[
    Setup {
        name: "failing",
        about: "an application fails the connection, before, between and after Closes",
        budget: Budget { sends: 1, closes: 1, fails: 2, ..NONE },
        small: Budget { sends: 1, closes: 1, fails: 1, jumps: Some(3), ..NONE },
        sights: &[Sight::BothClean, Sight::Failed, Sight::Failing, Sight::OneClean, Sight::Spilt],
        ..PLAIN
    },
    Setup {
        name: "violation",
        about: "garbage arrives, in front of messages, behind them, about Closes; what follows is much",
        budget: Budget { sends: 1, closes: 1, faults: 1, ..NONE },
        small: Budget { sends: 1, closes: 1, faults: 1, jumps: Some(3), ..NONE },
        faults: &[Fault::Garbage],
        drain_len: 4,
        sights: &[Sight::Violation, Sight::FaultNoted, Sight::Failing, Sight::OneClean],
        ..PLAIN
    },
    Setup {
        name: "losses",
        about: "the stream ends, is truncated or reset, or writing fails, once, anywhere",
        budget: Budget { sends: 1, closes: 2, faults: 1, jumps: Some(4), ..NONE },
        small: Budget { closes: 2, faults: 1, jumps: Some(3), ..NONE },
        faults: &Fault::LOSSES,
        sights: &[
            Sight::BothClean,
            Sight::EndBetween,
            Sight::Reset,
            Sight::Truncated,
            Sight::Severed,
            Sight::OneClean,
        ],
        ..PLAIN
    },
    Setup {
        name: "two faults",
        about: "any two faults",
        budget: Budget { closes: 2, faults: 2, ..NONE },
        small: Budget { closes: 1, faults: 2, jumps: Some(3), ..NONE },
        faults: &Fault::ALL,
        sights: &[Sight::Violation, Sight::Reset, Sight::Truncated, Sight::Severed],
        ..PLAIN
    },
    Setup {
        name: "write error",
        about: "writing fails with messages and Pings on their way, and fragments unfinished",
        budget: Budget { fragments: 1, pings: 1, closes: 1, faults: 1, jumps: Some(3), ..NONE },
        small: Budget { fragments: 1, closes: 1, faults: 1, jumps: Some(3), ..NONE },
        faults: &[Fault::Write],
        sights: &[Sight::Severed, Sight::Reset, Sight::Unsent, Sight::CutOut],
        ..PLAIN
    },
    Setup {
        name: "abort",
        about: "an application aborts, before and after the verdict",
        budget: Budget { sends: 1, closes: 1, aborts: 1, ..NONE },
        small: Budget { sends: 1, closes: 1, aborts: 1, jumps: Some(2), ..NONE },
        slow: true,
        sights: &[Sight::Aborted, Sight::Reset, Sight::OneClean, Sight::Unsent],
        ..PLAIN
    },
];
