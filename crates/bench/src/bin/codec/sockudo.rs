//! sockudo-ws: `Protocol` with its own `CorkBuffer`, used as its own stream uses them.

use std::rc::Rc;

use adieu_bench::wire::{READ_LEN, Wire};
use bytes::BytesMut;
use sockudo_ws::cork::{CorkBuffer, ZERO_COPY_MIN};
use sockudo_ws::frame::encode_frame_header;
use sockudo_ws::protocol::Protocol;
use sockudo_ws::{Config, Message, OpCode};

use crate::library::{Library, Refused, Role, turns};
use crate::memory::Sink;

pub(crate) struct Sockudo {
    protocol: Protocol,
    role: Role,
    wire: Rc<Wire>,
    message: Message,
    input: BytesMut,
    messages: Vec<Message>,
    output: CorkBuffer,
    sink: Sink,
}

impl Sockudo {
    fn read(&mut self, read: &[u8]) -> Result<(), Refused> {
        self.input.reserve(read.len());
        self.input.extend_from_slice(read);
        self.protocol.process_into(&mut self.input, &mut self.messages).map_err(|_| Refused)
    }

    /// Large payloads of a server go by reference, as in its `start_send`.
    fn queue(&mut self, message: &Message) {
        let by_reference = match message {
            Message::Text(bytes) if bytes.len() >= ZERO_COPY_MIN => Some((OpCode::Text, bytes)),
            Message::Binary(bytes) if bytes.len() >= ZERO_COPY_MIN => Some((OpCode::Binary, bytes)),
            _ => None,
        };
        if let (Role::Server, Some((opcode, bytes))) = (self.role, by_reference) {
            encode_frame_header(self.output.buffer_mut(), opcode, bytes.len(), true, None);
            self.output.push_segment(bytes.clone());
        } else {
            self.protocol.encode_message(message, self.output.buffer_mut()).expect("there is room");
        }
    }

    fn flush(&mut self) {
        while self.output.has_data() {
            let mut slices = [std::io::IoSlice::new(&[]); 16];
            let count = self.output.fill_write_slices(&mut slices);
            let mut len = 0;
            for slice in &slices[..count] {
                self.sink.take(slice);
                len += slice.len();
            }
            self.output.consume(len);
        }
    }
}

impl Library for Sockudo {
    const NAME: &'static str = "sockudo-ws";

    fn open(role: Role, wire: Rc<Wire>) -> Self {
        let own = match role {
            Role::Server => sockudo_ws::Role::Server,
            Role::Client => sockudo_ws::Role::Client,
        };
        let bytes = wire.payload().bytes.clone();
        let message = match wire.payload().text {
            true => Message::Text(bytes),
            false => Message::Binary(bytes),
        };
        let config = Config::default();
        Self {
            protocol: Protocol::new(own, config.max_frame_size, config.max_message_size),
            role,
            wire,
            message,
            input: BytesMut::with_capacity(READ_LEN),
            messages: Vec::new(),
            output: CorkBuffer::with_capacity(config.write_buffer_size),
            sink: Sink::new(),
        }
    }

    fn decode(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), Refused> {
        let wire = Rc::clone(&self.wire);
        for read in wire.reads() {
            self.read(read)?;
            for message in self.messages.drain(..) {
                match message {
                    // `as_text` would validate once more.
                    Message::Text(bytes) | Message::Binary(bytes) => each(&bytes),
                    _ => return Err(Refused),
                }
            }
        }
        Ok(())
    }

    fn encode(&mut self) {
        let message = self.message.clone();
        for count in turns(&self.wire) {
            for _ in 0..count {
                self.queue(&message);
            }
            self.flush();
        }
    }

    fn echo(&mut self) {
        let wire = Rc::clone(&self.wire);
        for read in wire.reads() {
            self.read(read).expect("messages are legal");
            let mut messages = std::mem::take(&mut self.messages);
            for message in messages.drain(..) {
                self.queue(&message);
            }
            self.messages = messages;
            self.flush();
        }
    }

    fn sink(&mut self) -> &mut Sink {
        &mut self.sink
    }
}
