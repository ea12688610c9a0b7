//! Calls that wait for room in the send queue: one is woken for what one can use.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use adieu_tokio::{Backlog, Prepared, Role};
use tokio::io::{AsyncReadExt, DuplexStream};

use crate::peers::{config, in_memory, soon};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A send that waits, and how often it was woken.
struct Waiting<F> {
    send: Pin<Box<F>>,
    wakes: Arc<Count>,
}

impl<F: Future> Waiting<F> {
    fn new(send: F) -> Self {
        Self { send: Box::pin(send), wakes: Arc::default() }
    }

    fn poll(&mut self) -> Poll<F::Output> {
        self.send.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.wakes))))
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }
}

async fn take(stream: &mut DuplexStream, len: usize) {
    let mut bytes = vec![0; len];
    soon(stream.read_exact(&mut bytes)).await.expect("bytes");
}

/// Frames of 10 bytes; the queue is full with one that is not written, and the stream takes two.
#[tokio::test]
async fn room_for_one_wakes_the_one_that_has_waited_longest() {
    let small = config(|config| (config.send_high, config.send_low) = (1, 0));
    let (socket, driver, mut raw) = in_memory(Role::Server, small, 20);
    let mut driver = pin!(driver);
    let mut drive = || _ = driver.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    for _ in 0..3 {
        socket.try_send("12345678").expect("room");
    }
    let sender = socket.sender();
    let mut sends: Vec<_> = (0..4).map(|_| Waiting::new(sender.send("12345678"))).collect();
    assert!(sends.iter_mut().all(|send| send.poll().is_pending()), "the queue is full");
    let wakes = |sends: &[Waiting<_>]| sends.iter().map(Waiting::wakes).collect::<Vec<_>>();

    take(&mut raw.stream, 10).await;
    drive();
    assert_eq!(wakes(&sends), [1, 0, 0, 0], "the first");
    assert!(matches!(sends[0].poll(), Poll::Ready(Ok(_))));
    drive();
    assert_eq!(wakes(&sends), [1, 0, 0, 0], "the queue is full again");

    take(&mut raw.stream, 10).await;
    drive();
    assert_eq!(wakes(&sends), [1, 1, 0, 0], "the next");
    drop(sends.remove(1));
    assert_eq!(wakes(&sends), [1, 1, 0], "it did not want it any more");
    assert!(matches!(sends[1].poll(), Poll::Ready(Ok(_))));

    socket.sender().abort();
    drive();
    assert_eq!(wakes(&sends), [1, 1, 1], "the end is told to all");
    assert!(matches!(sends[2].poll(), Poll::Ready(Err(_))));
}

#[tokio::test]
async fn backlog_goes_on_when_there_is_room() {
    let small = config(|config| (config.send_high, config.send_low) = (1, 0));
    let (socket, driver, mut raw) = in_memory(Role::Server, small, 10);
    tokio::spawn(driver);
    let (message, mut backlog) = (Prepared::text("12345678"), Backlog::default());
    for waiting in [0, 0, 1, 2] {
        backlog.send(&message, 9, |message| socket.try_send_prepared(message)).expect("an open connection");
        assert_eq!(backlog.len(), waiting);
    }
    while !backlog.is_empty() {
        let mut room = pin!(socket.room());
        assert!(
            room.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(),
            "the queue is full"
        );
        take(&mut raw.stream, 10).await;
        soon(room).await;
        backlog.resume(|message| socket.try_send_prepared(message)).expect("an open connection");
    }
    take(&mut raw.stream, 20).await;
    socket.abort();
    soon(socket.room()).await;
}
