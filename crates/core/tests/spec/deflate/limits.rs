//! Limits on what comes out (CLOSE.md F4).

use adieu_core::{Cause, Violation};

use super::kit::{compressed, compressing, frame, noise, worlds};
use crate::common::{Form, World};

fn small(chunks: bool) -> Vec<World> {
    worlds(&compressing(|config| {
        (config.max_message_len, config.max_frame_len, config.chunks) = (50_000, 50_000, chunks);
    }))
}

#[test]
fn message_is_taken_at_the_limit_and_not_past_it() {
    for payload in [vec![b'x'; 50_001], noise(50_001)] {
        for mut w in small(false) {
            w.feed(&frame(w.peer, 2, true, compressed(&payload[..50_000])));
            assert_eq!(w.heard(), ["message [50000]"]);
            w.feed(&frame(w.peer, 2, true, compressed(&payload)));
            assert_eq!(w.said_codes(), ["close 1009"]);
            assert_eq!(w.cause(), Some(Cause::Violation(Violation::MessageTooLong)));
        }
    }
}

#[test]
fn limit_is_on_the_message_and_not_on_the_fragment() {
    let payload = compressed(&vec![b'x'; 50_001]);
    for mut w in small(false) {
        let p = w.peer;
        let (first, rest) = payload.split_at(payload.len() / 2);
        w.feed(&[frame(p, 1, false, first), frame(p, 0, true, rest)].concat());
        assert_eq!(w.said_codes(), ["close 1009"]);
    }
}

#[test]
fn parts_are_told_up_to_the_limit() {
    for mut w in small(true) {
        w.feed(&frame(w.peer, 2, true, compressed(&vec![b'x'; 200_000])));
        let told: usize = crate::chunks::chunks(&w).iter().map(|part| part.payload.len()).sum();
        assert_eq!(told, 50_000);
        assert_eq!(w.said_codes(), ["close 1009"]);
    }
}

#[test]
fn declared_length_may_be_a_little_over_the_limit_and_no_more() {
    let large = compressing(|config| (config.max_message_len, config.max_frame_len) = (100_000, 100_000));
    let most = 100_000 + 100_000 / 8 + 64;
    for (len, code) in [(most, None), (most + 1, Some("close 1009"))] {
        for mut w in worlds(&large) {
            w.feed(&w.peer.frame(2, "").rsv(4).form(Form::Says(len)).bytes());
            assert_eq!(w.said_codes().first().map(String::as_str), code, "{len}");
        }
        for mut w in worlds(&large) {
            w.feed(&w.peer.frame(2, "").form(Form::Says(100_001)).bytes());
            assert_eq!(w.said_codes(), ["close 1009"], "uncompressed");
        }
    }
}

#[test]
fn limits_of_nothing_let_empty_messages_pass() {
    for mut w in worlds(&compressing(|config| (config.max_message_len, config.max_frame_len) = (0, 0))) {
        w.feed(&frame(w.peer, 2, true, [0]));
        assert_eq!(w.heard(), ["binary []"]);
        w.feed(&frame(w.peer, 2, true, compressed(b"x")));
        assert_eq!(w.said_codes(), ["close 1009"]);
    }
}

#[test]
fn limits_of_everything_are_no_trouble() {
    for mut w in worlds(&compressing(|config| {
        (config.max_message_len, config.max_frame_len) = (usize::MAX, usize::MAX);
    })) {
        w.feed(&frame(w.peer, 2, true, compressed(b"x")));
        assert_eq!(w.heard(), ["binary [120]"]);
    }
}
