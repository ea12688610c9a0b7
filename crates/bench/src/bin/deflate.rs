//! What a connection with permessage-deflate holds: idle, and after traffic.
//!
//! `cargo run --release --bin deflate`. A server's connections in memory, each fed and asked as a driver would; bytes as the allocator is
//! asked for them. The figures are the same in each run.

use std::sync::Arc;

use adieu_core::deflate::{Deflate, Parameters};
use adieu_core::{Config, Connection, Event, Instant, Role};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const NOW: Instant = Instant::EPOCH;
const CONNECTIONS: usize = 100;

/// What was agreed on, and how it is compressed.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    compresses: bool,
    bits: u8,
    mem_level: u8,
    takeover: bool,
}

const CASES: [Case; 8] = [
    Case { name: "without compression", compresses: false, bits: 15, mem_level: 5, takeover: true },
    Case { name: "default: 15 bits, mem_level 5", compresses: true, bits: 15, mem_level: 5, takeover: true },
    Case {
        name: "15 bits, mem_level 8 (zlib's default)",
        compresses: true,
        bits: 15,
        mem_level: 8,
        takeover: true,
    },
    Case { name: "12 bits, mem_level 5", compresses: true, bits: 12, mem_level: 5, takeover: true },
    Case { name: "12 bits, mem_level 1", compresses: true, bits: 12, mem_level: 1, takeover: true },
    Case { name: "9 bits, mem_level 5", compresses: true, bits: 9, mem_level: 5, takeover: true },
    Case { name: "9 bits, mem_level 1", compresses: true, bits: 9, mem_level: 1, takeover: true },
    Case {
        name: "no context takeover, either side",
        compresses: true,
        bits: 15,
        mem_level: 5,
        takeover: false,
    },
];

fn open(role: Role, case: Case) -> Box<Connection> {
    let mut config = Config::default();
    let mut deflate = Deflate::default();
    (deflate.threshold, deflate.mem_level) = (0, case.mem_level);
    config.deflate = case.compresses.then_some(deflate);
    let mut connection = Connection::open(role, Arc::new(config), [7; 32], NOW);
    let mut agreed = Parameters::default();
    agreed.server_max_window_bits = Some(case.bits);
    (agreed.server_no_context_takeover, agreed.client_no_context_takeover) = (!case.takeover, !case.takeover);
    connection.agree(case.compresses.then_some(agreed));
    Box::new(connection)
}

/// What an endpoint wants to write.
fn take(connection: &mut Connection) -> Vec<u8> {
    let mut wire = Vec::new();
    loop {
        let mut slices = [&[][..]; 4];
        let filled = connection.transmit(NOW, &mut slices);
        let before = wire.len();
        slices[..filled].iter().for_each(|slice| wire.extend_from_slice(slice));
        let taken = wire.len() - before;
        if taken == 0 {
            return wire;
        }
        connection.handle_written(NOW, taken);
    }
}

/// Echoes what the client sent; one buffer for output goes from connection to connection.
fn echo(connection: &mut Connection, sent: &[u8], scratch: &mut [u8], spare: &mut Vec<u8>) {
    scratch.copy_from_slice(sent);
    connection.exchange_buffer(spare);
    let mut input = scratch;
    while let Some(event) = connection.handle_input(NOW, &mut input) {
        let Event::Message(message) = event else { panic!("{event:?}") };
        connection.send(NOW, message).expect("an open connection");
    }
    drop(take(connection));
    connection.exchange_buffer(spare);
}

fn main() {
    let message =
        br#"{"type":"trade","symbol":"BTC-EUR","price":30471.25,"size":12,"side":"buy","id":7919}"#.repeat(8);
    println!("bytes per connection                        idle   after 1 message   after 100");
    for case in CASES {
        let mut client = open(Role::Client, case);
        let mut sends = Vec::new();
        for _ in 0..100 {
            client.send(NOW, &message[..]).expect("an open connection");
            sends.push(take(&mut client));
        }
        let mut spare = Vec::with_capacity(64 << 10);
        let mut scratches: Vec<Vec<u8>> = sends.iter().map(|sent| vec![0; sent.len()]).collect();
        let mut connections = Vec::with_capacity(CONNECTIONS);
        let _profiler = dhat::Profiler::builder().testing().build();
        let held = || dhat::HeapStats::get().curr_bytes / CONNECTIONS;
        connections.extend((0..CONNECTIONS).map(|_| open(Role::Server, case)));
        let idle = held();
        let mut after = [0; 2];
        for (turn, (sent, scratch)) in sends.iter().zip(&mut scratches).enumerate() {
            connections.iter_mut().for_each(|connection| echo(connection, sent, scratch, &mut spare));
            after[usize::from(turn > 0)] = held();
        }
        println!("{:<40} {idle:>7} {:>17} {:>11}", case.name, after[0], after[1]);
    }
}
