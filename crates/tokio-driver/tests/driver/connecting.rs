//! The client's way to a server, and what can go wrong on it.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::time::Duration;

use adieu_tokio::{
    Accept, Cause, Connect, ConnectError, HeaderError, OriginPolicy, Reject, Role, ServerConfig, Timeout,
    Violation, connect, incoming,
};
use tokio::io::{AsyncWriteExt, duplex};

use crate::peers::{any, config, in_memory, listen, read_head, soon, tcp};

// R3-01, R4.1-02, R4.1-04
#[tokio::test]
async fn a_url_that_cannot_be_used_is_refused_with_the_reason() {
    let cases = [
        #[cfg(not(feature = "tls"))]
        ("wss://localhost/", "wss:// needs the feature `tls`"),
        ("http://localhost/", "does not begin with ws:// or wss://"),
        ("localhost:80", "does not begin with ws://"),
        ("/path", "does not begin with ws://"),
        ("ws://localhost/#part", "fragment"),
        ("ws://user:secret@localhost/", "user information"),
        ("ws://localhost:0/", "port"),
        ("ws://localhost:65536/", "port"),
        ("ws://localhost:+80/", "port"),
        ("ws://[::1]180/", "port"),
        ("ws://[::1]x80/", "port"),
        ("ws:///path", "malformed"),
        ("ws://local host/", "malformed"),
        ("", "malformed"),
    ];
    for (url, reason) in cases {
        let error = connect(url).await.expect_err(url);
        assert!(matches!(error, ConnectError::Url(_)), "{url}: {error:?}");
        assert!(error.to_string().contains(reason), "{url}: {error}");
    }
    assert!(matches!(Connect::new("ws://localhost/\u{e9}"), Err(ConnectError::Header(HeaderError::Target))));
}

// R4.1-11, R4.1-22, R4.1-23
#[tokio::test]
async fn the_request_names_host_port_and_target() {
    for (name, host) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "[::1]"), ("localhost", "localhost")] {
        let Ok(listener) = tokio::net::TcpListener::bind((name.trim_matches(['[', ']']), 0)).await else {
            // A machine without IPv6.
            assert_eq!(name, "[::1]");
            continue;
        };
        let port = listener.local_addr().expect("its address").port();
        let connecting =
            tokio::spawn(async move { connect(&format!("WS://{name}:{port}?room=1&x=%20")).await });
        let (mut stream, _) = soon(listener.accept()).await.expect("a client");
        let head = soon(read_head(&mut stream)).await;
        assert!(head.starts_with("GET /?room=1&x=%20 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nHost: {host}:{port}\r\n")), "{head}");
        drop(stream);
        soon(connecting).await.expect("no panic").expect_err("no response");
    }
}

// R4.1-23
#[tokio::test]
async fn the_host_has_no_port_if_it_is_the_default_one() {
    for url in ["ws://example.com", "ws://example.com:80/", "ws://example.com:/"] {
        let (near, mut far) = duplex(1 << 10);
        let connecting = tokio::spawn(Connect::new(url).expect("a good URL").over(near));
        let mut head = vec![0; 1 << 10];
        let len = tokio::io::AsyncReadExt::read(&mut far, &mut head).await.expect("a request");
        let head = String::from_utf8_lossy(&head[..len]).into_owned();
        assert!(head.starts_with("GET / HTTP/1.1\r\nHost: example.com\r\n"), "{head}");
        drop(far);
        soon(connecting).await.expect("no panic").expect_err("no response");
    }
}

// R4.1-30, R5.3-03
#[tokio::test]
async fn each_connection_has_a_key_of_its_own() {
    let (mut keys, mut masks) = (HashSet::new(), HashSet::new());
    for _ in 0..20 {
        let (near, mut far) = tcp().await;
        let connecting = tokio::spawn(Connect::new("ws://localhost/").expect("a good URL").over(near));
        let head = soon(read_head(&mut far)).await;
        let key = head.lines().find(|line| line.starts_with("Sec-WebSocket-Key: ")).expect("a key");
        assert!(keys.insert(key.to_owned()), "{key} again");
        connecting.abort();
        let (socket, _driver, mut raw) = in_memory(Role::Client, config(|_| {}), 1 << 10);
        socket.try_send("x").expect("it is open");
        let mut frame = [0; 7];
        soon(tokio::io::AsyncReadExt::read_exact(&mut raw.stream, &mut frame)).await.expect("a frame");
        assert!(masks.insert(frame[2..6].to_vec()), "{frame:?} again");
    }
}

// R4.1-01
#[tokio::test]
async fn what_is_offered_arrives_and_what_is_chosen_comes_back() {
    let (listener, address) = listen().await;
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let incoming = incoming(stream, any()).await.expect("a request");
        let request = incoming.request();
        assert_eq!(request.target, "/chat?room=1");
        assert_eq!(request.headers.get("origin"), Some(&b"https://example.com"[..]));
        assert_eq!(request.headers.get("x-token"), Some(&b"secret"[..]));
        assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["v2", "v1"]);
        assert!(incoming.peer_addr().expect("connected").ip().is_loopback());
        let answer = Accept::new().subprotocol("v1").header("X-Greeting", "hello").expect("a good header");
        incoming.accept(answer).await.expect("accepted")
    });
    let socket = Connect::new(&format!("ws://{address}/chat?room=1"))
        .and_then(|connect| connect.subprotocol("v2")?.subprotocol("v1")?.header("X-Token", "secret"))
        .and_then(|connect| connect.origin("https://example.com"))
        .expect("a good request");
    let socket = soon(socket.open()).await.expect("opened");
    let response = socket.response().expect("a response");
    assert_eq!((response.status, response.subprotocol()), (101, Some("v1")));
    assert_eq!(response.headers.get("x-greeting"), Some(&b"hello"[..]));
    assert!(soon(serving).await.expect("no panic").response().is_none());
    assert!(Connect::new("ws://localhost/").and_then(|connect| connect.header("Host", "x")).is_err());
}

// R4.1-13
#[tokio::test]
async fn a_port_that_nobody_listens_on_is_unreachable() {
    let (listener, address) = listen().await;
    drop(listener);
    let error = soon(connect(&format!("ws://{address}/"))).await.expect_err("nobody");
    let ConnectError::Unreachable(attempts) = &error else { panic!("{error:?}") };
    assert_eq!(
        (attempts.len(), attempts[0].0, attempts[0].1.kind()),
        (1, address, ErrorKind::ConnectionRefused)
    );
}

#[tokio::test]
async fn a_refusal_is_told_with_status_headers_and_payload() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let incoming = incoming(stream, any()).await.expect("a request");
        let answer = Reject::new(404).and_then(|answer| answer.header("X-Why", "no such room"));
        incoming.reject(answer.expect("a good answer").body("nothing here\n")).await
    });
    let error = soon(connect(&format!("ws://{address}/"))).await.expect_err("refused");
    let ConnectError::Handshake(closed) = &error else { panic!("{error:?}") };
    let Cause::Refused(Some(response)) = &closed.cause else { panic!("{closed}") };
    assert_eq!((response.status, &*response.body), (404, &b"nothing here\n"[..]));
    assert_eq!(response.headers.get("x-why"), Some(&b"no such room"[..]));
    assert!(error.to_string().contains("404"));
}

#[tokio::test]
async fn a_response_that_is_none_is_a_violation() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        stream.write_all(b"SSH-2.0-nothing\r\n\r\n").await.expect("taken");
        read_head(&mut stream).await;
    });
    let error = soon(connect(&format!("ws://{address}/"))).await.expect_err("not a server");
    let ConnectError::Handshake(closed) = error else { panic!("{error:?}") };
    assert!(matches!(closed.cause, Cause::Violation(Violation::Response(_))), "{closed}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let (_listener, address) = listen().await;
    let short = config(|config| config.handshake_timeout = Duration::from_millis(50));
    let connect = Connect::new(&format!("ws://{address}/")).expect("a good URL").config(short);
    match soon(connect.open()).await.expect_err("no answer") {
        // A machine that is busy may spend all of it on connecting.
        ConnectError::Unreachable(attempts) => assert_eq!(attempts[0].1.kind(), ErrorKind::TimedOut),
        ConnectError::Handshake(closed) => assert_eq!(closed.cause, Cause::Timeout(Timeout::Handshake)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_handshake_is_that_of_the_configuration() {
    let (near, _far) = duplex(1 << 10);
    let begun = tokio::time::Instant::now();
    let connect = Connect::new("ws://localhost/").expect("a good URL");
    let error = connect.over(near).await.expect_err("no answer");
    let ConnectError::Handshake(closed) = error else { panic!("{error:?}") };
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Handshake));
    let took = begun.elapsed();
    let timeout = config(|_| {}).handshake_timeout;
    assert!(took >= timeout && took < timeout + Duration::from_millis(10), "{took:?}");
}

#[tokio::test]
async fn n4_dropping_a_connect_before_the_response_ends_the_stream() {
    let (near, mut far) = tcp().await;
    let connecting = Connect::new("ws://localhost/").expect("a good URL").over(near);
    let mut connecting = Box::pin(connecting);
    assert!(futures_util::poll!(connecting.as_mut()).is_pending());
    drop(connecting);
    let mut sent = Vec::new();
    soon(tokio::io::AsyncReadExt::read_to_end(&mut far, &mut sent)).await.expect("an end, and no reset");
    assert!(sent.ends_with(b"\r\n\r\n"), "the request and nothing more");
}

#[tokio::test]
async fn plain_requests_reach_the_application_if_it_wants_them() {
    let (listener, address) = listen().await;
    let mut config = ServerConfig::new(OriginPolicy::Any);
    config.plain_http = true;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let incoming = incoming(stream, std::sync::Arc::new(config)).await.expect("a request");
        assert!(!incoming.request().is_websocket());
        incoming.reject(Reject::new(200).expect("a good status").body("a page")).await
    });
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("taken");
    let mut answer = String::new();
    soon(tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\na page"), "{answer}");
}
