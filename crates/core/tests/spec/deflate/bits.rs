//! Windows of 8 to 15 bits (RFC 7692 §7.1.2).

use adieu_core::Role;

use super::kit::{Compressor, Decompressor, agreed, compressing, frame, noise, written};
use crate::common::BOTH;

#[test]
fn what_was_compressed_with_any_window_is_read() {
    let text = noise(700).repeat(60);
    for role in BOTH {
        for bits in 9..=15 {
            let mut peer = Compressor::new(bits);
            let mut w = agreed(role, &compressing(|_| ()), |agreed| {
                (agreed.server_max_window_bits, agreed.client_max_window_bits) =
                    (Some(bits), Some(Some(bits)));
            });
            for _ in 0..3 {
                w.feed(&frame(w.peer, 2, true, peer.message(&text)));
            }
            assert_eq!(w.heard(), ["message [42000]"; 3], "{bits}");
        }
    }
}

/// Repeats at this distance are found by a window that reaches so far.
fn compressed_len(role: Role, bits: u8, distance: usize) -> usize {
    let mut w = agreed(role, &compressing(|_| ()), |agreed| match role {
        Role::Server => agreed.server_max_window_bits = Some(bits),
        Role::Client => agreed.client_max_window_bits = Some(Some(bits)),
    });
    let payload = noise(distance).repeat(3);
    w.send(payload.clone()).expect("an open connection");
    let frames = written(&mut w);
    assert_eq!(Decompressor::new(15).message(&frames[0].payload), payload);
    frames[0].payload.len()
}

#[test]
fn we_refer_no_further_back_than_was_agreed() {
    for role in BOTH {
        for bits in 9..=15_u8 {
            let window = 1 << bits;
            assert!(compressed_len(role, bits, window / 4) < window / 2, "{bits}: it refers back");
            assert!(compressed_len(role, bits, window + 300) > 3 * window, "{bits}: and no further");
        }
    }
}

#[test]
fn our_own_limit_counts_where_it_is_the_lower() {
    let config = compressing(|config| {
        let deflate = config.deflate.as_mut().expect("a configuration");
        (deflate.server_max_window_bits, deflate.client_max_window_bits) = (9, 9);
    });
    for role in BOTH {
        let mut w = agreed(role, &config, |_| ());
        w.send(noise(2000).repeat(3)).expect("an open connection");
        assert!(written(&mut w)[0].payload.len() > 5000);
    }
}

#[test]
fn peers_window_of_8_bits_is_read_and_ours_is_not_written() {
    for role in BOTH {
        let mut w = agreed(role, &compressing(|_| ()), |agreed| {
            (agreed.server_max_window_bits, agreed.client_max_window_bits) = (Some(8), Some(Some(8)));
        });
        w.feed(&frame(w.peer, 2, true, Compressor::new(9).message(&noise(200).repeat(9))));
        assert_eq!(w.heard(), ["message [1800]"]);
        w.queue("as it is");
        assert_eq!(w.said(), ["text as it is"], "no zlib has such a window");
    }
}
