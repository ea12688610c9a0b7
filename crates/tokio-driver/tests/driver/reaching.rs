//! S7 on the way to a server: `Connect::open`, dropped at every poll, over loopback TCP and through proxies.

use std::io;

use adieu_tokio::{Cause, Connect, HandshakeError, Proxy, accept};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::yield_now;

use crate::guests::Guests;
use crate::peers::{any, echo};
use crate::proxies::carry;

/// A server's part. A client that was told nothing has left in order (CLOSE.md N4).
async fn serve(stream: TcpStream) -> io::Result<()> {
    match accept(stream, any()).await {
        Ok(socket) => drop(echo(socket).await),
        Err(HandshakeError::Closed(closed)) => {
            assert!(matches!(closed.cause, Cause::EndOfStream { .. }), "{closed}");
        }
        Err(error) => panic!("{error}"),
    }
    Ok(())
}

/// In pieces, as the network may cut it.
async fn say(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    for piece in bytes.chunks(4) {
        stream.write_all(piece).await?;
        yield_now().await;
    }
    Ok(())
}

async fn http(mut stream: TcpStream, port: u16) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    say(&mut stream, b"HTTP/1.1 200 So\r\n\r\n").await?;
    carry(stream, port).await;
    Ok(())
}

/// Reads so many bytes, and tells the last of them.
async fn last_of(stream: &mut TcpStream, len: u8) -> io::Result<u8> {
    let mut bytes = vec![0; usize::from(len)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes.last().copied().unwrap_or_default())
}

/// SOCKS5 with a user and a password (RFC 1928, RFC 1929), to a name.
async fn socks(mut stream: TcpStream, port: u16) -> io::Result<()> {
    let methods = last_of(&mut stream, 2).await?;
    last_of(&mut stream, methods).await?;
    say(&mut stream, &[5, 2]).await?;
    let user = last_of(&mut stream, 2).await?;
    let password = last_of(&mut stream, user + 1).await?;
    last_of(&mut stream, password).await?;
    say(&mut stream, &[1, 0]).await?;
    let name = last_of(&mut stream, 5).await?;
    last_of(&mut stream, name + 2).await?;
    say(&mut stream, &[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
    carry(stream, port).await;
    Ok(())
}

#[tokio::test]
async fn s7_opening_can_be_dropped_at_every_poll() {
    let guests = Guests::default();
    let server = guests.receive(serve).await;
    for host in ["127.0.0.1", "localhost"] {
        let connect = Connect::new(&format!("ws://{host}:{}/", server.port())).expect("a good URL");
        guests.are_dropped_at_every_poll(&connect, 2).await;
    }
}

#[tokio::test]
async fn s7_opening_through_an_http_proxy_can_be_dropped_at_every_poll() {
    let guests = Guests::default();
    let port = guests.receive(serve).await.port();
    let proxy = guests.receive(move |stream| http(stream, port)).await;
    let proxy = Proxy::new(&format!("http://{proxy}")).expect("a good proxy");
    let connect = Connect::new("ws://server.invalid/").expect("a good URL").proxy(proxy);
    guests.are_dropped_at_every_poll(&connect, 3).await;
}

#[tokio::test]
async fn s7_opening_through_a_socks5_proxy_can_be_dropped_at_every_poll() {
    let guests = Guests::default();
    let port = guests.receive(serve).await.port();
    let proxy = guests.receive(move |stream| socks(stream, port)).await;
    let proxy = Proxy::new(&format!("socks5h://me:secret@{proxy}")).expect("a good proxy");
    let connect = Connect::new("ws://server.invalid/").expect("a good URL").proxy(proxy);
    guests.are_dropped_at_every_poll(&connect, 5).await;
}
