//! What the application sends, and what the transport takes.

use std::mem::take;

use adieu_core::frame::{MAX_CONTROL_LEN, Opcode};
use adieu_core::{Initiator, Kind, Message, PingError, SendRefusal};

use super::{Frame, Ping, Reference};

/// Latitude: what a Ping of ours carries; the core puts 8 bytes into it.
const PING_LEN: usize = 8;

/// How many Pongs wait (rule 3).
const PONGS: usize = 16;

/// Latitude: how many Pings of the application's may be unanswered.
const PINGS: usize = 16;

impl Reference {
    /// Why a message is refused, or a fragment of a kind.
    fn refusal(&self, fragment: Option<Kind>) -> Option<SendRefusal> {
        let severed = self.write_ended && self.close_due.is_none();
        match self.unfinished {
            _ if self.closed.is_some() => Some(SendRefusal::Ended),
            _ if self.failed || severed => Some(SendRefusal::Failed),
            _ if self.in_effect && self.initiator == Some(Initiator::Peer) => Some(SendRefusal::PeerClosed),
            _ if self.sent.is_some() => Some(SendRefusal::Closing),
            // Latitude: of several reasons this comes before the next.
            _ if self.buffered() >= self.config.send_high => Some(SendRefusal::Full),
            Some(_) if fragment.is_none() => Some(SendRefusal::MessageUnfinished),
            Some(kind) if fragment != Some(kind) => Some(SendRefusal::WrongKind),
            _ => None,
        }
    }

    /// Limits never apply (rule 4). Latitude: Pings and Pongs are refused from the noting on.
    fn control_refusal(&self) -> Option<SendRefusal> {
        match self.refusal(self.unfinished) {
            None | Some(SendRefusal::Full) if self.received.is_some() => Some(SendRefusal::PeerClosed),
            None | Some(SendRefusal::Full) if self.fault.is_some() => Some(SendRefusal::Failed),
            None | Some(SendRefusal::Full) => None,
            refusal => refusal,
        }
    }

    /// Sends a message; `fragment`: a fragment of one, and whether it is the last.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn send(
        &mut self,
        now: u64,
        message: &Message<'_>,
        fragment: Option<bool>,
    ) -> Result<u64, SendRefusal> {
        if let Some(refusal) = self.refusal(fragment.map(|_| message.kind())) {
            return Err(refusal);
        }
        let opcode = match message.kind() {
            _ if self.unfinished.is_some() => Opcode::Continuation,
            Kind::Text => Opcode::Text,
            Kind::Binary => Opcode::Binary,
        };
        self.tickets += u64::from(self.unfinished.is_none());
        let (ticket, fin) = (self.tickets - 1, fragment.unwrap_or(true));
        self.unfinished = if fin { None } else { Some(message.kind()) };
        let payload = message.as_bytes().to_vec();
        self.queue(now, Frame { opcode, fin, payload, ticket: Some(ticket), ping: None });
        self.message_at = now;
        Ok(ticket)
    }

    /// Queues a Ping.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn ping(&mut self, now: u64) -> Result<u64, PingError> {
        let open = |ping: &&Ping| ping.id.is_some() && !ping.resolved;
        if let Some(refusal) = self.control_refusal() {
            return Err(PingError::Refused(refusal));
        } else if self.pings().filter(open).count() >= PINGS {
            return Err(PingError::TooMany);
        }
        let (id, before) = (self.pings, self.tickets - u64::from(self.unfinished.is_some()));
        let ping = self.new_ping(Some(id), before);
        self.queue(now, ping);
        Ok(id)
    }

    /// Latitude: keepalive pings are numbered with the application's.
    fn new_ping(&mut self, id: Option<u64>, before: u64) -> Frame {
        self.pings += 1;
        let ping = Ping { id, before, flushed_at: None, answered: false, resolved: false };
        Frame::control(Opcode::Ping, vec![0; PING_LEN], Some(ping))
    }

    pub(super) fn pings(&self) -> impl Iterator<Item = &Ping> {
        self.out.iter().filter_map(|frame| frame.ping.as_ref())
    }

    /// Queues an unsolicited Pong.
    ///
    /// # Errors
    ///
    /// Why it is refused. Latitude: its length is looked at first.
    pub fn pong(&mut self, now: u64, payload: &[u8]) -> Result<(), PingError> {
        if payload.len() > MAX_CONTROL_LEN {
            return Err(PingError::TooLong);
        }
        match self.control_refusal() {
            Some(SendRefusal::Closing) if self.received.is_none() && !self.write_ended => {}
            Some(refusal) => return Err(PingError::Refused(refusal)),
            None => {}
        }
        self.start_writing(now);
        self.own_pong = Some(payload.to_vec());
        Ok(())
    }

    /// Something is queued, be it only a Pong.
    pub(super) fn outgoing(&self) -> bool {
        self.buffered() > 0 || self.keepalive || !self.pongs.is_empty() || self.own_pong.is_some()
    }

    /// The write clock begins when something is queued behind nothing.
    pub(super) fn start_writing(&mut self, now: u64) {
        if !self.outgoing() {
            self.progress_at = now;
        }
    }

    pub(super) fn queue(&mut self, now: u64, frame: Frame) {
        self.start_writing(now);
        self.out.push(frame);
        self.full |= self.buffered() >= self.config.send_high;
    }

    /// Commits all that is queued, if what was committed is written; how many committed bytes are not.
    pub fn commit(&mut self) -> usize {
        if self.closed.is_some() || self.write_ended {
            return 0;
        }
        if self.written_bytes == self.bytes(self.committed) {
            let pongs = self.pongs.drain(..).chain(self.own_pong.take());
            let mut urgent: Vec<_> = pongs.map(|pong| Frame::control(Opcode::Pong, pong, None)).collect();
            if self.keepalive {
                self.keepalive = false;
                let ends = |frame: &&Frame| frame.ticket.is_some() && frame.fin;
                let before = self.out[..self.committed].iter().filter(ends).count() as u64;
                urgent.push(self.new_ping(None, before));
            }
            self.out.splice(self.committed..self.committed, urgent);
            self.committed = self.out.len();
            self.full |= self.buffered() >= self.config.send_high;
        }
        self.bytes(self.committed) - self.written_bytes
    }

    /// The transport took so many committed bytes.
    pub fn written(&mut self, now: u64, len: usize) {
        if self.closed.is_some() || self.write_ended || len == 0 {
            return;
        }
        let before = self.written_bytes;
        self.written_bytes = self.bytes(self.committed).min(before + len);
        self.progress_at = now;
        for index in 0..self.committed {
            let end = self.bytes(index + 1);
            if end > before && end <= self.written_bytes {
                self.flushed(now, index);
            }
        }
        if self.full && self.buffered() <= self.config.send_low {
            (self.full, self.drained) = (false, true);
        }
        self.settle(now);
    }

    fn flushed(&mut self, now: u64, index: usize) {
        if let Some(ping) = &mut self.out[index].ping {
            ping.flushed_at = Some(now);
            self.resolve(now, index);
        } else if self.out[index].ticket.is_some() {
            self.message_at = now;
        } else if self.out[index].opcode == Opcode::Close && self.received.is_none() && !self.failed {
            self.close_due = Some(self.after(now, self.config.close_timeout));
        }
    }

    /// The transport takes no more. That ends sending only (rule 10).
    pub fn write_error(&mut self, now: u64) {
        if self.closed.is_none() && !self.write_ended {
            self.break_off(now);
            if self.close_due.is_none() {
                // Latitude: where our Close is flushed already, its deadline stands for this one.
                self.drain_due = Some(self.after(now, self.config.drain_timeout));
            }
            self.settle(now);
        }
        if self.closed.is_some() {
            self.close_transport(); // Latitude: nothing is drained then.
        }
    }

    /// The peer's Ping is answered; of many the latest are.
    pub(super) fn answer_ping(&mut self, now: u64, payload: Vec<u8>) {
        self.start_writing(now);
        self.pongs.push_back(payload);
        if self.pongs.len() > PONGS {
            self.pongs.pop_front();
        }
    }

    /// Which of our messages the transport did not take whole.
    fn is_unsent(&self, ticket: u64) -> bool {
        let last = self.out.iter().position(|frame| frame.ticket == Some(ticket) && frame.fin);
        last.is_none_or(|index| self.bytes(index + 1) > self.written_bytes)
    }

    pub(super) fn unsent(&self) -> (Option<u64>, u64, u64) {
        let unsent: Vec<u64> = (0..self.tickets).filter(|ticket| self.is_unsent(*ticket)).collect();
        let theirs =
            self.out.iter().filter(|frame| frame.ticket.is_some_and(|ticket| unsent.contains(&ticket)));
        let bytes = theirs.map(|frame| frame.payload.len() as u64).sum();
        (unsent.first().copied(), unsent.len() as u64, bytes)
    }

    /// The peer holds the beginning of a message of ours without its end.
    pub(super) fn cut_out(&self) -> bool {
        let begun = |(index, frame): (usize, &Frame)| {
            let cut = frame.ticket.is_some_and(|ticket| self.is_unsent(ticket));
            cut && self.bytes(index) < self.written_bytes
        };
        // Latitude: one that we never finished counts also when none of it was written.
        self.unfinished.is_some() || self.out.iter().enumerate().any(begun)
    }

    /// The answers that the application has not been told of: the next.
    pub fn poll_pong(&mut self) -> Option<super::Told> {
        self.answers.pop_front()
    }

    pub(super) fn take_drained(&mut self) -> bool {
        take(&mut self.drained) && self.closed.is_none()
    }
}
