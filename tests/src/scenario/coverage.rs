//! Which rows of the lifecycle's table a run went through, as far as that can be told from outside.
//!
//! The core has no hook for this. What is known is the call, the phase before it and the phase after it; a row is recorded
//! where only one sequence of inputs leads from the one to the other.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt;

use adieu_core::Role;
use adieu_core::lifecycle::{Input, Phase, step};

/// A row of the table: an input in a phase, by their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The phase, as `Debug` writes it.
    pub phase: String,
    /// The input, as `Debug` writes it.
    pub input: String,
}

impl Row {
    /// The row of this input in this phase.
    pub fn of(phase: Phase, input: Input) -> Self {
        Self { phase: format!("{phase:?}"), input: format!("{input:?}") }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {}", self.phase, self.input)
    }
}

/// Rows that were gone through.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    rows: BTreeSet<Row>,
}

impl Coverage {
    /// All rows so far.
    pub const fn rows(&self) -> &BTreeSet<Row> {
        &self.rows
    }

    /// Takes over what another run went through.
    pub fn extend(&mut self, other: &Self) {
        self.rows.extend(other.rows.iter().cloned());
    }

    /// A call that is this one input, whatever follows.
    pub(super) fn certain(&mut self, before: Phase, input: Input) {
        self.rows.insert(Row::of(before, input));
    }

    /// A call that led from one phase to another by some of these inputs.
    pub(super) fn moved(&mut self, role: Role, before: Phase, after: Phase, inputs: &[Input]) {
        if before != after
            && let Some(path) = only_path(role, before, after, inputs)
        {
            self.rows.extend(path.into_iter().map(|(phase, input)| Row::of(phase, input)));
        }
    }
}

type Path = Vec<(Phase, Input)>;

/// The shortest way between two phases, if there is only one.
fn only_path(role: Role, before: Phase, after: Phase, inputs: &[Input]) -> Option<Path> {
    let mut queue = VecDeque::from([(before, Path::new())]);
    let (mut found, mut seen): (Vec<Path>, HashSet<Phase>) = (Vec::new(), HashSet::new());
    while let Some((phase, path)) = queue.pop_front() {
        if found.first().is_some_and(|shortest| path.len() >= shortest.len()) {
            break;
        }
        seen.insert(phase);
        for input in inputs {
            let next = step(role, phase, *input).next;
            let path = [&path[..], &[(phase, *input)]].concat();
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
