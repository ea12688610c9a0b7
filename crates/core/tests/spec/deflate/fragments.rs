//! Compressed messages in fragments, in parts, and cut at every place.

use adieu_core::{Config, Role, State, Transport};

use super::kit::{Compressor, HELLO, agreed, compressed, compressing, frame, worlds};
use crate::common::{BOTH, Peer, World, close, secs};
use crate::split::check_invariant;

#[test]
fn payload_may_be_fragmented_anywhere_with_control_frames_between() {
    for cut in 0..=HELLO.len() {
        for mut w in worlds(&compressing(|_| ())) {
            let p = w.peer;
            let (first, rest) = HELLO.split_at(cut);
            w.feed(
                &[frame(p, 1, false, first), p.ping("x"), frame(p, 0, false, ""), frame(p, 0, true, rest)]
                    .concat(),
            );
            assert_eq!(w.heard(), ["text Hello"], "cut at {cut}");
            assert_eq!(w.said(), ["pong x"]);
        }
    }
}

type Build = fn(Peer) -> Vec<u8>;

const CONVERSATIONS: [Build; 9] = [
    |p| {
        [frame(p, 1, true, HELLO), frame(p, 1, true, [0xF2, 0x00, 0x11, 0x00, 0x00]), p.close(1000, "bye")]
            .concat()
    },
    |p| {
        [frame(p, 1, false, &HELLO[..3]), p.ping("x"), frame(p, 0, true, &HELLO[3..]), p.text("plain")]
            .concat()
    },
    |p| [frame(p, 2, true, compressed(&[7; 3000])), frame(p, 1, true, [0]), p.ping("y")].concat(),
    |p| [p.text("a"), frame(p, 1, true, compressed(b"ab\xFFcd")), p.close(1000, "")].concat(),
    |p| [p.text("a"), frame(p, 1, true, [&HELLO[..], &[0xFF; 9]].concat()), p.text("late")].concat(),
    |p| [frame(p, 1, true, &HELLO[..4]), p.text("late")].concat(),
    |p| [frame(p, 2, true, compressed(&[7; 5000])), p.text("past the limit")].concat(),
    |p| {
        [frame(
            p,
            1,
            true,
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        )]
        .concat()
    },
    |p| {
        [frame(p, 1, false, compressed("größe".as_bytes())), p.frame(0, "").rsv(4).bytes(), p.text("late")]
            .concat()
    },
];

fn small(chunks: bool) -> Config {
    compressing(|config| (config.max_message_len, config.chunks) = (4000, chunks))
}

#[test]
fn same_input_cut_at_every_place_gives_the_same() {
    for role in BOTH {
        for chunks in [false, true] {
            let new = || agreed(role, &small(chunks), |_| ());
            for (n, conversation) in CONVERSATIONS.iter().enumerate() {
                eprintln!("{role:?}, chunks {chunks}, conversation {n}");
                for eof in [false, true] {
                    check_invariant(&new, &conversation(Peer::of(role)), eof);
                }
            }
        }
    }
}

#[test]
fn message_wanted_in_parts_comes_in_parts_of_bounded_length() {
    let payload: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 100).to_le_bytes()).collect();
    for mut w in worlds(&compressing(|config| config.chunks = true)) {
        let mut compressor = Compressor::new(15);
        for _ in 0..2 {
            w.events.clear();
            w.feed(&frame(w.peer, 2, true, compressor.message(&payload)));
            let parts = crate::chunks::chunks(&w);
            assert!(parts.len() > 10 && parts.iter().all(|part| part.payload.len() <= 16 << 10));
            assert!(crate::chunks::joined(&parts) == payload);
        }
    }
}

#[test]
fn parts_that_wait_come_before_what_was_read_behind_them() {
    let payload = vec![b'x'; 800_000];
    for mut w in worlds(&compressing(|config| config.chunks = true)) {
        let p = w.peer;
        let bytes = [frame(p, 1, true, compressed(&payload)), p.text("behind"), p.close(1000, "")].concat();
        w.ahead(&bytes);
        assert!(!w.conn.wants_input(), "the inbox is full");
        let heard = w.heard();
        assert_eq!(heard[heard.len() - 2..], ["chunk behind", "closing"]);
        let parts = crate::chunks::chunks(&w);
        assert_eq!(parts.iter().map(|part| part.payload.len()).sum::<usize>(), payload.len() + 6);
        assert_eq!(w.said(), ["close 1000"]);
    }
}

#[test]
fn parts_that_are_read_ahead_while_closing_keep_their_order() {
    let payload: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
    for mut w in worlds(&compressing(|config| config.chunks = true)) {
        let message = frame(w.peer, 2, true, compressed(&payload));
        w.close(1000, "");
        w.flush();
        w.ahead(&message);
        assert!(w.heard().len() > 2, "more than one part");
        assert!(crate::chunks::joined(&crate::chunks::chunks(&w)) == payload);
    }
}

#[test]
fn fault_in_a_part_that_waited_is_answered_as_soon_as_it_is_found() {
    let broken = [&compressed(&vec![b'x'; 700_000])[..], &[0xFF; 9]].concat();
    for mut w in worlds(&compressing(|config| (config.chunks, config.close_linger) = (true, secs(0)))) {
        w.ahead(&frame(w.peer, 2, true, &broken));
        assert_eq!(w.state(), State::Open, "the fault waits behind the parts");
        while w.state() == State::Open {
            assert!(w.poll().is_some(), "a part");
        }
        assert_eq!(w.said_codes(), ["close 1007"]);
    }
}

/// As much as a read brings, of messages that expand a thousand times.
fn bombs(w: &World) -> Vec<u8> {
    frame(w.peer, 2, true, compressed(&vec![0; 1 << 20])).repeat(40)
}

#[test]
fn what_expands_waits_as_it_came() {
    for mut w in worlds(&compressing(|_| ())) {
        let bytes = bombs(&w);
        w.ahead(&bytes);
        assert!(!w.conn.wants_input(), "the inbox is full");
        w.ahead(&w.peer.text("read all the same"));
        let heard = w.heard();
        assert_eq!(heard.len(), 41);
        assert_eq!(heard[40], "text read all the same");
        assert!(w.conn.wants_input());
    }
}

#[test]
fn end_behind_what_waits_is_told_behind_it() {
    for reset in [false, true] {
        for mut w in worlds(&compressing(|_| ())) {
            let bytes = bombs(&w);
            w.ahead(&bytes);
            w.eof();
            if reset {
                w.reset();
            }
            assert_eq!(w.cause(), None);
            let heard = w.heard();
            assert_eq!((heard.len(), heard[40].as_str()), (41, "closed"));
            let cause = format!("{:?}", w.cause());
            assert!(cause.contains(if reset { "Reset" } else { "EndOfStream" }), "{cause}");
        }
    }
}

#[test]
fn what_waits_is_parsed_up_to_the_peers_close_when_writing_fails() {
    for mut w in worlds(&compressing(|_| ())) {
        let bytes = [bombs(&w), w.peer.close(1000, "bye")].concat();
        w.ahead(&bytes);
        w.eof();
        w.write_error();
        assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Close), "the end is told, too");
        let verdict = w.verdict();
        assert_eq!((verdict.received, verdict.clean), (Some(close(1000, "bye")), false));
    }
}

#[test]
fn what_waits_is_parsed_when_we_close_or_give_up_receiving() {
    for mut w in worlds(&compressing(|_| ())) {
        let bytes = [bombs(&w), w.peer.close(1000, "")].concat();
        w.ahead(&bytes);
        w.close(1000, "");
        w.flush();
        assert_eq!(w.cause(), Some(adieu_core::Cause::Handshake), "the Close behind it was seen");
    }
    for mut w in worlds(&compressing(|_| ())) {
        let bytes = [bombs(&w), w.peer.ping("x")].concat();
        w.ahead(&bytes);
        w.conn.stop_receiving(w.now);
        assert_eq!(w.said(), ["pong x"]);
        w.eof();
        assert_eq!(w.verdict().undelivered, (40, 40 << 20));
    }
}

#[test]
fn server_that_reads_ahead_of_its_accept_inflates_after_it() {
    use adieu_core::handshake::Accept;
    let mut w = World::any_server(&compressing(|_| ()));
    let request = crate::common::request(&["Sec-WebSocket-Extensions: permessage-deflate"]);
    w.feed(&[request, frame(Peer::of(Role::Server), 1, true, HELLO)].concat());
    w.conn.accept(w.now, &Accept::new()).expect("a request");
    assert_eq!(w.heard()[1..], ["text Hello"]);
}
