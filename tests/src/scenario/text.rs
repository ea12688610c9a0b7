//! One line of a scenario, read from the left.

use super::SyntaxError;

/// A line of a scenario, and how far it was read.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'l> {
    rest: &'l str,
    line: usize,
}

impl<'l> Cursor<'l> {
    /// `line` is its number in the file, from 1.
    pub(super) const fn new(text: &'l str, line: usize) -> Self {
        Self { rest: text.trim_ascii(), line }
    }

    /// An error on this line.
    pub(super) fn fail<T>(&self, what: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError { line: self.line, what: what.into() })
    }

    pub(super) const fn line(&self) -> usize {
        self.line
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes everything that is left.
    pub(super) fn take_rest(&mut self) -> &'l str {
        std::mem::take(&mut self.rest)
    }

    /// Takes this text if it is next, and stands as a word or a sign of its own.
    pub(super) fn eat(&mut self, wanted: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        let glued = |c: char| c.is_alphanumeric() || c == '-';
        if wanted.ends_with(glued) && rest.starts_with(glued) {
            return false;
        }
        self.rest = rest.trim_ascii_start();
        true
    }

    /// Takes this text, which must be next.
    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), SyntaxError> {
        if self.eat(wanted) { Ok(()) } else { self.fail(format!("{wanted} expected, not `{}`", self.rest)) }
    }

    /// Takes a word, up to a blank or a comma.
    pub(super) fn word(&mut self) -> Result<&'l str, SyntaxError> {
        let len = self.rest.find([' ', ',']).unwrap_or(self.rest.len());
        if len == 0 {
            return self.fail("a word expected");
        }
        let (word, rest) = self.rest.split_at(len);
        self.rest = rest.trim_ascii_start();
        Ok(word)
    }

    /// Takes a number in decimal digits.
    pub(super) fn number(&mut self) -> Result<u64, SyntaxError> {
        let word = self.word()?;
        word.parse().or_else(|_| self.fail(format!("a number expected, not `{word}`")))
    }

    /// Takes a number if one is next.
    pub(super) fn eat_number(&mut self) -> Result<Option<u64>, SyntaxError> {
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) { self.number().map(Some) } else { Ok(None) }
    }

    /// Takes a time: `5s`, `900ms`.
    pub(super) fn time(&mut self) -> Result<std::time::Duration, SyntaxError> {
        let word = self.word()?;
        parse_time(word).map_or_else(|| self.fail(format!("a time expected, not `{word}`")), Ok)
    }

    /// Takes strings, of which each may be repeated: `"a" * 100 "b"`. Empty if none is next.
    pub(super) fn payload(&mut self) -> Result<Vec<u8>, SyntaxError> {
        let mut payload = Vec::new();
        while self.rest.starts_with('"') {
            let part = self.string()?;
            let times = if self.eat("*") { self.number()? } else { 1 };
            (0..times).for_each(|_| payload.extend_from_slice(&part));
        }
        Ok(payload)
    }

    /// Takes what a header field or a reason is made of.
    pub(super) fn text(&mut self) -> Result<String, SyntaxError> {
        let payload = self.payload()?;
        String::from_utf8(payload).or_else(|_| self.fail("text in UTF-8 expected"))
    }

    fn string(&mut self) -> Result<Vec<u8>, SyntaxError> {
        let mut chars = self.rest[1..].char_indices();
        let mut bytes = Vec::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = self.rest[at + 2..].trim_ascii_start();
                    return Ok(bytes);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => bytes.push(b'\n'),
                    Some('r') => bytes.push(b'\r'),
                    Some(c @ ('"' | '\\')) => bytes.push(c as u8),
                    Some('x') => {
                        let digit = || chars.next().and_then(|(_, c)| c.to_digit(16));
                        let digits: Vec<u32> = std::iter::from_fn(digit).take(2).collect();
                        let &[high, low] = &digits[..] else {
                            return self.fail("two hexadecimal digits expected behind \\x");
                        };
                        bytes.push((high << 4 | low) as u8);
                    }
                    _ => return self.fail("an escape that is not \\n, \\r, \\\", \\\\ or \\xNN"),
                },
                c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        self.fail("a string without its end")
    }

    /// Takes bytes in hexadecimal digits: `88 80 ff`.
    pub(super) fn hex(&mut self) -> Result<Vec<u8>, SyntaxError> {
        let mut bytes = Vec::new();
        while !self.is_empty() && !self.rest.starts_with('+') {
            let word = self.word()?;
            let Some(byte) = u8::from_str_radix(word, 16).ok().filter(|_| word.len() == 2) else {
                return self.fail(format!("a byte as two digits expected, not `{word}`"));
            };
            bytes.push(byte);
        }
        Ok(bytes)
    }

    /// All was read.
    pub(super) fn done(&self) -> Result<(), SyntaxError> {
        if self.is_empty() { Ok(()) } else { self.fail(format!("not understood: `{}`", self.rest)) }
    }
}

/// `5s`, `900ms`.
pub(super) fn parse_time(word: &str) -> Option<std::time::Duration> {
    use std::time::Duration;
    match word.strip_suffix("ms") {
        Some(ms) => ms.parse().ok().map(Duration::from_millis),
        None => word.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
    }
}

/// A payload for people: whole and quoted when short, else its beginning, its length and a sum of its bytes.
pub(super) fn quote(payload: &[u8]) -> String {
    let shown = &payload[..payload.len().min(60)];
    let mut out = String::from("\"");
    for chunk in shown.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => out.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out.push('"');
    if shown.len() < payload.len() {
        // FNV-1a: enough to tell two long payloads apart.
        let sum = payload.iter().fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        out.push_str(&format!("… ({} bytes, sum {sum:016x})", payload.len()));
    }
    out
}
