//! tungstenite, the protocol under tokio-tungstenite: `WebSocket` over an in-memory stream.

use std::rc::Rc;

use adieu_bench::wire::{READ_LEN, Wire};
use tungstenite::protocol::{self, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::library::{Library, Refused, Role, turns};
use crate::memory::{Memory, Sink};

pub(crate) struct Tungstenite {
    socket: WebSocket<Memory>,
    wire: Rc<Wire>,
    message: Message,
}

impl Tungstenite {
    /// The next message; `None` when reading would block.
    fn next(&mut self) -> Result<Option<Message>, Refused> {
        match self.socket.read() {
            Ok(message) => Ok(Some(message)),
            Err(Error::Io(_)) => Ok(None),
            Err(_) => Err(Refused),
        }
    }
}

impl Library for Tungstenite {
    const NAME: &'static str = "tungstenite";

    fn open(role: Role, wire: Rc<Wire>) -> Self {
        let role = match role {
            Role::Server => protocol::Role::Server,
            Role::Client => protocol::Role::Client,
        };
        // The same reads for all: its own default is 128 KiB.
        let config = WebSocketConfig::default().read_buffer_size(READ_LEN);
        let socket = WebSocket::from_raw_socket(Memory::new(Rc::clone(&wire)), role, Some(config));
        let message = match wire.payload().as_text() {
            Some(text) => Message::text(text),
            None => Message::Binary(wire.payload().bytes.clone()),
        };
        Self { socket, wire, message }
    }

    fn decode(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), Refused> {
        self.socket.get_mut().rewind();
        while !self.socket.get_ref().finished() {
            while let Some(message) = self.next()? {
                match message {
                    Message::Text(text) => each(text.as_bytes()),
                    Message::Binary(bytes) => each(&bytes),
                    _ => return Err(Refused),
                }
            }
        }
        Ok(())
    }

    fn encode(&mut self) {
        for count in turns(&self.wire) {
            for _ in 0..count {
                self.socket.write(self.message.clone()).expect("there is room");
            }
            self.socket.flush().expect("memory takes everything");
        }
    }

    fn echo(&mut self) {
        self.socket.get_mut().rewind();
        while !self.socket.get_ref().finished() {
            while let Some(message) = self.next().expect("messages are legal") {
                self.socket.write(message).expect("there is room");
            }
            self.socket.flush().expect("memory takes everything");
        }
    }

    fn sink(&mut self) -> &mut Sink {
        &mut self.socket.get_mut().sink
    }
}
