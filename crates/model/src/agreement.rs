//! What the ends of two endpoints owe each other.

use adieu_core::{Closed, Initiator};

use crate::{End, Fault, Lost, System, Tail};

/// What the network does to what an endpoint reads.
const OF_READING: &[Fault] = &[Fault::End, Fault::Truncation, Fault::Reset];

fn is_unclean(end: &End) -> bool {
    end.protocol.closed().is_some_and(|verdict| !verdict.clean)
}

/// Not both can have been second.
pub(crate) fn initiators_agree(system: &System) -> bool {
    let second =
        |end: &End| end.protocol.closed().is_some_and(|closed| closed.initiator == Some(Initiator::Peer));
    !system.ends.iter().all(second)
}

/// Who has received a Close has parsed all that was sent before it, and knows of a message that was cut. There is no exception.
pub(crate) fn close_is_last(_: &System, end: &End, peer: &End) -> bool {
    if end.protocol.peer_close().is_none() {
        return true;
    }
    let sent = peer.ghost.accepted - u64::from(peer.ghost.unfinished);
    let cut = |verdict: &Closed| verdict.cut_in == peer.ghost.unfinished;
    end.ghost.parsed == sent && end.protocol.closed().is_none_or(cut)
}

/// Who is not clean has a reason at its own end: its application, a violation, a deadline; else it has lost its transport, in a way that
/// somebody has brought about. That the peer is clean, or that anything went wrong anywhere, is no reason.
pub(crate) fn is_excused(system: &System, end: &End, peer: &End) -> bool {
    if !is_unclean(end) || end.ghost.deeds.end_by_themselves() {
        return true;
    }
    let (here, there) = (system.faults(end.role()), system.faults(peer.role()));
    // The peer has ended, and not cleanly, for what was done to it, and has let go of the transport.
    let left = is_unclean(peer) && (peer.ghost.deeds.end_by_themselves() || there.has(&Fault::LOSSES));
    match end.ghost.deeds.lost {
        Lost::Nothing => false,
        // The Close of a clean peer comes before its end of stream, and only the network can take it away.
        Lost::End { .. } => here.has(&[Fault::End]) || left,
        // An endpoint ends its stream in order, or resets it.
        Lost::Truncated => here.has(&[Fault::Truncation]),
        Lost::Reset => {
            // What the peer reads from is lost: writing to it fails, and the peer lets go, clean or not.
            let deaf = there.has(OF_READING);
            // The peer, clean or not, did not wait for the end of what it is sent, and answers it with a reset.
            let hasty = peer.ghost.deeds.gave_up;
            // What the peer writes to is lost: its writing fails, and it lets go when it has read the Close.
            let mute = is_unclean(peer) && peer.ghost.deeds.lost == Lost::Reset && here.has(OF_READING);
            here.has(&[Fault::Reset, Fault::Write]) || deaf || hasty || mute || left
        }
    }
}

/// Nothing was done to either that keeps an end from being clean. A forged Pong does not.
fn is_undisturbed(system: &System) -> bool {
    let [client, server] = &system.ends;
    let harm = [&Fault::LOSSES[..], &[Fault::Garbage]].concat();
    let calm = |end: &End| end.ghost.deeds.are_in_order() && !system.faults(end.role()).has(&harm);
    calm(client) && calm(server)
}

/// Each tells of the Close that the other sent. Where nothing was done to either both are clean, and tell the same story.
pub(crate) fn verdicts_agree(system: &System) -> bool {
    let [client, server] = &system.ends;
    let (Some(one), Some(other)) = (client.protocol.closed(), server.protocol.closed()) else {
        return true;
    };
    let told = |one: &Closed, other: &Closed| one.received.is_none() || one.received == other.sent;
    if !told(one, other) || !told(other, one) {
        return false;
    }
    if !is_undisturbed(system) {
        return true;
    }
    let answered = system.ends.iter().all(|end| end.ghost.owed == 0);
    let first = [one, other].iter().any(|verdict| verdict.initiator == Some(Initiator::Local));
    answered
        && one.clean
        && other.clean
        && first
        && (one.cut_in, other.cut_in) == (other.cut_out, one.cut_out)
        && system.wires.iter().all(|wire| wire.tail != Tail::Reset && !wire.spilt)
}

/// Rule 11, RFC 6455 §7.1.1: unless the client did not wait, or the network has ended one direction or the other.
pub(crate) fn server_ends_first(system: &System) -> bool {
    let [client, server] = &system.ends;
    let open = |end: &End| system.output(end.role()).tail == Tail::Open;
    let cut = |end: &End| system.faults(end.role()).has(&Fault::LOSSES);
    open(client) || !open(server) || client.ghost.deeds.gave_up || cut(client) || cut(server)
}
