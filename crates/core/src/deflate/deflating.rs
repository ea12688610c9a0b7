//! What goes out compressed.

use alloc::vec::Vec;
use zlib_rs::{Deflate as Zlib, DeflateConfig, DeflateFlush, Method, Strategy};

use super::Deflate;

/// What ends each flush and is left out behind a message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The beginning of the block that the tail would end.
const EMPTY_BLOCK: u8 = 0x00;

/// The most that is made at once, in bytes.
const ROOM: usize = 32 << 10;

/// Our compression; its memory is taken with our first compressed message.
#[derive(Default)]
pub(super) struct Deflating {
    zlib: Option<Zlib>,
}

impl Deflating {
    /// Compresses the next part of a message, whole as far as it goes; `end`: the message ends with it.
    pub(super) fn next(&mut self, config: &Deflate, bits: u8, mut part: &[u8], end: bool) -> Vec<u8> {
        let zlib = self.zlib.get_or_insert_with(|| Zlib::new_with_config(zlib_config(config, bits)));
        let mut out = Vec::new();
        loop {
            let (before, start) = ((zlib.total_in(), zlib.total_out()), out.len());
            out.resize(start + (part.len() / 2 + 64).min(ROOM), 0);
            let status = zlib.compress(part, &mut out[start..], DeflateFlush::SyncFlush);
            part = &part[(zlib.total_in() - before.0) as usize..];
            let made = (zlib.total_out() - before.1) as usize;
            let full = start + made == out.len();
            out.truncate(start + made);
            if status.is_err() || !full {
                break;
            }
        }
        if end {
            let len = out.strip_suffix(&TAIL).map(<[u8]>::len);
            out.truncate(len.unwrap_or(out.len()));
            // Nothing was left to flush: the part before this one has.
            if len.is_none() {
                out.push(EMPTY_BLOCK);
            }
        }
        out
    }

    /// A message is over, and is not remembered.
    pub(super) fn forget(&mut self) {
        self.zlib = None;
    }
}

fn zlib_config(config: &Deflate, bits: u8) -> DeflateConfig {
    DeflateConfig {
        level: i32::from(config.level.min(9)),
        method: Method::Deflated,
        window_bits: -i32::from(bits),
        mem_level: i32::from(config.mem_level.clamp(1, 9)),
        strategy: Strategy::Default,
    }
}
