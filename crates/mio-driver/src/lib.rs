//! WebSocket (RFC 6455) over mio: what [`adieu_core`] decides, done on streams that never block.
//!
//! [`EventLoop`] runs a [`Handler`]: one thread, tens of thousands of connections, servers and clients. [`Socket`] is one connection for those
//! who have a loop of their own.

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
