//! No input and no sequence of calls makes the core panic, and what must hold at all times holds.

mod common;
#[path = "common/script.rs"]
mod script;

use adieu_core::{OriginPolicy, Role, ServerConfig, State};
use common::{BOTH, World, config, secs};
use proptest::prelude::*;
use script::{Birth, Life, Op, birth, configs, op};

/// This input, read in pieces or looked ahead at, ends in nothing worse than a verdict.
fn survives(mut w: World, bytes: &[u8], piece: usize, ahead: bool) {
    for chunk in bytes.chunks(piece) {
        if ahead {
            w.ahead(chunk);
            w.poll();
        } else {
            w.feed(chunk);
        }
    }
    w.flush();
    w.eof();
    w.wait(secs(60));
    assert_eq!(w.state(), State::Closed);
    assert_eq!(w.heard().iter().filter(|event| *event == "closed").count(), 1);
}

fn connecting() -> [World; 2] {
    let plain = config(|_| ());
    let mut client = World::any_client(&plain);
    client.take_request();
    [World::server(&ServerConfig::new(OriginPolicy::SameOrigin).with(plain)), client]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn random_bytes_never_panic_in_open(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        piece in 1..50_usize,
        ahead in any::<bool>(),
        chunks in any::<bool>(),
    ) {
        for role in BOTH {
            survives(World::open(role, &config(|c| c.chunks = chunks)), &bytes, piece, ahead);
        }
    }

    #[test]
    fn random_bytes_never_panic_in_connecting(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        piece in 1..50_usize,
        ahead in any::<bool>(),
    ) {
        for w in connecting() {
            survives(w, &bytes, piece, ahead);
        }
    }

    #[test]
    fn heads_with_a_changed_byte_never_panic(
        at in 0..200_usize,
        byte in any::<u8>(),
        piece in 1..50_usize,
        ahead in any::<bool>(),
    ) {
        let [server, client] = connecting();
        let mut request = common::request(&["Origin: http://server.example.com"]);
        let at_request = at % request.len();
        request[at_request] = byte;
        survives(server, &request, piece, ahead);
        let shown = format!("GET / HTTP/1.1\r\nSec-WebSocket-Key: {}\r\n\r\n", common::KEY);
        let mut response = common::response_to(&shown, &["X-A: b"]);
        let at_response = at % response.len();
        response[at_response] = byte;
        survives(client, &response, piece, ahead);
    }

    #[test]
    fn random_lives_never_panic_and_end_in_one_verdict(
        birth in birth(),
        config in configs(),
        ops in proptest::collection::vec(op(), 0..60),
        writes in any::<bool>(),
    ) {
        let mut life = Life::new(birth, &config);
        for op in &ops {
            life.happen(op);
        }
        life.finish(writes);
    }

    #[test]
    fn random_lives_with_default_bounds_never_panic_and_end_in_one_verdict(
        birth in birth(),
        ops in proptest::collection::vec(op(), 0..60),
        writes in any::<bool>(),
    ) {
        let mut life = Life::new(birth, &adieu_core::Config::default());
        for op in &ops {
            life.happen(op);
        }
        life.finish(writes);
    }
}

#[test]
fn every_call_in_every_state_is_legal() {
    let calls = [
        Op::Poll,
        Op::Write(3),
        Op::Flush,
        Op::Send(5),
        Op::Fragment(3, false),
        Op::Ping,
        Op::Pong,
        Op::Close(1000),
        Op::CloseCutting,
        Op::Fail,
        Op::Abort,
        Op::StopReceiving,
        Op::Dropped,
        Op::Eof,
        Op::ReadError(true),
        Op::ReadError(false),
        Op::WriteError,
        Op::Wait(5000),
        Op::Sleep(100_000),
        Op::Exchange,
        Op::Accept,
        Op::Reject,
        Op::Feed(vec![]),
        Op::Ahead(vec![]),
        Op::Feed(vec![script::Piece::Text("x".to_owned())]),
        Op::Ahead(vec![script::Piece::Text("x".to_owned()), script::Piece::Close(1000, String::new())]),
        Op::Feed(vec![script::Piece::Odd(true, 7, 15)]),
    ];
    let births =
        BOTH.map(|role| [Birth::Open(role), Birth::Connecting(role, 1000), Birth::Connecting(role, 9)]);
    for birth in births.concat() {
        for (first, second) in calls.iter().flat_map(|a| calls.iter().map(move |b| (a, b))) {
            for third in &calls {
                let mut life = Life::new(birth, &config(|_| ()));
                for op in [first, second, third] {
                    life.happen(op);
                }
                life.finish(true);
            }
        }
    }
}

#[test]
fn written_more_than_was_committed_is_not_a_panic() {
    for role in [Role::Client, Role::Server] {
        let mut w = World::open(role, &config(|_| ()));
        w.conn.handle_written(w.now, 5);
        w.queue("x");
        w.conn.handle_written(w.now, usize::MAX);
        w.close(1000, "");
        w.conn.handle_written(w.now, usize::MAX);
        w.check();
    }
}

#[test]
fn clock_that_goes_back_is_not_a_panic() {
    for role in BOTH {
        let mut w = World::open(role, &config(|_| ()));
        w.queue("x");
        w.conn.ping(w.now).expect("a ping");
        w.now = adieu_core::Instant::EPOCH;
        w.flush();
        w.feed(&[w.peer.text("x"), w.peer.close(1000, "")].concat());
        w.conn.handle_timeout(w.now);
        w.now = adieu_core::Instant::from_nanos(u64::MAX);
        w.conn.handle_timeout(w.now);
        assert_eq!(w.state(), State::Closed, "nobody wrote the echo for 584 years");
    }
}
