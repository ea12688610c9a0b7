//! Two endpoints, the wires between them, and time.

use adieu_core::{Instant, Role, State};

use crate::monitor::{Broken, Rule};
use crate::{Act, Budget, End, Faults, Setup, Wire, properties};
use stateright::{Model, Property};

/// A state of everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct System {
    /// The clock that both endpoints read.
    pub now: Instant,
    /// The client, and the server.
    pub ends: [End; 2],
    /// What the client reads from, and what the server reads from.
    pub wires: [Wire; 2],
    /// What may still happen.
    pub left: Budget,
    /// What went wrong, by the endpoint that it happened to. What was done to it otherwise is in [`Ghost`](crate::Ghost).
    pub faults: [Faults; 2],
    /// The rules that were broken on the way.
    pub broken: Broken,
}

/// The endpoint's place in [`System::ends`], and in [`System::wires`] that of the wire that it reads from.
pub(crate) const fn at(role: Role) -> usize {
    match role {
        Role::Client => 0,
        Role::Server => 1,
    }
}

pub(crate) const fn peer(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

impl System {
    /// The endpoint of a role.
    pub fn end(&self, role: Role) -> &End {
        &self.ends[at(role)]
    }

    /// The wire that a role reads from.
    pub fn input(&self, role: Role) -> &Wire {
        &self.wires[at(role)]
    }

    /// The wire that a role writes to.
    pub fn output(&self, role: Role) -> &Wire {
        &self.wires[at(peer(role))]
    }

    /// What went wrong at a role's endpoint.
    pub fn faults(&self, role: Role) -> Faults {
        self.faults[at(role)]
    }

    /// The next deadline of either endpoint.
    pub fn deadline(&self) -> Option<Instant> {
        self.ends.iter().filter_map(|end| end.protocol.deadline()).min()
    }

    /// Compares an endpoint with what it was before a step.
    pub(crate) fn compare(&mut self, before: &[End; 2]) {
        for (before, after) in before.iter().zip(&mut self.ends) {
            let (was, is) = (&before.protocol, &after.protocol);
            if let Some(verdict) = was.closed() {
                self.broken.unless(is.closed() == Some(verdict), Rule::VerdictStays);
            }
            let forward = rank(is.state()) >= rank(was.state()) && is.transport() >= was.transport();
            self.broken.unless(forward, Rule::Forward);
            after.watch(self.now);
        }
    }
}

const fn rank(state: State) -> u8 {
    match state {
        State::Connecting => 0,
        State::Open => 1,
        State::Closing => 2,
        State::Closed => 3,
    }
}

/// A [`Setup`] as a model.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// What bounds the search.
    pub setup: Setup,
}

impl Model for Lifecycle {
    type State = System;
    type Action = Act;

    fn init_states(&self) -> Vec<System> {
        let [client, server] = self.setup.configs();
        let now = Instant::EPOCH;
        vec![System {
            now,
            ends: [End::new(Role::Client, client, now), End::new(Role::Server, server, now)],
            wires: [Wire::default(), Wire::default()],
            left: self.setup.budget,
            faults: [Faults::default(); 2],
            broken: Broken::default(),
        }]
    }

    fn actions(&self, system: &System, actions: &mut Vec<Act>) {
        system.enabled(&self.setup, actions);
    }

    fn next_state(&self, before: &System, act: Act) -> Option<System> {
        let mut after = before.clone();
        after.happen(&self.setup, act);
        if !self.setup.slow {
            after.follow();
        }
        after.compare(&before.ends);
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(&self.setup)
    }
}
