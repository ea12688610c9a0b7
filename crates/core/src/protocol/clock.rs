//! Deadlines.
//!
//! One deadline belongs to the phase and is set on entering it; the others run across phases.

use core::mem::discriminant;
use core::time::Duration;

use super::Protocol;
use crate::lifecycle::{Input, Phase};
use crate::{Cause, Close, CloseCode, Config, Instant, State, Timeout};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    /// Handshake, linger, close or drain: what the phase waits for.
    phase: Option<Instant>,
    /// The absolute bound on closing.
    closing: Option<Instant>,
    /// Progress in writing.
    write: Option<Instant>,
    /// The Pong for the oldest Ping that was written, in reading time.
    pub(super) pong: Option<Instant>,
    /// When bytes arrived last.
    pub(super) heard: Instant,
    /// When a message passed last, in either direction.
    pub(super) message: Instant,
    /// Since when reading has stopped. Reading time stands still meanwhile (CLOSE.md rule 9).
    paused: Option<Instant>,
    /// How long reading had stopped before that, in all.
    lost_nanos: u64,
}

/// What to do when a deadline has passed. It disarms that, so that acting on all of them ends.
type Alarm = fn(&mut Protocol, Instant);

impl Clock {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        Self {
            phase: Some(now + config.handshake_timeout),
            closing: None,
            write: None,
            pong: None,
            heard: now,
            message: now,
            paused: None,
            lost_nanos: 0,
        }
    }

    /// A phase begins: its own deadline is set, and what it puts an end to is cleared.
    pub(super) fn entered(&mut self, config: &Config, now: Instant, before: Phase, phase: Phase) {
        if discriminant(&before) == discriminant(&phase) {
            return;
        }
        let after = |timeout: Duration| Some(now + timeout);
        self.phase = match phase {
            Phase::CloseNoted { .. } | Phase::FaultNoted { .. } => after(config.close_linger),
            Phase::CloseSent => after(config.close_timeout),
            Phase::Severed | Phase::Draining | Phase::AwaitingEnd => after(config.drain_timeout),
            Phase::Connecting | Phase::Refusing { .. } | Phase::Open | Phase::CloseQueued => None,
            Phase::Answering { .. } | Phase::Failing { .. } | Phase::Done | Phase::Cut => None,
        };
        match phase {
            Phase::Open => (self.heard, self.message) = (now, now),
            Phase::Draining | Phase::AwaitingEnd | Phase::Done | Phase::Cut => {
                (self.closing, self.write, self.pong) = (None, None, None);
            }
            _ => {
                self.pong = None;
                self.closing.get_or_insert(now + config.closing_timeout);
            }
        }
    }

    #[inline]
    pub(super) fn queued(&mut self, config: &Config, now: Instant) {
        self.write.get_or_insert_with(|| now + config.write_timeout);
    }

    #[inline]
    pub(super) fn wrote(&mut self, config: &Config, now: Instant, more: bool) {
        self.write = more.then(|| now + config.write_timeout);
    }

    const fn lost(&self) -> Duration {
        Duration::from_nanos(self.lost_nanos)
    }

    /// `now` on a clock that stands still while reading does.
    pub(super) fn reading_time(&self, now: Instant) -> Instant {
        let pause = self.paused.map_or(Duration::ZERO, |since| now.since(since));
        Instant::EPOCH + now.since(Instant::EPOCH).saturating_sub(self.lost() + pause)
    }

    /// Reading goes on, or has stopped. While it has, the pong clock stands still.
    pub(super) fn set_reading(&mut self, now: Instant, reading: bool) {
        match self.paused {
            None if !reading => self.paused = Some(now),
            Some(since) if reading => {
                let pause = now.since(since);
                self.lost_nanos += now.as_nanos().saturating_sub(since.as_nanos());
                self.heard = self.heard + pause;
                self.paused = None;
            }
            Some(_) | None => {}
        }
    }
}

impl Protocol {
    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.earliest().map(|(deadline, _)| deadline)
    }

    /// Acts on every deadline that has passed at `now`, the earliest first.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, alarm)) = self.earliest().filter(|&(deadline, _)| deadline <= now) {
            alarm(self, now);
        }
    }

    fn earliest(&self) -> Option<(Instant, Alarm)> {
        let clock = &self.clock;
        let open = self.phase == Phase::Open;
        let reading = open && clock.paused.is_none();
        let interval = self.config.ping_interval.filter(|_| reading && !self.keepalive_pending());
        let alarms: [(_, Alarm); 6] = [
            (clock.phase, Self::phase_timeout),
            (clock.closing, Self::closing_timeout),
            (clock.write, Self::write_timeout),
            (clock.pong.filter(|_| reading).map(|pong| pong + clock.lost()), Self::pong_timeout),
            (self.config.idle_timeout.filter(|_| open).map(|idle| clock.message + idle), Self::idle_timeout),
            (interval.map(|interval| clock.heard + interval), Self::want_keepalive),
        ];
        let armed = alarms.into_iter().filter_map(|(deadline, alarm)| Some((deadline?, alarm)));
        armed.min_by_key(|&(deadline, _)| deadline)
    }

    fn closing_timeout(&mut self, now: Instant) {
        self.clock.closing = None;
        self.timeout(now, Input::ClosingTimeout, Timeout::Closing);
    }

    fn write_timeout(&mut self, now: Instant) {
        self.clock.write = None;
        self.timeout(now, Input::WriteTimeout, Timeout::Write);
    }

    fn pong_timeout(&mut self, now: Instant) {
        self.clock.pong = None;
        let close = Close::cut(CloseCode::INTERNAL_ERROR, "no pong in time");
        let _already = self.fail_because(now, close, Cause::Timeout(Timeout::Pong));
    }

    fn idle_timeout(&mut self, now: Instant) {
        self.ending().begin(Close::cut(CloseCode::GOING_AWAY, "idle for too long"));
        self.timeout(now, Input::IdleTimeout, Timeout::Idle);
    }

    /// What the phase waits for did not come, or has waited for long enough.
    fn phase_timeout(&mut self, now: Instant) {
        self.clock.phase = None;
        match self.phase {
            Phase::Connecting => self.timeout(now, Input::Due, Timeout::Handshake),
            Phase::CloseSent => self.timeout(now, Input::Due, Timeout::Close),
            _ => {
                self.apply(now, Input::Due);
            }
        }
    }

    fn timeout(&mut self, now: Instant, input: Input, timeout: Timeout) {
        if self.phase.state() != State::Closed {
            self.blame(Cause::Timeout(timeout));
        }
        self.apply(now, input);
    }
}
