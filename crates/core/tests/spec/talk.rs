//! Two endpoints of this library talk to each other over a transport that cuts everything.

use crate::common;

use adieu_core::handshake::Accept;
use adieu_core::{Cause, Event, Initiator, Message, Role, State, Transport};
use common::{World, close, config};
use proptest::prelude::*;

/// A client and a server that are OPEN, the server's 101 carried to the client.
fn pair(slices: usize) -> (World, World) {
    let plain = config(|c| (c.send_high, c.max_message_len, c.max_frame_len) = (1 << 24, 1 << 24, 1 << 24));
    let mut client = World::any_client(&plain);
    let mut server = World::any_server(&plain);
    (client.slices, server.slices) = (slices, slices);
    server.feed(client.take_request().as_bytes());
    server.conn.accept(server.now, &Accept::new()).expect("a request to accept");
    carry(&mut server, &mut client, usize::MAX, usize::MAX);
    assert_eq!((client.state(), server.state()), (State::Open, State::Open));
    (client, server)
}

/// Writes at most `len` bytes and has them read in pieces; how many it were.
fn carry(from: &mut World, to: &mut World, len: usize, piece: usize) -> usize {
    let before = from.wire.len();
    let mut left = len;
    while left > 0 {
        match from.write(left) {
            0 => break,
            written => left -= written,
        }
    }
    let written = from.wire.split_off(before);
    written.chunks(piece.max(1)).for_each(|piece| to.feed(piece));
    written.len()
}

/// Carries both ways until nothing moves.
fn carry_all(a: &mut World, b: &mut World, lens: &[usize]) {
    let mut idle = 0;
    for len in lens.iter().cycle().map(|len| len.max(&1)) {
        let moved = carry(a, b, *len, len / 3) + carry(b, a, *len, len / 2);
        idle = if moved == 0 { idle + 1 } else { 0 };
        if idle > 1 {
            return;
        }
    }
}

fn messages(w: &World) -> Vec<Message<'static>> {
    let message = |event: &Event<'static>| match event {
        Event::Message(message) => Some(message.clone()),
        _ => None,
    };
    w.events.iter().filter_map(message).collect()
}

/// A message in a few words: text or not, and its length.
type Spec = (bool, usize);

fn spec() -> impl Strategy<Value = Spec> {
    let small = prop_oneof![0..200_usize, Just(125), Just(126), Just(65_535), Just(65_536)];
    (any::<bool>(), prop_oneof![small, 0..100_000_usize])
}

fn build(specs: &[Spec]) -> Vec<Message<'static>> {
    let one = |&(text, len): &Spec| match text {
        true => Message::from("é𝄞x".repeat(len / 7)),
        false => Message::from((0..len).map(|n| n as u8).collect::<Vec<_>>()),
    };
    specs.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    // R6.1-01, R6.1-08
    #[test]
    fn all_messages_arrive_in_order_and_both_verdicts_mirror_each_other(
        ours in proptest::collection::vec(spec(), 0..8),
        theirs in proptest::collection::vec(spec(), 0..8),
        lens in proptest::collection::vec(1..20_000_usize, 1..8),
        slices in prop_oneof![Just(1), Just(2), Just(16)],
        server_closes in any::<bool>(),
        before_close in 0..100_000_usize,
    ) {
        let (client, server) = pair(slices);
        let (mut closer, mut other) = if server_closes { (server, client) } else { (client, server) };
        let (ours, theirs) = (build(&ours), build(&theirs));
        for message in &ours {
            closer.send(message.borrowed()).expect("room");
        }
        for message in &theirs {
            other.send(message.borrowed()).expect("room");
        }
        carry(&mut closer, &mut other, before_close, 1000);
        closer.close(4242, "done");
        carry_all(&mut closer, &mut other, &lens);
        closer.heard();
        other.heard();
        prop_assert_eq!(messages(&other), ours);
        prop_assert_eq!(messages(&closer), theirs);
        let verdicts = (closer.verdict(), other.verdict());
        prop_assert_eq!(&verdicts.0, &common::Expect::answered(close(4242, "done"), close(4242, "done")));
        prop_assert_eq!(&verdicts.1, &common::Expect::echoed(close(4242, "done")));
    }
}

// R5.5.1-08, R7.1.1-03, R7.1.2-02
#[test]
fn server_ends_tcp_first_and_the_client_follows() {
    for client_closes in [false, true] {
        let (mut client, mut server) = pair(4);
        let closer = if client_closes { &mut client } else { &mut server };
        closer.close(1000, "");
        carry_all(&mut client, &mut server, &[100]);
        assert_eq!((client.transport(), server.transport()), (Transport::Open, Transport::ShutdownWrite));
        client.eof();
        assert_eq!(client.transport(), Transport::Close);
        server.eof();
        assert_eq!(server.transport(), Transport::Close);
        assert!(client.verdict().clean && server.verdict().clean);
    }
}

#[test]
fn both_close_at_once_and_both_ends_are_clean() {
    let (mut client, mut server) = pair(4);
    client.close(4001, "client");
    server.close(4002, "server");
    carry_all(&mut client, &mut server, &[1]);
    let (of_client, of_server) = (client.verdict(), server.verdict());
    assert_eq!((&of_client.sent, &of_server.sent), (&of_server.received, &of_client.received));
    for verdict in [of_client, of_server] {
        assert!(verdict.clean);
        assert_eq!((verdict.initiator, verdict.cause), (Some(Initiator::Local), Cause::Handshake));
    }
}

#[test]
fn failure_of_one_end_is_a_close_to_the_other() {
    for role in common::BOTH {
        let (client, server) = pair(4);
        let (mut failing, mut other) = if role == Role::Client { (client, server) } else { (server, client) };
        failing.queue("before");
        failing.conn.fail(failing.now, close(1008, "policy")).expect("a failure");
        carry_all(&mut failing, &mut other, &[7]);
        assert_eq!(failing.cause(), Some(Cause::Failed));
        assert_eq!(messages(&other).len(), 1);
        assert_eq!(other.verdict(), common::Expect::echoed(close(1008, "policy")));
    }
}

#[test]
fn ping_of_one_end_is_answered_by_the_other_and_confirms() {
    let (mut client, mut server) = pair(4);
    for w in [&mut client, &mut server] {
        w.queue("zero");
        w.conn.ping(w.now).expect("a ping");
    }
    carry_all(&mut client, &mut server, &[3]);
    for w in [&mut client, &mut server] {
        assert!(w.heard().contains(&"pong 0".to_owned()));
        assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), Some(0));
    }
}
