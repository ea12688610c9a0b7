//! `adieu connect`, against a server in this process.

mod programs;

use std::sync::Arc;

use adieu_core::handshake::accept_key;
use adieu_tokio::{
    Accept, Initiator, Message, OriginPolicy, Reject, ServerConfig, WebSocket, accept, incoming,
};
use programs::{Program, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn config() -> Arc<ServerConfig> {
    Arc::new(ServerConfig::new(OriginPolicy::Any))
}

/// Starts `adieu connect`; the TCP connection that it makes.
async fn start(path: &str, options: &[&str]) -> (Program, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}{path}", listener.local_addr().expect("an address"));
    let arguments = [&["connect", &url], options].concat();
    let program = Program::adieu(&arguments);
    let (stream, _) = within(listener.accept()).await.expect("it connects");
    (program, stream)
}

/// The same with an open connection.
async fn connected() -> (Program, WebSocket<TcpStream>) {
    let (program, stream) = start("/", &[]).await;
    (program, within(accept(stream, config())).await.expect("it opens"))
}

#[tokio::test]
async fn each_line_is_a_message_and_the_end_of_stdin_closes() {
    let (mut program, mut ws) = connected().await;
    for (line, message) in [("hello", "hello"), ("", ""), ("//ping", "/ping"), (" héllo ", " héllo ")] {
        program.say(line).await;
        assert_eq!(within(ws.recv()).await, Ok(Message::from(message)));
    }
    program.hang_up();
    let verdict = within(ws.recv()).await.expect_err("it closes");
    assert!(verdict.clean && verdict.initiator == Some(Initiator::Peer), "{verdict}");
    assert_eq!(verdict.shown_code(), 1000);
    let finished = program.finish().await;
    assert_eq!((finished.code, finished.out.len(), finished.err.len()), (Some(0), 0, 1), "{finished:?}");
    assert!(
        finished.err[0].starts_with("clean: closing handshake complete; we closed first"),
        "{finished:?}"
    );
}

#[tokio::test]
async fn what_arrives_is_printed_escaped_one_message_a_line() {
    let (mut program, ws) = connected().await;
    let messages = [
        Message::from("two\nlines, \x1b[31mred\x1b[m and \u{202E}reversed"),
        Message::from("kept: \"\\ é 漢字"),
        Message::from(""),
        Message::from(vec![0xAB; 33]),
    ];
    for message in messages {
        within(ws.send(message)).await.expect("it is open");
    }
    let long = format!("< 33 bytes:{} …", " ab".repeat(32));
    for line in
        [r"< two\nlines, \u{1b}[31mred\u{1b}[m and \u{202e}reversed", "< kept: \"\\ é 漢字", "< ", &long]
    {
        assert_eq!(program.line().await, line);
    }
}

#[tokio::test]
async fn ping_tells_the_round_trip_time() {
    let (mut program, _ws) = connected().await;
    program.say("/ping").await;
    let line = program.complaint().await;
    assert!(line.starts_with("pong after ") && line.ends_with('s'), "{line}");
}

#[tokio::test]
async fn a_ping_just_before_the_end_is_told_too() {
    let (mut program, mut ws) = connected().await;
    program.say("/ping").await;
    program.hang_up();
    within(ws.recv()).await.expect_err("it closes");
    let finished = program.finish().await;
    assert_eq!((finished.code, finished.out.len(), finished.err.len()), (Some(0), 0, 2), "{finished:?}");
    assert!(finished.err[0].starts_with("pong after "), "{finished:?}");
}

#[tokio::test]
async fn close_takes_a_code_and_a_reason() {
    for (command, code, reason) in [
        ("/close 4001 all said  and done", 4001, "all said  and done"),
        ("/close 3000", 3000, ""),
        ("/close", 1005, ""),
        ("/quit", 1000, ""),
    ] {
        let (mut program, mut ws) = connected().await;
        program.say(command).await;
        let verdict = within(ws.recv()).await.expect_err("it closes");
        let close = verdict.received.expect("a Close");
        assert_eq!((close.shown_code(), close.reason()), (code, reason), "{command}");
        assert_eq!(program.finish().await.code, Some(0));
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_survived() {
    let (mut program, mut ws) = connected().await;
    for (command, complaint) in [
        ("/close 1006", "adieu: code 1006 may not travel in a Close frame"),
        ("/close soon", "adieu: \"soon\" is not a close code"),
        ("/quit now", "adieu: /quit takes nothing behind it"),
        (
            "/help",
            "adieu: no command \"/help\": there are /ping, /close and /quit, and //text sends \"/text\"",
        ),
    ] {
        program.say(command).await;
        assert_eq!(program.complaint().await, complaint);
    }
    program.say("still here").await;
    assert_eq!(within(ws.recv()).await, Ok(Message::from("still here")));
}

#[tokio::test]
async fn it_ends_when_the_server_closes_and_stdin_goes_on() {
    let (program, ws) = connected().await;
    within(ws.send("last words")).await.expect("it is open");
    let verdict = within(ws.close(4002, "\x1b[2Jwiped")).await.expect("it is open");
    assert!(verdict.clean, "{verdict}");
    let finished = program.finish().await;
    assert_eq!((finished.code, finished.out), (Some(0), vec!["< last words".to_owned()]));
    let line = &finished.err[0];
    assert!(line.starts_with("clean: closing handshake complete; the peer closed first"), "{line}");
    assert!(line.contains(r#"4002 "\u{1b}[2Jwiped""#), "{line}");
}

/// The same with an open connection whose server is the test itself.
async fn connected_by_hand() -> (Program, TcpStream) {
    let (program, stream) = start("/", &[]).await;
    let incoming = within(incoming(stream, config())).await.expect("a request");
    let key = incoming.request().headers.only("sec-websocket-key").expect("a key");
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let answer = format!("{head}Sec-WebSocket-Accept: {}\r\n\r\n", accept_key(key));
    let mut stream = incoming.into_stream().expect("it is open");
    within(stream.write_all(answer.as_bytes())).await.expect("it reads");
    (program, stream)
}

#[tokio::test]
async fn what_is_typed_after_the_close_is_refused() {
    let (mut program, _never_answers) = connected_by_hand().await;
    program.say("/close 1000").await;
    program.say("too late").await;
    assert_eq!(program.complaint().await, "adieu: not sent: this endpoint has closed");
}

#[tokio::test]
async fn it_stays_until_tcp_has_ended() {
    let (mut program, mut stream) = connected_by_hand().await;
    program.say("/quit").await;
    let mut masked_close = [0; 8];
    within(stream.read_exact(&mut masked_close)).await.expect("a Close");
    within(stream.write_all(&[0x88, 2, 3, 232])).await.expect("it reads");
    let verdict = program.complaint().await;
    assert!(verdict.starts_with("clean: "), "{verdict}");
    within(stream.shutdown()).await.expect("it is still there");
    assert_eq!(within(stream.read(&mut [0])).await.expect("an end, and no reset"), 0);
    assert_eq!(program.finish().await.code, Some(0));
}

#[tokio::test]
async fn an_end_without_a_close_is_exit_status_1() {
    let (program, ws) = connected().await;
    ws.abort();
    let finished = program.finish().await;
    assert_eq!((finished.code, finished.err.len()), (Some(1), 1), "{finished:?}");
    assert!(finished.err[0].starts_with("not clean: connection reset"), "{finished:?}");
}

#[tokio::test]
async fn subprotocols_headers_and_origin_are_asked_for() {
    let options = [
        "--subprotocol", "b", "--subprotocol", "a", "--header", "X-Who: me", "--origin", "https://a.example",
    ];
    let (_program, stream) = start("/room?x=1", &options).await;
    let incoming = within(incoming(stream, config())).await.expect("a request");
    let request = incoming.request();
    assert_eq!(request.target, "/room?x=1");
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(request.headers.get("x-who"), Some(b"me".as_slice()));
    assert_eq!(request.headers.get("origin"), Some(b"https://a.example".as_slice()));
    within(incoming.accept(Accept::new().subprotocol("a"))).await.expect("it opens");
}

#[tokio::test]
async fn a_refusal_is_one_line_with_its_status() {
    let (program, stream) = start("/", &[]).await;
    let incoming = within(incoming(stream, config())).await.expect("a request");
    within(incoming.reject(Reject::new(403).expect("a status"))).await;
    let finished = program.finish().await;
    assert_eq!((finished.code, finished.err.len()), (Some(1), 1), "{finished:?}");
    let line = &finished.err[0];
    assert!(line.starts_with("adieu: ") && line.contains("403"), "{line}");
}

#[tokio::test]
async fn a_refusal_in_plain_text_is_explained_by_its_first_line() {
    let html = "text/html; charset=utf-8";
    for (kind, body, told) in [
        ("text/plain", "\nclosed\u{202e}\nuntil monday", "HTTP 403: closed\\u{202e}"),
        ("Text/Plain; charset=utf-8", "no", "HTTP 403: no"),
        ("text/plain", "", "HTTP 403"),
        ("text/plainer", "no", "HTTP 403"),
        (html, "<!doctype html>", "HTTP 403"),
    ] {
        let (program, stream) = start("/", &[]).await;
        let incoming = within(incoming(stream, config())).await.expect("a request");
        let answer = Reject::new(403).and_then(|answer| answer.body(body).header("Content-Type", kind));
        within(incoming.reject(answer.expect("it can travel"))).await;
        let finished = program.finish().await;
        let [line] = &*finished.err else { panic!("{finished:?}") };
        assert!(finished.code == Some(1) && line.ends_with(told), "{line}");
    }
}

#[tokio::test]
async fn nobody_listening_is_one_line_and_a_bad_url_is_usage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    for (arguments, code) in [
        (vec!["connect", &url], 1),
        (vec!["connect", "http://127.0.0.1/"], 2),
        (vec!["connect", "ws://127.0.0.1/", "--header", "Host: x"], 2),
        (vec!["connect", "ws://127.0.0.1/", "--subprotocol", "a b"], 2),
    ] {
        let finished = Program::adieu(&arguments).finish().await;
        assert_eq!((finished.code, finished.err.len()), (Some(code), 1), "{finished:?}");
        assert!(finished.err[0].starts_with("adieu: ") && finished.out.is_empty(), "{finished:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_ctrl_c_ends_at_once_even_if_nobody_reads_what_is_printed() {
    let (mut program, mut ws) = connected().await;
    within(ws.send("x".repeat(1 << 20))).await.expect("it is open");
    program.say("ready").await;
    within(ws.recv()).await.expect("it is open");
    program.signal("INT").await;
    // Its Close proves that the first one has been seen.
    within(ws.recv()).await.expect_err("it closes");
    program.signal("INT").await;
    assert_eq!(program.finish_unread().await, Some(1));
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_closes_like_quit() {
    let (mut program, mut ws) = connected().await;
    // Once a line has come, the program is past its start.
    program.say("ready").await;
    within(ws.recv()).await.expect("it is open");
    program.signal("INT").await;
    let verdict = within(ws.recv()).await.expect_err("it closes");
    assert_eq!((verdict.clean, verdict.shown_code()), (true, 1000), "{verdict}");
    assert_eq!(program.finish().await.code, Some(0));
}
