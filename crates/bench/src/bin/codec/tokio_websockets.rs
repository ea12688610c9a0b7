//! tokio-websockets: `WebSocketStream` over an in-memory stream, polled without a runtime. It has no lower interface.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use adieu_bench::wire::Wire;
use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Message, Payload, ServerBuilder, WebSocketStream};

use crate::library::{Library, Refused, Role, turns};
use crate::memory::{Memory, Sink};

pub(crate) struct TokioWebsockets {
    socket: WebSocketStream<Memory>,
    wire: Rc<Wire>,
    message: Message,
    /// Messages of a turn whose replies are not queued yet: reading would write whatever is queued, one by one.
    turn: Vec<Message>,
}

impl TokioWebsockets {
    /// The next message; `None` when reading would block.
    fn next(&mut self) -> Result<Option<Message>, Refused> {
        match self.socket.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(message))) => Ok(Some(message)),
            Poll::Ready(_) => Err(Refused),
            Poll::Pending => Ok(None),
        }
    }

    fn queue(&mut self, message: Message) {
        let context = &mut Context::from_waker(Waker::noop());
        assert!(matches!(self.socket.poll_ready_unpin(context), Poll::Ready(Ok(()))));
        self.socket.start_send_unpin(message).expect("there is room");
    }

    fn flush(&mut self) {
        let context = &mut Context::from_waker(Waker::noop());
        assert!(matches!(self.socket.poll_flush_unpin(context), Poll::Ready(Ok(()))));
    }
}

impl Library for TokioWebsockets {
    const NAME: &'static str = "tokio-websockets";

    fn open(role: Role, wire: Rc<Wire>) -> Self {
        let memory = Memory::new(Rc::clone(&wire));
        let socket = match role {
            Role::Server => ServerBuilder::new().serve(memory),
            Role::Client => ClientBuilder::new().take_over(memory),
        };
        let payload = Payload::from(wire.payload().bytes.clone());
        let message = match wire.payload().text {
            true => Message::text(payload),
            false => Message::binary(payload),
        };
        Self { socket, wire, message, turn: Vec::new() }
    }

    fn decode(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), Refused> {
        self.socket.get_mut().rewind();
        while !self.socket.get_ref().finished() {
            while let Some(message) = self.next()? {
                match message.is_text() || message.is_binary() {
                    true => each(message.as_payload()),
                    false => return Err(Refused),
                }
            }
        }
        Ok(())
    }

    fn encode(&mut self) {
        for count in turns(&self.wire) {
            for _ in 0..count {
                self.queue(self.message.clone());
            }
            self.flush();
        }
    }

    fn echo(&mut self) {
        self.socket.get_mut().rewind();
        while !self.socket.get_ref().finished() {
            let mut turn = std::mem::take(&mut self.turn);
            while let Some(message) = self.next().expect("messages are legal") {
                turn.push(message);
            }
            for message in turn.drain(..) {
                self.queue(message);
            }
            self.turn = turn;
            self.flush();
        }
    }

    fn sink(&mut self) -> &mut Sink {
        &mut self.socket.get_mut().sink
    }
}
