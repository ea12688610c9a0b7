//! What holds in every state.

use adieu_core::lifecycle::Phase;
use adieu_core::protocol::Protocol;
use adieu_core::{Cause, Closed, Initiator, State, Ticket};
use stateright::Property;

use crate::agreement::{close_is_last, initiators_agree, is_excused, server_ends_first, verdicts_agree};
use crate::{End, Fault, Ghost, Lifecycle, Rule, Setup, System};

type Condition = fn(&Lifecycle, &System) -> bool;

/// What the rules on steps are called.
const STEPS: [(&str, Condition); 18] = [
    ("a verdict stays", |_, s| !s.broken.has(Rule::VerdictStays)),
    ("states and levels go forward", |_, s| !s.broken.has(Rule::Forward)),
    ("a refused call changes nothing", |_, s| !s.broken.has(Rule::RefusalChangesNothing)),
    ("nothing is told after Closed", |_, s| !s.broken.has(Rule::NothingAfterClosed)),
    ("what arrived is told before what ended it", |_, s| !s.broken.has(Rule::ToldInOrder)),
    ("Closing is told once", |_, s| !s.broken.has(Rule::ClosingOnce)),
    ("one Close is queued", |_, s| !s.broken.has(Rule::CloseOnce)),
    ("no data and no Ping behind our Close", |_, s| !s.broken.has(Rule::NothingQueuedAfterClose)),
    ("only Pongs are written behind a Close", |_, s| !s.broken.has(Rule::OnlyPongsBehindClose)),
    ("no new Pong after the peer's Close", |_, s| !s.broken.has(Rule::NothingNewAfterPeersClose)),
    ("messages are admitted in OPEN only", |_, s| !s.broken.has(Rule::SendInOpenOnly)),
    ("no data from behind a Close", |_, s| !s.broken.has(Rule::NoDataBehindClose)),
    ("a Ping before the Close is answered", |_, s| !s.broken.has(Rule::PingAnswered)),
    ("a Ping is answered once", |_, s| !s.broken.has(Rule::PongIsOwed)),
    ("after a timeout nothing is due", |_, s| !s.broken.has(Rule::TimeoutActs)),
    ("an abort resets", |_, s| !s.broken.has(Rule::AbortResets)),
    ("a write error ends sending only", |_, s| !s.broken.has(Rule::WriteErrorMutes)),
    ("an end behind what is noted is nothing", |_, s| !s.broken.has(Rule::EndBehindNoted)),
];

/// What every state is asked.
const STATES: [(&str, Condition); 22] = [
    ("CLOSED comes within max_close_time", |_, s| s.ends.iter().all(|end| is_in_time(s, end))),
    ("what is noted takes effect within close_linger", |_, s| {
        s.ends.iter().all(|end| is_noted_in_time(s, end))
    }),
    ("the transport is done with in time", |_, s| s.ends.iter().all(|end| is_over_in_time(s, end))),
    ("what has begun to end goes on", |_, s| s.ends.iter().all(goes_on)),
    ("what waits to be written has a deadline", |_, s| s.ends.iter().all(writing_is_watched)),
    ("owed Pongs are kept until the Close", |_, s| s.ends.iter().all(keeps_promises)),
    ("counts are right while it is open", |_, s| s.ends.iter().all(counts)),
    ("confirmed is committed", |_, s| s.ends.iter().all(confirmed_is_committed)),
    ("confirmed is parsed", |_, s| of_both(s, confirmed_is_parsed)),
    ("what is parsed was shipped", |_, s| of_both(s, parsed_is_shipped)),
    ("what is received was sent", |_, s| of_both(s, received_is_sent)),
    ("a Close that was parsed was flushed", |m, s| m.setup.late || of_both(s, received_is_flushed)),
    ("unsent is what was not written", |_, s| of_verdicts(s, unsent)),
    ("undelivered is what was dropped", |_, s| of_verdicts(s, undelivered)),
    ("clean is both Closes", |_, s| of_verdicts(s, clean)),
    ("the initiator has a Close to show", |_, s| of_verdicts(s, initiator)),
    ("initiators agree", |_, s| initiators_agree(s)),
    ("a cause is what was done to this end", |_, s| of_verdicts(s, cause)),
    ("who is not clean has its own reason", |_, s| of_both(s, is_excused)),
    ("a Close is behind all that was sent", |_, s| of_both(s, close_is_last)),
    ("verdicts agree", |_, s| verdicts_agree(s)),
    ("a server ends the transport first", |_, s| server_ends_first(s)),
];

/// The properties of a setup.
pub(crate) fn of(setup: &Setup) -> Vec<Property<Lifecycle>> {
    let always = STEPS.iter().chain(&STATES).map(|&(name, condition)| Property::always(name, condition));
    let sights = setup.sights.iter().map(|sight| Property::sometimes(sight.name(), sight.condition()));
    always.chain(sights).collect()
}

fn of_both(system: &System, holds: fn(&System, &End, &End) -> bool) -> bool {
    let [client, server] = &system.ends;
    holds(system, client, server) && holds(system, server, client)
}

fn of_verdicts(system: &System, holds: fn(&System, &End, &Closed) -> bool) -> bool {
    system.ends.iter().all(|end| end.protocol.closed().is_none_or(|verdict| holds(system, end, verdict)))
}

const fn is_done(protocol: &Protocol) -> bool {
    matches!(protocol.phase(), Phase::Done | Phase::Cut)
}

fn number(ticket: Option<Ticket>) -> u64 {
    ticket.map_or(0, |ticket| ticket.0 + 1)
}

// ---- time

/// Rule 8: from the beginning of the end there is a deadline, and none later than the bound.
fn is_in_time(system: &System, end: &End) -> bool {
    let Some(end_by) = end.ghost.end_by.filter(|_| end.protocol.state() != State::Closed) else {
        return true;
    };
    system.now <= end_by && end.protocol.deadline().is_some_and(|deadline| deadline <= end_by)
}

/// Rule 6: a Close or a violation does not wait for longer than that behind messages.
fn is_noted_in_time(system: &System, end: &End) -> bool {
    let noted = matches!(end.protocol.phase(), Phase::CloseNoted | Phase::FaultNoted);
    let Some(end_by) = end.ghost.end_by.filter(|_| noted) else { return true };
    let config = end.protocol.config();
    let bound = config.max_close_time() - config.close_linger.min(config.max_close_time());
    system.now + bound <= end_by && end.protocol.deadline().is_some_and(|deadline| deadline + bound <= end_by)
}

/// Rule 11: from the verdict on, the same for the transport.
fn is_over_in_time(system: &System, end: &End) -> bool {
    let Some(over_by) = end.ghost.over_by.filter(|_| !is_done(&end.protocol)) else { return true };
    system.now <= over_by && end.protocol.deadline().is_some_and(|deadline| deadline <= over_by)
}

/// No deadlock: whatever the peer and the network do, there is a next thing, or nothing is left to be done.
fn goes_on(end: &End) -> bool {
    let over = end.is_over() || is_done(&end.protocol);
    !end.is_ending() || over || end.protocol.deadline().is_some()
}

fn writing_is_watched(end: &End) -> bool {
    !end.wants_output() || end.protocol.deadline().is_some()
}

// ---- frames and counts

fn keeps_promises(end: &End) -> bool {
    let protocol = &end.protocol;
    end.ghost.owed == 0 || protocol.has_urgent() || !protocol.writes()
}

fn counts(end: &End) -> bool {
    let queued: usize = end.queue.iter().map(crate::Frame::size).sum();
    let waits = end.protocol.writes();
    !waits || end.protocol.buffered() + end.written == queued
}

/// Rule 13.
fn confirmed_is_committed(end: &End) -> bool {
    number(end.protocol.confirmed()) <= end.ghost.committed
}

/// Rule 13, with a peer that sends no Pong of its own invention.
fn confirmed_is_parsed(system: &System, end: &End, peer: &End) -> bool {
    system.faults(end.role()).has(&[Fault::Pong]) || number(end.protocol.confirmed()) <= peer.ghost.parsed
}

fn parsed_is_shipped(_: &System, end: &End, peer: &End) -> bool {
    end.ghost.parsed <= peer.ghost.shipped
}

fn received_is_sent(_: &System, end: &End, peer: &End) -> bool {
    end.protocol.peer_close().is_none_or(|close| peer.ghost.close.as_ref() == Some(close))
}

fn received_is_flushed(system: &System, end: &End, peer: &End) -> bool {
    let role = peer.protocol.role();
    end.protocol.peer_close().is_none()
        || (system.output(role).closed && peer.protocol.closed().is_none_or(|verdict| verdict.flushed))
}

// ---- verdicts

fn unsent(_: &System, end: &End, verdict: &Closed) -> bool {
    let Ghost { accepted, written, unwritten_len, .. } = end.ghost;
    let unsent = &verdict.unsent;
    let first = if accepted > written { written + 1 } else { 0 };
    (unsent.messages, unsent.bytes, number(unsent.first)) == (accepted - written, unwritten_len, first)
}

fn undelivered(_: &System, end: &End, verdict: &Closed) -> bool {
    let undelivered = &verdict.undelivered;
    (undelivered.messages, undelivered.bytes) == (end.ghost.dropped, end.ghost.dropped_len)
}

fn clean(_: &System, end: &End, verdict: &Closed) -> bool {
    let both = verdict.sent.is_some() && verdict.received.is_some();
    // Ordered and decided in one call: a Close that was never taken for the queue.
    let ordered = end.ghost.close.is_none() && !verdict.flushed && matches!(verdict.cause, Cause::Timeout(_));
    let same = (ordered || verdict.sent == end.ghost.close)
        && verdict.received.as_ref() == end.protocol.peer_close();
    let complete = verdict.cause != Cause::Handshake || verdict.clean;
    same && complete && verdict.clean == (both && verdict.flushed)
}

fn cause(_: &System, end: &End, verdict: &Closed) -> bool {
    end.ghost.deeds.are_named(verdict)
}

fn initiator(_: &System, _: &End, verdict: &Closed) -> bool {
    match verdict.initiator {
        Some(Initiator::Local) => verdict.sent.is_some(),
        Some(Initiator::Peer) => verdict.received.is_some(),
        None => verdict.sent.is_none() && verdict.received.is_none(),
        Some(_) => false,
    }
}
