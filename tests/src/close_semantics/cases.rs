//! The cases of `docs/CLOSE.md` section 3, each with its scripts.

use crate::scenario::ELSEWHERE;
use crate::tree::{files_with, root, text};

/// The sections of RFC 6455 that a case is about. A case that is not here is one of which the RFC says nothing.
#[rustfmt::skip]
const SECTIONS: &[(&str, &str)] = &[
    ("N1", "4.2.2"), ("N3", "4.2.2 7.1.2"), ("N4", "4.1 7.1.7"), ("N5", "4.2.2"), ("N6", "4.1 5.5.1"), ("N7", "7.1.4 7.2.1"),
    ("N8", "4.2.1 4.2.2 4.4 10.2"),
    ("A1", "5.5.1 7.1.1 7.1.4"), ("A2", "5.5.1 7.1.5"), ("A3", "5.5.1 7.1.7"), ("A4", "7.4.1 7.4.2 7.1.7"), ("A5", "7.4.1 7.4.2"),
    ("A6", "5.5.1 8.1"), ("A7", "5.5"), ("A8", "5.4 5.5"), ("A9", "5.5.1"), ("A10", "5.5.1 7.1.3"), ("A11", "5.5.1"),
    ("A12", "5.4 5.5.1"), ("A13", "5.5.2"),
    ("B1", "7.1.2 7.1.3"), ("B2", "5.5.1 7.1.5"), ("B3", "5.5.1 7.1.2"), ("B4", "5.5.2"), ("B5", "7.1.1"), ("B6", "7.1.1"),
    ("B7", "7.1.4 7.1.5"), ("B8", "7.1.4 7.1.5"), ("B9", "7.1.7"), ("B10", "5.5.1"), ("B11", "5.5.1 7.4"), ("B12", "5.5.1"),
    ("B14", "5.4"), ("B15", "5.5.3"), ("B16", "7.1.2"), ("B17", "7.4.1"), ("B18", "7.1.1"), ("B19", "7.4.1"),
    ("C1", "7.1.4 7.1.5 7.2.1"), ("C2", "7.1.4"), ("C3", "5.4 7.1.4"), ("C4", "7.1.4"), ("C5", "7.1.4 7.2.1"), ("C6", "7.1.4"),
    ("C7", "7.1.4"), ("C9", "7.1.4"), ("C10", "7.1.4"),
    ("F1", "5.2 5.4 5.5 7.1.7"), ("F2", "5.1 7.1.7"), ("F3", "8.1 7.1.7"), ("F4", "10.4 7.4.1"), ("F5", "5.2"), ("F6", "7.4.1"),
    ("F7", "5.5.2 7.4.1"), ("F8", "7.4.1"), ("F9", "7.1.1"),
    ("S1", "5.5.1"), ("S2", "5.5.1 7.1.3"), ("S3", "5.5.1 7.1.3"), ("S5", "7.1.4"), ("S6", "5.5.2 5.5.3"),
];

/// A row of the specification.
struct Row {
    id: String,
    case: String,
    does: String,
    elsewhere: String,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", id, case, does, elsewhere, ""] = *cells else { return None };
        let (letter, number) = id.split_at_checked(1)?;
        let known = "NABCFS".contains(letter) && number.parse::<u8>().is_ok();
        let owned = str::to_owned;
        known.then(|| Self {
            id: owned(id),
            case: owned(case),
            does: owned(does),
            elsewhere: owned(elsewhere),
        })
    }
}

fn specification() -> String {
    let page = text(&root().join("docs/CLOSE.md"));
    assert!(page.contains("\n## 3. Cases\n"), "docs/CLOSE.md has no section 3");
    page
}

/// The abbreviations of other libraries' names.
pub(super) fn legend() -> String {
    let page = specification();
    let paragraph =
        page.split("\n\n").find(|paragraph| paragraph.contains("\"Elsewhere\"")).unwrap_or_default();
    let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let list = words.split_once("repeats it: ").map(|(_, list)| list.trim_end_matches('.').to_owned());
    let list = list.expect("the legend of docs/CLOSE.md");
    assert!(list.matches(" = ").count() > 8, "the legend of docs/CLOSE.md: {list}");
    list
}

/// The scripts as they stand in `tests/scenarios`, by id without a table's variants, in their order.
pub(super) fn scripts() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for path in files_with(&root().join("tests/scenarios"), "txt") {
        for line in text(&path).lines().filter(|line| !line.starts_with('#')) {
            if let Some((id, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                found.push((id.to_owned(), String::new()));
            }
            if let Some((_, script)) = found.last_mut() {
                script.push_str(&format!("{line}\n"));
            }
        }
    }
    found.iter_mut().for_each(|(_, script)| *script = script.trim_end().to_owned());
    found
}

pub(super) fn row_of(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

/// A section's number as a link to the RFC.
pub(super) fn rfc(section: &str) -> String {
    format!("[§{section}](https://www.rfc-editor.org/rfc/rfc6455#section-{section})")
}

fn sections(id: &str) -> String {
    let found = SECTIONS.iter().find(|(row, _)| *row == id);
    found.map_or("says nothing of it".to_owned(), |(_, list)| {
        list.split(' ').map(rfc).collect::<Vec<_>>().join(", ")
    })
}

fn proof(id: &str, scripts: &[(String, String)]) -> String {
    let own: Vec<_> = scripts.iter().filter(|(script, _)| row_of(script) == id).collect();
    let Some(((_, first), more)) = own.split_first() else {
        let excuse = ELSEWHERE.iter().find(|(row, _)| *row == id);
        let (_, why) = excuse.unwrap_or_else(|| panic!("{id} has neither a script nor a reason"));
        return format!("*No script: {why}.*\n");
    };
    let mut out = format!("```text\n{first}\n```\n");
    if !more.is_empty() {
        let ids: Vec<_> = more.iter().map(|(id, _)| id.as_str()).collect();
        let text: Vec<_> = more.iter().map(|(_, script)| script.as_str()).collect();
        let (ids, text) = (ids.join(", "), text.join("\n\n"));
        out.push_str(&format!("\n<details><summary>{ids}</summary>\n\n```text\n{text}\n```\n\n</details>\n"));
    }
    out
}

/// A section for each case.
pub(super) fn cases() -> String {
    let (page, scripts) = (specification(), scripts());
    let (_, section) = page.split_once("\n## 3. Cases\n").unwrap_or_default();
    let (mut out, mut says) = (Vec::new(), "Adieu");
    for line in section.lines() {
        if line.split_once(". ").is_some_and(|(letter, _)| letter.len() == 1 && "NABCFS".contains(letter)) {
            out.push(format!("### {line}\n"));
        }
        if line.starts_with("| # |") {
            says = if line.contains("| code |") { "Adieu fails it with" } else { "Adieu" };
        }
        let Some(Row { id, case, does, elsewhere }) = Row::parse(line) else { continue };
        let proof = proof(&id, &scripts);
        let elsewhere = if elsewhere.is_empty() { "nothing noted".to_owned() } else { elsewhere };
        let sections = sections(&id);
        out.push(format!(
            "#### {id}\n\n**{case}**\n\n- {says}: {does}\n- RFC 6455: {sections}\n- Elsewhere: {elsewhere}\n\n{proof}"
        ));
    }
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::all;

    #[test]
    fn every_case_is_known_once_and_its_sections_are_those_of_the_rfc() {
        let page = specification();
        let rows: Vec<Row> = page.lines().filter_map(Row::parse).collect();
        assert!(rows.len() >= 67, "only {} rows were found", rows.len());
        let requirements = text(&root().join("docs/rfc6455.md"));
        for (id, sections) in SECTIONS {
            assert_eq!(rows.iter().filter(|row| row.id == *id).count(), 1, "{id}");
            assert_eq!(SECTIONS.iter().filter(|(other, _)| other == id).count(), 1, "{id} stands twice");
            for section in sections.split(' ') {
                let is_there = |line: &str| {
                    let rest = line.strip_prefix("## ").and_then(|line| line.strip_prefix(section));
                    rest.is_some_and(|rest| rest.starts_with([' ', '.']))
                };
                assert!(requirements.lines().any(is_there), "{id}: docs/rfc6455.md has no section {section}");
            }
        }
    }

    #[test]
    fn scripts_are_those_that_are_played() {
        let (scripts, scenarios) = (scripts(), all());
        assert!(scripts.len() > 100, "only {} scripts", scripts.len());
        for (id, script) in &scripts {
            assert!(
                scenarios.iter().any(|scenario| scenario.id.starts_with(id.as_str())),
                "{id} is not played"
            );
            assert!(crate::scenario::parse(script).is_ok(), "{id} does not stand alone");
        }
        for scenario in &scenarios {
            let stem = |(id, _): &&(String, String)| {
                scenario.id == *id || scenario.id.starts_with(&format!("{id}/"))
            };
            assert!(scripts.iter().any(|script| stem(&script)), "{} is not shown", scenario.id);
        }
    }
}
