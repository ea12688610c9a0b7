//! What a compressed message may consist of (RFC 7692 §7.2), and RSV1 (§6).

use adieu_core::{Cause, Event, Violation};

use super::kit::{HELLO, compressed, compressing, frame, noise, worlds};
use crate::common::World;

/// What is heard of messages with these payloads, each in one frame.
fn heard(payloads: &[&[u8]]) -> Vec<Vec<String>> {
    let run = |mut w: World| {
        payloads.iter().for_each(|payload| w.feed(&frame(w.peer, 1, true, payload)));
        w.heard()
    };
    worlds(&compressing(|_| ())).into_iter().map(run).collect()
}

fn all_hear(payloads: &[&[u8]], expected: &[&str]) {
    for heard in heard(payloads) {
        assert_eq!(heard, expected, "{payloads:02X?}");
    }
}

#[test]
fn examples_of_the_rfc_are_read() {
    all_hear(&[&HELLO], &["text Hello"]);
    // §7.2.3.2: with the window of the message before, and without.
    all_hear(&[&HELLO, &[0xF2, 0x00, 0x11, 0x00, 0x00]], &["text Hello", "text Hello"]);
    all_hear(&[&HELLO, &HELLO], &["text Hello", "text Hello"]);
    // §7.2.3.3: a block without compression.
    all_hear(&[&[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00]], &["text Hello"]);
    // §7.2.3.4: a final block.
    all_hear(&[&[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]], &["text Hello"]);
    // §7.2.3.5: two blocks.
    all_hear(
        &[&[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00]],
        &["text Hello"],
    );
}

#[test]
fn empty_message_is_one_byte_or_none() {
    all_hear(&[&[0x00], &HELLO], &["text", "text Hello"]);
    all_hear(&[&[], &HELLO], &["text", "text Hello"]);
    all_hear(&[&[0x02, 0x00], &HELLO], &["text", "text Hello"]);
}

#[test]
fn message_goes_on_behind_a_final_block() {
    let last = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    all_hear(&[&last], &["text Hello"]);
    all_hear(&[&[&last[..], &HELLO].concat()], &["text HelloHello"]);
    all_hear(&[&[&last[..], &last, &last].concat()], &["text HelloHelloHello"]);
    all_hear(&[&[&last[..], &[0x00]].concat(), &HELLO], &["text Hello", "text Hello"]);
    // The block that the tail makes whole is a final one.
    all_hear(&[&[0x01], &HELLO, &HELLO], &["text", "text Hello", "text Hello"]);
}

#[test]
fn nothing_is_remembered_across_a_final_block() {
    let last = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
    for mut w in worlds(&compressing(|_| ())) {
        w.feed(&frame(w.peer, 1, true, last));
        w.feed(&frame(w.peer, 1, true, [0xF2, 0x00, 0x11, 0x00, 0x00]));
        w.flush();
        assert_eq!(w.heard()[0], "text Hello");
        assert_eq!(w.said_codes(), ["close 1007"]);
    }
}

#[test]
fn payload_that_does_not_inflate_fails_with_1007() {
    let bad: [&[u8]; 7] = [
        &[0x07], // a block of no kind
        &[0xFF; 10],
        &[0x00, 0x05, 0x00, 0x00, 0x00], // a length that does not agree with itself
        &HELLO[..3],                     // no end
        &HELLO[..6],
        &[0xF2, 0x00, 0x11, 0x00, 0x00], // a distance past the beginning
        &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48],
    ];
    for payload in bad {
        for mut w in worlds(&compressing(|_| ())) {
            w.feed(&frame(w.peer, 1, true, payload));
            assert_eq!(w.said_codes(), ["close 1007"], "{payload:02X?}");
            assert_eq!(w.cause(), Some(Cause::Violation(Violation::Deflate)), "{payload:02X?}");
            assert_eq!(w.heard(), ["closed"]);
        }
    }
}

// R8.1-01
#[test]
fn utf8_is_validated_on_what_comes_out() {
    for (text, valid) in [("größe 𝄞".as_bytes(), true), (b"ab\xFFcd", false), (b"ab\xE2\x82", false)] {
        for mut w in worlds(&compressing(|_| ())) {
            w.feed(&frame(w.peer, 1, true, compressed(text)));
            if valid {
                assert_eq!(w.heard(), [format!("text {}", str::from_utf8(text).expect("UTF-8"))]);
            } else {
                assert_eq!(w.said_codes(), ["close 1007"]);
                assert_eq!(w.cause(), Some(Cause::Violation(Violation::TextUtf8)));
            }
        }
    }
}

#[test]
fn large_messages_come_out_whole() {
    for payload in [vec![0; 900_000], noise(900_000), "größe ".repeat(100_000).into_bytes()] {
        for mut w in worlds(&compressing(|_| ())) {
            w.feed(&frame(w.peer, 2, true, compressed(&payload)));
            let [Event::Message(message)] = &w.events[..] else { panic!("{:?}", w.heard()) };
            assert!(message.as_bytes() == payload);
        }
    }
}

#[test]
fn rsv1_stands_on_the_first_frame_of_a_message_and_nowhere_else() {
    let p = |w: &World| w.peer;
    let cases: [fn(&World) -> Vec<u8>; 9] = [
        |w| w.peer.frame(9, "").rsv(4).bytes(),
        |w| w.peer.frame(10, "").rsv(4).bytes(),
        |w| w.peer.frame(8, "").rsv(4).bytes(),
        |w| [w.peer.start("a"), w.peer.frame(0, "b").rsv(4).bytes()].concat(),
        |w| [frame(w.peer, 1, false, &HELLO[..2]), w.peer.frame(0, &HELLO[2..]).rsv(4).bytes()].concat(),
        |w| w.peer.frame(1, HELLO).rsv(6).bytes(),
        |w| w.peer.frame(1, HELLO).rsv(5).bytes(),
        |w| w.peer.frame(1, "").rsv(2).bytes(),
        |w| w.peer.frame(3, "").rsv(4).bytes(),
    ];
    for (n, case) in cases.iter().enumerate() {
        for mut w in worlds(&compressing(|_| ())) {
            let bytes = case(&w);
            w.feed(&bytes);
            assert_eq!(w.said_codes(), ["close 1002"], "case {n}");
            assert!(
                matches!(w.cause(), Some(Cause::Violation(Violation::ReservedBits | Violation::Opcode(3)))),
                "case {n}"
            );
        }
    }
    for mut w in World::all(&compressing(|_| ())) {
        w.feed(&frame(p(&w), 1, true, HELLO));
        assert_eq!(w.said_codes(), ["close 1002"], "where nothing was agreed on");
    }
}

#[test]
fn uncompressed_messages_pass_between_compressed_ones() {
    for mut w in worlds(&compressing(|_| ())) {
        let p = w.peer;
        w.feed(
            &[
                p.text("a"),
                frame(p, 1, true, HELLO),
                p.text("b"),
                frame(p, 1, true, [0xF2, 0x00, 0x11, 0x00, 0x00]),
            ]
            .concat(),
        );
        assert_eq!(w.heard(), ["text a", "text Hello", "text b", "text Hello"]);
    }
}
