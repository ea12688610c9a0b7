//! Strategies for property tests with `proptest`: streams of frames, right and wrong; messages; calls; networks; compression.
//!
//! An application that is tested with them, over any network: it tells how many bytes it has got by now. What a client is told is the beginning of what
//! it should be told, wherever the network breaks, and all of it where it does not. A test that fails is shrunk to the calmest network
//! and the fewest messages that still fail.
//!
//! ```
//! use adieu_core::{Event, Role};
//! use adieu_sim::strategy::{messages, plans};
//! use adieu_sim::trace::Call;
//! use adieu_sim::{Collect, Network, Plan, Port, Script, Setup};
//! use proptest::prelude::*;
//! use std::time::Duration;
//!
//! /// The application under test.
//! fn tally() -> impl FnMut(&mut Port<'_>, Event<'static>) {
//!     let mut sum = 0;
//!     move |port, event| match event {
//!         Event::Request(_) => port.accept(None).unwrap(),
//!         Event::Message(message) => {
//!             sum += message.len();
//!             // Refused where the client has left meanwhile: then there is nobody to tell.
//!             let _ = port.send(sum.to_string());
//!         }
//!         _ => {}
//!     }
//! }
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig::with_cases(64))]
//!     # /*
//!     #[test]
//!     # */
//!     fn sums_come_in_order(seed in any::<u64>(), plan in plans(), sent in prop::collection::vec(messages(), 0..8)) {
//!         let lens = sent.iter().scan(0, |sum, (_, payload)| { *sum += payload.len(); Some(*sum) });
//!         let expected: Vec<String> = lens.map(|sum| sum.to_string()).collect();
//!         let calm = plan.faults.is_empty();
//!         let calls = sent.into_iter().map(|(kind, payload)| Call::Send(kind, payload));
//!         let script = calls.fold(Script::new(), |script, call| script.at(Duration::from_secs(5), call));
//!         let trace = Network::new(seed)
//!             .plan(plan)
//!             .endpoint(Setup::client(), (Collect, script.at(Duration::from_secs(60), Call::close(1000, "bye"))))
//!             .endpoint(Setup::server(), tally())
//!             .run(Duration::from_secs(600));
//!         let told = trace.texts(Role::Client);
//!         prop_assert!(expected.starts_with(&told), "{told:?}\n{}", trace.story());
//!         prop_assert!(!calm || told == expected, "{told:?}\n{}", trace.story());
//!     }
//! }
//! # sums_come_in_order();
//! ```

use core::time::Duration;

use adieu_core::deflate::Deflate;
use adieu_core::frame::{Header, Opcode};
use adieu_core::mask::mask;
use adieu_core::{Close, Config, Kind, Role};
use proptest::prelude::*;
use proptest::sample::select;

use crate::trace::Call;
use crate::{Cuts, Fault, Harm, Plan, When};

/// Frames as they stand on the wire, and what is right and wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The whole messages in it, before what is wrong or the Close.
    pub messages: Vec<(Kind, Vec<u8>)>,
    /// The Close in it.
    pub close: Option<Close>,
    /// What is wrong at its end.
    pub flaw: Option<Flaw>,
}

/// What may be wrong with a stream of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A reserved bit (RFC 6455 §5.2); RSV1 to RSV3 as three bits.
    ReservedBits(u8),
    /// A reserved opcode (§5.2).
    Opcode(u8),
    /// A payload length in 16 bits that fits into 7 (§5.2).
    Length16(u8),
    /// A payload length in 64 bits that fits into 16 (§5.2).
    Length64(u16),
    /// A payload length with the top bit set (§5.2).
    LengthTopBit,
    /// A client's frame without a mask, a server's with one (§5.1).
    Mask,
    /// A Ping with FIN clear (§5.5).
    FragmentedControl,
    /// A Ping of more than 125 bytes (§5.5).
    LongControl,
    /// A continuation without a message (§5.4).
    LoneContinuation,
    /// A message inside a message (§5.4).
    NestedMessage,
    /// Text that is not UTF-8 (§8.1), in one of its forms.
    TextUtf8(&'static [u8]),
    /// A Close with one byte (§5.5.1).
    CloseLength,
    /// A Close with a code that may not travel (§7.4).
    CloseCode(u16),
    /// A Close with a reason that is not UTF-8 (§5.5.1).
    CloseReasonUtf8,
    /// A Close with FIN clear (§5.5).
    FragmentedClose,
    /// A Close of more than 125 bytes (§5.5).
    LongClose,
    /// A frame of one byte more than [`Config::default`] takes: its header (§10.4).
    FrameTooLong,
    /// A message of more than [`Config::default`] takes, in two frames that it does: the second one's header (§10.4).
    MessageTooLong,
    /// A Ping with RSV1, whether compression was agreed on or not (RFC 7692 §6.1).
    CompressedControl,
    /// A continuation with RSV1, whether compression was agreed on or not (RFC 7692 §6.1).
    CompressedContinuation,
    /// A compressed message that does not inflate (RFC 7692 §7.2.2): only where compression was agreed on.
    Deflate,
}

impl Flaw {
    /// The code that fails the connection.
    pub const fn code(self) -> u16 {
        match self {
            Self::TextUtf8(_) | Self::CloseReasonUtf8 | Self::Deflate => 1007,
            Self::FrameTooLong | Self::MessageTooLong => 1009,
            _ => 1002,
        }
    }

    /// The frames that have it.
    fn bytes(self, sender: Role) -> Vec<u8> {
        let plain = |opcode, payload: &[u8]| frame(sender, true, opcode, payload);
        let altered = |mut frame: Vec<u8>, index: usize, bits: u8| {
            frame[index] ^= bits;
            frame
        };
        let masked = (sender as u8 ^ 1) << 7;
        let length = |short: u8, len: &[u8]| [&[0x82, masked | short], len, &[0; 8]].concat();
        let begun = || frame(sender, false, Opcode::Binary, b"odd");
        let config = Config::default();
        match self {
            Self::ReservedBits(bits) => altered(plain(Opcode::Binary, b"odd"), 0, bits << 4),
            Self::Opcode(opcode) => altered(plain(Opcode::Continuation, b"odd"), 0, opcode),
            Self::Length16(len) => length(126, &u16::from(len).to_be_bytes()),
            Self::Length64(len) => length(127, &u64::from(len).to_be_bytes()),
            Self::LengthTopBit => length(127, &(1_u64 << 63).to_be_bytes()),
            Self::Mask => altered(plain(Opcode::Binary, b"odd"), 1, 0x80),
            Self::FragmentedControl => frame(sender, false, Opcode::Ping, b"odd"),
            Self::LongControl => plain(Opcode::Ping, &[0; 126]),
            Self::LoneContinuation => plain(Opcode::Continuation, b"odd"),
            Self::NestedMessage => {
                [frame(sender, false, Opcode::Text, b"odd"), plain(Opcode::Text, b"odd")].concat()
            }
            Self::TextUtf8(bytes) => plain(Opcode::Text, bytes),
            Self::CloseLength => plain(Opcode::Close, &[3]),
            Self::CloseCode(code) => plain(Opcode::Close, &code.to_be_bytes()),
            Self::CloseReasonUtf8 => plain(Opcode::Close, &[0x03, 0xE8, 0xFF]),
            Self::FragmentedClose => frame(sender, false, Opcode::Close, &[0x03, 0xE8]),
            Self::LongClose => plain(Opcode::Close, &[&[0x03, 0xE8][..], &[b'x'; 124]].concat()),
            Self::FrameTooLong => length(127, &(config.max_frame_len as u64 + 1).to_be_bytes()),
            Self::MessageTooLong => {
                let rest = length(127, &(config.max_message_len as u64 - 2).to_be_bytes());
                [begun(), altered(rest, 0, 0x02)].concat()
            }
            Self::CompressedControl => altered(plain(Opcode::Ping, b"odd"), 0, RSV1),
            Self::CompressedContinuation => {
                [begun(), altered(plain(Opcode::Continuation, b"odd"), 0, RSV1)].concat()
            }
            // A block of the type that is reserved (RFC 1951 §3.2.3).
            Self::Deflate => altered(plain(Opcode::Binary, &[0x06]), 0, RSV1),
        }
    }
}

const RSV1: u8 = 0x40;

fn frame(sender: Role, fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let key = (sender == Role::Client).then_some([0x1D, 0xE2, 0x7A, 0x55]);
    let mut bytes = Vec::new();
    Header { fin, rsv1: false, opcode, len: payload.len() as u64, key }.write(&mut bytes);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    key.into_iter().for_each(|key| mask(key, &mut bytes[start..]));
    bytes
}

/// Every way to be wrong without compression.
pub fn flaws() -> impl Strategy<Value = Flaw> {
    let utf8: Vec<&[u8]> =
        vec![b"\xFF", b"a\xC0\x80", b"\xED\xA0\x80", b"\xF4\x90\x80\x80", b"whole\xE2\x82"];
    let code =
        prop_oneof![0..1000_u16, select(vec![1004, 1005, 1006, 1015]), 1016..3000_u16, 5000..=u16::MAX];
    prop_oneof![
        (1..8_u8).prop_map(Flaw::ReservedBits),
        prop_oneof![3..8_u8, 11..16_u8].prop_map(Flaw::Opcode),
        (0..126_u8).prop_map(Flaw::Length16),
        any::<u16>().prop_map(Flaw::Length64),
        Just(Flaw::LengthTopBit),
        Just(Flaw::Mask),
        Just(Flaw::FragmentedControl),
        Just(Flaw::LongControl),
        Just(Flaw::LoneContinuation),
        Just(Flaw::NestedMessage),
        select(utf8).prop_map(Flaw::TextUtf8),
        Just(Flaw::CloseLength),
        code.prop_map(Flaw::CloseCode),
        Just(Flaw::CloseReasonUtf8),
        Just(Flaw::FragmentedClose),
        Just(Flaw::LongClose),
        Just(Flaw::FrameTooLong),
        Just(Flaw::MessageTooLong),
        Just(Flaw::CompressedControl),
        Just(Flaw::CompressedContinuation),
    ]
}

/// Closes that may travel.
pub fn closes() -> impl Strategy<Value = Close> {
    let code =
        prop_oneof![select(vec![1000..=1003_u16, 1007..=1014]).prop_flat_map(|codes| codes), 3000..5000_u16];
    let reason = proptest::string::string_regex("[a-z\u{20AC}]{0,41}").expect("a pattern");
    prop_oneof![
        Just(Close::EMPTY),
        (code, reason).prop_map(|(code, reason)| Close::new(code, &reason).expect("it may travel")),
    ]
}

/// Messages, short ones more often than long ones.
pub fn messages() -> impl Strategy<Value = (Kind, Vec<u8>)> {
    let text = proptest::string::string_regex("[a-zé€𝄞]{0,60}").expect("a pattern");
    let len = prop_oneof![8 => 0..130_usize, 2 => 130..3_000_usize, 1 => 65_530..65_540_usize];
    prop_oneof![
        text.prop_map(|text| (Kind::Text, text.into_bytes())),
        (len, any::<u8>()).prop_map(|(len, byte)| (Kind::Binary, vec![byte; len])),
    ]
}

/// A part of a message as blocks that are not compressed (RFC 1951 §3.2.4), the last one without what RFC 7692 §7.2.1 leaves out.
fn stored(part: &[u8], end: bool) -> Vec<u8> {
    let blocks = part.chunks(usize::from(u16::MAX)).flat_map(|block| {
        let len = block.len() as u16;
        [&[0], &len.to_le_bytes()[..], &(!len).to_le_bytes(), block].concat()
    });
    blocks.chain(end.then_some(0)).collect()
}

/// A message in frames, cut anywhere, with Pings and Pongs between, and in the way of compressed ones if it `may` and happens to.
fn fragmented(sender: Role, may: bool) -> impl Strategy<Value = ((Kind, Vec<u8>), Vec<u8>)> {
    let control = proptest::option::weighted(0.2, (any::<bool>(), 0..126_usize));
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), control), 0..4);
    (messages(), cuts, any::<bool>()).prop_map(move |(message, mut cuts, compressed)| {
        let compressed = compressed && may;
        let content = |part: &[u8], end| if compressed { stored(part, end) } else { part.to_vec() };
        let (kind, payload) = &message;
        cuts.sort_by_key(|(index, _)| index.index(payload.len() + 1));
        let mut bytes = Vec::new();
        let mut start = 0;
        let mut opcode = if *kind == Kind::Text { Opcode::Text } else { Opcode::Binary };
        for (index, control) in cuts {
            let end = index.index(payload.len() + 1);
            bytes.extend(frame(sender, false, opcode, &content(&payload[start..end], false)));
            (start, opcode) = (end, Opcode::Continuation);
            if let Some((ping, len)) = control {
                let control = if ping { Opcode::Ping } else { Opcode::Pong };
                bytes.extend(frame(sender, true, control, &vec![b'c'; len]));
            }
        }
        bytes.extend(frame(sender, true, opcode, &content(&payload[start..], true)));
        bytes[0] |= if compressed { RSV1 } else { 0 };
        (message, bytes)
    })
}

/// A stream that nothing is wrong with; it does not close.
pub fn streams(sender: Role) -> impl Strategy<Value = Stream> {
    all_of(fragmented(sender, false))
}

fn all_of(messages: impl Strategy<Value = ((Kind, Vec<u8>), Vec<u8>)>) -> impl Strategy<Value = Stream> {
    prop::collection::vec(messages, 0..6).prop_map(|parts| {
        let (messages, bytes): (_, Vec<_>) = parts.into_iter().unzip();
        Stream { bytes: bytes.concat(), messages, close: None, flaw: None }
    })
}

/// A stream with something wrong at its end.
pub fn broken_streams(sender: Role) -> impl Strategy<Value = Stream> {
    broken(sender, streams(sender), flaws())
}

fn broken(
    sender: Role,
    streams: impl Strategy<Value = Stream>,
    flaws: impl Strategy<Value = Flaw>,
) -> impl Strategy<Value = Stream> {
    (streams, flaws).prop_map(move |(mut stream, flaw)| {
        stream.bytes.extend(flaw.bytes(sender));
        Stream { flaw: Some(flaw), ..stream }
    })
}

/// A stream with a Close, also inside a message, and anything behind it, which nobody reads.
pub fn closing_streams(sender: Role) -> impl Strategy<Value = Stream> {
    let inside = prop_oneof![Just(vec![]), Just(frame(sender, false, Opcode::Text, b"odd"))];
    let behind = prop_oneof![Just(vec![]), broken_streams(sender).prop_map(|stream| stream.bytes)];
    (streams(sender), inside, closes(), behind).prop_map(move |(mut stream, inside, close, behind)| {
        let closing = frame(sender, true, Opcode::Close, &close.payload());
        stream.bytes.extend([inside, closing, behind].concat());
        Stream { close: Some(close), ..stream }
    })
}

/// A stream for a connection on which compression was agreed: some messages are compressed.
pub fn compressed_streams(sender: Role) -> impl Strategy<Value = Stream> {
    all_of(fragmented(sender, true))
}

/// The same with something wrong at its end.
pub fn broken_compressed_streams(sender: Role) -> impl Strategy<Value = Stream> {
    // RSV1 alone is right here.
    let flaws = flaws().prop_filter("a compressed message", |flaw| *flaw != Flaw::ReservedBits(RSV1 >> 4));
    broken(sender, compressed_streams(sender), prop_oneof![5 => flaws, 1 => Just(Flaw::Deflate)])
}

/// Compression, or none.
pub fn deflates() -> impl Strategy<Value = Option<Deflate>> {
    let flags = (any::<bool>(), any::<bool>());
    let deflate = (flags, 8..16_u8, 8..16_u8, 0..10_u8, 1..10_u8, 0..200_usize).prop_map(
        |((server_forgets, client_forgets), server_bits, client_bits, level, mem_level, threshold)| {
            let mut deflate = Deflate::default();
            deflate.server_no_context_takeover = server_forgets;
            deflate.client_no_context_takeover = client_forgets;
            deflate.server_max_window_bits = server_bits;
            deflate.client_max_window_bits = client_bits;
            (deflate.level, deflate.mem_level, deflate.threshold) = (level, mem_level, threshold);
            deflate
        },
    );
    prop::option::of(deflate)
}

/// Bytes in pieces, cut at any places.
pub fn pieces(bytes: Vec<u8>) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..8).prop_map(move |cuts| {
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        places.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
    })
}

/// Calls of an application, at times within ten seconds; the fewer, the simpler.
pub fn calls() -> impl Strategy<Value = Vec<(Duration, Call)>> {
    let call = prop_oneof![
        8 => messages().prop_map(|(kind, payload)| Call::Send(kind, payload)),
        1 => messages().prop_map(|(kind, payload)| Call::SendUncompressed(kind, payload)),
        1 => messages().prop_map(|(kind, payload)| Call::SendPrepared(kind, payload)),
        4 => (messages(), any::<bool>()).prop_map(|((kind, payload), end)| Call::Fragment(kind, payload, end)),
        2 => Just(Call::Ping),
        1 => (0..126_usize).prop_map(|len| Call::Pong(vec![b'p'; len])),
        2 => closes().prop_map(Call::Close),
        1 => closes().prop_map(Call::CloseCutting),
        1 => closes().prop_map(Call::Fail),
        2 => prop::option::weighted(0.2, Just("chat".to_string())).prop_map(Call::Accept),
        1 => (200..600_u16).prop_map(Call::Reject),
        1 => select(vec![Call::Abort, Call::StopReceiving, Call::Leave]),
    ];
    let time = (0..10_000_u64).prop_map(Duration::from_millis);
    prop::collection::vec((time, call), 0..12)
}

/// The slowest network carries so many bytes in a millisecond.
const LEAST_RATE: usize = 16;

/// Networks; the simpler, the calmer.
pub fn plans() -> impl Strategy<Value = Plan> {
    let time = |most: u64| (0..most).prop_map(Duration::from_millis);
    let cuts = prop_oneof![Just(Cuts::Whole), (1..50_usize).prop_map(Cuts::Every), Just(Cuts::Anywhere)];
    let when = prop_oneof![time(10_000).prop_map(When::At), (0..3_000_u64).prop_map(When::After)];
    let stall = prop_oneof![time(10_000), Just(Duration::MAX)].prop_map(Harm::Stall);
    let harm =
        prop_oneof![stall, Just(Harm::End), Just(Harm::Truncate), Just(Harm::FailWriting), Just(Harm::Reset)];
    let from = select(vec![Role::Client, Role::Server]);
    let fault = (from, when, harm).prop_map(|(from, when, harm)| Fault { from, when, harm });
    let faults = prop::collection::vec(fault, 0..3);
    (time(200), time(200), time(50), 1..100_000_usize, cuts, faults).prop_map(
        |(latency, jitter, lag, capacity_len, cuts, faults)| {
            // A byte at a time is too slow where each takes its time.
            let least_len = (latency + jitter + 2 * lag).as_millis() as usize * LEAST_RATE;
            Plan { latency, jitter, capacity_len: capacity_len.max(least_len), cuts, lag, faults }
        },
    )
}
