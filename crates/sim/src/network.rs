//! Two sides, a line and a clock.

use core::mem::take;
use std::time::Duration;

use adieu_core::{Instant, Role};

use crate::endpoint::Endpoint;
use crate::line::Line;
use crate::peer::Peer;
use crate::trace::{Record, Trace};
use crate::{Application, Dice, Plan, Setup, Step};

/// After so many turns in one moment, a deadline is not acted on, or two sides never stop talking.
const MAX_TURNS: usize = 1_000_000;

/// A simulated network between two sides. Everything follows from its seed, which is printed if a test panics inside it.
pub struct Network<'a> {
    seed: Shown,
    plan: Plan,
    setups: Vec<Setup>,
    sides: Vec<Box<dyn Side + 'a>>,
}

/// Tells the seed of a run that panics.
struct Shown(u64);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("adieu-sim: seed {}", self.0);
        }
    }
}

impl core::fmt::Debug for Network<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Network")
            .field("seed", &self.seed.0)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

/// Who is at an end of the line.
pub(crate) trait Side {
    /// When a turn is due without anything of the line's.
    fn next_at(&self) -> Option<Instant>;

    /// A turn would come to something.
    fn is_ready(&self, line: &Line) -> bool;

    /// Everything that can be done now.
    fn turn(&mut self, line: &mut Line);

    /// What was done and not taken from here.
    fn records(&mut self) -> &mut Vec<Record>;
}

impl<'a> Network<'a> {
    /// A calm network, with nobody in it.
    pub fn new(seed: u64) -> Self {
        Self { seed: Shown(seed), plan: Plan::default(), setups: Vec::new(), sides: Vec::new() }
    }

    /// The same with another plan.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    /// And an endpoint. Its masking keys come from the network's seed unless the setup has entropy of its own.
    ///
    /// # Panics
    ///
    /// If the setup's target or subprotocol cannot travel.
    #[must_use]
    pub fn endpoint(mut self, mut setup: Setup, application: impl Application + 'a) -> Self {
        if setup.entropy == 0 {
            setup.entropy = Dice::new(self.seed.0).number();
        }
        let conn = setup.connection(Instant::EPOCH).expect("a target and a subprotocol that can travel");
        let endpoint = Endpoint::new(conn, Box::new(application));
        self.sides.push(Box::new(endpoint));
        self.setups.push(setup);
        self
    }

    /// And a raw peer.
    #[must_use]
    pub fn peer(mut self, role: Role, steps: impl IntoIterator<Item = Step>) -> Self {
        self.sides.push(Box::new(Peer::new(role, steps)));
        self
    }

    /// Lets time pass until nothing more happens, or until `limit` after the beginning.
    ///
    /// # Panics
    ///
    /// If an application, or the two together, never come to rest.
    pub fn run(mut self, limit: Duration) -> Trace {
        let (mut line, mut records) = (Line::new(self.plan.clone(), self.seed.0), Vec::new());
        let mut wakes: Vec<_> = self.sides.iter().map(|_| Some(Instant::EPOCH)).collect();
        let end = Instant::EPOCH + limit;
        let mut turns = 0;
        while let Some(at) = self.next_at(&line, &wakes).filter(|at| *at <= end) {
            turns = if at > line.now { 0 } else { turns + 1 };
            assert!(turns < MAX_TURNS, "time stands still at {at:?}");
            line.advance(at.max(line.now));
            records.append(&mut line.records);
            self.wake(&mut line, &mut wakes);
            let reversed = line.coin();
            for index in 0..self.sides.len() {
                let index = if reversed { self.sides.len() - 1 - index } else { index };
                if wakes[index].is_some_and(|at| at <= line.now) {
                    wakes[index] = None;
                    self.sides[index].turn(&mut line);
                    records.append(self.sides[index].records());
                    records.append(&mut line.records);
                }
            }
            // What one did in this moment may be for the other to see.
            self.wake(&mut line, &mut wakes);
        }
        Trace { seed: self.seed.0, setups: take(&mut self.setups), records }
    }

    /// When something happens next.
    fn next_at(&self, line: &Line, wakes: &[Option<Instant>]) -> Option<Instant> {
        let sides = self.sides.iter().zip(wakes);
        // Who is about to wake looks at his clock then.
        let due = sides.filter_map(|(side, wake)| wake.or_else(|| side.next_at()));
        due.chain(line.next_at()).min()
    }

    /// Sets an alarm for everybody who has something to do; some get up late.
    fn wake(&self, line: &mut Line, wakes: &mut [Option<Instant>]) {
        for (side, wake) in self.sides.iter().zip(wakes) {
            if wake.is_none() && side.is_ready(line) {
                *wake = Some(line.now + line.lag());
            }
        }
    }
}
