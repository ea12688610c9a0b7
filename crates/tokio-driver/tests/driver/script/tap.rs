//! A stream that keeps a book of what passes, and fails once where it is told to.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use adieu_tokio::Transport;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// More polls than any run needs.
const POLLS: usize = 20_000;

/// The buffer of a stream that has one, in bytes.
const HELD: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Read,
    Look,
    Write,
    Flush,
    ShutDown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Error(ErrorKind),
    /// A single byte passes.
    Short,
    /// A write takes nothing; a read is at the end.
    Zero,
    /// Not yet, but right away.
    Pending,
}

/// What a stream has been through.
#[derive(Default)]
pub(crate) struct Book {
    /// The calls, each with the bytes that passed; `None` for those that were pending.
    pub(crate) calls: Vec<(Call, Option<usize>)>,
    /// The call that fails, counted from 0, and how.
    pub(crate) fault: Option<(usize, Fault)>,
    /// The length of `taken_in` when it failed.
    pub(crate) failed_after: Option<usize>,
    /// Polls of those who use the stream, and those before it failed.
    pub(crate) polls: usize,
    pub(crate) polls_before: usize,
    pub(crate) taken_in: Vec<u8>,
    pub(crate) taken_out: Vec<u8>,
    reading_is_over: bool,
    writing_is_over: bool,
    /// Calls in a direction that was over.
    pub(crate) calls_too_late: usize,
    pub(crate) drops: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Book>>);

impl Books {
    pub(crate) fn open(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_poll(&self) {
        let polls = &mut self.open().polls;
        *polls += 1;
        assert!(*polls < POLLS, "it spins");
    }
}

impl Book {
    /// A call begins; tells how it is to fail.
    fn begin(&mut self, call: Call) -> Option<Fault> {
        let over = if is_input(call) { self.reading_is_over } else { self.writing_is_over };
        self.calls_too_late += usize::from(over);
        self.calls.push((call, None));
        let (_, fault) = self.fault.filter(|(at, _)| *at + 1 == self.calls.len())?;
        (self.failed_after, self.polls_before) = (Some(self.taken_in.len()), self.polls);
        Some(fault)
    }

    /// The call that began last ends.
    fn end(&mut self, call: Call, result: &io::Result<usize>) {
        let len = *result.as_ref().unwrap_or(&0);
        if let Some((_, passed)) = self.calls.last_mut() {
            *passed = Some(len);
        }
        let over = match result {
            Ok(len) => *len == 0 && call != Call::Flush,
            Err(error) => !matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock),
        };
        if is_input(call) {
            self.reading_is_over |= over;
        } else {
            self.writing_is_over |= over;
        }
    }
}

fn is_input(call: Call) -> bool {
    matches!(call, Call::Read | Call::Look)
}

pub(crate) struct Tap {
    stream: DuplexStream,
    books: Books,
    /// It can look: what it holds can be read without the reactor.
    looks: bool,
    /// What was written waits here for a flush, in a stream that has a buffer.
    held: Option<Vec<u8>>,
    /// Whom a read registered last.
    reader: Option<Waker>,
}

impl Tap {
    pub(crate) fn new(stream: DuplexStream, looks: bool, holds: bool) -> (Self, Books) {
        let books = Books::default();
        let held = holds.then(Vec::new);
        (Self { stream, books: books.clone(), looks, held, reader: None }, books)
    }

    /// Writes what is held.
    fn let_go(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(held) = &mut self.held else { return Poll::Ready(Ok(())) };
        while !held.is_empty() {
            let len = ready!(Pin::new(&mut self.stream).poll_write(cx, held))?;
            held.drain(..len);
        }
        Poll::Ready(Ok(()))
    }

    fn take_in(&mut self, cx: &mut Context<'_>, call: Call, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let fault = self.books.open().begin(call);
        let len = match fault {
            None => into.len(),
            Some(Fault::Short) => 1,
            Some(Fault::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(fault) => return Poll::Ready(self.fail(call, fault)),
        };
        let mut into = ReadBuf::new(&mut into[..len]);
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut into));
        let result = result.map(|()| into.filled().len());
        let mut book = self.books.open();
        book.taken_in.extend_from_slice(into.filled());
        book.end(call, &result);
        Poll::Ready(result)
    }

    fn put_out(&mut self, cx: &mut Context<'_>, call: Call, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let fault = self.books.open().begin(call);
        let bytes = match fault {
            None => bytes,
            Some(Fault::Short) => &bytes[..1],
            Some(Fault::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(fault) => return Poll::Ready(self.fail(call, fault)),
        };
        let result = ready!(self.pass_on(cx, call, bytes));
        let mut book = self.books.open();
        book.taken_out.extend_from_slice(&bytes[..*result.as_ref().unwrap_or(&0)]);
        book.end(call, &result);
        Poll::Ready(result)
    }

    fn pass_on(&mut self, cx: &mut Context<'_>, call: Call, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if call == Call::Write
            && let Some(held) = &mut self.held
            && held.len() < HELD
        {
            let len = bytes.len().min(HELD - held.len());
            held.extend_from_slice(&bytes[..len]);
            return Poll::Ready(Ok(len));
        }
        ready!(self.let_go(cx))?;
        let stream = Pin::new(&mut self.stream);
        match call {
            Call::Flush => stream.poll_flush(cx).map_ok(|()| 0),
            Call::ShutDown => stream.poll_shutdown(cx).map_ok(|()| 0),
            Call::Write | Call::Read | Call::Look => stream.poll_write(cx, bytes),
        }
    }

    fn fail(&self, call: Call, fault: Fault) -> io::Result<usize> {
        let result = match fault {
            Fault::Error(kind) => Err(kind.into()),
            Fault::Short | Fault::Zero | Fault::Pending => Ok(0),
        };
        self.books.open().end(call, &result);
        result
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reader = Some(cx.waker().clone());
        let len = ready!(self.take_in(cx, Call::Read, into.initialize_unfilled()))?;
        into.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.put_out(cx, Call::Write, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.poll_write(cx, &bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.put_out(cx, Call::Flush, &[]).map_ok(drop)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.put_out(cx, Call::ShutDown, &[]).map_ok(drop)
    }
}

impl Transport for Tap {
    /// As an operating system: whom the reactor is to wake stays registered.
    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        if !self.looks {
            return None;
        }
        let waker = self.reader.clone().unwrap_or_else(|| Waker::noop().clone());
        Some(match self.take_in(&mut Context::from_waker(&waker), Call::Look, into) {
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
            Poll::Ready(result) => result,
        })
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.books.open().drops += 1;
    }
}
