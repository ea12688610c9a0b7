//! What people read, and what is left of a value when it is on its own.

use crate::common;

use std::error::Error;
use std::fmt::Write as _;
use std::{fmt, io};

use adieu_core::{
    Close, CloseCode, Event, Initiator, Instant, Kind, Message, SendRefusal, State, TransportError, Violation,
};
use common::{World, config, own, request, response_to, secs};

fn line(w: &World) -> String {
    w.conn.closed().expect("a verdict").to_string()
}

fn open() -> Vec<World> {
    World::all(&config(|_| ()))
}

#[test]
fn clean_verdict_says_who_closed_and_with_what() {
    for mut w in open() {
        let p = w.peer;
        w.feed(&p.close(1000, "bye\n"));
        w.flush();
        let said = "clean: closing handshake complete; the peer closed first";
        assert_eq!(line(&w), format!(r#"{said}; sent 1000 "bye\n"; received 1000 "bye\n""#));
    }
    for mut w in open() {
        let p = w.peer;
        w.close(1001, "");
        w.flush();
        w.feed(&p.empty_close());
        w.heard();
        let said = "clean: closing handshake complete; we closed first";
        assert_eq!(line(&w), format!("{said}; sent 1001; received no code"));
    }
}

#[test]
fn verdict_counts_what_was_lost_either_way() {
    for mut w in open() {
        let p = w.peer;
        w.queue("a");
        w.queue("b");
        w.close(1000, "");
        w.ahead(&p.text("never read"));
        w.conn.stop_receiving(w.now);
        w.eof();
        let lost = "2 messages of ours unsent; 1 message of the peer's dropped";
        let closed = "we closed first; sent 1000 (not flushed)";
        assert_eq!(line(&w), format!("not clean: end of stream; {closed}; {lost}"));
    }
}

#[test]
fn every_cause_has_its_words() {
    type End = fn(&mut World);
    let ends: [(End, &str); 8] = [
        (|w| w.eof(), "end of stream"),
        (
            |w| {
                w.feed(&[0x81]);
                w.eof();
            },
            "end of stream inside a frame",
        ),
        (|w| w.reset(), "connection reset"),
        (|w| w.read_error(TransportError::Truncated), "TLS stream truncated"),
        (|w| w.conn.abort(w.now), "aborted"),
        (
            |w| {
                w.conn.fail(w.now, Close::EMPTY).expect("it is open");
                w.flush();
            },
            "failed by the application; we closed first; sent no code",
        ),
        (
            |w| {
                w.feed(&[0x83]);
                w.flush();
            },
            "protocol violation: reserved opcode 0x3; we closed first; sent 1002 \"reserved opcode 0x3\"",
        ),
        (
            |w| {
                w.close(1000, "");
                w.flush();
                w.wait(secs(60));
            },
            "close timeout; we closed first; sent 1000",
        ),
    ];
    for (end, words) in ends {
        for mut w in open() {
            end(&mut w);
            assert_eq!(line(&w), format!("not clean: {words}"));
            assert!(w.conn.closed().expect("a verdict").source().is_none());
        }
    }
}

#[test]
fn end_of_connecting_has_its_words() {
    let mut w = World::any_client(&config(|_| ()));
    w.take_request();
    w.feed(b"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsorry");
    assert_eq!(line(&w), "not clean: refused with HTTP 401");
    let mut w = World::any_client(&config(|_| ()));
    w.conn.close(w.now, Close::EMPTY).expect("it is connecting");
    assert_eq!(line(&w), "not clean: abandoned before it was open");
    let mut w = World::any_server(&config(|_| ()));
    w.feed(&request(&["Sec-WebSocket-Version: 8"]));
    w.flush();
    assert_eq!(line(&w), "not clean: the request was refused");
}

#[test]
fn refused_message_says_why_and_is_an_error() {
    for mut w in open() {
        w.close(1000, "");
        let refused = w.conn.send(w.now, "late").expect_err("it is closing");
        assert_eq!((refused.refusal, refused.message.as_text()), (SendRefusal::Closing, Some("late")));
        assert_eq!(refused.to_string(), "not sent: this endpoint has closed");
        let error: Box<dyn Error> = Box::new(refused.refusal);
        assert_eq!(error.to_string(), "this endpoint has closed");
    }
    let violation: Box<dyn Error> = Box::new(Violation::CloseCode(1006));
    assert_eq!(violation.to_string(), "a Close with code 1006");
}

#[test]
fn end_that_an_i_o_error_tells_is_a_truncation_or_a_reset() {
    let of = |kind: io::ErrorKind| TransportError::from(&io::Error::from(kind));
    assert_eq!(of(io::ErrorKind::UnexpectedEof), TransportError::Truncated);
    for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe, io::ErrorKind::Other] {
        assert_eq!(of(kind), TransportError::Reset);
    }
}

#[test]
fn instants_and_codes_are_shown_as_what_they_are() {
    let at = Instant::EPOCH + secs(3);
    assert_eq!((format!("{at:?}"), at), ("Instant(3s)".to_owned(), Instant::from_nanos(3_000_000_000)));
    assert_eq!(at.since(at + secs(1)), secs(0));
    assert_eq!(format!("{:?} {}", CloseCode::NORMAL, CloseCode::GOING_AWAY), "CloseCode(1000) 1001");
}

#[test]
fn message_is_text_or_bytes_however_it_is_held() {
    let text = Message::from("größe");
    assert_eq!((text.kind(), text.as_text(), text.as_bytes().len()), (Kind::Text, Some("größe"), 7));
    let bytes = Message::from(vec![0xFF]);
    assert_eq!((bytes.kind(), bytes.as_text(), bytes.as_bytes()), (Kind::Binary, None, &[0xFF][..]));
    for message in [text, bytes, Message::from(&b""[..]), Message::from(String::new())] {
        assert_eq!(message.is_empty(), message.as_bytes().is_empty());
        assert_eq!(message.borrowed(), message);
        assert_eq!(message.clone().into_owned(), message);
    }
}

#[test]
fn event_on_its_own_is_the_same_event() {
    let mut seen: Vec<Event<'static>> = Vec::new();
    // `own` is the kit's own: it says what is demanded of the library's.
    let mut take = |w: &mut World| {
        while let Some(event) = w.conn.poll_event(w.now) {
            assert_eq!(own(event.clone()), event.clone().into_owned());
            seen.push(event);
        }
    };
    let mut server = World::any_server(&config(|_| ()));
    server.ahead(&request(&[]));
    take(&mut server);
    let mut client = World::any_client(&config(|c| (c.send_high, c.send_low) = (10, 1)));
    let asked = client.take_request();
    client.ahead(&response_to(&asked, &[]));
    take(&mut client);
    let (id, p) = (client.conn.ping(client.now).expect("it is open"), client.peer);
    client.flush();
    client.ahead(&[p.pong(id.to_be_bytes()), p.text("x"), p.close(1000, "")].concat());
    take(&mut client);
    client.flush();
    client.eof();
    take(&mut client);
    let kinds: Vec<_> = seen.iter().map(std::mem::discriminant).collect();
    let distinct: std::collections::HashSet<_> = kinds.into_iter().collect();
    assert_eq!(distinct.len(), 7, "{seen:?}");
}

#[test]
fn pong_that_comes_before_the_flush_of_its_ping_is_told_waits_for_that() {
    for mut w in open() {
        let (p, before) = (w.peer, w.queue("x"));
        let id = w.conn.ping(w.now).expect("it is open");
        let committed = w.committed().len();
        w.feed(&p.pong(id.to_be_bytes()));
        w.feed(&p.pong(id.to_be_bytes()));
        assert_eq!(w.conn.poll_pong(), None, "its flush was not told yet");
        w.conn.handle_written(w.now, committed);
        let pong = w.conn.poll_pong().expect("an answered Ping");
        assert_eq!((pong.id, pong.confirmed.map(|ticket| ticket.0)), (id, Some(before)));
        assert_eq!((pong.round_trip, w.conn.confirmed()), (secs(0), pong.confirmed));
    }
}

#[test]
fn initiator_is_known_from_the_first_close_on() {
    for mut w in open() {
        let p = w.peer;
        w.ahead(&[p.text("x"), p.close(1000, "")].concat());
        assert_eq!((w.state(), w.conn.role()), (State::Open, w.role));
        w.close(1001, "");
        w.flush();
        assert_eq!(w.conn.closed().and_then(|closed| closed.initiator), Some(Initiator::Peer));
    }
}

/// Takes so many bytes, and fails then.
struct Narrow(usize);

impl fmt::Write for Narrow {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

#[test]
fn verdict_that_cannot_be_written_whole_is_an_error() {
    for mut w in open() {
        w.queue("lost");
        w.close(1001, "bye");
        w.feed(&w.peer.close(1000, "so be it"));
        w.conn.abort(w.now);
        let verdict = w.conn.closed().expect("a verdict");
        let len = verdict.to_string().len();
        for room in 0..=len {
            assert_eq!(write!(Narrow(room), "{verdict}").is_ok(), room == len, "{room} of {len}");
        }
    }
}
