//! S8: handles in different tasks, and what dropping them means.

use adieu_tokio::{Close, SendRefusal};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::peers::{
    AWAY, BINARY, CLOSE, NORMAL, PING, PONG, REQUEST, TEXT, any, pair, server, serving, soon,
};

/// Lock-step: each message is sent by one task when another has received the one before. A lost wake-up stops it.
async fn lock_step(rounds: u32) {
    let (client, mut server) = pair().await;
    let sender = server.sender();
    let (hand_over, mut taken) = mpsc::unbounded_channel();
    let receiving = tokio::spawn(async move {
        while let Ok(message) = server.recv().await {
            hand_over.send(message).expect("the other task lives");
        }
    });
    let sending = tokio::spawn(async move {
        while let Some(message) = taken.recv().await {
            sender.send(message).await.expect("sent");
        }
    });
    let (sender, mut client) = (client.sender(), client);
    for round in 0..rounds {
        sender.send(format!("{round}")).await.expect("sent");
        let message = soon(client.recv()).await.expect("a message");
        assert_eq!(message.as_text(), Some(format!("{round}").as_str()));
    }
    assert!(soon(sender.close(1000, "")).await.expect("closed").clean);
    soon(async { tokio::try_join!(receiving, sending) }).await.expect("no panic");
}

#[tokio::test]
async fn s8_halves_in_different_tasks_lose_no_wake_up_on_one_thread() {
    lock_step(2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_halves_in_different_tasks_lose_no_wake_up_on_several_threads() {
    lock_step(2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_many_senders_keep_each_its_own_order() {
    const SENDERS: u8 = 4;
    const COUNT: u32 = 500;
    let (client, mut server) = pair().await;
    for sender in 0..SENDERS {
        let handle = client.sender();
        tokio::spawn(async move {
            for number in 0..COUNT {
                let message = [&[sender][..], &number.to_be_bytes()].concat();
                handle.send(message).await.expect("sent");
            }
            // Nobody is left behind when the handles are dropped before everything has arrived.
            handle.closed().await;
        });
    }
    let mut next = [0; SENDERS as usize];
    for _ in 0..u32::from(SENDERS) * COUNT {
        let message = soon(server.recv()).await.expect("a message");
        let (sender, number) = message.as_bytes().split_first().expect("a number");
        let expected: &mut u32 = &mut next[usize::from(*sender)];
        assert_eq!(number, expected.to_be_bytes());
        *expected += 1;
    }
    drop(client);
    assert_eq!(next, [COUNT; SENDERS as usize]);
}

#[tokio::test]
async fn s8_without_its_receiver_a_connection_still_sends() {
    let (socket, mut raw) = server(any()).await;
    let sender = socket.sender();
    drop(socket);
    raw.send(TEXT, b"nobody reads this").await;
    sender.send("still here").await.expect("sent");
    assert_eq!(soon(raw.frame()).await, Some((TEXT, b"still here".to_vec())));
    raw.send(CLOSE, NORMAL).await;
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, NORMAL.to_vec())));
    let closed = soon(sender.closed()).await;
    assert!(closed.clean && closed.undelivered.messages == 1, "{closed:?}");
}

#[tokio::test]
async fn s8_without_its_senders_a_connection_still_receives_and_sends() {
    let (mut socket, mut raw) = server(any()).await;
    let senders: Vec<_> = (0..3).map(|_| socket.sender()).collect();
    drop(senders);
    raw.send(BINARY, b"1").await;
    let message = soon(socket.recv()).await.expect("a message");
    socket.send(message).await.expect("sent");
    assert_eq!(soon(raw.frame()).await, Some((BINARY, b"1".to_vec())));
}

#[tokio::test]
async fn s8_the_last_handle_closes_whichever_it_is() {
    for receiver_last in [true, false] {
        let (socket, mut raw) = server(any()).await;
        let sender = socket.sender();
        if receiver_last {
            drop(sender);
            drop(socket);
        } else {
            drop(socket);
            drop(sender);
        }
        let (opcode, payload) = soon(raw.frame()).await.expect("a Close");
        assert_eq!((opcode, &payload[..2]), (CLOSE, AWAY));
    }
}

#[tokio::test]
async fn s8_a_close_in_one_task_ends_the_receive_in_another() {
    let (mut client, mut server) = pair().await;
    let sender = client.sender();
    let receiving = tokio::spawn(async move { client.recv().await.expect_err("the end") });
    let other = tokio::spawn(async move { server.recv().await.expect_err("the end") });
    sender.start_close(Close::EMPTY).expect("closed");
    let (near, far) = soon(async { tokio::join!(receiving, other) }).await;
    assert!(near.expect("no panic").clean && far.expect("no panic").clean);
    assert_eq!(sender.send("after").await.expect_err("ended").refusal, SendRefusal::Ended);
}

#[tokio::test]
async fn s8_reading_goes_on_when_the_receiver_has_made_room() {
    let (mut socket, mut raw) = server(serving(|config| config.inbox_len = 50)).await;
    for _ in 0..4 {
        raw.send(TEXT, &[b'x'; 60]).await;
        // Time for the driver to read ahead: then the inbox is over its threshold and reading stops.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        raw.send(PING, b"go on").await;
        soon(socket.recv()).await.expect("a message");
        assert_eq!(soon(raw.frame()).await, Some((PONG, b"go on".to_vec())));
    }
}

#[tokio::test(start_paused = true)]
async fn s8_a_driver_whose_stream_was_taken_back_is_done_at_once() {
    let (near, mut far) = tokio::io::duplex(1 << 10);
    let (handshake, driver) = adieu_tokio::incoming_with_driver(near, any());
    let driving = tokio::spawn(driver);
    far.write_all(REQUEST).await.expect("taken");
    let incoming = handshake.request().await.expect("a request");
    // The driver has nothing to do any more.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let begun = tokio::time::Instant::now();
    let stream = incoming.into_stream().expect("the stream");
    soon(driving).await.expect("no panic");
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
    drop(stream);
}
