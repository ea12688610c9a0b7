//! The lifecycle's table in words: a section for each phase.

use adieu_core::lifecycle::{Phase, Transition};
use adieu_core::{Role, State, Transport};

use super::moves::{Rule, rules, whose};
use super::source_docs::{doc, items};

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
    let next = |transition: Transition| match transition.next {
        next if next == phase => "stays".to_owned(),
        next => link(next),
    };
    let action = |transition: Transition| format!("{:?}", transition.action);
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

/// What the words of an enum of the lifecycle mean.
pub(super) fn words(declaration: &str) -> String {
    let row = |item: &super::source_docs::Item| format!("| {} | {} |\n", item.name, item.doc);
    let rows: String = items("lifecycle.rs", declaration).iter().map(row).collect();
    let what = declaration.rsplit(' ').next().unwrap_or_default().to_lowercase();
    format!("| {what} | meaning |\n| --- | --- |\n{rows}")
}
