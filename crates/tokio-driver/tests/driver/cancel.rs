//! S7: futures that are polled a few times and dropped. Nothing is lost, nothing is doubled.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use adieu_tokio::{Closed, Message, Role, State, Transport, WebSocket, open};
use tokio::io::duplex;

use crate::peers::{Raw, TEXT, config, pair, soon, tcp};

/// Polls `work` up to `polls` times, then drops it.
async fn briefly<F: Future>(polls: usize, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    for _ in 0..polls {
        let polled = std::future::poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Sends `count` numbered messages, giving up every `send` that is not done after `polls` polls, and trying again.
async fn send_all<S: Transport>(socket: &WebSocket<S>, count: usize, polls: usize) {
    for number in 0..count {
        let message = vec![u8::try_from(number % 251).expect("a byte"); number * 3];
        loop {
            match briefly(polls, socket.send(&message[..])).await {
                Some(sent) => {
                    sent.expect("sent");
                    break;
                }
                None => tokio::task::yield_now().await,
            }
        }
    }
}

async fn receive_all<S: Transport>(socket: &mut WebSocket<S>, count: usize, polls: usize) {
    for number in 0..count {
        let message = loop {
            if let Some(received) = briefly(polls, socket.recv()).await {
                break received.expect("a message");
            }
        };
        let byte = u8::try_from(number % 251).expect("a byte");
        assert_eq!(message, Message::from(vec![byte; number * 3]), "message {number}");
    }
}

/// What is sent with cancelled sends arrives with cancelled receives.
async fn transfer<S: Transport + Send + 'static>(near: S, far: S, polls: usize) {
    const COUNT: usize = 300;
    let small = config(|config| (config.send_high, config.inbox_len, config.read_len) = (500, 300, 100));
    let (mut client, driver) = open(Role::Client, near, small.clone(), &mut []);
    tokio::spawn(driver);
    let (mut server, driver) = open(Role::Server, far, small, &mut []);
    tokio::spawn(driver);
    soon(async { tokio::join!(send_all(&client, COUNT, polls), receive_all(&mut server, COUNT, polls)) })
        .await;
    soon(async { tokio::join!(send_all(&server, COUNT, polls), receive_all(&mut client, COUNT, polls)) })
        .await;
    let (closed, end) = soon(async { tokio::join!(client.close(1000, ""), server.recv()) }).await;
    let closed: Box<Closed> = closed.expect("closed");
    assert!(end.is_err(), "nothing more arrives");
    assert!(closed.clean && closed.unsent.messages == 0, "{closed}");
}

#[tokio::test]
async fn s7_cancelled_sends_and_receives_lose_and_double_nothing_in_memory() {
    for polls in [1, 2, 3] {
        let (near, far) = duplex(64);
        transfer(near, far, polls).await;
    }
}

#[tokio::test]
async fn s7_cancelled_sends_and_receives_lose_and_double_nothing_over_tcp() {
    for polls in [1, 2, 3] {
        let (near, far) = tcp().await;
        transfer(near, far, polls).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_holds_on_several_threads() {
    let (near, far) = tcp().await;
    transfer(near, far, 2).await;
}

#[tokio::test]
async fn s7_a_receive_that_is_dropped_leaves_the_message_to_the_next() {
    let (_, mut server) = {
        let (client, mut server) = pair().await;
        assert!(briefly(3, server.recv()).await.is_none());
        client.send("for the next").await.expect("sent");
        client.ping().await.expect("it has arrived");
        (client, server)
    };
    assert_eq!(soon(server.recv()).await.expect("the message").as_text(), Some("for the next"));
}

#[tokio::test]
async fn s7_a_close_that_is_dropped_has_closed() {
    let (client, server) = pair().await;
    assert!(briefly(1, client.close(4000, "bye")).await.is_none());
    let closed = soon(server.closed()).await;
    assert!(closed.clean && closed.shown_code() == 4000, "{closed}");
    assert_ne!(client.state(), State::Open);
}

#[tokio::test]
async fn s7_a_ping_that_is_dropped_hinders_nobody() {
    let (near, far) = tcp().await;
    let (client, driver) = open(Role::Client, near, config(|_| {}), &mut []);
    tokio::spawn(driver);
    for _ in 0..5 {
        assert!(briefly(1, client.ping()).await.is_none());
    }
    let (server, driver) = open(Role::Server, far, config(|_| {}), &mut []);
    tokio::spawn(driver);
    soon(client.ping()).await.expect("a pong");
    drop(server);
}

#[tokio::test]
async fn s7_dropped_waits_for_the_end_leave_the_end_to_the_others() {
    let (near, far) = tcp().await;
    let accepting = tokio::spawn(adieu_tokio::accept(far, crate::peers::any()));
    let mut raw = Raw::client(near).await;
    let mut socket = soon(accepting).await.expect("no panic").expect("accepted");
    for _ in 0..5 {
        assert!(briefly(2, socket.closed()).await.is_none());
        assert!(briefly(2, socket.recv()).await.is_none());
    }
    raw.send(TEXT, b"last").await;
    drop(raw);
    assert_eq!(soon(socket.recv()).await.expect("a message").as_text(), Some("last"));
    assert_eq!(soon(socket.recv()).await.expect_err("the end"), soon(socket.closed()).await);
}
