//! A socket by itself, over a stream in memory.

use std::io::{self, Read, Write};
use std::sync::Arc;

use adieu_mio::{Buffers, Cause, Config, Connection, Instant, Ready, Role, Socket, Transport};

const NOW: Instant = Instant::EPOCH;

/// What the peer has said, and then its end; what it was told.
struct Stream {
    said: Vec<u8>,
    told: Vec<u8>,
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = self.said.as_slice().read(into)?;
        self.said.drain(..len);
        Ok(len)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.told.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Stream {
    const SHORT_READ_IS_DRY: bool = true;

    fn shut_down(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn look_answers_a_ping_before_it_finds_the_end() {
    let stream = Stream { said: vec![0x89, 0x81, 0, 0, 0, 0, b'x'], told: Vec::new() };
    let connection = Connection::open(Role::Server, Arc::new(Config::default()), [7; 32], NOW);
    let (mut socket, mut buffers) = (Socket::new(stream, connection), Buffers::default());
    socket.ready(Ready { readable: true, hung_up: true, ..Ready::default() });
    socket.look(NOW, &mut buffers);
    let cause = socket.connection.closed().map(|closed| &closed.cause);
    assert_eq!(cause, Some(&Cause::EndOfStream { inside_frame: false }));
    let told = socket.stream.as_ref().map(|stream| &stream.told[..]);
    assert_eq!(told, Some(&[0x8A, 1, b'x'][..]));
}
