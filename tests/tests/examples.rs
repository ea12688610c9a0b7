//! The examples of both drivers, as their readers run them.

mod programs;

use adieu_tokio::{Cause, Initiator, Message, NetStream, WebSocket, connect};
use programs::{Program, shake_hands, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Starts an example; where it listens.
async fn start(name: &str, arguments: &[&str]) -> (Program, String) {
    let mut program = Program::example(name, arguments);
    let line = program.line().await;
    let url = line.strip_prefix("listening on ").expect("it tells where it listens");
    assert!(url.starts_with("ws://127.0.0.1:") && url.ends_with('/'), "{url}");
    let url = url.to_owned();
    (program, url)
}

async fn open(url: &str) -> WebSocket<NetStream> {
    within(connect(url)).await.expect("it opens")
}

/// Sends a text.
async fn say(ws: &WebSocket<NetStream>, text: &str) {
    within(ws.send(text)).await.expect("it is open");
}

/// The next message, which is text.
async fn hear(ws: &mut WebSocket<NetStream>) -> String {
    let message = within(ws.recv()).await.expect("a message comes");
    message.as_text().expect("text").to_owned()
}

async fn close(ws: &WebSocket<NetStream>) {
    let verdict = within(ws.close(1000, "")).await.expect("it is open");
    assert!(verdict.clean, "{verdict}");
}

#[tokio::test]
async fn echoes_return_what_they_get() {
    for name in ["echo", "mio_echo", "own_loop", "blocking"] {
        let (_program, url) = start(name, &["127.0.0.1:0"]).await;
        let mut ws = open(&url).await;
        let large = Message::from(vec![7; 300_000]);
        for message in [Message::from("héllo"), Message::from(vec![0, 255]), Message::from(""), large] {
            within(ws.send(message.borrowed())).await.expect("it is open");
            assert_eq!(within(ws.recv()).await.expect("an echo"), message, "{name}");
        }
        close(&ws).await;
    }
}

#[tokio::test]
async fn the_blocking_echo_keeps_what_comes_while_its_queue_is_full() {
    let (_program, url) = start("blocking", &["127.0.0.1:0"]).await;
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let (mut stream, _) = shake_hands(address, "/").await;
    // A message of 1 MiB, which fills the queue on its way back, and two behind it in the same read, masked with zeros.
    let mut frames = [&[0x82, 0xFF][..], &(1_u64 << 20).to_be_bytes(), &[0; 4], &vec![7; 1 << 20]].concat();
    frames.extend([[0x81, 0x81, 0, 0, 0, 0, b'1'], [0x81, 0x81, 0, 0, 0, 0, b'2']].concat());
    let (mut reading, mut writing) = stream.split();
    let mut echo = vec![0; 10 + (1 << 20) + 6];
    let both = async { tokio::try_join!(writing.write_all(&frames), reading.read_exact(&mut echo)) };
    within(both).await.expect("it reads and writes");
    assert_eq!(echo[10 + (1 << 20)..], [0x81, 1, b'1', 0x81, 1, b'2']);
}

#[tokio::test]
async fn drivers_of_ones_own_tell_how_each_connection_ended() {
    for name in ["own_loop", "blocking"] {
        let (mut program, url) = start(name, &["127.0.0.1:0"]).await;
        close(&open(&url).await).await;
        assert!(program.line().await.starts_with("clean: closing handshake complete"), "{name}");
        open(&url).await.abort();
        assert_eq!(program.line().await, "not clean: connection reset", "{name}");
        let address = url.trim_start_matches("ws://").trim_end_matches('/');
        drop(shake_hands(address, "/").await);
        assert_eq!(program.line().await, "not clean: end of stream", "{name}");
    }
}

#[tokio::test]
async fn counter_tells_everybody_every_change() {
    let (_program, url) = start("counter", &[]).await;
    let mut one = open(&url).await;
    assert_eq!(hear(&mut one).await, r#"{"type":"value","value":0}"#);
    assert_eq!(hear(&mut one).await, r#"{"type":"users","count":1}"#);
    say(&one, r#"{"action": "minus"}"#).await;
    assert_eq!(hear(&mut one).await, r#"{"type":"value","value":-1}"#);

    let mut two = open(&url).await;
    assert_eq!(hear(&mut two).await, r#"{"type":"value","value":-1}"#);
    assert_eq!(hear(&mut two).await, r#"{"type":"users","count":2}"#);
    assert_eq!(hear(&mut one).await, r#"{"type":"users","count":2}"#);
    say(&two, r#"{"action": "plus"}"#).await;
    assert_eq!(hear(&mut one).await, r#"{"type":"value","value":0}"#);
    assert_eq!(hear(&mut two).await, r#"{"type":"value","value":0}"#);
}

#[tokio::test]
async fn counter_reports_an_unknown_action_and_goes_on() {
    let (_program, url) = start("counter", &[]).await;
    let mut ws = open(&url).await;
    hear(&mut ws).await;
    hear(&mut ws).await;
    for nonsense in [r#"{"action": "times"}"#, "[1,", ""] {
        say(&ws, nonsense).await;
        let report = hear(&mut ws).await;
        assert!(report.starts_with(r#"{"type":"error","message":""#), "{report}");
    }
    say(&ws, r#"{"action": "plus"}"#).await;
    assert_eq!(hear(&mut ws).await, r#"{"type":"value","value":1}"#);
}

#[tokio::test]
async fn counter_skips_other_fields_and_refuses_long_requests() {
    let (_program, url) = start("counter", &[]).await;
    let mut ws = open(&url).await;
    hear(&mut ws).await;
    hear(&mut ws).await;
    let plus = r#"{"why": [{"action": "minus"}], "action": "plus"}"#;
    say(&ws, &format!("{plus:1024}")).await;
    assert_eq!(hear(&mut ws).await, r#"{"type":"value","value":1}"#);
    say(&ws, &format!("{plus:1025}")).await;
    assert_eq!(hear(&mut ws).await, r#"{"type":"error","message":"a request has at most 1024 bytes"}"#);
}

#[tokio::test]
async fn counter_users_leave_once_however_they_end() {
    let (_program, url) = start("counter", &[]).await;
    let mut stays = open(&url).await;
    hear(&mut stays).await;
    let users = |count| format!(r#"{{"type":"users","count":{count}}}"#);
    assert_eq!(hear(&mut stays).await, users(1));

    let closes = open(&url).await;
    assert_eq!(hear(&mut stays).await, users(2));
    close(&closes).await;
    assert_eq!(hear(&mut stays).await, users(1));

    let resets = open(&url).await;
    assert_eq!(hear(&mut stays).await, users(2));
    resets.abort();
    assert_eq!(hear(&mut stays).await, users(1));

    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let (ends, _) = shake_hands(address, "/").await;
    assert_eq!(hear(&mut stays).await, users(2));
    drop(ends);
    assert_eq!(hear(&mut stays).await, users(1));
}

/// Enters the chat room.
async fn enter(url: &str, name: &str) -> WebSocket<NetStream> {
    let ws = open(url).await;
    say(&ws, name).await;
    ws
}

#[tokio::test]
async fn chat_goes_to_all_and_tells_who_comes_and_goes() {
    let (_program, url) = start("chat", &[]).await;
    let mut ada = enter(&url, "Ada").await;
    assert_eq!(hear(&mut ada).await, "* Ada joined: 1 here");
    let mut bob = enter(&url, "Bob").await;
    assert_eq!(hear(&mut ada).await, "* Bob joined: 2 here");
    assert_eq!(hear(&mut bob).await, "* Bob joined: 2 here");
    say(&bob, "hello").await;
    assert_eq!(hear(&mut ada).await, "Bob: hello");
    assert_eq!(hear(&mut bob).await, "Bob: hello");
    close(&bob).await;
    assert_eq!(hear(&mut ada).await, "* Bob left: 1 here");
    let mut again = enter(&url, "Bob").await;
    assert_eq!(hear(&mut again).await, "* Bob joined: 2 here");
}

#[tokio::test]
async fn chat_turns_away_who_does_not_fit() {
    let (_program, url) = start("chat", &[]).await;
    let mut ada = enter(&url, "Ada").await;
    assert_eq!(hear(&mut ada).await, "* Ada joined: 1 here");
    for (name, reason) in [
        ("Ada", "that name is taken"),
        ("", "a name has 1 to 20 letters or digits"),
        ("\u{1b}[2J", "a name has 1 to 20 letters or digits"),
    ] {
        let verdict = within(enter(&url, name).await.closed()).await;
        let received = verdict.received.expect("it closed");
        assert_eq!((received.shown_code(), received.reason()), (1008, reason));
    }
    say(&ada, "still alone").await;
    assert_eq!(hear(&mut ada).await, "Ada: still alone");
}

#[cfg(unix)]
#[tokio::test]
async fn chat_says_goodbye_when_it_stops() {
    let (program, url) = start("chat", &[]).await;
    let mut ada = enter(&url, "Ada").await;
    hear(&mut ada).await;
    program.signal("INT").await;
    let verdict = within(ada.closed()).await;
    assert_eq!((verdict.clean, verdict.shown_code()), (true, 1001), "{verdict}");
    assert_eq!(program.finish().await.code, Some(0));
}

#[tokio::test]
async fn send_after_close_learns_of_the_close_from_send() {
    let (mut program, url) = start("send_after_close", &[]).await;
    let mut ws = open(&url).await;
    assert_eq!(hear(&mut ws).await, "1");
    let verdict = within(ws.close(1000, "enough")).await.expect("it is open");
    assert!(verdict.clean && verdict.initiator == Some(Initiator::Local), "{verdict}");
    let refused = program.line().await;
    assert!(refused.starts_with("not sent: "), "{refused}");
    let verdict = program.line().await;
    assert!(verdict.starts_with("verdict: clean: ") && verdict.contains("1000 \"enough\""), "{verdict}");
}

#[tokio::test]
async fn send_after_close_tells_a_close_from_a_reset() {
    let (mut program, url) = start("send_after_close", &[]).await;
    let mut ws = open(&url).await;
    assert_eq!(hear(&mut ws).await, "1");
    ws.abort();
    let refused = program.line().await;
    assert!(refused.starts_with("not sent: "), "{refused}");
    let verdict = program.line().await;
    assert!(verdict.starts_with("verdict: not clean: connection reset"), "{verdict}");
}

#[tokio::test]
async fn keepalive_notices_who_goes_silent_and_keeps_who_is_quiet() {
    let (mut program, url) = start("keepalive", &["127.0.0.1:0", "2"]).await;
    let mut quiet = open(&url).await;
    assert_eq!(program.line().await, "a client came");
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let (mut silent, _) = shake_hands(address, "/").await;
    assert_eq!(program.line().await, "a client came");

    let noticed = program.line().await;
    assert!(noticed.starts_with("a client went: not clean: pong timeout"), "{noticed}");
    let mut received = Vec::new();
    within(silent.read_to_end(&mut received)).await.expect("an end in order");
    let [0x89, len, after @ ..] = received.as_slice() else { panic!("no Ping: {received:?}") };
    let [0x88, _, code @ ..] = &after[usize::from(*len)..] else { panic!("no Close: {received:?}") };
    assert!(code.starts_with(&1011_u16.to_be_bytes()), "{received:?}");

    say(&quiet, "still here").await;
    assert_eq!(hear(&mut quiet).await, "still here");
    let verdict = within(quiet.close(1000, "")).await.expect("it is open");
    assert_eq!((verdict.clean, verdict.cause), (true, Cause::Handshake));
}

#[tokio::test]
async fn what_anybody_says_everybody_hears_over_mio() {
    for slow in ["skip", "oldest", "close"] {
        let (_program, url) = start("mio_broadcast", &["127.0.0.1:0", slow]).await;
        let (mut one, mut two) = (open(&url).await, open(&url).await);
        say(&one, "hello").await;
        assert_eq!((hear(&mut one).await, hear(&mut two).await), ("hello".to_owned(), "hello".to_owned()));
        close(&one).await;
        say(&two, "alone").await;
        assert_eq!(hear(&mut two).await, "alone");
    }
}

#[tokio::test]
async fn hundreds_of_connections_open_talk_and_close_over_mio() {
    let (_program, url) = start("mio_echo", &["127.0.0.1:0"]).await;
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let finished = Program::example("ten_thousand", &[address, "300"]).finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.err.last().is_some_and(|line| line.ends_with("300 clean")), "{finished:?}");
}
