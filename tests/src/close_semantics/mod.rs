//! `docs/close-semantics.md` and its state graph, printed from the lifecycle's table, the scenarios and a template of prose.

use std::time::Duration;

use adieu_core::Config;
use adieu_core::lifecycle::{Phase, step};
use adieu_core::protocol::{MAX_PINGS, MAX_PONGS};

mod cases;
mod layout;
mod moves;
mod source_docs;
mod svg;
mod table;
mod unplayed;
mod verdicts;

use source_docs::{doc, items};
pub use svg::svg;

/// What people wrote; the rest is put in where it says so.
const TEMPLATE: &str = include_str!("template.txt");

/// The page: `docs/close-semantics.md`.
pub fn page() -> String {
    let mut out = String::new();
    let mut rest = TEMPLATE;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (what, behind) = directive(behind);
        out.push_str(before);
        out.push_str(&fill(what));
        rest = behind;
    }
    out + rest
}

/// Up to the braces that close it; there may be others inside.
fn directive(text: &str) -> (&str, &str) {
    let end = text.find("}}").expect("what is opened is closed");
    let braces = text[end..].chars().take_while(|char| *char == '}').count();
    let (what, behind) = text.split_at(end + braces - 2);
    (what, &behind[2..])
}

/// What stands in place of `{{what}}`.
fn fill(what: &str) -> String {
    let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
    match word {
        "fields" => verdicts::fields(),
        "causes" => verdicts::causes(),
        "shows" => verdicts::shows(rest),
        "inputs" => table::words("pub enum Input"),
        "actions" => table::words("pub enum Action"),
        "phases" => table::phases(),
        "unasked" => table::unasked(),
        "unseen" => table::unseen(),
        "except" => except(rest),
        "unplayed" => unplayed::unplayed(),
        "hidden" => unplayed::hidden(),
        "cases" => cases::cases(),
        "legend" => cases::legend(),
        "case" => case(rest),
        "rfc" => cases::rfc(rest),
        "config" => value(rest),
        "sum" => sum(rest),
        "timers" => timers(rest),
        "const" => constant(rest),
        other => panic!("the template asks for `{other}`, which is nothing"),
    }
}

/// A case or one of its scripts, as a link to the case.
fn case(id: &str) -> String {
    let known =
        cases::scripts().iter().any(|(script, _)| script == id || script.starts_with(&format!("{id}/")));
    assert!(known, "the template names {id}, which has no script");
    let row = id.split('/').next().unwrap_or(id).to_lowercase();
    format!("[{id}](#{row})")
}

/// From which phases an input does not lead to a phase: `Abort Cut`.
fn except(words: &str) -> String {
    let not_so = Phase::ALL.into_iter().filter(|phase| {
        let leads = |way: &moves::Move| {
            let input = way.inputs.iter().any(|input| words == format!("{input:?} {:?}", way.to));
            let all = moves::reached_by(*phase)
                .iter()
                .all(|role| way.inputs.iter().all(|input| step(*role, *phase, *input).0 == way.to));
            input && all
        };
        !moves::moves(*phase).iter().any(leads)
    });
    let names: Vec<_> = not_so.map(|phase| format!("`{phase:?}`")).collect();
    assert!(!names.is_empty() && names.len() < Phase::ALL.len(), "`{words}` is no exception, or always");
    names.join(" and ")
}

/// A constant of the core.
fn constant(name: &str) -> String {
    let known = [("MAX_PINGS", MAX_PINGS), ("MAX_PONGS", MAX_PONGS)];
    let found = known.into_iter().find(|(constant, _)| *constant == name);
    found.unwrap_or_else(|| panic!("no constant {name}")).1.to_string()
}

/// A field's default, as `Debug` writes it.
fn default(field: &str) -> String {
    let debug = format!("{:?}", Config::default());
    let found = debug.split([',', '{', '}']).find_map(|pair| pair.trim().strip_prefix(&format!("{field}: ")));
    let value = found.unwrap_or_else(|| panic!("`Config` has no field {field}"));
    value.strip_prefix("Some(").and_then(|value| value.strip_suffix(')')).unwrap_or(value).to_owned()
}

/// A field's default for people.
fn value(field: &str) -> String {
    let debug = default(field);
    let number = debug.strip_suffix('s').map_or(debug.parse::<u64>(), str::parse);
    match (number, debug.ends_with('s')) {
        (Ok(seconds), true) => format!("{seconds} s"),
        (Ok(bytes), false) if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => {
            format!("{} MiB", bytes >> 20)
        }
        (Ok(bytes), false) if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ if debug == "None" => "none".to_owned(),
        _ => debug,
    }
}

/// Several times together.
fn sum(fields: &str) -> String {
    let seconds = |field: &str| {
        let value = default(field);
        let number = value.strip_suffix('s').and_then(|number| number.parse().ok());
        Duration::from_secs(number.unwrap_or_else(|| panic!("{field} is {value}, not seconds")))
    };
    format!("{} s", fields.split(' ').map(seconds).sum::<Duration>().as_secs())
}

/// Fields of the configuration with their defaults.
fn timers(fields: &str) -> String {
    let docs = items("config.rs", "pub struct Config");
    let row = |field: &str| format!("| `{field}` | {} | {} |\n", value(field), doc(&docs, field));
    let rows: String = fields.split(' ').map(row).collect();
    format!("| field | default | what and why |\n| --- | --- | --- |\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_shown_for_people() {
        assert_eq!((value("drain_len"), value("inbox_len")), ("1 MiB".to_owned(), "64 KiB".to_owned()));
        assert_eq!(value("idle_timeout"), "none");
        let pings = Config::default().ping_interval.map(|interval| format!("{} s", interval.as_secs()));
        assert_eq!(Some(value("ping_interval")), pings);
        assert_eq!(directive("shows E { a: true }}} b"), ("shows E { a: true }", " b"));
    }

    #[test]
    #[should_panic(expected = "has no script")]
    fn a_case_without_a_script_cannot_be_a_proof() {
        case("S7");
    }
}
