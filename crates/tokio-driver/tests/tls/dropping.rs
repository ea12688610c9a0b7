//! S7 for TLS: a handshake, and the way to a server through one, dropped at every poll.

use std::io;
use std::sync::Arc;

use adieu_tokio::tls::TlsStream;
use adieu_tokio::tls::rustls::ServerConfig;
use adieu_tokio::tls::rustls::version::{TLS12, TLS13};
use adieu_tokio::{Cause, Connect, HandshakeError, accept};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::certificates::Authority;
use crate::guests::Guests;
use crate::peers::{any, echo, soon};
use crate::steps::{Manner, Steps};
use crate::stream::over_memory;

/// A server's part. A client that leaves inside TLS says no `close_notify`, and may leave something unread.
async fn serve(stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
    match accept(TlsStream::server(stream, tls).expect("a good configuration"), any()).await {
        Ok(socket) => drop(echo(socket).await),
        Err(HandshakeError::Closed(closed)) => {
            let left = matches!(closed.cause, Cause::EndOfStream { .. } | Cause::Truncated | Cause::Reset);
            assert!(left, "{closed}");
        }
        Err(error) => panic!("{error}"),
    }
    Ok(())
}

#[tokio::test]
async fn s7_opening_over_tls_can_be_dropped_at_every_poll() {
    let (authority, guests) = (Authority::new(), Guests::default());
    let tls = authority.server();
    let server = guests.receive(move |stream| serve(stream, Arc::clone(&tls))).await;
    let connect = Connect::new(&format!("wss://localhost:{}/", server.port())).expect("a good URL");
    guests.are_dropped_at_every_poll(&connect.tls(authority.trusted()), 3).await;
}

#[tokio::test]
async fn s7_a_handshake_that_is_dropped_goes_on_where_it_was() {
    for (version, manner) in
        [&TLS12, &TLS13].into_iter().flat_map(|it| Manner::ALL.map(|manner| (it, manner)))
    {
        for at in 1.. {
            let (mut near, mut far) = over_memory(version, 100);
            let steps = Steps::new(manner, [at, 0]);
            let mut into = [0; 5];
            let client = async {
                steps.step(async |_| near.handshake().await).await?;
                near.read_exact(&mut into).await
            };
            let server = async {
                steps.step(async |_| far.handshake().await).await?;
                far.write_all(b"hello").await?;
                far.flush().await
            };
            let (client, server) = soon(async { tokio::join!(client, server) }).await;
            let about = format!("{version:?}, {manner:?} at {at}");
            client.and(server).unwrap_or_else(|error| panic!("{about}: {error}"));
            assert_eq!(&into, b"hello", "{about}");
            if steps.pending() < at {
                assert!(at > 8, "{about}: only so many polls");
                break;
            }
        }
    }
}
