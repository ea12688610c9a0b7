//! A client, what it offers, and what it is answered (RFC 7692 §5.1, §7.1).

use adieu_core::deflate::Deflate;
use adieu_core::{Cause, ResponseFault, State, Violation};

use super::kit::compressing;
use crate::common::{World, header_of, response_to};

fn client(change: impl FnOnce(&mut Deflate)) -> World {
    World::any_client(&compressing(|config| change(config.deflate.as_mut().expect("a configuration"))))
}

fn offer(change: impl FnOnce(&mut Deflate)) -> String {
    let request = client(change).take_request();
    header_of(&request, "Sec-WebSocket-Extensions").expect("an offer").to_owned()
}

/// What becomes of a client that is answered so.
fn judged(change: impl FnOnce(&mut Deflate), answer: &str) -> Result<(), ResponseFault> {
    let mut w = client(change);
    let request = w.take_request();
    w.feed(&response_to(&request, &[&format!("Sec-WebSocket-Extensions: {answer}")]));
    match (w.state(), w.cause()) {
        (State::Open, None) => Ok(()),
        (_, Some(Cause::Violation(Violation::Response(fault)))) => Err(fault),
        other => panic!("{answer}: {other:?}"),
    }
}

fn asks_for_all(deflate: &mut Deflate) {
    (deflate.server_no_context_takeover, deflate.client_no_context_takeover) = (true, true);
    (deflate.server_max_window_bits, deflate.client_max_window_bits) = (10, 11);
}

// R9.1-06
#[test]
fn client_offers_what_it_is_configured_to_ask_for() {
    assert_eq!(offer(|_| ()), "permessage-deflate; client_max_window_bits");
    assert_eq!(
        offer(asks_for_all),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; \
         client_max_window_bits=11"
    );
    let request = World::any_client(&crate::common::config(|_| ())).take_request();
    assert_eq!(header_of(&request, "Sec-WebSocket-Extensions"), None);
}

#[test]
fn answer_may_leave_out_or_add_what_the_offer_allows() {
    let good = [
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15",
        "permessage-deflate; client_max_window_bits=8; server_no_context_takeover; client_no_context_takeover",
        ", permessage-deflate; server_max_window_bits=\"9\" ,",
    ];
    for answer in good {
        assert_eq!(judged(|_| (), answer), Ok(()), "{answer}");
    }
    let asked = [
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=11",
    ];
    for answer in asked {
        assert_eq!(judged(asks_for_all, answer), Ok(()), "{answer}");
    }
}

#[test]
fn answer_that_the_offer_does_not_allow_fails() {
    let bad = [
        "permessage-deflate; what",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=09",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=0",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
    ];
    for answer in bad {
        assert_eq!(judged(|_| (), answer), Err(ResponseFault::ExtensionParameters), "{answer}");
    }
    let unheard = [
        "permessage-deflate",
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12",
    ];
    for answer in unheard {
        assert_eq!(judged(asks_for_all, answer), Err(ResponseFault::ExtensionParameters), "{answer}");
    }
}

// R9.1-02, R9.1-03
#[test]
fn answer_that_is_not_one_extension_that_was_offered_fails() {
    for answer in [
        "", ",", "x", "permessage-deflate, x", "permessage-deflate, permessage-deflate", ";",
        "permessage-deflate;",
    ] {
        assert_eq!(judged(|_| (), answer), Err(ResponseFault::Extension), "{answer}");
    }
}

// R9.1-07
#[test]
fn nothing_is_compressed_where_the_server_stays_silent() {
    let mut w = client(|_| ());
    let request = w.take_request();
    w.feed(&response_to(&request, &[]));
    w.queue("hello");
    assert_eq!(w.said(), ["text hello"]);
    w.feed(&w.peer.frame(1, super::kit::HELLO).rsv(4).bytes());
    assert_eq!(w.said_codes(), ["text hello", "close 1002"]);
}
