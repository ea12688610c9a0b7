//! Requests that another HTTP server has parsed.

use std::sync::Arc;

use adieu_tokio::{Accept, OriginPolicy, Reject, ServerConfig, Upgrade};
use http::{Method, Request, StatusCode, Version, request::Builder};
use tokio::io::{AsyncWriteExt, duplex};

use crate::peers::{CLOSE, NORMAL, Raw, TEXT, any, soon};

fn request() -> Builder {
    Request::get("/room?id=1")
        .header("Host", "server.example")
        .header("Upgrade", "websocket")
        .header("Connection", "keep-alive, Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

fn judged(request: Builder) -> Result<Upgrade, Box<http::Response<Vec<u8>>>> {
    Upgrade::new(&request.body(()).expect("a request"), any())
}

#[tokio::test]
async fn an_accepted_request_is_answered_as_rfc_6455_has_it() {
    let upgrade = judged(request().header("Sec-WebSocket-Protocol", "v2, v1")).expect("a good request");
    assert_eq!((upgrade.request().path(), upgrade.request().query()), ("/room", Some("id=1")));
    let answer = Accept::new().subprotocol("v1").header("X-Greeting", "hello").expect("a good header");
    let (response, _accepted) = upgrade.accept(&answer).expect("a good answer");
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let fields = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("sec-websocket-protocol", "v1"),
        ("x-greeting", "hello"),
    ];
    for (name, value) in fields {
        assert_eq!(response.headers()[name], value);
    }
    assert_eq!(response.headers().len(), fields.len());
}

#[tokio::test]
async fn a_request_that_is_no_good_is_answered_with_what_refuses_it() {
    let refused = |request: Builder| judged(request).expect_err("refused");
    let old = refused(Request::get("/").header("Host", "x").header("Upgrade", "websocket"));
    assert_eq!(old.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(old.headers()["sec-websocket-version"], "13");
    assert!(old.body().ends_with(b"\n"));
    assert_eq!(refused(request().method(Method::POST)).status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused(request().version(Version::HTTP_10)).status(), StatusCode::BAD_REQUEST);
    let long = "x".repeat(100_000);
    assert_eq!(refused(request().header("X", long)).status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let same = Arc::new(ServerConfig::new(OriginPolicy::SameOrigin));
    let foreign = request().header("Origin", "https://elsewhere.example").body(()).expect("a request");
    let refused = Upgrade::new(&foreign, same).expect_err("another origin");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_application_can_refuse() {
    let answer = Reject::new(401).and_then(|answer| answer.header("WWW-Authenticate", "Basic"));
    let answer = answer.expect("a good answer").body("who?\n");
    let response = judged(request()).expect("a good request").reject(&answer);
    assert_eq!((response.status(), &**response.body()), (StatusCode::UNAUTHORIZED, &b"who?\n"[..]));
    assert_eq!(response.headers()["www-authenticate"], "Basic");
    assert!(judged(request()).expect("good").accept(&Accept::new().subprotocol("x")).is_err());
}

#[tokio::test]
async fn what_was_read_behind_the_request_comes_first() {
    let (_, accepted) = judged(request()).expect("good").accept(&Accept::new()).expect("good");
    let (near, far) = duplex(1 << 10);
    let mut raw = Raw::over(far, true);
    let mut leftover = raw.encode(TEXT, b"early");
    let rest = raw.encode(TEXT, b"late");
    leftover.extend_from_slice(&rest[..3]);
    let (mut socket, driver) = accepted.over(near, &mut leftover);
    tokio::spawn(driver);
    raw.stream.write_all(&rest[3..]).await.expect("taken");
    for expected in ["early", "late"] {
        assert_eq!(soon(socket.recv()).await.expect("a message").as_text(), Some(expected));
    }
    raw.send(CLOSE, NORMAL).await;
    assert!(soon(socket.recv()).await.expect_err("the end").clean);
    assert_eq!(soon(raw.frame()).await, Some((CLOSE, NORMAL.to_vec())), "and no response before it");
}

#[tokio::test]
async fn a_connect_of_http_2_is_answered_with_200_and_no_fields_of_http_1() {
    let tunnel = || {
        Request::builder()
            .method(Method::CONNECT)
            .version(Version::HTTP_2)
            .uri("https://server.example/room?id=1")
            .header("Sec-WebSocket-Version", "13")
    };
    let good = tunnel().header("Sec-WebSocket-Protocol", "v1").header("Origin", "https://server.example");
    let good = good.body(()).expect("a request");
    let same = Arc::new(ServerConfig::new(OriginPolicy::SameOrigin));
    let upgrade = Upgrade::new(&good, same).expect("a good request");
    assert_eq!(upgrade.request().target, "/room?id=1");
    let (response, _accepted) = upgrade.accept(&Accept::new().subprotocol("v1")).expect("a good answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers().len(), 1);
    assert_eq!(response.headers()["sec-websocket-protocol"], "v1");
    let old = tunnel().header("Sec-WebSocket-Version", "8");
    assert_eq!(judged(old).expect_err("two versions").status(), StatusCode::UPGRADE_REQUIRED);
    assert!(judged(tunnel().version(Version::HTTP_11)).is_err());
}

/// RFC 9113 §8.2.3.
#[tokio::test]
async fn cookies_that_http_2_has_split_are_one_field() {
    let tunnel = Request::builder()
        .method(Method::CONNECT)
        .version(Version::HTTP_2)
        .uri("https://server.example/")
        .header("Sec-WebSocket-Version", "13");
    let crumbs = tunnel.header("Cookie", "a=1").header("X", "y").header("Cookie", "session=2");
    let upgrade = judged(crumbs).expect("a good request");
    let cookies: Vec<_> = upgrade.request().headers.all("cookie").collect();
    assert_eq!(cookies, [b"a=1; session=2"]);
}
