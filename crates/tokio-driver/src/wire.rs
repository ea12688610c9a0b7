//! A stream, and what can still be done with it.
//!
//! Owns: the calls into the stream, and that none is made after its end. Must not know: what the bytes mean.

use std::io::{ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use adieu_core::TransportError;
use tokio::io::ReadBuf;

use crate::transport::Transport;

/// The most slices in one write.
pub(crate) const SLICES: usize = 16;

pub(crate) struct Wire<S> {
    stream: Option<S>,
    receiving: Receiving,
    sending: Sending,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiving {
    Open,
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// Everything that was written is flushed.
    Clean,
    /// Something was written and is not flushed.
    Dirty,
    /// Shut down.
    Shut,
    /// A write failed.
    Broken,
}

/// What a read brought.
pub(crate) enum Read {
    Bytes(usize),
    Nothing,
    End,
    Error(TransportError),
}

impl<S: Transport> Wire<S> {
    pub(crate) fn new(mut stream: S) -> Self {
        stream.prepare();
        Self { stream: Some(stream), receiving: Receiving::Open, sending: Sending::Clean }
    }

    pub(crate) fn stream(&self) -> Option<&S> {
        self.stream.as_ref()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.stream.is_none()
    }

    /// Nothing will come any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_gone() || self.receiving == Receiving::Ended
    }

    /// Everything that was written is flushed, or never will be.
    pub(crate) fn is_flushed(&self) -> bool {
        self.is_gone() || self.sending != Sending::Dirty
    }

    /// Reads what the reactor knows of; if there is nothing, `cx` is woken when there is.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Read {
        let (false, Some(stream)) = (self.has_ended(), &mut self.stream) else {
            return Read::Nothing;
        };
        let mut into = ReadBuf::new(into);
        let result = loop {
            match Pin::new(&mut *stream).poll_read(cx, &mut into) {
                Poll::Pending => return Read::Nothing,
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Poll::Ready(result) => break result,
            }
        };
        let len = into.filled().len();
        self.judge(result.map(|()| len))
    }

    /// Reads what is there now, as far as the transport can tell.
    pub(crate) fn look(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Read {
        let (false, Some(stream)) = (self.has_ended(), &mut self.stream) else {
            return Read::Nothing;
        };
        let result = loop {
            match stream.look(into) {
                None => return self.poll_read(cx, into),
                Some(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Some(result) => break result,
            }
        };
        self.judge(result)
    }

    fn judge(&mut self, result: std::io::Result<usize>) -> Read {
        let read = match result {
            Ok(0) => Read::End,
            Ok(len) => return Read::Bytes(len),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Read::Nothing,
            Err(error) => Read::Error(TransportError::from(&error)),
        };
        self.receiving = Receiving::Ended;
        read
    }

    /// Writes the beginning of `slices`, which are not empty.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[&[u8]],
    ) -> Poll<Result<usize, TransportError>> {
        let (Sending::Clean | Sending::Dirty, Some(stream)) = (self.sending, &mut self.stream) else {
            return Poll::Pending;
        };
        let result = loop {
            let written = match *slices {
                [only] => Pin::new(&mut *stream).poll_write(cx, only),
                _ => {
                    let mut vectored = [IoSlice::new(&[]); SLICES];
                    for (entry, slice) in vectored.iter_mut().zip(slices) {
                        *entry = IoSlice::new(slice);
                    }
                    let vectored = &vectored[..slices.len().min(SLICES)];
                    Pin::new(&mut *stream).poll_write_vectored(cx, vectored)
                }
            };
            match written {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Poll::Ready(Ok(0)) => break Err(TransportError::Reset),
                Poll::Ready(result) => break result.map_err(|error| TransportError::from(&error)),
            }
        };
        self.sending = if result.is_ok() { Sending::Dirty } else { Sending::Broken };
        Poll::Ready(result)
    }

    /// Flushes what a stream with a buffer of its own may hold back.
    ///
    /// # Errors
    ///
    /// What the stream says; it is told once.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), TransportError> {
        let (Sending::Dirty, Some(stream)) = (self.sending, &mut self.stream) else {
            return Ok(());
        };
        loop {
            match Pin::new(&mut *stream).poll_flush(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) => {
                    self.sending = Sending::Clean;
                    return Ok(());
                }
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) => {
                    self.sending = Sending::Broken;
                    return Err(TransportError::from(&error));
                }
            }
        }
    }

    /// Shuts the sending direction down, if that is not done yet. A failure shows on the reading side.
    // R7.1.1-01
    pub(crate) fn shut_down(&mut self, cx: &mut Context<'_>) {
        let (Sending::Clean | Sending::Dirty, Some(stream)) = (self.sending, &mut self.stream) else {
            return;
        };
        loop {
            match Pin::new(&mut *stream).poll_shutdown(cx) {
                Poll::Pending => return,
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Poll::Ready(_) => break,
            }
        }
        self.sending = Sending::Shut;
    }

    /// Parts with the stream.
    pub(crate) fn take(&mut self) -> Option<S> {
        self.stream.take()
    }
}
