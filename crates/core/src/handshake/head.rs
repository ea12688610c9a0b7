//! The head of an HTTP/1.1 message, found incrementally and in linear time.

use alloc::vec::Vec;

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadFault {
    /// It is longer than the limit.
    TooLong,
    /// A line does not end in CR LF.
    BareLineFeed,
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
                return Err(HeadFault::TooLong);
            }
            self.0.push(byte);
            if byte == b'\n' && !self.0.ends_with(b"\r\n") {
                return Err(HeadFault::BareLineFeed);
            }
            if byte == b'\n' && self.0.ends_with(b"\r\n\r\n") {
                return Ok(Some(core::mem::take(&mut self.0)));
            }
        }
        Ok(None)
    }
}
