//! S7, for every await at every poll: a call that is dropped and made again changes nothing.

use adieu_tokio::Role;

use crate::script::check::{Said, check, said};
use crate::script::steps::{Manner, Steps};
use crate::script::{Drive, Outcome, Script, Setting, Start, all};

/// A script with fewer pending polls, over all ways to run it, says nothing; nor does one with fewer pairs of them.
const POLLS: usize = 24;
const PAIRS: usize = 8;

/// A run in which nothing is dropped, and what is compared with it.
struct Whole<'a> {
    script: &'a Script,
    setting: Setting,
    manner: Manner,
    outcome: Outcome,
}

/// What the peer has heard, and the Pings among it.
fn heard(script: &Script, outcome: &Outcome) -> (Said, usize) {
    let (_, theirs) = outcome.books.last().expect("a stream");
    let mut heard = said(&theirs.open().taken_in, script.start != Start::Open);
    let pings = std::mem::take(&mut heard.pings);
    (heard, pings)
}

impl<'a> Whole<'a> {
    fn new(script: &'a Script, setting: Setting, manner: Manner) -> Self {
        let outcome = script.run(setting, &Steps::new(manner, [0; 2]));
        check(script, &outcome, &format!("{}, {setting:?}", script.name));
        assert!(outcome.pending > 0, "{}, {setting:?}: no call ever waits", script.name);
        Self { script, setting, manner, outcome }
    }

    /// Drops the calls that are pending at the polls `at`.
    fn compare(&self, at: [usize; 2]) {
        let Self { script, setting, manner, outcome: whole } = self;
        let about = format!("{}, {setting:?}, {manner:?} at {at:?} of {}", script.name, whole.pending);
        let run = script.run(*setting, &Steps::new(*manner, at));
        check(script, &run, &about);
        assert!(run.pending >= at[0], "{about}: it came to that");
        assert_eq!(run.record, whole.record, "{about}");
        assert_eq!(run.elapsed, whole.elapsed, "{about}: nobody waited for a deadline");
        let ((heard, pings), (expected, usual)) = (heard(script, &run), heard(script, whole));
        assert_eq!(heard, expected, "{about}");
        // A ping that was dropped has been sent, and one was sent in its place.
        assert!((usual..=usual + 2).contains(&pings), "{about}: {pings} Pings instead of {usual}");
        if setting.drive == Drive::Spawned && setting.role == Role::Server {
            for (ours, _) in run.books.iter().rev().skip(1) {
                let answer = String::from_utf8_lossy(&ours.open().taken_out).into_owned();
                let refused = answer.starts_with("HTTP/1.1 503 ") || answer.starts_with("HTTP/1.1 403 ");
                assert!(refused && answer.contains("\r\n\r\n"), "{about}: given up in order: {answer}");
            }
        }
    }
}

/// Every script in every way, with what `drop_calls` does to it, which tells how many runs those were.
fn sweep(least: usize, drop_calls: impl Fn(&Whole<'_>) -> usize) {
    let scripts = all();
    assert!(scripts.len() >= 20);
    let mut runs = 0;
    for script in &scripts {
        let mut of_script = 0;
        for setting in script.settings() {
            for manner in Manner::ALL {
                of_script += drop_calls(&Whole::new(script, setting, manner));
            }
        }
        eprintln!("{of_script:6} runs: {}", script.name);
        assert!(of_script >= least, "{}: {of_script} runs", script.name);
        runs += of_script;
    }
    eprintln!("{} scripts, {runs} runs with calls dropped", scripts.len());
}

#[test]
fn s7_every_call_can_be_dropped_at_every_poll() {
    sweep(POLLS, |whole| {
        (1..=whole.outcome.pending).for_each(|at| whole.compare([at, 0]));
        whole.outcome.pending
    });
}

#[test]
fn s7_any_two_calls_can_be_dropped() {
    sweep(PAIRS, |whole| {
        let last = whole.outcome.pending;
        let pairs = (1..=last).flat_map(|first| (first + 1..=last).map(move |second| [first, second]));
        pairs.map(|at| whole.compare(at)).count()
    });
}
