//! The lifecycle's table in words: a section for each phase.

use adieu_core::lifecycle::{Input, Phase, Transition};
use adieu_core::{Role, State, Transport};

use super::moves::{Rule, reached_by, rules, whose};
use super::source_docs::{doc, items};
use crate::scenario::{Row, every_row, why_unasked, why_unseen};

const fn state(state: State) -> &'static str {
    match state {
        State::Connecting => "CONNECTING",
        State::Open => "OPEN",
        State::Closing => "CLOSING",
        State::Closed => "CLOSED",
    }
}

const fn transport(level: Transport) -> &'static str {
    match level {
        Transport::Open => "Open",
        Transport::ShutdownWrite => "ShutdownWrite",
        Transport::Close => "Close",
        Transport::Reset => "Reset",
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}

/// A phase as a link to its section.
fn link(phase: Phase) -> String {
    let name = format!("{phase:?}");
    format!("[{name}](#{})", name.to_lowercase())
}

fn row(phase: Phase, rule: &Rule) -> String {
    let next = |transition: Transition| match transition.0 {
        next if next == phase => "stays".to_owned(),
        next => link(next),
    };
    let action = |transition: Transition| format!("{:?}", transition.1);
    let each = |cell: &dyn Fn(Transition) -> String| {
        let cells: Vec<(Role, String)> =
            rule.does.iter().map(|(role, transition)| (*role, cell(*transition))).collect();
        if cells.iter().all(|(_, cell)| *cell == cells[0].1) {
            return cells[0].1.clone();
        }
        cells.iter().map(|(of, cell)| format!("{}: {cell}", role(*of))).collect::<Vec<_>>().join("<br>")
    };
    let inputs: Vec<_> = rule.inputs.iter().map(|input| format!("{input:?}")).collect();
    format!("| {} | {} | {} |\n", inputs.join(", "), each(&next), each(&action))
}

/// A section for each phase.
pub(super) fn phases() -> String {
    let docs = items("lifecycle.rs", "pub enum Phase");
    let section = |phase: Phase| {
        let name = format!("{phase:?}");
        let only = whose(phase).only().map_or("both roles".to_owned(), |role| format!("{role} only"));
        let (state, level) = (state(phase.state()), transport(phase.transport()));
        let rows: String = rules(phase).iter().map(|rule| row(phase, rule)).collect();
        format!(
            "### {name}\n\n{}\n\n{only} · the application sees {state} · transport level {level}\n\n\
             | input | next phase | action |\n| --- | --- | --- |\n{rows}",
            doc(&docs, &name)
        )
    };
    Phase::ALL.map(section).join("\n")
}

/// Rows that the core never asks for, by the reason why.
pub(super) fn unasked() -> String {
    by_reasons(why_unasked)
}

/// Rows that the core asks for and no driver reaches, by the reason why.
pub(super) fn unseen() -> String {
    by_reasons(why_unseen)
}

/// Rows that have a reason; those of phases that are not a role's are no rows of its.
fn by_reasons(why: fn(Row) -> Option<&'static str>) -> String {
    let mut reasons: Vec<(&str, Vec<Row>)> = Vec::new();
    for row in every_row().filter(|(role, phase, _)| reached_by(*phase).contains(role)) {
        let Some(why) = why(row) else { continue };
        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, rows)) => rows.push(row),
            None => reasons.push((why, vec![row])),
        }
    }
    let line = |(why, rows): &(&str, Vec<Row>)| format!("| {} | {why} |\n", by_inputs(rows));
    let lines: String = reasons.iter().map(line).collect();
    format!("| rows | why |\n| --- | --- |\n{lines}")
}

/// Phases that have the same inputs together: `Draining, Done: Flushed`.
fn by_inputs(rows: &[Row]) -> String {
    let mut sets: Vec<(Vec<Input>, Vec<String>)> = Vec::new();
    for phase in Phase::ALL {
        let of = |role: &Role| {
            let own = rows.iter().filter(|row| (row.0, row.1) == (*role, phase));
            own.map(|row| row.2).collect::<Vec<_>>()
        };
        let roles = reached_by(phase);
        let same = roles.iter().all(|role| of(role) == of(&roles[0]));
        for role in &roles[..if same { 1 } else { roles.len() }] {
            let name = if same { link(phase) } else { format!("{} of a {}", link(phase), self::role(*role)) };
            match sets.iter_mut().find(|(inputs, _)| *inputs == of(role)) {
                Some((_, names)) => names.push(name),
                None => sets.push((of(role), vec![name])),
            }
        }
    }
    let line = |(inputs, names): &(Vec<Input>, Vec<String>)| {
        let inputs: Vec<_> = inputs.iter().map(|input| format!("{input:?}")).collect();
        format!("{}: {}", phases_in_words(names), inputs.join(", "))
    };
    sets.iter().filter(|(inputs, _)| !inputs.is_empty()).map(line).collect::<Vec<_>>().join("<br>")
}

/// Of many phases, those that are left out are named.
fn phases_in_words(names: &[String]) -> String {
    let others: Vec<_> = Phase::ALL.map(link).into_iter().filter(|name| !names.contains(name)).collect();
    let whole = names.len() + others.len() == Phase::ALL.len();
    if whole && others.len() < names.len() {
        format!("all but {}", others.join(", "))
    } else {
        names.join(", ")
    }
}

/// What the words of an enum of the lifecycle mean.
pub(super) fn words(declaration: &str) -> String {
    let row = |item: &super::source_docs::Item| format!("| {} | {} |\n", item.name, item.doc);
    let rows: String = items("lifecycle.rs", declaration).iter().map(row).collect();
    let what = declaration.rsplit(' ').next().unwrap_or_default().to_lowercase();
    format!("| {what} | meaning |\n| --- | --- |\n{rows}")
}
