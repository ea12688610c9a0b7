//! What RFC 6455 asks of frames, messages and ends and no other test shows, from its text; `docs/rfc6455.md` names each requirement.

use crate::common;

use std::collections::HashSet;
use std::sync::Arc;

use adieu_core::{
    Close, CloseCode, CloseError, Config, Connection, PingError, Role, SendRefusal, State, Violation,
};
use common::{BOTH, Frame, START, World, config, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

/// An endpoint of `role` that says everything that can be said: large and small, whole and in fragments, each control frame.
fn talkative(role: Role) -> World {
    let mut w = World::open(role, &config(|_| ()));
    for len in [0, 1, 125, 126, 65_536, 70_000] {
        w.send(vec![7_u8; len]).expect("room");
    }
    w.queue("text");
    w.fragment("fragmented ", false);
    w.fragment("text", true);
    w.conn.ping(w.now).expect("a ping");
    w.conn.pong(w.now, b"unsolicited").expect("a pong");
    w.feed(&w.peer.ping("asks"));
    w.close(1000, "bye");
    w.flush();
    w
}

/// The mask bit of each frame in `wire`, read without regard to the role.
fn mask_bits(mut wire: &[u8]) -> Vec<bool> {
    let mut bits = Vec::new();
    while let [_, second, rest @ ..] = wire {
        let masked = second & 0x80 != 0;
        let (len, at) = match second & 0x7F {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), 2),
            127 => (usize::try_from(u64::from_be_bytes(rest[..8].try_into().expect("8"))).expect("small"), 8),
            len => (usize::from(len), 0),
        };
        bits.push(masked);
        wire = &rest[at + if masked { 4 } else { 0 } + len..];
    }
    bits
}

// R5.1-01, R5.1-03, R5.3-01, R5.5.1-03, R6.1-07
#[test]
fn client_masks_every_frame_and_a_server_none() {
    for role in BOTH {
        let w = talkative(role);
        let bits = mask_bits(&w.wire);
        assert_eq!(bits.len(), 13);
        assert!(bits.iter().all(|masked| *masked == (role == Role::Client)), "{role:?}: {bits:?}");
        // Unmasked with the key that the frame carries, it says what was sent.
        assert_eq!(w.frames().last().map(Frame::name).as_deref(), Some("close 1000 bye"));
    }
}

/// The masking keys of so many frames.
fn keys(seed: [u8; 32], count: usize) -> Vec<[u8; 4]> {
    let mut w = World::open(Role::Client, &config(|_| ()));
    w.conn = Connection::open(Role::Client, Arc::new(config(|_| ())), seed, START);
    w.queue_many(count, "");
    w.flush();
    w.frames().iter().filter_map(|frame| frame.mask).collect()
}

// R5.3-02, R5.3-04, R10.3-01
#[test]
fn masking_keys_show_no_pattern() {
    let keys: Vec<_> = keys([42; 32], 10_000).into_iter().map(u32::from_le_bytes).collect();
    assert_eq!(keys.len(), 10_000);
    for bit in 0..32 {
        let set = keys.iter().filter(|key| *key >> bit & 1 == 1).count();
        assert!((4_800..5_200).contains(&set), "bit {bit} is set in {set} of 10,000");
    }
    // Neither the keys, nor what lies between two of them, nor what changes from one to the next, comes again and again.
    let between = |of: fn(u32, u32) -> u32| keys.windows(2).map(|two| of(two[0], two[1])).collect();
    let sets: [HashSet<u32>; 4] = [
        keys.iter().copied().collect(),
        between(u32::wrapping_sub),
        between(|a, b| a ^ b),
        between(|a, b| a.rotate_left(8) ^ b),
    ];
    for (index, set) in sets.iter().enumerate() {
        assert!(set.len() > 9_990, "{index}: only {} of 10,000 differ", set.len());
    }
}

// R5.3-03
#[test]
fn another_seed_gives_other_masking_keys() {
    let mut other = [42; 32];
    other[31] ^= 1;
    let same = keys([42; 32], 100);
    assert_eq!(same, keys([42; 32], 100));
    let again = same.iter().zip(keys(other, 100)).filter(|(a, b)| *a == b).count();
    assert_eq!(again, 0, "of 100 keys");
}

/// The unmasked frames of §5.7, what they say, and how that is sent.
fn examples() -> [(Vec<u8>, &'static str); 4] {
    let large = |head: &[u8], len| [head, &vec![b'*'; len]].concat();
    [
        (vec![0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F], "text Hello"),
        (vec![0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F], "text Hello"),
        (large(&[0x82, 0x7E, 0x01, 0x00], 256), "message [256]"),
        (large(&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], 65_536), "message [65536]"),
    ]
}

/// The masked text of §5.7; its Pong has the same key and payload.
const MASKED: [u8; 11] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];

// R5.2-01, R6.1-04
#[test]
fn examples_of_5_7_are_written_byte_for_byte() {
    let mut server = World::open(Role::Server, &config(|_| ()));
    server.queue("Hello");
    server.fragment("Hel", false);
    server.fragment("lo", true);
    server.send(vec![b'*'; 256]).expect("room");
    server.send(vec![b'*'; 65_536]).expect("room");
    server.flush();
    let expected: Vec<u8> = examples().into_iter().flat_map(|(bytes, _)| bytes).collect();
    assert!(server.wire == expected, "{:?}", &server.wire[..20]);
    // A client's key is its own: with that of the example, its frame is the example.
    let mut client = World::open(Role::Client, &config(|_| ()));
    client.queue("Hello");
    client.flush();
    let (key, example) = (&client.wire[2..6], &MASKED[2..6]);
    let swapped = client.wire[6..].iter().enumerate().map(|(at, byte)| byte ^ key[at % 4] ^ example[at % 4]);
    assert_eq!([&client.wire[..2], example, &swapped.collect::<Vec<_>>()].concat(), MASKED);
}

// R6.2-05
#[test]
fn examples_of_5_7_are_read_as_they_say() {
    for (bytes, name) in examples() {
        let mut client = World::open(Role::Client, &config(|_| ()));
        client.feed(&bytes);
        assert_eq!(client.heard(), [name]);
    }
    for piece in 1..=MASKED.len() {
        let mut server = World::open(Role::Server, &config(|_| ()));
        server.feed_by(piece, &MASKED);
        assert_eq!(server.heard(), ["text Hello"], "in pieces of {piece}");
    }
    let mut client = World::open(Role::Client, &config(|_| ()));
    client.feed(&[0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]);
    assert_eq!(client.said(), ["pong Hello"]);
}

// R5.2-05
#[test]
fn lengths_are_written_in_their_shortest_form() {
    let forms: [(usize, &[u8]); 8] = [
        (0, &[0]),
        (1, &[1]),
        (125, &[125]),
        (126, &[126, 0, 126]),
        (127, &[126, 0, 127]),
        (65_535, &[126, 0xFF, 0xFF]),
        (65_536, &[127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (70_000, &[127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]),
    ];
    for (len, form) in forms {
        for borrowed in [false, true] {
            let mut w = World::open(Role::Server, &config(|_| ()));
            let payload = vec![0; len];
            if borrowed { w.send(&payload[..]) } else { w.send(payload) }.expect("room");
            w.flush();
            assert_eq!(w.wire[..1 + form.len()], [&[0x82], form].concat());
            assert_eq!(w.wire.len(), 1 + form.len() + len);
        }
    }
}

// R5.4-01, R5.4-03, R5.4-07, R6.2-03, R6.2-04
#[test]
fn same_message_in_whatever_fragments_is_the_same() {
    let text = "Grüße, 𝄞!";
    for opcode in [1, 2] {
        for first in 0..=text.len() {
            for second in first..=text.len() {
                for mut w in BOTH.map(|role| World::open(role, &config(|_| ()))) {
                    let cuts = [0..first, first..second, second..text.len()].map(|cut| &text.as_bytes()[cut]);
                    let start = w.peer.frame(opcode, cuts[0]).fin(false).bytes();
                    w.feed(&[start, w.peer.middle(cuts[1]), w.peer.last(cuts[2])].concat());
                    w.feed(&w.peer.frame(opcode, text).bytes());
                    let told: Vec<_> = w.events.drain(..).collect();
                    assert_eq!(told[0], told[1], "cut at {first} and {second}");
                    assert_eq!(told.len(), 2);
                }
            }
        }
    }
}

// R5.4-03, R6.1-05, R6.1-06
#[test]
fn fragments_of_ours_go_out_in_order_under_one_opcode_and_one_fin() {
    for mut w in worlds() {
        for (parts, opcode) in [(&["a"][..], 1), (&["a", "", "bc", "d"], 1)] {
            let before = w.frames().len();
            for (index, part) in parts.iter().enumerate() {
                w.fragment(part, index + 1 == parts.len());
            }
            w.flush();
            let frames = w.frames().split_off(before);
            let opcodes: Vec<_> = frames.iter().map(|frame| frame.opcode).collect();
            let mut expected = vec![0; parts.len()];
            expected[0] = opcode;
            assert_eq!(opcodes, expected);
            let last = frames.iter().position(|frame| frame.fin);
            assert_eq!(last, Some(parts.len() - 1), "FIN on the last one");
            assert!(frames.iter().zip(parts).all(|(frame, part)| frame.payload == part.as_bytes()));
        }
        w.send(vec![1]).expect("room");
        w.flush();
        assert_eq!(w.frames().last().map(|frame| (frame.opcode, frame.fin)), Some((2, true)));
    }
}

// R5.4-04
#[test]
fn message_inside_our_unfinished_one_is_refused() {
    for mut w in worlds() {
        w.fragment("one, ", false);
        w.refused(SendRefusal::MessageUnfinished);
        w.fragment("and the rest", true);
        w.queue("another");
        assert_eq!(w.said(), ["text… one,", "…end and the rest", "text another"]);
    }
}

// R5.4-06, R6.2-02
#[test]
fn control_frames_between_fragments_are_acted_on() {
    for mut w in worlds() {
        let p = w.peer;
        w.feed(&[p.start("one, "), p.ping("a"), p.middle("two, "), p.pong("b"), p.last("three")].concat());
        w.feed(&[p.start("cut"), p.ping("c"), p.close(1001, "")].concat());
        assert_eq!(w.said(), ["pong a", "pong c", "close 1001"]);
        assert_eq!(w.heard(), ["text one, two, three", "closing", "closed"]);
        assert!(w.verdict().cut_in);
    }
}

// R5.4-02, R5.5-01
#[test]
fn every_control_frame_of_ours_is_whole_and_short() {
    for mut w in worlds() {
        let longest = "x".repeat(125);
        w.feed(&w.peer.ping(&longest));
        w.conn.pong(w.now, longest.as_bytes()).expect("a pong");
        assert_eq!(w.conn.pong(w.now, &[0; 126]), Err(PingError::TooLong));
        w.conn.ping(w.now).expect("a ping");
        assert_eq!(Close::new(1000, &longest[1..]), Err(CloseError::Reason(124)));
        w.close(1000, &longest[2..]);
        w.flush();
        let frames = w.frames();
        let mut lens: Vec<_> = frames.iter().map(|frame| (frame.opcode, frame.payload.len())).collect();
        lens.sort_unstable();
        assert!(frames.iter().all(|frame| frame.fin));
        assert_eq!([lens[0], lens[2], lens[3]], [(8, 125), (10, 125), (10, 125)]);
        assert!(lens[1].0 == 9 && lens[1].1 <= 125, "{lens:?}");
    }
}

// R5.5.3-01
#[test]
fn pong_has_the_payload_of_its_ping() {
    for len in 0..=125 {
        let payload: Vec<u8> = (0..len).map(|at| (at ^ 0xFF) - len).collect();
        for mut w in worlds() {
            w.feed_by(usize::from(len) % 3 + 1, &w.peer.ping(&payload));
            w.flush();
            assert_eq!(w.frames()[0].payload, payload);
            assert_eq!((w.frames().len(), w.frames()[0].opcode), (1, 10));
        }
    }
}

// R7.1.6-01
#[test]
fn received_reason_is_that_of_the_frame_or_empty() {
    for (reason, code) in [("", Some(1000)), ("bye", Some(1000)), ("", None)] {
        for mut w in worlds() {
            w.feed(&code.map_or_else(|| w.peer.empty_close(), |code| w.peer.close(code, reason)));
            let close = w.conn.peer_close().expect("the peer's Close");
            assert_eq!((close.reason(), close.code().map(CloseCode::get)), (reason, code));
        }
    }
}

// R7.1.7-06, R7.2.1-03, R7.3-01
#[test]
fn client_never_closes_of_its_own_accord() {
    let mut w = World::shaken(Role::Client, &Config::default());
    for hour in 0..24 {
        for _ in 0..180 {
            w.wait(secs(20));
            w.flush();
            let asked = w.frames().pop().expect("a keepalive");
            assert_eq!(asked.opcode, 9, "nothing but Pings");
            w.feed(&w.peer.pong(&asked.payload));
            w.wire.clear();
        }
        assert_eq!((w.state(), w.heard()), (State::Open, vec![]), "after {} hours", hour + 1);
    }
}

// R7.4.1-01, R7.4.1-02, R7.4.1-04, R7.4.2-01
#[test]
fn codes_that_may_not_travel_are_refused_both_ways() {
    for code in 0..=u16::MAX {
        // §7.4.2, and what §11.7's registry has assigned below 3000.
        let travels = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        assert_eq!(Close::new(code, "").is_ok(), travels, "{code}");
        assert_eq!(CloseCode::new(code).is_some(), travels, "{code}");
        let parsed = Close::parse(&code.to_be_bytes()).map(|close| close.shown_code());
        assert_eq!(parsed, if travels { Ok(code) } else { Err(Violation::CloseCode(code)) });
    }
}
