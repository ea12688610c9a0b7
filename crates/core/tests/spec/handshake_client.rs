//! The client's opening handshake: RFC 6455 §4.1.

use crate::common;

use adieu_core::handshake::{ClientRequest, Response};
use adieu_core::{Cause, Event, HeaderError, ResponseFault, State, Transport, Violation};
use common::{Reply, World, config, header_of, response_to, split_head};

fn plain() -> ClientRequest {
    ClientRequest::new("server.example.com", "/chat").expect("a plain request")
}

/// A client whose request is flushed, and that request.
fn client(request: ClientRequest) -> (World, String) {
    let mut w = World::client(request, &config(|_| ()));
    let request = w.take_request();
    assert_eq!(w.state(), State::Connecting);
    (w, request)
}

/// The right response with `from` replaced by `to`.
fn changed(request: &str, from: &str, to: &str) -> Vec<u8> {
    let right = String::from_utf8(response_to(request, &[])).expect("ASCII");
    assert!(right.contains(from));
    right.replace(from, to).into_bytes()
}

/// The response of an `Open` event, or of a refusal in the verdict.
fn response_of(w: &World) -> Response {
    let found = w.events.iter().find_map(|event| match event {
        Event::Open(response) => Some((**response).clone()),
        Event::Closed(closed) => match &closed.cause {
            Cause::Refused(Some(response)) => Some((**response).clone()),
            _ => None,
        },
        _ => None,
    });
    found.expect("a response")
}

/// The client gave up because of `fault`: nothing more is written and nothing more is parsed.
fn check_fault(mut w: World, response: &[u8], fault: ResponseFault) {
    let shown = String::from_utf8_lossy(response).into_owned();
    w.feed(response);
    assert_eq!(w.cause(), Some(Cause::Violation(Violation::Response(fault))), "{shown}");
    assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Close), "{shown}");
    w.feed(&w.peer.text("late"));
    assert_eq!((w.heard(), w.write(1)), (vec!["closed".to_owned()], 0), "{shown}");
    assert!(!w.verdict().clean && w.verdict().sent.is_none());
}

// R4.1-18, R4.1-20, R4.1-21, R4.1-22, R4.1-23, R4.1-24, R4.1-25, R4.1-26, R4.1-27, R4.1-28, R4.1-32
// R4.1-33
#[test]
fn request_is_that_of_the_rfc() {
    let (_, request) = client(plain());
    assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "{request}");
    assert_eq!(header_of(&request, "Host"), Some("server.example.com"));
    assert!(header_of(&request, "Upgrade").is_some_and(|v| v.eq_ignore_ascii_case("websocket")));
    assert!(header_of(&request, "Connection").is_some_and(|v| v.eq_ignore_ascii_case("upgrade")));
    assert_eq!(header_of(&request, "Sec-WebSocket-Version"), Some("13"));
    let key = header_of(&request, "Sec-WebSocket-Key").expect("a key");
    assert!(key.len() == 24 && key.ends_with("=="), "16 bytes in base64: {key}");
    for absent in ["Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"] {
        assert_eq!(header_of(&request, absent), None, "{absent}");
    }
}

// R4.1-36
#[test]
fn request_carries_origin_subprotocols_and_further_headers() {
    let request = plain()
        .origin("https://a.example")
        .and_then(|request| request.subprotocol("chat"))
        .and_then(|request| request.subprotocol("superchat"))
        .and_then(|request| request.header("Authorization", "Bearer x"))
        .expect("a request");
    let (mut w, request) = client(request);
    assert_eq!(header_of(&request, "Origin"), Some("https://a.example"));
    assert_eq!(header_of(&request, "Authorization"), Some("Bearer x"));
    let offered = header_of(&request, "Sec-WebSocket-Protocol").expect("an offer");
    assert_eq!(offered.split(',').map(str::trim).collect::<Vec<_>>(), ["chat", "superchat"]);
    w.feed(&response_to(&request, &["Sec-WebSocket-Protocol: superchat", "X-A: b"]));
    assert_eq!((w.state(), w.heard()), (State::Open, vec!["open".to_owned()]));
    let response = response_of(&w);
    assert_eq!((response.status, response.subprotocol()), (101, Some("superchat")));
    assert_eq!(response.headers.get("x-a"), Some(&b"b"[..]));
}

#[test]
fn keys_come_from_the_seed() {
    let key = |seed: u8| {
        let config = std::sync::Arc::new(config(|_| ()));
        let mut conn = adieu_core::Connection::client(plain(), config, [seed; 32], common::START);
        let mut slices: [&[u8]; 4] = [&[]; 4];
        let count = conn.transmit(common::START, &mut slices);
        let (head, _) = split_head(&slices[..count].concat());
        header_of(&head, "Sec-WebSocket-Key").expect("a key").to_owned()
    };
    assert_eq!(key(1), key(1));
    assert_ne!(key(1), key(2));
}

// R3-01, R4.1-02, R4.1-19, R4.1-34, R4.1-35
#[test]
fn cr_and_lf_cannot_be_put_into_a_request() {
    for host in ["", "a\r\nX-Evil: 1", "a b", "a/b", "a\0", "ü"] {
        assert_eq!(ClientRequest::new(host, "/").err(), Some(HeaderError::Host), "{host:?}");
    }
    for target in ["", "chat", "/a b", "/\r\nX-Evil: 1", "/a#b", "/ü", "/\0"] {
        let error = ClientRequest::new("a.example", target).err();
        assert_eq!(error, Some(HeaderError::Target), "{target:?}");
    }
    for name in ["", "a b", "a,b", "a\r\nb", "ü"] {
        assert_eq!(plain().subprotocol(name).err(), Some(HeaderError::Subprotocol), "{name:?}");
    }
    let twice = plain().subprotocol("chat").and_then(|request| request.subprotocol("chat"));
    assert_eq!(twice.err(), Some(HeaderError::Subprotocol));
    assert_eq!(plain().origin("a\r\nb").err(), Some(HeaderError::Value));
    assert_eq!(plain().header("X-A", "a\r\nb").err(), Some(HeaderError::Value));
    assert_eq!(plain().header("X A", "b").err(), Some(HeaderError::Name));
    for name in ["Host", "upgrade", "Connection", "Sec-WebSocket-Key", "SEC-WEBSOCKET-VERSION"] {
        assert_eq!(plain().header(name, "b").err(), Some(HeaderError::Reserved), "{name}");
    }
}

// R4.1-38
#[test]
fn right_response_opens_however_it_is_cut() {
    let len = response_to(&client(plain()).1, &[]).len();
    for cut in 0..len {
        let (mut w, request) = client(plain());
        let response = response_to(&request, &[]);
        w.feed(&response[..cut]);
        assert_eq!(w.state(), State::Connecting);
        w.feed(&response[cut..]);
        assert_eq!((w.state(), w.heard()), (State::Open, vec!["open".to_owned()]), "cut at {cut}");
    }
    let (mut w, request) = client(plain());
    w.feed_by(1, &response_to(&request, &[]));
    assert_eq!(w.state(), State::Open);
}

// R4.1-41, R4.1-42
#[test]
fn names_and_tokens_are_compared_without_regard_to_case() {
    for (from, to) in [
        ("Upgrade: websocket", "uPGRADE:WEBSOCKET"),
        ("Connection: Upgrade", "connection: upgrade"),
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ("Connection: Upgrade", "Connection: x\r\nConnection: Upgrade"),
        ("Sec-WebSocket-Accept", "SEC-WEBSOCKET-ACCEPT"),
        ("101 Switching Protocols", "101 "),
        ("101 Switching Protocols", "101 Whatever"),
    ] {
        let (mut w, request) = client(plain());
        w.feed(&changed(&request, from, to));
        assert_eq!(w.state(), State::Open, "{to}");
    }
}

// R4.1-43, R7.2.1-01
#[test]
fn accept_key_that_is_missing_or_wrong_is_a_violation() {
    let other = adieu_core::handshake::accept_key(b"another key");
    for (from, to) in [
        ("Sec-WebSocket-Accept: ", "X-Nothing: "),
        ("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x"),
        ("Sec-WebSocket-Accept: ", &format!("Sec-WebSocket-Accept: {other}\r\nX-Rest: ")),
    ] {
        let (w, request) = client(plain());
        let response = changed(&request, from, to);
        check_fault(w, &response, ResponseFault::Accept);
    }
    let (w, request) = client(plain());
    let right = String::from_utf8(response_to(&request, &[])).expect("ASCII");
    let key = header_of(&right, "Sec-WebSocket-Accept").expect("an accept key");
    let swapped: String = key
        .chars()
        .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    check_fault(w, right.replace(key, &swapped).as_bytes(), ResponseFault::Accept);
}

// R4.1-41, R4.1-42
#[test]
fn upgrade_or_connection_that_is_missing_or_wrong_is_a_violation() {
    for (from, to, fault) in [
        ("Upgrade: websocket", "X-Nothing: x", ResponseFault::Upgrade),
        ("Upgrade: websocket", "Upgrade: h2c", ResponseFault::Upgrade),
        ("Upgrade: websocket", "Upgrade: websockets", ResponseFault::Upgrade),
        ("Connection: Upgrade", "X-Nothing: x", ResponseFault::Connection),
        ("Connection: Upgrade", "Connection: close", ResponseFault::Connection),
    ] {
        let (w, request) = client(plain());
        let response = changed(&request, from, to);
        check_fault(w, &response, fault);
    }
}

// R4.1-44, R4.1-45
#[test]
fn subprotocol_or_extension_that_was_not_offered_is_a_violation() {
    let offers = || plain().subprotocol("chat").expect("a subprotocol");
    for (request, line, fault) in [
        (plain(), "Sec-WebSocket-Protocol: chat", ResponseFault::Subprotocol),
        (offers(), "Sec-WebSocket-Protocol: superchat", ResponseFault::Subprotocol),
        (offers(), "Sec-WebSocket-Protocol: chat, chat", ResponseFault::Subprotocol),
        (plain(), "Sec-WebSocket-Extensions: permessage-deflate", ResponseFault::Extension),
        (offers(), "Sec-WebSocket-Extensions: x-anything; y=1", ResponseFault::Extension),
    ] {
        let (w, request) = client(request);
        check_fault(w, &response_to(&request, &[line]), fault);
    }
    let (mut w, request) = client(offers());
    w.feed(&response_to(&request, &[]));
    assert_eq!(w.state(), State::Open, "a server may choose none");
}

// R4.1-46
#[test]
fn response_that_is_not_http_1_1_is_a_violation() {
    for bytes in [&b"SSH-2.0-OpenSSH\r\n\r\n"[..], b"\0\0\0\0\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\r\n\r\n"]
    {
        check_fault(client(plain()).0, bytes, ResponseFault::Malformed);
    }
    let (mut w, request) = client(plain());
    w.feed(&changed(&request, "HTTP/1.1", "HTTP/1.0"));
    assert!(matches!(w.cause(), Some(Cause::Violation(Violation::Response(_)))));
}

#[test]
fn head_over_a_limit_is_a_violation() {
    let (mut w, request) = client(plain());
    let short = response_to(&request, &["X-P: "]).len();
    w.feed(&response_to(&request, &[&format!("X-P: {}", "p".repeat(8192 - short))]));
    assert_eq!(w.state(), State::Open, "8 KiB pass");
    let (w, request) = client(plain());
    let long = response_to(&request, &[&format!("X-P: {}", "p".repeat(8193 - short))]);
    check_fault(w, &long, ResponseFault::TooLarge);
    let (w, request) = client(plain());
    let lines = vec!["X-A: b"; 62];
    check_fault(w, &response_to(&request, &lines), ResponseFault::TooLarge);
    let (mut w, request) = client(plain());
    w.feed(&response_to(&request, &lines[..61]));
    assert_eq!(w.state(), State::Open, "64 headers pass");
}

// R4.1-39
#[test]
fn refusal_is_kept_with_its_body() {
    for (status, reason) in [(404, "Not Found"), (401, "Unauthorized"), (302, "Found"), (200, "OK")] {
        let (mut w, _) = client(plain());
        let head = format!("HTTP/1.1 {status} {reason}\r\nX-A: b\r\nContent-Length: 5\r\n\r\n");
        w.feed_by(1, head.as_bytes());
        w.feed(b"he");
        assert_eq!(w.state(), State::Connecting, "the body is not complete");
        w.feed(b"llo");
        assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Close));
        assert_eq!(w.heard(), ["closed"]);
        let response = response_of(&w);
        assert_eq!((response.status, &*response.body), (status, &b"hello"[..]));
        assert_eq!(response.headers.get("X-A"), Some(&b"b"[..]));
    }
}

#[test]
fn refusal_without_a_length_ends_with_the_stream() {
    let (mut w, _) = client(plain());
    w.feed(b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nit is ");
    w.feed(b"broken");
    w.eof();
    assert_eq!((w.state(), w.heard()), (State::Closed, vec!["closed".to_owned()]));
    assert_eq!((response_of(&w).status, &*response_of(&w).body), (500, &b"it is broken"[..]));
}

#[test]
fn refusal_with_a_status_that_has_no_body_ends_with_its_head() {
    for status in [204, 304] {
        let (mut w, _) = client(plain());
        w.feed(format!("HTTP/1.1 {status} So\r\nServer: x\r\n\r\n").as_bytes());
        assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Close));
        assert_eq!((response_of(&w).status, &*response_of(&w).body), (status, &b""[..]));
    }
}

#[test]
fn refusal_that_breaks_off_in_its_body_is_still_a_refusal() {
    let head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nonly so much";
    type End = fn(&mut World);
    let ends: [End; 3] = [World::eof, World::reset, |w| w.wait(common::secs(10))];
    for end in ends {
        let (mut w, _) = client(plain());
        w.feed(head);
        assert_eq!(w.state(), State::Connecting);
        end(&mut w);
        assert_eq!((w.state(), w.heard()), (State::Closed, vec!["closed".to_owned()]));
        assert_eq!((response_of(&w).status, &*response_of(&w).body), (403, &b"only so much"[..]));
    }
}

#[test]
fn refusal_keeps_no_more_of_its_body_than_the_limit() {
    let (mut w, _) = client(plain());
    w.feed(b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n");
    (0..100).for_each(|_| w.feed(&[b'x'; 1000]));
    w.eof();
    assert_eq!(w.heard(), ["closed"]);
    let kept = response_of(&w).body.len();
    assert!(kept > 0 && kept <= 8192, "{kept}");
}

#[test]
fn interim_responses_are_passed_over() {
    let (mut w, request) = client(plain());
    let interim = &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"[..];
    w.feed(&[interim, &response_to(&request, &[]), &w.peer.text("hi")].concat());
    assert_eq!(w.heard(), ["open", "text hi"]);
    assert_eq!(response_of(&w).status, 101);
    let (mut w, request) = client(plain());
    w.feed_by(1, &[interim, &response_to(&request, &[])].concat());
    assert_eq!(w.heard(), ["open"]);
}

#[test]
fn endless_interim_responses_are_a_violation() {
    let (w, _) = client(plain());
    let endless = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
    check_fault(w, &endless, ResponseFault::TooLarge);
}

// R4.1-46
#[test]
fn bare_lf_in_a_response_never_opens() {
    let (mut w, request) = client(plain());
    w.feed(&changed(&request, "Upgrade: websocket\r\n", "Upgrade: websocket\n"));
    assert_eq!(w.cause(), Some(Cause::Violation(Violation::Response(ResponseFault::Malformed))));
    assert_eq!(w.heard(), ["closed"]);
}

// R4.1-01
#[test]
fn client_and_server_of_this_library_understand_each_other() {
    let request = plain().subprotocol("chat").expect("a subprotocol");
    let (mut client, request) = client(request);
    let mut server = World::any_server(&config(|_| ()));
    server.feed(request.as_bytes());
    let accept = adieu_core::handshake::Accept::new().subprotocol("chat");
    server.conn.accept(server.now, &accept).expect("a request to accept");
    server.queue("welcome");
    server.flush();
    assert_eq!(Reply::parse(&server.wire).status, 101);
    client.feed(&server.wire);
    assert_eq!(client.heard(), ["open", "text welcome"]);
    assert_eq!(response_of(&client).subprotocol(), Some("chat"));
}

#[test]
fn origin_that_is_given_twice_is_the_latter_and_other_fields_stay() {
    let request = plain()
        .origin("https://a.example")
        .and_then(|request| request.header("Authorization", "Bearer x"))
        .and_then(|request| request.origin("https://b.example"))
        .expect("a request");
    let (_, request) = client(request);
    assert_eq!(header_of(&request, "Origin"), Some("https://b.example"));
    assert_eq!(header_of(&request, "Authorization"), Some("Bearer x"));
}
