//! What a socket runs over.
//!
//! Owns: what a stream can do beside reading and writing. Must not know: connections.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use socket2::SockRef;

/// A byte stream in both directions that never blocks, and how it begins and ends.
pub trait Transport: Read + Write {
    /// Sets options, once, when a connection begins.
    fn prepare(&mut self) {}

    /// Whether a connection that was begun is there by now. The default is a stream that always was.
    ///
    /// # Errors
    ///
    /// There will be none.
    fn is_connected(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    /// A read that did not fill its buffer has left nothing behind, so that a further one need not ask. Not so for streams with a
    /// buffer of their own.
    fn short_read_is_dry(&self) -> bool {
        false
    }

    /// Ends the sending direction in order (TLS: with `close_notify`).
    ///
    /// # Errors
    ///
    /// What the system says; after `WouldBlock` it is called again.
    fn shut_down(&mut self) -> io::Result<()>;

    /// Makes the drop that follows a reset, if the transport knows one.
    fn reset(&mut self) {}
}

/// How much of what was written the system may hold without having sent it, in bytes. Without a bound it holds megabytes, and a peer
/// that reads steadily but slowly looks as if it did not read at all.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NOT_SENT_LEN: u32 = 128 << 10;

impl Transport for TcpStream {
    fn prepare(&mut self) {
        // Without it a small message may wait for the acknowledgement of the one before. Both only tune.
        let _ = self.set_nodelay(true);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = SockRef::from(&*self).set_tcp_notsent_lowat(NOT_SENT_LEN);
    }

    fn is_connected(&mut self) -> io::Result<bool> {
        if let Some(error) = self.take_error()? {
            return Err(error);
        }
        match self.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn short_read_is_dry(&self) -> bool {
        cfg!(any(target_os = "linux", target_os = "android"))
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn reset(&mut self) {
        // Without it the drop would be an end in order: all that is lost is the difference.
        let _ = SockRef::from(&*self).set_linger(Some(Duration::ZERO));
    }
}

#[cfg(unix)]
impl Transport for UnixStream {
    fn shut_down(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}
