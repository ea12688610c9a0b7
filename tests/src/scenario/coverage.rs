//! Which rows of the lifecycle's table a run went through, as far as that can be told from outside.
//!
//! The core has no hook for this. What is known is the call, the phase before it and the phase after it; a row is recorded
//! where only one sequence of inputs leads from the one to the other.

use std::collections::{HashSet, VecDeque};

use adieu_core::lifecycle::{Input, Phase, step};
use adieu_core::{Role, Transport};

#[path = "../../../crates/core/tests/spec/closure/unasked.rs"]
mod unasked;

/// A row of the table: an input in a phase of an endpoint in this role.
pub type Row = (Role, Phase, Input);

/// Why the core never asks for this row, if it never does.
pub fn why_unasked((role, phase, input): Row) -> Option<&'static str> {
    unasked::why_unasked(role, phase, input)
}

/// Every row of the table.
pub fn every_row() -> impl Iterator<Item = Row> {
    let roles = [Role::Client, Role::Server].into_iter();
    let phases = roles.flat_map(|role| Phase::ALL.map(|phase| (role, phase)));
    phases.flat_map(|(role, phase)| Input::ALL.map(|input| (role, phase, input)))
}

/// Rows that the core asks for and no scenario is seen to reach: inputs, phases, and why.
type Unseen = (&'static [Input], fn(Role, Phase) -> bool, &'static str);

const UNSEEN: &[Unseen] = &[
    (
        &[Input::PeerData, Input::Due, Input::End, Input::WriteError],
        |_, phase| phase.transport() >= Transport::Close,
        "a driver has let go of the transport: nothing comes from it",
    ),
    (
        &[Input::WriteError],
        |role, phase| phase == Phase::Severed || phase == farewell(role),
        "nothing is written any more",
    ),
    (
        &[Input::WriteError],
        |role, phase| (role, phase) == (Role::Server, Phase::Connecting),
        "a server writes nothing before its answer",
    ),
];

/// The phase in which an endpoint waits for the end of the peer's stream.
const fn farewell(role: Role) -> Phase {
    match role {
        Role::Client => Phase::AwaitingEnd,
        Role::Server => Phase::Draining,
    }
}

/// Why no scenario goes through this row, which the core asks for, if there is a reason.
pub fn why_unseen((role, phase, input): Row) -> Option<&'static str> {
    UNSEEN.iter().find(|unseen| unseen.0.contains(&input) && unseen.1(role, phase)).map(|unseen| unseen.2)
}

/// Rows that were gone through.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    rows: HashSet<Row>,
}

impl Coverage {
    /// All rows so far.
    pub const fn rows(&self) -> &HashSet<Row> {
        &self.rows
    }

    /// Takes over what another run went through.
    pub fn extend(&mut self, other: &Self) {
        self.rows.extend(&other.rows);
    }

    /// A call that is this one input, whatever follows.
    pub(super) fn certain(&mut self, role: Role, before: Phase, input: Input) {
        self.rows.insert((role, before, input));
    }

    /// A call that led from one phase to another by some of these inputs.
    pub(super) fn moved(&mut self, role: Role, before: Phase, after: Phase, inputs: &[Input]) {
        if before != after
            && let Some(path) = only_path(role, before, after, inputs)
        {
            self.rows.extend(path);
        }
    }
}

/// The shortest way between two phases, if there is only one.
fn only_path(role: Role, before: Phase, after: Phase, inputs: &[Input]) -> Option<Vec<Row>> {
    let mut queue = VecDeque::from([(before, Vec::new())]);
    let (mut found, mut seen): (Vec<Vec<Row>>, HashSet<Phase>) = (Vec::new(), HashSet::new());
    while let Some((phase, path)) = queue.pop_front() {
        if found.first().is_some_and(|shortest| path.len() >= shortest.len()) {
            break;
        }
        seen.insert(phase);
        let rows = inputs.iter().map(|input| (role, phase, *input));
        for row in rows.filter(|row| why_unasked(*row).is_none()) {
            let next = step(role, phase, row.2).0;
            let path = [&path[..], &[row]].concat();
            if next == after {
                found.push(path);
            } else if !seen.contains(&next) {
                queue.push_back((next, path));
            }
        }
    }
    let mut shortest = found.iter().filter(|path| path.len() == found[0].len());
    let path = shortest.next()?;
    shortest.next().is_none().then(|| path.clone())
}
