//! The protocol without the connection around it, as one drives it who keeps the bytes.

use crate::common;

use std::sync::Arc;

use adieu_core::lifecycle::{Phase, Role};
use adieu_core::protocol::Protocol;
use adieu_core::{Connection, Kind, SendRefusal, State};
use common::{BOTH, Peer, START, close, config};

fn open(role: Role) -> Protocol {
    let mut protocol = Protocol::new(role, Arc::new(config(|_| ())), START);
    protocol.handle_opened(START);
    protocol
}

/// The protocol takes what the peer sends, to its end.
fn read(protocol: &mut Protocol, mut bytes: Vec<u8>) {
    let mut input = &mut bytes[..];
    while protocol.receive(START, &mut input).is_some() {}
}

#[test]
fn close_that_the_caller_has_not_queued_is_not_flushed_with_what_was_before_it() {
    for role in BOTH {
        let mut protocol = open(role);
        protocol.send(START, Kind::Text, true, false).expect("a message that is taken");
        protocol.handle_queued(START, 10, 4);
        protocol.handle_committed(0, protocol.buffered());
        protocol.close(START, close(1000, "bye"), false).expect("a close that is taken");
        protocol.handle_written(START, 10, false);
        assert_eq!((protocol.phase(), protocol.buffered()), (Phase::CloseQueued, 0));
        assert_eq!(protocol.take_close(), Some(&close(1000, "bye")));
        assert_eq!(protocol.take_close(), None, "it is to be queued once");
        protocol.handle_queued(START, 9, 0);
        protocol.handle_committed(0, protocol.buffered());
        protocol.handle_written(START, 9, false);
        assert_eq!(protocol.phase(), Phase::CloseSent);
        read(&mut protocol, Peer::of(role).close(1000, ""));
        let verdict = protocol.closed().expect("a verdict");
        assert!(verdict.clean && verdict.flushed, "{verdict}");
        assert_eq!(verdict.unsent.messages, 0);
    }
}

#[test]
fn protocol_is_plain_data_and_a_connection_is_small_and_may_move_between_threads() {
    const fn plain<T: Clone + Eq + core::hash::Hash + core::fmt::Debug>() {}
    const fn moves<T: Send + Sync + core::fmt::Debug>() {}
    plain::<Protocol>();
    plain::<Phase>();
    moves::<Connection>();
    assert!(size_of::<Connection>() <= 384, "{}", size_of::<Connection>());
}

#[test]
fn rule6_close_behind_what_still_waits_takes_effect_when_receiving_is_given_up() {
    for role in BOTH {
        let mut protocol = open(role);
        protocol.held(START, 100);
        read(&mut protocol, Peer::of(role).close(1001, ""));
        assert_eq!((protocol.phase(), protocol.state()), (Phase::CloseNoted, State::Open));
        protocol.ask(START);
        assert_eq!(protocol.phase(), Phase::CloseNoted, "the application still wants what waits");
        protocol.stop_receiving(START);
        assert_eq!(protocol.phase(), Phase::Answering);
        assert_eq!(protocol.refusal(), Some(SendRefusal::PeerClosed));
        assert_eq!(protocol.take_close(), Some(&close(1001, "")));
    }
}
