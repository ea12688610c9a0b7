//! WebSocket (RFC 6455) over mio: what [`adieu_core`] decides, done on streams that never block.
//!
//! [`EventLoop`] runs a [`Handler`]: one thread, tens of thousands of connections, servers and clients. [`Socket`] is one connection for those
//! who have a loop of their own.
//!
//! ```
//! use std::sync::Arc;
//! use adieu_mio::{
//!     ClientRequest, Close, Closed, Config, EventLoop, Handle, Handler, Key, Message, OriginPolicy, Response, ServerConfig, Sockets, listen,
//! };
//!
//! /// A server that echoes and a client of it, in one loop.
//! struct Both {
//!     client: Option<Key>,
//!     handle: Option<Arc<Handle<()>>>,
//! }
//!
//! impl Handler for Both {
//!     type Command = ();
//!
//!     fn on_open(&mut self, sockets: &mut Sockets, key: Key, _: Box<Response>) {
//!         sockets.send(key, "hello").unwrap();
//!     }
//!
//!     fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
//!         if self.client != Some(key) {
//!             drop(sockets.send(key, message)); // refused? the message is in the error, with the reason
//!         } else if let Some((socket, now)) = sockets.reach(key) {
//!             assert_eq!(message.as_text(), Some("hello"));
//!             socket.connection.close(now, Close::new(1000, "bye").unwrap()).unwrap();
//!         }
//!     }
//!
//!     fn on_closed(&mut self, _: &mut Sockets, key: Key, verdict: Box<Closed>) {
//!         assert!(verdict.clean);
//!         if self.client == Some(key) {
//!             self.handle.iter().for_each(|handle| handle.shut_down());
//!         }
//!     }
//! }
//!
//! let listener = listen(([127, 0, 0, 1], 0).into(), false)?;
//! let server = listener.local_addr()?;
//! let config = Arc::new(ServerConfig::new(OriginPolicy::Any));
//! let mut event_loop = EventLoop::new(Both { client: None, handle: None })?.serve(listener, config)?;
//! let request = ClientRequest::new(&server.to_string(), "/")?;
//! event_loop.handler.client = Some(event_loop.sockets.connect(server, request, Arc::new(Config::default()))?);
//! event_loop.handler.handle = Some(Arc::clone(&event_loop.handle));
//! event_loop.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who is asked, and when
//!
//! A connection has a turn when its stream is ready, at its deadline, and when it was changed: it reads, hands out what that brings, and writes.
//! One that has much to read gets a bounded share of a round, and goes on behind the others. An idle one holds no buffer.
//!
//! # Many threads
//!
//! A loop, its handler and its connections stay in one thread. Other threads reach them through a [`Handle`]. For more threads take more loops:
//! each [`listen`]s at the same address, `shared`.

mod buffers;
mod event_loop;
mod handle;
mod handler;
mod socket;
mod sockets;
mod transport;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::{sync::Arc, time, time::Duration};

use adieu_core::Transport as Level;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Poll, Registry, Token, Waker};
use socket2::{Domain, SockRef, Type};

pub use adieu_core::{handshake::*, *};
pub use buffers::Buffers;
pub use event_loop::{EventLoop, listen};
pub use handle::Handle;
pub use handler::Handler;
pub use mio;
pub use socket::{Hold, READS, Ready, Socket};
pub use sockets::{Key, Sockets};
pub use transport::Transport;
