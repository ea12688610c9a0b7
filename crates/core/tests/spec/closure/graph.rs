//! Phases with their monitors, and every way between them.

use std::collections::BTreeSet;

use adieu_core::lifecycle::{Action, Input, Phase, Transition, step};
use adieu_core::{Role, State};

pub(crate) const BOTH: [Role; 2] = [Role::Client, Role::Server];

/// How far our Close has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ours {
    None,
    Queued,
    Sent,
}

/// What has happened so far, as far as a rule asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Monitor {
    pub(crate) ours: Ours,
    /// The peer's Close was parsed.
    pub(crate) theirs: bool,
    /// The peer's Close, or a failure, is in effect: nothing that arrives counts.
    pub(crate) shut: bool,
    /// Writing has failed.
    pub(crate) mute: bool,
    pub(crate) decided: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) phase: Phase,
    pub(crate) monitor: Monitor,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) role: Role,
    pub(crate) from: Node,
    pub(crate) input: Input,
    pub(crate) row: Transition,
    pub(crate) to: Node,
}

pub(crate) const BIRTH: Node = Node {
    phase: Phase::Connecting,
    monitor: Monitor { ours: Ours::None, theirs: false, shut: false, mute: false, decided: false },
};

impl Monitor {
    fn after(self, input: Input, row: Transition) -> Self {
        let (next, action) = row;
        let ours = match action {
            Action::QueueClose | Action::QueueEcho => Ours::Queued,
            _ if input == Input::Flushed && self.ours == Ours::Queued => Ours::Sent,
            _ => self.ours,
        };
        let parsed = matches!(input, Input::PeerClose | Input::PeerCloseBehind) && action != Action::Discard;
        let shut = matches!(next, Phase::Answering | Phase::Failing);
        Self {
            ours,
            theirs: self.theirs || parsed,
            shut: self.shut || shut,
            mute: self.mute || input == Input::WriteError,
            decided: self.decided || action == Action::Decide,
        }
    }
}

/// Everything that can happen to an endpoint of `role`'s by inputs that `fed` lets through.
pub(crate) fn closure(role: Role, fed: impl Fn(Phase, Input) -> bool) -> Vec<Edge> {
    let mut nodes = vec![BIRTH];
    let mut edges = Vec::new();
    let mut at = 0;
    while let Some(&from) = nodes.get(at) {
        for input in Input::ALL.into_iter().filter(|&input| fed(from.phase, input)) {
            let row = step(role, from.phase, input);
            let to = Node { phase: row.0, monitor: from.monitor.after(input, row) };
            if !nodes.contains(&to) {
                nodes.push(to);
            }
            edges.push(Edge { role, from, input, row, to });
        }
        at += 1;
    }
    edges
}

/// Every edge of both roles, whatever is fed.
pub(crate) fn edges() -> Vec<Edge> {
    BOTH.into_iter().flat_map(|role| closure(role, |_, _| true)).collect()
}

/// `holds` on every edge to which it applies, of which there are some.
pub(crate) fn on_every(what: &str, applies: impl Fn(&Edge) -> bool, holds: impl Fn(&Edge) -> bool) {
    let edges: Vec<_> = edges().into_iter().filter(applies).collect();
    assert!(!edges.is_empty(), "{what}: there is no case");
    for edge in &edges {
        assert!(holds(edge), "{what}: {edge:?}");
    }
}

pub(crate) const fn rank(state: State) -> u8 {
    match state {
        State::Connecting => 0,
        State::Open => 1,
        State::Closing => 2,
        State::Closed => 3,
    }
}

pub(crate) fn is_closed(node: Node) -> bool {
    node.phase.state() == State::Closed
}

pub(crate) fn names(phases: impl IntoIterator<Item = Phase>) -> BTreeSet<String> {
    phases.into_iter().map(|phase| format!("{phase:?}")).collect()
}
