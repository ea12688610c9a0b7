//! What a socket runs over.
//!
//! Owns: what a stream can do beside reading and writing. Must not know: connections.

use super::*;

/// A byte stream in both directions that never blocks, and how it begins and ends.
pub trait Transport: Read + Write {
    /// A read that did not fill its buffer has left nothing behind, so that a further one need not ask. Not so for streams with a
    /// buffer of their own.
    const SHORT_READ_IS_DRY: bool = false;

    /// Sets options, once, when a connection begins.
    fn prepare(&mut self) {}

    /// Ends the sending direction in order (TLS: with `close_notify`).
    ///
    /// # Errors
    ///
    /// What the system says; after `WouldBlock` it is called again.
    fn shut_down(&mut self) -> io::Result<()>;

    /// Makes the drop that follows a reset, if the transport knows one.
    fn reset(&mut self) {}
}

impl Transport for TcpStream {
    const SHORT_READ_IS_DRY: bool = cfg!(any(target_os = "linux", target_os = "android"));

    fn prepare(&mut self) {
        // Without it a small message may wait for the acknowledgement of the one before. Both only tune.
        let _ = self.set_nodelay(true);
        // How much the system may hold unsent, in bytes. Without a bound it holds megabytes, and a peer that reads steadily but slowly looks
        // as if it did not read at all.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = SockRef::from(&*self).set_tcp_notsent_lowat(128 << 10);
    }

    fn shut_down(&mut self) -> io::Result<()> {
        // It never blocks, and what it cannot do shows on the reading side.
        self.shutdown(Shutdown::Write).or(Ok(()))
    }

    fn reset(&mut self) {
        // Without it the drop would be an end in order: all that is lost is the difference.
        let _ = SockRef::from(&*self).set_linger(Some(Duration::ZERO));
    }
}
