//! How a connection ends in CONNECTING: CLOSE.md section 3, rows N1 to N8.

use crate::common;

use adieu_core::handshake::{Accept, Reject};
use adieu_core::{AnswerError, Cause, Event, SendRefusal, State, Timeout, Transport, TransportError};
use common::{
    Expect, KEY_ACCEPT, Peer, Reply, START, World, close, config, frame_names, request, response_to, secs,
    split_head,
};

/// A server that refused: `reply` on the wire, one verdict, never opened, then the server's end of TCP.
fn check_refused(w: &mut World, status: u16, cause: Cause) {
    w.flush();
    Reply::parse(&w.wire).check_refusal(status);
    check_never_opened(w, cause);
    assert_eq!(w.transport(), Transport::ShutdownWrite);
    assert_eq!(w.due_ms(), Some(2000));
    w.eof();
    assert_eq!(w.transport(), Transport::Close);
}

/// One verdict with nothing in it but the cause, told once, and nothing opens any more.
fn check_never_opened(w: &mut World, cause: Cause) {
    assert_eq!(w.state(), State::Closed);
    assert_eq!(w.verdict(), Expect::cause(cause));
    let heard = w.heard();
    assert_eq!(heard.last().map(String::as_str), Some("closed"));
    assert!(!heard.iter().any(|event| event == "open"), "{heard:?}");
    assert_eq!(w.conn.closed().map(adieu_core::Closed::shown_code), Some(1006));
    assert_eq!(w.conn.accept(w.now, &Accept::new()), Err(AnswerError::NoRequest));
    w.refused(SendRefusal::Ended);
}

#[test]
fn n1_server_close_with_an_incomplete_head_answers_503() {
    let whole = request(&[]);
    for len in [0, 1, 20, whole.len() - 1] {
        let mut w = World::any_server(&config(|_| ()));
        w.feed(&whole[..len]);
        assert_eq!(w.state(), State::Connecting);
        w.close(1000, "not now");
        check_refused(&mut w, 503, Cause::Abandoned);
        assert_eq!(w.heard(), ["closed"]);
    }
}

#[test]
fn n1_server_deadline_with_an_incomplete_head_answers_408() {
    let whole = request(&[]);
    for len in [1, 20, whole.len() - 1] {
        let mut w = World::any_server(&config(|_| ()));
        assert_eq!(w.conn.deadline(), Some(START + secs(10)));
        w.feed(&whole[..len]);
        w.wait(secs(9));
        assert_eq!((w.state(), w.due_ms()), (State::Connecting, Some(1000)));
        w.wait(secs(1));
        check_refused(&mut w, 408, Cause::Timeout(Timeout::Handshake));
        assert_eq!(w.heard(), ["closed"]);
    }
}

#[test]
fn n1_server_deadline_with_nothing_read_is_a_handshake_timeout() {
    let mut w = World::any_server(&config(|c| c.handshake_timeout = secs(3)));
    w.wait(secs(3));
    check_refused(&mut w, 408, Cause::Timeout(Timeout::Handshake));
}

#[test]
fn n1_refusal_that_nobody_reads_is_bounded() {
    let config = config(|c| (c.write_timeout, c.closing_timeout) = (secs(100), secs(7)));
    let mut w = World::any_server(&config);
    w.feed(b"GET / HTTP/1.1\r\n");
    w.close(1000, "");
    w.wait(secs(7));
    assert_eq!(w.state(), State::Closed);
    assert_eq!(w.heard(), ["closed"]);
    assert_eq!(w.write(1), 0);
}

#[test]
fn n2_request_that_the_application_never_answers_gets_503() {
    let mut w = World::any_server(&config(|_| ()));
    w.wait(secs(4));
    w.feed(&request(&[]));
    assert_eq!((w.heard(), w.due_ms()), (vec!["request /chat".to_owned()], Some(6000)));
    w.wait(secs(6));
    check_refused(&mut w, 503, Cause::Timeout(Timeout::Handshake));
    assert_eq!(w.heard(), ["request /chat", "closed"]);
}

#[test]
fn n2_close_instead_of_an_answer_gets_503() {
    let mut w = World::any_server(&config(|_| ()));
    w.feed(&request(&[]));
    w.close(1000, "");
    check_refused(&mut w, 503, Cause::Abandoned);
}

#[test]
fn n2_application_that_drops_the_request_gets_503() {
    let mut w = World::any_server(&config(|_| ()));
    w.feed(&request(&[]));
    w.conn.handle_dropped(w.now);
    w.flush();
    Reply::parse(&w.wire).check_refusal(503);
    assert_eq!(w.verdict(), Expect::cause(Cause::Abandoned));
}

#[test]
fn n3_close_right_after_accept_goes_behind_the_101() {
    let mut w = World::any_server(&config(|_| ()));
    w.feed(&request(&[]));
    w.conn.accept(w.now, &Accept::new()).expect("a request to accept");
    assert_eq!(w.state(), State::Open);
    w.close(4000, "just looking");
    assert_eq!(w.state(), State::Closing);
    w.flush();
    let (head, behind) = split_head(&w.wire);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains(KEY_ACCEPT), "{head}");
    assert_eq!(frame_names(w.role, &behind), ["close 4000 just looking"]);
    w.feed(&w.peer.close(4000, ""));
    assert_eq!(w.verdict(), Expect::answered(close(4000, "just looking"), close(4000, "")));
    assert_eq!(w.heard(), ["request /chat", "closed"]);
    assert_eq!(w.transport(), Transport::ShutdownWrite);
}

/// A client that gave up before the 101: nothing more is sent, and nothing that comes is parsed.
fn check_client_gave_up(w: &mut World, response: &[u8], cause: Cause) {
    assert_eq!(w.transport(), Transport::Close);
    let sent = w.wire.len();
    w.flush();
    assert_eq!(w.wire.len(), sent, "nothing more is sent");
    w.feed(response);
    check_never_opened(w, cause);
    assert_eq!(w.heard(), ["closed"]);
}

/// A client whose request is flushed, and the 101 that it waits for.
fn waiting_client() -> (World, Vec<u8>) {
    let mut w = World::any_client(&config(|_| ()));
    let request = w.take_request();
    let response = response_to(&request, &[]);
    (w, response)
}

#[test]
fn n4_client_close_before_the_101_sends_nothing_more() {
    let (mut w, response) = waiting_client();
    w.close(1000, "changed my mind");
    check_client_gave_up(&mut w, &response, Cause::Abandoned);
}

#[test]
fn n4_client_close_inside_its_own_request_sends_nothing_more() {
    let mut w = World::any_client(&config(|_| ()));
    assert_eq!(w.write(10), 10);
    w.close(1000, "");
    check_client_gave_up(&mut w, b"", Cause::Abandoned);
}

#[test]
fn n4_client_drop_before_the_101_sends_nothing_more() {
    let (mut w, response) = waiting_client();
    w.conn.handle_dropped(w.now);
    check_client_gave_up(&mut w, &response, Cause::Abandoned);
}

#[test]
fn n4_client_deadline_before_the_101_sends_nothing_more() {
    let (mut w, response) = waiting_client();
    w.feed(&response[..response.len() - 1]);
    assert_eq!(w.conn.deadline(), Some(START + secs(10)));
    w.wait(secs(10));
    check_client_gave_up(&mut w, &response[response.len() - 1..], Cause::Timeout(Timeout::Handshake));
}

#[test]
fn n5_bytes_behind_the_request_are_parsed_after_accept() {
    let p = Peer::of(adieu_core::Role::Server);
    let early = [p.text("early"), p.ping("x"), p.binary(&[7])].concat();
    for cut in 0..early.len() {
        let mut w = World::any_server(&config(|_| ()));
        w.feed(&[&request(&[]), &early[..cut]].concat());
        w.ahead(&early[cut..]);
        assert_eq!(w.heard(), ["request /chat"]);
        assert_eq!(w.write(1), 0, "nothing is answered before accept");
        w.conn.accept(w.now, &Accept::new()).expect("a request to accept");
        assert_eq!(w.heard(), ["request /chat", "text early", "binary [7]"]);
        w.flush();
        assert_eq!(frame_names(w.role, &split_head(&w.wire).1), ["pong x"]);
    }
}

#[test]
fn n5_bytes_behind_a_refused_request_are_never_parsed() {
    let p = Peer::of(adieu_core::Role::Server);
    let mut w = World::any_server(&config(|_| ()));
    w.feed(&[request(&[]), p.text("early"), p.ping("x"), p.close(1000, "")].concat());
    w.conn.reject(w.now, &Reject::new(403).expect("a status")).expect("a request to refuse");
    w.feed(&[p.text("late"), request(&[])].concat());
    check_refused(&mut w, 403, Cause::Refused(None));
    assert_eq!(w.heard(), ["request /chat", "closed"]);
    assert_eq!(w.conn.peer_close(), None);
}

#[test]
fn n5_bytes_behind_the_request_are_held_up_to_a_read_or_to_what_the_inbox_takes() {
    for (inbox_len, read_len) in [(1000, 4000), (4000, 1000)] {
        let mut w = World::any_server(&config(|c| (c.inbox_len, c.read_len) = (inbox_len, read_len)));
        w.feed(&request(&[]));
        assert!(w.conn.wants_input(), "a first read behind the head makes sense");
        let frame = w.peer.binary(&[0; 600]);
        let mut reads = 0;
        while w.conn.wants_input() {
            reads += 1;
            w.feed(&frame);
        }
        assert_eq!(reads, 2, "1000 bytes are enough");
        w.conn.accept(w.now, &Accept::new()).expect("a request to accept");
        assert_eq!(w.heard().len(), 3, "what was held is delivered");
        assert!(w.conn.wants_input());
    }
}

#[test]
fn n6_101_data_and_close_in_one_segment_come_in_that_order() {
    let (mut w, response) = waiting_client();
    let p = w.peer;
    w.feed(&[response, p.text("hi"), p.binary(&[1]), p.close(1001, "bye")].concat());
    assert_eq!(w.heard(), ["open", "text hi", "binary [1]", "closing"]);
    assert_eq!(w.state(), State::Closing);
    assert_eq!(w.said(), ["close 1001 bye"]);
    assert_eq!(w.heard().last().map(String::as_str), Some("closed"));
    assert_eq!(w.verdict(), Expect::echoed(close(1001, "bye")));
}

#[test]
fn n6_101_data_and_close_looked_ahead_come_in_that_order() {
    let (mut w, response) = waiting_client();
    let p = w.peer;
    w.ahead(&[response, p.text("hi"), p.close(1001, "bye")].concat());
    assert_eq!(w.state(), State::Open);
    assert_eq!(w.poll().as_deref(), Some("open"));
    assert_eq!(w.poll().as_deref(), Some("text hi"));
    w.queue("a reply");
    assert_eq!(w.poll().as_deref(), Some("closing"));
    assert_eq!(w.said(), ["text a reply", "close 1001 bye"]);
}

#[test]
fn n6_request_data_and_close_in_one_segment_come_in_that_order() {
    let p = Peer::of(adieu_core::Role::Server);
    let mut w = World::any_server(&config(|_| ()));
    w.feed(&[request(&[]), p.text("hi"), p.close(1000, "")].concat());
    assert_eq!((w.state(), w.heard().len()), (State::Connecting, 1));
    w.conn.accept(w.now, &Accept::new()).expect("a request to accept");
    assert_eq!(w.heard(), ["request /chat", "text hi", "closing"]);
    w.flush();
    assert_eq!(frame_names(w.role, &split_head(&w.wire).1), ["close 1000"]);
    assert_eq!(w.verdict(), Expect::echoed(close(1000, "")));
}

/// Both roles in CONNECTING: nothing read yet, a part of the head read, and the server's request waiting.
fn connecting() -> Vec<World> {
    let servers = [0, 5, usize::MAX].map(|len| {
        let mut w = World::any_server(&config(|_| ()));
        let request = request(&[]);
        w.feed(&request[..len.min(request.len())]);
        w
    });
    let clients = [0, 5].map(|len| {
        let (mut w, response) = waiting_client();
        w.feed(&response[..len]);
        w
    });
    servers.into_iter().chain(clients).collect()
}

#[test]
fn n7_end_of_stream_in_connecting_is_one_verdict() {
    for mut w in connecting() {
        w.eof();
        check_never_opened(&mut w, Cause::EndOfStream { inside_frame: false });
        assert_eq!((w.write(1), w.transport()), (0, Transport::Close));
    }
}

#[test]
fn n7_reset_in_connecting_is_one_verdict() {
    for (error, cause) in
        [(TransportError::Reset, Cause::Reset), (TransportError::Truncated, Cause::Truncated)]
    {
        for mut w in connecting() {
            w.read_error(error);
            check_never_opened(&mut w, cause.clone());
            assert!(w.transport() >= Transport::Close);
        }
    }
}

#[test]
fn n7_write_error_in_connecting_is_one_verdict_within_the_bound() {
    for mut w in connecting() {
        w.write_error();
        w.wait(secs(60));
        check_never_opened(&mut w, Cause::Reset);
    }
}

#[test]
fn n7_end_behind_a_held_request_ends_the_connection_and_not_the_request() {
    let mut w = World::any_server(&config(|_| ()));
    w.ahead(&request(&[]));
    w.eof();
    assert_eq!(w.heard().last().map(String::as_str), Some("closed"));
    assert_eq!(w.conn.accept(w.now, &Accept::new()), Err(AnswerError::NoRequest));
}

#[test]
fn n8_request_that_the_library_refuses_never_reaches_the_application() {
    let post = String::from_utf8(request(&[])).expect("ASCII").replace("GET", "POST");
    let old = String::from_utf8(request(&[])).expect("ASCII").replace(": 13", ": 8");
    let cases = [("rubbish\r\n\r\n", 400), (&*post, 405), (&*old, 426)];
    for (bytes, status) in cases {
        let mut w = World::any_server(&config(|_| ()));
        w.feed(bytes.as_bytes());
        w.feed(&request(&[]));
        check_refused(&mut w, status, Cause::Refused(None));
        assert_eq!(w.heard(), ["closed"]);
        let version = Reply::parse(&w.wire).header("Sec-WebSocket-Version").map(str::to_owned);
        assert_eq!(version.as_deref(), (status == 426).then_some("13"));
    }
}

#[test]
fn n8_client_is_given_the_response_that_refused_it() {
    let (mut w, _) = waiting_client();
    w.feed(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-Why: you\r\n\r\nnope, and more");
    assert_eq!(w.state(), State::Closed);
    assert_eq!(w.heard(), ["closed"]);
    let Some(Event::Closed(closed)) = w.events.last() else { panic!("the last event") };
    let Cause::Refused(Some(response)) = &closed.cause else { panic!("{:?}", closed.cause) };
    assert_eq!((response.status, &*response.body), (403, &b"nope"[..]));
    assert_eq!(response.headers.get("x-why"), Some(&b"you"[..]));
    assert_eq!(w.transport(), Transport::Close);
    w.refused(SendRefusal::Ended);
}
