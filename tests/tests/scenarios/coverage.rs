//! Which rows of the lifecycle's table the scenarios go through, as far as the calls and the phases before and after them tell.

use std::collections::BTreeSet;

use adieu_core::lifecycle::Phase;
use adieu_tests::scenario::{CoreRunner, Coverage, Cut, Feed, all, every_row, play, why_unasked, why_unseen};

fn reached() -> Coverage {
    let mut coverage = Coverage::default();
    for scenario in all() {
        for role in &scenario.roles {
            for feed in [Feed::Asking, Feed::Ahead] {
                let mut runner = CoreRunner::new(&scenario, *role, Cut::Whole, feed);
                play(&scenario, *role, &mut runner).expect("it holds");
                coverage.extend(runner.coverage());
            }
        }
    }
    coverage
}

/// A row is gone through by a scenario, or the core never asks for it, or there is a reason why no scenario can show it; and only one of the three.
#[test]
fn every_row_of_the_lifecycle_that_is_ever_asked_for_is_in_a_scenario() {
    let coverage = reached();
    let mut offences = Vec::new();
    for row in every_row() {
        match (coverage.rows().contains(&row), why_unasked(row), why_unseen(row)) {
            (true, None, None) | (false, Some(_), None) | (false, None, Some(_)) => {}
            (false, None, None) => offences.push(format!("{row:?} is in no scenario")),
            (true, Some(why), _) | (true, None, Some(why)) => {
                offences.push(format!("{row:?} is reached, although {why}"));
            }
            (false, Some(_), Some(_)) => offences.push(format!("{row:?} has two reasons")),
        }
    }
    assert!(offences.is_empty(), "{} offences: {offences:#?}", offences.len());
}

#[test]
fn every_phase_of_the_lifecycle_is_reached_by_a_scenario() {
    let coverage = reached();
    let reached: BTreeSet<String> = coverage.rows().iter().map(|row| format!("{:?}", row.1)).collect();
    assert_eq!(reached, Phase::ALL.map(|phase| format!("{phase:?}")).into());
}
