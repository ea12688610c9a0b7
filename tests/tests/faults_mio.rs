//! Every call into the stream fails once, in each way in which it can, in every scenario over the mio driver.

use std::panic::{AssertUnwindSafe, catch_unwind};

use adieu_core::Role;
use adieu_tests::scenario::{Act, Fault, MioRunner, Runner, Scenario, Wanted, all, play};

/// What passes does not show: the script holds as it stands.
const PASSING: [Fault; 3] = [Fault::WouldBlock, Fault::Interrupted, Fault::Short];

/// What ends the connection, somehow.
const ENDING: [Fault; 2] = [Fault::Zero, Fault::Reset];

/// Does what a script says, whatever follows from it.
fn act_out(scenario: &Scenario, runner: &mut MioRunner) {
    for step in &scenario.steps {
        step.acts.iter().for_each(|act| runner.act(act));
        runner.settle(&Wanted::these(Vec::new()));
    }
}

/// Each script with each role, and how many calls it makes, with all that comes after it.
fn scripts() -> Vec<(Scenario, Role, usize)> {
    let mut scripts = Vec::new();
    for scenario in all() {
        for role in scenario.roles.clone() {
            let mut runner = MioRunner::new(&scenario, role);
            act_out(&scenario, &mut runner);
            let calls = runner.calls();
            runner.conclude();
            scripts.push((scenario.clone(), role, calls));
        }
    }
    assert!(scripts.len() >= 20, "{} scripts", scripts.len());
    scripts
}

/// Runs all that may panic, and tells everything that did.
fn check(cases: impl Iterator<Item = (String, Box<dyn FnOnce()>)>) {
    let (mut count, mut failed) = (0, Vec::new());
    for (about, case) in cases {
        count += 1;
        if catch_unwind(AssertUnwindSafe(case)).is_err() {
            failed.push(about);
        }
    }
    eprintln!("{count} runs");
    assert!(failed.is_empty(), "{} of {count} failed, see above:\n{}", failed.len(), failed.join("\n"));
}

fn faults<'s>(
    scripts: &'s [(Scenario, Role, usize)],
    ways: &'static [Fault],
) -> impl Iterator<Item = (&'s Scenario, Role, usize, Fault)> {
    scripts.iter().flat_map(move |(scenario, role, calls)| {
        (0..*calls).flat_map(move |at| ways.iter().map(move |fault| (scenario, *role, at, *fault)))
    })
}

#[test]
fn whatever_call_fails_there_is_one_verdict_no_spin_and_nothing_left() {
    let scripts = scripts();
    check(
        faults(&scripts, &[Fault::WouldBlock, Fault::Interrupted, Fault::Short, Fault::Zero, Fault::Reset])
            .map(|(scenario, role, at, fault)| {
                let scenario = scenario.clone();
                let about = format!("[{}] {role:?}: call {at}: {fault:?}", scenario.id);
                let run = move || {
                    let mut runner = MioRunner::new(&scenario, role).failing(at, fault);
                    act_out(&scenario, &mut runner);
                    runner.conclude();
                };
                (about, Box::new(run) as Box<dyn FnOnce()>)
            }),
    );
}

#[test]
fn a_fault_that_passes_changes_nothing() {
    let scripts = scripts();
    // Where writing fails, how much went out before is a matter of chance. A look that is told that nothing is there finds nothing.
    let holds = |scenario: &Scenario, fault: Fault| {
        let cut = fault == Fault::Short && scenario.whole.is_some();
        let blind = fault == Fault::WouldBlock && scenario.row() == "S2";
        !cut && !blind && !scenario.acts().any(|act| *act == Act::WritingFails)
    };
    let cases = faults(&scripts, &PASSING).filter(|(scenario, _, _, fault)| holds(scenario, *fault));
    check(cases.map(|(scenario, role, at, fault)| {
        let scenario = scenario.clone();
        let about = format!("[{}] {role:?}: call {at}: {fault:?}", scenario.id);
        let run = move || {
            let mut runner = MioRunner::new(&scenario, role).failing(at, fault);
            if let Err(difference) = play(&scenario, role, &mut runner) {
                panic!("{difference}");
            }
        };
        (about, Box::new(run) as Box<dyn FnOnce()>)
    }));
}

#[test]
fn a_fault_that_ends_is_seen() {
    let scripts = scripts();
    let mut differs = 0;
    for (scenario, role, at, fault) in faults(&scripts, &ENDING).take(1000) {
        let mut runner = MioRunner::new(scenario, role).failing(at, fault);
        differs += usize::from(play(scenario, role, &mut runner).is_err());
    }
    assert!(differs > 100, "only {differs} of 1000 differ: nothing fails");
}
