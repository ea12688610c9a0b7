//! Rust text as far as the style guide has to understand it: comments, literals, words, functions, tests.

/// A word or a character of punctuation, and the line that it is on (from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'t> {
    /// The word or character.
    pub text: &'t str,
    /// Its line.
    pub line: usize,
}

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of `fn`.
    pub line: usize,
    /// From `fn` to the closing brace, both included.
    pub lines: usize,
}

/// The text with comments blanked, and literals filled with quotation marks; every line stays where it was.
pub fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let (end, fill) = next_piece(&chars, at);
        for &char in &chars[at..end] {
            out.push(match fill {
                Some(fill) if char != '\n' => fill,
                _ => char,
            });
        }
        at = end;
    }
    out
}

/// Where the piece that begins here ends, and what is to stand in its place.
fn next_piece(chars: &[char], at: usize) -> (usize, Option<char>) {
    let behind = |offset: usize| chars.get(at + offset).copied().unwrap_or('\0');
    match chars[at] {
        '/' if behind(1) == '/' => (find(chars, at, '\n'), Some(' ')),
        '/' if behind(1) == '*' => (block_comment_end(chars, at), Some(' ')),
        '"' => (string_end(chars, at + 1), Some('"')),
        '\'' if behind(1) == '\\' => (find(chars, at + 3, '\'') + 1, Some('"')),
        '\'' if behind(2) == '\'' => (at + 3, Some('"')),
        'r' if !(at > 0 && is_word(chars[at - 1]) && !"bc".contains(chars[at - 1])) => {
            raw_string_end(chars, at).map_or((at + 1, None), |end| (end, Some('"')))
        }
        _ => (at + 1, None),
    }
}

fn find(chars: &[char], from: usize, wanted: char) -> usize {
    (from..chars.len()).find(|&at| chars[at] == wanted).unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of a raw string that begins at this `r`, if one does.
fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|&&char| char == '#').count();
    let mut quote = at + 1 + hashes;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    loop {
        quote = find(chars, quote + 1, '"');
        let closing = chars.get(quote + 1..)?.iter().take_while(|&&char| char == '#').count();
        if closing >= hashes {
            return Some(quote + 1 + hashes);
        }
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The words and the punctuation of what [`code`] returned.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let len = match rest.find(|char| !is_word(char)) {
                Some(0) => first.len_utf8(),
                Some(len) => len,
                None => rest.len(),
            };
            if !first.is_whitespace() {
                tokens.push(Token { text: &rest[..len], line: index + 1 });
            }
            rest = &rest[len..];
        }
    }
    tokens
}

/// The index behind the brace that closes the one at `open`.
fn block_end(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// The index of the next `{` or `;` outside of parentheses and brackets.
fn body_or_end(tokens: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "{" | ";" if depth == 0 => return index,
            _ => {}
        }
    }
    tokens.len()
}

/// All functions that have a body.
pub fn functions(tokens: &[Token<'_>]) -> Vec<Function> {
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        if pair[0].text != "fn" || !pair[1].text.starts_with(is_word) {
            continue;
        }
        let open = body_or_end(tokens, index);
        if tokens.get(open).is_some_and(|token| token.text == "{") {
            let last = tokens[block_end(tokens, open) - 1];
            let line = pair[0].line;
            found.push(Function { name: pair[1].text.to_owned(), line, lines: last.line - line + 1 });
        }
    }
    found
}

/// What is compiled for tests only: the lines of items, and the names of modules in files of their own.
pub fn test_items(tokens: &[Token<'_>]) -> (Vec<std::ops::RangeInclusive<usize>>, Vec<String>) {
    let (mut lines, mut modules) = (Vec::new(), Vec::new());
    for (index, window) in tokens.windows(7).enumerate() {
        if window.iter().map(|token| token.text).ne(["#", "[", "cfg", "(", "test", ")", "]"]) {
            continue;
        }
        let open = body_or_end(tokens, index + 7);
        let item = &tokens[index + 7..open];
        let in_a_block = tokens.get(open).is_some_and(|token| token.text == "{");
        let end = if in_a_block { block_end(tokens, open) } else { (open + 1).min(tokens.len()) };
        lines.push(window[0].line..=tokens[end - 1].line);
        if let (false, [.., keyword, name]) = (in_a_block, item)
            && keyword.text == "mod"
        {
            modules.push(name.text.to_owned());
        }
    }
    (lines, modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanked_and_literals_filled() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("/* a /* b\n */ c */d", "         \n        d"),
            (r#"a "b\"c // d" e"#, r#"a """"""""""" e"#),
            (r"'a' '\'' b'c' &'d e", r#"""" """" b""" &'d e"#),
            (r##"r#"a"b"# er 'c"##, r##""""""""" er 'c"##),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn words_and_punctuation_know_their_lines() {
        let code = "fn a_b() {\n  x::y;\n}";
        let found: Vec<_> = tokens(code).iter().map(|token| (token.text, token.line)).collect();
        let expected = [
            ("fn", 1),
            ("a_b", 1),
            ("(", 1),
            (")", 1),
            ("{", 1),
            ("x", 2),
            (":", 2),
            (":", 2),
            ("y", 2),
            (";", 2),
            ("}", 3),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let code = "trait T { fn none(); }\nfn one(x: [u8; 3]) -> u8\nwhere u8: Copy\n{\n  fn two() {}\n  if a { b }\n}\n";
        let found = functions(&tokens(code));
        let measured: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(measured, [("one", 2, 6), ("two", 5, 1)]);
    }

    #[test]
    fn test_items_are_found() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\n#[cfg(test)]\nmod far;\nfn c() {}\n";
        assert_eq!(test_items(&tokens(code)), (vec![2..=5, 6..=7], vec!["far".to_owned()]));
    }
}
