//! Pings, Pongs, and what they confirm.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::Protocol;
use crate::frame::{MAX_CONTROL_LEN, Opcode};
use crate::lifecycle::{Action, Input, Phase, step};
use crate::{Instant, PingError, Pong, Ticket};

/// The most Pings of the application that may be unanswered at a time.
pub const MAX_PINGS: usize = 16;

/// The most Pings of the peer's that are answered at a time: the latest ones.
pub const MAX_PONGS: usize = 16;

/// A control frame, without its masking key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Control {
    /// Close, Ping or Pong.
    pub opcode: Opcode,
    /// At most 125 bytes.
    pub payload: Vec<u8>,
}

/// Boxed while there is anything in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pings {
    /// The payloads of the latest unanswered Pings, in order (RFC 6455 §5.5.3).
    answers: VecDeque<Vec<u8>>,
    /// The application's own Pong.
    unsolicited: Option<Vec<u8>>,
    keepalive: Keepalive,
    /// The application's, in the queue.
    queued: VecDeque<Ping>,
    /// Ours that are written and unanswered, in the order of writing.
    written: VecDeque<Ping>,
    /// Answers that the application has not been told of.
    answered: VecDeque<Pong>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Keepalive {
    #[default]
    Idle,
    /// A Ping is to be sent.
    Wanted,
    /// It is committed.
    Committed(Ping),
    /// It is written and unanswered.
    Written,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ping {
    id: u64,
    keepalive: bool,
    /// Messages below this number were before it.
    after: u64,
    written: Option<Written>,
    /// Handed to the transport, which has not told what it took.
    committed: bool,
    /// Its Pong came before its flush was told.
    answered: bool,
}

/// When a Ping was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Written {
    at: Instant,
    reading_time: Instant,
}

impl Protocol {
    /// Admits a Ping behind everything that is queued: its number, and the frame to queue.
    ///
    /// # Errors
    ///
    /// [`PingError`]; nothing changed.
    pub fn ping(&mut self) -> Result<(u64, Control), PingError> {
        if step(self.role, self.phase, Input::SendPing).action != Action::Queue {
            return Err(PingError::Refused(self.why_not()));
        }
        let own =
            |pings: &Pings| pings.queued.len() + pings.written.iter().filter(|ping| !ping.keepalive).count();
        if self.pings.as_deref().map_or(0, own) >= MAX_PINGS {
            return Err(PingError::TooMany);
        }
        let finished = self.next_ticket - u64::from(self.sending.is_some());
        let ping = self.number_ping(false, finished);
        self.pings().queued.push_back(ping);
        Ok((ping.id, ping.control()))
    }

    fn number_ping(&mut self, keepalive: bool, after: u64) -> Ping {
        let id = self.next_ping;
        self.next_ping += 1;
        Ping { id, keepalive, after, written: None, committed: keepalive, answered: false }
    }

    /// Takes an unsolicited Pong; the latest wins.
    ///
    /// # Errors
    ///
    /// [`PingError`]; nothing changed.
    pub fn pong(&mut self, now: Instant, payload: &[u8]) -> Result<(), PingError> {
        if payload.len() > MAX_CONTROL_LEN {
            return Err(PingError::TooLong);
        }
        if !self.answers_pings() {
            return Err(PingError::Refused(self.why_not()));
        }
        self.pings().unsolicited = Some(payload.to_vec());
        self.clock.queued(&self.config, now);
        Ok(())
    }

    /// The next control frame that goes between frames, ahead of what is not committed.
    pub fn take_urgent(&mut self) -> Option<Control> {
        if !self.writes() {
            return None;
        }
        let pings = self.pings.as_mut()?;
        if let Some(payload) = pings.answers.pop_front().or_else(|| pings.unsolicited.take()) {
            self.drop_empty_pings();
            return Some(Control { opcode: Opcode::Pong, payload });
        }
        if pings.keepalive != Keepalive::Wanted {
            return None;
        }
        pings.keepalive = Keepalive::Idle;
        if step(self.role, self.phase, Input::SendPing).action != Action::Queue {
            self.drop_empty_pings();
            return None;
        }
        let ping = self.number_ping(true, self.next_ticket - self.queue.messages);
        self.pings().keepalive = Keepalive::Committed(ping);
        Some(ping.control())
    }

    /// [`take_urgent`](Self::take_urgent) has something.
    pub fn has_urgent(&self) -> bool {
        let waits = |pings: &Pings| {
            let pong = !pings.answers.is_empty() || pings.unsolicited.is_some();
            pong || (pings.keepalive == Keepalive::Wanted && self.phase == Phase::Open)
        };
        self.pings.as_deref().is_some_and(waits) && self.writes()
    }

    /// Everything that is queued was handed to the transport.
    pub fn handle_committed(&mut self) {
        if let Some(pings) = &mut self.pings {
            pings.queued.iter_mut().for_each(|ping| ping.committed = true);
        }
    }

    /// The answer to a Ping of ours that the application has not been told of.
    pub fn take_pong(&mut self) -> Option<Pong> {
        let pong = self.pings.as_mut()?.answered.pop_front();
        self.drop_empty_pings();
        pong
    }

    pub(crate) fn has_pong(&self) -> bool {
        self.pings.as_deref().is_some_and(|pings| !pings.answered.is_empty())
    }

    pub(super) fn keepalive_pending(&self) -> bool {
        self.pings.as_deref().is_some_and(|pings| pings.keepalive != Keepalive::Idle)
    }

    pub(super) fn want_keepalive(&mut self, now: Instant) {
        self.pings().keepalive = Keepalive::Wanted;
        self.clock.queued(&self.config, now);
    }

    /// A Pong may be sent: until the peer's Close (CLOSE.md rules 1 and 2).
    fn answers_pings(&self) -> bool {
        step(self.role, self.phase, Input::PeerPing).action == Action::Pong && self.writes()
    }

    /// The peer's Ping was parsed.
    pub(super) fn ping_received(&mut self, now: Instant, payload: &[u8]) {
        if self.answers_pings() {
            let answers = &mut self.pings().answers;
            let mut answer =
                if answers.len() < MAX_PONGS { None } else { answers.pop_front() }.unwrap_or_default();
            answer.clear();
            answer.extend_from_slice(payload);
            answers.push_back(answer);
            self.clock.queued(&self.config, now);
        }
    }

    /// The last byte of a Ping from the queue was taken: its clock begins.
    pub(super) fn ping_written(&mut self, now: Instant) {
        if let Some(ping) = self.pings.as_mut().and_then(|pings| pings.queued.pop_front()) {
            self.await_answer(now, ping);
        }
    }

    /// The last byte of what [`take_urgent`](Self::take_urgent) gave was taken.
    pub fn handle_urgent_written(&mut self, now: Instant) {
        let Some(pings) = &mut self.pings else { return };
        if let Keepalive::Committed(ping) = pings.keepalive {
            pings.keepalive = Keepalive::Written;
            self.await_answer(now, ping);
        }
    }

    fn await_answer(&mut self, now: Instant, mut ping: Ping) {
        ping.written = Some(Written { at: now, reading_time: self.clock.reading_time(now) });
        let written = &mut self.pings().written;
        written.push_back(ping);
        let last = written.len() - 1;
        if ping.answered {
            self.resolve(now, last);
        }
        self.rearm_pong();
    }

    /// The peer's Pong was parsed: it answers the Ping with its payload and every one written before that (RFC 6455 §5.5.3), or
    /// nothing.
    pub(super) fn pong_received(&mut self, now: Instant, payload: &[u8]) {
        let Ok(id) = payload.try_into().map(u64::from_be_bytes) else {
            return;
        };
        let Some(pings) = &mut self.pings else { return };
        if let Some(index) = pings.written.iter().position(|ping| ping.id == id) {
            self.resolve(now, index);
            self.rearm_pong();
            return self.drop_empty_pings();
        }
        let keepalive = match &mut pings.keepalive {
            Keepalive::Committed(ping) => Some(ping),
            Keepalive::Idle | Keepalive::Wanted | Keepalive::Written => None,
        };
        let committed = pings.queued.iter_mut().chain(keepalive).filter(|ping| ping.committed);
        if let Some(ping) = committed.into_iter().find(|ping| ping.id == id) {
            ping.answered = true;
        }
    }

    /// Resolves the written Pings up to and including the one at `index`.
    fn resolve(&mut self, now: Instant, index: usize) {
        let Some(pings) = &mut self.pings else { return };
        for ping in pings.written.drain(..=index) {
            self.confirmed = self.confirmed.max(ping.after);
            if ping.keepalive {
                pings.keepalive = Keepalive::Idle;
                continue;
            }
            pings.answered.push_back(Pong {
                id: ping.id,
                confirmed: ping.after.checked_sub(1).map(Ticket),
                round_trip: ping.written.map_or(Duration::ZERO, |written| now.since(written.at)),
            });
        }
    }

    fn rearm_pong(&mut self) {
        let timeout = self.config.pong_timeout;
        let oldest = self.pings.as_ref().and_then(|pings| pings.written.front()?.written);
        self.clock.await_pong(oldest.map(|written| written.reading_time + timeout));
    }

    fn pings(&mut self) -> &mut Pings {
        self.pings.get_or_insert_default()
    }

    /// What is unanswered stays so; what was answered is still told.
    pub(super) fn forget_pings(&mut self) {
        if let Some(pings) = &mut self.pings {
            **pings = Pings { answered: core::mem::take(&mut pings.answered), ..Pings::default() };
        }
        self.drop_empty_pings();
    }

    fn drop_empty_pings(&mut self) {
        if self.pings.as_deref() == Some(&Pings::default()) {
            self.pings = None;
        }
    }
}

impl Ping {
    fn control(self) -> Control {
        Control { opcode: Opcode::Ping, payload: self.id.to_be_bytes().to_vec() }
    }
}
