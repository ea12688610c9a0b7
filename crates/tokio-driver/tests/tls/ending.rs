//! How a connection over TLS ends, and what `send` knows of it.

use std::pin::pin;
use std::task::Poll;

use adieu_tokio::tls::TlsStream;
use adieu_tokio::{Cause, Close, Role, SendRefusal, open};
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::peers::{CLOSE, NORMAL, Raw, TEXT, config, echo, soon, tcp, wait_for_bytes};
use crate::{Authority, client, server, shaken, system};

const ROUNDS: usize = 100;

/// A record with a Close of 2 bytes of payload, from a client and from a server.
const MASKED_CLOSE: usize = 8 + 22;
const PLAIN_CLOSE: usize = 4 + 22;

#[tokio::test]
async fn s2_a_servers_first_send_after_the_peers_close_has_arrived_fails() {
    for _ in 0..ROUNDS {
        let (socket, mut raw, system) = server().await;
        socket.send("before").await.expect("sent");
        raw.send(CLOSE, NORMAL).await;
        wait_for_bytes(&system, MASKED_CLOSE);
        let refused = socket.send("after").await.expect_err("the peer has closed");
        assert_eq!((refused.refusal, refused.message.as_text()), (SendRefusal::PeerClosed, Some("after")));
        assert_eq!(socket.peer_close(), Close::new(1000, "").ok());
    }
}

#[tokio::test]
async fn s2_a_clients_first_send_after_the_peers_close_has_arrived_fails() {
    for _ in 0..ROUNDS {
        let (socket, driver, mut raw, system) = client().await;
        tokio::spawn(driver);
        raw.send(CLOSE, NORMAL).await;
        raw.stream.shutdown().await.expect("the peer's end");
        wait_for_bytes(&system, PLAIN_CLOSE);
        assert_eq!(socket.try_send("after").expect_err("closed").refusal, SendRefusal::PeerClosed);
    }
}

#[tokio::test]
async fn s2_holds_in_a_task_that_drives_its_connection_itself() {
    for _ in 0..ROUNDS {
        let (socket, mut driver, mut raw, system) = client().await;
        let application = async {
            // The rest is one poll, which has read nothing yet.
            tokio::task::yield_now().await;
            assert!(futures_util::poll!(Box::pin(raw.send(CLOSE, NORMAL))).is_ready(), "taken at once");
            wait_for_bytes(&system, PLAIN_CLOSE);
            socket.send("after").await
        };
        let refused = soon(driver.beside(application)).await.expect_err("the peer has closed");
        assert_eq!(refused.refusal, SendRefusal::PeerClosed);
    }
}

#[tokio::test]
async fn c1_a_close_notify_without_a_close_is_an_end_of_stream() {
    let (mut socket, mut raw, _system) = server().await;
    raw.send(TEXT, b"before").await;
    raw.stream.shutdown().await.expect("close_notify");
    assert_eq!(soon(socket.recv()).await.expect("a message").as_text(), Some("before"));
    let closed = soon(socket.recv()).await.expect_err("the end");
    assert!(!closed.clean && matches!(closed.cause, Cause::EndOfStream { .. }), "{closed}");
}

#[tokio::test]
async fn c8_a_stream_that_is_cut_is_truncated_for_a_server() {
    let (mut socket, mut raw, _system) = server().await;
    raw.send(TEXT, b"before").await;
    SockRef::from(raw.stream.get_ref()).shutdown(std::net::Shutdown::Write).expect("cut");
    assert_eq!(soon(socket.recv()).await.expect("a message").as_text(), Some("before"));
    let closed = soon(socket.recv()).await.expect_err("the end");
    assert!(!closed.clean && closed.cause == Cause::Truncated, "{closed}");
}

#[tokio::test]
async fn c8_a_stream_that_is_cut_is_truncated_for_a_client() {
    let (mut socket, driver, raw, _system) = client().await;
    tokio::spawn(driver);
    SockRef::from(raw.stream.get_ref()).shutdown(std::net::Shutdown::Write).expect("cut");
    let closed = soon(socket.recv()).await.expect_err("the end");
    assert!(!closed.clean && closed.cause == Cause::Truncated, "{closed}");
}

#[tokio::test]
async fn c5_a_reset_is_told_apart_from_both() {
    let (mut socket, raw, _system) = server().await;
    SockRef::from(raw.stream.get_ref()).set_linger(Some(std::time::Duration::ZERO)).expect("no lingering");
    drop(raw);
    let closed = soon(socket.recv()).await.expect_err("the end");
    assert!(!closed.clean && closed.cause == Cause::Reset, "{closed}");
}

#[tokio::test]
async fn c7_a_close_that_is_answered_stays_clean_when_the_stream_is_cut_behind_it() {
    let (socket, mut raw, _system) = server().await;
    raw.send(CLOSE, NORMAL).await;
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, NORMAL.to_vec())));
    SockRef::from(raw.stream.get_ref()).shutdown(std::net::Shutdown::Write).expect("cut");
    let closed = soon(socket.closed()).await;
    assert!(closed.clean && closed.cause == Cause::Handshake, "{closed}");
}

// R7.1.1-02
#[tokio::test]
async fn the_servers_shutdown_is_a_close_notify() {
    let (socket, mut raw, _system) = server().await;
    raw.send(CLOSE, NORMAL).await;
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, NORMAL.to_vec())));
    assert_eq!(soon(raw.end()).await, Ok(()), "an end without close_notify would be an error");
    drop(socket);
}

#[tokio::test]
async fn an_abort_ends_without_a_close_notify() {
    let (socket, mut raw, system) = server().await;
    drop(system);
    socket.abort();
    assert!(soon(raw.end()).await.is_err());
}

#[tokio::test]
async fn what_comes_in_one_flight_with_close_notify_is_answered() {
    let (near, far) = shaken().await;
    let mut raw = Raw::over(near, true);
    raw.send(TEXT, b"hello").await;
    raw.stream.shutdown().await.expect("close_notify");
    wait_for_bytes(&system(&far), 11 + 2 * 22);
    let (socket, mut driver) = open(Role::Server, far, config(|_| {}), &mut []);
    let closed = soon(driver.beside(echo(socket))).await;
    assert_eq!(closed.unsent.messages, 0, "{closed}");
    soon(driver).await;
    assert_eq!(soon(raw.frame()).await, Some((TEXT, b"hello".to_vec())));
}

/// A client in a thread and a runtime of its own: it shakes hands, and sends a masked binary message of `len` bytes when it is told to.
fn client_apart(near: TcpStream, authority: &Authority, len: u16) -> (impl Fn(), impl Sized) {
    let (go, told) = std::sync::mpsc::channel::<()>();
    let (did, done) = std::sync::mpsc::channel::<()>();
    let (near, trusted) = (near.into_std().expect("a stream"), authority.trusted());
    let apart = async move {
        let near = TcpStream::from_std(near).expect("a stream");
        let name = "localhost".try_into().expect("a name");
        let mut near = TlsStream::client(near, trusted, name).expect("a good configuration");
        near.handshake().await.expect("TLS");
        let [high, low] = len.to_be_bytes();
        let frame = [&[0x82, 0xFE, high, low, 0, 0, 0, 0][..], &vec![7; usize::from(len)]].concat();
        while told.recv().is_ok() {
            near.write_all(&frame).await.expect("taken");
            near.flush().await.expect("sent");
            did.send(()).expect("somebody waits");
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let thread = std::thread::spawn(move || runtime.block_on(apart));
    let send = move || {
        go.send(()).expect("a client");
        done.recv().expect("it has sent");
    };
    (send, thread)
}

/// What a look has decrypted, and not read to its end, is read on without a word from the reactor: the system holds nothing any more.
#[tokio::test]
async fn what_a_look_leaves_in_the_stream_is_read_all_the_same() {
    const LEN: u16 = 12_000;
    let authority = Authority::new();
    let (near, far) = tcp().await;
    let (send, _client) = client_apart(near, &authority, LEN);
    let mut far = TlsStream::server(far, authority.server()).expect("a good configuration");
    far.handshake().await.expect("TLS");
    let system = system(&far);
    let small = config(|config| (config.read_len, config.ping_interval) = (1024, None));
    let (mut socket, mut driver) = open(Role::Server, far, small, &mut []);
    let received = driver.beside(async move {
        std::future::poll_fn(|cx| {
            assert!(pin!(socket.recv()).poll(cx).is_pending(), "nothing is there yet");
            send();
            wait_for_bytes(&system, 256);
            socket.try_send("x").expect("an open connection");
            Poll::Ready(())
        })
        .await;
        socket.recv().await.map(|message| message.len())
    });
    assert_eq!(soon(received).await.expect("a message"), usize::from(LEN));
}
