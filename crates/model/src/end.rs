//! One endpoint: the real protocol, and about it what a connection and a driver do, without the payloads.

use std::collections::VecDeque;
use std::sync::Arc;

use adieu_core::frame::{Header, Opcode};
use adieu_core::lifecycle::Phase;
use adieu_core::protocol::Protocol;
use adieu_core::{Close, Config, Event, Instant, Kind, Role, State, Transport};

use crate::monitor::{Broken, Rule};
use crate::{Deeds, Frame, Wire};

/// Every fragment has one byte of payload.
const PAYLOAD: &[u8] = b"x";
/// What one message takes in the inbox.
const ROOM: usize = 3;
/// The payload of a Pong of the application's own.
const OWN_PONG: &[u8] = b"p";

/// What was seen of an endpoint, to compare the protocol with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// Messages that `send` took.
    pub accepted: u64,
    /// Whole messages among what was ever committed.
    pub committed: u64,
    /// Messages that the transport took whole.
    pub shipped: u64,
    /// Messages that the protocol was told to be written whole.
    pub written: u64,
    /// Payload of messages that `send` took and that are not written whole.
    pub unwritten_len: u64,
    /// Payload that was written of the message that is not written whole.
    pub part_len: u64,
    /// A fragmented message of ours is unfinished.
    pub unfinished: bool,
    /// Messages of the peer's that were parsed.
    pub parsed: u64,
    /// Messages of the peer's that were dropped before the verdict.
    pub dropped: u64,
    /// Payload of the peer's that was dropped before the verdict.
    pub dropped_len: u64,
    /// Pings of the peer's that are to be answered.
    pub owed: u8,
    /// The Close that was queued.
    pub close: Option<Close>,
    /// The application handles a message.
    pub busy: bool,
    /// The peer's Close was read.
    pub read_close: bool,
    /// The `Closing` event was told.
    pub told_closing: bool,
    /// The `Closed` event was told.
    pub told_closed: bool,
    /// When the verdict has to be decided.
    pub end_by: Option<Instant>,
    /// When the transport has to be done with.
    pub over_by: Option<Instant>,
    /// What was done to it.
    pub deeds: Deeds,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// What is checked.
    pub protocol: Protocol,
    /// Encoded frames in their order.
    pub queue: VecDeque<Frame>,
    /// How many of them are committed.
    pub committed: usize,
    /// Bytes of the first of them that were written.
    pub written: usize,
    /// Bytes behind those that the transport took and has not told of.
    pub untold: usize,
    /// Messages in the inbox.
    pub inbox: u32,
    /// The level that the transport is at.
    pub applied: Transport,
    /// What was seen.
    pub ghost: Ghost,
}

impl End {
    /// An endpoint in OPEN.
    pub fn new(role: Role, config: Arc<Config>, now: Instant) -> Self {
        let mut protocol = Protocol::new(role, config, now);
        protocol.handle_opened(now);
        Self {
            protocol,
            queue: VecDeque::new(),
            committed: 0,
            written: 0,
            untold: 0,
            inbox: 0,
            applied: Transport::Open,
            ghost: Ghost::default(),
        }
    }

    pub(crate) fn role(&self) -> Role {
        self.protocol.role()
    }

    /// The transport is not needed any more.
    pub fn is_over(&self) -> bool {
        self.applied >= Transport::Close
    }

    // ---- the application

    pub(crate) fn send(&mut self, now: Instant, end: bool, fragment: bool, broken: &mut Broken) -> bool {
        let before = self.protocol.state();
        let Ok((opcode, _)) = self.protocol.send(now, Kind::Binary, end, fragment) else { return false };
        broken.unless(before == State::Open && self.ghost.close.is_none(), Rule::SendInOpenOnly);
        let ghost = &mut self.ghost;
        ghost.accepted += u64::from(!ghost.unfinished);
        ghost.unwritten_len += PAYLOAD.len() as u64;
        ghost.unfinished = !end;
        ghost.deeds.waits.message = Some(now);
        self.push(now, end, opcode, PAYLOAD, broken);
        true
    }

    pub(crate) fn ping(&mut self, now: Instant, broken: &mut Broken) -> bool {
        let ahead = self.queue.iter().skip(self.committed).map(Frame::size).sum();
        let Ok(id) = self.protocol.ping(ahead) else { return false };
        self.push(now, true, Opcode::Ping, &id.to_be_bytes(), broken);
        true
    }

    pub(crate) fn pong(&mut self, now: Instant, broken: &mut Broken) -> bool {
        let late = self.protocol.peer_close().is_some() || self.protocol.state() == State::Closed;
        let taken = self.protocol.pong(now, OWN_PONG).is_ok();
        broken.unless(!(taken && late), Rule::NothingNewAfterPeersClose);
        taken
    }

    /// Asks for events, up to a message: that comes from the inbox, if it is its turn.
    pub(crate) fn ask(&mut self, now: Instant, broken: &mut Broken) {
        self.protocol.ask(now);
        self.settle(now, broken);
        self.ghost.busy = false;
        while let Some(event) = self.protocol.poll_event() {
            broken.unless(!self.ghost.told_closed, Rule::NothingAfterClosed);
            let last = matches!(event, Event::Closing | Event::Closed(_));
            broken.unless(!last || self.inbox == 0, Rule::ToldInOrder);
            match event {
                Event::Closing => {
                    broken.unless(!self.ghost.told_closing, Rule::ClosingOnce);
                    self.ghost.told_closing = true;
                }
                Event::Closed(_) => self.ghost.told_closed = true,
                _ => {}
            }
        }
        if self.inbox > 0 {
            broken.unless(!self.ghost.told_closed, Rule::NothingAfterClosed);
            self.inbox -= 1;
            self.protocol.released(now, ROOM);
            self.ghost.busy = true;
        }
    }

    pub(crate) fn stop_receiving(&mut self, now: Instant) {
        self.ghost.busy = false;
        for _ in 0..core::mem::take(&mut self.inbox) {
            self.protocol.released(now, ROOM);
            self.drop_message(PAYLOAD.len(), true);
        }
        self.protocol.stop_receiving(now);
    }

    fn drop_message(&mut self, len: usize, end: bool) {
        if self.protocol.state() != State::Closed {
            self.ghost.dropped += u64::from(end);
            self.ghost.dropped_len += len as u64;
        }
        self.protocol.dropped(len, end);
    }

    // ---- writing

    fn push(&mut self, now: Instant, fin: bool, opcode: Opcode, payload: &[u8], broken: &mut Broken) {
        broken.unless(self.ghost.close.is_none(), Rule::NothingQueuedAfterClose);
        let frame = Frame::new(self.role(), fin, opcode, payload);
        let payload_len = if opcode.is_control() { 0 } else { payload.len() };
        self.protocol.handle_queued(now, frame.size(), payload_len);
        self.queue.push_back(frame);
    }

    /// Commits the next batch, if there is one: what is urgent, and at most `most` frames of the queue.
    fn commit(&mut self, now: Instant, most: usize, broken: &mut Broken) {
        let mut urgent = 0;
        while let Some((opcode, payload)) = self.protocol.take_urgent() {
            let frame = Frame::new(self.role(), true, opcode, &payload);
            self.protocol.handle_queued(now, frame.size(), 0);
            if opcode == Opcode::Pong && payload != OWN_PONG {
                broken.unless(self.ghost.owed > 0, Rule::PongIsOwed);
                self.ghost.owed = self.ghost.owed.saturating_sub(1);
            }
            self.queue.insert(urgent, frame);
            urgent += 1;
        }
        self.committed = self.queue.len().min(urgent + most);
        let len = |frames| self.queue.iter().take(frames).map(Frame::size).sum();
        self.protocol.handle_committed(len(urgent), len(self.committed));
        let ends = |frame: &&Frame| frame.header().is_some_and(|header| header.fin && is_data(header));
        self.ghost.committed += self.queue.iter().take(self.committed).filter(ends).count() as u64;
    }

    pub(crate) fn wants_output(&self) -> bool {
        self.protocol.writes() && (!self.queue.is_empty() || self.protocol.has_urgent())
    }

    /// Writes to the end of the next frame, or as far as `cut` says.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        most: usize,
        cut: impl Fn(usize) -> usize,
        wire: &mut Wire,
        broken: &mut Broken,
    ) {
        if self.committed == 0 {
            self.commit(now, most, broken);
        }
        let Some(frame) = self.queue.front() else { return };
        let to = if self.written == 0 { cut(frame.size()) } else { frame.size() };
        if self.written == 0 && self.untold == 0 {
            broken.unless(!wire.closed || frame.is(Opcode::Pong), Rule::OnlyPongsBehindClose);
            wire.closed |= frame.is(Opcode::Close);
        }
        wire.put(frame, self.written, to);
        self.untold = to - self.written;
        let ends = to == frame.size() && frame.header().is_some_and(|header| header.fin && is_data(header));
        self.ghost.shipped += u64::from(ends);
    }

    /// The transport tells what it took.
    pub(crate) fn tell(&mut self, now: Instant, broken: &mut Broken) {
        let len = core::mem::take(&mut self.untold);
        let Some(front) = self.queue.front().filter(|_| len > 0) else { return };
        self.written += len;
        let whole = self.written == front.size();
        let Some(header) = front.header() else { return };
        self.ghost.deeds.waits.write = Some(now);
        if whole {
            self.ghost.deeds.waits.wrote(now, front);
            self.queue.pop_front();
            (self.written, self.committed) = (0, self.committed - 1);
            self.count_written(header);
        }
        tell_protocol(&mut self.protocol, now, len, whole.then_some(header), !whole && is_data(header));
        self.settle(now, broken);
    }

    fn count_written(&mut self, header: Header) {
        let ghost = &mut self.ghost;
        if is_data(header) {
            ghost.part_len += header.len;
            if header.fin {
                ghost.unwritten_len -= core::mem::take(&mut ghost.part_len);
                ghost.written += 1;
            }
        }
    }

    /// Does what the protocol asks for after it changed.
    pub(crate) fn settle(&mut self, now: Instant, broken: &mut Broken) {
        if let Some(close) = self.protocol.take_close().cloned() {
            broken.unless(self.ghost.close.is_none(), Rule::CloseOnce);
            self.push(now, true, Opcode::Close, &close.payload(), broken);
            self.ghost.close = Some(close);
        }
        if !self.protocol.writes() {
            self.queue.clear();
            (self.committed, self.written, self.untold) = (0, 0, 0);
        }
    }

    // ---- reading

    /// Looks ahead: reads to the end of the next frame, or as far as `cut` says.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        cut: impl Fn(usize) -> usize,
        wire: &mut Wire,
        broken: &mut Broken,
    ) {
        let available = wire.available();
        let len = if wire.is_between() { cut(available) } else { available };
        let (mut bytes, frame) = wire.take(len);
        let answers = self.protocol.writes()
            && self.protocol.state() != State::Closed
            && matches!(self.protocol.phase(), Phase::Open | Phase::CloseQueued | Phase::CloseSent)
            && !self.ghost.read_close;
        let before = self.protocol.phase();
        let shut = self.ghost.read_close || before.state() == State::Closed;
        let mut rest = &mut bytes[..];
        let taken = self.protocol.receive(now, &mut rest).map(|data| (data.payload.len(), data.end));
        debug_assert!(rest.is_empty(), "what was read is always consumed");
        if let Some((len, end)) = taken {
            broken.unless(!shut, Rule::NoDataBehindClose);
            self.arrived(now, len, end);
        }
        if frame.as_ref().is_some_and(|frame| frame.is(Opcode::Ping)) && answers {
            broken.unless(self.protocol.has_urgent(), Rule::PingAnswered);
            self.ghost.owed += 1;
        }
        if let Some(frame) = frame {
            self.ghost.read_close |= frame.is(Opcode::Close);
            self.ghost.deeds.violated |= frame.is_garbage() && !shut;
            self.ghost.deeds.waits.read(&frame);
        }
        self.ghost.deeds.drain(before, self.protocol.phase());
        self.settle(now, broken);
    }

    /// A part of a message was parsed. What is unfinished is gathered; what is whole goes into the inbox, or is dropped.
    fn arrived(&mut self, now: Instant, len: usize, end: bool) {
        if !end {
            return;
        }
        self.ghost.deeds.waits.message = Some(now);
        self.ghost.parsed += 1;
        if self.protocol.admits() {
            self.inbox += 1;
            self.protocol.held(now, ROOM);
        } else {
            self.drop_message(len, end);
        }
    }

    // ---- what is known of the end

    /// The end has begun: a Close was queued or noted, or the connection has failed.
    pub fn is_ending(&self) -> bool {
        self.protocol.phase() != Phase::Open
    }

    /// Notes when the end began, and when the verdict was decided.
    pub(crate) fn watch(&mut self, now: Instant) {
        let config = self.protocol.config();
        if self.is_ending() && self.ghost.end_by.is_none() {
            self.ghost.end_by = Some(now + config.max_close_time());
        }
        if self.protocol.state() == State::Closed && self.ghost.over_by.is_none() {
            self.ghost.over_by = Some(now + config.drain_timeout);
        }
        let (phase, wants_output) = (self.protocol.phase(), self.wants_output());
        self.ghost.deeds.watch(now, phase, wants_output);
    }
}

const fn is_data(header: Header) -> bool {
    !header.opcode.is_control()
}

/// What the protocol is told of a write: the frame that it completed, its length, and whether it ended inside a data frame. Where
/// all that was queued is written, the protocol knows the frames.
fn tell_protocol(
    protocol: &mut Protocol,
    now: Instant,
    len: usize,
    complete: Option<Header>,
    mid_frame: bool,
) {
    let all = len == protocol.buffered();
    if let Some(header) = complete.filter(|_| !all) {
        protocol.handle_frame_written(now, header);
    }
    protocol.handle_written(now, len, mid_frame);
}
