//! Which rows of the lifecycle's table the scenarios go through, as far as the phases before and after each call tell.

use std::collections::{BTreeMap, BTreeSet};

use adieu_core::lifecycle::{Input, Phase};
use adieu_tests::scenario::{CoreRunner, Coverage, Cut, Feed, Row, all, play};

/// Rows that no scenario is seen to reach: the phase, and its inputs. Some cannot happen (nothing is parsed in most phases), some
/// change nothing in a way that can be seen from outside.
#[rustfmt::skip]
const UNREACHED: &[(&str, &str)] = &[
    ("Answering", "Opened Refused SendPing Close Fail PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Due IdleTimeout"),
    ("AwaitingEnd", "Opened Refused SendPing Fail PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Flushed WriteError WriteTimeout ClosingTimeout IdleTimeout"),
    ("CloseNoted", "Opened Refused SendPing PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Flushed WriteError IdleTimeout"),
    ("CloseQueued", "Opened Refused SendPing Close Fail PeerData PeerCloseBehind ViolationBehind Due IdleTimeout"),
    ("CloseSent", "Opened Refused PeerCloseBehind PeerClose ViolationBehind Violation Flushed WriteTimeout ClosingTimeout IdleTimeout"),
    ("Connecting", "Send SendPing Fail PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Flushed WriteError WriteTimeout ClosingTimeout IdleTimeout"),
    ("Cut", "Opened Refused SendPing Close Fail Abort PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Due Flushed End Reset WriteError WriteTimeout ClosingTimeout IdleTimeout"),
    ("Done", "Opened Refused Fail Abort PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Due Flushed End Reset WriteError WriteTimeout ClosingTimeout IdleTimeout"),
    ("Draining", "Opened Refused SendPing Fail PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Flushed WriteError WriteTimeout ClosingTimeout IdleTimeout"),
    ("Failing", "Opened Refused SendPing Close Fail PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Due WriteError WriteTimeout ClosingTimeout IdleTimeout"),
    ("FaultNoted", "Opened Refused SendPing Close Fail Abort PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Flushed Reset WriteError WriteTimeout ClosingTimeout IdleTimeout"),
    ("Open", "Opened Refused ViolationBehind Due Flushed ClosingTimeout"),
    ("Refusing", "Opened Refused Send SendPing Close Fail PeerData PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Due WriteError WriteTimeout ClosingTimeout IdleTimeout"),
    ("Severed", "Opened Refused Send SendPing Close Fail PeerPing PeerCloseBehind PeerClose ViolationBehind Violation Flushed WriteError WriteTimeout ClosingTimeout IdleTimeout"),
];

fn reached() -> Coverage {
    let mut coverage = Coverage::default();
    for scenario in all() {
        for role in &scenario.roles {
            for feed in [Feed::Asking, Feed::Ahead] {
                let mut runner = CoreRunner::new(&scenario, *role, Cut::Whole, feed);
                // A disputed one fails, and counts as far as it goes.
                let _ = play(&scenario, *role, &mut runner);
                coverage.extend(runner.coverage());
            }
        }
    }
    coverage
}

#[test]
fn rows_of_the_lifecycle_that_no_scenario_reaches_are_known() {
    let coverage = reached();
    let mut unreached: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (phase, input) in Phase::ALL.iter().flat_map(|p| Input::ALL.iter().map(move |i| (*p, *i))) {
        let row = Row::of(phase, input);
        if !coverage.rows().contains(&row) {
            unreached.entry(row.phase).or_default().push(row.input);
        }
    }
    let now: BTreeMap<String, String> =
        unreached.into_iter().map(|(phase, inputs)| (phase, inputs.join(" "))).collect();
    let known = UNREACHED.iter().map(|(phase, inputs)| ((*phase).to_owned(), (*inputs).to_owned())).collect();
    let lines: String = now.iter().map(|(phase, inputs)| format!("    ({phase:?}, {inputs:?}),\n")).collect();
    assert!(now == known, "the table is now:\n{lines}");
}

#[test]
fn every_phase_of_the_lifecycle_is_reached_by_a_scenario() {
    let coverage = reached();
    let reached: BTreeSet<&str> = coverage.rows().iter().map(|row| &*row.phase).collect();
    for phase in Phase::ALL {
        assert!(reached.contains(&*format!("{phase:?}")), "{phase:?}");
    }
}
