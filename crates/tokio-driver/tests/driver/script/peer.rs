//! The other end of a script. It goes on whatever becomes of the stream, and hears it to its end.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::yield_now;

use super::tap::Tap;
use crate::peers::{CLOSE, PING, PONG, REQUEST, Raw};

/// FIN in the first byte of a frame (RFC 6455 §5.2).
const FIN: u8 = 0x80;

pub(crate) struct Peer {
    raw: Raw<Tap>,
    /// The side under test is a client.
    serves: bool,
    closed: bool,
}

impl Peer {
    pub(crate) fn new(stream: Tap, serves: bool) -> Self {
        Self { raw: Raw::over(stream, !serves), serves, closed: false }
    }

    /// The opening handshake; a server answers with `status`.
    pub(crate) async fn shake(&mut self, status: u16) -> Option<()> {
        if !self.serves {
            self.put(REQUEST).await;
            return self.head().await.map(drop);
        }
        let head = self.head().await?;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
        let accept = adieu_core::handshake::accept_key(key.as_bytes());
        let fields = if status == 101 {
            format!("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
        } else {
            "Content-Length: 2\r\n\r\nno".to_owned()
        };
        self.put(format!("HTTP/1.1 {status} So\r\n{fields}").as_bytes()).await;
        Some(())
    }

    async fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.raw.stream.read_u8().await.ok()?);
        }
        String::from_utf8(head).ok()
    }

    /// Writes as far as the stream takes it.
    pub(crate) async fn put(&mut self, bytes: &[u8]) {
        let _gone = self.raw.stream.write_all(bytes).await;
    }

    pub(crate) async fn say(&mut self, opcode: u8, payload: &[u8]) {
        let frame = self.raw.encode(opcode, payload);
        self.put(&frame).await;
        self.closed |= opcode == CLOSE;
    }

    /// The same with FIN clear.
    pub(crate) async fn say_part(&mut self, opcode: u8, payload: &[u8]) {
        let mut frame = self.raw.encode(opcode, payload);
        frame[0] &= !FIN;
        self.put(&frame).await;
    }

    /// Byte by byte.
    pub(crate) async fn say_slowly(&mut self, opcode: u8, payload: &[u8]) {
        self.closed |= opcode == CLOSE;
        for byte in self.raw.encode(opcode, payload) {
            self.put(&[byte]).await;
            yield_now().await;
        }
    }

    /// The first `len` bytes of a frame.
    pub(crate) async fn say_beginning(&mut self, opcode: u8, payload: &[u8], len: usize) {
        let frame = self.raw.encode(opcode, payload);
        self.put(&frame[..len]).await;
    }

    /// Lets the others run.
    pub(crate) async fn pause(&self) {
        for _ in 0..4 {
            yield_now().await;
        }
    }

    /// The next frame; `None` at the end.
    pub(crate) async fn hear(&mut self) -> Option<(u8, Vec<u8>)> {
        self.raw.frame().await
    }

    /// Hears up to the next message, and answers Pings. `None` at a Close, which is answered, and at the end.
    pub(crate) async fn hear_message(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.hear().await? {
                (PING, payload) => {
                    self.pause().await;
                    self.say(PONG, &payload).await;
                }
                (PONG, _) => {}
                (CLOSE, payload) => {
                    if !self.closed {
                        self.say(CLOSE, &payload).await;
                    }
                    return None;
                }
                (_, payload) => return Some(payload),
            }
        }
    }

    /// Hears everything to the Close, which is answered, and to the end. A server ends the stream first (§7.1.1).
    pub(crate) async fn see_out(mut self) {
        while self.hear_message().await.is_some() {}
        if self.serves {
            let _gone = self.raw.stream.shutdown().await;
        }
        while self.hear().await.is_some() {}
    }

    /// Says nothing any more, and hears everything to the end.
    pub(crate) async fn keep_silent(mut self) {
        while self.hear().await.is_some() {}
    }
}
