//! The program `adieu`, as people run it.

mod programs;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use adieu_tokio::{
    Cause, Closed, Config, Connect, ConnectError, Initiator, Message, NetStream, Timeout, WebSocket,
};
use programs::{Program, http, shake_hands, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Which driver serves: `cli_mio.rs` runs these tests too.
fn driver() -> &'static [&'static str] {
    if module_path!().starts_with("cli_mio") { &["--mio"] } else { &[] }
}

/// Starts `adieu serve`; the address that it serves.
async fn serve(options: &[&str]) -> (Program, String) {
    let arguments = [&["serve", "127.0.0.1:0"], driver(), options].concat();
    let mut program = Program::adieu(&arguments);
    let line = program.line().await;
    let address = line.strip_prefix("serving http://").and_then(|rest| rest.strip_suffix('/'));
    let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
    (program, address)
}

/// A client that takes large messages and does not wait long for an answer to its Close.
fn client(address: &str, target: &str) -> Connect {
    let mut config = Config::default();
    config.max_message_len = 64 << 20;
    config.max_frame_len = 64 << 20;
    config.close_timeout = Duration::from_millis(100);
    Connect::new(&format!("ws://{address}{target}")).expect("a URL").config(Arc::new(config))
}

async fn open(address: &str, target: &str) -> WebSocket<NetStream> {
    within(client(address, target).open()).await.expect("it opens")
}

/// The status and the body with which a request is refused.
async fn refusal(connect: Connect) -> (u16, String) {
    let error = within(connect.open()).await.expect_err("it is refused");
    let ConnectError::Handshake(verdict) = error else { panic!("{error}") };
    let Cause::Refused(Some(response)) = verdict.cause else { panic!("{verdict}") };
    (response.status, String::from_utf8_lossy(&response.body).into_owned())
}

/// Receives until the end.
async fn verdict(ws: &mut WebSocket<NetStream>) -> Box<Closed> {
    loop {
        if let Err(verdict) = within(ws.recv()).await {
            return verdict;
        }
    }
}

#[tokio::test]
async fn the_page_is_one_file_that_needs_no_other() {
    let (_program, address) = serve(&[]).await;
    let page = http(&address, "GET", "/").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"), "{page}");
    for id in ["state", "connect", "endpoint", "message", "send", "code", "reason", "close", "log", "verdict"]
    {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    for id in ["counter-value", "counter-users", "plus", "minus"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    for from_elsewhere in ["src=", "@import", "url(", "href=\"http", "href=\"/"] {
        assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
    }
    let head = http(&address, "HEAD", "/").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

// R4.2.2-06
#[tokio::test]
async fn what_is_not_there_is_refused_with_one_line() {
    let (_program, address) = serve(&[]).await;
    let (status, line) = refusal(client(&address, "/nothing")).await;
    assert_eq!((status, line.lines().count()), (404, 1), "{line}");
    let (status, _) = refusal(client(&address, "/")).await;
    assert_eq!(status, 404);
    let answer = http(&address, "GET", "/favicon.ico").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let answer = http(&address, "GET", "/echo").await;
    assert!(answer.starts_with("HTTP/1.1 426 ") && answer.contains("/echo is for WebSocket"), "{answer}");
}

#[tokio::test]
async fn echo_returns_what_it_gets() {
    let (_program, address) = serve(&[]).await;
    let mut ws = open(&address, "/echo").await;
    for message in [Message::from("héllo"), Message::from(vec![0, 255]), Message::from("")] {
        within(ws.send(message.borrowed())).await.expect("it is open");
        assert_eq!(within(ws.recv()).await.expect("an echo"), message);
    }
    let verdict = within(ws.close(3000, "done")).await.expect("it is open");
    assert_eq!((verdict.clean, verdict.shown_code()), (true, 3000), "{verdict}");
}

#[tokio::test]
async fn echo_takes_large_messages_in_many_fragments() {
    let (_program, address) = serve(&[]).await;
    let mut ws = open(&address, "/echo").await;
    let (fragments, fragment) = (1 << 16, [b'x'; 256]);
    for number in 1..=fragments {
        within(ws.send_fragment(fragment.as_slice(), number == fragments)).await.expect("it is open");
    }
    let echo = within(ws.recv()).await.expect("an echo");
    assert_eq!(echo, Message::from(fragment.repeat(fragments)));
}

#[tokio::test]
async fn close_is_the_server_closing_first() {
    let (_program, address) = serve(&[]).await;
    for (target, code, reason) in [
        ("/close", 1000, ""),
        ("/close?code=4321&reason=so%20long%2C+friend", 4321, "so long, friend"),
        ("/close?code=none", 1005, ""),
    ] {
        let verdict = verdict(&mut open(&address, target).await).await;
        assert!(verdict.clean && verdict.initiator == Some(Initiator::Peer), "{verdict}");
        let close = verdict.received.expect("a Close");
        assert_eq!((close.shown_code(), close.reason()), (code, reason));
    }
}

#[tokio::test]
async fn a_close_that_may_not_travel_is_refused_with_400_and_one_line() {
    let (_program, address) = serve(&[]).await;
    for (target, line) in [
        ("/close?code=1006", "code 1006 may not travel in a Close frame\n"),
        ("/close?code=banana", "code is not a number\n"),
        ("/burst?count=2000000&size=1024", "count times size is at most 1 GiB\n"),
    ] {
        assert_eq!(refusal(client(&address, target)).await, (400, line.to_owned()));
    }
}

#[tokio::test]
async fn abort_is_a_reset() {
    let (_program, address) = serve(&[]).await;
    let verdict = verdict(&mut open(&address, "/abort").await).await;
    assert_eq!((verdict.cause.clone(), verdict.received.clone()), (Cause::Reset, None), "{verdict}");

    let (mut stream, _) = shake_hands(&address, "/abort").await;
    let mut head = [0; 2];
    within(stream.read_exact(&mut head)).await.expect("a Ping");
    assert_eq!(head[0], 0x89);
    let mut payload = vec![0; usize::from(head[1])];
    within(stream.read_exact(&mut payload)).await.expect("its payload");
    let pong = [&[0x8A, 0x80 | head[1], 0, 0, 0, 0], payload.as_slice()].concat();
    within(stream.write_all(&pong)).await.expect("it is open");
    let error = within(stream.read_u8()).await.expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn drop_is_an_end_of_stream_without_a_close() {
    let (_program, address) = serve(&[]).await;
    let verdict = verdict(&mut open(&address, "/drop").await).await;
    assert_eq!(verdict.cause, Cause::EndOfStream { inside_frame: false }, "{verdict}");
    assert_eq!(verdict.received, None);

    let (mut stream, _) = shake_hands(&address, "/drop").await;
    within(stream.write_all(b"whatever")).await.expect("it still reads");
    let mut received = Vec::new();
    within(stream.read_to_end(&mut received)).await.expect("an end in order, and no reset");
    assert_eq!(received, []);
}

#[tokio::test]
async fn silent_never_answers_a_close() {
    let (_program, address) = serve(&[]).await;
    let ws = open(&address, "/silent").await;
    let verdict = within(ws.close(1000, "")).await.expect("it is open");
    assert_eq!(verdict.cause, Cause::Timeout(Timeout::Close), "{verdict}");

    let (mut stream, _) = shake_hands(&address, "/silent").await;
    let ping_and_close = [0x89, 0x80, 0, 0, 0, 0, 0x88, 0x80, 0, 0, 0, 0];
    within(stream.write_all(&ping_and_close)).await.expect("it is open");
    within(stream.shutdown()).await.expect("it is open");
    let mut received = Vec::new();
    within(stream.read_to_end(&mut received)).await.expect("an end");
    assert_eq!(received, []);
}

#[tokio::test]
async fn burst_sends_what_was_asked_for_and_closes() {
    let (_program, address) = serve(&[]).await;
    for (count, size) in [(1000, 100), (3, 3 << 20), (10_000, 0), (0, 7)] {
        let mut ws = open(&address, &format!("/burst?count={count}&size={size}")).await;
        for _ in 0..count {
            assert_eq!(within(ws.recv()).await.expect("a message").len(), size);
        }
        let verdict = within(ws.recv()).await.expect_err("that was all");
        assert_eq!((verdict.clean, verdict.shown_code()), (true, 1000), "{verdict}");
    }
}

#[tokio::test]
async fn the_counter_is_shared_and_left_however_it_ends() {
    let (_program, address) = serve(&[]).await;
    let mut one = open(&address, "/counter").await;
    let mut two = open(&address, "/counter").await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(within(one.recv()).await.expect("a notice"));
    }
    let expected =
        [r#"{"type":"value","value":0}"#, r#"{"type":"users","count":1}"#, r#"{"type":"users","count":2}"#];
    assert_eq!(heard, expected.map(Message::from));
    two.abort();
    assert_eq!(verdict(&mut two).await.cause, Cause::Aborted);
    assert_eq!(within(one.recv()).await, Ok(Message::from(expected[1])));
    for (action, answer) in [
        (r#"{"action":"plus"}"#, r#"{"type":"value","value":1}"#),
        (r#"{"action":"minus"}"#, r#"{"type":"value","value":0}"#),
    ] {
        within(one.send(action)).await.expect("it is open");
        assert_eq!(within(one.recv()).await, Ok(Message::from(answer)));
    }
    within(one.send("what?")).await.expect("it is open");
    let report = within(one.recv()).await.expect("a report");
    assert!(report.as_text().expect("text").starts_with(r#"{"type":"error","message":""#), "{report:?}");
}

#[tokio::test]
async fn the_counter_skips_other_fields_and_refuses_long_requests() {
    let (_program, address) = serve(&[]).await;
    let mut ws = open(&address, "/counter").await;
    for _ in 0..2 {
        within(ws.recv()).await.expect("a notice");
    }
    let plus = r#"{"why": [{"action": "minus"}], "action": "plus"}"#;
    for (len, answer) in [
        (1024, r#"{"type":"value","value":1}"#),
        (1025, r#"{"type":"error","message":"a request has at most 1024 bytes"}"#),
        (32 << 20, r#"{"type":"error","message":"a request has at most 1024 bytes"}"#),
    ] {
        within(ws.send(plus.to_owned() + &" ".repeat(len - plus.len()))).await.expect("it is open");
        assert_eq!(within(ws.recv()).await, Ok(Message::from(answer)));
    }
}

#[tokio::test]
async fn origins_are_restricted_on_request() {
    let page = |address: &str, origin: &str| client(address, "/echo").origin(origin).expect("an origin");
    let (_program, address) = serve(&[]).await;
    within(page(&address, "https://any.example").open()).await.expect("any page may");

    let (_program, address) =
        serve(&["--origin", "https://a.example", "--origin", "https://b.example"]).await;
    within(page(&address, "https://b.example").open()).await.expect("it is listed");
    assert_eq!(refusal(page(&address, "https://c.example")).await.0, 403);
    open(&address, "/echo").await;

    let (_program, address) = serve(&["--origin", "same"]).await;
    within(page(&address, &format!("http://{address}")).open()).await.expect("it is the same");
    assert_eq!(refusal(page(&address, "https://a.example")).await.0, 403);
}

#[cfg(unix)]
#[tokio::test]
async fn stopping_says_goodbye_to_everybody() {
    for name in ["INT", "TERM"] {
        let (program, address) = serve(&[]).await;
        let mut ws = open(&address, "/echo").await;
        let (mut silent, _) = shake_hands(&address, "/silent").await;
        program.signal(name).await;
        let verdict = verdict(&mut ws).await;
        assert_eq!((verdict.clean, verdict.shown_code()), (true, 1001), "{verdict}");
        assert_eq!(within(silent.read(&mut [0])).await.expect("an end"), 0);
        assert_eq!(program.finish().await.code, Some(0));
    }
}

#[tokio::test]
async fn the_log_tells_who_asked_for_what_and_how_it_ended() {
    let (mut program, address) = serve(&["--log"]).await;
    let ws = open(&address, "/echo?\u{7e}").await;
    let own = ws.peer_addr().expect("it is open");
    within(ws.close(4000, "bye")).await.expect("it is open");
    let line = program.complaint().await;
    assert!(own.to_string() == address && line.starts_with("127.0.0.1:"), "{line}");
    let expected = " /echo?~: clean: closing handshake complete; the peer closed first; ";
    assert!(line.contains(expected) && line.contains("4000 \"bye\""), "{line}");

    http(&address, "GET", "/").await;
    let line = program.complaint().await;
    assert!(line.ends_with(" /: served"), "{line}");
    let long = format!("/{}", "x".repeat(200));
    http(&address, "GET", &long).await;
    let line = program.complaint().await;
    assert!(line.ends_with(&format!(" {}…: not clean: the request was refused", &long[..200])), "{line}");
}

// R7.1.7-03
#[cfg(unix)]
#[tokio::test]
async fn who_never_answers_a_close_gets_its_verdict_logged() {
    let (mut program, address) = serve(&["--log"]).await;
    let (_never_answers, _) = shake_hands(&address, "/echo").await;
    program.signal("TERM").await;
    let line = program.complaint().await;
    assert!(line.contains(" /echo: not clean: close timeout; we closed first; sent 1001"), "{line}");
    assert_eq!(program.finish().await.code, Some(0));
}

#[cfg(unix)]
#[tokio::test]
async fn the_last_lines_are_logged_when_it_stops() {
    let (program, address) = serve(&["--log"]).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(open(&address, "/echo").await);
    }
    program.signal("TERM").await;
    for ws in &mut clients {
        assert!(verdict(ws).await.clean);
    }
    let finished = program.finish().await;
    assert_eq!((finished.code, finished.err.len()), (Some(0), clients.len()), "{finished:?}");
}

/// More than a pipe holds.
#[cfg(unix)]
#[tokio::test]
async fn a_log_that_nobody_reads_keeps_nobody_waiting() {
    let (program, address) = serve(&["--log"]).await;
    let long = format!("/{}", "x".repeat(200));
    for _ in 0..500 {
        let answer = http(&address, "GET", &long).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    let mut ws = open(&address, "/echo").await;
    program.signal("TERM").await;
    assert!(verdict(&mut ws).await.clean);
    assert_eq!(program.finish_unread().await, Some(0));
}

#[tokio::test]
async fn mistakes_get_one_clear_line_or_the_usage() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let finished = Program::adieu(&[&["serve", &address], driver()].concat()).finish().await;
    assert_eq!((finished.code, finished.err.len()), (Some(1), 1), "{finished:?}");
    assert!(finished.err[0].starts_with(&format!("adieu: cannot listen on {address}: ")), "{finished:?}");

    for arguments in [
        &["serve", "--origin", "a.example"][..],
        &["serve", "--origin", "same", "--origin", "https://a.example"],
        &["connect"],
        &["connect", "ws://127.0.0.1:1/", "--header", "no colon"],
        &["dance"],
    ] {
        let finished = Program::adieu(arguments).finish().await;
        assert_eq!(finished.code, Some(2), "{arguments:?}");
        assert!(finished.out.is_empty() && !finished.err.is_empty(), "{finished:?}");
    }
}

#[tokio::test]
async fn help_tells_what_there_is() {
    let help = Program::adieu(&["serve", "--help"]).finish().await;
    let text = help.out.join("\n");
    for part in
        ["/echo", "/counter", "/close?code=&reason=", "/abort", "/drop", "/silent", "/burst?count=&size="]
    {
        assert!(text.contains(part), "{part}");
    }
    let help = Program::adieu(&["connect", "--help"]).finish().await;
    let text = help.out.join("\n");
    for part in ["/ping", "/close [CODE [REASON]]", "/quit", "--subprotocol", "--header", "--origin"] {
        assert!(text.contains(part), "{part}");
    }
}
