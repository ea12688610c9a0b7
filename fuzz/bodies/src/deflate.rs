//! permessage-deflate: the text that is negotiated, and payloads that inflate or do not.

use std::sync::Arc;

use adieu_core::deflate::{Deflate, Parameters};
use adieu_core::handshake::{Accept, ClientRequest};
use adieu_core::{Config, Connection, Event, Kind, Message, OriginPolicy, Role, ServerConfig, State};

use crate::bytes::{Mode, SEED, compare};
use crate::endpoint::{Endpoint, at};

/// What is inflated at most, in bytes: some hundred times an input.
const LIMIT: usize = 64 << 10;

/// What each side may ask for, from two bytes.
fn deflate(flags: u8, bits: u8) -> Deflate {
    let mut deflate = Deflate::default();
    (deflate.server_no_context_takeover, deflate.client_no_context_takeover) =
        (flags & 1 != 0, flags & 2 != 0);
    (deflate.server_max_window_bits, deflate.client_max_window_bits) = (bits >> 4, bits & 15);
    (deflate.level, deflate.mem_level) = (flags >> 2 & 7, flags >> 5);
    deflate.threshold = 0;
    deflate
}

fn config(deflate: Deflate) -> Config {
    let mut config = Config::default();
    config.deflate = Some(deflate);
    config
}

/// What an endpoint wants to write.
fn take(connection: &mut Connection) -> Vec<u8> {
    let mut wire = Vec::new();
    loop {
        let mut slices = [&[][..]; 4];
        let filled = connection.transmit(at(0), &mut slices);
        let before = wire.len();
        slices[..filled].iter().for_each(|slice| wire.extend_from_slice(slice));
        if wire.len() == before {
            return wire;
        }
        let taken = wire.len() - before;
        connection.handle_written(at(0), taken);
    }
}

/// The value of the field in a head, if it is there.
fn answered(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"))
        .map(|(_, value)| value.to_owned())
}

/// Any text as `Sec-WebSocket-Extensions`, to a server and to a client. What a server answers is an answer by a second, naive reading
/// (RFC 7692 §7.1), and a client opens only where it names what was offered. A client and a server of any configuration agree, and what
/// one sends the other reads.
///
/// Three bytes for the configurations, then the text.
pub fn extensions(data: &[u8]) {
    let [flags, bits, other, text @ ..] = data else { return };
    let text: Vec<u8> = text.iter().map(|&byte| if byte.is_ascii_control() { b' ' } else { byte }).collect();
    offered(deflate(*flags, *bits), &text);
    answer(deflate(*flags, *bits), &text);
    agree(deflate(*flags, *bits), deflate(*other, bits.rotate_left(3)), &text);
}

fn server(deflate: Deflate) -> Connection {
    Connection::server(Arc::new(ServerConfig::new(OriginPolicy::Any).with(config(deflate))), at(0))
}

fn client(deflate: Deflate) -> Connection {
    let request = ClientRequest::new("localhost", "/").expect("it can travel");
    Connection::client(request, Arc::new(config(deflate)), SEED, at(0))
}

fn offered(deflate: Deflate, text: &[u8]) {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: ";
    let mut request = [head.as_bytes(), text, b"\r\n\r\n"].concat();
    let (wants, most) = (deflate.server_no_context_takeover, deflate.server_max_window_bits.clamp(9, 15));
    let mut server = server(deflate);
    server.handle_ahead(at(0), &mut request);
    let accepted = server.accept(at(0), &Accept::new()).is_ok();
    let written = take(&mut server);
    assert!(!accepted || written.starts_with(b"HTTP/1.1 101 "), "what is accepted is open");
    let Some(answer) = answered(&written) else { return };
    let mut parts = answer.split("; ");
    assert_eq!(parts.next(), Some("permessage-deflate"));
    let text = String::from_utf8_lossy(text);
    assert!(text.contains("permessage-deflate"), "it was offered");
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        assert!(!seen.contains(&name), "{name} stands there twice");
        seen.push(name);
        let bits = value.map(|value| value.parse::<u8>().expect("a number"));
        match name {
            "server_no_context_takeover" | "client_no_context_takeover" => assert_eq!(value, None),
            "server_max_window_bits" => {
                assert!(bits.is_some_and(|bits| (9..=most).contains(&bits)), "{answer}")
            }
            "client_max_window_bits" => {
                assert!(bits.is_some_and(|bits| (8..=15).contains(&bits)) && text.contains(name), "{answer}");
            }
            other => panic!("no parameter is called {other}"),
        }
    }
    assert!(!wants || seen.contains(&"server_no_context_takeover"), "what we do is said");
}

fn answer(deflate: Deflate, text: &[u8]) {
    let mut client = client(deflate);
    let request = String::from_utf8(take(&mut client)).expect("a head");
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accept = adieu_core::handshake::accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Extensions: "
    );
    client.handle_ahead(at(0), &mut [head.as_bytes(), text, b"\r\n\r\n"].concat());
    if client.state() == State::Open {
        let text = String::from_utf8_lossy(text);
        assert_eq!(text.matches("permessage-deflate").count(), 1, "what was offered, once: {text}");
    }
}

/// Both may be configured as they like; the text travels both ways.
fn agree(ours: Deflate, theirs: Deflate, text: &[u8]) {
    let (mut client, mut server) = (client(ours), server(theirs));
    server.handle_ahead(at(0), &mut take(&mut client));
    server.accept(at(0), &Accept::new()).expect("an offer of ours is no reason to refuse");
    client.handle_ahead(at(0), &mut take(&mut server));
    assert_eq!(client.state(), State::Open, "what we answer is what we accept");
    while client.poll_event(at(0)).is_some() || server.poll_event(at(0)).is_some() {}
    for _ in 0..2 {
        carry(&mut client, &mut server, text);
        carry(&mut server, &mut client, text);
    }
}

/// A message in one piece, and again in fragments.
fn carry(from: &mut Connection, to: &mut Connection, payload: &[u8]) {
    let sent = from.send(at(0), payload).is_ok();
    for part in payload.chunks(payload.len() / 3 + 1) {
        from.send_fragment(at(0), part, false).expect("an open connection");
    }
    from.send_fragment(at(0), &[][..], true).expect("an open connection");
    to.handle_ahead(at(0), &mut take(from));
    for _ in 0..1 + u8::from(sent) {
        let event = to.poll_event(at(0));
        assert_eq!(event, Some(Event::Message(Message::from(payload))), "what was sent arrives");
    }
}

/// Frames, compressed and not, to an endpoint that has agreed: read whole, in cuts and ahead, they come to the same. What comes out of a
/// payload is what `miniz_oxide` makes of it.
///
/// The first byte is the mode, the second the length of the cuts, the third what was agreed on, the rest is frames: their first
/// byte, their length, their payload.
pub fn inflation(data: &[u8]) {
    let [bits, cut, agreed, rest @ ..] = data else { return };
    let role = if agreed & 4 != 0 { Role::Client } else { Role::Server };
    let mode = Mode { role, bits: bits | 0b1_0010 };
    let mut parameters = Parameters::default();
    (parameters.server_no_context_takeover, parameters.client_no_context_takeover) =
        (agreed & 1 != 0, agreed & 2 != 0);
    let mut config = mode.config();
    config.deflate = Some(Deflate::default());
    let open = |config: &Config| {
        let config = Arc::new(config.clone());
        Endpoint::new(|| {
            let mut connection = Connection::open(role, config, SEED, at(0));
            connection.agree(Some(parameters));
            connection
        })
    };
    compare(mode, &mode.bytes(rest), *cut, || open(&config));
    second_opinion(rest, &open);
}

/// One message of these bytes.
fn second_opinion(payload: &[u8], open: &impl Fn(&Config) -> Endpoint) {
    let mut config = config(Deflate::default());
    config.max_message_len = LIMIT;
    let mut endpoint = open(&config);
    let masked = endpoint.connection().role() == Role::Server;
    let mut frame = vec![0xC2, 126 | if masked { 0x80 } else { 0 }];
    if payload.len() <= 125 {
        frame[1] = frame[1] & 0x80 | payload.len() as u8;
    } else {
        frame.extend((payload.len() as u16).to_be_bytes());
    }
    frame.extend([0; 4].iter().filter(|_| masked));
    frame.extend(payload);
    endpoint.read(at(0), &frame);
    let Some(message) = endpoint.messages.first() else { return };
    assert_eq!(message.kind(), Kind::Binary);
    // What follows on the payload makes the stream whole; but for a final block, behind which this reader stops.
    let whole = [payload, &[0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF]].concat();
    match miniz_oxide::inflate::decompress_to_vec_with_limit(&whole, LIMIT) {
        Ok(theirs) => assert!(message.as_bytes().starts_with(&theirs), "what comes out"),
        Err(error) => assert!(payload.is_empty(), "it reads what the other does not: {error:?}"),
    }
}
