//! Strategies for property tests with `proptest`: streams of frames, right and wrong; messages; calls; networks.
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

use adieu_core::frame::{Header, Opcode};
use adieu_core::mask::mask;
use adieu_core::{Close, Kind, Role};
use proptest::prelude::*;
use proptest::sample::select;

use crate::trace::Call;
use crate::{Cuts, Fault, Harm, Plan, When};

/// Frames as they stand on the wire, and what is right and wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The whole messages in it, before what is wrong.
    pub messages: Vec<(Kind, Vec<u8>)>,
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
}

impl Flaw {
    /// The code that fails the connection.
    pub const fn code(self) -> u16 {
        match self {
            Self::TextUtf8(_) | Self::CloseReasonUtf8 => 1007,
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
        }
    }
}

fn frame(sender: Role, fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let key = (sender == Role::Client).then_some([0x1D, 0xE2, 0x7A, 0x55]);
    let mut bytes = Vec::new();
    Header { fin, rsv1: false, opcode, len: payload.len() as u64, key }.write(&mut bytes);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    key.into_iter().for_each(|key| mask(key, &mut bytes[start..]));
    bytes
}

/// Every way to be wrong.
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

/// A message in frames, cut anywhere, with Pings and Pongs between.
fn fragmented(sender: Role) -> impl Strategy<Value = ((Kind, Vec<u8>), Vec<u8>)> {
    let control = proptest::option::weighted(0.2, (any::<bool>(), 0..126_usize));
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), control), 0..4);
    (messages(), cuts).prop_map(move |(message, mut cuts)| {
        let (kind, payload) = &message;
        cuts.sort_by_key(|(index, _)| index.index(payload.len() + 1));
        let mut bytes = Vec::new();
        let mut start = 0;
        let mut opcode = if *kind == Kind::Text { Opcode::Text } else { Opcode::Binary };
        for (index, control) in cuts {
            let end = index.index(payload.len() + 1);
            bytes.extend(frame(sender, false, opcode, &payload[start..end]));
            (start, opcode) = (end, Opcode::Continuation);
            if let Some((ping, len)) = control {
                let control = if ping { Opcode::Ping } else { Opcode::Pong };
                bytes.extend(frame(sender, true, control, &vec![b'c'; len]));
            }
        }
        bytes.extend(frame(sender, true, opcode, &payload[start..]));
        (message, bytes)
    })
}

/// A stream that nothing is wrong with; it does not close.
pub fn streams(sender: Role) -> impl Strategy<Value = Stream> {
    prop::collection::vec(fragmented(sender), 0..6).prop_map(|parts| {
        let (messages, bytes): (_, Vec<_>) = parts.into_iter().unzip();
        Stream { bytes: bytes.concat(), messages, flaw: None }
    })
}

/// A stream with something wrong at its end.
pub fn broken_streams(sender: Role) -> impl Strategy<Value = Stream> {
    (streams(sender), flaws()).prop_map(move |(mut stream, flaw)| {
        stream.bytes.extend(flaw.bytes(sender));
        Stream { flaw: Some(flaw), ..stream }
    })
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
    let close = || (3000..5000_u16).prop_map(|code| Close::new(code, "any").unwrap_or_default());
    let call = prop_oneof![
        10 => messages().prop_map(|(kind, payload)| Call::Send(kind, payload)),
        4 => (messages(), any::<bool>()).prop_map(|((kind, payload), end)| Call::Fragment(kind, payload, end)),
        2 => Just(Call::Ping),
        1 => (0..126_usize).prop_map(|len| Call::Pong(vec![b'p'; len])),
        2 => close().prop_map(Call::Close),
        1 => close().prop_map(Call::CloseCutting),
        1 => close().prop_map(Call::Fail),
        1 => select(vec![Call::Abort, Call::StopReceiving, Call::Leave]),
    ];
    let time = (0..10_000_u64).prop_map(Duration::from_millis);
    prop::collection::vec((time, call), 0..12)
}

/// Networks; the simpler, the calmer.
pub fn plans() -> impl Strategy<Value = Plan> {
    let time = |most: u64| (0..most).prop_map(Duration::from_millis);
    let cuts = prop_oneof![Just(Cuts::Whole), (1..50_usize).prop_map(Cuts::Every), Just(Cuts::Anywhere)];
    let when = prop_oneof![time(10_000).prop_map(When::At), (0..3_000_u64).prop_map(When::After)];
    let stall = prop_oneof![time(10_000), Just(Duration::MAX)].prop_map(Harm::Stall);
    let harm = prop_oneof![stall, Just(Harm::End), Just(Harm::Truncate), Just(Harm::Reset)];
    let from = select(vec![Role::Client, Role::Server]);
    let fault = (from, when, harm).prop_map(|(from, when, harm)| Fault { from, when, harm });
    let faults = prop::collection::vec(fault, 0..3);
    (time(200), time(200), time(50), 1..100_000_usize, cuts, faults).prop_map(
        |(latency, jitter, lag, capacity_len, cuts, faults)| Plan {
            latency,
            jitter,
            capacity_len,
            cuts,
            lag,
            faults,
        },
    )
}
