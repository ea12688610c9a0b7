//! The same bytes, given to another library.

use std::io::{self, Read, Write};

use adieu_core::{Cause, Close, Config, Event, Kind, Role, Violation};
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Error, Message as TheirMessage, WebSocket, error::ProtocolError};

use crate::bytes::{Mode, run_open};
use crate::endpoint::Endpoint;
use crate::reference as naive;

/// How a stream of bytes came to its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// With a Close: its code and its reason.
    Closed(Option<(u16, String)>),
    /// The bytes were found to be wrong.
    Failed,
    /// The stream ended without a Close.
    Short,
}

impl End {
    /// What `tungstenite` tells where it does not know a code.
    fn replaced() -> Self {
        Self::Closed(Some((1002, "Protocol violation".to_owned())))
    }
}

type Said = (Kind, Vec<u8>);

/// The same bytes from a peer in OPEN give the same messages and the same end here and in `tungstenite`.
///
/// The first byte is the mode (bit 0: a client reads them), the second the length of the cuts, the rest comes from the peer.
///
/// A violation is told where a naive reading of the bytes finds it, and no other. These differences are known; where Adieu fails and
/// `tungstenite` goes on, its messages are the first of theirs:
///
/// - A payload length that is not in its shortest form, or has the top bit set (RFC 6455 §5.2): `tungstenite` takes the first, also
///   in a control frame, and calls the second too long.
/// - A Close with a code that may not travel (§7.4): `tungstenite` tells it as 1002.
/// - A Close with 1014, which IANA has registered since: `tungstenite` tells it as 1002.
/// - A message of too many fragments: `tungstenite` has no such limit, so the limit here is one that no input reaches.
/// - What is wrong with a frame is found at its first wrong byte; `tungstenite` reads the frame whole first. Where the stream
///   ends inside that frame, it tells the end of the stream.
/// - A limit on frames: `tungstenite` applies it to control frames too, so no limit here is below theirs.
pub fn versus_tungstenite(data: &[u8]) {
    let [bits, cut, rest @ ..] = data else { return };
    let role = if bits & 1 == 0 { Role::Server } else { Role::Client };
    let mode = Mode { role, bits: bits & 0b1_0100 | 0b10 };
    let bytes = mode.bytes(rest);
    let limits = limits(mode);
    let (their_read, their_end) = read(mode, &limits, &bytes);
    let endpoint = run_open(mode, limits.clone(), &bytes, *cut);
    let ours: Vec<Said> =
        endpoint.messages.iter().map(|message| (message.kind(), message.as_bytes().to_vec())).collect();
    let (our_end, violation) = our_end(&endpoint);
    assert_eq!(violation, naive::violation(role, &limits, &bytes), "a violation is in the bytes");
    if violation.is_some_and(is_stricter) {
        assert!(their_read.starts_with(&ours), "ours are the first of theirs: {ours:?} {their_read:?}");
        return;
    }
    assert_eq!(ours, their_read, "the same messages; then {our_end:?} {their_end:?}");
    let waits = our_end == End::Failed && their_end == End::Short;
    let unknown = matches!(&our_end, End::Closed(Some((1014, _)))) && their_end == End::replaced();
    assert!(our_end == their_end || waits || unknown, "the same end: {our_end:?} {their_end:?}");
}

/// The limits of both. No control frame reaches that of a frame: `tungstenite` applies it to them too.
fn limits(mode: Mode) -> Config {
    let mut config = Config::default();
    config.max_fragments = u32::MAX;
    if mode.has(2) {
        (config.max_message_len, config.max_frame_len) = (160, 126);
    }
    config
}

/// How it ended here, and for which violation.
fn our_end(endpoint: &Endpoint) -> (End, Option<Violation>) {
    let closed = endpoint.connection().closed().expect("it has ended");
    let told = endpoint.notices.iter().filter(|event| matches!(event, Event::Closed(_))).count();
    assert_eq!(told, 1, "one verdict");
    match (&closed.cause, &closed.received) {
        (Cause::Violation(violation), _) => (End::Failed, Some(*violation)),
        (_, Some(close)) => (End::Closed(said(close)), None),
        (_, None) => (End::Short, None),
    }
}

/// Whether `tungstenite` is known to go on.
fn is_stricter(violation: Violation) -> bool {
    use Violation::{CloseCode, ControlLength, LengthNotMinimal, LengthTopBit};
    matches!(violation, LengthNotMinimal | LengthTopBit | ControlLength | CloseCode(_))
}

fn said(close: &Close) -> Option<(u16, String)> {
    close.code().map(|code| (code.get(), close.reason().to_owned()))
}

/// What `tungstenite` makes of the bytes.
fn read(mode: Mode, limits: &Config, bytes: &[u8]) -> (Vec<Said>, End) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(limits.max_message_len))
        .max_frame_size(Some(limits.max_frame_len));
    let role = if mode.role == Role::Server { TheirRole::Server } else { TheirRole::Client };
    let mut socket = WebSocket::from_raw_socket(Io(bytes), role, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(TheirMessage::Text(text)) => messages.push((Kind::Text, text.as_bytes().to_vec())),
            Ok(TheirMessage::Binary(bytes)) => messages.push((Kind::Binary, bytes.to_vec())),
            Ok(TheirMessage::Close(close)) => {
                let close = close.map(|close| (close.code.into(), close.reason.as_str().to_owned()));
                return (messages, End::Closed(close));
            }
            Ok(_) => {}
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return (messages, End::Short);
            }
            Err(_) => return (messages, End::Failed),
        }
    }
}

/// Bytes to read, and nowhere to write.
struct Io<'b>(&'b [u8]);

impl Read for Io<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Io<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
