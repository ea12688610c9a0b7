//! What a connection holds: `Config::max_memory`, the idle connection, the hot path.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::sync::Arc;

use adieu_core::deflate::{Deflate, Parameters};
use adieu_core::handshake::Accept;
use adieu_core::{
    Config, Connection, Event, Instant, OriginPolicy, Prepared, Role, SendRefusal, ServerConfig, State,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const NOW: Instant = Instant::EPOCH;

fn heap() -> dhat::HeapStats {
    dhat::HeapStats::get()
}

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..=125) => frame.push(0x80 | short as u8),
        Ok(len) => frame.extend([&[0xFE][..], &len.to_be_bytes()].concat()),
        Err(_) => frame.extend([&[0xFF][..], &(payload.len() as u64).to_be_bytes()].concat()),
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// A message's payload, compressed as a client would.
fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut config = Config::default();
    config.send_high = usize::MAX;
    let mut deflate = Deflate::default();
    (deflate.threshold, deflate.level) = (0, 9);
    config.deflate = Some(deflate);
    let mut peer = Connection::open(Role::Server, Arc::new(config), [0; 32], NOW);
    peer.agree(Some(Parameters::default()));
    peer.send(NOW, payload).expect("an open connection");
    let mut slices = [&[][..]; 4];
    let filled = peer.transmit(NOW, &mut slices);
    let wire = slices[..filled].concat();
    let header_len = [(126, 4), (127, 10)].iter().find(|(len, _)| *len == wire[1]).map_or(2, |(_, at)| *at);
    wire[header_len..].to_vec()
}

/// Looks ahead for as long as the connection reads.
fn flood(connection: &mut Connection, wire: &[u8], read_len: usize) {
    let mut scratch = vec![0; read_len];
    for read in wire.chunks(read_len) {
        if !connection.wants_input() {
            break;
        }
        scratch[..read.len()].copy_from_slice(read);
        connection.handle_ahead(NOW, &mut scratch[..read.len()]);
    }
}

/// The wire that makes a connection hold as much as it can, in several ways.
fn floods(config: &Config) -> Vec<Vec<u8>> {
    let tiny = frame(0x82, b"").repeat(200_000);
    let small = frame(0x81, &[b'x'; 100]).repeat(20_000);
    let large = frame(0x82, &vec![0; config.max_message_len]).repeat(3);
    let part = [frame(0x01, b""), frame(0x00, &[b'y'; 1000]).repeat(config.max_message_len / 1000)].concat();
    let pings = frame(0x89, &[7; 125]).repeat(40_000);
    let declared = frame(0x81, &vec![b'z'; config.max_message_len]);
    let declared = declared[..config.max_message_len / 2].to_vec();
    let before = config.inbox_len.saturating_sub(1000) / 110;
    let mixed = [frame(0x81, &[b'x'; 100]).repeat(before), part.clone(), pings.clone()].concat();
    let plain = vec![tiny, small, large, part, pings.clone(), declared, mixed];
    if config.deflate.is_none() {
        return plain;
    }
    let zeros = compressed(&vec![0; config.max_message_len]);
    let bombs = frame(0xC2, &zeros).repeat(100);
    let begun = [frame(0x42, &zeros[..zeros.len() / 2]), pings].concat();
    let dense = frame(0xC2, &compressed(&noise(config.max_message_len))).repeat(3);
    [plain, vec![bombs, begun, dense]].concat()
}

/// Sends until the queue is full, with one message of the limit as the last.
fn fill(connection: &mut Connection, config: &Config) {
    while connection.buffered() + 100 < config.send_high {
        connection.send(NOW, "0123456789".repeat(9)).expect("room");
    }
    while connection.send(NOW, noise(config.max_message_len)).is_ok() {}
    assert_eq!(connection.refusal(), Some(SendRefusal::Full));
}

/// The most that is held while `wire` arrives at a server whose peer does not read.
fn most_held(config: &Config, wire: &[u8], head: &[u8]) -> usize {
    let mut server = ServerConfig::new(OriginPolicy::Any).with(config.clone());
    server.plain_http = false;
    let server = Arc::new(server);
    let mut head = head.to_vec();
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut connection = Connection::server(server, NOW);
    connection.handle_ahead(NOW, &mut head);
    assert!(matches!(connection.poll_event(NOW), Some(Event::Request(_))));
    flood(&mut connection, &wire[..config.read_len.min(wire.len())], config.read_len);
    connection.accept(NOW, &Accept::new()).expect("a request");
    fill(&mut connection, config);
    flood(&mut connection, wire, config.read_len);
    // What the test itself allocates meanwhile: the scratch of `flood`, and the large message of `fill` while it is offered.
    let own = config.read_len + config.max_message_len;
    heap().max_bytes.saturating_sub(own)
}

fn configs() -> Vec<Config> {
    let mut small = Config::default();
    (small.max_message_len, small.max_frame_len) = (100_000, 100_000);
    (small.inbox_len, small.read_len) = (4096, 4096);
    (small.send_high, small.send_low) = (16_384, 4096);
    let mut wide = Config::default();
    wide.read_len = 16 << 10;
    let plain = vec![Config::default(), small, wide];
    let mut compressing = plain.clone();
    compressing.iter_mut().for_each(|config| config.deflate = Some(Deflate::default()));
    [plain, compressing].concat()
}

fn a_connection_holds_no_more_than_max_memory() {
    let fields: String = (0..55).map(|n| format!("X-{n}: {}\r\n", "v".repeat(100))).collect();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{fields}\r\n"
    );
    for config in configs() {
        for (index, wire) in floods(&config).iter().enumerate() {
            let held = most_held(&config, wire, head.as_bytes());
            let limit = config.max_memory();
            println!("flood {index}: {held} of {limit} bytes");
            assert!(held <= limit, "flood {index}: {held} bytes, promised {limit}");
        }
    }
}

/// What zlib-rs takes to inflate, in bytes.
const ZLIB: usize = 47_552;

/// The most that is held of a compressed message over the limit, read in pieces of so many bytes; `wire` is many reads long.
fn most_of_a_bomb(config: &Arc<Config>, wire: &[u8], piece_len: usize, ahead: bool) -> usize {
    let mut pieces = wire.to_vec();
    let mut connection = Connection::open(Role::Server, Arc::clone(config), [3; 32], NOW);
    connection.agree(Some(Parameters::default()));
    let _profiler = dhat::Profiler::builder().testing().build();
    for piece in pieces.chunks_mut(piece_len) {
        if ahead {
            connection.handle_ahead(NOW, piece);
            continue;
        }
        let mut input = piece;
        while let Some(event) = connection.handle_input(NOW, &mut input) {
            assert!(matches!(event, Event::Chunk(_)), "{event:?}");
        }
    }
    while connection.poll_event(NOW).is_some() {}
    assert_eq!(connection.state(), State::Closing, "the limit was passed");
    heap().max_bytes
}

fn a_bomb_costs_its_limit_and_a_little_more() {
    let zeros = compressed(&vec![0; 64 << 20]);
    let one = frame(0xC2, &zeros);
    let fragments = zeros.chunks(100).map(|part| frame(0x00, part)).collect::<Vec<_>>().concat();
    let fragments = [frame(0x42, b""), fragments].concat();
    for (limit, chunks) in [(1 << 20, false), (100_000, false), (1 << 20, true), (0, false)] {
        let mut config = Config::default();
        (config.max_message_len, config.chunks) = (limit, chunks);
        config.deflate = Some(Deflate::default());
        let config = Arc::new(config);
        for wire in [&one, &fragments] {
            for (piece_len, ahead) in
                [(1, false), (7, true), (100, true), (1000, false), (1 << 16, true), (1 << 16, false)]
            {
                let held = most_of_a_bomb(&config, wire, piece_len, ahead);
                let most = ZLIB + limit + (64 << 10);
                println!(
                    "bomb, limit {limit}, pieces of {piece_len}, ahead {ahead}, chunks {chunks}: {held} of {most} bytes"
                );
                assert!(held <= most, "{held} bytes, promised {most}");
            }
        }
    }
}

/// Without context takeover nothing is kept between messages.
fn zlib_is_given_back_after_each_message_where_nothing_is_remembered() {
    for takeover in [true, false] {
        let mut config = Config::default();
        let mut deflate = Deflate::default();
        deflate.threshold = 0;
        config.deflate = Some(deflate);
        let mut connection = Connection::open(Role::Server, Arc::new(config), [3; 32], NOW);
        let mut agreed = Parameters::default();
        (agreed.server_no_context_takeover, agreed.client_no_context_takeover) = (!takeover, !takeover);
        connection.agree(Some(agreed));
        let wire = frame(0xC2, &compressed(b"hello"));
        let mut scratch = wire.clone();
        let mut spare = Vec::with_capacity(1 << 10);
        let _profiler = dhat::Profiler::builder().testing().build();
        for _ in 0..3 {
            assert_eq!(echo(&mut connection, &wire, &mut scratch, &mut spare), 1);
        }
        let held = heap().curr_bytes;
        println!("after traffic, takeover {takeover}: {held} bytes");
        let zlib = 280_000 + ZLIB;
        assert!(if takeover { held > 300_000 && held < zlib + 1000 } else { held == 0 }, "{held} bytes");
    }
}

/// Messages pass, and there is never a moment in which none waits.
fn an_application_that_is_always_behind_holds_no_more_the_longer_it_lasts() {
    let message = frame(0x81, &[b'x'; 100]);
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut connection = Connection::open(Role::Server, Arc::new(Config::default()), [3; 32], NOW);
    connection.handle_ahead(NOW, &mut message.clone());
    for _ in 0..100_000 {
        connection.handle_ahead(NOW, &mut message.clone());
        assert!(matches!(connection.poll_event(NOW), Some(Event::Message(_))));
    }
    // Two messages wait at the most.
    let held = heap().max_bytes;
    println!("always behind: {held} bytes");
    assert!(held < 10_000, "{held} bytes");
}

/// The beginning of a message of 60 MiB: its header, and so many bytes of it.
fn begun(len: usize) -> Vec<u8> {
    [&[0x82, 0xFF][..], &(60_u64 << 20).to_be_bytes(), &[0; 4], &vec![7; len]].concat()
}

fn a_length_that_is_only_declared_takes_at_most_a_mebibyte() {
    let mut config = Config::default();
    (config.max_message_len, config.max_frame_len) = (64 << 20, 64 << 20);
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut connection = Connection::open(Role::Server, Arc::new(config), [3; 32], NOW);
    connection.handle_ahead(NOW, &mut begun(1));
    let held = heap().curr_bytes;
    println!("60 MiB declared: {held} bytes");
    assert!((1 << 20..(1 << 20) + 10_000).contains(&held), "{held} bytes");
}

fn a_message_that_stays_unfinished_is_let_go_of_at_the_verdict() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut connection = Connection::open(Role::Server, Arc::new(Config::default()), [3; 32], NOW);
    let before = heap().curr_bytes;
    connection.handle_ahead(NOW, &mut frame(0x02, &vec![7; 500_000]));
    assert!(heap().curr_bytes > before + 500_000, "it is gathered");
    connection.handle_eof(NOW);
    assert!(connection.closed().is_some_and(|verdict| verdict.cut_in));
    let held = heap().curr_bytes - before;
    println!("ended inside a message: {held} bytes");
    assert!(held < 2_000, "{held} bytes");
}

/// Writes all that waits.
fn write(connection: &mut Connection) {
    let len = connection.transmit(NOW, &mut [&[][..]; 4]);
    assert!(len > 0, "something waits");
    connection.handle_written(NOW, usize::MAX);
    connection.exchange_buffer(&mut Vec::new());
}

fn pings_leave_nothing_behind() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut connection = Connection::open(Role::Server, Arc::new(Config::default()), [3; 32], NOW);
    let before = heap().curr_bytes;
    connection.handle_ahead(NOW, &mut frame(0x89, b"theirs"));
    write(&mut connection);
    let id = connection.ping(NOW).expect("an open connection");
    write(&mut connection);
    connection.handle_ahead(NOW, &mut frame(0x8A, &id.to_be_bytes()));
    assert!(matches!(connection.poll_event(NOW), Some(Event::Pong(_))), "it is answered");
    let keepalive = connection.deadline().expect("a Ping is due");
    connection.handle_timeout(keepalive);
    write(&mut connection);
    connection.handle_ahead(NOW, &mut frame(0x8A, &(id + 1).to_be_bytes()));
    assert_eq!(heap().curr_bytes, before, "bytes are held");
}

/// Echoes `wire` once, all replies in one turn; how many messages it were.
fn echo(connection: &mut Connection, wire: &[u8], scratch: &mut [u8], spare: &mut Vec<u8>) -> usize {
    scratch.copy_from_slice(wire);
    connection.exchange_buffer(spare);
    let mut input = scratch;
    let mut count = 0;
    while let Some(event) = connection.handle_input(NOW, &mut input) {
        let Event::Message(message) = event else { panic!("{event:?}") };
        connection.send(NOW, message).expect("an open connection");
        count += 1;
    }
    loop {
        let mut slices = [&[][..]; 4];
        let filled = connection.transmit(NOW, &mut slices);
        let len = slices[..filled].iter().map(|slice| slice.len()).sum();
        if len == 0 {
            break;
        }
        connection.handle_written(NOW, len);
    }
    connection.exchange_buffer(spare);
    count
}

fn echoes_of_whole_messages_do_not_allocate_and_leave_nothing_behind() {
    for role in [Role::Server, Role::Client] {
        let client = [frame(0x81, "größe".as_bytes()), frame(0x82, &[1; 1000])].concat().repeat(40);
        let server = [&[0x81, 2, b'h', b'i'][..], &[0x82, 126, 1, 0], &[5; 256]].concat().repeat(40);
        let wire = if role == Role::Server { client } else { server };
        let mut scratch = wire.clone();
        let mut spare = Vec::with_capacity(256 << 10);
        let mut connection = Connection::open(role, Arc::new(Config::default()), [3; 32], NOW);
        let _profiler = dhat::Profiler::builder().testing().build();
        for _ in 0..100 {
            assert_eq!(echo(&mut connection, &wire, &mut scratch, &mut spare), 80);
        }
        let heap = heap();
        assert_eq!((heap.total_blocks, heap.curr_bytes), (0, 0), "{role:?}");
    }
}

/// Of a message that is large, connections hold a reference.
fn what_is_prepared_for_many_is_held_once_and_within_the_limit() {
    let config = Arc::new(Config::default());
    for len in [100, 40_000] {
        let _profiler = dhat::Profiler::builder().testing().build();
        let message = Prepared::binary(&vec![0; len]);
        let mut connection = Connection::open(Role::Server, Arc::clone(&config), [3; 32], NOW);
        while connection.send_prepared(NOW, &message).is_ok() {}
        let held = heap().max_bytes;
        println!("prepared messages of {len} bytes: {held} of {} bytes", config.max_memory());
        assert!(held <= config.max_memory(), "{held} bytes");
    }
    let (len, count) = (1 << 20, 100);
    let _profiler = dhat::Profiler::builder().testing().build();
    let message = Prepared::binary(&vec![0; len]);
    let open = || Connection::open(Role::Server, Arc::clone(&config), [3; 32], NOW);
    let mut connections: Vec<_> = (0..count).map(|_| open()).collect();
    for connection in &mut connections {
        connection.send_prepared(NOW, &message).expect("there is room");
    }
    let held = heap().curr_bytes;
    println!("a message of {len} bytes for {count} connections: {held} bytes");
    assert!(held < len + count * 1000, "{held} bytes");
}

/// A program of one thread: the allocator's counts belong to the whole process, in which a test harness has threads of its own.
fn main() {
    echoes_of_whole_messages_do_not_allocate_and_leave_nothing_behind();
    a_connection_holds_no_more_than_max_memory();
    an_application_that_is_always_behind_holds_no_more_the_longer_it_lasts();
    what_is_prepared_for_many_is_held_once_and_within_the_limit();
    a_bomb_costs_its_limit_and_a_little_more();
    zlib_is_given_back_after_each_message_where_nothing_is_remembered();
    a_length_that_is_only_declared_takes_at_most_a_mebibyte();
    a_message_that_stays_unfinished_is_let_go_of_at_the_verdict();
    pings_leave_nothing_behind();
    println!("test result: ok. 9 passed; 0 failed");
}
