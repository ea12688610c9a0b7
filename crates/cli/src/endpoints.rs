//! What `adieu serve` does at each endpoint.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::handshake::accept_key;
use adieu_tokio::{
    Accept, Cause, Close, CloseCode, Closed, HandshakeError, Incoming, NetStream, Reject, Request, WebSocket,
};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::counter::{self, Counter};
use crate::endpoint::{self, Endpoint, Refused};
use crate::escape;
use crate::log::Log;

/// The page: one file, with all that it needs.
const PAGE: &str = include_str!("page/index.html");

/// The page may use nothing but itself, and WebSocket connections.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
     img-src data:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'";

/// For how long a misbehaving endpoint waits for the client where it has to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// So many characters of a target are logged.
const LOGGED_TARGET: usize = 200;

/// The payload of `/burst`, repeated.
pub(crate) const BURST_BYTE: u8 = b'.';

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) counter: Arc<Counter>,
    /// Becomes true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Gets a line for each connection that has ended.
    pub(crate) log: Option<Log>,
}

/// Answers one request, and stays until its connection has ended.
pub(crate) async fn handle(shared: Arc<Shared>, incoming: Incoming<NetStream>) {
    let about = shared.about(incoming.request(), || incoming.peer_addr().ok());
    let ending = run(&shared, incoming).await;
    shared.tell(about.as_deref(), &ending);
}

impl Shared {
    /// Who asks for what, if that is logged.
    pub(crate) fn about(
        &self,
        request: &Request,
        peer: impl FnOnce() -> Option<SocketAddr>,
    ) -> Option<String> {
        self.log.as_ref()?;
        let target = escape::beginning(&request.target, LOGGED_TARGET);
        Some(peer().map_or(target.clone(), |peer| format!("{peer} {target}")))
    }

    /// Logs how it ended.
    pub(crate) fn tell(&self, about: Option<&str>, ending: &Ending) {
        if let (Some(log), Some(about)) = (&self.log, about) {
            log.line(format!("{about}: {ending}"));
        }
    }
}

/// What the server says of the end.
pub(crate) enum Ending {
    /// What the library says.
    Verdict(Box<Closed>),
    /// The page was sent.
    Served,
    /// The library had no part in it.
    Unseen,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // R7.1.7-03
            Self::Verdict(closed) => closed.fmt(f),
            Self::Served => f.write_str("served"),
            Self::Unseen => f.write_str("no verdict"),
        }
    }
}

async fn run(shared: &Shared, incoming: Incoming<NetStream>) -> Ending {
    let request = incoming.request();
    match endpoint::parse(request.path(), request.query(), request.is_websocket()) {
        Err(refused) => Ending::Verdict(incoming.reject(refusal(refused)).await),
        Ok(Endpoint::Page) => send_page(incoming).await,
        Ok(Endpoint::Echo) => open(incoming, echo).await,
        Ok(Endpoint::Counter) => open(incoming, |ws| counter::play(&shared.counter, ws)).await,
        Ok(Endpoint::Close(close)) => open(incoming, |ws| close_first(ws, close)).await,
        Ok(Endpoint::Abort) => open(incoming, abort).await,
        Ok(Endpoint::Burst { count, size }) => open(incoming, |ws| burst(ws, count, size)).await,
        Ok(endpoint @ (Endpoint::Drop | Endpoint::Silent)) => {
            let key = key(request);
            if let Some(stream) = incoming.into_stream() {
                misbehave(&endpoint, stream, &key, shared.stopping.clone()).await;
            }
            Ending::Unseen
        }
    }
}

/// What the library never does, by hand.
pub(crate) async fn misbehave(
    endpoint: &Endpoint,
    stream: NetStream,
    key: &[u8],
    stopping: watch::Receiver<bool>,
) {
    // Whether it worked or the client was gone: nobody sees how it ends.
    let _ = match endpoint {
        Endpoint::Drop => end_of_stream(stream, key).await,
        _ => silent(stream, key, stopping).await,
    };
}

/// Accepts, and does what the endpoint is for.
async fn open<F>(incoming: Incoming<NetStream>, then: impl FnOnce(WebSocket<NetStream>) -> F) -> Ending
where
    F: Future<Output = Box<Closed>>,
{
    match incoming.accept(Accept::new()).await {
        Ok(ws) => Ending::Verdict(then(ws).await),
        Err(HandshakeError::Closed(verdict)) => Ending::Verdict(verdict),
        Err(_) => Ending::Unseen,
    }
}

async fn send_page(incoming: Incoming<NetStream>) -> Ending {
    Ending::of_page(incoming.reject(page()).await)
}

impl Ending {
    /// To the library an answer over plain HTTP is a refusal, whatever its status.
    pub(crate) fn of_page(verdict: Box<Closed>) -> Self {
        match verdict.cause {
            Cause::Refused(_) => Self::Served,
            _ => Self::Verdict(verdict),
        }
    }
}

pub(crate) fn page() -> Reject {
    answer(200, PAGE)
        .header("Content-Type", "text/html; charset=utf-8")
        .and_then(|page| page.header("Content-Security-Policy", PAGE_POLICY))
        .and_then(|page| page.header("X-Content-Type-Options", "nosniff"))
        .and_then(|page| page.header("Cache-Control", "no-store"))
        .expect("these fields can travel")
}

pub(crate) fn refusal(refused: Refused) -> Reject {
    answer(refused.status, refused.line + "\n")
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Reject {
    Reject::new(status).expect("a status from 200 to 599").body(body)
}

async fn echo(mut ws: WebSocket<NetStream>) -> Box<Closed> {
    while let Ok(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
    ws.closed().await
}

async fn close_first(ws: WebSocket<NetStream>, close: Close) -> Box<Closed> {
    // Refused only where the client was faster.
    let _ = ws.start_close(close);
    ws.closed().await
}

/// Resets once the client is certainly open: a reset may destroy what is on its way, the 101 too.
async fn abort(ws: WebSocket<NetStream>) -> Box<Closed> {
    let _ = timeout(PATIENCE, ws.ping()).await;
    ws.abort();
    ws.closed().await
}

async fn burst(ws: WebSocket<NetStream>, count: u64, size: usize) -> Box<Closed> {
    // A client that closes in the middle is not kept waiting behind what it said before.
    ws.stop_receiving();
    let payload = vec![BURST_BYTE; size];
    for _ in 0..count {
        if ws.send(payload.as_slice()).await.is_err() {
            return ws.closed().await;
        }
    }
    close_first(ws, Close::cut(CloseCode::NORMAL, "")).await
}

/// Ends the stream right after the 101, without a Close and without a reset.
async fn end_of_stream(mut stream: NetStream, key: &[u8]) -> io::Result<()> {
    answer_by_hand(&mut stream, key).await?;
    stream.shutdown().await?;
    // Closing a socket with unread input resets it.
    let _ = timeout(PATIENCE, discard(&mut stream)).await;
    Ok(())
}

/// Takes everything and says nothing, until the client ends its stream or the server stops.
async fn silent(mut stream: NetStream, key: &[u8], mut stopping: watch::Receiver<bool>) -> io::Result<()> {
    answer_by_hand(&mut stream, key).await?;
    tokio::select! {
        _ = stopping.wait_for(|stopping| *stopping) => {}
        _ = discard(&mut stream) => {}
    }
    Ok(())
}

async fn discard(stream: &mut NetStream) -> io::Result<u64> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await
}

/// What the answer to a request has to be made of.
pub(crate) fn key(request: &Request) -> Vec<u8> {
    request.headers.only("sec-websocket-key").unwrap_or_default().to_owned()
}

/// Accepts without the library: what comes next is what it never does.
async fn answer_by_hand(stream: &mut NetStream, key: &[u8]) -> io::Result<()> {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let answer = format!("{head}Sec-WebSocket-Accept: {}\r\n\r\n", accept_key(key));
    stream.write_all(answer.as_bytes()).await
}
