//! What the verdict says, and one of each cause: values that a connection has decided, not words made up.

use std::sync::Arc;
use std::time::Duration;

use adieu_core::handshake::ClientRequest;
use adieu_core::{
    Cause, Close, Closed, Config, Connection, Instant, Message, OriginPolicy, Role, ServerConfig,
    TransportError,
};

use super::source_docs::items;

const SEED: [u8; 32] = *b"thirty-two bytes of sheer chance";
/// A client's Close 1000 "bye": masked, with a key of zeros.
const BYE: &[u8] = b"\x88\x85\0\0\0\0\x03\xe8bye";

/// A connection, a clock, and a transport that takes everything it is given.
struct Endpoint {
    conn: Connection,
    now: Instant,
}

impl Endpoint {
    fn of(start: impl FnOnce(Instant) -> Connection) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        Self { conn: start(now), now }
    }

    /// A server in OPEN.
    fn open() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self::of(|now| Connection::open(Role::Server, Arc::new(config), SEED, now))
    }

    fn server() -> Self {
        Self::of(|now| Connection::server(Arc::new(ServerConfig::new(OriginPolicy::Any)), now))
    }

    fn client() -> Self {
        let request = ClientRequest::new("example.com", "/").expect("a plain request");
        Self::of(|now| Connection::client(request, Arc::new(Config::default()), SEED, now))
    }

    fn reads(mut self, bytes: &[u8]) -> Self {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        while self.conn.handle_input(self.now, &mut input).is_some() {}
        self.asks()
    }

    fn asks(mut self) -> Self {
        while self.conn.poll_event(self.now).is_some() {}
        self
    }

    fn writes(mut self, most: usize) -> Self {
        let mut left = most;
        loop {
            let mut slices = [&[][..]; 8];
            let filled = self.conn.transmit(self.now, &mut slices);
            let len = slices[..filled].iter().map(|slice| slice.len()).sum::<usize>().min(left);
            if len == 0 {
                return self.asks();
            }
            left -= len;
            self.conn.handle_written(self.now, len);
        }
    }

    fn flushes(self) -> Self {
        self.writes(usize::MAX)
    }

    fn waits(mut self, time: Duration) -> Self {
        self.now = self.now + time;
        self.conn.handle_timeout(self.now);
        self
    }

    fn ends(mut self) -> Self {
        self.conn.handle_eof(self.now);
        self.asks()
    }

    fn breaks(mut self, error: TransportError) -> Self {
        self.conn.handle_read_error(self.now, error);
        self.asks()
    }

    fn sends(mut self, text: &str) -> Self {
        self.conn.send(self.now, Message::from(text)).expect("a message that is taken");
        self
    }

    fn closes(mut self, code: u16, reason: &str) -> Self {
        let close = Close::new(code, reason).expect("a code that may travel");
        self.conn.close(self.now, close).expect("the first close");
        self
    }

    fn fails(mut self, code: u16, reason: &str) -> Self {
        let close = Close::new(code, reason).expect("a code that may travel");
        self.conn.fail(self.now, close).expect("the first close");
        self
    }

    fn aborts(mut self) -> Self {
        self.conn.abort(self.now);
        self
    }

    fn verdict(self) -> Closed {
        self.conn.closed().cloned().expect("a verdict")
    }
}

/// What happened, and the verdict.
fn examples() -> Vec<(&'static str, Closed)> {
    let mut found = ends();
    found.extend(timeouts());
    found
}

#[rustfmt::skip]
fn ends() -> Vec<(&'static str, Closed)> {
    let open = Endpoint::open;
    vec![
        ("the peer sent a Close, our echo was written", open().reads(BYE).flushes().verdict()),
        ("a server got a request that is none", Endpoint::server().reads(b"NONSENSE\r\n\r\n").flushes().verdict()),
        ("a client was answered 403",
            Endpoint::client().flushes().reads(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").verdict()),
        ("a frame to a server was not masked", open().reads(b"\x81\x02hi").flushes().verdict()),
        ("the application called `fail`", open().fails(1008, "policy").flushes().verdict()),
        ("the peer's TCP ended in OPEN, with a message of ours queued", open().sends("hello").ends().verdict()),
        ("the same inside a frame", open().reads(b"\x81").ends().verdict()),
        ("reset, after our Close was written", open().closes(1000, "bye").flushes().breaks(TransportError::Reset).verdict()),
        ("TLS ended without `close_notify`", open().breaks(TransportError::Truncated).verdict()),
        ("the application called `abort`", open().aborts().verdict()),
        ("a client called `close` before the 101", Endpoint::client().closes(1000, "").verdict()),
    ]
}

fn timeouts() -> Vec<(&'static str, Closed)> {
    let mut idle = Config::default();
    idle.idle_timeout = Some(Duration::from_secs(60));
    let d = Config::default();
    let interval = d.ping_interval.unwrap_or_default();
    let slow = || {
        let mut endpoint = Endpoint::open().sends("a message that is taken byte by byte").closes(1001, "");
        let steps = d.closing_timeout.as_secs() / 10;
        for _ in 0..steps {
            endpoint = endpoint.writes(1).waits(Duration::from_secs(10));
        }
        endpoint
    };
    vec![
        ("no request came", Endpoint::server().waits(d.handshake_timeout).flushes().verdict()),
        ("the peer took nothing", Endpoint::open().sends("hello").waits(d.write_timeout).verdict()),
        (
            "our Close was not answered",
            Endpoint::open().closes(1000, "bye").flushes().waits(d.close_timeout).verdict(),
        ),
        ("the peer took a little at a time, for too long", slow().verdict()),
        (
            "a keepalive Ping was not answered",
            Endpoint::open().waits(interval).flushes().waits(d.pong_timeout).flushes().verdict(),
        ),
        (
            "no message passed; the peer answered our Close",
            Endpoint::with(idle).waits(Duration::from_secs(60)).flushes().reads(BYE).verdict(),
        ),
    ]
}

/// The name of a cause in the code: `Timeout(Write)`.
fn name(cause: &Cause) -> String {
    let debug = format!("{cause:?}");
    let named: &str = debug.split([' ', '{']).next().unwrap_or_default();
    match cause {
        Cause::Refused(response) => {
            format!("Refused({})", if response.is_some() { "Some(…)" } else { "None" })
        }
        Cause::EndOfStream { inside_frame } => format!("EndOfStream {{ inside_frame: {inside_frame} }}"),
        _ => named.to_owned(),
    }
}

/// Each cause with a line as it is displayed.
pub(super) fn causes() -> String {
    let row =
        |(what, closed): &(&str, Closed)| format!("| `{}` | {what} | `{closed}` |\n", name(&closed.cause));
    let rows: String = examples().iter().map(row).collect();
    format!("| `cause` | what happened | the line |\n| --- | --- | --- |\n{rows}")
}

/// The words of a cause that an example has: `EndOfStream { inside_frame: true }`.
pub(super) fn shows(cause: &str) -> String {
    let found = examples().into_iter().find(|(_, closed)| name(&closed.cause) == cause);
    let (_, closed) = found.unwrap_or_else(|| panic!("no example has the cause `{cause}`"));
    format!("`{}`", closed.cause)
}

/// Every field with its documentation, and those of its parts.
pub(super) fn fields() -> String {
    let mut out = "| field | meaning |\n| --- | --- |\n".to_owned();
    let parts = [
        ("", "pub struct Closed"),
        ("initiator: ", "pub enum Initiator"),
        ("unsent.", "pub struct Unsent"),
        ("undelivered.", "pub struct Undelivered"),
    ];
    for (of, declaration) in parts {
        for item in items("verdict.rs", declaration) {
            out.push_str(&format!("| `{of}{}` | {} |\n", item.name, item.doc));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_and_every_timeout_has_an_example() {
        let names: Vec<_> = examples().iter().map(|(_, closed)| format!("{:?}", closed.cause)).collect();
        for item in items("verdict.rs", "pub enum Cause") {
            assert!(names.iter().any(|name| name.starts_with(&item.name)), "{}", item.name);
        }
        for item in items("verdict.rs", "pub enum Timeout") {
            assert!(names.contains(&format!("Timeout({})", item.name)), "{}", item.name);
        }
        for (what, closed) in examples() {
            let (clean, shown) = (closed.clean, closed.shown_code());
            assert!(clean == (closed.sent.is_some() && closed.received.is_some()), "{what}: {closed}");
            assert_eq!(shown == 1006, closed.received.is_none(), "{what}: {closed}");
        }
    }
}
