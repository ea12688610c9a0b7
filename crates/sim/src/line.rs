//! The way between two sides: two directions of bytes with the manners of TCP.
//!
//! Owns: buffers, delays, cuts, faults, what ends and resets do to what is on the way. Must not know: what the bytes mean.

use std::collections::VecDeque;

use adieu_core::{Instant, Role, TransportError};

use crate::endpoint::{Read, Wire};
use crate::trace::{Record, What};
use crate::{Cuts, Dice, Fault, Harm, Plan, When};

pub(crate) struct Line {
    pub(crate) plan: Plan,
    dice: Dice,
    pub(crate) now: Instant,
    /// Faults that are still to come.
    faults: Vec<Fault>,
    /// What the client sends, and what the server sends.
    ways: [Way; 2],
    /// The client's end, and the server's.
    sockets: [Socket; 2],
    pub(crate) records: Vec<Record>,
}

/// One direction.
#[derive(Default)]
struct Way {
    flying: VecDeque<(Instant, Piece)>,
    /// Nothing that is sent now arrives before this.
    not_before: Option<Instant>,
    arrived: VecDeque<u8>,
    /// How it ended, if its end has arrived: in order, or truncated.
    end: Option<Result<(), TransportError>>,
    sent_len: u64,
    /// The receiver takes no more than so many bytes.
    takes: Option<usize>,
    /// Writing fails.
    broken: bool,
    /// The network lets nothing more pass.
    cut: bool,
}

enum Piece {
    Bytes(Vec<u8>),
    End(Result<(), TransportError>),
    Reset,
}

#[derive(Default)]
struct Socket {
    /// A reset has arrived.
    reset: bool,
    /// It was not told yet. It is told once; then reading finds an end, and writing fails again.
    untold: bool,
    /// The sending direction is shut down.
    shut: bool,
    /// Forgotten by its owner.
    closed: bool,
}

/// One end of the line.
pub(crate) struct End<'l> {
    pub(crate) line: &'l mut Line,
    pub(crate) role: Role,
}

impl Wire for End<'_> {
    fn read(&mut self, most: usize) -> Read {
        self.line.read(self.role, most)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, TransportError> {
        self.line.write(self.role, bytes)
    }

    fn shutdown_write(&mut self) {
        self.line.shutdown_write(self.role);
    }

    fn close(&mut self) {
        self.line.close(self.role);
    }

    fn reset(&mut self) {
        self.line.reset(self.role);
    }
}

const fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

impl Line {
    pub(crate) fn new(plan: Plan, seed: u64) -> Self {
        let faults = plan.faults.clone();
        let (ways, sockets) = Default::default();
        Self { plan, dice: Dice::new(seed), now: Instant::EPOCH, faults, ways, sockets, records: Vec::new() }
    }

    /// How long a side sleeps before it looks.
    pub(crate) fn lag(&mut self) -> core::time::Duration {
        self.dice.time(self.plan.lag)
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.dice.percent(50)
    }

    /// When something happens here next: nothing, once nobody is there.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        if self.sockets.iter().all(|socket| socket.closed) {
            return None;
        }
        let arrivals = self.ways.iter().filter_map(|way| way.flying.front().map(|(at, _)| *at));
        let faults = self.faults.iter().filter_map(|fault| match fault.when {
            When::At(time) => Some(Instant::EPOCH + time),
            When::After(_) => None,
        });
        arrivals.chain(faults).min()
    }

    /// Time passes: faults happen, and what is due arrives.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = now;
        let due = |fault: &Fault| matches!(fault.when, When::At(time) if Instant::EPOCH + time <= now);
        while let Some(index) = self.faults.iter().position(due) {
            let Fault { from, harm, .. } = self.faults.remove(index);
            self.harm(from, harm);
        }
        for from in [Role::Client, Role::Server] {
            while let Some((_, piece)) = self.ways[from as usize].flying.pop_front_if(|(at, _)| *at <= now) {
                self.arrive(from, piece);
            }
        }
    }

    /// Something goes wrong now.
    pub(crate) fn harm(&mut self, from: Role, harm: Harm) {
        match harm {
            Harm::Stall(time) => {
                let until = self.now + time;
                let way = &mut self.ways[from as usize];
                way.not_before = way.not_before.max(Some(until));
            }
            Harm::End => self.cut(from, Piece::End(Ok(()))),
            Harm::Truncate => self.cut(from, Piece::End(Err(TransportError::Truncated))),
            Harm::FailWriting => {
                let way = &mut self.ways[from as usize];
                (way.broken, way.cut) = (true, true);
            }
            Harm::Reset => {
                self.cut(from, Piece::Reset);
                self.cut(other(from), Piece::Reset);
            }
        }
        self.records.push(Record { at: self.now, role: from, what: What::Fault(harm) });
    }

    fn cut(&mut self, from: Role, last: Piece) {
        self.launch(from, last);
        self.ways[from as usize].cut = true;
    }

    /// Sends a piece on its way, behind those before.
    fn launch(&mut self, from: Role, piece: Piece) {
        let at = self.now + self.plan.latency + self.dice.time(self.plan.jitter);
        let way = &mut self.ways[from as usize];
        if way.cut {
            return;
        }
        let at = way.not_before.map_or(at, |before| before.max(at));
        way.not_before = Some(at);
        way.flying.push_back((at, piece));
    }

    /// A reset: it may overtake what is on the way, for the sender's kernel does not send that again.
    fn launch_reset(&mut self, from: Role) {
        if self.coin() && !self.ways[from as usize].cut {
            self.ways[from as usize].flying.clear();
        }
        self.launch(from, Piece::Reset);
    }

    fn arrive(&mut self, from: Role, piece: Piece) {
        let coin = self.coin();
        let (way, socket) = (&mut self.ways[from as usize], &mut self.sockets[other(from) as usize]);
        match piece {
            // Nobody is there to take it.
            Piece::Bytes(_) if socket.closed => self.launch_reset(other(from)),
            Piece::Bytes(bytes) if !socket.reset => way.arrived.extend(bytes),
            Piece::End(end) if !socket.reset => way.end = Some(end),
            Piece::Reset if !socket.reset => {
                (socket.reset, socket.untold) = (true, true);
                if coin {
                    way.arrived.clear();
                }
            }
            Piece::Bytes(_) | Piece::End(_) | Piece::Reset => {}
        }
    }

    fn cut_len(&mut self, len: usize) -> usize {
        match self.plan.cuts {
            Cuts::Whole => len,
            Cuts::Every(most) => len.min(most.max(1)),
            Cuts::Anywhere => len.min(1 + self.dice.below(2 * len as u64) as usize),
        }
    }

    fn room_len(&self, from: Role) -> usize {
        let way = &self.ways[from as usize];
        let piece_len = |(_, piece): &(Instant, Piece)| match piece {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::End(_) | Piece::Reset => 0,
        };
        let flying: usize = way.flying.iter().map(piece_len).sum();
        let room = self.plan.capacity_len.saturating_sub(flying + way.arrived.len());
        if way.cut { usize::MAX } else { room.min(way.takes.unwrap_or(usize::MAX)) }
    }
}

/// What the owner of a socket does with it.
impl Line {
    pub(crate) fn readable(&self, role: Role) -> bool {
        let way = &self.ways[other(role) as usize];
        !way.arrived.is_empty() || way.end.is_some() || self.sockets[role as usize].reset
    }

    pub(crate) fn writable(&self, role: Role) -> bool {
        self.sockets[role as usize].reset || self.room_len(role) > 0
    }

    pub(crate) fn read(&mut self, role: Role, most: usize) -> Read {
        let len = self.ways[other(role) as usize].arrived.len().min(most.max(1));
        let len = self.cut_len(len);
        let (way, socket) = (&mut self.ways[other(role) as usize], &mut self.sockets[role as usize]);
        if len > 0 {
            let bytes = way.arrived.drain(..len).collect();
            return Read::Bytes(bytes, self.readable(role));
        }
        if core::mem::take(&mut socket.untold) {
            return Read::Error(TransportError::Reset);
        }
        match way.end {
            _ if socket.reset => Read::End,
            None => Read::Nothing,
            Some(Ok(())) => Read::End,
            Some(Err(error)) => Read::Error(error),
        }
    }

    /// The owner takes no more of what the other side writes.
    pub(crate) fn stall(&mut self, role: Role) {
        self.ways[other(role) as usize].takes = Some(0);
    }

    /// The owner takes so many bytes more.
    pub(crate) fn take(&mut self, role: Role, len: usize) {
        let takes = &mut self.ways[other(role) as usize].takes;
        *takes = takes.map(|takes| takes.saturating_add(len));
    }

    /// Takes the beginning of `bytes`, or nothing if there is no room.
    pub(crate) fn write(&mut self, role: Role, bytes: &[u8]) -> Result<usize, TransportError> {
        let socket = &mut self.sockets[role as usize];
        if socket.reset || socket.shut || socket.closed || self.ways[role as usize].broken {
            socket.untold = false;
            return Err(TransportError::Reset);
        }
        let len = self.room_len(role).min(bytes.len());
        let len = self.cut_len(len);
        let takes = &mut self.ways[role as usize].takes;
        *takes = takes.map(|takes| takes.saturating_sub(len));
        let mut left = &bytes[..len];
        while !left.is_empty() {
            let sent_len = self.ways[role as usize].sent_len;
            let to_fault = |fault: &Fault| match fault.when {
                When::After(position) if fault.from == role => Some(position.saturating_sub(sent_len)),
                When::After(_) | When::At(_) => None,
            };
            let next =
                (0..self.faults.len()).filter_map(|index| Some((to_fault(&self.faults[index])?, index)));
            let (until, due) = match next.min() {
                Some((until, index)) if until <= left.len() as u64 => (until as usize, Some(index)),
                _ => (left.len(), None),
            };
            let (passing, rest) = left.split_at(until);
            if !passing.is_empty() {
                self.ways[role as usize].sent_len += passing.len() as u64;
                self.launch(role, Piece::Bytes(passing.to_vec()));
            }
            if let Some(index) = due {
                let fault = self.faults.remove(index);
                self.harm(role, fault.harm);
            }
            left = rest;
        }
        Ok(len)
    }

    pub(crate) fn shutdown_write(&mut self, role: Role) {
        let socket = &mut self.sockets[role as usize];
        if !socket.shut && !socket.reset && !socket.closed {
            socket.shut = true;
            self.launch(role, Piece::End(Ok(())));
        }
    }

    /// Closes, as kernels do: with unread input it is a reset.
    pub(crate) fn close(&mut self, role: Role) {
        if self.ways[other(role) as usize].arrived.is_empty() {
            self.shutdown_write(role);
        } else {
            self.reset(role);
        }
        self.sockets[role as usize].closed = true;
    }

    pub(crate) fn reset(&mut self, role: Role) {
        let socket = &mut self.sockets[role as usize];
        if !socket.reset && !socket.closed {
            socket.closed = true;
            self.launch_reset(role);
        }
    }
}
