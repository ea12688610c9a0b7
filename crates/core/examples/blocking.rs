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
use adieu_core::{Connection, Event, Instant, OriginPolicy, SendRefusal, ServerConfig, Transport};

/// A write is given up and begun again after this long, so that what the peer took in between counts as progress.
const WRITE: Duration = Duration::from_millis(100);

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = Arc::new(ServerConfig::new(OriginPolicy::SameOrigin));
    for stream in listener.incoming() {
        let config = Arc::clone(&config);
        let serve = |stream| thread::Builder::new().spawn(|| Driver::new(stream, config).run());
        if let Err(error) = stream.and_then(serve) {
            // The system is out of something: others will leave.
            eprintln!("{error}");
            thread::sleep(WRITE);
        }
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
        let mut scratch = vec![0; self.connection.config().read_len.clamp(1, 16 << 20)];
        while self.connection.transport() < Transport::Close {
            let len = self.read(&mut scratch);
            self.tell(&mut scratch[..len]);
            // (7) Also where the peer never pauses. What is not due is not acted on.
            let now = self.now();
            self.connection.handle_timeout(now);
            self.write();
            // (5) What writing has brought.
            self.tell(&mut []);
            // (6)
            if self.connection.transport() == Transport::ShutdownWrite && !self.shut {
                self.shut = true;
                // A failure shows on the reading side.
                let _broken = self.stream.shutdown(Shutdown::Write);
            }
        }
        // Here the stream is closed; `std` cannot reset one, `socket2` can.
    }

    /// (3)
    fn read(&mut self, scratch: &mut [u8]) -> usize {
        if !self.connection.wants_input() {
            // Only the deadline is left to wait for.
            self.left().into_iter().for_each(thread::sleep);
            return 0;
        }
        let timeout = self.stream.set_read_timeout(self.left());
        let read = timeout.and_then(|()| self.stream.read(scratch));
        let now = self.now();
        match read {
            Ok(0) => self.connection.handle_eof(now),
            Ok(len) => return len,
            Err(error) if passes(&error) => {}
            Err(error) => self.connection.handle_read_error(now, (&error).into()),
        }
        0
    }

    /// (3, 5) The application.
    fn tell(&mut self, mut input: &mut [u8]) {
        let now = self.now();
        while let Some(event) = self.connection.handle_input(now, &mut input) {
            match event {
                // Refused where the client has gone already.
                Event::Request(_) => _ = self.connection.accept(now, &Accept::new()),
                Event::Message(message) => {
                    if self.connection.refusal() == Some(SendRefusal::Full) {
                        self.write();
                    }
                    // Refused: the connection is ending, and the message is in the error.
                    drop(self.connection.send(now, message));
                }
                Event::Closed(verdict) => println!("{verdict}"),
                _ => {}
            }
        }
    }

    /// (4)
    fn write(&mut self) {
        while self.connection.wants_output() {
            let timeout =
                self.stream.set_write_timeout(Some(self.left().map_or(WRITE, |left| left.min(WRITE))));
            let now = self.now();
            let mut slices = [&[][..]; 2];
            let filled = self.connection.transmit(now, &mut slices);
            let slices = slices.map(IoSlice::new);
            let written = timeout.and_then(|()| self.stream.write_vectored(&slices[..filled]));
            let now = self.now();
            match written {
                Ok(len) => self.connection.handle_written(now, len),
                Err(error) if passes(&error) => self.look(),
                Err(error) => self.connection.handle_write_error(now, (&error).into()),
            }
        }
    }

    /// (7, 8) What waits in the stream has come in time: it is read before the deadline is acted on.
    fn look(&mut self) {
        let (mut ahead, mut reads) = ([0; 16 << 10], 4);
        let _tunes = self.stream.set_nonblocking(true);
        while self.connection.wants_input()
            && reads > 0
            && let Ok(len @ 1..) = self.stream.read(&mut ahead)
        {
            reads -= 1;
            let now = self.now();
            self.connection.handle_ahead(now, &mut ahead[..len]);
        }
        let _tunes = self.stream.set_nonblocking(false);
        let now = self.now();
        self.connection.handle_timeout(now);
    }

    /// (7) The time to the deadline, of which `std` wants some.
    fn left(&self) -> Option<Duration> {
        let deadline = self.connection.deadline()?;
        Some(deadline.since(self.now()).max(Duration::from_millis(1)))
    }
}

/// The time is over, or a signal came: no error.
fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
