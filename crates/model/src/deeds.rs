//! What was done to an endpoint, as far as it can end a connection.
//!
//! Owns: what arose first, what was learned of the transport, since when something is awaited that has a deadline. Must not know: what
//! the protocol makes of it. Its verdict is held against this.

use adieu_core::frame::Opcode;
use adieu_core::lifecycle::Phase;
use adieu_core::protocol::Protocol;
use adieu_core::{Cause, Closed, Instant, State, Timeout, Transport};

use crate::Frame;

/// What ends a connection whatever its transport does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The peer broke the protocol.
    Violation,
    /// The application failed the connection.
    Failed,
    /// The application aborted.
    Aborted,
    /// This deadline passed.
    Late(Timeout),
}

/// What was learned of the transport, the worst last (CLOSE.md rule 10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lost {
    /// Nothing.
    #[default]
    Nothing,
    /// The stream ended.
    End {
        /// Inside a frame.
        inside: bool,
    },
    /// It ended without `close_notify`.
    Truncated,
    /// It was reset, or writing failed.
    Reset,
}

/// What was done to an endpoint. After the verdict only [`gave_up`](Self::gave_up) changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deeds {
    /// What arose first; deadlines may pass together. An abort takes its place.
    pub first: Vec<Reason>,
    /// A violation was parsed. It arises when it takes effect (CLOSE.md rule 6).
    pub violated: bool,
    /// The worst that was learned of the transport.
    pub lost: Lost,
    /// It let go of the transport before the peer's end of it: for a deadline, an abort, or too much that came after the verdict.
    pub gave_up: bool,
    /// What it waits for.
    pub waits: Waits,
}

/// Since when something is awaited that has a deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Waits {
    /// Progress in writing.
    pub write: Option<Instant>,
    /// The answer to our Close.
    pub close: Option<Instant>,
    /// The Pongs to Pings with these payloads.
    pub pongs: Vec<(Vec<u8>, Instant)>,
    /// The peer's end, where nothing can be written any more.
    pub severed: Option<Instant>,
    /// A message, in either direction; since the beginning, if there was none.
    pub message: Option<Instant>,
}

impl Deeds {
    fn arise(&mut self, reasons: Vec<Reason>) {
        if self.first.is_empty() {
            self.first = reasons;
        }
    }

    /// The application failed the connection.
    pub(crate) fn fail(&mut self) {
        self.arise(vec![Reason::Failed]);
    }

    /// The application aborted, which led from one phase to the other.
    pub(crate) fn abort(&mut self, before: Phase, after: Phase) {
        if before.state() != State::Closed {
            self.first = vec![Reason::Aborted];
        }
        self.let_go(before, after);
    }

    /// What was due was acted on, these among it. A keepalive leads nowhere; of what leads somewhere, what was noted and takes effect
    /// is no reason, and what else is due then is none before.
    pub(crate) fn time_out(&mut self, late: Vec<Reason>, before: Phase, after: Phase) {
        if before != after && before.state() != State::Closed {
            self.arise(late);
        }
        self.let_go(before, after);
    }

    /// Something came, and was read.
    pub(crate) fn drain(&mut self, before: Phase, after: Phase) {
        if before.state() == State::Closed {
            self.let_go(before, after);
        }
    }

    fn let_go(&mut self, before: Phase, after: Phase) {
        self.gave_up |= before.transport() < Transport::Close && after.transport() >= Transport::Close;
    }

    /// Something was learned of the transport, in this phase.
    pub(crate) fn lose(&mut self, before: Phase, lost: Lost) {
        if before.state() != State::Closed {
            self.lost = self.lost.max(lost);
        }
    }

    /// After a step: what was parsed may have taken effect; who has something to write waits for progress; after the verdict nothing is
    /// awaited.
    pub(crate) fn watch(&mut self, now: Instant, phase: Phase, wants_output: bool) {
        if self.violated && phase.state() != State::Open {
            self.arise(vec![Reason::Violation]);
        }
        self.waits.write = wants_output.then(|| self.waits.write.unwrap_or(now));
        self.waits.severed = (phase == Phase::Severed).then(|| self.waits.severed.unwrap_or(now));
        if phase.state() == State::Closed {
            self.waits = Waits::default();
        }
    }

    /// The end has its reason here, and not in the transport. Idleness closes in order: it is a reason where a deadline then decides.
    pub(crate) fn end_by_themselves(&self) -> bool {
        match self.first[..] {
            [] => false,
            [Reason::Late(Timeout::Idle)] => self.gave_up,
            _ => true,
        }
    }

    /// Nothing of it keeps an end from being clean.
    pub(crate) fn are_in_order(&self) -> bool {
        !self.gave_up && !self.end_by_themselves()
    }

    /// The verdict names what arose first; where nothing did, a complete closing handshake; where it is not complete, the worst that was
    /// learned of the transport.
    pub(crate) fn are_named(&self, verdict: &Closed) -> bool {
        let lost = |lost| !verdict.clean && self.lost == lost;
        match (&verdict.cause, &self.first[..]) {
            (Cause::Violation(_), first) => first == [Reason::Violation],
            (Cause::Failed, first) => first == [Reason::Failed],
            (Cause::Aborted, first) => first == [Reason::Aborted],
            (Cause::Timeout(timeout), first) => first.contains(&Reason::Late(*timeout)),
            (Cause::Handshake, []) => verdict.clean,
            (Cause::EndOfStream { inside_frame }, []) => lost(Lost::End { inside: *inside_frame }),
            (Cause::Truncated, []) => lost(Lost::Truncated),
            (Cause::Reset, []) => lost(Lost::Reset),
            _ => false,
        }
    }
}

impl Waits {
    /// A frame was written whole: ours may be answered.
    pub(crate) fn wrote(&mut self, now: Instant, frame: &Frame) {
        if frame.is(Opcode::Close) {
            self.close = Some(now);
        }
        if frame.is(Opcode::Ping) {
            self.pongs.push((frame.payload(), now));
        }
    }

    /// A frame was read: a Pong answers the Ping with its payload, and those before; a Close answers ours.
    pub(crate) fn read(&mut self, frame: &Frame) {
        if frame.is(Opcode::Pong) {
            let answered = self.pongs.iter().position(|(ping, _)| *ping == frame.payload());
            self.pongs.drain(..answered.map_or(0, |index| index + 1));
        }
        if frame.is(Opcode::Close) {
            self.close = None;
        }
    }

    /// What is late. The bound on closing is at `end_by`. Who cannot write any more waits no longer than to drain: that ends the connection for
    /// the loss that it knows of, also where the bound is reached in the same moment.
    pub(crate) fn late(&self, now: Instant, protocol: &Protocol, end_by: Option<Instant>) -> Vec<Reason> {
        let (config, open) = (protocol.config(), protocol.phase() == Phase::Open);
        let past = |since: Option<Instant>, time| since.is_some_and(|since| since + time <= now);
        if past(self.severed, config.drain_timeout) {
            return Vec::new();
        }
        let pong = self.pongs.first().map(|(_, since)| *since);
        let message = Some(self.message.unwrap_or(Instant::EPOCH));
        let all = [
            (Timeout::Write, past(self.write, config.write_timeout)),
            (Timeout::Close, past(self.close, config.close_timeout)),
            (Timeout::Closing, end_by.is_some_and(|end_by| end_by <= now)),
            (Timeout::Pong, open && past(pong, config.pong_timeout)),
            (Timeout::Idle, open && config.idle_timeout.is_some_and(|idle| past(message, idle))),
        ];
        let late = all.into_iter().filter(|(_, late)| *late);
        late.map(|(timeout, _)| Reason::Late(timeout)).collect()
    }
}
