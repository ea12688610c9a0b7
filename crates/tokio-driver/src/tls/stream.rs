//! A TLS stream over any transport.
//!
//! Owns: carrying bytes between a transport and rustls. Must not know: what the plaintext means.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Transport;

/// The only protocol inside TLS that a connection over it can speak (ALPN).
pub(super) const ALPN: &[u8] = b"http/1.1";

/// Reads of the transport for one read of the stream: a peer whose records carry no payload is not listened to for longer.
const PULLS: u8 = 32;

/// TLS over a transport.
///
/// The handshake is done by whoever reads or writes first, or by [`handshake`](Self::handshake). So a server that hands one to
/// [`accept`](crate::accept()) needs no deadline of its own for it: `Config::handshake_timeout` counts from there.
///
/// `close_notify` is the end of stream. An end without it is `UnexpectedEof`, which the verdict tells as `Truncated`.
/// As a [`Transport`] it can look if the transport below can.
pub struct TlsStream<S> {
    stream: S,
    tls: Connection,
    /// The handshake is not done, or its last bytes are not written.
    shaking: bool,
    /// What ended reading, behind bytes that are given first.
    broken: Option<io::Error>,
    /// TLS itself failed, and the peer was sent an alert.
    failed: bool,
}

/// Reads a transport; `WouldBlock`: it has no more for now.
type Source<'a, S> = &'a mut dyn FnMut(&mut S, &mut [u8]) -> io::Result<usize>;

impl<S: Transport> TlsStream<S> {
    /// A client that expects a certificate for `name`, and offers `http/1.1` (ALPN) whatever the configuration does.
    ///
    /// # Errors
    ///
    /// rustls's, for a configuration that cannot be used.
    pub fn client(
        stream: S,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, rustls::Error> {
        // R4.1-17
        let tls = ClientConnection::new_with_alpn(config, name, vec![ALPN.to_vec()])?;
        Ok(Self::over(stream, tls.into()))
    }

    /// A server. By ALPN its configuration offers `http/1.1` or nothing, as [`server_config`](super::server_config) has it.
    ///
    /// # Errors
    ///
    /// rustls's, for a configuration that cannot be used.
    pub fn server(stream: S, config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self::over(stream, ServerConnection::new(config)?.into()))
    }

    const fn over(stream: S, tls: Connection) -> Self {
        Self { stream, tls, shaking: true, broken: None, failed: false }
    }

    /// Completes the TLS handshake.
    ///
    /// # Errors
    ///
    /// The transport's; `InvalidData` with a [`rustls::Error`] inside; `UnexpectedEof` if the peer ended the stream.
    pub async fn handshake(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_handshake(cx)).await
    }

    /// The transport below.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// What rustls knows of the connection: certificates, protocol version, cipher suite.
    pub const fn tls(&self) -> &Connection {
        &self.tls
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..PULLS {
            let written = self.poll_write_out(cx)?;
            if !self.tls.is_handshaking() {
                self.shaking = written.is_pending();
                return written.map(Ok);
            }
            let waker = cx.waker().clone();
            let mut source =
                |stream: &mut S, into: &mut [u8]| read(stream, &mut Context::from_waker(&waker), into);
            match self.pull(cx, &mut source) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                Ok(Pulled::End) => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                pulled => drop(pulled?),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads plaintext until `into` is full, the stream ends, or `source` has no more for now. Then, and only then, a read is
    /// short: as with a socket.
    fn read_from(
        &mut self,
        into: &mut [u8],
        cx: &mut Context<'_>,
        source: Source<'_, S>,
    ) -> io::Result<usize> {
        let (mut filled, mut pulled) = (0, Pulled::Full);
        for _ in 0..=PULLS {
            match self.tls.reader().read(&mut into[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(len) => filled += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) if filled > 0 => return Ok(filled),
                result => return result,
            }
            if filled > 0 && (filled == into.len() || pulled != Pulled::Full || self.broken.is_some()) {
                return Ok(filled);
            }
            if let Some(error) = self.broken.take() {
                return Err(error);
            }
            match self.pull(cx, source) {
                Ok(more) => pulled = more,
                Err(error) if is_passing(&error) && filled == 0 => return Err(error),
                Err(error) if is_passing(&error) => return Ok(filled),
                Err(error) => self.broken = Some(error),
            }
        }
        cx.waker().wake_by_ref();
        if filled > 0 { Ok(filled) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    /// Reads the transport once, into rustls, which has given its plaintext away.
    fn pull(&mut self, cx: &mut Context<'_>, source: Source<'_, S>) -> io::Result<Pulled> {
        let mut from = In { stream: &mut self.stream, source, pulled: Pulled::End };
        self.tls.read_tls(&mut from)?;
        let pulled = from.pulled;
        self.process(cx)?;
        Ok(pulled)
    }

    fn process(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Err(error) = self.tls.process_new_packets() else {
            return Ok(());
        };
        self.failed = true;
        // The alert; if it does not go out at once, the peer is told nothing.
        let _untold = self.poll_write_out(cx);
        Err(io::Error::new(ErrorKind::InvalidData, error))
    }

    /// Writes what rustls has encrypted.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let mut out = Out { stream: &mut self.stream, cx };
            match self.tls.write_tls(&mut out) {
                Ok(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all that was taken, which needs the handshake to be done.
    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.tls.is_handshaking() {
            ready!(self.poll_handshake(cx))?;
        }
        self.poll_write_out(cx)
    }

    /// Lets `fill` give plaintext, which there is, to rustls once all before it is written: at most what rustls takes at once, 64 KiB, is
    /// under way.
    fn poll_encrypt(
        &mut self,
        cx: &mut Context<'_>,
        fill: impl Fn(&mut rustls::Writer<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.tls.is_handshaking() {
                // Until it is done, rustls keeps the plaintext.
                let _unfinished = self.poll_handshake(cx)?;
            } else {
                ready!(self.poll_write_out(cx))?;
            }
            let len = fill(&mut self.tls.writer())?;
            let written = self.poll_write_out(cx)?;
            if len > 0 {
                return Poll::Ready(Ok(len));
            }
            if self.tls.is_handshaking() || written.is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// An error after which the same read may succeed.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn read<S: Transport>(stream: &mut S, cx: &mut Context<'_>, into: &mut [u8]) -> io::Result<usize> {
    let mut into = ReadBuf::new(into);
    match Pin::new(stream).poll_read(cx, &mut into) {
        Poll::Ready(result) => result.map(|()| into.filled().len()),
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

/// What a read of the transport came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pulled {
    /// As much as there was room for.
    Full,
    /// Less: no more is there for now.
    Short,
    End,
}

/// A transport, as rustls reads it.
struct In<'a, S> {
    stream: &'a mut S,
    source: Source<'a, S>,
    pulled: Pulled,
}

impl<S> Read for In<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = (self.source)(self.stream, into)?;
        self.pulled = match len {
            0 => Pulled::End,
            len if len < into.len() => Pulled::Short,
            _ => Pulled::Full,
        };
        Ok(len)
    }
}

/// A transport, as rustls writes to it.
struct Out<'a, 'c, S> {
    stream: &'a mut S,
    cx: &'a mut Context<'c>,
}

fn or_would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl<S: Transport> Write for Out<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.stream).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.stream).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Transport> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // Its last bytes need not be written for the first to be read.
        if this.shaking && this.poll_handshake(cx)?.is_pending() && this.tls.is_handshaking() {
            return Poll::Pending;
        }
        let waker = cx.waker().clone();
        let mut source = |stream: &mut S, into: &mut [u8]| read(stream, cx, into);
        match this.read_from(into.initialize_unfilled(), &mut Context::from_waker(&waker), &mut source) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            result => Poll::Ready(result.map(|len| into.advance(len))),
        }
    }
}

impl<S: Transport> AsyncWrite for TlsStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_encrypt(cx, |tls| tls.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.poll_encrypt(cx, |tls| tls.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_settle(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    // R7.1.1-02
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was written before the handshake goes out behind it.
        ready!(self.poll_settle(cx))?;
        self.tls.send_close_notify();
        ready!(self.poll_write_out(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: Transport> Transport for TlsStream<S> {
    fn prepare(&mut self) {
        self.stream.prepare();
    }

    /// What rustls holds, then what the transport below can look at.
    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        if self.tls.is_handshaking() {
            return None;
        }
        let mut blind = false;
        let mut source = |stream: &mut S, into: &mut [u8]| {
            let looked = stream.look(into);
            blind |= looked.is_none();
            looked.unwrap_or(Err(ErrorKind::WouldBlock.into()))
        };
        let looked = self.read_from(into, &mut Context::from_waker(Waker::noop()), &mut source);
        (looked.is_ok() || !blind).then_some(looked)
    }

    /// Where TLS failed the peer is sent an alert, which a reset could destroy.
    fn reset(&mut self) {
        if !self.failed {
            self.stream.reset();
        }
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("stream", &self.stream).finish_non_exhaustive()
    }
}
