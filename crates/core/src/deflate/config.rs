//! What an endpoint offers, takes and spends.

use crate::Config;

/// The least window that we compress with, in bits: zlib has none of 8.
pub(super) const MIN_BITS: u8 = 9;
/// The largest window.
pub(super) const MAX_BITS: u8 = 15;
/// What zlib takes to inflate, in bytes: a window of 15 bits and its tables.
const INFLATING: usize = 48 << 10;
/// What zlib takes to deflate beside what depends on the configuration, in bytes: the heads of its hash chains.
const HEADS: usize = 136 << 10;
/// What comes out, and what goes in, in pieces.
const ROOMS: usize = 64 << 10;

/// What one endpoint offers or accepts of permessage-deflate, and how it compresses. Both sides' parameters are here, under the names of
/// RFC 7692 §7.1, for a client and a server may share a configuration.
///
/// Every field may be set to any value; what is out of range counts as the nearest that is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Deflate {
    /// The server forgets after each message: a server says so, a client asks for it. Default off.
    pub server_no_context_takeover: bool,
    /// The client forgets after each message: a client says so, a server requires it. Default off.
    pub client_no_context_takeover: bool,
    /// The server's window: 9 to 15 bits. A server uses no more, a client asks for no more. Default 15; 12 saves 115 of the 280 KB
    /// that the compressor takes, and costs a tenth more bytes.
    pub server_max_window_bits: u8,
    /// The client's window: 9 to 15 bits. A client uses no more, a server requires it of clients that can. Default 15.
    pub client_max_window_bits: u8,
    /// How much time is spent: 0 to 9. Default 1: on small messages a thirtieth of the time of 6, for a fifth more bytes.
    pub level: u8,
    /// How much memory the compressor takes beside its window: 1 to 9. Default 5; 8 takes 100 KB more, and gains nothing at level 1.
    pub mem_level: u8,
    /// Messages below this length, in bytes, go as they are. Default 128: what is saved on less does not leave out a packet. The fragments
    /// of a message are compressed whatever their length, for it is not known.
    pub threshold: usize,
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: MAX_BITS,
            client_max_window_bits: MAX_BITS,
            level: 1,
            mem_level: 5,
            threshold: 128,
        }
    }
}

impl Deflate {
    /// The most that compression adds to what a connection holds: both directions' zlib, what waits as it came, and what comes out or
    /// goes in meanwhile.
    pub(crate) const fn max_memory(&self, config: &Config) -> u128 {
        // zlib-rs takes one block for each direction. The one that inflates does not depend on anything; of the other the window
        // counts four times, and what its `mem_level` sets seven.
        let bits = if self.server_max_window_bits > self.client_max_window_bits {
            self.server_max_window_bits
        } else {
            self.client_max_window_bits
        };
        let bits = if bits < MIN_BITS {
            MIN_BITS
        } else if bits > MAX_BITS {
            MAX_BITS
        } else {
            bits
        };
        let mem_level = if self.mem_level < 1 {
            1
        } else if self.mem_level > 9 {
            9
        } else {
            self.mem_level
        };
        let deflating = (4 << bits) + (7 << (mem_level + 6)) + HEADS;
        let waiting = 4 * config.read_len as u128;
        (deflating + INFLATING + ROOMS) as u128 + waiting
    }

    pub(super) fn server_bits(&self) -> u8 {
        self.server_max_window_bits.clamp(MIN_BITS, MAX_BITS)
    }

    pub(super) fn client_bits(&self) -> u8 {
        self.client_max_window_bits.clamp(MIN_BITS, MAX_BITS)
    }
}
