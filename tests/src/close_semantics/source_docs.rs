//! What the library's own documentation says of a type's variants and fields: read from the source, so that no page repeats it by hand.

use crate::tree::{root, text};

/// A variant or a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    /// In one line, without links.
    pub(super) doc: String,
}

/// The items of the type that `declaration` begins (`pub enum Phase`), in the core's file `path`.
pub(super) fn items(path: &str, declaration: &str) -> Vec<Item> {
    let file = text(&root().join("crates/core/src").join(path));
    let found = read(&file, declaration);
    assert!(!found.is_empty(), "{path} declares no `{declaration}`");
    found
}

fn read(file: &str, declaration: &str) -> Vec<Item> {
    let begin = format!("{declaration} {{");
    let mut lines = file.lines().skip_while(|line| line.trim_start() != begin);
    let Some(first) = lines.next() else { return Vec::new() };
    let indent = first.len() - first.trim_start().len();
    let (mut found, mut doc) = (Vec::new(), String::new());
    for line in lines {
        let depth = line.len() - line.trim_start().len();
        let content = line.trim();
        if depth == indent && content.starts_with('}') {
            break;
        }
        if depth != indent + 4 {
            continue;
        }
        if let Some(part) = content.strip_prefix("///") {
            doc.push_str(part);
        } else if let Some(name) = name(content) {
            found.push(Item { name, doc: plain(std::mem::take(&mut doc).trim()) });
        }
    }
    found
}

/// The name that a line declares, if it does.
fn name(line: &str) -> Option<String> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let name: String = line.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The text with its links to items as words only.
fn plain(doc: &str) -> String {
    let mut out = String::new();
    let mut rest = doc;
    while let Some((before, behind)) = rest.split_once("[`") {
        let Some((word, behind)) = behind.split_once("`]") else { break };
        out.push_str(&format!("{before}`{word}`"));
        let target = behind.strip_prefix('(').and_then(|link| link.split_once(')'));
        rest = target.map_or(behind, |(_, behind)| behind);
    }
    out + rest
}

/// What the item of this name is documented as.
pub(super) fn doc<'i>(items: &'i [Item], name: &str) -> &'i str {
    let found = items.iter().find(|item| item.name == name);
    &found.unwrap_or_else(|| panic!("`{name}` is not documented")).doc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_and_fields_are_read_with_their_docs() {
        let file = "words! {\n    /// No.\n    pub enum Timeout {\n        /// The [`Ping`](crate::Ping) of\n        /// [`Us`].\n        \
                    Pong = \"pong\",\n        /// B.\n        Idle {\n            /// Inner.\n            a: u8,\n        },\n    }\n}\n";
        let item = |name: &str, doc: &str| Item { name: name.to_owned(), doc: doc.to_owned() };
        assert_eq!(read(file, "pub enum Timeout"), [item("Pong", "The `Ping` of `Us`."), item("Idle", "B.")]);
        assert_eq!(read(file, "pub enum Time"), []);
    }
}
