//! What the lifecycle's table says, gathered: which phases a role reaches, and which inputs lead from one phase to another.

use adieu_core::Role;
use adieu_core::lifecycle::{Input, Phase, Transition, step};

/// For which roles something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Both,
    Server,
    Client,
}

impl Who {
    /// In words, where it is not both.
    pub(super) const fn only(self) -> Option<&'static str> {
        match self {
            Self::Both => None,
            Self::Server => Some("server"),
            Self::Client => Some("client"),
        }
    }
}

/// The roles that can be in this phase, from CONNECTING on.
pub(super) fn reached_by(phase: Phase) -> Vec<Role> {
    let mut roles = vec![Role::Server, Role::Client];
    roles.retain(|role| reached(*role).contains(&phase));
    roles
}

fn reached(role: Role) -> Vec<Phase> {
    let mut found = vec![Phase::Connecting];
    let mut at = 0;
    while let Some(&from) = found.get(at) {
        for next in Input::ALL.map(|input| step(role, from, input).0) {
            if !found.contains(&next) {
                found.push(next);
            }
        }
        at += 1;
    }
    found
}

/// For whom a phase is there at all.
pub(super) fn whose(phase: Phase) -> Who {
    match reached_by(phase)[..] {
        [Role::Server] => Who::Server,
        [Role::Client] => Who::Client,
        _ => Who::Both,
    }
}

/// The inputs that do the same in a phase: what they do to each role that can be there.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) does: Vec<(Role, Transition)>,
    pub(super) inputs: Vec<Input>,
}

/// All rows of a phase: those that lead elsewhere first.
pub(super) fn rules(phase: Phase) -> Vec<Rule> {
    let mut found: Vec<Rule> = Vec::new();
    for input in Input::ALL {
        let of = |role: Role| (role, step(role, phase, input));
        let does: Vec<_> = reached_by(phase).into_iter().map(of).collect();
        match found.iter_mut().find(|rule| rule.does == does) {
            Some(rule) => rule.inputs.push(input),
            None => found.push(Rule { does, inputs: vec![input] }),
        }
    }
    found.sort_by_key(|rule| rule.does.iter().all(|(_, transition)| transition.0 == phase));
    found
}

/// Inputs that lead from one phase to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) from: Phase,
    pub(super) to: Phase,
    pub(super) who: Who,
    pub(super) inputs: Vec<Input>,
}

/// Every way out of a phase. Where a phase is one role's alone, nothing is said of the role.
pub(super) fn moves(from: Phase) -> Vec<Move> {
    let roles = reached_by(from);
    let mut found: Vec<Move> = Vec::new();
    for input in Input::ALL {
        let next = |role: &Role| step(*role, from, input).0;
        for to in Phase::ALL.into_iter().filter(|to| *to != from) {
            let led: Vec<_> = roles.iter().filter(|role| next(role) == to).collect();
            let who = match led[..] {
                [] => continue,
                _ if led.len() == roles.len() => Who::Both,
                [Role::Server, ..] => Who::Server,
                [Role::Client, ..] => Who::Client,
            };
            match found.iter_mut().find(|way| (way.to, way.who) == (to, who)) {
                Some(way) => way.inputs.push(input),
                None => found.push(Move { from, to, who, inputs: vec![input] }),
            }
        }
    }
    found.sort_by_key(|way| (way.to as u8, way.who));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_leads_elsewhere_is_in_a_move_and_every_row_in_a_rule() {
        for phase in Phase::ALL {
            let (moves, rules) = (moves(phase), rules(phase));
            for (role, input) in
                reached_by(phase).into_iter().flat_map(|role| Input::ALL.map(|input| (role, input)))
            {
                let row = step(role, phase, input);
                let says = |rule: &&Rule| rule.inputs.contains(&input) && rule.does.contains(&(role, row));
                assert_eq!(rules.iter().filter(says).count(), 1, "{role:?}, {phase:?}, {input:?}");
                let for_role = |who: Who| who == Who::Both || who.only() == Some(word(role));
                let leads = |way: &&Move| way.to == row.0 && way.inputs.contains(&input) && for_role(way.who);
                let count = moves.iter().filter(leads).count();
                assert_eq!(count, usize::from(row.0 != phase), "{role:?}, {phase:?}, {input:?}");
            }
        }
    }

    const fn word(role: Role) -> &'static str {
        match role {
            Role::Server => "server",
            Role::Client => "client",
        }
    }

    #[test]
    fn phases_of_one_role_alone_are_known() {
        let alone = |who| Phase::ALL.into_iter().filter(move |phase| whose(*phase) == who);
        assert_eq!(alone(Who::Server).collect::<Vec<_>>(), [Phase::Refusing, Phase::Draining]);
        assert_eq!(alone(Who::Client).collect::<Vec<_>>(), [Phase::AwaitingEnd]);
    }
}
