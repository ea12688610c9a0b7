//! What bounds a search.

use std::sync::Arc;
use std::time::Duration;

use adieu_core::Config;

use crate::{Act, Sight};

/// How often each thing may be done, by both endpoints together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Whole messages.
    pub sends: u8,
    /// Fragments that do not end their message. Ending it is free.
    pub fragments: u8,
    /// Pings of the application.
    pub pings: u8,
    /// Unsolicited Pongs.
    pub pongs: u8,
    /// `close`, as far as it is not refused.
    pub closes: u8,
    /// `close_cutting`.
    pub cuttings: u8,
    /// `fail`.
    pub fails: u8,
    /// `abort`.
    pub aborts: u8,
    /// `stop_receiving`.
    pub stops: u8,
    /// Reads and writes that end inside a frame.
    pub cuts: u8,
    /// Faults of the transport.
    pub faults: u8,
    /// Moments that pass though nothing is due.
    pub naps: u8,
    /// Jumps to the next deadline; `None`: there are never so many that it has to be bounded.
    pub jumps: Option<u8>,
}

impl Budget {
    /// What a call of the application's is taken from.
    pub(crate) fn of(&mut self, act: Act) -> Option<&mut u8> {
        Some(match act {
            Act::Send(_) => &mut self.sends,
            Act::Fragment(_) => &mut self.fragments,
            Act::Ping(_) => &mut self.pings,
            Act::Pong(_) => &mut self.pongs,
            Act::Close(..) => &mut self.closes,
            Act::CloseCutting(_) => &mut self.cuttings,
            Act::Fail(_) => &mut self.fails,
            Act::Abort(_) => &mut self.aborts,
            Act::StopReceiving(_) => &mut self.stops,
            _ => return None,
        })
    }
}

/// Where a read or a write may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// Behind the first byte: inside the header.
    Header,
    /// Before the last byte: inside the payload, if there is one.
    Payload,
}

/// What a transport can do wrong, seen from the endpoint that it happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// What is under way to it is lost, then the stream ends in order.
    End,
    /// What is under way to it is lost, then the stream ends without `close_notify`.
    Truncation,
    /// What is under way to it is lost, then it reads a reset.
    Reset,
    /// Its writing fails.
    Write,
    /// A byte that no endpoint sends is put before the next frame.
    Garbage,
    /// A Pong that the peer did not send is put before the next frame. It names the first Ping.
    Pong,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 6] =
        [Self::End, Self::Truncation, Self::Reset, Self::Write, Self::Garbage, Self::Pong];
    /// What a network does.
    pub const LOSSES: [Self; 4] = [Self::End, Self::Truncation, Self::Reset, Self::Write];
}

/// The faults that happened to an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults(u8);

impl Faults {
    pub(crate) fn insert(&mut self, fault: Fault) {
        self.0 |= 1 << fault as u8;
    }

    /// One of these is among them.
    pub fn has(self, any: &[Fault]) -> bool {
        any.iter().any(|fault| self.0 & 1 << *fault as u8 != 0)
    }
}

/// An endpoint's timeouts, in ticks. They differ, so that no two fall together by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Times {
    /// `write_timeout`.
    pub write: u64,
    /// `close_timeout`.
    pub close: u64,
    /// `drain_timeout`.
    pub drain: u64,
    /// `closing_timeout`.
    pub closing: u64,
    /// `close_linger`.
    pub linger: u64,
    /// `pong_timeout`.
    pub pong: u64,
    /// `ping_interval`.
    pub interval: Option<u64>,
    /// `idle_timeout`.
    pub idle: Option<u64>,
}

/// A named configuration: what may happen, how often, and what has to be seen.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its name.
    pub name: &'static str,
    /// The corner that it looks into.
    pub about: &'static str,
    /// The bounds.
    pub budget: Budget,
    /// The bounds of a search for every change.
    pub small: Budget,
    /// Applications ask for an event when they like, and drivers comply with a level when they like. Otherwise an application that
    /// handles no message asks at once, and so do drivers comply.
    pub slow: bool,
    /// The client's timeouts, and the server's.
    pub times: [Times; 2],
    /// How many different Closes `close` is called with: 1000, 3001, the empty one.
    pub codes: u8,
    /// Where cuts are.
    pub cut: Cut,
    /// Most queued frames in a batch.
    pub batch: usize,
    /// The transport tells later what it took, as one that completes does.
    pub late: bool,
    /// `Config::send_high`, in bytes.
    pub send_high: usize,
    /// `Config::inbox_len`, in bytes. A message takes 3.
    pub inbox_len: usize,
    /// `Config::drain_len`, in bytes.
    pub drain_len: usize,
    /// The faults among which `Budget::faults` chooses.
    pub faults: &'static [Fault],
    /// What the search has to come across.
    pub sights: &'static [Sight],
}

impl Setup {
    /// Both endpoints' configurations.
    pub fn configs(&self) -> [Arc<Config>; 2] {
        self.times.map(|times| {
            let ticks = Duration::from_nanos;
            let mut config = Config::default();
            config.write_timeout = ticks(times.write);
            config.close_timeout = ticks(times.close);
            config.drain_timeout = ticks(times.drain);
            config.closing_timeout = ticks(times.closing);
            config.close_linger = ticks(times.linger);
            config.pong_timeout = ticks(times.pong);
            config.ping_interval = times.interval.map(ticks);
            config.idle_timeout = times.idle.map(ticks);
            config.send_high = self.send_high;
            config.send_low = self.send_high / 2;
            config.inbox_len = self.inbox_len;
            config.drain_len = self.drain_len;
            Arc::new(config)
        })
    }
}
