//! What a peer asks for right before its stream ends, and what a server says before it goes.

use std::future::pending;
use std::io::ErrorKind;

use adieu_tokio::{Accept, Incoming, Role, open, serve};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use crate::peers::{AWAY, CLOSE, PING, PONG, Raw, TEXT, any, config, echo, listen, soon, tcp};

/// Returns when the end of the peer's direction has arrived, and with it all that came before.
async fn end_is_there(stream: &TcpStream) {
    while !stream.ready(Interest::READABLE).await.expect("a stream").is_read_closed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_comes_right_before_the_end_of_the_stream_is_answered() {
    for (asked, answer) in [(TEXT, TEXT), (PING, PONG)] {
        let (near, far) = tcp().await;
        let mut raw = Raw::over(near, true);
        raw.send(asked, b"hello").await;
        raw.stream.shutdown().await.expect("an end");
        end_is_there(&far).await;
        let (socket, mut driver) = open(Role::Server, far, config(|_| {}), &mut []);
        let closed = soon(driver.beside(echo(socket))).await;
        assert_eq!(closed.unsent.messages, 0, "{closed}");
        soon(driver).await;
        assert_eq!(soon(raw.frame()).await, Some((answer, b"hello".to_vec())));
    }
}

#[tokio::test]
async fn dropping_a_server_sends_1001_and_resets() {
    let (listener, address) = listen().await;
    let hold = |incoming: Incoming<TcpStream>| async move {
        let _socket = incoming.accept(Accept::new()).await;
        pending::<()>().await;
    };
    let serving = tokio::spawn(serve(listener, any(), hold).into_future());
    let mut raw = Raw::client(TcpStream::connect(address).await.expect("connected")).await;
    serving.abort();
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, AWAY.to_vec())));
    assert_eq!(soon(raw.end()).await, Err(ErrorKind::ConnectionReset));
}
