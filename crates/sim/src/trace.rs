//! What happened, as plain data.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use adieu_core::{Close, Closed, Event, Initiator, Instant, Kind, Role, State, Transport, TransportError};

use crate::text::{Field, Words, plain_enum, plain_struct};
use crate::{Harm, Setup};

/// A run: how it began, and everything that happened, in order.
///
/// As text it has a line for each; [`FromStr`] reads it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The seed of the run; a recorded connection has none.
    pub seed: Option<u64>,
    /// The endpoints; a raw peer has no setup.
    pub setups: Vec<Setup>,
    /// What happened.
    pub records: Vec<Record>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, since the beginning of the run.
    pub at: Instant,
    /// To whom.
    pub role: Role,
    /// What.
    pub what: What,
}

plain_enum! {
    /// What happened to an endpoint or to a raw peer.
    pub enum What {
        /// The driver read these bytes.
        Read(bytes: Vec<u8>) = "read",
        /// The driver read the end of the stream.
        End = "end",
        /// Reading failed.
        ReadError(error: TransportError) = "read-error",
        /// Writing failed.
        WriteError(error: TransportError) = "write-error",
        /// A deadline passed, and the driver said so.
        Timeout = "timeout",
        /// The application asked for an event, with what was read and not yet taken.
        Ask(told: Option<Told>) = "ask",
        /// What was read and not yet taken was given to the connection without asking.
        Ahead = "ahead",
        /// The application called.
        Call(call: Call, outcome: Outcome) = "call",
        /// These bytes were committed, behind those before.
        Commit(bytes: Vec<u8>) = "commit",
        /// The transport took so many of the committed bytes.
        Written(len: usize) = "written",
        /// The state is another.
        State(state: State) = "state",
        /// The peer's Close was noted.
        PeerClose(close: Close) = "peer-close",
        /// The transport is to be another.
        Level(level: Transport) = "level",
        /// The verdict was decided.
        Verdict(verdict: Box<Verdict>) = "verdict",
        /// The connection wants something else of its driver than before; the first record says what it wants at the beginning.
        Wants(wants: Wants) = "wants",
        /// The network failed in the direction of what this side sends.
        Fault(harm: Harm) = "fault",
    }
}

plain_struct! {
    /// What a connection wants of its driver.
    pub struct Wants {
        /// Something to read: `wants_input`.
        pub input: bool,
        /// Room to write: `wants_output`.
        pub output: bool,
        /// To be told when this is past: `deadline`.
        pub deadline: Option<Instant>,
    }
}

plain_enum! {
    /// What the application was told: an [`Event`] in short.
    pub enum Told {
        /// A request.
        Request = "request",
        /// The server accepted.
        Open = "open",
        /// A message.
        Message(kind: Kind, payload: Vec<u8>) = "message",
        /// A part of a message; whether it is the first, and the last.
        Chunk(kind: Kind, payload: Vec<u8>, start: bool, end: bool) = "chunk",
        /// The peer's Close took effect.
        Closing = "closing",
        /// The number of the Ping that was answered, the ticket that it confirms, and the round trip.
        Pong(id: u64, confirmed: Option<u64>, round_trip: Duration) = "pong",
        /// The queue has room.
        Drained = "drained",
        /// The end.
        Closed = "closed",
        /// What this version does not know.
        Other(event: String) = "other",
    }
}

plain_enum! {
    /// What an application may call.
    pub enum Call {
        /// `accept`, with a subprotocol.
        Accept(subprotocol: Option<String>) = "accept",
        /// `reject`, with a status.
        Reject(status: u16) = "reject",
        /// `send`.
        Send(kind: Kind, payload: Vec<u8>) = "send",
        /// `send_uncompressed`.
        SendUncompressed(kind: Kind, payload: Vec<u8>) = "send-uncompressed",
        /// `send_prepared`.
        SendPrepared(kind: Kind, payload: Vec<u8>) = "send-prepared",
        /// `send_fragment`; whether it is the last.
        Fragment(kind: Kind, payload: Vec<u8>, end: bool) = "fragment",
        /// `ping`.
        Ping = "ping",
        /// `pong`.
        Pong(payload: Vec<u8>) = "pong",
        /// `close`.
        Close(close: Close) = "close",
        /// `close_cutting`.
        CloseCutting(close: Close) = "close-cutting",
        /// `fail`.
        Fail(close: Close) = "fail",
        /// `abort`.
        Abort = "abort",
        /// `stop_receiving`.
        StopReceiving = "stop-receiving",
        /// The application went away: `handle_dropped`.
        Leave = "leave",
    }
}

plain_enum! {
    /// What a call came to.
    pub enum Outcome {
        /// It was taken.
        Done = "done",
        /// It was taken, and has this number: a ticket, or that of a Ping.
        Number(number: u64) = "number",
        /// It was refused, for this reason.
        Refused(reason: String) = "refused",
    }
}

plain_struct! {
    /// A [`Closed`] in plain numbers and words.
    pub struct Verdict {
        /// Whose Close entered this endpoint first.
        pub initiator: Option<Initiator>,
        /// The Close that was queued.
        pub sent: Option<Close>,
        /// The Close that came.
        pub received: Option<Close>,
        /// Ours was handed to the transport whole.
        pub flushed: bool,
        /// Both Closes were exchanged, and ours was flushed.
        pub clean: bool,
        /// What ended the connection, in the words of `Cause`.
        pub cause: String,
        /// A message of the peer's was left unfinished.
        pub cut_in: bool,
        /// A message of ours was left unfinished.
        pub cut_out: bool,
        /// The first ticket that was not written whole.
        pub unsent_first: Option<u64>,
        /// How many.
        pub unsent_messages: u64,
        /// Their payloads, in bytes.
        pub unsent_bytes: u64,
        /// Messages of the peer's that were dropped.
        pub undelivered_messages: u64,
        /// The payloads that were dropped, in bytes.
        pub undelivered_bytes: u64,
        /// The last ticket that the peer's endpoint parsed for certain.
        pub confirmed: Option<u64>,
    }
}

impl Call {
    /// A text to send.
    pub fn text(text: &str) -> Self {
        Self::Send(Kind::Text, text.as_bytes().to_vec())
    }

    /// A close.
    ///
    /// # Panics
    ///
    /// If the code may not travel or the reason is too long.
    pub fn close(code: u16, reason: &str) -> Self {
        Self::Close(Close::new(code, reason).expect("a code and a reason that may travel"))
    }
}

impl Trace {
    /// What happened to one side.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.role == role)
    }

    /// The verdict of one side.
    pub fn verdict(&self, role: Role) -> Option<&Verdict> {
        self.of(role).find_map(|record| match &record.what {
            What::Verdict(verdict) => Some(&**verdict),
            _ => None,
        })
    }

    /// What the application of one side was told.
    pub fn told(&self, role: Role) -> impl Iterator<Item = &Told> {
        self.of(role).filter_map(|record| match &record.what {
            What::Ask(told) => told.as_ref(),
            _ => None,
        })
    }

    /// The texts that the application of one side was given.
    pub fn texts(&self, role: Role) -> Vec<String> {
        let text = |told: &Told| match told {
            Told::Message(Kind::Text, payload) => Some(String::from_utf8_lossy(payload).into_owned()),
            _ => None,
        };
        self.told(role).filter_map(text).collect()
    }

    /// Whether it was recorded what the connection of one side wanted of its driver; older traces do not have that.
    pub fn tells_wants(&self, role: Role) -> bool {
        self.of(role).any(|record| matches!(record.what, What::Wants(_)))
    }

    /// All bytes that one side has read.
    pub fn read(&self, role: Role) -> Vec<u8> {
        let bytes = self.of(role).filter_map(|record| match &record.what {
            What::Read(bytes) => Some(&bytes[..]),
            _ => None,
        });
        bytes.collect::<Vec<_>>().concat()
    }

    /// All bytes of one side that the transport has taken.
    pub fn written(&self, role: Role) -> Vec<u8> {
        let (mut written, mut committed) = (Vec::new(), &[][..]);
        for record in self.of(role) {
            match &record.what {
                What::Commit(bytes) => committed = bytes,
                What::Written(len) => {
                    let (taken, rest) = committed.split_at((*len).min(committed.len()));
                    written.extend_from_slice(taken);
                    committed = rest;
                }
                _ => {}
            }
        }
        written
    }
}

impl From<&Event<'_>> for Told {
    fn from(event: &Event<'_>) -> Self {
        match event {
            Event::Request(_) => Self::Request,
            Event::Open(_) => Self::Open,
            Event::Message(message) => Self::Message(message.kind(), message.as_bytes().to_vec()),
            Event::Chunk(chunk) => Self::Chunk(chunk.kind, chunk.payload.to_vec(), chunk.start, chunk.end),
            Event::Closing => Self::Closing,
            Event::Pong(pong) => Self::Pong(pong.id, pong.confirmed.map(|ticket| ticket.0), pong.round_trip),
            Event::Drained => Self::Drained,
            Event::Closed(_) => Self::Closed,
            other => Self::Other(format!("{other:?}")),
        }
    }
}

impl From<&Closed> for Verdict {
    fn from(closed: &Closed) -> Self {
        Self {
            initiator: closed.initiator,
            sent: closed.sent.clone(),
            received: closed.received.clone(),
            flushed: closed.flushed,
            clean: closed.clean,
            cause: closed.cause.to_string(),
            cut_in: closed.cut_in,
            cut_out: closed.cut_out,
            unsent_first: closed.unsent.first.map(|ticket| ticket.0),
            unsent_messages: closed.unsent.messages,
            unsent_bytes: closed.unsent.bytes,
            undelivered_messages: closed.undelivered.messages,
            undelivered_bytes: closed.undelivered.bytes,
            confirmed: closed.confirmed.map(|ticket| ticket.0),
        }
    }
}

/// A line that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Its content.
    pub line: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no line of a trace: {}", self.line)
    }
}

impl core::error::Error for ParseError {}

/// Reads a whole line.
fn parse<T>(line: &str, read: impl FnOnce(&mut Words<'_>) -> Option<T>) -> Result<T, ParseError> {
    let mut words = Words(line);
    let parsed = read(&mut words).filter(|_| words.end().is_some());
    parsed.ok_or_else(|| ParseError { line: line.to_string() })
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        self.at.put(&mut line);
        self.role.put(&mut line);
        self.what.put(&mut line);
        f.write_str(&line)
    }
}

impl FromStr for Record {
    type Err = ParseError;

    fn from_str(line: &str) -> Result<Self, ParseError> {
        parse(line, |words| {
            Some(Self { at: Field::read(words)?, role: Field::read(words)?, what: Field::read(words)? })
        })
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", crate::text::name(&self.seed))?;
        for setup in &self.setups {
            writeln!(f, "endpoint {}", crate::text::name(setup))?;
        }
        self.records.iter().try_for_each(|record| writeln!(f, "{record}"))
    }
}

impl FromStr for Trace {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut lines = text.lines().peekable();
        let seed = parse(lines.next().unwrap_or_default(), |words| {
            words.expect("seed")?;
            Field::read(words)
        })?;
        let mut setups = Vec::new();
        while let Some(setup) = lines.next_if(|line| line.starts_with("endpoint ")) {
            let endpoint = |words: &mut Words<'_>| words.expect("endpoint").and_then(|()| Setup::read(words));
            setups.push(parse(setup, endpoint)?);
        }
        let records = lines.map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { seed, setups, records })
    }
}
