//! The head of an HTTP/1.1 message: written, and found incrementally and in linear time.

use alloc::vec::Vec;

use super::headers::Headers;

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadFault {
    /// It is longer than the limit, or has more fields.
    TooLarge,
    /// It is not HTTP/1.1, or a line does not end in CR LF.
    Malformed,
}

impl From<httparse::Error> for HeadFault {
    fn from(error: httparse::Error) -> Self {
        if error == httparse::Error::TooManyHeaders { Self::TooLarge } else { Self::Malformed }
    }
}

/// Gathers a head until its blank line. Each byte is looked at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct HeadReader(Vec<u8>);

impl HeadReader {
    /// Takes from `input` what belongs to the head, which is answered when it is complete with its blank line.
    pub(crate) fn read(
        &mut self,
        input: &mut &mut [u8],
        max_len: usize,
    ) -> Result<Option<Vec<u8>>, HeadFault> {
        while let Some((&mut byte, rest)) = core::mem::take(input).split_first_mut() {
            *input = rest;
            if self.0.len() == max_len {
                return Err(HeadFault::TooLarge);
            }
            self.0.push(byte);
            if byte == b'\n' && !self.0.ends_with(b"\r\n") {
                return Err(HeadFault::Malformed);
            }
            if byte == b'\n' && self.0.ends_with(b"\r\n\r\n") {
                return Ok(Some(core::mem::take(&mut self.0)));
            }
        }
        Ok(None)
    }
}

/// A head that is being written.
pub(super) struct Head(Vec<u8>);

impl Head {
    /// With the words of its first line.
    pub(super) fn new(line: &[&str]) -> Self {
        Self([&line.concat(), "\r\n"].concat().into_bytes())
    }

    pub(super) fn field(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0.extend_from_slice(&[name.as_bytes(), b": ", value.as_ref(), b"\r\n"].concat());
    }

    /// The whole head, with these fields as the last ones.
    pub(super) fn end(mut self, headers: &Headers) -> Vec<u8> {
        headers.iter().for_each(|header| self.field(header.name(), header.value()));
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}
