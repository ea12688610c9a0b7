//! What must hold in every run, checked on the trace against what really passed between the two sides.

use std::time::Duration;

use adieu_core::frame::Opcode;
use adieu_core::{Close, Instant, Kind, Role, State, Transport};
use adieu_sim::trace::{Call, Outcome, Record, Told, Trace, Verdict, What};
use adieu_sim::wire::{Decoder, Item};

use super::life::Life;
use super::reasons::{cause_has_its_reason, who_is_not_clean_has_a_reason};

pub(crate) type Law = Result<(), String>;

pub(crate) fn law(holds: bool, text: impl FnOnce() -> String) -> Law {
    if holds { Ok(()) } else { Err(text()) }
}

/// A message: what it is, and whether its end is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    kind: Kind,
    pub(crate) payload: Vec<u8>,
    whole: bool,
}

/// One endpoint of a run, with its peer's side of things.
pub(crate) struct Side<'t> {
    pub(crate) trace: &'t Trace,
    pub(crate) role: Role,
    pub(crate) verdict: &'t Verdict,
    /// The messages that it sent, by ticket.
    pub(crate) sent: Vec<Message>,
    /// Those of which the transport took at least a byte's worth of a whole frame, and the Close behind them.
    written: Vec<Message>,
    written_close: Option<Close>,
    /// What the application was given.
    delivered: Vec<Message>,
    /// What it has read, parsed by somebody else.
    read: Vec<Message>,
    read_close: Option<Close>,
}

pub(crate) fn check(life: &Life, trace: &Trace) -> Law {
    let sides = [side(life, trace, Role::Client)?, side(life, trace, Role::Server)?];
    for (index, side) in sides.iter().enumerate() {
        let peer = &sides[1 - index];
        let name = |broken: String| format!("{:?}: {broken}\n  {:?}", side.role, side.verdict);
        ends_once(life, side).map_err(name)?;
        ends_in_time(life, side).map_err(name)?;
        reads_what_was_written(side, peer).map_err(name)?;
        closes(side).map_err(name)?;
        cause_has_its_reason(life, side, peer).map_err(name)?;
        unsent_is_exact(side).map_err(name)?;
        confirmed_was_parsed(side, peer).map_err(name)?;
        delivered_in_order(side, peer).map_err(name)?;
        nothing_is_lost_on_a_clean_end(side, peer).map_err(name)?;
        who_is_not_clean_has_a_reason(side, peer).map_err(name)?;
    }
    Ok(())
}

fn side<'t>(life: &Life, trace: &'t Trace, role: Role) -> Result<Side<'t>, String> {
    let verdict = trace.verdict(role).ok_or(format!("{role:?}: no verdict"))?;
    let other = if role == Role::Client { Role::Server } else { Role::Client };
    let (written, written_close) = parse(other, life.upgraded, &trace.written(role));
    let (read, read_close) = parse(role, life.upgraded, &trace.read(role));
    let (sent, delivered) = (sent(trace, role), delivered(trace, role));
    Ok(Side { trace, role, verdict, sent, written, written_close, delivered, read, read_close })
}

/// The messages in a stream of frames, and the Close.
fn parse(receiver: Role, upgraded: bool, bytes: &[u8]) -> (Vec<Message>, Option<Close>) {
    let (mut messages, mut close): (Vec<Message>, _) = (Vec::new(), None);
    for item in Decoder::new(receiver, upgraded).push(bytes) {
        let Item::Frame(header, payload) = item else { continue };
        match header.opcode {
            Opcode::Text | Opcode::Binary => {
                let kind = if header.opcode == Opcode::Text { Kind::Text } else { Kind::Binary };
                messages.push(Message { kind, payload, whole: header.fin });
            }
            Opcode::Continuation => {
                let message = messages.last_mut().expect("a message to continue");
                message.payload.extend(payload);
                message.whole = header.fin;
            }
            Opcode::Close => {
                assert_eq!(close, None, "two Closes");
                close = Close::parse(&payload).ok();
            }
            Opcode::Ping | Opcode::Pong => {}
        }
    }
    (messages, close)
}

/// The messages that were taken from the application, by ticket.
fn sent(trace: &Trace, role: Role) -> Vec<Message> {
    let mut sent: Vec<Message> = Vec::new();
    for record in trace.of(role) {
        let What::Call(call, Outcome::Number(ticket)) = &record.what else { continue };
        let (kind, payload, whole) = match call {
            Call::Send(kind, payload) => (*kind, payload, true),
            Call::Fragment(kind, payload, end) => (*kind, payload, *end),
            _ => continue,
        };
        if *ticket == sent.len() as u64 {
            sent.push(Message { kind, payload: Vec::new(), whole });
        }
        assert_eq!(*ticket + 1, sent.len() as u64, "tickets grow by one");
        let message = sent.last_mut().expect("just pushed");
        message.payload.extend_from_slice(payload);
        message.whole = whole;
    }
    sent
}

fn delivered(trace: &Trace, role: Role) -> Vec<Message> {
    let mut delivered: Vec<Message> = Vec::new();
    for told in trace.told(role) {
        match told {
            Told::Message(kind, payload) => {
                delivered.push(Message { kind: *kind, payload: payload.clone(), whole: true });
            }
            Told::Chunk(kind, payload, start, end) => {
                if *start {
                    delivered.push(Message { kind: *kind, payload: Vec::new(), whole: false });
                }
                let message = delivered.last_mut().expect("a chunk that begins");
                message.payload.extend_from_slice(payload);
                message.whole = *end;
            }
            _ => {}
        }
    }
    delivered
}

/// One verdict, told at most once, as the last thing; told unless the application left; nothing passes after it.
fn ends_once(life: &Life, side: &Side<'_>) -> Law {
    let records: Vec<_> = side.trace.of(side.role).map(|record| &record.what).collect();
    let verdicts = records.iter().filter(|what| matches!(what, What::Verdict(_))).count();
    law(verdicts == 1, || format!("{verdicts} verdicts"))?;
    let decided = records.iter().position(|what| matches!(what, What::Verdict(_))).unwrap_or(0);
    let late = records[decided..].iter().find(|what| {
        matches!(what, What::Commit(bytes) if !bytes.is_empty())
            || matches!(what, What::Written(_) | What::State(_) | What::PeerClose(_))
            || matches!(
                what,
                What::Call(Call::Send(..) | Call::Fragment(..) | Call::Ping, Outcome::Number(_))
            )
    });
    law(late.is_none(), || format!("after the verdict: {late:?}"))?;
    let left = records.iter().any(|what| matches!(what, What::Call(Call::Leave, _)));
    let told = side.trace.told(side.role).filter(|told| **told == Told::Closed).count();
    law(told == usize::from(!left) || (left && told <= 1), || format!("the end was told {told} times"))?;
    law(side.trace.told(side.role).last() == Some(&Told::Closed) || told == 0, || {
        "told after the end".into()
    })?;
    let counted = life.ends[side.role as usize].get();
    law(counted == told as u32, || format!("the application counts {counted} ends"))?;
    let last = records.iter().rev().find_map(|what| match what {
        What::Level(level) => Some(*level),
        _ => None,
    });
    law(last.is_some_and(|level| level >= Transport::Close), || format!("the transport is left at {last:?}"))
}

fn at(side: &Side<'_>, find: impl Fn(&What) -> bool) -> Option<Instant> {
    let found = |record: &&Record| find(&record.what);
    side.trace.of(side.role).find(found).map(|record| record.at)
}

/// From the beginning of an end to the verdict: `max_close_time()`, and what the machine sleeps.
fn ends_in_time(life: &Life, side: &Side<'_>) -> Law {
    let begun =
        at(side, |what| matches!(what, What::State(State::Closing | State::Closed) | What::PeerClose(_)));
    let decided = at(side, |what| matches!(what, What::Verdict(_)));
    let (Some(begun), Some(decided)) = (begun, decided) else { return Err("no end".into()) };
    let bound = life.configs[side.role as usize].max_close_time() + life.plan.lag;
    law(decided.since(begun) <= bound, || format!("began {begun:?}, ended {decided:?}, bound {bound:?}"))?;
    let reaped = at(side, |what| matches!(what, What::Level(Transport::Close | Transport::Reset)));
    let Some(reaped) = reaped else { return Err("the transport is kept".into()) };
    let drain = life.configs[side.role as usize].drain_timeout + life.plan.lag + Duration::ZERO;
    law(reaped.since(decided) <= drain, || format!("decided {decided:?}, reaped {reaped:?}"))
}

/// The Closes in the verdict are those on the wire.
fn closes(side: &Side<'_>) -> Law {
    let Verdict { sent, received, flushed, clean, .. } = side.verdict;
    law(*flushed == side.written_close.is_some(), || format!("wrote {:?}", side.written_close))?;
    law(!flushed || *sent == side.written_close, || format!("wrote {:?}", side.written_close))?;
    law(received.is_none() || *received == side.read_close, || format!("read {:?}", side.read_close))?;
    law(*clean == (sent.is_some() && received.is_some() && *flushed), || "clean?".into())
}

/// The network makes nothing up: what was read is a beginning of what was written.
fn reads_what_was_written(side: &Side<'_>, peer: &Side<'_>) -> Law {
    let (read, written) = (side.trace.read(side.role), peer.trace.written(peer.role));
    law(written.starts_with(&read), || format!("{} bytes read, {} written", read.len(), written.len()))
}

/// Messages not in `unsent` were handed to the transport whole; those in it were not.
fn unsent_is_exact(side: &Side<'_>) -> Law {
    let whole = side.written.iter().filter(|message| message.whole).count();
    let Verdict { unsent_first, unsent_messages, unsent_bytes, .. } = side.verdict;
    law(whole as u64 + unsent_messages == side.sent.len() as u64, || {
        format!("{whole} written of {}", side.sent.len())
    })?;
    law(*unsent_first == (*unsent_messages > 0).then_some(whole as u64), || format!("{whole} written"))?;
    for (index, message) in side.written.iter().enumerate().filter(|(_, message)| message.whole) {
        law(side.sent[index] == *message, || format!("message {index} was changed"))?;
    }
    let lost: usize = side.sent[whole..].iter().map(|message| message.payload.len()).sum();
    law(lost as u64 == *unsent_bytes, || format!("{lost} bytes are unsent"))
}

/// What is confirmed was read by the peer whole.
fn confirmed_was_parsed(side: &Side<'_>, peer: &Side<'_>) -> Law {
    let parsed = peer.read.iter().filter(|message| message.whole).count() as u64;
    let confirmed = side.verdict.confirmed;
    law(confirmed.is_none_or(|ticket| ticket < parsed), || format!("the peer parsed {parsed}"))
}

/// What the application was given is a beginning of what the peer sent, without holes.
fn delivered_in_order(side: &Side<'_>, peer: &Side<'_>) -> Law {
    for (index, message) in side.delivered.iter().enumerate() {
        let sent = &peer.sent[index];
        let same = if message.whole { sent == message } else { sent.payload.starts_with(&message.payload) };
        law(same && sent.kind == message.kind, || format!("message {index} is not what was sent"))?;
    }
    Ok(())
}

/// Behind the peer's Close nothing is to come: all that the peer wrote was read. Clean: and delivered or counted.
fn nothing_is_lost_on_a_clean_end(side: &Side<'_>, peer: &Side<'_>) -> Law {
    let whole = |messages: &[Message]| messages.iter().filter(|message| message.whole).count() as u64;
    let (read, sent) = (whole(&side.read), whole(&peer.written));
    law(side.verdict.received.is_none() || read == sent, || format!("{read} read of {sent} written"))?;
    if !side.verdict.clean {
        return Ok(());
    }
    // Who gives up behind the verdict drops what nobody counts any more.
    let records = side.trace.of(side.role).skip_while(|record| !matches!(record.what, What::Verdict(_)));
    let mut late =
        records.filter(|record| matches!(record.what, What::Call(Call::Leave | Call::StopReceiving, _)));
    let (delivered, dropped) = (whole(&side.delivered), side.verdict.undelivered_messages);
    let all = delivered + dropped == read || (late.next().is_some() && delivered + dropped < read);
    law(all, || format!("{delivered} delivered and {dropped} dropped of {read}"))
}
