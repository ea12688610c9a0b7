//! What a runner saw, in words, and how that is compared with what was expected.

use std::fmt;

use adieu_core::{Cause, Close, Closed, Event, Initiator, Message, State, Violation};

use super::Hidden;
use super::text::quote;

/// One thing that the endpoint under test did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The application was told something, or a call of its was refused: `text "hi"`, `closed`, `refused ended`.
    App(String),
    /// The peer received something: `close 1000 "bye"`, `http 101`, `end`, `reset`.
    Peer(String),
    /// The verdict was decided.
    Verdict(Verdict),
    /// The endpoint let go of the transport.
    Released,
    /// A level: the state.
    State(&'static str),
    /// A level: the peer's Close that was parsed.
    Noted(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(what) => write!(f, "app: {what}"),
            Self::Peer(what) => write!(f, "peer: {what}"),
            Self::Verdict(verdict) => write!(f, "verdict: {verdict}"),
            Self::Released => f.write_str("released"),
            Self::State(state) => write!(f, "state: {state}"),
            Self::Noted(close) => write!(f, "noted: {close}"),
        }
    }
}

/// To whom something was shown. Order matters within a direction, and only there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What the application is told.
    App,
    /// What the peer receives.
    Peer,
    /// The verdict.
    Verdict,
    /// The transport.
    Transport,
    /// Levels, which are looked at.
    Level,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::App, Self::Peer, Self::Verdict, Self::Transport, Self::Level];
}

impl Seen {
    /// To whom it was shown.
    pub const fn direction(&self) -> Direction {
        match self {
            Self::App(_) => Direction::App,
            Self::Peer(_) => Direction::Peer,
            Self::Verdict(_) => Direction::Verdict,
            Self::Released => Direction::Transport,
            Self::State(_) | Self::Noted(_) => Direction::Level,
        }
    }

    /// This is what `seen` is. A `*` at the end of an expectation stands for anything.
    pub fn matches(&self, seen: &Self) -> bool {
        match (self, seen) {
            (Self::App(want), Self::App(seen)) | (Self::Peer(want), Self::Peer(seen)) => fits(want, seen),
            (Self::Verdict(want), Self::Verdict(seen)) => want.matches(seen),
            (want, seen) => want == seen,
        }
    }
}

fn fits(want: &str, seen: &str) -> bool {
    match want.strip_suffix('*') {
        // A reason may be missing altogether.
        Some(want) => seen.starts_with(want) || seen == want.trim_end(),
        None => want == seen,
    }
}

/// A verdict, as items in a fixed order: the cause, then what else is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `handshake`, `clean`, `flushed`, `initiator peer`, `sent 1000 "bye"`, ...
    pub items: Vec<String>,
}

impl Verdict {
    /// What the library decided.
    pub fn of(closed: &Closed) -> Self {
        let mut items = vec![cause_name(&closed.cause)];
        let mut add = |when: bool, item: String| items.extend(when.then_some(item));
        add(closed.clean, "clean".to_owned());
        add(closed.flushed, "flushed".to_owned());
        if let Some(initiator) = closed.initiator {
            let who = if initiator == Initiator::Local { "local" } else { "peer" };
            add(true, format!("initiator {who}"));
        }
        closed.sent.iter().for_each(|close| add(true, format!("sent {}", close_name(close))));
        closed.received.iter().for_each(|close| add(true, format!("received {}", close_name(close))));
        add(closed.cut_in, "cut-in".to_owned());
        add(closed.cut_out, "cut-out".to_owned());
        let (unsent, lost) = (closed.unsent, closed.undelivered);
        if let Some(first) = unsent.first {
            let (first, messages, bytes) = (first.0, unsent.messages, unsent.bytes);
            add(true, format!("unsent first {first} messages {messages} bytes {bytes}"));
        }
        let lost_any = lost.messages > 0 || lost.bytes > 0;
        add(lost_any, format!("undelivered messages {} bytes {}", lost.messages, lost.bytes));
        closed.confirmed.iter().for_each(|ticket| add(true, format!("confirmed {}", ticket.0)));
        Self { items }
    }

    fn matches(&self, seen: &Self) -> bool {
        let same = |(want, seen): (&String, &String)| {
            // Where the end of stream fell is not always of interest.
            fits(want, seen) || want == "end-of-stream" && seen.starts_with("end-of-stream ")
        };
        self.items.len() == seen.items.len() && self.items.iter().zip(&seen.items).all(same)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.items.join(", "))
    }
}

/// `open`.
pub(super) const fn state_name(state: State) -> &'static str {
    match state {
        State::Connecting => "connecting",
        State::Open => "open",
        State::Closing => "closing",
        State::Closed => "closed",
    }
}

/// `1000 "bye"`, `1000`, `empty`.
pub(super) fn close_name(close: &Close) -> String {
    close.code().map_or_else(|| "empty".to_owned(), |code| close_words(code.get(), close.reason()))
}

pub(super) fn close_words(code: u16, reason: &str) -> String {
    if reason.is_empty() { code.to_string() } else { format!("{code} {}", quote(reason.as_bytes())) }
}

fn cause_name(cause: &Cause) -> String {
    match cause {
        Cause::Handshake => "handshake".to_owned(),
        Cause::Refused(None) => "refused".to_owned(),
        Cause::Refused(Some(response)) => format!("refused {}", response.status),
        Cause::Violation(violation) => format!("violation {}", violation_name(*violation)),
        Cause::Failed => "failed".to_owned(),
        Cause::EndOfStream { inside_frame: false } => "end-of-stream between-frames".to_owned(),
        Cause::EndOfStream { inside_frame: true } => "end-of-stream inside-frame".to_owned(),
        Cause::Reset => "reset".to_owned(),
        Cause::Truncated => "truncated".to_owned(),
        Cause::Timeout(timeout) => format!("timeout {timeout}"),
        Cause::Aborted => "aborted".to_owned(),
        Cause::Abandoned => "abandoned".to_owned(),
        other => format!("{other:?}"),
    }
}

fn violation_name(violation: Violation) -> String {
    let name = match violation {
        Violation::ReservedBits => "reserved-bits",
        Violation::Opcode(opcode) => return format!("opcode-{opcode}"),
        Violation::FragmentedControl => "fragmented-control",
        Violation::ControlLength => "control-length",
        Violation::LengthNotMinimal => "length-not-minimal",
        Violation::LengthTopBit => "length-top-bit",
        Violation::NotMasked => "not-masked",
        Violation::Masked => "masked",
        Violation::ContinuationWithoutStart => "continuation-without-start",
        Violation::MessageInsideMessage => "message-inside-message",
        Violation::TextUtf8 => "text-utf8",
        Violation::Deflate => "deflate",
        Violation::CloseLength => "close-length",
        Violation::CloseCode(code) => return format!("close-code-{code}"),
        Violation::CloseReasonUtf8 => "close-reason-utf8",
        Violation::FrameTooLong => "frame-too-long",
        Violation::MessageTooLong => "message-too-long",
        Violation::TooManyFragments => "too-many-fragments",
        Violation::Response(fault) => return format!("response-{fault:?}").to_lowercase(),
        other => return format!("{other:?}"),
    };
    name.to_owned()
}

/// `text "hi"`, `binary "\x00"`.
pub(super) fn message_name(message: &Message<'_>) -> String {
    let kind = if message.as_text().is_some() { "text" } else { "binary" };
    format!("{kind} {}", quote(message.as_bytes()))
}

/// What an event of the core is called. `close` is the peer's.
pub(super) fn event_name(event: &Event<'_>, close: Option<&Close>) -> String {
    match event {
        Event::Request(_) => "request".to_owned(),
        Event::Open(_) => "open".to_owned(),
        Event::Message(message) => message_name(message),
        Event::Closing => {
            close.map_or_else(|| "closing".to_owned(), |c| format!("closing {}", close_name(c)))
        }
        Event::Pong(pong) => pong_name(pong.id, pong.confirmed.map(|ticket| ticket.0)),
        Event::Drained => "drained".to_owned(),
        Event::Closed(_) => "closed".to_owned(),
        other => format!("{other:?}"),
    }
}

pub(super) fn pong_name(id: u64, confirmed: Option<u64>) -> String {
    confirmed.map_or_else(|| format!("pong {id}"), |ticket| format!("pong {id} confirms {ticket}"))
}

/// What was seen because of one step of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The step's line.
    pub line: usize,
    /// In the order in which the runner noticed.
    pub seen: Vec<Seen>,
    /// What was to follow and the runner cannot see, and why.
    pub hidden: Vec<(Seen, &'static Hidden)>,
}

/// Everything that was seen, step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// One for each step that was played.
    pub moments: Vec<Moment>,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for moment in &self.moments {
            writeln!(f, "  line {}:", moment.line)?;
            moment.seen.iter().try_for_each(|seen| writeln!(f, "      {seen}"))?;
        }
        Ok(())
    }
}
