//! The style guide as a test.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use adieu_tests::source::{self, Token};
use adieu_tests::tree::{files, files_with, name, root, text};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 60;
/// What one person reads in an hour (`docs/decisions.md`).
const MAX_CORE_LINES: usize = 3_000;
/// What is counted apart from it: parts of the core that stand beside it.
const BESIDE_CORE: [(&str, usize); 2] =
    [("crates/core/src/connection/prepared.rs", 150), ("crates/core/src/deflate/", 710)];
/// The mio driver with its loop.
const MAX_MIO_LINES: usize = 600;

fn none(offences: &[String]) {
    assert!(offences.is_empty(), "{} offences:\n  {}", offences.len(), offences.join("\n  "));
}

/// The Rust files of all crates, and of one.
fn sources() -> Vec<PathBuf> {
    let mut found = files_with(&root().join("crates"), "rs");
    found.retain(|path| path.components().any(|part| part.as_os_str() == "src"));
    assert!(found.len() > 10, "the crates' sources are not where they should be");
    found
}

fn sources_of(package: &str) -> Vec<PathBuf> {
    let found = files_with(&root().join("crates").join(package).join("src"), "rs");
    assert!(!found.is_empty(), "no sources of {package}");
    found
}

/// The files that a module's tests live in, given the module's own file and the names of its test modules.
fn test_files(of: &Path, modules: &[String]) -> Vec<PathBuf> {
    let stem = of.file_stem().unwrap_or_default();
    let folder = of.parent().unwrap_or(of);
    let inner = ["mod", "lib", "main"].iter().any(|name| stem == *name);
    let folder = if inner { folder.to_path_buf() } else { folder.join(stem) };
    let mut found = Vec::new();
    for module in modules {
        found.push(folder.join(format!("{module}.rs")));
        found.extend(files(&folder.join(module)));
    }
    found
}

/// The code of a crate without its tests: each file with its lines, tests' lines blank.
fn shipped(package: &str) -> Vec<(PathBuf, String)> {
    let mut left_out = BTreeSet::new();
    let mut found = Vec::new();
    for path in sources_of(package) {
        let code = source::code(&text(&path));
        let (tests, modules) = source::test_items(&source::tokens(&code));
        left_out.extend(test_files(&path, &modules));
        let is_test = |line: usize| tests.iter().any(|lines| lines.contains(&line));
        let lines = code.lines().enumerate().map(|(index, line)| if is_test(index + 1) { "" } else { line });
        found.push((path, lines.collect::<Vec<_>>().join("\n")));
    }
    found.retain(|(path, _)| !left_out.contains(path));
    found
}

#[test]
fn files_are_short() {
    let measured = sources().into_iter().map(|path| (text(&path).lines().count(), path));
    let long = measured.filter(|(lines, _)| *lines > MAX_FILE_LINES);
    let offences: Vec<_> = long
        .map(|(lines, path)| format!("{}: {lines} lines, more than {MAX_FILE_LINES}", name(&path)))
        .collect();
    none(&offences);
}

#[test]
fn functions_are_short() {
    let mut offences = Vec::new();
    for path in sources() {
        let code = source::code(&text(&path));
        for function in source::functions(&source::tokens(&code)) {
            if function.lines > MAX_FUNCTION_LINES {
                let (file, line) = (name(&path), function.line);
                offences.push(format!("{file}:{line}: `{}` has {} lines", function.name, function.lines));
            }
        }
    }
    none(&offences);
}

#[test]
fn nothing_is_left_to_be_done() {
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["todo", "!"], ["unimplemented", "!"]]
        .map(|parts| parts.concat());
    let mut offences = Vec::new();
    for path in files(&root()) {
        let extension = path.extension().unwrap_or_default();
        if !["rs", "py", "js", "html", "toml", ""].iter().any(|kind| extension == *kind) {
            continue;
        }
        for (index, line) in text(&path).lines().enumerate() {
            let is_word = |word: &str| {
                line.match_indices(word).any(|(at, _)| {
                    let part_of_more = |char: char| char.is_alphanumeric() || char == '_';
                    !line[..at].ends_with(part_of_more) && !line[at + word.len()..].starts_with(part_of_more)
                })
            };
            if let Some(word) = words.iter().find(|word| is_word(word)) {
                offences.push(format!("{}:{}: {word}", name(&path), index + 1));
            }
        }
    }
    none(&offences);
}

#[test]
fn the_lifecycle_has_no_wildcard_arm() {
    let mut lifecycle = sources_of("core");
    lifecycle.retain(|path| name(path).starts_with("crates/core/src/lifecycle"));
    let (mut tables, mut offences) = (0, Vec::new());
    for path in lifecycle {
        let code = source::code(&text(&path));
        let tokens = source::tokens(&code);
        tables += source::functions(&tokens).iter().filter(|function| function.name == "step").count();
        let arms = tokens.windows(3).filter(|window| {
            let [wildcard, equals, greater] = [window[0].text, window[1].text, window[2].text];
            wildcard == "_" && (equals == "if" || (equals == "=" && greater == ">"))
        });
        offences.extend(arms.map(|arm| format!("{}:{}: `_ =>`", name(&path), arm[0].line)));
    }
    assert_eq!(tables, 1, "one table: `step`");
    none(&offences);
}

#[test]
fn the_core_is_pure() {
    let runtimes = ["tokio", "mio", "async_std", "smol", "rand", "getrandom", "socket2", "libc"];
    let parts_of_std = ["net", "thread", "env", "fs", "process", "{", "*"];
    let mut offences = Vec::new();
    for (path, code) in shipped("core") {
        let tokens = source::tokens(&code);
        for (index, token) in tokens.iter().enumerate() {
            let behind = |offset: usize| tokens.get(index + offset).map_or("", |token| token.text);
            let from_std = token.text == "std" && behind(1) == ":";
            let clock = behind(3) == "time" && behind(6) != "Duration";
            if runtimes.contains(&token.text) || (from_std && (parts_of_std.contains(&behind(3)) || clock)) {
                offences.push(format!("{}:{}: {} {}", name(&path), token.line, token.text, behind(3)));
            }
        }
    }
    none(&offences);
}

/// The lines of code in each file of a package.
fn counted(package: &str) -> Vec<(usize, String)> {
    let count = |code: &str| code.lines().filter(|line| !line.trim().is_empty()).count();
    shipped(package).iter().map(|(path, code)| (count(code), name(path))).collect()
}

/// The figures are for every run to show; so they go past the capture of output.
fn assert_small(what: &str, counted: &[(usize, String)], most: usize) {
    let total: usize = counted.iter().map(|(lines, _)| lines).sum();
    for (lines, file) in counted {
        eprintln!("{lines:>5} {file}");
    }
    let _ = writeln!(io::stderr(), "{what} has {total} lines of code, of {most}");
    assert!(total > 0 && total <= most, "{total} lines of code in {what}, more than {most}");
}

#[test]
fn the_core_is_small() {
    let mut core = counted("core");
    for (part, most) in BESIDE_CORE {
        let (beside, base) = core.into_iter().partition(|(_, counted)| counted.starts_with(part));
        core = base;
        assert_small(part, &beside, most);
    }
    assert_small("the core", &core, MAX_CORE_LINES);
}

#[test]
fn the_mio_driver_is_small() {
    assert_small("the mio driver", &counted("mio-driver"), MAX_MIO_LINES);
}

/// The dependencies in a manifest's section.
fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = text(manifest);
    let lines = text.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    let section = lines.take_while(|line| !line.starts_with('['));
    let named = section.filter(|line| line.contains('=') && !line.trim_start().starts_with('#'));
    named.map(|line| line.split(['.', '=', ' ']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_core_depends_on_nothing_else() {
    let expected = ["base64", "chacha20", "httparse", "sha1", "simdutf8", "zlib-rs"];
    let found = dependencies(&root().join("crates/core/Cargo.toml"));
    assert_eq!(
        found,
        expected.map(str::to_owned).into(),
        "every dependency of the core has its reason in docs/decisions.md"
    );
}

#[test]
fn every_member_obeys_the_workspace_lints() {
    let members = ["crates/core", "crates/tokio-driver", "crates/mio-driver", "crates/cli", "tests"];
    let lacks =
        |member: &&&str| !text(&root().join(member).join("Cargo.toml")).contains("[lints]\nworkspace = true");
    none(
        &members
            .iter()
            .filter(lacks)
            .map(|member| format!("{member}: no workspace lints"))
            .collect::<Vec<_>>(),
    );
    let workspace = text(&root().join("Cargo.toml"));
    assert!(workspace.contains("unsafe_code = \"forbid\"") && workspace.contains("missing_docs = \"warn\""));
}

/// Tokens that are neither in a `use` nor in a return type.
fn used<'t>(tokens: &'t [Token<'t>]) -> Vec<Token<'t>> {
    let mut found = Vec::new();
    let mut ends: Option<&[&str]> = None;
    for pair in tokens.windows(2) {
        match ends {
            Some(end) if end.contains(&pair[0].text) => ends = None,
            Some(_) => continue,
            None if pair[0].text == "use" => ends = Some(&[";"]),
            None if pair[0].text == "-" && pair[1].text == ">" => ends = Some(&["{", ";", "where"]),
            None => {}
        }
        found.push(pair[0]);
    }
    found
}

#[test]
fn drivers_hand_states_codes_and_frames_on_and_use_none() {
    let rules = ["State", "Phase", "CloseCode", "frame"];
    let mut offences = Vec::new();
    for (path, code) in ["tokio-driver", "mio-driver"].into_iter().flat_map(shipped) {
        let tokens = source::tokens(&code);
        let named = used(&tokens).into_iter().filter(|token| rules.contains(&token.text));
        offences.extend(named.map(|token| format!("{}:{}: {}", name(&path), token.line, token.text)));
    }
    none(&offences);
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    let paths = [["/wo", "rk/"], ["/tm", "p/"], ["/ro", "ot/"], ["/ho", "me/"], ["/Us", "ers/"]];
    let hosts = [
        ["crates", ".io"],
        ["pypi", ".org"],
        ["npmjs", ".org"],
        ["npmjs", ".com"],
        ["pythonhosted", ".org"],
        ["debian", ".org"],
    ];
    let words: Vec<String> = paths.iter().chain(&hosts).map(|parts| parts.concat()).collect();
    let lock_source = ["source = \"registry+https://github.com/rust-lang/crates", ".io-index\""].concat();
    let mut offences = Vec::new();
    for path in files(&root()) {
        for (index, line) in text(&path).lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(*word) && line != lock_source) {
                offences.push(format!("{}:{}: {word}", name(&path), index + 1));
            }
        }
    }
    none(&offences);
}

/// A page's text without code, line by line.
fn prose(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        let without_spans = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        lines.push(if fenced || fence { String::new() } else { without_spans });
    }
    lines
}

/// The anchors of a page's headings, as the hosting sites make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let keeps = |char: &char| char.is_alphanumeric() || "-_ ".contains(*char);
    let headings =
        page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| heading.to_lowercase().chars().filter(keeps).collect::<String>().replace(' ', "-"))
        .collect()
}

/// What is wrong with a link from a page, if something is.
fn broken(page: &Path, link: &str) -> Option<&'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { page.to_path_buf() } else { page.parent()?.join(file) };
    if !target.exists() {
        return Some("leads to nothing");
    }
    let is_page = target.extension().is_some_and(|extension| extension == "md");
    let found = |anchor: &str| anchors(&text(&target)).contains(anchor);
    (is_page && !anchor.is_none_or(found)).then_some("leads to no heading")
}

#[test]
fn links_in_pages_lead_somewhere() {
    let mut offences = Vec::new();
    for page in files_with(&root(), "md") {
        for (index, line) in prose(&text(&page)).iter().enumerate() {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()) {
                let fault = broken(&page, link);
                offences.extend(fault.map(|fault| format!("{}:{}: {link} {fault}", name(&page), index + 1)));
            }
        }
    }
    none(&offences);
}
