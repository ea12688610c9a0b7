//! What an endpoint offers, takes and spends.

/// The least window that we compress with, in bits: zlib has none of 8.
pub(super) const MIN_BITS: u8 = 9;
/// The largest window.
pub(super) const MAX_BITS: u8 = 15;

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
    /// The server's window: 9 to 15 bits. A server uses no more, a client asks for no more. Default 15; what 12 saves is a quarter
    /// of the compressor's memory.
    pub server_max_window_bits: u8,
    /// The client's window: 9 to 15 bits. A client uses no more, a server requires it of clients that can. Default 15.
    pub client_max_window_bits: u8,
    /// How much time is spent: 0 to 9. Default 1: three times as fast as 6, for a few percent more bytes.
    pub level: u8,
    /// How much memory the compressor takes beside its window: 1 to 9. Default 5; 8 gains about a hundredth.
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
    pub(super) fn server_bits(&self) -> u8 {
        self.server_max_window_bits.clamp(MIN_BITS, MAX_BITS)
    }

    pub(super) fn client_bits(&self) -> u8 {
        self.client_max_window_bits.clamp(MIN_BITS, MAX_BITS)
    }
}
