//! Pings, Pongs, and what they confirm.

use alloc::collections::VecDeque;
use core::mem::replace;

use super::*;
use crate::frame::MAX_CONTROL_LEN;
use crate::{PingError, Pong};

/// The most Pings of the application that may be unanswered at a time.
pub const MAX_PINGS: usize = 16;

/// The most Pings of the peer's that are answered at a time: the latest ones.
// R5.5.3-02
pub const MAX_PONGS: usize = 16;

/// Boxed while there is anything in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pings {
    /// The payloads of the latest unanswered Pings, in order (RFC 6455 §5.5.3).
    answers: VecDeque<Vec<u8>>,
    /// The application's own Pong.
    unsolicited: Option<Vec<u8>>,
    /// A keepalive Ping is to be sent.
    pub(super) keepalive: bool,
    /// Ours that are unanswered, in the order of writing.
    sent: VecDeque<Ping>,
    /// Answers that the application has not been told of.
    pub(super) answered: VecDeque<Pong>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ping {
    id: u64,
    keepalive: bool,
    /// Messages below this number were before it.
    after: u64,
    stage: Stage,
}

/// How far a Ping has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Behind so many bytes that are not committed.
    Queued(usize),
    /// Handed to the transport, which has not told what it took.
    Committed,
    /// Its Pong came before its flush was told.
    Answered,
    Written {
        at: Instant,
        /// When its Pong is due.
        due: Instant,
    },
}

impl Protocol {
    /// Admits a Ping behind everything that is queued, of which `ahead` bytes are not committed. Answers with its number, which is its
    /// payload too: 8 bytes in network order.
    ///
    /// # Errors
    ///
    /// [`PingError`]; nothing changed.
    pub fn ping(&mut self, ahead: usize) -> Result<u64, PingError> {
        if self.would(Input::SendPing) != Action::Queue {
            return Err(PingError::Refused(self.why_not()));
        }
        let own = |pings: &Pings| pings.sent.iter().filter(|ping| !ping.keepalive).count();
        if self.pings.as_deref().map_or(0, own) >= MAX_PINGS {
            return Err(PingError::TooMany);
        }
        let finished = self.out.next_ticket - u64::from(self.out.unfinished.is_some());
        let ping = self.number_ping(false, finished, Stage::Queued(ahead));
        self.pings().sent.push_back(ping);
        Ok(ping.id)
    }

    fn number_ping(&mut self, keepalive: bool, after: u64, stage: Stage) -> Ping {
        self.out.next_ping += 1;
        Ping { id: self.out.next_ping - 1, keepalive, after, stage }
    }

    /// Takes an unsolicited Pong; the latest wins.
    ///
    /// # Errors
    ///
    /// [`PingError`]; nothing changed.
    pub fn pong(&mut self, now: Instant, payload: &[u8]) -> Result<(), PingError> {
        // R5.5-01
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
    // R5.5.2-02
    pub fn take_urgent(&mut self) -> Option<(Opcode, Vec<u8>)> {
        if !self.writes() {
            return None;
        }
        let pings = self.pings.as_mut()?;
        let pong = pings.answers.pop_front().or_else(|| pings.unsolicited.take());
        if pong.is_some() || !take(&mut pings.keepalive) || self.would(Input::SendPing) != Action::Queue {
            self.drop_empty_pings();
            return pong.map(|payload| (Opcode::Pong, payload));
        }
        let ping = self.number_ping(true, self.out.next_ticket - self.out.messages, Stage::Committed);
        // The batch before is written, and this goes ahead of all that is not committed.
        let sent = &mut self.pings().sent;
        let unwritten = sent.partition_point(|ping| matches!(ping.stage, Stage::Written { .. }));
        sent.insert(unwritten, ping);
        Some((Opcode::Ping, ping.id.to_be_bytes().to_vec()))
    }

    /// [`take_urgent`](Self::take_urgent) has something.
    pub fn has_urgent(&self) -> bool {
        let waits = |pings: &Pings| {
            let pong = !pings.answers.is_empty() || pings.unsolicited.is_some();
            pong || (pings.keepalive && self.phase == Phase::Open)
        };
        self.pings.as_deref().is_some_and(waits) && self.writes()
    }

    /// A batch of `len` bytes was handed to the transport; `urgent_len` of them are what [`take_urgent`](Self::take_urgent) gave for it.
    pub fn handle_committed(&mut self, urgent_len: usize, len: usize) {
        for ping in self.pings.iter_mut().flat_map(|pings| &mut pings.sent) {
            if let Stage::Queued(ahead) = ping.stage {
                let ahead = ahead.saturating_add(urgent_len).checked_sub(len);
                ping.stage = ahead.map_or(Stage::Committed, Stage::Queued);
            }
        }
    }

    /// The answer to a Ping of ours that the application has not been told of.
    pub fn take_pong(&mut self) -> Option<Pong> {
        let pong = self.pings.as_mut()?.answered.pop_front()?;
        self.drop_empty_pings();
        Some(pong)
    }

    pub(super) fn keepalive_pending(&self) -> bool {
        let pending = |pings: &Pings| pings.keepalive || pings.sent.iter().any(|ping| ping.keepalive);
        self.pings.as_deref().is_some_and(pending)
    }

    /// A Pong may be sent: until the peer's Close (CLOSE.md rules 1 and 2).
    fn answers_pings(&self) -> bool {
        // R5.5.2-01
        self.would(Input::PeerPing) == Action::Pong && self.writes()
    }

    /// The peer's Ping was parsed.
    // R5.5.2-01, R5.5.3-01
    pub(super) fn ping_received(&mut self, now: Instant, payload: Vec<u8>) {
        if self.answers_pings() {
            let answers = &mut self.pings().answers;
            if answers.len() == MAX_PONGS {
                answers.pop_front();
            }
            answers.push_back(payload);
            self.clock.queued(&self.config, now);
        }
    }

    /// The last byte of the first Ping that was not written was taken: its clock begins. `false`: there is none.
    pub(super) fn ping_written(&mut self, now: Instant) -> bool {
        let written = Stage::Written { at: now, due: now + self.config.pong_timeout };
        let sent = self.pings.iter_mut().flat_map(|pings| &mut pings.sent);
        let mut unwritten = sent.enumerate().filter(|(_, ping)| !matches!(ping.stage, Stage::Written { .. }));
        let Some((index, ping)) = unwritten.next() else { return false };
        if replace(&mut ping.stage, written) == Stage::Answered {
            self.resolve(now, index);
        }
        true
    }

    /// The peer's Pong was parsed: it answers the Ping with its payload and every one written before that (RFC 6455 §5.5.3), or
    /// nothing.
    pub(super) fn pong_received(&mut self, now: Instant, payload: &[u8]) {
        let Ok(id) = payload.try_into().map(u64::from_be_bytes) else { return };
        let Some(pings) = &mut self.pings else { return };
        // R5.5.3-03
        let Some(index) = pings.sent.iter().position(|ping| ping.id == id) else { return };
        match &mut pings.sent[index].stage {
            Stage::Queued(_) | Stage::Answered => {}
            stage @ Stage::Committed => *stage = Stage::Answered,
            Stage::Written { .. } => self.resolve(now, index),
        }
        self.drop_empty_pings();
    }

    /// Resolves the written Pings up to and including the one at `index`.
    fn resolve(&mut self, now: Instant, index: usize) {
        let Some(pings) = &mut self.pings else { return };
        for ping in pings.sent.drain(..=index) {
            self.out.confirmed = self.out.confirmed.max(ping.after);
            let Stage::Written { at, .. } = ping.stage else { continue };
            if !ping.keepalive {
                let confirmed = ping.after.checked_sub(1).map(Ticket);
                pings.answered.push_back(Pong { id: ping.id, confirmed, round_trip: now.since(at) });
            }
        }
    }

    /// When the Pong is due that is awaited: that of the oldest Ping that is written.
    pub(super) fn pong_due(&self) -> Option<Instant> {
        match self.pings.as_deref()?.sent.front()?.stage {
            Stage::Written { due, .. } => Some(due),
            Stage::Queued(_) | Stage::Committed | Stage::Answered => None,
        }
    }

    /// Reading had stopped from `since` to `now`: no Pong could be seen.
    pub(super) fn postpone_pongs(&mut self, now: Instant, since: Instant) {
        for ping in self.pings.iter_mut().flat_map(|pings| &mut pings.sent) {
            if let Stage::Written { at, due } = &mut ping.stage {
                *due = *due + now.since(since.max(*at));
            }
        }
    }

    pub(super) fn pings(&mut self) -> &mut Pings {
        self.pings.get_or_insert_default()
    }

    /// What is unanswered stays so; what was answered is still told.
    pub(super) fn forget_pings(&mut self) {
        let answered = self.pings.take().map(|pings| pings.answered).filter(|answered| !answered.is_empty());
        self.pings = answered.map(|answered| Box::new(Pings { answered, ..Pings::default() }));
    }

    fn drop_empty_pings(&mut self) {
        if self.pings.as_deref() == Some(&Pings::default()) {
            self.pings = None;
        }
    }
}
