//! Replays what the fuzz targets start from and have found, gives them what proptest thinks of, and sums their log up.
//!
//! `UPDATE_DOCS=1` writes the sums into `docs/fuzzing.md`.

use std::collections::BTreeMap;
use std::fs;

use adieu_fuzz_bodies as bodies;
use adieu_tests::tree::{files, name, root, text};
use proptest::collection::vec;
use proptest::prelude::*;

type Body = fn(&[u8]);

const TARGETS: [(&str, Body); 9] = [
    ("client_bytes", bodies::client_bytes),
    ("extensions", bodies::extensions),
    ("handshake_request", bodies::handshake_request),
    ("handshake_response", bodies::handshake_response),
    ("inflation", bodies::inflation),
    ("pair", bodies::pair),
    ("server_bytes", bodies::server_bytes),
    ("versus_reference", bodies::versus_reference),
    ("versus_tungstenite", bodies::versus_tungstenite),
];

const PAGE: &str = "docs/fuzzing.md";
const LOG: &str = "docs/fuzzing-log.md";
const MAX_CORPORA_LEN: u64 = 5 << 20;

/// One input, from a line of hexadecimal digits.
fn bytes(line: &str) -> Vec<u8> {
    let digit = |char: u8| char::from(char).to_digit(16).expect("a hexadecimal digit") as u8;
    let (pairs, rest) = line.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty(), "two digits for a byte: {line}");
    pairs.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}

fn body(target: &str) -> Body {
    TARGETS.iter().find(|(name, _)| *name == target).expect("a target").1
}

fn replay(target: &str) {
    let seeds = root().join("fuzz/seeds");
    let named = files(&seeds.join(target));
    assert!(!named.is_empty(), "no seeds of {target}");
    for seed in named {
        eprintln!("{}", name(&seed));
        body(target)(&fs::read(seed).expect("a seed"));
    }
    let corpus = text(&seeds.join(format!("{target}.hex")));
    assert!(corpus.lines().count() > 100, "no corpus of {target}");
    for (index, line) in corpus.lines().enumerate() {
        eprintln!("line {} of {target}.hex", index + 1);
        body(target)(&bytes(line));
    }
}

#[test]
fn seeds_and_corpus_of_client_bytes_hold() {
    replay("client_bytes");
}

#[test]
fn seeds_and_corpus_of_extensions_hold() {
    replay("extensions");
}

#[test]
fn seeds_and_corpus_of_inflation_hold() {
    replay("inflation");
}

#[test]
fn seeds_and_corpus_of_handshake_request_hold() {
    replay("handshake_request");
}

#[test]
fn seeds_and_corpus_of_handshake_response_hold() {
    replay("handshake_response");
}

#[test]
fn seeds_and_corpus_of_pair_hold() {
    replay("pair");
}

#[test]
fn seeds_and_corpus_of_server_bytes_hold() {
    replay("server_bytes");
}

#[test]
fn seeds_and_corpus_of_versus_reference_hold() {
    replay("versus_reference");
}

#[test]
fn seeds_and_corpus_of_versus_tungstenite_hold() {
    replay("versus_tungstenite");
}

/// The targets that the manifest names.
fn targets() -> Vec<String> {
    let manifest = text(&root().join("fuzz/Cargo.toml"));
    let (_, targets) = manifest.split_once("[[bin]]").expect("targets");
    let names = targets.lines().filter_map(|line| line.strip_prefix("name = \""));
    let mut names: Vec<String> = names.map(|name| name.trim_end_matches('"').to_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_target_is_replayed_and_told_of() {
    assert_eq!(targets(), TARGETS.map(|(name, _)| name));
    let page = text(&root().join(PAGE));
    for target in targets() {
        assert!(page.contains(&format!("| `{target}` |")), "{PAGE} does not tell of {target}");
    }
}

#[test]
fn corpora_are_small() {
    let lens =
        files(&root().join("fuzz/seeds")).into_iter().map(|path| fs::metadata(path).map_or(0, |of| of.len()));
    let len: u64 = lens.sum();
    assert!(len > 0 && len <= MAX_CORPORA_LEN, "{len} bytes in fuzz/seeds, more than {MAX_CORPORA_LEN}");
}

/// What the runs of a target come to: runs, seconds, executions, the most edges and features, findings.
#[derive(Default)]
struct Sum([u64; 6]);

impl Sum {
    fn add(&mut self, [seconds, executions, edges, features, findings]: [u64; 5]) {
        let [runs, all_seconds, all_executions, most_edges, most_features, all_findings] = self.0;
        self.0 = [
            runs + 1,
            all_seconds + seconds,
            all_executions + executions,
            most_edges.max(edges),
            most_features.max(features),
            all_findings + findings,
        ];
    }
}

/// The log's rows, by target and sanitizer.
fn sums(log: &str) -> BTreeMap<(String, String), Sum> {
    let mut sums = BTreeMap::<_, Sum>::new();
    for row in log.lines().filter(|line| line.starts_with("| 2")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_date, target, sanitizer, seconds, executions, edges, features, _corpus, findings, _commit] =
            cells[..]
        else {
            panic!("a row of ten cells: {row}");
        };
        // What libFuzzer did not come to tell is a question mark.
        let figures = [seconds, executions, edges, features, findings].map(|cell| cell.parse().unwrap_or(0));
        sums.entry((sanitizer.to_owned(), target.to_owned())).or_default().add(figures);
    }
    sums
}

/// The page with the sums between its two marks.
fn filled(page: &str, log: &str) -> String {
    let (begin, end) = ("<!-- sums: begin -->\n", "<!-- sums: end -->");
    let (before, rest) = page.split_once(begin).expect("a mark where the sums begin");
    let (_, after) = rest.split_once(end).expect("a mark where the sums end");
    let mut table = String::from(
        "| target | sanitizer | runs | minutes | executions | most edges | most features | findings |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for ((sanitizer, target), Sum([runs, seconds, executions, edges, features, findings])) in sums(log) {
        let minutes = seconds / 60;
        table += &format!(
            "| `{target}` | {sanitizer} | {runs} | {minutes} | {executions} | {edges} | {features} | {findings} |\n"
        );
    }
    format!("{before}{begin}{table}{end}{after}")
}

#[test]
fn page_sums_the_log_up() {
    let path = root().join(PAGE);
    let page = text(&path);
    let expected = filled(&page, &text(&root().join(LOG)));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).expect("a page that can be written");
        return;
    }
    assert_eq!(page, expected, "UPDATE_DOCS=1 writes the page anew");
}

/// First bytes of frames: good ones, and some that are not.
fn first_bytes() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![0x00_u8, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A, 0x09, 0xC1, 0x83])
}

/// A mode, a cut, and frames of text in OPEN.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let frames = vec((first_bytes(), vec(any::<char>(), 0..12)), 0..24);
    (any::<u8>(), any::<u8>(), frames).prop_map(|(mode, cut, frames)| {
        let mut data = vec![mode | 0b1_0010, cut];
        for (first, text) in frames {
            let text: String = text.into_iter().collect();
            data.extend([first, text.len() as u8]);
            data.extend(text.as_bytes());
        }
        data
    })
}

proptest! {
    // What fails is kept by hand, as a seed with a name.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input_of_any_target_holds(data in vec(any::<u8>(), 0..400)) {
        for (_, body) in TARGETS {
            body(&data);
        }
    }

    #[test]
    fn frames_in_any_order_hold(data in frames()) {
        bodies::server_bytes(&data);
        bodies::client_bytes(&data);
        bodies::versus_tungstenite(&data);
    }

    #[test]
    fn any_calls_hold(data in vec(any::<u8>(), 0..600)) {
        bodies::pair(&data);
    }
}
