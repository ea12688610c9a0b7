//! What CLOSE.md demands of the lifecycle's table as a whole, whatever its rows say.

use crate::common;

use adieu_core::lifecycle::{Action, Input, Phase, Transition, step};
use adieu_core::protocol::Protocol;
use adieu_core::{Connection, Role, State, Transport};
use common::BOTH;

fn rows() -> impl Iterator<Item = (Role, Phase, Input, Transition)> {
    let each = |role| {
        let of = move |phase| Input::ALL.map(|input| (role, phase, input, step(role, phase, input)));
        Phase::ALL.into_iter().flat_map(of)
    };
    BOTH.into_iter().flat_map(each)
}

const fn rank(state: State) -> u8 {
    match state {
        State::Connecting => 0,
        State::Open => 1,
        State::Closing => 2,
        State::Closed => 3,
    }
}

#[test]
fn states_and_transport_levels_never_go_back() {
    for (role, phase, input, row) in rows() {
        let what = format!("{role:?}, {phase:?}, {input:?}: {row:?}");
        assert!(rank(row.0.state()) >= rank(phase.state()), "{what}");
        assert!(row.0.transport() >= phase.transport(), "{what}");
    }
}

#[test]
fn verdict_is_decided_exactly_on_the_way_into_closed() {
    for (role, phase, input, row) in rows() {
        let enters = phase.state() != State::Closed && row.0.state() == State::Closed;
        assert_eq!(row.1 == Action::Decide, enters, "{role:?}, {phase:?}, {input:?}: {row:?}");
    }
}

#[test]
fn transport_is_in_use_until_the_verdict() {
    for phase in Phase::ALL {
        assert!(phase.transport() == Transport::Open || phase.state() == State::Closed, "{phase:?}");
    }
}

#[test]
fn sends_are_taken_in_open_only() {
    for (role, phase, input, row) in rows().filter(|row| row.2 == Input::Send) {
        let taken = row.1 == Action::Queue;
        assert_eq!(taken, phase.state() == State::Open, "{role:?}, {phase:?}, {input:?}: {row:?}");
    }
}

#[test]
fn close_is_queued_at_most_once() {
    let queues = |row: &Transition| matches!(row.1, Action::QueueClose | Action::QueueEcho);
    for (role, phase, input, row) in rows().filter(|(.., row)| queues(row)) {
        // From where a Close was queued, no input queues another, now or later.
        let mut reached = vec![row.0];
        let mut at = 0;
        while let Some(&from) = reached.get(at) {
            for next in Input::ALL.map(|input| step(role, from, input)) {
                assert!(!queues(&next), "{phase:?} and {input:?}, later {from:?}: {next:?}");
                if !reached.contains(&next.0) {
                    reached.push(next.0);
                }
            }
            at += 1;
        }
    }
}

#[test]
fn closed_can_be_reached_from_every_phase() {
    for (role, phase) in BOTH.into_iter().flat_map(|role| Phase::ALL.map(|phase| (role, phase))) {
        for input in [Input::Abort, Input::Reset] {
            assert_eq!(step(role, phase, input).0.state(), State::Closed, "{phase:?}, {input:?}");
        }
    }
}

#[test]
fn protocol_is_plain_data_and_a_connection_is_small_and_may_move_between_threads() {
    const fn plain<T: Clone + Eq + core::hash::Hash + core::fmt::Debug>() {}
    const fn moves<T: Send + Sync + core::fmt::Debug>() {}
    plain::<Protocol>();
    plain::<Phase>();
    moves::<Connection>();
    assert!(size_of::<Connection>() <= 384, "{}", size_of::<Connection>());
}
