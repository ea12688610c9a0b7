//! From the first client to the end of the loop.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use adieu_mio::{
    Cause, ClientRequest, Close, Closed, Config, EventLoop, Handle, Handler, Hold, Key, Message,
    OriginPolicy, Request, Response, SendRefusal, ServerConfig, Sockets,
};

use super::common::{Client, PATIENCE, Server, Verdicts, config, head, news, next, request};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// Echoes, and tells how each ends; does what it is told.
struct Echo {
    verdicts: Verdicts,
    open: Vec<Key>,
    waits: bool,
}

enum Order {
    Say(&'static str),
    Close(u16),
    Abort,
    Accept,
}

impl Echo {
    fn new(verdicts: Verdicts) -> Self {
        Self { verdicts, open: Vec::new(), waits: false }
    }
}

impl Handler for Echo {
    type Command = Order;

    fn on_request(&mut self, sockets: &mut Sockets, key: Key, _request: Box<Request>) {
        self.open.push(key);
        if !self.waits {
            self.on_command(sockets, Order::Accept);
        }
    }

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        sockets.send(key, message).expect("an answer is never refused");
    }

    fn on_closed(&mut self, sockets: &mut Sockets, key: Key, verdict: Box<Closed>) {
        self.open.retain(|open| *open != key);
        let refused = sockets.send(key, "late").expect_err("it has ended");
        assert_eq!((refused.refusal, refused.message), (SendRefusal::Ended, Message::from("late")));
        let _ = self.verdicts.send(*verdict);
    }

    fn on_command(&mut self, sockets: &mut Sockets, order: Order) {
        for key in &self.open {
            let Some((socket, now)) = sockets.reach(*key) else { continue };
            match order {
                Order::Say(text) => drop(sockets.send(*key, text)),
                Order::Close(code) => {
                    socket.connection.close(now, Close::new(code, "").expect("a code")).expect("it is open");
                }
                Order::Abort => socket.connection.abort(now),
                Order::Accept => drop(socket.connection.accept(now, &adieu_mio::Accept::new())),
            }
        }
    }
}

#[test]
fn what_is_said_comes_back_and_the_closing_handshake_is_complete() {
    let (verdicts, told) = news();
    let server = Server::start(Echo::new(verdicts), config(|_| {}), PATIENCE);
    let mut client = server.client();
    for len in [0, 1, 125, 126, 65_536, 1 << 20] {
        let payload = vec![b'x'; len];
        client.say(TEXT, &payload);
        assert!(client.hear() == (TEXT, payload), "{len} bytes");
    }
    client.say(CLOSE, &4000_u16.to_be_bytes());
    assert_eq!(client.hear(), (CLOSE, 4000_u16.to_be_bytes().to_vec()));
    let mut rest = Vec::new();
    client.0.read_to_end(&mut rest).expect("an end in order");
    drop(client);
    let verdict = next(&told);
    assert!(verdict.clean && verdict.cause == Cause::Handshake, "{verdict}");
    server.finish();
}

#[test]
fn another_thread_can_speak_and_close() {
    let (verdicts, told) = news();
    let server = Server::start(Echo::new(verdicts), config(|_| {}), PATIENCE);
    let mut clients = [server.client(), server.client()];
    assert!(server.handle.send(Order::Say("to all")).is_ok());
    assert!(server.handle.send(Order::Close(4001)).is_ok());
    for client in &mut clients {
        assert_eq!(client.hear_out(), (vec![b"to all".to_vec()], 4001));
    }
    clients.into_iter().for_each(|client| client.answer_close(4001));
    assert!(next(&told).clean && next(&told).clean);
    let handle = Arc::clone(&server.handle);
    server.finish();
    assert!(handle.send(Order::Abort).is_err(), "a loop that is gone takes no commands");
}

#[test]
fn an_abort_is_a_reset() {
    let (verdicts, told) = news();
    let server = Server::start(Echo::new(verdicts), config(|_| {}), PATIENCE);
    let mut client = server.client();
    assert!(server.handle.send(Order::Abort).is_ok());
    let error = client.0.read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(next(&told).cause, Cause::Aborted);
    server.finish();
}

// CLOSE.md B17
#[test]
fn a_shutdown_answers_503_closes_with_1001_and_waits() {
    let (verdicts, told) = news();
    let server = Server::start(Echo::new(verdicts), config(|_| {}), PATIENCE);
    let mut open = server.client();
    let mut begun = Client::connect(server.address);
    begun.write_all(&request()[..20]).expect("it reads");
    // It is accepted before this one has its answer.
    drop(server.client());
    server.handle.shut_down();
    assert!(head(&mut begun).starts_with("HTTP/1.1 503 "));
    assert_eq!(open.hear_out(), (Vec::new(), 1001));
    open.answer_close(1001);
    drop(begun);
    server.join();
    let verdicts: Vec<_> = told.try_iter().collect();
    assert_eq!(verdicts.len(), 3);
    assert!(verdicts.iter().any(|verdict| verdict.clean));
    assert!(verdicts.iter().any(|verdict| verdict.cause == Cause::Abandoned));
}

#[test]
fn a_shutdown_resets_what_is_left_when_its_time_is_over() {
    let (verdicts, told) = news();
    let server = Server::start(Echo::new(verdicts), config(|_| {}), Duration::from_millis(50));
    let mut client = server.client();
    server.handle.shut_down();
    assert_eq!(client.hear_out(), (Vec::new(), 1001));
    server.join();
    assert_eq!(next(&told).cause, Cause::Aborted);
    assert_eq!(client.0.read(&mut [0]).expect_err("a reset").kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_deadline_ends_a_connection_that_nothing_happens_on() {
    let (verdicts, told) = news();
    let short = config(|config| config.handshake_timeout = Duration::from_millis(50));
    let server = Server::start(Echo::new(verdicts), short, PATIENCE);
    let mut silent = Client::connect(server.address);
    assert!(head(&mut silent).starts_with("HTTP/1.1 408 "));
    drop(silent);
    assert!(matches!(next(&told).cause, Cause::Timeout(_)));
    let long = config(|config| config.idle_timeout = Some(Duration::from_millis(50)));
    server.finish();

    let (verdicts, told) = news();
    let server = Server::start(Echo::new(verdicts), long, PATIENCE);
    let mut idle = server.client();
    idle.say(TEXT, b"once");
    assert_eq!(idle.hear_out(), (vec![b"once".to_vec()], 1001));
    idle.answer_close(1001);
    assert!(matches!(next(&told).cause, Cause::Timeout(_)));
    server.finish();
}

#[test]
fn a_request_may_be_answered_later() {
    let (verdicts, _told) = news();
    let waits = Echo { waits: true, ..Echo::new(verdicts) };
    let server = Server::start(waits, config(|_| {}), PATIENCE);
    let mut client = Client::connect(server.address);
    client.write_all(&request()).expect("it reads");
    // Asked as long as the request may not be there yet.
    client.set_nonblocking(true).expect("a socket");
    while client.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        assert!(server.handle.send(Order::Accept).is_ok());
        std::thread::yield_now();
    }
    client.set_nonblocking(false).expect("a socket");
    assert!(head(&mut client).starts_with("HTTP/1.1 101 "));
    drop(client);
    server.finish();
}

/// Connects, and tells what becomes of it.
struct Dialer {
    verdicts: Verdicts,
    handle: Option<Arc<Handle<()>>>,
    opened: bool,
}

impl Handler for Dialer {
    type Command = ();

    fn on_open(&mut self, sockets: &mut Sockets, key: Key, response: Box<Response>) {
        assert_eq!(response.status, 101);
        self.opened = true;
        sockets.send(key, "hello").expect("it is open");
    }

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        assert_eq!(message, Message::from("hello"));
        let (socket, now) = sockets.reach(key).expect("it is there");
        socket.connection.close(now, Close::new(1000, "").expect("a code")).expect("it is open");
    }

    fn on_closed(&mut self, _sockets: &mut Sockets, _key: Key, verdict: Box<Closed>) {
        let _ = self.verdicts.send(*verdict);
        self.handle.iter().for_each(|handle| handle.shut_down());
    }
}

fn dial(address: std::net::SocketAddr) -> (Dialer, Closed) {
    let (verdicts, told) = news();
    let mut event_loop = EventLoop::new(Dialer { verdicts, handle: None, opened: false }).expect("a loop");
    event_loop.handler.handle = Some(Arc::clone(&event_loop.handle));
    let request = ClientRequest::new("localhost", "/").expect("a request");
    event_loop.sockets.connect(address, request, Arc::new(Config::default())).expect("it begins");
    let dialer = event_loop.run().expect("a poll");
    (dialer, next(&told))
}

#[test]
fn a_client_connects_without_blocking() {
    let (verdicts, told) = news();
    let server = Server::start(Echo::new(verdicts), config(|_| {}), PATIENCE);
    let (dialer, verdict) = dial(server.address);
    assert!(dialer.opened && verdict.clean, "{verdict}");
    assert!(next(&told).clean);
    server.finish();
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let (dialer, verdict) = dial(address);
    assert!(!dialer.opened && verdict.cause == Cause::Reset, "{verdict}");
}

/// Holds every message but the first, until it is told.
struct Holder {
    heard: std::sync::mpsc::Sender<Vec<u8>>,
    key: Option<Key>,
}

impl Handler for Holder {
    type Command = Hold;

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        self.key = Some(key);
        let _ = self.heard.send(message.as_bytes().to_vec());
        let (socket, _) = sockets.reach(key).expect("it is there");
        if message.as_bytes() == b"hold" {
            socket.hold = Hold::Always;
        }
    }

    fn on_command(&mut self, sockets: &mut Sockets, hold: Hold) {
        let held = self.key.and_then(|key| sockets.reach(key));
        held.into_iter().for_each(|(socket, _)| socket.hold = hold);
    }
}

#[test]
fn while_the_application_holds_pings_are_answered_and_messages_wait() {
    let (heard, told) = news();
    let server = Server::start(Holder { heard, key: None }, config(|_| {}), PATIENCE);
    let mut client = server.client();
    client.say(TEXT, b"hold");
    client.say(TEXT, b"waits");
    client.say(9, b"ping");
    assert_eq!(client.hear(), (10, b"ping".to_vec()));
    assert_eq!(next(&told), b"hold");
    assert!(told.try_recv().is_err(), "it waits");
    assert!(server.handle.send(Hold::Never).is_ok());
    assert_eq!(next(&told), b"waits");
    drop(client);
    server.finish();
}

/// What a send is told when the peer's Close is in the system's buffers, and nobody has read it.
struct Sending {
    open: Option<Key>,
    told: std::sync::mpsc::Sender<Option<SendRefusal>>,
    prepared: bool,
}

impl Handler for Sending {
    /// Tells that nothing is read from here on, and sends when the other end is gone.
    type Command = (std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>);

    fn on_message(&mut self, _sockets: &mut Sockets, key: Key, _message: Message<'_>) {
        self.open = Some(key);
    }

    fn on_command(&mut self, sockets: &mut Sockets, (still, go): Self::Command) {
        still.send(()).expect("it is heard");
        let _gone = go.recv();
        let Some(key) = self.open else { return };
        // It is on its way: as soon as it is there, it is to be seen.
        let stream = sockets.get(key).and_then(|socket| socket.stream.as_ref()).expect("it is open");
        while stream.peek(&mut [0; 8]).ok() != Some(8) {
            std::thread::yield_now();
        }
        let refusal = if self.prepared {
            sockets.send_prepared(key, &adieu_mio::Prepared::text("after")).err()
        } else {
            sockets.send(key, "after").err().map(|refused| refused.refusal)
        };
        self.told.send(refusal).expect("it is heard");
    }
}

// CLOSE.md S2
#[test]
fn s2_a_send_behind_a_close_that_has_arrived_is_refused() {
    for prepared in [false, true] {
        let (told, refusals) = news();
        let server = Server::start(Sending { open: None, told, prepared }, config(|_| {}), PATIENCE);
        let mut client = server.client();
        client.say(TEXT, b"here I am");
        client.say(9, b"");
        assert_eq!(client.hear(), (10, Vec::new()), "it has been read");
        let ((still, is_still), (stay, go)) = (news(), news::<()>());
        assert!(server.handle.send((still, go)).is_ok());
        next(&is_still);
        client.say(CLOSE, &1000_u16.to_be_bytes());
        drop(stay);
        assert_eq!(next(&refusals), Some(SendRefusal::PeerClosed));
        assert_eq!(client.hear_out(), (Vec::new(), 1000));
        client.answered_end();
        server.finish();
    }
}

/// Asks for a deadline, and tells when it comes.
struct Clockwork {
    at: Option<adieu_mio::Instant>,
    told: std::sync::mpsc::Sender<Duration>,
}

impl Handler for Clockwork {
    type Command = Duration;

    fn on_message(&mut self, _sockets: &mut Sockets, _key: Key, _message: Message<'_>) {}

    fn on_command(&mut self, sockets: &mut Sockets, after: Duration) {
        self.at = Some(sockets.now() + after);
    }

    fn deadline(&self) -> Option<adieu_mio::Instant> {
        self.at
    }

    fn on_deadline(&mut self, sockets: &mut Sockets) {
        let late = self.at.take().map(|at| sockets.now().since(at));
        self.told.send(late.expect("a deadline")).expect("it is heard");
    }
}

#[test]
fn the_applications_deadline_comes_once_and_not_before_its_time() {
    let (told, late) = news();
    let server = Server::start(Clockwork { at: None, told }, config(|_| {}), PATIENCE);
    let begun = std::time::Instant::now();
    assert!(server.handle.send(Duration::from_millis(50)).is_ok());
    next(&late);
    assert!(begun.elapsed() >= Duration::from_millis(50));
    server.finish();
    assert!(late.try_recv().is_err(), "once");
}

/// Says nothing to requests.
struct Silent;

impl Handler for Silent {
    type Command = ();

    fn on_message(&mut self, _sockets: &mut Sockets, _key: Key, _message: Message<'_>) {}
}

#[test]
fn a_request_over_plain_http_that_nobody_answers_is_answered_426() {
    let mut config = ServerConfig::new(OriginPolicy::Any).with(config(|_| ()));
    config.plain_http = true;
    let server = Server::with(([127, 0, 0, 1], 0).into(), Silent, config, PATIENCE);
    let mut stream = Client::connect(server.address);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
    let head = head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
    drop((stream, server.client()));
    server.finish();
}
