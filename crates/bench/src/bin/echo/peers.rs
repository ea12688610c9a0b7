//! The peers' echo: every message that a turn brings is answered, and the answers are flushed together.
//!
//! The loop that their documentation shows, `send` for each message, writes each reply alone and costs several times as much
//! when more than one message is in flight.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tungstenite::protocol::WebSocketConfig;

use adieu_bench::Fallible;

/// The most messages of one turn.
const TURN: usize = 1024;

pub(crate) async fn tungstenite(stream: TcpStream) -> Fallible<()> {
    tungstenite_with(stream, WebSocketConfig::default()).await
}

/// It clears its read buffer before each read: one smaller than the usual 128 KiB makes small messages much cheaper.
pub(crate) async fn tungstenite_16k(stream: TcpStream) -> Fallible<()> {
    tungstenite_with(stream, WebSocketConfig::default().read_buffer_size(16 << 10)).await
}

async fn tungstenite_with(stream: TcpStream, config: WebSocketConfig) -> Fallible<()> {
    let socket = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await?;
    feed(socket, |message| message.is_text() || message.is_binary()).await
}

pub(crate) async fn tokio_websockets(stream: TcpStream) -> Fallible<()> {
    let (_, socket) = tokio_websockets::ServerBuilder::new().accept(stream).await?;
    gather(socket, |message| message.is_text() || message.is_binary()).await
}

pub(crate) async fn sockudo(mut stream: TcpStream) -> Fallible<()> {
    use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
    let mut head = BytesMut::with_capacity(4096);
    let response = loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("the client has gone".into());
        }
        if let Some((request, _)) = parse_request(&head)? {
            break build_response(&generate_accept_key(request.key), None, None);
        }
    };
    stream.write_all(&response).await?;
    drop((head, response));
    let socket = sockudo_ws::WebSocketStream::server(stream, sockudo_ws::Config::default());
    feed(socket, |message| message.is_text() || message.is_binary()).await
}

/// Queues each reply at once, and flushes when nothing more is there.
async fn feed<S, M, E>(socket: S, is_data: fn(&M) -> bool) -> Fallible<()>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E>,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut socket = pin!(socket);
    let mut held = None;
    let mut turn = |context: &mut Context<'_>| {
        loop {
            if held.is_some() {
                ready!(socket.as_mut().poll_ready(context))?;
            }
            if let Some(message) = held.take() {
                socket.as_mut().start_send(message)?;
            }
            match socket.as_mut().poll_next(context) {
                Poll::Ready(Some(message)) => held = Some(message?).filter(is_data),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    ready!(socket.as_mut().poll_flush(context))?;
                    return Poll::Pending;
                }
            }
        }
    };
    poll_fn(|context| turn(context).map_err(|fault: E| fault.into())).await
}

/// Takes all messages that are there, then queues all replies, then flushes: for a stream that writes whatever is queued with
/// each message that it reads.
async fn gather<S, M, E>(socket: S, is_data: fn(&M) -> bool) -> Fallible<()>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E>,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut socket = pin!(socket);
    let mut held = std::collections::VecDeque::new();
    let mut writing = false;
    let mut turn = |context: &mut Context<'_>| {
        loop {
            while !writing && held.len() < TURN {
                match socket.as_mut().poll_next(context) {
                    Poll::Ready(Some(message)) => held.extend(Some(message?).filter(is_data)),
                    Poll::Ready(None) => return Poll::Ready(Ok(())),
                    Poll::Pending if held.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            writing = true;
            while !held.is_empty() {
                ready!(socket.as_mut().poll_ready(context))?;
                if let Some(message) = held.pop_front() {
                    socket.as_mut().start_send(message)?;
                }
            }
            ready!(socket.as_mut().poll_flush(context))?;
            writing = false;
        }
    };
    poll_fn(|context| turn(context).map_err(|fault: E| fault.into())).await
}
