//! What goes out compressed, and what does not.

use adieu_core::{Config, SendRefusal};

use super::kit::{Decompressor, always, compressing, worlds, written};
use crate::common::{Frame, config};

fn from_length(threshold: usize) -> Config {
    config(|config| {
        let mut deflate = always();
        deflate.threshold = threshold;
        config.deflate = Some(deflate);
    })
}

#[test]
fn message_below_the_threshold_goes_as_it_is() {
    for mut w in worlds(&from_length(10)) {
        w.queue("123456789");
        w.queue("1234567890");
        let frames = written(&mut w);
        assert_eq!(frames[0].name(), "text 123456789");
        assert!(frames[1].rsv1);
        assert_eq!(Decompressor::new(15).message(&frames[1].payload), b"1234567890");
    }
}

#[test]
fn message_that_is_sent_uncompressed_is_not_compressed_and_leaves_no_trace_in_the_window() {
    for mut w in worlds(&compressing(|_| ())) {
        let mut peer = Decompressor::new(15);
        w.queue("the first message");
        w.conn.send_uncompressed(w.now, "the secret").expect("an open connection");
        w.queue("the secret");
        w.queue("the secret");
        let frames = written(&mut w);
        assert_eq!(frames[1].name(), "text the secret");
        for (n, text) in [(0, "the first message"), (2, "the secret"), (3, "the secret")] {
            assert!(frames[n].rsv1);
            assert_eq!(peer.message(&frames[n].payload), text.as_bytes());
        }
        assert!(frames[2].payload.len() > frames[3].payload.len());
    }
}

/// What the fragments' payloads are as one message's.
fn joined(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.payload.clone()).collect()
}

#[test]
fn each_fragment_goes_out_at_once_and_all_are_one_message() {
    let parts: [&[&str]; 5] = [&["Hel", "lo"], &["Hello", ""], &["", ""], &["a"; 50], &["", "x", ""]];
    for parts in parts {
        for mut w in worlds(&from_length(1000)) {
            let mut peer = Decompressor::new(15);
            for _ in 0..2 {
                let mut frames = Vec::new();
                for (n, part) in parts.iter().enumerate() {
                    w.fragment(part, n + 1 == parts.len());
                    frames.extend(written(&mut w));
                    assert_eq!(frames.len(), n + 1, "a frame for each");
                    assert_eq!((frames[n].rsv1, frames[n].opcode), (n == 0, u8::from(n == 0)));
                }
                assert_eq!(peer.message(&joined(&frames)), parts.concat().as_bytes());
            }
        }
    }
}

#[test]
fn fragment_can_be_read_before_the_next_is_sent() {
    for mut w in worlds(&compressing(|_| ())) {
        let mut peer = zlib_rs::Inflate::new(false, 15);
        for part in ["first", "second"] {
            w.fragment(part, false);
            let (mut out, before) = ([0; 100], peer.total_out() as usize);
            peer.decompress(&joined(&written(&mut w)), &mut out, zlib_rs::InflateFlush::NoFlush)
                .expect("deflate");
            assert_eq!(&out[..peer.total_out() as usize - before], part.as_bytes());
        }
    }
}

#[test]
fn first_fragment_decides_for_all() {
    for mut w in worlds(&compressing(|_| ())) {
        w.conn.send_fragment_uncompressed(w.now, "a", false).expect("an open connection");
        w.fragment("b", true);
        w.fragment("c", false);
        w.conn.send_fragment_uncompressed(w.now, "d", true).expect("an open connection");
        let frames = written(&mut w);
        assert_eq!(frames[..2].iter().map(Frame::name).collect::<Vec<_>>(), ["text… a", "…end b"]);
        assert!(frames[2].rsv1);
        assert_eq!(Decompressor::new(15).message(&joined(&frames[2..])), b"cd");
    }
}

#[test]
fn refused_message_changes_nothing_in_the_window() {
    for mut w in worlds(&compressing(|config| config.send_high = 1)) {
        let mut peer = Decompressor::new(15);
        w.queue("one message");
        w.refused(SendRefusal::Full);
        let first = written(&mut w);
        w.queue("come back");
        let second = written(&mut w);
        assert_eq!(peer.message(&first[0].payload), b"one message");
        assert_eq!(peer.message(&second[0].payload), b"come back");
    }
}

#[test]
fn empty_messages_are_empty_for_the_peer_too() {
    for mut w in worlds(&compressing(|_| ())) {
        let mut peer = Decompressor::new(15);
        for text in ["", "", "x", "", "x"] {
            w.queue(text);
            let frames = written(&mut w);
            assert!(frames[0].rsv1);
            assert_eq!(peer.message(&frames[0].payload), text.as_bytes());
        }
    }
}

#[test]
fn control_frames_are_never_compressed() {
    for mut w in worlds(&compressing(|_| ())) {
        w.conn.ping(w.now).expect("an open connection");
        w.conn.pong(w.now, b"pong").expect("an open connection");
        w.feed(&w.peer.ping("ping"));
        w.close(1000, "bye");
        assert!(written(&mut w).iter().all(|frame| !frame.rsv1));
    }
}
