//! Two sides, a line and a clock.

use std::time::Duration;

use adieu_core::{Instant, Role};

use crate::endpoint::Endpoint;
use crate::line::{End, Line};
use crate::peer::Peer;
use crate::trace::{Record, Trace};
use crate::{Application, Dice, Harm, Plan, Port, Setup, Step};

/// After so many turns in one moment, a deadline is not acted on, or two sides never stop talking.
const MAX_TURNS: usize = 1_000_000;

/// A simulated network between two sides. Everything follows from its seed, which is printed if a test panics inside it, and is the first line
/// of a [`Trace::story`].
pub struct Network<'a> {
    seed: Shown,
    line: Line,
    setups: Vec<Setup>,
    seats: Vec<Seat<'a>>,
    records: Vec<Record>,
}

/// A side, and when it wakes.
struct Seat<'a> {
    role: Role,
    side: Side<'a>,
    wake: Option<Instant>,
}

/// Who is at an end of the line.
enum Side<'a> {
    Endpoint(Box<Endpoint<'a>>),
    Peer(Peer),
}

impl Seat<'_> {
    /// When a turn is due without anything of the line's.
    fn next_at(&self) -> Option<Instant> {
        match &self.side {
            Side::Endpoint(endpoint) => endpoint.next_at(),
            Side::Peer(peer) => peer.next_at(),
        }
    }

    /// A turn would come to something.
    fn is_ready(&self, line: &Line) -> bool {
        let ready = match &self.side {
            Side::Endpoint(endpoint) => {
                (endpoint.reads() && line.readable(self.role))
                    || (endpoint.writes() && line.writable(self.role))
            }
            Side::Peer(peer) => peer.is_ready(line),
        };
        ready || self.next_at().is_some_and(|at| at <= line.now)
    }

    /// Everything that can be done now; what happened goes to `records`.
    fn turn(&mut self, line: &mut Line, records: &mut Vec<Record>) {
        match &mut self.side {
            Side::Endpoint(endpoint) => {
                endpoint.turn(line.now, &mut End { line, role: self.role });
                records.append(&mut endpoint.take_records());
            }
            Side::Peer(peer) => {
                peer.turn(line);
                records.append(&mut peer.records);
            }
        }
        records.append(&mut line.records);
    }
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
            .field("plan", &self.line.plan)
            .finish_non_exhaustive()
    }
}

impl<'a> Network<'a> {
    /// A calm network, with nobody in it.
    pub fn new(seed: u64) -> Self {
        let (line, setups, seats) = (Line::new(Plan::default(), seed), Vec::new(), Vec::new());
        Self { seed: Shown(seed), line, setups, seats, records: Vec::new() }
    }

    /// The same with another plan.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.line = Line::new(plan, self.seed.0);
        self
    }

    /// And an endpoint. Its masking keys come from the network's seed unless the setup has entropy of its own.
    ///
    /// # Panics
    ///
    /// If the setup has what cannot travel.
    #[must_use]
    pub fn endpoint(mut self, mut setup: Setup, application: impl Application + 'a) -> Self {
        if setup.entropy == 0 {
            setup.entropy = Dice::new(self.seed.0).number().into();
        }
        let endpoint = Endpoint::new(&setup, application).expect("a request that can travel");
        self.sit(setup.role, Side::Endpoint(Box::new(endpoint)));
        self.setups.push(setup);
        self
    }

    /// And a raw peer.
    #[must_use]
    pub fn peer(mut self, role: Role, steps: impl IntoIterator<Item = Step>) -> Self {
        self.sit(role, Side::Peer(Peer::new(role, steps)));
        self
    }

    fn sit(&mut self, role: Role, side: Side<'a>) {
        self.seats.push(Seat { role, side, wake: Some(self.line.now) });
    }

    /// Lets time pass until nothing more happens, or until `limit` after the beginning.
    ///
    /// # Panics
    ///
    /// If an application, or the two together, never come to rest.
    pub fn run(mut self, limit: Duration) -> Trace {
        self.advance(limit);
        Trace { seed: Some(self.seed.0), setups: self.setups, records: self.records }
    }

    /// When something happens next.
    fn next_at(&self) -> Option<Instant> {
        // Who is about to wake looks at his clock then.
        let due = self.seats.iter().filter_map(|seat| seat.wake.or_else(|| seat.next_at()));
        due.chain(self.line.next_at()).min()
    }

    /// Sets an alarm for everybody who has something to do; some get up late.
    fn wake(&mut self) {
        for seat in &mut self.seats {
            if seat.wake.is_none() && seat.is_ready(&self.line) {
                seat.wake = Some(self.line.now + self.line.lag());
            }
        }
    }
}

/// By hand, step by step: for tests that look in between.
impl Network<'_> {
    /// Lets so much time pass. None at all: what is due now happens.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn advance(&mut self, time: Duration) {
        let end = self.line.now + time;
        let mut turns = 0;
        // Somebody may have something to do since the last time.
        self.wake();
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            turns = if at > self.line.now { 0 } else { turns + 1 };
            assert!(turns < MAX_TURNS, "time stands still at {at:?}");
            self.line.advance(at.max(self.line.now));
            self.records.append(&mut self.line.records);
            self.wake();
            if self.line.coin() {
                self.seats.reverse();
            }
            for seat in &mut self.seats {
                if seat.wake.is_some_and(|at| at <= self.line.now) {
                    seat.wake = None;
                    seat.turn(&mut self.line, &mut self.records);
                }
            }
            // What one did in this moment may be for the other to see.
            self.wake();
        }
        self.line.now = end;
    }

    /// Uses an endpoint's connection as its application does. What follows from it happens when time passes.
    ///
    /// # Panics
    ///
    /// If there is no endpoint in this role.
    pub fn with_port<T>(&mut self, role: Role, work: impl FnOnce(&mut Port<'_>) -> T) -> T {
        for seat in &mut self.seats {
            if let Side::Endpoint(endpoint) = &mut seat.side
                && seat.role == role
            {
                seat.wake = Some(self.line.now);
                let end = &mut End { line: &mut self.line, role };
                return work(&mut endpoint.port(end.line.now, end));
            }
        }
        panic!("there is no endpoint in the role {role:?}");
    }

    /// Lets a raw peer do this, behind what it has still to do. What the network brings at once is there for the other side, which
    /// gets no time meanwhile.
    pub fn direct(&mut self, role: Role, steps: impl IntoIterator<Item = Step>) {
        let mut steps = Some(steps);
        for seat in &mut self.seats {
            if let Side::Peer(peer) = &mut seat.side
                && seat.role == role
                && let Some(steps) = steps.take()
            {
                peer.steps.extend(steps);
                seat.turn(&mut self.line, &mut self.records);
            }
        }
        self.line.advance(self.line.now);
    }

    /// Something goes wrong now, in the direction of the bytes which this side sends.
    pub fn harm(&mut self, from: Role, harm: Harm) {
        self.line.harm(from, harm);
        self.line.advance(self.line.now);
    }

    /// What happened up to now.
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}
