//! `docs/rfc6455.md` against the code: each requirement is named where it is obeyed and in a test that proves it.
//!
//! `UPDATE_DOCS=1` writes into the page what the code says: where, which test, how many.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use adieu_tests::source::{self, Function};
use adieu_tests::tree::{files_with, name, root, text};

const PAGE: &str = "docs/rfc6455.md";
const LEVELS: [&str; 5] = ["must", "must*", "should", "may", "def"];
const WHOM: [&str; 4] = ["client", "server", "both", "other"];
/// What may become of a requirement; all but the first give a reason, and are not cited.
const FATES: [&str; 4] = ["obeyed", "refused", "not ours", "missing"];

/// A requirement, as the page has it.
#[derive(Clone, Debug)]
struct Row<'p> {
    id: &'p str,
    words: &'p str,
    level: &'p str,
    whom: &'p str,
    place: &'p str,
    test: &'p str,
}

impl<'p> Row<'p> {
    fn parse(line: &'p str) -> Option<Self> {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        match *cells {
            ["", id, words, level, whom, place, test, ""] if id.starts_with('R') => {
                Some(Self { id, words, level, whom, place, test })
            }
            _ => None,
        }
    }

    /// What became of it, and the reason where that is not obedience.
    fn fate(&self) -> (&'static str, &'p str) {
        let given = |fate: &&'static str| Some((*fate, self.test.strip_prefix(*fate)?.strip_prefix(": ")?));
        FATES[1..].iter().find_map(given).unwrap_or((FATES[0], ""))
    }

    fn is_obeyed(&self) -> bool {
        self.fate().0 == FATES[0]
    }
}

fn rows(page: &str) -> Vec<Row<'_>> {
    let found: Vec<_> = page.lines().filter_map(Row::parse).collect();
    assert!(found.len() > 100, "only {} requirements in {PAGE}", found.len());
    found
}

/// Where an id is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Code,
    Test,
    /// In a file of tests, but not above a test.
    Stray,
}

/// Places by id and kind, each once, in the order of files and lines.
type Citations = BTreeMap<(String, Kind), Vec<String>>;

/// The ids in a comment.
fn ids(comment: &str) -> impl Iterator<Item = &str> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '.' || char == '-';
    let words = comment.split(move |char| !is_part(char)).map(|word| word.trim_end_matches('.'));
    words.filter(|word| {
        let parts = word.strip_prefix('R').and_then(|rest| rest.split_once('-'));
        parts.is_some_and(|(section, number)| {
            let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            section.split('.').all(is_number) && is_number(number)
        })
    })
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn is_attribute(line: &str) -> bool {
    line.trim_start().starts_with("#[")
}

/// The item that the code at `at` belongs to: the innermost function, or what is declared there.
fn item(lines: &[&str], functions: &[Function], at: usize) -> String {
    let line = at + 1;
    let inside = |function: &&Function| (function.line..function.line + function.lines).contains(&line);
    if let Some(function) = functions.iter().filter(inside).max_by_key(|function| function.line) {
        return function.name.clone();
    }
    let keywords = ["pub", "crate", "super", "const", "static", "struct", "enum", "type", "fn", "async"];
    let mut words = lines[at].split(|char: char| !char.is_alphanumeric() && char != '_');
    words.find(|word| !word.is_empty() && !keywords.contains(word)).unwrap_or_default().to_owned()
}

/// What a comment at `index` stands above, and whether that is a test.
fn target(lines: &[&str], functions: &[Function], index: usize) -> Option<(String, bool)> {
    let code = |at: &usize| !is_comment(lines[*at]) && !lines[*at].trim().is_empty();
    let begin = (index..lines.len()).find(code)?;
    let at = (begin..lines.len()).find(|at| code(at) && !is_attribute(lines[*at]))?;
    let is_test = lines[begin..at].iter().any(|line| line.contains("test]") || line.contains("::test("));
    Some((item(lines, functions, at), is_test))
}

fn cite(path: &Path, in_tests: bool, citations: &mut Citations) {
    let text = text(path);
    let code = source::code(&text);
    let functions = source::functions(&source::tokens(&code));
    let lines: Vec<_> = text.lines().collect();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| is_comment(line)) {
        for id in ids(line) {
            let (item, is_test) = target(&lines, &functions, index).unwrap_or_default();
            let kind = match (in_tests, is_test) {
                (_, true) => Kind::Test,
                (false, false) => Kind::Code,
                (true, false) => Kind::Stray,
            };
            let file = name(path);
            let place = format!("`{}` {item}", file.strip_prefix("crates/").unwrap_or(&file));
            let places = citations.entry((id.to_owned(), kind)).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
}

fn citations() -> Citations {
    let mut found = Citations::new();
    let mut read = 0;
    for folder in ["crates", "tests"] {
        for path in files_with(&root().join(folder), "rs") {
            let has = |part: &str| path.components().any(|found| found.as_os_str() == part);
            let in_tests = has("tests");
            if path.ends_with(file!()) || has("bench") || !(in_tests || has("src")) {
                continue;
            }
            cite(&path, in_tests, &mut found);
            read += 1;
        }
    }
    assert!(read > 60, "only {read} files of code and tests");
    found
}

fn places<'c>(citations: &'c Citations, id: &str, kind: Kind) -> &'c [String] {
    citations.get(&(id.to_owned(), kind)).map_or(&[], Vec::as_slice)
}

/// How many requirements of each level met which fate, as the page's table has it.
fn totals(rows: &[Row<'_>]) -> String {
    let mut table = format!("| | {} | all |\n|{}", LEVELS.join(" | "), " --- |".repeat(LEVELS.len() + 2));
    let count = |fate: &str, level: &str| {
        let counted = rows.iter().filter(|row| fate == "all" || row.fate().0 == fate);
        counted.filter(|row| level == "all" || row.level == level).count().to_string()
    };
    for fate in FATES.iter().chain(&["all"]) {
        let counts: Vec<_> = LEVELS.iter().chain(&["all"]).map(|level| count(fate, level)).collect();
        table.push_str(&format!("\n| {fate} | {} |", counts.join(" | ")));
    }
    table
}

/// The page as it should be.
fn filled(page: &str, citations: &Citations) -> String {
    let rows = rows(page);
    let mut out = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("| | ") {
            while lines.next_if(|line| line.starts_with('|')).is_some() {}
            out.push(totals(&rows));
            continue;
        }
        let Some(row) = Row::parse(line) else {
            out.push(line.to_owned());
            continue;
        };
        let Row { id, words, level, whom, place, test } = row;
        let joined = |kind| places(citations, id, kind).join("; ");
        let cells = if row.is_obeyed() {
            [joined(Kind::Code), joined(Kind::Test)]
        } else {
            [place.to_owned(), test.to_owned()]
        };
        out.push(format!("| {id} | {words} | {level} | {whom} | {} | {} |", cells[0], cells[1]));
    }
    out.join("\n") + "\n"
}

fn page() -> (PathBuf, String) {
    let path = root().join(PAGE);
    let page = text(&path);
    (path, page)
}

fn none(offences: &[String]) {
    assert!(offences.is_empty(), "{} offences:\n  {}", offences.len(), offences.join("\n  "));
}

#[test]
fn every_requirement_is_named_in_the_code_and_in_a_test_or_has_its_reason() {
    let (citations, (_, page)) = (citations(), page());
    let mut offences = Vec::new();
    for row in rows(&page) {
        let cited = |kind| !places(&citations, row.id, kind).is_empty();
        let (code, test) = (cited(Kind::Code), cited(Kind::Test));
        let fault = match row.fate() {
            ("obeyed", _) if !code => "no code names it",
            ("obeyed", _) if !test => "no test names it",
            ("obeyed", _) => continue,
            _ if code || test => "named, though it is not obeyed",
            (_, reason) if reason.split_whitespace().count() < 3 => "its reason is none",
            _ if !row.place.is_empty() => "a place, though it is not obeyed",
            _ => continue,
        };
        offences.push(format!("{}: {fault} ({})", row.id, row.words));
    }
    none(&offences);
}

#[test]
fn every_citation_names_a_requirement_above_what_obeys_or_proves_it() {
    let (citations, (_, page)) = (citations(), page());
    let known: BTreeSet<_> = rows(&page).iter().map(|row| row.id).collect();
    let fault = |id: &str, kind| match kind {
        _ if !known.contains(id) => Some("is in no row"),
        Kind::Stray => Some("stands in a file of tests, but above no test"),
        Kind::Code | Kind::Test => None,
    };
    let offences = citations.iter().filter_map(|((id, kind), places)| {
        fault(id, *kind).map(|fault| format!("{id} {fault}: {}", places.join("; ")))
    });
    none(&offences.collect::<Vec<_>>());
}

#[test]
fn rows_are_numbered_through_and_say_how_strict_and_for_whom() {
    let (_, page) = page();
    let (mut section, mut number, mut offences) = ("", 0, Vec::new());
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ").filter(|title| title.starts_with(char::is_numeric)) {
            (section, number) = (title.split(' ').next().unwrap_or_default(), 0);
        }
        let Some(row) = Row::parse(line) else { continue };
        number += 1;
        let expected = format!("R{section}-{number:02}");
        let right = row.id == expected && LEVELS.contains(&row.level) && WHOM.contains(&row.whom);
        if !right || row.words.is_empty() {
            offences.push(format!("{line} (expected {expected})"));
        }
    }
    none(&offences);
}

#[test]
fn page_says_where_and_which_test_and_how_many() {
    let (path, page) = page();
    let expected = filled(&page, &citations());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).expect("a page that can be written");
        return;
    }
    let mut lines = expected.lines();
    let differ = |line: &&str| lines.next() != Some(*line);
    let offences: Vec<_> = page.lines().filter(differ).map(str::to_owned).collect();
    none(&offences);
    assert_eq!(page, expected, "UPDATE_DOCS=1 writes the page anew");
}

#[test]
fn ids_are_found_in_comments() {
    let found = |comment| ids(comment).collect::<Vec<_>>();
    assert_eq!(found("// R5.1-02, R4.2.2-11: why (R3-01)."), ["R5.1-02", "R4.2.2-11", "R3-01"]);
    assert_eq!(found("// RFC 6455 §5.1, rule R, R5.1, R-01, R5.-1, 5.1-02, R5.1-x, XR5.1-02"), [""; 0]);
}
