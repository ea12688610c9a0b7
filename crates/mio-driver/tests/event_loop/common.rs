//! A server in a thread, and clients by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use adieu_mio::{Closed, Config, EventLoop, Handle, Handler, OriginPolicy, ServerConfig, listen};

/// A test that waits for longer than this fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running loop.
pub(crate) struct Server<H: Handler> {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Arc<Handle<H::Command>>,
    thread: JoinHandle<H>,
}

/// A configuration without keepalive, changed.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.ping_interval = None;
    change(&mut config);
    config
}

impl<H: Handler + Send + 'static> Server<H> {
    pub(crate) fn start(handler: H, config: Config, shutdown_timeout: Duration) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), handler, config, shutdown_timeout)
    }

    pub(crate) fn at(address: SocketAddr, handler: H, config: Config, shutdown_timeout: Duration) -> Self {
        let config = ServerConfig::new(OriginPolicy::Any).with(config);
        Self::with(address, handler, config, shutdown_timeout)
    }

    pub(crate) fn with(
        address: SocketAddr,
        handler: H,
        config: ServerConfig,
        shutdown_timeout: Duration,
    ) -> Self {
        let listener = listen(address, true).expect("an address");
        let address = listener.local_addr().expect("bound");
        let config = Arc::new(config);
        let event_loop = EventLoop::new(handler).and_then(|it| it.serve(listener, config));
        let mut event_loop = event_loop.expect("a loop");
        event_loop.shutdown_timeout = shutdown_timeout;
        let handle = Arc::clone(&event_loop.handle);
        let thread = thread::spawn(move || event_loop.run().expect("a poll"));
        Self { address, handle, thread }
    }

    /// Shuts it down, and gives the handler back.
    pub(crate) fn finish(self) -> H {
        self.handle.shut_down();
        self.thread.join().expect("no panic")
    }

    /// Waits until it has ended.
    pub(crate) fn join(self) -> H {
        self.thread.join().expect("no panic")
    }

    pub(crate) fn client(&self) -> Client {
        Client::open(self.address)
    }
}

/// What handlers tell a test.
pub(crate) fn news<T>() -> (Sender<T>, Receiver<T>) {
    channel()
}

/// The next thing that a handler tells.
pub(crate) fn next<T>(news: &Receiver<T>) -> T {
    news.recv_timeout(PATIENCE).expect("something is told")
}

/// The verdicts, as they are told.
pub(crate) type Verdicts = Sender<Closed>;

/// A client by hand, open.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    pub(crate) fn open(address: SocketAddr) -> Self {
        let mut stream = Self::connect(address);
        stream.write_all(&request()).expect("it reads");
        let head = head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self(stream)
    }

    /// Sends a frame, masked with a key of zeros.
    pub(crate) fn say(&mut self, opcode: u8, payload: &[u8]) {
        self.0.write_all(&masked(opcode, payload)).expect("it reads");
    }

    /// The next frame: its opcode and payload.
    pub(crate) fn hear(&mut self) -> (u8, Vec<u8>) {
        let mut start = [0; 2];
        self.0.read_exact(&mut start).expect("a frame");
        let len = match start[1] {
            126 => {
                let mut len = [0; 2];
                self.0.read_exact(&mut len).expect("a length");
                usize::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                self.0.read_exact(&mut len).expect("a length");
                u64::from_be_bytes(len) as usize
            }
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.0.read_exact(&mut payload).expect("a payload");
        (start[0] & 0xF, payload)
    }

    /// Hears up to the Close: what came before, and its code.
    pub(crate) fn hear_out(&mut self) -> (Vec<Vec<u8>>, u16) {
        let mut messages = Vec::new();
        loop {
            match self.hear() {
                (8, payload) => return (messages, u16::from_be_bytes([payload[0], payload[1]])),
                (_, payload) => messages.push(payload),
            }
        }
    }

    /// Answers a Close, and waits for the end.
    pub(crate) fn answer_close(mut self, code: u16) {
        self.say(8, &code.to_be_bytes());
        self.answered_end();
    }

    /// Both Closes are exchanged: waits for the end.
    pub(crate) fn answered_end(mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("an end in order");
        assert_eq!(rest, []);
    }
}

pub(crate) fn request() -> Vec<u8> {
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
      Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec()
}

pub(crate) fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("ASCII")
}

pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
