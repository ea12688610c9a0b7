//! `serve_tls`, and a server's handshake.

use std::time::Duration;

use adieu_tokio::tls::TlsStream;
use adieu_tokio::{Accept, Cause, HandshakeError, Incoming, Timeout, accept, serve_tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::certificates::Authority;
use crate::peers::{REQUEST, any, echo, listen, read_head, soon};
use crate::{Tls, open};

async fn echoing(incoming: Incoming<Tls>) {
    if let Ok(socket) = incoming.accept(Accept::new()).await {
        echo(socket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b17_every_client_is_served_and_a_shutdown_tells_them() {
    let authority = Authority::new();
    let (listener, address) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let patient = crate::peers::serving(|config| config.drain_timeout = Duration::from_secs(60));
    let serve = serve_tls(listener, &authority.server(), patient, echoing)
        .with_graceful_shutdown(async move { drop(stopped.await) });
    let serving = tokio::spawn(serve.into_future());
    let url = format!("wss://localhost:{}/", address.port());
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(open(&authority, &url).await);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(vec![1; number << 14]).await.expect("sent");
        assert_eq!(soon(client.recv()).await.expect("an echo").len(), number << 14);
    }
    // One that has not begun to speak TLS, and one that never will.
    let slow = TcpStream::connect(address).await.expect("connected");
    let mut plain = TcpStream::connect(address).await.expect("connected");
    plain.write_all(REQUEST).await.expect("taken");
    let mut answer = Vec::new();
    let _reset = soon(plain.read_to_end(&mut answer)).await;
    assert!(answer.is_empty() || answer[0] == 21, "nothing but an alert: {answer:?}");
    stop.send(()).expect("it runs");
    for client in clients {
        let closed = soon(client.closed()).await;
        assert!(closed.clean && closed.shown_code() == 1001, "{closed}");
    }
    let name = "localhost".try_into().expect("a name");
    let mut slow = TlsStream::client(slow, authority.trusted(), name).expect("a client");
    let head = soon(read_head(&mut slow)).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    drop(slow);
    soon(serving).await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_opening_handshake_covers_tls() {
    let (near, far) = duplex(1 << 10);
    let begun = tokio::time::Instant::now();
    let stream = TlsStream::server(near, Authority::new().server()).expect("a good configuration");
    let error = accept(stream, any()).await.expect_err("silence");
    let HandshakeError::Closed(closed) = error else { panic!("{error:?}") };
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Handshake));
    let (took, timeout) = (begun.elapsed(), any().connection.handshake_timeout);
    assert!(took >= timeout && took < timeout * 2, "{took:?}");
    drop(far);
}

#[tokio::test]
async fn n7_a_client_that_does_not_trust_the_server_never_opens() {
    let (near, far) = duplex(1 << 12);
    let server = TlsStream::server(near, Authority::new().server()).expect("a good configuration");
    let name = "localhost".try_into().expect("a name");
    let mut client = TlsStream::client(far, Authority::new().trusted(), name).expect("a client");
    let (shaken, accepted) = soon(async { tokio::join!(client.handshake(), accept(server, any())) }).await;
    shaken.expect_err("it is not trusted");
    let HandshakeError::Closed(closed) = accepted.expect_err("no request") else { panic!("an end") };
    assert!(!closed.clean && closed.cause == Cause::Reset, "{closed}");
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_given_up() {
    let (listener, address) = listen().await;
    let short = crate::peers::serving(|config| config.handshake_timeout = Duration::from_millis(50));
    tokio::spawn(serve_tls(listener, &Authority::new().server(), short, echoing).into_future());
    let mut silent = TcpStream::connect(address).await.expect("connected");
    let mut answer = Vec::new();
    let _ended = soon(silent.read_to_end(&mut answer)).await;
}
