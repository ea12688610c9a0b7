//! A whole driver, for blocking streams: an echo with a thread for each client. The numbers are those of `docs/writing-a-driver.md`.
//!
//! `cargo run -p adieu-core --example blocking 127.0.0.1:9001`

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{self, Duration};

use adieu_core::handshake::Accept;
use adieu_core::{Connection, Event, Instant, OriginPolicy, ServerConfig, Transport};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = Arc::new(ServerConfig::new(OriginPolicy::SameOrigin));
    for stream in listener.incoming() {
        let (stream, config) = (stream?, Arc::clone(&config));
        thread::spawn(move || Driver::new(stream, config).run());
    }
    Ok(())
}

/// A stream, a connection, and nothing else that matters.
struct Driver {
    stream: TcpStream,
    connection: Connection,
    /// (1)
    epoch: time::Instant,
    shut: bool,
}

impl Driver {
    /// (2)
    fn new(stream: TcpStream, config: Arc<ServerConfig>) -> Self {
        let connection = Connection::server(config, Instant::EPOCH);
        Self { stream, connection, epoch: time::Instant::now(), shut: false }
    }

    fn now(&self) -> Instant {
        Instant::EPOCH + self.epoch.elapsed()
    }

    fn run(mut self) {
        let mut scratch = vec![0; self.connection.config().read_len];
        while self.connection.transport() < Transport::Close {
            let len = self.read(&mut scratch);
            self.tell(&mut scratch[..len]);
            self.write();
            // (6)
            if self.connection.transport() == Transport::ShutdownWrite && !self.shut {
                self.shut = true;
                // A failure shows on the reading side.
                let _broken = self.stream.shutdown(Shutdown::Write);
            }
        }
        // (5) What is told last, if it was not.
        self.tell(&mut []);
        // Here the stream is closed; `std` cannot reset one, `socket2` can.
    }

    /// (3)
    fn read(&mut self, scratch: &mut [u8]) -> usize {
        if !self.connection.wants_input() {
            self.wait();
            return 0;
        }
        let timeout = self.stream.set_read_timeout(self.left());
        let read = timeout.and_then(|()| self.stream.read(scratch));
        let now = self.now();
        match read {
            Ok(0) => self.connection.handle_eof(now),
            Ok(len) => return len,
            Err(error) if passes(&error) => self.connection.handle_timeout(now),
            Err(error) => self.connection.handle_read_error(now, (&error).into()),
        }
        0
    }

    /// (3, 5) The application.
    fn tell(&mut self, mut input: &mut [u8]) {
        let now = self.now();
        while let Some(event) = self.connection.handle_input(now, &mut input) {
            match event {
                // Refused where it does not ask for WebSocket; then the deadline answers.
                Event::Request(_) => _ = self.connection.accept(now, &Accept::new()),
                // Refused? The message is in the error, with the reason.
                Event::Message(message) => drop(self.connection.send(now, message)),
                Event::Closed(verdict) => println!("{verdict}"),
                _ => {}
            }
        }
    }

    /// (4)
    fn write(&mut self) {
        while self.connection.wants_output() {
            let timeout = self.stream.set_write_timeout(self.left());
            let now = self.now();
            let mut slices = [&[][..]; 2];
            let filled = self.connection.transmit(now, &mut slices);
            let slices = slices.map(IoSlice::new);
            let written = timeout.and_then(|()| self.stream.write_vectored(&slices[..filled]));
            let now = self.now();
            match written {
                Ok(len) => self.connection.handle_written(now, len),
                Err(error) if passes(&error) => self.connection.handle_timeout(now),
                Err(error) => self.connection.handle_write_error(now, (&error).into()),
            }
        }
    }

    /// (7) The time to the deadline, of which `std` wants some.
    fn left(&self) -> Option<Duration> {
        let deadline = self.connection.deadline()?;
        Some(deadline.since(self.now()).max(Duration::from_millis(1)))
    }

    /// Nothing is to be read: only a deadline is left to wait for.
    fn wait(&mut self) {
        self.left().into_iter().for_each(thread::sleep);
        let now = self.now();
        self.connection.handle_timeout(now);
    }
}

/// The time is over, or a signal came: no error. What is not due is not acted on.
fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
