//! Any call in any state, any value in any field.

use adieu_core::deflate::Parameters;
use adieu_core::{Role, State};

use super::kit::{agreed, compressed, compressing, frame, worlds};
use crate::common::{World, request};

#[test]
fn agreement_that_is_told_too_early_changes_nothing() {
    let config = compressing(|_| ());
    let mut w = World::any_server(&config);
    w.conn.agree(Some(Parameters::default()));
    w.feed(&request(&[]));
    assert_eq!(w.heard(), ["request /chat"]);
    w.conn.agree(Some(Parameters::default()));
    w.conn.accept(w.now, &adieu_core::handshake::Accept::new()).expect("a request");
    assert_eq!(w.state(), State::Open);
}

#[test]
fn what_was_compressed_is_not_shown() {
    for mut w in worlds(&compressing(|_| ())) {
        w.queue("a secret");
        w.flush();
        let shown = format!("{:?}", w.conn);
        assert!(shown.contains("Codec { .. }") && !shown.contains("secret"), "{shown}");
    }
}

#[test]
fn agreement_that_is_told_again_keeps_the_first() {
    let config = compressing(|_| ());
    let mut w = agreed(Role::Server, &config, |_| ());
    let mut forgetful = Parameters::default();
    (forgetful.server_no_context_takeover, forgetful.client_no_context_takeover) = (true, true);
    w.conn.agree(Some(forgetful));
    let mut peer = super::kit::Compressor::new(15);
    for _ in 0..2 {
        w.feed(&frame(w.peer, 1, true, peer.message(b"again and again")));
    }
    assert_eq!(w.heard(), ["text again and again", "text again and again"]);
}

#[test]
fn messages_arrive_with_room_for_none() {
    let config = compressing(|config| (config.inbox_len, config.read_len) = (0, 0));
    let mut w = agreed(Role::Server, &config, |_| ());
    for _ in 0..3 {
        w.ahead(&frame(w.peer, 1, true, compressed(b"hello")));
    }
    w.feed(&[]);
    assert_eq!(w.heard(), ["text hello", "text hello", "text hello"]);
}
