//! A transport that tells when the driver let go of it, and how.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use adieu_tokio::Transport;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the driver did to the transport.
#[derive(Debug, Default)]
pub(super) struct Fate {
    reset: AtomicBool,
    dropped: AtomicBool,
}

impl Fate {
    pub(super) fn was_reset(&self) -> bool {
        self.reset.load(Ordering::SeqCst)
    }

    pub(super) fn was_dropped(&self) -> bool {
        self.dropped.load(Ordering::SeqCst)
    }
}

/// The transport under a driver.
pub(super) struct Watched {
    // Dropped before the flag is set.
    inner: Option<Box<dyn Transport + Send>>,
    fate: Arc<Fate>,
}

impl Watched {
    pub(super) fn new(inner: Box<dyn Transport + Send>, fate: Arc<Fate>) -> Self {
        Self { inner: Some(inner), fate }
    }

    fn inner(&mut self) -> &mut Box<dyn Transport + Send> {
        self.inner.as_mut().expect("it is there until the drop")
    }

    fn pin(&mut self) -> Pin<&mut (dyn Transport + Send)> {
        Pin::new(&mut **self.inner())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.inner = None;
        self.fate.dropped.store(true, Ordering::SeqCst);
    }
}

impl Transport for Watched {
    fn prepare(&mut self) {
        self.inner().prepare();
    }

    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        self.inner().look(into)
    }

    fn reset(&mut self) {
        self.fate.reset.store(true, Ordering::SeqCst);
        self.inner().reset();
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pin().poll_read(cx, into)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.pin().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pin().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pin().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pin().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}
