//! What arrives, and what the application is told.

use std::mem::{replace, take};

use adieu_core::frame::Opcode;
use adieu_core::{Cause, Initiator, Message, Transport, TransportError};

use super::parse::{Item, Parsed, parse};
use super::{Frame, Reference, Told, size};

impl Reference {
    /// Asks for an event; takes from `input` what makes it.
    pub fn ask(&mut self, now: u64, input: &mut &[u8]) -> Option<Told> {
        self.handling = false;
        self.settle(now);
        let mut told = self.next();
        // Latitude: control frames on the way to a message are acted on, and what they make is told behind it.
        while told.is_none() && !input.is_empty() {
            self.take(now, input, true);
            told = self.next_message();
        }
        told.or_else(|| self.next())
    }

    fn next_message(&mut self) -> Option<Told> {
        let message = self.inbox.pop_front()?;
        self.handling = true;
        Some(Told::Message(message))
    }

    fn next(&mut self) -> Option<Told> {
        let urgent = self.take_drained().then_some(Told::Drained).or_else(|| self.poll_pong());
        let told = urgent.or_else(|| self.next_message());
        let told = told.or_else(|| take(&mut self.closing_due).then_some(Told::Closing));
        told.or_else(|| {
            let closed = self.closed.clone().filter(|_| !self.closed_told)?;
            self.closed_told = true;
            Some(Told::Closed(Box::new(closed)))
        })
    }

    /// Looks ahead.
    pub fn ahead(&mut self, now: u64, mut input: &[u8]) {
        while !input.is_empty() {
            self.take(now, &mut input, false);
        }
    }

    /// How far the peer's unfinished message has come.
    fn progress(&self) -> (usize, u32) {
        self.parsed(&[]).unfinished.map_or((0, 0), |begun| begun.progress())
    }

    pub(super) fn parsed(&self, more: &[u8]) -> Parsed {
        parse(self.role(), &self.config, &[&self.history, more].concat())
    }

    /// Takes the next thing that the peer said, or all if there is none.
    fn take(&mut self, now: u64, input: &mut &[u8], asked: bool) {
        self.heard_at = now;
        if !self.discards() {
            let next = self.parsed(input).items.get(self.seen).cloned();
            let len = next.as_ref().map_or(input.len(), |(end, _)| end.saturating_sub(self.history.len()));
            let taken = input.split_off(..len).expect("it is made of the input");
            let before = self.progress();
            self.history.extend(taken);
            if self.progress() != before {
                self.message_at = now;
            }
            if let Some((_, item)) = next {
                self.seen += 1;
                self.act(now, item, asked);
                self.settle(now);
            }
        }
        if self.discards() {
            self.discarded += if self.closed.is_some() { input.len() } else { 0 };
            if self.discarded > self.config.drain_len {
                self.close_transport();
            }
            *input = &[];
        }
    }

    /// Nothing behind what was noted is parsed, and nothing after a failure.
    pub(super) fn discards(&self) -> bool {
        self.fault.is_some() || self.received.is_some() || self.failed || self.closed.is_some()
    }

    fn act(&mut self, now: u64, item: Item, asked: bool) {
        match item {
            Item::Message(message) => {
                self.message_at = now;
                let over = self.never_stops() && !asked && self.waiting() >= self.config.inbox_len;
                self.dropping |= self.deaf || over;
                if self.dropping { self.drop_message(&message) } else { self.inbox.push_back(message) }
            }
            Item::Ping(payload) => self.answer_ping(now, payload),
            Item::Pong(payload) => self.answered(now, &payload),
            Item::Close(close) => {
                self.received = Some(close);
                self.initiator.get_or_insert(Initiator::Peer);
                self.note(now);
            }
            Item::Violation(violation) => {
                self.fault = Some(violation);
                self.note(now);
            }
        }
    }

    fn note(&mut self, now: u64) {
        self.keepalive = false;
        self.closing_bound.get_or_insert(self.after(now, self.config.closing_timeout));
        self.linger_due = Some(self.after(now, self.config.close_linger));
        self.close_due = None;
        if self.config.close_linger.is_zero() {
            self.effect(now);
        }
    }

    fn answered(&mut self, now: u64, payload: &[u8]) {
        let is_it = |frame: &Frame| frame.opcode == Opcode::Ping && frame.payload == payload;
        let Some(index) = self.out[..self.committed].iter().position(is_it) else { return };
        self.out[index].ping.as_mut().expect("a Ping").answered = true;
        self.resolve(now, index);
    }

    /// A Pong answers its Ping and those before it (§5.5.3). Latitude: one that comes before the flush of its Ping was told
    /// counts from then on.
    pub(super) fn resolve(&mut self, now: u64, index: usize) {
        if !self.out[index].ping.as_ref().is_some_and(|ping| ping.answered && ping.flushed_at.is_some()) {
            return;
        }
        for ping in self.out[..=index].iter_mut().filter_map(|frame| frame.ping.as_mut()) {
            self.confirmed = self.confirmed.max(ping.before);
            if !replace(&mut ping.resolved, true)
                && let Some(id) = ping.id
            {
                let round_trip = now - ping.flushed_at.expect("it was written before");
                let confirmed = ping.before.checked_sub(1);
                self.answers.push_back(Told::Pong { id, confirmed, round_trip });
            }
        }
    }

    fn drop_message(&mut self, message: &Message<'_>) {
        self.undelivered.0 += 1;
        self.undelivered.1 += message.len() as u64;
    }

    /// The application gave up receiving.
    pub fn stop_receiving(&mut self, now: u64) {
        self.deaf = true;
        for message in take(&mut self.inbox) {
            self.drop_message(&message);
        }
        self.settle(now);
    }

    /// Latitude: messages take in the inbox what they take on the wire without a masking key.
    fn waiting(&self) -> usize {
        self.inbox.iter().map(|message| size(false, message.len())).sum()
    }

    /// Reading goes on whatever waits (rule 7). Latitude: also behind what was noted, and where no more can be written.
    fn never_stops(&self) -> bool {
        self.deaf || self.sent.is_some() || self.write_ended || self.discards()
    }

    /// Reading makes sense.
    pub fn wants_input(&self) -> bool {
        let room = self.inbox.is_empty() || self.waiting() < self.config.inbox_len;
        !self.ended && self.transport() < Transport::Close && (room || self.never_stops())
    }

    /// The peer's direction ended in order.
    pub fn eof(&mut self, now: u64) {
        let inside_frame = self.parsed(&[]).inside_frame;
        self.end(now, Cause::EndOfStream { inside_frame });
    }

    /// Behind a Close or a fault the end changes nothing (rule 6). Latitude: neither does a truncation.
    fn end(&mut self, now: u64, cause: Cause) {
        self.ended = true;
        if self.closed.is_some() {
            self.close_transport();
        } else if !self.discards() {
            let cause = if self.write_ended { Cause::Reset } else { cause };
            self.decide(now, cause, Transport::Close);
        }
    }

    /// Reading failed.
    pub fn read_error(&mut self, now: u64, error: TransportError) {
        if error == TransportError::Truncated {
            return self.end(now, Cause::Truncated);
        }
        self.ended = true;
        self.break_off(now);
        self.decide(now, Cause::Reset, Transport::Close);
        self.close_transport();
    }
}
