//! `serve`: handlers, and the graceful shutdown (B17).

use std::cell::Cell;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adieu_tokio::{Accept, Cause, Closed, Incoming, Reject, ServerConfig, connect, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::peers::{
    CLOSE, PING, PONG, REQUEST, Raw, TEXT, any, echo, listen, read_head, serving, soon, until,
};
use crate::steps::{Manner, Steps};

/// A server that is told to stop by the sender.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start<H, F>(config: Arc<ServerConfig>, bound: Duration, handler: H) -> Self
    where
        H: Fn(Incoming<TcpStream>) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (listener, address) = listen().await;
        let (stop, stopped) = oneshot::channel();
        let serve = serve(listener, config, handler)
            .with_graceful_shutdown(async move { drop(stopped.await) })
            .shutdown_timeout(bound);
        Self { address, stop, task: tokio::spawn(serve.into_future()) }
    }

    fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    async fn raw(&self) -> Raw<TcpStream> {
        Raw::client(self.plain().await).await
    }

    async fn plain(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }

    async fn stop(self) {
        self.stop.send(()).expect("it runs");
        soon(self.task).await.expect("no panic");
    }
}

const BOUND: Duration = Duration::from_secs(50);

async fn echoing(incoming: Incoming<TcpStream>) {
    if let Ok(socket) = incoming.accept(Accept::new()).await {
        echo(socket).await;
    }
}

#[tokio::test]
async fn every_client_is_served() {
    let server = Server::start(any(), BOUND, echoing).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(connect(&server.url()).await.expect("connected"));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("{number}")).await.expect("sent");
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let message = soon(client.recv()).await.expect("a message");
        assert_eq!(message.as_text(), Some(format!("{number}").as_str()));
        assert!(soon(client.close(1000, "")).await.expect("closed").clean);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_is_served_on_several_threads() {
    let server = Server::start(any(), BOUND, echoing).await;
    let talk = |url: String| async move {
        let mut client = connect(&url).await.expect("connected");
        for number in 0..200 {
            client.send(vec![1; number * 37]).await.expect("sent");
            assert_eq!(client.recv().await.expect("a message").len(), number * 37);
        }
        assert!(client.close(1000, "").await.expect("closed").clean);
    };
    let clients: Vec<_> = (0..8).map(|_| tokio::spawn(talk(server.url()))).collect();
    for client in clients {
        soon(client).await.expect("no panic");
    }
    server.stop().await;
}

#[tokio::test]
async fn b17_a_shutdown_closes_open_connections_with_1001_and_waits_for_their_handlers() {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ended);
    let server = Server::start(any(), BOUND, move |incoming| {
        let count = Arc::clone(&count);
        async move {
            echoing(incoming).await;
            tokio::task::yield_now().await;
            count.fetch_add(1, Ordering::Relaxed);
        }
    })
    .await;
    let one = connect(&server.url()).await.expect("connected");
    let mut other = connect(&server.url()).await.expect("connected");
    server.stop().await;
    assert_eq!(ended.load(Ordering::Relaxed), 2, "handlers have returned");
    for closed in [soon(one.closed()).await, soon(other.recv()).await.expect_err("the end")] {
        assert!(closed.clean && closed.shown_code() == 1001, "{closed}");
    }
}

#[tokio::test]
async fn b17_a_shutdown_answers_handshakes_in_flight_with_503() {
    let (asked, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(any(), BOUND, move |incoming| {
        let asked = asked.clone();
        async move {
            asked.send(()).expect("the test waits");
            incoming.accept(pending().await).await.expect("never");
        }
    })
    .await;
    let mut silent = server.plain().await;
    let mut halfway = server.plain().await;
    halfway.write_all(&REQUEST[..40]).await.expect("taken");
    let mut unanswered = server.plain().await;
    unanswered.write_all(REQUEST).await.expect("taken");
    waiting.recv().await.expect("its request");
    let mut late = server.plain().await;
    let Server { stop, task, .. } = server;
    stop.send(()).expect("it runs");
    for stream in [&mut silent, &mut halfway, &mut unanswered, &mut late] {
        let head = soon(read_head(stream)).await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(head.contains("Connection: close"), "{head}");
    }
    assert!(!task.is_finished(), "a handler has not returned");
    task.abort();
}

#[tokio::test]
async fn b17_a_shutdown_is_bounded_whatever_the_handlers_do() {
    let server = Server::start(any(), Duration::from_millis(50), |incoming| async move {
        let socket = incoming.accept(Accept::new()).await.expect("accepted");
        pending::<()>().await;
        drop(socket);
    })
    .await;
    let mut raw = server.raw().await;
    server.stop().await;
    assert_eq!(soon(raw.frame()).await.expect("a Close").0, CLOSE);
    assert!(soon(raw.frame()).await.is_none(), "the end");
}

#[tokio::test]
async fn a_request_that_is_dropped_is_refused_with_503() {
    let server = Server::start(any(), BOUND, |incoming| async move { drop(incoming) }).await;
    let mut stream = server.plain().await;
    stream.write_all(REQUEST).await.expect("taken");
    assert!(soon(read_head(&mut stream)).await.starts_with("HTTP/1.1 503 "));
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn a_handler_can_refuse_and_learns_the_verdict() {
    let (told, verdict) = oneshot::channel();
    let told = Arc::new(std::sync::Mutex::new(Some(told)));
    let server = Server::start(any(), BOUND, move |incoming| {
        let told = told.lock().expect("no panic").take().expect("one client");
        async move {
            let closed = incoming.reject(Reject::new(401).expect("a good status")).await;
            told.send(closed).expect("the test waits");
        }
    })
    .await;
    let error = soon(connect(&server.url())).await.expect_err("refused");
    assert!(error.to_string().contains("401"), "{error}");
    assert_eq!(soon(verdict).await.expect("told").cause, Cause::Refused(None));
    server.stop().await;
}

#[tokio::test]
async fn a_handler_that_returns_closes_with_1001_behind_what_it_sent() {
    let server = Server::start(any(), BOUND, |incoming| async move {
        let socket = incoming.accept(Accept::new()).await.expect("accepted");
        socket.send("bye").await.expect("sent");
    })
    .await;
    let mut client = connect(&server.url()).await.expect("connected");
    assert_eq!(soon(client.recv()).await.expect("a message").as_text(), Some("bye"));
    let closed = soon(client.recv()).await.expect_err("the end");
    assert!(closed.clean && closed.shown_code() == 1001, "{closed}");
    server.stop().await;
}

#[tokio::test]
async fn a_handler_may_hand_its_connection_to_another_task() {
    let server = Server::start(any(), BOUND, |incoming| async move {
        let socket = incoming.accept(Accept::new()).await.expect("accepted");
        tokio::spawn(echo(socket));
    })
    .await;
    let mut client = connect(&server.url()).await.expect("connected");
    for number in 0..10 {
        client.send(format!("{number}")).await.expect("sent");
        assert_eq!(soon(client.recv()).await.expect("a message").len(), 1);
    }
    assert!(soon(client.close(1000, "")).await.expect("closed").clean);
    server.stop().await;
}

#[tokio::test]
async fn a_handler_that_panics_resets_its_connection_and_no_other() {
    let server = Server::start(any(), BOUND, |incoming| async move {
        let mut socket = incoming.accept(Accept::new()).await.expect("accepted");
        while let Ok(message) = socket.recv().await {
            assert_ne!(message.as_text(), Some("panic"), "as the client asked");
            socket.send(message).await.expect("sent");
        }
    })
    .await;
    let mut bystander = connect(&server.url()).await.expect("connected");
    let mut victim = connect(&server.url()).await.expect("connected");
    victim.send("panic").await.expect("sent");
    assert!(!soon(victim.recv()).await.expect_err("the end").clean);
    bystander.send("unharmed").await.expect("sent");
    assert_eq!(soon(bystander.recv()).await.expect("a message").as_text(), Some("unharmed"));
    drop((bystander, victim));
    server.stop().await;
}

#[tokio::test]
async fn a_ping_is_answered_while_the_handler_awaits_something_else() {
    let (release, busy) = tokio::sync::watch::channel(false);
    let server = Server::start(any(), BOUND, move |incoming| {
        let mut busy = busy.clone();
        async move {
            let mut socket = incoming.accept(Accept::new()).await.expect("accepted");
            busy.wait_for(|released| *released).await.expect("released");
            let message = socket.recv().await.expect("a message");
            socket.send(message).await.expect("sent");
        }
    })
    .await;
    let mut raw = server.raw().await;
    raw.send(TEXT, b"first").await;
    raw.send(PING, b"1").await;
    assert_eq!(soon(raw.frame()).await, Some((PONG, b"1".to_vec())));
    release.send(true).expect("it waits");
    assert_eq!(soon(raw.frame()).await, Some((TEXT, b"first".to_vec())));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn other_tasks_can_send_to_a_served_connection() {
    let (hand_out, mut senders) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(any(), BOUND, move |incoming| {
        let hand_out = hand_out.clone();
        async move {
            let mut socket = incoming.accept(Accept::new()).await.expect("accepted");
            hand_out.send(socket.sender()).expect("the test waits");
            while socket.recv().await.is_ok() {}
        }
    })
    .await;
    let mut client = connect(&server.url()).await.expect("connected");
    let sender = soon(senders.recv()).await.expect("a sender");
    for number in 0..100 {
        sender.send(format!("{number}")).await.expect("sent");
        let message = soon(client.recv()).await.expect("a message");
        assert_eq!(message.as_text(), Some(format!("{number}").as_str()));
    }
    soon(sender.ping()).await.expect("a pong");
    let (closed, end) = soon(async { tokio::join!(sender.close(1000, ""), client.recv()) }).await;
    assert!(closed.expect("closed").clean && end.is_err());
    server.stop().await;
}

#[tokio::test]
async fn a_handler_runs_to_its_own_end_beyond_that_of_its_connection() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(any(), BOUND, move |incoming| {
        let tell = tell.clone();
        async move {
            let mut socket = incoming.accept(Accept::new()).await.expect("accepted");
            let verdict = socket.recv().await.expect_err("no message");
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            tell.send(verdict.clean).expect("somebody listens");
        }
    })
    .await;
    let client = connect(&server.url()).await.expect("connected");
    assert!(soon(client.close(1000, "")).await.expect("closed").clean);
    assert_eq!(soon(told.recv()).await, Some(true));
    server.stop().await;
}

#[tokio::test]
async fn a_stream_can_be_taken_back_before_any_answer() {
    let server = Server::start(any(), BOUND, |incoming| async move {
        let mut stream = incoming.into_stream().expect("connected");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("taken");
        // The handler goes on, though nothing is left of the connection.
        let mut asked = [0; 4];
        stream.read_exact(&mut asked).await.expect("what the client says next");
        stream.write_all(&asked).await.expect("taken");
    })
    .await;
    let mut stream = server.plain().await;
    stream.write_all(REQUEST).await.expect("taken");
    assert!(soon(read_head(&mut stream)).await.starts_with("HTTP/1.1 200 "));
    stream.write_all(b"more").await.expect("taken");
    let mut answer = [0; 4];
    soon(stream.read_exact(&mut answer)).await.expect("an answer");
    assert_eq!(answer, *b"more");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_floods_does_not_keep_others_from_being_served() {
    let server = Server::start(serving(|config| config.send_high = 1 << 16), BOUND, echoing).await;
    let flood = server.raw().await;
    let frame = flood.encode(TEXT, &[b'x'; 100]).repeat(1 << 10);
    let (mut reads, mut writes) = flood.stream.into_split();
    let flooding = tokio::spawn(async move { while writes.write_all(&frame).await.is_ok() {} });
    let draining = tokio::spawn(async move { tokio::io::copy(&mut reads, &mut tokio::io::sink()).await });
    let mut client = connect(&server.url()).await.expect("connected");
    for _ in 0..50 {
        client.send("me too").await.expect("sent");
        soon(client.recv()).await.expect("a message");
    }
    flooding.abort();
    draining.abort();
    until(|| flooding.is_finished() && draining.is_finished()).await;
    drop(client);
    server.stop().await;
}

/// Talks, tells the server to stop, and waits for the end; `None`: it came too late.
async fn visit(address: SocketAddr, stop: oneshot::Sender<()>, told: &Cell<bool>) -> Option<Box<Closed>> {
    let mut socket = connect(&format!("ws://{address}/")).await.ok()?;
    let _ended = socket.send("hello").await;
    let echoed = socket.recv().await;
    let _gone = stop.send(());
    told.set(true);
    match echoed {
        Ok(_) => socket.recv().await.err(),
        Err(closed) => Some(closed),
    }
}

/// Says half of what it wants, and waits for the end: the first line of the answer.
async fn linger(address: SocketAddr) -> String {
    let Ok(mut stream) = TcpStream::connect(address).await else { return String::new() };
    let mut answer = Vec::new();
    let _gone = stream.write_all(&REQUEST[..40]).await;
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn s7_serving_can_be_dropped_at_every_poll_also_while_it_shuts_down() {
    let mut dropped_late = 0;
    for at in 1.. {
        let (listener, address) = listen().await;
        let (stop, stopped) = oneshot::channel();
        let (weight, told) = (Arc::new(()), Cell::new(false));
        let held = Arc::clone(&weight);
        let handler = move |incoming| {
            let held = Arc::clone(&held);
            async move {
                echoing(incoming).await;
                tokio::task::yield_now().await;
                drop(held);
            }
        };
        let serve = serve(listener, any(), handler).with_graceful_shutdown(async { drop(stopped.await) });
        let steps = Steps::new(Manner::Again, [at, 0]);
        let life = async {
            let whole = steps.attempt(serve.into_future()).await.is_some();
            dropped_late += usize::from(!whole && told.get());
            whole
        };
        let all = async { tokio::join!(life, visit(address, stop, &told), linger(address)) };
        let (whole, closed, answer) = soon(all).await;
        soon(until(|| Arc::strong_count(&weight) == 1)).await;
        if whole {
            let closed = closed.expect("connected");
            assert!(closed.clean && closed.shown_code() == 1001, "{closed}");
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            break;
        }
        let is_told = |closed: &Closed| matches!(closed.cause, Cause::Reset | Cause::EndOfStream { .. });
        assert!(closed.is_none_or(|closed| closed.shown_code() == 1001 || is_told(&closed)), "at {at}");
    }
    assert!(dropped_late > 0, "{dropped_late} polls of the graceful end");
}
