//! What the tests talk to.

use std::future::Future;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adieu_tokio::{
    Accept, Closed, Config, Connect, Driver, NetStream, OriginPolicy, ServerConfig, Transport, WebSocket,
    accept, incoming_with_driver, open,
};
use adieu_tokio::{Role, connect};
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

pub(crate) type Tcp = WebSocket<TcpStream>;

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// The payload of a Close with 1000 and no reason.
pub(crate) const NORMAL: &[u8] = &[0x03, 0xE8];
/// The payload of a Close with 1001 and no reason.
pub(crate) const AWAY: &[u8] = &[0x03, 0xE9];

/// Nothing here takes that long: a hang becomes a failure.
pub(crate) async fn soon<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("it hangs")
}

pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = Config::default();
    change(&mut config);
    Arc::new(config)
}

pub(crate) fn serving(change: impl FnOnce(&mut Config)) -> Arc<ServerConfig> {
    let mut config = ServerConfig::new(OriginPolicy::Any);
    config.connection = self::config(change);
    Arc::new(config)
}

pub(crate) fn any() -> Arc<ServerConfig> {
    serving(|_| {})
}

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// Two ends of a TCP connection: the connecting one first.
pub(crate) async fn tcp() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.expect("connected"), far.expect("accepted").0)
}

/// Our client and our server over TCP.
pub(crate) async fn pair() -> (WebSocket<NetStream>, WebSocket<NetStream>) {
    let (listener, address) = listen().await;
    let serve = async {
        let (stream, _) = listener.accept().await.expect("a client");
        accept(NetStream::from(stream), any()).await.expect("its request")
    };
    let url = format!("ws://{address}/");
    let (client, server) = tokio::join!(connect(&url), serve);
    (client.expect("connected"), server)
}

/// Our server over TCP, its driver spawned, and a peer by hand.
pub(crate) async fn server(config: Arc<ServerConfig>) -> (Tcp, Raw<TcpStream>) {
    let (near, far) = tcp().await;
    let (socket, raw) = tokio::join!(accept(far, config), Raw::client(near));
    (socket.expect("accepted"), raw)
}

/// The same with the driver in hand, and the stream as the operating system knows it.
pub(crate) async fn server_with_driver(
    config: Arc<ServerConfig>,
) -> (Tcp, Driver<TcpStream>, Raw<TcpStream>, Socket) {
    let (near, far) = tcp().await;
    let system = SockRef::from(&far).try_clone().expect("a second descriptor");
    let (handshake, mut driver) = incoming_with_driver(far, config);
    let answer = async {
        let incoming = handshake.request().await.expect("a request");
        incoming.accept(Accept::new()).await.expect("accepted")
    };
    let (socket, raw) = tokio::join!(driver.beside(answer), Raw::client(near));
    (socket, driver, raw, system)
}

/// Our client over TCP, its driver spawned, and a server by hand.
pub(crate) async fn client(config: Arc<Config>) -> (Tcp, Raw<TcpStream>, Socket) {
    let (near, far) = tcp().await;
    let system = SockRef::from(&near).try_clone().expect("a second descriptor");
    let connect = Connect::new("ws://localhost/").expect("a good URL").config(config);
    let (opened, raw) = tokio::join!(connect.over(near), Raw::server(far));
    let (socket, driver) = opened.expect("opened");
    tokio::spawn(driver);
    (socket, raw, system)
}

/// An open connection over a stream in memory, and a peer by hand.
pub(crate) fn in_memory(
    role: Role,
    config: Arc<Config>,
    len: usize,
) -> (WebSocket<DuplexStream>, Driver<DuplexStream>, Raw<DuplexStream>) {
    let (near, far) = duplex(len);
    let (socket, driver) = open(role, near, config, &mut []);
    (socket, driver, Raw::over(far, role == Role::Server))
}

/// A peer by hand: it says exactly what the test says.
pub(crate) struct Raw<S> {
    pub(crate) stream: S,
    masks: bool,
}

impl Raw<TcpStream> {
    /// Goes away without a word.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("no lingering");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    /// A client that has sent its request.
    pub(crate) async fn client(mut stream: S) -> Self {
        stream.write_all(REQUEST).await.expect("the request");
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self { stream, masks: true }
    }

    /// A server that has accepted.
    pub(crate) async fn server(mut stream: S) -> Self {
        let head = read_head(&mut stream).await;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = adieu_core::handshake::accept_key(key.expect("a key").as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.expect("the response");
        Self { stream, masks: false }
    }

    /// A peer on an open connection; `masks`: a client.
    pub(crate) const fn over(stream: S, masks: bool) -> Self {
        Self { stream, masks }
    }

    /// Sends a frame with a payload of at most 125 bytes.
    pub(crate) async fn send(&mut self, opcode: u8, payload: &[u8]) {
        let frame = self.encode(opcode, payload);
        self.stream.write_all(&frame).await.expect("a frame is taken");
    }

    /// A frame; the masking key is all zeros.
    pub(crate) fn encode(&self, opcode: u8, payload: &[u8]) -> Vec<u8> {
        let len = u8::try_from(payload.len()).expect("a short payload");
        let mut frame = vec![0x80 | opcode, len | if self.masks { 0x80 } else { 0 }];
        frame.extend_from_slice(if self.masks { &[0; 4] } else { &[] });
        frame.extend_from_slice(payload);
        frame
    }

    /// The next frame: opcode and payload. `None` at the end of the stream, or when it is reset.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut header = [0; 2];
        self.stream.read_exact(&mut header).await.ok()?;
        let len = match header[1] & 0x7F {
            126 => usize::from(self.stream.read_u16().await.ok()?),
            127 => usize::try_from(self.stream.read_u64().await.ok()?).ok()?,
            len => usize::from(len),
        };
        let mut key = [0; 4];
        if header[1] & 0x80 != 0 {
            self.stream.read_exact(&mut key).await.ok()?;
        }
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).await.ok()?;
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        Some((header[0] & 0x0F, payload))
    }

    /// Reads to the end of the stream, and tells how it ends: an error is a reset.
    pub(crate) async fn end(&mut self) -> Result<(), ErrorKind> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.map(|_| ()).map_err(|error| error.kind())
    }
}

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Reads an HTTP head, up to its blank line.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("more of a head"));
    }
    String::from_utf8(head).expect("a head in ASCII")
}

/// Blocks this thread until the operating system holds `len` bytes for us. Nothing else runs meanwhile: no reactor, no driver.
pub(crate) fn wait_for_bytes(system: &Socket, len: usize) {
    let mut bytes = [MaybeUninit::uninit(); 256];
    loop {
        match system.peek(&mut bytes) {
            Ok(held) if held >= len => return,
            Ok(0) => panic!("the stream ended first"),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        std::thread::yield_now();
    }
}

/// Echoes until the end.
pub(crate) async fn echo<S: Transport>(mut socket: WebSocket<S>) -> Box<Closed> {
    loop {
        match socket.recv().await {
            Ok(message) => drop(socket.send(message).await),
            Err(closed) => return closed,
        }
    }
}

/// Lets every other task run until `done`.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}
