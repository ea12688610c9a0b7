//! The driver over TLS on loopback, with certificates made for the run. Numbers such as C8 are the cases of the close semantics.

mod certificates;
mod dropping;
mod ending;
#[path = "../driver/guests.rs"]
mod guests;
mod opening;
#[path = "../driver/peers.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod peers;
mod serving;
#[path = "../driver/script/steps.rs"]
mod steps;
mod stream;

use std::sync::Arc;

use adieu_tokio::tls::TlsStream;
use adieu_tokio::tls::rustls::{ClientConfig, ServerConfig};
use adieu_tokio::{Connect, Driver, NetStream, WebSocket};
use tokio::net::TcpStream;

use certificates::Authority;
use peers::{Raw, any, config, tcp};
use socket2::{SockRef, Socket};

pub(crate) type Tls = TlsStream<TcpStream>;

/// A client's and a server's end of TLS; the handshake is not done yet. The server sends no tickets: behind the handshake there is nothing
/// that nobody has read.
pub(crate) async fn ends() -> (Tls, Tls) {
    let authority = Authority::new();
    let mut server = ServerConfig::clone(&authority.server());
    server.send_tls13_tickets = 0;
    ends_with(authority.trusted(), Arc::new(server)).await
}

pub(crate) async fn ends_with(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> (Tls, Tls) {
    let (near, far) = tcp().await;
    let name = "localhost".try_into().expect("a name");
    let client = TlsStream::client(near, client, name).expect("a good configuration");
    (client, TlsStream::server(far, server).expect("a good configuration"))
}

/// The same, shaken hands.
pub(crate) async fn shaken() -> (Tls, Tls) {
    let (mut client, mut server) = ends().await;
    let (near, far) = tokio::join!(client.handshake(), server.handshake());
    near.and(far).expect("TLS");
    (client, server)
}

fn system(stream: &Tls) -> Socket {
    SockRef::from(stream.get_ref()).try_clone().expect("a second descriptor")
}

/// Our server, its driver spawned, a peer by hand, and the server's stream as the operating system knows it.
pub(crate) async fn server() -> (WebSocket<Tls>, Raw<Tls>, Socket) {
    let (client, server) = ends().await;
    let system = system(&server);
    let (socket, raw) = tokio::join!(adieu_tokio::accept(server, any()), Raw::client(client));
    (socket.expect("accepted"), raw, system)
}

/// Our client, its driver in hand, a server by hand, and the client's stream as the operating system knows it.
pub(crate) async fn client() -> (WebSocket<Tls>, Driver<Tls>, Raw<Tls>, Socket) {
    let (client, server) = ends().await;
    let system = system(&client);
    let connect = Connect::new("wss://localhost/").expect("a good URL").config(config(|_| {}));
    let (opened, raw) = tokio::join!(connect.over(client), Raw::server(server));
    let (socket, driver) = opened.expect("opened");
    (socket, driver, raw, system)
}

/// A connection to one that `serve_tls` serves.
pub(crate) async fn open(authority: &Authority, url: &str) -> WebSocket<NetStream> {
    let connect = Connect::new(url).expect("a good URL").tls(authority.trusted());
    peers::soon(connect.open()).await.expect("opened")
}
