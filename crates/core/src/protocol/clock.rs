//! Deadlines.
//!
//! One deadline belongs to the phase and is set on entering it; the others run across phases.

use core::time::Duration;

use super::*;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    /// Handshake, linger, close or drain: what the phase waits for.
    phase: Option<Instant>,
    /// The absolute bound on closing.
    closing: Option<Instant>,
    /// Progress in writing.
    pub(super) write: Option<Instant>,
    /// When bytes arrived last.
    pub(super) heard: Instant,
    /// When a part of a message passed last, in either direction.
    pub(super) message: Instant,
    /// Since when reading has stopped.
    paused: Option<Instant>,
}

impl Clock {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        let phase = Some(now + config.handshake_timeout);
        Self { phase, closing: None, write: None, heard: now, message: now, paused: None }
    }

    /// A phase begins: its own deadline is set, and what it puts an end to is cleared.
    pub(super) fn entered(&mut self, config: &Config, now: Instant, phase: Phase) {
        let after = |timeout: Duration| Some(now + timeout);
        self.phase = match phase {
            Phase::CloseNoted | Phase::FaultNoted => after(config.close_linger),
            Phase::CloseSent => after(config.close_timeout),
            // R5.5.1-11
            Phase::Severed | Phase::Draining | Phase::AwaitingEnd => after(config.drain_timeout),
            Phase::Connecting | Phase::Refusing | Phase::Open | Phase::CloseQueued => None,
            Phase::Answering | Phase::Failing | Phase::Done | Phase::Cut => None,
        };
        match phase.state() {
            State::Open if phase == Phase::Open => (self.heard, self.message) = (now, now),
            State::Closed => (self.closing, self.write) = (None, None),
            State::Connecting | State::Open | State::Closing => {
                self.closing.get_or_insert(now + config.closing_timeout);
            }
        }
    }

    pub(super) fn queued(&mut self, config: &Config, now: Instant) {
        self.write.get_or_insert_with(|| now + config.write_timeout);
    }

    pub(super) fn wrote(&mut self, config: &Config, now: Instant, more: bool) {
        self.write = more.then(|| now + config.write_timeout);
    }
}

impl Protocol {
    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.earliest().map(|(deadline, ..)| deadline)
    }

    /// Acts on every deadline that has passed at `now`, the earliest first. Each but a keepalive leads out of the phase that armed
    /// it, so that this ends.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, input, timeout)) = self.earliest().filter(|&(deadline, ..)| deadline <= now) {
            if let Some(timeout) = timeout {
                self.blame(Cause::Timeout(timeout));
            }
            if input == Input::SendPing {
                self.pings().keepalive = true;
                self.clock.queued(&self.config, now);
            }
            self.apply(now, input);
        }
    }

    /// The deadline that passes first, what it is to the lifecycle, and to the verdict.
    // R7.1.7-06, R7.2.1-03, R7.3-01
    fn earliest(&self) -> Option<(Instant, Input, Option<Timeout>)> {
        let clock = &self.clock;
        let open = self.phase == Phase::Open;
        let reading = open && clock.paused.is_none();
        let interval = self.config.ping_interval.filter(|_| reading && !self.keepalive_pending());
        let idle = self.config.idle_timeout.filter(|_| open && self.out.len == 0);
        let phase = match self.phase {
            Phase::Connecting => Some(Timeout::Handshake),
            Phase::CloseSent => Some(Timeout::Close),
            _ => None,
        };
        let alarms = [
            (clock.phase, Input::Due, phase),
            (clock.closing, Input::ClosingTimeout, Some(Timeout::Closing)),
            (clock.write.filter(|_| self.writes()), Input::WriteTimeout, Some(Timeout::Write)),
            (self.pong_due().filter(|_| reading), Input::Fail, Some(Timeout::Pong)),
            (idle.map(|idle| clock.message + idle), Input::IdleTimeout, Some(Timeout::Idle)),
            (interval.map(|interval| clock.heard + interval), Input::SendPing, None),
        ];
        let armed = alarms.into_iter().filter_map(|(due, input, timeout)| Some((due?, input, timeout)));
        armed.min_by_key(|&(due, ..)| due)
    }

    /// Reading goes on, or has stopped. While it has, the pong clock stands still (CLOSE.md rule 9).
    pub(super) fn pace(&mut self, now: Instant) {
        match (self.clock.paused, self.wants_input()) {
            (None, false) => self.clock.paused = Some(now),
            (Some(since), true) => {
                self.clock.paused = None;
                self.clock.heard = self.clock.heard + now.since(since);
                self.postpone_pongs(now, since);
            }
            (None, true) | (Some(_), false) => {}
        }
    }
}
