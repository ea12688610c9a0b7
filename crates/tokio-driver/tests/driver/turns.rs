//! What a turn costs: calls into the stream, counted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use adieu_tokio::{Cause, Initiator, Role, SendRefusal, Transport, WebSocket, open};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::net::TcpStream;

use crate::peers::{
    CLOSE, NORMAL, TEXT, any, config, echo, in_memory, server_with_driver, soon, tcp, wait_for_bytes,
};

/// Calls that reached the stream and were not `Pending`, and all polls.
#[derive(Default)]
struct Calls {
    reads: AtomicUsize,
    looks: AtomicUsize,
    writes: AtomicUsize,
    polls: AtomicUsize,
}

impl Calls {
    /// The counts since the last question.
    fn take(&self) -> (usize, usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        (take(&self.reads), take(&self.looks), take(&self.writes))
    }
}

struct Counted<S> {
    stream: S,
    calls: Arc<Calls>,
}

impl<S> Counted<S> {
    fn new(stream: S) -> (Self, Arc<Calls>) {
        let calls = Arc::<Calls>::default();
        (Self { stream, calls: Arc::clone(&calls) }, calls)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.calls.polls.fetch_add(1, Ordering::Relaxed);
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        self.calls.reads.fetch_add(usize::from(read.is_ready()), Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.calls.polls.fetch_add(1, Ordering::Relaxed);
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.calls.writes.fetch_add(usize::from(written.is_ready()), Ordering::Relaxed);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.calls.polls.fetch_add(1, Ordering::Relaxed);
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.calls.writes.fetch_add(usize::from(written.is_ready()), Ordering::Relaxed);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: Transport> Transport for Counted<S> {
    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        self.calls.looks.fetch_add(1, Ordering::Relaxed);
        self.stream.look(into)
    }

    fn reset(&mut self) {
        self.stream.reset();
    }
}

/// A server over TCP that echoes in the task that drives it, and its peer's stream.
async fn echo_in_one_task() -> (Arc<Calls>, TcpStream) {
    let (near, far) = tcp().await;
    let (counted, calls) = Counted::new(far);
    let (socket, mut driver) = open(Role::Server, counted, config(|_| {}), &mut []);
    tokio::spawn(async move { driver.beside(echo(socket)).await });
    (calls, near)
}

#[tokio::test]
async fn a_turn_in_one_task_costs_one_read_and_one_write() {
    let (calls, mut peer) = echo_in_one_task().await;
    let frame = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
    for batch in [1, 1, 1, 16, 100] {
        calls.take();
        let turn = frame.repeat(batch);
        peer.write_all(&turn).await.expect("taken");
        let mut replies = vec![0; batch * 4];
        soon(tokio::io::AsyncReadExt::read_exact(&mut peer, &mut replies)).await.expect("the replies");
        assert_eq!(replies, [0x81, 2, b'h', b'i'].repeat(batch));
        assert_eq!(calls.take(), (1, 0, 1), "{batch} messages");
    }
}

#[tokio::test]
async fn a_send_from_elsewhere_looks_once_and_writes_once() {
    let (near, far) = tcp().await;
    let (counted, calls) = Counted::new(far);
    let (socket, driver) = open(Role::Server, counted, config(|_| {}), &mut []);
    tokio::spawn(driver);
    let mut raw = near;
    for _ in 0..3 {
        tokio::task::yield_now().await;
        calls.take();
        socket.send("hi").await.expect("sent");
        assert_eq!(calls.take(), (0, 1, 1));
        tokio::io::AsyncReadExt::read_u32(&mut raw).await.expect("the message");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_left_alone() {
    let (near, _far) = duplex(64);
    let (counted, calls) = Counted::new(near);
    let quiet = config(|config| config.ping_interval = None);
    let (mut socket, mut driver) = open(Role::Server, counted, quiet, &mut []);
    tokio::spawn(async move { driver.beside(socket.recv()).await });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let polls = calls.polls.load(Ordering::Relaxed);
    tokio::time::sleep(std::time::Duration::from_secs(100_000)).await;
    assert_eq!(calls.polls.load(Ordering::Relaxed), polls);
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_keepalive_is_polled_for_its_pings_only() {
    let (near, far) = duplex(64);
    let (counted, calls) = Counted::new(near);
    let (socket, driver) = open(Role::Server, counted, config(|_| {}), &mut []);
    tokio::spawn(driver);
    let quiet = config(|config| config.ping_interval = None);
    let (_peer, driver) = open(Role::Client, far, quiet, &mut []);
    tokio::spawn(driver);
    tokio::time::sleep(std::time::Duration::from_secs(20 * 100 + 10)).await;
    let polls = calls.polls.load(Ordering::Relaxed);
    assert!((200..2_000).contains(&polls), "{polls} polls for 100 pings");
    assert!(socket.verdict().is_none());
}

/// Takes nothing, and says so.
struct Full(DuplexStream);

impl AsyncRead for Full {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_of_nothing_ends_sending_and_does_not_spin() {
    let (near, mut far) = duplex(64);
    let stream = adieu_tokio::Opaque(Full(near));
    let (mut socket, driver) = open(Role::Server, stream, config(|_| {}), &mut []);
    let driver = tokio::spawn(driver);
    socket.send("into the void").await.expect("queued");
    assert_eq!(socket.send("again").await.expect_err("broken").refusal, SendRefusal::Failed);
    far.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.expect("taken");
    assert_eq!(soon(socket.recv()).await.expect("reading goes on").as_text(), Some("hi"));
    let closed = soon(socket.recv()).await.expect_err("the end");
    assert_eq!((&closed.cause, closed.unsent.messages), (&Cause::Reset, 1), "{closed}");
    soon(driver).await.expect("no panic");
}

#[tokio::test]
async fn what_another_thread_reads_comes_behind_what_the_turn_has_read() {
    let (mut socket, mut driver, raw, system) = server_with_driver(any()).await;
    let peer = SockRef::from(&raw.stream).try_clone().expect("a second descriptor");
    let frame = |number: &str| raw.encode(TEXT, number.as_bytes());
    let (first, second) = ([frame("1"), frame("2"), frame("3")].concat(), [frame("4"), frame("5")].concat());
    let application = async {
        tokio::task::yield_now().await;
        peer.send(&first).expect("taken");
        assert_eq!(socket.recv().await.expect("a message").as_text(), Some("1"));
        // Still in the same turn, a sender elsewhere looks.
        peer.send(&second).expect("taken");
        wait_for_bytes(&system, second.len());
        let sender = socket.sender();
        let looking = std::thread::spawn(move || sender.try_send("x").map(|_| ()));
        looking.join().expect("no panic").expect("sent");
        for number in ["2", "3", "4", "5"] {
            assert_eq!(socket.recv().await.expect("a message").as_text(), Some(number));
        }
    };
    soon(driver.beside(application)).await;
}

#[tokio::test]
async fn what_the_turn_has_read_came_before_what_it_does() {
    let tight = config(|config| config.inbox_len = 1);
    let (mut socket, mut driver, mut raw) = in_memory(Role::Server, tight, 1 << 10);
    let frames = ["1", "2", "3"].map(|number| raw.encode(TEXT, number.as_bytes())).concat();
    raw.stream.write_all(&[frames, raw.encode(CLOSE, NORMAL)].concat()).await.expect("taken");
    let application = async {
        assert_eq!(socket.recv().await.expect("a message").as_text(), Some("1"));
        assert!(socket.peer_close().is_some());
        socket.start_close(adieu_tokio::Close::EMPTY).expect("it may still be answered with a code of ours");
        for number in ["2", "3"] {
            assert_eq!(socket.recv().await.expect("a message").as_text(), Some(number));
        }
        socket.recv().await.expect_err("the end")
    };
    let closed = soon(driver.beside(application)).await;
    assert!(closed.clean && closed.initiator == Some(Initiator::Peer), "{closed}");
}

/// The reactor has not heard of anything that arrives; the operating system has.
struct Stale(DuplexStream);

impl AsyncRead for Stale {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Stale {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Transport for Stale {
    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        let mut into = ReadBuf::new(into);
        let read = Pin::new(&mut self.0).poll_read(&mut Context::from_waker(Waker::noop()), &mut into);
        Some(match read {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(result) => result.map(|()| into.filled().len()),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn rule_8_what_has_arrived_when_a_deadline_passes_came_in_time() {
    let (near, mut far) = duplex(64);
    let (socket, driver) = open(Role::Server, Stale(near), config(|_| {}), &mut []);
    tokio::spawn(driver);
    socket.start_close(adieu_tokio::Close::EMPTY).expect("closed");
    far.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.expect("taken");
    let closed = soon(socket.closed()).await;
    assert!(closed.clean, "{closed}");
}

#[tokio::test]
async fn any_read_length_works_even_none() {
    for read_len in [0, 1, 2, 100_000] {
        let (near, far) = duplex(1 << 12);
        let (mut socket, driver) =
            open(Role::Server, near, config(|config| config.read_len = read_len), &mut []);
        tokio::spawn(driver);
        let (peer, driver) = open(Role::Client, far, config(|_| {}), &mut []);
        tokio::spawn(driver);
        peer.send("in small bites").await.expect("sent");
        assert_eq!(soon(socket.recv()).await.expect("a message").as_text(), Some("in small bites"));
    }
}

#[tokio::test]
async fn the_handles_can_cross_threads() {
    fn crosses<T: Send + Sync>(_: &T) {}
    fn moves<T: Send>(_: &T) {}
    let (mut socket, driver, mut raw, _) = server_with_driver(any()).await;
    crosses(&socket);
    crosses(&socket.sender());
    moves(&driver);
    raw.send(TEXT, b"x").await;
    moves(&socket.recv());
    moves(&socket.send("x"));
    moves(&socket.ping());
    moves(&socket.close(1000, ""));
    let same: &WebSocket<TcpStream> = &socket;
    moves(&same.closed());
}

/// CLOSE.md S2 within one poll that does not come to an end: what was read at its beginning does not stay fresh for ever.
#[tokio::test]
async fn s2_a_handler_that_sends_without_a_pause_learns_of_the_close() {
    let (peer, far) = tcp().await;
    let system = SockRef::from(&far).try_clone().expect("a second descriptor");
    let (socket, mut driver) = open(Role::Server, far, config(|_| {}), &mut []);
    let close = [0x88, 0x82, 0, 0, 0, 0, 3, 232];
    let sends = driver.beside(async move {
        socket.send("fresh from here on").await.expect("an open connection");
        let peer = std::thread::spawn(move || {
            let written = peer.try_write(&close);
            (written.map_err(|error| error.kind()), peer)
        });
        let (written, _peer) = peer.join().expect("no panic");
        assert_eq!(written, Ok(close.len()));
        wait_for_bytes(&system, close.len());
        let mut sends = 0;
        while socket.send("into the void?").await.is_ok() {
            sends += 1;
        }
        sends
    });
    let sends = soon(sends).await;
    assert!(sends <= 128, "{sends} sends");
}
