//! A transport in memory: reads come from a [`Wire`], writes are copied away as a kernel would.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use adieu_bench::wire::{READ_LEN, Wire};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Where written bytes go: into a ring of the size of a socket's buffer, so that everyone pays for that copy.
pub(crate) struct Sink {
    ring: Box<[u8]>,
    at: usize,
    kept: Option<Vec<u8>>,
}

impl Sink {
    pub(crate) fn new() -> Self {
        Self { ring: vec![0; 256 << 10].into(), at: 0, kept: None }
    }

    /// Takes all of `bytes`.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
        while !bytes.is_empty() {
            let room = self.ring.len() - self.at;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.ring[self.at..self.at + now.len()].copy_from_slice(now);
            self.at = (self.at + now.len()) % self.ring.len();
            bytes = later;
        }
        std::hint::black_box(&mut self.ring);
    }

    /// From now on what is written can be looked at.
    pub(crate) fn keep(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// What was written since [`Sink::keep`]; keeps no more.
    pub(crate) fn kept(&mut self) -> Vec<u8> {
        self.kept.take().unwrap_or_default()
    }
}

/// A socket that is readable for [`READ_LEN`] bytes at a time and would block once between.
pub(crate) struct Memory {
    wire: Rc<Wire>,
    at: usize,
    turn_end: usize,
    blocked: bool,
    pub(crate) sink: Sink,
}

impl Memory {
    pub(crate) fn new(wire: Rc<Wire>) -> Self {
        Self { wire, at: 0, turn_end: 0, blocked: true, sink: Sink::new() }
    }

    /// Begins the wire again.
    pub(crate) fn rewind(&mut self) {
        (self.at, self.turn_end, self.blocked) = (0, 0, true);
    }

    /// The wire was read to its end.
    pub(crate) fn finished(&self) -> bool {
        self.at == self.wire.bytes().len()
    }

    /// What is there to read, at most `room` bytes; nothing if reading would block.
    fn next(&mut self, room: usize) -> Option<&[u8]> {
        if self.at == self.turn_end {
            if !self.blocked || self.finished() {
                self.blocked = true;
                return None;
            }
            self.blocked = false;
            self.turn_end = (self.at + READ_LEN).min(self.wire.bytes().len());
        }
        let end = self.turn_end.min(self.at + room);
        let bytes = &self.wire.bytes()[self.at..end];
        self.at = end;
        Some(bytes)
    }
}

impl Read for Memory {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next(into.len()).ok_or(io::ErrorKind::WouldBlock)?;
        into[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Memory {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut().next(into.remaining()) {
            None => Poll::Pending,
            Some(bytes) => {
                into.put_slice(bytes);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.get_mut().write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let memory = self.get_mut();
        for slice in slices {
            memory.sink.take(slice);
        }
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
