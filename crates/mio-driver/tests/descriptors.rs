//! A loop that is out of descriptors. The limit is the process's, so this test has one of its own.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use adieu_mio::{EventLoop, Handler, Instant, Key, Message, OriginPolicy, ServerConfig, Sockets, listen};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

const PATIENCE: Duration = Duration::from_secs(30);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Counts how often it is asked for its deadline, once or twice in each round.
struct Counting {
    rounds: std::cell::Cell<usize>,
    told: Sender<usize>,
}

impl Handler for Counting {
    /// Tell how many rounds there were.
    type Command = ();

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        sockets.send(key, message).expect("it is open");
    }

    fn on_command(&mut self, _sockets: &mut Sockets, (): ()) {
        self.told.send(self.rounds.get()).expect("it is heard");
    }

    fn deadline(&self) -> Option<Instant> {
        self.rounds.set(self.rounds.get() + 1);
        None
    }
}

fn shake(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(REQUEST).expect("it takes it");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("a head");
    assert_eq!(&head, b"HTTP/1.1 101");
}

#[test]
fn without_descriptors_nobody_is_accepted_and_the_loop_neither_spins_nor_ends() {
    let (told, rounds) = channel();
    let listener = listen(([127, 0, 0, 1], 0).into(), false).expect("an address");
    let address = listener.local_addr().expect("bound");
    let config = Arc::new(ServerConfig::new(OriginPolicy::Any));
    let counting = Counting { rounds: std::cell::Cell::new(0), told };
    let event_loop = EventLoop::new(counting).and_then(|it| it.serve(listener, config)).expect("a loop");
    let handle = Arc::clone(&event_loop.handle);
    let thread = thread::spawn(move || event_loop.run().map(drop));

    let mut before = TcpStream::connect(address).expect("it listens");
    shake(&mut before);
    let late = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, 64, most).expect("a lower limit");
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    late.connect(&address.into()).expect("the system's queue takes it");
    let mut late = TcpStream::from(late);
    late.write_all(REQUEST).expect("the system takes it");

    // Who was there before is served all the same.
    let count = || {
        handle.send(()).expect("it runs");
        rounds.recv_timeout(PATIENCE).expect("it answers")
    };
    let (begun, asked) = (std::time::Instant::now(), count());
    assert!(rounds.recv_timeout(Duration::from_millis(300)).is_err(), "nothing happens meanwhile");
    let asked = count() - asked;
    // A question is a round or two, and so is each pause of 100 ms; a loop that spins has thousands.
    let pauses = begun.elapsed().as_millis() as usize / 100;
    assert!(asked <= 20 + 4 * pauses, "{asked} rounds");

    drop(taken);
    late.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut head = [0; 12];
    late.read_exact(&mut head).expect("it is accepted when there is room, though no further client comes");
    assert_eq!(&head, b"HTTP/1.1 101");
    drop((before, late));
    handle.shut_down();
    thread.join().expect("no panic").expect("a poll");
}
