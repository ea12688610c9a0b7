//! Rows that the core never asks for, whatever happens.

use adieu_core::handshake::ClientRequest;
use adieu_core::lifecycle::{Action, Input, Phase, Transition, step};
use adieu_core::{Cause, ResponseFault, Role, Violation};

use super::asked::{asked, name};
use super::graph::{BOTH, Edge, closure, names};
use super::unasked::{foreign, why_unasked};
use crate::common::{World, config};

fn every_row() -> impl Iterator<Item = (Role, Phase, Input)> {
    let phases = BOTH.into_iter().flat_map(|role| Phase::ALL.map(|phase| (role, phase)));
    phases.flat_map(|(role, phase)| Input::ALL.map(|input| (role, phase, input)))
}

/// A row that changes nothing here.
fn is_idle(phase: Phase, row: Transition) -> bool {
    let idle = [Action::Ignore, Action::Discard, Action::Deliver, Action::HandBack];
    row.0 == phase && idle.contains(&row.1)
}

#[test]
fn rows_that_the_core_never_asks_for_are_listed_and_no_others() {
    let mut asked = asked();
    // A response is a connection's matter; the next test asks for its row.
    asked.insert(name((Role::Client, Phase::Connecting, Input::Violation)));
    eprintln!("{} of {} rows are asked for", asked.len(), every_row().count());
    let mut offences = Vec::new();
    for (role, phase, input) in every_row() {
        let row = name((role, phase, input));
        match (why_unasked(role, phase, input), asked.contains(&row)) {
            (Some(why), true) => offences.push(format!("{row} is asked for, although {why}")),
            (None, false) => offences.push(format!("{row} is never asked for, and not listed")),
            (Some(_), false) | (None, true) => {}
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_wrong_response_is_a_clients_violation_in_connecting() {
    let request = ClientRequest::new("server.example.com", "/").expect("a plain request");
    let mut w = World::client(request, &config(|_| ()));
    w.take_request();
    assert_eq!(w.conn.phase(), Phase::Connecting);
    w.feed(b"nonsense\r\n\r\n");
    let row = step(Role::Client, Phase::Connecting, Input::Violation);
    assert_eq!(row, (w.conn.phase(), Action::Decide));
    assert_eq!(w.cause(), Some(Cause::Violation(Violation::Response(ResponseFault::Malformed))));
}

#[test]
fn no_phase_is_reached_by_a_row_that_is_never_asked_for() {
    for role in BOTH {
        let fed = closure(role, |phase, input| why_unasked(role, phase, input).is_none());
        let all = closure(role, |_, _| true);
        let phases = |edges: Vec<Edge>| names(edges.into_iter().map(|edge| edge.to.phase));
        assert_eq!(phases(fed), phases(all), "{role:?}");
    }
}

#[test]
fn a_row_that_is_never_asked_for_does_nothing_or_what_its_neighbour_does() {
    let mut unasked = 0;
    for (role, phase, input) in every_row().filter(|row| why_unasked(row.0, row.1, row.2).is_some()) {
        let row = step(role, phase, input);
        unasked += 1;
        let neighbour = match input {
            Input::PeerClose => Some(step(role, phase, Input::PeerCloseBehind)),
            Input::PeerCloseBehind => Some(step(role, phase, Input::PeerClose)),
            Input::ViolationBehind => Some(step(role, phase, Input::Violation)),
            Input::Violation if phase == Phase::CloseQueued => {
                Some(step(role, phase, Input::ViolationBehind))
            }
            // A client's row: a wrong response ends it, where a wrong request is refused; and it has a request to write.
            Input::Violation | Input::WriteTimeout => Some(step(Role::Client, phase, input)),
            _ => None,
        };
        let harmless = foreign(role, phase).is_some() || is_idle(phase, row);
        assert!(harmless || neighbour == Some(row), "{role:?}, {phase:?}, {input:?}: {row:?}");
    }
    assert!(unasked > 0, "no row is listed");
}
