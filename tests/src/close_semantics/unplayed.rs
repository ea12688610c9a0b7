//! Which scripts are not played where, and what is not seen where, with the reasons.

use std::collections::BTreeMap;

use super::cases;
use crate::scenario::{Hidden, Over, Scenario, SimRunner, TokioRunner, all, why_not_over_sockets};

/// A way to play scripts, and why one cannot be played so.
type Way = (&'static str, fn(&Scenario) -> Option<&str>);

const WAYS: [Way; 3] = [
    ("the core and the simulator, the input cut everywhere", |scenario| scenario.whole.as_deref()),
    ("the tokio driver", |scenario| TokioRunner::excuse(scenario, Over::Pipe)),
    ("sockets, with either driver", why_not_over_sockets),
];

/// Which script each scenario is of, by its id: a script with a table is several.
fn scripts_of(scenarios: &[Scenario]) -> BTreeMap<&str, String> {
    let scripts = cases::scripts();
    let script_of = |scenario: &Scenario| {
        let is_its = |(id, _): &&(String, String)| {
            let rest = scenario.id.strip_prefix(id.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // `A10` is the beginning of `A10/linger` too.
        scripts.iter().filter(is_its).map(|(id, _)| id.clone()).max_by_key(String::len).expect("a script")
    };
    scenarios.iter().map(|scenario| (scenario.id.as_str(), script_of(scenario))).collect()
}

/// Links to these scenarios; the rows of a table are one where all of them are meant.
fn links(scenarios: &[&Scenario], scripts: &BTreeMap<&str, String>) -> String {
    let mut ids: Vec<&str> = Vec::new();
    for scenario in scenarios {
        let script = &scripts[scenario.id.as_str()];
        let rows = scripts.values().filter(|other| *other == script).count();
        let meant = scenarios.iter().filter(|other| scripts[other.id.as_str()] == *script).count();
        let id = if meant == rows { script } else { &scenario.id };
        if !ids.contains(&id.as_str()) {
            ids.push(id);
        }
    }
    let link = |id: &&str| format!("[{id}](#{})", cases::row_of(id).to_lowercase());
    ids.iter().map(link).collect::<Vec<_>>().join(", ")
}

/// A table of all that is not played, reason by reason.
pub(super) fn unplayed() -> String {
    let scenarios = all();
    let scripts = scripts_of(&scenarios);
    let mut rows: Vec<(&str, &str, Vec<&Scenario>)> = Vec::new();
    for (way, why_not) in WAYS {
        for scenario in &scenarios {
            let Some(why) = why_not(scenario) else { continue };
            match rows.iter_mut().find(|row| (row.0, row.1) == (way, why)) {
                Some(row) => row.2.push(scenario),
                None => rows.push((way, why, vec![scenario])),
            }
        }
        assert!(rows.iter().any(|row| row.0 == way), "everything is played over {way}");
    }
    let row = |(way, why, those): &(&str, &str, Vec<&Scenario>)| {
        format!("| {way} | {why} | {}: {} |\n", those.len(), links(those, &scripts))
    };
    let (count, rows) = (scenarios.len(), rows.iter().map(row).collect::<String>());
    let head = "| over | why not | scripts |\n| --- | --- | --- |\n";
    format!("Of {count} scripts, with each row of a table as one:\n\n{head}{rows}")
}

/// A table of all that is not seen.
pub(super) fn hidden() -> String {
    let row = |over: &str, Hidden { what, why }: &Hidden| format!("| {over} | {what} | {why} |\n");
    let tokio = TokioRunner::HIDES.iter().map(|hidden| row("the tokio driver", hidden));
    let sim = SimRunner::HIDES.iter().map(|hidden| row("the simulator", hidden));
    let rows: String = tokio.chain(sim).collect();
    format!("| over | what | why not |\n| --- | --- | --- |\n{rows}")
}
