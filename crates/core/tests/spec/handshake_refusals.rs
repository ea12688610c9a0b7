//! What a server refuses, and what just passes: CLOSE.md N8, RFC 6455 §4.2.1, §4.2.2, §10.2.

use crate::common;

use adieu_core::handshake::{Accept, Reject};
use adieu_core::{Cause, HeaderError, OriginPolicy, Role, ServerConfig, State, Transport};
use common::{KEY, Peer, Reply, World, config, request, request_lines, secs};

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

// R4.2.1-01, R7.2.2-01, R10.7-03
#[test]
fn n8_malformed_request_is_answered_400() {
    let bytes = String::from_utf8(request(&[])).expect("ASCII");
    let cases = [
        "rubbish\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\0\r\n\r\n".to_owned(),
        bytes.replace("Host:", "Ho st:"),
        bytes.replace("Host:", "Host :"),
        bytes.replace("Host: server", "Host: ser\0ver"),
        bytes.replace("Upgrade: w", "no colon here\r\nUpgrade: w"),
        bytes.replace("GET /chat HTTP/1.1", "GET /chat"),
        bytes.replace("GET /chat HTTP/1.1", "GET  HTTP/1.1"),
    ];
    for case in cases {
        refused(any(), case.as_bytes(), 400);
    }
}

// R4.2.1-07
#[test]
fn n8_request_without_exactly_one_host_is_answered_400() {
    refused(any(), &changed("Host", None), 400);
    refused(any(), &changed("Host", Some("Host: a.example\r\nHost: b.example")), 400);
}

// R4.2.1-11, R11.3.1-02
#[test]
fn n8_key_that_is_missing_doubled_or_not_16_bytes_is_answered_400() {
    let name = "Sec-WebSocket-Key";
    refused(any(), &changed(name, None), 400);
    let line = format!("{name}: {KEY}");
    refused(any(), &changed(name, Some(&format!("{line}\r\n{line}"))), 400);
    for bad in [
        "", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZTE=",
        "dGhlIHNhbXBsZSBub25jZTEy", "!!!!IHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==, x",
    ] {
        refused(any(), &changed(name, Some(&format!("{name}: {bad}"))), 400);
    }
}

#[test]
fn key_whose_last_character_has_bits_to_spare_is_16_bytes_all_the_same() {
    for key in ["AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAB==", "+/+/+/+/+/+/+/+/+/+/+/=="] {
        passes(any(), &changed("Sec-WebSocket-Key", Some(&format!("Sec-WebSocket-Key: {key}"))));
    }
}

// R4.2.1-12, R4.2.2-04, R4.2.2-05, R4.4-01
#[test]
fn n8_wrong_version_is_answered_426_and_names_13() {
    for version in ["8", "12", "14", "113", "0", "thirteen", "13, 8"] {
        let line = format!("Sec-WebSocket-Version: {version}");
        let reply = refused(any(), &changed("Sec-WebSocket-Version", Some(&line)), 426);
        assert_eq!(reply.header("Sec-WebSocket-Version"), Some("13"));
    }
}

// R4.2.1-09
#[test]
fn n8_request_that_does_not_ask_for_websocket_is_answered_426() {
    for (name, line) in [("Upgrade", None), ("Upgrade", Some("Upgrade: h2c"))] {
        let reply = refused(any(), &changed(name, line), 426);
        let upgrade = reply.header("Upgrade").expect("RFC 9110 §15.5.22 asks for it");
        assert!(upgrade.eq_ignore_ascii_case("websocket"));
    }
}

// R4.2.1-10
#[test]
fn n8_upgrade_that_connection_does_not_announce_is_answered_426() {
    refused(any(), &changed("Connection", None), 426);
    refused(any(), &changed("Connection", Some("Connection: keep-alive")), 426);
}

// R4.2.1-02
#[test]
fn n8_method_that_is_not_get_is_answered_405() {
    for method in ["POST", "PUT", "OPTIONS", "get", "GETS"] {
        let line = format!("{method} /chat HTTP/1.1");
        let reply = refused(any(), &changed("GET", Some(&line)), 405);
        assert_eq!(reply.header("Allow"), Some("GET"), "RFC 9110 §15.5.6 asks for it");
    }
}

// R4.2.1-03
#[test]
fn n8_old_http_is_refused() {
    let mut w = any();
    w.feed(&changed("GET", Some("GET /chat HTTP/1.0")));
    w.flush();
    assert!(Reply::parse(&w.wire).status >= 400);
    assert_eq!(w.heard(), ["closed"]);
}

fn with_origin(origin: &str) -> Vec<u8> {
    request(&[&format!("Origin: {origin}")])
}

// R4.2.1-13, R4.2.2-03, R10.2-01, R10.2-02
#[test]
fn n8_origin_list_lets_pass_what_is_in_it_and_what_has_none() {
    let list = || {
        let origins = ["https://a.example", "http://b.example:8080"].map(str::to_owned);
        server(OriginPolicy::List(origins.to_vec()))
    };
    passes(list(), &request(&[]));
    for good in ["https://a.example", "HTTPS://A.Example", "http://b.example:8080"] {
        passes(list(), &with_origin(good));
    }
    for bad in [
        "http://a.example",
        "https://a.example.evil.example",
        "https://evil.example",
        "http://b.example",
        "null",
        "",
        "https://a.example, https://evil.example",
    ] {
        refused(list(), &with_origin(bad), 403);
    }
    let two = request(&["Origin: https://a.example", "Origin: https://evil.example"]);
    let mut w = list();
    w.feed(&two);
    w.flush();
    assert!([400, 403].contains(&Reply::parse(&w.wire).status));
}

// R10.2-01
#[test]
fn n8_same_origin_compares_host_and_port_with_the_host_header() {
    let same = || server(OriginPolicy::SameOrigin);
    passes(same(), &request(&[]));
    for good in ["http://server.example.com", "https://server.example.com", "https://SERVER.example.com"] {
        passes(same(), &with_origin(good));
    }
    for bad in
        ["http://example.com", "http://server.example.com:81", "null", "http://server.example.com.evil"]
    {
        refused(same(), &with_origin(bad), 403);
    }
    let ported = |origin: &str| {
        let line = format!("Host: server.example.com:8443\r\nOrigin: {origin}");
        changed("Host", Some(&line))
    };
    passes(same(), &ported("https://server.example.com:8443"));
    refused(same(), &ported("https://server.example.com"), 403);
    refused(same(), &ported("https://server.example.com:8444"), 403);
}

#[test]
fn n8_any_origin_passes_where_any_was_said() {
    for origin in ["https://evil.example", "null", "anything at all"] {
        passes(any(), &with_origin(origin));
    }
}

/// A request with a head of exactly `len` bytes.
fn padded(len: usize) -> Vec<u8> {
    let short = request(&["X-Padding: "]).len();
    request(&[&format!("X-Padding: {}", "p".repeat(len - short))])
}

// R10.7-03
#[test]
fn n8_head_of_8_kib_passes_and_one_byte_more_is_answered_431() {
    assert_eq!(padded(8192).len(), 8192);
    passes(any(), &padded(8192));
    refused(any(), &padded(8193), 431);
    let mut w = any();
    w.feed_by(1, &padded(8192));
    assert_eq!(w.heard(), ["request /chat"]);
}

#[test]
fn n8_head_without_an_end_is_answered_431_at_the_limit() {
    let endless = vec![b'x'; 8193];
    refused(any(), &[&b"GET /chat HTTP/1.1\r\nX: "[..], &endless].concat(), 431);
    let mut w = any();
    w.feed_by(1, &[&b"GET /"[..], &endless].concat());
    w.flush();
    Reply::parse(&w.wire).check_refusal(431);
}

#[test]
fn n8_64_headers_pass_and_one_more_is_answered_431() {
    let with_headers = |count: usize| {
        let lines: Vec<_> = (0..count - 5).map(|n| format!("X-{n}: y")).collect();
        request(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    passes(any(), &with_headers(64));
    refused(any(), &with_headers(65), 431);
}

#[test]
fn limits_of_the_head_are_those_of_the_configuration() {
    let len = request(&[]).len();
    for (more, status) in [(0, None), (1, Some(431))] {
        let config = config(|c| (c.max_head_len, c.max_headers) = (len - more, 5));
        match status {
            None => passes(World::any_server(&config), &request(&[])),
            Some(status) => drop(refused(World::any_server(&config), &request(&[]), status)),
        }
    }
    let config = config(|c| c.max_headers = 4);
    refused(World::any_server(&config), &request(&[]), 431);
}

#[test]
fn n8_bare_lf_inside_a_head_is_answered_400() {
    let bytes = String::from_utf8(request(&["X-A: b"])).expect("ASCII");
    refused(any(), bytes.replace("Upgrade: websocket\r\n", "Upgrade: websocket\n").as_bytes(), 400);
    refused(any(), bytes.replace("HTTP/1.1\r\n", "HTTP/1.1\n").as_bytes(), 400);
    refused(any(), bytes.replace("X-A: b", "X-A: b\rX-C: d").as_bytes(), 400);
}

#[test]
fn n8_head_with_nothing_but_bare_lf_never_opens() {
    let bytes = String::from_utf8(request(&[])).expect("ASCII").replace("\r\n", "\n");
    let mut w = any();
    w.feed(bytes.as_bytes());
    w.wait(secs(10));
    w.flush();
    assert!([400, 408].contains(&Reply::parse(&w.wire).status));
    assert_eq!(w.heard(), ["closed"]);
}

// R4.2.1-05
#[test]
fn target_in_absolute_form_passes() {
    let mut w = any();
    w.feed(&changed("GET", Some("GET http://server.example.com/chat?x=1 HTTP/1.1")));
    assert_eq!(w.heard().len(), 1);
    assert_eq!(w.conn.accept(w.now, &Accept::new()), Ok(()));
}

#[test]
fn answer_to_head_has_no_body() {
    let mut plain = ServerConfig::new(OriginPolicy::Any).with(config(|_| ()));
    plain.plain_http = true;
    let mut w = World::server(&plain);
    w.feed(b"HEAD /page HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!(w.heard(), ["request /page"]);
    let page = Reject::new(200).expect("a status").body("<p>");
    w.conn.reject(w.now, &page).expect("a request to answer");
    w.flush();
    let reply = Reply::parse(&w.wire);
    assert_eq!(
        (reply.status, &reply.payload[..], reply.header("Content-Length")),
        (200, &b""[..], Some("3"))
    );
}

#[test]
fn answer_with_a_status_that_has_no_body_has_none() {
    for status in [204, 304] {
        let mut w = any();
        w.feed(&request(&[]));
        w.conn.reject(w.now, &Reject::new(status).expect("a status").body("x")).expect("a request to answer");
        w.flush();
        let reply = Reply::parse(&w.wire);
        assert_eq!(
            (reply.status, &reply.payload[..], reply.header("Content-Length")),
            (status, &b""[..], None)
        );
        assert_eq!(reply.header("Connection"), Some("close"));
    }
}

#[test]
fn n8_request_that_announces_a_payload_is_answered_400() {
    for line in ["Transfer-Encoding: chunked", "Content-Length: 1", "Content-Length: 0\r\nContent-Length: 3"]
    {
        refused(any(), &request(&[line]), 400);
    }
    passes(any(), &request(&["Content-Length: 0"]));
}

#[test]
fn n8_answer_of_the_application_has_its_status_its_type_and_its_body() {
    let cases = [
        (418, None, "text/plain; charset=utf-8"),
        (404, Some("application/json"), "application/json"),
        (599, Some("text/html"), "text/html"),
    ];
    for (status, given, expected) in cases {
        let mut w = any();
        w.feed(&request(&[]));
        let reject = Reject::new(status).expect("a status").body("{}");
        let typed = given.map_or(Ok(reject.clone()), |given| reject.header("Content-Type", given));
        w.conn.reject(w.now, &typed.expect("a type")).expect("a request to answer");
        w.flush();
        let reply = Reply::parse(&w.wire);
        reply.check_refusal(status);
        assert_eq!((reply.header("Content-Type"), &*reply.payload), (Some(expected), &b"{}"[..]));
        let phrase = reply.head.lines().next().and_then(|line| line.splitn(3, ' ').nth(2));
        assert!(phrase.is_some_and(|phrase| !phrase.is_empty()), "a reason phrase: {}", reply.head);
    }
    for status in [0, 100, 101, 199, 600] {
        assert_eq!(Reject::new(status), Err(HeaderError::Status), "{status}");
    }
}
