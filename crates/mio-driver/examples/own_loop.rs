//! An echo in a poll loop of one's own: a [`Socket`] is a stream and a connection, and imposes no loop.
//!
//! `cargo run -p adieu-mio --example own_loop 127.0.0.1:9001`

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::{io, mem, time};

use adieu_mio::mio::net::{TcpListener, TcpStream};
use adieu_mio::mio::{Events, Interest, Poll, Token};
use adieu_mio::{Buffers, Connection, Event, Instant, OriginPolicy, READS, ServerConfig, Socket};

const LISTENER: Token = Token(0);

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let mut listener = TcpListener::bind(address.parse()?)?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = Arc::new(ServerConfig::new(OriginPolicy::SameOrigin));
    let (mut poll, mut events, mut buffers) = (Poll::new()?, Events::with_capacity(1024), Buffers::default());
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut sockets, mut last): (BTreeMap<usize, Socket<TcpStream>>, _) = (BTreeMap::new(), LISTENER.0);
    // Who is to have a turn.
    let mut due = BTreeSet::new();
    let epoch = time::Instant::now();
    loop {
        let now = Instant::EPOCH + epoch.elapsed();
        // A loop with many connections keeps their deadlines in a heap.
        let deadline = sockets.values().filter_map(Socket::deadline).min();
        let wake = if due.is_empty() { deadline } else { Some(now) };
        match poll.poll(&mut events, wake.map(|at| at.since(now))) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        let now = Instant::EPOCH + epoch.elapsed();
        for event in &events {
            if let Some(socket) = sockets.get_mut(&event.token().0) {
                socket.ready(event.into());
                due.insert(event.token().0);
            }
            while event.token() == LISTENER
                && let Ok((mut stream, _)) = listener.accept()
            {
                last += 1;
                poll.registry().register(
                    &mut stream,
                    Token(last),
                    Interest::READABLE | Interest::WRITABLE,
                )?;
                sockets.insert(last, Socket::new(stream, Connection::server(Arc::clone(&config), now)));
                due.insert(last);
            }
        }
        let late = |socket: &Socket<_>| socket.deadline().is_some_and(|deadline| deadline <= now);
        due.extend(sockets.iter().filter(|(_, socket)| late(socket)).map(|(key, _)| *key));
        for key in mem::take(&mut due) {
            let Some(socket) = sockets.get_mut(&key) else { continue };
            if turn(socket, now, &mut buffers) {
                due.insert(key);
            }
            if socket.stream.is_none() && !socket.connection.has_event() {
                sockets.remove(&key);
            }
        }
    }
}

/// A socket's turn. `true`: it should have another one, after the others.
fn turn(socket: &mut Socket<TcpStream>, now: Instant, buffers: &mut Buffers) -> bool {
    socket.begin(now, buffers);
    for _ in 0..READS {
        let mut input = socket.read(now, buffers);
        let last = input.is_empty();
        while let Some(event) = socket.next(now, &mut input) {
            match event {
                // Refused where the client has gone already.
                Event::Request(_) => _ = socket.connection.accept(now, &Default::default()),
                // Refused: the connection is ending, and the message is in the error.
                Event::Message(message) => drop(socket.connection.send(now, message)),
                Event::Closed(verdict) => println!("{verdict}"),
                _ => {}
            }
        }
        if last {
            break;
        }
    }
    socket.settle(now, buffers)
}
