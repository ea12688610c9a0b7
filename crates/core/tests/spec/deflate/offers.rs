//! A server and what it is offered (RFC 7692 §5, §7.1).

use adieu_core::Config;
use adieu_core::deflate::{Deflate, choose};
use adieu_core::handshake::Accept;

use super::kit::compressing;
use crate::common::{Reply, World, config, request};

/// What a server answers to these fields: the status, and its own field.
fn answer(config: &Config, offers: &[&str]) -> (u16, Option<String>) {
    let mut w = World::any_server(config);
    let lines: Vec<_> = offers.iter().map(|offer| format!("Sec-WebSocket-Extensions: {offer}")).collect();
    w.feed(&request(&lines.iter().map(String::as_str).collect::<Vec<_>>()));
    let _refused = w.conn.accept(w.now, &Accept::new());
    w.flush();
    let reply = Reply::parse(&w.wire);
    (reply.status, reply.header("Sec-WebSocket-Extensions").map(str::to_owned))
}

fn accepted(offers: &[&str], change: impl FnOnce(&mut Deflate)) -> Option<String> {
    let config = compressing(|config| change(config.deflate.as_mut().expect("a configuration")));
    let (status, answer) = answer(&config, offers);
    assert_eq!(status, 101, "{offers:?}");
    answer
}

fn default(offer: &str) -> Option<String> {
    accepted(&[offer], |_| ())
}

const PLAIN: &str = "permessage-deflate";

// R4.2.2-09, R5.8-01, R9-02, R9.1-06, R11.3.2-01
#[test]
fn offer_is_answered_with_what_it_asks_for() {
    let table = [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10"),
        ("permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8"),
        ("permessage-deflate; client_max_window_bits=15", "permessage-deflate; client_max_window_bits=15"),
        ("permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9"),
        ("permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15"),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        (
            "permessage-deflate;client_max_window_bits=12;server_max_window_bits=11;client_no_context_takeover;\
             server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=11; client_max_window_bits=12",
        ),
    ];
    for (offer, expected) in table {
        assert_eq!(default(offer).as_deref(), Some(expected), "{offer}");
    }
}

#[test]
fn server_may_want_more_than_was_offered() {
    let both = |deflate: &mut Deflate| {
        (deflate.server_no_context_takeover, deflate.client_no_context_takeover) = (true, true);
        (deflate.server_max_window_bits, deflate.client_max_window_bits) = (10, 11);
    };
    let unasked = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10";
    assert_eq!(
        accepted(&[PLAIN], both).as_deref(),
        Some(unasked),
        "a client's window is not asked of who does not know of it"
    );
    let knows = format!("{unasked}; client_max_window_bits=11");
    assert_eq!(accepted(&["permessage-deflate; client_max_window_bits"], both), Some(knows));
    let less = "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9";
    let answer = accepted(&[less], both).expect("an answer");
    assert!(answer.ends_with("server_max_window_bits=9; client_max_window_bits=9"), "{answer}");
    let more = "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15";
    let answer = accepted(&[more], both).expect("an answer");
    assert!(answer.ends_with("server_max_window_bits=10; client_max_window_bits=11"), "{answer}");
}

#[test]
fn offer_that_cannot_be_served_is_declined() {
    let declined = [
        "x-webkit-deflate-frame",
        "permessage-deflate; what",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "Permessage-deflate; Server_no_context_takeover",
    ];
    for offer in declined {
        assert_eq!(default(offer), None, "{offer}");
    }
}

#[test]
fn first_offer_that_can_be_served_is_taken_from_one_field_or_several() {
    let bad = "permessage-deflate; server_max_window_bits=8";
    let good = "permessage-deflate; server_max_window_bits=10";
    let fields: [&[&str]; 4] = [
        &[
            "other; x=1, permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10, permessage-deflate",
        ],
        &[bad, good, PLAIN],
        &["other", "permessage-deflate; what , permessage-deflate;server_max_window_bits=10", PLAIN],
        &[",, permessage-deflate; server_max_window_bits=\"10\" ,", bad],
    ];
    for offers in fields {
        assert_eq!(accepted(offers, |_| ()).as_deref(), Some(good), "{offers:?}");
    }
}

// R4.3-01, R9.1-04
#[test]
fn quoted_value_is_the_token_in_it() {
    for offer in [
        "permessage-deflate; server_max_window_bits=\"9\"",
        "permessage-deflate;server_max_window_bits = \"\\9\"",
    ] {
        assert_eq!(
            default(offer).as_deref(),
            Some("permessage-deflate; server_max_window_bits=9"),
            "{offer}"
        );
    }
    let comma = "other; x=\"a\\,b\"";
    assert_eq!(answer(&compressing(|_| ()), &[comma]), (400, None), "a quoted value is a token too");
}

// R9.1-01
#[test]
fn field_that_is_no_list_of_extensions_is_answered_400() {
    let malformed = [
        "",
        ",",
        ";;;=",
        "=",
        "x;",
        "x; ;y",
        "x y",
        "x; y=",
        "x; y=\"",
        "x; y=\"\"",
        "x; y=\"a b\"",
        "x; y=\"a\" b",
        "x; =y",
        "\"x\"",
        "x/y",
        "permessage-deflate; server_max_window_bits=\"9",
        "permessage-deflate; server_max_window_bits=\"\\",
    ];
    for field in malformed {
        assert_eq!(answer(&compressing(|_| ()), &[field]), (400, None), "{field:?}");
        assert_eq!(answer(&config(|_| ()), &[field]), (101, None), "{field:?}, which nobody reads");
        assert_eq!(choose(&Deflate::default(), &[field.as_bytes()]), None, "{field:?}");
    }
}

// R4.2.2-10, R5.2-08, R9-01
#[test]
fn nothing_is_agreed_on_without_an_offer_or_without_a_configuration() {
    assert_eq!(answer(&compressing(|_| ()), &[]), (101, None));
    assert_eq!(answer(&config(|_| ()), &[PLAIN]), (101, None));
}

#[test]
fn fields_out_of_range_count_as_the_nearest_that_are_not() {
    for (bits, expected) in [(0, "9"), (8, "9"), (9, "9"), (255, "15")] {
        let answer = accepted(&["permessage-deflate; server_max_window_bits=15"], |deflate| {
            (deflate.server_max_window_bits, deflate.level, deflate.mem_level) = (bits, 255, bits);
        });
        assert_eq!(answer, Some(format!("permessage-deflate; server_max_window_bits={expected}")));
    }
}

#[test]
fn max_memory_counts_the_larger_window_and_fields_out_of_range_as_the_nearest() {
    let most = |server, client, mem_level| {
        let change = |deflate: &mut Deflate| {
            (deflate.server_max_window_bits, deflate.client_max_window_bits) = (server, client);
            deflate.mem_level = mem_level;
        };
        let mut config = compressing(|_| ());
        config.deflate.as_mut().map(change).expect("it compresses");
        config.max_memory()
    };
    assert_eq!(most(15, 9, 8), most(9, 15, 8));
    assert!(most(9, 9, 8) < most(9, 10, 8) && most(9, 9, 8) < most(9, 9, 9));
    assert_eq!((most(0, 0, 0), most(8, 0, 1)), (most(9, 9, 1), most(9, 9, 1)));
    assert_eq!(most(255, 16, 255), most(15, 15, 9));
}
