//! How connections end.

use std::io::ErrorKind;
use std::time::Duration;

use adieu_tokio::{
    Cause, Close, CloseError, Connect, Initiator, OriginPolicy, Role, SendRefusal, ServerConfig, State,
    Timeout, accept,
};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::peers::{
    AWAY, CLOSE, NORMAL, Raw, TEXT, any, client, config, in_memory, pair, server, server_with_driver,
    serving, soon, tcp, until,
};

#[tokio::test]
async fn s1_a_send_after_our_close_fails_at_once_with_the_message() {
    let (client, server) = pair().await;
    for socket in [&client, &server] {
        let before = socket.state();
        let _ = socket.start_close(Close::new(1000, "").expect("a good code"));
        let refused = socket.send("too late").await.expect_err("refused");
        assert!(matches!(
            refused.refusal,
            SendRefusal::Closing | SendRefusal::Ended | SendRefusal::PeerClosed
        ));
        assert_eq!(refused.message.as_text(), Some("too late"), "{before:?}");
        assert!(socket.try_send("too late").is_err());
    }
}

#[tokio::test]
async fn a1_the_peers_close_is_echoed_while_nobody_receives() {
    let (socket, mut raw) = server(any()).await;
    raw.send(CLOSE, &[0x0F, 0xA0, b'x']).await;
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, vec![0x0F, 0xA0, b'x'])));
    let closed = soon(socket.closed()).await;
    assert!(closed.clean && closed.initiator == Some(Initiator::Peer), "{closed}");
    assert_eq!(soon(raw.end()).await, Ok(()), "the server ends TCP first");
}

#[tokio::test]
async fn a10_replies_to_what_came_before_the_close_go_out_before_the_echo() {
    let (mut socket, mut raw) = server(any()).await;
    let frames = [raw.encode(TEXT, b"1"), raw.encode(TEXT, b"2"), raw.encode(CLOSE, NORMAL)].concat();
    raw.stream.write_all(&frames).await.expect("taken");
    for number in ["1", "2"] {
        let message = soon(socket.recv()).await.expect("a message");
        assert_eq!(message.as_text(), Some(number));
        assert_eq!(socket.state(), State::Open);
        socket.send(message).await.expect("a reply");
    }
    assert!(soon(socket.recv()).await.expect_err("the end").clean);
    for number in [b"1", b"2"] {
        assert_eq!(soon(raw.frame()).await, Some((TEXT, number.to_vec())));
    }
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, NORMAL.to_vec())));
}

// R7.1.1-01
#[tokio::test]
async fn b6_the_verdict_comes_before_tcp_is_over() {
    let patient = serving(|config| config.drain_timeout = Duration::from_secs(3600));
    let (socket, driver, mut raw, _) = server_with_driver(patient).await;
    let driver = tokio::spawn(driver);
    raw.send(CLOSE, NORMAL).await;
    assert!(soon(socket.closed()).await.clean);
    assert_eq!(soon(raw.end()).await, Ok(()), "our side is shut down");
    assert!(!driver.is_finished(), "the peer holds TCP open");
    drop(raw);
    soon(driver).await.expect("no panic");
    assert!(socket.peer_addr().is_err(), "the stream is gone");
}

// R5.5.1-10
#[tokio::test]
async fn rule_11_the_client_waits_for_the_server_to_end_tcp() {
    let (socket, mut raw, _) = client(config(|_| {})).await;
    let closing = tokio::spawn(async move { socket.close(1000, "").await });
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, NORMAL.to_vec())));
    raw.send(CLOSE, NORMAL).await;
    assert!(soon(closing).await.expect("no panic").expect("closed").clean);
    raw.stream.shutdown().await.expect("the server's end");
    assert_eq!(soon(raw.end()).await, Ok(()));
}

#[tokio::test]
async fn b10_a_second_close_says_so_and_both_see_the_verdict() {
    let (client, server) = pair().await;
    let closing = tokio::spawn({
        let sender = client.sender();
        async move { sender.close(4001, "first").await }
    });
    until(|| client.state() != State::Open).await;
    assert_eq!(client.close(4002, "second").await, Err(CloseError::Already));
    let both = soon(client.closed()).await;
    assert_eq!(soon(closing).await.expect("no panic").expect("closed"), both);
    let received = soon(server.closed()).await.received.clone().expect("a Close");
    assert_eq!((received.shown_code(), received.reason()), (4001, "first"));
}

#[tokio::test]
async fn b11_a_close_that_cannot_travel_changes_nothing() {
    let (client, _server) = pair().await;
    assert_eq!(client.close(1005, "").await, Err(CloseError::Code(1005)));
    assert_eq!(client.close(1000, &"x".repeat(124)).await, Err(CloseError::Reason(124)));
    assert_eq!(client.state(), State::Open);
}

#[tokio::test]
async fn b14_a_close_inside_a_fragmented_message_is_refused_and_can_cut() {
    let (client, mut server) = pair().await;
    client.send_fragment("begun", false).await.expect("sent");
    assert_eq!(client.close(1000, "").await, Err(CloseError::MessageUnfinished));
    client.start_close_cutting(Close::EMPTY).expect("cut");
    assert!(soon(client.closed()).await.cut_out);
    assert!(soon(server.recv()).await.expect_err("the end").cut_in);
}

#[tokio::test]
async fn b18_abort_resets() {
    let (socket, mut raw) = server(any()).await;
    socket.abort();
    assert_eq!(soon(socket.closed()).await.cause, Cause::Aborted);
    assert_eq!(soon(raw.end()).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn the_driver_is_done_as_soon_as_the_transport_is() {
    let (socket, driver, _raw) = in_memory(Role::Server, config(|_| {}), 64);
    let driver = tokio::spawn(driver);
    // It waits for its alarm by now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    socket.abort();
    soon(driver).await.expect("no panic");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn b19_dropping_the_handles_closes_with_1001_where_a_driver_lives_on() {
    let (socket, mut raw) = server(any()).await;
    drop(socket);
    let (opcode, payload) = soon(raw.frame()).await.expect("a Close");
    assert_eq!((opcode, &payload[..2]), (CLOSE, AWAY));
    raw.send(CLOSE, AWAY).await;
    assert_eq!(soon(raw.end()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn b19_dropping_the_handles_ends_within_the_bound_with_a_silent_peer() {
    let config = config(|_| {});
    let bound = config.max_close_time();
    let (socket, driver, _raw) = in_memory(Role::Server, config, 1 << 10);
    drop(socket);
    tokio::time::timeout(bound, driver).await.expect("done within the bound");
}

#[tokio::test]
async fn b19_dropping_the_driver_resets() {
    let (socket, driver, mut raw, _) = server_with_driver(any()).await;
    drop(driver);
    assert_eq!(socket.verdict().expect("a verdict").cause, Cause::Aborted);
    assert_eq!(soon(raw.end()).await, Err(ErrorKind::ConnectionReset));
    assert_eq!(socket.send("too late").await.expect_err("refused").refusal, SendRefusal::Ended);
}

#[tokio::test]
async fn b19_dropping_the_driver_after_the_verdict_takes_nothing_back() {
    let (near, far) = tcp().await;
    let connect = Connect::new("ws://localhost/").expect("a good URL");
    let (opened, mut raw) = tokio::join!(connect.over(near), Raw::server(far));
    let (socket, mut driver) = opened.expect("opened");
    raw.send(CLOSE, NORMAL).await;
    assert!(soon(driver.beside(socket.closed())).await.clean);
    drop(driver);
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, NORMAL.to_vec())));
    assert_eq!(soon(raw.end()).await, Ok(()), "an end, and no reset");
}

#[tokio::test]
async fn c5_a_reset_is_told_apart_from_an_end_of_stream() {
    for resets in [true, false] {
        let (mut socket, raw) = server(any()).await;
        if resets {
            raw.reset();
        } else {
            drop(raw);
        }
        let closed = soon(socket.recv()).await.expect_err("the end");
        let end = Cause::EndOfStream { inside_frame: false };
        assert_eq!(closed.cause, if resets { Cause::Reset } else { end });
        assert!(!closed.clean);
        assert_eq!(soon(socket.recv()).await, Err(closed), "again and again");
    }
}

#[tokio::test]
async fn c5_a_reset_that_a_write_learns_first_is_a_reset() {
    let (mut socket, mut driver, mut raw, _) = server_with_driver(any()).await;
    raw.send(TEXT, b"answer me").await;
    let application = async {
        let message = socket.recv().await.expect("a message");
        // This poll has read to the end: it writes before it reads again.
        raw.reset();
        socket.send(message).await.expect("queued");
        socket.closed().await
    };
    let closed = soon(driver.beside(application)).await;
    assert_eq!(closed.cause, Cause::Reset, "{closed}");
}

#[tokio::test]
async fn c6_a_reset_before_our_echo_is_written_is_a_reset_and_keeps_the_close() {
    let (socket, mut raw) = server(serving(|config| config.send_high = 64 << 20)).await;
    // More than the system takes while the peer does not read: the echo stays behind it.
    socket.send(vec![0; 32 << 20]).await.expect("queued");
    raw.send(CLOSE, NORMAL).await;
    soon(until(|| socket.peer_close().is_some())).await;
    raw.reset();
    let closed = soon(socket.closed()).await;
    assert_eq!(closed.cause, Cause::Reset);
    assert_eq!(closed.received, Close::new(1000, "").ok());
    assert!(!closed.flushed && !closed.clean && closed.unsent.messages == 1);
}

#[tokio::test]
async fn s5_messages_before_the_end_are_received_first() {
    let (mut socket, mut raw) = server(any()).await;
    for number in [b"1", b"2", b"3"] {
        raw.send(TEXT, number).await;
    }
    drop(raw);
    soon(socket.closed()).await;
    for number in ["1", "2", "3"] {
        assert_eq!(soon(socket.recv()).await.expect("a message").as_text(), Some(number));
    }
    assert!(soon(socket.recv()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn b5_a_peer_that_never_answers_our_close_is_given_up() {
    let config = config(|_| {});
    let timeout = config.close_timeout;
    let (socket, driver, _raw) = in_memory(Role::Client, config, 1 << 10);
    let driver = tokio::spawn(driver);
    // The driver's alarm is set, for the first keepalive: it has to be set to something earlier.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let closed = soon(socket.close(1000, "")).await.expect("closed");
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Close));
    let took = begun.elapsed();
    assert!(took >= timeout && took < timeout + Duration::from_millis(10), "{took:?}");
    soon(driver).await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn f9_a_peer_that_does_not_read_is_given_up() {
    let (socket, driver, _raw) = in_memory(Role::Server, config(|_| {}), 16);
    tokio::spawn(driver);
    socket.send(vec![0; 100]).await.expect("queued");
    let closed = soon(socket.closed()).await;
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Write));
    assert_eq!(closed.unsent.messages, 1);
}

#[tokio::test(start_paused = true)]
async fn f7_a_peer_that_goes_silent_is_noticed() {
    let (socket, driver, mut raw) = in_memory(Role::Server, config(|_| {}), 1 << 10);
    tokio::spawn(driver);
    let closed = soon(socket.closed()).await;
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Pong));
    assert_eq!(soon(raw.frame()).await.expect("a ping").0, crate::peers::PING);
    assert_eq!(soon(raw.frame()).await.expect("a Close").0, CLOSE);
}

#[tokio::test(start_paused = true)]
async fn the_driver_can_move_to_another_task_while_its_alarm_is_set() {
    let (socket, mut driver, _raw) = in_memory(Role::Server, config(|_| {}), 1 << 10);
    driver.beside(tokio::time::sleep(Duration::from_secs(1))).await;
    tokio::spawn(driver);
    let closed = soon(socket.closed()).await;
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Pong));
}

// R4.2.2-03
#[tokio::test]
async fn n8_a_refused_origin_is_the_libraries_answer() {
    let (near, far) = tcp().await;
    let policy = OriginPolicy::List(vec!["https://example.com".into()]);
    let accepting = tokio::spawn(accept(far, std::sync::Arc::new(ServerConfig::new(policy))));
    let mut raw = near;
    let request = String::from_utf8_lossy(crate::peers::REQUEST)
        .replace("\r\n\r\n", "\r\nOrigin: https://elsewhere.example\r\n\r\n");
    raw.write_all(request.as_bytes()).await.expect("taken");
    assert!(soon(crate::peers::read_head(&mut raw)).await.starts_with("HTTP/1.1 403 "));
    drop(raw);
    soon(accepting).await.expect("no panic").expect_err("refused");
}
