//! `docs/close-semantics.md` and its graph are what the code prints today.
//!
//! `UPDATE_DOCS=1` writes them anew.

use std::fs;

use adieu_tests::close_semantics::{page, svg};
use adieu_tests::tree::{root, text};

#[track_caller]
fn is_printed(file: &str, expected: &str) {
    let path = root().join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, expected).expect("a page that can be written");
        return;
    }
    let page = text(&path);
    let mut lines = expected.lines();
    let stale = page.lines().enumerate().find(|(_, line)| lines.next() != Some(*line));
    let stale = stale.map(|(at, line)| format!("{file}:{}: {line}", at + 1));
    assert!(stale.is_none() && page == expected, "stale; UPDATE_DOCS=1 writes it anew\n{stale:?}");
}

#[test]
fn page_is_what_the_table_the_cases_and_the_scenarios_say() {
    is_printed("docs/close-semantics.md", &page());
}

#[test]
fn graph_is_what_the_table_says() {
    is_printed("docs/close-semantics.svg", &svg());
}
