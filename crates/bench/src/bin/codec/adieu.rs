//! adieu-core: `Connection`, entered in OPEN, driven as a driver would, with one read buffer and no socket.

use std::rc::Rc;
use std::sync::Arc;

use adieu_bench::wire::{READ_LEN, Wire};
use adieu_core::{Config, Connection, Event, Instant, Message, State};

use crate::library::{Library, Refused, Role, turns};
use crate::memory::Sink;

pub(crate) struct Adieu {
    connection: Connection,
    wire: Rc<Wire>,
    message: Message<'static>,
    scratch: Box<[u8]>,
    sink: Sink,
}

impl Adieu {
    /// Writes what waits.
    fn flush(&mut self) {
        loop {
            let mut slices: [&[u8]; 16] = [&[]; 16];
            let count = self.connection.transmit(Instant::EPOCH, &mut slices);
            let mut len = 0;
            for slice in &slices[..count] {
                self.sink.take(slice);
                len += slice.len();
            }
            if len == 0 {
                return;
            }
            self.connection.handle_written(Instant::EPOCH, len);
        }
    }
}

impl Library for Adieu {
    const NAME: &'static str = "adieu";

    fn open(role: Role, wire: Rc<Wire>) -> Self {
        let role = match role {
            Role::Server => adieu_core::Role::Server,
            Role::Client => adieu_core::Role::Client,
        };
        let connection = Connection::open(role, Arc::new(Config::default()), [7; 32], Instant::EPOCH);
        let message = match wire.payload().as_text() {
            Some(text) => Message::from(text).into_owned(),
            None => Message::from(&wire.payload().bytes[..]).into_owned(),
        };
        Self { connection, wire, message, scratch: vec![0; READ_LEN].into(), sink: Sink::new() }
    }

    fn decode(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), Refused> {
        for read in self.wire.reads() {
            let mut input = &mut self.scratch[..read.len()];
            input.copy_from_slice(read);
            while let Some(event) = self.connection.handle_input(Instant::EPOCH, &mut input) {
                match event {
                    Event::Message(message) => each(message.as_bytes()),
                    _ => return Err(Refused),
                }
            }
        }
        if self.connection.state() == State::Open { Ok(()) } else { Err(Refused) }
    }

    fn encode(&mut self) {
        for count in turns(&self.wire) {
            for _ in 0..count {
                self.connection.send(Instant::EPOCH, self.message.borrowed()).expect("there is room");
            }
            self.flush();
        }
    }

    fn echo(&mut self) {
        let wire = Rc::clone(&self.wire);
        for read in wire.reads() {
            let mut input = &mut self.scratch[..read.len()];
            input.copy_from_slice(read);
            while let Some(event) = self.connection.handle_input(Instant::EPOCH, &mut input) {
                if let Event::Message(message) = event {
                    self.connection.send(Instant::EPOCH, message).expect("there is room");
                }
            }
            self.flush();
        }
    }

    fn sink(&mut self) -> &mut Sink {
        &mut self.sink
    }
}
