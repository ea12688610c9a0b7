//! Rule 8's property: CLOSED is decided within `Config::max_close_time()`, from any state, with any peer.

use crate::common;
use crate::common::script;

use adieu_core::{Close, Config, Instant, State};
use common::max_close_time;
use proptest::prelude::*;
use script::{Life, Op, birth, configs, op};

/// An end that the peer, the application or the transport begins; `Wait` lets it come from a deadline.
fn begin() -> impl Strategy<Value = Op> {
    use script::Piece;
    prop_oneof![
        Just(Op::Close(1000)),
        Just(Op::CloseCutting),
        Just(Op::Fail),
        Just(Op::Dropped),
        Just(Op::WriteError),
        Just(Op::Ahead(vec![Piece::Text("x".to_owned()), Piece::EmptyClose])),
        Just(Op::Ahead(vec![Piece::Text("x".to_owned()), Piece::Odd(true, 7, 3)])),
        Just(Op::Feed(vec![Piece::EmptyClose])),
        Just(Op::Feed(vec![Piece::Odd(true, 0, 3)])),
        Just(Op::Wait(40_000)),
    ]
}

/// Anything but time that nobody watches.
fn watched() -> impl Strategy<Value = Op> {
    op().prop_map(|op| match op {
        Op::Sleep(ms) => Op::Wait(ms),
        op => op,
    })
}

fn lives_within_the_bound(life: &mut Life, ops: &[Op]) {
    for op in ops {
        life.happen(op);
        life.check_bound();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn rule8_closed_is_decided_within_max_close_time_whatever_happens(
        birth in birth(),
        config in configs(),
        before in proptest::collection::vec(watched(), 0..20),
        begin in begin(),
        after in proptest::collection::vec(watched(), 0..40),
    ) {
        let mut life = Life::new(birth, &config);
        lives_within_the_bound(&mut life, &before);
        lives_within_the_bound(&mut life, &[begin]);
        lives_within_the_bound(&mut life, &after);
    }

    #[test]
    fn rule8_closed_is_decided_within_max_close_time_of_a_close_of_ours(
        birth in birth(),
        config in configs(),
        before in proptest::collection::vec(watched(), 0..20),
        after in proptest::collection::vec(watched(), 0..20),
    ) {
        let mut life = Life::new(birth, &config);
        before.iter().for_each(|op| life.happen(op));
        let close = Close::new(1000, "").expect("a good code");
        let taken = life.w.conn.close_cutting(life.w.now, close);
        let end = life.w.now + max_close_time(&config);
        prop_assert!(taken.is_ok() || life.w.conn.refusal().is_some());
        for op in &after {
            life.happen(op);
            prop_assert!(life.w.state() == State::Closed || life.w.now <= end);
        }
        let left = end.since(life.w.now);
        life.w.wait(left);
        prop_assert_eq!(life.w.state(), State::Closed);
    }
}

#[test]
fn rule8_bound_holds_for_the_defaults_and_a_peer_that_does_just_enough() {
    let config = common::config(|_| ());
    for mut w in common::World::all(&config) {
        for _ in 0..1000 {
            w.queue("a slow line");
        }
        let begin: Instant = w.now;
        w.close(1000, "");
        while w.state() != State::Closed {
            w.push(1);
            w.feed(&w.peer.ping("keep me"));
            w.wait(common::secs(1));
            assert!(w.now.since(begin) <= max_close_time(&config));
        }
        let verdict = w.verdict();
        assert!(verdict.unsent.1 > 900 && !verdict.flushed && !verdict.clean);
    }
}

#[test]
fn rule8_bound_of_the_defaults_is_that_of_the_documents() {
    assert!(max_close_time(&Config::default()) >= common::secs(60));
    assert!(max_close_time(&Config::default()) <= common::secs(62));
}
