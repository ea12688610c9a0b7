//! A stream in memory, made of the checker's locks. Its other end blocks.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::sync::{Condvar, Mutex};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Transport;

/// Room for what is written, in bytes.
const ROOM: usize = 16;

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

#[derive(Default)]
struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// From the peer.
    inward: VecDeque<u8>,
    /// To the peer.
    outward: VecDeque<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The peer has sent a Close.
    far_closed: bool,
    /// The peer has ended its direction.
    far_ended: bool,
    /// Our direction is shut down, or the stream is dropped.
    near_ended: bool,
}

/// Our end: a server's.
pub(crate) struct Near(Arc<Pipe>);

/// The peer: a client. It masks with zeros.
pub(crate) struct Far(Arc<Pipe>);

pub(crate) fn pipe() -> (Near, Far) {
    let pipe = Arc::<Pipe>::default();
    (Near(Arc::clone(&pipe)), Far(pipe))
}

impl Near {
    fn read(&self, into: &mut [u8], waker: Option<&Waker>) -> Poll<usize> {
        let mut state = self.0.state.lock().expect("no panic");
        let len = state.inward.len().min(into.len());
        if len == 0 && !state.far_ended {
            if let Some(waker) = waker {
                state.reader = Some(waker.clone());
            }
            return Poll::Pending;
        }
        into.iter_mut().zip(state.inward.drain(..len)).for_each(|(into, byte)| *into = byte);
        Poll::Ready(len)
    }
}

impl AsyncRead for Near {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.read(into.initialize_unfilled(), Some(cx.waker())).map(|len| {
            into.advance(len);
            Ok(())
        })
    }
}

impl AsyncWrite for Near {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.state.lock().expect("no panic");
        let len = bytes.len().min(ROOM - state.outward.len());
        if len == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.outward.extend(&bytes[..len]);
        drop(state);
        self.0.changed.notify_all();
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.state.lock().expect("no panic").near_ended = true;
        self.0.changed.notify_all();
        Poll::Ready(Ok(()))
    }
}

impl Transport for Near {
    fn look(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        Some(match self.read(into, None) {
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
            Poll::Ready(len) => Ok(len),
        })
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.0.state.lock().expect("no panic").near_ended = true;
        self.0.changed.notify_all();
    }
}

impl Far {
    pub(crate) fn say(&self, opcode: u8, payload: &[u8]) {
        let len = u8::try_from(payload.len()).expect("a short payload");
        let mut state = self.0.state.lock().expect("no panic");
        state.inward.extend([0x80 | opcode, 0x80 | len, 0, 0, 0, 0]);
        state.inward.extend(payload);
        state.far_closed |= opcode == CLOSE;
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Ends its direction of the stream.
    pub(crate) fn end(&self) {
        let mut state = self.0.state.lock().expect("no panic");
        state.far_ended = true;
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Waits for a byte; `None` at the end.
    fn byte(&self) -> Option<u8> {
        let state = self.0.state.lock().expect("no panic");
        let waits = |state: &mut State| state.outward.is_empty() && !state.near_ended;
        let mut state = self.0.changed.wait_while(state, waits).expect("no panic");
        let byte = state.outward.pop_front();
        let writer = state.writer.take();
        drop(state);
        writer.into_iter().for_each(Waker::wake);
        byte
    }

    /// Waits for a frame; `None` at the end.
    pub(crate) fn hear(&self) -> Option<(u8, Vec<u8>)> {
        let first = self.byte()?;
        let len = self.byte()?;
        let payload: Option<Vec<u8>> = (0..len).map(|_| self.byte()).collect();
        Some((first & 0xF, payload?))
    }

    /// Hears messages up to a Close, which it answers unless it has sent one, and then to the end, which it ends too. Tells the messages, and the Close.
    pub(crate) fn see_out(&self) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let mut messages = Vec::new();
        while let Some((opcode, payload)) = self.hear() {
            match opcode {
                CLOSE => {
                    if !self.0.state.lock().expect("no panic").far_closed {
                        self.say(CLOSE, &payload);
                    }
                    assert_eq!(self.hear(), None, "nothing comes behind a Close");
                    self.end();
                    return (messages, Some(payload));
                }
                PING => self.say(PONG, &payload),
                PONG => {}
                _ => messages.push(payload),
            }
        }
        self.end();
        (messages, None)
    }
}
