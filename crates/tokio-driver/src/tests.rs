//! What a connection holds, seen from inside.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_sink::Sink;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use crate::{Config, Driver, Role, WebSocket, open};

fn connection(len: usize) -> (WebSocket<DuplexStream>, Driver<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(len);
    let (socket, driver) = open(Role::Server, near, Arc::<Config>::default(), &mut []);
    (socket, driver, far)
}

fn poll_once<F: Future>(work: F) -> Poll<F::Output> {
    pin!(work).poll(&mut Context::from_waker(Waker::noop()))
}

/// The capacity of the connection's write buffer.
fn buffer_len(socket: &WebSocket<DuplexStream>) -> usize {
    let mut probe = Vec::new();
    socket.shared().lock().conn.exchange_buffer(&mut probe);
    probe.capacity()
}

#[tokio::test]
async fn an_idle_connection_holds_no_write_buffer() {
    let (mut socket, mut driver, mut peer) = connection(1 << 10);
    for _ in 0..2 {
        socket.try_send("from elsewhere").expect("sent");
        assert_eq!(buffer_len(&socket), 0);
        peer.write_all(&[0x81, 0x81, 0, 0, 0, 0, b'x']).await.expect("taken");
        let turn = async {
            let message = socket.recv().await.expect("a message");
            socket.send(message).await.expect("sent");
        };
        driver.beside(turn).await;
        assert_eq!(buffer_len(&socket), 0);
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_nothing_behind() {
    let (mut socket, _driver, _peer) = connection(16);
    while socket.try_send(vec![0; 100_000]).is_ok() {}
    assert!(poll_once(socket.send("full")).is_pending());
    assert!(poll_once(socket.closed()).is_pending());
    assert!(poll_once(socket.ping()).is_pending());
    assert!(poll_once(socket.recv()).is_pending());
    let inner = socket.shared().lock();
    assert!(inner.waiters.is_empty() && !inner.receiving);
}

#[tokio::test]
async fn a_sink_that_is_dropped_leaves_nothing_behind() {
    let (mut socket, _driver, _peer) = connection(16);
    while socket.try_send(vec![0; 100_000]).is_ok() {}
    let flushing = Pin::new(&mut socket).poll_flush(&mut Context::from_waker(Waker::noop()));
    assert!(flushing.is_pending());
    let sender = socket.sender();
    drop(socket);
    assert!(sender.shared().lock().waiters.is_empty());
}
