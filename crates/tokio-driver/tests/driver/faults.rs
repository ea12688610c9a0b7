//! One call into the stream fails, every one in turn and in every way: there is one verdict, it is right, and it comes in time.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use adieu_tokio::{Cause, Closed, Timeout};

use crate::peers::config;
use crate::script::check::check;
use crate::script::steps::{Manner, Steps};
use crate::script::tap::{Call, Fault};
use crate::script::{Outcome, Script, Setting, all};

/// Polls beyond those of a run without a fault.
const POLLS: usize = 16;

/// A script with fewer faults, over all ways to run it, says nothing.
const LEAST: usize = 200;

/// How a call can fail, of which `passed` bytes passed; `None`: it was pending.
fn faults(call: Call, passed: Option<usize>) -> Vec<Fault> {
    let errors: &[ErrorKind] = match call {
        Call::Read | Call::Look => {
            &[ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof, ErrorKind::Other, ErrorKind::Interrupted]
        }
        Call::Write | Call::Flush | Call::ShutDown => {
            &[ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::Other, ErrorKind::Interrupted]
        }
    };
    let mut faults: Vec<_> = errors.iter().map(|kind| Fault::Error(*kind)).collect();
    faults.push(Fault::Pending);
    if matches!(call, Call::Read | Call::Look | Call::Write) {
        faults.push(Fault::Zero);
        faults.extend(passed.filter(|len| *len > 1).map(|_| Fault::Short));
    }
    faults
}

/// A stream may do that at any time.
fn is_harmless(fault: Fault) -> bool {
    matches!(fault, Fault::Short | Fault::Pending | Fault::Error(ErrorKind::Interrupted))
}

/// What the fault of a call makes of the end, if nothing else had begun it.
fn cause(call: Call, fault: Fault, cause: &Cause) -> bool {
    match (call, fault) {
        (Call::Read | Call::Look, Fault::Zero) => matches!(cause, Cause::EndOfStream { .. }),
        (_, Fault::Error(ErrorKind::UnexpectedEof)) => *cause == Cause::Truncated,
        _ => *cause == Cause::Reset,
    }
}

/// A stream's buffer has taken our Close and cannot let go of it: the answer is waited for all the same.
fn is_unheard(setting: Setting, call: Call, verdict: &Closed) -> bool {
    let in_the_buffer = setting.holds && matches!(call, Call::Write | Call::Flush) && verdict.flushed;
    in_the_buffer && verdict.cause == Cause::Timeout(Timeout::Close)
}

/// A run without a fault.
fn whole(script: &Script, setting: Setting) -> Outcome {
    let outcome = script.run(setting, &Steps::new(Manner::Again, [0; 2]));
    check(script, &outcome, script.name);
    outcome
}

/// A run with one.
fn fail(script: &Script, setting: Setting, call: Call, whole: &Outcome) {
    let (at, fault) = setting.fault.expect("a fault");
    let about = format!("{}: {call:?}, {setting:?}", script.name);
    let run = script.run(setting, &Steps::new(Manner::Again, [0; 2]));
    check(script, &run, &about);
    let (ours, theirs) = run.books.last().expect("a stream");
    let ours = ours.open();
    assert_eq!(ours.calls[at].0, call, "{about}: the same up to the fault");
    assert!(ours.failed_after.is_some(), "{about}: it came to that");
    let (more, usual) = (ours.polls - ours.polls_before, whole.books[0].0.open().polls);
    assert!(more <= usual + POLLS, "{about}: {more} polls after it, {usual} without it");
    // What a stream's buffer holds is left behind where the end is not clean, and lost with the stream where that fails.
    let is_clean = || run.record.verdicts.first().is_none_or(|verdict| verdict.clean);
    if !setting.holds || is_harmless(fault) && is_clean() {
        assert_eq!(ours.taken_out, theirs.open().taken_in, "{about}: the peer has all that was taken");
    }
    if is_harmless(fault) {
        if !script.races {
            assert_eq!(run.record, whole.record, "{about}");
            assert_eq!(run.elapsed, whole.elapsed, "{about}");
        }
        return;
    }
    // An end that a fault brings about is waited for as long as the drain takes, which is well within `max_close_time()`.
    let unheard = run.record.verdicts.first().is_some_and(|verdict| is_unheard(setting, call, verdict));
    let wait = if unheard { config(|_| {}).close_timeout } else { config(|_| {}).drain_timeout };
    let most = whole.elapsed + wait;
    assert!(run.elapsed <= most, "{about}: {:?} instead of {:?}", run.elapsed, whole.elapsed);
    if let (Some(verdict), Some(usual)) = (run.record.verdicts.first(), whole.record.verdicts.first()) {
        let expected = verdict.cause == usual.cause || unheard || cause(call, fault, &verdict.cause);
        assert!(expected, "{about}: {verdict:?}");
    }
}

/// Runs a script with a fault in every call.
fn fail_everywhere(script: &Script, setting: Setting, kinds: &mut BTreeMap<String, usize>) -> usize {
    let whole = whole(script, setting);
    let calls = whole.books[0].0.open().calls.clone();
    let mut runs = 0;
    for (at, (call, passed)) in calls.into_iter().enumerate() {
        for fault in faults(call, passed) {
            fail(script, Setting { fault: Some((at, fault)), ..setting }, call, &whole);
            *kinds.entry(format!("{call:?} {fault:?}")).or_default() += 1;
            runs += 1;
        }
    }
    runs
}

#[test]
fn any_call_into_the_stream_can_fail() {
    let scripts = all();
    assert!(scripts.len() >= 20);
    let (mut runs, mut kinds) = (0, BTreeMap::new());
    for script in &scripts {
        let mut of_script = 0;
        for setting in script.settings() {
            for (looks, holds) in [(false, false), (true, false), (false, true)] {
                of_script += fail_everywhere(script, Setting { looks, holds, ..setting }, &mut kinds);
            }
        }
        eprintln!("{of_script:6} faults: {}", script.name);
        assert!(of_script >= LEAST, "{}: {of_script} faults", script.name);
        runs += of_script;
    }
    eprintln!("{} scripts, {runs} faults: {kinds:#?}", scripts.len());
}
