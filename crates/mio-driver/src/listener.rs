//! Where clients arrive.
//!
//! Owns: the listening socket, and when it is asked. Must not know: connections.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use adieu_core::Instant;
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Socket, Type};

/// Connections that wait in the system's queue, at most.
const BACKLOG: i32 = 4096;

/// How long accepting pauses when the system is out of something, such as descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens for clients, without blocking. Several threads may listen at the same address, each with a loop of its own: the system
/// deals out the clients (`SO_REUSEPORT`, where there is one).
///
/// # Errors
///
/// The system's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// A listener of a loop.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    /// There may be clients.
    ready: bool,
    /// Until when nobody is accepted.
    paused: Option<Instant>,
}

impl Listener {
    pub(crate) const fn new(socket: TcpListener) -> Self {
        Self { socket, ready: true, paused: None }
    }

    /// A poll tells of clients.
    pub(crate) const fn note(&mut self) {
        self.ready = true;
    }

    /// When it is to be asked again; `None`: when a poll tells.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        self.ready.then(|| self.paused.unwrap_or(now))
    }

    /// The next client, if there is one and it is time.
    pub(crate) fn accept(&mut self, now: Instant) -> Option<TcpStream> {
        if self.paused.take_if(|until| *until <= now).is_none() && self.paused.is_some() {
            return None;
        }
        while self.ready {
            match self.socket.accept() {
                Ok((stream, _)) => return Some(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.ready = false,
                Err(error) if is_the_clients(&error) => {}
                Err(_) => {
                    self.paused = Some(now + PAUSE);
                    break;
                }
            }
        }
        None
    }
}

/// Accepting failed because of the client that was next, or a signal, and not for want of something.
fn is_the_clients(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
