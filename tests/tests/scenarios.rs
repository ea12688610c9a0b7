//! Every scenario of `tests/scenarios`, over the core, the simulator and both drivers, and what holds of the scenarios themselves.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use adieu_core::Role;
use adieu_sim::Cuts;
use adieu_tests::scenario::{
    Act, AppAct, CoreRunner, Cut, ELSEWHERE, Expect, Feed, Hidden, MioLoopRunner, MioRunner, Over, Runner,
    Scenario, Seen, SimRunner, TokioRunner, Wanted, all, parse, play, why_not_over_sockets,
};

#[path = "scenarios/bytes.rs"]
mod bytes;
#[path = "scenarios/coverage.rs"]
mod coverage;

/// Everything that failed, one after the other.
#[derive(Debug, Default)]
struct Failures {
    plays: usize,
    what: Vec<String>,
}

impl Failures {
    fn play(&mut self, scenario: &Scenario, role: Role, how: &str, runner: &mut impl Runner) {
        self.plays += 1;
        let result = catch_unwind(AssertUnwindSafe(|| play(scenario, role, runner)));
        let error = match result {
            Ok(result) => result.err(),
            Err(_) => Some(format!("[{}] {role:?}: panicked, see above", scenario.id)),
        };
        self.what.extend(error.map(|error| format!("{how}: {error}")));
    }

    #[track_caller]
    fn check(&self) {
        let (count, plays) = (self.what.len(), self.plays);
        assert!(plays > 0, "nothing was played");
        assert!(count == 0, "{count} of {plays} failed:\n{}", self.what.join("\n"));
    }
}

#[test]
fn every_scenario_holds_over_the_core_in_both_roles() {
    let mut failures = Failures::default();
    for scenario in all() {
        for role in &scenario.roles {
            for feed in [Feed::Asking, Feed::Ahead] {
                let mut runner = CoreRunner::new(&scenario, *role, Cut::Whole, feed);
                failures.play(&scenario, *role, &format!("{feed:?}"), &mut runner);
            }
        }
    }
    failures.check();
}

/// What the network leaves to chance is different with each.
const SEEDS: u64 = 4;

#[test]
fn every_scenario_holds_over_the_simulator_whatever_chance_does() {
    let mut failures = Failures::default();
    for scenario in all() {
        let cuts = if scenario.whole.is_some() { Cuts::Whole } else { Cuts::Anywhere };
        for (role, seed) in scenario.roles.iter().flat_map(|role| (0..SEEDS).map(move |seed| (role, seed))) {
            for cuts in [Cuts::Whole, cuts] {
                let mut runner = SimRunner::new(&scenario, *role, seed, cuts);
                failures.play(&scenario, *role, &format!("simulated, seed {seed}, {cuts:?}"), &mut runner);
            }
        }
    }
    failures.check();
}

/// The scenario, with what the core does as all that must follow, to the word.
fn as_the_core_does(scenario: &Scenario, role: Role) -> Scenario {
    let core = play(scenario, role, &mut CoreRunner::new(scenario, role, Cut::Whole, Feed::Asking));
    let mut exact = scenario.clone();
    for (step, moment) in exact.steps.iter_mut().zip(core.expect("it holds over the core").moments) {
        step.expect = moment.seen.into_iter().map(|what| Expect { role: None, what }).collect();
    }
    exact
}

/// Plays what the core does, and answers with what the runner could not see of it.
fn same_trace(exact: &Scenario, role: Role, runner: &mut impl Runner) -> Vec<(Seen, &'static Hidden)> {
    let trace = play(exact, role, runner).unwrap_or_else(|error| panic!("not as over the core: {error}"));
    trace.moments.into_iter().flat_map(|moment| moment.hidden).collect()
}

/// What a runner is said to hide it has hidden somewhere, and nothing else.
fn assert_hides(hidden: &[(Seen, &'static Hidden)], said: &[Hidden]) {
    for other in said {
        assert!(hidden.iter().any(|(_, why)| *why == other), "{other:?} hides nothing");
    }
    assert!(hidden.iter().all(|(_, why)| said.contains(why)), "{hidden:?}");
}

#[test]
fn the_core_and_the_simulator_leave_the_same_trace() {
    let mut hidden = Vec::new();
    for scenario in all() {
        for role in &scenario.roles {
            let exact = as_the_core_does(&scenario, *role);
            hidden.extend(same_trace(&exact, *role, &mut SimRunner::new(&scenario, *role, 0, Cuts::Whole)));
        }
    }
    assert_hides(&hidden, &SimRunner::HIDES);
}

#[test]
fn every_scenario_holds_over_the_mio_driver_in_both_roles() {
    let mut failures = Failures::default();
    for scenario in all() {
        for role in &scenario.roles {
            failures.play(&scenario, *role, "over mio", &mut MioRunner::new(&scenario, *role));
        }
    }
    failures.check();
}

#[test]
fn scenarios_hold_over_the_mio_drivers_loop_and_sockets() {
    let mut failures = Failures::default();
    for scenario in all().iter().filter(|scenario| why_not_over_sockets(scenario).is_none()) {
        for role in &scenario.roles {
            failures.play(scenario, *role, "the loop", &mut MioLoopRunner::new(scenario, *role));
        }
    }
    failures.check();
}

#[test]
fn the_core_and_the_mio_driver_leave_the_same_trace() {
    for scenario in all() {
        for role in &scenario.roles {
            let exact = as_the_core_does(&scenario, *role);
            assert_eq!(same_trace(&exact, *role, &mut MioRunner::new(&scenario, *role)), []);
        }
    }
}

#[test]
fn the_core_and_the_tokio_driver_leave_the_same_trace_as_far_as_a_program_sees_it() {
    let (mut hidden, mut told_late) = (Vec::new(), 0);
    for scenario in all().iter().filter(|scenario| TokioRunner::excuse(scenario, Over::Pipe).is_none()) {
        for role in &scenario.roles {
            let exact = as_the_core_does(scenario, *role);
            let mut runner = TokioRunner::new(scenario, *role, Over::Pipe);
            let unseen = same_trace(&exact, *role, &mut runner);
            let unanswered = &TokioRunner::HIDES[1];
            let late: Vec<Seen> =
                unseen.iter().filter(|(_, why)| *why == unanswered).map(|(seen, _)| seen.clone()).collect();
            if !late.is_empty() {
                runner.act(&Act::App(AppAct::Accept));
                assert_eq!(runner.settle(&Wanted::these(Vec::new())), late, "[{}]: the answer", scenario.id);
                told_late += 1;
            }
            hidden.extend(unseen);
        }
    }
    assert!(told_late > 0, "no request is answered too late");
    assert_hides(&hidden, &TokioRunner::HIDES);
}

/// Of long ones, the beginning and the end are cut everywhere, and the middle here and there.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    let edge = move |at: &usize| *at < 400 || *at + 400 > len || at.is_multiple_of(4001);
    (1..len).filter(edge)
}

#[test]
fn no_scenario_depends_on_where_the_peers_bytes_are_cut() {
    let mut failures = Failures::default();
    for scenario in all().iter().filter(|scenario| scenario.whole.is_none()) {
        for role in &scenario.roles {
            for feed in [Feed::Asking, Feed::Ahead] {
                let mut runner = CoreRunner::new(scenario, *role, Cut::EveryByte, feed);
                failures.play(scenario, *role, &format!("{feed:?}, every byte"), &mut runner);
                for at in cuts(runner.read_len()) {
                    let mut runner = CoreRunner::new(scenario, *role, Cut::At(at), feed);
                    failures.play(scenario, *role, &format!("{feed:?}, cut at {at}"), &mut runner);
                }
            }
        }
    }
    failures.check();
}

fn over_tokio(over: Over) {
    let mut failures = Failures::default();
    for scenario in all().iter().filter(|scenario| TokioRunner::excuse(scenario, over).is_none()) {
        for role in &scenario.roles {
            let mut runner = TokioRunner::new(scenario, *role, over);
            failures.play(scenario, *role, &format!("{over:?}"), &mut runner);
        }
    }
    failures.check();
}

#[test]
fn every_scenario_holds_over_the_tokio_driver_in_memory() {
    over_tokio(Over::Pipe);
}

#[test]
fn scenarios_hold_over_the_tokio_driver_and_sockets() {
    over_tokio(Over::Sockets);
}

/// The rows of `docs/CLOSE.md` section 3.
fn rows_of_the_specification() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CLOSE.md");
    let page = std::fs::read_to_string(path).expect("docs/CLOSE.md");
    let id = |line: &str| {
        let id = line.strip_prefix("| ")?.split(' ').next()?.to_owned();
        let (letter, number) = id.split_at_checked(1)?;
        ("NABCFS".contains(letter) && number.parse::<u8>().is_ok()).then_some(id)
    };
    page.lines().filter_map(id).collect()
}

#[test]
fn every_row_of_the_specification_has_a_scenario_or_a_reason() {
    let rows = rows_of_the_specification();
    assert!(rows.len() >= 67, "only {} rows were found", rows.len());
    let played: BTreeSet<String> = all().iter().map(|scenario| scenario.row().to_owned()).collect();
    let excused: BTreeSet<String> = ELSEWHERE.iter().map(|(row, _)| (*row).to_owned()).collect();
    assert_eq!(played.difference(&rows).next(), None, "a scenario for a row that is not there");
    assert_eq!(played.intersection(&excused).next(), None, "a scenario and an excuse");
    let covered: BTreeSet<String> = played.union(&excused).cloned().collect();
    assert_eq!(covered, rows);
}

#[track_caller]
fn assert_refused(text: &str, line: usize, what: &str) {
    let error = parse(text).expect_err("a text that is not understood");
    assert_eq!((error.line, error.what.contains(what)), (line, true), "{error}");
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    assert_refused("open", 1, "id in brackets");
    assert_refused("[A1] x\n\nopne", 3, "not understood");
    assert_refused("[A1] x\npeer: end", 2, "begins with");
    assert_refused("[A1] x\nopen\nopen", 3, "once");
    assert_refused("[A1] x\nopen\npeer: text \"hi", 3, "without its end");
    assert_refused("[A1] x\nopen\npeer: text \"hi\" 3", 3, "not understood");
    assert_refused("[A1] x\nopen\npeer: shout \"hi\"", 3, "not something that a peer sends");
    assert_refused("[A1] x\nconfig: close_timeuot=5s\nopen", 2, "not a setting");
    assert_refused("[A1] x\nopen\n=> peer: shouts", 3, "not something that a peer sends");
    assert_refused("[A1] x\nopen\n=> verdict: bored", 3, "not a cause");
    assert_refused("[A1] x\nopen\n=> verdict: reset, clean, clean", 3, "twice");
    assert_refused("[A1] x\nopen\nwait 5", 3, "a time expected");
    assert_refused("[A1] x\neach | a | b\n| 1\nopen", 3, "a row of 1 cells");
    assert_refused("[A1] x\nopen\n[A1] y\nopen", 3, "stands twice");
    assert_refused("[A1] x\nroles: proxy\nopen", 2, "client or server");
    assert_refused("[A1] x\n# nothing\n[A2] y\nopen", 1, "needs `open`");
}

/// Plays one scenario in OPEN over the core.
fn play_text(steps: &str) -> Result<(), String> {
    let scenario = parse(&format!("[A1] tried\nopen\n{steps}")).expect("a scenario").remove(0);
    let mut runner = CoreRunner::new(&scenario, Role::Server, Cut::Whole, Feed::Asking);
    play(&scenario, Role::Server, &mut runner).map(drop)
}

#[test]
fn what_is_missing_too_much_out_of_order_or_different_fails_a_scenario() {
    let good = "peer: ping \"a\" + ping \"b\"\n=> peer: pong \"a\" + pong \"b\"";
    assert_eq!(play_text(good), Ok(()));
    let missing = "peer: ping \"a\" + ping \"b\"\n=> peer: pong \"a\" + pong \"b\" + pong \"c\"";
    let too_much = "peer: ping \"a\" + ping \"b\"\n=> peer: pong \"a\"";
    let order = "peer: ping \"a\" + ping \"b\"\n=> peer: pong \"b\" + pong \"a\"";
    let nothing = "peer: ping \"a\"\n=> nothing";
    let late = "peer: ping \"a\"\nwait 1s\n=> peer: pong \"a\"";
    let state = "peer: ping \"a\"\n=> peer: pong \"a\"\n=> state: closing";
    for bad in [missing, too_much, order, nothing, late, state] {
        let error = play_text(bad).expect_err("a scenario that fails");
        assert!(error.contains("line 3"), "{error}");
    }
}
