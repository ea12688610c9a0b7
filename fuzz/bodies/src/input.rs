//! The bytes of a peer.

use std::sync::Arc;

use adieu_core::handshake::ClientRequest;
use adieu_core::{Config, Connection, Event, OriginPolicy, Role, ServerConfig, TransportError};

use crate::endpoint::{Endpoint, at};

const SEED: [u8; 32] = [7; 32];

/// How an input is to be read: its first byte.
#[derive(Clone, Copy)]
struct Mode(u8);

impl Mode {
    fn has(self, bit: u8) -> bool {
        self.0 & (1 << bit) != 0
    }

    /// The endpoint under test.
    fn endpoint(self) -> Endpoint {
        let mut config = Config::default();
        if self.has(2) {
            (config.max_message_len, config.max_frame_len, config.max_fragments) = (64, 48, 4);
            (config.max_head_len, config.max_headers) = (512, 8);
            (config.inbox_len, config.send_high, config.send_low) = (32, 64, 16);
        }
        let now = at(0);
        let connection = match (self.has(0), self.has(1)) {
            (false, false) => {
                let mut config = ServerConfig::new(OriginPolicy::SameOrigin).with(config);
                config.plain_http = self.has(3);
                Connection::server(Arc::new(config), now)
            }
            (true, false) => {
                let request = ClientRequest::new("localhost", "/").expect("it can travel");
                Connection::client(request, Arc::new(config), SEED, now)
            }
            (false, true) => Connection::open(Role::Server, Arc::new(config), SEED, now),
            (true, true) => Connection::open(Role::Client, Arc::new(config), SEED, now),
        };
        let mut endpoint = Endpoint::new(connection);
        endpoint.answers = true;
        endpoint
    }

    /// What the peer sends: the bytes as they are, or frames whose headers are right where the bytes do not say otherwise.
    fn bytes(self, data: &[u8]) -> Vec<u8> {
        if self.has(4) { frames(data, !self.has(0)) } else { data.to_vec() }
    }

    /// How the stream ends.
    fn end(self, endpoint: &mut Endpoint) {
        if self.has(5) {
            endpoint.connection.handle_read_error(at(0), TransportError::Reset);
        } else {
            endpoint.connection.handle_eof(at(0));
        }
        endpoint.check();
    }
}

/// Two bytes for a header (FIN, reserved bits and opcode; the length), then the payload.
fn frames(mut data: &[u8], masked: bool) -> Vec<u8> {
    let mut out = Vec::new();
    while let [first, len, rest @ ..] = data {
        let (payload, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        out.push(*first);
        let mask_bit = if masked { 0x80 } else { 0 };
        match u8::try_from(payload.len()) {
            Ok(short @ ..=125) => out.push(short | mask_bit),
            _ => out.extend([126 | mask_bit, 0, payload.len() as u8]),
        }
        if masked {
            out.extend([0; 4]);
        }
        out.extend(payload);
        data = rest;
    }
    out
}

/// Feeds an endpoint what its peer may send: whole, in cuts, and ahead of the application; all three must come to the same.
///
/// The first byte is the mode, the second the length of the cuts, the rest comes from the peer.
pub fn input(data: &[u8]) {
    let [mode, cut, rest @ ..] = data else { return };
    let mode = Mode(*mode);
    let bytes = mode.bytes(rest);
    let whole = run(mode, |endpoint| endpoint.read(at(0), &bytes));
    let cut = run(mode, |endpoint| {
        for piece in bytes.chunks(usize::from(*cut) + 1) {
            endpoint.read(at(0), piece);
        }
    });
    let ahead = run(mode, |endpoint| endpoint.read_ahead(at(0), &bytes));
    for other in [&cut, &ahead] {
        assert_eq!(whole.messages, other.messages, "the same messages");
        assert_eq!(told(&whole), told(other), "the same notices");
        assert_eq!(whole.written, other.written, "the same bytes");
    }
}

fn run(mode: Mode, feed: impl FnOnce(&mut Endpoint)) -> Endpoint {
    let mut endpoint = mode.endpoint();
    let _ = endpoint.flush(at(0));
    feed(&mut endpoint);
    endpoint.ask(at(0));
    mode.end(&mut endpoint);
    endpoint.run_out(at(0));
    endpoint
}

/// What was told; the room in the queue depends on when it was written.
fn told(endpoint: &Endpoint) -> Vec<&Event<'static>> {
    endpoint.notices.iter().filter(|event| !matches!(event, Event::Drained)).collect()
}
