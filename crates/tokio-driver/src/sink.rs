//! A connection as a [`Sink`].

use std::pin::Pin;
use std::task::{Context, Poll};

use adieu_core::{Close, Message, SendError, SendRefusal};
use futures_sink::Sink;

use crate::error::SinkError;
use crate::progress::Form;
use crate::shared::{Inner, Io};
use crate::transport::Transport;
use crate::waiters::Wait;
use crate::websocket::WebSocket;

#[derive(Default)]
pub(crate) struct SinkState {
    /// The sink's place among the waiters.
    pub(crate) slot: Option<u64>,
    /// A message that was taken when there was room, which another sender filled.
    held: Option<Box<Message<'static>>>,
}

impl SinkState {
    /// Sends what is held.
    fn let_go<S: Transport>(
        &mut self,
        inner: &mut Inner<S>,
        io: &mut Io<'_>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), SinkError>> {
        let Some(message) = self.held.take() else {
            return Poll::Ready(Ok(()));
        };
        match inner.send(io, *message, Form::default()) {
            Ok(_) => Poll::Ready(Ok(())),
            Err(SendError { refusal: SendRefusal::Full, message }) => {
                self.held = Some(Box::new(message));
                inner.waiters.wait(&mut self.slot, Wait::Room, cx);
                Poll::Pending
            }
            Err(SendError { refusal, .. }) => Poll::Ready(Err(SinkError(refusal))),
        }
    }
}

impl<S: Transport> WebSocket<S> {
    /// Sends what is held, then goes on with `rest`.
    fn poll_sink(
        &mut self,
        cx: &Context<'_>,
        rest: impl FnOnce(&mut Inner<S>, &mut Io<'_>) -> Result<(), Result<Wait, SinkError>>,
    ) -> Poll<Result<(), SinkError>> {
        let Self { sender, sink, .. } = self;
        sender.shared().with(|inner, io| match sink.let_go(inner, io, cx) {
            Poll::Ready(Ok(())) => match rest(inner, io) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(Err(error)) => Poll::Ready(Err(error)),
                Err(Ok(wait)) => {
                    inner.waiters.wait(&mut sink.slot, wait, cx);
                    Poll::Pending
                }
            },
            other => other,
        })
    }
}

impl<S: Transport> Sink<Message<'static>> for WebSocket<S> {
    type Error = SinkError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        self.poll_sink(cx, |inner, _io| match inner.conn.refusal() {
            None => Ok(()),
            Some(SendRefusal::Full) => Err(Ok(Wait::Room)),
            Some(refusal) => Err(Err(SinkError(refusal))),
        })
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message<'static>) -> Result<(), SinkError> {
        match self.try_send(message) {
            Ok(_) => Ok(()),
            Err(SendError { refusal: SendRefusal::Full, message }) if self.sink.held.is_none() => {
                self.sink.held = Some(Box::new(message));
                Ok(())
            }
            Err(SendError { refusal, .. }) => Err(SinkError(refusal)),
        }
    }

    /// Ready when everything is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        self.poll_sink(cx, |inner, _io| match inner.conn.closed() {
            Some(closed) if closed.unsent.messages > 0 => Err(Err(SinkError(SendRefusal::Ended))),
            None if !inner.is_flushed() => Err(Ok(Wait::Flush)),
            Some(_) | None => Ok(()),
        })
    }

    /// Closes with 1000, behind everything that is queued. Ready at the verdict.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        self.poll_sink(cx, |inner, io| {
            if let Ok(close) = Close::new(1000, "") {
                // It may be closing already: that is what is wanted.
                let _already = inner.conn.close_cutting(io.now, close);
            }
            if inner.conn.closed().is_some() { Ok(()) } else { Err(Ok(Wait::Closed)) }
        })
    }
}
