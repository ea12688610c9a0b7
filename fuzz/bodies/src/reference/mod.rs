//! A naive model of one endpoint from OPEN on: the whole history is kept, and read again from its beginning when a question is asked.
//!
//! It is written from `docs/CLOSE.md` and RFC 6455 alone. Where they leave a choice it follows the core, and a comment that begins
//! with *Latitude* names the choice.

mod clock;
mod ending;
mod parse;
mod receiving;
mod run;
mod script;
mod sending;
mod wire;

use std::collections::VecDeque;

use adieu_core::frame::Opcode;
use adieu_core::{Cause, Close, Closed, Config, Initiator, Kind, Message, Role, State, Transport, Violation};

pub use run::{Difference, Outcome, run};
pub use script::{Flaw, Script, Step};

/// What a naive reading finds wrong with a peer's bytes in OPEN.
pub(crate) fn violation(role: Role, config: &Config, bytes: &[u8]) -> Option<Violation> {
    match parse::parse(role, config, bytes).items.pop() {
        Some((_, parse::Item::Violation(violation))) => Some(violation),
        _ => None,
    }
}

/// Reads a script out of any bytes and follows it.
///
/// # Panics
///
/// When model and core differ.
pub fn versus_reference(bytes: &[u8]) {
    let script = Script::decode(bytes);
    if let Outcome { difference: Some(difference), .. } = run(&script) {
        panic!("{difference}\n{script:?}");
    }
}

/// The fields of [`Closed`]; tickets as numbers, what has parts as tuples in the order of the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Verdict {
    pub initiator: Option<Initiator>,
    pub sent: Option<Close>,
    pub received: Option<Close>,
    pub flushed: bool,
    pub clean: bool,
    pub cause: Cause,
    pub cut_in: bool,
    pub cut_out: bool,
    pub unsent: (Option<u64>, u64, u64),
    pub undelivered: (u64, u64),
    pub confirmed: Option<u64>,
}

impl From<&Closed> for Verdict {
    fn from(closed: &Closed) -> Self {
        let (unsent, undelivered) = (&closed.unsent, &closed.undelivered);
        Self {
            initiator: closed.initiator,
            sent: closed.sent.clone(),
            received: closed.received.clone(),
            flushed: closed.flushed,
            clean: closed.clean,
            cause: closed.cause.clone(),
            cut_in: closed.cut_in,
            cut_out: closed.cut_out,
            unsent: (unsent.first.map(|ticket| ticket.0), unsent.messages, unsent.bytes),
            undelivered: (undelivered.messages, undelivered.bytes),
            confirmed: closed.confirmed.map(|ticket| ticket.0),
        }
    }
}

/// What the application is told; a round trip in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Told {
    Message(Message<'static>),
    Closing,
    Pong { id: u64, confirmed: Option<u64>, round_trip: u64 },
    Drained,
    Closed(Box<Verdict>),
}

/// A frame of ours.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What it is.
    pub opcode: Opcode,
    /// The last of its message.
    pub fin: bool,
    /// A Ping's is what the core chose, once that is seen.
    pub payload: Vec<u8>,
    ticket: Option<u64>,
    ping: Option<Ping>,
}

impl Frame {
    fn control(opcode: Opcode, payload: Vec<u8>, ping: Option<Ping>) -> Self {
        Self { opcode, fin: true, payload, ticket: None, ping }
    }
}

#[derive(Debug, Clone)]
struct Ping {
    /// The application's, with this number; else a keepalive ping.
    id: Option<u64>,
    /// So many messages are before it.
    before: u64,
    flushed_at: Option<u64>,
    answered: bool,
    resolved: bool,
}

/// The model. Times are milliseconds since OPEN.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    client: bool,
    config: Config,

    // what we send
    /// All our frames in the order of the wire; what is not committed may change places.
    pub out: Vec<Frame>,
    committed: usize,
    written_bytes: usize,
    write_ended: bool,
    pongs: VecDeque<Vec<u8>>,
    own_pong: Option<Vec<u8>>,
    keepalive: bool,
    tickets: u64,
    pings: u64,
    unfinished: Option<Kind>,
    full: bool,

    // what we receive
    history: Vec<u8>,
    seen: usize,
    ended: bool,
    inbox: VecDeque<Message<'static>>,
    handling: bool,
    deaf: bool,
    dropping: bool,
    undelivered: (u64, u64),
    confirmed: u64,
    discarded: usize,

    // how it ends
    received: Option<Close>,
    fault: Option<Violation>,
    in_effect: bool,
    failed: bool,
    sent: Option<Close>,
    initiator: Option<Initiator>,
    cause: Option<Cause>,
    closed: Option<Verdict>,
    transport: Option<Transport>,

    // what is to be told
    answers: VecDeque<Told>,
    drained: bool,
    closing_due: bool,
    closed_told: bool,

    // when things happened, and when they are due
    heard_at: u64,
    message_at: u64,
    progress_at: u64,
    linger_due: Option<u64>,
    closing_bound: Option<u64>,
    close_due: Option<u64>,
    drain_due: Option<u64>,
    pauses: Vec<(u64, u64)>,
}

impl Reference {
    /// A connection that is OPEN from 0 on.
    pub fn open(role: Role, config: Config) -> Self {
        Self { client: role == Role::Client, config, ..Self::default() }
    }

    /// The role.
    pub fn role(&self) -> Role {
        if self.client { Role::Client } else { Role::Server }
    }

    /// The state.
    pub fn state(&self) -> State {
        match () {
            () if self.closed.is_some() => State::Closed,
            () if self.sent.is_some() || self.in_effect || self.failed || self.write_ended => State::Closing,
            () => State::Open,
        }
    }

    /// The verdict.
    pub fn closed(&self) -> Option<&Verdict> {
        self.closed.as_ref()
    }

    /// The peer's Close, noted or in effect.
    pub fn peer_close(&self) -> Option<&Close> {
        self.received.as_ref()
    }

    /// A Close or a violation waits for the application (rule 6).
    pub fn is_noted(&self) -> bool {
        (self.received.is_some() || self.fault.is_some()) && !self.in_effect
    }

    /// The last message that is confirmed.
    pub fn confirmed(&self) -> Option<u64> {
        self.confirmed.checked_sub(1)
    }

    /// What the transport should be.
    pub fn transport(&self) -> Transport {
        self.transport.unwrap_or(Transport::Open)
    }

    /// The peer's direction is over.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Bytes that the transport has not taken. Latitude: also when it takes no more.
    pub fn buffered(&self) -> usize {
        if self.closed.is_some() { 0 } else { self.bytes(self.out.len()) - self.written_bytes }
    }

    /// The bytes of so many frames of ours.
    fn bytes(&self, frames: usize) -> usize {
        self.out[..frames].iter().map(|frame| size(self.client, frame.payload.len())).sum()
    }
}

/// A frame's length on the wire (RFC 6455 §5.2).
fn size(masked: bool, len: usize) -> usize {
    let header = match len {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    };
    header + if masked { 4 } else { 0 } + len
}
