//! What RFC 6455 asks of the opening handshake and no other test shows, from its text; `docs/rfc6455.md` names each requirement.

use crate::common;

use std::collections::HashSet;
use std::sync::Arc;

use adieu_core::handshake::{Accept, ClientRequest, Reject};
use adieu_core::{Cause, Connection, HeaderError, PingError, ResponseFault, SendRefusal, State, Violation};
use common::{Reply, START, World, config, header_of, request, response_to, secs};

fn plain() -> ClientRequest {
    ClientRequest::new("server.example.com", "/chat").expect("a plain request")
}

// R4.1-29
#[test]
fn key_of_a_request_is_16_bytes_in_base64_and_is_the_seeds() {
    let key = |seed: u8| {
        let mut w = World::any_client(&config(|_| ()));
        w.conn = Connection::client(plain(), Arc::new(config(|_| ())), [seed; 32], START);
        header_of(&w.take_request(), "Sec-WebSocket-Key").expect("a key").to_owned()
    };
    let keys: HashSet<_> = (0..100).map(key).collect();
    assert_eq!(keys.len(), 100, "each seed has its own");
    for key in &keys {
        let digits = key.strip_suffix("==").expect("the padding of 16 bytes");
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
        assert!(digits.len() == 22 && digits.bytes().all(is_digit), "{key}");
        assert!(digits.ends_with(['A', 'Q', 'g', 'w']), "bits behind the 16 bytes in {key}");
    }
}

// R4.1-37
#[test]
fn client_sends_nothing_behind_its_request_before_the_101() {
    let mut w = World::any_client(&config(|c| c.ping_interval = Some(secs(1))));
    w.refused(SendRefusal::Connecting);
    let request = w.take_request();
    w.refused(SendRefusal::Connecting);
    assert_eq!(w.conn.ping(w.now), Err(PingError::Refused(SendRefusal::Connecting)));
    assert_eq!(w.conn.pong(w.now, b""), Err(PingError::Refused(SendRefusal::Connecting)));
    w.wait(secs(5));
    assert_eq!(w.write(1), 0, "no keepalive either");
    w.feed(&response_to(&request, &[]));
    w.queue("now");
    assert_eq!(w.said(), ["text now"]);
}

/// The fields that the opening handshake writes (§4.1, §4.2.2, §11.3).
const FIELDS: [&str; 9] = [
    "Host", "Origin", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Accept",
    "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions",
];

// R11.3.1-01, R11.3.2-01, R11.3.3-01, R11.3.4-01, R11.3.5-01
#[test]
fn fields_of_the_handshake_are_written_by_it_alone() {
    for name in FIELDS.iter().flat_map(|name| [(*name).to_owned(), name.to_lowercase()]) {
        assert_eq!(plain().header(&name, "x").err(), Some(HeaderError::Reserved), "{name}");
        assert_eq!(Accept::new().header(&name, "x").err(), Some(HeaderError::Reserved), "{name}");
        let reject = Reject::new(403).expect("a status");
        assert_eq!(reject.header(&name, "x").err(), Some(HeaderError::Reserved), "{name}");
    }
    let asked = plain().subprotocol("a").and_then(|asked| asked.subprotocol("b")).expect("two subprotocols");
    let asked = asked.origin("https://a.example").expect("an origin");
    let head = World::client(asked, &config(|_| ())).take_request();
    // `header_of` does not take a field that is there twice.
    let there: Vec<_> = FIELDS.into_iter().filter(|name| header_of(&head, name).is_some()).collect();
    let names = [&FIELDS[..5], &FIELDS[6..8]].concat();
    assert_eq!(there, names, "{head}");
    let mut w = World::any_server(&config(|_| ()));
    w.feed(head.as_bytes());
    w.conn.accept(w.now, &Accept::new().subprotocol("b")).expect("a request to accept");
    w.flush();
    let reply = Reply::parse(&w.wire);
    let there: Vec<_> = FIELDS.into_iter().filter(|name| reply.header(name).is_some()).collect();
    assert_eq!(there, ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"]);
}

/// What a client that offers `chat` makes of the right response with these further lines.
fn judged(more: impl Fn(&str) -> Vec<String>) -> (State, Option<Cause>) {
    let offers = plain().subprotocol("chat").expect("a subprotocol");
    let mut w = World::client(offers, &config(|_| ()));
    let request = w.take_request();
    let right = String::from_utf8(response_to(&request, &[])).expect("ASCII");
    let more = more(&right);
    w.feed(&response_to(&request, &more.iter().map(String::as_str).collect::<Vec<_>>()));
    (w.state(), w.cause())
}

fn failed(fault: ResponseFault) -> (State, Option<Cause>) {
    (State::Closed, Some(Cause::Violation(Violation::Response(fault))))
}

// R11.3.3-02, R11.3.4-02
#[test]
fn field_that_a_response_has_twice_fails() {
    let accept = |right: &str| {
        let value = header_of(right, "Sec-WebSocket-Accept").expect("an accept key");
        vec![format!("Sec-WebSocket-Accept: {value}")]
    };
    assert_eq!(judged(accept), failed(ResponseFault::Accept));
    let chat = |count| move |_: &str| vec!["Sec-WebSocket-Protocol: chat".to_owned(); count];
    assert_eq!(judged(chat(1)), (State::Open, None));
    assert_eq!(judged(chat(2)), failed(ResponseFault::Subprotocol));
}

// R9.1-02, R9.1-03
#[test]
fn whatever_extension_a_response_names_fails() {
    for value in ["", ",", "x", "x; y=1", "x; y=\"1\"", "x;", ";;;=", "\"", "=", "permessage-deflate", ", x"]
    {
        let line = |_: &str| vec![format!("Sec-WebSocket-Extensions: {value}")];
        assert_eq!(judged(line), failed(ResponseFault::Extension), "{value}");
    }
}

/// The status that a request with these bytes is answered with; `None` if it reaches the application.
fn answer_to(bytes: &[u8]) -> Option<u16> {
    let mut w = World::any_server(&config(|_| ()));
    w.feed(bytes);
    w.flush();
    (!w.wire.is_empty()).then(|| Reply::parse(&w.wire).status)
}

// R4.2.1-14
#[test]
fn offered_subprotocol_that_is_no_token_is_answered_400() {
    for bad in ["a b", "a/b", "chat, a:b", "(", "caf\u{e9}", "chat;q=1", "\"chat\""] {
        assert_eq!(answer_to(&request(&[&format!("Sec-WebSocket-Protocol: {bad}")])), Some(400), "{bad}");
    }
    for good in ["a", "chat, superchat", "v2.example.com", "!#$%&'*+-.^_`|~"] {
        assert_eq!(answer_to(&request(&[&format!("Sec-WebSocket-Protocol: {good}")])), None, "{good}");
    }
}

// R4.2.1-15
#[test]
fn field_of_subprotocols_that_offers_none_is_answered_400() {
    assert_eq!(answer_to(&request(&["Sec-WebSocket-Protocol: "])), Some(400));
}

// R4.2.1-08
#[test]
fn host_that_is_no_authority_is_answered_400() {
    let with_host = |host: &str| {
        let request = String::from_utf8(request(&[])).expect("ASCII");
        let host_line = request.lines().find(|line| line.starts_with("Host:")).expect("a Host");
        answer_to(request.replace(host_line, &format!("Host: {host}")).as_bytes())
    };
    for bad in ["", "a b", "a/c", "u@d", "a\\b", "a\"b"] {
        assert_eq!(with_host(bad), Some(400), "{bad:?}");
    }
    for good in ["a", "a.example:8080", "127.0.0.1", "[::1]:80", "xn--gre-sxa.example", "a_b"] {
        assert_eq!(with_host(good), None, "{good:?}");
    }
}

// R4.2.1-05, R4.2.1-06
#[test]
fn target_with_a_fragment_is_answered_400_and_a_whole_uri_is_taken_in_any_case() {
    let with_target = |target: &str| {
        let good = request(&[]);
        let rest = good.iter().position(|byte| *byte == b'\n').expect("a first line");
        answer_to(&[format!("GET {target} HTTP/1.1\r").as_bytes(), &good[rest..]].concat())
    };
    for bad in ["/chat#x", "/ü", "chat", "ftp://a/chat", "*"] {
        assert_eq!(with_target(bad), Some(400), "{bad}");
    }
    // What browsers leave as it is in a query (WHATWG URL) passes.
    for good in ["/chat?a=b|c^d{e}", "HTTP://server.example.com/chat", "https://h?x", "http://h"] {
        assert_eq!(with_target(good), None, "{good}");
    }
}

// R4.1-40
#[test]
fn refusal_in_http_1_0_is_a_refusal_and_its_101_is_malformed() {
    let answered = |head: &str| {
        let mut w = World::any_client(&config(|_| ()));
        w.take_request();
        w.feed(head.as_bytes());
        w.eof();
        w.cause()
    };
    let refused = answered("HTTP/1.0 503 Service Unavailable\r\n\r\n");
    assert!(
        matches!(&refused, Some(Cause::Refused(Some(response))) if response.status == 503),
        "{refused:?}"
    );
    let malformed = Violation::Response(ResponseFault::Malformed);
    assert_eq!(answered("HTTP/1.0 101 Switching Protocols\r\n\r\n"), Some(Cause::Violation(malformed)));
}

// R11.3.5-02
#[test]
fn version_that_is_there_twice_is_answered_426() {
    assert_eq!(answer_to(&request(&["X-WebSocket-Version: 13"])), None);
    assert_eq!(answer_to(&request(&["Sec-WebSocket-Version: 13"])), Some(426));
}

// R8.1-03
#[test]
fn target_that_is_not_utf8_is_answered_400() {
    let good = request(&[]);
    let rest = good.iter().position(|byte| *byte == b'\n').expect("a first line");
    for bad in [&b"/\xFF"[..], b"/a\xC3", b"/\xED\xA0\x80"] {
        let line = [b"GET ", bad, b" HTTP/1.1\r"].concat();
        assert_eq!(answer_to(&[&line, &good[rest..]].concat()), Some(400), "{bad:?}");
    }
}
