//! A server: one task per connection.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, IntoFuture, pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use adieu_core::{Close, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{Id, JoinSet};
use tokio::time::timeout;

use crate::accept::{Incoming, incoming_with_driver};
use crate::served::Served;
use crate::shared::Shared;
#[cfg(feature = "tls")]
use crate::tls::TlsStream;
use crate::transport::Transport;

/// How long a shutdown waits by default.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long accepting pauses when the system is out of something, such as descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections that wait in the system's queue at a shutdown: at most this many are told.
const BACKLOG: usize = 4096;

/// Serves every client of `listener` with `handler`, in a task of its own in which the connection is driven too.
///
/// The handler gets the request and decides. It runs to its own end, also beyond that of its connection. When it returns, and drops what
/// it holds of the connection, the connection closes with 1001 unless it is closing already; the task goes on until that is done. A handler
/// that panics resets its connection.
///
/// Await it to run it; dropping it ends all connections at once: each is sent a Close 1001 as far as there is room for it, and reset.
pub fn serve<H, F>(listener: TcpListener, config: Arc<ServerConfig>, handler: H) -> Serve<H>
where
    H: Fn(Incoming<TcpStream>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    serve_over(listener, Some, config, handler)
}

/// Like [`serve`], over what `over` makes of each client's stream, such as a [`NetStream`](crate::NetStream); a client is dropped where
/// that is nothing. It is called for one client after the other, and should not wait for any.
pub fn serve_over<H, F, S>(
    listener: TcpListener,
    over: impl Fn(TcpStream) -> Option<S> + Send + 'static,
    config: Arc<ServerConfig>,
    handler: H,
) -> Serve<H, S>
where
    S: Transport + Send + 'static,
    H: Fn(Incoming<S>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let over = Box::new(over);
    Serve { listener, config, handler, over, signal: None, shutdown_timeout: SHUTDOWN_TIMEOUT }
}

/// Like [`serve`], over TLS. The TLS handshake is part of the opening handshake: `Config::handshake_timeout` is for both together,
/// and a shutdown is told to whoever is in the middle of it.
///
/// By ALPN it offers `http/1.1`, whatever the configuration says.
// R4.2.2-02
#[cfg(feature = "tls")]
pub fn serve_tls<H, F>(
    listener: TcpListener,
    tls: &Arc<rustls::ServerConfig>,
    config: Arc<ServerConfig>,
    handler: H,
) -> Serve<H, TlsStream<TcpStream>>
where
    H: Fn(Incoming<TlsStream<TcpStream>>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let tls = crate::tls::for_connections(tls);
    serve_over(listener, move |tcp| TlsStream::server(tcp, Arc::clone(&tls)).ok(), config, handler)
}

/// What [`serve`] returns: await it.
#[must_use = "nothing is served until it is awaited"]
pub struct Serve<H, S = TcpStream> {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    handler: H,
    /// What a connection runs over, made of a client's stream.
    over: Over<S>,
    signal: Option<BoxFuture>,
    shutdown_timeout: Duration,
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

type Over<S> = Box<dyn Fn(TcpStream) -> Option<S> + Send>;

impl<H, S> Serve<H, S> {
    /// Shuts down when `signal` is complete: nobody is accepted any more, handshakes in flight are answered with 503, open
    /// connections are closed with 1001. Then it waits for the connections and their handlers, at most for
    /// [`shutdown_timeout`](Self::shutdown_timeout).
    pub fn with_graceful_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.signal = Some(Box::pin(signal));
        self
    }

    /// How long a shutdown may take before what is left is reset and its handlers are dropped. 30 s by default.
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }
}

impl<H, F, S> IntoFuture for Serve<H, S>
where
    S: Transport + Send + 'static,
    H: Fn(Incoming<S>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    type Output = ();
    type IntoFuture = BoxFuture;

    fn into_future(self) -> BoxFuture {
        Box::pin(self.run())
    }
}

impl<H, F, S> Serve<H, S>
where
    S: Transport + Send + 'static,
    H: Fn(Incoming<S>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    async fn run(self) {
        let Self { listener, config, handler, over, signal, shutdown_timeout } = self;
        let mut signal = signal.unwrap_or_else(|| Box::pin(pending()));
        let mut clients = Clients { tasks: JoinSet::new(), live: HashMap::new() };
        loop {
            match poll_fn(|cx| clients.poll_accept(cx, &listener, &mut signal)).await {
                None => break,
                Some(Ok(stream)) => clients.admit(over(stream), &config, &handler),
                Some(Err(error)) if is_the_clients(&error) => {}
                Some(Err(_)) => {
                    if timeout(PAUSE, &mut signal).await.is_ok() {
                        break;
                    }
                }
            }
        }
        for stream in backlog(listener) {
            clients.admit(over(stream), &config, &handler);
        }
        clients.close();
        // Those that are left are reset.
        let _late = timeout(shutdown_timeout, clients.finish()).await;
        clients.tasks.shutdown().await;
    }
}

/// The connections that are being served.
struct Clients<S> {
    tasks: JoinSet<()>,
    live: HashMap<Id, Weak<Shared<S>>>,
}

impl<S: Transport + Send + 'static> Clients<S> {
    /// The next client; `None` when it is time to stop.
    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
        listener: &TcpListener,
        signal: &mut BoxFuture,
    ) -> Poll<Option<io::Result<TcpStream>>> {
        if signal.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        let _empty = self.poll_finished(cx);
        listener.poll_accept(cx).map(|accepted| Some(accepted.map(|(stream, _address)| stream)))
    }

    /// Forgets those that are done with; ready when none is left.
    fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(finished) = ready!(self.tasks.poll_join_next_with_id(cx)) {
            self.live.remove(&finished.map_or_else(|error| error.id(), |(id, ())| id));
        }
        Poll::Ready(())
    }

    fn admit<H, F>(&mut self, stream: Option<S>, config: &Arc<ServerConfig>, handler: &H)
    where
        H: Fn(Incoming<S>) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(stream) = stream else { return };
        let (handshake, driver) = incoming_with_driver(stream, Arc::clone(config));
        let shared = Arc::downgrade(driver.shared());
        let task = self.tasks.spawn(Served::new(handshake, driver, handler.clone()));
        self.live.insert(task.id(), shared);
    }

    /// Closes all connections (CLOSE.md B17).
    fn close(&self) {
        let Ok(close) = Close::new(1001, "the server shuts down") else {
            return;
        };
        for shared in self.live.values().filter_map(Weak::upgrade) {
            // One that is closing already needs nothing.
            let _already = shared.with(|inner, io| inner.conn.close_cutting(io.now, close.clone()));
        }
    }

    /// Waits until all are done with.
    async fn finish(&mut self) {
        poll_fn(|cx| self.poll_finished(cx)).await;
    }
}

/// Those who have connected and were not accepted yet: they are answered too.
fn backlog(listener: TcpListener) -> impl Iterator<Item = TcpStream> {
    let listener = listener.into_std().ok();
    let accept = move || {
        let (stream, _address) = listener.as_ref()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    };
    std::iter::from_fn(accept).take(BACKLOG)
}

/// Accepting failed because of the client that was next, and not for want of something.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl<H, S> fmt::Debug for Serve<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").field("listener", &self.listener).finish_non_exhaustive()
    }
}
