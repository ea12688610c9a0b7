//! What the clients of the conformance suite are configured with, whatever drives them.

use adieu_core::Config;
use adieu_core::deflate::Deflate;

/// Takes whatever the suite sends: 16 MiB at once, and as many frames.
pub fn config() -> Config {
    let mut config = Config::default();
    config.max_message_len = 64 << 20;
    config.max_frame_len = 64 << 20;
    config.max_fragments = 1 << 24;
    config.send_high = 64 << 20;
    let mut deflate = Deflate::default();
    // Without this offer the suite does not choose it, and leaves cases out.
    deflate.client_no_context_takeover = true;
    // An answer that is not compressed is taken for a fault.
    deflate.threshold = 0;
    config.deflate = Some(deflate);
    config
}
