//! The WebSocket protocol (RFC 6455) as pure state: events in, actions out.
//!
//! ```text
//!                       application
//!              send, close, abort │ ▲ messages, closing, closed
//!                                 ▼ │
//!                        ┌──────────────────┐
//!         now, deadline  │    Connection    │
//!       clock ◀────────▶ └──────────────────┘
//!                                 ▲ │
//!           bytes, eof, error     │ ▼ bytes, shut down write, close, reset
//!                       transport
//! ```
//!
//! There is no socket, clock, thread, environment or global in here, and no randomness but a seed given once. Time is an
//! argument. `no_std` with `alloc`, no `unsafe`.
//!
//! A driver carries bytes between a transport and a [`Connection`], and compares three levels:
//! [`Connection::transport`](protocol::Protocol::transport) (what the transport should be by now), [`Connection::wants_input`] and
//! [`Connection::deadline`](protocol::Protocol::deadline). This is the whole loop, here between two connections in memory:
//!
//! ```
//! use adieu_core::handshake::{Accept, ClientRequest};
//! use adieu_core::{Close, Config, Connection, Event, Instant, OriginPolicy, ServerConfig};
//! use std::sync::Arc;
//!
//! /// What a driver does with what it read, and with what the application answers.
//! fn feed(server: &mut Connection, now: Instant, mut read: &mut [u8]) {
//!     while let Some(event) = server.handle_input(now, &mut read) {
//!         match event {
//!             Event::Request(_) => server.accept(now, &Accept::new()).unwrap(),
//!             Event::Message(message) => drop(server.send(now, message).unwrap()), // an echo
//!             Event::Closed(verdict) => println!("{verdict}"),
//!             _ => {}
//!         }
//!     }
//! }
//!
//! /// What a driver does to write: everything that is committed, then it tells how much of it was taken.
//! fn drain(connection: &mut Connection, now: Instant) -> Vec<u8> {
//!     let mut wire = Vec::new();
//!     loop {
//!         let mut slices = [&[][..]; 8];
//!         let filled = connection.transmit(now, &mut slices);
//!         let before = wire.len();
//!         slices[..filled].iter().for_each(|slice| wire.extend_from_slice(slice));
//!         let taken = wire.len() - before;
//!         if taken == 0 {
//!             return wire;
//!         }
//!         connection.handle_written(now, taken);
//!     }
//! }
//!
//! let now = Instant::EPOCH;
//! let config = Arc::new(ServerConfig::new(OriginPolicy::Any));
//! let mut server = Connection::server(config, now);
//! let request = ClientRequest::new("example.com", "/chat")?;
//! let entropy = [7; 32]; // from the operating system, in earnest
//! let mut client = Connection::client(request, Arc::new(Config::default()), entropy, now);
//!
//! feed(&mut server, now, &mut drain(&mut client, now));
//! client.handle_ahead(now, &mut drain(&mut server, now)); // the 101
//! client.send(now, "Hello")?;
//! client.close(now, Close::new(1000, "bye")?)?;
//! feed(&mut server, now, &mut drain(&mut client, now));
//! client.handle_ahead(now, &mut drain(&mut server, now)); // the echo, and the Close
//!
//! assert!(client.closed().is_some_and(|verdict| verdict.clean));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The layers: [`lifecycle`] is the table of states; [`frame`], [`mask`], [`utf8`] and [`Close`] are pure functions and small machines over
//! bytes; [`handshake`] has what is asked and answered; [`Protocol`](protocol::Protocol) is everything that is timed or ordered, as plain
//! data without payloads; [`Connection`] adds the bytes. All but the handshake, which is read and written by the connection, can be used alone.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod close;
mod config;
mod connection;
#[cfg_attr(not(feature = "deflate"), path = "deflate/off.rs")]
pub mod deflate;
mod error;
mod event;
pub mod frame;
pub mod handshake;
pub mod lifecycle;
pub mod mask;
mod message;
pub mod protocol;
mod time;
pub mod utf8;
mod verdict;
mod words;

pub use close::{Close, CloseCode, MAX_REASON_LEN};
pub use config::{Config, OriginPolicy, ServerConfig};
pub use connection::{Backlog, Connection, Prepared};
pub use error::{
    AnswerError, CloseError, HeaderError, PingError, ResponseFault, SendError, SendRefusal, SendResult,
    Violation,
};
pub use event::{Chunk, Event, Pong};
pub use lifecycle::{Role, State, Transport};
pub use message::{Kind, Message};
pub use time::Instant;
pub use verdict::{Cause, Closed, Initiator, Ticket, Timeout, TransportError, Undelivered, Unsent};
