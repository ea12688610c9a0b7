//! A trace for people: as lines of text.

use std::fmt::Write;

use adieu_core::{Instant, Role, Transport};

use crate::text::name;
use crate::trace::{Call, Outcome, Record, Told, Trace, Verdict, What};
use crate::wire::{Decoder, short};

/// What people are told of.
pub(crate) struct Scene {
    pub(crate) at: Instant,
    pub(crate) role: Role,
    pub(crate) act: Act,
}

pub(crate) enum Act {
    /// The transport took the last byte of a frame, the how-manieth of its direction.
    Sent(usize, String),
    /// The last byte of it was read.
    Received(usize, String),
    /// The connection is another now, or the network.
    Turn(String),
    /// What the application did, or was told.
    Talk(String),
}

impl Trace {
    /// The run in words: its seed, then a line for each frame sent (`>`) and received (`<`), each event and call (`|`), each change (`*`).
    pub fn story(&self) -> String {
        let mut story = self.seed.map_or_else(String::new, |seed| format!("seed {seed}\n"));
        for Scene { at, role, act } in scenes(self) {
            let (sign, words) = match &act {
                Act::Sent(_, words) => ('>', words),
                Act::Received(_, words) => ('<', words),
                Act::Turn(words) => ('*', words),
                Act::Talk(words) => ('|', words),
            };
            let secs = at.since(Instant::EPOCH).as_secs_f64();
            let _infallible = writeln!(story, "{secs:>11.6} {:<6} {sign} {words}", name(&role));
        }
        story
    }
}

/// The bytes of one direction on their way through the records.
struct Stream<'t> {
    written: Decoder,
    sent: usize,
    committed: &'t [u8],
    read: Decoder,
    received: usize,
}

pub(crate) fn scenes(trace: &Trace) -> Vec<Scene> {
    let upgraded = trace.setups.iter().any(|setup| setup.upgraded);
    let decoder = |receiver| Decoder::new(receiver, upgraded);
    let stream = |receiver, own| {
        let (written, read) = (decoder(receiver), decoder(own));
        Stream { written, sent: 0, committed: &[], read, received: 0 }
    };
    // What the client does with bytes, and what the server does.
    let mut streams = [stream(Role::Server, Role::Client), stream(Role::Client, Role::Server)];
    let mut scenes = Vec::new();
    for record in &trace.records {
        let stream = &mut streams[record.role as usize];
        let mut add = |act| scenes.push(Scene { at: record.at, role: record.role, act });
        for (index, words) in stream.sent(record) {
            add(Act::Sent(index, words));
        }
        for (index, words) in stream.received(record) {
            add(Act::Received(index, words));
        }
        act(record).into_iter().for_each(&mut add);
    }
    scenes
}

impl<'t> Stream<'t> {
    fn sent(&mut self, record: &'t Record) -> Vec<(usize, String)> {
        match &record.what {
            What::Commit(bytes) => {
                self.committed = bytes;
                Vec::new()
            }
            What::Written(len) => {
                let (taken, rest) = self.committed.split_at((*len).min(self.committed.len()));
                self.committed = rest;
                number(&mut self.written, taken, &mut self.sent)
            }
            _ => Vec::new(),
        }
    }

    fn received(&mut self, record: &Record) -> Vec<(usize, String)> {
        match &record.what {
            What::Read(bytes) => number(&mut self.read, bytes, &mut self.received),
            _ => Vec::new(),
        }
    }
}

fn number(decoder: &mut Decoder, bytes: &[u8], count: &mut usize) -> Vec<(usize, String)> {
    let items = decoder.push(bytes).into_iter().enumerate();
    let numbered: Vec<_> = items.map(|(index, item)| (*count + index, item.to_string())).collect();
    *count += numbered.len();
    numbered
}

/// What a record is beside its frames.
fn act(record: &Record) -> Option<Act> {
    let act = match &record.what {
        What::Ask(told) => Act::Talk(told_in_words(told.as_ref()?)),
        What::Call(call, outcome) => Act::Talk(called(call, outcome)),
        What::End => Act::Turn("end of stream".into()),
        What::ReadError(error) => Act::Turn(format!("read error: {}", name(error))),
        What::WriteError(error) => Act::Turn(format!("write error: {}", name(error))),
        What::Timeout => Act::Turn("deadline".into()),
        What::State(state) => Act::Turn(name(state)),
        What::PeerClose(close) => Act::Turn(format!("the peer's Close {close} is noted")),
        What::Level(Transport::Open) => return None,
        What::Level(level) => Act::Turn(format!("transport: {}", name(level))),
        What::Verdict(verdict) => Act::Turn(decided(verdict)),
        What::Fault(harm) => Act::Turn(format!("network: {}", name(harm))),
        What::Read(_) | What::Ahead | What::Commit(_) | What::Written(_) | What::Wants(_) => return None,
    };
    Some(act)
}

fn told_in_words(told: &Told) -> String {
    match told {
        Told::Message(kind, payload) => format!("message: {} \"{}\"", name(kind), short(payload)),
        Told::Chunk(kind, payload, _, end) => {
            format!("part: {} \"{}\"{}", name(kind), short(payload), if *end { "" } else { "…" })
        }
        other => format!("event: {}", name(other)),
    }
}

fn called(call: &Call, outcome: &Outcome) -> String {
    let call = match call {
        Call::Send(kind, payload) => format!("send {} \"{}\"", name(kind), short(payload)),
        Call::SendUncompressed(kind, payload) => {
            format!("send {} \"{}\" uncompressed", name(kind), short(payload))
        }
        Call::SendPrepared(kind, payload) => format!("send {} \"{}\" prepared", name(kind), short(payload)),
        Call::Fragment(kind, payload, end) => {
            format!("fragment {} \"{}\"{}", name(kind), short(payload), if *end { "" } else { "…" })
        }
        other => name(other),
    };
    match outcome {
        Outcome::Done => call,
        Outcome::Number(number) => format!("{call} = {number}"),
        Outcome::Refused(reason) => format!("{call}: {reason}"),
    }
}

fn decided(verdict: &Verdict) -> String {
    let mut words =
        format!("verdict: {}, {}", if verdict.clean { "clean" } else { "not clean" }, verdict.cause);
    let mut add = |what: &str, count: u64| {
        if count > 0 {
            let _infallible = write!(words, "; {count} {what}");
        }
    };
    add("unsent", verdict.unsent_messages);
    add("undelivered", verdict.undelivered_messages);
    words
}
