//! What a connection runs over.

use std::io::{self, IoSlice, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// A byte stream in both directions, and what it can do beyond that.
///
/// The defaults suit every stream: it cannot look, and a reset is a drop. [`Opaque`] makes a `Transport` of any stream of
/// another crate. A read that gives less than there is room for is taken to say that nothing more is there now.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Sets options, once, when a connection begins.
    fn prepare(&mut self) {}

    /// Reads what the operating system holds right now, without asking tokio's reactor, which knows only what its last turn
    /// saw. `None`: this transport cannot tell. `WouldBlock`: nothing is there. 0 bytes: the end.
    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        let _ = into;
        None
    }

    /// Makes the drop that follows a reset, if the transport knows one.
    fn reset(&mut self) {}

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// The operating system's, and `Unsupported` for a transport that has none.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
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

    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        Some((&*SockRef::from(&*self)).read(into))
    }

    fn reset(&mut self) {
        // Without it the drop would be an end in order: all that is lost is the difference.
        let _ = SockRef::from(&*self).set_linger(Some(Duration::ZERO));
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Self::peer_addr(self)
    }
}

#[cfg(unix)]
impl Transport for UnixStream {
    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        Some((&*SockRef::from(&*self)).read(into))
    }
}

impl Transport for DuplexStream {}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn prepare(&mut self) {
        (**self).prepare();
    }

    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        (**self).look(into)
    }

    fn reset(&mut self) {
        (**self).reset();
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        (**self).peer_addr()
    }
}

/// Any stream, with the defaults of [`Transport`].
#[derive(Debug)]
pub struct Opaque<S>(
    /// The stream.
    pub S,
);

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for Opaque<S> {}

impl<S: AsyncRead + Unpin> AsyncRead for Opaque<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opaque<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
