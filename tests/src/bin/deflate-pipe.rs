//! Compresses and inflates what it is told, for `tests/interop/zlib_test.py`.
//!
//! `deflate-pipe BITS LEVEL TAKEOVER` reads lines of hexadecimal digits: behind `d` a message, for which it prints the payload that would
//! travel; behind `i` such a payload, for which it prints the message, or the violation.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;

use adieu_core::deflate::{Deflate, Parameters};
use adieu_core::{Config, Connection, Event, Instant, Role};

const NOW: Instant = Instant::EPOCH;
const USAGE: &str = "usage: deflate-pipe BITS LEVEL TAKEOVER";

fn main() -> ExitCode {
    let numbers: Vec<u8> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [bits, level, takeover] = numbers[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(&mut open(bits, level, takeover != 0)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deflate-pipe: {error}");
            ExitCode::FAILURE
        }
    }
}

fn open(bits: u8, level: u8, takeover: bool) -> Connection {
    let mut config = Config::default();
    let mut deflate = Deflate::default();
    (deflate.threshold, deflate.level) = (0, level);
    config.deflate = Some(deflate);
    (config.max_message_len, config.max_frame_len) = (64 << 20, 64 << 20);
    let mut connection = Connection::open(Role::Server, Arc::new(config), [0; 32], NOW);
    let mut agreed = Parameters::default();
    (agreed.server_no_context_takeover, agreed.client_no_context_takeover) = (!takeover, !takeover);
    (agreed.server_max_window_bits, agreed.client_max_window_bits) = (Some(bits), Some(Some(bits)));
    connection.agree(Some(agreed));
    connection
}

fn serve(connection: &mut Connection) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (what, bytes) = line.split_at(1);
        let bytes = unhex(bytes).ok_or(io::ErrorKind::InvalidData)?;
        let answer = if what == "d" { deflated(connection, &bytes) } else { inflated(connection, &bytes) };
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    Ok(())
}

/// The payload that a message travels with.
fn deflated(connection: &mut Connection, message: &[u8]) -> String {
    if let Err(refused) = connection.send(NOW, message) {
        return refused.to_string();
    }
    let mut wire = Vec::new();
    loop {
        let mut slices = [&[][..]; 4];
        let filled = connection.transmit(NOW, &mut slices);
        let before = wire.len();
        slices[..filled].iter().for_each(|slice| wire.extend_from_slice(slice));
        let taken = wire.len() - before;
        if taken == 0 {
            break;
        }
        connection.handle_written(NOW, taken);
    }
    let header_len = match wire.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    hex(&wire[header_len..])
}

/// The message that a payload brings.
fn inflated(connection: &mut Connection, payload: &[u8]) -> String {
    let mut frame = vec![0xC2, 0xFF];
    frame.extend((payload.len() as u64).to_be_bytes());
    if let Ok(len) = u16::try_from(payload.len()) {
        frame = if len < 126 {
            vec![0xC2, 0x80 | len as u8]
        } else {
            [&[0xC2, 0xFE], &len.to_be_bytes()[..]].concat()
        };
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    let mut input = &mut frame[..];
    match connection.handle_input(NOW, &mut input) {
        Some(Event::Message(message)) => hex(message.as_bytes()),
        other => format!("! {:?}, {other:?}", connection.state()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}
