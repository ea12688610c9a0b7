//! A transport in memory that the peer's side rules: how much it takes, and how it ends. It is asynchronous for one driver, and never blocks
//! for the other.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use adieu_tokio::Transport;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The endpoint's side; clones are the same pipe, and the peer's side is made of its methods.
#[derive(Clone, Debug, Default)]
pub struct Pipe(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    to_endpoint: VecDeque<u8>,
    end: bool,
    lost: Option<io::ErrorKind>,
    from_endpoint: Vec<u8>,
    /// How many bytes are taken; `None`: any number.
    room: Option<usize>,
    writing_fails: bool,
    shut: bool,
    reset: bool,
    book: Book,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// How a call into the transport fails, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It would block, though not for long.
    WouldBlock,
    /// A signal comes between.
    Interrupted,
    /// One byte passes.
    Short,
    /// Nothing passes: reading is at the end, writing takes nothing.
    Zero,
    /// The transport is reset.
    Reset,
}

/// The calls of a driver that never blocks.
#[derive(Debug, Default)]
struct Book {
    calls: usize,
    /// Which call fails, counted from 0.
    fault: Option<(usize, Fault)>,
    /// It has, and the poll has something to tell again.
    edge: bool,
    reading_over: bool,
    writing_over: bool,
}

impl Book {
    /// A call begins.
    fn begin(&mut self, over: bool) -> Option<Fault> {
        assert!(!over, "nothing is asked of a direction that is over");
        self.calls += 1;
        let (_, fault) = self.fault.filter(|(at, _)| at + 1 == self.calls)?;
        self.edge |= fault == Fault::WouldBlock;
        Some(fault)
    }
}

/// A call that may fail.
fn call<T>(fault: Option<Fault>, zero: T, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match fault {
        Some(Fault::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Some(Fault::Interrupted) => Err(io::ErrorKind::Interrupted.into()),
        Some(Fault::Zero) => Ok(zero),
        Some(Fault::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::Short) | None => call(),
    }
}

fn ends<T>(result: &io::Result<T>) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    result.as_ref().is_err_and(|error| !matches!(error.kind(), Interrupted | WouldBlock))
}

impl Pipe {
    /// The call with this number, counted from 0, fails.
    pub fn fail(&self, at: usize, fault: Fault) {
        self.lock().book.fault = Some((at, fault));
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.lock().book.calls
    }

    /// A call failed though it will not again: the poll tells.
    pub fn take_edge(&self) -> bool {
        std::mem::take(&mut self.lock().book.edge)
    }

    /// How many hold it.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// The peer sends, and perhaps ends its direction; who waits for it is told with [`tell`](Self::tell).
    pub fn send(&self, bytes: &[u8], end: bool) {
        let mut state = self.lock();
        state.to_endpoint.extend(bytes);
        state.end |= end;
    }

    /// Tells who waits that there may be something.
    pub fn tell(&self) {
        self.change(|_| {});
    }

    /// Both directions break, for the endpoint with this error.
    pub fn lose(&self, error: io::ErrorKind) {
        self.change(|state| state.lost = Some(error));
    }

    /// Writing fails from here on.
    pub fn fail_writing(&self) {
        self.change(|state| state.writing_fails = true);
    }

    /// The peer takes so many bytes more, or any number.
    pub fn set_room(&self, room: impl FnOnce(Option<usize>) -> Option<usize>) {
        self.change(|state| state.room = room(state.room));
    }

    /// What the endpoint wrote since the last question.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().from_endpoint)
    }

    /// The endpoint ended its direction in order.
    pub fn is_shut(&self) -> bool {
        self.lock().shut
    }

    /// The endpoint reset it, where it can.
    pub fn is_reset(&self) -> bool {
        self.lock().reset
    }

    /// There is nobody any more who could see what the endpoint does.
    pub fn is_blind(&self) -> bool {
        let state = self.lock();
        state.lost.is_some() || state.writing_fails
    }
}

impl State {
    /// `None`: nothing is there, and not the end.
    fn read(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        let len = into.len().min(self.to_endpoint.len());
        into.iter_mut().zip(self.to_endpoint.drain(..len)).for_each(|(place, byte)| *place = byte);
        match self.lost {
            _ if len > 0 => Some(Ok(len)),
            Some(error) => Some(Err(error.into())),
            None => self.end.then_some(Ok(0)),
        }
    }

    /// `None`: there is no room.
    fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        let len = bytes.len().min(self.room.unwrap_or(usize::MAX));
        self.room = self.room.map(|room| room - len);
        self.from_endpoint.extend_from_slice(&bytes[..len]);
        (len > 0 || bytes.is_empty()).then_some(len)
    }

    fn broken(&self) -> Option<io::Error> {
        let broken = self.lost.is_some() || self.writing_fails;
        broken.then(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl io::Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.lock();
        let over = state.book.reading_over;
        let fault = state.book.begin(over);
        let len = if fault == Some(Fault::Short) { 1 } else { into.len() };
        let nothing = || Err(io::ErrorKind::WouldBlock.into());
        let result = call(fault, 0, || state.read(&mut into[..len]).unwrap_or_else(nothing));
        state.book.reading_over = ends(&result) || matches!(result, Ok(0));
        result
    }
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        let over = state.book.writing_over;
        let fault = state.book.begin(over);
        let len = if fault == Some(Fault::Short) { 1 } else { bytes.len() };
        let result = call(fault, 0, || match state.broken() {
            Some(error) => Err(error),
            None => state.write(&bytes[..len]).ok_or_else(|| io::ErrorKind::WouldBlock.into()),
        });
        state.book.writing_over = ends(&result) || matches!(result, Ok(0));
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.lock();
        let over = state.book.writing_over;
        let fault = state.book.begin(over);
        let result = call(fault, (), || Ok(()));
        state.book.writing_over = ends(&result);
        result
    }
}

impl adieu_mio::Transport for Pipe {
    fn shut_down(&mut self) -> io::Result<()> {
        let mut state = self.lock();
        let over = state.book.writing_over;
        let fault = state.book.begin(over);
        let result = call(fault, (), || Ok(()));
        state.shut |= state.broken().is_none() && result.is_ok();
        state.book.writing_over = ends(&result) || result.is_ok();
        result
    }

    fn reset(&mut self) {
        self.lock().reset = true;
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        match state.read(into.initialize_unfilled()) {
            Some(result) => Poll::Ready(result.map(|len| into.advance(len))),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        if let Some(error) = state.broken() {
            return Poll::Ready(Err(error));
        }
        if let Some(len) = state.write(bytes) {
            return Poll::Ready(Ok(len));
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.lock().broken().map_or(Ok(()), Err))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        state.shut |= state.broken().is_none();
        Poll::Ready(state.broken().map_or(Ok(()), Err))
    }
}

impl Transport for Pipe {
    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        let nothing = || Err(io::ErrorKind::WouldBlock.into());
        Some(self.lock().read(into).unwrap_or_else(nothing))
    }
}
