//! Bytes as frames: compressed messages are shown as they were before.

use adieu_core::Role;
use adieu_sim::wire::{Decoder, Item};

/// The payloads of the frames to a client in these bytes.
fn payloads(bytes: &[u8]) -> Vec<Vec<u8>> {
    let payload = |item| match item {
        Item::Frame(_, payload) => payload,
        other => panic!("{other:?}"),
    };
    Decoder::new(Role::Client, true).push(bytes).into_iter().map(payload).collect()
}

/// "Hello", compressed (RFC 7692 §7.2.3.1).
const HELLO: [u8; 9] = [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

#[test]
fn the_examples_of_rfc_7692_are_inflated() {
    let frames: [&[u8]; 7] = [
        &HELLO,
        // The same again, which refers to it (§7.2.3.2).
        &[0xC1, 0x05, 0xF2, 0x00, 0x11, 0x00, 0x00],
        // Without compression (§7.2.3.3).
        &[0xC1, 0x0B, 0x00, 0x05, 0x00, 0xFA, 0xFF, b'H', b'e', b'l', b'l', b'o', 0x00],
        // In two blocks (§7.2.3.5).
        &[0xC1, 0x0D, 0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
        // With a final block (§7.2.3.4).
        &[0xC1, 0x08, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
        // Nothing at all, and a message that is not compressed.
        &[0xC1, 0x00],
        &[0x81, 0x05, b'H', b'e', b'l', b'l', b'o'],
    ];
    let hello = b"Hello".to_vec();
    let expected = [&hello, &hello, &hello, &hello, &hello, &vec![], &hello];
    assert_eq!(payloads(&frames.concat()).iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_compressed_message_in_fragments_is_inflated_in_parts_around_a_ping() {
    // §7.2.3.1, with a Ping of "f2" between.
    let parts = [0x41, 0x03, 0xF2, 0x48, 0xCD, 0x89, 0x01, 0xF2, 0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00];
    let [first, ping, rest] = payloads(&parts).try_into().expect("three frames");
    assert_eq!((&[first, rest].concat()[..], &ping[..]), (&b"Hello"[..], &[0xF2][..]));
}

#[test]
fn what_does_not_inflate_is_left_as_it_came_with_all_that_is_compressed_behind_it() {
    let plain = [0x81, 0x02, b'h', b'i'];
    let bytes = [&HELLO[..], &[0xC1, 0x01, 0x06], &HELLO, &plain].concat();
    assert_eq!(payloads(&bytes), [&b"Hello"[..], &[0x06], &HELLO[2..], b"hi"]);
}

/// A frame of so many bytes, as blocks that are not compressed.
fn stored(len: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    for block in vec![b'x'; len].chunks(0xFFFF) {
        let len = block.len() as u16;
        payload.extend([&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), block].concat());
    }
    payload.push(0);
    [&[0xC2, 127][..], &(payload.len() as u64).to_be_bytes(), &payload].concat()
}

#[test]
fn a_frame_of_more_than_16_mib_is_left_as_it_came() {
    assert_eq!(payloads(&stored(16 << 20))[0].len(), 16 << 20);
    let over = stored((16 << 20) + 1);
    assert_eq!(payloads(&over)[0], over[10..]);
}
