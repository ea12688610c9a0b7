//! Messages in parts (`Config::chunks`) and in fragments.

use crate::common;

use std::borrow::Cow;

use adieu_core::{Chunk, Event, Kind, Message, SendRefusal, State};
use common::{World, close, config};

fn worlds() -> Vec<World> {
    World::all(&config(|c| c.chunks = true))
}

pub(crate) fn chunks(w: &World) -> Vec<Chunk<'static>> {
    let chunk = |event: &Event<'static>| match event {
        Event::Chunk(chunk) => Some(chunk.clone()),
        _ => None,
    };
    w.events.iter().filter_map(chunk).collect()
}

/// Payload, and whether the parts are marked as one message from its first to its last.
pub(crate) fn joined(parts: &[Chunk<'static>]) -> Vec<u8> {
    for (n, part) in parts.iter().enumerate() {
        assert_eq!((part.start, part.end), (n == 0, n == parts.len() - 1), "part {n}: {part:?}");
    }
    parts.iter().flat_map(|part| part.payload.to_vec()).collect()
}

#[test]
fn part_is_delivered_as_it_arrives_without_waiting_for_the_rest() {
    for mut w in worlds() {
        let frame = w.peer.binary(b"0123456789");
        let (first, rest) = frame.split_at(frame.len() - 4);
        w.feed(first);
        let parts = chunks(&w);
        assert_eq!(parts.iter().map(|part| part.payload.len()).sum::<usize>(), 6);
        assert!(parts[0].start && parts.iter().all(|part| !part.end && part.kind == Kind::Binary));
        w.feed(rest);
        assert_eq!(joined(&chunks(&w)), b"0123456789");
    }
}

#[test]
fn whole_message_in_one_read_begins_and_ends() {
    for mut w in worlds() {
        for text in ["whole", ""] {
            w.events.clear();
            w.feed(&w.peer.text(text));
            let parts = chunks(&w);
            assert_eq!(joined(&parts), text.as_bytes());
            assert_eq!(parts[0].kind, Kind::Text);
        }
    }
}

#[test]
fn parts_of_fragments_are_parts_of_one_message() {
    for mut w in worlds() {
        let p = w.peer;
        let bytes = [p.start("é"), p.ping("x"), p.middle(""), p.middle("𝄞"), p.last("")].concat();
        w.feed_by(1, &bytes);
        assert_eq!(joined(&chunks(&w)), "é𝄞".as_bytes());
        w.events.clear();
        w.feed(&w.peer.text("next"));
        assert_eq!(joined(&chunks(&w)), b"next");
    }
}

#[test]
fn message_cut_by_the_peers_close_has_no_last_part() {
    for mut w in worlds() {
        w.feed(&[w.peer.start("cut"), w.peer.close(1000, "")].concat());
        assert!(chunks(&w).iter().all(|part| !part.end));
        w.flush();
        assert!(w.verdict().cut_in && w.verdict().clean);
    }
}

#[test]
fn part_is_being_handled_like_a_message() {
    for mut w in worlds() {
        w.lend(&mut w.peer.text("part"));
        w.ahead(&w.peer.close(1000, ""));
        assert_eq!(w.state(), State::Open);
        w.queue("a reply");
        assert_eq!(w.poll().as_deref(), Some("closing"));
    }
}

#[test]
fn fragment_that_begins_and_ends_is_a_whole_message() {
    for mut w in worlds() {
        assert_eq!(w.fragment("all", true), 0);
        assert_eq!(w.queue("next"), 1);
        assert_eq!(w.said(), ["text all", "text next"]);
    }
}

// R5.4-12
#[test]
fn fragment_of_another_kind_is_refused_and_changes_nothing() {
    for mut w in worlds() {
        w.fragment("a", false);
        let error = w.conn.send_fragment(w.now, vec![1], true).expect_err("another kind");
        assert_eq!((error.refusal, error.message), (SendRefusal::WrongKind, Message::from(vec![1])));
        w.fragment("b", true);
        assert_eq!(w.said(), ["text… a", "…end b"]);
    }
}

#[test]
fn empty_fragments_go_out_as_they_are() {
    for mut w in worlds() {
        w.fragment("", false);
        w.fragment("", false);
        w.fragment("", true);
        w.queue("");
        assert_eq!(w.said(), ["text…", "…middle", "…end", "text"]);
        w.close(1000, "");
        w.feed(&w.peer.close(1000, ""));
        w.flush();
        assert_eq!(w.verdict(), common::Expect::answered(close(1000, ""), close(1000, "")));
    }
}

#[test]
fn message_that_arrived_whole_is_borrowed_and_one_that_was_gathered_is_owned() {
    for mut w in World::all(&config(|_| ())) {
        let now = w.now;
        for (bytes, borrowed) in [
            (w.peer.text("whole"), true),
            (w.peer.binary(&[7; 300]), true),
            ([w.peer.start("gath"), w.peer.last("ered")].concat(), false),
        ] {
            let mut bytes = bytes;
            let end = bytes.as_ptr_range().end;
            let mut input = &mut bytes[..];
            let event = w.conn.handle_input(now, &mut input);
            assert!(input.is_empty());
            let Some(Event::Message(message)) = event else { panic!("{event:?}") };
            let is_borrowed = match &message {
                Message::Text(text) => matches!(text, Cow::Borrowed(_)),
                Message::Binary(payload) => matches!(payload, Cow::Borrowed(_)),
            };
            assert_eq!(is_borrowed, borrowed, "{message:?}");
            assert_eq!(
                message.as_bytes().as_ptr_range().end == end,
                borrowed,
                "the tail of what was consumed"
            );
            w.conn.send(now, message).expect("an echo while the event is in hand");
        }
        assert_eq!(w.said()[..], ["text whole", "binary [300]", "text gathered"]);
    }
}

#[test]
fn answer_to_a_ping_is_told_ahead_of_messages_that_wait() {
    for mut w in World::all(&config(|_| ())) {
        w.conn.ping(w.now).expect("a ping");
        w.flush();
        let payload = w.frames()[0].payload.clone();
        w.ahead(&[w.peer.text("before"), w.peer.pong(&payload), w.peer.text("behind")].concat());
        assert_eq!(w.heard(), ["pong 0", "text before", "text behind"]);
    }
}
