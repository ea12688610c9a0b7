//! The client's side of the opening handshake.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::handshake::ClientRequest;
use adieu_core::{Config, Connection, Event, Instant};
use http::Uri;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::clock;
use crate::driver::Driver;
use crate::error::ConnectError;
use crate::transport::Transport;
use crate::websocket::WebSocket;

/// The port of `ws://` (RFC 6455 §3).
const DEFAULT_PORT: u16 = 80;

/// Connects to a server: [`Connect::new`] and [`Connect::open`].
///
/// # Errors
///
/// [`ConnectError`].
pub async fn connect(url: &str) -> Result<WebSocket<TcpStream>, ConnectError> {
    Connect::new(url)?.open().await
}

/// A connection that is to be made.
#[derive(Clone, Debug)]
#[must_use = "nothing is connected until it is opened"]
pub struct Connect {
    host: String,
    port: u16,
    request: ClientRequest,
    config: Arc<Config>,
}

impl Connect {
    /// To the server of a `ws://` URL (RFC 6455 §3), with [`Config::default`].
    ///
    /// # Errors
    ///
    /// [`ConnectError::Url`], or [`ConnectError::Header`] if a part of the URL cannot travel.
    pub fn new(url: &str) -> Result<Self, ConnectError> {
        // R4.1-04
        let Place { host, port, authority, target } = parse(url).map_err(ConnectError::Url)?;
        let request = ClientRequest::new(&authority, &target)?;
        Ok(Self { host, port, request, config: Arc::default() })
    }

    /// Offers a further subprotocol, after those offered before in the order of preference.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Header`].
    pub fn subprotocol(mut self, name: &str) -> Result<Self, ConnectError> {
        self.request = self.request.subprotocol(name)?;
        Ok(self)
    }

    /// Sends a further header field.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Header`].
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, ConnectError> {
        self.request = self.request.header(name, value)?;
        Ok(self)
    }

    /// Sends an `Origin`, as browsers do.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Header`].
    pub fn origin(mut self, origin: &str) -> Result<Self, ConnectError> {
        self.request = self.request.origin(origin)?;
        Ok(self)
    }

    /// With this configuration.
    pub fn config(mut self, config: Arc<Config>) -> Self {
        self.config = config;
        self
    }

    /// Resolves the name, connects, and completes the opening handshake, all within `Config::handshake_timeout`. Spawns the
    /// connection's driver.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn open(self) -> Result<WebSocket<TcpStream>, ConnectError> {
        let (socket, driver) = self.open_with_driver().await?;
        tokio::spawn(driver);
        Ok(socket)
    }

    /// Like [`open`](Self::open), with the driver for the caller to poll.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn open_with_driver(self) -> Result<(WebSocket<TcpStream>, Driver<TcpStream>), ConnectError> {
        let begun = clock::now();
        // R4.1-01
        let stream = self.reach(begun).await?;
        self.shake(stream, begun).await
    }

    /// Completes the opening handshake over a stream that is connected already, with the driver for the caller to poll.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn over<S: Transport>(self, stream: S) -> Result<(WebSocket<S>, Driver<S>), ConnectError> {
        self.shake(stream, clock::now()).await
    }

    /// Tries the addresses in turn. Each gets an equal share of the time that is left.
    // R4.1-11
    async fn reach(&self, begun: Instant) -> Result<TcpStream, ConnectError> {
        let left = || self.config.handshake_timeout.saturating_sub(clock::now().since(begun));
        let host = self.host.trim_matches(['[', ']']);
        let found = in_time(left(), lookup_host((host, self.port))).await?;
        let addresses: Vec<_> = found.collect();
        let mut failure = ConnectError::Io(io::Error::from(io::ErrorKind::NotFound));
        for (tried, address) in addresses.iter().enumerate() {
            let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            match in_time(left() / others, TcpStream::connect(address)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        // R4.1-13
        Err(failure)
    }

    async fn shake<S: Transport>(
        self,
        stream: S,
        begun: Instant,
    ) -> Result<(WebSocket<S>, Driver<S>), ConnectError> {
        let mut seed = [0; 32];
        // R4.1-30, R5.3-03
        getrandom::fill(&mut seed).map_err(|error| ConnectError::Io(io::Error::other(error)))?;
        let conn = Connection::client(self.request, self.config, seed, begun);
        let (socket, mut driver) = WebSocket::begin(stream, conn);
        // Dropped before the driver, so that giving up ends the stream in order (CLOSE.md N4).
        let mut socket = socket;
        let response = |event| match event {
            Event::Open(response) => Some(response),
            _ => None,
        };
        let response = driver.beside(socket.ask(response)).await.map_err(ConnectError::Handshake)?;
        socket.set_response(response);
        Ok((socket, driver))
    }
}

async fn in_time<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, ConnectError> {
    timeout(time, work).await.map_err(|_| ConnectError::Timeout)?.map_err(ConnectError::Io)
}

/// Where a URL leads.
struct Place {
    host: String,
    port: u16,
    /// Host and port as the `Host` header has them.
    authority: String,
    /// Path and query.
    target: String,
}

/// Takes a URL apart (RFC 6455 §3), or tells what is wrong with it.
// R4.1-02
fn parse(url: &str) -> Result<Place, &'static str> {
    // R3-01
    if url.contains('#') {
        return Err("it has a fragment");
    }
    let uri: Uri = url.parse().map_err(|_| "it is malformed")?;
    match uri.scheme_str() {
        Some(scheme) if scheme.eq_ignore_ascii_case("ws") => {}
        Some(scheme) if scheme.eq_ignore_ascii_case("wss") => {
            return Err("wss:// needs TLS, which is not there yet");
        }
        Some(_) | None => return Err("it does not begin with ws://"),
    }
    let authority = uri.authority().ok_or("it has no host")?;
    if authority.as_str().contains('@') {
        return Err("it has user information");
    }
    let host = authority.host();
    let port = match (&authority.as_str()[host.len()..], authority.port_u16()) {
        ("" | ":", None) => DEFAULT_PORT,
        (_, Some(port)) if port > 0 => port,
        (_, _) => return Err("its port is not 1 to 65535"),
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Ok(Place {
        host: host.to_string(),
        port,
        // R4.1-23
        authority: if port == DEFAULT_PORT { host.to_string() } else { format!("{host}:{port}") },
        // R4.1-22
        target: format!("{}{query}", uri.path()),
    })
}
