//! Context takeover, in each direction by itself (RFC 7692 §7.1.1).

use adieu_core::Role;

use super::kit::{Compressor, Decompressor, agreed, compressed, compressing, frame, noise, written};
use crate::common::{BOTH, Frame, World};

const TEXT: &str = "a text that is worth being remembered: 0123456789abcdefghijklmnopqrstuvwxyz";

fn send(w: &mut World) -> Frame {
    w.queue(TEXT);
    let frames = written(w);
    assert_eq!(frames.len(), 1);
    assert!(frames[0].rsv1);
    frames[0].clone()
}

#[test]
fn window_goes_on_from_message_to_message() {
    for role in BOTH {
        let mut w = agreed(role, &compressing(|_| ()), |_| ());
        let mut peer = Decompressor::new(15);
        let sent = [send(&mut w), send(&mut w)];
        assert!(sent[1].payload.len() * 4 < sent[0].payload.len(), "the second is a reference to the first");
        for frame in sent {
            assert_eq!(peer.message(&frame.payload), TEXT.as_bytes());
        }
    }
}

/// Whether what we send is remembered, under what was agreed on and what is configured.
fn remembers(role: Role, asked: (bool, bool), own: bool) -> bool {
    let config = compressing(|config| {
        let deflate = config.deflate.as_mut().expect("a configuration");
        match role {
            Role::Server => deflate.server_no_context_takeover = own,
            Role::Client => deflate.client_no_context_takeover = own,
        }
    });
    let mut w = agreed(role, &config, |agreed| {
        (agreed.server_no_context_takeover, agreed.client_no_context_takeover) = asked;
    });
    let sent = [send(&mut w), send(&mut w)];
    for frame in &sent {
        assert!(
            sent[0].payload != sent[1].payload
                || Decompressor::new(15).message(&frame.payload) == TEXT.as_bytes()
        );
    }
    sent[0].payload != sent[1].payload
}

#[test]
fn who_said_so_forgets_after_each_message() {
    assert!(remembers(Role::Server, (false, true), false));
    assert!(!remembers(Role::Server, (true, false), false));
    assert!(!remembers(Role::Server, (false, false), true));
    assert!(remembers(Role::Client, (true, false), false));
    assert!(!remembers(Role::Client, (false, true), false));
    assert!(!remembers(Role::Client, (false, false), true));
}

#[test]
fn what_the_peer_sends_may_refer_to_what_it_has_sent() {
    for role in BOTH {
        let mut w = agreed(role, &compressing(|_| ()), |_| ());
        let mut peer = Compressor::new(15);
        let text = noise(20_000);
        let first = peer.message(&text);
        let second = peer.message(&text);
        assert!(second.len() < 1000);
        w.feed(&[frame(w.peer, 2, true, first), frame(w.peer, 2, true, second)].concat());
        assert_eq!(w.heard(), ["message [20000]", "message [20000]"]);
    }
}

#[test]
fn peer_that_promised_to_forget_and_does_not_fails_with_1007() {
    for role in BOTH {
        let mut w = agreed(role, &compressing(|_| ()), |agreed| {
            (agreed.server_no_context_takeover, agreed.client_no_context_takeover) =
                (role == Role::Client, role == Role::Server);
        });
        w.feed(&frame(w.peer, 1, true, compressed(TEXT.as_bytes())).repeat(2));
        let mut peer = Compressor::new(15);
        peer.message(TEXT.as_bytes());
        assert_eq!(w.heard().len(), 2);
        w.feed(&frame(w.peer, 1, true, peer.message(TEXT.as_bytes())));
        assert_eq!(w.said_codes(), ["close 1007"]);
    }
}
