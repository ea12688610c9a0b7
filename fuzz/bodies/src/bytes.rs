//! The bytes of a peer.

use std::sync::Arc;

use adieu_core::handshake::ClientRequest;
use adieu_core::{Config, Connection, Event, OriginPolicy, Role, ServerConfig, TransportError};

use crate::endpoint::{Endpoint, at};

pub(crate) const SEED: [u8; 32] = [7; 32];

/// The most that a flood brings.
const FLOOD_LEN: usize = 256 << 10;

/// How an input is to be read: its first byte.
#[derive(Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) role: Role,
    pub(crate) bits: u8,
}

impl Mode {
    pub(crate) fn has(self, bit: u8) -> bool {
        self.bits & (1 << bit) != 0
    }

    /// Limits that short inputs reach.
    pub(crate) fn config(self) -> Config {
        let mut config = Config::default();
        if self.has(2) {
            (config.max_message_len, config.max_frame_len, config.max_fragments) = (64, 48, 4);
            (config.max_head_len, config.max_headers) = (512, 8);
            (config.inbox_len, config.send_high, config.send_low, config.read_len) = (32, 64, 16, 8192);
        }
        config.chunks = self.has(7);
        config
    }

    /// The endpoint under test: in OPEN where bit 1 says so, or in CONNECTING.
    fn endpoint(self) -> Endpoint {
        let (config, now) = (self.config(), at(0));
        if self.has(1) {
            let config = Arc::new(config);
            return answering(|| Connection::open(self.role, config, SEED, now));
        }
        match self.role {
            Role::Server => self.server(config),
            Role::Client => client(config),
        }
    }

    pub(crate) fn server(self, config: Config) -> Endpoint {
        let mut config = ServerConfig::new(OriginPolicy::SameOrigin).with(config);
        config.plain_http = self.has(3);
        let config = Arc::new(config);
        answering(|| Connection::server(config, at(0)))
    }

    /// What the peer sends: the bytes as they are, or frames whose headers are right where the bytes do not say otherwise.
    pub(crate) fn bytes(self, data: &[u8]) -> Vec<u8> {
        if self.has(4) { frames(data, self.role == Role::Server) } else { data.to_vec() }
    }

    /// How the stream ends.
    fn end(self, endpoint: &mut Endpoint) {
        if self.has(5) {
            endpoint.read_error(at(0), TransportError::Reset);
        } else {
            endpoint.end_of_stream(at(0));
        }
    }
}

fn answering(make: impl FnOnce() -> Connection) -> Endpoint {
    let mut endpoint = Endpoint::new(make);
    endpoint.answers = true;
    endpoint
}

pub(crate) fn client(config: Config) -> Endpoint {
    let request = ClientRequest::new("localhost", "/").expect("it can travel");
    let config = Arc::new(config);
    answering(|| Connection::client(request, config, SEED, at(0)))
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

/// Feeds a server what its peer may send: whole, in cuts, and ahead of the application; all three must come to the same.
///
/// The first byte is the mode, the second the length of the cuts, the rest comes from the peer.
pub fn server_bytes(data: &[u8]) {
    bytes(Role::Server, data);
}

/// Feeds a client, as [`server_bytes`] feeds a server.
pub fn client_bytes(data: &[u8]) {
    bytes(Role::Client, data);
}

fn bytes(role: Role, data: &[u8]) {
    let [bits, cut, rest @ ..] = data else { return };
    let mode = Mode { role, bits: *bits };
    let bytes = mode.bytes(rest);
    compare(mode, &bytes, *cut, || mode.endpoint());
    if mode.has(0) {
        flood(mode, &bytes);
    }
}

/// The same bytes come to the same, however they are cut and whoever asks for them; answers with the whole reading.
pub(crate) fn compare(mode: Mode, bytes: &[u8], cut: u8, make: impl Fn() -> Endpoint) -> Endpoint {
    let whole = run(mode, make(), |endpoint| endpoint.read(at(0), bytes));
    let cut = run(mode, make(), |endpoint| {
        for piece in bytes.chunks(usize::from(cut) + 1) {
            endpoint.read(at(0), piece);
        }
    });
    let ahead = run(mode, make(), |endpoint| {
        for piece in bytes.chunks(endpoint.connection().config().read_len) {
            if !endpoint.connection().wants_input() {
                endpoint.ask(at(0));
            }
            endpoint.read_ahead(at(0), piece);
        }
    });
    for other in [&cut, &ahead] {
        assert_eq!(whole.messages, other.messages, "the same messages");
        assert_eq!(whole.parts, other.parts, "the same of a message that stays unfinished");
        assert_eq!(told(&whole), told(other), "the same notices");
        assert_eq!(whole.written, other.written, "the same bytes");
    }
    whole
}

fn run(mode: Mode, mut endpoint: Endpoint, feed: impl FnOnce(&mut Endpoint)) -> Endpoint {
    let _request = endpoint.flush(at(0));
    feed(&mut endpoint);
    endpoint.ask(at(0));
    // What is queued at an end of stream stays unsent.
    if !mode.has(6) {
        let _written = endpoint.flush(at(0));
    }
    mode.end(&mut endpoint);
    endpoint.run_out(at(0));
    endpoint
}

/// What was told; the room in the queue depends on when it was written.
fn told(endpoint: &Endpoint) -> Vec<&Event<'static>> {
    endpoint.notices.iter().filter(|event| !matches!(event, Event::Drained)).collect()
}

/// The same bytes over and over, to an application that does not ask and a transport that does not write, for as long as input is
/// wanted: what is held stays within `Config::max_memory`.
fn flood(mode: Mode, bytes: &[u8]) {
    let mut endpoint = mode.endpoint();
    let read_len = endpoint.connection().config().read_len;
    let read = bytes.repeat(read_len.min(FLOOD_LEN) / bytes.len().max(1));
    for _ in 0..FLOOD_LEN / read.len().max(1) {
        if !endpoint.connection().wants_input() || read.is_empty() {
            break;
        }
        endpoint.read_ahead(at(0), &read);
    }
    endpoint.ask(at(0));
    mode.end(&mut endpoint);
    endpoint.run_out(at(0));
}

/// Reads the bytes in OPEN, in cuts, to the end of the stream.
pub(crate) fn run_open(mode: Mode, config: Config, bytes: &[u8], cut: u8) -> Endpoint {
    let config = Arc::new(config);
    let endpoint = Endpoint::new(|| Connection::open(mode.role, config, SEED, at(0)));
    run(mode, endpoint, |endpoint| {
        for piece in bytes.chunks(usize::from(cut) + 1) {
            endpoint.read(at(0), piece);
        }
    })
}
