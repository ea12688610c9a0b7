//! What can be reached, and by what.

use adieu_core::lifecycle::{Action, Input, Phase, step};
use adieu_core::{Role, State, Transport};

use super::graph::{BOTH, closure, edges, names};
use super::unasked::foreign;

/// The phases that are reached by inputs of `inputs` alone, from `phase`.
fn reached(role: Role, phase: Phase, inputs: &[Input]) -> Vec<Phase> {
    let mut found = vec![phase];
    let mut at = 0;
    while let Some(&from) = found.get(at) {
        for next in inputs.iter().map(|&input| step(role, from, input).0) {
            if !found.contains(&next) {
                found.push(next);
            }
        }
        at += 1;
    }
    found
}

#[test]
fn deadlines_alone_lead_from_every_phase_to_closed_and_to_the_end_of_the_transport() {
    let deadlines = [Input::Due, Input::ClosingTimeout, Input::IdleTimeout];
    for (role, phase) in BOTH.into_iter().flat_map(|role| Phase::ALL.map(|phase| (role, phase))) {
        let found = reached(role, phase, &deadlines);
        assert!(found.iter().any(|phase| phase.state() == State::Closed), "{role:?}, {phase:?}");
        assert!(found.iter().any(|phase| phase.transport() >= Transport::Close), "{role:?}, {phase:?}");
    }
}

#[test]
fn one_deadline_decides_wherever_an_end_has_begun() {
    let ending = |phase: Phase| phase != Phase::Connecting && phase != Phase::Open;
    for (role, phase) in BOTH.into_iter().flat_map(|role| Phase::ALL.map(|phase| (role, phase))) {
        if ending(phase) && phase.state() != State::Closed {
            let row = step(role, phase, Input::ClosingTimeout);
            assert_eq!(row, (Phase::Done, Action::Decide), "{role:?}, {phase:?}");
        }
    }
}

#[test]
fn every_phase_is_reached_from_connecting_by_the_role_that_it_is_for() {
    let of = |role| names(closure(role, |_, _| true).into_iter().map(|edge| edge.to.phase));
    eprintln!("{} steps from one state to the next", edges().len());
    let only = |role| move |phase: &Phase| foreign(role, *phase).is_none();
    for role in BOTH {
        assert_eq!(of(role), names(Phase::ALL.into_iter().filter(only(role))), "{role:?}");
    }
    assert_eq!(&of(Role::Client) | &of(Role::Server), names(Phase::ALL));
}
