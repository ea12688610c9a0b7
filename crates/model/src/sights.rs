//! What a search has to come across, so that nothing holds for want of cases.

use adieu_core::lifecycle::Phase;
use adieu_core::{Cause, Closed, Initiator, Timeout};

use crate::{End, Lifecycle, System};

macro_rules! sights {
    ($($name:ident = $words:literal, $condition:expr;)*) => {
        /// A kind of state that a search has to come across.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Sight {
            $(#[doc = $words] $name,)*
        }

        impl Sight {
            /// What it is called.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            pub(crate) fn condition(self) -> fn(&Lifecycle, &System) -> bool {
                match self { $(Self::$name => |_, system| $condition(system),)* }
            }
        }
    };
}

sights! {
    BothClean = "both ends are clean and done with",
        |s: &System| both(s, |v| v.clean) && s.ends.iter().all(End::is_over);
    Crossing = "Closes crossed",
        |s: &System| both(s, |v| v.clean && v.initiator == Some(Initiator::Local) && v.sent != v.received);
    OneClean = "one end is clean, the other is not",
        |s: &System| any(s, |v| v.clean) && any(s, |v| !v.clean);
    Failed = "cause: failed",
        |s: &System| caused(s, &Cause::Failed);
    Aborted = "cause: aborted",
        |s: &System| caused(s, &Cause::Aborted);
    Violation = "cause: violation",
        |s: &System| any(s, |v| matches!(v.cause, Cause::Violation(_)));
    EndBetween = "cause: end between frames",
        |s: &System| caused(s, &Cause::EndOfStream { inside_frame: false });
    EndInside = "cause: end inside a frame",
        |s: &System| caused(s, &Cause::EndOfStream { inside_frame: true });
    Reset = "cause: reset",
        |s: &System| caused(s, &Cause::Reset);
    Truncated = "cause: truncated",
        |s: &System| caused(s, &Cause::Truncated);
    WriteTimeout = "cause: write timeout",
        |s: &System| late(s, Timeout::Write);
    CloseTimeout = "cause: close timeout",
        |s: &System| late(s, Timeout::Close);
    ClosingTimeout = "cause: closing timeout",
        |s: &System| late(s, Timeout::Closing);
    PongTimeout = "cause: pong timeout",
        |s: &System| late(s, Timeout::Pong);
    IdleTimeout = "cause: idle timeout",
        |s: &System| late(s, Timeout::Idle);
    CleanIdle = "a clean end of an idle connection",
        |s: &System| any(s, |v| v.clean && v.cause == Cause::Timeout(Timeout::Idle));
    CloseNoted = "a Close is noted",
        |s: &System| phase(s, |phase| matches!(phase, Phase::CloseNoted));
    FaultNoted = "a violation is noted",
        |s: &System| phase(s, |phase| matches!(phase, Phase::FaultNoted));
    Severed = "writing has failed, reading goes on",
        |s: &System| phase(s, |phase| phase == Phase::Severed);
    Failing = "the connection is failing",
        |s: &System| phase(s, |phase| matches!(phase, Phase::Failing));
    NotedBySender = "a Close is noted by who has sent a message",
        |s: &System| end(s, |end| is_noted(end) && end.ghost.accepted > 0);
    PingWhileClosing = "a Ping is answered while CLOSING",
        |s: &System| phase_and(s, Phase::CloseSent, |end| end.protocol.has_urgent());
    PongBeforeEcho = "a Pong waits before the echo",
        |s: &System| end(s, |end| end.ghost.owed > 0 && end.ghost.read_close && end.protocol.has_urgent());
    Confirmed = "a verdict with a confirmation",
        |s: &System| any(s, |v| v.confirmed.is_some());
    Deceived = "what is confirmed the peer has not parsed",
        |s: &System| s.ends.iter().zip(s.ends.iter().rev()).any(|(end, peer)| is_deceived(end, peer));
    Unsent = "a verdict with something unsent",
        |s: &System| any(s, |v| v.unsent.messages > 0);
    Undelivered = "a verdict with something dropped",
        |s: &System| any(s, |v| v.undelivered.messages > 0);
    CutIn = "a verdict with a message of the peer's cut",
        |s: &System| any(s, |v| v.cut_in);
    CutOut = "a verdict with a message of ours cut",
        |s: &System| any(s, |v| v.cut_out);
    CleanCut = "two clean ends of a message that was cut",
        |s: &System| both(s, |v| v.clean) && any(s, |v| v.cut_out);
    Full = "the queue is full",
        |s: &System| end(s, |end| end.protocol.buffered() >= end.protocol.config().send_high);
    Paused = "reading has stopped",
        |s: &System| end(s, |end| end.protocol.phase() == Phase::Open && !end.protocol.wants_input());
    DataWhileClosing = "data waits behind our Close",
        |s: &System| end(s, |end| end.ghost.close.is_some() && !end.ghost.read_close && end.inbox > 0);
    ReadAfterVerdict = "messages wait when the verdict is decided",
        |s: &System| end(s, |end| end.protocol.closed().is_some() && end.inbox > 0);
    Spilt = "bytes came to a closed socket",
        |s: &System| s.wires.iter().any(|wire| wire.spilt);
}

fn end(system: &System, holds: fn(&End) -> bool) -> bool {
    system.ends.iter().any(holds)
}

/// The peer's Close was parsed and has not taken effect.
fn is_noted(end: &End) -> bool {
    end.protocol.phase() == Phase::CloseNoted
}

/// A Pong was forged, and has confirmed more than the peer has parsed.
fn is_deceived(end: &End, peer: &End) -> bool {
    end.protocol.confirmed().is_some_and(|ticket| ticket.0 >= peer.ghost.parsed)
}

fn any(system: &System, holds: fn(&Closed) -> bool) -> bool {
    system.ends.iter().any(|end| end.protocol.closed().is_some_and(holds))
}

fn both(system: &System, holds: fn(&Closed) -> bool) -> bool {
    system.ends.iter().all(|end| end.protocol.closed().is_some_and(holds))
}

fn caused(system: &System, cause: &Cause) -> bool {
    system.ends.iter().any(|end| end.protocol.closed().is_some_and(|verdict| verdict.cause == *cause))
}

fn late(system: &System, timeout: Timeout) -> bool {
    caused(system, &Cause::Timeout(timeout))
}

fn phase(system: &System, holds: fn(Phase) -> bool) -> bool {
    system.ends.iter().any(|end| holds(end.protocol.phase()))
}

fn phase_and(system: &System, phase: Phase, holds: fn(&End) -> bool) -> bool {
    system.ends.iter().any(|end| end.protocol.phase() == phase && holds(end))
}
