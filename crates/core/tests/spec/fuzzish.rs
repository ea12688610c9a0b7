//! No input and no sequence of calls makes the core panic, and what must hold at all times holds.

use crate::common;
use crate::common::script;

use std::time::Duration;

use adieu_core::{Config, OriginPolicy, Role, ServerConfig, State};
use common::{BOTH, World, config, secs};
use proptest::prelude::*;
use script::{Birth, Life, Op, Piece, birth, configs, op};

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

    // R10.7-01
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
        let mut life = Life::new(birth, &Config::default());
        for op in &ops {
            life.happen(op);
        }
        life.finish(writes);
    }
}

/// Every call, and a few inputs.
fn calls() -> Vec<Op> {
    let text = Piece::Text("x".to_owned());
    let mut calls = vec![Op::Poll, Op::Write(3), Op::Flush, Op::Send(5), Op::Ping, Op::Pong, Op::Exchange];
    calls.extend([Op::Fragment(3, false), Op::Close(1000), Op::CloseCutting, Op::Fail, Op::Abort]);
    calls.extend([Op::StopReceiving, Op::Dropped, Op::Accept, Op::Reject]);
    calls.extend([Op::Eof, Op::ReadError(true), Op::ReadError(false), Op::WriteError]);
    calls.extend([Op::Wait(5000), Op::Sleep(100_000), Op::Feed(vec![]), Op::Ahead(vec![])]);
    calls.extend([Op::Feed(vec![text.clone()]), Op::Ahead(vec![text, Piece::EmptyClose])]);
    calls.push(Op::Feed(vec![Piece::Odd(true, 7, 15)]));
    calls
}

#[test]
fn every_call_in_every_state_is_legal() {
    let calls = calls();
    let births = |role| [Birth::Open(role), Birth::Connecting(role, 1000), Birth::Connecting(role, 9)];
    for birth in BOTH.map(births).concat() {
        for (first, second) in calls.iter().flat_map(|first| calls.iter().map(move |second| (first, second)))
        {
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

/// A configuration in which everything is the least, or the most, that can be said.
fn extreme(most: bool) -> Config {
    let (len, time) = if most { (usize::MAX, Duration::MAX) } else { (0, Duration::ZERO) };
    config(|c| {
        (c.max_message_len, c.max_frame_len, c.inbox_len, c.read_len) = (len, len, len, len);
        (c.send_high, c.send_low, c.max_head_len, c.max_headers, c.drain_len) = (len, len, len, len, len);
        c.max_fragments = if most { u32::MAX } else { 0 };
        (c.handshake_timeout, c.write_timeout, c.close_timeout, c.drain_timeout) = (time, time, time, time);
        (c.closing_timeout, c.close_linger, c.pong_timeout) = (time, time, time);
        (c.ping_interval, c.idle_timeout) = (Some(time), Some(time));
    })
}

#[test]
fn every_field_of_the_configuration_may_be_set_to_any_value() {
    for config in [extreme(false), extreme(true)] {
        assert!(config.max_memory() > 0 && config.max_close_time() == config.closing_timeout);
        for (birth, call) in BOTH.into_iter().flat_map(|role| {
            let births = [Birth::Open(role), Birth::Connecting(role, 0)];
            births.into_iter().flat_map(|birth| calls().into_iter().map(move |call| (birth, call)))
        }) {
            let mut life = Life::new(birth, &config);
            for op in [Op::Send(3), call, Op::Ping, Op::Feed(vec![Piece::Text("x".to_owned())]), Op::Write(4)]
            {
                life.happen(&op);
            }
            life.w.conn.abort(life.w.now);
            assert_eq!(life.w.heard().last().map(String::as_str), Some("closed"));
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
