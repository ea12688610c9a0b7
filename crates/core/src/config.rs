//! Limits and deadlines, each with its default and the reason for it.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use crate::deflate::Deflate;

/// What one endpoint allows and how long it waits. Shared by all its connections through an [`Arc`].
///
/// Every field may be set to any value; the defaults suit a server on the open internet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// Longest message that is taken, in bytes of payload. Default 1 MiB: what one connection may make this endpoint hold.
    pub max_message_len: usize,
    /// Longest frame that is taken, in bytes of payload. Default 1 MiB: a frame is no longer than its message.
    pub max_frame_len: usize,
    /// Most frames in one message. Default 262,144: 1 MiB in frames of 4 bytes; bounds the work of empty fragments.
    pub max_fragments: u32,
    /// Deliver messages in parts as they arrive ([`Event::Chunk`](crate::Event::Chunk)), without gathering; then
    /// `max_message_len` still bounds the whole. Default off.
    pub chunks: bool,
    /// The inbox's threshold in bytes: reading stops when looking ahead has put this much into it. Default 64 KiB: one read.
    pub inbox_len: usize,
    /// The most that a driver reads at once, in bytes; ours read at most 16 MiB. Default 64 KiB: more gains nothing on a stream socket.
    pub read_len: usize,
    /// High water mark of the send queue in bytes: at or above it `send` is refused. Default 1 MiB: a message of the usual limit.
    pub send_high: usize,
    /// Low water mark in bytes: [`Event::Drained`](crate::Event::Drained) is told at or below it. Default 256 KiB, a quarter, so
    /// that the writer does not run dry.
    pub send_low: usize,
    /// Longest opening handshake head in bytes. Default 8 KiB, as common HTTP servers.
    pub max_head_len: usize,
    /// Most header fields in it. Default 64.
    pub max_headers: usize,
    /// For the whole opening handshake, from accept or connect. Default 10 s: two lost packets and a slow application.
    pub handshake_timeout: Duration,
    /// For any progress in writing. Default 30 s: longer than a mobile handover, shorter than TCP's own patience.
    pub write_timeout: Duration,
    /// From the flush of our Close to the peer's. Default 5 s: a round trip and a busy application.
    pub close_timeout: Duration,
    /// From the flush of the last thing we send to the end of the peer's stream. Default 2 s: a round trip; all is said. Less than
    /// a round trip, and the server cannot be last to leave (CLOSE.md rule 11): its Close may be lost to a reset.
    pub drain_timeout: Duration,
    /// Absolute bound from the beginning of an end to the verdict. Default 60 s: a queue at the high water mark over a slow line.
    pub closing_timeout: Duration,
    /// For how long a noted Close may wait behind messages (CLOSE.md rule 6). Default 1 s: time to reply.
    pub close_linger: Duration,
    /// A Ping goes out when nothing has arrived for this long. Default 20 s: below the 30 s of impatient proxies.
    pub ping_interval: Option<Duration>,
    /// From a Ping's flush to its Pong. Default 20 s.
    pub pong_timeout: Duration,
    /// The connection is closed with 1001 when no part of a message has passed for this long, and none waits to be written. Default none.
    pub idle_timeout: Option<Duration>,
    /// Input that is discarded after the end before the transport is closed all the same, in bytes. Default 1 MiB.
    /// Less than a Close takes, 131 bytes, and two Closes that cross end in a reset.
    pub drain_len: usize,
    /// Offer or accept permessage-deflate (RFC 7692), with the feature `deflate`. Default none: compression beside text of an attacker's
    /// choice gives secrets away (RFC 7692 §8), and costs memory and time.
    pub deflate: Option<Deflate>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message_len: 1 << 20,
            max_frame_len: 1 << 20,
            max_fragments: 1 << 18,
            chunks: false,
            inbox_len: 64 << 10,
            read_len: 64 << 10,
            send_high: 1 << 20,
            send_low: 256 << 10,
            max_head_len: 8 << 10,
            max_headers: 64,
            handshake_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(2),
            closing_timeout: Duration::from_secs(60),
            close_linger: Duration::from_secs(1),
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            idle_timeout: None,
            drain_len: 1 << 20,
            deflate: None,
        }
    }
}

impl Config {
    /// The longest time from the beginning of an end (a Close queued or noted, a failure) to the verdict, with any peer and a driver that
    /// acts on each deadline when it is due.
    pub const fn max_close_time(&self) -> Duration {
        self.closing_timeout
    }

    /// The most that one connection holds, in bytes of the allocator's, beside the [`Connection`](crate::Connection) itself.
    ///
    /// It takes for granted that a driver feeds at most `read_len` bytes at once, and that the application's own messages are no
    /// longer than `max_message_len`.
    pub const fn max_memory(&self) -> usize {
        let message = self.max_message_len as u128;
        // Looked ahead, and what came before the request was answered.
        let inbox = 2 * self.inbox_len as u128 + 6 * self.read_len as u128 + message;
        let queue = 2 * (self.send_high as u128 + message);
        // Head, its fields apart, and what the answer needs of them.
        let handshake = 4 * self.max_head_len as u128 + 160 * self.max_headers as u128;
        let deflate = if let Some(deflate) = &self.deflate { deflate.max_memory(self) } else { 0 };
        let all = inbox + queue + handshake + message + FIXED_MEMORY + deflate;
        if all > usize::MAX as u128 { usize::MAX } else { all as usize }
    }
}

/// One block of output, control payloads, Pings, Closes and the verdict.
const FIXED_MEMORY: u128 = 160 << 10;

/// A server's configuration: [`Config`] and what only a server decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Which browsers' pages may connect.
    pub origin: OriginPolicy,
    /// Hand GET and HEAD requests that do not ask for WebSocket to the application, which can only `reject` them (with any status from 200
    /// on, so it can serve a page). Default off: they are answered 426.
    pub plain_http: bool,
    /// What both roles decide.
    pub connection: Arc<Config>,
}

impl ServerConfig {
    /// A server's configuration with [`Config::default`].
    pub fn new(origin: OriginPolicy) -> Self {
        Self { origin, plain_http: false, connection: Arc::new(Config::default()) }
    }

    /// The same with another [`Config`].
    #[must_use]
    pub fn with(self, connection: Config) -> Self {
        Self { connection: Arc::new(connection), ..self }
    }
}

/// Which origins may connect (RFC 6455 §10.2). A request without an `Origin` is not from a browser and passes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OriginPolicy {
    /// Any page of any site may connect in its visitor's name. Only for services that need no protection from that.
    Any,
    /// The origin's host and port are those of the `Host` header. A default port is that of the origin's scheme: whether the page came over
    /// TLS is not asked, for a connection does not know what it runs over. Where that matters, give a [`List`](Self::List).
    SameOrigin,
    /// One of these, such as `https://example.com`, compared without regard to ASCII case.
    List(Vec<String>),
}
