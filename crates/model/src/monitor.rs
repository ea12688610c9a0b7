//! Rules about what happens, as against what is: each is watched on the way from one state to the next.

/// A rule that a step can break. Broken once, it stays broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rule {
    /// A verdict, once decided, does not change.
    VerdictStays,
    /// States and transport levels never go back.
    Forward,
    /// A refused call changes nothing.
    RefusalChangesNothing,
    /// After the `Closed` event there is no other.
    NothingAfterClosed,
    /// Messages are told before the Close that came behind them, and that before the verdict.
    ToldInOrder,
    /// `Closing` is told at most once.
    ClosingOnce,
    /// At most one Close is queued.
    CloseOnce,
    /// No data frame and no new Ping is queued after our Close.
    NothingQueuedAfterClose,
    /// After our Close only Pongs are written.
    OnlyPongsBehindClose,
    /// Nothing but a promised Pong is queued after the peer's Close took effect.
    NothingNewAfterPeersClose,
    /// A message is admitted in OPEN only.
    SendInOpenOnly,
    /// No data is delivered from behind the peer's Close, or after the verdict.
    NoDataBehindClose,
    /// A Ping that comes before the peer's Close is answered.
    PingAnswered,
    /// Each Ping is answered once.
    PongIsOwed,
    /// After acting on what is due nothing is due.
    TimeoutActs,
    /// An abort resets a transport that is in use.
    AbortResets,
    /// A write error in OPEN ends sending only.
    WriteErrorMutes,
    /// An end of stream behind what is noted changes nothing.
    EndBehindNoted,
}

impl Rule {
    /// Every rule, in the order of its declaration.
    pub const ALL: [Self; 18] = [
        Self::VerdictStays,
        Self::Forward,
        Self::RefusalChangesNothing,
        Self::NothingAfterClosed,
        Self::ToldInOrder,
        Self::ClosingOnce,
        Self::CloseOnce,
        Self::NothingQueuedAfterClose,
        Self::OnlyPongsBehindClose,
        Self::NothingNewAfterPeersClose,
        Self::SendInOpenOnly,
        Self::NoDataBehindClose,
        Self::PingAnswered,
        Self::PongIsOwed,
        Self::TimeoutActs,
        Self::AbortResets,
        Self::WriteErrorMutes,
        Self::EndBehindNoted,
    ];
}

/// The rules that were broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Broken(u32);

impl Broken {
    pub(crate) fn unless(&mut self, holds: bool, rule: Rule) {
        if !holds {
            self.0 |= 1 << rule as u16;
        }
    }

    pub(crate) const fn has(self, rule: Rule) -> bool {
        self.0 & 1 << rule as u16 != 0
    }
}
