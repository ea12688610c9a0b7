//! The head of an HTTP/1.1 message: written, and found incrementally and in linear time.
//!
//! What is wrong with one is told as the status that a server answers it with: 431 if it is too large, 400 else.

use alloc::vec::Vec;
use core::mem::take;

use super::headers::Headers;

/// Gathers a head in `begun` until its blank line, with which it is answered. Each byte is looked at once, and taken from `input`.
pub(super) fn read_head(
    begun: &mut Vec<u8>,
    input: &mut &mut [u8],
    max_len: usize,
) -> Result<Option<Vec<u8>>, u16> {
    while let Some(&mut byte) = input.split_off_first_mut() {
        if begun.len() == max_len {
            return Err(431);
        }
        begun.push(byte);
        if byte == b'\n' && !begun.ends_with(b"\r\n") {
            return Err(400);
        }
        if begun.ends_with(b"\r\n\r\n") {
            return Ok(Some(take(begun)));
        }
    }
    Ok(None)
}

/// The status for a head that cannot be parsed.
// R10.7-03
pub(super) fn fault(error: httparse::Error) -> u16 {
    if error == httparse::Error::TooManyHeaders { 431 } else { 400 }
}

/// A head: its first line, the handshake's own fields without those that are empty, the application's.
// R4.1-19
pub(super) fn write_head(line: &str, own: &[(&str, &str)], headers: &Headers) -> Vec<u8> {
    let mut head = line.as_bytes().to_vec();
    let own = own.iter().filter(|(_, value)| !value.is_empty());
    let own = own.map(|&(name, value)| (name, value.as_bytes()));
    for (name, value) in own.chain(headers.0.iter().map(|field| (&*field.name, &*field.value))) {
        head.extend_from_slice(&[b"\r\n", name.as_bytes(), b": ", value].concat());
    }
    head.extend_from_slice(b"\r\n\r\n");
    head
}
