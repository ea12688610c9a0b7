//! The client's side of the opening handshake, and the way to it.
//!
//! Owns: the order of name, proxy, TCP, TLS and handshake, and the deadline over all. Must not know: what is said in any of them.

mod error;
mod reach;
#[cfg(test)]
mod tests;
pub(crate) mod url;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::handshake::ClientRequest;
use adieu_core::{Config, Connection, Event};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

pub use error::ConnectError;

use crate::clock;
use crate::driver::Driver;
use crate::net_stream::NetStream;
use crate::proxy::{Proxy, ProxyError, Target, from_environment};
use crate::transport::Transport;
use crate::websocket::WebSocket;
use url::Place;

/// A deadline that the clock cannot express is so far away.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Connects to a server: [`Connect::new`] and [`Connect::open`].
///
/// # Errors
///
/// [`ConnectError`].
pub async fn connect(url: &str) -> Result<WebSocket<NetStream>, ConnectError> {
    Connect::new(url)?.open().await
}

/// A connection that is to be made.
#[derive(Clone, Debug)]
#[must_use = "nothing is connected until it is opened"]
pub struct Connect {
    place: Place,
    request: ClientRequest,
    config: Arc<Config>,
    way: Way,
    attempt_delay: Duration,
    #[cfg(feature = "tls")]
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// Through which proxy.
#[derive(Clone, Debug)]
enum Way {
    /// The one that the environment names, if it does.
    Environment,
    Direct,
    Through(Proxy),
}

impl Connect {
    /// To the server of a `ws://` or `wss://` URL (RFC 6455 §3), with [`Config::default`]. `wss://` needs the feature `tls`.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Url`], or [`ConnectError::Header`] if a part of the URL cannot travel.
    pub fn new(url: &str) -> Result<Self, ConnectError> {
        // R4.1-04
        let place = url::parse(url).map_err(ConnectError::Url)?;
        let request = ClientRequest::new(&place.authority, &place.target)?;
        Ok(Self {
            place,
            request,
            config: Arc::default(),
            way: Way::Environment,
            attempt_delay: reach::ATTEMPT_DELAY,
            #[cfg(feature = "tls")]
            tls: None,
        })
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

    /// With this configuration of TLS for `wss://`, and not with [`tls::platform`](crate::tls::platform): other roots, a certificate of the client's,
    /// a verifier of one's own.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Through this proxy, whatever the environment says.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.way = Way::Through(proxy);
        self
    }

    /// Without a proxy, whatever the environment says.
    pub fn direct(mut self) -> Self {
        self.way = Way::Direct;
        self
    }

    /// How long an address has for itself before the next one is tried beside it (RFC 8305 §5). 250 ms by default.
    pub const fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay;
        self
    }

    /// Resolves the name, connects, and completes the opening handshake, all within `Config::handshake_timeout`. Spawns the
    /// connection's driver.
    ///
    /// Of several addresses the first that answers is taken, as RFC 8305 has it. Unless [`proxy`](Self::proxy) or
    /// [`direct`](Self::direct) says otherwise, the way leads through the proxy that the environment names, read as curl does: `ws_proxy`
    /// or `http_proxy`, `wss_proxy` or `https_proxy`, `all_proxy`, and `no_proxy`; never to a loopback address.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn open(self) -> Result<WebSocket<NetStream>, ConnectError> {
        let (socket, driver) = self.open_with_driver().await?;
        tokio::spawn(driver);
        Ok(socket)
    }

    /// Like [`open`](Self::open), with the driver for the caller to poll.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn open_with_driver(self) -> Result<(WebSocket<NetStream>, Driver<NetStream>), ConnectError> {
        let begun = clock::now();
        // R4.1-01
        let stream = self.reach().await?;
        self.shake(stream, begun).await
    }

    /// Only makes the way: TCP, through a proxy if there is one, with TLS in it for `wss://`; within `Config::handshake_timeout`.
    ///
    /// # Errors
    ///
    /// Every [`ConnectError`] but `Handshake`.
    pub async fn reach(&self) -> Result<NetStream, ConnectError> {
        let now = Instant::now();
        let deadline = now.checked_add(self.config.handshake_timeout).unwrap_or(now + FAR);
        let tcp = match self.proxy_on_the_way().map_err(ConnectError::Proxy)? {
            None => self.tcp(&self.place.host, self.place.port, deadline).await?,
            Some(proxy) => self.through(&proxy, deadline).await.map_err(ConnectError::Proxy)?,
        };
        self.secure(tcp, deadline).await
    }

    /// Completes the opening handshake over a stream that is connected already, with the driver for the caller to poll.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn over<S: Transport>(self, stream: S) -> Result<(WebSocket<S>, Driver<S>), ConnectError> {
        self.shake(stream, clock::now()).await
    }

    fn proxy_on_the_way(&self) -> Result<Option<Proxy>, ProxyError> {
        match &self.way {
            Way::Direct => Ok(None),
            Way::Through(proxy) => Ok(Some(proxy.clone())),
            Way::Environment => {
                from_environment(self.place.secure, &self.place.host, |name| std::env::var(name).ok())
            }
        }
    }

    /// TCP to a host's first address that answers.
    // R4.1-11
    async fn tcp(&self, host: &str, port: u16, deadline: Instant) -> Result<TcpStream, ConnectError> {
        let found = timeout_at(deadline, lookup_host((host, port))).await;
        let addresses =
            reach::interleave(found.map_err(|_| ConnectError::Timeout)?.map_err(ConnectError::Io)?);
        // R4.1-13
        let connected = reach::race(&addresses, self.attempt_delay, deadline, TcpStream::connect).await;
        connected.map_err(ConnectError::Unreachable)
    }

    /// TCP to the proxy, and its tunnel to the server.
    // R4.1-10
    async fn through(&self, proxy: &Proxy, deadline: Instant) -> Result<TcpStream, ProxyError> {
        let unreachable = |error| ProxyError::Reach(Box::new(error));
        let (host, port) = (self.place.host.as_str(), self.place.port);
        let mut target = Target::new(host, port);
        if !proxy.resolves() && matches!(target, Target::Name(..)) {
            let found = timeout_at(deadline, lookup_host((host, port))).await;
            let found = found.map_err(|_| unreachable(ConnectError::Timeout))?;
            let found = found.map_err(|error| unreachable(ConnectError::Io(error)))?.next();
            target =
                Target::Address(found.ok_or_else(|| unreachable(ConnectError::Unreachable(Vec::new())))?);
        }
        let mut stream = self.tcp(&proxy.host, proxy.port, deadline).await.map_err(unreachable)?;
        let asked = timeout_at(deadline, proxy.ask(&mut stream, &target)).await;
        asked.unwrap_or(Err(ProxyError::Timeout)).map(|()| stream)
    }

    /// TLS for `wss://`.
    // R4.1-14, R4.1-15, R4.1-16, R10.6-01
    #[cfg(feature = "tls")]
    async fn secure(&self, tcp: TcpStream, deadline: Instant) -> Result<NetStream, ConnectError> {
        if !self.place.secure {
            return Ok(tcp.into());
        }
        let unusable = |error| ConnectError::Tls(io::Error::other(error));
        let config = match &self.tls {
            Some(config) => Arc::clone(config),
            None => crate::tls::platform().map_err(unusable)?,
        };
        let name = self.place.host.clone().try_into();
        let name = name.map_err(|_| ConnectError::Url("its host is neither a DNS name nor an address"))?;
        let mut stream = crate::tls::TlsStream::client(tcp, config, name).map_err(unusable)?;
        let shaken = timeout_at(deadline, stream.handshake()).await;
        shaken.unwrap_or(Err(io::ErrorKind::TimedOut.into())).map_err(ConnectError::Tls)?;
        Ok(stream.into())
    }

    #[cfg(not(feature = "tls"))]
    #[allow(clippy::unused_async, reason = "it is one with the feature")]
    async fn secure(&self, tcp: TcpStream, _deadline: Instant) -> Result<NetStream, ConnectError> {
        Ok(tcp.into())
    }

    async fn shake<S: Transport>(
        self,
        stream: S,
        begun: adieu_core::Instant,
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
