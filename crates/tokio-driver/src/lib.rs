//! WebSocket (RFC 6455) over tokio: what [`adieu_core`] decides, done on async streams.
//!
//! [`connect`] and [`accept`] give a [`WebSocket`]; [`serve`] runs a whole server. What a connection is and how it ends is
//! the core's business; this crate reads, writes, and keeps the clock.
//!
//! ```
//! use std::sync::Arc;
//! use adieu_tokio::{Accept, Cause, Incoming, OriginPolicy, ServerConfig, connect, serve};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! async fn echo(incoming: Incoming<TcpStream>) {
//!     let Ok(mut socket) = incoming.accept(Accept::new()).await else { return };
//!     while let Ok(message) = socket.recv().await {
//!         if socket.send(message).await.is_err() {
//!             break;
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let url = format!("ws://{}/", listener.local_addr()?);
//! let config = Arc::new(ServerConfig::new(OriginPolicy::Any));
//! tokio::spawn(async move { serve(listener, config, echo).await });
//!
//! let mut socket = connect(&url).await?;
//! socket.send("hello").await?;
//! assert_eq!(socket.recv().await?.as_text(), Some("hello"));
//! let round_trip = socket.ping().await?;
//! let closed = socket.close(1000, "bye").await?;
//! assert!(closed.clean && closed.cause == Cause::Handshake);
//! # let _ = round_trip;
//! # Ok(())
//! # }
//! ```
//!
//! # Who makes progress
//!
//! A ping has to be answered and a deadline minded even while the application awaits something else, so somebody has
//! to be polled: the [`Driver`]. [`connect`] and [`accept`] spawn it as a small task; [`serve`] polls it beside the handler in one task,
//! which is the fast way, and [`Driver::beside`] is that for tasks of your own. All of it needs a tokio runtime with I/O and time enabled.
//!
//! # Cancelling
//!
//! Every future of this crate may be dropped at any time. Progress lives in the core: nothing is lost, nothing is done twice. A `send` or a
//! `close` that was dropped has either been queued, or not begun.
//!
//! # Dropping
//!
//! Dropping the [`WebSocket`] while a [`Sender`] lives ends receiving only: a handle that is left in a registry when its handler returns keeps
//! the connection open, though nobody receives. Dropping the last handle closes with 1001, which
//! the driver then sees through within `Config::max_close_time()`. Dropping the driver resets.
//!
//! # Features
//!
//! `tls`, off by default: `wss://` in [`connect`], `serve_tls`, and the module `tls`. It is rustls with ring, which needs a C compiler.

mod accept;
mod clock;
mod connect;
mod driver;
mod error;
mod hub;
mod net_stream;
mod progress;
mod proxy;
mod sender;
mod serve;
mod served;
mod shared;
mod sink;
mod sync;
#[cfg(test)]
mod tests;
mod thread;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
mod upgrade;
mod waiters;
mod websocket;
mod wire;

pub use accept::{Handshake, Incoming, accept, incoming, incoming_with_driver};
pub use adieu_core::deflate::{self, Deflate};
pub use adieu_core::handshake::{Accept, Header, Headers, Reject, Request, Response};
pub use adieu_core::{
    AnswerError, Backlog, Cause, Chunk, Close, CloseCode, CloseError, Closed, Config, HeaderError, Initiator,
    Kind, Message, OriginPolicy, PingError, Prepared, Role, SendError, SendRefusal, ServerConfig, State,
    Ticket, Timeout, Undelivered, Unsent, Violation,
};
pub use connect::{Connect, ConnectError, connect};
pub use driver::Driver;
pub use error::{HandshakeError, PingFailed, SinkError};
pub use net_stream::NetStream;
pub use proxy::{Proxy, ProxyError};
pub use sender::{ConnectionId, Sender};
#[cfg(feature = "tls")]
pub use serve::serve_tls;
pub use serve::{Serve, serve, serve_over};
pub use transport::{Opaque, Transport};
pub use upgrade::{Accepted, Upgrade};
pub use websocket::{WebSocket, open, open_agreed};
