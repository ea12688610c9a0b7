//! Messages and pings, to and fro.

use std::collections::HashMap;

use adieu_tokio::{Cause, Message, Role, State, accept, open};
use futures_util::{SinkExt, StreamExt};
use tokio::io::duplex;
use tokio::sync::oneshot;

use crate::peers::{PING, PONG, TEXT, any, config, echo, pair, server, soon};

// R6.1-08
#[tokio::test]
async fn messages_come_back_over_tcp_from_either_role() {
    for client_echoes in [false, true] {
        let (client, server) = pair().await;
        let (one, mut other) = if client_echoes { (client, server) } else { (server, client) };
        let echoing = tokio::spawn(echo(one));
        for len in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            other.send("é".repeat(len / 2)).await.expect("sent");
            other.send(vec![7; len]).await.expect("sent");
            let text = soon(other.recv()).await.expect("the text");
            assert_eq!(text.as_text(), Some("é".repeat(len / 2).as_str()));
            assert_eq!(soon(other.recv()).await.expect("the bytes"), Message::from(vec![7; len]));
        }
        let closed = soon(other.close(1000, "bye")).await.expect("closed");
        assert!(closed.clean && closed.cause == Cause::Handshake, "{closed}");
        assert!(soon(echoing).await.expect("no panic").clean);
    }
}

#[tokio::test]
async fn messages_come_back_over_a_stream_in_memory_of_any_size() {
    for len in [1, 7, 64, 100_000] {
        let (near, far) = duplex(len);
        let (mut client, driver) = open(Role::Client, near, config(|_| {}), &mut []);
        tokio::spawn(driver);
        let (server, driver) = open(Role::Server, far, config(|_| {}), &mut []);
        tokio::spawn(driver);
        let echoing = tokio::spawn(echo(server));
        for number in 0..50_u8 {
            client.send(vec![number; usize::from(number) * 7]).await.expect("sent");
        }
        for number in 0..50_u8 {
            let message = soon(client.recv()).await.expect("a message");
            assert_eq!(message.as_bytes(), vec![number; usize::from(number) * 7]);
        }
        assert!(soon(client.close(1000, "")).await.expect("closed").clean);
        soon(echoing).await.expect("no panic");
    }
}

#[tokio::test]
async fn bytes_that_came_with_the_upgrade_are_received() {
    let (near, _far) = duplex(64);
    let mut leftover = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
    let (mut socket, mut driver) = open(Role::Server, near, config(|_| {}), &mut leftover);
    let message = soon(driver.beside(socket.recv())).await.expect("the message");
    assert_eq!(message.as_text(), Some("hi"));
}

#[tokio::test]
async fn fragments_make_one_message() {
    let (client, mut server) = pair().await;
    let tickets = [
        client.send_fragment("one ", false).await.expect("sent"),
        client.send_fragment("two ", false).await.expect("sent"),
        client.send_fragment("three", true).await.expect("sent"),
    ];
    assert_eq!(soon(server.recv()).await.expect("a message").as_text(), Some("one two three"));
    assert!(tickets[0] == tickets[1] && tickets[1] == tickets[2]);
}

#[tokio::test]
async fn a_message_can_be_received_in_parts() {
    let (near, far) = duplex(1 << 10);
    let (client, driver) = open(Role::Client, near, config(|_| {}), &mut []);
    tokio::spawn(driver);
    let (mut server, driver) = open(Role::Server, far, config(|config| config.chunks = true), &mut []);
    tokio::spawn(driver);
    client.send(vec![5; 10_000]).await.expect("sent");
    let mut payload = Vec::new();
    loop {
        let chunk = soon(server.recv_chunk()).await.expect("a part");
        assert_eq!(chunk.start, payload.is_empty());
        payload.extend_from_slice(&chunk.payload);
        if chunk.end {
            break;
        }
    }
    assert_eq!(payload, vec![5; 10_000]);
}

#[tokio::test]
async fn stream_and_sink_carry_messages_and_close() {
    let (client, server) = pair().await;
    let (sink, stream) = server.split();
    let echoing = tokio::spawn(stream.map(Ok).forward(sink));
    let (mut sink, mut stream) = client.split();
    for number in 0..100 {
        sink.feed(Message::from(format!("{number}"))).await.expect("taken");
    }
    sink.flush().await.expect("flushed");
    for number in 0..100 {
        let message = soon(stream.next()).await.expect("a message");
        assert_eq!(message.as_text(), Some(format!("{number}").as_str()));
    }
    soon(sink.close()).await.expect("closed");
    assert!(soon(stream.next()).await.is_none());
    let socket = stream.reunite(sink).expect("the two halves of one");
    assert!(socket.verdict().expect("a verdict").clean);
    assert!(soon(echoing).await.expect("no panic").is_ok());
}

#[tokio::test]
async fn a_ping_is_answered_while_the_application_awaits_something_else() {
    let (socket, mut raw) = server(any()).await;
    let (release, busy) = oneshot::channel::<()>();
    let application = tokio::spawn(async move {
        let _ = busy.await;
        socket.state()
    });
    raw.send(PING, b"are you there?").await;
    assert_eq!(soon(raw.frame()).await, Some((PONG, b"are you there?".to_vec())));
    release.send(()).expect("it waits");
    assert_eq!(application.await.expect("no panic"), State::Open);
}

#[tokio::test]
async fn a_ping_is_answered_while_a_message_waits_unread() {
    let (_socket, mut raw) = server(any()).await;
    raw.send(TEXT, b"unread").await;
    raw.send(PING, b"1").await;
    assert_eq!(soon(raw.frame()).await, Some((PONG, b"1".to_vec())));
}

#[tokio::test]
async fn ping_resolves_while_nobody_receives_and_confirms_what_was_sent() {
    let (client, server) = pair().await;
    let ticket = client.send("one").await.expect("sent");
    soon(client.ping()).await.expect("a pong");
    assert_eq!(client.confirmed(), Some(ticket));
    soon(server.ping()).await.expect("a pong");
    let (one, two) = soon(async { tokio::join!(server.ping(), server.ping()) }).await;
    assert!(one.is_ok() && two.is_ok());
}

#[tokio::test]
async fn a_ping_that_is_not_answered_fails_with_the_verdict() {
    let (socket, mut raw) = server(any()).await;
    let pinging = tokio::spawn(async move { socket.ping().await });
    assert_eq!(soon(raw.frame()).await.expect("the ping").0, PING);
    drop(raw);
    let failed = soon(pinging).await.expect("no panic").expect_err("no pong");
    assert!(matches!(failed, adieu_tokio::PingFailed::Closed(closed) if !closed.clean));
}

#[tokio::test]
async fn the_end_is_noticed_while_the_application_awaits_something_else() {
    let (socket, raw) = server(any()).await;
    let sender = socket.sender();
    drop(raw);
    let closed = soon(sender.closed()).await;
    assert_eq!(closed.cause, Cause::EndOfStream { inside_frame: false });
    assert_eq!(socket.state(), State::Closed);
}

#[tokio::test]
async fn handles_have_the_id_of_their_connection() {
    let ((one, _one), (other, _other)) = (server(any()).await, server(any()).await);
    let mut users = HashMap::from([(one.id(), one.sender()), (other.id(), other.sender())]);
    assert_eq!(users.len(), 2);
    assert!(users.remove(&one.sender().clone().id()).is_some_and(|sender| sender.id() == one.id()));
    assert!(!users.contains_key(&one.id()) && users.contains_key(&other.id()));
}

#[tokio::test]
async fn an_unsolicited_pong_goes_out() {
    let (socket, mut raw) = server(any()).await;
    socket.pong(b"still here").expect("queued");
    assert_eq!(soon(raw.frame()).await, Some((PONG, b"still here".to_vec())));
}

#[tokio::test]
async fn a_client_that_never_sends_a_request_is_refused_in_time() {
    let (_near, far) = duplex(1 << 10);
    tokio::time::pause();
    let refused = soon(accept(far, any())).await.expect_err("no request");
    let timeout = Cause::Timeout(adieu_tokio::Timeout::Handshake);
    let adieu_tokio::HandshakeError::Closed(closed) = refused else { panic!("{refused}") };
    assert_eq!(closed.cause, timeout);
}
