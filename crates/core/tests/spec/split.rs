//! Split invariance: the same input cut at every place gives the same events, the same output and the same verdict.

use crate::common;
use crate::common::script;

use adieu_core::handshake::Accept;
use adieu_core::{Event, Kind, Role, State};
use common::{BOTH, Expect, Form, Frame, Peer, World, config, request, response_to};
use proptest::prelude::*;

/// What an endpoint did, for comparison.
#[derive(Debug, PartialEq)]
struct Trace {
    events: Vec<Heard>,
    frames: Vec<(bool, u8, Vec<u8>)>,
    verdict: Option<Expect>,
    state: State,
}

/// An event without what depends on how the input was cut.
#[derive(Debug, PartialEq)]
enum Heard {
    Chunks(Kind, Vec<u8>, bool),
    Other(String),
    Message(Kind, Vec<u8>),
}

fn heard(w: &World) -> Vec<Heard> {
    let mut all: Vec<Heard> = Vec::new();
    for event in &w.events {
        match event {
            Event::Chunk(chunk) => match all.last_mut() {
                Some(Heard::Chunks(kind, payload, end @ false)) if !chunk.start => {
                    assert_eq!(*kind, chunk.kind);
                    payload.extend_from_slice(&chunk.payload);
                    *end = chunk.end;
                }
                _ => {
                    assert!(chunk.start, "a part of nothing");
                    all.push(Heard::Chunks(chunk.kind, chunk.payload.to_vec(), chunk.end));
                }
            },
            Event::Message(message) => {
                all.push(Heard::Message(message.kind(), message.as_bytes().to_vec()));
            }
            other => all.push(Heard::Other(common::event_name(other))),
        }
    }
    all
}

/// Flushes and asks for the last events.
fn trace(mut w: World) -> Trace {
    w.heard();
    w.flush();
    w.heard();
    let frame = |frame: Frame| (frame.fin, frame.opcode, frame.payload);
    Trace {
        events: heard(&w),
        frames: w.frames().into_iter().map(frame).collect(),
        verdict: w.conn.closed().map(Expect::of),
        state: w.state(),
    }
}

/// Reads these pieces; with `echoes`, each message is sent back while it is being handled.
fn read(w: &mut World, pieces: &[&[u8]], echoes: bool) {
    for piece in pieces {
        let mut piece = piece.to_vec();
        while w.lend(&mut piece).is_some() {
            let message = match w.events.last() {
                Some(Event::Message(message)) if echoes => message.clone(),
                _ => continue,
            };
            w.send(message).expect("an echo that is taken");
        }
    }
}

/// This conversation gives the same trace however it is cut.
pub(crate) fn check_invariant(new: &dyn Fn() -> World, bytes: &[u8], eof: bool) {
    for echoes in [false, true] {
        let run = |pieces: &[&[u8]]| {
            let mut w = new();
            read(&mut w, pieces, echoes);
            if eof {
                w.eof();
            }
            trace(w)
        };
        let whole = run(&[bytes]);
        let places = bytes.len().min(400);
        for cut in 0..=places {
            assert_eq!(run(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
        }
        for len in [1, 2, 3, 7, 64] {
            assert_eq!(run(&bytes.chunks(len).collect::<Vec<_>>()), whole, "pieces of {len}");
        }
    }
    check_ahead(new, bytes, eof);
}

/// Looking ahead, however it is cut, gives what reading gives.
fn check_ahead(new: &dyn Fn() -> World, bytes: &[u8], eof: bool) {
    let run = |pieces: &[&[u8]]| {
        let mut w = new();
        pieces.iter().for_each(|piece| w.ahead(piece));
        if eof {
            w.eof();
        }
        trace(w)
    };
    let whole = run(&[bytes]);
    for cut in 0..=bytes.len().min(400) {
        assert_eq!(run(&[&bytes[..cut], &bytes[cut..]]), whole, "looked ahead, cut at {cut}");
    }
    assert_eq!(run(&bytes.chunks(1).collect::<Vec<_>>()), whole, "looked ahead byte by byte");
    let mut w = new();
    read(&mut w, &[bytes], false);
    if eof {
        w.eof();
    }
    assert_eq!(trace(w), whole, "reading and looking ahead differ");
}

type Build = fn(Peer) -> Vec<u8>;

/// Conversations, good and bad.
const CONVERSATIONS: [Build; 22] = [
    |_| vec![],
    |p| p.text("hello"),
    |p| [p.text(""), p.binary(&[]), p.text("é𝄞"), p.binary(&[0; 130])].concat(),
    |p| [p.start("a"), p.middle("b"), p.last("c"), p.text("d")].concat(),
    |p| [p.start(""), p.ping("x"), p.middle(""), p.pong("y"), p.last("")].concat(),
    |p| [p.frame(1, b"\xC3").fin(false).bytes(), p.last(b"\xA9")].concat(),
    |p| [p.ping("a"), p.ping("b"), p.ping(""), p.text("c"), p.ping("d")].concat(),
    |p| p.close(1000, "bye"),
    |p| p.empty_close(),
    |p| [p.text("a"), p.close(1001, "é"), p.text("late"), p.ping("late")].concat(),
    |p| [p.text("a"), p.text("b"), p.ping("x"), p.close(4999, ""), vec![0xFF; 30]].concat(),
    |p| [p.start("cut"), p.close(1000, "")].concat(),
    |p| [p.text("fine"), p.frame(3, "").bytes(), p.text("late")].concat(),
    |p| [p.text("fine"), p.frame(1, b"ab\xFFcd").bytes(), p.close(1000, "")].concat(),
    |p| [p.frame(1, b"ab\xE2\x82").bytes(), p.text("late")].concat(),
    |p| [p.text("a"), p.frame(8, [3]).bytes()].concat(),
    |p| [p.text("a"), p.close(1006, "x"), p.close(1000, "")].concat(),
    |p| [p.text("a"), p.close(1000, b"\xC3")].concat(),
    |p| [p.ping("x"), p.frame(2, [7; 20]).form(Form::Bits16).bytes(), p.text("b")].concat(),
    |p| [p.binary(&[9; 300]), p.frame(2, "").form(Form::Says(1 << 40)).bytes()].concat(),
    |p| [p.text("a"), p.last("b")].concat(),
    |p| [p.text("torn"), p.binary(&[1; 300])[..200].to_vec()].concat(),
];

// R6.2-01
#[test]
fn same_input_cut_at_every_place_gives_the_same_in_open() {
    for (role, chunks) in BOTH.into_iter().flat_map(|role| [(role, false), (role, true)]) {
        let config = config(|c| c.chunks = chunks);
        for build in CONVERSATIONS {
            for eof in [false, true] {
                let bytes = build(Peer::of(role));
                check_invariant(&|| World::open(role, &config), &bytes, eof);
            }
        }
    }
}

#[test]
fn same_input_cut_at_every_place_gives_the_same_while_we_are_closing() {
    for (role, flushed) in BOTH.into_iter().flat_map(|role| [(role, false), (role, true)]) {
        let new = || {
            let mut w = World::open(role, &config(|_| ()));
            w.queue("queued");
            w.close(1000, "mine");
            if flushed {
                w.flush();
            }
            w
        };
        for build in CONVERSATIONS {
            let bytes = build(Peer::of(role));
            let run = |pieces: &[&[u8]]| {
                let mut w = new();
                read(&mut w, pieces, false);
                trace(w)
            };
            let whole = run(&[&bytes]);
            for cut in 0..=bytes.len() {
                assert_eq!(run(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
            }
        }
    }
}

#[test]
fn same_input_cut_at_every_place_gives_the_same_from_the_101_on() {
    for build in CONVERSATIONS {
        let run = |cut: Option<usize>| {
            let mut w = World::any_client(&config(|_| ()));
            let request = w.take_request();
            let bytes = [response_to(&request, &[]), build(w.peer)].concat();
            let cut = cut.unwrap_or(0).min(bytes.len());
            read(&mut w, &[&bytes[..cut], &bytes[cut..]], false);
            (trace(w), bytes.len())
        };
        let (whole, len) = run(None);
        for cut in 1..len {
            assert_eq!(run(Some(cut)).0, whole, "cut at {cut}");
        }
    }
}

#[test]
fn same_input_cut_at_every_place_gives_the_same_from_the_request_on() {
    for build in CONVERSATIONS {
        let bytes = [request(&[]), build(Peer::of(Role::Server))].concat();
        let run = |cut: usize| {
            let mut w = World::any_server(&config(|_| ()));
            for piece in [&bytes[..cut], &bytes[cut..]] {
                let mut piece = piece.to_vec();
                while let Some(event) = w.lend(&mut piece) {
                    if event.starts_with("request") {
                        w.conn.accept(w.now, &Accept::new()).expect("a request to accept");
                        w.flush();
                        w.wire.clear();
                    }
                }
            }
            trace(w)
        };
        let whole = run(0);
        for cut in 1..bytes.len() {
            assert_eq!(run(cut), whole, "cut at {cut}");
        }
    }
}

#[test]
fn same_output_written_in_whatever_pieces_gives_the_same() {
    for role in BOTH {
        for (build, closes) in CONVERSATIONS.into_iter().flat_map(|build| [(build, false), (build, true)]) {
            let run = |limit: usize, slices: usize| {
                let mut w = World::open(role, &config(|_| ()));
                w.slices = slices;
                w.queue("queued before");
                w.queue(&"large ".repeat(2000));
                read(&mut w, &[&build(Peer::of(role))], true);
                if closes {
                    w.try_close(1000, "mine").ok();
                }
                w.flush_by(limit);
                trace(w)
            };
            let whole = run(usize::MAX, 16);
            for limit in (1..40).chain([100, 999, 11_999, 12_000, 12_001, 12_030]) {
                for slices in [1, 2, 16] {
                    assert_eq!(run(limit, slices), whole, "at most {limit} at once, {slices} slices");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn random_input_cut_at_random_places_gives_the_same(
        pieces in proptest::collection::vec(script::any_piece(), 0..12),
        lens in proptest::collection::vec(1..400_usize, 1..50),
        chunks in any::<bool>(),
        eof in any::<bool>(),
    ) {
        for role in BOTH {
            let config = config(|c| (c.chunks, c.inbox_len) = (chunks, 1 << 20));
            let new = || World::open(role, &config);
            let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes(&new())).collect();
            let run = |pieces: &[&[u8]], ahead: bool| {
                let mut w = new();
                if ahead {
                    pieces.iter().for_each(|piece| w.ahead(piece));
                } else {
                    read(&mut w, pieces, false);
                }
                if eof {
                    w.eof();
                }
                trace(w)
            };
            let mut cut = Vec::new();
            let mut rest = &bytes[..];
            for len in lens.iter().cycle() {
                let (piece, behind) = rest.split_at((*len).min(rest.len()));
                cut.push(piece);
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            let whole = run(&[&bytes], false);
            prop_assert_eq!(&run(&cut, false), &whole);
            prop_assert_eq!(&run(&cut, true), &whole);
        }
    }
}
