//! A message of 1 GiB passes in parts, both ways, compressed or not, in 256 KiB beside what zlib takes.
//!
//! In a debug build the message is of 16 MiB: `.ci/run` runs this in a release build.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::sync::Arc;

use adieu_core::deflate::{Deflate, Parameters};
use adieu_core::{Config, Connection, Event, Instant, Message, Role};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const NOW: Instant = Instant::EPOCH;
const MESSAGE_LEN: usize = if cfg!(debug_assertions) { 16 << 20 } else { 1 << 30 };
/// What the application sends at once.
const PART_LEN: usize = 64 << 10;
/// What zlib-rs takes to inflate, and to deflate with a window of 15 bits and `mem_level` 5, in bytes.
const ZLIB: usize = 47_552 + 279_680;
const MOST: usize = 256 << 10;

/// One end of a stream, with its message limit raised and parts wanted.
fn open(role: Role, compressed: bool) -> Connection {
    let mut config = Config::default();
    config.chunks = true;
    (config.max_message_len, config.max_frame_len) = (usize::MAX, usize::MAX);
    (config.send_high, config.send_low) = (1, 0);
    config.deflate = compressed.then(Deflate::default);
    let mut connection = Connection::open(role, Arc::new(config), [7; 32], NOW);
    connection.agree(compressed.then(Parameters::default));
    connection
}

/// The message, part by part: text that repeats itself a little, as logs do.
struct Source {
    line: usize,
    sum: u64,
}

impl Source {
    fn fill(&mut self, part: &mut [u8]) {
        for line in part.chunks_mut(64) {
            self.line += 1;
            let number = self.line.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
            line.iter_mut().enumerate().for_each(|(at, byte)| *byte = b'a' + (at % 26) as u8);
            line[..8].copy_from_slice(&number);
        }
        self.sum = add(self.sum, part);
    }
}

/// Depends on every byte and its place.
fn add(sum: u64, part: &[u8]) -> u64 {
    part.iter().fold(sum, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// What an end wrote goes through `wire` to the other end, which looks at each part; answers the sum, and how much came.
fn carry(from: &mut Connection, to: &mut Connection, wire: &mut [u8], sum: &mut u64) -> usize {
    let mut len = 0;
    loop {
        let mut slices = [&[][..]; 4];
        let filled = from.transmit(NOW, &mut slices);
        let mut taken = 0;
        for slice in &slices[..filled] {
            let fits = slice.len().min(wire.len() - taken);
            wire[taken..taken + fits].copy_from_slice(&slice[..fits]);
            taken += fits;
        }
        if taken == 0 {
            return len;
        }
        from.handle_written(NOW, taken);
        let mut input = &mut wire[..taken];
        while let Some(event) = to.handle_input(NOW, &mut input) {
            let Event::Chunk(chunk) = event else { panic!("{event:?}") };
            *sum = add(*sum, &chunk.payload);
            len += chunk.payload.len();
        }
    }
}

/// The most that both ends hold, in bytes, beside the application's part and the scratch that bytes travel through.
fn stream(role: Role, compressed: bool, borrowed: bool) -> usize {
    let (mut from, mut to) = (open(role, compressed), open(peer_of(role), compressed));
    let (mut wire, mut part) = (vec![0; 64 << 10], vec![0; PART_LEN]);
    let mut source = Source { line: 0, sum: 0 };
    let (mut sum, mut came) = (0, 0);
    let _profiler = dhat::Profiler::builder().testing().build();
    for sent in (PART_LEN..=MESSAGE_LEN).step_by(PART_LEN) {
        source.fill(&mut part);
        let message = if borrowed { Message::from(&part[..]) } else { Message::from(part.clone()) };
        from.send_fragment(NOW, message, sent == MESSAGE_LEN).expect("room for a part");
        came += carry(&mut from, &mut to, &mut wire, &mut sum);
    }
    assert_eq!((came, sum), (MESSAGE_LEN, source.sum), "what came is what was sent");
    dhat::HeapStats::get().max_bytes
}

const fn peer_of(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

fn main() {
    for role in [Role::Client, Role::Server] {
        for (compressed, borrowed) in [(false, true), (false, false), (true, true), (true, false)] {
            let held = stream(role, compressed, borrowed);
            let most = MOST + if compressed { ZLIB } else { 0 };
            println!(
                "{MESSAGE_LEN} bytes from the {role:?}, compressed {compressed}, borrowed {borrowed}: {held} of {most} bytes"
            );
            assert!(held <= most, "{held} bytes, promised {most}");
        }
    }
    println!("test result: ok. 8 passed; 0 failed");
}
