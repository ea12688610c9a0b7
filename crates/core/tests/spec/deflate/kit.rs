//! A peer that compresses, and what the endpoint under test has compressed.

use adieu_core::deflate::{Deflate, Parameters};
use adieu_core::{Config, Role};
use zlib_rs::{DeflateConfig, DeflateFlush, Inflate, InflateFlush, Method, Strategy};

use crate::common::{BOTH, Frame, Peer, World, config};

/// "Hello" of RFC 7692 §7.2.3.1.
pub(crate) const HELLO: [u8; 7] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

/// A configuration that compresses whatever is sent.
pub(crate) fn compressing(change: impl FnOnce(&mut Config)) -> Config {
    config(|config| {
        config.deflate = Some(always());
        change(config);
    })
}

pub(crate) fn always() -> Deflate {
    let mut deflate = Deflate::default();
    deflate.threshold = 0;
    deflate
}

/// OPEN, with an agreement.
pub(crate) fn agreed(role: Role, config: &Config, change: impl FnOnce(&mut Parameters)) -> World {
    let mut w = World::open(role, config);
    let mut agreed = Parameters::default();
    change(&mut agreed);
    w.conn.agree(Some(agreed));
    w
}

/// Both roles, with the plainest agreement.
pub(crate) fn worlds(config: &Config) -> Vec<World> {
    BOTH.map(|role| agreed(role, config, |_| ())).into()
}

/// A data frame with RSV1.
pub(crate) fn frame(peer: Peer, opcode: u8, fin: bool, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let rsv = if opcode == 0 { 0 } else { 4 };
    peer.frame(opcode, payload).fin(fin).rsv(rsv).bytes()
}

/// A peer's compressor.
pub(crate) struct Compressor(zlib_rs::Deflate);

impl Compressor {
    pub(crate) fn new(bits: u8) -> Self {
        let (method, strategy) = (Method::Deflated, Strategy::Default);
        let window_bits = -i32::from(bits);
        Self(zlib_rs::Deflate::new_with_config(DeflateConfig {
            level: 9,
            method,
            window_bits,
            mem_level: 9,
            strategy,
        }))
    }

    /// A message's payload, as it travels.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let before = (self.0.total_in(), self.0.total_out());
        let mut out = vec![0; payload.len() * 2 + 100];
        self.0.compress(payload, &mut out, DeflateFlush::SyncFlush).expect("a compressor");
        assert_eq!(self.0.total_in() - before.0, payload.len() as u64);
        out.truncate((self.0.total_out() - before.1) as usize);
        assert_eq!(out.split_off(out.len() - 4), [0, 0, 0xFF, 0xFF]);
        out
    }
}

/// A message's payload, compressed by itself.
pub(crate) fn compressed(payload: &[u8]) -> Vec<u8> {
    Compressor::new(15).message(payload)
}

/// A peer's decompressor.
pub(crate) struct Decompressor(Inflate);

impl Decompressor {
    pub(crate) fn new(bits: u8) -> Self {
        Self(Inflate::new(false, bits))
    }

    /// What a message's payload was.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let whole = [payload, &[0, 0, 0xFF, 0xFF]].concat();
        let before = (self.0.total_in(), self.0.total_out());
        let mut out = vec![0; 4 << 20];
        self.0.decompress(&whole, &mut out, InflateFlush::NoFlush).expect("what inflates");
        assert_eq!(self.0.total_in() - before.0, whole.len() as u64, "all of it is taken");
        out.truncate((self.0.total_out() - before.1) as usize);
        out
    }
}

/// The frames that are written now.
pub(crate) fn written(w: &mut World) -> Vec<Frame> {
    let before = w.frames().len();
    w.flush();
    w.frames().split_off(before)
}

/// Bytes that do not compress.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}
