//! The load: connections that keep a number of messages in flight, without any library's code.
//!
//! Frames and expected replies are made once. A connection sends the same frame again for each reply, and compares every
//! byte that comes back, so that its own cost is the same for all servers.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use adieu_bench::wire::{Payload, frame};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The most that is read or written at once, in bytes.
const CHUNK_LEN: usize = 256 << 10;

/// Without any event for so long, the server has stalled.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many connections, how many messages of each are under way, and how long they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) len: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, in_flight, len } = self;
        match len {
            ..1024 => write!(f, "{connections} x {in_flight} x {len} B"),
            1024..1_048_576 => write!(f, "{connections} x {in_flight} x {} KiB", len >> 10),
            _ => write!(f, "{connections} x {in_flight} x {} MiB", len >> 20),
        }
    }
}

/// A frame without end: `bytes` repeats with `period`, at least for [`CHUNK_LEN`] behind any place in the first period.
#[derive(Debug)]
struct Endless {
    bytes: Vec<u8>,
    period: usize,
}

impl Endless {
    fn new(frame: &[u8]) -> Self {
        Self { bytes: frame.repeat(CHUNK_LEN / frame.len() + 2), period: frame.len() }
    }
}

/// What clients send and what they expect.
#[derive(Debug)]
pub(crate) struct Traffic {
    requests: Endless,
    replies: Endless,
}

impl Traffic {
    pub(crate) fn new(len: usize) -> Self {
        let payload = Payload::binary(len);
        let requests = Endless::new(&frame(&payload, Some([0x37, 0xFA, 0x21, 0x3D])));
        Self { requests, replies: Endless::new(&frame(&payload, None)) }
    }
}

struct Connection {
    stream: TcpStream,
    /// Bytes that may be sent.
    owed: usize,
    sent_at: usize,
    received_at: usize,
}

impl Connection {
    /// Reads what is there; returns how many replies were completed.
    fn receive(&mut self, traffic: &Traffic, chunk: &mut [u8]) -> io::Result<usize> {
        let mut completed = 0;
        loop {
            let len = match self.stream.read(chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            if chunk[..len] != traffic.replies.bytes[self.received_at..self.received_at + len] {
                return Err(io::Error::other("the reply is not the message"));
            }
            completed += (self.received_at + len) / traffic.replies.period;
            self.received_at = (self.received_at + len) % traffic.replies.period;
            // A short read: there is nothing more, and the next bytes make a new event.
            if len < chunk.len() {
                break;
            }
        }
        self.owed += completed * traffic.requests.period;
        Ok(completed)
    }

    /// Writes what is owed, as far as the socket takes it.
    fn send(&mut self, traffic: &Traffic) -> io::Result<()> {
        while self.owed > 0 {
            let end = self.sent_at + self.owed.min(CHUNK_LEN);
            match self.stream.write(&traffic.requests.bytes[self.sent_at..end]) {
                Ok(len) => {
                    self.owed -= len;
                    self.sent_at = (self.sent_at + len) % traffic.requests.period;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Open connections with messages in flight.
pub(crate) struct Load<'t> {
    poll: Poll,
    connections: Vec<Connection>,
    traffic: &'t Traffic,
    chunk: Box<[u8]>,
}

impl<'t> Load<'t> {
    /// Connects; the first messages go out with [`Load::run`].
    ///
    /// # Errors
    ///
    /// When a connection cannot be opened.
    pub(crate) fn open(server: SocketAddr, shape: &Shape, traffic: &'t Traffic) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for token in 0..shape.connections {
            let stream = connect(server)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(token), Interest::READABLE | Interest::WRITABLE)?;
            let owed = shape.in_flight * traffic.requests.period;
            connections.push(Connection { stream, owed, sent_at: 0, received_at: 0 });
        }
        Ok(Self { poll, connections, traffic, chunk: vec![0; CHUNK_LEN].into() })
    }

    /// Keeps the connections busy for `duration`: how many messages came back, and in what time.
    ///
    /// # Errors
    ///
    /// When a connection ends, a reply is wrong or the server stalls.
    pub(crate) fn run(&mut self, duration: Duration) -> io::Result<(usize, Duration)> {
        let start = Instant::now();
        let mut messages = 0;
        for connection in &mut self.connections {
            connection.send(self.traffic)?;
        }
        let mut events = Events::with_capacity(1024);
        while start.elapsed() < duration {
            self.poll.poll(&mut events, Some(PATIENCE))?;
            if events.is_empty() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if event.is_readable() {
                    messages += connection.receive(self.traffic, &mut self.chunk)?;
                }
                connection.send(self.traffic)?;
            }
        }
        Ok((messages, start.elapsed()))
    }
}

/// `count` open connections; each has had one message of length `len` echoed, if there is one.
///
/// # Errors
///
/// When a connection cannot be opened, or its echo is wrong.
pub(crate) fn connect_idle(
    server: SocketAddr,
    count: usize,
    len: Option<usize>,
) -> io::Result<Vec<std::net::TcpStream>> {
    let traffic = len.map(Traffic::new);
    let mut reply = Vec::new();
    let mut open = || {
        let mut stream = connect(server)?;
        if let Some(Traffic { requests, replies }) = &traffic {
            stream.write_all(&requests.bytes[..requests.period])?;
            reply.resize(replies.period, 0);
            stream.read_exact(&mut reply)?;
            if reply != replies.bytes[..replies.period] {
                return Err(io::Error::other("the reply is not the message"));
            }
        }
        Ok(stream)
    };
    (0..count).map(|_| open()).collect()
}

/// A connection in OPEN.
fn connect(server: SocketAddr) -> io::Result<std::net::TcpStream> {
    let mut stream = std::net::TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut part = [0; 1024];
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => head.extend_from_slice(&part[..len]),
        }
    }
    if head.starts_with(b"HTTP/1.1 101 ") {
        return Ok(stream);
    }
    Err(io::Error::other("the server refuses the handshake"))
}
