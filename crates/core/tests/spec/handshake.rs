//! The server's opening handshake: RFC 6455 §4.2, CLOSE.md N8.

use crate::common;

use adieu_core::handshake::{Accept, Header, Reject, accept_key};
use adieu_core::{
    AnswerError, Cause, Event, HeaderError, OriginPolicy, Role, ServerConfig, State, Transport,
};
use common::{KEY, KEY_ACCEPT, Peer, Reply, World, config, header_of, request, request_lines, split_head};

fn server(origin: OriginPolicy) -> World {
    World::server(&ServerConfig::new(origin).with(config(|_| ())))
}

fn any() -> World {
    server(OriginPolicy::Any)
}

/// The good request with one line changed: `name` is the line's beginning; `None` leaves it out.
fn changed(name: &str, line: Option<&str>) -> Vec<u8> {
    let mut lines = request_lines();
    let at = lines.iter().position(|line| line.starts_with(name)).expect("a line to change");
    match line {
        Some(line) => line.clone_into(&mut lines[at]),
        None => drop(lines.remove(at)),
    }
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}

/// This request reaches the application.
fn passes(mut w: World, bytes: &[u8]) {
    w.feed(bytes);
    let shown = String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(w.heard(), ["request /chat"], "{shown}");
    w.conn.accept(w.now, &Accept::new()).expect("a request to accept");
    assert_eq!(w.state(), State::Open, "{shown}");
}

/// This request is answered with `status`, and nothing behind it is interpreted.
fn refused(mut w: World, bytes: &[u8], status: u16) -> Reply {
    let p = Peer::of(Role::Server);
    w.feed(bytes);
    w.feed(&[request(&[]), p.text("late"), p.close(1000, "")].concat());
    w.flush();
    let reply = Reply::parse(&w.wire);
    let shown = String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(reply.status, status, "{shown}");
    reply.check_refusal(status);
    assert_eq!(w.heard(), ["closed"], "{shown}");
    assert_eq!((w.cause(), w.conn.peer_close()), (Some(Cause::Refused(None)), None));
    assert_eq!(w.transport(), Transport::ShutdownWrite);
    reply
}

// R4.2.2-01, R4.2.2-08, R4.2.2-12, R4.2.2-13, R4.2.2-14, R4.2.2-15
#[test]
fn accept_answers_with_the_101_of_the_rfc() {
    assert_eq!(accept_key(KEY.as_bytes()), KEY_ACCEPT);
    let mut w = any();
    w.feed(&request(&[]));
    assert_eq!((w.state(), w.conn.wants_output()), (State::Connecting, false));
    w.conn.accept(w.now, &Accept::new()).expect("a request to accept");
    assert_eq!(w.state(), State::Open);
    w.flush();
    let (head, rest) = split_head(&w.wire);
    assert!(head.starts_with("HTTP/1.1 101 ") && rest.is_empty(), "{head}");
    assert!(header_of(&head, "Upgrade").is_some_and(|v| v.eq_ignore_ascii_case("websocket")));
    assert!(header_of(&head, "Connection").is_some_and(|v| v.eq_ignore_ascii_case("upgrade")));
    assert_eq!(header_of(&head, "Sec-WebSocket-Accept"), Some(KEY_ACCEPT));
    for absent in ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Content-Length"] {
        assert_eq!(header_of(&head, absent), None, "{absent}");
    }
}

// R9.1-08
#[test]
fn request_shows_target_headers_offers_and_origin() {
    let mut w = any();
    let lines = [
        "Origin: https://a.example",
        "Sec-WebSocket-Protocol: chat, superchat",
        "sec-websocket-protocol:v2.x",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other",
        "X-Bytes: caf\u{e9}  ",
    ];
    let bytes = String::from_utf8(request(&lines)).expect("UTF-8").replace("/chat", "/a/b?c=d&e");
    w.feed(bytes.as_bytes());
    let Some(Event::Request(request)) = w.events.pop() else { panic!("no request") };
    assert_eq!((&*request.method, &*request.target), ("GET", "/a/b?c=d&e"));
    assert_eq!((request.path(), request.query()), ("/a/b", Some("c=d&e")));
    assert_eq!(request.headers.get("origin"), Some(&b"https://a.example"[..]));
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "superchat", "v2.x"]);
    let extensions: Vec<_> = request.headers.list("sec-websocket-extensions").collect();
    let expected = [&b"permessage-deflate; client_max_window_bits"[..], b"x-other"];
    assert_eq!(extensions, expected);
    assert_eq!(request.headers.get("x-bytes"), Some("caf\u{e9}".as_bytes()));
    assert!(request.is_websocket());
}

// R4.2.2-07
#[test]
fn accept_carries_the_chosen_subprotocol_and_further_headers() {
    let mut w = any();
    w.feed(&request(&["Sec-WebSocket-Protocol: chat, superchat"]));
    let wrong = Accept::new().subprotocol("mumble");
    assert_eq!(w.conn.accept(w.now, &wrong), Err(AnswerError::Subprotocol));
    let injected = Accept::new().subprotocol("chat\r\nX-Evil: 1");
    assert_eq!(w.conn.accept(w.now, &injected), Err(AnswerError::Subprotocol));
    assert_eq!((w.state(), w.conn.wants_output()), (State::Connecting, false));
    let right = Accept::new().subprotocol("superchat").header("Set-Cookie", "a=b").expect("fine");
    w.conn.accept(w.now, &right).expect("a request to accept");
    w.flush();
    let (head, _) = split_head(&w.wire);
    assert_eq!(header_of(&head, "Sec-WebSocket-Protocol"), Some("superchat"));
    assert_eq!(header_of(&head, "Set-Cookie"), Some("a=b"));
    assert_eq!(w.conn.accept(w.now, &right), Err(AnswerError::NoRequest));
}

#[test]
fn answer_without_a_request_is_an_error_that_changes_nothing() {
    let mut w = any();
    assert_eq!(w.conn.accept(w.now, &Accept::new()), Err(AnswerError::NoRequest));
    w.feed(b"GET /chat HT");
    let reject = Reject::new(403).expect("a status");
    assert_eq!(w.conn.reject(w.now, &reject), Err(AnswerError::NoRequest));
    assert_eq!((w.state(), w.conn.wants_output()), (State::Connecting, false));
    w.feed(&request(&[])[12..]);
    assert_eq!(w.heard(), ["request /chat"]);
    let mut w = World::any_client(&config(|_| ()));
    assert_eq!(w.conn.accept(w.now, &Accept::new()), Err(AnswerError::NoRequest));
    assert_eq!(w.conn.reject(w.now, &reject), Err(AnswerError::NoRequest));
}

// R4.2.2-06, R7.2.2-01
#[test]
fn reject_sends_status_headers_and_body_and_ends() {
    let mut w = any();
    w.feed(&request(&[]));
    let reject = Reject::new(401).expect("a status").header("WWW-Authenticate", "Basic");
    let reject = reject.expect("a header that may travel").body("who are you?");
    w.conn.reject(w.now, &reject).expect("a request to refuse");
    w.flush();
    let reply = Reply::parse(&w.wire);
    reply.check_refusal(401);
    assert_eq!(reply.payload, b"who are you?");
    assert_eq!(reply.header("WWW-Authenticate"), Some("Basic"));
    assert_eq!((w.state(), w.cause()), (State::Closed, Some(Cause::Refused(None))));
    assert_eq!(w.heard(), ["request /chat", "closed"]);
    assert_eq!(w.conn.reject(w.now, &reject), Err(AnswerError::NoRequest));
}

#[test]
fn head_may_arrive_byte_by_byte_or_cut_anywhere() {
    let bytes = request(&["Origin: null", "X-A: b"]);
    let mut w = any();
    w.feed_by(1, &bytes[..bytes.len() - 1]);
    assert_eq!(w.heard(), [""; 0]);
    w.feed(&bytes[bytes.len() - 1..]);
    assert_eq!(w.heard(), ["request /chat"]);
    for cut in 0..bytes.len() {
        let mut w = any();
        w.feed(&bytes[..cut]);
        w.feed(&bytes[cut..]);
        assert_eq!(w.heard(), ["request /chat"], "cut at {cut}");
    }
}

// R4.2.1-09
#[test]
fn names_and_tokens_are_compared_without_regard_to_case() {
    let bytes = String::from_utf8(request(&[])).expect("ASCII");
    for (from, to) in [
        ("Upgrade: websocket", "UPGRADE: WebSocket"),
        ("Connection: Upgrade", "cOnNeCtIoN: uPGRADE"),
        ("Sec-WebSocket-Key", "SEC-WEBSOCKET-KEY"),
        ("Sec-WebSocket-Version", "sec-websocket-version"),
        ("Host", "hOST"),
        ("Version: 13", "Version:13"),
        ("Upgrade: websocket", "Upgrade:  websocket\t"),
    ] {
        assert!(bytes.contains(from));
        passes(any(), bytes.replace(from, to).as_bytes());
    }
}

// R4.2.1-10
#[test]
fn lists_of_several_tokens_are_taken_in_one_line_or_in_several() {
    passes(any(), &changed("Connection", Some("Connection: keep-alive, Upgrade")));
    passes(any(), &changed("Connection", Some("Connection: keep-alive,upgrade , x")));
    passes(any(), &changed("Connection", Some("Connection: keep-alive\r\nConnection: Upgrade")));
    passes(any(), &changed("Upgrade", Some("Upgrade: h2c, websocket")));
    refused(any(), &changed("Connection", Some("Connection: Upgrades")), 426);
    refused(any(), &changed("Upgrade", Some("Upgrade: websockets")), 426);
}

// R4.2.2-11
#[test]
fn cr_and_lf_cannot_be_put_into_an_answer() {
    for value in ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "a\u{7f}b"] {
        assert_eq!(Header::new("X-A", value), Err(HeaderError::Value));
        assert_eq!(Accept::new().header("X-A", value), Err(HeaderError::Value));
        let reject = Reject::new(403).expect("a status");
        assert_eq!(reject.header("X-A", value), Err(HeaderError::Value));
    }
    for name in ["", "a b", "a\r\nb", "a:b", "ä"] {
        assert_eq!(Header::new(name, "v"), Err(HeaderError::Name));
        assert_eq!(Accept::new().header(name, "v"), Err(HeaderError::Name));
    }
    for name in ["Upgrade", "connection", "Sec-WebSocket-Accept", "Content-Length"] {
        assert_eq!(Accept::new().header(name, "v"), Err(HeaderError::Reserved));
        let reject = Reject::new(403).expect("a status");
        assert_eq!(reject.header(name, "v"), Err(HeaderError::Reserved));
    }
    for status in [0, 100, 101, 199, 600, 999] {
        assert_eq!(Reject::new(status), Err(HeaderError::Status));
    }
}

#[test]
fn plain_http_is_handed_on_only_where_that_was_said() {
    let mut plain = ServerConfig::new(OriginPolicy::Any).with(config(|_| ()));
    plain.plain_http = true;
    let mut w = World::server(&plain);
    w.feed(b"GET /page HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!(w.heard(), ["request /page"]);
    assert_eq!(w.conn.accept(w.now, &Accept::new()), Err(AnswerError::NotWebSocket));
    let page = Reject::new(200).expect("a status").body("<p>");
    w.conn.reject(w.now, &page).expect("a request to answer");
    w.flush();
    assert_eq!(Reply::parse(&w.wire).payload, b"<p>");
    assert_eq!(w.state(), State::Closed);
    passes(World::server(&plain), &request(&[]));
}
