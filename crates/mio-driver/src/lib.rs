//! WebSocket (RFC 6455) over mio: what [`adieu_core`] decides, done on streams that never block.
//!
//! [`EventLoop`] runs a [`Handler`]: one thread, tens of thousands of connections, servers and clients. [`Socket`] is one connection for those
//! who have a loop of their own.

mod buffers;
mod event_loop;
mod handle;
mod handler;
mod listener;
mod slab;
mod socket;
mod sockets;
mod timers;
mod transport;

pub use adieu_core::handshake::{Accept, ClientRequest, Header, Headers, Reject, Request, Response};
pub use adieu_core::{
    AnswerError, Cause, Chunk, Close, CloseCode, CloseError, Closed, Config, Connection, Event, HeaderError,
    Initiator, Instant, Kind, Message, OriginPolicy, PingError, Pong, Role, SendError, SendRefusal,
    SendResult, ServerConfig, State, Ticket, Timeout, Undelivered, Unsent, Violation,
};
pub use buffers::Buffers;
pub use event_loop::EventLoop;
pub use handle::Handle;
pub use handler::Handler;
pub use listener::listen;
pub use slab::Key;
pub use socket::{Hold, Ready, Socket};
pub use sockets::Sockets;
pub use transport::Transport;
