//! What holds after every run, whatever was dropped or has failed.

use adieu_tokio::{Cause, Closed, Ticket};

use super::subject::Record;
use super::tap::Book;
use super::{Outcome, Script, Start};
use crate::peers::{CLOSE, PING, PONG};

/// What the frames in one direction say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) messages: Vec<Vec<u8>>,
    /// The payload of the first Close. Nothing behind it counts.
    pub(crate) close: Option<Vec<u8>>,
    pub(crate) pings: usize,
    /// The first message that is not whole has this much payload.
    part: Option<usize>,
    /// They end inside a frame.
    inside_frame: bool,
}

/// Reads frames; behind a head where there was an opening handshake.
pub(crate) fn said(mut bytes: &[u8], with_head: bool) -> Said {
    let mut said = Said::default();
    if with_head {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        bytes = end.map_or(&[], |end| &bytes[end + 4..]);
    }
    while said.close.is_none() && !bytes.is_empty() {
        let Some((first, payload, rest)) = frame(bytes) else {
            said.inside_frame = true;
            break;
        };
        bytes = rest;
        match first & 0xF {
            CLOSE => said.close = Some(payload),
            PING => said.pings += 1,
            PONG => {}
            opcode @ 0..=2 => {
                assert_eq!(first & 0x40, 0, "whatever was agreed, nothing here is sent compressed");
                if opcode == 0 {
                    said.messages.last_mut().expect("a message to continue").extend(payload);
                } else {
                    said.messages.push(payload);
                }
                let whole = first & 0x80 != 0;
                said.part = (!whole).then(|| said.messages.last().map_or(0, Vec::len));
            }
            _ => break,
        }
    }
    if said.part.is_some() {
        said.messages.pop();
    }
    said
}

/// The first byte of a frame, its payload, and what comes behind it; `None` if it is not whole.
fn frame(bytes: &[u8]) -> Option<(u8, Vec<u8>, &[u8])> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (len, bytes) = match second & 0x7F {
        126 => {
            let (len, bytes) = bytes.get(2..)?.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*len)), bytes)
        }
        len => (usize::from(len), &bytes[2..]),
    };
    let (key, bytes) = if second & 0x80 == 0 { (&[0; 4], bytes) } else { bytes.split_first_chunk()? };
    let (payload, rest) = bytes.split_at_checked(len)?;
    let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    Some((first, payload.collect(), rest))
}

/// Checks a run; `about` tells which.
pub(crate) fn check(script: &Script, outcome: &Outcome, about: &str) {
    assert!(outcome.gone, "{about}: somebody holds the connection");
    for (ours, theirs) in &outcome.books {
        let (ours, theirs) = (ours.open(), theirs.open());
        assert_eq!((ours.drops, theirs.drops), (1, 1), "{about}: the stream is dropped once");
        assert_eq!(ours.calls_too_late, 0, "{about}: nothing is asked of a direction that is over");
        assert!(ours.taken_out.starts_with(&theirs.taken_in), "{about}: the pipe itself");
    }
    let record = &outcome.record;
    if record.verdicts.is_empty() {
        assert_eq!(script.name, "the last handle goes", "{about}: no verdict");
        return;
    }
    let verdict = &record.verdicts[0];
    assert!(record.verdicts.iter().all(|other| other == verdict), "{about}: {record:#?}");
    let (ours, _) = outcome.books.last().expect("a stream");
    let ours = ours.open();
    if !record.opened {
        return;
    }
    check_received(script, record, verdict, &ours, about);
    check_sent(script, record, verdict, &ours, about);
}

/// What was received is what has arrived, from the first message to the last that counts.
fn check_received(script: &Script, record: &Record, verdict: &Closed, ours: &Book, about: &str) {
    let told = said(&ours.taken_in, script.start == Start::Handshake);
    assert!(told.messages.starts_with(&record.received), "{about}: in order, none lost or doubled");
    let is_parsed = match verdict.cause {
        Cause::Handshake | Cause::Reset | Cause::Truncated | Cause::Violation(_) => true,
        Cause::EndOfStream { inside_frame } => {
            assert_eq!(inside_frame, told.inside_frame, "{about}: where it ends");
            true
        }
        // What comes behind a failure of ours is not parsed, nor is what comes behind the verdict.
        _ => false,
    };
    let known = record.received.len() as u64 + verdict.undelivered.messages;
    if is_parsed {
        assert_eq!(known, told.messages.len() as u64, "{about}: all are received, or told of: {verdict:?}");
        assert_eq!(verdict.received.is_some(), told.close.is_some(), "{about}: {verdict:?}");
    }
    assert!(verdict.received.is_none() || told.close.is_some(), "{about}: a Close out of nothing");
}

/// `unsent` is what the stream did not take whole.
fn check_sent(script: &Script, record: &Record, verdict: &Closed, ours: &Book, about: &str) {
    let told = said(&ours.taken_out, script.start == Start::Handshake);
    let whole = told.messages.len() as u64;
    let tickets = record.sent.last().map_or(0, |(ticket, _)| ticket + 1);
    let unsent = verdict.unsent;
    assert_eq!(whole + unsent.messages, tickets, "{about}: {unsent:?}");
    assert_eq!(unsent.first.map(|Ticket(number)| number), (tickets > whole).then_some(whole), "{about}");
    let left = record.sent.iter().filter(|(ticket, _)| *ticket >= whole);
    assert_eq!(
        unsent.bytes,
        left.map(|(_, payload)| payload.len() as u64).sum::<u64>(),
        "{about}: {unsent:?}"
    );
    for (number, message) in told.messages.iter().enumerate() {
        let pieces = record.sent.iter().filter(|(ticket, _)| *ticket == number as u64);
        let sent: Vec<u8> = pieces.flat_map(|(_, payload)| payload.iter().copied()).collect();
        assert_eq!(*message, sent, "{about}: message {number}");
    }
    assert_eq!(verdict.flushed, told.close.is_some(), "{about}: our Close is on its way, or is not");
    let crossed = verdict.received.is_some() && verdict.sent.is_some() && verdict.flushed;
    assert_eq!(verdict.clean, crossed, "{about}");
}
