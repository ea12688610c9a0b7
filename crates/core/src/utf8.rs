//! UTF-8, validated once, at once or incrementally (RFC 6455 §8.1).

/// Not UTF-8, and nothing that could follow would make it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8;

/// Below this length the dispatch to SIMD costs more than it saves.
#[cfg(feature = "simd")]
const SIMD_FROM: usize = 32;

/// Validates a whole text.
///
/// # Errors
///
/// [`InvalidUtf8`].
#[inline]
pub fn validate(bytes: &[u8]) -> Result<&str, InvalidUtf8> {
    #[cfg(feature = "simd")]
    if bytes.len() >= SIMD_FROM {
        return simdutf8::basic::from_utf8(bytes).map_err(|_| InvalidUtf8);
    }
    str::from_utf8(bytes).map_err(|_| InvalidUtf8)
}

/// What lies between two parts of a text: the beginning of a character, at most 3 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Carry {
    bytes: [u8; 4],
    len: u8,
}

impl Carry {
    /// Validates the next part. Answers with the character that it completed, and the whole characters behind that; what
    /// is left of it is carried.
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] at the first byte that no text can have there.
    pub fn next<'p>(&mut self, mut part: &'p [u8]) -> Result<(Option<char>, &'p str), InvalidUtf8> {
        let mut completed = None;
        while self.len > 0 && completed.is_none() {
            let Some((&byte, rest)) = part.split_first() else { return Ok((None, "")) };
            part = rest;
            self.bytes[usize::from(self.len)] = byte;
            self.len += 1;
            completed = prefix(&self.bytes[..usize::from(self.len)])?;
        }
        self.len = 0;
        let near_end = part.len().saturating_sub(3);
        let last = part[near_end..].iter().rposition(|&byte| byte >= 0xC0);
        let (before, begun) = part.split_at(last.map_or(part.len(), |at| near_end + at));
        if prefix(begun)?.is_none() {
            part = before;
            self.bytes[..begun.len()].copy_from_slice(begun);
            self.len = begun.len() as u8;
        }
        Ok((completed, validate(part)?))
    }

    /// How many bytes of `part` can stand in a text, byte by byte: for a part that is known to be wrong.
    pub fn valid_len(mut self, part: &[u8]) -> usize {
        part.iter().take_while(|byte| self.next(core::slice::from_ref(byte)).is_ok()).count()
    }

    /// No character is unfinished.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The character that `bytes` are, or `None` if they may still become one.
fn prefix(bytes: &[u8]) -> Result<Option<char>, InvalidUtf8> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.chars().next()),
        Err(error) if error.error_len().is_none() => Ok(None),
        Err(_) => Err(InvalidUtf8),
    }
}
