//! The head of an HTTP/1.1 message, found incrementally and in linear time.

use alloc::vec::Vec;

/// What the bytes so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// Everything was taken; more is needed.
    Partial,
    /// The head is complete, up to and including its blank line.
    Complete(Vec<u8>),
    /// The head is longer than the limit.
    TooLong,
    /// A line does not end in CR LF.
    BareLineFeed,
}

/// Gathers a head until its blank line. Each byte is looked at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct HeadReader {
    bytes: Vec<u8>,
}

impl HeadReader {
    /// Takes from `input` what belongs to the head, and leaves the rest.
    pub(crate) fn read(&mut self, input: &mut &mut [u8], max_len: usize) -> Head {
        let mut taken = 0;
        let mut found = Head::Partial;
        for &byte in input.iter() {
            if self.bytes.len() + taken == max_len {
                found = Head::TooLong;
                break;
            }
            taken += 1;
            if byte == b'\n' {
                match self.line_end(&input[..taken]) {
                    LineEnd::Bare => found = Head::BareLineFeed,
                    LineEnd::Blank => found = Head::Complete(Vec::new()),
                    LineEnd::Line => continue,
                }
                break;
            }
        }
        let (head, rest) = core::mem::take(input).split_at_mut(taken);
        *input = rest;
        self.bytes.extend_from_slice(head);
        match found {
            Head::Complete(_) => Head::Complete(core::mem::take(&mut self.bytes)),
            other => other,
        }
    }

    /// What the line feed at the end of `self.bytes` and `fresh` ends.
    fn line_end(&self, fresh: &[u8]) -> LineEnd {
        let mut before = fresh.iter().rev().chain(self.bytes.iter().rev()).skip(1);
        if before.next() != Some(&b'\r') {
            return LineEnd::Bare;
        }
        match before.next() {
            Some(b'\n') => LineEnd::Blank,
            _ => LineEnd::Line,
        }
    }
}

enum LineEnd {
    Bare,
    Line,
    Blank,
}
