//! Runs a scenario under many schedules.
//!
//! The checker takes every memory ordering as the strictest: it says nothing about those that are weaker.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, Runner};

use crate::clock;

/// Schedules of each scenario.
const RANDOM: usize = 1_500;
const PCT: usize = 500;
/// Preemptions of a PCT schedule (Burckhardt and others, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs").
const DEPTH: usize = 3;
/// The same schedules every time; the checker's own environment variable chooses others.
const SEED: u64 = 6455;
/// Fewer different schedules say nothing.
const LEAST: usize = 100;

/// Room for the stack of a thread.
const STACK_LEN: usize = 256 << 10;

/// What the schedules of a run were like.
#[derive(Default)]
struct Figures {
    schedules: usize,
    steps: usize,
    /// Hashes of the decisions of each.
    different: HashSet<u64>,
    decisions: DefaultHasher,
}

impl Figures {
    fn end_of_schedule(&mut self) {
        self.different.insert(std::mem::take(&mut self.decisions).finish());
    }
}

/// A scheduler, observed.
struct Counted<S> {
    scheduler: S,
    figures: Arc<Mutex<Figures>>,
}

impl<S: Scheduler> Scheduler for Counted<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut figures = self.figures.lock().expect("no panic");
        if figures.schedules > 0 {
            figures.end_of_schedule();
        }
        let schedule = self.scheduler.new_execution();
        figures.schedules += usize::from(schedule.is_some());
        schedule
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let next = self.scheduler.next_task(runnable, current, yields);
        let mut figures = self.figures.lock().expect("no panic");
        figures.steps += 1;
        next.map(usize::from).hash(&mut figures.decisions);
        next
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.next_u64()
    }
}

/// Checks a scenario, and tells how many schedules there were and how many of them differ.
pub(crate) fn check(name: &str, scenario: fn()) {
    let random = run(RandomScheduler::new_from_seed(SEED, RANDOM), scenario);
    let pct = run(PctScheduler::new_from_seed(SEED, DEPTH, PCT), scenario);
    for (kind, figures, schedules) in [("random", random, RANDOM), ("PCT", pct, PCT)] {
        let different = figures.different.len();
        eprintln!("{name}: {schedules} {kind} schedules, {different} different, {} steps", figures.steps);
        assert_eq!(figures.schedules, schedules);
        assert!(different >= LEAST, "{name}: {different} different schedules");
    }
}

fn run(scheduler: impl Scheduler + 'static, scenario: fn()) -> Figures {
    let mut config = Config::new();
    (config.stack_size, config.silence_warnings) = (STACK_LEN, true);
    let figures = Arc::<Mutex<Figures>>::default();
    let counted = Counted { scheduler, figures: Arc::clone(&figures) };
    Runner::new(counted, config).run(move || {
        clock::begin();
        scenario();
    });
    std::mem::take(&mut *figures.lock().expect("no panic"))
}
