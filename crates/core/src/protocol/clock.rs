//! Deadlines.
//!
//! One deadline belongs to the phase and is set on entering it; the others run across phases.

use core::time::Duration;

use super::Protocol;
use crate::lifecycle::{Input, Phase};
use crate::{Cause, Close, CloseCode, Config, Initiator, Instant, State, Timeout};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    /// Handshake, linger, close or drain: what the phase waits for.
    phase: Option<Instant>,
    /// The absolute bound on closing.
    closing: Option<Instant>,
    /// Progress in writing.
    write: Option<Instant>,
    /// The Pong for the oldest Ping that was written, in reading time.
    pong: Option<Instant>,
    /// When bytes arrived last.
    heard: Instant,
    /// When a message passed last, in either direction.
    message: Instant,
    /// Since when reading has stopped. Reading time stands still meanwhile (CLOSE.md rule 9).
    paused: Option<Instant>,
    /// How long reading had stopped before that, in all.
    lost_nanos: u64,
}

/// A deadline that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alarm {
    Phase,
    Closing,
    Write,
    Pong,
    Idle,
    Ping,
}

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
        let same_kind = core::mem::discriminant(&before) == core::mem::discriminant(&phase);
        if same_kind {
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
            _ => self.begin_closing(config, now),
        }
    }

    fn begin_closing(&mut self, config: &Config, now: Instant) {
        self.pong = None;
        self.closing.get_or_insert(now + config.closing_timeout);
    }

    #[inline]
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    #[inline]
    pub(super) fn message_passed(&mut self, now: Instant) {
        self.message = now;
    }

    #[inline]
    pub(super) fn queued(&mut self, config: &Config, now: Instant) {
        if self.write.is_none() {
            self.write = Some(now + config.write_timeout);
        }
    }

    #[inline]
    pub(super) fn wrote(&mut self, config: &Config, now: Instant, more: bool) {
        self.write = if more { Some(now + config.write_timeout) } else { None };
    }

    const fn lost(&self) -> Duration {
        Duration::from_nanos(self.lost_nanos)
    }

    /// `now` on a clock that stands still while reading does.
    pub(super) fn reading_time(&self, now: Instant) -> Instant {
        let pause = self.paused.map_or(Duration::ZERO, |since| now.since(since));
        Instant::EPOCH + now.since(Instant::EPOCH).saturating_sub(self.lost() + pause)
    }

    pub(super) fn await_pong(&mut self, deadline: Option<Instant>) {
        self.pong = deadline;
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
            self.act(now, alarm);
        }
    }

    fn earliest(&self) -> Option<(Instant, Alarm)> {
        let clock = &self.clock;
        let open = matches!(self.phase, Phase::Open);
        let reading = open && clock.paused.is_none();
        let ping = match self.config.ping_interval {
            Some(interval) if reading && !self.keepalive_pending() => Some(clock.heard + interval),
            Some(_) | None => None,
        };
        let idle = self.config.idle_timeout.filter(|_| open).map(|idle| clock.message + idle);
        let alarms = [
            (clock.phase, Alarm::Phase),
            (clock.closing, Alarm::Closing),
            (clock.write, Alarm::Write),
            (clock.pong.filter(|_| reading).map(|pong| pong + clock.lost()), Alarm::Pong),
            (idle, Alarm::Idle),
            (ping, Alarm::Ping),
        ];
        let armed = alarms.into_iter().filter_map(|(deadline, alarm)| Some((deadline?, alarm)));
        armed.min_by_key(|&(deadline, _)| deadline)
    }

    /// Each alarm is disarmed by what it causes, so that acting on all of them ends.
    fn act(&mut self, now: Instant, alarm: Alarm) {
        match alarm {
            Alarm::Phase => {
                self.clock.phase = None;
                self.phase_timeout(now);
            }
            Alarm::Closing => {
                self.clock.closing = None;
                self.timeout(now, Input::ClosingTimeout, Timeout::Closing);
            }
            Alarm::Write => {
                self.clock.write = None;
                self.timeout(now, Input::WriteTimeout, Timeout::Write);
            }
            Alarm::Pong => {
                self.clock.pong = None;
                let close = Close::cut(CloseCode::INTERNAL_ERROR, "no pong in time");
                let _already = self.fail_because(now, close, Cause::Timeout(Timeout::Pong));
            }
            Alarm::Idle => {
                let close = Close::cut(CloseCode::GOING_AWAY, "idle for too long");
                self.blame(Cause::Timeout(Timeout::Idle));
                self.ending().begin(Initiator::Local, Some(close));
                self.apply(now, Input::IdleTimeout);
            }
            Alarm::Ping => self.want_keepalive(now),
        }
    }

    /// What the phase waits for did not come, or has waited for long enough.
    fn phase_timeout(&mut self, now: Instant) {
        match self.phase {
            Phase::Connecting => self.timeout(now, Input::Due, Timeout::Handshake),
            Phase::CloseSent => self.timeout(now, Input::Due, Timeout::Close),
            Phase::CloseNoted { .. } | Phase::FaultNoted { .. } | Phase::Severed => self.due(now),
            Phase::Draining | Phase::AwaitingEnd => self.due(now),
            Phase::Refusing { .. } | Phase::Open | Phase::CloseQueued => {}
            Phase::Answering { .. } | Phase::Failing { .. } | Phase::Done | Phase::Cut => {}
        }
    }

    fn timeout(&mut self, now: Instant, input: Input, timeout: Timeout) {
        if self.phase.state() != State::Closed {
            self.blame(Cause::Timeout(timeout));
        }
        self.apply(now, input);
    }
}
