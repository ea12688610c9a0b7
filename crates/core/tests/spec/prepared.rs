//! Messages that are prepared for many receivers.

use std::sync::Arc;

use adieu_core::{
    Backlog, Close, Config, Connection, Event, Instant, Message, Prepared, Role, SendRefusal, Ticket, Unsent,
};

const NOW: Instant = Instant::EPOCH;

/// Around the lengths from which on a payload is referred to, and a block ends.
const LENS: [usize; 9] = [0, 1, 125, 126, 32_763, 32_764, 65_535, 65_536, 200_000];

fn open(role: Role, change: impl FnOnce(&mut Config)) -> Connection {
    let mut config = Config::default();
    change(&mut config);
    Connection::open(role, Arc::new(config), [7; 32], NOW)
}

/// All that it writes.
fn written(connection: &mut Connection) -> Vec<u8> {
    let mut wire = Vec::new();
    while connection.wants_output() {
        let mut slices = [&[][..]; 2];
        let count = connection.transmit(NOW, &mut slices);
        let bytes = slices[..count].concat();
        connection.handle_written(NOW, bytes.len());
        wire.extend(bytes);
    }
    wire
}

/// What the other role makes of it.
fn received(role: Role, mut wire: Vec<u8>) -> Vec<Message<'static>> {
    let mut receiver = open(role, |config| config.close_linger = std::time::Duration::ZERO);
    let (mut input, mut messages) = (&mut wire[..], Vec::new());
    while let Some(event) = receiver.handle_input(NOW, &mut input) {
        if let Event::Message(message) = event {
            messages.push(message.into_owned());
        }
    }
    messages
}

fn binary(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_prepared_message_is_written_as_if_it_were_sent() {
    for len in LENS {
        let (payload, text) = (binary(len), "é".repeat(len / 2));
        let (mut one, mut other) = (open(Role::Server, |_| {}), open(Role::Server, |_| {}));
        for round in 0..3 {
            let sent = [one.send(NOW, &payload[..]).ok(), one.send(NOW, text.as_str()).ok()];
            let prepared = [Prepared::binary(&payload), Prepared::text(&text)];
            let tickets = prepared.map(|message| other.send_prepared(NOW, &message).ok());
            assert_eq!(sent, tickets);
            assert_eq!(tickets, [Some(Ticket(2 * round)), Some(Ticket(2 * round + 1))]);
        }
        assert_eq!(one.buffered(), other.buffered());
        assert_eq!(written(&mut one), written(&mut other), "{len} bytes");
    }
}

#[test]
fn a_clients_connection_masks_a_copy() {
    for len in LENS {
        let message = Prepared::binary(&binary(len));
        let mut client = open(Role::Client, |_| {});
        for _ in 0..2 {
            client.send_prepared(NOW, &message).expect("it is open");
        }
        let wire = written(&mut client);
        assert_eq!(received(Role::Server, wire), vec![Message::from(binary(len)); 2]);
        assert_eq!(message.payload(), binary(len));
    }
}

#[test]
fn it_keeps_its_place_between_other_messages() {
    let mut server = open(Role::Server, |_| {});
    let mut expected = Vec::new();
    for len in LENS {
        server.send_prepared(NOW, &Prepared::binary(&binary(len))).expect("it is open");
        server.send(NOW, "between").expect("it is open");
        server.send(NOW, binary(len)).expect("it is open");
        expected.extend([binary(len).into(), Message::from("between"), binary(len).into()]);
    }
    let wire = written(&mut server);
    assert!(received(Role::Client, wire) == expected);
}

#[test]
fn a_large_payload_is_referred_to_and_a_small_one_is_not() {
    for (len, shared) in [(100, false), (200_000, true)] {
        let message = Prepared::binary(&binary(len));
        let mut server = open(Role::Server, |_| {});
        server.send_prepared(NOW, &message).expect("it is open");
        let mut slices = [&[][..]; 2];
        let count = server.transmit(NOW, &mut slices);
        let refers = slices[..count].iter().any(|slice| slice.as_ptr() == message.payload().as_ptr());
        assert_eq!(refers, shared, "{len} bytes");
    }
}

#[test]
fn what_is_refused_changes_nothing_and_what_is_left_is_told() {
    let message = Prepared::binary(&binary(20_000));
    let mut server = open(Role::Server, |config| (config.send_high, config.send_low) = (30_000, 10_000));
    for _ in 0..2 {
        server.send_prepared(NOW, &message).expect("there is room");
    }
    let buffered = server.buffered();
    assert_eq!(server.send_prepared(NOW, &message), Err(SendRefusal::Full));
    assert_eq!(server.buffered(), buffered);
    let mut slices = [&[][..]; 2];
    server.transmit(NOW, &mut slices);
    server.handle_written(NOW, 20_004 + 3);
    server.handle_eof(NOW);
    assert_eq!(server.send_prepared(NOW, &message), Err(SendRefusal::Ended));
    let Unsent { first, messages, bytes, .. } = server.closed().expect("it has ended").unsent;
    assert_eq!((first, messages, bytes), (Some(Ticket(1)), 1, 20_000));
}

#[test]
fn inside_a_fragmented_message_it_is_refused() {
    let mut server = open(Role::Server, |_| {});
    server.send_fragment(NOW, "begun", false).expect("it is open");
    assert_eq!(server.send_prepared(NOW, &Prepared::text("no")), Err(SendRefusal::MessageUnfinished));
}

/// A connection whose peer takes nothing, with room for one message.
fn slow() -> Connection {
    open(Role::Server, |config| (config.send_high, config.send_low) = (10, 0))
}

/// Ten messages for a slow receiver: how many were dropped, and what it gets in the end.
fn ten(limit: usize) -> (usize, Vec<Message<'static>>) {
    let (mut server, mut backlog) = (slow(), Backlog::default());
    let mut dropped = 0;
    for number in 0..10 {
        let message = Prepared::text(&format!("message {number}"));
        let sent = backlog.send(&message, limit, |message| server.send_prepared(NOW, message));
        dropped += sent.expect("it is open");
        assert!(backlog.len() <= limit && server.buffered() <= 2 * 11);
    }
    let mut wire = written(&mut server);
    while server.poll_event(NOW).is_some_and(|event| event == Event::Drained) {
        backlog.resume(|message| server.send_prepared(NOW, message)).expect("it is open");
        wire.extend(written(&mut server));
    }
    assert!(backlog.is_empty());
    (dropped, received(Role::Client, wire))
}

#[test]
fn a_slow_receiver_misses_the_oldest_that_wait_or_all_while_it_is_slow() {
    let messages =
        |numbers: &[usize]| numbers.iter().map(|n| format!("message {n}").into()).collect::<Vec<_>>();
    assert_eq!(ten(0), (9, messages(&[0])));
    assert_eq!(ten(3), (6, messages(&[0, 7, 8, 9])));
    assert_eq!(ten(100), (0, messages(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])));
}

#[test]
fn pongs_and_the_close_pass_a_receiver_that_is_slow() {
    let (mut server, mut backlog) = (slow(), Backlog::default());
    for _ in 0..5 {
        let sent = backlog.send(&Prepared::text("message"), 2, |message| server.send_prepared(NOW, message));
        sent.expect("it is open");
    }
    server.handle_ahead(NOW, &mut [0x89, 0x81, 0, 0, 0, 0, b'p']);
    server.close(NOW, Close::new(1013, "too slow").expect("it may travel")).expect("it is open");
    let refused = backlog.send(&Prepared::text("late"), 2, |message| server.send_prepared(NOW, message));
    assert_eq!((refused, backlog.len()), (Err(SendRefusal::Closing), 0));
    let wire = written(&mut server);
    assert!(wire.starts_with(&[0x8A, 1, b'p']), "the Pong goes ahead");
    assert!(wire.ends_with(b"too slow"), "the Close goes behind what was queued");
}

#[test]
fn a_backlog_waits_while_a_fragmented_message_is_unfinished() {
    let mut connection = open(Role::Server, |config| (config.send_high, config.send_low) = (100, 10));
    connection.send_fragment(NOW, &[1; 100][..], false).expect("room");
    let (mut backlog, news) = (Backlog::default(), Prepared::text("news"));
    for _ in 0..5 {
        assert_eq!(backlog.send(&news, 10, |news| connection.send_prepared(NOW, news)), Ok(0));
    }
    written(&mut connection);
    assert_eq!(backlog.resume(|news| connection.send_prepared(NOW, news)), Ok(()));
    assert_eq!(backlog.len(), 5, "nothing is lost on a connection that goes on");
    connection.send_fragment(NOW, &[2][..], true).expect("room");
    assert_eq!(backlog.resume(|news| connection.send_prepared(NOW, news)), Ok(()));
    assert!(backlog.is_empty());
}
