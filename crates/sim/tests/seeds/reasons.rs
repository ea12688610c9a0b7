//! What is said to have ended a connection was done to this very end, and somebody did it.

use adieu_core::frame::Opcode;
use adieu_core::{Initiator, Instant, Role, State, TransportError};
use adieu_sim::Harm;
use adieu_sim::trace::{Call, Outcome, Record, Verdict, What};
use adieu_sim::wire::{Decoder, Item};

use super::laws::{Law, Side, law};
use super::life::Life;

/// What was learned of the transport, the worst last (CLOSE.md rule 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lost {
    Nothing,
    End,
    Truncated,
    Reset,
}

/// The records of a side up to its verdict, without it.
fn before<'t>(side: &Side<'t>) -> impl Iterator<Item = &'t Record> {
    side.trace.of(side.role).take_while(|record| !matches!(record.what, What::Verdict(_)))
}

fn decided_at(side: &Side<'_>) -> Instant {
    let verdict = side.trace.of(side.role).find(|record| matches!(record.what, What::Verdict(_)));
    verdict.expect("a side has a verdict").at
}

fn lost(side: &Side<'_>) -> Lost {
    let learned = before(side).map(|record| match record.what {
        What::ReadError(TransportError::Reset) | What::WriteError(_) => Lost::Reset,
        What::ReadError(_) => Lost::Truncated,
        What::End => Lost::End,
        _ => Lost::Nothing,
    });
    learned.max().unwrap_or(Lost::Nothing)
}

/// What is said to have ended the connection did happen before, at this side, and nothing that outranks it (CLOSE.md rules 10 and 14).
pub(crate) fn cause_has_its_reason(life: &Life, side: &Side<'_>, peer: &Side<'_>) -> Law {
    let Verdict { cause, initiator, sent, received, .. } = side.verdict;
    let called = |find: fn(&Call) -> bool| {
        before(side).any(|record| matches!(&record.what, What::Call(call, Outcome::Done) if find(call)))
    };
    let failed = called(|call| matches!(call, Call::Fail(_)));
    let aborted = called(|call| matches!(call, Call::Abort));
    let worst = |this| lost(side) == this && !failed;
    let reason = match cause.as_str() {
        "connection reset" => worst(Lost::Reset),
        "end of stream" | "end of stream inside a frame" => worst(Lost::End),
        "TLS stream truncated" => worst(Lost::Truncated),
        "closing handshake complete" => sent.is_some() && received.is_some() && !failed,
        "aborted" => aborted,
        "failed by the application" => failed,
        _ if cause.starts_with("protocol violation") => breaks_a_limit(life, side, peer),
        _ => cause.strip_suffix(" timeout").is_none_or(|timeout| is_late(life, side, timeout)),
    };
    law(reason && (cause == "aborted") == aborted, || "the cause has no reason".into())?;
    law(received.is_some() || *initiator != Some(Initiator::Peer), || "no Close of the peer's began".into())?;
    law(sent.is_some() || *initiator != Some(Initiator::Local), || "no Close of ours began".into())?;
    law(initiator.is_some() == (sent.is_some() || received.is_some()), || "nobody began".into())
}

/// An endpoint breaks no rule but one: it does not know how much the other takes.
fn breaks_a_limit(life: &Life, side: &Side<'_>, peer: &Side<'_>) -> bool {
    let config = &life.configs[side.role as usize];
    let limit = config.max_message_len.min(config.max_frame_len);
    peer.sent.iter().any(|message| message.payload.len() > limit)
}

/// The deadline has passed, as far as the records tell since when it ran: never later than is taken here.
fn is_late(life: &Life, side: &Side<'_>, timeout: &str) -> bool {
    let config = &life.configs[side.role as usize];
    let Some(acted) = before(side).filter(|record| record.what == What::Timeout).last() else { return false };
    let since = |find: fn(&What) -> bool| {
        let first = before(side).find(|record| find(&record.what));
        first.map_or(Instant::EPOCH, |record| record.at)
    };
    let closing = since(|what| matches!(what, What::State(State::Closing) | What::PeerClose(_)));
    let pings = |item: &Item| matches!(item, Item::Frame(header, _) if header.opcode == Opcode::Ping);
    let due = match timeout {
        "handshake" => Instant::EPOCH + config.handshake_timeout,
        "write" => {
            let progress = before(side).filter(|record| matches!(record.what, What::Written(_)));
            progress.last().map_or(Instant::EPOCH, |record| record.at) + config.write_timeout
        }
        "close" if side.verdict.flushed && side.verdict.received.is_none() => closing + config.close_timeout,
        "closing" => closing + config.closing_timeout,
        "pong" => {
            let reader = if side.role == Role::Client { Role::Server } else { Role::Client };
            let frames = Decoder::new(reader, life.upgraded).push(&side.trace.written(side.role));
            if !frames.iter().any(pings) {
                return false;
            }
            Instant::EPOCH + config.pong_timeout
        }
        "idle" => Instant::EPOCH + config.idle_timeout.unwrap_or(core::time::Duration::MAX),
        _ => return false,
    };
    due <= acted.at
}

/// The end has its reason at this side, and not in the transport. Idleness closes in order: it is a reason where a deadline then decides.
fn ends_by_itself(side: &Side<'_>) -> bool {
    let transport = [
        "closing handshake complete", "connection reset", "end of stream", "end of stream inside a frame",
        "TLS stream truncated",
    ];
    let acted = |record: &Record| !matches!(record.what, What::State(_) | What::PeerClose(_));
    match side.verdict.cause.as_str() {
        "idle timeout" => before(side)
            .filter(|record| acted(record))
            .last()
            .is_some_and(|record| record.what == What::Timeout),
        cause => !transport.contains(&cause),
    }
}

/// A side that aborts, or whose drain deadline passes, behind its verdict: what it wrote last may be lost to a reset.
fn gave_up(side: &Side<'_>) -> bool {
    let aborts = |record: &Record| matches!(record.what, What::Call(Call::Abort, _));
    let mut late = side.trace.of(side.role).skip_while(|record| !matches!(record.what, What::Verdict(_)));
    side.trace.of(side.role).any(aborts) || late.any(|record| record.what == What::Timeout)
}

/// Who is not clean has a reason at its own side: its application, a violation, a deadline; else it has lost its transport, in a way that
/// somebody has brought about. That the peer is clean, or that the network failed anywhere, is no reason.
pub(crate) fn who_is_not_clean_has_a_reason(side: &Side<'_>, peer: &Side<'_>) -> Law {
    if side.verdict.clean || ends_by_itself(side) {
        return Ok(());
    }
    let decided = decided_at(side);
    // What the network did up to then to what a side sends. A reset is done to both.
    let harmed = |from: &Side<'_>, harms: &[Harm]| {
        let harms = |record: &Record| match &record.what {
            What::Fault(Harm::Reset) => harms.contains(&Harm::Reset),
            What::Fault(harm) => record.role == from.role && harms.contains(harm),
            _ => false,
        };
        side.trace.records.iter().any(|record| record.at <= decided && harms(record))
    };
    // What the peer reads has ended, or what it writes.
    let deaf = harmed(side, &[Harm::End, Harm::Truncate]);
    let mute = harmed(peer, &[Harm::FailWriting]);
    // The peer has ended, and not cleanly, for what was done to it, and has let go of the transport.
    let left = !peer.verdict.clean && (ends_by_itself(peer) || deaf || mute || harmed(peer, &[Harm::Reset]));
    let reason = match lost(side) {
        Lost::Nothing => false,
        // The Close of a clean peer comes before its end of stream, and only the network can take it away.
        Lost::End => harmed(peer, &[Harm::End]) || left,
        // An endpoint ends its stream in order, or resets it.
        Lost::Truncated => harmed(peer, &[Harm::Truncate]),
        // The peer, clean or not, has let go of what it is sent.
        Lost::Reset => harmed(side, &[Harm::Reset, Harm::FailWriting]) || deaf || gave_up(peer) || left,
    };
    law(reason, || format!("not clean, and has no reason of its own; the peer: {:?}", peer.verdict))
}
