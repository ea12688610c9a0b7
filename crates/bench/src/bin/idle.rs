//! What idle connections hold: resident memory of a server for each, in user space.
//!
//! `idle [COUNT]` opens connections over loopback, 10,000 unless it is told otherwise, to Adieu's echo server over mio and over tokio, and prints
//! the difference, from one connection on: what the first one costs is the program's. The server is a process of its own (`idle server NAME`), and no library's code is in the client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;

use adieu_bench::process::{Server, allow_many_files, answer};
use adieu_bench::wire::{Payload, frame};
use adieu_bench::{Fallible, servers};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// How many connections, unless it is told.
const COUNT: usize = 10_000;

fn main() -> ExitCode {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    let outcome = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", name] => serve(name),
        [] => measure(COUNT),
        [count] => count.parse().map_err(Into::into).and_then(measure),
        _ => Err("usage: idle [COUNT]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("idle: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn serve(name: &str) -> Fallible<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?);
    std::thread::spawn(answer);
    if name == "adieu-mio" {
        return servers::over_mio(listener);
    }
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { servers::over_tokio(tokio::net::TcpListener::from_std(listener)?).await })
}

fn measure(count: usize) -> Fallible<()> {
    allow_many_files()?;
    println!("{count} idle OPEN connections: bytes of resident memory for each");
    for name in ["adieu-mio", "adieu-tokio"] {
        let server = Server::start(name)?;
        let _first = connect(server.address())?;
        let before = server.resident()?;
        let mut open = (0..count).map(|_| connect(server.address())).collect::<Fallible<Vec<_>>>()?;
        let after = server.resident()?;
        // They are open, to the last of them.
        for client in open.iter_mut().rev().step_by(count / 10 + 1) {
            echo(client)?;
        }
        println!("{name:>12} {:>8.0}", after.saturating_sub(before) as f64 / count as f64);
    }
    Ok(())
}

/// Opens a connection.
fn connect(server: SocketAddr) -> Fallible<TcpStream> {
    let mut client = TcpStream::connect(server)?;
    client.write_all(REQUEST)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if head.starts_with(b"HTTP/1.1 101 ") { Ok(client) } else { Err("it is refused".into()) }
}

fn echo(client: &mut TcpStream) -> Fallible<()> {
    let payload = Payload::binary(16);
    client.write_all(&frame(&payload, Some([1, 2, 3, 4])))?;
    let expected = frame(&payload, None);
    let mut reply = vec![0; expected.len()];
    client.read_exact(&mut reply)?;
    if reply == expected { Ok(()) } else { Err("the reply is not the message".into()) }
}
