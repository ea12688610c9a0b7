//! WebSocket in streams of HTTP/2 (RFC 8441): many connections in one of TCP.
//!
//! To Adieu a stream of HTTP/2 is a transport like any other: DATA is its bytes, `END_STREAM` its end, and `RST_STREAM` with `CANCEL` its reset.
//!
//! ```text
//! cargo run -p adieu-tokio --example h2 127.0.0.1:9001
//! ```
//!
//! Browsers speak HTTP/2 over TLS only: give them this behind `adieu_tokio::tls`, with `h2` for ALPN.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::{cmp, env};

use adieu_tokio::{Accept, Close, Closed, OriginPolicy, ServerConfig, Transport, Upgrade, WebSocket};
use bytes::{Buf, Bytes};
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The most that is written at once, in bytes.
const WRITE_LEN: usize = 64 << 10;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = serve(stream).await {
                println!("HTTP/2: {error}");
            }
        });
    }
}

/// Serves the streams of one connection.
async fn serve(stream: TcpStream) -> Result<(), h2::Error> {
    let mut http = h2::server::Builder::new().enable_connect_protocol().handshake(stream).await?;
    while let Some(accepted) = http.accept().await {
        let (request, respond) = accepted?;
        tokio::spawn(async move {
            if let Err(error) = answer(request, respond).await {
                println!("stream: {error}");
            }
        });
    }
    Ok(())
}

/// Answers a request, and stays until its connection has ended.
async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let protocol = request.extensions().get::<Protocol>();
    if protocol.is_none_or(|protocol| protocol.as_str() != "websocket") {
        return refuse(&mut respond, not_found());
    }
    let config = ServerConfig::new(OriginPolicy::SameOrigin);
    let upgrade = match Upgrade::new(&request, Arc::new(config)) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refuse(&mut respond, *refusal),
    };
    let (response, accepted) = upgrade.accept(&Accept::new()).expect("no subprotocol was chosen");
    let send = respond.send_response(response, false)?;
    let stream = Stream { recv: request.into_body(), send, rest: Bytes::new() };
    let (ws, driver) = accepted.over(stream, &mut []);
    tokio::spawn(driver);
    println!("verdict: {}", echo(ws).await);
    Ok(())
}

fn not_found() -> Response<Vec<u8>> {
    let mut response = Response::new(b"only WebSocket is here\n".to_vec());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The fields of an HTTP/1 connection do not go into HTTP/2.
fn refuse(respond: &mut SendResponse<Bytes>, refusal: Response<Vec<u8>>) -> Result<(), h2::Error> {
    let (mut parts, body) = refusal.into_parts();
    for name in ["connection", "upgrade"] {
        parts.headers.remove(name);
    }
    respond.send_response(Response::from_parts(parts, ()), false)?.send_data(body.into(), true)
}

/// A stream of HTTP/2 as a transport.
struct Stream {
    recv: RecvStream,
    send: SendStream<Bytes>,
    /// What is left of a DATA frame that was longer than there was room.
    rest: Bytes,
}

impl Transport for Stream {
    fn reset(&mut self) {
        self.send.send_reset(Reason::CANCEL);
    }
}

impl AsyncRead for Stream {
    /// Reads until there is no more room, or nothing more is there.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while into.remaining() > 0 {
            if self.rest.is_empty() {
                match self.recv.poll_data(cx) {
                    Poll::Ready(Some(Ok(data))) => self.rest = data,
                    Poll::Ready(Some(Err(error))) if into.filled().is_empty() => {
                        return Poll::Ready(Err(broken(error)));
                    }
                    Poll::Pending if into.filled().is_empty() => return Poll::Pending,
                    // An error or the end shows again at the next read.
                    Poll::Ready(Some(Err(_)) | None) | Poll::Pending => break,
                }
            }
            let len = cmp::min(self.rest.len(), into.remaining());
            into.put_slice(&self.rest[..len]);
            self.rest.advance(len);
            // The peer may send as much again. Refused only where the stream is over.
            let _over = self.recv.flow_control().release_capacity(len);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let len = cmp::min(bytes.len(), WRITE_LEN);
        self.send.reserve_capacity(len);
        while self.send.capacity() == 0 {
            if let Some(Err(error)) = ready!(self.send.poll_capacity(cx)).or(Some(Err(Reason::CANCEL.into())))
            {
                return Poll::Ready(Err(broken(error)));
            }
        }
        let len = cmp::min(len, self.send.capacity());
        self.send.send_data(Bytes::copy_from_slice(&bytes[..len]), false).map_err(broken)?;
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.send.send_data(Bytes::new(), true).map_err(broken))
    }
}

/// A reset of the stream, or the end of the connection that it was in.
fn broken(error: h2::Error) -> io::Error {
    if error.is_io() {
        return error.into_io().unwrap_or(ErrorKind::ConnectionReset.into());
    }
    io::Error::new(ErrorKind::ConnectionReset, error)
}

/// Sends back what it gets, until the end.
async fn echo(mut ws: WebSocket<Stream>) -> Box<Closed> {
    while let Ok(message) = ws.recv().await {
        match message.as_text() {
            Some("close") => {
                let _already = Close::new(4000, "as you wish").and_then(|close| ws.start_close(close));
            }
            Some("abort") => ws.abort(),
            _ => {}
        }
        if let Err(refused) = ws.send(message).await {
            println!("{refused}; {:?} came back", refused.message);
        }
    }
    ws.closed().await
}
