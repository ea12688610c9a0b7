//! The examples in which another HTTP server takes the request: hyper, axum and h2, through the close cases A1, B1, C1, C5 and S1.

mod programs;

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, StatusCode};
use programs::{Program, shake_hands, within};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// A frame of a client, with a payload of at most 125 bytes; the masking key is all zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("a short payload");
    [&[first, 0x80 | len, 0, 0, 0, 0], payload].concat()
}

/// A frame of a server.
fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("a short payload");
    [&[first, len], payload].concat()
}

/// The payload of a Close.
fn close(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

async fn start(name: &str) -> (Program, String) {
    let mut program = Program::example(name, &[]);
    let line = program.line().await;
    let address = line.strip_prefix("listening on ws://").expect("it tells where it listens");
    let address = address.trim_end_matches('/').to_owned();
    (program, address)
}

/// A client by hand, over a stream that ends, is reset, and tells its end as each transport does.
enum Client {
    Tcp(TcpStream),
    Http2 { send: SendStream<Bytes>, recv: RecvStream, rest: Bytes, _connection: SendRequest<Bytes> },
}

/// How a client sees its stream end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Orderly,
    Reset,
}

impl Client {
    async fn open(name: &str, address: &str) -> Self {
        if name != "h2" {
            let (stream, head) = shake_hands(address, "/").await;
            assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
            assert!(head.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="));
            return Self::Tcp(stream);
        }
        let request = connect(address).header("Sec-WebSocket-Version", "13").body(()).expect("a request");
        let (response, send, connection) = ask(address, request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers().is_empty(), "{response:?}");
        Self::Http2 { send, recv: response.into_body(), rest: Bytes::new(), _connection: connection }
    }

    async fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await.expect("taken"),
            Self::Http2 { send, .. } => {
                send.send_data(Bytes::copy_from_slice(bytes), false).expect("taken");
            }
        }
    }

    /// Reads as many bytes.
    async fn read(&mut self, len: usize) -> Vec<u8> {
        match self {
            Self::Tcp(stream) => {
                let mut into = vec![0; len];
                within(stream.read_exact(&mut into)).await.expect("bytes");
                into
            }
            Self::Http2 { recv, rest, .. } => {
                let mut into = Vec::new();
                while into.len() < len {
                    if rest.is_empty() {
                        *rest = within(recv.data()).await.expect("no end").expect("no error");
                    }
                    into.extend_from_slice(&rest.split_to(rest.len().min(len - into.len())));
                }
                into
            }
        }
    }

    async fn expect(&mut self, expected: &[u8]) {
        assert_eq!(self.read(expected.len()).await, expected);
    }

    /// Ends its direction.
    async fn end(&mut self) {
        match self {
            Self::Tcp(stream) => stream.shutdown().await.expect("an end"),
            Self::Http2 { send, .. } => send.send_data(Bytes::new(), true).expect("an end"),
        }
    }

    /// Resets the stream.
    fn reset(&mut self) {
        match self {
            Self::Tcp(stream) => {
                // It is dropped by the caller.
                SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).expect("no lingering");
            }
            Self::Http2 { send, .. } => send.send_reset(Reason::CANCEL),
        }
    }

    /// Reads to the end.
    async fn see_end(&mut self) -> End {
        match self {
            Self::Tcp(stream) => match within(stream.read(&mut [0])).await {
                Ok(0) => End::Orderly,
                Ok(_) => panic!("more bytes"),
                Err(_) => End::Reset,
            },
            Self::Http2 { recv, .. } => loop {
                match within(recv.data()).await {
                    None => return End::Orderly,
                    Some(Ok(bytes)) => assert!(bytes.is_empty(), "more bytes: {bytes:?}"),
                    Some(Err(error)) => {
                        assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
                        return End::Reset;
                    }
                }
            },
        }
    }
}

/// A request of RFC 8441.
fn connect(address: &str) -> http::request::Builder {
    let uri = format!("http://{address}/");
    Request::builder().method(Method::CONNECT).uri(uri).extension(Protocol::from_static("websocket"))
}

async fn ask(
    address: &str,
    request: Request<()>,
) -> (http::Response<RecvStream>, SendStream<Bytes>, SendRequest<Bytes>) {
    let stream = within(TcpStream::connect(address)).await.expect("it listens");
    let (asking, mut connection) = within(h2::client::handshake(stream)).await.expect("HTTP/2");
    // The server's settings, which allow the request, come with the answer to a ping.
    let mut pings = connection.ping_pong().expect("the first to ask");
    tokio::spawn(connection);
    within(pings.ping(h2::Ping::opaque())).await.expect("a pong");
    let mut asking = within(asking.ready()).await.expect("ready");
    assert!(asking.is_extended_connect_protocol_enabled());
    let (response, send) = asking.send_request(request, false).expect("a request");
    (within(response).await.expect("a response"), send, asking)
}

/// A request over HTTP/1, and no other behind it: the whole answer.
async fn get(address: &str, target: &str) -> String {
    let mut stream = within(TcpStream::connect(address)).await.expect("it listens");
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    within(stream.write_all(request.as_bytes())).await.expect("it reads");
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.expect("an answer and its end");
    answer
}

const ALL: [&str; 3] = ["hyper", "axum", "h2"];

#[tokio::test]
async fn a1_the_clients_close_is_echoed() {
    for name in ALL {
        let (mut program, address) = start(name).await;
        let mut client = Client::open(name, &address).await;
        client.write(&frame(TEXT, b"hello")).await;
        client.expect(&plain(TEXT, b"hello")).await;
        client.write(&frame(CLOSE, &close(3001, "bye"))).await;
        client.expect(&plain(CLOSE, &close(3001, "bye"))).await;
        assert_eq!(client.see_end().await, End::Orderly, "{name}");
        client.end().await;
        let verdict = "verdict: clean: closing handshake complete; the peer closed first; \
                       sent 3001 \"bye\"; received 3001 \"bye\"";
        assert_eq!(program.line().await, verdict, "{name}");
    }
}

#[tokio::test]
async fn b1_s1_the_server_closes_first_and_sends_nothing_behind_its_close() {
    for name in ALL {
        let (mut program, address) = start(name).await;
        let mut client = Client::open(name, &address).await;
        client.write(&frame(TEXT, b"close")).await;
        client.expect(&plain(CLOSE, &close(4000, "as you wish"))).await;
        let refused = program.line().await;
        assert!(refused.ends_with("came back") && refused.contains("close"), "{name}: {refused}");
        client.write(&frame(CLOSE, &close(4000, "as you wish"))).await;
        assert_eq!(client.see_end().await, End::Orderly, "{name}");
        client.end().await;
        let verdict = program.line().await;
        let expected = "verdict: clean: closing handshake complete; we closed first; sent 4000";
        assert!(verdict.starts_with(expected), "{name}: {verdict}");
    }
}

#[tokio::test]
async fn c1_an_end_without_a_close_is_not_clean() {
    for name in ALL {
        let (mut program, address) = start(name).await;
        let mut client = Client::open(name, &address).await;
        client.write(&frame(TEXT, b"hello")).await;
        client.expect(&plain(TEXT, b"hello")).await;
        client.end().await;
        assert_eq!(client.see_end().await, End::Orderly, "{name}");
        assert!(program.line().await.starts_with("verdict: not clean: end of stream"), "{name}");
    }
}

#[tokio::test]
async fn c5_a_reset_is_told_apart_from_an_end() {
    for name in ALL {
        let (mut program, address) = start(name).await;
        let mut client = Client::open(name, &address).await;
        client.write(&frame(TEXT, b"hello")).await;
        client.expect(&plain(TEXT, b"hello")).await;
        client.reset();
        // A stream of HTTP/2 is reset while its connection lives on.
        let kept = matches!(client, Client::Http2 { .. }).then_some(client);
        assert!(program.line().await.starts_with("verdict: not clean: connection reset"), "{name}");
        drop(kept);
    }
}

#[tokio::test]
async fn b18_an_abort_is_a_reset() {
    for name in ALL {
        let (mut program, address) = start(name).await;
        let mut client = Client::open(name, &address).await;
        client.write(&frame(TEXT, b"abort")).await;
        assert_eq!(client.see_end().await, End::Reset, "{name}");
        let refused = program.line().await;
        assert!(refused.ends_with("came back"), "{name}: {refused}");
        assert!(program.line().await.starts_with("verdict: not clean: aborted"), "{name}");
    }
}

#[tokio::test]
async fn what_is_sent_behind_the_request_is_not_lost() {
    for name in ["hyper", "axum"] {
        let (_program, address) = start(name).await;
        let mut stream = within(TcpStream::connect(&address)).await.expect("it listens");
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        let early = [request.as_bytes(), &frame(TEXT, b"early")].concat();
        within(stream.write_all(&early)).await.expect("taken");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within(stream.read_u8()).await.expect("a whole head"));
        }
        Client::Tcp(stream).expect(&plain(TEXT, b"early")).await;
    }
}

#[tokio::test]
async fn what_is_not_for_websocket_is_served_or_refused() {
    for name in ["hyper", "axum"] {
        let (_program, address) = start(name).await;
        let page = get(&address, "/hello").await;
        assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("hello over HTTP\n"), "{name}: {page}");
        let refused = get(&address, "/").await;
        assert!(refused.starts_with("HTTP/1.1 426 "), "{name}: {refused}");
    }
    let (_program, address) = start("h2").await;
    let old = connect(&address).header("Sec-WebSocket-Version", "8").body(()).expect("a request");
    let (response, ..) = ask(&address, old).await;
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
}

#[tokio::test]
async fn a_long_message_goes_through_the_flow_control_of_http_2() {
    let (_program, address) = start("h2").await;
    let Client::Http2 { mut send, mut recv, _connection, .. } = Client::open("h2", &address).await else {
        panic!("a stream of HTTP/2")
    };
    let len = 300_000_u64;
    let mut message = vec![0x82, 0xFF];
    message.extend_from_slice(&len.to_be_bytes());
    message.resize(14 + 300_000, 0);
    let sending = async {
        while !message.is_empty() {
            send.reserve_capacity(message.len());
            while send.capacity() == 0 {
                within(std::future::poll_fn(|cx| send.poll_capacity(cx))).await.expect("open").expect("open");
            }
            let piece = message.drain(..send.capacity().min(message.len())).collect::<Vec<_>>();
            send.send_data(piece.into(), false).expect("taken");
        }
    };
    let receiving = async {
        let mut received = 0;
        while received < 10 + 300_000 {
            let piece = within(recv.data()).await.expect("no end").expect("no error");
            received += piece.len();
            recv.flow_control().release_capacity(piece.len()).expect("received");
        }
        received
    };
    let ((), received) = tokio::join!(sending, receiving);
    assert_eq!(received, 10 + 300_000);
}
