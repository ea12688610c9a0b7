//! Requests that another HTTP server has parsed.
//!
//! Owns: telling the core what was asked, and the other server what the core answers. Must not know: what makes a request a good one.

use std::fmt;
use std::sync::Arc;

use adieu_core::handshake::{Accept, Reject, Request};
use adieu_core::{AnswerError, Connection, Event, Instant, ServerConfig};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};

use crate::clock;
use crate::driver::Driver;
use crate::transport::Transport;
use crate::websocket::WebSocket;
use crate::wire::SLICES;

/// A stream of HTTP/2 or HTTP/3 has no use for a key: any will do (RFC 8441 §5).
const ANY_KEY: &[u8] = b"AAAAAAAAAAAAAAAAAAAAAA==";

/// Fields of a 101 that mean nothing in HTTP/2 and HTTP/3 (RFC 8441 §5, RFC 9113 §8.2.2).
const OF_HTTP1: [HeaderName; 3] = [header::UPGRADE, header::CONNECTION, header::SEC_WEBSOCKET_ACCEPT];

/// A request for WebSocket that came to an HTTP server of another crate, such as hyper or axum. It is judged as one that comes to
/// [`accept`](crate::accept()), and answered with what that server is to send.
///
/// A `CONNECT` of HTTP/2 or HTTP/3 is one of RFC 8441 or RFC 9220; that its `:protocol` is `websocket` is for the caller to look at.
///
/// ```
/// use std::sync::Arc;
/// use adieu_tokio::{Accept, OriginPolicy, ServerConfig, Upgrade};
///
/// let request = http::Request::get("/chat")
///     .header("Host", "example.com")
///     .header("Upgrade", "websocket")
///     .header("Connection", "Upgrade")
///     .header("Sec-WebSocket-Version", "13")
///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// let upgrade = Upgrade::new(&request, Arc::new(ServerConfig::new(OriginPolicy::SameOrigin)));
/// let (response, accepted) = upgrade.expect("a good request").accept(&Accept::new())?;
/// assert_eq!(response.headers()["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn over(accepted: adieu_tokio::Accepted) {
/// // Send the response; then, with the stream and what was read of it behind the request:
/// # let (stream, _peer) = tokio::io::duplex(64);
/// let (socket, driver) = accepted.over(stream, &mut []);
/// tokio::spawn(driver);
/// # drop(socket);
/// # }
/// # over(accepted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Upgrade {
    conn: Connection,
    request: Box<Request>,
    tunnel: bool,
}

impl Upgrade {
    /// Judges a request. `Config::handshake_timeout` counts from here.
    ///
    /// # Errors
    ///
    /// The response that refuses it.
    pub fn new<B>(
        request: &http::Request<B>,
        config: Arc<ServerConfig>,
    ) -> Result<Self, Box<Response<Vec<u8>>>> {
        let later = matches!(request.version(), Version::HTTP_2 | Version::HTTP_3);
        let tunnel = later && request.method() == Method::CONNECT;
        let now = clock::now();
        let mut conn = Connection::server(config, now);
        conn.handle_ahead(now, &mut head(request, tunnel));
        match conn.poll_event(now) {
            Some(Event::Request(request)) => Ok(Self { conn, request, tunnel }),
            _ => Err(Box::new(response(&mut conn, now))),
        }
    }

    /// The request, as Adieu sees it.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Accepts: the response to send, and what is then to be put over the stream.
    ///
    /// # Errors
    ///
    /// [`AnswerError`]: the answer does not fit the request.
    pub fn accept(mut self, answer: &Accept) -> Result<(Response<()>, Accepted), AnswerError> {
        let now = clock::now();
        self.conn.accept(now, answer)?;
        let mut response = response(&mut self.conn, now).map(drop);
        if self.tunnel {
            *response.status_mut() = StatusCode::OK;
            for name in OF_HTTP1 {
                response.headers_mut().remove(name);
            }
        }
        Ok((response, Accepted { conn: self.conn }))
    }

    /// Refuses: the response to send.
    pub fn reject(mut self, answer: &Reject) -> Response<Vec<u8>> {
        let now = clock::now();
        // A request waits: it can be answered.
        let _waits = self.conn.reject(now, answer);
        response(&mut self.conn, now)
    }
}

/// A connection whose response is the other server's to send.
pub struct Accepted {
    conn: Connection,
}

impl Accepted {
    /// The connection over the stream, once the response is sent. `leftover` is what was read of it behind the request.
    pub fn over<S: Transport>(mut self, stream: S, leftover: &mut [u8]) -> (WebSocket<S>, Driver<S>) {
        self.conn.handle_ahead(clock::now(), leftover);
        WebSocket::begin(stream, self.conn)
    }
}

/// The head of a request, as it was or would have been in HTTP/1.
fn head<B>(request: &http::Request<B>, tunnel: bool) -> Vec<u8> {
    let uri = request.uri();
    let target = uri.path_and_query().map_or(uri.path(), |target| target.as_str());
    let method = if tunnel { &Method::GET } else { request.method() };
    let version = if request.version() == Version::HTTP_10 { "1.0" } else { "1.1" };
    let mut head = format!("{method} {target} HTTP/{version}").into_bytes();
    let mut field =
        |name: &[u8], value: &[u8]| head.extend_from_slice(&[b"\r\n", name, b": ", value].concat());
    if let (Some(authority), None) = (uri.authority(), request.headers().get(header::HOST)) {
        field(b"Host", authority.as_str().as_bytes());
    }
    if tunnel {
        field(b"Upgrade", b"websocket");
        field(b"Connection", b"Upgrade");
        field(b"Sec-WebSocket-Key", ANY_KEY);
    }
    // HTTP/2 splits them (RFC 9113 §8.2.3).
    let cookies: Vec<_> =
        request.headers().get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if !cookies.is_empty() {
        field(b"Cookie", &cookies.join(&b"; "[..]));
    }
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != header::COOKIE) {
        field(name.as_str().as_bytes(), value.as_bytes());
    }
    head.extend_from_slice(b"\r\n\r\n");
    head
}

/// What the connection has to say, taken as said: a response.
fn response(conn: &mut Connection, now: Instant) -> Response<Vec<u8>> {
    let mut said = Vec::new();
    loop {
        let mut slices = [&[][..]; SLICES];
        let count = conn.transmit(now, &mut slices);
        if count == 0 {
            break;
        }
        let batch = slices[..count].concat();
        conn.handle_written(now, batch.len());
        said.extend(batch);
    }
    parse(&said).unwrap_or_else(|| {
        let mut nothing = Response::new(Vec::new());
        *nothing.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        nothing
    })
}

/// Reads a response that the core wrote.
fn parse(said: &[u8]) -> Option<Response<Vec<u8>>> {
    let end = said.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut lines = said[..end].split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let status = lines.next()?.split(|&byte| byte == b' ').nth(1)?;
    let mut response = Response::new(said[end + 4..].to_vec());
    *response.status_mut() = StatusCode::from_bytes(status).ok()?;
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        response.headers_mut().append(name, value);
    }
    Some(response)
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("request", &self.request).finish_non_exhaustive()
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").finish_non_exhaustive()
    }
}
