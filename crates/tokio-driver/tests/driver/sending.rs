//! S2 to S4: an application that only sends finds out, and room in the queue.

use std::time::Duration;

use adieu_tokio::{Close, Prepared, Role, SendRefusal, State};
use socket2::SockRef;
use tokio::io::AsyncWriteExt;

use crate::peers::{
    BINARY, CLOSE, NORMAL, Raw, TEXT, any, client, config, in_memory, server_with_driver, serving, soon, tcp,
    until, wait_for_bytes,
};

const ROUNDS: usize = 200;

/// A Close of 2 bytes from a client is 8 bytes long, one from a server 4.
const MASKED_CLOSE: usize = 8;
const PLAIN_CLOSE: usize = 4;

#[tokio::test]
async fn s2_a_servers_first_send_after_the_peers_close_has_arrived_fails() {
    for _ in 0..ROUNDS {
        let (socket, driver, mut raw, system) = server_with_driver(any()).await;
        tokio::spawn(driver);
        socket.send("before").await.expect("sent");
        raw.send(CLOSE, NORMAL).await;
        drop(raw);
        wait_for_bytes(&system, MASKED_CLOSE);
        let refused = socket.send("after").await.expect_err("the peer has closed");
        assert_eq!(refused.message.as_text(), Some("after"));
        assert_eq!(socket.peer_close(), Close::new(1000, "").ok());
    }
}

#[tokio::test]
async fn s2_a_clients_first_send_after_the_peers_close_has_arrived_fails() {
    for _ in 0..ROUNDS {
        let (socket, mut raw, system) = client(config(|_| {})).await;
        raw.send(CLOSE, NORMAL).await;
        raw.stream.shutdown().await.expect("the peer's end");
        wait_for_bytes(&system, PLAIN_CLOSE);
        let sender = socket.sender();
        assert_eq!(sender.try_send("after").expect_err("closed").refusal, SendRefusal::PeerClosed);
    }
}

#[tokio::test]
async fn s2_holds_in_a_task_that_drives_its_connection_itself() {
    for _ in 0..ROUNDS {
        let (socket, mut driver, raw, system) = server_with_driver(any()).await;
        let peer = SockRef::from(&raw.stream).try_clone().expect("a second descriptor");
        let close = raw.encode(CLOSE, NORMAL);
        let application = async {
            // The rest is one poll, which has read nothing yet.
            tokio::task::yield_now().await;
            peer.send(&close).expect("taken");
            wait_for_bytes(&system, MASKED_CLOSE);
            socket.send("after").await
        };
        let refused = soon(driver.beside(application)).await.expect_err("the peer has closed");
        assert_eq!(refused.refusal, SendRefusal::PeerClosed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_holds_for_a_sender_in_another_task() {
    for _ in 0..ROUNDS {
        let (socket, driver, mut raw, system) = server_with_driver(any()).await;
        tokio::spawn(driver);
        let sender = socket.sender();
        let sending = tokio::spawn(async move {
            until(|| {
                sender.peer_close().is_some() || system.peek(&mut [std::mem::MaybeUninit::uninit()]).is_ok()
            })
            .await;
            sender.send("after").await
        });
        raw.send(CLOSE, NORMAL).await;
        drop(raw);
        assert!(soon(sending).await.expect("no panic").is_err());
    }
}

#[tokio::test]
async fn s2_a_ping_is_refused_too() {
    let (socket, driver, mut raw, system) = server_with_driver(any()).await;
    tokio::spawn(driver);
    raw.send(CLOSE, NORMAL).await;
    wait_for_bytes(&system, MASKED_CLOSE);
    assert!(matches!(soon(socket.ping()).await, Err(adieu_tokio::PingFailed::Refused(_))));
}

#[tokio::test]
async fn s2_holds_over_a_stream_that_cannot_look() {
    let (socket, _driver, mut raw) = in_memory(Role::Server, config(|_| {}), 64);
    socket.send("before").await.expect("sent");
    raw.send(CLOSE, NORMAL).await;
    assert_eq!(socket.send("after").await.expect_err("closed").refusal, SendRefusal::PeerClosed);
}

#[tokio::test(start_paused = true)]
async fn s3_behind_messages_that_nobody_reads_a_close_is_told_within_close_linger() {
    let linger = config(|_| {}).close_linger;
    let (socket, driver, mut raw) = in_memory(Role::Server, config(|_| {}), 1 << 10);
    tokio::spawn(driver);
    raw.send(TEXT, b"unread").await;
    raw.send(CLOSE, NORMAL).await;
    socket.send("a reply, as far as anyone knows").await.expect("sent");
    assert!(socket.peer_close().is_some() && socket.state() == State::Open);
    tokio::time::sleep(linger + Duration::from_millis(2)).await;
    assert_eq!(socket.send("after").await.expect_err("closed").refusal, SendRefusal::Ended);
    assert!(soon(socket.closed()).await.clean);
}

#[tokio::test]
async fn s3_it_is_told_at_once_if_the_application_gave_up_receiving() {
    let (socket, _driver, mut raw) = in_memory(Role::Server, config(|_| {}), 1 << 10);
    socket.stop_receiving();
    raw.send(TEXT, b"unread").await;
    raw.send(CLOSE, NORMAL).await;
    assert_eq!(socket.send("after").await.expect_err("closed").refusal, SendRefusal::PeerClosed);
}

#[tokio::test]
async fn s4_a_send_after_the_end_of_stream_fails() {
    let (socket, _driver, raw) = in_memory(Role::Server, config(|_| {}), 64);
    drop(raw);
    let refused = socket.send("after").await.expect_err("ended");
    assert_eq!((refused.refusal, refused.message.as_text()), (SendRefusal::Ended, Some("after")));
}

#[tokio::test]
async fn a_send_waits_while_the_queue_is_full_and_goes_on_as_the_peer_reads() {
    let small = config(|config| (config.send_high, config.send_low) = (1_000, 100));
    let (socket, driver, mut raw) = in_memory(Role::Server, small, 64);
    tokio::spawn(driver);
    let sending = tokio::spawn(async move {
        for number in 0..100_u8 {
            socket.send(vec![number; 100]).await.expect("sent");
        }
        socket
    });
    for number in 0..100_u8 {
        assert_eq!(soon(raw.frame()).await, Some((BINARY, vec![number; 100])));
    }
    let socket = soon(sending).await.expect("no panic");
    soon(until(|| socket.buffered() == 0)).await;
}

#[tokio::test]
async fn try_send_never_waits() {
    let small = config(|config| config.send_high = 1_000);
    let (socket, _driver, _raw) = in_memory(Role::Server, small, 64);
    let refused = loop {
        if let Err(refused) = socket.try_send(vec![1; 100]) {
            break refused;
        }
    };
    assert_eq!((refused.refusal, refused.message.len()), (SendRefusal::Full, 100));
}

#[tokio::test]
async fn a_prepared_message_is_sent_to_many_and_waits_for_room() {
    let message = Prepared::binary(&vec![7; 100_000]);
    let small = config(|config| (config.send_high, config.send_low) = (1_000, 0));
    for role in [Role::Server, Role::Client] {
        let (socket, driver, mut raw) = in_memory(role, std::sync::Arc::clone(&small), 64);
        tokio::spawn(driver);
        socket.send_prepared(&message).await.expect("there is room");
        assert_eq!(socket.try_send_prepared(&message), Err(SendRefusal::Full));
        let (sent, ()) = tokio::join!(socket.send_prepared(&message), async {
            for _ in 0..2 {
                assert!(raw.frame().await == Some((BINARY, vec![7; 100_000])));
            }
        });
        assert_eq!(sent.map(|ticket| ticket.0), Ok(1));
    }
}

#[tokio::test]
async fn a_waiting_send_is_refused_when_the_connection_ends() {
    let small = serving(|config| config.send_high = 1_000);
    let (near, far) = tcp().await;
    let (socket, raw) = tokio::join!(adieu_tokio::accept(far, small), Raw::client(near));
    let socket = socket.expect("accepted");
    let sender = socket.sender();
    let sending = tokio::spawn(async move {
        loop {
            if let Err(refused) = sender.send(vec![1; 1 << 16]).await {
                return refused.refusal;
            }
        }
    });
    // Until the system takes no more: then a send waits.
    soon(until(|| socket.buffered() > 1_000)).await;
    raw.reset();
    assert_ne!(soon(sending).await.expect("no panic"), SendRefusal::Full);
}
