//! A loop ends when its time is over, whatever its handler does.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use adieu_mio::{Cause, ClientRequest, Closed, Config, EventLoop, Handler, Hold, Key, Message, Sockets};

use super::common::{Client, PATIENCE, Server, Verdicts, config, head, news, next, request};

const SHORT: Duration = Duration::from_millis(50);

/// Wants no message after the first.
struct Holding(Verdicts);

impl Handler for Holding {
    type Command = ();

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, _message: Message<'_>) {
        sockets.reach(key).expect("it is there").0.hold = Hold::Always;
    }

    fn on_closed(&mut self, _sockets: &mut Sockets, _key: Key, verdict: Box<Closed>) {
        let _ = self.0.send(*verdict);
    }
}

#[test]
fn a_handler_that_holds_does_not_keep_a_loop_from_ending() {
    let (verdicts, told) = news();
    let server = Server::start(Holding(verdicts), config(|_| {}), SHORT);
    let mut client = server.client();
    server.handle.shut_down();
    // The Close is on its way to a message that crosses it.
    assert_eq!(client.hear_out(), (Vec::new(), 1001));
    client.say(1, b"late");
    server.join();
    assert_eq!(next(&told).cause, Cause::Aborted);
}

/// Connects again whenever it was closed.
struct Returning {
    to: SocketAddr,
    begun: Sender<()>,
}

impl Returning {
    fn connect(&self, sockets: &mut Sockets) {
        let request = ClientRequest::new("localhost", "/").expect("a request");
        sockets.connect(self.to, request, Arc::new(Config::default())).expect("it begins");
        let _ = self.begun.send(());
    }
}

impl Handler for Returning {
    type Command = ();

    fn on_message(&mut self, _sockets: &mut Sockets, _key: Key, _message: Message<'_>) {}

    fn on_closed(&mut self, sockets: &mut Sockets, _key: Key, _verdict: Box<Closed>) {
        self.connect(sockets);
    }
}

#[test]
fn a_handler_that_connects_again_does_not_keep_a_loop_from_ending() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (begun, told) = news();
    let returning = Returning { to: silent.local_addr().expect("bound"), begun };
    let mut event_loop = EventLoop::new(returning).expect("a loop");
    event_loop.shutdown_timeout = SHORT;
    event_loop.handler.connect(&mut event_loop.sockets);
    next(&told);
    event_loop.handle.shut_down();
    event_loop.run().expect("a poll");
    next(&told);
}

/// Does what it is told to, after who has come was accepted, and before the loop looks whether it is to stop.
struct Obeying;

impl Handler for Obeying {
    type Command = Box<dyn FnOnce() + Send>;

    fn on_message(&mut self, _sockets: &mut Sockets, _key: Key, _message: Message<'_>) {}

    fn on_command(&mut self, _sockets: &mut Sockets, command: Self::Command) {
        command();
    }
}

#[test]
fn a_client_that_comes_while_it_stops_is_told_so() {
    let server = Server::start(Obeying, config(|_| {}), PATIENCE);
    let (address, handle, (late, told)) = (server.address, Arc::clone(&server.handle), news());
    let come_late = move || {
        let mut stream = Client::connect(address);
        stream.write_all(&request()).expect("the system takes it");
        handle.shut_down();
        late.send(stream).expect("it is heard");
    };
    assert!(server.handle.send(Box::new(come_late)).is_ok());
    let head = head(&mut next(&told));
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    server.join();
}
