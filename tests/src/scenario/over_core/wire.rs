//! What the transport carries, and the clock.

use std::time::Duration;

use adieu_core::lifecycle::{Action, Input, Phase, step};
use adieu_core::{Cause, Event, State, Timeout, Transport, TransportError};

use super::super::{PeerAct, Piece, Seen};
use super::{Asks, CoreRunner, Cut, Feed};

// The peer's side.
impl CoreRunner {
    pub(super) fn peer_act(&mut self, act: &PeerAct) {
        match act {
            PeerAct::Send(pieces, end) => {
                self.frame = only_frame(pieces);
                self.unread.extend(self.peer.segment(pieces));
                self.end |= end;
            }
            PeerAct::Reset => self.lose(TransportError::Reset),
            PeerAct::Truncate => self.lose(TransportError::Truncated),
            PeerAct::Stalls => self.room = Some(0),
            PeerAct::Takes(len) => self.room = self.room.map(|room| room + len),
            PeerAct::Reads => self.room = None,
        }
    }

    pub(super) fn lose(&mut self, error: TransportError) {
        self.pump();
        self.link.lost = true;
        if self.link.released {
            return;
        }
        let before = self.conn.phase();
        let reset = error == TransportError::Reset;
        self.certain(before, if reset { Input::Reset } else { Input::End });
        self.conn.handle_read_error(self.now, error);
    }

    /// One read, as a driver does it; `false` if there is nothing to read or no wish to.
    pub(super) fn read(&mut self) -> bool {
        if self.link.released || !self.conn.wants_input() {
            return false;
        }
        if self.unread.is_empty() {
            if !std::mem::take(&mut self.end) {
                return false;
            }
            self.certain(self.conn.phase(), Input::End);
            self.conn.handle_eof(self.now);
            return true;
        }
        let len = match self.cut {
            Cut::Whole => self.unread.len(),
            Cut::EveryByte => 1,
            Cut::At(at) if at > self.read => self.unread.len().min(at - self.read),
            Cut::At(_) => self.unread.len(),
        };
        self.read += len;
        let mut bytes: Vec<u8> = self.unread.drain(..len).collect();
        self.give(&mut bytes);
        true
    }

    /// Gives the core what was read.
    fn give(&mut self, mut bytes: &mut [u8]) {
        let phase = self.conn.phase();
        let parses = step(self.role, phase, Input::PeerData).1 == Action::Deliver;
        let frame = self.frame.take().filter(|_| self.cut == Cut::Whole && parses);
        frame.into_iter().for_each(|input| self.certain(phase, input));
        if phase != Phase::Connecting {
            self.certain(phase, Input::PeerData);
        }
        while self.feed == Feed::Asking && self.asks != Asks::No && !bytes.is_empty() {
            let (before, waits) = (self.conn.phase(), self.conn.wants_output());
            let event = self.conn.handle_input(self.now, &mut bytes).map(Event::into_owned);
            self.note_parsed(before, waits);
            match event {
                Some(event) => self.told(&event),
                None => self.handling = false,
            }
        }
        if !bytes.is_empty() {
            let (before, waits) = (self.conn.phase(), self.conn.wants_output());
            self.conn.handle_ahead(self.now, bytes);
            self.note_parsed(before, waits);
        }
    }

    /// What parsing made of what was read, as far as the phase before it tells, whether something `waits` to be written then, and what is known
    /// afterwards.
    fn note_parsed(&mut self, before: Phase, waits: bool) {
        let closed = self.conn.peer_close().is_some();
        let wrong = self.conn.closed().is_none_or(|closed| matches!(closed.cause, Cause::Violation(_)));
        let mut inputs = vec![Input::Opened, Input::Refused];
        inputs.extend(closed.then_some(Input::PeerClose));
        inputs.extend((wrong && !closed).then_some(Input::Violation));
        match (before.state(), waits) {
            (State::Connecting, _) if self.conn.closed().is_some() && wrong => {
                inputs = vec![Input::Violation];
            }
            (State::Open, _) => inputs.extend([Input::PeerCloseBehind, Input::ViolationBehind, Input::Due]),
            (_, true) => inputs = vec![Input::PeerCloseBehind, Input::ViolationBehind],
            (_, false) => inputs.push(Input::PeerCloseBehind),
        }
        self.note(before, &inputs);
    }
}

// The transport's other side.
impl CoreRunner {
    /// One write, as a driver does it.
    pub(super) fn write(&mut self) -> bool {
        if self.link.released || self.room == Some(0) || !self.conn.wants_output() {
            return false;
        }
        if self.link.writing_fails {
            self.certain(self.conn.phase(), Input::WriteError);
            self.conn.handle_write_error(self.now, TransportError::Reset);
            return true;
        }
        let mut slices: [&[u8]; 8] = [&[]; 8];
        let count = self.conn.transmit(self.now, &mut slices);
        let mut bytes = slices[..count].concat();
        bytes.truncate(self.room.unwrap_or(usize::MAX));
        let before = self.conn.phase();
        self.conn.handle_written(self.now, bytes.len());
        let all = !bytes.is_empty() && self.conn.buffered() == 0;
        if all && !matches!(before, Phase::Open | Phase::Answering) {
            self.certain(before, Input::Flushed);
        }
        self.note(before, &[Input::Flushed]);
        self.room = self.room.map(|room| room - bytes.len());
        let names = self.peer.receive(&bytes);
        self.seen.extend(names.into_iter().map(Seen::Peer));
        !bytes.is_empty()
    }

    /// Brings the transport to the level that the core wants.
    pub(super) fn follow(&mut self) {
        let level = self.conn.transport();
        let sees = !self.link.lost && !self.link.writing_fails;
        if level == Transport::Reset && !self.link.released && sees {
            (self.link.released, self.link.shut) = (true, true);
            self.seen.push(Seen::Peer("reset".to_owned()));
        } else if level >= Transport::ShutdownWrite && !self.link.shut {
            self.link.shut = true;
            self.seen.extend(sees.then(|| Seen::Peer("end".to_owned())));
        }
        if level >= Transport::Close && !self.link.released {
            self.link.released = true;
            self.seen.push(Seen::Released);
        }
    }

    /// Time passes; each deadline on the way is acted on when it is due.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        self.pump();
        while let Some(at) = self.conn.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.pump();
        }
        self.now = end;
    }

    /// Acts on what is due; `false` if nothing is. Where input waits, it was read before.
    pub(super) fn tick(&mut self) -> bool {
        let Some(due) = self.conn.deadline().filter(|at| *at <= self.now) else {
            return false;
        };
        let before = self.conn.phase();
        self.conn.handle_timeout(self.now);
        let inputs: &[Input] = match self.conn.closed().map(|closed| &closed.cause) {
            Some(Cause::Timeout(Timeout::Write)) => &[Input::WriteTimeout],
            Some(Cause::Timeout(Timeout::Closing)) => &[Input::ClosingTimeout],
            None if before == Phase::Open => &[Input::IdleTimeout, Input::Fail],
            // Where another timeout had passed, that would be the cause.
            None | Some(Cause::Timeout(_) | Cause::Reset) => &[Input::Due],
            _ => &[Input::Due, Input::WriteTimeout, Input::ClosingTimeout],
        };
        self.note(before, inputs);
        let stays = self.conn.deadline() == Some(due) && self.conn.phase() == before;
        assert!(!stays, "a deadline stays behind: a driver would spin");
        true
    }
}

/// A segment of one message or one Ping, in which nothing is wrong.
fn only_frame(pieces: &[Piece]) -> Option<Input> {
    let [Piece::Frame(frame)] = pieces else { return None };
    match frame.opcode {
        1 | 2 if frame.fin => Some(Input::PeerData),
        9 => Some(Input::PeerPing),
        _ => None,
    }
}
